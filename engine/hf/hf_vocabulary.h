/* hf_vocabulary.h - a vocabulary on its way from the files of a Hugging Face folder to the keys of
 * GGUF: tokens, kinds, scores and merges, as the ecosystem's converter writes them.
 *
 * The readers of tokenizer.json, tokenizer.model and tiktoken files fill one, hf_tokenizer.c writes
 * it. One thread at a time.
 */
#ifndef PHIBENCH_ENGINE_HF_HF_VOCABULARY_H
#define PHIBENCH_ENGINE_HF_HF_VOCABULARY_H

#include "base/arena.h"
#include "base/json.h"
#include "engine/metadata.h"
#include "engine/tools.h"

/* More are no vocabulary. */
enum { HF_MOST_TOKENS = 1 << 24 };

struct hf_vocabulary {
    struct arena *arena;            /* owns the texts */
    const char *file;               /* for messages */
    const char *model;              /* "llama" or "gpt2" */
    const char *pre;                /* tokenizer.ggml.pre, NULL: no name is known for it */
    const char *steps;              /* TOKENIZER_STEPS_KEY, NULL: none */
    size_t n, n_most;               /* tokens; what config.json allows, 0: not known */
    struct metadata_string *tokens; /* [n]; text NULL: none has this id */
    int32_t *kinds;                 /* [n] enum token_kind */
    float *scores;                  /* [n], of "llama" alone */
    struct metadata_string *merges; /* [n_merges] "LEFT RIGHT" */
    size_t n_merges, merge_capacity;
    int add_bos, add_space_prefix; /* 0 or 1, -1: the file does not say */
    int32_t unknown, bos, eos;     /* as the file itself names them, -1: it does not */
};

/* n_most as above. Free with hf_vocabulary_done. */
bool hf_vocabulary_init(struct hf_vocabulary *vocabulary, const char *file, size_t n_most,
                        struct err *err) __attribute__((warn_unused_result));
void hf_vocabulary_done(struct hf_vocabulary *vocabulary);

/* Makes place for ids below n; ERR_INPUT if that is past n_most, or if so few of the ids are in use
 * that the number is no good: n_used of them. */
bool hf_vocabulary_resize(struct hf_vocabulary *vocabulary, size_t n, size_t n_used,
                          struct err *err) __attribute__((warn_unused_result));
/* Sets a token by a copy of its text; ERR_INPUT if another text has this id, which is below n. */
bool hf_vocabulary_set(struct hf_vocabulary *vocabulary, size_t id, const char *text,
                       size_t n_bytes, enum token_kind kind, struct err *err)
    __attribute__((warn_unused_result));
bool hf_vocabulary_add_merge(struct hf_vocabulary *vocabulary, const char *line, size_t n_bytes,
                             struct err *err) __attribute__((warn_unused_result));
/* The id of a token, -1 if there is none. Looks through all of them. */
int32_t hf_vocabulary_find(const struct hf_vocabulary *vocabulary, const char *text);

/* A token that is matched as a whole: the file's record of it. */
struct hf_added_token {
    const char *content;
    int64_t id;
    bool lstrip, rstrip, single_word, normalized, special;
    bool in_vocab; /* merges may make it, too; not in the file */
};
/* Reads one; `key` is its id as text where the file has it as a key, else NULL. */
bool hf_added_token_read(const struct json *json, const char *key, struct hf_added_token *token,
                         struct err *err) __attribute__((warn_unused_result));
/* Sets it in a vocabulary, user-defined ones with spaces for marks. */
bool hf_vocabulary_set_added(struct hf_vocabulary *vocabulary, const struct hf_added_token *token,
                             struct err *err) __attribute__((warn_unused_result));

/* Names every id up to n_most that has no token, and sets all keys of a vocabulary. */
bool hf_vocabulary_write(struct hf_vocabulary *vocabulary, struct metadata *metadata,
                         struct err *err) __attribute__((warn_unused_result));

/* ---- The readers ---- */

/* The small files of a folder, which say more of a vocabulary; NULL for one that is not there. */
struct hf_small_files {
    const struct json *config; /* tokenizer_config.json */
    const struct json *added;  /* added_tokens.json */
    const struct json *module; /* tokenizer_module.json, of tiktoken files */
};
typedef bool hf_read_fn(struct hf_vocabulary *vocabulary, const struct hf_small_files *files,
                        struct err *err);
/* Each reads vocabulary->file: a tokenizer.json, a SentencePiece model (BPE), a tiktoken file. */
hf_read_fn hf_read_tokenizer_json, hf_read_sentencepiece, hf_read_tiktoken;

#endif
