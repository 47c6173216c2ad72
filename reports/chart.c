/* chart.c - see chart.h: what stands in scripts and data. They name their files relatively:
 * `gnuplot NAME.gp` in the charts' folder redraws them.
 *
 * Knows nothing of models and scores: labels and numbers come from figures.c.
 */
#include "reports/chart.h"

#include "base/mem.h"
#include "reports/chart_parts.h"
#include "reports/gnuplot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_LINE = 30,   /* of a key beside the chart */
    FRAME = 150,     /* title, tics and axis label */
    MAX_INSIDE = 30, /* characters of a row's label; longer ones widen the chart */
    MAX_BESIDE = 24, /* a key with longer names stands below the plane, not beside it */
    TALL_ROWS = 24   /* with more, the axis stands above as well */
};
static const double LINES_BELOW = 4.5; /* of tics and the label of the axis */

void chart_free(struct chart *chart)
{
    buf_free(&chart->script);
    buf_free(&chart->data);
    buf_free(&chart->svg);
}

/* The x axis from low to high, below 0 only where that is told, with at most seven tics at round
 * distances: more would run into each other. Thousands are written 10k. */
static void linear_axis(struct buf *out, double low, double high, bool goes_below)
{
    double begin = goes_below ? low : fmax(low, 0), span = high > begin ? high - begin : 1;
    double power = pow(10, floor(log10(span / 6))), ratio = span / 6 / power;
    double step = power * (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10);
    buf_printf(out, "set xrange [%.6g:%.6g]\nset xtics %.6g\n", begin, begin + span, step);
    if (high >= 10000) buf_printf(out, "set format x '%%.%ds%%c'\n", step < 1000);
}

/* A logarithmic axis, 'x' or 'y', with tics at 1, 2 and 5 times the powers of ten, or at the powers
 * alone where there are more than three. */
static void log_axis(struct buf *out, char axis, double low, double high)
{
    static const double STEPS[] = {1, 2, 5};
    int n_steps = high > 1000 * low ? 1 : 3;
    bool is_first = true;
    buf_printf(out, "set logscale %c\nset %crange [%.6g:%.6g]\nset %ctics (", axis, axis, low, high,
               axis);
    for (double power = pow(10, floor(log10(low))); power <= high; power *= 10)
        for (int i = 0; i < n_steps; i++) {
            double tic = power * STEPS[i];
            if (tic < low || tic > high) continue;
            buf_printf(out, "%s%.6g", is_first ? "" : ", ", tic);
            is_first = false;
        }
    buf_text(out, ")\n");
}

/* ---- Intervals in rows ---- */

static void write_interval_data(struct chart *chart, const struct interval_chart *spec)
{
    struct buf *out = &chart->data;
    buf_text(out, "# blocks are series; columns: height, value, low, high\n");
    for (size_t s = 0; s < spec->n_series; s++) {
        double shift =
            ((double)(spec->n_series - 1) / 2 - (double)s) * 0.7 / (double)spec->n_series;
        if (spec->has_series_in_rows) shift = 0;
        chart_begin_block(out, s, spec->series[s]);
        size_t n = 0;
        for (size_t i = 0; i < spec->n_points; i++) {
            const struct interval_point *point = &spec->points[i];
            if (point->i_series != s) continue;
            buf_printf(out, "%.4f %.6g %.6g %.6g\n", (double)(spec->n_rows - point->i_row) + shift,
                       point->value, point->low, point->high);
            n++;
        }
        if (!n) buf_text(out, "NaN NaN NaN NaN\n");
    }
}

/* The chart is wider where labels of rows are long, so that they take at most half of it. */
static int interval_width(const struct interval_chart *spec)
{
    int longest = chart_longest(spec->rows, spec->n_rows);
    return CHART_WIDTH + (longest > MAX_INSIDE ? CHART_CHARACTER * (longest - MAX_INSIDE) : 0);
}

/* The key has no rows where there is one series, or where rows name theirs. */
static struct chart_key interval_key(const struct interval_chart *spec)
{
    if (spec->n_series < 2 || spec->has_series_in_rows) return (struct chart_key){0};
    int labels = CHART_CHARACTER * chart_longest(spec->rows, spec->n_rows);
    return chart_lay_out_key(chart_longest(spec->series, spec->n_series), spec->n_series,
                             interval_width(spec) - labels - CHART_MARGIN);
}

struct extent {
    double low, high;
};

static struct extent interval_extent(const struct interval_chart *spec)
{
    struct extent extent = {INFINITY, -INFINITY};
    for (size_t i = 0; i < spec->n_points; i++) {
        extent.low = fmin(extent.low, spec->points[i].low);
        extent.high = fmax(extent.high, spec->points[i].high);
    }
    return extent;
}

/* A reference that is far from every interval would squeeze them together: it is left out. */
static bool has_reference(const struct interval_chart *spec)
{
    struct extent extent = interval_extent(spec);
    double span = extent.high - extent.low;
    return spec->reference >= extent.low - span && spec->reference <= extent.high + span;
}

/* The axis holds every interval, the reference, and room for the numbers on the right. */
static void interval_axis(struct buf *out, const struct interval_chart *spec)
{
    struct extent extent = interval_extent(spec);
    if (has_reference(spec)) {
        extent.low = fmin(extent.low, spec->reference);
        extent.high = fmax(extent.high, spec->reference);
    }
    if (spec->x_log) {
        double room = pow(extent.high / extent.low, spec->show_values ? 0.2 : 0.05);
        log_axis(out, 'x', extent.low / pow(extent.high / extent.low, 0.05), extent.high * room);
        return;
    }
    if (spec->from_zero) extent.low = 0;
    double span = extent.high > extent.low ? extent.high - extent.low : 1;
    double below = spec->from_zero ? 0 : 0.05, above = spec->show_values ? 0.15 : 0.05;
    linear_axis(out, extent.low - below * span, extent.high + above * span, extent.low < 0);
}

static void reference_line(struct buf *out, const struct interval_chart *spec)
{
    bool is_tall = spec->n_rows > TALL_ROWS; /* then the tics above come between */
    if (is_tall) buf_text(out, "set title \" \\n \" font ',15'\n");
    buf_printf(out,
               "set arrow from first %.6g, graph 0 to first %.6g, graph 1 nohead dt 2 lw 1.2 lc "
               "rgb '#7f7f7f'\nset label ",
               spec->reference, spec->reference);
    chart_quote(out, spec->reference_label);
    buf_printf(out,
               " at first %.6g, graph 1 offset 0,%s center tc rgb '#7f7f7f' font ',11' "
               "noenhanced\n",
               spec->reference, is_tall ? "1.9" : "0.5");
}

static void interval_axes(struct chart *chart, const struct interval_chart *spec)
{
    struct buf *out = &chart->script;
    buf_printf(out, "set border 1 lc rgb '%s'\nset ytics scale 0 noenhanced (", CHART_INK);
    for (size_t i = 0; i < spec->n_rows; i++) {
        buf_text(out, i ? ", " : "");
        gnuplot_string(out, spec->rows[i], CHART_MAX_LABEL, true);
        buf_printf(out, " %zu", spec->n_rows - i);
    }
    buf_printf(out, ")\nset yrange [0.4:%.1f]\n", (double)spec->n_rows + 0.6);
    buf_text(out, "set grid x lt 1 lc rgb '#b0b7bf' lw 0.5\n");
    if (spec->n_points) interval_axis(out, spec);
    if (spec->n_rows > TALL_ROWS)
        buf_printf(out, "set link x2\nset x2tics scale 0 tc rgb '%s'\n", CHART_INK);
    struct chart_key key = interval_key(spec);
    if (key.rows) chart_key_below(out, &key, LINES_BELOW);
    else buf_text(out, "unset key\n");
    chart_axis_label(out, 'x', spec->x_label);
    if (has_reference(spec)) reference_line(out, spec);
}

void chart_intervals(struct chart *chart, const struct interval_chart *spec)
{
    struct buf *out = &chart->script;
    int n_beside = spec->has_series_in_rows ? 1 : (int)spec->n_series;
    int series_height = (spec->show_values ? 16 : 9) * n_beside;
    int row_height = series_height + 8 > 24 ? series_height + 8 : 24;
    chart->width = interval_width(spec);
    chart->height =
        FRAME + row_height * (int)spec->n_rows + CHART_KEY_ROW * interval_key(spec).rows;
    chart_begin(chart);
    write_interval_data(chart, spec);
    interval_axes(chart, spec);
    buf_text(out, "short(x) = sprintf(x < 10 ? '%.2f' : x < 100 ? '%.1f' : '%.0f', x)\nplot ");
    for (size_t s = 0; s < spec->n_series; s++) {
        buf_printf(out,
                   "%s'%s.dat' index %zu using 2:1:3:4 with xerrorbars pt %d ps 0.9 lw 1.6 lc rgb "
                   "'%s' title ",
                   s ? ", \\\n  " : "", chart->name, s, CHART_SHAPES[s % CHART_N_SHAPES],
                   CHART_COLORS[(spec->i_first_color + s) % CHART_N_COLORS]);
        chart_quote(out, spec->series[s]);
        if (spec->show_values)
            buf_printf(out,
                       ", \\\n  '' index %zu using 4:1:(short($2)) with labels left offset 0.7,0 "
                       "font ',11' tc rgb '%s' notitle",
                       s, CHART_INK);
    }
    buf_char(out, '\n');
    chart_end(chart);
}

/* ---- Points in a plane ---- */

static int compare_x(const void *a, const void *b)
{
    const struct plane_point *p = a, *q = b;
    return (p->x > q->x) - (p->x < q->x);
}

/* The data have one block for each colour: its points in order of x. */
static bool write_plane_data(struct chart *chart, const struct plane_chart *spec)
{
    struct buf *out = &chart->data;
    struct plane_point *points = mem_new(spec->n_points, sizeof *points, NULL);
    if (!points) return false;
    if (spec->n_points) memcpy(points, spec->points, spec->n_points * sizeof *points);
    qsort(points, spec->n_points, sizeof *points, compare_x);
    buf_text(out, "# blocks are models; columns: x, y, low, high, number of the shape\n");
    for (size_t c = 0; c < spec->n_colors; c++) {
        chart_begin_block(out, c, spec->colors[c]);
        size_t n = 0;
        for (size_t i = 0; i < spec->n_points; i++) {
            if (points[i].i_color != c) continue;
            buf_printf(out, "%.6g %.6g %.6g %.6g %zu\n", points[i].x, points[i].y, points[i].y_low,
                       points[i].y_high, points[i].i_shape);
            n++;
        }
        if (!n) buf_text(out, "NaN NaN NaN NaN NaN\n");
    }
    free(points);
    return true;
}

static void plane_axis(struct buf *out, const struct plane_chart *spec)
{
    double low = INFINITY, high = 0;
    for (size_t i = 0; i < spec->n_points; i++) {
        low = fmin(low, spec->points[i].x);
        high = fmax(high, spec->points[i].x);
    }
    double margin = high > low ? 0.08 * (high - low) : 0.08 * high;
    if (spec->n_points && spec->x_log) log_axis(out, 'x', low / 1.3, 1.3 * high);
    else if (spec->n_points) linear_axis(out, low - margin, high + margin, false);
}

/* The axis holds every point, with its interval where it has one. */
static void plane_log_height(struct buf *out, const struct plane_chart *spec)
{
    double low = INFINITY, high = 0;
    for (size_t i = 0; i < spec->n_points; i++) {
        const struct plane_point *point = &spec->points[i];
        low = fmin(low, fmin(point->y, point->y_low)); /* NaN counts for nothing */
        high = fmax(high, fmax(point->y, point->y_high));
    }
    if (spec->n_points) log_axis(out, 'y', low / 1.3, 1.3 * high);
}

/* The key names models and quantizations; it has no rows if it stands beside the plane. */
static struct chart_key plane_key(const struct plane_chart *spec)
{
    int colors = chart_longest(spec->colors, spec->n_colors),
        shapes = chart_longest(spec->shapes, spec->n_shapes);
    int longest = colors > shapes ? colors : shapes;
    if (longest <= MAX_BESIDE) return (struct chart_key){0};
    return chart_lay_out_key(longest, spec->n_colors + spec->n_shapes,
                             CHART_WIDTH - 2 * CHART_MARGIN);
}

/* When the colours begin again, lines are dashed and filled shapes are open. */
static int shape_of(size_t i_color, size_t i_shape)
{
    return CHART_SHAPES[(i_shape + i_color / CHART_N_COLORS * (CHART_N_SHAPES / 2)) %
                        CHART_N_SHAPES];
}

static void plane_axes(struct chart *chart, const struct plane_chart *spec)
{
    struct buf *out = &chart->script;
    buf_printf(out, "set border 3 lc rgb '%s'\n", CHART_INK);
    buf_text(out, "set grid x y lt 1 lc rgb '#b0b7bf' lw 0.5\n");
    if (spec->y_log) plane_log_height(out, spec);
    else buf_text(out, "set yrange [0<*:]\nset offsets 0, 0, graph 0.08, graph 0.08\n");
    struct chart_key key = plane_key(spec);
    if (key.rows) chart_key_below(out, &key, LINES_BELOW);
    else buf_text(out, "set key outside right top vertical Left reverse samplen 2\n");
    plane_axis(out, spec);
    chart_axis_label(out, 'x', spec->x_label);
    chart_axis_label(out, 'y', spec->y_label);
}

void chart_plane(struct chart *chart, const struct plane_chart *spec)
{
    struct buf *out = &chart->script;
    int n_key = (int)(spec->n_colors + spec->n_shapes), n_below = plane_key(spec).rows;
    bool is_tall = !n_below && n_key > 14;
    chart->width = CHART_WIDTH;
    chart->height = is_tall ? 120 + KEY_LINE * n_key : 420 + CHART_KEY_ROW * n_below;
    chart_begin(chart);
    if (!write_plane_data(chart, spec)) chart->data.failed = true;
    plane_axes(chart, spec);
    buf_text(out, "plot ");
    for (size_t c = 0; c < spec->n_colors; c++) {
        const char *color = CHART_COLORS[c % CHART_N_COLORS];
        buf_printf(out,
                   "%s'%s.dat' index %zu using 1:2 with lines dt %zu lw 1.6 lc rgb '%s' title ",
                   c ? ", \\\n  " : "", chart->name, c, 1 + c / CHART_N_COLORS, color);
        chart_quote(out, spec->colors[c]);
        buf_printf(
            out,
            ", \\\n  '' index %zu using 1:2:3:4 with yerrorbars pt 0 lw 1.2 lc rgb '%s' notitle", c,
            color);
        for (size_t s = 0; s < spec->n_shapes; s++)
            buf_printf(out,
                       ", \\\n  '' index %zu using 1:($5 == %zu ? $2 : NaN) with points pt %d ps "
                       "1.3 lw 1.6 lc rgb '%s' "
                       "notitle",
                       c, s, shape_of(c, s), color);
    }
    for (size_t s = 0; s < spec->n_shapes; s++) {
        buf_printf(out, ", \\\n  NaN with points pt %d ps 1.3 lw 1.6 lc rgb '%s' title ",
                   CHART_SHAPES[s % CHART_N_SHAPES], CHART_INK);
        chart_quote(out, spec->shapes[s]);
    }
    buf_char(out, '\n');
    chart_end(chart);
}
