/* comparison_jobs.c - the jobs of two runs, paired: first those of the same model, quantization,
 * suite, protocol and shots; then the only ones of a suite on each side, whose models may differ;
 * what was asked in another way is refused, and what has no partner is missing.
 */
#include "results/comparison_parts.h"

#include "base/json.h"
#include "results/store_internal.h"

#include <string.h>

/* ---- Reading ---- */

static bool read_jobs(struct comparing *comparing, const struct side *side, struct job_list *list,
                      struct err *err)
{
    static const char JOBS[] =
        "SELECT job.id, job.suite, job.protocol, model.name_in_config, model.quantization, "
        "job.kind, job.metric, coalesce(dataset.hash, ''), coalesce(model.hash, ''), "
        "coalesce(job.bos, ''), coalesce(job.parameters, ''), coalesce(job.logits_hash, ''), "
        "coalesce(model.tokenizer, ''), job.shots, job.suite_version, job.context_tokens, "
        "job.n_items, job.is_finished "
        "FROM job JOIN model ON model.id = job.model LEFT JOIN dataset ON dataset.id = job.dataset "
        "WHERE job.run = ?1 ORDER BY job.id";
    struct arena *arena = comparing->comparison->arena;
    struct query *query = query_begin_of(side->store, JOBS, side->run, err);
    int more = -1;
    while ((more = query_next(query, err)) > 0) {
        if (!arena_grow(arena, (void **)&list->items, &list->capacity, list->n + 1,
                        sizeof *list->items, err)) {
            more = -1;
            break;
        }
        struct job_facts *job = &list->items[list->n++];
        const char **const texts[] = {&job->suite,        &job->protocol,     &job->model,
                                      &job->quantization, &job->kind,         &job->metric,
                                      &job->data_hash,    &job->weights_hash, &job->bos,
                                      &job->parameters,   &job->logits_hash,  &job->tokenizer};
        bool is_kept = true;
        for (size_t i = 0; is_kept && i < sizeof texts / sizeof *texts; i++)
            is_kept = (*texts[i] = arena_string(arena, query_text(query, (int)i + 1), err)) != NULL;
        if (!is_kept) {
            more = -1;
            break;
        }
        job->id = query_integer(query, 0);
        job->shots = query_integer(query, 13);
        job->suite_version = query_integer(query, 14);
        job->context_tokens = query_integer(query, 15);
        job->n_items = query_integer(query, 16);
        job->is_finished = query_integer(query, 17) != 0;
    }
    query_close(query);
    return more == 0;
}

/* ---- Names ---- */

/* "mmlu hendrycks 5-shot", "throughput". */
static void suite_label(const struct job_facts *job, struct buf *out)
{
    buf_text(out, job->suite);
    if (*job->protocol) buf_printf(out, " %s", job->protocol);
    if (*job->data_hash && job->shots >= 0) buf_printf(out, " %d-shot", (int)job->shots);
}

static void model_label(const struct job_facts *base, const struct job_facts *candidate,
                        struct buf *out)
{
    bool is_same_model = !strcmp(base->model, candidate->model);
    bool is_same_type = !strcmp(base->quantization, candidate->quantization);
    buf_printf(out, "%s %s", base->model, base->quantization);
    if (!is_same_model) buf_printf(out, " / %s %s", candidate->model, candidate->quantization);
    else if (!is_same_type) buf_printf(out, " / %s", candidate->quantization);
}

static const char *pair_label(struct arena *arena, const struct job_facts *base,
                              const struct job_facts *candidate, struct err *err)
{
    struct buf label = {0};
    model_label(base, candidate, &label);
    buf_text(&label, ", ");
    suite_label(base, &label);
    return arena_take(arena, &label, err);
}

/* ---- What is not the same in a pair ---- */

static bool add(struct comparing *comparing, enum unlike_weight weight, const char *where,
                const char *what, const char *base, const char *candidate, struct err *err)
{
    const struct unlike unlike = {weight, where, what, *base ? base : "none",
                                  *candidate ? candidate : "none"};
    return !strcmp(base, candidate) || comparing_add_unlike(comparing, &unlike, err);
}

static bool add_hash(struct comparing *comparing, enum unlike_weight weight, const char *where,
                     const char *what, const char *base, const char *candidate, struct err *err)
{
    enum { SHOWN = 12 };
    struct arena *arena = comparing->comparison->arena;
    const char *short_base = arena_copy(arena, base, strnlen(base, SHOWN), err);
    const char *short_candidate = arena_copy(arena, candidate, strnlen(candidate, SHOWN), err);
    return short_base && short_candidate &&
           (!strcmp(base, candidate) ||
            add(comparing, weight, where, what, short_base, short_candidate, err));
}

static bool add_number(struct comparing *comparing, enum unlike_weight weight, const char *where,
                       const char *what, int64_t base, int64_t candidate, struct err *err)
{
    struct arena *arena = comparing->comparison->arena;
    const char *a = arena_printf(arena, err, "%lld", (long long)base);
    const char *b = arena_printf(arena, err, "%lld", (long long)candidate);
    return a && b && add(comparing, weight, where, what, a, b, err);
}

static const char *member_text(struct arena *arena, const struct json *value, struct err *err)
{
    struct buf text = {0};
    struct json_writer writer = {.out = &text};
    if (!value) return "";
    if (json_kind(value) == JSON_KIND_STRING)
        return arena_string(arena, json_as_string(value, ""), err);
    if (!json_put_value(&writer, value, err)) {
        buf_free(&text);
        return NULL;
    }
    return arena_take(arena, &text, err);
}

/* Members of `a` that `b` has otherwise; those that it lacks are looked at from one side only. */
static bool add_members(struct comparing *comparing, const char *where, const struct json *a,
                        const struct json *b, bool is_reverse, struct err *err)
{
    struct arena *arena = comparing->comparison->arena;
    const struct json *value;
    const char *key;
    for (void *it = NULL; a && (it = json_next_member(a, it, &key, &value));) {
        const struct json *other = json_get(b, key);
        if (is_reverse && other) continue;
        const char *mine = member_text(arena, value, err), *theirs = member_text(arena, other, err);
        const char *what = arena_string(arena, key, err);
        if (!mine || !theirs || !what ||
            !add(comparing, UNLIKE_SUBJECT, where, what, is_reverse ? theirs : mine,
                 is_reverse ? mine : theirs, err))
            return false;
    }
    return true;
}

static bool add_parameters(struct comparing *comparing, const char *where,
                           const struct job_facts *base, const struct job_facts *candidate,
                           struct err *err)
{
    if (!strcmp(base->parameters, candidate->parameters)) return true;
    const char *texts[] = {*base->parameters ? base->parameters : "{}",
                           *candidate->parameters ? candidate->parameters : "{}"};
    struct json *a = json_parse(texts[0], strlen(texts[0]), "a job's parameters", err);
    struct json *b = a ? json_parse(texts[1], strlen(texts[1]), "a job's parameters", err) : NULL;
    bool ok = b && add_members(comparing, where, a, b, false, err) &&
              add_members(comparing, where, b, a, true, err);
    json_free(a);
    json_free(b);
    return ok;
}

static bool add_differences(struct comparing *comparing, const struct job_pair *pair,
                            const struct job_facts *base, const struct job_facts *candidate,
                            struct err *err)
{
    const char *where = pair->label;
    return add(comparing, UNLIKE_SUBJECT, where, "model", base->model, candidate->model, err) &&
           add(comparing, UNLIKE_SUBJECT, where, "quantization", base->quantization,
               candidate->quantization, err) &&
           add_hash(comparing, UNLIKE_SUBJECT, where, "weights", base->weights_hash,
                    candidate->weights_hash, err) &&
           add(comparing, UNLIKE_SUBJECT, where, "tokenizer", base->tokenizer, candidate->tokenizer,
               err) &&
           add_parameters(comparing, where, base, candidate, err) &&
           add_number(comparing, UNLIKE_REFUSED, where, "version of the suite", base->suite_version,
                      candidate->suite_version, err) &&
           add(comparing, UNLIKE_REFUSED, where, "metric", base->metric, candidate->metric, err) &&
           add_hash(comparing, UNLIKE_REFUSED, where, "data", base->data_hash, candidate->data_hash,
                    err);
}

/* ---- Pairing ---- */

static bool is_same_question(const struct job_facts *a, const struct job_facts *b)
{
    return !strcmp(a->suite, b->suite) && !strcmp(a->protocol, b->protocol) && a->shots == b->shots;
}

static bool is_same_model(const struct job_facts *a, const struct job_facts *b)
{
    return !strcmp(a->model, b->model) && !strcmp(a->quantization, b->quantization);
}

static bool is_same_model_and_question(const struct job_facts *a, const struct job_facts *b)
{
    return is_same_model(a, b) && is_same_question(a, b);
}

static bool is_same_model_and_suite(const struct job_facts *a, const struct job_facts *b)
{
    return is_same_model(a, b) && !strcmp(a->suite, b->suite);
}

static enum pair_kind kind_of(const struct job_facts *job)
{
    if (!strcmp(job->kind, "questions")) return PAIR_QUESTIONS;
    return !strcmp(job->kind, "text") ? PAIR_TEXT : PAIR_SPEED;
}

static bool add_pair(struct comparing *comparing, struct job_facts *base,
                     struct job_facts *candidate, bool is_refused, struct err *err)
{
    struct comparison *comparison = comparing->comparison;
    struct job_pair *pair = &comparison->pairs[comparison->n_pairs++];
    size_t first = comparison->n_unlikes;
    *pair = (struct job_pair){.kind = kind_of(base),
                              .label = pair_label(comparison->arena, base, candidate, err),
                              .suite = base->suite,
                              .metric = base->metric,
                              .base = base->id,
                              .candidate = candidate->id,
                              .cause = "",
                              .is_finished = base->is_finished && candidate->is_finished,
                              .is_refused = is_refused};
    base->is_paired = candidate->is_paired = true;
    if (!pair->label || !add_differences(comparing, pair, base, candidate, err)) return false;
    for (size_t i = first; i < comparison->n_unlikes; i++)
        if (comparison->unlikes[i].weight == UNLIKE_REFUSED) pair->is_refused = true;
    pair->same_numerics =
        comparison->base.numerics_version == comparison->candidate.numerics_version &&
        !strcmp(base->weights_hash, candidate->weights_hash) &&
        !strcmp(base->parameters, candidate->parameters);
    pair->same_bits = *base->logits_hash && !strcmp(base->logits_hash, candidate->logits_hash);
    return true;
}

typedef bool match_fn(const struct job_facts *a, const struct job_facts *b);

/* The first job of the list that is not paired yet and matches; NULL if there is none, or if there
 * are several and only one will do. */
static struct job_facts *find(struct job_list *list, const struct job_facts *wanted,
                              match_fn *match, bool is_only)
{
    struct job_facts *found = NULL;
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].is_paired || !match(&list->items[i], wanted)) continue;
        if (found) return NULL;
        found = &list->items[i];
        if (!is_only) break;
    }
    return found;
}

/* Two throughput suites of one model match each other in the order of the configuration. */
static bool pair_by(struct comparing *comparing, match_fn *match, bool is_only, struct err *err)
{
    for (size_t i = 0; i < comparing->base_jobs.n; i++) {
        struct job_facts *base = &comparing->base_jobs.items[i];
        struct job_facts *candidate =
            base->is_paired ? NULL : find(&comparing->candidate_jobs, base, match, is_only);
        if (!candidate || find(&comparing->base_jobs, candidate, match, is_only) != base) continue;
        if (!add_pair(comparing, base, candidate, false, err)) return false;
    }
    return true;
}

/* What is left of one model and suite was asked in another way. */
static bool refuse_others(struct comparing *comparing, struct err *err)
{
    for (size_t i = 0; i < comparing->base_jobs.n; i++) {
        struct job_facts *base = &comparing->base_jobs.items[i];
        struct job_facts *candidate =
            base->is_paired ? NULL
                            : find(&comparing->candidate_jobs, base, is_same_model_and_suite, true);
        if (!candidate) continue;
        const char *where = pair_label(comparing->comparison->arena, base, candidate, err);
        if (!where ||
            !add(comparing, UNLIKE_REFUSED, where, "protocol", base->protocol, candidate->protocol,
                 err) ||
            !add_number(comparing, UNLIKE_REFUSED, where, "number of examples", base->shots,
                        candidate->shots, err) ||
            !add_pair(comparing, base, candidate, true, err))
            return false;
    }
    return true;
}

static bool tell_missing(struct comparing *comparing, const struct job_list *list, const char *who,
                         struct err *err)
{
    for (size_t i = 0; i < list->n; i++) {
        struct buf text = {0};
        if (list->items[i].is_paired) continue;
        buf_printf(&text, "the %s has no %s %s, ", who, list->items[i].model,
                   list->items[i].quantization);
        suite_label(&list->items[i], &text);
        if (!comparing_add_missing(comparing, arena_take(comparing->comparison->arena, &text, err),
                                   err))
            return false;
    }
    return true;
}

bool comparing_pair_jobs(struct comparing *comparing, struct err *err)
{
    struct comparison *comparison = comparing->comparison;
    struct job_list *base = &comparing->base_jobs, *candidate = &comparing->candidate_jobs;
    if (!read_jobs(comparing, comparing->base, base, err) ||
        !read_jobs(comparing, comparing->candidate, candidate, err))
        return false;
    comparison->pairs = arena_alloc(comparison->arena, base->n + 1, sizeof *comparison->pairs, err);
    return comparison->pairs && pair_by(comparing, is_same_model_and_question, false, err) &&
           pair_by(comparing, is_same_question, true, err) && refuse_others(comparing, err) &&
           tell_missing(comparing, base, "candidate", err) &&
           tell_missing(comparing, candidate, "base", err);
}
