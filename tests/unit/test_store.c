/* test_store.c - opening, migrating and refusing files; transactions; what happens when the disk is
 * full, the file is not writable, two processes write, or one is killed.
 */
#include "results/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "results/query.h"
#include "results/store_internal.h"
#include "tests/support/store_fixture.h"
#include "tests/support/test_data.h"

static char folder[256], path[300];

static int set_up(void **unused)
{
    (void)unused;
    if (!test_make_folder(folder, sizeof folder)) return -1;
    snprintf(path, sizeof path, "%s/store.db", folder);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    test_remove_folder(folder);
    return 0;
}

static struct store *open_store(const char *file, enum store_mode mode)
{
    struct err err = {0};
    struct store *store = store_open(file, mode, &err);
    if (!store) fail_msg("%s: %s", err.file, err.message);
    return store;
}

static void assert_not_opened(const char *file, enum store_mode mode, enum err_code code,
                              const char *message)
{
    struct err err = {0};
    assert_null(store_open(file, mode, &err));
    if (err.code != code || strcmp(err.file, file) != 0 || !strstr(err.message, message))
        fail_msg("%d %s: %s", err.code, err.file, err.message);
}

static int64_t integer_of(struct store *store, const char *sql)
{
    struct err err = {0};
    struct query *query = query_open(store, sql, &err);
    if (!query || query_next(query, &err) != 1) fail_msg("%s: %s", sql, err.message);
    int64_t value = query_integer(query, 0);
    query_close(query);
    return value;
}

static bool begin_run(struct store *store, const char *name, struct err *err)
{
    int64_t id;
    struct run_record run = {.name = name,
                             .config_hash = "hash",
                             .n_threads = 2,
                             .started_unix_ms = 1,
                             .build = {.version = "1", .git_revision = "abc"}};
    return store_begin_run(store, &run, &id, err);
}

/* Runs SQL on a file without the store. */
static void run_sql(const char *file, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* ---- Opening ---- */

static void a_missing_folder_is_made(void **unused)
{
    (void)unused;
    char deep[400];
    snprintf(deep, sizeof deep, "%s/a/b/new.db", folder);
    struct store *store = open_store(deep, STORE_CREATE);
    assert_string_equal(store_path(store), deep);
    assert_int_equal(integer_of(store, "PRAGMA user_version"), schema_current().n_steps);
    assert_int_equal(integer_of(store, "PRAGMA application_id"), SCHEMA_APPLICATION_ID);
    assert_int_equal(integer_of(store, "PRAGMA foreign_keys"), 1);
    store_close(store);
    assert_true(file_exists(deep));
}

static void the_store_uses_write_ahead_logging(void **unused)
{
    (void)unused;
    struct store *store = open_store(path, STORE_CREATE);
    assert_int_equal(integer_of(store, "SELECT count(*) FROM pragma_journal_mode "
                                       "WHERE journal_mode = 'wal'"),
                     1);
    store_close(store);
}

static void every_table_is_strict(void **unused)
{
    (void)unused;
    struct store *store = open_store(path, STORE_CREATE);
    assert_int_equal(integer_of(store, "SELECT count(*) FROM pragma_table_list "
                                       "WHERE schema = 'main' AND type = 'table' AND strict"),
                     17);
    assert_int_equal(integer_of(store, "SELECT count(*) FROM pragma_table_list WHERE type = "
                                       "'table' AND NOT strict AND name NOT LIKE 'sqlite_%'"),
                     0);
    store_close(store);
}

static void reading_and_writing_need_a_file(void **unused)
{
    (void)unused;
    assert_not_opened(path, STORE_READ, ERR_IO, "no such database");
    assert_not_opened(path, STORE_WRITE, ERR_IO, "no such database");
    assert_false(file_exists(path));
}

static void reopening_keeps_what_is_there(void **unused)
{
    (void)unused;
    struct store *store = open_store(path, STORE_CREATE);
    assert_true(begin_run(store, "kept", NULL));
    store_close(store);
    for (int mode = STORE_CREATE; mode <= STORE_READ; mode++) {
        store = open_store(path, (enum store_mode)mode);
        assert_int_equal(integer_of(store, "SELECT count(*) FROM run WHERE name = 'kept'"), 1);
        store_close(store);
    }
}

static void a_reader_cannot_write(void **unused)
{
    (void)unused;
    store_close(open_store(path, STORE_CREATE));
    struct store *store = open_store(path, STORE_READ);
    struct err err = {0};
    assert_false(begin_run(store, "no", &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.message, "cannot be written"));
    store_close(store);
}

/* ---- Refusing, before anything is written ---- */

static void assert_unchanged_after(const char *file, enum err_code code, const char *message)
{
    size_t n_before, n_after;
    char *before = file_read(file, 1 << 24, &n_before, NULL);
    for (int mode = STORE_CREATE; mode <= STORE_READ; mode++)
        assert_not_opened(file, (enum store_mode)mode, code, message);
    char *after = file_read(file, 1 << 24, &n_after, NULL);
    assert_int_equal(n_before, n_after);
    assert_memory_equal(before, after, n_before);
    free(before);
    free(after);
}

static void a_text_file_is_no_database(void **unused)
{
    (void)unused;
    char text[2000];
    memset(text, 'x', sizeof text);
    assert_true(file_write(path, text, sizeof text, NULL));
    assert_unchanged_after(path, ERR_INPUT, "this is no database");
}

static void a_truncated_database_is_damaged(void **unused)
{
    (void)unused;
    store_close(open_store(path, STORE_CREATE));
    assert_int_equal(truncate(path, 4096 + 100), 0);
    struct err err = {0};
    assert_null(store_open(path, STORE_CREATE, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.file, path);
}

static void another_programs_database_is_left_alone(void **unused)
{
    (void)unused;
    run_sql(path, "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
    assert_unchanged_after(path, ERR_INPUT, "a database of another program");
    char marked[320];
    snprintf(marked, sizeof marked, "%s/marked.db", folder);
    run_sql(marked, "PRAGMA application_id = 7");
    assert_unchanged_after(marked, ERR_INPUT, "a database of another program");
}

static void a_newer_database_is_left_alone(void **unused)
{
    (void)unused;
    store_close(open_store(path, STORE_CREATE));
    run_sql(path, "PRAGMA user_version = 99");
    assert_unchanged_after(path, ERR_INPUT, "version 99, and this phibench knows 1 to");
}

static void folders_and_unusable_paths_are_refused(void **unused)
{
    (void)unused;
    assert_not_opened(folder, STORE_CREATE, ERR_IO, "this is a folder");
    struct err unnamed = {0};
    assert_null(store_open("", STORE_CREATE, &unnamed)); /* to SQLite, a database of no name */
    assert_int_equal(unnamed.code, ERR_USAGE);
    assert_true(file_write(path, "x", 1, NULL));
    char below[400];
    snprintf(below, sizeof below, "%s/below/store.db", path);
    struct err err = {0};
    assert_null(store_open(below, STORE_CREATE, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_true(err.file[0]);
}

/* ---- Migrations ---- */

static const struct embedded_file TWO_STEPS[] = {
    {.text = "CREATE TABLE one (x INTEGER) STRICT; INSERT INTO one VALUES (1)"},
    {.text = "ALTER TABLE one ADD COLUMN y INTEGER; UPDATE one SET y = x + 1"},
};
static const struct embedded_file BROKEN_STEPS[] = {
    {.text = "CREATE TABLE one (x INTEGER) STRICT"},
    {.text = "ALTER TABLE one ADD COLUMN y INTEGER; DROP TABLE one; "
             "ALTER TABLE nowhere ADD COLUMN z"},
};

static int pragma_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int value = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static void an_older_database_takes_only_the_missing_steps(void **unused)
{
    (void)unused;
    sqlite3 *db = NULL;
    const struct schema first = {TWO_STEPS, 1}, both = {TWO_STEPS, 2};
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_true(schema_migrate(db, path, &first, true, NULL));
    assert_int_equal(pragma_of(db, "PRAGMA user_version"), 1);
    assert_int_equal(sqlite3_exec(db, "INSERT INTO one VALUES (10)", NULL, NULL, NULL), SQLITE_OK);
    assert_true(schema_migrate(db, path, &both, false, NULL));
    assert_true(schema_migrate(db, path, &both, false, NULL)); /* nothing left to do */
    assert_int_equal(pragma_of(db, "PRAGMA user_version"), 2);
    assert_int_equal(pragma_of(db, "SELECT sum(y) FROM one"), 13);
    struct err err = {0};
    assert_false(schema_migrate(db, path, &first, true, &err)); /* the older program */
    assert_int_equal(err.code, ERR_INPUT);
    sqlite3_close(db);
}

static bool has_no_hash(void *context, const struct answer_record *answer, struct err *err)
{
    (void)err;
    ++*(int *)context;
    assert_null(answer->logits_hash);
    assert_int_equal(answer->naive_tokens, -1);
    assert_null(answer->others_json);
    return true;
}

static void answers_of_version_1_are_kept_without_a_hash(void **unused)
{
    (void)unused;
    const struct schema first = {EMBEDDED_SCHEMA, 1};
    sqlite3 *db = NULL;
    int n_answers = 0;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_true(schema_migrate(db, path, &first, true, NULL));
    sqlite3_close(db);
    run_sql(path, TEST_RUN_1
            "INSERT INTO dataset VALUES (1, 'mmlu', 'data', 'd', 1);"
            "INSERT INTO item VALUES (1, 1, 'a/1', 'a.csv', 1, 'a', 'A', '[]');"
            "INSERT INTO model (id, name_in_config, quantization, n_params, n_bytes, "
            "context_tokens, is_synthetic) VALUES (1, 'm', 'q4_0', 1, 1, 1, 1);"
            "INSERT INTO job (id, run, model, dataset, suite, suite_version, protocol, shots, "
            "metric, fingerprint, context_tokens, n_items, naive_tokens) "
            "VALUES (1, 1, 1, 1, 'mmlu', 1, 'p', 0, 'acc', 'f', 1, 1, 44);"
            "INSERT INTO response VALUES (1, 1, 1, '{}', 10, 4, 5);"
            "INSERT INTO verdict VALUES (1, 1, 1, 1.0, 'A', 0.5)");
    struct store *store = open_store(path, STORE_WRITE);
    assert_true(store_each_answer(store, 1, has_no_hash, &n_answers, NULL));
    assert_int_equal(n_answers, 1);
    assert_int_equal(integer_of(store, "SELECT answered = 1 AND naive_tokens IS NULL AND "
                                       "logits_hash IS NULL AND seconds IS NULL FROM v_jobs"),
                     1);
    store_close(store);
}

static void jobs_of_version_7_get_what_was_taken_for_granted_of_their_suites(void **unused)
{
    (void)unused;
    const struct schema seventh = {EMBEDDED_SCHEMA, 7};
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_true(schema_migrate(db, path, &seventh, true, NULL));
    sqlite3_close(db);
    run_sql(path, TEST_RUN_1
            "INSERT INTO model (id, name_in_config, quantization, n_params, n_bytes, "
            "context_tokens, is_synthetic) VALUES (1, 'm', 'q4_0', 1, 1, 1, 1);"
            "INSERT INTO job (run, model, suite, suite_version, protocol, shots, metric, "
            "fingerprint, context_tokens, n_items) "
            "SELECT 1, 1, column1, 1, 'p', 0, 'acc', column1, 1, 1 FROM (VALUES ('mmlu'), "
            "('perplexity'), ('throughput'), ('kernels'), ('arc'))");
    struct store *store = open_store(path, STORE_READ);
    assert_int_equal(
        integer_of(store, "SELECT group_concat(suite || ' ' || kind) = 'mmlu questions,perplexity "
                          "text,throughput throughput,kernels kernels,arc questions' FROM job"),
        1);
    assert_int_equal(integer_of(store, "SELECT count(*) FROM job WHERE chance IS NOT NULL"), 1);
    assert_int_equal(integer_of(store, "SELECT chance = 0.25 AND whole_items = 14042 FROM job "
                                       "WHERE suite = 'mmlu'"),
                     1);
    store_close(store);
}

static void an_empty_file_takes_all_steps_if_it_may(void **unused)
{
    (void)unused;
    assert_true(file_write(path, "", 0, NULL));
    assert_not_opened(path, STORE_READ, ERR_INPUT, "it is empty");
    assert_not_opened(path, STORE_WRITE, ERR_INPUT, "it is empty");
    assert_int_equal(file_size_bytes(path), 0);
    sqlite3 *db = NULL;
    const struct schema both = {TWO_STEPS, 2};
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_true(schema_migrate(db, path, &both, true, NULL));
    assert_int_equal(pragma_of(db, "SELECT sum(y) FROM one"), 2);
    sqlite3_close(db);
}

static void a_migration_that_fails_leaves_everything(void **unused)
{
    (void)unused;
    sqlite3 *db = NULL;
    const struct schema first = {BROKEN_STEPS, 1}, both = {BROKEN_STEPS, 2};
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_true(schema_migrate(db, path, &first, true, NULL));
    struct err err = {0};
    assert_false(schema_migrate(db, path, &both, true, &err));
    assert_non_null(strstr(err.message, "while bringing the database to version 2"));
    assert_int_equal(pragma_of(db, "PRAGMA user_version"), 1);
    assert_int_equal(pragma_of(db, "SELECT count(*) FROM pragma_table_info('one')"), 1);
    assert_int_equal(sqlite3_get_autocommit(db), 1);
    sqlite3_close(db);
}

/* ---- Transactions ---- */

static void a_rollback_takes_everything_back(void **unused)
{
    (void)unused;
    struct store *store = open_store(path, STORE_CREATE);
    assert_true(store_begin(store, NULL));
    assert_true(begin_run(store, "one", NULL));
    store_rollback(store);
    store_rollback(store); /* nothing to take back */
    assert_int_equal(integer_of(store, "SELECT count(*) FROM run"), 0);
    assert_true(store_begin(store, NULL));
    assert_true(begin_run(store, "two", NULL));
    assert_true(store_commit(store, NULL));
    assert_int_equal(integer_of(store, "SELECT count(*) FROM run"), 1);
    store_close(store);
}

/* ---- Other processes ---- */

/* Runs fn in a process of its own and gives its exit status, or 1000 plus the signal. */
static int in_child(int (*fn)(void))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) _exit(fn());
    int status = 0;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

enum { N_WRITERS = 4, N_WRITES = 25 };

static int write_in_turns(void)
{
    struct store *store = store_open(path, STORE_CREATE, NULL);
    for (int i = 0; store && i < N_WRITES; i++) {
        struct err err = {0};
        if (store_begin(store, &err) && begin_run(store, "shared", &err) &&
            store_commit(store, &err))
            continue;
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    store_close(store);
    return store ? 0 : 1;
}

static void processes_make_and_write_one_file_together(void **unused)
{
    (void)unused;
    pid_t children[N_WRITERS];
    fflush(NULL);
    for (int i = 0; i < N_WRITERS; i++)
        if ((children[i] = fork()) == 0) _exit(write_in_turns());
    for (int i = 0; i < N_WRITERS; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    struct store *store = open_store(path, STORE_READ);
    assert_int_equal(integer_of(store, "SELECT count(*) FROM run"), N_WRITERS * N_WRITES);
    assert_int_equal(integer_of(store, "SELECT count(*) FROM build"), 1);
    assert_int_equal(integer_of(store, "SELECT count(*) FROM machine"), 1);
    store_close(store);
}

static int die_in_a_transaction(void)
{
    struct store *store = store_open(path, STORE_CREATE, NULL);
    if (!store || !begin_run(store, "committed", NULL) || !store_begin(store, NULL)) return 1;
    for (int i = 0; i < 500; i++)
        if (!begin_run(store, "in flight", NULL)) return 1;
    raise(SIGKILL);
    return 1;
}

static void a_killed_writer_loses_only_its_transaction(void **unused)
{
    (void)unused;
    assert_int_equal(in_child(die_in_a_transaction), 1000 + SIGKILL);
    struct store *store = open_store(path, STORE_READ);
    assert_int_equal(integer_of(store, "SELECT count(*) FROM run"), 1);
    assert_int_equal(integer_of(store, "SELECT count(*) FROM pragma_integrity_check "
                                       "WHERE integrity_check = 'ok'"),
                     1);
    store_close(store);
}

/* Writes runs until one fails: 0 if the failure says so and what was committed before is whole. */
static int write_until_full(void)
{
    struct err err = {0};
    struct store *store = store_open(path, STORE_CREATE, &err);
    int n = 0;
    if (!store) return 2;
    while (store_begin(store, &err)) {
        bool written = true;
        for (int i = 0; written && i < 20; i++) written = begin_run(store, "one more", &err);
        if (!written || !store_commit(store, &err)) break;
        if (n += 20, n > 100000) return 3;
    }
    store_rollback(store);
    store_close(store);
    bool is_told = err.code == ERR_IO && !strcmp(err.file, path);
    if (!is_told) fprintf(stderr, "%d %s: %s\n", err.code, err.file, err.message);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
    struct store *again = store_open(path, STORE_READ, &err);
    struct query *query = again ? query_open(again, "SELECT count(*) FROM run", &err) : NULL;
    bool is_whole = query && query_next(query, &err) == 1 && query_integer(query, 0) == n;
    query_close(query);
    store_close(again);
    return is_told && is_whole && n > 0 ? 0 : 4;
}

static int write_past_a_size_limit(void)
{
    store_close(store_open(path, STORE_CREATE, NULL));
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 600 << 10;
    if (setrlimit(RLIMIT_FSIZE, &limit)) return 5;
    return write_until_full();
}

static void a_file_that_may_not_grow_is_reported_and_stays_whole(void **unused)
{
    (void)unused;
    assert_int_equal(in_child(write_past_a_size_limit), 0);
}

static int create_under_a_size_limit(void)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {20 << 10, 20 << 10};
    if (setrlimit(RLIMIT_FSIZE, &limit)) return 5;
    struct err err = {0};
    if (store_open(path, STORE_CREATE, &err)) return 1;
    if (err.code == ERR_IO && !strcmp(err.file, path)) return 0;
    fprintf(stderr, "%s: %s\n", err.file, err.message);
    return 2;
}

static void a_store_that_cannot_be_made_leaves_an_empty_file(void **unused)
{
    (void)unused;
    assert_int_equal(in_child(create_under_a_size_limit), 0);
    assert_true(file_size_bytes(path) <= 0);
    store_close(open_store(path, STORE_CREATE));
}

static void a_full_disk_is_reported_and_the_rows_before_stay(void **unused)
{
    (void)unused;
    if (mount("tmpfs", folder, "tmpfs", 0, "size=400k") != 0) {
        puts("SKIP a_full_disk_is_reported_and_the_rows_before_stay: mounting takes root");
        skip();
    }
    int status = in_child(write_until_full);
    assert_int_equal(umount(folder), 0);
    assert_int_equal(status, 0);
}

/* ---- Files that may not be written; root may write any, so these drop their rights. ---- */

static int use_read_only(void)
{
    if (geteuid() == 0 && (setgid(65534) || setuid(65534))) return 5;
    struct err err = {0};
    struct store *store = store_open(path, STORE_READ, &err);
    struct query *query = store ? query_open(store, "SELECT count(*) FROM run", &err) : NULL;
    int n = query && query_next(query, &err) == 1 ? (int)query_integer(query, 0) : -1;
    query_close(query);
    store_close(store);
    if (n != 1) fprintf(stderr, "%s: %s\n", err.file, err.message);
    struct store *writer = store_open(path, STORE_CREATE, &err);
    bool is_refused = !writer && err.code == ERR_IO && !strcmp(err.file, path);
    store_close(writer);
    if (!is_refused) fprintf(stderr, "%s: %s\n", err.file, err.message);
    return n == 1 && is_refused ? 0 : 1;
}

static void a_file_in_a_read_only_folder_can_be_read(void **unused)
{
    (void)unused;
    struct store *store = open_store(path, STORE_CREATE);
    assert_true(begin_run(store, "one", NULL));
    store_close(store);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    int status = in_child(use_read_only);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(status, 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_missing_folder_is_made),
        IN_FOLDER(the_store_uses_write_ahead_logging),
        IN_FOLDER(every_table_is_strict),
        IN_FOLDER(reading_and_writing_need_a_file),
        IN_FOLDER(reopening_keeps_what_is_there),
        IN_FOLDER(a_reader_cannot_write),
        IN_FOLDER(a_text_file_is_no_database),
        IN_FOLDER(a_truncated_database_is_damaged),
        IN_FOLDER(another_programs_database_is_left_alone),
        IN_FOLDER(a_newer_database_is_left_alone),
        IN_FOLDER(folders_and_unusable_paths_are_refused),
        IN_FOLDER(an_older_database_takes_only_the_missing_steps),
        IN_FOLDER(answers_of_version_1_are_kept_without_a_hash),
        IN_FOLDER(jobs_of_version_7_get_what_was_taken_for_granted_of_their_suites),
        IN_FOLDER(an_empty_file_takes_all_steps_if_it_may),
        IN_FOLDER(a_migration_that_fails_leaves_everything),
        IN_FOLDER(a_rollback_takes_everything_back),
        IN_FOLDER(processes_make_and_write_one_file_together),
        IN_FOLDER(a_killed_writer_loses_only_its_transaction),
        IN_FOLDER(a_file_that_may_not_grow_is_reported_and_stays_whole),
        IN_FOLDER(a_store_that_cannot_be_made_leaves_an_empty_file),
        IN_FOLDER(a_full_disk_is_reported_and_the_rows_before_stay),
        IN_FOLDER(a_file_in_a_read_only_folder_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
