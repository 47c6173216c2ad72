/* chart_parts.c - see chart_parts.h.
 *
 * Knows gnuplot's commands that every kind of chart begins and ends with.
 */
#include "reports/chart_parts.h"

#include "base/utf8.h"
#include "base/visible.h"
#include "reports/gnuplot.h"

#include <math.h>
#include <string.h>

enum {
    KEY_COLUMNS = 3,
    KEY_SAMPLE = 7, /* characters that an entry of the key takes beside its text */
    MAX_TITLE = 160
};

const char *const CHART_COLORS[CHART_N_COLORS] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                  "#56b4e9", "#e69f00", "#7f7f7f", "#b8a000"};
const int CHART_SHAPES[CHART_N_SHAPES] = {7, 5, 9, 13, 11, 6, 4, 8, 12, 10};

void chart_quote(struct buf *out, const char *text)
{
    gnuplot_string(out, text, CHART_MAX_LABEL, false);
}

void chart_begin_block(struct buf *out, size_t i_block, const char *name)
{
    buf_text(out, i_block ? "\n\n# " : "# ");
    visible_append(out, name, strlen(name), VISIBLE_LINE);
    buf_char(out, '\n');
}

/* A long title is smaller, so that it stands within the chart: a character of the font that gnuplot
 * falls back on is 0.73 of its size wide, on average. */
static double title_size(const struct chart *chart)
{
    size_t n = utf8_count(chart->title, strlen(chart->title));
    return fmin(15, fmax(6, 0.96 / 0.73 * chart->width / (double)(n ? n : 1)));
}

void chart_begin(struct chart *chart)
{
    struct buf *out = &chart->script;
    buf_printf(out, "# Redraw with: gnuplot %s.gp\nset encoding utf8\n", chart->name);
    buf_printf(out,
               "set terminal svg size %d,%d dynamic font 'sans-serif,13'\nset output '%s.svg'\n",
               chart->width, chart->height, chart->name);
    /* Not gnuplot's own title: that stands over the axes, and long labels would cut it off. */
    buf_text(out, "set title ' ' font ',15'\nset label ");
    gnuplot_string(out, chart->title, MAX_TITLE, false);
    buf_printf(
        out, " at screen 0.5, screen 1 offset 0,-1.3 center tc rgb '%s' noenhanced font ',%.3g'\n",
        CHART_INK, title_size(chart));
    buf_printf(out, "set xtics nomirror out tc rgb '%s'\nset ytics nomirror tc rgb '%s'\n",
               CHART_INK, CHART_INK);
    buf_printf(out, "set key tc rgb '%s' noenhanced\nset datafile missing 'NaN'\n", CHART_INK);
}

void chart_end(struct chart *chart)
{
    buf_printf(&chart->script,
               "set terminal pngcairo size %d,%d fontscale 2 linewidth 2 pointscale 2 font "
               "'sans-serif,13' "
               "background '#ffffff'\nset output '%s.png'\nreplot\n",
               2 * chart->width, 2 * chart->height, chart->name);
}

void chart_axis_label(struct buf *out, char axis, const char *text)
{
    buf_printf(out, "set %clabel ", axis);
    chart_quote(out, text);
    buf_printf(out, " tc rgb '%s' noenhanced\n", CHART_INK);
}

int chart_longest(const char *const *names, size_t n)
{
    size_t longest = 0;
    for (size_t i = 0; i < n; i++) {
        size_t n_characters = visible_width(names[i], strlen(names[i]));
        if (n_characters > longest) longest = n_characters;
    }
    return longest > CHART_MAX_LABEL ? CHART_MAX_LABEL : (int)longest;
}

struct chart_key chart_lay_out_key(int longest, size_t n_entries, int width)
{
    int fitting = width / (CHART_CHARACTER * (KEY_SAMPLE + longest));
    int columns = fitting < 1 ? 1 : fitting > KEY_COLUMNS ? KEY_COLUMNS : fitting;
    return (struct chart_key){columns, ((int)n_entries + columns - 1) / columns, longest};
}

void chart_key_below(struct buf *out, const struct chart_key *key, double below)
{
    buf_printf(out,
               "set bmargin %.1f\nset key at screen 0.5, screen 0.01 center bottom horizontal "
               "maxcols %d Left reverse samplen 2\n",
               below + 1.1 * key->rows, key->columns);
}
