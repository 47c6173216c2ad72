/* engine.h - the engine as the rest of the program sees it: models, tokens, sessions, sampling.
 * The only header of engine/ that others may include.
 *
 * A logit is a pure function of the weights and the token prefix: same bits for any threads,
 * batch, chunking, prefix sharing and instruction set. Models and tokenizers are const after
 * opening and shared between threads; a session belongs to one thread at a time and has its own
 * worker threads.
 */
#ifndef PHIBENCH_ENGINE_ENGINE_H
#define PHIBENCH_ENGINE_ENGINE_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Changes when a bit of any logit changes. Part of every job fingerprint. */
enum { ENGINE_NUMERICS_VERSION = 1 };

/* ---- Instruction sets ---- */
enum isa { ISA_SCALAR, ISA_AVX2, ISA_AVXVNNI, ISA_AVX512, ISA_AVX512VNNI, ISA_NEON, ISA_COUNT };
const char *isa_name(enum isa isa); /* "avx512vnni" */
bool isa_parse(const char *name, enum isa *isa, struct err *err);
bool isa_available(enum isa isa); /* compiled in, and this CPU has it */
enum isa isa_best(void);

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
/* The i-th; NULL past the last. And nanoseconds that a pass of it takes, on all the threads. */
const struct kernel_case *kernel_timing_case(const struct kernel_timing *timing, size_t i);
double kernel_timing_run(struct kernel_timing *timing, size_t i);

/* ---- Models ---- */
struct model;
struct tokenizer;
struct session;

/* done and total in bytes; false interrupts. */
typedef bool engine_progress_fn(void *context, uint64_t done, uint64_t total);

struct model_options {
    enum isa isa;                 /* whose kernels: an available one */
    int n_threads;                /* for repacking */
    engine_progress_fn *progress; /* may be NULL */
    void *progress_context;
};

/* Best ISA, default threads, no progress. */
struct model_options model_default_options(void);
/* As many as physical cores that the process may use, by its affinity and a container's quota. */
int engine_default_threads(void);

/* A GGUF file, "synth:SHAPE:TYPE..." or "quantize:TYPE:" before one of both: repacks its weights.
 * Close with model_close. */
struct model *model_open(const char *path, const struct model_options *options, struct err *err)
    __attribute__((warn_unused_result));
void model_close(struct model *model);

struct model_info {
    const char *path, *name, *architecture; /* general.name or "", "phi3" */
    const char *quantization;   /* the type that most bytes of the layers are of: "q4_0" */
    uint64_t n_params, n_bytes; /* n_bytes: of all tensors as stored */
    int n_layers, n_embd, n_heads, n_kv_heads, head_size, n_ff, n_vocab;
    int context_tokens; /* what the model was made for */
    int sliding_window; /* keys a query sees at most, 0: all */
    bool synthetic;
    enum isa isa;            /* in use */
    uint64_t packed_bytes;   /* memory that the repacked weights take */
    uint64_t macs_per_token; /* multiply-adds in matrices for one token, output matrix included */
    uint64_t read_bytes_per_token; /* weight bytes that one decoded token streams */
};
const struct model_info *model_info(const struct model *model);
const struct tokenizer *model_tokenizer(const struct model *model);
/* SHA-256 that determines every bit of the model (file or recipe); reads the whole file. */
bool model_hash(const char *path, char hex[65], struct err *err);
/* That of "quantize:TYPE:MODEL", for a MODEL whose hash is known. */
bool model_hash_quantized(const char *type, const char *model_hash, char hex[65], struct err *err);

/* ---- What a file says, without loading it (inspect) ---- */
struct model_file;
struct model_file_tensor {
    const char *name, *type;
    size_t n_dimensions, shape[4]; /* GGUF order, fastest first */
    uint64_t n_bytes;
    bool supported;
};
struct model_file *model_file_open(const char *path, struct err *err)
    __attribute__((warn_unused_result));
void model_file_close(struct model_file *file);
/* Fields that loading alone can tell (isa, packed_bytes) are 0. Fails if the architecture is not
 * supported. */
bool model_file_info(const struct model_file *file, struct model_info *info, struct err *err);
/* What a "quantize:" spec does not do as asked, a line each; "" in general. */
const char *model_file_notes(const struct model_file *file);
size_t model_file_count_metadata(const struct model_file *file);
/* Key owned by the file; the value is appended as text, cut at max_chars. */
const char *model_file_metadata(const struct model_file *file, size_t i, size_t max_chars,
                                struct buf *value);
size_t model_file_count_tensors(const struct model_file *file);
void model_file_tensor(const struct model_file *file, size_t i, struct model_file_tensor *tensor);
/* The tokenizer alone: tokenize without loading weights. Free with tokenizer_free. */
struct tokenizer *model_file_tokenizer(const struct model_file *file, struct err *err)
    __attribute__((warn_unused_result));
void tokenizer_free(struct tokenizer *tokenizer);

/* ---- Making files ---- */
/* Names of synthetic shapes, NULL-ended. */
const char *const *engine_synth_shapes(void);
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

/* ---- Tokens ---- */
struct tokens {
    int32_t *ids; /* free with tokens_free */
    size_t n, capacity;
};
void tokens_free(struct tokens *tokens);
bool tokens_append(struct tokens *tokens, const int32_t *ids, size_t n, struct err *err)
    __attribute__((warn_unused_result));

enum bos_policy { BOS_AUTO, BOS_ALWAYS, BOS_NEVER }; /* auto: what the model's file says */
struct encode_options {
    enum bos_policy bos;
    bool parse_special; /* text like "<|user|>" becomes its token; otherwise it is plain text */
    bool continues;     /* the text goes on after other text: no BOS, no SentencePiece prefix */
};

/* Appends the ids of text to *out. Malformed UTF-8 is encoded byte by byte. Thread-safe. */
bool tokenizer_encode(const struct tokenizer *tokenizer, const char *text, size_t n_bytes,
                      const struct encode_options *options, struct tokens *out, struct err *err)
    __attribute__((warn_unused_result));

/* Whether a text (without parsing special tokens) may be encoded line by line, each with its '\n',
 * all but the first with `continues`: the ids are the same. */
bool tokenizer_lines_are_apart(const struct tokenizer *tokenizer);

/* Appends the text of ids; control tokens only if `special`. A leading space that encode added is
 * taken off when the ids start a text (`at_start`). An id outside the vocabulary is ERR_USAGE. */
bool tokenizer_decode(const struct tokenizer *tokenizer, const int32_t *ids, size_t n, bool special,
                      bool at_start, struct buf *out, struct err *err)
    __attribute__((warn_unused_result));

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
int tokenizer_size(const struct tokenizer *tokenizer);
struct token_info tokenizer_token(const struct tokenizer *tokenizer, int32_t id); /* id in range */
int32_t tokenizer_find(const struct tokenizer *tokenizer, const char *piece);     /* -1 if absent */
int32_t tokenizer_bos(const struct tokenizer *tokenizer);                         /* -1 if none */
bool tokenizer_adds_bos(const struct tokenizer *tokenizer); /* what BOS_AUTO does */
/* A token that ends a generation: EOS and the end-of-turn tokens that the vocabulary names. */
bool tokenizer_is_end(const struct tokenizer *tokenizer, int32_t id);
const char *tokenizer_kind(const struct tokenizer *tokenizer); /* "spm" or "bpe:llama-bpe" */
/* Overrides rstrip of one token, by the caller's explicit wish, before the tokenizer is shared. */
bool tokenizer_set_rstrip(struct tokenizer *tokenizer, const char *piece, bool rstrip,
                          struct err *err);

/* ---- Chat formats ---- */
enum chat_role { CHAT_SYSTEM, CHAT_USER, CHAT_ASSISTANT };
struct chat_message {
    enum chat_role role;
    const char *text;
};
/* The built-in format that does what the file's chat template does: "phi3", "phi3-april" (no
 * system role), "phi3-small", "llama2", "llama3", "mistral", "gemma", "chatml"; NULL if it has
 * none or one that no built-in matches. */
const char *tokenizer_chat_format(const struct tokenizer *tokenizer);
/* Appends the prompt for messages in `format`; the text holds special tokens to be parsed, and no
 * BOS: encode adds it. */
bool chat_render(const char *format, const struct chat_message *messages, size_t n,
                 bool add_generation_prompt, struct buf *out, struct err *err)
    __attribute__((warn_unused_result));

/* ---- Sessions ---- */
enum kv_type { KV_F16, KV_F32 };
enum { SESSION_PAGE_TOKENS = 16 };
struct session_options {
    int n_threads;            /* 0: engine_default_threads() */
    size_t batch_tokens;      /* most tokens in one session_eval, 0: 512 */
    size_t context_tokens;    /* longest sequence, 0: the model's */
    uint64_t kv_budget_bytes; /* most memory for KV pages, 0: one full context or 1 GiB, the larger;
                                 less than one full context is ERR_USAGE */
    enum kv_type kv_type;
};

/* The model must outlive the session. Close with session_close. */
struct session *session_open(const struct model *model, const struct session_options *options,
                             struct err *err) __attribute__((warn_unused_result));
void session_close(struct session *session);
const struct model *session_model(const struct session *session);
size_t session_context_tokens(const struct session *session);
size_t session_batch_tokens(const struct session *session);

/* A new sequence: empty, or the first n_tokens (at most its length) of another one, whose pages it
 * shares. Nothing is copied until one of them writes to a partly filled page that another holds.
 * ERR_MEMORY. */
bool session_start(struct session *session, int *sequence, struct err *err)
    __attribute__((warn_unused_result));
bool session_fork(struct session *session, int source, size_t n_tokens, int *sequence,
                  struct err *err) __attribute__((warn_unused_result));
/* Forgets the tokens past n_tokens. */
void session_truncate(struct session *session, int sequence, size_t n_tokens);
void session_drop(struct session *session, int sequence);
size_t session_length(const struct session *session, int sequence);
/* Bytes of KV pages that a sequence of n_tokens takes; UINT64_MAX if they cannot be counted. */
uint64_t session_kv_bytes(const struct model *model, enum kv_type type, size_t n_tokens);

/* KV pages that are free, of SESSION_PAGE_TOKENS tokens each, and how many there are. */
size_t session_free_pages(const struct session *session);
size_t session_total_pages(const struct session *session);

struct session_token {
    int sequence;
    int32_t id;
    bool wants_logits;
};

/* Appends every token to its sequence, in order, and computes. At most batch_tokens; any mix of
 * sequences, prefill and decode together. ERR_CAPACITY (KV full) or ERR_USAGE (context full, bad
 * id) before anything changed. */
bool session_eval(struct session *session, const struct session_token *tokens, size_t n_tokens,
                  struct err *err) __attribute__((warn_unused_result));

/* [n_vocab] of the i-th token with wants_logits in the last eval; valid until the next. */
const float *session_logits(const struct session *session, size_t i);

/* ---- Probabilities and sampling ---- */
/* Natural logarithm of softmax(logits)[id]; double, the project's own exp and log, so the same on
 * every machine. And the same for several ids in one pass. */
double logits_logprob(const float *logits, size_t n_vocab, int32_t id);
void logits_logprobs(const float *logits, size_t n_vocab, const int32_t *ids, size_t n_ids,
                     double *logprobs);
/* Kullback-Leibler divergence of softmax(logits) from softmax(reference), nats; 0 of equal bits. */
double logits_divergence(const float *reference, const float *logits, size_t n_vocab);
/* Highest logit, lowest id among equals. */
int32_t logits_argmax(const float *logits, size_t n_vocab);

/* Applied in this order: logits / temperature; the top_k most likely; of these the fewest whose
 * probability reaches top_p; of these the ones with at least min_p times the probability of the
 * first. Equal logits: lower ids first. A sampler picks among the first n_vocab logits. */
struct sampling {
    double temperature;  /* 0: greedy, the rest is ignored */
    int top_k;           /* 0: all */
    double top_p, min_p; /* 1 and 0: all */
    uint64_t seed;       /* per request */
};
struct sampler;
struct sampler *sampler_new(const struct sampling *sampling, size_t n_vocab, struct err *err)
    __attribute__((warn_unused_result));
void sampler_free(struct sampler *sampler);
/* The i-th call of a sampler draws the i-th number of its seed, whatever else runs. */
int32_t sampler_pick(struct sampler *sampler, const float *logits);

#endif
