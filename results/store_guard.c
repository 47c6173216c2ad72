/* store_guard.c - what stands between the program and a file that somebody else may have made.
 *
 * SQLite gets regular files alone, trusts nothing that their schema says, and has limits. A
 * progress handler ends a statement at Ctrl-C where the store may be left at any moment, and after
 * a number of steps where a view may be the file's own. Waiting for another process ends soon after
 * Ctrl-C too.
 */
#include "results/store_internal.h"

#include "base/buf.h"
#include "base/interrupt.h"
#include "base/mem.h"

#include <sys/stat.h>

enum {
    STEPS_BETWEEN_LOOKS = 4000,
    PAUSE_MS = 20,
    PATIENCE_MS = 500 /* for a lock, after Ctrl-C */
};

/* ---- Files ---- */

static const char *kind_of(mode_t mode)
{
    if (S_ISDIR(mode)) return "folder";
    if (S_ISFIFO(mode)) return "pipe";
    if (S_ISSOCK(mode)) return "socket";
    return S_ISREG(mode) ? NULL : "device";
}

/* SQLite would wait for ever on a pipe, at any of the names that it opens. */
bool store_guard_files(const char *path, struct err *err)
{
    static const char *const ENDINGS[] = {"", "-wal", "-shm", "-journal"};
    struct buf name = {0};
    bool fine = true;
    for (size_t i = 0; fine && i < COUNT_OF(ENDINGS); i++) {
        struct stat status;
        buf_clear(&name);
        buf_printf(&name, "%s%s", path, ENDINGS[i]);
        fine = buf_check(&name, err);
        if (!fine || stat(buf_string(&name), &status) != 0) continue;
        const char *kind = kind_of(status.st_mode);
        if (kind)
            fine = err_set_at(err, ERR_IO, buf_string(&name), 0, 0, "this is a %s, not a %s", kind,
                              i ? "file of a database" : "database");
    }
    buf_free(&name);
    return fine;
}

/* ---- Statements ---- */

static int look_up(void *context)
{
    struct store *store = context;
    if (store->heeds_interrupts && interrupt_requested()) return 1;
    if (!store->is_bounded) return 0;
    store->n_steps += STEPS_BETWEEN_LOOKS;
    return store->n_steps > store->max_steps;
}

static int wait_for_lock(void *context, int n_calls)
{
    struct store *store = context;
    if (n_calls == 0) store->waited_ms = store->waited_after_ms = 0;
    if (store->waited_ms >= STORE_BUSY_MS || store->waited_after_ms >= PATIENCE_MS) return 0;
    sqlite3_sleep(PAUSE_MS);
    store->waited_ms += PAUSE_MS;
    if (interrupt_requested()) store->waited_after_ms += PAUSE_MS;
    return 1;
}

/* ---- The connection ---- */

/* json_valid of a connection that has no file. */
static void call_json_valid(sqlite3_context *context, int n, sqlite3_value **values)
{
    sqlite3_stmt *is_valid = sqlite3_user_data(context);
    (void)n;
    sqlite3_bind_value(is_valid, 1, values[0]);
    if (sqlite3_step(is_valid) == SQLITE_ROW)
        sqlite3_result_value(context, sqlite3_column_value(is_valid, 0));
    else sqlite3_result_error_code(context, sqlite3_errcode(sqlite3_db_handle(is_valid)));
    sqlite3_reset(is_valid);
    sqlite3_clear_bindings(is_valid);
}

static void close_helper(void *context)
{
    sqlite3_stmt *is_valid = context;
    sqlite3 *helper = is_valid ? sqlite3_db_handle(is_valid) : NULL;
    sqlite3_finalize(is_valid);
    sqlite3_close(helper);
}

/* Our own schema checks with json_valid, and SQLite counts it among the functions that the schema
 * of a file may not call unless it is trusted. It is harmless, and stands here under its own
 * name. */
static bool lend_json_valid(struct store *store, struct err *err)
{
    sqlite3 *helper = NULL;
    sqlite3_stmt *is_valid = NULL;
    int code = sqlite3_open_v2(":memory:", &helper, SQLITE_OPEN_READWRITE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(helper, "SELECT json_valid(?1)", -1, &is_valid, NULL);
    if (code != SQLITE_OK) {
        sqlite3_close(helper);
        return store_fail_code(NULL, code, store->path, err);
    }
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    code = sqlite3_create_function_v2(store->db, "json_valid", 1, flags, is_valid, call_json_valid,
                                      NULL, NULL, close_helper);
    return code == SQLITE_OK || store_fail_code(store->db, code, store->path, err);
}

static void set_limits(sqlite3 *db)
{
    static const struct {
        int limit, value;
    } LIMITS[] = {
        {SQLITE_LIMIT_LENGTH, 1 << 28},     /* bytes of a text */
        {SQLITE_LIMIT_SQL_LENGTH, 1 << 18}, /* of a statement: all of a schema's step */
        {SQLITE_LIMIT_COLUMN, 200},
        {SQLITE_LIMIT_EXPR_DEPTH, 200},
        {SQLITE_LIMIT_COMPOUND_SELECT, 50},
        {SQLITE_LIMIT_VDBE_OP, 1 << 20},
        {SQLITE_LIMIT_FUNCTION_ARG, 32},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 100},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 10},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    for (size_t i = 0; i < COUNT_OF(LIMITS); i++)
        sqlite3_limit(db, LIMITS[i].limit, LIMITS[i].value);
}

bool store_guard_connection(struct store *store, bool is_trusted, struct err *err)
{
    sqlite3 *db = store->db;
    sqlite3_extended_result_codes(db, 1);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* The program's own schema has views and no triggers. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, is_trusted, NULL);
    set_limits(db);
    sqlite3_busy_handler(db, wait_for_lock, store);
    store->heeds_interrupts = true;
    store->is_bounded = is_trusted;
    store->max_steps = STORE_MAX_STEPS;
    sqlite3_progress_handler(db, STEPS_BETWEEN_LOOKS, look_up, store);
    return lend_json_valid(store, err) &&
           store_execute(store, "PRAGMA cell_size_check = 1; PRAGMA mmap_size = 0", err);
}

void store_heed_interrupts(struct store *store, bool heeds)
{
    store->heeds_interrupts = heeds;
}
