/* store.c - opening and closing the database, and transactions.
 *
 * Order matters when a file is opened: first it is looked at, then migrated under a rollback
 * journal (so that a full disk leaves an empty file or the old one), and only then switched to
 * write-ahead logging. With WAL and synchronous = NORMAL every commit survives the death of the
 * process; a power cut may take the last ones back, never a part of one.
 */
#include "results/store.h"

#include "results/faults.h"
#include "results/store_internal.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static bool connect(struct store *store, const char *name, int flags, bool is_trusted,
                    struct err *err)
{
    int code = sqlite3_open_v2(name, &store->db, flags, NULL);
    if (code != SQLITE_OK) return store_fail_code(store->db, code, store->path, err);
    return store_guard_connection(store, is_trusted, err);
}

static bool open_file(struct store *store, const struct store_options *options, struct err *err)
{
    enum store_mode mode = options->mode;
    if (!store->path[0]) return err_set(err, ERR_USAGE, "the database needs the name of a file");
    if (!store_guard_files(store->path, err)) return false;
    if (mode != STORE_CREATE && !file_exists(store->path))
        return err_set_at(err, ERR_IO, store->path, 0, 0, "there is no such database");
    if (mode == STORE_CREATE && !file_make_parent(store->path, err)) return false;
    int flags = SQLITE_OPEN_READWRITE | (mode == STORE_CREATE ? SQLITE_OPEN_CREATE : 0);
    return connect(store, store->path, flags, options->is_trusted, err);
}

/* A file that may not be written is read as it stands. SQLite can do that with WAL only if nobody
 * is writing it meanwhile, which a missing -wal file shows. */
static bool reopen_immutable(struct store *store, bool is_trusted, struct err *err)
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
    opened =
        connect(store, buf_string(&uri), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, is_trusted, err);
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

struct store *store_connect(const char *path, bool is_trusted, struct err *err)
{
    const struct store_options options = {.mode = STORE_WRITE, .is_trusted = is_trusted};
    struct store *store = mem_new(1, sizeof *store, err);
    if (!store) return NULL;
    store->path = mem_copy_string(path, err);
    bool ok = store->path && open_file(store, &options, err);
    if (ok && !store_execute(store, "SELECT count(*) FROM sqlite_schema", err)) {
        int code = sqlite3_errcode(store->db) & 0xff;
        bool may_be_wal = (code == SQLITE_READONLY || code == SQLITE_CANTOPEN) && !has_wal(store);
        if (may_be_wal) ok = reopen_immutable(store, is_trusted, err);
    }
    if (ok) return store;
    store_close(store);
    return NULL;
}

static bool migrate_file(struct store *store, const struct store_options *options, bool may_create,
                         struct err *err)
{
    const struct schema schema = schema_current();
    return schema_refuse(store, &schema, options->is_trusted, err) &&
           schema_migrate(store->db, store->path, &schema, may_create, err);
}

static bool migrate(struct store *store, const struct store_options *options, struct err *err)
{
    struct err first;
    err_clear(&first);
    if (migrate_file(store, options, options->mode == STORE_CREATE, &first)) return true;
    bool may_not_write = sqlite3_db_readonly(store->db, "main") == 1 ||
                         (sqlite3_errcode(store->db) & 0xff) == SQLITE_READONLY; /* the folder */
    bool may_be_wal =
        first.code == ERR_IO && options->mode == STORE_READ && may_not_write && !has_wal(store);
    if (may_be_wal)
        return reopen_immutable(store, options->is_trusted, err) &&
               migrate_file(store, options, false, err);
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

/* SQLite's own check of a file that is small enough to be read whole: 64 MiB take a tenth of a
 * second. */
static bool refuse_damaged(struct store *store, struct err *err)
{
    enum { MAX_READ_BYTES = 64 << 20 };
    struct query *query = NULL;
    if (file_size_bytes(store->path) > MAX_READ_BYTES) return true;
    query = query_open(store, "PRAGMA quick_check(1)", err);
    int more = query_next(query, err);
    bool fine = more > 0 && !strcmp(query_text(query, 0), "ok");
    if (more > 0 && !fine)
        err_set_at(err, ERR_INPUT, store->path, 0, 0,
                   "the database is damaged: %s; 'phibench db check' says what can be mended",
                   query_text(query, 0));
    query_close(query);
    return fine;
}

/* The switch needs the file for itself for a moment, and SQLite does not always wait for that. */
static bool switch_to_wal(struct store *store, struct err *err)
{
    enum { PAUSE_MS = 20 };
    int code = SQLITE_BUSY;
    for (int waited_ms = 0; code == SQLITE_BUSY && waited_ms < STORE_BUSY_MS;
         waited_ms += PAUSE_MS) {
        if (!interrupt_check(err)) return false;
        if (waited_ms > 0) sqlite3_sleep(PAUSE_MS);
        code = sqlite3_exec(store->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) & 0xff;
    }
    return code == SQLITE_OK || store_fail(store, err);
}

static bool prepare_connection(struct store *store, const struct store_options *options,
                               struct err *err)
{
    if (!migrate(store, options, err) ||
        (sqlite3_db_readonly(store->db, "main") == 0 && !score_anew(store, err)))
        return false;
    if (!faults_refuse(store, err) || !refuse_damaged(store, err)) return false;
    if (options->mode == STORE_READ) return store_execute(store, "PRAGMA query_only = 1", err);
    if (sqlite3_db_readonly(store->db, "main") == 1)
        return err_set_at(err, ERR_IO, store->path, 0, 0, "the database cannot be written");
    return switch_to_wal(store, err) &&
           store_execute(store,
                         options->is_durable ? "PRAGMA synchronous = FULL"
                                             : "PRAGMA synchronous = NORMAL",
                         err) &&
           store_execute(store, "PRAGMA foreign_keys = 1", err);
}

struct store *store_open_as(const char *path, const struct store_options *options, struct err *err)
{
    struct store *store = mem_new(1, sizeof *store, err);
    if (!store) return NULL;
    store->path = mem_copy_string(path, err);
    if (store->path && open_file(store, options, err) && prepare_connection(store, options, err)) {
        store_heed_interrupts(store, options->mode != STORE_CREATE);
        return store;
    }
    store_close(store);
    return NULL;
}

struct store *store_open(const char *path, enum store_mode mode, struct err *err)
{
    const struct store_options options = {.mode = mode};
    return store_open_as(path, &options, err);
}

void store_close(struct store *store)
{
    if (!store) return;
    query_forget_kept(store);
    store_forget_bases(store);
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
    store_forget_bases(store);
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
