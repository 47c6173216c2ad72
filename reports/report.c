/* report.c - writes a report: charts first, since the page holds them, then the page, Markdown and
 * CSV.
 *
 * Every file is written under a temporary name and renamed.
 * Owns the words of the page; numbers come from data.c, tables from tables.c, charts from
 * figures.c.
 */
#include "reports/report.h"

#include "base/file.h"
#include "base/mem.h"
#include "reports/figures.h"
#include "reports/findings.h"
#include "reports/html.h"
#include "reports/tables.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct tables {
    struct table *scores, *notes, *speeds, *kernels, *limits, *subsets, *paired, *wins, *ratios,
        *divergences, *published, *published_speeds, *open_book, *runs;
    struct findings findings;
};

static bool add_open_book(struct store *store, const struct report_data *data,
                          struct tables *tables, struct err *err)
{
    struct open_book *books;
    size_t n;
    if (!open_book_load(store, data, &books, &n, err)) return false;
    tables->open_book = tables_open_book(data, books, n, err);
    return tables->open_book && findings_add_open_book(data, books, n, &tables->findings, err);
}

static bool build_tables(struct store *store, const struct report_data *data, struct tables *tables,
                         struct err *err)
{
    tables->scores = tables_scores(data, err);
    tables->notes = tables->scores ? tables_notes(data, err) : NULL;
    tables->speeds = tables->notes ? tables_speeds(data, err) : NULL;
    tables->kernels = tables->speeds ? tables_kernels(data, err) : NULL;
    tables->limits = tables->kernels ? tables_limits(store, data, err) : NULL;
    tables->subsets = tables->limits ? tables_subsets(data, err) : NULL;
    tables->paired = tables->subsets ? tables_paired(store, data, err) : NULL;
    tables->wins = tables->paired ? tables_wins(store, data, err) : NULL;
    tables->ratios = tables->wins ? tables_ratios(store, data, err) : NULL;
    tables->divergences = tables->ratios ? tables_divergences(data, err) : NULL;
    tables->published = tables->divergences ? tables_published(data, err) : NULL;
    tables->published_speeds = tables->published ? tables_published_speeds(store, data, err) : NULL;
    tables->runs = tables->published_speeds ? tables_runs(store, data, err) : NULL;
    return tables->runs && findings_build(store, data, &tables->findings, err) &&
           add_open_book(store, data, tables, err);
}

/* ---- Which runs ---- */

static bool newest_run(struct store *store, int64_t *run, struct err *err)
{
    struct query *query =
        query_open(store, "SELECT id FROM run ORDER BY status = 'done' DESC, id DESC LIMIT 1", err);
    int more = query ? query_next(query, err) : -1;
    if (more > 0) *run = query_integer(query, 0);
    query_close(query);
    if (more == 0)
        err_set_at(err, ERR_USAGE, store_path(store), 0, 0, "there are no runs in this database");
    return more > 0;
}

/* One text column of every run of the report, the configuration for example. */
static char *run_text(struct store *store, int64_t run, const char *sql, struct err *err)
{
    struct query *query = query_open(store, sql, err);
    char *text = NULL;
    if (!query) return NULL;
    query_bind_integer(query, 1, run);
    if (query_next(query, err) > 0) text = mem_copy_string(query_text(query, 0), err);
    query_close(query);
    return text;
}

/* ---- In words ---- */

static bool has_synthetic(const struct report_data *data)
{
    for (size_t i = 0; i < data->n_entries; i++)
        if (data->entries[i].is_synthetic) return true;
    return false;
}

static bool has_perplexity(const struct report_data *data)
{
    for (size_t i = 0; i < data->n_scores; i++)
        if (report_score_is_perplexity(&data->scores[i])) return true;
    return false;
}

static const char SYNTHETIC_WARNING[] =
    "Models marked (synthetic) have random weights: their speed and memory are those of the real "
    "shape, their scores "
    "are guesses and only show that the machinery works.";

/* ---- The page ---- */

static void section(struct buf *out, const char *heading, const char *text,
                    const struct table *table)
{
    if (!table->n_rows) return;
    buf_text(out, "<h2>");
    html_text(out, heading);
    buf_text(out, "</h2>\n");
    if (text) buf_printf(out, "<p class=\"soft\">%s</p>\n", text);
    table_html(table, out);
}

static void write_figures(const struct figures *figures, struct buf *out)
{
    for (size_t i = 0; i < figures->n; i++) {
        const struct chart *chart = &figures->charts[i];
        buf_text(out, "<figure>\n");
        buf_append(out, buf_string(&chart->svg), chart->svg.n_bytes);
        buf_text(out, "<figcaption>");
        html_text(out, chart->caption);
        buf_printf(out, " Files: charts/%s.svg, .png, .gp, .dat.</figcaption>\n</figure>\n",
                   chart->name);
    }
}

static bool write_configurations(struct store *store, const struct report_data *data,
                                 struct buf *out, struct err *err)
{
    for (size_t i = 0; i < data->n_runs; i++) {
        char *text =
            run_text(store, data->runs[i], "SELECT config_text FROM run WHERE id = ?1", err);
        if (!text) return false;
        buf_printf(out, "<details><summary>Configuration of run %lld</summary><pre>",
                   (long long)data->runs[i]);
        html_text(out, text);
        buf_text(out, "</pre></details>\n");
        free(text);
    }
    return true;
}

/* What is told of the same questions or tokens. */
static void write_comparisons(const struct tables *tables, struct buf *out)
{
    section(out, "Paired differences",
            "Each quantization against the first one of its model, question by question: more "
            "telling than two intervals. p: exact McNemar test of no difference, not corrected for "
            "several comparisons.",
            tables->paired);
    section(
        out, "Answers beside the baseline's",
        "A judge has seen each pair of answers twice, in both orders, and a pair is won or lost "
        "where both orders say so. The adjusted win rate counts a tie as half a win; its "
        "interval is clustered by question. orders disagree: ties in which each order names "
        "another winner.",
        tables->wins);
    section(out, "Open book",
            "Answers with passages to read before the question against those of the same model "
            "without, question by question. found: questions with an accepted answer in what was "
            "read, so that a miss of the search is told from a miss of the reader; open if found, "
            "open if not: the score with the book open where it was and was not. p: exact McNemar "
            "test of no difference.",
            tables->open_book);
    section(out, "Measured beside published",
            "A published number is consistent if it lies in the 95% interval of what was measured "
            "here, give or take its rounding; otherwise the difference, with half of the interval. "
            "Numbers of another protocol or other shots are other measurements. Sources that "
            "contradict each other stand in rows of their own.",
            tables->published);
    section(out, "Perplexities beside each other",
            "Each quantization against the first one of its model, chunk by chunk of the same "
            "text: 1.01 is a perplexity 1% higher, which is worse.",
            tables->ratios);
    section(out, "Divergence from the reference",
            "Token by token against stored logits of a reference: Kullback-Leibler divergence in "
            "nats, 0 for the same bits; same top: both find the same token most probable; Δp: "
            "difference of the probabilities of the token that came. In parentheses the 95% "
            "interval.",
            tables->divergences);
}

static bool write_page(struct store *store, const struct report_data *data,
                       const struct tables *tables, const struct figures *figures,
                       const char *title, struct buf *out, struct err *err)
{
    html_begin(out, title);
    buf_text(out, "<h1>");
    html_text(out, title);
    buf_text(out, "</h1>\n<p class=\"soft\">Made by phibench. Every number below carries its "
                  "protocol, its interval "
                  "and what was counted under it.</p>\n");
    if (has_synthetic(data)) buf_printf(out, "<p class=\"mark\">%s</p>\n", SYNTHETIC_WARNING);
    for (size_t i = 0; i < tables->findings.n; i++) {
        buf_text(out, "<p>");
        html_text(out, tables->findings.texts[i]);
        buf_text(out, "</p>\n");
    }
    section(
        out, "Scores",
        "Scores of different protocols or shots are different measurements: never compare across "
        "rows "
        "that differ in them. score is in percent, but for ppl, a perplexity, which is better when "
        "lower, "
        "and points; it is the average "
        "over questions (micro), macro the average over "
        "subjects.",
        tables->scores);
    write_comparisons(tables, out);
    if (figures->n) buf_text(out, "<h2>Charts</h2>\n");
    write_figures(figures, out);
    section(out, "Speed",
            "Medians over repetitions. GB/s: weights read and, when decoding, keys and values. "
            "GMAC/s: multiply-adds of the matrices. % of limit: the larger share of the two limits "
            "below, of reading or of arithmetic (int8 for quantized weights, f32 for others), as "
            "they were measured just before.",
            tables->speeds);
    section(
        out, "Speed beside published",
        "Rates that others have published of models of this name, with the program that they ran "
        "in; of each program and machine the one after the most similar prompt. A rate compares "
        "on the same machine alone.",
        tables->published_speeds);
    section(out, "Kernels",
            "Every kernel by itself: the time of one pass. GB/s: what it reads and writes. Rows of "
            "a product are those of a matrix larger than the caches where that is not too much "
            "work; kernels that work inside of the caches on floats alone have no percentage.",
            tables->kernels);
    section(out, "Limits of the machine",
            "Measured between the repetitions: the mean, the lowest and the highest. Reading "
            "memory, and multiply-adds of operands in registers. A model that the caches hold can "
            "read faster than memory.",
            tables->limits);
    section(out, "What was counted", "Circumstances that change a score without changing a model.",
            tables->notes);
    section(out, "Subsets", "Score in percent, with its 95% interval.", tables->subsets);
    section(out, "Runs and machine", NULL, tables->runs);
    bool ok = write_configurations(store, data, out, err);
    html_end(out);
    return ok && buf_check(out, err);
}

static void markdown_section(struct buf *out, const char *heading, const struct table *table)
{
    if (!table->n_rows) return;
    buf_printf(out, "\n## %s\n\n", heading);
    table_markdown(table, out);
}

static void write_markdown(const struct report_data *data, const struct tables *tables,
                           const struct figures *figures, const char *title, struct buf *out)
{
    buf_printf(out, "# %s\n\n", title);
    if (has_synthetic(data)) buf_printf(out, "> %s\n\n", SYNTHETIC_WARNING);
    for (size_t i = 0; i < tables->findings.n; i++)
        buf_printf(out, "%s%s\n", i ? "\n" : "", tables->findings.texts[i]);
    markdown_section(out, "Scores", tables->scores);
    markdown_section(out, "Paired differences", tables->paired);
    markdown_section(out, "Answers beside the baseline's", tables->wins);
    markdown_section(out, "Open book", tables->open_book);
    markdown_section(out, "Measured beside published", tables->published);
    markdown_section(out, "Perplexities beside each other", tables->ratios);
    markdown_section(out, "Divergence from the reference", tables->divergences);
    if (figures->n) buf_text(out, "\n## Charts\n");
    for (size_t i = 0; i < figures->n; i++)
        buf_printf(out, "\n![%s](charts/%s.png)\n\n%s\n", figures->charts[i].title,
                   figures->charts[i].name, figures->charts[i].caption);
    markdown_section(out, "Speed", tables->speeds);
    markdown_section(out, "Speed beside published", tables->published_speeds);
    markdown_section(out, "Kernels", tables->kernels);
    markdown_section(out, "Limits of the machine", tables->limits);
    markdown_section(out, "What was counted", tables->notes);
    markdown_section(out, "Subsets", tables->subsets);
    markdown_section(out, "Runs and machine", tables->runs);
}

/* ---- Files ---- */

static bool write_file(const char *folder, const char *name, const struct buf *text,
                       struct err *err)
{
    char *path = file_join(folder, name, err);
    bool ok =
        path && buf_check(text, err) && file_write(path, buf_string(text), text->n_bytes, err);
    free(path);
    return ok;
}

static bool write_csv(const char *folder, const char *name, const struct table *table,
                      struct err *err)
{
    struct buf text = {0};
    table_csv(table, &text);
    bool ok = write_file(folder, name, &text, err);
    buf_free(&text);
    return ok;
}

static bool write_tables(const char *folder, const struct tables *tables, struct err *err)
{
    const struct {
        const char *name;
        const struct table *table;
    } files[] = {
        {"scores.csv", tables->scores},
        {"speed.csv", tables->speeds},
        {"kernels.csv", tables->kernels},
        {"limits.csv", tables->limits},
        {"subsets.csv", tables->subsets},
        {"notes.csv", tables->notes},
        {"wins.csv", tables->wins},
        {"open-book.csv", tables->open_book},
        {"published.csv", tables->published},
        {"published-speed.csv", tables->published_speeds},
        {"perplexity-ratios.csv", tables->ratios},
        {"divergences.csv", tables->divergences},
    };
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof files / sizeof files[0]; i++)
        ok = write_csv(folder, files[i].name, files[i].table, err);
    return ok;
}

static bool draw_figures(struct figures *figures, const char *out, const char *gnuplot,
                         struct err *err)
{
    char *folder = file_join(out, "charts", err);
    bool ok = folder && file_make_folders(folder, err);
    for (size_t i = 0; ok && i < figures->n; i++)
        ok = chart_draw(&figures->charts[i], folder, gnuplot, err) ||
             err_context(err, "drawing the chart %s", figures->charts[i].name);
    free(folder);
    return ok;
}

static bool write_files(struct store *store, const struct report_data *data,
                        const struct tables *tables, const struct figures *figures, const char *out,
                        struct err *err)
{
    struct buf page = {0}, markdown = {0}, title = {0};
    char *name = run_text(store, data->runs[0], "SELECT name FROM run WHERE id = ?1", err);
    buf_printf(&title, "%s", name && *name ? name : "phibench report");
    for (size_t i = 0; i < data->n_runs; i++)
        buf_printf(&title, "%s%lld",
                   i                  ? ", "
                   : data->n_runs > 1 ? ", runs "
                                      : ", run ",
                   (long long)data->runs[i]);
    bool ok = name && write_page(store, data, tables, figures, buf_string(&title), &page, err) &&
              write_file(out, "index.html", &page, err);
    write_markdown(data, tables, figures, buf_string(&title), &markdown);
    ok = ok && write_file(out, "report.md", &markdown, err) && write_tables(out, tables, err);
    free(name);
    buf_free(&page);
    buf_free(&markdown);
    buf_free(&title);
    return ok;
}

bool report_write(struct store *store, const struct report_options *options, struct err *err)
{
    int64_t newest = 0;
    struct tables tables = {0};
    struct figures figures = {.n = 0};
    if (!options->n_runs && !newest_run(store, &newest, err)) return false;
    struct report_data *data = options->n_runs
                                   ? report_data_load(store, options->runs, options->n_runs, err)
                                   : report_data_load(store, &newest, 1, err);
    bool ok = data && build_tables(store, data, &tables, err) &&
              figures_build(data, &figures, err) &&
              draw_figures(&figures, options->out, options->gnuplot, err) &&
              write_files(store, data, &tables, &figures, options->out, err);
    figures_free(&figures);
    report_data_free(data);
    return ok;
}

/* A table with what stands above it, after an empty line if it is not the first. */
static void print_section(const struct table *table, const char *heading, bool *is_first, FILE *out)
{
    if (!table->n_rows) return;
    if (!*is_first) fputc('\n', out);
    if (heading) fprintf(out, "%s\n", heading);
    table_print(table, out);
    *is_first = false;
}

bool report_print(struct store *store, int64_t run, FILE *out, struct err *err)
{
    struct tables tables = {0};
    bool is_first = true;
    struct report_data *data = report_data_load(store, &run, 1, err);
    bool ok = data && build_tables(store, data, &tables, err);
    if (ok) {
        for (size_t i = 0; i < tables.findings.n; i++)
            fprintf(out, "%s\n\n", tables.findings.texts[i]);
        print_section(tables.scores, NULL, &is_first, out);
        if (has_perplexity(data)) fputs("ppl is a perplexity: lower is better\n", out);
        print_section(tables.wins, "answers beside the baseline's, judged in both orders",
                      &is_first, out);
        print_section(tables.open_book, "open book against closed book", &is_first, out);
        print_section(tables.published, "measured beside published", &is_first, out);
        print_section(tables.ratios, "perplexities beside each other", &is_first, out);
        print_section(tables.divergences, "divergence from the reference", &is_first, out);
        print_section(tables.speeds, NULL, &is_first, out);
        print_section(tables.published_speeds, "speed beside published", &is_first, out);
        print_section(tables.kernels, "kernels", &is_first, out);
        print_section(tables.limits, "limits of the machine: mean (lowest to highest)", &is_first,
                      out);
    }
    if (ok && has_synthetic(data)) fprintf(out, "\n%s\n", SYNTHETIC_WARNING);
    report_data_free(data);
    return ok;
}
