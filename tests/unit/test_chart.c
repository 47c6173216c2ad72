/* test_chart.c - what a chart's script says: lines, keys, colours and shapes.
 *
 * Nothing is drawn here: test_report.c draws.
 */
#include "reports/chart.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_says(const struct chart *chart, const char *what, bool wanted)
{
    const char *script = buf_string(&chart->script);
    if ((strstr(script, what) != NULL) != wanted)
        fail_msg("the script %s \"%s\":\n%s", wanted ? "lacks" : "has", what, script);
}

/* Two scores of about 70 with a line at `reference`. */
static struct chart scores_beside(double reference)
{
    static const char *const ROWS[] = {"phi q8_0", "phi q4_0"}, *const SERIES[] = {"score"};
    static const struct interval_point POINTS[] = {{0, 0, 70, 69, 71}, {1, 0, 68, 67, 69}};
    struct chart chart = {.name = "scores", .title = "Score"};
    chart_intervals(&chart, &(struct interval_chart){.rows = ROWS,
                                                     .n_rows = 2,
                                                     .series = SERIES,
                                                     .n_series = 1,
                                                     .points = POINTS,
                                                     .n_points = 2,
                                                     .x_label = "score, percent",
                                                     .reference = reference,
                                                     .reference_label = "chance"});
    return chart;
}

static void a_reference_is_drawn_only_near_the_points_and_then_inside_of_the_axis(void **state)
{
    (void)state;
    static const struct {
        double reference;
        bool is_drawn;
    } CASES[] = {{25, false}, {64, true}, {68.5, true}, {100, false}, {NAN, false}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct chart chart = scores_beside(CASES[i].reference);
        const char *range = strstr(buf_string(&chart.script), "set xrange [");
        double low, high;
        assert_non_null(range);
        assert_int_equal(sscanf(range, "set xrange [%lf:%lf]", &low, &high), 2);
        assert_int_equal(low < CASES[i].reference && CASES[i].reference < high, CASES[i].is_drawn);
        assert_says(&chart, "set arrow", CASES[i].is_drawn);
        assert_says(&chart, "chance", CASES[i].is_drawn);
        chart_free(&chart);
    }
}

/* Three series of the name given. */
static struct chart titled_series(const char *name, const char *title)
{
    static const char *const ROWS[] = {"anatomy"};
    const char *const series[] = {name, name, name};
    static const struct interval_point POINTS[] = {
        {0, 0, 1, 1, 1}, {0, 1, 2, 2, 2}, {0, 2, 3, 3, 3}};
    struct chart chart = {.name = "subjects", .title = title};
    chart_intervals(&chart, &(struct interval_chart){.rows = ROWS,
                                                     .n_rows = 1,
                                                     .series = series,
                                                     .n_series = 3,
                                                     .points = POINTS,
                                                     .n_points = 3,
                                                     .x_label = "x",
                                                     .reference = NAN});
    return chart;
}

static struct chart three_series(const char *name)
{
    return titled_series(name, "By subject");
}

static void a_long_title_is_whole_and_smaller(void **state)
{
    (void)state;
    static const char title[] = "Accuracy by model and quantization: mmlu, "
                                "hendrycks+chat-multiturn+system-213c22ed, 2 shots";
    struct chart usual = three_series("phi q4_0"), crowded = titled_series("phi q4_0", title);
    assert_says(&usual, "'By subject' at screen 0.5, screen 1 offset 0,-1.3 center", true);
    assert_says(&usual, "noenhanced font ',15'", true);
    assert_says(&crowded, title, true);
    assert_says(&crowded, "noenhanced font ',12.4'", true);
    chart_free(&usual);
    chart_free(&crowded);
}

static void a_key_has_the_columns_that_its_names_leave_room_for(void **state)
{
    (void)state;
    struct chart narrow = three_series("phi q4_0"), middle = three_series("tiny-synthetic q4_0"),
                 wide = three_series("Phi-3-medium-128k-instruct-finetuned-june q4_0 (synthetic), "
                                     "run 12");
    assert_says(&narrow, "maxcols 3", true);
    assert_says(&middle, "maxcols 2", true);
    assert_says(&wide, "maxcols 1", true);
    assert_true(narrow.height < middle.height && middle.height < wide.height);
    chart_free(&narrow);
    chart_free(&middle);
    chart_free(&wide);
}

/* Two perplexities, the second one as given, in rows that name their model. */
static struct chart perplexities(double second, bool x_log)
{
    static const char *const ROWS[] = {"mini f16", "small f16"}, *const MODELS[] = {"mini",
                                                                                    "small"};
    const struct interval_point points[] = {{0, 0, 4, 3.5, 4.5},
                                            {1, 1, second, 0.9 * second, 1.1 * second}};
    struct chart chart = {.name = "perplexity", .title = "Perplexity"};
    chart_intervals(&chart, &(struct interval_chart){.rows = ROWS,
                                                     .n_rows = 2,
                                                     .series = MODELS,
                                                     .n_series = 2,
                                                     .has_series_in_rows = true,
                                                     .points = points,
                                                     .n_points = 2,
                                                     .x_label = "perplexity",
                                                     .reference = NAN,
                                                     .x_log = x_log});
    return chart;
}

static void a_logarithmic_axis_has_tics_at_round_numbers(void **state)
{
    (void)state;
    struct chart linear = perplexities(6, false), decades = perplexities(30, true),
                 thousands = perplexities(50000, true);
    assert_says(&linear, "logscale", false);
    assert_says(&decades, "set logscale x", true);
    assert_says(&decades, "set xtics (5, 10, 20)", true);
    assert_says(&thousands, "set xtics (10, 100, 1000, 10000)", true);
    chart_free(&linear);
    chart_free(&decades);
    chart_free(&thousands);
}

static void series_that_rows_name_have_their_colour_and_no_key(void **state)
{
    (void)state;
    struct chart chart = perplexities(6, false);
    assert_says(&chart, "unset key", true);
    assert_says(&chart, "'#0072b2' title 'mini'", true);
    assert_says(&chart, "'#d55e00' title 'small'", true);
    /* In the middle of its row, not beside the other series. */
    assert_non_null(strstr(buf_string(&chart.data), "# small\n1.0000 6 "));
    chart_free(&chart);
}

/* 16 models in five quantizations each, the names as long as given. */
static struct chart sixteen_models(const char *prefix)
{
    enum { N_MODELS = 16, N_TYPES = 5 };
    static const char *const TYPES[N_TYPES] = {"f16", "q8_0", "q5_0", "q4_k", "q4_0"};
    char names[N_MODELS][64];
    const char *models[N_MODELS];
    struct plane_point points[N_MODELS * N_TYPES];
    for (size_t m = 0; m < N_MODELS; m++) {
        snprintf(names[m], sizeof names[m], "%s%zu", prefix, m);
        models[m] = names[m];
        for (size_t t = 0; t < N_TYPES; t++)
            points[m * N_TYPES + t] = (struct plane_point){m, t, (double)(m + t), 1, 0, 2};
    }
    struct chart chart = {.name = "plane", .title = "Plane"};
    chart_plane(&chart, &(struct plane_chart){.colors = models,
                                              .n_colors = N_MODELS,
                                              .shapes = TYPES,
                                              .n_shapes = N_TYPES,
                                              .points = points,
                                              .n_points = N_MODELS * N_TYPES,
                                              .x_label = "x",
                                              .y_label = "y"});
    return chart;
}

static int compare_marks(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The colour and shape of every "with points" that has no entry in the key, sorted. */
static size_t read_marks(const char *script, char marks[][32], size_t maximum)
{
    size_t n = 0;
    for (const char *at = script; (at = strstr(at, "with points pt ")); at++) {
        int shape;
        char color[8];
        if (sscanf(at, "with points pt %d ps 1.3 lw 1.6 lc rgb '%7[^']' notitle", &shape, color) !=
            2)
            fail_msg("unknown: %.60s", at);
        if (strncmp(strchr(at, '\'') + 9, " notitle", 8)) continue;
        assert_true(n < maximum);
        snprintf(marks[n++], sizeof marks[0], "%s %d", color, shape);
    }
    qsort(marks, n, sizeof marks[0], compare_marks);
    return n;
}

static void sixteen_models_in_five_quantizations_have_eighty_different_marks(void **state)
{
    (void)state;
    char marks[100][32];
    struct chart chart = sixteen_models("m");
    assert_int_equal(read_marks(buf_string(&chart.script), marks, 100), 80);
    for (size_t i = 1; i < 80; i++) assert_string_not_equal(marks[i - 1], marks[i]);
    assert_says(&chart, "with lines dt 2", true);
    chart_free(&chart);
}

static void a_key_with_long_names_stands_below_the_plane(void **state)
{
    (void)state;
    struct chart few = sixteen_models("m"), wide = sixteen_models("a-model-of-a-rather-long-name-");
    assert_says(&few, "set key outside right", true);
    assert_says(&wide, "set key outside right", false);
    assert_says(&wide, "center bottom horizontal maxcols 1", true);
    chart_free(&few);
    chart_free(&wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reference_is_drawn_only_near_the_points_and_then_inside_of_the_axis),
        cmocka_unit_test(a_logarithmic_axis_has_tics_at_round_numbers),
        cmocka_unit_test(series_that_rows_name_have_their_colour_and_no_key),
        cmocka_unit_test(a_long_title_is_whole_and_smaller),
        cmocka_unit_test(a_key_has_the_columns_that_its_names_leave_room_for),
        cmocka_unit_test(sixteen_models_in_five_quantizations_have_eighty_different_marks),
        cmocka_unit_test(a_key_with_long_names_stands_below_the_plane),
    };
    return cmocka_run_group_tests_name("chart", tests, NULL, NULL);
}
