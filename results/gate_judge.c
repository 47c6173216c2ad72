/* gate_judge.c - see gate_judge.h. First what needs no statistics: numerics, prompts, bits, what is
 * missing; then every line that a margin limits. A FAIL by an interval must also hold as one of
 * many: Holm over the one-sided tests of all of them.
 */
#include "results/gate_judge.h"

#include "base/mem.h"
#include "results/stats/distributions.h"
#include "results/stats/power.h"
#include "results/stats/several.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Two-sided 95% intervals: each side errs with this probability. */
static const double LEVEL = 0.025;

struct judging {
    const struct comparison *comparison;
    const struct gate_margins *margins;
    struct gate *gate;
};

const char *gate_verdict_name(enum gate_verdict verdict)
{
    static const char *const NAMES[] = {"PASS", "FAIL", "CANNOT TELL"};
    return NAMES[verdict];
}

static bool add_check(struct judging *judging, const struct gate_check *check, struct err *err)
{
    struct gate *gate = judging->gate;
    if (!check->reason || !arena_grow(judging->comparison->arena, (void **)&gate->checks,
                                      &gate->capacity, gate->n + 1, sizeof *gate->checks, err))
        return false;
    gate->checks[gate->n++] = *check;
    return true;
}

static bool add_fact(struct judging *judging, enum gate_verdict verdict, const char *what,
                     const char *where, const char *reason, struct err *err)
{
    const struct gate_check check = {.verdict = verdict,
                                     .what = what,
                                     .where = where,
                                     .loss = {NAN, NAN, {NAN, NAN}, 0},
                                     .margin = NAN,
                                     .detectable = NAN,
                                     .p_beyond = NAN,
                                     .reason = reason};
    return add_check(judging, &check, err);
}

/* ---- What needs no statistics ---- */

static bool check_numerics(struct judging *judging, struct err *err)
{
    const struct comparison *c = judging->comparison;
    int base = c->base.numerics_version, candidate = c->candidate.numerics_version;
    bool is_same = base == candidate;
    const char *reason =
        is_same ? arena_printf(c->arena, err, "version %d in both", base)
                : arena_printf(c->arena, err, "version %d became %d%s", base, candidate,
                               judging->margins->numerics_may_change
                                   ? ", as it may"
                                   : "; if that is meant, \"numerics: may change\" allows it");
    enum gate_verdict verdict =
        is_same || judging->margins->numerics_may_change ? GATE_PASS : GATE_FAIL;
    return add_fact(judging, verdict, "numerics", "", reason, err);
}

static bool check_prompts(struct judging *judging, const struct job_pair *pair, struct err *err)
{
    struct arena *arena = judging->comparison->arena;
    uint64_t n = pair->n_prompts + pair->n_tokens;
    if (!n || judging->margins->prompts_may_change) return true;
    const char *reason = arena_printf(arena, err, "%llu of %llu items were asked otherwise: %s%s%s",
                                      (unsigned long long)n, (unsigned long long)pair->n,
                                      pair->n_prompts ? "the prompts differ" : "the tokens differ",
                                      *pair->cause ? "; " : "", pair->cause);
    return add_fact(judging, GATE_FAIL, "prompts", pair->label, reason, err);
}

/* Bits that changed although the engine's version says that they did not. */
static bool check_bits(struct judging *judging, const struct job_pair *pair, struct err *err)
{
    struct arena *arena = judging->comparison->arena;
    if (pair->same_bits && !pair->n_taken_over)
        return add_fact(judging, GATE_PASS, "bits", pair->label,
                        "all logits are equal, so that no test of quality is needed", err);
    if (pair->n_taken_over)
        return add_fact(judging, GATE_CANNOT_TELL, "bits", pair->label,
                        arena_printf(arena, err,
                                     "%llu of %llu answers were taken over from another run, not "
                                     "computed by the candidate: run it with --fresh",
                                     (unsigned long long)pair->n_taken_over,
                                     (unsigned long long)pair->n),
                        err);
    if (!pair->same_numerics || pair->n_prompts || pair->n_tokens || !pair->n_logits) return true;
    return add_fact(judging, judging->margins->bits_may_change ? GATE_PASS : GATE_FAIL, "bits",
                    pair->label,
                    arena_printf(arena, err,
                                 "the logits of %llu of %llu items changed, and the version of the "
                                 "engine's numerics did not%s%s",
                                 (unsigned long long)pair->n_logits, (unsigned long long)pair->n,
                                 *pair->cause ? "; " : "", pair->cause),
                    err);
}

static bool check_completeness(struct judging *judging, const struct job_pair *pair,
                               struct err *err)
{
    struct arena *arena = judging->comparison->arena;
    if (pair->is_refused)
        return add_fact(judging, GATE_CANNOT_TELL, "comparison", pair->label,
                        "the two were asked in different ways, which is no comparison", err);
    if (!pair->is_finished)
        return add_fact(judging, GATE_CANNOT_TELL, "completeness", pair->label,
                        "it is not finished: the same command goes on", err);
    if (pair->n == pair->n_base || pair->kind == PAIR_SPEED) return true;
    return add_fact(judging, GATE_CANNOT_TELL, "completeness", pair->label,
                    arena_printf(arena, err, "the candidate has %llu of the base's %llu answers",
                                 (unsigned long long)pair->n, (unsigned long long)pair->n_base),
                    err);
}

static bool check_pairs(struct judging *judging, struct err *err)
{
    const struct comparison *comparison = judging->comparison;
    for (size_t i = 0; i < comparison->n_pairs; i++) {
        const struct job_pair *pair = &comparison->pairs[i];
        if (!check_completeness(judging, pair, err)) return false;
        if (pair->is_refused || pair->kind == PAIR_SPEED) continue;
        if (!check_prompts(judging, pair, err) || !check_bits(judging, pair, err)) return false;
    }
    for (size_t i = 0; i < comparison->n_missing; i++)
        if (!strncmp(comparison->missing[i], "the candidate", strlen("the candidate")) &&
            !add_fact(judging, GATE_CANNOT_TELL, "completeness", "", comparison->missing[i], err))
            return false;
    return true;
}

/* ---- Lines ---- */

/* The standard error of a loss, as its interval has it: where no answer flipped the estimated error
 * is 0, and the interval is not. */
static double error_of(const struct estimate *loss)
{
    return (loss->interval.high - loss->interval.low) / (2 * stats_normal_quantile(1 - LEVEL));
}

/* What a line that straddles would take, or NULL: a loss at the margin is never told apart. */
static const char *what_it_takes(const struct judging *judging, const struct gate_check *check,
                                 struct err *err)
{
    struct arena *arena = judging->comparison->arena;
    double error = error_of(&check->loss), distance = fabs(check->margin - check->loss.mean);
    uint64_t n = stats_items_needed(error, check->loss.n ? check->loss.n : 1, distance);
    bool is_measured = check->line->kind >= LINE_SPEED;
    if (!(distance > error / 10)) return "the loss is about as large as the margin";
    if (is_measured)
        return arena_printf(arena, err,
                            "it straddles the margin: about %llu runs in place of %llu would tell, "
                            "or 'phibench ab' with both programs",
                            (unsigned long long)n, (unsigned long long)check->loss.n);
    return arena_printf(arena, err,
                        "it straddles the margin: about %llu items in place of %llu "
                        "would tell",
                        (unsigned long long)n, (unsigned long long)check->loss.n);
}

static bool is_settled_by_bits(const struct comparison_line *line)
{
    return line->pair && line->pair->same_bits && !line->pair->n_taken_over &&
           !line->pair->n_lost && !line->pair->n_gained;
}

/* The first verdict of a line; a FAIL is looked at again when all p-values are there. */
static bool judge_line(struct judging *judging, const struct comparison_line *line, struct err *err)
{
    bool by_history = line->kind == LINE_SPEED && judging->margins->speed_by_history;
    double margin = by_history ? line->usual : judging->margins->most[line->kind];
    struct gate_check check = {.what = comparison_line_name(line->kind),
                               .where = line->label,
                               .line = line,
                               .loss = comparison_loss(line),
                               .margin = margin,
                               .reason = "",
                               .p_beyond = NAN};
    const struct interval *interval = &check.loss.interval;
    double error = error_of(&check.loss);
    check.detectable = margin + stats_detectable(error);
    if (is_settled_by_bits(line)) {
        check.verdict = GATE_PASS;
        check.reason = "same bits";
        check.detectable = NAN;
    } else if (line->pair && line->pair->n_taken_over) {
        check.verdict = GATE_CANNOT_TELL;
        check.reason = "answers were taken over from another run";
    } else if (*line->doubt) {
        check.verdict = GATE_CANNOT_TELL;
        check.reason = line->doubt;
    } else if (isnan(margin)) {
        check.verdict = GATE_CANNOT_TELL;
        check.reason = "its history is too short for a margin: it takes six revisions";
    } else if (isnan(interval->low)) { /* a largest value has none */
        check.verdict = check.loss.mean <= margin ? GATE_PASS : GATE_FAIL;
        check.detectable = NAN;
    } else if (interval->high <= margin) {
        check.verdict = GATE_PASS;
    } else if (interval->low > margin) {
        check.verdict = GATE_FAIL;
        check.p_beyond = error > 0 ? stats_normal_below(-(check.loss.mean - margin) / error) : 0;
    } else {
        check.verdict = GATE_CANNOT_TELL;
        check.reason = what_it_takes(judging, &check, err);
    }
    return add_check(judging, &check, err);
}

static bool has_line(const struct comparison *comparison, enum line_kind kind)
{
    for (size_t i = 0; i < comparison->n_lines; i++)
        if (comparison->lines[i].kind == kind) return true;
    return false;
}

/* Whether a kind may have no line: where bits are equal there is nothing to compare, and one suite
 * alone has nothing to pool. */
static bool may_lack(const struct comparison *comparison, enum line_kind kind)
{
    bool may = kind == LINE_POOLED;
    if (kind >= LINE_SPEED) return false;
    for (size_t i = 0; i < comparison->n_pairs; i++) may = may || comparison->pairs[i].same_bits;
    return may;
}

static bool judge_kind(struct judging *judging, enum line_kind kind, struct err *err)
{
    const struct comparison *comparison = judging->comparison;
    bool by_history = kind == LINE_SPEED && judging->margins->speed_by_history;
    if (isnan(judging->margins->most[kind]) && !by_history) return true;
    for (size_t i = 0; i < comparison->n_lines; i++)
        if (comparison->lines[i].kind == kind && !judge_line(judging, &comparison->lines[i], err))
            return false;
    if (has_line(comparison, kind) || may_lack(comparison, kind)) return true;
    return add_fact(judging, GATE_CANNOT_TELL, comparison_line_name(kind), "",
                    "there is a margin for it, and nothing was measured in both runs", err);
}

/* A line beyond its margin FAILs only if it does so among all that might. */
static void hold_fails(struct gate *gate)
{
    double *p = mem_new_or_end(gate->n + 1, sizeof *p);
    size_t n = 0;
    for (size_t i = 0; i < gate->n; i++) {
        const struct gate_check *check = &gate->checks[i];
        double error = check->line ? error_of(&check->loss) : NAN;
        if (!check->line || !(error > 0) || isnan(check->margin)) continue;
        p[n++] = stats_normal_below(-(check->loss.mean - check->margin) / error);
    }
    stats_holm(p, n);
    n = 0;
    for (size_t i = 0; i < gate->n; i++) {
        struct gate_check *check = &gate->checks[i];
        double error = check->line ? error_of(&check->loss) : NAN;
        if (!check->line || !(error > 0) || isnan(check->margin)) continue;
        check->p_beyond = p[n++];
        if (check->verdict != GATE_FAIL || check->p_beyond < LEVEL) continue;
        check->verdict = GATE_CANNOT_TELL;
        check->reason = "it is beyond the margin, but one of so many would be by chance";
    }
    free(p);
}

/* ---- Sentences ---- */

/* Appends the largest loss of a kind that might not be seen. */
static void append_power(const struct gate *gate, enum line_kind kind, const char *phrase,
                         struct buf *out)
{
    double largest = -INFINITY;
    const char *unit = "";
    for (size_t i = 0; i < gate->n; i++) {
        const struct gate_check *check = &gate->checks[i];
        if (!check->line || check->line->kind != kind || !isfinite(check->detectable)) continue;
        if (check->detectable > largest) unit = check->line->unit;
        largest = fmax(largest, check->detectable);
    }
    if (!isfinite(largest)) return;
    buf_printf(out, "%s%.2g %s %s", out->n_bytes ? ", " : "", largest, unit, phrase);
}

/* Whether all logits are equal, and each side computed its own. */
static bool has_computed_bits(const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->n_pairs; i++)
        if (comparison->pairs[i].n_taken_over) return false;
    return comparison_same_bits(comparison);
}

static const char *tell_power(struct judging *judging, struct err *err)
{
    struct buf seen = {0}, text = {0};
    const struct gate *gate = judging->gate;
    append_power(gate, LINE_SCORE, "of a suite's score", &seen);
    append_power(gate, LINE_POOLED, "of the score over all suites", &seen);
    append_power(gate, LINE_PERPLEXITY, "of perplexity", &seen);
    append_power(gate, LINE_RIGHT_LOGPROB, "of the right answer's log-probability", &seen);
    append_power(gate, LINE_SPEED, "of speed", &seen);
    append_power(gate, LINE_MEMORY, "of memory", &seen);
    append_power(gate, LINE_LOAD, "of load time", &seen);
    if (has_computed_bits(judging->comparison))
        buf_text(&text, "This gate compares every logit bit for bit");
    if (seen.n_bytes)
        buf_printf(&text, "%s with 80%% probability it sees a loss of %s",
                   text.n_bytes ? ", and" : "This gate:", buf_string(&seen));
    if (text.n_bytes) buf_char(&text, '.');
    text.failed |= seen.failed;
    buf_free(&seen);
    return arena_take(judging->comparison->arena, &text, err);
}

/* A speed that rose and no one that fell, where intervals leave no doubt. */
static bool is_faster(const struct comparison *comparison)
{
    bool rose = false;
    for (size_t i = 0; i < comparison->n_lines; i++) {
        const struct comparison_line *line = &comparison->lines[i];
        if (line->kind != LINE_SPEED || *line->doubt) continue;
        if (line->change.interval.high < 0) return false;
        rose = rose || line->change.interval.low > 0;
    }
    return rose;
}

static const char *tell_outcome(const struct judging *judging, struct err *err)
{
    const struct gate *gate = judging->gate;
    size_t counts[3] = {0};
    struct buf text = {0};
    for (size_t i = 0; i < gate->n; i++) counts[gate->checks[i].verdict]++;
    buf_printf(&text, "%zu of %zu checks pass", counts[GATE_PASS], gate->n);
    if (counts[GATE_FAIL]) buf_printf(&text, ", %zu fail", counts[GATE_FAIL]);
    if (counts[GATE_CANNOT_TELL])
        buf_printf(&text, ", %zu cannot be told", counts[GATE_CANNOT_TELL]);
    if (gate->is_faster) buf_text(&text, "; the candidate is faster");
    return arena_take(judging->comparison->arena, &text, err);
}

struct gate *gate_judge(const struct comparison *comparison, const struct gate_margins *margins,
                        struct err *err)
{
    struct gate *gate = arena_alloc(comparison->arena, 1, sizeof *gate, err);
    struct judging judging = {comparison, margins, gate};
    bool ok = gate && check_numerics(&judging, err) && check_pairs(&judging, err);
    for (int kind = 0; ok && kind < N_LINE_KINDS; kind++)
        ok = judge_kind(&judging, (enum line_kind)kind, err);
    if (!ok) return NULL;
    hold_fails(gate);
    for (size_t i = 0; i < gate->n; i++) {
        enum gate_verdict verdict = gate->checks[i].verdict;
        if (verdict == GATE_FAIL || gate->verdict == GATE_PASS) gate->verdict = verdict;
    }
    gate->is_faster = is_faster(comparison);
    gate->power = tell_power(&judging, err);
    gate->sentence = gate->power ? tell_outcome(&judging, err) : NULL;
    return gate->sentence ? gate : NULL;
}
