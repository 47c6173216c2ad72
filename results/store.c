/* store.c - opening and closing the database, and transactions.
 *
 * Order matters when a file is opened: first it is looked at, then migrated under a rollback
 * journal (so that a full disk leaves an empty file or the old one), and only then switched to
 * write-ahead logging. With WAL and synchronous = NORMAL every commit survives the death of the
 * process; a power cut may take the last ones back, never a part of one.
 */
#include "results/store.h"

#include "results/store_internal.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static bool open_file(struct store *store, enum store_mode mode, struct err *err)
{
    if (!store->path[0]) return err_set(err, ERR_USAGE, "the database needs the name of a file");
    if (file_is_folder(store->path))
        return err_set_at(err, ERR_IO, store->path, 0, 0, "this is a folder, not a database");
    if (mode != STORE_CREATE && !file_exists(store->path))
        return err_set_at(err, ERR_IO, store->path, 0, 0, "there is no such database");
    if (mode == STORE_CREATE && !file_make_parent(store->path, err)) return false;
    int flags = SQLITE_OPEN_READWRITE | (mode == STORE_CREATE ? SQLITE_OPEN_CREATE : 0);
    int code = sqlite3_open_v2(store->path, &store->db, flags, NULL);
    if (code != SQLITE_OK) return store_fail_code(store->db, code, store->path, err);
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
    return true;
}

/* A file that may not be written is read as it stands. SQLite can do that with WAL only if nobody
 * is writing it meanwhile, which a missing -wal file shows. */
static bool reopen_immutable(struct store *store, struct err *err)
{
    struct buf uri = {0};
    bool opened = false;
    buf_text(&uri, "file:");
    for (const char *c = store->path; *c; c++) {
        if (strchr("?#%", *c)) buf_printf(&uri, "%%%02X", (unsigned)(unsigned char)*c);
        else buf_char(&uri, *c);
    }
    buf_text(&uri, "?immutable=1");
    if (!buf_check(&uri, err)) goto out;
    sqlite3_close(store->db);
    store->db = NULL;
    int code =
        sqlite3_open_v2(buf_string(&uri), &store->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    opened = code == SQLITE_OK || store_fail_code(store->db, code, store->path, err);
out:
    buf_free(&uri);
    return opened;
}

static bool has_wal(const struct store *store)
{
    struct buf name = {0};
    bool has = buf_printf(&name, "%s-wal", store->path) && file_exists(buf_string(&name));
    buf_free(&name);
    return has;
}

static bool migrate(struct store *store, enum store_mode mode, struct err *err)
{
    const struct schema schema = schema_current();
    struct err first;
    err_clear(&first);
    if (schema_migrate(store->db, store->path, &schema, mode == STORE_CREATE, &first)) return true;
    bool may_not_write = sqlite3_db_readonly(store->db, "main") == 1 ||
                         (sqlite3_errcode(store->db) & 0xff) == SQLITE_READONLY; /* the folder */
    bool may_be_wal =
        first.code == ERR_IO && mode == STORE_READ && may_not_write && !has_wal(store);
    if (may_be_wal)
        return reopen_immutable(store, err) &&
               schema_migrate(store->db, store->path, &schema, false, err);
    if (err) *err = first;
    return false;
}

/* Gives jobs their scores whose judgments a migration found to be none. */
static bool score_anew(struct store *store, struct err *err)
{
    static const char UNSCORED[] =
        "SELECT note.job FROM note WHERE kind = 'judgment_outside' "
        "AND NOT EXISTS (SELECT 1 FROM score WHERE score.job = note.job) "
        "AND EXISTS (SELECT 1 FROM response JOIN verdict ON verdict.response = response.id "
        "WHERE response.job = note.job AND (verdict.score > 0 OR verdict.others IS NOT NULL)) "
        "LIMIT 1";
    int64_t job = 1;
    while (job) {
        if (!query_integer_of(query_begin(store, UNSCORED, err), 0, &job, err) ||
            (job && !store_compute_scores(store, job, err)))
            return false;
    }
    return true;
}

/* The switch needs the file for itself for a moment, and SQLite does not always wait for that. */
static bool switch_to_wal(struct store *store, struct err *err)
{
    enum { PAUSE_MS = 20 };
    int code = SQLITE_BUSY;
    for (int waited_ms = 0; code == SQLITE_BUSY && waited_ms < STORE_BUSY_MS;
         waited_ms += PAUSE_MS) {
        if (waited_ms > 0) sqlite3_sleep(PAUSE_MS);
        code = sqlite3_exec(store->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) & 0xff;
    }
    return code == SQLITE_OK || store_fail(store, err);
}

static bool prepare_connection(struct store *store, enum store_mode mode, struct err *err)
{
    if (!migrate(store, mode, err) ||
        (sqlite3_db_readonly(store->db, "main") == 0 && !score_anew(store, err)))
        return false;
    if (mode == STORE_READ) return store_execute(store, "PRAGMA query_only = 1", err);
    if (sqlite3_db_readonly(store->db, "main") == 1)
        return err_set_at(err, ERR_IO, store->path, 0, 0, "the database cannot be written");
    return switch_to_wal(store, err) && store_execute(store, "PRAGMA synchronous = NORMAL", err) &&
           store_execute(store, "PRAGMA foreign_keys = 1", err);
}

struct store *store_open(const char *path, enum store_mode mode, struct err *err)
{
    struct store *store = mem_new(1, sizeof *store, err);
    if (!store) return NULL;
    store->path = mem_copy_string(path, err);
    if (store->path && open_file(store, mode, err) && prepare_connection(store, mode, err))
        return store;
    store_close(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (!store) return;
    query_forget_kept(store);
    sqlite3_close_v2(store->db);
    free(store->path);
    free(store);
}

const char *store_path(const struct store *store)
{
    return store->path;
}

bool store_begin(struct store *store, struct err *err)
{
    return store_execute(store, "BEGIN IMMEDIATE", err);
}

bool store_commit(struct store *store, struct err *err)
{
    return store_execute(store, "COMMIT", err);
}

void store_rollback(struct store *store)
{
    if (!sqlite3_get_autocommit(store->db)) sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

bool store_enter(struct store *store, struct err *err)
{
    return store_execute(store, "SAVEPOINT inner", err);
}

bool store_leave(struct store *store, bool done, struct err *err)
{
    if (done) return store_execute(store, "RELEASE inner", err);
    /* After some failures SQLite has taken back the whole transaction itself: then these fail. */
    sqlite3_exec(store->db, "ROLLBACK TO inner; RELEASE inner", NULL, NULL, NULL);
    return false;
}
