/* store_answers.c - items, responses and verdicts: the rows that a run is about.
 *
 * An item is a fact of its data set, shared by all jobs on it; the newest reading of it wins. A
 * response belongs to a job and never changes. A verdict can be replaced. Knows neither what a
 * response contains nor how it is graded.
 */
#include "results/store_internal.h"

#include "base/json.h"

#include <string.h>

static bool find_dataset(struct store *store, int64_t job, int64_t *dataset, struct err *err)
{
    static const char FIND_DATASET_OF[] = "SELECT dataset FROM job WHERE id = ?1";
    struct query *find = query_begin_of(store, FIND_DATASET_OF, job, err);
    if (!query_integer_of(find, 0, dataset, err)) return false;
    return *dataset != 0 || err_set_at(err, ERR_INPUT, store->path, 0, 0,
                                       "there is no job %lld with a data set", (long long)job);
}

static bool put_item(struct store *store, int64_t dataset, const struct answer_record *answer,
                     struct err *err)
{
    static const char PUT_ITEM[] =
        "INSERT INTO item (dataset, key, file, line, subset, expected, groups) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (dataset, key) DO UPDATE SET "
        "file = ?3, line = ?4, subset = ?5, expected = ?6, groups = ?7 "
        "WHERE (file, line, subset, expected, groups) IS NOT (?3, ?4, ?5, ?6, ?7)";
    struct query *put = query_begin(store, PUT_ITEM, err);
    query_add_integer(put, dataset);
    query_add_text(put, answer->key);
    query_add_text(put, answer->file);
    query_add_known_integer(put, answer->line);
    query_add_text(put, answer->subset ? answer->subset : "");
    query_add_text(put, answer->expected);
    query_add_text(put, answer->groups_json ? answer->groups_json : "[]");
    return query_run(put, err);
}

/* Of a response: the server's reply, or a picture's file, could not be read, which another attempt
 * may mend (response_is_passing). In a text that was written these quotes have backslashes. */
#define IS_PASSING                                                                                 \
    "(instr(response.content, '\"failure\":\"unreadable\"') "                                      \
    "OR instr(response.content, '\"failure\":\"no_picture\"'))"

/* *added is false if the job has a response to this item already that could be read. */
static bool put_response(struct store *store, int64_t job, int64_t dataset,
                         const struct answer_record *answer, bool *added, struct err *err)
{
    static const char PUT_RESPONSE[] =
        "INSERT INTO response (job, item, content, n_prompt_tokens, n_new_tokens, duration_ns, "
        "naive_tokens, logits_hash, prompt, tokens_hash) "
        "SELECT ?1, id, ?4, ?5, ?6, ?7, nullif(?8, -1), ?9, ?10, ?11 FROM item "
        "WHERE dataset = ?2 AND key = ?3 "
        "ON CONFLICT (job, item) DO UPDATE SET content = excluded.content, "
        "n_prompt_tokens = excluded.n_prompt_tokens, n_new_tokens = excluded.n_new_tokens, "
        "duration_ns = excluded.duration_ns, naive_tokens = excluded.naive_tokens, "
        "logits_hash = excluded.logits_hash, prompt = excluded.prompt, "
        "tokens_hash = excluded.tokens_hash, origin = NULL WHERE " IS_PASSING;
    int64_t prompt = 0;
    if (answer->prompt && !store_put_prompt(store, answer->prompt, &prompt, err)) return false;
    struct query *put = query_begin_of(store, PUT_RESPONSE, job, err);
    query_add_integer(put, dataset);
    query_add_text(put, answer->key);
    query_add_text(put, answer->response_json);
    query_add_integer(put, answer->n_prompt_tokens);
    query_add_integer(put, answer->n_new_tokens);
    query_add_integer(put, answer->duration_ns);
    query_add_integer(put, answer->naive_tokens);
    query_add_text(put, answer->logits_hash);
    query_add_known_integer(put, prompt);
    query_add_text(put, answer->tokens_hash);
    if (!query_run(put, err)) return false;
    *added = sqlite3_changes(store->db) > 0;
    return true;
}

/* Writes the verdict of the response that (job, key) has; *written is false if it has none. */
static bool put_verdict(struct store *store, int64_t job, int64_t dataset,
                        const struct answer_record *answer, bool *written, struct err *err)
{
    static const char PUT_VERDICT[] =
        "INSERT INTO verdict (response, answered, is_correct, score, predicted, margin, others) "
        "SELECT response.id, ?4, ?5, ?6, ?7, ?8, ?9 FROM item JOIN response "
        "ON response.item = item.id AND response.job = ?1 "
        "WHERE item.dataset = ?2 AND item.key = ?3 "
        "ON CONFLICT (response) DO UPDATE SET answered = excluded.answered, "
        "is_correct = excluded.is_correct, score = excluded.score, "
        "predicted = excluded.predicted, margin = excluded.margin, others = excluded.others";
    struct query *put = query_begin_of(store, PUT_VERDICT, job, err);
    query_add_integer(put, dataset);
    query_add_text(put, answer->key);
    query_add_integer(put, answer->answered);
    query_add_integer(put, answer->is_correct);
    query_add_finite(put, answer->score);
    query_add_text(put, answer->predicted);
    query_add_number(put, answer->margin);
    query_add_text(put, answer->others_json);
    if (!query_run(put, err)) return false;
    *written = sqlite3_changes(store->db) > 0;
    return true;
}

bool store_put_answer(struct store *store, int64_t job, const struct answer_record *answer,
                      struct err *err)
{
    int64_t dataset;
    bool added, written;
    if (!find_dataset(store, job, &dataset, err) || !put_item(store, dataset, answer, err) ||
        !store_put_pictures(store, dataset, answer, err) ||
        !put_response(store, job, dataset, answer, &added, err))
        return false;
    return !added || put_verdict(store, job, dataset, answer, &written, err);
}

bool store_put_verdict(struct store *store, int64_t job, const struct answer_record *answer,
                       struct err *err)
{
    int64_t dataset;
    bool written;
    if (!find_dataset(store, job, &dataset, err) ||
        !put_verdict(store, job, dataset, answer, &written, err))
        return false;
    if (!written)
        return err_set_at(err, ERR_INPUT, store->path, 0, 0, "job %lld has no answer to %s",
                          (long long)job, answer->key);
    return !answer->groups_json || put_item(store, dataset, answer, err);
}

/* ---- Reuse ---- */

/* Answers of other jobs with the fingerprint of job ?1, or with that of its answers where a judge
 * gives the points, to the items whose keys are those of the JSON object ?2, given the
 * pictures that stand there, the oldest first. CROSS: the
 * jobs are found first, or SQLite looks at every response there is. */
#define OTHERS_ANSWERS                                                                             \
    "FROM job this CROSS JOIN job other ON (other.fingerprint = this.fingerprint "                 \
    "OR json_extract(other.parameters, '$.answers') = json_extract(this.parameters, "              \
    "'$.answers')) AND other.id <> this.id "                                                       \
    "CROSS JOIN response ON response.job = other.id AND NOT " IS_PASSING " "                       \
    "JOIN verdict ON verdict.response = response.id "                                              \
    "JOIN item ON item.id = response.item "                                                        \
    "AND (item.key, " SEEN_PICTURES ") IN (SELECT key, value FROM json_each(?2)) "

static const char *const REUSE_STEPS[] = {
    /* The data may lie under another path by now: then its items are another data set's. */
    "INSERT INTO item (dataset, key, file, line, subset, expected, groups) "
    "SELECT this.dataset, item.key, item.file, item.line, item.subset, item.expected, "
    "item.groups " OTHERS_ANSWERS "WHERE this.id = ?1 AND item.dataset <> this.dataset "
    "ON CONFLICT (dataset, key) DO NOTHING",

    "INSERT INTO item_picture (item, position, file, picture) "
    "SELECT mine.id, item_picture.position, item_picture.file, "
    "item_picture.picture " OTHERS_ANSWERS "JOIN item_picture ON item_picture.item = item.id "
    "JOIN item mine ON mine.dataset = this.dataset AND mine.key = item.key "
    "WHERE this.id = ?1 ORDER BY response.id ON CONFLICT (item, position) DO NOTHING",

    /* A verdict goes where its response went: both steps meet the same rows in the same order,
     * and the first one stays. */
    "INSERT INTO response (job, item, content, n_prompt_tokens, n_new_tokens, duration_ns, "
    "naive_tokens, logits_hash, prompt, tokens_hash, origin) "
    "SELECT this.id, mine.id, response.content, response.n_prompt_tokens, "
    "response.n_new_tokens, response.duration_ns, response.naive_tokens, "
    "response.logits_hash, response.prompt, response.tokens_hash, "
    "coalesce(response.origin, other.run) " OTHERS_ANSWERS
    "JOIN item mine ON mine.dataset = this.dataset AND mine.key = item.key "
    "WHERE this.id = ?1 ORDER BY response.id ON CONFLICT (job, item) DO NOTHING",

    "INSERT INTO verdict (response, answered, is_correct, score, predicted, margin, others) "
    "SELECT copy.id, verdict.answered, verdict.is_correct, verdict.score, verdict.predicted, "
    "verdict.margin, verdict.others " OTHERS_ANSWERS
    "JOIN item mine ON mine.dataset = this.dataset AND mine.key = item.key "
    "JOIN response copy ON copy.job = this.id AND copy.item = mine.id "
    "WHERE this.id = ?1 ORDER BY response.id ON CONFLICT (response) DO NOTHING",
};

static bool run_reuse_steps(struct store *store, int64_t job, const char *keys, size_t *n,
                            struct err *err)
{
    bool copied = true;
    for (size_t i = 0; copied && i < sizeof REUSE_STEPS / sizeof *REUSE_STEPS; i++) {
        struct query *step = query_begin(store, REUSE_STEPS[i], err);
        query_add_integer(step, job);
        query_add_text(step, keys);
        copied = query_run(step, err);
        *n = copied ? (size_t)sqlite3_changes(store->db) : 0;
    }
    return copied;
}

bool store_reuse_answers(struct store *store, int64_t job, const char *const *keys,
                         const char *const *pictures, size_t n_keys, size_t *n, struct err *err)
{
    int64_t dataset;
    struct buf text = {0};
    struct json_writer json = {.out = &text};
    json_begin_object(&json);
    for (size_t i = 0; i < n_keys; i++)
        json_set_string(&json, keys[i], pictures ? pictures[i] : "");
    json_end_object(&json);
    bool ok =
        buf_check(&text, err) && find_dataset(store, job, &dataset, err) && store_enter(store, err);
    if (ok) ok = store_leave(store, run_reuse_steps(store, job, buf_string(&text), n, err), err);
    buf_free(&text);
    return ok;
}

bool store_count_weak_answers(struct store *store, const struct weak_answers_query *wanted,
                              int64_t *n, struct err *err)
{
    static const char COUNT_WEAK[] =
        "SELECT count(DISTINCT item.key) FROM model JOIN job ON job.model = model.id "
        "JOIN response ON response.job = job.id JOIN item ON item.id = response.item "
        "WHERE model.quantization = 'api' AND model.path = ?1 AND model.name = ?2 "
        "AND job.suite = ?3 AND job.protocol = ?4 AND job.shots = ?5 "
        "AND json_extract(job.parameters, '$.server') IS NULL AND item.key NOT IN ("
        "SELECT item.key FROM job JOIN response ON response.job = job.id "
        "JOIN item ON item.id = response.item WHERE job.fingerprint = ?6)";
    struct query *count = query_begin(store, COUNT_WEAK, err);
    query_add_text(count, wanted->base_url);
    query_add_text(count, wanted->model);
    query_add_text(count, wanted->suite);
    query_add_text(count, wanted->protocol);
    query_add_integer(count, wanted->shots);
    query_add_text(count, wanted->fingerprint);
    return query_integer_of(count, 0, n, err);
}

/* ---- Reading back ---- */

static void read_answer(const struct query *row, struct answer_record *answer)
{
    *answer = (struct answer_record){
        .key = query_text_or_null(row, 0),
        .file = query_text_or_null(row, 1),
        .line = (int)query_integer(row, 2),
        .subset = query_text_or_null(row, 3),
        .expected = query_text_or_null(row, 4),
        .groups_json = query_text_or_null(row, 5),
        .response_json = query_text_or_null(row, 6),
        .n_prompt_tokens = (int)query_integer(row, 7),
        .n_new_tokens = (int)query_integer(row, 8),
        .duration_ns = query_integer(row, 9),
        .answered = query_integer(row, 10) != 0,
        .is_correct = query_integer(row, 11) != 0,
        .score = query_number(row, 12),
        .predicted = query_text_or_null(row, 13),
        .margin = query_number(row, 14),
        .naive_tokens = query_integer(row, 15),
        .logits_hash = query_text_or_null(row, 16),
        .others_json = query_text_or_null(row, 17),
    };
}

bool store_each_answer(struct store *store, int64_t job, store_answer_fn *fn, void *context,
                       struct err *err)
{
    static const char EACH_ANSWER[] =
        "SELECT item.key, item.file, item.line, item.subset, item.expected, item.groups, "
        "response.content, response.n_prompt_tokens, response.n_new_tokens, "
        "response.duration_ns, verdict.answered, verdict.is_correct, verdict.score, "
        "verdict.predicted, verdict.margin, coalesce(response.naive_tokens, -1), "
        "response.logits_hash, verdict.others FROM response JOIN item ON item.id = response.item "
        "JOIN verdict ON verdict.response = response.id "
        "WHERE response.job = ?1 ORDER BY response.id";
    struct query *select = query_begin_of(store, EACH_ANSWER, job, err);
    int more;
    bool wanted = true;
    while (wanted && (more = query_next(select, err)) > 0) {
        struct answer_record answer;
        read_answer(select, &answer);
        wanted = fn(context, &answer, err);
    }
    query_close(select);
    return wanted && more == 0;
}
