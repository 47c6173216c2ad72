/* report.c - see report.h: what a report holds, and its three forms: text, page, Markdown.
 *
 * Charts are drawn first, since the page holds them. Every file is written under a temporary name
 * and renamed.
 * Owns the order of the page; numbers come from data.c, tables from sections.c, charts from
 * figures.c.
 */
#include "reports/report.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/visible.h"
#include "reports/chart_page.h"
#include "reports/figures.h"
#include "reports/findings.h"
#include "reports/html.h"
#include "reports/sections.h"
#include "results/runs.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct report {
    struct report_data *data;
    struct report_pairs pairs;
    struct open_book *books;
    size_t n_books;
    struct findings findings;
    struct sections sections;
    const char *title;
    const char **configurations; /* [data->n_runs] */
};

/* ---- What is read ---- */

/* Makes the title of the first run's name ("demo, runs 1, 2"), and reads all configurations. */
static bool read_runs(struct store *store, struct report *report, struct err *err)
{
    struct report_data *data = report->data;
    struct buf title = {0};
    report->configurations =
        arena_alloc(data->arena, data->n_runs, sizeof *report->configurations, err);
    bool ok = report->configurations != NULL;
    for (size_t i = 0; ok && i < data->n_runs; i++) {
        const char *name;
        ok = runs_configuration(store, data->runs[i], data->arena, &name,
                                &report->configurations[i], err);
        if (ok && !i)
            buf_printf(&title, "%s, %s %lld", *name ? name : "phibench report",
                       data->n_runs > 1 ? "runs" : "run", (long long)data->runs[0]);
        else if (ok) buf_printf(&title, ", %lld", (long long)data->runs[i]);
    }
    report->title =
        ok && buf_check(&title, err) ? arena_string(data->arena, buf_string(&title), err) : NULL;
    buf_free(&title);
    return report->title != NULL;
}

static bool read_all(struct store *store, struct report *report, struct err *err)
{
    const struct report_data *data = report->data;
    return read_runs(store, report, err) && pairs_load(store, data, &report->pairs, err) &&
           open_book_load(store, data, &report->books, &report->n_books, err) &&
           findings_build(data, &report->pairs, &report->findings, err) &&
           findings_add_open_book(data, report->books, report->n_books, &report->findings, err) &&
           findings_add_failures(data, &report->findings, err) &&
           sections_build(store, data, &report->pairs, report->books, report->n_books,
                          &report->sections, err);
}

struct report *report_open(struct store *store, const int64_t *runs, size_t n_runs, struct err *err)
{
    int64_t newest = 0;
    if (!n_runs) {
        if (!runs_newest(store, true, &newest, err)) return NULL;
        if (!newest) {
            err_set_at(err, ERR_USAGE, store_path(store), 0, 0,
                       "there are no runs in this database");
            return NULL;
        }
        runs = &newest;
        n_runs = 1;
    }
    struct report *report = mem_new(1, sizeof *report, err);
    if (!report) return NULL;
    report->data = report_data_load(store, runs, n_runs, err);
    if (report->data && read_all(store, report, err)) return report;
    report_free(report);
    return NULL;
}

void report_free(struct report *report)
{
    if (!report) return;
    report_data_free(report->data);
    free(report);
}

static bool has_synthetic(const struct report *report)
{
    for (size_t i = 0; i < report->data->n_entries; i++)
        if (report->data->entries[i].is_synthetic) return true;
    return false;
}

static const char SYNTHETIC_WARNING[] =
    "Models marked (synthetic) have random weights: their speed and memory are those of the real "
    "shape, their scores are guesses and only show that the machinery works.";

/* ---- Text ---- */

enum { TEXT_COLUMNS = 100 };

/* Prints word after word in lines of at most TEXT_COLUMNS; *column: how long the line is. */
static void print_words(const char *text, size_t *column, FILE *out)
{
    while (*text) {
        size_t n = strcspn(text, " "), width = visible_width(text, n);
        bool breaks = *column && *column + 1 + width > TEXT_COLUMNS;
        fputs(breaks ? "\n" : *column ? " " : "", out);
        visible_print(out, text, n, VISIBLE_LINE);
        *column = breaks || !*column ? width : *column + 1 + width;
        text += n + (text[n] == ' ');
    }
}

void report_print(const struct report *report, size_t max_rows, FILE *out)
{
    bool is_first = true;
    for (size_t i = 0; i < report->findings.n; i++) {
        size_t column = 0;
        print_words(report->findings.items[i].claim, &column, out);
        print_words(report->findings.items[i].text, &column, out);
        fputs("\n\n", out);
    }
    for (size_t i = 0; i < report->sections.n; i++) {
        const struct section *section = &report->sections.items[i];
        const struct table *table = section->table;
        if (section->place != SECTION_RESULTS || !table->n_rows) continue;
        visible_printf(out, "%s%c%s", is_first ? "" : "\n",
                       tolower((unsigned char)section->heading[0]), section->heading + 1);
        if (table->n_rows > max_rows)
            fprintf(out, ": %zu rows, which `phibench show` prints\n", table->n_rows);
        else {
            fputc('\n', out);
            table_print(table, out);
        }
        is_first = false;
    }
    if (has_synthetic(report)) fprintf(out, "\n%s\n", SYNTHETIC_WARNING);
}

/* ---- The page ---- */

static void page_section(const struct section *section, struct buf *out)
{
    if (!section->table->n_rows) return;
    buf_text(out, "<h3>");
    html_text(out, section->heading);
    buf_text(out, "</h3>\n");
    if (section->text) {
        buf_text(out, "<p class=\"soft\">");
        html_text(out, section->text);
        buf_text(out, "</p>\n");
    }
    table_html(section->table, out);
}

static void page_findings(const struct report *report, struct buf *out)
{
    if (!report->findings.n) return;
    buf_text(out, "<ol class=\"findings\">\n");
    for (size_t i = 0; i < report->findings.n; i++) {
        buf_text(out, "<li><strong>");
        html_text(out, report->findings.items[i].claim);
        buf_text(out, "</strong> ");
        html_text(out, report->findings.items[i].text);
        buf_text(out, "</li>\n");
    }
    buf_text(out, "</ol>\n");
}

static void page_figures(const struct figures *figures, struct buf *out)
{
    if (!figures->n) return;
    buf_text(out, "<h2 id=\"charts\">Charts</h2>\n<p class=\"soft\">Each stands in the folder "
                  "charts as SVG and PNG, with the gnuplot script and the data that drew it, under "
                  "the name that is given in brackets.</p>\n");
    for (size_t i = 0; i < figures->n; i++) {
        const struct chart *chart = &figures->items[i].chart;
        if (figures->items[i].theme) buf_printf(out, "<h3>%s</h3>\n", figures->items[i].theme);
        chart_html(chart, out);
    }
}

static void page_configurations(const struct report *report, struct buf *out)
{
    for (size_t i = 0; i < report->data->n_runs; i++) {
        buf_printf(out, "<details><summary>Configuration of run %lld</summary><pre>",
                   (long long)report->data->runs[i]);
        html_text(out, report->configurations[i]);
        buf_text(out, "</pre></details>\n");
    }
}

static void write_page(const struct report *report, const struct figures *figures, struct buf *out)
{
    const struct sections *sections = &report->sections;
    html_begin(out, report->title);
    buf_text(out, "<h1>");
    html_text(out, report->title);
    buf_text(out, "</h1>\n");
    if (has_synthetic(report)) buf_printf(out, "<p class=\"mark\">%s</p>\n", SYNTHETIC_WARNING);
    page_findings(report, out);
    buf_text(out,
             "<p class=\"soft\">Made by phibench. Every number below carries its protocol, its "
             "interval and what was counted under it.</p>\n");
    page_figures(figures, out);
    buf_text(out, "<h2 id=\"tables\">Tables</h2>\n");
    for (size_t i = 0; i < sections->n; i++)
        if (sections->items[i].place < SECTION_CONTEXT) page_section(&sections->items[i], out);
    buf_text(out, "<h2 id=\"context\">Context</h2>\n");
    for (size_t i = 0; i < sections->n; i++)
        if (sections->items[i].place == SECTION_CONTEXT) page_section(&sections->items[i], out);
    page_configurations(report, out);
    html_end(out);
}

/* ---- Markdown ---- */

/* A heading or a paragraph, and the empty line behind it. */
static void markdown_block(struct buf *out, const char *mark, const char *text)
{
    buf_text(out, mark);
    markdown_text(out, text);
    buf_text(out, "\n\n");
}

static void markdown_sections(const struct sections *sections, bool is_context, struct buf *out)
{
    for (size_t i = 0; i < sections->n; i++) {
        const struct section *section = &sections->items[i];
        if (section->place == SECTION_FILE || !section->table->n_rows ||
            (section->place == SECTION_CONTEXT) != is_context)
            continue;
        markdown_block(out, "\n## ", section->heading);
        if (section->text) markdown_block(out, "", section->text);
        table_markdown(section->table, out);
    }
}

static void write_markdown(const struct report *report, const struct figures *figures,
                           struct buf *out)
{
    markdown_block(out, "# ", report->title);
    if (has_synthetic(report)) buf_printf(out, "> %s\n\n", SYNTHETIC_WARNING);
    for (size_t i = 0; i < report->findings.n; i++) {
        buf_printf(out, "%zu. **", i + 1);
        markdown_text(out, report->findings.items[i].claim);
        buf_text(out, "** ");
        markdown_text(out, report->findings.items[i].text);
        buf_char(out, '\n');
    }
    if (figures->n) buf_text(out, "\n## Charts\n");
    for (size_t i = 0; i < figures->n; i++) chart_markdown(&figures->items[i].chart, out);
    markdown_sections(&report->sections, false, out);
    markdown_sections(&report->sections, true, out);
}

/* ---- Files ---- */

static bool write_tables(const char *folder, const struct sections *sections, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < sections->n; i++) {
        struct buf text = {0};
        if (!sections->items[i].csv) continue;
        table_csv(sections->items[i].table, &text);
        ok = file_write_in(folder, sections->items[i].csv, &text, err);
        buf_free(&text);
    }
    return ok;
}

/* Fails if there are charts and none could be drawn: then the fault is not in one of them. */
static bool draw_figures(const struct report *report, struct figures *figures, const char *out,
                         const char *gnuplot, const struct log *log, struct err *err)
{
    char *folder = file_join(out, "charts", err);
    bool ok = folder && file_make_folders(folder, err);
    size_t n_drawn = 0;
    for (size_t i = 0; ok && i < figures->n; i++) {
        struct chart *chart = &figures->items[i].chart;
        ok = chart_draw_or_tell(chart, folder, gnuplot, report->data->arena, log, err);
        n_drawn += !chart->fault;
    }
    if (ok && figures->n && !n_drawn)
        ok = err_set(err, ERR_IO, "drawing the charts: %s", figures->items[0].chart.fault);
    free(folder);
    return ok;
}

static bool write_texts(const struct report *report, const struct figures *figures, const char *out,
                        struct err *err)
{
    struct buf page = {0}, markdown = {0};
    write_page(report, figures, &page);
    write_markdown(report, figures, &markdown);
    bool ok = file_write_in(out, "index.html", &page, err) &&
              file_write_in(out, "report.md", &markdown, err);
    buf_free(&page);
    buf_free(&markdown);
    return ok;
}

bool report_write(const struct report *report, const char *out, const char *gnuplot,
                  const struct log *log, struct err *err)
{
    struct figures figures;
    bool ok = figures_build(report->data, report->books, report->n_books, &figures, err) &&
              draw_figures(report, &figures, out, gnuplot, log, err) &&
              write_texts(report, &figures, out, err) && write_tables(out, &report->sections, err);
    figures_free(&figures);
    return ok;
}
