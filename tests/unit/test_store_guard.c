/* test_store_guard.c - what a database of somebody else's cannot do: run its triggers, replace our
 * views, go on for ever, call what is not harmless; in files of any version, before anything is
 * written to them.
 */
#include "results/store_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/store_fixture.h"
#include "tests/support/test_data.h"

static char folder[256], path[300];

/* A database of one of our versions, after SQL of somebody else's. */
static void make_changed(int version, const char *sql)
{
    const struct schema schema = {EMBEDDED_SCHEMA, version};
    sqlite3 *db = NULL;
    char *message = NULL;
    assert_true(test_make_folder(folder, sizeof folder));
    snprintf(path, sizeof path, "%s/theirs.db", folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_true(schema_migrate(db, path, &schema, true, NULL));
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) fail_msg("%s", message);
    sqlite3_close(db);
}

static struct store *open_trusted(void)
{
    const struct store_options options = {.mode = STORE_CREATE, .is_trusted = true};
    struct err err = {0};
    struct store *store = store_open_as(path, &options, &err);
    if (!store) fail_msg("%s", err.message);
    return store;
}

static int64_t integer_of(struct store *store, const char *sql)
{
    int64_t value = -1;
    assert_true(query_integer_of(query_open(store, sql, NULL), 0, &value, NULL));
    return value;
}

static void what_is_not_of_a_version_is_refused_before_it_is_migrated(void **unused)
{
    (void)unused;
    const struct schema schema = schema_current();
    for (int version = 1; version <= schema.n_steps; version++) {
        sqlite3 *db = NULL;
        struct err err = {0};
        struct store store = {.path = path};
        int64_t found;
        make_changed(version, "CREATE TRIGGER spy AFTER UPDATE ON job BEGIN DELETE FROM note; END");
        assert_null(store_open(path, STORE_WRITE, &err));
        assert_int_equal(err.code, ERR_INPUT);
        assert_non_null(strstr(err.message, "the trigger spy (of job) is not one of phibench's"));
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        store.db = db;
        assert_true(schema_version(&store, &schema, false, &found, &err));
        assert_int_equal(found, version);
        sqlite3_close(db);
        test_remove_folder(folder);
    }
}

static void every_version_is_what_its_steps_make(void **unused)
{
    (void)unused;
    const struct schema schema = schema_current();
    for (int version = 1; version <= schema.n_steps; version++) {
        struct err err = {0};
        make_changed(version, "ANALYZE");
        struct store *store = store_open(path, STORE_READ, &err);
        if (!store) fail_msg("version %d: %s", version, err.message);
        store_close(store);
        test_remove_folder(folder);
    }
}

static void triggers_run_in_a_trusted_file_alone(void **unused)
{
    (void)unused;
    make_changed(schema_current().n_steps,
                 "CREATE TRIGGER mine AFTER INSERT ON machine BEGIN "
                 "INSERT INTO build (version, git_revision, git_dirty, numerics_version) "
                 "VALUES ('v', 'r', 0, 1); END");
    struct store *store = open_trusted();
    assert_true(store_execute(store, "INSERT INTO machine (id) VALUES (1)", NULL));
    assert_int_equal(integer_of(store, "SELECT count(*) FROM build"), 1);
    store_close(store);
    store = store_connect(path, false, NULL);
    assert_non_null(store);
    assert_true(store_execute(store, "INSERT INTO machine (id) VALUES (2)", NULL));
    assert_int_equal(integer_of(store, "SELECT count(*) FROM build"), 1);
    store_close(store);
    test_remove_folder(folder);
}

static void a_view_without_an_end_is_given_up(void **unused)
{
    (void)unused;
    struct err err = {0};
    int64_t n;
    make_changed(schema_current().n_steps,
                 "CREATE VIEW endless AS WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL "
                 "SELECT x + 1 FROM c) SELECT x FROM c");
    struct store *store = open_trusted();
    store->max_steps = 100000;
    assert_false(
        query_integer_of(query_open(store, "SELECT count(*) FROM endless", &err), 0, &n, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.message, "a view of this database may have no end"));
    assert_int_equal(integer_of(store, "SELECT 7"), 7); /* the next statement has its own steps */
    store_close(store);
    test_remove_folder(folder);
}

static void a_schema_calls_what_is_harmless_alone(void **unused)
{
    (void)unused;
    struct err err = {0};
    make_changed(schema_current().n_steps,
                 "CREATE VIEW loud AS SELECT fts3_tokenizer('simple') AS x");
    struct store *store = open_trusted();
    struct query *query = query_open(store, "SELECT x FROM loud", &err);
    assert_true(query_next(query, &err) < 0);
    query_close(query);
    assert_int_equal(integer_of(store, "SELECT json_valid('{}') + json_valid('{')"), 1);
    assert_false(
        store_execute(store, "PRAGMA writable_schema = 1; DELETE FROM sqlite_schema", &err));
    store_close(store);
    test_remove_folder(folder);
}

static void assert_same_sql(const char *a, const char *b, bool expected)
{
    bool same = !expected;
    assert_true(schema_is_same_sql(a, b, &same, NULL));
    if (same != expected) fail_msg("%s\n%s\nare %s", a, b, same ? "the same" : "not the same");
}

static void texts_differ_by_what_they_mean(void **unused)
{
    (void)unused;
    assert_same_sql("CREATE TABLE a (x INT, -- why\n  y)", "CREATE TABLE \"a\"(x INT,y)", true);
    assert_same_sql("SELECT/* so */x FROM t", "SELECT x  FROM \"t\"", true);
    assert_same_sql("SELECT a b FROM t", "SELECT ab FROM t", false);
    assert_same_sql("SELECT 'a  b'", "SELECT 'a b'", false);
    assert_same_sql("SELECT ' -- ', x", "SELECT ' -- '", false);
    assert_same_sql("SELECT \"a b\"", "SELECT a b", false);
    assert_same_sql("SELECT x -- \n, y", "SELECT x -- , y", false);
    assert_same_sql("SELECT x /* , y */", "SELECT x", true);
    assert_same_sql("SELECT x AS y", "SELECT x AS 'y'", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_of_a_version_is_refused_before_it_is_migrated),
        cmocka_unit_test(every_version_is_what_its_steps_make),
        cmocka_unit_test(triggers_run_in_a_trusted_file_alone),
        cmocka_unit_test(a_view_without_an_end_is_given_up),
        cmocka_unit_test(a_schema_calls_what_is_harmless_alone),
        cmocka_unit_test(texts_differ_by_what_they_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
