/* chart_parts.h - what the kinds of chart share: colours and shapes, how a script begins and ends,
 * and the key that stands below the axes.
 *
 * Only the files that write charts' scripts include this. Pure functions on buffers.
 */
#ifndef PHIBENCH_REPORTS_CHART_PARTS_H
#define PHIBENCH_REPORTS_CHART_PARTS_H

#include "reports/chart.h"

enum {
    CHART_N_COLORS = 8,
    CHART_N_SHAPES = 10,
    CHART_WIDTH = 860,
    CHART_KEY_ROW = 21,   /* of a key below the axes */
    CHART_CHARACTER = 11, /* pixels, as gnuplot reckons when it sets margins and columns */
    CHART_MARGIN = 70,    /* pixels beside the chart, labels of rows left out */
    CHART_MAX_LABEL = 80  /* characters */
};
extern const char *const CHART_COLORS[CHART_N_COLORS];
/* gnuplot's numbers of the filled circle, square, triangle, diamond and inverted triangle, then of
 * the open ones. */
extern const int CHART_SHAPES[CHART_N_SHAPES];
#define CHART_INK "#1b1f24" /* chart_draw.c replaces it */

/* Appends a text as a string of gnuplot's. A name that would leave no room for the chart is cut:
 * tables have it whole. */
void chart_quote(struct buf *out, const char *text);

/* The name of a block of data, as a comment before it. */
void chart_begin_block(struct buf *out, size_t i_block, const char *name);

/* The script up to its axes, of a chart that has its size; and what follows its plot. */
void chart_begin(struct chart *chart);
void chart_end(struct chart *chart);

/* axis: 'x' or 'y'. */
void chart_axis_label(struct buf *out, char axis, const char *text);

/* A key below the axis label has as many columns as its longest name leaves room for. */
struct chart_key {
    int columns, rows, longest; /* longest: characters */
};
/* How long the longest name is, in characters, as far as it is drawn. */
int chart_longest(const char *const *names, size_t n);
/* The key's columns and rows in a chart of `width` pixels between its axes. */
struct chart_key chart_lay_out_key(int longest, size_t n_entries, int width);
/* Places the key under the tics and the label of the x axis, which take `below` lines. */
void chart_key_below(struct buf *out, const struct chart_key *key, double below);

#endif
