/* comparison_tables.c - see comparison_tables.h. What is not the same comes before any number,
 * since most surprises are there.
 */
#include "reports/comparison_tables.h"

#include "reports/text_table.h"
#include "results/stats/power.h"

#include <math.h>
#include <string.h>

static const double SIGNIFICANT = 0.05;

/* ---- Verdicts ---- */

const char *comparison_verdict(const struct comparison_line *line)
{
    if (line->is_tripwire) return "";
    if (*line->doubt) return "CANNOT TELL";
    if (line->pair && line->pair->same_bits && line->change.mean == 0) return "SAME BITS";
    if (isnan(line->p_holm)) return isnan(line->change.interval.low) ? "CANNOT TELL" : "";
    if (line->p_holm >= SIGNIFICANT) return "NO CHANGE SEEN";
    return comparison_loss(line).mean > 0 ? "WORSE" : "BETTER";
}

static void append_lines(const struct comparison *comparison, const char *verdict,
                         const char *intro, struct buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < comparison->n_lines; i++) {
        const struct comparison_line *line = &comparison->lines[i];
        if (strcmp(comparison_verdict(line), verdict) != 0) continue;
        buf_printf(out, "%s%s of %s by %+.3g %s", n++ ? "; " : intro,
                   comparison_line_name(line->kind), line->label, line->change.mean, line->unit);
    }
    if (n) buf_text(out, ". ");
}

/* What a change would have had to be, to be seen: of what decides over the scores. */
static void append_power(const struct comparison *comparison, struct buf *out)
{
    const struct comparison_line *line = comparison_line(comparison, LINE_POOLED, NULL);
    for (size_t i = 0; !line && i < comparison->n_pairs; i++)
        line = comparison_line(comparison, LINE_SCORE, &comparison->pairs[i]);
    if (!line || !isfinite(line->change.error) || !(line->change.error > 0)) return;
    buf_printf(out, "A change of the score of %.2g %s would have been seen with 80%% probability. ",
               stats_detectable(line->change.error), line->unit);
}

const char *comparison_headline(const struct comparison *comparison, struct err *err)
{
    struct buf text = {0};
    uint64_t n_taken_over = 0, n_prompts = 0;
    size_t n_text_pairs = 0;
    for (size_t i = 0; i < comparison->n_pairs; i++) {
        const struct job_pair *pair = &comparison->pairs[i];
        n_taken_over += pair->n_taken_over;
        n_prompts += pair->n_prompts + pair->n_tokens;
        n_text_pairs += pair->kind != PAIR_SPEED && !pair->is_refused;
    }
    if (n_taken_over)
        buf_printf(&text,
                   "%llu answers of the candidate were taken over from another run, not computed "
                   "anew: nothing follows from their being equal (run it with --fresh). ",
                   (unsigned long long)n_taken_over);
    if (comparison_same_bits(comparison) && !n_taken_over)
        buf_printf(&text,
                   "All logits of %zu job%s are equal bit for bit: no quality test is made, since "
                   "there is nothing to test. ",
                   n_text_pairs, n_text_pairs == 1 ? "" : "s");
    if (n_prompts)
        buf_printf(&text,
                   "%llu items were asked with other tokens: what follows is of the prompts as "
                   "much as of the engine. ",
                   (unsigned long long)n_prompts);
    append_lines(comparison, "WORSE", "Worse: ", &text);
    append_lines(comparison, "BETTER", "Better: ", &text);
    if (!comparison_same_bits(comparison)) append_power(comparison, &text);
    if (!text.n_bytes) buf_text(&text, "No change is seen. ");
    return arena_take(comparison->arena, &text, err);
}

/* ---- Tables ---- */

struct making {
    const struct comparison *comparison;
    struct sections *sections;
};

static struct table *begin(struct making *making, const char *heading, const char *text,
                           const char *columns, struct err *err)
{
    struct sections *sections = making->sections;
    struct arena *arena = making->comparison->arena;
    struct table *table = table_new(arena, columns, err);
    if (!table || !arena_grow(arena, (void **)&sections->items, &sections->capacity,
                              sections->n + 1, sizeof *sections->items, err))
        return NULL;
    sections->items[sections->n++] = (struct section){
        .heading = heading, .text = text, .table = table, .place = SECTION_RESULTS};
    return table;
}

static void number_cell(struct table *table, double value)
{
    if (isnan(value)) table_cell(table, "%s", "");
    else table_cell(table, "%.5g", value);
}

static void interval_cell(struct table *table, const struct interval *interval)
{
    if (isnan(interval->low)) table_cell(table, "%s", "");
    else table_cell(table, "%+.3g to %+.3g", interval->low, interval->high);
}

static bool make_sides(struct making *making, struct err *err)
{
    const struct comparison *c = making->comparison;
    const struct comparison_side *const sides[] = {&c->base, &c->candidate};
    struct table *table = begin(making, "What is compared", NULL,
                                "side|>run|label|started|program|name|>runs like it", err);
    for (size_t i = 0; table && i < 2; i++) {
        table_row(table);
        table_cell(table, "%s", i ? "candidate" : "base");
        table_cell(table, "%lld", (long long)sides[i]->run);
        table_cell(table, "%s", sides[i]->label);
        table_cell(table, "%s", sides[i]->started);
        table_cell(table, "%.12s%s", sides[i]->revision, sides[i]->is_modified ? ", modified" : "");
        table_cell(table, "%s", sides[i]->name);
        table_cell(table, "%zu", sides[i]->n_runs);
    }
    return table && table_check(table, err);
}

static bool make_unlikes(struct making *making, struct err *err)
{
    static const char *const WEIGHTS[] = {"circumstance", "subject", "refused"};
    const struct comparison *c = making->comparison;
    struct table *table =
        begin(making, "What is not the same",
              "Most surprises are here. What is refused is no comparison and has no number below.",
              "where|what|base|candidate|weight", err);
    for (size_t i = 0; table && i < c->n_unlikes; i++) {
        const struct unlike *unlike = &c->unlikes[i];
        table_row(table);
        table_cell(table, "%s", *unlike->where ? unlike->where : "all");
        table_cell(table, "%s", unlike->what);
        table_cell(table, "%s", unlike->base);
        table_cell(table, "%s", unlike->candidate);
        table_cell(table, "%s", WEIGHTS[unlike->weight]);
    }
    for (size_t i = 0; table && i < c->n_missing; i++) {
        table_row(table);
        table_cell(table, "%s", c->missing[i]);
    }
    return table && table_check(table, err);
}

static bool make_pairs(struct making *making, struct err *err)
{
    const struct comparison *c = making->comparison;
    struct table *table =
        begin(making, "Bits and answers",
              "Of the items that both have answered: how many have other logits, other prompts or "
              "other tokens of the same prompts, which answers became right or wrong, and which "
              "changed otherwise.",
              "job|>items|>other logits|>other prompts|>other tokens|>lost|>gained|>changed|"
              ">taken over|what differs",
              err);
    for (size_t i = 0; table && i < c->n_pairs; i++) {
        const struct job_pair *pair = &c->pairs[i];
        if (pair->kind == PAIR_SPEED || pair->is_refused) continue;
        table_row(table);
        table_cell(table, "%s", pair->label);
        const uint64_t counts[] = {pair->n,      pair->n_logits, pair->n_prompts, pair->n_tokens,
                                   pair->n_lost, pair->n_gained, pair->n_changed};
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
            table_cell(table, "%llu", (unsigned long long)counts[k]);
        if (pair->n_taken_over) table_cell(table, "%llu", (unsigned long long)pair->n_taken_over);
        else table_cell(table, "%s", "");
        table_cell(table, "%s", pair->cause);
    }
    return table && table_check(table, err);
}

static bool make_lines(struct making *making, struct err *err)
{
    const struct comparison *c = making->comparison;
    struct table *table =
        begin(making, "What changed by how much",
              "Candidate less base, with 95% intervals. p: Holm-adjusted among what decides "
              "(scores over all suites, perplexities, speeds), and among suites by themselves. "
              "Divergence and flips say how much changed, not whether for the worse.",
              "what|where|>base|>candidate|>change|95% interval|unit|>p|verdict", err);
    for (size_t i = 0; table && i < c->n_lines; i++) {
        const struct comparison_line *line = &c->lines[i];
        table_row(table);
        table_cell(table, "%s", comparison_line_name(line->kind));
        table_cell(table, "%s", line->label);
        number_cell(table, line->base);
        number_cell(table, line->candidate);
        table_cell(table, line->is_tripwire ? "%.3g" : "%+.3g", line->change.mean);
        interval_cell(table, &line->change.interval);
        table_cell(table, "%s", line->unit);
        if (isnan(line->p_holm)) table_cell(table, "%s", "");
        else table_cell(table, "%.2g", line->p_holm);
        table_cell(table, "%s%s%s", comparison_verdict(line), *line->doubt ? ": " : "",
                   line->doubt);
    }
    return table && table_check(table, err);
}

static bool make_flips(struct making *making, struct err *err)
{
    const struct comparison *c = making->comparison;
    struct table *table =
        begin(making, "Flips",
              "Answers that are right on one side alone, those first whose margins moved most. "
              "Margin: log-probability of the right answer less that of the best other one.",
              "job|item|flip|expected|base|candidate|>margin|>margin of the candidate", err);
    for (size_t i = 0; table && i < c->n_pairs; i++)
        for (size_t k = 0; k < c->pairs[i].n_flips; k++) {
            const struct flip *flip = &c->pairs[i].flips[k];
            table_row(table);
            table_cell(table, "%s", c->pairs[i].label);
            table_cell(table, "%s", flip->key);
            table_cell(table, "%s", flip->is_lost ? "lost" : "gained");
            table_cell(table, "%.60s", flip->expected);
            table_cell(table, "%.60s", flip->base);
            table_cell(table, "%.60s", flip->candidate);
            number_cell(table, flip->margin_base);
            number_cell(table, flip->margin_candidate);
        }
    return table && table_check(table, err);
}

/* "1.2 (0.3 to 2.1) of 3 percent": what is lost and what may be. */
static void loss_cell(struct table *table, const struct gate_check *check)
{
    if (!check->line) table_cell(table, "%s", "");
    else table_cell(table, "%+.3g", check->loss.mean);
}

static bool make_checks(struct making *making, const struct gate *gate, struct err *err)
{
    struct table *table =
        begin(making, "Checks",
              "Loss: how much worse the candidate is, with its 95% interval. PASS where the "
              "interval lies inside the margin, FAIL where it lies beyond.",
              "verdict|what|where|>loss|95% interval|>margin|unit|why", err);
    /* What does not pass stands first. */
    static const enum gate_verdict ORDER[] = {GATE_FAIL, GATE_CANNOT_TELL, GATE_PASS};
    for (size_t k = 0; table && k < 3; k++)
        for (size_t i = 0; i < gate->n; i++) {
            const struct gate_check *check = &gate->checks[i];
            if (check->verdict != ORDER[k]) continue;
            table_row(table);
            table_cell(table, "%s", gate_verdict_name(check->verdict));
            table_cell(table, "%s", check->what);
            table_cell(table, "%s", check->where);
            loss_cell(table, check);
            interval_cell(table, &check->loss.interval);
            number_cell(table, check->margin);
            table_cell(table, "%s", check->line ? check->line->unit : "");
            table_cell(table, "%s", check->reason);
        }
    return table && table_check(table, err);
}

bool comparison_tables(const struct comparison *comparison, const struct gate *gate,
                       struct sections *sections, struct err *err)
{
    struct making making = {comparison, sections};
    return (!gate || make_checks(&making, gate, err)) && make_sides(&making, err) &&
           make_unlikes(&making, err) && make_pairs(&making, err) && make_lines(&making, err) &&
           make_flips(&making, err);
}
