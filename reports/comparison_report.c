/* comparison_report.c - see comparison_report.h. Every form is made of the same sentences and
 * tables; JSON has the numbers themselves.
 */
#include "reports/comparison_report.h"

#include "base/base64.h"
#include "base/file.h"
#include "base/json.h"
#include "base/visible.h"
#include "reports/chart_page.h"
#include "reports/comparison_tables.h"
#include "reports/html.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DESCRIPTION = 1024 }; /* bytes of what is said of a picture */

bool comparison_format_parse(const char *name, enum comparison_format *format, struct err *err)
{
    static const char *const NAMES[] = {"table", "json", "md"};
    for (int i = 0; i < 3; i++)
        if (!strcmp(name ? name : "table", NAMES[i])) {
            *format = (enum comparison_format)i;
            return true;
        }
    return err_set(err, ERR_USAGE, "--output must be table, json or md, not \"%s\"", name);
}

/* The last word: the gate's verdict with what came out. */
static const char *verdict_line(const struct comparison *comparison, const struct gate *gate,
                                struct err *err)
{
    return arena_printf(comparison->arena, err, "%s: %s", gate_verdict_name(gate->verdict),
                        gate->sentence);
}

/* ---- Text and Markdown ---- */

/* What a picture is, in words: "images/1.jpg, 640 x 480, image/jpeg". */
static const char *describe_picture(const struct picture_record *picture, char *out, size_t n_out)
{
    snprintf(out, n_out, "%s, %lld x %lld, %s", picture->file, (long long)picture->width,
             (long long)picture->height, picture->media_type);
    return out;
}

static void print_flip_prompts(const struct comparison *comparison, FILE *out)
{
    for (size_t i = 0; i < comparison->n_pairs; i++)
        for (size_t k = 0; k < comparison->pairs[i].n_flips; k++) {
            const struct flip *flip = &comparison->pairs[i].flips[k];
            if (!*flip->prompt) continue;
            fputs("\n--- prompt of ", out);
            visible_print(out, flip->key, strlen(flip->key), VISIBLE_LINE);
            fputc('\n', out);
            for (size_t p = 0; p < flip->n_pictures; p++) {
                char text[MAX_DESCRIPTION];
                visible_printf(out, "picture %zu: %s\n", p + 1,
                               describe_picture(&flip->pictures[p], text, sizeof text));
            }
            visible_print(out, flip->prompt, strlen(flip->prompt), VISIBLE_LINES);
            fputc('\n', out);
        }
}

static void print_table(const struct comparison *comparison, const struct gate *gate,
                        const struct sections *sections, const char *headline, const char *verdict,
                        FILE *out)
{
    if (gate && *gate->power) visible_printf(out, "%s\n", gate->power);
    visible_printf(out, "%s\n", headline);
    for (size_t i = 0; i < sections->n; i++) {
        const struct section *section = &sections->items[i];
        if (!section->table->n_rows) continue;
        visible_printf(out, "\n%c%s\n", tolower((unsigned char)section->heading[0]),
                       section->heading + 1);
        table_print(section->table, out);
    }
    print_flip_prompts(comparison, out);
    if (gate) visible_printf(out, "\n%s\n", verdict);
}

static void write_markdown(const struct gate *gate, const struct sections *sections,
                           const char *headline, const char *verdict, struct buf *out)
{
    if (gate) {
        buf_text(out, "## ");
        markdown_text(out, verdict);
        buf_text(out, "\n\n");
        markdown_text(out, gate->power);
        buf_text(out, "\n\n");
    }
    markdown_text(out, headline);
    buf_char(out, '\n');
    for (size_t i = 0; i < sections->n; i++) {
        const struct section *section = &sections->items[i];
        if (!section->table->n_rows) continue;
        buf_printf(out, "\n### %s\n\n", section->heading);
        if (section->text) buf_printf(out, "%s\n\n", section->text);
        table_markdown(section->table, out);
    }
}

/* ---- JSON ---- */

static void set_interval(struct json_writer *writer, const struct interval *interval)
{
    json_set_number(writer, "low", interval->low);
    json_set_number(writer, "high", interval->high);
}

static void put_side(struct json_writer *writer, const char *key,
                     const struct comparison_side *side)
{
    json_key(writer, key);
    json_begin_object(writer);
    json_set_string(writer, "database", side->database);
    json_set_integer(writer, "run", side->run);
    json_set_string(writer, "name", side->name);
    json_set_string(writer, "label", *side->label ? side->label : NULL);
    json_set_string(writer, "revision", side->revision);
    json_set_bool(writer, "modified", side->is_modified);
    json_set_integer(writer, "numerics", side->numerics_version);
    json_set_integer(writer, "runs_like_it", (int64_t)side->n_runs);
    json_end_object(writer);
}

static void put_unlikes(struct json_writer *writer, const struct comparison *comparison)
{
    static const char *const WEIGHTS[] = {"circumstance", "subject", "refused"};
    json_key(writer, "not_the_same");
    json_begin_array(writer);
    for (size_t i = 0; i < comparison->n_unlikes; i++) {
        const struct unlike *unlike = &comparison->unlikes[i];
        json_begin_object(writer);
        json_set_string(writer, "where", unlike->where);
        json_set_string(writer, "what", unlike->what);
        json_set_string(writer, "base", unlike->base);
        json_set_string(writer, "candidate", unlike->candidate);
        json_set_string(writer, "weight", WEIGHTS[unlike->weight]);
        json_end_object(writer);
    }
    json_end_array(writer);
    json_set_strings(writer, "missing", comparison->missing, comparison->n_missing);
}

static void put_pictures(struct json_writer *writer, const struct flip *flip)
{
    json_key(writer, "pictures");
    json_begin_array(writer);
    for (size_t i = 0; i < flip->n_pictures; i++) {
        const struct picture_record *picture = &flip->pictures[i];
        json_begin_object(writer);
        json_set_string(writer, "file", picture->file);
        json_set_string(writer, "sha256", picture->hash);
        json_set_string(writer, "media_type", picture->media_type);
        json_set_integer(writer, "width", picture->width);
        json_set_integer(writer, "height", picture->height);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void put_flip(struct json_writer *writer, const struct flip *flip)
{
    json_begin_object(writer);
    json_set_string(writer, "item", flip->key);
    json_set_bool(writer, "lost", flip->is_lost);
    json_set_string(writer, "expected", flip->expected);
    json_set_string(writer, "base", flip->base);
    json_set_string(writer, "candidate", flip->candidate);
    json_set_number(writer, "margin_base", flip->margin_base);
    json_set_number(writer, "margin_candidate", flip->margin_candidate);
    json_set_string(writer, "prompt", *flip->prompt ? flip->prompt : NULL);
    if (flip->n_pictures) put_pictures(writer, flip);
    json_end_object(writer);
}

static void put_pairs(struct json_writer *writer, const struct comparison *comparison)
{
    json_key(writer, "jobs");
    json_begin_array(writer);
    for (size_t i = 0; i < comparison->n_pairs; i++) {
        const struct job_pair *pair = &comparison->pairs[i];
        const struct {
            const char *key;
            uint64_t n;
        } counts[] = {{"items", pair->n},
                      {"items_base", pair->n_base},
                      {"items_candidate", pair->n_candidate},
                      {"taken_over", pair->n_taken_over},
                      {"other_logits", pair->n_logits},
                      {"other_prompts", pair->n_prompts},
                      {"other_tokens", pair->n_tokens},
                      {"lost", pair->n_lost},
                      {"gained", pair->n_gained},
                      {"changed", pair->n_changed}};
        if (pair->kind == PAIR_SPEED) continue;
        json_begin_object(writer);
        json_set_string(writer, "job", pair->label);
        json_set_bool(writer, "refused", pair->is_refused);
        json_set_bool(writer, "finished", pair->is_finished);
        json_set_bool(writer, "same_bits", pair->same_bits);
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
            json_set_integer(writer, counts[k].key, (int64_t)counts[k].n);
        json_set_string(writer, "cause", *pair->cause ? pair->cause : NULL);
        json_key(writer, "flips");
        json_begin_array(writer);
        for (size_t k = 0; k < pair->n_flips; k++) put_flip(writer, &pair->flips[k]);
        json_end_array(writer);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void put_lines(struct json_writer *writer, const struct comparison *comparison)
{
    json_key(writer, "changes");
    json_begin_array(writer);
    for (size_t i = 0; i < comparison->n_lines; i++) {
        const struct comparison_line *line = &comparison->lines[i];
        json_begin_object(writer);
        json_set_string(writer, "what", comparison_line_name(line->kind));
        json_set_string(writer, "where", line->label);
        json_set_string(writer, "unit", line->unit);
        json_set_number(writer, "base", line->base);
        json_set_number(writer, "candidate", line->candidate);
        json_set_number(writer, "change", line->change.mean);
        json_set_number(writer, "error", line->change.error);
        set_interval(writer, &line->change.interval);
        json_set_integer(writer, "n", (int64_t)line->change.n);
        json_set_number(writer, "p", line->p);
        json_set_number(writer, "p_holm", line->p_holm);
        json_set_string(writer, "verdict", comparison_verdict(line));
        json_set_string(writer, "doubt", *line->doubt ? line->doubt : NULL);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void put_gate(struct json_writer *writer, const struct gate *gate)
{
    json_set_string(writer, "power", gate->power);
    json_set_string(writer, "verdict", gate_verdict_name(gate->verdict));
    json_set_string(writer, "sentence", gate->sentence);
    json_key(writer, "checks");
    json_begin_array(writer);
    for (size_t i = 0; i < gate->n; i++) {
        const struct gate_check *check = &gate->checks[i];
        json_begin_object(writer);
        json_set_string(writer, "verdict", gate_verdict_name(check->verdict));
        json_set_string(writer, "what", check->what);
        json_set_string(writer, "where", check->where);
        json_set_number(writer, "loss", check->loss.mean);
        set_interval(writer, &check->loss.interval);
        json_set_number(writer, "margin", check->margin);
        json_set_number(writer, "detectable", check->detectable);
        json_set_string(writer, "reason", *check->reason ? check->reason : NULL);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void write_json(const struct comparison *comparison, const struct gate *gate,
                       const char *headline, struct buf *out)
{
    struct json_writer writer = {.out = out, .indent = 2};
    json_begin_object(&writer);
    json_set_string(&writer, "headline", headline);
    if (gate) put_gate(&writer, gate);
    put_side(&writer, "base", &comparison->base);
    put_side(&writer, "candidate", &comparison->candidate);
    put_unlikes(&writer, comparison);
    put_pairs(&writer, comparison);
    put_lines(&writer, comparison);
    json_end_object(&writer);
    buf_char(out, '\n');
}

bool comparison_print(const struct comparison *comparison, const struct gate *gate,
                      enum comparison_format format, FILE *out, struct err *err)
{
    struct sections sections = {0};
    struct buf text = {0};
    const char *headline = comparison_headline(comparison, err);
    const char *verdict = gate ? verdict_line(comparison, gate, err) : "";
    if (!headline || !verdict || !comparison_tables(comparison, gate, &sections, err)) return false;
    switch (format) {
    case COMPARISON_TABLE:
        print_table(comparison, gate, &sections, headline, verdict, out);
        return true;
    case COMPARISON_JSON: write_json(comparison, gate, headline, &text); break;
    case COMPARISON_MARKDOWN: write_markdown(gate, &sections, headline, verdict, &text); break;
    }
    return buf_print(&text, out, err);
}

/* ---- The page ---- */

/* Draws the changes of scores, or those in percent, as intervals about 0; without any the chart
 * stays empty. */
static bool make_chart(const struct comparison *comparison, bool is_of_scores, const char *x_label,
                       struct chart *chart, struct err *err)
{
    struct arena *arena = comparison->arena;
    const char **rows = arena_alloc(arena, comparison->n_lines + 1, sizeof *rows, err);
    struct interval_point *points =
        arena_alloc(arena, comparison->n_lines + 1, sizeof *points, err);
    static const char *const SERIES[] = {"change"};
    size_t n = 0;
    if (!rows || !points) return false;
    for (size_t i = 0; i < comparison->n_lines; i++) {
        const struct comparison_line *line = &comparison->lines[i];
        bool is_score = line->kind == LINE_SCORE || line->kind == LINE_POOLED;
        bool is_ratio = line->kind == LINE_PERPLEXITY || line->kind >= LINE_SPEED;
        if (is_of_scores ? !is_score : !is_ratio) continue;
        rows[n] = arena_printf(arena, err, "%s: %s", comparison_line_name(line->kind), line->label);
        if (!rows[n]) return false;
        double low = line->change.interval.low, high = line->change.interval.high;
        points[n] = (struct interval_point){.i_row = n,
                                            .value = line->change.mean,
                                            .low = isnan(low) ? line->change.mean : low,
                                            .high = isnan(high) ? line->change.mean : high};
        n++;
    }
    const struct interval_chart spec = {.rows = rows,
                                        .n_rows = n,
                                        .series = SERIES,
                                        .n_series = 1,
                                        .points = points,
                                        .n_points = n,
                                        .x_label = x_label,
                                        .reference = 0,
                                        .reference_label = "no change",
                                        .show_values = true};
    if (n) chart_intervals(chart, &spec);
    return true;
}

static bool draw(const struct comparison *comparison, struct chart *chart, bool is_of_scores,
                 const char *x_label, const char *folder, const char *gnuplot,
                 const struct log *log, struct err *err)
{
    if (!make_chart(comparison, is_of_scores, x_label, chart, err)) return false;
    return !chart->script.n_bytes ||
           chart_draw_or_tell(chart, folder, gnuplot, comparison->arena, log, err);
}

/* The small pictures of the store, inside the page; who cannot see them is told what they are. */
static void page_pictures(const struct flip *flip, struct buf *out)
{
    if (!flip->n_pictures) return;
    buf_text(out, "<p>");
    for (size_t i = 0; i < flip->n_pictures; i++) {
        const struct picture_record *picture = &flip->pictures[i];
        char text[MAX_DESCRIPTION];
        buf_printf(out, "%s<img src=\"", i ? " " : "");
        base64_put_url(out, "image/png", picture->thumbnail, picture->n_thumbnail_bytes);
        buf_printf(out, "\" alt=\"picture %zu: ", i + 1);
        html_text(out, describe_picture(picture, text, sizeof text));
        buf_text(out, "\">");
    }
    buf_text(out, "</p>");
}

static void page_flips(const struct comparison *comparison, struct buf *out)
{
    for (size_t i = 0; i < comparison->n_pairs; i++)
        for (size_t k = 0; k < comparison->pairs[i].n_flips; k++) {
            const struct flip *flip = &comparison->pairs[i].flips[k];
            if (!*flip->prompt) continue;
            buf_text(out, "<details><summary>");
            html_text(out, flip->key);
            buf_text(out, flip->is_lost ? ", lost: " : ", gained: ");
            html_text(out, flip->base);
            buf_text(out, " became ");
            html_text(out, flip->candidate);
            buf_text(out, "</summary>");
            page_pictures(flip, out);
            buf_text(out, "<pre>");
            html_text(out, flip->prompt);
            buf_text(out, "</pre></details>\n");
        }
}

static void page_paragraph(const char *mark, const char *text, struct buf *out)
{
    if (!*text) return;
    buf_printf(out, "<p%s>", mark);
    html_text(out, text);
    buf_text(out, "</p>\n");
}

static void write_page(const struct comparison *comparison, const struct gate *gate,
                       const struct sections *sections, const char *headline, const char *verdict,
                       const struct chart *charts, size_t n_charts, struct buf *out)
{
    html_begin(out, gate ? verdict : "Comparison of two runs");
    buf_text(out, "<h1>");
    html_text(out, gate ? verdict : "Comparison of two runs");
    buf_text(out, "</h1>\n");
    if (gate) page_paragraph("", gate->power, out);
    page_paragraph(" class=\"mark\"", headline, out);
    for (size_t i = 0; i < n_charts; i++)
        if (charts[i].script.n_bytes) chart_html(&charts[i], out);
    for (size_t i = 0; i < sections->n; i++) {
        const struct section *section = &sections->items[i];
        if (!section->table->n_rows) continue;
        buf_printf(out, "<h3>%s</h3>\n", section->heading);
        if (section->text) page_paragraph(" class=\"soft\"", section->text, out);
        table_html(section->table, out);
    }
    page_flips(comparison, out);
    html_end(out);
}

bool comparison_write(const struct comparison *comparison, const struct gate *gate,
                      const char *folder, const char *gnuplot, const struct log *log,
                      struct err *err)
{
    struct chart charts[] = {
        {.name = "scores", .title = "Change of scores", .caption = "Candidate less base."},
        {.name = "speeds",
         .title = "Change of speed, memory and perplexity",
         .caption = "Candidate less base, in percent of the base; speeds are better when higher, "
                    "the others when lower."}};
    struct sections sections = {0};
    struct buf page = {0}, markdown = {0}, json = {0};
    const char *headline = comparison_headline(comparison, err);
    const char *verdict = gate ? verdict_line(comparison, gate, err) : "";
    char *chart_folder = file_join(folder, "charts", err);
    bool ok =
        headline && verdict && chart_folder && file_make_folders(chart_folder, err) &&
        comparison_tables(comparison, gate, &sections, err) &&
        draw(comparison, &charts[0], true, "points", chart_folder, gnuplot, log, err) &&
        draw(comparison, &charts[1], false, "percent of the base", chart_folder, gnuplot, log, err);
    if (ok) {
        write_page(comparison, gate, &sections, headline, verdict, charts, 2, &page);
        write_markdown(gate, &sections, headline, verdict, &markdown);
        write_json(comparison, gate, headline, &json);
        ok = file_write_in(folder, "index.html", &page, err) &&
             file_write_in(folder, "comparison.md", &markdown, err) &&
             file_write_in(folder, "comparison.json", &json, err);
    }
    buf_free(&page);
    buf_free(&markdown);
    buf_free(&json);
    chart_free(&charts[0]);
    chart_free(&charts[1]);
    free(chart_folder);
    return ok;
}

/* ---- JUnit ---- */

void comparison_junit(const struct gate *gate, bool is_strict, struct buf *out)
{
    size_t counts[3] = {0};
    for (size_t i = 0; i < gate->n; i++) counts[gate->checks[i].verdict]++;
    size_t n_failures = counts[GATE_FAIL] + (is_strict ? counts[GATE_CANNOT_TELL] : 0);
    buf_printf(out,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"phibench gate\" "
               "tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\">\n",
               gate->n, n_failures, is_strict ? 0 : counts[GATE_CANNOT_TELL]);
    for (size_t i = 0; i < gate->n; i++) {
        const struct gate_check *check = &gate->checks[i];
        bool fails =
            check->verdict == GATE_FAIL || (is_strict && check->verdict == GATE_CANNOT_TELL);
        buf_text(out, "  <testcase classname=\"");
        html_text(out, check->what);
        buf_text(out, "\" name=\"");
        html_text(out, *check->where ? check->where : "all");
        buf_text(out, "\"");
        if (check->verdict == GATE_PASS) {
            buf_text(out, "/>\n");
            continue;
        }
        buf_printf(out, "><%s message=\"%s", fails ? "failure" : "skipped",
                   gate_verdict_name(check->verdict));
        if (check->line)
            buf_printf(out, ": loss %+.3g (%+.3g to %+.3g), margin %.3g", check->loss.mean,
                       check->loss.interval.low, check->loss.interval.high, check->margin);
        if (*check->reason) buf_text(out, "; ");
        html_text(out, check->reason);
        buf_text(out, "\"/></testcase>\n");
    }
    buf_text(out, "</testsuite>\n");
}
