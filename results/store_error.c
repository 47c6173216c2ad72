/* store_error.c - what SQLite's refusals mean to the user of a database, and SQL that is only run.
 *
 * The lowest file of the store: the others call it.
 */
#include "results/store_internal.h"

#include "base/interrupt.h"

static const char *meaning_of(int code, enum err_code *kind)
{
    *kind = ERR_IO;
    /* The journal's index, a file beside the database, cannot grow. */
    if (code == SQLITE_IOERR_SHMSIZE) return "the disk is full";
    switch (code & 0xff) {
    case SQLITE_FULL: return "the disk is full";
    case SQLITE_READONLY: return "the database cannot be written";
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return "another process keeps the database locked";
    case SQLITE_CANTOPEN: return "cannot open the database";
    case SQLITE_PERM:
    case SQLITE_AUTH: return "no permission for the database";
    case SQLITE_IOERR: return "cannot read or write the database";
    case SQLITE_NOTADB: *kind = ERR_INPUT; return "this is no database";
    case SQLITE_CORRUPT: *kind = ERR_INPUT; return "the database is damaged";
    case SQLITE_NOMEM: *kind = ERR_MEMORY; return "out of memory";
    case SQLITE_TOOBIG: *kind = ERR_INPUT; return "the database holds more than it may";
    default: *kind = ERR_INPUT; return "the database refuses";
    }
}

bool store_fail_code(sqlite3 *db, int code, const char *path, struct err *err)
{
    enum err_code kind;
    if ((code & 0xff) == SQLITE_INTERRUPT && !interrupt_check(err)) return false;
    if ((code & 0xff) == SQLITE_INTERRUPT)
        return err_set_at(err, ERR_INPUT, path, 0, 0,
                          "a query was given up after %lld steps: a view of this database may have "
                          "no end",
                          (long long)STORE_MAX_STEPS);
    const char *meaning = meaning_of(code, &kind);
    bool has_detail = db && sqlite3_errcode(db) == code;
    bool may_be_mended = (code & 0xff) == SQLITE_CORRUPT;
    return err_set_at(err, kind, path, 0, 0, "%s: %s%s", meaning,
                      has_detail ? sqlite3_errmsg(db) : sqlite3_errstr(code),
                      may_be_mended ? "; 'phibench db check' says what can be mended" : "");
}

bool store_fail(struct store *store, struct err *err)
{
    return store_fail_code(store->db, sqlite3_extended_errcode(store->db), store->path, err);
}

bool store_execute(struct store *store, const char *sql, struct err *err)
{
    store->n_steps = 0;
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK || store_fail(store, err);
}
