/* store_judgments.c - what judges said of responses: rows of judge_call, and the verdicts that they
 * come to.
 *
 * A judgment without a score is kept until one with a score takes its place. Knows neither judges
 * nor how a score is found in a reply.
 */
#include "results/store_internal.h"

#include <math.h>

bool store_put_judgment(struct store *store, int64_t job, const struct judgment_record *judgment,
                        struct err *err)
{
    static const char PUT_JUDGMENT[] =
        "INSERT INTO judge_call (response, repetition, judge, prompt_name, request, reply, score, "
        "n_prompt_tokens, n_new_tokens, duration_ns, asked, reasoning) "
        "SELECT response.id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 FROM response "
        "JOIN item ON item.id = response.item WHERE response.job = ?1 AND item.key = ?2 "
        "ON CONFLICT (response, judge, prompt_name, repetition) DO UPDATE SET "
        "request = excluded.request, reply = excluded.reply, score = excluded.score, "
        "n_prompt_tokens = excluded.n_prompt_tokens, n_new_tokens = excluded.n_new_tokens, "
        "duration_ns = excluded.duration_ns, asked = excluded.asked, "
        "reasoning = excluded.reasoning WHERE judge_call.score IS NULL OR judge_call.asked IS NOT "
        "excluded.asked";
    struct query *put = query_begin_of(store, PUT_JUDGMENT, job, err);
    query_add_text(put, judgment->key);
    query_add_integer(put, judgment->repetition);
    query_add_text(put, judgment->judge);
    query_add_text(put, judgment->prompt_name);
    query_add_text(put, judgment->request);
    query_add_text(put, judgment->reply);
    query_add_number(put, judgment->score); /* NaN, of a judgment without a score, is NULL */
    query_add_integer(put, judgment->n_prompt_tokens);
    query_add_integer(put, judgment->n_new_tokens);
    query_add_integer(put, judgment->duration_ns);
    query_add_text(put, judgment->asked);
    query_add_text(put, judgment->reasoning);
    return query_run(put, err);
}

bool store_reuse_judgment(struct store *store, int64_t job, const struct judgment_record *judgment,
                          bool *found, struct err *err)
{
    static const char REUSE_JUDGMENT[] =
        "INSERT INTO judge_call (response, repetition, judge, prompt_name, request, reply, score, "
        "n_prompt_tokens, n_new_tokens, duration_ns, asked, reasoning) "
        "SELECT response.id, old.repetition, old.judge, old.prompt_name, old.request, old.reply, "
        "old.score, old.n_prompt_tokens, old.n_new_tokens, old.duration_ns, old.asked, "
        "old.reasoning "
        "FROM judge_call old, response JOIN item ON item.id = response.item "
        "WHERE old.judge = ?4 AND old.prompt_name = ?5 AND old.repetition = ?3 "
        "AND old.asked = ?6 AND old.score IS NOT NULL "
        "AND response.job = ?1 AND item.key = ?2 ORDER BY old.id LIMIT 1 "
        "ON CONFLICT (response, judge, prompt_name, repetition) DO UPDATE SET "
        "reply = excluded.reply, score = excluded.score, request = excluded.request, "
        "n_prompt_tokens = excluded.n_prompt_tokens, n_new_tokens = excluded.n_new_tokens, "
        "duration_ns = excluded.duration_ns, asked = excluded.asked, "
        "reasoning = excluded.reasoning";
    struct query *reuse = query_begin_of(store, REUSE_JUDGMENT, job, err);
    query_add_text(reuse, judgment->key);
    query_add_integer(reuse, judgment->repetition);
    query_add_text(reuse, judgment->judge);
    query_add_text(reuse, judgment->prompt_name);
    query_add_text(reuse, judgment->asked);
    if (!query_run(reuse, err)) return false;
    *found = sqlite3_changes(store->db) > 0;
    return true;
}

bool store_has_vague_judgment(struct store *store, const struct judgment_record *judgment,
                              bool *has, struct err *err)
{
    static const char HAS_VAGUE[] =
        "SELECT count(*) FROM judge_call WHERE judge = ?1 AND prompt_name = ?2 "
        "AND repetition = ?3 AND asked IS NULL AND request = ?4 AND score IS NOT NULL";
    int64_t n;
    struct query *query = query_begin(store, HAS_VAGUE, err);
    query_add_text(query, judgment->judge);
    query_add_text(query, judgment->prompt_name);
    query_add_integer(query, judgment->repetition);
    query_add_text(query, judgment->request);
    if (!query_integer_of(query, 0, &n, err)) return false;
    *has = n > 0;
    return true;
}

bool store_each_judgment(struct store *store, int64_t job, store_judgment_fn *fn, void *context,
                         struct err *err)
{
    static const char EACH_JUDGMENT[] =
        "SELECT item.key, judge_call.repetition, judge_call.judge, judge_call.prompt_name, "
        "judge_call.request, judge_call.reply, judge_call.score, judge_call.n_prompt_tokens, "
        "judge_call.n_new_tokens, judge_call.duration_ns, judge_call.asked, "
        "judge_call.reasoning FROM judge_call "
        "JOIN response ON response.id = judge_call.response JOIN item ON item.id = response.item "
        "WHERE response.job = ?1 ORDER BY judge_call.id";
    struct query *select = query_begin_of(store, EACH_JUDGMENT, job, err);
    int more;
    bool wanted = true;
    while (wanted && (more = query_next(select, err)) > 0) {
        const struct judgment_record judgment = {
            .key = query_text_or_null(select, 0),
            .repetition = (int)query_integer(select, 1),
            .judge = query_text_or_null(select, 2),
            .prompt_name = query_text_or_null(select, 3),
            .request = query_text_or_null(select, 4),
            .reply = query_text_or_null(select, 5),
            .score = query_is_null(select, 6) ? NAN : query_number(select, 6),
            .n_prompt_tokens = (int)query_integer(select, 7),
            .n_new_tokens = (int)query_integer(select, 8),
            .duration_ns = query_integer(select, 9),
            .asked = query_text_or_null(select, 10),
            .reasoning = query_text_or_null(select, 11)};
        wanted = fn(context, &judgment, err);
    }
    query_close(select);
    return wanted && more == 0;
}

bool store_judgment_error(struct store *store, int64_t job, double *error, struct err *err)
{
    static const char JUDGMENT_ERROR[] =
        "SELECT sum(squares - total * total / n), sum(n - 1), sum(n) FROM (SELECT count(score) AS "
        "n, sum(score) AS total, sum(score * score) AS squares FROM judge_call JOIN response ON "
        "response.id = judge_call.response WHERE response.job = ?1 AND score IS NOT NULL "
        "AND prompt_name NOT GLOB 'pair-*' GROUP BY response.id, request)";
    struct query *query = query_begin_of(store, JUDGMENT_ERROR, job, err);
    int more = query_next(query, err);
    *error = NAN;
    if (more > 0 && query_number(query, 1) > 0)
        *error =
            sqrt(fmax(query_number(query, 0), 0) / query_number(query, 1) / query_number(query, 2));
    query_close(query);
    return more >= 0;
}

bool store_count_games(struct store *store, int64_t job, struct game_counts *counts,
                       struct err *err)
{
    static const char COUNT_GAMES[] =
        "SELECT sum(low = 1), sum(NOT (low = 1 OR high = 0)), sum(high = 0), "
        "sum(low = 0 AND high = 1) FROM (SELECT min(score) AS low, max(score) AS high "
        "FROM judge_call JOIN response ON response.id = judge_call.response "
        "WHERE response.job = ?1 AND prompt_name GLOB 'pair-*' "
        "GROUP BY response.id, repetition / 2 HAVING count(score) = 2)";
    struct query *query = query_begin_of(store, COUNT_GAMES, job, err);
    int more = query_next(query, err);
    *counts = (struct game_counts){0};
    if (more > 0)
        *counts = (struct game_counts){query_integer(query, 0), query_integer(query, 1),
                                       query_integer(query, 2), query_integer(query, 3)};
    query_close(query);
    return more >= 0;
}

bool store_apply_judgments(struct store *store, int64_t job, struct err *err)
{
    static const char APPLY_JUDGMENTS[] =
        "UPDATE verdict SET (score, is_correct) = (SELECT coalesce(avg(score), 0), "
        "coalesce(avg(score), 0) = 10 FROM judge_call WHERE judge_call.response = "
        "verdict.response AND prompt_name NOT GLOB 'pair-*'), "
        "others = (SELECT CASE WHEN count(*) THEN json_object('win_rate', avg(CASE WHEN low = 1 "
        "THEN 1 WHEN high = 0 THEN 0 ELSE 0.5 END)) END FROM (SELECT min(score) AS low, "
        "max(score) AS high FROM judge_call WHERE judge_call.response = verdict.response "
        "AND prompt_name GLOB 'pair-*' GROUP BY repetition / 2 HAVING count(score) = 2)) "
        "WHERE response IN (SELECT id FROM response WHERE job = ?1)";
    struct query *apply = query_begin_of(store, APPLY_JUDGMENTS, job, err);
    return query_run(apply, err);
}
