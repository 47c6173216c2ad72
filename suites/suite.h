/* suite.h - what a suite is: loads items from data files, builds requests, grades responses. Pure:
 * no engine, no SQL, no clock. Everything is const after loading and thread-safe.
 */
#ifndef PHIBENCH_SUITES_SUITE_H
#define PHIBENCH_SUITES_SUITE_H

#include "base/sha256.h"
#include "suites/request.h"

enum { ITEM_MAX_GROUPS = 4 };

struct item {
    const char *key;    /* unique in the data set, stable: "anatomy/37" (the data file's line) */
    const char *file;   /* path as opened */
    int line;           /* 1-based */
    const char *subset; /* "anatomy" */
    /* Groups it counts in besides the whole: {"subject", "anatomy"}, {"subcategory", "health"} */
    struct item_group {
        const char *level, *name;
    } groups[ITEM_MAX_GROUPS];
    size_t n_groups;
    const char *expected; /* "C" */
    const char *const *fields;
    size_t n_fields;
    const char *const *pictures; /* [n_pictures] paths as opened, in the order of the request */
    size_t n_pictures;
    bool was_own_example; /* lm-evaluation-harness would show it among its own examples */
    /* The item, before this one, whose answer stands in this one's request; NULL: none. */
    const struct item *follows;
};

/* How questions are asked in the model's chat format, as lm-evaluation-harness does with
 * --apply_chat_template. */
struct suite_chat {
    bool is_asked;
    bool is_multiturn;  /* examples are turns of the chat; otherwise they stand in the user's one */
    const char *system; /* stands first in the system message; NULL: nothing */
};

struct needle_options;

struct suite_options {
    const char *data;           /* file or folder */
    const char *protocol;       /* NULL: the suite's default */
    int shots;                  /* -1: the protocol's default */
    size_t limit;               /* items per subset at most, the first ones; 0: all */
    const char *const *subsets; /* [n_subsets] only these; 0: all */
    size_t n_subsets;
    const char *split;     /* "test" (default), "val", "dev"; NULL for a suite without splits */
    size_t max_new_tokens; /* 0: the suite's own, or what its protocol says */
    const char *examples;  /* file of examples; NULL: where the suite expects them */
    bool is_open_book;     /* the data set will be given something to read */
    /* For a task that makes its records: how; data may be NULL then. */
    const struct needle_options *needles;
    struct suite_chat chat;
    const char *judge_prompts; /* what a judge is asked with; NULL: no judge */
    const char *judge;         /* the judge's name; NULL: that in the judgments */
    const char *judgments;     /* a file of judgments, in place of asking; NULL: none */
    bool judges_pairs;         /* answers are compared with those of a baseline, too */
    const char *baseline;      /* a file of the baseline's answers; NULL: the harness has them */
    const char *images;        /* the folder of pictures; NULL: a suite without them */
    int num_crops;             /* parts that a picture is cut into at most; 0: the suite's own */
};

/* What stands before a question of an open book: found by the harness. */
struct reading {
    /* The text for a question, in the arena; "" if nothing was found. */
    bool (*find)(void *context, const char *question, struct arena *arena, const char **text,
                 struct err *err);
    void *context;
};

struct dataset {
    const struct suite *suite;
    const char *protocol; /* its name with the chat, "lm-eval+chat" */
    struct suite_chat chat;
    int shots;
    const struct item *items;
    size_t n_items;
    double chance;       /* what guessing scores by the suite's metric; 0: nothing to guess */
    char data_hash[65];  /* SHA-256 over the data files used, in order, with their names, and over
                            what makes other prompts of the same files */
    struct arena *arena; /* owns everything above */
    const void *state;   /* the suite's own: examples by subset ... */
    const struct reading *reading; /* open book; NULL: closed */
    /* Questions that were among their own examples. */
    struct own_examples {
        size_t n_replaced; /* another example stands there */
        size_t n_missing;  /* there is no other one: they have fewer examples */
        size_t n_fixed;    /* it stands in the protocol's own text, and stays */
    } own_examples;
};

enum { VERDICT_MAX_OTHERS = 4 };

struct verdict {
    bool answered, is_correct, is_tie; /* is_tie: two best choices of equal score */
    double score;                      /* 1 or 0 for accuracy */
    char predicted[256];               /* "B"; "" if not answered; cut where it is longer */
    double margin; /* log-probability of the expected choice minus the best other; or 0 */
    /* Scores of 0..1 by further metrics: {"f1", 0.4}. */
    struct verdict_metric {
        const char *name;
        double score;
    } others[VERDICT_MAX_OTHERS];
    size_t n_others;
};

struct suite {
    const char *name;     /* "mmlu" */
    int version;          /* changes when a prompt or a verdict changes; part of the fingerprint */
    const char *metric;   /* "acc" */
    bool asks_chat;       /* all its requests are conversations */
    const char *decoding; /* "loglikelihood": scored; "greedy", "sampled": written */
    size_t n_whole; /* items of the whole test, which published numbers are of; 0: not known */
    const char *const *protocols; /* NULL-ended, the first is the default */

    /* Data errors are ERR_INPUT with file, line and column; options that cannot be are ERR_CONFIG,
     * protocols that are not there yet ERR_UNSUPPORTED. Free with dataset_free. NULL, and request
     * too, where items are tokens, which the harness makes. */
    struct dataset *(*load)(const struct suite *suite, const struct suite_options *options,
                            struct err *err);
    /* Makes the request for item i in the arena. Where the item follows another one, a prompt is
     * NULL: the other one's answer belongs there. */
    bool (*request)(const struct dataset *dataset, size_t i_item, struct arena *arena,
                    struct request *request, struct err *err);
    /* Grades a response, by the item's key, subset and expected alone, so that stored responses can
     * be graded without the data. protocol: the data set's. Fails only where the system does: a bad
     * answer is a verdict. */
    bool (*grade)(const struct suite *suite, const char *protocol, const struct item *item,
                  const struct response *response, struct verdict *verdict, struct err *err);
};

/* A data set without items in an arena of its own, which refuses to grow past maximum_bytes (0: no
 * limit): what a suite's load begins with. */
struct dataset *dataset_new(const struct suite *suite, size_t maximum_bytes, struct err *err);
void dataset_free(struct dataset *dataset); /* NULL is fine */

/* What follows a protocol's own name where it is asked in a chat: no name may hold it. */
#define PROTOCOL_CHAT "+chat"
/* Sets chat, shots and protocol: the protocol's own name, how the chat is asked, and the ending,
 * "lm-eval+chat-multiturn-open-book". Without examples there is one way to ask. A system text of
 * the user's is named by its hash. */
bool dataset_set_protocol(struct dataset *dataset, const struct suite_chat *chat, int shots,
                          const char *name, const char *ending, struct err *err)
    __attribute__((warn_unused_result));
/* Whether a data set's protocol is the one of that name, however it is asked. */
bool protocol_is(const char *protocol, const char *name);
/* Whether its requests are conversations. */
static inline bool dataset_asks_chat(const struct dataset *dataset)
{
    return dataset->suite->asks_chat || dataset->chat.is_asked;
}

/* Whether any item asks about a picture. */
bool dataset_has_pictures(const struct dataset *dataset);

/* Ends the hash of the data. `leaves_out`: a question was left out of its own examples, so that the
 * prompts are other ones than those that were made of the same files before this was looked at. */
void dataset_finish_hash(struct dataset *dataset, struct sha256 *hash, bool leaves_out);

/* Finds the items of a data set by their keys. */
struct item_index {
    const struct dataset *dataset;
    size_t *by_key; /* [n_items] sorted */
};
/* The data set must outlive the index. End with item_index_done, also after a failure. */
bool item_index_init(struct item_index *index, const struct dataset *dataset, struct err *err)
    __attribute__((warn_unused_result));
void item_index_done(struct item_index *index);
/* The item of that key; n_items if there is none. */
size_t item_index_find(const struct item_index *index, const char *key);

/* Whether the options name the subset, or none, which is all. */
bool suite_wants_subset(const struct suite_options *options, const char *subset);

/* Appends the item's groups as JSON: [["subject","anatomy"],["subcategory","health"],...]. */
void item_write_groups(const struct item *item, struct buf *out);

/* Sets what was predicted; a text that is too long is cut between two characters. */
void verdict_set_predicted(struct verdict *verdict, const char *text, size_t n_bytes);

/* Appends the further metrics as JSON, {"f1":0.4}; nothing if there are none. */
void verdict_write_others(const struct verdict *verdict, struct buf *out);

/* The suite of that name, NULL if there is none. */
const struct suite *suite_find(const char *name);

/* The version of the throughput measurement, which the harness makes: it is no suite of items. */
enum { THROUGHPUT_VERSION = 2 };

#endif
