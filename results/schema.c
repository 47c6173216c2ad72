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

static bool read_integer(struct store *store, const char *sql, int64_t *value, struct err *err)
{
    return query_integer_of(query_open(store, sql, err), 0, value, err);
}

bool schema_version(struct store *store, const struct schema *schema, bool may_create,
                    int64_t *version, struct err *err)
{
    int64_t application, n_objects;
    const char *path = store->path;
    if (!read_integer(store, "PRAGMA application_id", &application, err) ||
        !read_integer(store, "PRAGMA user_version", version, err) ||
        !read_integer(store, "SELECT count(*) FROM sqlite_schema", &n_objects, err))
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

static bool take_steps(struct store *store, const struct schema *schema, int64_t version,
                       struct err *err)
{
    for (int64_t step = version < 0 ? 0 : version; step < schema->n_steps; step++)
        if (!store_execute(store, schema->steps[step].text, err))
            return err_context(err, "bringing the database to version %lld", (long long)step + 1);
    char marks[96];
    snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             SCHEMA_APPLICATION_ID, schema->n_steps);
    return store_execute(store, marks, err);
}

bool schema_migrate(sqlite3 *db, const char *path, const struct schema *schema, bool may_create,
                    struct err *err)
{
    struct store store = {.db = db, .path = (char *)path};
    int64_t version;
    if (!schema_version(&store, schema, may_create, &version, err)) return false;
    if (version == schema->n_steps) return true;
    if (!store_execute(&store, "BEGIN IMMEDIATE", err)) return false;
    if (schema_version(&store, schema, may_create, &version, err) &&
        take_steps(&store, schema, version, err) && store_execute(&store, "COMMIT", err))
        return true;
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}
