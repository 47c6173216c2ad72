/* faults.c - see faults.h: the rules.
 *
 * Their order is that of mending: parents before what refers to them, rows before what counts them.
 * A rule's `find` gives a row's id and what is wrong with it, its `mend` is a statement for all
 * such rows at once, with foreign keys enforced, so that what belongs to a removed row goes with
 * it.
 */
#include "results/faults.h"

#include "base/mem.h"
#include "results/metric.h"
#include "results/store_internal.h"

#include <string.h>

struct rule {
    const char *table, *find;
    const char *mend, *words; /* NULL: nothing can be done */
    bool is_cheap;            /* reads small tables and indexes alone */
};

/* Rows of `child` whose `column` is the id of no row of `parent`. */
#define IS_ORPHAN(column, parent)                                                                  \
    column " IS NOT NULL AND " column " NOT IN (SELECT id FROM " parent ")"
#define FIND_ORPHANS(child, column, parent)                                                        \
    "SELECT id, 'its " parent ", ' || " column " || ', is missing' FROM " child                    \
    " WHERE " IS_ORPHAN(column, parent) " ORDER BY 1"
#define ORPHANS(child, column, parent, mending, words)                                             \
    {                                                                                              \
        child, FIND_ORPHANS(child, column, parent), mending, words, true                           \
    }
#define REMOVE_ORPHANS(child, column, parent, words)                                               \
    ORPHANS(child, column, parent, "DELETE FROM " child " WHERE " IS_ORPHAN(column, parent), words)
/* The same of a table whose rows have no id, or that of their parent. */
#define REMOVE_RIDERS(child, column, parent)                                                       \
    {                                                                                              \
        child,                                                                                     \
            "SELECT " column ", 'its " parent ", ' || " column " || ', is missing' FROM " child    \
            " WHERE " IS_ORPHAN(column, parent),                                                   \
            "DELETE FROM " child " WHERE " IS_ORPHAN(column, parent), "the row is removed", true   \
    }

#define REMOVE_JOB "the job and its answers are removed"
#define REMOVE_ANSWER "the answer is removed, and the next run asks again"
#define ASK_AGAIN "the job counts as unfinished, and the same run goes on with it"
#define JOBS_THAT(condition)                                                                       \
    "DELETE FROM score WHERE job IN (SELECT id FROM job WHERE is_finished AND " condition "); "    \
    "UPDATE job SET is_finished = 0, logits_hash = NULL WHERE is_finished AND " condition
#define IS_MISJUDGED                                                                               \
    "response IN (SELECT response.id FROM response JOIN job ON job.id = response.job "             \
    "JOIN judge_call ON judge_call.response = response.id "                                        \
    "WHERE job.is_finished AND prompt_name NOT GLOB 'pair-*') AND abs(score - " MEAN_POINTS        \
    ") > 1e-9"
#define MEAN_POINTS                                                                                \
    "(SELECT coalesce(avg(score), 0) FROM judge_call WHERE judge_call.response = "                 \
    "verdict.response AND prompt_name NOT GLOB 'pair-*')"

#define N_ANSWERS "(SELECT count(*) FROM response WHERE response.job = job.id)"
#define N_WANTED "coalesce(precision_items, n_items)"
#define LACKS_ANSWERS "kind IN ('questions', 'text') AND " N_WANTED " <> " N_ANSWERS
/* A turn without points counts in no mean. */
#define HAS_SCORABLE                                                                               \
    "EXISTS (SELECT 1 FROM response JOIN verdict ON verdict.response = response.id "               \
    "WHERE response.job = job.id AND (job.metric <> 'points' OR verdict.score > 0))"
#define LACKS_SCORE                                                                                \
    "kind IN ('questions', 'text') AND NOT EXISTS (SELECT 1 FROM score WHERE score.job = job.id "  \
    "AND depth = 0 AND score.metric = job.metric) AND " HAS_SCORABLE
#define LACKS_SPEEDS                                                                               \
    "kind IN ('throughput', 'kernels') AND NOT EXISTS (SELECT 1 FROM speed_sample "                \
    "WHERE speed_sample.job = job.id)"

#define IS_NO_HASH(column) "(length(" column ") <> 64 OR " column " GLOB '*[^0-9a-f]*')"
#define IS_ENDLESS(column) "abs(" column ") >= 9e999"
#define IN_RANGE(score, metric)                                                                    \
    score " BETWEEN metric_low(" metric ") - 1e-9 AND metric_high(" metric ") + 1e-9"
#define IS_NO_SCORE                                                                                \
    "NOT coalesce(" IN_RANGE(                                                                      \
        "score",                                                                                   \
        "metric") " AND low <= high AND abs(low) < 9e999 "                                         \
                  "AND abs(high) < 9e999 AND coalesce(error, 0) BETWEEN 0 AND 1e308 AND n > 0, 0)"
/* 0 points: a missing judgment. */
#define IS_NO_VERDICT                                                                              \
    "NOT coalesce((verdict.score = 0 AND job.metric = 'points') "                                  \
    "OR (abs(verdict.score) < 9e999 AND " IN_RANGE("verdict.score", "job.metric") "), 0)"

/* A prompt is stored as what it adds to one that is stored whole and is long enough. */
#define BASE_OF "(SELECT base.id FROM prompt AS base WHERE base.id = prompt.base "
#define HAS_NO_BASE                                                                                \
    "base IS NOT NULL AND (n_shared_characters < 0 OR " BASE_OF                                    \
    "AND base.base IS NULL AND length(base.rest) >= prompt.n_shared_characters) IS NULL)"
#define FORGET_PROMPTS                                                                             \
    "UPDATE response SET prompt = NULL WHERE prompt IN (SELECT id FROM prompt WHERE " HAS_NO_BASE  \
    "); DELETE FROM prompt WHERE " HAS_NO_BASE
#define PROMPT_UNKNOWN "the prompt of its answers counts as not known"

/* clang-format off */
static const struct rule RULES[] = {
    /* What a run was made with */
    ORPHANS("run", "build", "build",
            "INSERT INTO build (id, version, git_revision, git_dirty, numerics_version) "
            "SELECT DISTINCT build, 'unknown', 'unknown', 0, 0 FROM run WHERE "
            IS_ORPHAN("build", "build"), "a build that is not known takes its place"),
    ORPHANS("run", "machine", "machine",
            "INSERT INTO machine (id) SELECT DISTINCT machine FROM run WHERE "
            IS_ORPHAN("machine", "machine"), "a machine that is not known takes its place"),

    /* References */
    REMOVE_ORPHANS("job", "run", "run", REMOVE_JOB),
    REMOVE_ORPHANS("job", "model", "model", REMOVE_JOB),
    REMOVE_ORPHANS("job", "dataset", "dataset", REMOVE_JOB),
    REMOVE_ORPHANS("response", "job", "job", "the answer is removed"),
    REMOVE_ORPHANS("response", "item", "item", REMOVE_ANSWER),
    {"response",
     "SELECT response.id, 'its item, ' || item || ', is of another data set than its job' "
     "FROM response JOIN job ON job.id = response.job JOIN item ON item.id = response.item "
     "WHERE item.dataset IS NOT job.dataset",
     "DELETE FROM response WHERE id IN (SELECT response.id FROM response JOIN job "
     "ON job.id = response.job JOIN item ON item.id = response.item "
     "WHERE item.dataset IS NOT job.dataset)", REMOVE_ANSWER, false},
    REMOVE_ORPHANS("item", "dataset", "dataset", "the item is removed"),
    REMOVE_RIDERS("item_picture", "item", "item"),
    REMOVE_RIDERS("item_picture", "picture", "picture"),
    REMOVE_RIDERS("verdict", "response", "response"),
    REMOVE_RIDERS("score", "job", "job"),
    REMOVE_RIDERS("note", "job", "job"),
    REMOVE_ORPHANS("judge_call", "response", "response", "the judgment is removed"),
    REMOVE_ORPHANS("speed_sample", "job", "job", "the measurement is removed"),
    {"response", FIND_ORPHANS("response", "prompt", "prompt"),
     "UPDATE response SET prompt = NULL WHERE " IS_ORPHAN("prompt", "prompt"),
     "its prompt counts as not known", false},
    {"prompt",
     "SELECT id, 'its base, ' || base || ', is missing, has a base itself or is shorter than ' || "
     "n_shared_characters || ' characters' FROM prompt WHERE " HAS_NO_BASE,
     FORGET_PROMPTS, PROMPT_UNKNOWN, false},
    {"response", "SELECT id, 'its verdict is missing' FROM response WHERE id NOT IN "
     "(SELECT response FROM verdict)",
     "DELETE FROM response WHERE id NOT IN (SELECT response FROM verdict)", REMOVE_ANSWER, true},

    /* Numbers */
    {"verdict",
     "SELECT response.id, 'its score, ' || verdict.score || ', is none by ' || job.metric "
     "FROM response JOIN job ON job.id = response.job JOIN verdict "
     "ON verdict.response = response.id WHERE " IS_NO_VERDICT,
     "DELETE FROM response WHERE id IN (SELECT response.id FROM response JOIN job "
     "ON job.id = response.job JOIN verdict ON verdict.response = response.id WHERE "
     IS_NO_VERDICT ")", REMOVE_ANSWER, true},
    {"verdict",
     "SELECT response, 'its further scores are no numbers' FROM verdict WHERE EXISTS (SELECT 1 "
     "FROM json_each(verdict.others) WHERE type NOT IN ('integer', 'real') OR abs(value) >= 9e999)",
     "DELETE FROM response WHERE id IN (SELECT response FROM verdict WHERE EXISTS (SELECT 1 "
     "FROM json_each(verdict.others) WHERE type NOT IN ('integer', 'real') "
     "OR abs(value) >= 9e999))", REMOVE_ANSWER, false},
    {"verdict",
     "SELECT response, 'its points, ' || score || ', are not the mean of its judgments' "
     "FROM verdict WHERE " IS_MISJUDGED,
     "UPDATE verdict SET score = " MEAN_POINTS ", is_correct = " MEAN_POINTS " = 10 WHERE "
     IS_MISJUDGED, "the mean is computed again", false},
    {"job",
     "SELECT job, 'its score ' || metric || ' of ' || coalesce(nullif(name, ''), 'the whole') || "
     "', ' || coalesce(score, 'NULL') || ' (' || coalesce(low, 'NULL') || ' to ' || "
     "coalesce(high, 'NULL') || '), is none' FROM score WHERE " IS_NO_SCORE,
     "DELETE FROM score WHERE " IS_NO_SCORE, "scores are computed from verdicts again", true},
    {"speed_sample",
     "SELECT id, 'a measurement is negative or has no end' FROM speed_sample WHERE duration_ns < 0 "
     "OR prompt_tokens < 0 OR generated_tokens < 0 OR tokens_per_s < 0 OR gb_per_s < 0 OR "
     IS_ENDLESS("tokens_per_s") " OR " IS_ENDLESS("gb_per_s") " OR " IS_ENDLESS("gmac_per_s") " OR "
     IS_ENDLESS("percent_of_limit"),
     "DELETE FROM speed_sample WHERE duration_ns < 0 OR prompt_tokens < 0 OR generated_tokens < 0 "
     "OR tokens_per_s < 0 OR gb_per_s < 0 OR " IS_ENDLESS("tokens_per_s") " OR "
     IS_ENDLESS("gb_per_s") " OR " IS_ENDLESS("gmac_per_s") " OR " IS_ENDLESS("percent_of_limit"),
     "the measurement is removed", true},
    {"response", "SELECT id, 'a number of tokens or a time is negative' FROM response WHERE "
     "n_prompt_tokens < 0 OR n_new_tokens < 0 OR duration_ns < 0 OR naive_tokens < 0",
     NULL, NULL, false},
    {"job", "SELECT id, 'a number of items, examples or tokens is negative' FROM job WHERE "
     "n_items < 0 OR shots < 0 OR context_tokens < 0 OR naive_tokens < 0 OR computed_tokens < 0 "
     "OR whole_items < 0 OR NOT coalesce(chance, 0) BETWEEN 0 AND 1", NULL, NULL, true},
    {"job", "SELECT id, 'it ended early, after ' || precision_items || ' of ' || n_items || "
     "' items, and was asked to be as precise as ' || coalesce(precision, 'NULL') FROM job "
     "WHERE precision_items IS NOT NULL AND NOT coalesce(precision > 0 AND precision_items "
     "BETWEEN 1 AND n_items, 0)",
     "UPDATE job SET is_finished = 0, logits_hash = NULL, precision_items = NULL WHERE "
     "precision_items IS NOT NULL AND NOT coalesce(precision > 0 AND precision_items "
     "BETWEEN 1 AND n_items, 0)", ASK_AGAIN, true},
    {"model", "SELECT id, 'a number of parameters, bytes or tokens is negative' FROM model "
     "WHERE n_params < 0 OR n_bytes < 0 OR context_tokens < 0", NULL, NULL, true},
    {"dataset", "SELECT id, 'the number of items is negative' FROM dataset WHERE n_items < 0",
     NULL, NULL, true},

    /* Texts that have a form */
    {"job", "SELECT id, 'its fingerprint is no SHA-256' FROM job WHERE "
     IS_NO_HASH("fingerprint"), NULL, NULL, false},
    {"job", "SELECT id, 'its logits hash is no SHA-256' FROM job WHERE "
     IS_NO_HASH("logits_hash"),
     "UPDATE job SET is_finished = 0, logits_hash = NULL WHERE " IS_NO_HASH("logits_hash"),
     ASK_AGAIN, false},
    {"run", "SELECT id, 'its configuration''s hash is no SHA-256' FROM run WHERE "
     IS_NO_HASH("config_hash"), NULL, NULL, false},
    {"response", "SELECT id, 'its logits hash is no SHA-256' FROM response WHERE "
     "logits_hash <> '' AND " IS_NO_HASH("logits_hash"),
     "DELETE FROM response WHERE logits_hash <> '' AND " IS_NO_HASH("logits_hash"),
     REMOVE_ANSWER, false},
    {"response", "SELECT id, 'the hash of its tokens is no SHA-256' FROM response WHERE "
     IS_NO_HASH("tokens_hash"),
     "UPDATE response SET tokens_hash = NULL WHERE " IS_NO_HASH("tokens_hash"),
     "its tokens count as not known", false},
    {"picture", "SELECT id, 'its hash is no SHA-256' FROM picture WHERE " IS_NO_HASH("hash"),
     "DELETE FROM item_picture WHERE picture IN (SELECT id FROM picture WHERE " IS_NO_HASH("hash")
     "); DELETE FROM picture WHERE " IS_NO_HASH("hash"),
     "which picture its items show counts as not known", false},
    {"response", "SELECT id, 'its content is no JSON object' FROM response WHERE NOT "
     "(json_valid(content) AND coalesce(json_type(content), '') = 'object')",
     "DELETE FROM response WHERE NOT (json_valid(content) "
     "AND coalesce(json_type(content), '') = 'object')", REMOVE_ANSWER, false},
    {"item",
     "SELECT id, 'its groups are no list of pairs' FROM item WHERE NOT (json_valid(groups) "
     "AND coalesce(json_type(groups), '') = 'array' AND NOT EXISTS (SELECT 1 "
     "FROM json_each(groups) WHERE type <> 'array' OR json_array_length(value) <> 2))",
     NULL, NULL, false},

    /* What jobs and runs say they have */
    {"job", "SELECT id, 'it is finished and has ' || " N_ANSWERS " || ' of ' || " N_WANTED " || "
     "' answers' FROM job WHERE is_finished AND " LACKS_ANSWERS,
     JOBS_THAT(LACKS_ANSWERS), ASK_AGAIN, true},
    {"job", "SELECT id, 'it is finished and has no score' FROM job WHERE is_finished AND "
     LACKS_SCORE, JOBS_THAT("kind = 'text' AND " LACKS_SCORE),
     "scores are computed from verdicts again", true},
    {"job", "SELECT id, 'it is finished and has no measurement' FROM job WHERE is_finished AND "
     LACKS_SPEEDS, JOBS_THAT(LACKS_SPEEDS), ASK_AGAIN, true},
    {"run", "SELECT id, 'it is done, and a job of it is not' FROM run WHERE status = 'done' AND "
     "EXISTS (SELECT 1 FROM job WHERE job.run = run.id AND NOT is_finished)",
     "UPDATE run SET status = 'interrupted' WHERE status = 'done' AND "
     "EXISTS (SELECT 1 FROM job WHERE job.run = run.id AND NOT is_finished)",
     "the run counts as interrupted, and the same command goes on", false},
};
/* clang-format on */

/* ---- Ranges of metrics, for SQL ---- */

static void give_end(sqlite3_context *context, sqlite3_value *name, bool is_low)
{
    const char *metric = (const char *)sqlite3_value_text(name);
    if (!metric) return;
    const struct interval range = metric_find(metric)->range;
    sqlite3_result_double(context, is_low ? range.low : range.high);
}

static void give_low(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    give_end(context, values[0], true);
}

static void give_high(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    give_end(context, values[0], false);
}

static bool lend_ranges(struct store *store, struct err *err)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
    int code = sqlite3_create_function_v2(store->db, "metric_low", 1, flags, NULL, give_low, NULL,
                                          NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_create_function_v2(store->db, "metric_high", 1, flags, NULL, give_high, NULL,
                                          NULL, NULL);
    return code == SQLITE_OK || store_fail_code(store->db, code, store->path, err);
}

/* ---- Asking the rules ---- */

/* A sentence is NULL where a value in it is: a damaged page can have one where none may be. */
static const char *sentence_of(const struct query *query)
{
    const char *what = query_text(query, 1);
    return *what ? what : "it holds a value that is none";
}

static bool ask_rule(struct store *store, const struct rule *rule, check_fault_fn *fn,
                     void *context, struct err *err)
{
    struct query *query = query_open(store, rule->find, err);
    int more;
    bool ok = true;
    while (ok && (more = query_next(query, err)) > 0) {
        const struct check_fault fault = {.part = "rows",
                                          .table = rule->table,
                                          .row = query_integer(query, 0),
                                          .what = sentence_of(query),
                                          .mend = rule->words};
        ok = fn(context, &fault, err);
    }
    query_close(query);
    return ok && more == 0;
}

bool faults_each(struct store *store, check_fault_fn *fn, void *context, struct err *err)
{
    bool ok = lend_ranges(store, err);
    for (size_t i = 0; ok && i < COUNT_OF(RULES); i++)
        ok = ask_rule(store, &RULES[i], fn, context, err);
    return ok;
}

static bool refuse(void *context, const struct check_fault *fault, struct err *err)
{
    const struct store *store = context;
    return err_set_at(err, ERR_INPUT, store->path, 0, 0,
                      "%s %lld: %s: the database is damaged, or was changed by hand; 'phibench db "
                      "check' lists all faults, and with --repair %s",
                      fault->table, (long long)fault->row, fault->what,
                      fault->mend ? fault->mend : "mends the others");
}

bool faults_refuse(struct store *store, struct err *err)
{
    bool ok = lend_ranges(store, err);
    for (size_t i = 0; ok && i < COUNT_OF(RULES); i++)
        ok = !RULES[i].is_cheap || ask_rule(store, &RULES[i], refuse, store, err);
    return ok;
}

bool faults_mend(struct store *store, struct err *err)
{
    bool ok = lend_ranges(store, err);
    for (size_t i = 0; ok && i < COUNT_OF(RULES); i++)
        ok = !RULES[i].mend || store_execute(store, RULES[i].mend, err);
    return ok;
}
