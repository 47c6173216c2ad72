/* tools.h - what makes and measures models: limits of the machine, the time of kernels, what a file
 * says without loading it, importance, divergence, writing files.
 *
 * Beside engine.h, which loads and computes, and vision.h, which sees pictures, the only header of
 * engine/ that others may include.
 */
#ifndef PHIBENCH_ENGINE_TOOLS_H
#define PHIBENCH_ENGINE_TOOLS_H

#include "engine/engine.h"

/* ---- What the machine can do at best ---- */
/* Sustained by all the threads together. Multiply-adds: of registers, as matrix products have them;
 * int8 for quantized weights. */
struct machine_limits {
    double read_gb_per_s, int8_gmac_per_s, f32_gmac_per_s;
};
/* limits: [n], one for each of n_threads: [n]. Takes a quarter of a second (n = 2), and for that
 * time 256 MiB, or 32 MiB for each thread. ERR_USAGE for a number that no session takes. */
bool engine_measure_limits(enum isa isa, const int *n_threads, size_t n,
                           struct machine_limits *limits, struct err *err)
    __attribute__((warn_unused_result));

/* Every kernel of an instruction set by itself, on random numbers: matrices larger than the caches
 * for few tokens, everything else in the caches. */
struct kernel_timing;
struct kernel_case {
    const char *kernel, *type; /* "gemm" by weights of "q4_0"; "attention" over keys of "f16" */
    size_t n_tokens;
    uint64_t n_macs, n_bytes; /* of one pass: multiply-adds, 0: not counted; read and written */
    bool has_limit;           /* n_bytes come from memory, or n_macs are what takes time */
};
/* Close with kernel_timing_close. */
struct kernel_timing *kernel_timing_open(enum isa isa, int n_threads, struct err *err);
void kernel_timing_close(struct kernel_timing *timing);
/* The i-th case; NULL past the last. */
const struct kernel_case *kernel_timing_case(const struct kernel_timing *timing, size_t i);
/* Nanoseconds that a pass of the i-th case takes, on all the threads. */
double kernel_timing_run(struct kernel_timing *timing, size_t i);

/* ---- What a file says, without loading it (inspect) ---- */
struct model_file;
struct model_file_tensor {
    const char *name, *type;
    size_t n_dimensions, shape[4]; /* GGUF order, fastest first */
    uint64_t n_bytes;
    bool supported;
    double widened_bits; /* a weight's in memory, where that is more than in the file: as 8-bit
                          * integers, slower than its size lets expect; otherwise 0 */
};
struct model_file *model_file_open(const char *path, struct err *err)
    __attribute__((warn_unused_result));
/* ERR_INPUT unless its header is the one that was sealed (see below); NULL: whatever it is. */
struct model_file *model_file_open_sealed(const char *path, const struct model_seal *seal,
                                          struct err *err) __attribute__((warn_unused_result));
void model_file_close(struct model_file *file);
/* Fields that loading alone can tell (isa, packed_bytes) are 0. Fails if the architecture is not
 * supported. */
bool model_file_info(const struct model_file *file, struct model_info *info, struct err *err);
/* Whether model_open would take the file, by the same checks, but for what only weights can tell:
 * fails as it does. */
bool model_file_check(const struct model_file *file, struct err *err)
    __attribute__((warn_unused_result));
/* What a "quantize:" spec does not do as asked, a line each; "" in general. */
const char *model_file_notes(const struct model_file *file);
/* More than 1 of a split model; 0 of a synthetic one. */
size_t model_file_count_files(const struct model_file *file);
size_t model_file_count_metadata(const struct model_file *file);
/* Key owned by the file; the value is appended as text, cut at max_chars. */
const char *model_file_metadata(const struct model_file *file, size_t i, size_t max_chars,
                                struct buf *value);
size_t model_file_count_tensors(const struct model_file *file);
void model_file_tensor(const struct model_file *file, size_t i, struct model_file_tensor *tensor);
/* The tokenizer alone: tokenize without loading weights. Free with tokenizer_free. */
struct tokenizer *model_file_tokenizer(const struct model_file *file, struct err *err)
    __attribute__((warn_unused_result));

/* ---- Which weights they are ---- */
/* SHA-256 of what determines every bit of a model: its file, which is read whole, the files of a
 * split one, in order, as if they were one (`cat NAME-*-of-*.gguf | sha256sum`), or its recipe.
 * *seal: what was hashed, for model_options and others who read it again and must not read anything
 * else; NULL: not wanted. A seal of "quantize:TYPE:MODEL" is that of MODEL. Free with
 * model_seal_free. */
bool model_hash(const char *path, char hex[65], struct model_seal **seal, struct err *err)
    __attribute__((warn_unused_result));
/* The same of the file that was opened. */
bool model_file_hash(const struct model_file *file, char hex[65], struct model_seal **seal,
                     struct err *err) __attribute__((warn_unused_result));
void model_seal_free(struct model_seal *seal);
/* The hash that the sealed model is known by. */
const char *model_seal_hash(const struct model_seal *seal);
/* The seal that model_write_sealed left at the end of a file. ERR_INPUT for a file that has none,
 * or is cut. */
struct model_seal *model_seal_read(const char *path, struct err *err)
    __attribute__((warn_unused_result));
/* The hash of "quantize:TYPE:MODEL", for a MODEL whose hash is known. */
bool model_hash_quantized(const char *type, const char *model_hash, char hex[65], struct err *err);

/* ---- Making files ---- */
/* The name of the i-th synthetic shape; NULL past the last one. */
const char *engine_synth_shape(size_t i);
/* How much the columns of each matrix matter, by the inputs that they meet in a text; n_threads 0:
 * the default; progress in tokens. Free with importance_free. */
struct importance;
struct importance *importance_measure(const struct model *model, const char *text, size_t n_bytes,
                                      int n_threads, engine_progress_fn *progress, void *context,
                                      struct err *err) __attribute__((warn_unused_result));
void importance_free(struct importance *importance);

/* Writes what model_open would open as a GGUF file, whole or not at all. importance (NULL: none)
 * weighs the errors of a "quantize:TYPE:MODEL"; n_threads 0: the default. */
bool model_write(const char *path, const char *out, const struct importance *importance,
                 int n_threads, engine_progress_fn *progress, void *context, struct err *err)
    __attribute__((warn_unused_result));

/* The same, from a model that must be as it was sealed (NULL: as it is), into a file that carries a
 * seal of its own: known by this hash. */
bool model_write_sealed(const char *path, const struct model_seal *seal, const char *out,
                        const char *hash, int n_threads, engine_progress_fn *progress,
                        void *context, struct err *err) __attribute__((warn_unused_result));

/* ---- How far one model is from another ---- */
/* Kullback-Leibler divergence of softmax(logits) from softmax(reference), nats; 0 of equal bits. */
double logits_divergence(const float *reference, const float *logits, size_t n_vocab);

/* ---- What a vocabulary holds ---- */
enum token_kind {
    TOKEN_NORMAL = 1,
    TOKEN_UNKNOWN,
    TOKEN_CONTROL,
    TOKEN_USER_DEFINED,
    TOKEN_UNUSED,
    TOKEN_BYTE
};
struct token_info {
    const char *piece; /* as in the vocabulary, zero-ended */
    size_t n_bytes;
    enum token_kind kind;
    bool rstrip; /* white space after it is dropped when special tokens are parsed */
};
struct token_info tokenizer_token(const struct tokenizer *tokenizer, int32_t id); /* id in range */
/* "spm", "spm:merges" where the file's merges give the order, or "bpe:llama-bpe"; "tokenizer.json"
 * behind the colon where that file's steps are done. */
const char *tokenizer_kind(const struct tokenizer *tokenizer);
/* What is doubtful about the vocabulary, and what was done about it, a line each; "" in general. */
const char *tokenizer_notes(const struct tokenizer *tokenizer);
/* Whether white space after this special token is dropped; id in range. */
bool tokenizer_strips(const struct tokenizer *tokenizer, int32_t id, enum rstrip_policy policy);
/* Whether the file brings a chat template. */
bool tokenizer_has_chat_template(const struct tokenizer *tokenizer);

#endif
