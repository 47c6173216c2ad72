/* store_mend.c - see check_mend in store_check.h.
 *
 * The copy is whole before it has its name, and what is mended is one transaction: whenever the
 * process is killed, the database is as it was, or mended. Foreign keys are enforced meanwhile, so
 * that a removed row takes along what belongs to it.
 */
#include "results/store_check.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/temporary.h"
#include "results/store_check_parts.h"
#include "results/faults.h"
#include "results/recompute.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_BACKUPS = 1000, PAGES_PER_STEP = 4096 };

/* ---- The copy ---- */

static bool copy_pages(struct store *from, const char *to_path, struct err *err)
{
    sqlite3 *to = NULL;
    int code = sqlite3_open_v2(to_path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    sqlite3_backup *backup =
        code == SQLITE_OK ? sqlite3_backup_init(to, "main", from->db, "main") : NULL;
    while (backup && (code = sqlite3_backup_step(backup, PAGES_PER_STEP)) == SQLITE_OK) continue;
    if (backup) code = sqlite3_backup_finish(backup);
    else if (code == SQLITE_OK) code = sqlite3_errcode(to);
    if (code != SQLITE_OK) store_fail_code(to, code, to_path, err);
    int closed = sqlite3_close(to);
    return code == SQLITE_OK &&
           (closed == SQLITE_OK || store_fail_code(NULL, closed, to_path, err));
}

/* Gives the whole file a name that no other has. */
static bool name_copy(const char *temporary, const char *path, char **name, struct err *err)
{
    struct buf text = {0};
    bool is_linked = false;
    for (int i = 1; !is_linked && i < MAX_BACKUPS; i++) {
        buf_clear(&text);
        buf_printf(&text, i > 1 ? "%s" CHECK_BACKUP_ENDING "-%d" : "%s" CHECK_BACKUP_ENDING, path,
                   i);
        if (!buf_check(&text, err)) break;
        is_linked = link(temporary, buf_string(&text)) == 0;
        if (is_linked || errno == EEXIST) continue;
        err_set_errno(err, "cannot make the copy");
        err_place(err, buf_string(&text), 0, 0);
        break;
    }
    *name = is_linked ? buf_take(&text, err) : NULL;
    buf_free(&text);
    if (*name) file_sync_folder_of(*name);
    return *name != NULL;
}

/* Copies the database while this connection keeps others from writing. */
static bool keep_copy(struct store *store, char **name, struct err *err)
{
    struct buf target = {0};
    struct temporary temporary = {.file = -1};
    struct store *reader = store_connect(store->path, false, err);
    buf_printf(&target, "%s" CHECK_BACKUP_ENDING, store->path);
    bool ok = reader && buf_check(&target, err) &&
              temporary_open(&temporary, buf_string(&target), err) &&
              copy_pages(reader, temporary.name, err) &&
              name_copy(temporary.name, store->path, name, err);
    temporary_drop(&temporary);
    store_close(reader);
    buf_free(&target);
    return ok;
}

/* ---- Mending ---- */

struct remaking {
    struct store *store;
    struct buf sql;
    bool is_trusted;
};

/* Collects the statements, since the schema is being read. */
static bool plan_remake(void *context, const struct schema_difference *difference, struct err *err)
{
    struct remaking *remaking = context;
    if (!check_is_made_again(difference, remaking->is_trusted)) return true;
    if (difference->kind == SCHEMA_CHANGED)
        buf_printf(&remaking->sql, "DROP %s \"%s\"; ", difference->type, difference->name);
    buf_printf(&remaking->sql, "%s; ", difference->sql);
    return buf_check(&remaking->sql, err);
}

static bool mend_schema(struct store *store, bool is_trusted, struct err *err)
{
    const struct schema schema = schema_current();
    struct remaking remaking = {.store = store, .is_trusted = is_trusted};
    int64_t version;
    bool ok = schema_version(store, &schema, false, &version, err) &&
              schema_compare(store, &schema, version, plan_remake, &remaking, err) &&
              store_execute(store, buf_string(&remaking.sql), err);
    buf_free(&remaking.sql);
    return ok;
}

static bool remove_leftover(void *context, const struct check_fault *fault, struct err *err)
{
    const char *path = context, *base = file_name(path);
    struct buf name = {0};
    buf_printf(&name, "%.*s%s", (int)(base - path), path, fault->table);
    bool ok = buf_check(&name, err) && (unlink(buf_string(&name)) == 0 || errno == ENOENT ||
                                        err_set_errno(err, "%s: cannot remove", buf_string(&name)));
    buf_free(&name);
    return ok;
}

static bool mend_all(struct store *store, bool is_trusted, struct err *err)
{
    const struct schema schema = schema_current();
    /* Views first, since a step may drop what is missing; and steps do without foreign keys. */
    if (!store_begin(store, err)) return false;
    if (!mend_schema(store, is_trusted, err) || !store_commit(store, err) ||
        !schema_migrate(store->db, store->path, &schema, false, err) ||
        !store_execute(store, "PRAGMA foreign_keys = 1", err) || !store_begin(store, err))
        goto failed;
    if (store_execute(store, "REINDEX", err) && faults_mend(store, err) &&
        recompute_mend_scores(store, err) && store_commit(store, err))
        return true;
failed:
    store_rollback(store);
    return false;
}

static bool count_fault(void *context, const struct check_fault *fault, struct err *err)
{
    (void)context;
    (void)fault;
    (void)err;
    return true;
}

bool check_mend(const char *path, bool is_trusted, char **backup, struct err *err)
{
    bool is_readable = true;
    *backup = NULL;
    struct store *store = store_connect(path, is_trusted, err);
    bool ok = store && store_execute(store, "PRAGMA synchronous = FULL", err) &&
              store_begin(store, err) && check_file(store, &is_readable, count_fault, NULL, err);
    if (ok && !is_readable)
        ok = err_set_at(err, ERR_INPUT, path, 0, 0,
                        "SQLite cannot read this file, so that nothing was mended: take a copy of "
                        "before, or what 'sqlite3 FILE .recover' saves");
    ok = ok && keep_copy(store, backup, err);
    if (store) store_rollback(store);
    ok = ok && mend_all(store, is_trusted, err) &&
         check_beside(path, remove_leftover, (void *)path, err);
    store_close(store);
    return ok;
}
