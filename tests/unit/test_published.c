/* test_published.c - published numbers: the tables that are shipped can be read whole, malformed
 * ones are refused with their line, and what a measured score says of a number.
 */
#include "reports/published_verdict.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEAD                                                                                       \
    "# Published numbers\n"                                                                        \
    "model\tparams_b\tbenchmark\tsuite\tmetric\tprotocol\tshots\tscore\tunit\tremark\tsource\n"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(0, NULL);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void every_shipped_number_is_read(void **state)
{
    (void)state;
    struct published_list list;
    struct err err = {0};
    size_t n_models, n_mini = 0;
    if (!published_load(arena, &list, &err)) fail_msg("%s:%d: %s", err.file, err.line, err.message);
    assert_int_equal(list.n, 2600);
    const char *const *models = published_models(&list, arena, &n_models, &err);
    assert_non_null(models);
    assert_true(n_models > 100 && n_models < list.n);
    assert_string_equal(models[0], list.rows[0].model);
    for (size_t i = 0; i < list.n; i++) {
        const struct published *row = &list.rows[i];
        if (strcmp(row->model, "Phi-3-mini-4k-instruct (Apr 2024)") != 0 ||
            strcmp(row->suite, "mmlu") != 0 || strcmp(row->protocol, "phi3") != 0)
            continue;
        n_mini++;
        assert_true(row->score == 68.8);
        assert_int_equal(row->shots, 5);
    }
    assert_int_equal(n_mini, 3); /* three sources say so */
}

static void a_row_is_what_its_columns_say(void **state)
{
    (void)state;
    struct published_list list;
    struct err err = {0};
    static const char TEXT[] =
        HEAD "mini (Apr)\t3.8\tMMLU\tmmlu\tacc\tphi3\t5\t68.80\tpercent\taccuracy %\tthe card\n"
             "\n"
             "small\t7\tBits\t\t\t\t\t4\tbpw\t\ta table";
    assert_true(published_parse(TEXT, "t.tsv", arena, &list, &err));
    assert_int_equal(list.n, 2);
    assert_string_equal(list.rows[0].model, "mini (Apr)");
    assert_string_equal(list.rows[0].source, "the card");
    assert_string_equal(list.rows[0].remark, "accuracy %");
    assert_true(list.rows[0].score == 68.8);
    assert_true(fabs(list.rows[0].rounding - 0.005) < 1e-15);
    assert_int_equal(list.rows[1].shots, -1);
    assert_true(list.rows[1].rounding == 0.5);
    assert_string_equal(list.rows[1].suite, "");
}

static void malformed_tables_are_refused_with_the_line(void **state)
{
    (void)state;
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"mini\t3.8\tMMLU", "fewer columns, not 11"},
        {"m\t1\tb\ts\tm\tp\t5\t1.0\tu\tr\ts\tmore", "more columns, not 11"},
        {"m\t1\tb\ts\tm\tp\t5\t1.0x\tu\tr\ts", "the score \"1.0x\" is no number"},
        {"m\t1\tb\ts\tm\tp\t5\t\tu\tr\ts", "the score \"\" is no number"},
        {"m\t1\tb\ts\tm\tp\t5\tinf\tu\tr\ts", "the score \"inf\" is no number"},
        {"m\t1\tb\ts\tm\tp\t5\t1\tu\tr\t", "a number needs a model and a source"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        struct published_list list;
        struct err err = {0};
        snprintf(text, sizeof text, "%s%s\n", HEAD, cases[i].line);
        assert_false(published_parse(text, "t.tsv", arena, &list, &err));
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.file, "t.tsv");
        assert_int_equal(err.line, 3);
    }
}

static void a_verdict_says_consistent_different_or_why_not(void **state)
{
    (void)state;
    const struct published number = {.suite = "triviaqa",
                                     .metric = "em",
                                     .protocol = "phi3",
                                     .shots = 5,
                                     .score = 64.0,
                                     .rounding = 0.05};
    const struct published_measure here = {"triviaqa", "em",  "phi3", 5,     62,
                                           60,         63.96, 900,    false, 0};
    struct published_measure measure = here;
    struct published other = number;
    char verdict[300];
    assert_true(published_is_about(&number, &measure));
    published_judge(&number, &measure, verdict, sizeof verdict);
    assert_string_equal(verdict, "consistent"); /* 63.95 would be printed as 64.0 */
    measure.high = 63.94;
    published_judge(&number, &measure, verdict, sizeof verdict);
    assert_string_equal(verdict, "different by -2.00 ± 1.97");
    measure = (struct published_measure){"triviaqa", "em", "phi3", 5, 70, 65, 75, 900, false, 0};
    published_judge(&number, &measure, verdict, sizeof verdict);
    assert_string_equal(verdict, "different by +6.00 ± 5.00");

    measure = here, measure.is_synthetic = true;
    published_judge(&number, &measure, verdict, sizeof verdict);
    assert_string_equal(verdict, "not comparable: random weights");
    measure = here, measure.protocol = "lm-eval";
    published_judge(&number, &measure, verdict, sizeof verdict);
    assert_string_equal(verdict, "not comparable: protocol phi3, here lm-eval");
    measure = here, measure.shots = 0;
    published_judge(&number, &measure, verdict, sizeof verdict);
    assert_string_equal(verdict, "not comparable: 5 shots, here 0");
    other.shots = -1;
    published_judge(&other, &here, verdict, sizeof verdict);
    assert_string_equal(verdict, "not comparable: the shots of the source are not known");
    other = number, other.protocol = "";
    published_judge(&other, &here, verdict, sizeof verdict);
    assert_string_equal(verdict, "not comparable: the protocol of the source is not known");
    other = number, other.suite = measure.suite = "mmlu", other.metric = "acc";
    assert_false(published_is_about(&other, &measure));
    measure = here, measure.suite = "mmlu", measure.metric = "acc", measure.n_whole = 14042;
    assert_true(published_is_about(&other, &measure));
    published_judge(&other, &measure, verdict, sizeof verdict);
    assert_string_equal(verdict, "not comparable: 900 of its 14042 questions here");
    measure.n = 14042;
    published_judge(&other, &measure, verdict, sizeof verdict);
    assert_string_equal(verdict, "consistent");
}

/* ---- Throughput ---- */

static struct published rate_of(const char *model, const char *protocol)
{
    return (struct published){.model = model,
                              .suite = "throughput",
                              .metric = "tokens_per_s",
                              .protocol = protocol,
                              .score = 20,
                              .rounding = 0.5};
}

static void a_published_rate_says_of_what_and_where(void **state)
{
    (void)state;
    struct published_speed of;
    struct published row = rate_of("m", "decode 256 after 16, 4 together on A100-80GB");
    assert_true(published_read_speed(&row, &of));
    assert_string_equal(of.test, "decode");
    assert_true(of.n_tokens == 256 && of.after == 16 && of.batch == 4);
    assert_string_equal(of.machine, "A100-80GB");
    row = rate_of("m", "prefill 512 on a machine that is not stated");
    assert_true(published_read_speed(&row, &of));
    assert_string_equal(of.test, "prefill");
    assert_true(of.n_tokens == 512 && of.after == 0 && of.batch == 1);
    row = rate_of("m", "decode on iPhone 14 A16 Bionic");
    assert_true(published_read_speed(&row, &of) && of.n_tokens == 0);
    row = rate_of("m", "");
    assert_false(published_read_speed(&row, &of));
    row.protocol = "decode 1 on a", row.suite = "mmlu", row.metric = "acc";
    assert_false(published_read_speed(&row, &of));

    row = rate_of("Phi-3-mini-4k-instruct ORT INT4", "");
    assert_true(published_is_of_model(&row, "Phi-3-mini-4k-instruct (Apr 2024)"));
    assert_true(published_is_of_model(&row, "Phi-3-mini-4k-instruct ORT INT4"));
    assert_false(published_is_of_model(&row, "Phi-3-mini-4k"));
    assert_false(published_is_of_model(&row, "Phi-3-mini-4k-instruct-q4"));
    assert_false(published_is_of_model(&row, ""));
}

static void rates_compare_on_the_same_machine_alone(void **state)
{
    (void)state;
    const struct published row = rate_of("m", "decode 128 after 16 on EPYC 9");
    struct published_rate measure = {{"decode", 128, 16, 1, "EPYC 9 @ 2 GHz"}, 21, 20.4, 22};
    char verdict[300];
    published_judge_rate(&row, &measure, verdict, sizeof verdict);
    assert_string_equal(verdict, "consistent"); /* 20.5 would be printed as 20, too */
    measure.low = 20.6;
    published_judge_rate(&row, &measure, verdict, sizeof verdict);
    assert_string_equal(verdict, "different by +1.00, 1.05 times as fast");
    measure.speed.after = 512;
    published_judge_rate(&row, &measure, verdict, sizeof verdict);
    assert_string_equal(verdict, "not comparable: 128 tokens after 16, here 128 after 512");
    measure.speed.machine = "EPYC 7";
    published_judge_rate(&row, &measure, verdict, sizeof verdict);
    assert_string_equal(verdict, "not comparable: on EPYC 9, here EPYC 7");
    measure.speed.machine = "";
    published_judge_rate(&row, &measure, verdict, sizeof verdict);
    assert_string_equal(verdict, "not comparable: on EPYC 9, here another machine");
}

static void every_shipped_rate_is_understood_or_of_more_than_one_thing(void **state)
{
    (void)state;
    struct published_list list;
    struct published_speed of;
    size_t n_known = 0, n_mini = 0;
    assert_true(published_load(arena, &list, NULL));
    for (size_t i = 0; i < list.n; i++) {
        if (strcmp(list.rows[i].suite, "throughput") != 0) continue;
        bool is_known = published_read_speed(&list.rows[i], &of);
        if (!is_known) assert_non_null(strstr(list.rows[i].benchmark, "wall-clock"));
        n_known += is_known;
        n_mini += is_known && published_is_of_model(&list.rows[i], "Phi-3-mini-4k-instruct (Apr)");
    }
    assert_int_equal(n_known, 135);
    assert_int_equal(n_mini, 58);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_shipped_number_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_is_what_its_columns_say, set_up, tear_down),
        cmocka_unit_test_setup_teardown(malformed_tables_are_refused_with_the_line, set_up,
                                        tear_down),
        cmocka_unit_test(a_verdict_says_consistent_different_or_why_not),
        cmocka_unit_test(a_published_rate_says_of_what_and_where),
        cmocka_unit_test(rates_compare_on_the_same_machine_alone),
        cmocka_unit_test_setup_teardown(every_shipped_rate_is_understood_or_of_more_than_one_thing,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
