/* schema.c - migrations: from an empty file, or an older program's, to the version this one knows.
 *
 * A database is ours if its application_id says so. user_version counts the steps that were taken.
 * Everything that decides is read before anything is written, and read again under the write lock,
 * since another process may be making the same file at the same moment.
 */
#include "results/store_internal.h"

struct schema schema_current(void)
{
    struct schema schema = {EMBEDDED_SCHEMA, 0};
    while (EMBEDDED_SCHEMA[schema.n_steps].name) schema.n_steps++;
    return schema;
}

static bool run_sql(sqlite3 *db, const char *path, const char *sql, struct err *err)
{
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || store_fail_code(db, code, path, err);
}

static bool read_integer(sqlite3 *db, const char *path, const char *sql, int64_t *value,
                         struct err *err)
{
    sqlite3_stmt *handle = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &handle, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(handle);
    if (code == SQLITE_ROW) *value = sqlite3_column_int64(handle, 0);
    bool done = code == SQLITE_ROW || store_fail_code(db, code, path, err);
    sqlite3_finalize(handle);
    return done;
}

/* The version of a file that is ours; -1 for an empty one. */
static bool read_version(sqlite3 *db, const char *path, const struct schema *schema,
                         bool may_create, int64_t *version, struct err *err)
{
    int64_t application, n_objects;
    if (!read_integer(db, path, "PRAGMA application_id", &application, err) ||
        !read_integer(db, path, "PRAGMA user_version", version, err) ||
        !read_integer(db, path, "SELECT count(*) FROM sqlite_schema", &n_objects, err))
        return false;
    if (application == 0 && *version == 0 && n_objects == 0) {
        *version = -1;
        return may_create ||
               err_set_at(err, ERR_INPUT, path, 0, 0, "this is no phibench database: it is empty");
    }
    if (application != SCHEMA_APPLICATION_ID)
        return err_set_at(err, ERR_INPUT, path, 0, 0,
                          "this is a database of another program, not of phibench");
    if (*version < 1 || *version > schema->n_steps)
        return err_set_at(err, ERR_INPUT, path, 0, 0,
                          "this database has version %lld, and this phibench knows 1 to %d: it "
                          "takes a newer phibench",
                          (long long)*version, schema->n_steps);
    return true;
}

static bool take_steps(sqlite3 *db, const char *path, const struct schema *schema, int64_t version,
                       struct err *err)
{
    for (int64_t step = version < 0 ? 0 : version; step < schema->n_steps; step++)
        if (!run_sql(db, path, schema->steps[step].text, err))
            return err_context(err, "bringing the database to version %lld", (long long)step + 1);
    char marks[96];
    snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             SCHEMA_APPLICATION_ID, schema->n_steps);
    return run_sql(db, path, marks, err);
}

bool schema_migrate(sqlite3 *db, const char *path, const struct schema *schema, bool may_create,
                    struct err *err)
{
    int64_t version;
    if (!read_version(db, path, schema, may_create, &version, err)) return false;
    if (version == schema->n_steps) return true;
    if (!run_sql(db, path, "BEGIN IMMEDIATE", err)) return false;
    if (read_version(db, path, schema, may_create, &version, err) &&
        take_steps(db, path, schema, version, err) && run_sql(db, path, "COMMIT", err))
        return true;
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}
