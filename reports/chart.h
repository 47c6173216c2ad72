/* chart.h - two kinds of chart as gnuplot scripts: intervals in rows, and points in a plane.
 *
 * Rows run downwards and the height grows with them, so that labels never meet; points carry no
 * labels, their colour and shape stand in the key, which moves below where names are long. Colours
 * follow Okabe and Ito (2008), told apart by colour-blind readers, and every series has a shape of
 * its own as well; past eight models, lines are dashed and shapes open. Text and axes are drawn in
 * one ink colour, which chart_draw replaces in the SVG by the reader's (light or dark).
 */
#ifndef PHIBENCH_REPORTS_CHART_H
#define PHIBENCH_REPORTS_CHART_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"

struct chart {
    const char *name; /* file name without ending */
    const char *title, *caption;
    struct buf script, data; /* NAME.gp, NAME.dat */
    int width, height;       /* pixels of the SVG */
    struct buf svg;          /* after chart_draw: for use inside an HTML page */
    const char *fault;       /* why it could not be drawn, set by who draws; NULL: it was */
};

void chart_free(struct chart *chart);

/* ---- Intervals in rows ---- */

struct interval_point {
    size_t i_row, i_series;
    double value, low, high;
};
struct interval_chart {
    const char *const *rows; /* [n_rows] labels, from the top */
    size_t n_rows;
    const char *const *series; /* [n_series] names in the key; one series has no key */
    size_t n_series;
    size_t i_first_color; /* of the first series */
    const struct interval_point *points;
    size_t n_points;
    const char *x_label;
    double reference; /* a dashed line if it lies near the points, NAN: none */
    const char *reference_label;
    bool from_zero;          /* the axis begins at 0 */
    bool x_log;              /* every interval is above 0 */
    bool has_series_in_rows; /* each row has one series, which its label names: no key, no shift */
    bool show_values; /* the number right of its interval, in three digits; only with at most 3
                                series in a row */
};
/* Fills script and data. `chart` has name and title. */
void chart_intervals(struct chart *chart, const struct interval_chart *spec);

/* ---- Points in a plane ---- */

struct plane_point {
    size_t i_color, i_shape;
    double x, y, y_low, y_high; /* NAN low: no interval */
};
struct plane_chart {
    const char *const *colors; /* [n_colors] names: models; points of one colour are joined by a
                                  line in order of x */
    size_t n_colors;
    const char *const *shapes; /* [n_shapes] names: quantizations */
    size_t n_shapes;
    const struct plane_point *points;
    size_t n_points;
    const char *x_label, *y_label; /* x and y are not negative */
    bool x_log, y_log;             /* then what it shows is above 0 */
};
void chart_plane(struct chart *chart, const struct plane_chart *spec);

/* Writes NAME.gp and NAME.dat into folder, runs gnuplot, checks NAME.svg and NAME.png, fills
 * chart->svg. After a failure neither drawing is there; script and data stay, to see why. */
bool chart_draw(struct chart *chart, const char *folder, const char *gnuplot, struct err *err)
    __attribute__((warn_unused_result));

/* The same as part of a page: what hinders this chart alone becomes its fault, in the arena, and is
 * told in the log, which may be NULL, but is no failure. */
bool chart_draw_or_tell(struct chart *chart, const char *folder, const char *gnuplot,
                        struct arena *arena, const struct log *log, struct err *err)
    __attribute__((warn_unused_result));

#endif
