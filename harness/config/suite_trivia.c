/* suite_trivia.c - the settings of the suite triviaqa, and of what it may look up.
 *
 * `retrieval` makes two suites of one: closed book, which the open book is compared with, and open
 * book (suites.c).
 */
#include "harness/config/keys.h"
#include "harness/config/parts.h"

#include <string.h>

enum { MAX_SHOTS = 100, MAX_PASSAGES = 100, MAX_TOKENS = 1 << 20 };

struct raw_trivia {
    const char *data, *examples;
    const struct config_node *protocol, *retrieval;
    int64_t shots, limit;
    struct config_texts sources;
};

static const struct config_key KEYS[] = {
    {.name = "data",
     .type = CONFIG_EXISTING,
     .offset = offsetof(struct raw_trivia, data),
     .required = true},
    {.name = "protocol", .type = CONFIG_NODE, .offset = offsetof(struct raw_trivia, protocol)},
    {.name = "shots",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_trivia, shots),
     .low = 0,
     .high = MAX_SHOTS},
    {.name = "examples", .type = CONFIG_EXISTING, .offset = offsetof(struct raw_trivia, examples)},
    {.name = "sources", .type = CONFIG_TEXTS, .offset = offsetof(struct raw_trivia, sources)},
    {.name = "limit",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_trivia, limit),
     .low = 1,
     .high = INT32_MAX},
    {.name = "retrieval", .type = CONFIG_NODE, .offset = offsetof(struct raw_trivia, retrieval)},
};

struct raw_retrieval {
    const char *index, *build_from;
    int64_t top_k, max_tokens;
};

static const struct config_key RETRIEVAL_KEYS[] = {
    {.name = "index", .type = CONFIG_PATH, .offset = offsetof(struct raw_retrieval, index)},
    {.name = "build_from",
     .type = CONFIG_EXISTING,
     .offset = offsetof(struct raw_retrieval, build_from)},
    {.name = "top_k",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_retrieval, top_k),
     .low = 1,
     .high = MAX_PASSAGES},
    {.name = "max_tokens",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_retrieval, max_tokens),
     .low = 1,
     .high = MAX_TOKENS},
};

static bool read_retrieval(struct config *config, const struct config_node *map,
                           struct retrieval_options *options, struct err *err)
{
    struct raw_retrieval raw = {.top_k = RETRIEVAL_TOP_K, .max_tokens = RETRIEVAL_MAX_TOKENS};
    if (!config_read_map(config->arena, map, "retrieval", RETRIEVAL_KEYS,
                         sizeof RETRIEVAL_KEYS / sizeof RETRIEVAL_KEYS[0], &raw, err))
        return false;
    if (!raw.index && !raw.build_from)
        return config_fail(map, err,
                           "retrieval takes the index to search, index: FILE, or the texts to make "
                           "one of, build_from: FILE or FOLDER");
    *options = (struct retrieval_options){raw.index, raw.build_from, (size_t)raw.top_k,
                                          (size_t)raw.max_tokens};
    return true;
}

bool config_read_trivia(struct config *config, const struct config_node *map,
                        struct config_suite *suite, struct err *err)
{
    struct raw_trivia raw = {.shots = -1};
    suite->kind = CONFIG_SUITE_ITEMS;
    suite->suite = suite_find("triviaqa");
    struct suite_options *options = &suite->options;
    if (!config_read_map(config->arena, map, "suite triviaqa", KEYS, sizeof KEYS / sizeof KEYS[0],
                         &raw, err) ||
        !config_read_protocol(config, raw.protocol, suite->suite, &options->protocol, err) ||
        (raw.retrieval && !read_retrieval(config, raw.retrieval, &suite->retrieval, err)))
        return false;
    options->data = raw.data;
    options->examples = raw.examples;
    options->is_open_book = raw.retrieval != NULL;
    options->shots = (int)raw.shots;
    options->limit = (size_t)raw.limit;
    options->subsets = raw.sources.items;
    options->n_subsets = raw.sources.n;
    return true;
}
