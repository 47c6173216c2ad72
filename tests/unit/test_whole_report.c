/* test_whole_report.c - a report leaves nothing out without a word: many measures, models, runs,
 * numbers of threads and counts; and charts that draw what guessing scores.
 *
 * Figures are built but not drawn: their scripts and captions are looked at.
 */
#include "reports/figures.h"
#include "reports/findings.h"
#include "reports/sections.h"
#include "reports/tables.h"
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- What is stored ---- */

static int64_t new_model(const char *name, const char *quantization, uint64_t n_params)
{
    struct err err = {0};
    int64_t model;
    const struct model_record record = {.id = name,
                                        .name = name,
                                        .path = "m.gguf",
                                        .architecture = "phi3",
                                        .quantization = quantization,
                                        .hash = "beef",
                                        .tokenizer = "spm",
                                        .n_params = n_params,
                                        .n_bytes = 2 * n_params,
                                        .context_tokens = 512};
    test_assert_done(store_put_model(test_store, &record, &model, &err), &err);
    return model;
}

/* Four graded answers in two subjects. */
static int64_t add_job(int64_t run, int64_t model, const char *suite, double chance)
{
    struct err err = {0};
    int64_t dataset, job;
    char fingerprint[64];
    const struct dataset_record data = {suite, "data", suite, 4};
    snprintf(fingerprint, sizeof fingerprint, "%s of model %lld", suite, (long long)model);
    test_assert_done(store_put_dataset(test_store, &data, &dataset, &err), &err);
    const struct job_record record = {.run = run,
                                      .model = model,
                                      .dataset = dataset,
                                      .suite = suite,
                                      .protocol = "own",
                                      .metric = "acc",
                                      .fingerprint = fingerprint,
                                      .suite_version = 1,
                                      .context_tokens = 512,
                                      .n_items = 4,
                                      .chance = chance};
    test_assert_done(store_put_job(test_store, &record, &job, &err), &err);
    test_put_four_answers(job);
    test_assert_done(store_compute_scores(test_store, job, &err), &err);
    return job;
}

static void add_speeds(int64_t run, int64_t model, int n_threads)
{
    struct err err = {0};
    int64_t job;
    const struct job_record record = {.run = run,
                                      .model = model,
                                      .kind = JOB_THROUGHPUT,
                                      .suite = "throughput",
                                      .protocol = "",
                                      .metric = "tokens_per_s",
                                      .fingerprint = "speeds"};
    test_assert_done(store_put_job(test_store, &record, &job, &err), &err);
    for (int i = 1; i <= n_threads; i++) {
        const struct speed_record speed = {.test = "decode",
                                           .generated_tokens = 16,
                                           .batch = 1,
                                           .n_threads = i,
                                           .isa = "avx2",
                                           .duration_ns = 1000000,
                                           .tokens_per_s = 100 + i};
        test_assert_done(store_put_speed(test_store, job, &speed, &err), &err);
    }
}

/* ---- What comes of it ---- */

struct built {
    struct report_data *data;
    struct report_pairs pairs;
    struct findings findings;
    struct sections sections;
    struct figures figures;
};

static struct built build(const int64_t *runs, size_t n_runs)
{
    struct built built = {.data = NULL};
    struct err err = {0};
    built.data = report_data_load(test_store, runs, n_runs, &err);
    test_assert_done(
        built.data && pairs_load(test_store, built.data, &built.pairs, &err) &&
            findings_build(built.data, &built.pairs, &built.findings, &err) &&
            sections_build(test_store, built.data, &built.pairs, NULL, 0, &built.sections, &err) &&
            figures_build(built.data, NULL, 0, &built.figures, &err),
        &err);
    return built;
}

static void built_done(struct built *built)
{
    figures_free(&built->figures);
    report_data_free(built->data);
}

static size_t count_sections(const struct built *built, const char *begin)
{
    size_t n = 0;
    for (size_t i = 0; i < built->sections.n; i++)
        n += !strncmp(built->sections.items[i].heading, begin, strlen(begin));
    return n;
}

static const struct table *find_table(const struct built *built, const char *heading)
{
    for (size_t i = 0; i < built->sections.n; i++)
        if (!strcmp(built->sections.items[i].heading, heading))
            return built->sections.items[i].table;
    fail_msg("there is no table \"%s\"", heading);
    return NULL;
}

static size_t count_charts(const struct built *built, const char *begin)
{
    size_t n = 0;
    for (size_t i = 0; i < built->figures.n; i++)
        n += !strncmp(built->figures.items[i].chart.name, begin, strlen(begin));
    return n;
}

static const struct chart *find_chart(const struct built *built, const char *name)
{
    for (size_t i = 0; i < built->figures.n; i++)
        if (!strcmp(built->figures.items[i].chart.name, name))
            return &built->figures.items[i].chart;
    fail_msg("there is no chart \"%s\"", name);
    return NULL;
}

/* ---- Tests ---- */

static void every_measure_has_its_column_sections_and_charts(void **unused)
{
    (void)unused;
    enum { N_SUITES = 70 };
    int64_t run = test_new_run(), base = new_model("phi", "f16", 2000000),
            other = new_model("phi", "q4_0", 1000000);
    for (int i = 0; i < N_SUITES; i++) {
        char suite[24];
        snprintf(suite, sizeof suite, "suite-%02d", i);
        add_job(run, base, suite, 0);
        add_job(run, other, suite, 0);
    }
    struct built built = build(&run, 1);
    assert_int_equal(built.data->n_measures, N_SUITES);
    assert_int_equal(count_sections(&built, "By subject: suite-"), N_SUITES);
    assert_int_equal(find_table(&built, "Paired differences")->n_rows, N_SUITES);
    assert_int_equal(count_charts(&built, "scores-suite-"), N_SUITES);
    assert_int_equal(count_charts(&built, "subsets-suite-"), N_SUITES);
    assert_int_equal(count_charts(&built, "score-size-suite-"), N_SUITES);
    struct buf csv = {0};
    table_csv(find_table(&built, "Models beside each other"), &csv);
    assert_non_null(strstr(buf_string(&csv), "\"suite-00, own, 0 shots\",\"suite-01, own"));
    assert_non_null(
        strstr(buf_string(&csv), "\"suite-69, own, 0 shots\",\"decode, tokens/s\",\"prefill"));
    buf_free(&csv);
    built_done(&built);
}

static void findings_look_at_every_model_and_pair(void **unused)
{
    (void)unused;
    enum { N_MODELS = 40 };
    static const char *const types[] = {"f16", "q8_0", "q5_0", "q4_0", "q2_k"};
    int64_t run = test_new_run();
    for (int i = 0; i < N_MODELS; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%02d", i);
        for (size_t q = 0; q < sizeof types / sizeof types[0]; q++)
            add_job(run, new_model(name, types[q], 1000000 + (uint64_t)i), "s", 0);
    }
    struct built built = build(&run, 1);
    assert_int_equal(built.findings.n, 2);
    assert_non_null(strstr(built.findings.items[0].text, "m00 gets 50.0% right"));
    assert_non_null(strstr(built.findings.items[0].text, " and m39 50.0%"));
    assert_non_null(strstr(built.findings.items[1].text, "beyond chance in any of 160;"));
    built_done(&built);
}

static void every_run_has_its_column(void **unused)
{
    (void)unused;
    int64_t runs[12];
    for (size_t i = 0; i < 12; i++) runs[i] = test_new_run();
    struct built built = build(runs, 12);
    struct buf csv = {0};
    table_csv(find_table(&built, "Runs and machine"), &csv);
    assert_non_null(strstr(buf_string(&csv), "run 8,run 9,run 10,run 11,run 12\n"));
    buf_free(&csv);
    built_done(&built);
}

static void a_chart_of_speeds_tells_how_many_series_it_leaves_out(void **unused)
{
    (void)unused;
    static const char SHOWN[] = "Shown are 8 of 11 combinations of threads and instruction set";
    for (int n_threads = 8; n_threads <= 11; n_threads += 3) {
        int64_t run = test_new_run(), model = new_model("phi", "f16", 1000);
        add_speeds(run, model, n_threads);
        struct built built = build(&run, 1);
        const struct chart *chart = find_chart(&built, "speed-decode");
        assert_true((strstr(chart->caption, SHOWN) != NULL) == (n_threads == 11));
        assert_int_equal(find_table(&built, "Speed")->n_rows, n_threads);
        built_done(&built);
    }
}

static void a_score_names_all_that_was_counted_under_it(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t run = test_new_run(), job = add_job(run, new_model("phi", "f16", 1000), "s", 0);
    for (int i = 0; i < 30; i++) {
        char kind[32];
        snprintf(kind, sizeof kind, "circumstance_%02d", i);
        test_assert_done(store_put_note(test_store, job, kind, 7, "", &err), &err);
    }
    struct built built = build(&run, 1);
    struct buf csv = {0};
    table_csv(find_table(&built, "Scores"), &csv);
    assert_non_null(strstr(buf_string(&csv), "\"7 circumstance_00, 7 circumstance_01, "));
    assert_non_null(strstr(buf_string(&csv), ", 7 circumstance_29\""));
    buf_free(&csv);
    built_done(&built);
}

static void charts_draw_what_guessing_scores(void **unused)
{
    (void)unused;
    static const char *const kinds[] = {"scores", "subsets"};
    int64_t run = test_new_run(), model = new_model("phi", "f16", 1000);
    add_job(run, model, "arc", 0.2502);
    add_job(run, model, "free", 0);
    struct built built = build(&run, 1);
    for (size_t i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s-arc-own-0-shot", kinds[i]);
        const struct chart *chart = find_chart(&built, name);
        assert_non_null(strstr(buf_string(&chart->script),
                               "set arrow from first 25.02, graph 0 to first 25.02, graph 1"));
        assert_non_null(strstr(buf_string(&chart->script), "set label 'chance' at first 25.02"));
        snprintf(name, sizeof name, "%s-free-own-0-shot", kinds[i]);
        assert_null(strstr(buf_string(&find_chart(&built, name)->script), "chance"));
    }
    built_done(&built);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TEST_STORE(every_measure_has_its_column_sections_and_charts),
        IN_TEST_STORE(findings_look_at_every_model_and_pair),
        IN_TEST_STORE(every_run_has_its_column),
        IN_TEST_STORE(a_chart_of_speeds_tells_how_many_series_it_leaves_out),
        IN_TEST_STORE(a_score_names_all_that_was_counted_under_it),
        IN_TEST_STORE(charts_draw_what_guessing_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
