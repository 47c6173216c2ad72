/* test_report.c - the files of a report: one page that needs nothing else and is well-formed
 * whatever models are called, every chart in its four forms, a CSV row for each thing measured.
 */
#include "reports/report.h"

#include "base/buf.h"
#include "base/csv.h"
#include "base/file.h"
#include "results/store.h"
#include "tests/support/html_check.h"
#include "tests/support/test_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_BYTES = 16 << 20 };

struct fixture {
    char folder[256], database[300], out[300];
    struct store *store;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!f || !test_make_folder(f->folder, sizeof f->folder)) return -1;
    snprintf(f->database, sizeof f->database, "%s/report.db", f->folder);
    snprintf(f->out, sizeof f->out, "%s/a/report", f->folder);
    f->store = store_open(f->database, STORE_CREATE, NULL);
    *state = f;
    return f->store ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    test_remove_folder(f->folder);
    free(f);
    return 0;
}

/* ---- What is stored ---- */

static void assert_done(bool done, const struct err *err)
{
    if (!done) fail_msg("%s: %s", err->file, err->message);
}

static int64_t new_run(struct fixture *f, const char *name, const char *config)
{
    struct err err = {0};
    int64_t run;
    const struct run_record record = {.name = name,
                                      .command_line = "phibench run a.yaml",
                                      .config_path = "a.yaml",
                                      .config_text = config,
                                      .config_hash = "c0ffee",
                                      .isa = "avx2",
                                      .n_threads = 2,
                                      .started_unix_ms = 1700000000000,
                                      .build = {.version = "0.1.0",
                                                .git_revision = "abc",
                                                .compiler = "gcc 12",
                                                .flags = "-O2",
                                                .git_dirty = true,
                                                .numerics_version = 3},
                                      .machine = {.cpu_model = "CPU", .n_cores = 2}};
    assert_done(store_begin_run(f->store, &record, &run, &err), &err);
    return run;
}

static int64_t new_model(struct fixture *f, const char *id, const char *quantization)
{
    struct err err = {0};
    int64_t model;
    const struct model_record record = {.id = id,
                                        .name = id,
                                        .path = "m.gguf",
                                        .architecture = "phi3",
                                        .quantization = quantization,
                                        .hash = "beef",
                                        .tokenizer = "spm",
                                        .n_params = 1000000,
                                        .n_bytes = 2000000,
                                        .context_tokens = 512};
    assert_done(store_put_model(f->store, &record, &model, &err), &err);
    return model;
}

static int64_t new_job(struct fixture *f, int64_t run, int64_t model, const char *suite)
{
    struct err err = {0};
    int64_t dataset = 0, job;
    char fingerprint[64];
    const struct dataset_record data = {suite, "data", "d474", 4};
    snprintf(fingerprint, sizeof fingerprint, "%s of model %lld", suite, (long long)model);
    bool has_items = strcmp(suite, "throughput") != 0 && strcmp(suite, "kernels") != 0;
    if (has_items) assert_done(store_put_dataset(f->store, &data, &dataset, &err), &err);
    const struct job_record record = {.run = run,
                                      .model = model,
                                      .dataset = dataset,
                                      .kind = has_items                   ? JOB_QUESTIONS
                                              : !strcmp(suite, "kernels") ? JOB_KERNELS
                                                                          : JOB_THROUGHPUT,
                                      .suite = suite,
                                      .protocol = has_items ? "hendrycks" : "",
                                      .metric = has_items ? "acc" : "tokens_per_s",
                                      .fingerprint = fingerprint,
                                      .bos = "auto",
                                      .parameters_json = "{}",
                                      .suite_version = 1,
                                      .shots = has_items ? 5 : 0,
                                      .context_tokens = 512,
                                      .n_items = has_items ? 4 : 0};
    assert_done(store_put_job(f->store, &record, &job, &err), &err);
    return job;
}

/* anatomy: right, right; the second subset: wrong, right. */
static void add_mmlu_with(struct fixture *f, int64_t run, int64_t model, const char *second)
{
    const struct {
        const char *subset;
        double score;
    } ANSWERS[] = {{"anatomy", 1}, {"anatomy", 1}, {second, 0}, {second, 1}};
    const struct job_result result = {5000, 400, 200, 4, 6000, "5ame"};
    struct err err = {0};
    int64_t job = new_job(f, run, model, "mmlu");
    assert_done(store_begin(f->store, &err), &err);
    for (size_t i = 0; i < sizeof ANSWERS / sizeof *ANSWERS; i++) {
        char key[32], groups[64];
        snprintf(key, sizeof key, "%s/%zu", ANSWERS[i].subset, i);
        snprintf(groups, sizeof groups, "[[\"subject\",\"%s\"]]", ANSWERS[i].subset);
        const struct answer_record answer = {.key = key,
                                             .file = "a.csv",
                                             .subset = ANSWERS[i].subset,
                                             .expected = "C",
                                             .line = 3,
                                             .groups_json = groups,
                                             .response_json = "{\"answered\":true}",
                                             .n_prompt_tokens = 100,
                                             .duration_ns = 5000,
                                             .answered = true,
                                             .is_correct = ANSWERS[i].score == 1,
                                             .score = ANSWERS[i].score,
                                             .predicted = "C"};
        assert_done(store_put_answer(f->store, job, &answer, &err), &err);
    }
    assert_done(
        store_compute_scores(f->store, job, &err) &&
            store_put_note(f->store, job, "dropped_shots", 7, "prompts lost examples", &err) &&
            store_finish_job(f->store, job, &result, &err) && store_commit(f->store, &err),
        &err);
}

static void add_mmlu(struct fixture *f, int64_t run, int64_t model)
{
    add_mmlu_with(f, run, model, "birds");
}

/* Three repetitions of prefill and of decode. */
static void add_speeds(struct fixture *f, int64_t run, int64_t model)
{
    struct err err = {0};
    int64_t job = new_job(f, run, model, "throughput");
    assert_done(store_begin(f->store, &err), &err);
    for (int i = 0; i < 6; i++) {
        bool is_prefill = i < 3;
        const struct speed_record speed = {.test = is_prefill ? "prefill" : "decode",
                                           .prompt_tokens = 64,
                                           .generated_tokens = is_prefill ? 0 : 16,
                                           .batch = 1,
                                           .n_threads = 2,
                                           .repetition = i % 3,
                                           .isa = "avx2",
                                           .duration_ns = 1000000,
                                           .tokens_per_s = 100 + i % 3,
                                           .percent_of_limit = 61.5 + i % 3};
        assert_done(store_put_speed(f->store, job, &speed, &err), &err);
    }
    for (int i = 0; i < 9; i++) {
        static const char *const tests[] = {"limit_read", "limit_int8", "limit_f32"};
        const struct speed_record limit = {.test = tests[i % 3],
                                           .batch = 1,
                                           .n_threads = 2,
                                           .repetition = i / 3,
                                           .isa = "avx2",
                                           .gb_per_s = i % 3 == 0 ? 20 + i : 0,
                                           .gmac_per_s = i % 3 ? 100 * (i % 3) + i / 3 : 0};
        assert_done(store_put_speed(f->store, job, &limit, &err), &err);
    }
    assert_done(store_commit(f->store, &err), &err);
}

/* Three repetitions of a kernel, in a model of its own. */
static void add_kernel(struct fixture *f, int64_t run)
{
    struct err err = {0};
    int64_t job = new_job(f, run, new_model(f, "kernels", ""), "kernels");
    struct speed_record speed = {.test = "kernel:gemm q4_0", .batch = 1, .isa = "avx2"};
    for (; speed.repetition < 3; speed.repetition++) {
        speed.duration_ns = 1500 * (1 + speed.repetition);
        speed.gmac_per_s = 200 + speed.repetition;
        assert_done(store_put_speed(f->store, job, &speed, &err), &err);
    }
}

/* ---- What was written ---- */

static void write_report(struct fixture *f, const int64_t *runs, size_t n_runs)
{
    struct err err = {0};
    struct report *report = report_open(f->store, runs, n_runs, &err);
    assert_done(report && report_write(report, f->out, NULL, NULL, &err), &err);
    report_free(report);
}

/* free() it. */
static char *read_out(const struct fixture *f, const char *name)
{
    char path[700];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/%s", f->out, name);
    char *text = file_read(path, MAX_BYTES, NULL, &err);
    assert_done(text != NULL, &err);
    return text;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text += strlen(what)) n++;
    return n;
}

/* The page has a figure for each chart, and each chart its four files. The number of charts. */
static size_t assert_charts(const struct fixture *f, const char *page)
{
    static const char *const ENDINGS[] = {".gp", ".dat", ".svg", ".png"};
    char folder[400], **names;
    size_t n_names;
    struct err err = {0};
    snprintf(folder, sizeof folder, "%s/charts", f->out);
    assert_done(file_list(folder, &names, &n_names, &err), &err);
    assert_int_equal(n_names % 4, 0);
    for (size_t i = 0; i < n_names; i++) {
        char path[800];
        const char *dot = strrchr(names[i], '.');
        assert_non_null(dot);
        for (size_t e = 0; e < 4; e++) {
            snprintf(path, sizeof path, "%s/%.*s%s", folder, (int)(dot - names[i]), names[i],
                     ENDINGS[e]);
            assert_true(file_size_bytes(path) > 40);
        }
        if (strcmp(dot, ".svg")) continue;
        snprintf(path, sizeof path, "charts/%s", names[i]);
        char *svg = read_out(f, path);
        html_assert_well_formed(svg);
        html_assert_self_contained(svg);
        free(svg);
    }
    file_free_names(names, n_names);
    assert_int_equal(count(page, "<svg"), n_names / 4);
    assert_int_equal(count(page, "<figure>"), n_names / 4);
    return n_names / 4;
}

/* The CSV's rows after the headings. */
static size_t count_rows(const struct fixture *f, const char *name)
{
    char *text = read_out(f, name), **fields;
    struct err err = {0};
    size_t n_fields, n_columns = 0, n_rows = 0;
    int line, more;
    struct csv *csv = csv_new(text, strlen(text), name, ',', &err);
    assert_done(csv != NULL, &err);
    while ((more = csv_next(csv, &fields, &n_fields, &line, &err)) > 0) {
        if (!n_rows++) n_columns = n_fields;
        assert_int_equal(n_fields, n_columns);
    }
    assert_done(more == 0, &err);
    csv_free(csv);
    free(text);
    assert_true(n_rows > 0);
    return n_rows - 1;
}

static void assert_rows(const struct fixture *f, size_t scores, size_t speeds, size_t subsets,
                        size_t notes)
{
    assert_int_equal(count_rows(f, "scores.csv"), scores);
    assert_int_equal(count_rows(f, "speed.csv"), speeds);
    assert_int_equal(count_rows(f, "subsets.csv"), subsets);
    assert_int_equal(count_rows(f, "notes.csv"), notes);
}

/* The page, checked; free() it. */
static char *take_page(const struct fixture *f)
{
    char *page = read_out(f, "index.html");
    html_assert_well_formed(page);
    html_assert_self_contained(page);
    html_assert_unique_ids(page);
    return page;
}

static void assert_holds(const char *text, const char *what)
{
    if (!strstr(text, what)) fail_msg("this is missing: %s", what);
}

/* Each stands in the text, after the one before; NULL-ended. */
static void assert_order(const char *text, const char *const *parts)
{
    for (; *parts; parts++) {
        const char *found = strstr(text, *parts);
        if (!found) fail_msg("missing, or too early: %s", *parts);
        text = found;
    }
}

/* ---- Tests ---- */

static void a_report_shows_every_score_and_speed(void **state)
{
    struct fixture *f = *state;
    int64_t run = new_run(f, "two models", "name: two models\n");
    const char *const models[][2] = {{"phi", "f16"}, {"phi", "q4_0"}, {"tiny", "q8_0"}};
    for (size_t i = 0; i < 3; i++) {
        int64_t model = new_model(f, models[i][0], models[i][1]);
        add_mmlu(f, run, model);
        add_speeds(f, run, model);
    }
    add_kernel(f, run);
    write_report(f, &run, 1);
    char *page = take_page(f), *markdown = read_out(f, "report.md");
    /* scores, subjects, score against decode, prefill and size; prefill and decode */
    assert_int_equal(assert_charts(f, page), 7);
    assert_rows(f, 3, 6, 6, 3);
    assert_holds(page, "<h1>two models, run 1</h1>");
    assert_holds(page, "<li><strong>Fewer bits cost nothing that shows.</strong> Against f16");
    assert_holds(markdown, "1. **Fewer bits cost nothing that shows.** Against f16 of the same");
    assert_order(page, (const char *const[]){"<ol class=\"findings\">", "<h2 id=\"charts\">",
                                             "<svg", "<h2 id=\"tables\">", "Models beside each",
                                             "<h2 id=\"context\">", "Jobs and hashes",
                                             "<h3>Runs and machine", "<pre>", NULL});
    assert_holds(page, "7 dropped_shots");
    assert_holds(markdown, "| dropped_shots | 3 | 3 | 21 | prompts lost examples |");
    assert_holds(page, "<pre>name: two models\n</pre>");
    const char *const labels[] = {"phi f16", "phi q4_0", "tiny q8_0", "anatomy", "birds"};
    const char *charts = strstr(page, "<h2 id=\"charts\">");
    assert_non_null(charts);
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) assert_holds(charts, labels[i]);
    assert_holds(markdown, "| phi | q4_0 | mmlu | hendrycks | 5 | acc | 75.00 |");
    assert_holds(markdown, "![");
    assert_holds(markdown,
                 "| prefill 64 | 2 | avx2 | 101.0 | 100.5 to 101.5 | tokens/s |  |  | 62.5 |");
    /* All models of the run together; no limit is a speed. */
    assert_int_equal(count_rows(f, "limits.csv"), 1);
    assert_holds(markdown, "| 1 | avx2 | 2 | 23.0 (20.0 to 26.0) | 101.0 (100.0 to 102.0) | "
                           "201.0 (200.0 to 202.0) |");
    assert_null(strstr(page, "limit_"));
    /* Kernels are no model: only their table shows them. */
    assert_int_equal(count_rows(f, "kernels.csv"), 1);
    assert_holds(markdown, "| 1 | gemm q4_0 | 0 | 0 | avx2 | 3.0 | 2.2 to 3.8 |  | 201.0 |  | 3 |");
    free(page);
    free(markdown);
}

static void hostile_names_are_shown_as_they_are(void **state)
{
    struct fixture *f = *state;
    static const char NAME[] = "<script>alert(\"1\")</script>&'|`%s$x\\\n{/Bold}_^@~";
    static const char SHOWN[] =
        "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;|`%s$x\\\n{/Bold}_^@~";
    int64_t run = new_run(f, NAME, "x: '</pre><script>'\n");
    int64_t model = new_model(f, NAME, "f16"), other = new_model(f, "100%'; exit; '", "q4_0");
    add_mmlu(f, run, model);
    add_speeds(f, run, model);
    add_mmlu(f, run, other);
    add_speeds(f, run, other);
    write_report(f, &run, 1);
    char *page = take_page(f), *markdown = read_out(f, "report.md");
    assert_int_equal(assert_charts(f, page), 7);
    assert_rows(f, 2, 4, 4, 2);
    assert_holds(page, SHOWN);
    assert_null(strstr(page, "<script"));
    assert_holds(strstr(page, "<h2 id=\"charts\">"), "{/Bold}_^@~");
    assert_holds(strstr(page, "<h2 id=\"charts\">"), "100%");
    assert_holds(markdown, "\\|\\`");
    free(page);
    free(markdown);
}

static void a_very_long_name_is_cut_in_charts_alone(void **state)
{
    struct fixture *f = *state;
    char name[2001];
    memset(name, 'm', sizeof name - 1);
    name[sizeof name - 1] = 0;
    int64_t run = new_run(f, name, "");
    add_mmlu(f, run, new_model(f, name, "f16"));
    write_report(f, &run, 1);
    char *page = take_page(f), *csv = read_out(f, "scores.csv"),
         *script = read_out(f, "charts/scores-mmlu-hendrycks-5-shot.gp");
    assert_int_equal(assert_charts(f, page), 2);
    assert_holds(page, name);
    assert_holds(csv, name);
    name[81] = 0;
    assert_null(strstr(script, name));
    name[80] = 0;
    assert_holds(script, name);
    free(script);
    free(page);
    free(csv);
}

static void a_run_without_jobs_has_a_page(void **state)
{
    struct fixture *f = *state;
    new_run(f, "nothing yet", "name: nothing yet\n");
    write_report(f, NULL, 0); /* the newest */
    char *page = take_page(f);
    assert_int_equal(assert_charts(f, page), 0);
    assert_rows(f, 0, 0, 0, 0);
    assert_holds(page, "nothing yet, run 1");
    assert_holds(page, "Runs and machine");
    free(page);
}

static void speeds_alone_and_scores_alone_have_their_charts(void **state)
{
    struct fixture *f = *state;
    int64_t fast = new_run(f, "fast", ""), good = new_run(f, "good", "");
    int64_t model = new_model(f, "phi", "q4_0");
    add_speeds(f, fast, model);
    add_mmlu(f, good, model);
    write_report(f, &fast, 1);
    char *page = take_page(f);
    assert_int_equal(assert_charts(f, page), 2);
    assert_rows(f, 0, 2, 0, 0);
    assert_null(strstr(page, "Highest"));
    free(page);
    snprintf(f->out, sizeof f->out, "%s/good", f->folder);
    write_report(f, &good, 1);
    page = take_page(f);
    assert_int_equal(assert_charts(f, page), 2); /* scores, subjects: one point is no trade */
    assert_rows(f, 1, 0, 2, 1);
    free(page);
}

static void several_runs_are_told_apart(void **state)
{
    struct fixture *f = *state;
    int64_t runs[3], model = new_model(f, "phi", "q4_0");
    for (size_t i = 0; i < 3; i++) {
        runs[i] = new_run(f, "again", "");
        add_mmlu(f, runs[i], model);
        add_speeds(f, runs[i], model);
    }
    write_report(f, runs, 3);
    char *page = take_page(f), *scores = read_out(f, "scores.csv");
    assert_int_equal(assert_charts(f, page), 7);
    assert_rows(f, 3, 6, 6, 3);
    assert_holds(page, "again, runs 1, 2, 3");
    for (int i = 1; i <= 3; i++) {
        char label[64];
        snprintf(label, sizeof label, "run %d", i);
        assert_true(count(strstr(page, "<h2 id=\"charts\">"), label) >= 2);
        assert_holds(scores, label);
    }
    free(page);
    free(scores);
}

static void jobs_with_other_subjects_have_their_rows(void **state)
{
    struct fixture *f = *state;
    int64_t run = new_run(f, "subjects", "");
    add_mmlu(f, run, new_model(f, "phi|mini", "f16"));
    add_mmlu_with(f, run, new_model(f, "phi|mini", "q4_0"), "clouds");
    write_report(f, &run, 1);
    char *subsets = read_out(f, "subsets.csv"), *markdown = read_out(f, "report.md");
    assert_rows(f, 2, 0, 4, 2);
    assert_holds(subsets, "phi|mini,f16,mmlu,hendrycks,5,acc,birds,,2,50.00,9.45,90.55\n");
    assert_holds(subsets, "phi|mini,q4_0,mmlu,hendrycks,5,acc,clouds,,2,50.00,9.45,90.55\n");
    assert_holds(markdown, "## By subject: mmlu, hendrycks, 5 shots\n");
    assert_holds(markdown, "| subset | n | model | f16 | q4_0 |\n");
    assert_holds(markdown, "| birds | 2 | phi\\|mini | 50.0 (9.5 to 90.5) |  |\n");
    assert_holds(markdown, "| clouds | 2 | phi\\|mini |  | 50.0 (9.5 to 90.5) |\n");
    free(subsets);
    free(markdown);
}

/* With names of a usual length, and with more models than there are colours. */
static void a_dozen_models_in_two_quantizations_have_a_report(void **state)
{
    struct fixture *f = *state;
    int64_t run = new_run(f, "a dozen", "");
    for (int i = 0; i < 12; i++) {
        char id[64];
        snprintf(id, sizeof id, "Phi-3-medium-128k-instruct-%d", i);
        const char *const types[] = {"q8_0", "q4_0"};
        for (int t = 0; t < 2; t++) {
            int64_t model = new_model(f, id, types[t]);
            add_mmlu(f, run, model);
            add_speeds(f, run, model);
        }
    }
    write_report(f, &run, 1);
    char *page = take_page(f), *subsets = read_out(f, "subsets.csv");
    assert_int_equal(assert_charts(f, page), 7);
    assert_rows(f, 24, 48, 48, 24);
    assert_holds(page,
                 "Shown are 6 of 24: the first quantization of each model, at most 6 models.");
    assert_holds(subsets, "Phi-3-medium-128k-instruct-11,q4_0,mmlu,hendrycks,5,acc,birds");
    free(page);
    free(subsets);
}

/* What the terminal gets of a run with three models. */
static char *print_report(struct fixture *f, int64_t run, size_t max_rows)
{
    struct err err = {0};
    char *text = NULL;
    size_t n_bytes;
    struct report *report = report_open(f->store, &run, 1, &err);
    FILE *out = open_memstream(&text, &n_bytes);
    assert_done(report && out, &err);
    report_print(report, max_rows, out);
    fclose(out);
    report_free(report);
    return text;
}

static void a_terminal_gets_the_findings_first_and_no_long_tables(void **state)
{
    struct fixture *f = *state;
    int64_t run = new_run(f, "printed", "");
    const char *const types[] = {"f16", "q8_0", "q4_0"};
    for (size_t i = 0; i < 3; i++) {
        int64_t model = new_model(f, "phi", types[i]);
        add_mmlu(f, run, model);
        add_speeds(f, run, model);
    }
    char *whole = print_report(f, run, SIZE_MAX), *brief = print_report(f, run, 5);
    assert_int_equal(strncmp(whole, "Fewer bits cost nothing that shows. Against f16", 47), 0);
    assert_order(whole, (const char *const[]){"\n\nmodels beside each other\n", "\n\nscores\n",
                                              "\n\nspeed\n", "prefill 64", NULL});
    assert_null(strstr(whole, "Jobs and hashes"));
    size_t n_first = strcspn(whole, "\n"); /* a full line, which leaves no room for the next word */
    assert_true(n_first <= 100 && n_first + 1 + strcspn(whole + n_first + 1, " \n") > 100);
    assert_holds(brief, "\n\nspeed: 6 rows, which `phibench show` prints\n");
    assert_null(strstr(brief, "prefill 64"));
    assert_holds(brief, "phi    f16");
    free(whole);
    free(brief);
}

static void a_database_without_runs_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    assert_null(report_open(f->store, NULL, 0, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_string_equal(err.file, f->database);
    assert_false(file_exists(f->out));
}

int main(void)
{
#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_STORE(a_report_shows_every_score_and_speed),
        IN_STORE(hostile_names_are_shown_as_they_are),
        IN_STORE(a_very_long_name_is_cut_in_charts_alone),
        IN_STORE(a_run_without_jobs_has_a_page),
        IN_STORE(speeds_alone_and_scores_alone_have_their_charts),
        IN_STORE(several_runs_are_told_apart),
        IN_STORE(jobs_with_other_subjects_have_their_rows),
        IN_STORE(a_dozen_models_in_two_quantizations_have_a_report),
        IN_STORE(a_terminal_gets_the_findings_first_and_no_long_tables),
        IN_STORE(a_database_without_runs_is_refused),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
