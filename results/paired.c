/* paired.c - see paired.h.
 *
 * Jobs of one data set share its items; those of two are joined by the items' keys. v_compare
 * counts pairs in SQL; here they are rows, for statistics that need each.
 */
#include "results/paired.h"

#include "results/store_internal.h"

#include <math.h>

/* ---- Closed and open book ---- */

struct query *paired_books(struct store *store, int64_t run, const char *model,
                           const char *quantization, struct err *err)
{
    static const char BOOKS[] =
        "SELECT a.id, b.id, a.suite, a.protocol, a.metric, a.shots, "
        "json_extract(b.parameters, '$.retrieval.top_k'), "
        "json_extract(b.parameters, '$.retrieval.max_tokens') "
        "FROM job a JOIN model ON model.id = a.model "
        "JOIN job b ON b.run = a.run AND b.model = a.model AND b.dataset = a.dataset "
        "AND b.suite = a.suite AND b.shots = a.shots "
        "AND b.protocol GLOB a.protocol || '-open-book*' "
        "WHERE a.run = ?1 AND model.name_in_config = ?2 AND model.quantization = ?3 "
        "ORDER BY b.id";
    struct query *query = query_begin_of(store, BOOKS, run, err);
    query_add_text(query, model);
    query_add_text(query, quantization);
    return query;
}

struct book_row paired_book(const struct query *query)
{
    return (struct book_row){.closed_job = query_integer(query, 0),
                             .open_job = query_integer(query, 1),
                             .suite = query_text(query, 2),
                             .protocol = query_text(query, 3),
                             .metric = query_text(query, 4),
                             .shots = (int)query_integer(query, 5),
                             .top_k = query_integer(query, 6),
                             .max_tokens = query_integer(query, 7)};
}

struct query *paired_answers(struct store *store, int64_t a, int64_t b, struct err *err)
{
    static const char ANSWERS[] =
        "SELECT va.score, vb.score, va.is_correct, vb.is_correct, "
        "json_extract(va.others, '$.f1'), json_extract(vb.others, '$.f1'), "
        "json_extract(vb.others, '$.retrieval_hit') "
        "FROM response ra JOIN response rb ON rb.job = ?2 AND rb.item = ra.item "
        "JOIN verdict va ON va.response = ra.id JOIN verdict vb ON vb.response = rb.id "
        "WHERE ra.job = ?1 ORDER BY ra.item";
    struct query *query = query_begin_of(store, ANSWERS, a, err);
    query_add_integer(query, b);
    return query;
}

static double number_or_nan(const struct query *query, int column)
{
    return query_is_null(query, column) ? NAN : query_number(query, column);
}

struct answer_pair paired_answer(const struct query *query)
{
    return (struct answer_pair){.score_a = query_number(query, 0),
                                .score_b = query_number(query, 1),
                                .is_correct_a = query_integer(query, 2) != 0,
                                .is_correct_b = query_integer(query, 3) != 0,
                                .f1_a = number_or_nan(query, 4),
                                .f1_b = number_or_nan(query, 5),
                                .retrieval_hit_b = number_or_nan(query, 6)};
}

/* ---- Differences ---- */

struct query *paired_differences(struct store *store, int64_t a, int64_t b, struct err *err)
{
    static const char DIFFERENCES[] =
        "SELECT avg(verdict_b.score - verdict_a.score), count(*) FROM response response_a "
        "JOIN verdict verdict_a ON verdict_a.response = response_a.id "
        "JOIN item item_a ON item_a.id = response_a.item "
        "JOIN job a ON a.id = response_a.job JOIN job b ON b.id = ?2 "
        "JOIN item item_b ON item_b.dataset = b.dataset AND item_b.key = item_a.key "
        "JOIN response response_b ON response_b.job = b.id AND response_b.item = item_b.id "
        "JOIN verdict verdict_b ON verdict_b.response = response_b.id WHERE a.id = ?1 "
        "AND NOT (a.metric = 'points' AND (verdict_a.score = 0 OR verdict_b.score = 0)) "
        "GROUP BY CASE a.metric WHEN 'points' "
        "THEN substr(item_a.key, 1, instr(item_a.key, '/')) ELSE item_a.key END "
        "ORDER BY min(item_a.id)";
    struct query *query = query_begin_of(store, DIFFERENCES, a, err);
    query_add_integer(query, b);
    return query;
}

struct difference paired_difference(const struct query *query)
{
    return (struct difference){query_number(query, 0), (uint64_t)query_integer(query, 1)};
}

bool paired_last(struct store *store, const char *suite, const char *protocol, int shots,
                 struct arena *arena, struct known_pair *pair, struct err *err)
{
    static const char LAST_PAIR[] =
        "SELECT a.id, b.id, b.run, coalesce(b.precision_items, b.n_items), "
        "model_a.name_in_config || ' ' || model_a.quantization, "
        "model_b.name_in_config || ' ' || model_b.quantization "
        "FROM job b JOIN model model_b ON model_b.id = b.model "
        "JOIN dataset dataset_b ON dataset_b.id = b.dataset "
        "JOIN job a ON a.suite = b.suite AND a.protocol = b.protocol AND a.shots = b.shots "
        "AND a.metric = b.metric AND a.suite_version = b.suite_version AND a.id < b.id "
        "AND a.is_finished JOIN model model_a ON model_a.id = a.model "
        "AND model_a.hash <> model_b.hash "
        "JOIN dataset dataset_a ON dataset_a.id = a.dataset AND dataset_a.hash = dataset_b.hash "
        "WHERE b.suite = ?1 AND b.protocol = ?2 AND b.shots = ?3 AND b.is_finished "
        "ORDER BY b.id DESC, a.id DESC LIMIT 1";
    struct query *query = query_begin(store, LAST_PAIR, err);
    query_add_text(query, suite);
    query_add_text(query, protocol);
    query_add_integer(query, shots);
    int more = query_next(query, err);
    *pair = (struct known_pair){0};
    if (more > 0)
        *pair = (struct known_pair){.a = query_integer(query, 0),
                                    .b = query_integer(query, 1),
                                    .run = query_integer(query, 2),
                                    .n_items = query_integer(query, 3),
                                    .name_a = arena_string(arena, query_text(query, 4), err),
                                    .name_b = arena_string(arena, query_text(query, 5), err)};
    query_close(query);
    return more == 0 || (more > 0 && pair->name_a && pair->name_b);
}

struct query *paired_losses(struct store *store, const struct model_pair *pair, struct err *err)
{
    static const char LOSSES[] =
        "SELECT a.id, b.id, a.protocol, verdict_b.score - verdict_a.score "
        "FROM job a JOIN model model_a ON model_a.id = a.model "
        "JOIN job b ON b.run = a.run AND b.suite = a.suite AND b.protocol = a.protocol "
        "AND b.suite_version = a.suite_version JOIN model model_b ON model_b.id = b.model "
        "JOIN dataset dataset_a ON dataset_a.id = a.dataset "
        "JOIN dataset dataset_b ON dataset_b.id = b.dataset AND dataset_b.hash = dataset_a.hash "
        "JOIN response response_a ON response_a.job = a.id "
        "JOIN item item_a ON item_a.id = response_a.item "
        "JOIN item item_b ON item_b.dataset = b.dataset AND item_b.key = item_a.key "
        "JOIN response response_b ON response_b.job = b.id AND response_b.item = item_b.id "
        "JOIN verdict verdict_a ON verdict_a.response = response_a.id AND verdict_a.answered "
        "JOIN verdict verdict_b ON verdict_b.response = response_b.id AND verdict_b.answered "
        "WHERE a.run = ?1 AND a.metric = 'ppl' AND b.metric = 'ppl' "
        "AND model_a.name_in_config = ?2 AND model_a.quantization = ?3 "
        "AND model_b.name_in_config = ?4 AND model_b.quantization = ?5 "
        "ORDER BY a.id, b.id, item_a.id";
    struct query *query = query_begin(store, LOSSES, err);
    query_add_integer(query, pair->run);
    query_add_text(query, pair->model_a);
    query_add_text(query, pair->quantization_a);
    query_add_text(query, pair->model_b);
    query_add_text(query, pair->quantization_b);
    return query;
}

struct loss_row paired_loss(const struct query *query)
{
    return (struct loss_row){.job_a = query_integer(query, 0),
                             .job_b = query_integer(query, 1),
                             .protocol = query_text(query, 2),
                             .difference = query_number(query, 3)};
}
