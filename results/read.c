/* read.c - see read.h: a query and the record of its row, one beside the other.
 *
 * Knows columns and order, and nothing of what is made of the rows.
 */
#include "results/read.h"

#include "results/store_internal.h"

/* ---- Models ---- */

struct query *read_models(struct store *store, int64_t run, struct err *err)
{
    static const char MODELS[] =
        "SELECT model.name_in_config, model.quantization, max(coalesce(model.published, '')), "
        "model.n_params, model.n_bytes, model.is_synthetic "
        "FROM job JOIN model ON model.id = job.model "
        "WHERE job.run = ?1 AND job.kind <> 'kernels' "
        "GROUP BY model.name_in_config, model.quantization ORDER BY min(job.id)";
    return query_begin_of(store, MODELS, run, err);
}

struct model_row read_model(const struct query *query)
{
    return (struct model_row){.model = query_text(query, 0),
                              .quantization = query_text(query, 1),
                              .published = query_text(query, 2),
                              .n_params = query_number(query, 3),
                              .n_bytes = query_number(query, 4),
                              .is_synthetic = query_integer(query, 5) != 0};
}

/* ---- Scores ---- */

#define SCORE_COLUMNS                                                                              \
    "s.model, s.quantization, s.job, s.suite, s.protocol, s.shots, s.metric, s.score, s.low, "     \
    "s.high, s.n, s.subset, s.chance, s.depth"

struct query *read_scores(struct store *store, int64_t run, struct err *err)
{
    static const char SCORES[] =
        "SELECT " SCORE_COLUMNS ", '', '', s.metric = job.metric, job.whole_items "
        "FROM v_scores AS s JOIN job ON job.id = s.job "
        "WHERE s.run = ?1 AND s.depth = 0 AND (job.kind <> 'text' OR s.metric = job.metric) "
        "ORDER BY s.job, s.metric";
    return query_begin_of(store, SCORES, run, err);
}

struct query *read_divergences(struct store *store, int64_t run, struct err *err)
{
    static const char DIVERGENCES[] =
        "SELECT " SCORE_COLUMNS ", '', '', 0, NULL "
        "FROM v_scores AS s JOIN job ON job.id = s.job "
        "WHERE s.run = ?1 AND s.depth = 0 AND job.kind = 'text' AND s.metric <> job.metric "
        "ORDER BY s.job, s.metric";
    return query_begin_of(store, DIVERGENCES, run, err);
}

struct query *read_subset_scores(struct store *store, int64_t run, struct err *err)
{
    static const char SUBSET_SCORES[] =
        "WITH found AS MATERIALIZED (SELECT DISTINCT dataset, subset, "
        "json_extract(groups, '$[0][0]') AS level, "
        "(SELECT json_extract(value, '$[1]') FROM json_each(item.groups) WHERE key > 0 "
        "AND json_extract(value, '$[0]') = 'category') AS category FROM item) "
        "SELECT " SCORE_COLUMNS
        ", coalesce(found.level, ''), coalesce(found.category, ''), 1, NULL "
        "FROM v_scores AS s JOIN job ON job.id = s.job LEFT JOIN found ON s.depth = 1 "
        "AND found.dataset = job.dataset AND found.subset = s.subset "
        "WHERE s.run = ?1 AND s.depth > 0 AND s.metric = job.metric "
        "ORDER BY s.job, s.depth DESC, found.category, s.subset";
    return query_begin_of(store, SUBSET_SCORES, run, err);
}

struct score_row read_score(const struct query *query)
{
    return (struct score_row){.model = query_text(query, 0),
                              .quantization = query_text(query, 1),
                              .job = query_integer(query, 2),
                              .suite = query_text(query, 3),
                              .protocol = query_text(query, 4),
                              .shots = (int)query_integer(query, 5),
                              .metric = query_text(query, 6),
                              .score = query_number(query, 7),
                              .low = query_number(query, 8),
                              .high = query_number(query, 9),
                              .n = query_integer(query, 10),
                              .subset = query_text(query, 11),
                              .chance = query_number(query, 12),
                              .depth = (int)query_integer(query, 13),
                              .level = query_text(query, 14),
                              .category = query_text(query, 15),
                              .is_main = query_integer(query, 16) != 0,
                              .n_whole = query_integer(query, 17)};
}

/* ---- Speeds ---- */

#define SAMPLES(is_of_kind)                                                                        \
    "SELECT model.name_in_config, model.quantization, s.test, s.isa, s.prompt_tokens, "            \
    "s.generated_tokens, s.batch, s.n_threads, s.duration_ns, s.tokens_per_s, s.gb_per_s, "        \
    "s.gmac_per_s, s.rss_bytes, s.percent_of_limit, ifnull(s.foreign_share, -1) "                  \
    "FROM speed_sample AS s JOIN job ON job.id = s.job JOIN model ON model.id = job.model "        \
    "WHERE job.run = ?1 AND NOT s.is_warm_up AND s.test NOT GLOB 'limit_*' AND " is_of_kind        \
    " ORDER BY min(job.id) OVER (PARTITION BY model.id), s.test, s.prompt_tokens, "                \
    "s.generated_tokens, s.batch, s.n_threads, s.isa, s.repetition"

struct query *read_samples(struct store *store, int64_t run, struct err *err)
{
    static const char OF_MODELS[] = SAMPLES("job.kind <> 'kernels'");
    return query_begin_of(store, OF_MODELS, run, err);
}

struct query *read_kernel_samples(struct store *store, int64_t run, struct err *err)
{
    static const char OF_KERNELS[] = SAMPLES("job.kind = 'kernels'");
    return query_begin_of(store, OF_KERNELS, run, err);
}

struct sample_row read_sample(const struct query *query)
{
    return (struct sample_row){
        .model = query_text(query, 0),
        .quantization = query_text(query, 1),
        .speed = {.test = query_text(query, 2),
                  .isa = query_text(query, 3),
                  .prompt_tokens = (int)query_integer(query, 4),
                  .generated_tokens = (int)query_integer(query, 5),
                  .batch = (int)query_integer(query, 6),
                  .n_threads = (int)query_integer(query, 7),
                  .duration_ns = query_integer(query, 8),
                  .tokens_per_s = query_number(query, 9),
                  .gb_per_s = query_number(query, 10),
                  .gmac_per_s = query_number(query, 11),
                  .rss_bytes = (uint64_t)query_integer(query, 12),
                  .percent_of_limit = query_number(query, 13),
                  .foreign_share = query_number(query, 14)},
    };
}

/* ---- Notes ---- */

struct query *read_notes(struct store *store, int64_t run, struct err *err)
{
    static const char NOTES[] =
        "SELECT model.name_in_config, model.quantization, job.suite, job.protocol, job.shots, "
        "note.kind, note.count, note.text, job.id FROM note JOIN job ON job.id = note.job "
        "JOIN model ON model.id = job.model WHERE job.run = ?1 ORDER BY job.id, note.kind";
    return query_begin_of(store, NOTES, run, err);
}

struct note_row read_note(const struct query *query)
{
    return (struct note_row){.model = query_text(query, 0),
                             .quantization = query_text(query, 1),
                             .suite = query_text(query, 2),
                             .protocol = query_text(query, 3),
                             .shots = (int)query_integer(query, 4),
                             .kind = query_text(query, 5),
                             .count = query_integer(query, 6),
                             .text = query_text(query, 7),
                             .job = query_integer(query, 8)};
}
