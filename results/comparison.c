/* comparison.c - see comparison.h: what the runs are, the order in which everything is read, and
 * what is computed over all pairs: the pooled change of scores, and p-values adjusted for their
 * number.
 */
#include "results/comparison.h"

#include "base/mem.h"
#include "results/comparison_parts.h"
#include "results/stats/distributions.h"
#include "results/stats/permutation.h"
#include "results/stats/several.h"
#include "results/store_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ARENA_BYTES = 1 << 30 };

/* ---- Lists ---- */

bool comparing_add_unlike(struct comparing *comparing, const struct unlike *unlike, struct err *err)
{
    struct comparison *c = comparing->comparison;
    if (!arena_grow(c->arena, (void **)&c->unlikes, &c->unlikes_capacity, c->n_unlikes + 1,
                    sizeof *c->unlikes, err))
        return false;
    c->unlikes[c->n_unlikes++] = *unlike;
    return true;
}

bool comparing_add_line(struct comparing *comparing, const struct comparison_line *line,
                        struct err *err)
{
    struct comparison *c = comparing->comparison;
    if (!arena_grow(c->arena, (void **)&c->lines, &c->lines_capacity, c->n_lines + 1,
                    sizeof *c->lines, err))
        return false;
    c->lines[c->n_lines] = *line;
    if (!line->doubt) c->lines[c->n_lines].doubt = "";
    c->n_lines++;
    return true;
}

bool comparing_add_missing(struct comparing *comparing, const char *text, struct err *err)
{
    struct comparison *c = comparing->comparison;
    if (!text || !arena_grow(c->arena, (void **)&c->missing, &c->missing_capacity, c->n_missing + 1,
                             sizeof *c->missing, err))
        return false;
    c->missing[c->n_missing++] = text;
    return true;
}

/* ---- The runs ---- */

static bool read_side(struct comparison *comparison, const struct side *side,
                      struct comparison_side *out, struct err *err)
{
    static const char RUN[] =
        "SELECT run.name, build.git_revision, build.git_dirty, build.numerics_version, "
        "strftime('%Y-%m-%d %H:%M', run.started_unix_ms / 1000, 'unixepoch'), "
        "coalesce((SELECT min(name) FROM label WHERE label.run = run.id), ''), "
        "(SELECT count(*) FROM run other WHERE " IS_RUN_LIKE_IT ") "
        "FROM run JOIN build ON build.id = run.build WHERE run.id = ?1";
    struct query *query = query_begin_of(side->store, RUN, side->run, err);
    bool ok = query_need(query, "the build of a run", err);
    if (ok) {
        struct arena *arena = comparison->arena;
        *out = (struct comparison_side){.run = side->run,
                                        .name = arena_string(arena, query_text(query, 0), err),
                                        .revision = arena_string(arena, query_text(query, 1), err),
                                        .is_modified = query_integer(query, 2) != 0,
                                        .numerics_version = (int)query_integer(query, 3),
                                        .started = arena_string(arena, query_text(query, 4), err),
                                        .label = arena_string(arena, query_text(query, 5), err),
                                        .n_runs = (size_t)query_integer(query, 6)};
        out->database = arena_string(arena, store_path(side->store), err);
        ok = out->name && out->revision && out->started && out->label && out->database;
    }
    query_close(query);
    return ok;
}

/* Every column that differs is something that is not the same in the runs as a whole. */
static bool compare_runs(struct comparing *comparing, struct err *err)
{
    static const char FACTS[] =
        "SELECT build.numerics_version AS \"engine numerics\", build.version AS \"version\", "
        "substr(build.git_revision, 1, 12) || "
        "CASE build.git_dirty WHEN 1 THEN ', modified' ELSE '' END AS \"program\", "
        "build.compiler AS \"compiler\", build.flags AS \"compiler's flags\", "
        "run.isa AS \"instruction set\", run.n_threads AS \"threads\", "
        "machine.hostname_hash AS \"machine\", machine.cpu_model AS \"processor\", "
        "machine.features AS \"processor's features\", machine.n_cores AS \"cores\", "
        "machine.n_threads_available AS \"threads available\", "
        "round(machine.memory_bytes / 1073741824.0, 1) || ' GiB' AS \"memory\", "
        "machine.os AS \"system\", machine.kernel AS \"kernel\", "
        "machine.governor AS \"governor\", machine.huge_pages AS \"huge pages\" "
        "FROM run JOIN build ON build.id = run.build JOIN machine ON machine.id = run.machine "
        "WHERE run.id = ?1";
    struct arena *arena = comparing->comparison->arena;
    struct query *base = query_begin_of(comparing->base->store, FACTS, comparing->base->run, err);
    struct query *candidate =
        query_begin_of(comparing->candidate->store, FACTS, comparing->candidate->run, err);
    bool ok = query_need(base, "the machine of a run", err) &&
              query_need(candidate, "the machine of a run", err);
    for (int i = 0; ok && i < query_columns(base); i++) {
        if (!strcmp(query_text(base, i), query_text(candidate, i))) continue;
        const struct unlike unlike = {.weight = i == 0 ? UNLIKE_SUBJECT : UNLIKE_CIRCUMSTANCE,
                                      .where = "",
                                      .what = arena_string(arena, query_column_name(base, i), err),
                                      .base = arena_string(arena, query_text(base, i), err),
                                      .candidate =
                                          arena_string(arena, query_text(candidate, i), err)};
        ok = unlike.what && unlike.base && unlike.candidate &&
             comparing_add_unlike(comparing, &unlike, err);
    }
    query_close(base);
    query_close(candidate);
    return ok;
}

/* ---- Over all pairs ---- */

enum { PERMUTATIONS = 20000, PERMUTATION_SEED = 1 };

/* The mean over suites of their changes: suites weigh the same, however many questions they have.
 * One suite alone is decided by its own test. */
static bool pool_scores(struct comparing *comparing, struct err *err)
{
    size_t n = comparing->n_parts;
    struct comparison_line line = {.kind = LINE_POOLED,
                                   .label = "all suites",
                                   .unit = "points",
                                   .better = BETTER_HIGHER,
                                   .base = NAN,
                                   .candidate = NAN,
                                   .p_holm = NAN,
                                   .decides = true};
    if (n < 2) return true;
    struct stats_differences *suites = mem_new_or_end(n, sizeof *suites);
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        const struct pooled_part *part = &comparing->parts[i];
        suites[i] = (struct stats_differences){.items = part->items, .n = part->n};
        line.change.mean += part->change.mean / (double)n;
        line.change.n += part->n;
        squares += part->change.error * part->change.error;
    }
    line.change.error = sqrt(squares) / (double)n;
    double half = stats_normal_quantile(0.975) * line.change.error;
    line.change.interval = (struct interval){line.change.mean - half, line.change.mean + half};
    line.p = stats_pooled_permutation(suites, n, PERMUTATIONS, PERMUTATION_SEED);
    free(suites);
    return comparing_add_line(comparing, &line, err);
}

static bool holds(const struct comparison_line *line, bool decides)
{
    return isfinite(line->p) && line->decides == decides;
}

/* Holm over the lines that decide, and over the others among themselves. */
static void adjust(struct comparison *comparison, bool decides)
{
    double *p = mem_new_or_end(comparison->n_lines + 1, sizeof *p);
    size_t n = 0;
    for (size_t i = 0; i < comparison->n_lines; i++)
        if (holds(&comparison->lines[i], decides)) p[n++] = comparison->lines[i].p;
    stats_holm(p, n);
    n = 0;
    for (size_t i = 0; i < comparison->n_lines; i++)
        if (holds(&comparison->lines[i], decides)) comparison->lines[i].p_holm = p[n++];
    free(p);
}

static bool has_comparable(const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->n_pairs; i++)
        if (!comparison->pairs[i].is_refused) return true;
    return false;
}

/* Says why nothing may be compared: the first refusal, or what is missing. */
static bool refuse(const struct comparison *comparison, struct err *err)
{
    for (size_t i = 0; i < comparison->n_unlikes; i++) {
        const struct unlike *unlike = &comparison->unlikes[i];
        if (unlike->weight == UNLIKE_REFUSED)
            return err_set(err, ERR_INPUT,
                           "these runs are no comparison: %s: %s is %s in the base and %s in the "
                           "candidate; run both with the same one",
                           unlike->where, unlike->what, unlike->base, unlike->candidate);
    }
    return err_set(err, ERR_INPUT, "the runs %lld and %lld have nothing in common%s%s",
                   (long long)comparison->base.run, (long long)comparison->candidate.run,
                   comparison->n_missing ? ": " : "",
                   comparison->n_missing ? comparison->missing[0] : "");
}

static bool compare_all(struct comparing *comparing, struct err *err)
{
    struct comparison *comparison = comparing->comparison;
    bool ok = read_side(comparison, comparing->base, &comparison->base, err) &&
              read_side(comparison, comparing->candidate, &comparison->candidate, err) &&
              compare_runs(comparing, err) && comparing_pair_jobs(comparing, err) &&
              (has_comparable(comparison) || refuse(comparison, err));
    for (size_t i = 0; ok && i < comparison->n_pairs; i++)
        if (!comparison->pairs[i].is_refused && comparison->pairs[i].kind != PAIR_SPEED)
            ok = comparing_read_answers(comparing, &comparison->pairs[i], err);
    ok = ok && pool_scores(comparing, err) && comparing_read_speeds(comparing, err);
    if (!ok) return false;
    adjust(comparison, true);
    adjust(comparison, false);
    return true;
}

struct comparison *comparison_make(const struct side *base, const struct side *candidate,
                                   const struct comparison_options *options, struct err *err)
{
    struct arena *arena = arena_new(MAX_ARENA_BYTES, err);
    struct comparison *comparison = arena ? arena_alloc(arena, 1, sizeof *comparison, err) : NULL;
    struct comparing comparing = {
        .comparison = comparison, .base = base, .candidate = candidate, .options = options};
    if (comparison) {
        comparison->arena = arena;
        comparison->noise = options->noise > 0 ? options->noise : COMPARISON_NOISE;
        if (compare_all(&comparing, err)) return comparison;
    }
    arena_free(arena);
    return NULL;
}

void comparison_free(struct comparison *comparison)
{
    if (comparison) arena_free(comparison->arena);
}

/* ---- What is read of it ---- */

const struct comparison_line *comparison_line(const struct comparison *comparison,
                                              enum line_kind kind, const struct job_pair *pair)
{
    for (size_t i = 0; i < comparison->n_lines; i++)
        if (comparison->lines[i].kind == kind && comparison->lines[i].pair == pair)
            return &comparison->lines[i];
    return NULL;
}

const char *comparison_line_name(enum line_kind kind)
{
    static const char *const NAMES[N_LINE_KINDS] = {
        "score",      "score, over all", "flips",      "log p of the right answer",
        "perplexity", "KL divergence",   "KLD, 99.9%", "KLD, largest",
        "speed",      "memory",          "load time"};
    return NAMES[kind];
}

struct estimate comparison_loss(const struct comparison_line *line)
{
    struct estimate loss = line->change;
    if (line->better == BETTER_LOWER) return loss;
    loss.mean = 0 - line->change.mean; /* no -0 */
    loss.interval =
        (struct interval){0 - line->change.interval.high, 0 - line->change.interval.low};
    return loss;
}

bool comparison_same_bits(const struct comparison *comparison)
{
    bool has_any = false;
    for (size_t i = 0; i < comparison->n_pairs; i++) {
        const struct job_pair *pair = &comparison->pairs[i];
        if (pair->kind == PAIR_SPEED || pair->is_refused) continue;
        if (!pair->same_bits) return false;
        has_any = true;
    }
    return has_any;
}
