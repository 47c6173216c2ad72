/* sections.c - see sections.h.
 *
 * Owns the words above the tables and their order; numbers come from tables.h and open_book.h.
 */
#include "reports/sections.h"

#include "reports/tables.h"

#include <string.h>

/* Appends a section, if its table could be made. */
static bool add(struct sections *sections, enum section_place place, const char *heading,
                const char *text, struct table *table, const char *csv, struct err *err)
{
    if (!table || !arena_grow(table->arena, (void **)&sections->items, &sections->capacity,
                              sections->n + 1, sizeof *sections->items, err))
        return false;
    sections->items[sections->n++] = (struct section){heading, text, table, csv, place};
    return true;
}

static bool add_scores(const struct report_data *data, const struct report_pairs *pairs,
                       const struct open_book *books, size_t n_books, struct sections *sections,
                       struct err *err)
{
    return add(sections, SECTION_RESULTS, "Models beside each other",
               "The score by each suite's own measure with its 95% interval, in percent but for "
               "points (1 to 10) and perplexities, which are better when lower. Speeds: medians "
               "with the number of threads that is fastest.",
               tables_overview(data, err), "overview.csv", err) &&
           add(sections, SECTION_RESULTS, "Scores",
               "Scores of different protocols or shots are different measurements: never compare "
               "across rows that differ in them. In percent, but for ppl, a perplexity, which is "
               "better when lower, and points; score: the average over questions (micro), macro: "
               "the average over subsets. counted: what was met under it.",
               tables_scores(data, err), "scores.csv", err) &&
           add(sections, SECTION_RESULTS, "Paired differences",
               "Each quantization against the first one of its model, question by question: more "
               "telling than two intervals. In percent, or points of a judge, whose interval is a "
               "bootstrap over questions. p: exact McNemar test of no difference, not corrected "
               "for several comparisons.",
               tables_paired(data, pairs, err), "paired.csv", err) &&
           add(sections, SECTION_RESULTS, "Open book against closed book",
               "Answers with passages to read before the question against those of the same model "
               "without, question by question, in percent. found: questions with an accepted "
               "answer in what was read, so that a miss of the search is told from a miss of the "
               "reader; open if found, open if not: the score with the book open where it was and "
               "was not. p: exact McNemar test of no difference; F1 has a bootstrap interval.",
               tables_open_book(data, books, n_books, err), "open-book.csv", err);
}

/* Says what the numbers in a table of subsets are. */
static const char *explain_subsets(const struct report_data *data,
                                   const struct report_score *measure, struct err *err)
{
    if (!report_score_is_points(measure))
        return "Percent, with the 95% interval; coarser groups first.";
    if (report_score_is_by_rule(measure))
        return "Points from 1 to 10 by the rule reference-match: words in common with the "
               "reference answer. No model judged. In parentheses the 95% interval, errors "
               "clustered by question; first the two turns, then the categories.";
    return arena_printf(data->arena, err,
                        "Points from 1 to 10 by %s. In parentheses the 95%% interval, "
                        "errors clustered by question; first the two turns, then the categories.",
                        measure->protocol);
}

static bool add_subsets(const struct report_data *data, struct sections *sections, struct err *err)
{
    for (size_t m = 0; m < data->n_measures; m++) {
        const struct report_score *measure = data->measures[m];
        const char *level = "subset";
        for (size_t i = 0; i < data->n_subsets; i++)
            if (report_score_is_beside(&data->subsets[i], measure) && *data->subsets[i].level)
                level = data->subsets[i].level;
        const char *heading = arena_printf(data->arena, err, "By %s: %s", level, measure->measure);
        const char *text = heading ? explain_subsets(data, measure, err) : NULL;
        if (!text || !add(sections, SECTION_DETAILS, heading, text,
                          tables_subsets(data, measure, err), NULL, err))
            return false;
    }
    return add(sections, SECTION_FILE, "", NULL, tables_subset_list(data, err), "subsets.csv", err);
}

static bool add_comparisons(struct store *store, const struct report_data *data,
                            struct sections *sections, struct err *err)
{
    return add(sections, SECTION_RESULTS, "Answers beside the baseline's, judged in both orders",
               "A judge has seen each pair of answers twice, in both orders, and a pair is won or "
               "lost where both orders say so. The adjusted win rate counts a tie as half a win; "
               "its interval is clustered by question. orders disagree: ties in which each order "
               "names another winner.",
               tables_wins(store, data, err), "wins.csv", err) &&
           add(sections, SECTION_RESULTS, "Measured beside published",
               "A published number is consistent if it lies in the 95% interval of what was "
               "measured here, give or take its rounding; otherwise the difference, with half of "
               "the interval. Numbers of another protocol or other shots are other measurements. "
               "Sources that contradict each other stand in rows of their own.",
               tables_published(data, err), "published.csv", err) &&
           add(sections, SECTION_RESULTS, "Perplexities beside each other",
               "Each quantization against the first one of its model, chunk by chunk of the same "
               "text: 1.01 is a perplexity 1% higher, which is worse.",
               tables_ratios(store, data, err), "perplexity-ratios.csv", err) &&
           add(sections, SECTION_RESULTS, "Divergence from the reference",
               "Token by token against stored logits of a reference: Kullback-Leibler divergence "
               "in nats, 0 for the same bits; same top: both find the same token most probable; "
               "Δp: difference of the probabilities of the token that came. In parentheses the 95% "
               "interval.",
               tables_divergences(data, err), "divergences.csv", err);
}

static bool add_speeds(struct store *store, const struct report_data *data,
                       struct sections *sections, struct err *err)
{
    return add(sections, SECTION_RESULTS, "Speed",
               "Medians over n repetitions. GB/s: weights read and, when decoding, keys and "
               "values. GMAC/s: multiply-adds of the matrices. % of limit: the larger share of the "
               "two limits below, of reading or of arithmetic (int8 for quantized weights, f32 for "
               "others), as they were measured just before. RSS: the largest resident memory.",
               tables_speeds(data, err), "speed.csv", err) &&
           add(sections, SECTION_RESULTS, "Speed beside published",
               "Rates that others have published of models of this name, with the program that "
               "they ran in; of each program and machine the one after the most similar prompt. A "
               "rate compares on the same machine alone.",
               tables_published_speeds(store, data, err), "published-speed.csv", err) &&
           add(sections, SECTION_RESULTS, "Kernels",
               "Every kernel by itself: the time of one pass. GB/s: what it reads and writes. Rows "
               "of a product are those of a matrix larger than the caches where that is not too "
               "much work; kernels that work inside of the caches on floats alone have no "
               "percentage.",
               tables_kernels(data, err), "kernels.csv", err) &&
           add(sections, SECTION_RESULTS, "Limits of the machine: mean (lowest to highest)",
               "Measured between the repetitions. Reading memory, and multiply-adds of operands in "
               "registers. A model that the caches hold can read faster than memory.",
               tables_limits(store, data, err), "limits.csv", err);
}

static bool add_context(struct store *store, const struct report_data *data,
                        struct sections *sections, struct err *err)
{
    return add(sections, SECTION_CONTEXT, "What was counted",
               "Circumstances that change a score without changing a model, in all jobs in which "
               "they could be met. The scores above name those that were met under each; notes.csv "
               "has every job's.",
               tables_counts(data, err), NULL, err) &&
           add(sections, SECTION_FILE, "", NULL, tables_notes(data, err), "notes.csv", err) &&
           add(sections, SECTION_CONTEXT, "Jobs and hashes",
               "What each answer depends on. weights, data and logits: the first twelve digits of "
               "SHA-256; two runs with the same hash of logits computed the same bits.",
               tables_jobs(store, data, err), "jobs.csv", err) &&
           add(sections, SECTION_CONTEXT, "Runs and machine", NULL, tables_runs(store, data, err),
               NULL, err);
}

bool sections_build(struct store *store, const struct report_data *data,
                    const struct report_pairs *pairs, const struct open_book *books, size_t n_books,
                    struct sections *sections, struct err *err)
{
    *sections = (struct sections){0};
    return add_scores(data, pairs, books, n_books, sections, err) &&
           add_subsets(data, sections, err) && add_comparisons(store, data, sections, err) &&
           add_speeds(store, data, sections, err) && add_context(store, data, sections, err);
}
