/* chart_lines.c - see chart_lines.h.
 *
 * The data have a block for each series; a mark is a ring around the series' own shape.
 * Knows nothing of what the steps are.
 */
#include "reports/chart_lines.h"

#include "reports/chart_parts.h"
#include "reports/gnuplot.h"

enum {
    HEIGHT = 430,
    MAX_TICS = 26,      /* labels that stand side by side, turned */
    MAX_TIC_LABEL = 14, /* characters */
    RING = 6            /* gnuplot's open circle */
};
static const double LINES_BELOW = 6.8; /* of turned tics and the label of the axis */

static void write_data(struct chart *chart, const struct lines_chart *spec)
{
    struct buf *out = &chart->data;
    buf_text(out, "# blocks are series; columns: step, value, whether the level changes there\n");
    for (size_t s = 0; s < spec->n_series; s++) {
        size_t n = 0;
        chart_begin_block(out, s, spec->series[s]);
        for (size_t i = 0; i < spec->n_points; i++) {
            const struct line_point *point = &spec->points[i];
            if (point->i_series != s) continue;
            buf_printf(out, "%zu %.8g %d\n", point->i_step + 1, point->y, point->is_marked);
            n++;
        }
        if (!n) buf_text(out, "NaN NaN NaN\n");
    }
}

/* Every step has its label, or every so many-th. */
static void write_tics(struct buf *out, const struct lines_chart *spec)
{
    size_t every = (spec->n_steps + MAX_TICS - 1) / MAX_TICS;
    buf_text(out, "set xtics rotate by 45 right noenhanced (");
    for (size_t i = 0; i < spec->n_steps; i += every) {
        buf_text(out, i ? ", " : "");
        gnuplot_string(out, spec->steps[i], MAX_TIC_LABEL, true);
        buf_printf(out, " %zu", i + 1);
    }
    buf_printf(out, ")\nset xrange [0.5:%.1f]\n", (double)spec->n_steps + 0.5);
}

static bool has_marks(const struct lines_chart *spec)
{
    for (size_t i = 0; i < spec->n_points; i++)
        if (spec->points[i].is_marked) return true;
    return false;
}

static void write_series(const struct chart *chart, const struct lines_chart *spec, size_t s,
                         struct buf *out)
{
    const char *color = CHART_COLORS[s % CHART_N_COLORS];
    buf_printf(out,
               "%s'%s.dat' index %zu using 1:2 with linespoints pt %d ps 0.8 lw 1.6 dt %zu lc rgb "
               "'%s' title ",
               s ? ", \\\n  " : "", chart->name, s, CHART_SHAPES[s % CHART_N_SHAPES],
               1 + s / CHART_N_COLORS, color);
    chart_quote(out, spec->series[s]);
    buf_printf(out,
               ", \\\n  '' index %zu using 1:($3 == 1 ? $2 : NaN) with points pt %d ps 2.2 lw 1.6 "
               "lc rgb '%s' notitle",
               s, RING, color);
}

void chart_lines(struct chart *chart, const struct lines_chart *spec)
{
    struct buf *out = &chart->script;
    bool is_marked = has_marks(spec);
    struct chart_key key =
        chart_lay_out_key(chart_longest(spec->series, spec->n_series), spec->n_series + is_marked,
                          CHART_WIDTH - 2 * CHART_MARGIN);
    chart->width = CHART_WIDTH;
    chart->height = HEIGHT + CHART_KEY_ROW * key.rows;
    chart_begin(chart);
    write_data(chart, spec);
    buf_printf(out, "set border 3 lc rgb '%s'\nset grid y lt 1 lc rgb '#b0b7bf' lw 0.5\n",
               CHART_INK);
    buf_text(out, "set offsets 0, 0, graph 0.08, graph 0.08\n");
    write_tics(out, spec);
    chart_key_below(out, &key, LINES_BELOW);
    chart_axis_label(out, 'x', spec->x_label);
    chart_axis_label(out, 'y', spec->y_label);
    buf_text(out, "plot ");
    for (size_t s = 0; s < spec->n_series; s++) write_series(chart, spec, s, out);
    if (is_marked) {
        buf_printf(out, ", \\\n  NaN with points pt %d ps 2.2 lw 1.6 lc rgb '%s' title ", RING,
                   CHART_INK);
        chart_quote(out, spec->mark_label);
    }
    buf_char(out, '\n');
    chart_end(chart);
}
