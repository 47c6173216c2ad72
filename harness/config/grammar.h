/* grammar.h - every key that a configuration or a task file may have, as tables: grammar.c shows
 * them all. A new key is a field in config.h, a line there, and its use.
 *
 * Internal to harness/config/.
 */
#ifndef PHIBENCH_HARNESS_CONFIG_GRAMMAR_H
#define PHIBENCH_HARNESS_CONFIG_GRAMMAR_H

#include "harness/config/config.h"
#include "harness/config/keys.h"

/* The maps that have keys of their own, and the struct that each is read into. */
enum config_map_kind {
    MAP_FILE,     /* struct config */
    MAP_DEFAULTS, /* struct config */
    MAP_REPORT,   /* struct config */
    MAP_MODEL,    /* struct config_model */
    MAP_API,      /* struct config_api */
    MAP_MMLU,     /* struct config_suite, like those of all suites */
    MAP_PERPLEXITY,
    MAP_THROUGHPUT,
    MAP_TRIVIAQA,
    MAP_POPE,
    MAP_SCIENCEQA,
    MAP_TEXTVQA,
    MAP_RETRIEVAL, /* struct retrieval_options */
    MAP_MT_BENCH,
    MAP_JUDGE, /* struct config_judge */
    MAP_TASK,
    MAP_BUILT_IN_TASK,
    MAP_TASK_FILE, /* struct task, as records */
    MAP_RECORDS,
    MAP_PROTOCOL, /* struct config_protocol */
    MAP_GENERATE, /* struct task_protocol, as marks */
    MAP_MARKS,
    N_CONFIG_MAPS
};
extern const struct config_table CONFIG_TABLES[N_CONFIG_MAPS];

struct config_api {
    struct api_options options;
    const char *key_env;
    int wait_ms;
};

/* What a task file's protocol says in words that mean several fields of struct task_protocol. */
struct config_protocol {
    int shots;
    enum { EXAMPLES_RANDOM, EXAMPLES_RANDOM_OTHER, EXAMPLES_FIRST, EXAMPLES_FIXED } examples;
    enum { KEEP_END, FEWER_SHOTS } fit;
};

#endif
