/* config.h - the configuration of `phibench run`: one YAML file, checked whole before anything is
 * opened.
 *
 * Paths are relative to the current directory, like every path on the command line; ${NAME} and
 * ${NAME:-otherwise} in a path stand for environment variables. Everything lives as long as the
 * configuration and is const after reading.
 */
#ifndef PHIBENCH_HARNESS_CONFIG_CONFIG_H
#define PHIBENCH_HARNESS_CONFIG_CONFIG_H

#include "engine/engine.h"
#include "harness/ask/api.h"
#include "suites/needle.h"
#include "suites/task.h"

/* For messages that come later: a missing tensor type, a data set that does not load. */
struct config_place {
    const char *file;
    int line, column;
};

/* One model in one quantization. */
struct config_variant {
    const char *path;         /* as the engine takes it: a file, a folder, synth:SHAPE:TYPE ... */
    const char *quantization; /* as asked for, in lower case; NULL: whatever the file holds */
    struct config_place place;
};

struct config_model {
    const struct api_options *api;     /* behind a server, and its path is the URL; NULL: weights */
    const char *key_env;               /* the variable with the server's key, NULL: none */
    const char *revision;              /* as the options of `api` have it */
    size_t reasoning_tokens;           /* likewise; and of a model of this machine */
    const char *id, *path, *published; /* published: the name in published numbers, NULL for none */
    const struct config_variant *variants;
    size_t n_variants;
    size_t context_tokens; /* 0: the model's */
    enum bos_policy bos;
    enum kv_type kv_type;
    enum rstrip_policy rstrip;
    enum rope_policy rope;
    int chat; /* of CHAT_FORMATS */
    struct config_place place, published_place;
};

/* What to measure; every combination of a test with a number of threads is a cell, measured
 * `repeat` times. */
struct throughput_options {
    const int64_t *prompt, *generate, *batch, *threads; /* tokens, tokens, sequences, threads */
    size_t n_prompt, n_generate, n_batch, n_threads;
    int repeat;
};

enum { RETRIEVAL_TOP_K = 3, RETRIEVAL_MAX_TOKENS = 512 }; /* unless the configuration says */

/* Open book: what to look answers up in. */
struct retrieval_options {
    const char *index, *build_from; /* the index; the texts to make it of; one may be NULL */
    size_t top_k, max_tokens;       /* passages, tokens of them in a prompt */
};

/* TEXT: items that are chunks of the tokens of a text, different ones for every tokenizer. */
enum config_suite_kind { CONFIG_SUITE_ITEMS, CONFIG_SUITE_TEXT, CONFIG_SUITE_THROUGHPUT };

/* Who judges answers: a server, a model of this machine, or whoever made a file of judgments. */
struct config_judge {
    const struct api_options *api; /* NULL: the model at `path` */
    const char *key_env, *path;
    const char *import;  /* the file; NULL: somebody is asked */
    const char *rule;    /* in place of all these: the suite's own way to judge */
    const char *name;    /* NULL: the model's */
    const char *prompts; /* file of what a judge is asked; NULL: beside the questions */
    int repeat;          /* times that each answer is judged */
    size_t max_new_tokens;
};

struct config_suite {
    enum config_suite_kind kind;
    const struct suite *suite;    /* of items or a text: with options */
    const char *const *model_ids; /* [n_model_ids] of the models that it is for; none: all */
    size_t n_model_ids;
    struct suite_options options;
    size_t chunk_tokens; /* of a text */
    /* Of a text: a quantization of each model, or a file of logits, that the others are compared
     * with; and a file where the logits are kept. NULL: none. */
    const char *reference, *save_reference;
    struct task *task;                  /* where the suite is one; owned */
    const char *task_file;              /* its file, where it is not built in; otherwise NULL */
    struct retrieval_options retrieval; /* of an open book, as options say */
    struct needle_options needles;      /* of a task that makes its records; options have them */
    size_t i_list;                      /* in the file's list, from 0 */
    bool is_implied; /* by an open book; gives way to an equal one that is asked for */
    struct throughput_options throughput;
    const struct config_judge *judge; /* NULL: none */
    /* The model whose answers those of the others are compared with; NULL: none, or options have
     * a file. */
    const char *baseline;
    double
        precision; /* percent points: asking ends when the score is known to +- these; 0: never */
    struct config_place place;
};

struct config {
    const char *file, *name, *db;
    const char *report_out; /* NULL: no report */
    const char *cache;      /* folder of files made here; NULL: the invocation's, and beside `db` */
    bool is_durable;        /* no stored answer is lost to a power cut */
    const char *isa;        /* NULL: the best */
    int n_threads;          /* 0: one per physical core */
    size_t batch_tokens;
    uint64_t kv_budget_bytes; /* 0: the engine's default */
    bool shares_prefixes;     /* false: for measurement; same answers, same bits */
    const struct config_model *models;
    const struct config_suite *suites;
    size_t n_models, n_suites;
    const char *text; /* the file as it is, and the overrides as comments after it */
    char hash[65];    /* of what it means: file and overrides, paths expanded */
    struct arena *arena;
};

/* Reads and checks a file with overrides ("defaults.threads=1"), in order. Errors are
 * ERR_CONFIG, ERR_UNSUPPORTED or ERR_USAGE (an override), with file, line and column. Free with
 * config_free. */
struct config *config_read(const char *path, const char *const *overrides, size_t n_overrides,
                           struct err *err) __attribute__((warn_unused_result));
/* The same of a text that a command has made; `name` stands for the file in messages and in the
 * store. */
struct config *config_read_made(const char *text, const char *name, struct err *err)
    __attribute__((warn_unused_result));
void config_free(struct config *config);

/* Whether the suite's score is a rate in 0..1, which asking may end at a precision of. */
bool config_suite_is_rated(const struct config_suite *suite);
/* Whether the suite is asked of the model: of all, or of those that it names under `models`. */
bool config_suite_is_for(const struct config_suite *suite, const struct config_model *model);

/* The options of a server that a command line names, with settings "KEY=VALUE" of the keys that a
 * configuration's `api` has, in the arena; NULL on failure. */
const struct api_options *config_read_server(struct arena *arena, const char *base_url,
                                             const char *model, const char *const *settings,
                                             size_t n_settings, const char **key_env,
                                             struct err *err);

#endif
