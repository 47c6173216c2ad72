/* comparison_answers.c - the answers of a pair of jobs: flips, changed prompts, and the lines of
 * scores, log-probabilities, perplexity and divergence.
 *
 * Where all logits are equal, nothing is tested: equal inputs of the same grading have equal
 * scores.
 */
#include "results/comparison_parts.h"

#include "base/json.h"
#include "base/mem.h"
#include "results/joined_answers.h"
#include "results/prompt_change.h"
#include "results/stats/distributions.h"
#include "results/stats/means.h"
#include "results/stats/order.h"
#include "results/stats/rates.h"
#include "results/store_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VALUES = 1 << 27, FEW_CLUSTERS = 10 };

/* Differences with the cluster that each belongs to. */
struct values {
    double *items;
    uint32_t *clusters;
    size_t n, capacity, clusters_capacity;
};

struct reading {
    struct comparing *comparing;
    struct job_pair *pair;
    const struct metric *metric;
    struct values scores, right, divergences;
    struct cluster_names {
        const char **items;
        size_t n, capacity;
    } clusters;
    bool is_clustered, is_binary;
    double base_score, candidate_score; /* sums */
    double base_divergence;             /* sum, of a text's tokens */
    uint64_t n_base_divergences;
    uint64_t n_right_base, n_both;     /* of binary scores */
    uint64_t n_hashed;                 /* items of which both sides' logits are known */
    int64_t least_tokens, most_tokens; /* by which prompts of the candidate are longer */
    double *flip_weights;              /* [pair->n_flips], descending */
};

static void reading_done(struct reading *reading)
{
    struct values *const all[] = {&reading->scores, &reading->right, &reading->divergences};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        free(all[i]->items);
        free(all[i]->clusters);
    }
    free(reading->clusters.items);
    free(reading->flip_weights);
}

static bool add_value(struct values *values, double item, uint32_t cluster, struct err *err)
{
    if (!mem_grow((void **)&values->items, &values->capacity, values->n + 1, sizeof *values->items,
                  MAX_VALUES, err) ||
        !mem_grow((void **)&values->clusters, &values->clusters_capacity, values->n + 1,
                  sizeof *values->clusters, MAX_VALUES, err))
        return false;
    values->clusters[values->n] = cluster;
    values->items[values->n++] = item;
    return true;
}

/* The number of a cluster's name: the same name comes mostly again at once. */
static bool find_cluster(struct reading *reading, const char *name, uint32_t *cluster,
                         struct err *err)
{
    struct cluster_names *names = &reading->clusters;
    for (size_t i = names->n; i-- > 0;)
        if (!strcmp(names->items[i], name)) {
            *cluster = (uint32_t)i;
            return true;
        }
    if (!mem_grow((void **)&names->items, &names->capacity, names->n + 1, sizeof *names->items,
                  MAX_VALUES, err))
        return false;
    const char *kept = arena_string(reading->comparing->comparison->arena, name, err);
    *cluster = (uint32_t)names->n;
    names->items[names->n++] = kept;
    return kept != NULL;
}

/* What answers cluster by: both turns of a question of MT-bench (key QUESTION/TURN) and questions
 * about one picture (PICTURE/...), else the finest group, unless it says where questions come from
 * or whether they have a picture, which is no sample of anything. */
static bool cluster_of(struct reading *reading, const struct joined_answer *answer,
                       uint32_t *cluster, struct err *err)
{
    bool has_split = !*answer->group || !strcmp(answer->level, "split");
    bool is_by_key = has_split && strchr(answer->key, '/');
    if (reading->metric->kind == METRIC_OF_JUDGES || is_by_key) {
        char question[256];
        snprintf(question, sizeof question, "%.*s", (int)strcspn(answer->key, "/"), answer->key);
        return find_cluster(reading, question, cluster, err);
    }
    if (has_split || !strcmp(answer->level, "source") || !strcmp(answer->level, "picture")) {
        *cluster = 0;
        reading->is_clustered = false;
        return true;
    }
    return find_cluster(reading, answer->group, cluster, err);
}

/* ---- Prompts ---- */

static const char *prompt_text(struct store *store, int64_t prompt, struct arena *arena,
                               struct err *err)
{
    static const char PROMPT[] = "SELECT text FROM v_prompts WHERE prompt = ?1";
    struct query *query = query_begin_of(store, PROMPT, prompt, err);
    int more = query_next(query, err);
    const char *text = more < 0 ? NULL : arena_string(arena, more ? query_text(query, 0) : "", err);
    query_close(query);
    return text;
}

/* Says once for the pair what the first two prompts that differ are like. */
static bool describe_prompts(struct reading *reading, const struct joined_answer *base,
                             const struct joined_answer *candidate, struct err *err)
{
    const struct comparing *comparing = reading->comparing;
    struct arena *arena = comparing->comparison->arena;
    if (*reading->pair->cause || !base->prompt || !candidate->prompt) return true;
    const char *before = prompt_text(comparing->base->store, base->prompt, arena, err);
    const char *after =
        before ? prompt_text(comparing->candidate->store, candidate->prompt, arena, err) : NULL;
    struct buf text = {0};
    if (!after) return false;
    buf_printf(&text, "in %s ", base->key);
    prompt_change(before, after, &text);
    return (reading->pair->cause = arena_take(arena, &text, err)) != NULL;
}

static bool read_prompts(struct reading *reading, const struct joined_answer *base,
                         const struct joined_answer *candidate, struct err *err)
{
    struct job_pair *pair = reading->pair;
    bool knows_prompts = *base->prompt_hash && *candidate->prompt_hash;
    bool knows_tokens = *base->tokens_hash && *candidate->tokens_hash;
    int64_t longer = candidate->n_prompt_tokens - base->n_prompt_tokens;
    if (knows_prompts && strcmp(base->prompt_hash, candidate->prompt_hash) != 0) {
        pair->n_prompts++;
        return describe_prompts(reading, base, candidate, err);
    }
    if (knows_tokens ? strcmp(base->tokens_hash, candidate->tokens_hash) != 0 : longer != 0) {
        if (!pair->n_tokens || longer < reading->least_tokens) reading->least_tokens = longer;
        if (!pair->n_tokens || longer > reading->most_tokens) reading->most_tokens = longer;
        pair->n_tokens++;
    }
    return true;
}

/* ---- Flips ---- */

/* Keeps the flip among the n_flips whose margins moved most. */
static bool keep_flip(struct reading *reading, const struct joined_answer *base,
                      const struct joined_answer *candidate, struct err *err)
{
    struct job_pair *pair = reading->pair;
    const struct comparing *comparing = reading->comparing;
    struct arena *arena = comparing->comparison->arena;
    size_t most = comparing->options->n_flips, at = pair->n_flips;
    double weight = fabs(candidate->margin - base->margin);
    if (!isfinite(weight)) weight = 0;
    while (at && reading->flip_weights[at - 1] < weight) at--;
    if (at >= most) return true;
    size_t n_moved = (pair->n_flips < most ? pair->n_flips : most - 1) - at;
    memmove(&pair->flips[at + 1], &pair->flips[at], n_moved * sizeof *pair->flips);
    memmove(&reading->flip_weights[at + 1], &reading->flip_weights[at],
            n_moved * sizeof *reading->flip_weights);
    if (pair->n_flips < most) pair->n_flips++;
    reading->flip_weights[at] = weight;
    struct flip *flip = &pair->flips[at];
    *flip = (struct flip){.key = arena_string(arena, base->key, err),
                          .expected = arena_string(arena, base->expected, err),
                          .base = arena_string(arena, base->predicted, err),
                          .candidate = arena_string(arena, candidate->predicted, err),
                          .prompt = prompt_text(comparing->base->store, base->prompt, arena, err),
                          .margin_base = base->margin,
                          .margin_candidate = candidate->margin,
                          .is_lost = base->is_correct};
    return flip->key && flip->expected && flip->base && flip->candidate && flip->prompt &&
           store_find_pictures(comparing->base->store, pair->base, base->key, arena,
                               &flip->pictures, &flip->n_pictures, err);
}

static bool read_flip(struct reading *reading, const struct joined_answer *base,
                      const struct joined_answer *candidate, struct err *err)
{
    struct job_pair *pair = reading->pair;
    if (base->is_correct == candidate->is_correct) {
        pair->n_changed += strcmp(base->predicted, candidate->predicted) != 0;
        return true;
    }
    if (base->is_correct) pair->n_lost++;
    else pair->n_gained++;
    return !reading->comparing->options->n_flips || keep_flip(reading, base, candidate, err);
}

/* ---- Contents ---- */

static double choice_logprob(const struct json *choices, size_t i)
{
    return json_as_number(json_get(json_at(choices, i), "logprob"), NAN);
}

/* Kullback-Leibler divergence of the candidate's distribution over the choices from the base's. */
static double choices_divergence(const struct json *base, const struct json *candidate)
{
    size_t n = json_length(base);
    double sums[2] = {0, 0}, most[2] = {-INFINITY, -INFINITY}, divergence = 0;
    if (n < 2 || n != json_length(candidate)) return NAN;
    for (size_t i = 0; i < n; i++) {
        most[0] = fmax(most[0], choice_logprob(base, i));
        most[1] = fmax(most[1], choice_logprob(candidate, i));
    }
    for (size_t i = 0; i < n; i++) {
        sums[0] += exp(choice_logprob(base, i) - most[0]);
        sums[1] += exp(choice_logprob(candidate, i) - most[1]);
    }
    for (size_t i = 0; i < n; i++) {
        double log_base = choice_logprob(base, i) - most[0] - log(sums[0]);
        double log_candidate = choice_logprob(candidate, i) - most[1] - log(sums[1]);
        divergence += exp(log_base) * (log_base - log_candidate);
    }
    return divergence < 0 ? 0 : divergence; /* rounding */
}

static bool read_choices(struct reading *reading, const struct joined_answer *base,
                         const struct json *a, const struct json *b, struct err *err)
{
    const struct json *before = json_get(a, "choices"), *after = json_get(b, "choices");
    size_t n = json_length(before), i_right = (size_t)(base->expected[0] - 'A');
    double divergence = choices_divergence(before, after);
    uint32_t cluster;
    if (!n || !cluster_of(reading, base, &cluster, err)) return !n;
    if (isfinite(divergence) &&
        !add_value(&reading->divergences, divergence, (uint32_t)reading->divergences.n, err))
        return false;
    if (!base->expected[0] || base->expected[1] || i_right >= n) return true;
    double change = choice_logprob(after, i_right) - choice_logprob(before, i_right);
    return !isfinite(change) || add_value(&reading->right, change, cluster, err);
}

/* A chunk of a text: the divergences of its tokens from those of a reference. */
static bool read_chunk(struct reading *reading, const struct json *a, const struct json *b,
                       uint32_t chunk, struct err *err)
{
    const struct json *before = json_get(json_get(a, "tokens"), "divergence");
    const struct json *after = json_get(json_get(b, "tokens"), "divergence");
    for (size_t i = 0; i < json_length(before); i++, reading->n_base_divergences++)
        reading->base_divergence += json_as_number(json_at(before, i), 0);
    for (size_t i = 0; i < json_length(after); i++)
        if (!add_value(&reading->divergences, json_as_number(json_at(after, i), 0), chunk, err))
            return false;
    return true;
}

static void read_text(struct reading *reading, const struct json *a, const struct json *b)
{
    const char *before = json_as_string(json_get(a, "text"), NULL);
    const char *after = json_as_string(json_get(b, "text"), NULL);
    if (!before || !after) return;
    size_t n = strlen(before);
    if (n && !strncmp(before, after, n) && after[n]) reading->pair->n_longer++;
}

static bool read_contents(struct reading *reading, const struct joined_answer *base,
                          const struct joined_answer *candidate, struct err *err)
{
    struct json *a = json_parse(base->content, strlen(base->content), "a response", err);
    struct json *b =
        a ? json_parse(candidate->content, strlen(candidate->content), "a response", err) : NULL;
    bool ok = b != NULL;
    if (ok && reading->pair->kind == PAIR_TEXT)
        ok = read_chunk(reading, a, b, (uint32_t)(reading->pair->n - 1), err);
    else if (ok) {
        read_text(reading, a, b);
        ok = read_choices(reading, base, a, b, err);
    }
    json_free(a);
    json_free(b);
    return ok;
}

/* ---- An item ---- */

static bool read_scores(struct reading *reading, const struct joined_answer *base,
                        const struct joined_answer *candidate, struct err *err)
{
    bool is_judged = reading->metric->kind == METRIC_OF_JUDGES;
    uint32_t cluster;
    /* A turn without a judgment has 0 points; a chunk that did not fit has no loss. */
    if (is_judged && (base->score == 0 || candidate->score == 0)) return true;
    if (reading->pair->kind == PAIR_TEXT && (!base->answered || !candidate->answered)) return true;
    if (!cluster_of(reading, base, &cluster, err)) return false;
    reading->base_score += base->score;
    reading->candidate_score += candidate->score;
    reading->is_binary = reading->is_binary && (base->score == 0 || base->score == 1) &&
                         (candidate->score == 0 || candidate->score == 1);
    reading->n_right_base += base->score == 1;
    reading->n_both += base->score == 1 && candidate->score == 1;
    return add_value(&reading->scores, candidate->score - base->score, cluster, err);
}

/* Whether the candidate's answer is the base's own, be their programs the same. Older programs kept
 * no origin (and no hash of the tokens): their copies have the base's time, to the nanosecond. */
static bool is_of_base(const struct reading *reading, const struct joined_answer *base,
                       const struct joined_answer *candidate)
{
    const struct comparing *comparing = reading->comparing;
    if (!*candidate->tokens_hash && candidate->duration_ns)
        return candidate->duration_ns == base->duration_ns;
    return comparing->base->store == comparing->candidate->store &&
           (candidate->origin == comparing->base->run ||
            comparing->base->run == comparing->candidate->run);
}

static bool read_item(struct reading *reading, const struct joined_answer *base,
                      const struct joined_answer *candidate, struct err *err)
{
    struct job_pair *pair = reading->pair;
    pair->n++;
    pair->n_taken_over += candidate->is_copy || is_of_base(reading, base, candidate);
    reading->n_hashed += *base->logits_hash && *candidate->logits_hash;
    pair->n_logits += *base->logits_hash && *candidate->logits_hash &&
                      strcmp(base->logits_hash, candidate->logits_hash) != 0;
    return read_prompts(reading, base, candidate, err) &&
           (pair->kind == PAIR_TEXT || read_flip(reading, base, candidate, err)) &&
           read_scores(reading, base, candidate, err) &&
           (!*base->content || read_contents(reading, base, candidate, err));
}

/* ---- Lines ---- */

static bool add_line(struct reading *reading, struct comparison_line line, struct err *err)
{
    line.pair = reading->pair;
    line.label = reading->pair->label;
    line.p_holm = NAN;
    return comparing_add_line(reading->comparing, &line, err);
}

static struct estimate scaled(struct estimate estimate, double by)
{
    estimate.mean *= by;
    estimate.error *= by;
    estimate.interval.low *= by;
    estimate.interval.high *= by;
    return estimate;
}

/* Clustered where there are enough clusters for it; Newcombe's interval of right and wrong
 * otherwise, which holds for few questions too. */
static struct estimate score_change(const struct reading *reading)
{
    const struct values *scores = &reading->scores;
    bool is_clustered = reading->is_clustered && reading->clusters.n >= FEW_CLUSTERS;
    struct estimate change = stats_mean(scores->items, is_clustered ? scores->clusters : NULL,
                                        scores->n, reading->clusters.n);
    if (is_clustered || !reading->is_binary) return change;
    uint64_t only_base = reading->n_right_base - reading->n_both;
    uint64_t only_candidate = (uint64_t)llround(reading->candidate_score) - reading->n_both;
    change.interval = stats_newcombe(reading->n_both, only_base, only_candidate,
                                     scores->n - reading->n_both - only_base - only_candidate)
                          .interval;
    return change;
}

static double score_p(const struct reading *reading, const struct estimate *change)
{
    if (!reading->is_binary)
        return change->error > 0 ? stats_student_p(change->mean / change->error, change->n - 1)
                                 : (change->mean == 0 ? 1 : NAN);
    return stats_mcnemar(reading->n_right_base - reading->n_both,
                         (uint64_t)llround(reading->candidate_score) - reading->n_both);
}

static bool pool(struct reading *reading, const struct estimate *change, struct err *err)
{
    struct comparing *comparing = reading->comparing;
    struct arena *arena = comparing->comparison->arena;
    if (!arena_grow(arena, (void **)&comparing->parts, &comparing->parts_capacity,
                    comparing->n_parts + 1, sizeof *comparing->parts, err))
        return false;
    const double *items = arena_copy_array(arena, reading->scores.items, reading->scores.n,
                                           sizeof *reading->scores.items, err);
    comparing->parts[comparing->n_parts++] =
        (struct pooled_part){items, reading->scores.n, *change};
    return items != NULL;
}

static bool add_score(struct reading *reading, struct err *err)
{
    const struct metric *metric = reading->metric;
    double n = (double)reading->scores.n;
    if (!reading->scores.n) return true;
    struct estimate change = scaled(score_change(reading), metric->scale);
    struct comparison_line line = {.kind = LINE_SCORE,
                                   .unit = metric_is_percent(metric) ? "points" : metric->unit,
                                   .better = BETTER_HIGHER,
                                   .base = metric->scale * reading->base_score / n,
                                   .candidate = metric->scale * reading->candidate_score / n,
                                   .change = change,
                                   .p = score_p(reading, &change)};
    if (!add_line(reading, line, err)) return false;
    return !metric_is_percent(metric) || pool(reading, &change, err);
}

static bool add_flips(struct reading *reading, struct err *err)
{
    const struct job_pair *pair = reading->pair;
    uint64_t n_flips = pair->n_lost + pair->n_gained;
    if (!pair->n) return true;
    double rate = (double)n_flips / (double)pair->n;
    return add_line(
        reading,
        (struct comparison_line){
            .kind = LINE_FLIPS,
            .unit = "%",
            .better = BETTER_LOWER,
            .base = NAN,
            .candidate = 100 * rate,
            .change =
                scaled((struct estimate){rate, NAN, stats_wilson(n_flips, pair->n), pair->n}, 100),
            .p = NAN,
            .is_tripwire = true},
        err);
}

static bool add_right_logprob(struct reading *reading, struct err *err)
{
    const struct values *right = &reading->right;
    if (right->n < 2) return true;
    struct estimate change =
        stats_mean(right->items, reading->is_clustered ? right->clusters : NULL, right->n,
                   reading->clusters.n);
    return add_line(
        reading,
        (struct comparison_line){.kind = LINE_RIGHT_LOGPROB,
                                 .unit = "nats",
                                 .better = BETTER_HIGHER,
                                 .base = NAN,
                                 .candidate = NAN,
                                 .change = change,
                                 .p = stats_student_p(change.mean / change.error, change.n - 1)},
        err);
}

/* The ratio of the perplexities: the exponential of the mean difference of the chunks' losses. */
static bool add_perplexity(struct reading *reading, struct err *err)
{
    const struct values *scores = &reading->scores;
    double n = (double)scores->n;
    if (!scores->n) return true;
    struct estimate difference = stats_mean(scores->items, NULL, scores->n, 1);
    struct estimate change = scaled(stats_exponential(difference), 100);
    change.mean -= 100;
    change.interval.low -= 100;
    change.interval.high -= 100;
    double p = difference.error > 0
                   ? stats_student_p(difference.mean / difference.error, difference.n - 1)
                   : NAN;
    return add_line(reading,
                    (struct comparison_line){.kind = LINE_PERPLEXITY,
                                             .unit = "%",
                                             .better = BETTER_LOWER,
                                             .base = exp(reading->base_score / n),
                                             .candidate = exp(reading->candidate_score / n),
                                             .change = change,
                                             .p = p,
                                             .decides = true},
                    err);
}

/* Divergence says how much changed; of a text's it is that from a reference, less the base's. */
static bool add_divergence(struct reading *reading, struct err *err)
{
    struct values *values = &reading->divergences;
    if (values->n < 2) return true;
    size_t n_chunks = values->clusters[values->n - 1] + (size_t)1;
    double base = reading->n_base_divergences
                      ? reading->base_divergence / (double)reading->n_base_divergences
                      : NAN;
    struct estimate mean = stats_mean(values->items, values->clusters, values->n, n_chunks);
    struct comparison_line line = {.kind = LINE_KLD,
                                   .unit = "nats",
                                   .better = BETTER_LOWER,
                                   .base = base,
                                   .candidate = mean.mean,
                                   .change = mean,
                                   .p = NAN,
                                   .is_tripwire = true};
    if (isfinite(base)) {
        line.change.mean -= base;
        line.change.interval.low -= base;
        line.change.interval.high -= base;
    }
    if (!add_line(reading, line, err)) return false;
    stats_sort(values->items, values->n);
    line.base = NAN;
    line.kind = LINE_KLD_TAIL;
    line.change = stats_quantile_estimate(values->items, values->n, 0.999);
    line.candidate = line.change.mean;
    if (!add_line(reading, line, err)) return false;
    line.kind = LINE_KLD_MAX;
    line.candidate = values->items[values->n - 1];
    line.change = (struct estimate){line.candidate, NAN, {NAN, NAN}, values->n};
    return add_line(reading, line, err);
}

/* ---- A pair ---- */

/* In words, what answers and prompts that differ have in common, unless prompts said it. */
static bool tell_cause(struct reading *reading, struct err *err)
{
    struct job_pair *pair = reading->pair;
    struct buf text = {0};
    int64_t longer = reading->least_tokens;
    if (*pair->cause) return true;
    if (pair->n_tokens && longer == reading->most_tokens && longer)
        buf_printf(&text,
                   "the texts of the prompts are the same, and all of these have %lld token%s %s"
                   "%s",
                   llabs((long long)longer), llabs((long long)longer) == 1 ? "" : "s",
                   longer < 0 ? "fewer" : "more",
                   llabs((long long)longer) == 1 ? ": BOS, or another special token" : "");
    else if (pair->n_longer && 2 * pair->n_longer > pair->n_lost + pair->n_gained)
        buf_printf(&text,
                   "%llu answers begin with the base's and go on: a stop string may be missing",
                   (unsigned long long)pair->n_longer);
    return (pair->cause = arena_take(reading->comparing->comparison->arena, &text, err)) != NULL;
}

static bool read_all(struct reading *reading, struct err *err)
{
    struct comparing *comparing = reading->comparing;
    struct job_pair *pair = reading->pair;
    struct joined_answer base, candidate;
    struct joined_answers *joined =
        joined_answers_open(comparing->base->store, pair->base, comparing->candidate->store,
                            pair->candidate, !pair->same_bits, err);
    int more = -1;
    while (joined && (more = joined_answers_next(joined, &base, &candidate, err)) > 0)
        if (!read_item(reading, &base, &candidate, err)) {
            more = -1;
            break;
        }
    if (joined) joined_answers_counts(joined, &pair->n_base, &pair->n_candidate);
    joined_answers_close(joined);
    /* A job that stopped early has a hash over its own items alone. */
    pair->same_bits = pair->n > 0 && reading->n_hashed == pair->n && !pair->n_logits;
    return more == 0;
}

bool comparing_read_answers(struct comparing *comparing, struct job_pair *pair, struct err *err)
{
    size_t most = comparing->options->n_flips;
    struct reading reading = {.comparing = comparing,
                              .pair = pair,
                              .metric = metric_find(pair->metric),
                              .is_clustered = pair->kind != PAIR_TEXT,
                              .is_binary = true};
    reading.flip_weights = mem_new(most + 1, sizeof *reading.flip_weights, err);
    pair->flips = arena_alloc(comparing->comparison->arena, most + 1, sizeof *pair->flips, err);
    bool ok =
        reading.flip_weights && pair->flips && read_all(&reading, err) && tell_cause(&reading, err);
    if (ok && pair->kind == PAIR_TEXT)
        ok = pair->same_bits || (add_perplexity(&reading, err) && add_divergence(&reading, err));
    else if (ok)
        ok = add_score(&reading, err) &&
             (pair->same_bits || (add_flips(&reading, err) && add_right_logprob(&reading, err) &&
                                  add_divergence(&reading, err)));
    reading_done(&reading);
    return ok;
}
