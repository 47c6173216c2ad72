/* grammar.c - the whole grammar of configurations and task files: one table for each map, one line
 * for each key with its kind, range and default.
 *
 * Keys that say PART are nodes that the readers of models, suites and tasks find themselves. The
 * order of a table is that in which messages list its keys.
 */
#include "harness/config/grammar.h"

#include "base/mem.h"
#include "harness/ask/policies.h"
#include "suites/judging.h"

/* Limits that several keys share. */
enum {
    MAX_LIMIT = INT32_MAX,
    MAX_SHOTS = 100,
    MAX_TOKENS = 1 << 22,
    MAX_THREADS = 1024,
};

static const char *const FALSE_OR_TRUE[] = {"false", "true", NULL};
static const char *const DURABILITIES[] = {"normal", "full", NULL};

#define KEY(tag, ...) CONFIG_KEY(struct tag, __VA_ARGS__)
#define LIST(tag, ...) CONFIG_LIST_KEY(struct tag, __VA_ARGS__)
#define PART CONFIG_PART_KEY
#define RANGE(least, most) .low = least, .high = most
#define DEFAULT(value) .otherwise = value

/* ---- The file ---- */

static const struct config_key FILE_KEYS[] = {
    KEY(config, name, TEXT), /* without it the file's */
    KEY(config, db, PATH, .otherwise_text = "out/phibench.db"),
    KEY(config, cache, PATH),
    KEY(config, is_durable, CHOICE, .name = "durability", .choices = DURABILITIES),
    PART("defaults"),
    PART("models", .is_required = true),
    PART("suites", .is_required = true),
    PART("report"),
};

static const struct config_key DEFAULTS_KEYS[] = {
    KEY(config, n_threads, INTEGER, .name = "threads", RANGE(0, MAX_THREADS)),
    KEY(config, batch_tokens, INTEGER, RANGE(1, 65536), DEFAULT(512)),
    KEY(config, kv_budget_bytes, BYTES, .name = "kv_budget", RANGE(1 << 20, INT64_C(1) << 44)),
    KEY(config, shares_prefixes, CHOICE, .name = "prefix_sharing", .choices = FALSE_OR_TRUE,
        DEFAULT(true)),
    KEY(config, isa, TEXT),
};

static const struct config_key REPORT_KEYS[] = {
    KEY(config, report_out, PATH, .name = "out", .is_required = true),
};

/* ---- Models ---- */

static const struct config_key MODEL_KEYS[] = {
    KEY(config_model, id, TEXT, .is_required = true),
    PART("path"),
    PART("quantizations"),
    KEY(config_model, published, TEXT),
    PART("api"),
    KEY(config_model, revision, TEXT),
    KEY(config_model, reasoning_tokens, INTEGER, RANGE(0, MAX_TOKENS)),
    KEY(config_model, context_tokens, INTEGER, .name = "context", RANGE(16, MAX_TOKENS)),
    KEY(config_model, bos, CHOICE, .choices = BOS_POLICY_NAMES),
    KEY(config_model, kv_type, CHOICE, .name = "kv", .choices = KV_TYPE_NAMES),
    KEY(config_model, chat, CHOICE, .choices = CHAT_FORMATS),
    KEY(config_model, rstrip, CHOICE, .choices = RSTRIP_POLICY_NAMES),
    KEY(config_model, rope, CHOICE, .choices = ROPE_POLICY_NAMES),
};

static const char *const LOGPROBS[] = {"none", "echo", NULL};
static const char *const ENDPOINTS[] = {"chat", "completions", NULL};
static const char *const TEMPERATURES[] = {"send", "omit", NULL};

static const struct config_key API_KEYS[] = {
    KEY(config_api, options.base_url, PATH, .is_required = true),
    KEY(config_api, options.model, TEXT, .is_required = true),
    KEY(config_api, options.revision, TEXT),
    KEY(config_api, key_env, TEXT),
    KEY(config_api, options.echoes, CHOICE, .name = "logprobs", .choices = LOGPROBS),
    KEY(config_api, options.completes, CHOICE, .name = "endpoint", .choices = ENDPOINTS),
    KEY(config_api, options.names_completion_tokens, CHOICE, .name = "max_completion_tokens",
        .choices = FALSE_OR_TRUE),
    KEY(config_api, options.omits_temperature, CHOICE, .name = "temperature",
        .choices = TEMPERATURES),
    KEY(config_api, options.reasoning_tokens, INTEGER, RANGE(0, MAX_TOKENS)),
    PART("headers"),
    PART("body"),
    KEY(config_api, options.n_concurrent, INTEGER, .name = "concurrency",
        RANGE(1, API_MAX_CONCURRENCY), DEFAULT(API_CONCURRENCY)),
    KEY(config_api, options.timeout_s, INTEGER, .name = "timeout", RANGE(1, 86400),
        DEFAULT(API_TIMEOUT_S)),
    KEY(config_api, options.n_retries, INTEGER, .name = "retries", RANGE(0, 100),
        DEFAULT(API_RETRIES)),
    KEY(config_api, wait_ms, INTEGER, RANGE(1, 600000), DEFAULT(API_WAIT_MS)),
    KEY(config_api, options.price_in, PRICE),
    KEY(config_api, options.price_out, PRICE),
};

/* ---- Suites ---- */

static const char *const SPLITS[] = {"test", "val", "dev", NULL};

/* Of every suite: the ids of the models that it is for. */
#define MODELS_KEY LIST(config_suite, model_ids, n_model_ids, TEXTS, .name = "models")

/* Of every suite whose score is a rate. */
#define PRECISION_KEY KEY(config_suite, precision, POINTS)

/* Of every suite that can be asked in a chat. */
#define CHAT_KEYS                                                                                  \
    KEY(config_suite, options.chat.is_asked, CHOICE, .name = "chat", .choices = FALSE_OR_TRUE),    \
        KEY(config_suite, options.chat.is_multiturn, CHOICE, .name = "fewshot_as_multiturn",       \
            .choices = FALSE_OR_TRUE, DEFAULT(true)),                                              \
        KEY(config_suite, options.chat.system, TEXT, .name = "system")

static const struct config_key MMLU_KEYS[] = {
    MODELS_KEY,
    KEY(config_suite, options.data, EXISTING, .is_required = true),
    PART("protocol"),
    KEY(config_suite, options.shots, INTEGER, RANGE(0, MAX_SHOTS), DEFAULT(-1)),
    LIST(config_suite, options.subsets, options.n_subsets, TEXTS, .name = "subjects"),
    KEY(config_suite, options.split, CHOICE, .choices = SPLITS),
    KEY(config_suite, options.limit, INTEGER, RANGE(1, MAX_LIMIT)),
    PRECISION_KEY,
    CHAT_KEYS,
};

static const struct config_key PERPLEXITY_KEYS[] = {
    MODELS_KEY,
    KEY(config_suite, options.data, EXISTING, .is_required = true),
    KEY(config_suite, chunk_tokens, INTEGER, .name = "context", RANGE(4, MAX_TOKENS), DEFAULT(512)),
    KEY(config_suite, options.limit, INTEGER, RANGE(1, MAX_LIMIT)),
    KEY(config_suite, reference, PATH),
    KEY(config_suite, save_reference, PATH),
};

/* Without `threads` those of the defaults. */
static const struct config_key THROUGHPUT_KEYS[] = {
    MODELS_KEY,
    LIST(config_suite, throughput.prompt, throughput.n_prompt, INTEGERS, RANGE(1, MAX_TOKENS),
         DEFAULT(512)),
    LIST(config_suite, throughput.generate, throughput.n_generate, INTEGERS, RANGE(1, MAX_TOKENS),
         DEFAULT(128)),
    LIST(config_suite, throughput.batch, throughput.n_batch, INTEGERS, RANGE(1, 4096), DEFAULT(1)),
    LIST(config_suite, throughput.threads, throughput.n_threads, INTEGERS, RANGE(1, MAX_THREADS)),
    KEY(config_suite, throughput.repeat, INTEGER, RANGE(1, 10000), DEFAULT(5)),
};

static const struct config_key TRIVIAQA_KEYS[] = {
    MODELS_KEY,
    KEY(config_suite, options.data, EXISTING, .is_required = true),
    PART("protocol"),
    KEY(config_suite, options.shots, INTEGER, RANGE(0, MAX_SHOTS), DEFAULT(-1)),
    KEY(config_suite, options.examples, EXISTING),
    LIST(config_suite, options.subsets, options.n_subsets, TEXTS, .name = "sources"),
    KEY(config_suite, options.limit, INTEGER, RANGE(1, MAX_LIMIT)),
    PRECISION_KEY,
    CHAT_KEYS,
    PART("retrieval"),
};

/* Of suites of questions about pictures, which lie in a folder of their own. */
#define PICTURE_KEYS                                                                               \
    MODELS_KEY, KEY(config_suite, options.data, EXISTING, .is_required = true),                    \
        KEY(config_suite, options.images, EXISTING, .is_required = true), PART("protocol"),        \
        KEY(config_suite, options.num_crops, INTEGER, RANGE(1, MAX_LIMIT)),                        \
        KEY(config_suite, options.limit, INTEGER, RANGE(1, MAX_LIMIT)), PRECISION_KEY

static const struct config_key POPE_KEYS[] = {
    PICTURE_KEYS,
    LIST(config_suite, options.subsets, options.n_subsets, TEXTS, .name = "splits"),
};

/* Here a split is a part of the data set, of which one is asked. */
static const struct config_key SCIENCEQA_KEYS[] = {
    PICTURE_KEYS,
    KEY(config_suite, options.split, TEXT),
    LIST(config_suite, options.subsets, options.n_subsets, TEXTS, .name = "pictures"),
};

static const struct config_key TEXTVQA_KEYS[] = {
    PICTURE_KEYS,
    KEY(config_suite, options.split, TEXT),
};

static const struct config_key RETRIEVAL_KEYS[] = {
    KEY(retrieval_options, index, PATH),
    KEY(retrieval_options, build_from, EXISTING),
    KEY(retrieval_options, top_k, INTEGER, RANGE(1, 100), DEFAULT(RETRIEVAL_TOP_K)),
    KEY(retrieval_options, max_tokens, INTEGER, RANGE(1, 1 << 20), DEFAULT(RETRIEVAL_MAX_TOKENS)),
};

static const struct config_key MT_BENCH_KEYS[] = {
    MODELS_KEY,
    KEY(config_suite, options.data, EXISTING, .is_required = true),
    PART("judge", .is_required = true),
    KEY(config_suite, options.baseline, PATH),
    LIST(config_suite, options.subsets, options.n_subsets, TEXTS, .name = "categories"),
    KEY(config_suite, options.limit, INTEGER, RANGE(1, MAX_LIMIT)),
    KEY(config_suite, options.max_new_tokens, INTEGER, RANGE(1, MAX_TOKENS)),
};

static const struct config_key JUDGE_KEYS[] = {
    KEY(config_judge, rule, TEXT),
    PART("api"),
    KEY(config_judge, path, PATH, .name = "model"),
    KEY(config_judge, import, EXISTING),
    KEY(config_judge, name, TEXT),
    KEY(config_judge, prompts, EXISTING),
    KEY(config_judge, repeat, INTEGER, RANGE(1, 1000), DEFAULT(1)),
    KEY(config_judge, max_new_tokens, INTEGER, RANGE(1, MAX_TOKENS), DEFAULT(JUDGING_MAX_TOKENS)),
};

/* The last is only of a task that is not built in. */
static const struct config_key TASK_KEYS[] = {
    MODELS_KEY,
    KEY(config_suite, options.data, EXISTING),
    KEY(config_suite, options.examples, EXISTING),
    PART("protocol"),
    LIST(config_suite, options.subsets, options.n_subsets, TEXTS),
    KEY(config_suite, options.shots, INTEGER, RANGE(0, TASK_MAX_SHOTS), DEFAULT(-1)),
    KEY(config_suite, options.limit, INTEGER, RANGE(1, MAX_LIMIT)),
    PRECISION_KEY,
    CHAT_KEYS,
    LIST(config_suite, needles.words, needles.n_words, INTEGERS, RANGE(1, 1 << 22)),
    LIST(config_suite, needles.depths, needles.n_depths, INTEGERS, RANGE(0, 100)),
    KEY(config_suite, needles.count, INTEGER, RANGE(1, 10000)),
    KEY(config_suite, needles.seed, INTEGER, RANGE(0, INT64_MAX)),
    KEY(config_suite, task_file, EXISTING, .name = "file", .is_required = true),
};

/* ---- Task files (docs/tasks.md) ---- */

static const struct config_key TASK_FILE_KEYS[] = {
    KEY(task, suite.name, TEXT, .is_required = true),
    KEY(task, suite.version, INTEGER, RANGE(1, 1000000), .is_required = true),
    KEY(task, summary, TEXT, .is_required = true),
    PART("like"),
    PART("records"),
    PART("groups"),
    PART("subsets"),
    PART("layouts", .is_required = true),
    PART("protocols", .is_required = true),
};

static const char *const MAKERS[] = {"", "needle", NULL};

static const struct config_key RECORDS_KEYS[] = {
    KEY(task, is_made, CHOICE, .name = "made", .choices = MAKERS),
    KEY(task, member, TEXT),
    LIST(task, columns, n_columns, TEXTS),
    KEY(task, files, TEXT),
    KEY(task, level, TEXT, .otherwise_text = "subset"),
    PART("texts"),
};

/* In the order of the enums of struct config_protocol. */
static const char *const EXAMPLES[] = {"random", "random-other", "first", "fixed", NULL};
static const char *const FITS[] = {"keep-end", "fewer-shots", NULL};

static const struct config_key PROTOCOL_KEYS[] = {
    KEY(config_protocol, shots, INTEGER, RANGE(0, TASK_MAX_SHOTS)),
    KEY(config_protocol, examples, CHOICE, .choices = EXAMPLES),
    KEY(config_protocol, fit, CHOICE, .choices = FITS),
    PART("description"),
    PART("preamble"),
    PART("marks"),
    PART("prompt", .is_required = true),
    PART("delimiter"),
    PART("separator"),
    PART("choices"),
    PART("stems"),
    PART("continuation"),
    PART("generate"),
    PART("answer"),
    PART("target"),
    PART("metrics", .is_required = true),
};

static const struct config_key GENERATE_KEYS[] = {
    KEY(task_protocol, max_tokens, INTEGER, RANGE(1, 1 << 20), DEFAULT(256)),
    PART("stops"),
};

static const struct config_key MARKS_KEYS[] = {
    KEY(task_protocol, question_mark, TEXT, .name = "question", .is_required = true),
    KEY(task_protocol, answer_mark, TEXT, .name = "answer", .is_required = true),
};

#define TABLE(what, keys)                                                                          \
    {                                                                                              \
        what, keys, COUNT_OF(keys)                                                                 \
    }

const struct config_table CONFIG_TABLES[N_CONFIG_MAPS] = {
    [MAP_FILE] = TABLE("the configuration", FILE_KEYS),
    [MAP_DEFAULTS] = TABLE("defaults", DEFAULTS_KEYS),
    [MAP_REPORT] = TABLE("report", REPORT_KEYS),
    [MAP_MODEL] = TABLE("a model", MODEL_KEYS),
    [MAP_API] = TABLE("api", API_KEYS),
    [MAP_MMLU] = TABLE(NULL, MMLU_KEYS),
    [MAP_PERPLEXITY] = TABLE(NULL, PERPLEXITY_KEYS),
    [MAP_THROUGHPUT] = TABLE(NULL, THROUGHPUT_KEYS),
    [MAP_TRIVIAQA] = TABLE(NULL, TRIVIAQA_KEYS),
    [MAP_POPE] = TABLE(NULL, POPE_KEYS),
    [MAP_SCIENCEQA] = TABLE(NULL, SCIENCEQA_KEYS),
    [MAP_TEXTVQA] = TABLE(NULL, TEXTVQA_KEYS),
    [MAP_RETRIEVAL] = TABLE("retrieval", RETRIEVAL_KEYS),
    [MAP_MT_BENCH] = TABLE(NULL, MT_BENCH_KEYS),
    [MAP_JUDGE] = TABLE("judge", JUDGE_KEYS),
    [MAP_TASK] = TABLE(NULL, TASK_KEYS),
    [MAP_BUILT_IN_TASK] = {NULL, TASK_KEYS, COUNT_OF(TASK_KEYS) - 1},
    [MAP_TASK_FILE] = TABLE("the task", TASK_FILE_KEYS),
    [MAP_RECORDS] = TABLE("records", RECORDS_KEYS),
    [MAP_PROTOCOL] = TABLE("a protocol", PROTOCOL_KEYS),
    [MAP_GENERATE] = TABLE("generate", GENERATE_KEYS),
    [MAP_MARKS] = TABLE("marks", MARKS_KEYS),
};
