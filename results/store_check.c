/* store_check.c - see store_check.h: what is looked at, in an order in which nothing
 * is asked of what is known to be broken.
 *
 * What SQLite finds damaged on the way ends the looking with one more fault.
 */
#include "results/store_check.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/temporary.h"
#include "results/store_check_parts.h"
#include "results/faults.h"
#include "results/recompute.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_LINES = 100 }; /* of SQLite's own check */

struct looking {
    check_fault_fn *fn;
    void *context;
    bool is_trusted, lacks_table;
};

/* ---- The file ---- */

/* A page that nothing uses costs space alone. */
static bool is_of_space(const char *line)
{
    return strstr(line, "is never used") != NULL;
}

/* Of a line of SQLite's check: the rows can be read, and the index be made of them again. */
static bool is_of_index(const char *line)
{
    return strstr(line, "missing from index") || strstr(line, "entries in index") ||
           strstr(line, "non-unique entry in index");
}

/* A value that its column may not have: the rules say more of it. */
static bool is_of_value(const char *line)
{
    return !strncmp(line, "CHECK constraint", 16) || strstr(line, " value in ");
}

/* Tells one line, unless it says nothing. */
static bool tell_line(const char *line, bool *is_readable, size_t *n_faults, check_fault_fn *fn,
                      void *context, struct err *err)
{
    if (!strcmp(line, "ok") || !*line || !strncmp(line, "***", 3)) return true;
    bool of_index = is_of_index(line);
    const struct check_fault fault = {
        .part = "file", .what = line, .mend = of_index ? "the index is made again" : NULL};
    *is_readable = *is_readable && (of_index || is_of_value(line) || is_of_space(line));
    ++*n_faults;
    return fn(context, &fault, err);
}

/* *n_faults: of lines other than "ok". A row may hold several. */
static bool run_check(struct store *store, const char *pragma, bool *is_readable, size_t *n_faults,
                      check_fault_fn *fn, void *context, struct err *err)
{
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA %s(%d)", pragma, MAX_LINES);
    struct query *query = query_open(store, sql, err);
    int more;
    bool ok = true;
    *n_faults = 0;
    while (ok && (more = query_next(query, err)) > 0) {
        char *rows = mem_copy_string(query_text(query, 0), err), *rest = rows;
        ok = rows != NULL;
        for (char *line; ok && (line = strsep(&rest, "\n"));)
            ok = tell_line(line, is_readable, n_faults, fn, context, err);
        free(rows);
    }
    query_close(query);
    return ok && more == 0;
}

bool check_file(struct store *store, bool *is_readable, check_fault_fn *fn, void *context,
                struct err *err)
{
    size_t n_faults;
    *is_readable = true;
    if (!run_check(store, "quick_check", is_readable, &n_faults, fn, context, err)) return false;
    return n_faults ||
           run_check(store, "integrity_check", is_readable, &n_faults, fn, context, err);
}

static bool check_references(struct store *store, check_fault_fn *fn, void *context,
                             struct err *err)
{
    struct query *query = query_open(store, "PRAGMA foreign_key_check", err);
    int more;
    bool ok = true;
    while (ok && (more = query_next(query, err)) > 0) {
        char what[128];
        snprintf(what, sizeof what, "its %s is missing", query_text(query, 2));
        const struct check_fault fault = {.part = "rows",
                                          .table = query_text(query, 0),
                                          .row = query_integer(query, 1),
                                          .what = what};
        ok = fn(context, &fault, err);
    }
    query_close(query);
    return ok && more == 0;
}

/* ---- The schema ---- */

bool check_is_made_again(const struct schema_difference *difference, bool is_trusted)
{
    bool can_be = !strcmp(difference->type, "index") || !strcmp(difference->type, "view");
    bool is_wanted =
        difference->kind == SCHEMA_MISSING || (difference->kind == SCHEMA_CHANGED && !is_trusted);
    return can_be && is_wanted && *difference->sql;
}

static bool tell_difference(void *context, const struct schema_difference *difference,
                            struct err *err)
{
    struct looking *looking = context;
    bool is_table = !strcmp(difference->type, "table");
    char what[640];
    looking->lacks_table |= difference->kind != SCHEMA_FOREIGN && is_table;
    if (looking->is_trusted && difference->kind != SCHEMA_MISSING) return true;
    schema_describe_difference(difference, what, sizeof what);
    const struct check_fault fault = {
        .part = "schema",
        .what = what,
        .mend = check_is_made_again(difference, looking->is_trusted) ? "it is made again" : NULL};
    return looking->fn(looking->context, &fault, err);
}

/* ---- Files beside it ---- */

/* What was to become the database, or its copy before a repair, and SQLite's files beside it. */
static bool is_leftover(const char *base, const char *name)
{
    size_t n = strlen(base), n_copy = strlen(CHECK_BACKUP_ENDING);
    bool is_copy = !strncmp(name, base, n) && !strncmp(name + n, CHECK_BACKUP_ENDING, n_copy);
    return temporary_ending(name, base) ||
           (is_copy && temporary_ending(name + n, CHECK_BACKUP_ENDING));
}

bool check_beside(const char *path, check_fault_fn *fn, void *context, struct err *err)
{
    const char *base = file_name(path);
    char **names = NULL, *folder = file_folder(path, err);
    size_t n_names = 0;
    bool ok = folder && file_list(folder, &names, &n_names, err);
    for (size_t i = 0; ok && i < n_names; i++) {
        const struct check_fault fault = {.part = "beside",
                                          .table = names[i],
                                          .what = "a process that died left this file",
                                          .mend = "it is removed"};
        if (is_leftover(base, names[i])) ok = fn(context, &fault, err);
    }
    file_free_names(names, n_names);
    free(folder);
    return ok;
}

/* ---- All ---- */

static bool look_at(struct store *store, struct looking *looking, struct err *err)
{
    const struct schema schema = schema_current();
    int64_t version;
    bool is_readable = true;
    check_fault_fn *fn = looking->fn;
    if (!schema_version(store, &schema, false, &version, err) ||
        !check_file(store, &is_readable, fn, looking->context, err))
        return false;
    if (!is_readable) return true;
    if (!schema_compare(store, &schema, version, tell_difference, looking, err)) return false;
    if (looking->lacks_table) return true;
    if (version < schema.n_steps) return check_references(store, fn, looking->context, err);
    return faults_each(store, fn, looking->context, err) &&
           recompute_scores(store, fn, looking->context, err) &&
           recompute_hashes(store, fn, looking->context, err);
}

bool check_database(const char *path, bool is_trusted, check_fault_fn *fn, void *context,
                    struct err *err)
{
    struct looking looking = {fn, context, is_trusted, false};
    struct err own = {0};
    struct store *store = store_connect(path, is_trusted, err);
    if (!store) return false;
    bool ok = look_at(store, &looking, &own);
    bool is_damaged = !ok && (sqlite3_errcode(store->db) & 0xff) == SQLITE_CORRUPT;
    store_close(store);
    if (is_damaged) {
        const struct check_fault fault = {.part = "file", .what = own.message};
        ok = fn(context, &fault, err);
    } else if (!ok && err) *err = own;
    return ok && check_beside(path, fn, context, err);
}
