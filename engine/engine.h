/* engine.h - the engine as the rest of the program sees it: models, tokens, sessions, sampling.
 * What makes and measures models stands in tools.h.
 */
#ifndef PHIBENCH_ENGINE_ENGINE_H
#define PHIBENCH_ENGINE_ENGINE_H

/* A model is weights: const once it is open, and shared by any number of sessions and threads. Its
 * tokenizer, const too, turns text into tokens, ids of the pieces of its vocabulary, and back.
 *
 * A session is timelines over a model; it belongs to one thread at a time and has workers of its
 * own. A sequence is one timeline: the tokens evaluated so far, each of which left a key and a
 * value in every layer. They are all that the next token reads of the past, and all the memory that
 * a sequence takes: KV pages, of SESSION_PAGE_TOKENS tokens each. A fork is a second timeline with
 * the same past, whose pages both share: ten questions behind the same examples are ten forks of
 * one sequence, and the examples are computed and kept once.
 *
 * session_eval appends tokens to any mixture of sequences. It answers with logits, a number for
 * each piece of the vocabulary, from which probabilities come and samplers pick. A logit is a pure
 * function of the weights and of the tokens up to its own (LongRoPE: and of the factors that its
 * sequence takes): the same bits for any threads, batch, chunking, prefix sharing and instruction
 * set. */

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

/* ---- Models ---- */
struct model;
struct tokenizer;
struct model_seal;
struct session_options;

/* done and total in bytes, or what else the callee counts; false interrupts. */
typedef bool engine_progress_fn(void *context, uint64_t done, uint64_t total);

struct model_options {
    enum isa isa;                 /* whose kernels: an available one */
    int n_threads;                /* for repacking */
    engine_progress_fn *progress; /* may be NULL */
    void *progress_context;
    /* What the file held when it was hashed (tools.h), NULL: whatever it holds. Weights that are
     * not these are ERR_INPUT, when the model is opened or whenever they are read; it outlives the
     * model. */
    const struct model_seal *seal;
    /* What will be opened with the model, NULL: not known. The keys and values of its
     * context_tokens, unless 0, must fit into memory beside the weights. */
    const struct session_options *session;
};

/* Best ISA, default threads, no progress. */
struct model_options model_default_options(void);
/* As many as physical cores that the process may use, by its affinity and a container's quota. */
int engine_default_threads(void);

/* A GGUF file, "synth:SHAPE:TYPE..." or "quantize:TYPE:" before one of both: repacks its weights.
 * ERR_CAPACITY, before weights are read, where they do not fit into the memory that is left. Close
 * with model_close. */
struct model *model_open(const char *path, const struct model_options *options, struct err *err)
    __attribute__((warn_unused_result));
void model_close(struct model *model);

/* What keys and values are stored as. */
enum kv_type { KV_F16, KV_F32, KV_Q8_0, KV_TYPE_COUNT };

struct model_info {
    const char *path, *name, *architecture; /* general.name or "", "phi3" */
    const char *quantization;   /* the type that most bytes of the layers are of: "q4_0" */
    uint64_t n_params, n_bytes; /* n_bytes: of all tensors as stored */
    uint64_t n_active_params;   /* that one token uses: all but a tower's, and those of experts that
                                 * it does not use */
    int n_layers, n_embd, n_heads, n_kv_heads, head_size, n_ff, n_vocab;
    int n_experts, n_experts_used; /* of a layer, and of these by a token; dense: 0 */
    int context_tokens;            /* what the model was made for */
    int sliding_window;            /* keys a query sees at most, 0: all */
    int n_windowed;                /* layers that have the window */
    /* Block-sparse attention: a head sees local_blocks blocks of block_keys keys, and every
     * block_stride-th before these; every dense_period-th layer (0: none) sees all keys. 0 keys:
     * all layers do. */
    int block_keys, local_blocks, block_stride, dense_period;
    size_t kv_token_bytes[KV_TYPE_COUNT]; /* of the keys and values of a position, all layers */
    /* The tower that sees pictures: the side of one that it sees at once, in pixels (0: the model
     * has no eyes), and of its patches, its layers and their width, and the crops of a picture at
     * most where nobody says how many. */
    int vision_side, vision_patch, vision_layers, vision_width, vision_crops;
    int short_tokens; /* LongRoPE: longer sequences are rotated by other factors; 0: it has none */
    bool synthetic;
    enum isa isa;            /* in use */
    uint64_t packed_bytes;   /* memory that the repacked weights take */
    uint64_t macs_per_token; /* multiply-adds in matrices for one token, output matrix included */
    uint64_t read_bytes_per_token; /* weight bytes that one decoded token streams */
};
const struct model_info *model_info(const struct model *model);
const struct tokenizer *model_tokenizer(const struct model *model);

/* ---- Tokens ---- */
struct tokens {
    int32_t *ids; /* free with tokens_free */
    size_t n, capacity;
};
void tokens_free(struct tokens *tokens);
bool tokens_append(struct tokens *tokens, const int32_t *ids, size_t n, struct err *err)
    __attribute__((warn_unused_result));

/* White space after special tokens, where these are parsed: dropped after the tokens that the
 * model's tokenizer.json says, or without one, the published one of its family (file; see
 * vocabulary.c), after all but BOS, EOS and the unknown token (on), after none (off). */
enum rstrip_policy { RSTRIP_FILE, RSTRIP_ON, RSTRIP_OFF };
enum bos_policy { BOS_AUTO, BOS_ALWAYS, BOS_NEVER }; /* auto: what the model's file says */
struct encode_options {
    enum bos_policy bos;
    enum rstrip_policy rstrip;
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

void tokenizer_free(struct tokenizer *tokenizer); /* one that came alone, not a model's */
int tokenizer_size(const struct tokenizer *tokenizer);
int32_t tokenizer_bos(const struct tokenizer *tokenizer);   /* -1 if none */
bool tokenizer_adds_bos(const struct tokenizer *tokenizer); /* what BOS_AUTO does */
/* A token that ends a generation: EOS, what generation_config.json lists, and the end-of-turn
 * tokens that the vocabulary names. */
bool tokenizer_is_end(const struct tokenizer *tokenizer, int32_t id);

/* ---- Chat formats ---- */
enum chat_role { CHAT_SYSTEM, CHAT_USER, CHAT_ASSISTANT };
struct chat_message {
    enum chat_role role;
    const char *text;
};
/* How messages become a prompt: by the template that the model's file brings, or in a format that
 * is built in. NULL-ended; the first is CHAT_FORMAT_FILE. */
extern const char *const CHAT_FORMATS[];
#define CHAT_FORMAT_FILE "file"
/* Appends the prompt for messages: [n], by the file's template (format NULL or "file"; Jinja, as
 * `transformers` renders it) or a built-in format. ERR_UNSUPPORTED where there is no template, or
 * one that cannot be run; a template may refuse messages (ERR_INPUT, with its line). */
bool tokenizer_render_chat(const struct tokenizer *tokenizer, const char *format,
                           const struct chat_message *messages, size_t n,
                           bool add_generation_prompt, struct buf *out, struct err *err)
    __attribute__((warn_unused_result));
/* Appends the ids of a rendered chat: special tokens are parsed, and it begins with one BOS at
 * most, the template's or the policy's; with BOS_NEVER with none. */
bool tokenizer_encode_chat(const struct tokenizer *tokenizer, const char *prompt, size_t n_bytes,
                           const struct encode_options *options, struct tokens *out,
                           struct err *err) __attribute__((warn_unused_result));

/* ---- Sessions ---- */
enum { SESSION_PAGE_TOKENS = 16 };

/* LongRoPE (Ding et al. 2024): a model has two sets of factors that slow its rotation, for
 * sequences up to short_tokens and for longer ones. A sequence is rotated by one of them, all of
 * it: a logit is a function of weights, tokens up to its own, and which of the two. Like
 * transformers, auto takes the long ones where the tokens that a model is handed are more than
 * short_tokens: those of a whole prompt, for the logits of any of its positions, and for a
 * generated token all before it. So a generation that crosses the border is computed anew. The
 * others take one set for every length. Without meaning for a model without such factors. */
enum rope_policy { ROPE_AUTO, ROPE_SHORT, ROPE_LONG };
struct session;
struct session_options {
    int n_threads;         /* 0: engine_default_threads() */
    size_t batch_tokens;   /* most tokens in one session_eval, 0: 512 */
    size_t context_tokens; /* longest sequence, 0: the model's */
    /* For KV pages, at least one full context (session_kv_bytes). 0: that, or 1 GiB; where a window
     * bounds it, up to two. */
    uint64_t kv_budget_bytes;
    enum kv_type kv_type;
    enum rope_policy rope;
};

/* The model must outlive the session. Close with session_close. */
struct session *session_open(const struct model *model, const struct session_options *options,
                             struct err *err) __attribute__((warn_unused_result));
void session_close(struct session *session);
size_t session_context_tokens(const struct session *session);
size_t session_batch_tokens(const struct session *session);

/* A new sequence: empty, or the first n_tokens (at most its length) of another one, whose pages it
 * shares. Nothing is copied until one of them writes to a partly filled page that another holds.
 * ERR_MEMORY. */
bool session_start(struct session *session, int *sequence, struct err *err)
    __attribute__((warn_unused_result));
bool session_fork(struct session *session, int source, size_t n_tokens, int *sequence,
                  struct err *err) __attribute__((warn_unused_result));
/* Where every layer has a sliding window, pages behind it are given back while a sequence grows. It
 * can then be forked (ERR_USAGE) or truncated no shorter than this, or to 0; always to what it was
 * before its last batch. */
size_t session_shortest(const struct session *session, int sequence);
/* Says of an empty sequence how many tokens it will have, for a model with LongRoPE: by that its
 * factors are chosen. A new sequence expects no more than short_tokens; a fork is rotated as its
 * source. */
void session_expect(struct session *session, int sequence, size_t n_tokens);
/* Whether a sequence may grow to n_tokens as it is rotated. If not, session_eval refuses; truncated
 * to 0 and expecting them, it may be computed anew. */
bool session_may_reach(const struct session *session, int sequence, size_t n_tokens);
/* The most tokens of a sequence that is rotated by the short factors; SIZE_MAX: there is no border
 * to cross. */
size_t session_short_tokens(const struct session *session);
/* Forgets the tokens past n_tokens, which is 0 or at least session_shortest. */
void session_truncate(struct session *session, int sequence, size_t n_tokens);
void session_drop(struct session *session, int sequence);
size_t session_length(const struct session *session, int sequence);
/* Bytes of KV pages that a sequence takes at most on its way to n_tokens in batches of at most
 * batch_tokens (0: the default); UINT64_MAX if they cannot be counted. */
uint64_t session_kv_bytes(const struct model *model, enum kv_type type, size_t n_tokens,
                          size_t batch_tokens);
/* Bytes of keys and values that decoding the n-th token of a sequence reads: of each layer those
 * that its window or its blocks leave. */
double session_kv_read_bytes(const struct model *model, enum kv_type type, size_t n);

/* KV pages that are free, and all that there may be. */
size_t session_free_pages(const struct session *session);
size_t session_total_pages(const struct session *session);
/* Those that a sequence holds, alone or with others; and the most that one holds at a time on its
 * way to n_tokens. */
size_t session_held_pages(const struct session *session, int sequence);
size_t session_most_pages(const struct session *session, size_t n_tokens);

struct session_token {
    int sequence;
    int32_t id;
    bool wants_logits;
    /* [n_embd], in place of what the embedding has for the id, such as a part of a picture
     * (vision.h); it lives during the call. NULL: the id's. */
    const float *embedding;
};
/* Appends every token to its sequence, in order, and computes. At most batch_tokens; any mix of
 * sequences, prefill and decode together. ERR_CAPACITY (KV full), ERR_USAGE (context full, bad id,
 * not session_may_reach) or ERR_INPUT where a logit, or a number on its way, is none, or a key
 * leaves the range of the cache: the error names the position, and no token stays in its sequence.
 */
bool session_eval(struct session *session, const struct session_token *tokens, size_t n_tokens,
                  struct err *err) __attribute__((warn_unused_result));
/* [n_vocab] of the i-th token with wants_logits in the last eval; valid until the next. */
const float *session_logits(const struct session *session, size_t i);

/* ---- Probabilities and sampling ---- */
/* Natural logarithm of softmax(logits)[id], of one id or of several in one pass; double, the
 * project's own exp and log, so the same on every machine. */
double logits_logprob(const float *logits, size_t n_vocab, int32_t id);
void logits_logprobs(const float *logits, size_t n_vocab, const int32_t *ids, size_t n_ids,
                     double *logprobs);
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
