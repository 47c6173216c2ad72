/* test_query.c - rows, types, parameters and errors of queries; the columns of the public views.
 *
 * One store serves all tests: none of them writes to it.
 */
#include "results/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "results/store_internal.h"
#include "tests/support/test_data.h"

static char folder[256];
static struct store *store;

static int set_up(void **unused)
{
    (void)unused;
    char path[300];
    if (!test_make_folder(folder, sizeof folder)) return -1;
    snprintf(path, sizeof path, "%s/query.db", folder);
    store = store_open(path, STORE_CREATE, NULL);
    return store ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    store_close(store);
    test_remove_folder(folder);
    return 0;
}

static struct query *open_query(const char *sql)
{
    struct err err = {0};
    struct query *query = query_open(store, sql, &err);
    if (!query) fail_msg("%s", err.message);
    return query;
}

static void columns_have_names_types_and_values(void **unused)
{
    (void)unused;
    struct query *query =
        open_query("SELECT 7 AS whole, 0.5 AS part, 'text' AS word, NULL AS absent; \n");
    assert_int_equal(query_columns(query), 4);
    assert_string_equal(query_column_name(query, 0), "whole");
    assert_string_equal(query_column_name(query, 3), "absent");
    assert_int_equal(query_next(query, NULL), 1);
    static const bool numbers[] = {true, true, false, false};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(query_is_number(query, i), numbers[i]);
        assert_int_equal(query_is_null(query, i), i == 3);
    }
    assert_int_equal(query_integer(query, 0), 7);
    assert_true(query_number(query, 1) == 0.5);
    assert_string_equal(query_text(query, 2), "text");
    assert_string_equal(query_text(query, 3), "");
    assert_int_equal(query_next(query, NULL), 0);
    query_close(query);
}

static void parameters_are_bound_by_their_number(void **unused)
{
    (void)unused;
    struct query *query = open_query("SELECT ?2 || '-' || ?1, ?1 + 1");
    char text[] = "word";
    query_bind_integer(query, 1, INT64_C(1) << 40);
    query_bind_text(query, 2, text);
    text[0] = 'W'; /* the query has its own copy */
    assert_int_equal(query_next(query, NULL), 1);
    assert_string_equal(query_text(query, 0), "word-1099511627776");
    assert_int_equal(query_integer(query, 1), (INT64_C(1) << 40) + 1);
    query_close(query);
}

static void a_parameter_that_is_not_there_is_an_error(void **unused)
{
    (void)unused;
    struct err err = {0};
    struct query *query = open_query("SELECT ?1");
    query_bind_integer(query, 2, 5);
    assert_int_equal(query_next(query, &err), -1);
    assert_string_equal(err.file, store_path(store));
    query_close(query);
}

static void what_is_not_one_statement_is_refused(void **unused)
{
    (void)unused;
    static const char *const wrong[] = {"SELEC 1", "SELECT nothing FROM nowhere", "",
                                        "SELECT 1; SELECT 2", "-- only a comment"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err err = {0};
        assert_null(query_open(store, wrong[i], &err));
        assert_int_equal(err.code, ERR_INPUT);
        assert_true(err.message[0]);
    }
}

static void two_queries_run_side_by_side(void **unused)
{
    (void)unused;
    struct query *outer = open_query("SELECT value FROM json_each('[10,20,30]')");
    int64_t sum = 0;
    while (query_next(outer, NULL) > 0) {
        struct query *inner = open_query("SELECT value * ?1 FROM json_each('[1,2]')");
        query_bind_integer(inner, 1, query_integer(outer, 0));
        while (query_next(inner, NULL) > 0) sum += query_integer(inner, 0);
        query_close(inner);
    }
    assert_int_equal(sum, 180);
    query_close(outer);
}

static int64_t value_of(const char *sql, int64_t parameter)
{
    struct err err = {0};
    int64_t value = 0;
    struct query *query = query_begin(store, sql, &err);
    query_add_integer(query, parameter);
    if (!query_integer_of(query, -1, &value, &err)) fail_msg("%s", err.message);
    return value;
}

/* Statements are kept by the address of their text: each of these is another one. */
static void any_number_of_statements_is_kept(void **unused)
{
    (void)unused;
    enum { N = 300 };
    static char texts[N][32];
    for (int i = 0; i < N; i++) snprintf(texts[i], sizeof texts[i], "SELECT ?1 + %d", i);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < N; i++) assert_int_equal(value_of(texts[i], round), i + round);
}

static void a_kept_statement_can_be_begun_while_it_runs(void **unused)
{
    (void)unused;
    static const char VALUES[] = "SELECT value + ?1 FROM json_each('[10,20,30]')";
    struct query *outer = query_begin(store, VALUES, NULL);
    int64_t sum = 0;
    query_add_integer(outer, 1);
    while (query_next(outer, NULL) > 0) sum += query_integer(outer, 0) + value_of(VALUES, 5);
    query_close(outer);
    assert_int_equal(sum, 63 + 3 * 15);
    assert_int_equal(value_of(VALUES, 7), 17); /* no parameter is left of the uses before */
}

static void a_failed_query_keeps_its_error(void **unused)
{
    (void)unused;
    struct err err = {0};
    struct query *query = query_open(store, "SELECT one FROM nowhere", &err);
    query_bind_integer(query, 1, 5);
    query_bind_text(query, 2, "text");
    assert_int_equal(query_columns(query), 0);
    assert_int_equal(query_next(query, &err), -1);
    assert_non_null(strstr(err.message, "no such table: nowhere"));
    query_close(query);
}

/* The public interface, column by column: people's scripts depend on it. */
static void views_have_exactly_their_columns(void **unused)
{
    (void)unused;
    static const struct {
        const char *view, *columns;
    } views[] = {
        {"v_scores", "run model params quantization bytes suite subset protocol shots metric score "
                     "low high n unit error job depth chance"},
        {"v_speed", "run model params quantization bytes test prompt generate batch threads isa "
                    "repetition tokens_per_s gb_per_s gmac_per_s percent_of_limit"},
        {"v_items", "run model quantization suite subset item correct predicted expected margin "
                    "protocol shots score others"},
        {"v_compare", "suite protocol shots metric run_a model_a quantization_a run_b model_b "
                      "quantization_b n both_right only_a only_b delta"},
    };
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        char sql[64], names[512] = "";
        snprintf(sql, sizeof sql, "SELECT * FROM %s", views[i].view);
        struct query *query = open_query(sql);
        for (int c = 0; c < query_columns(query); c++) {
            size_t used = strlen(names);
            snprintf(names + used, sizeof names - used, "%s%s", c ? " " : "",
                     query_column_name(query, c));
        }
        assert_string_equal(names, views[i].columns);
        assert_int_equal(query_next(query, NULL), 0);
        query_close(query);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_have_names_types_and_values),
        cmocka_unit_test(parameters_are_bound_by_their_number),
        cmocka_unit_test(a_parameter_that_is_not_there_is_an_error),
        cmocka_unit_test(what_is_not_one_statement_is_refused),
        cmocka_unit_test(two_queries_run_side_by_side),
        cmocka_unit_test(any_number_of_statements_is_kept),
        cmocka_unit_test(a_kept_statement_can_be_begun_while_it_runs),
        cmocka_unit_test(a_failed_query_keeps_its_error),
        cmocka_unit_test(views_have_exactly_their_columns),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
