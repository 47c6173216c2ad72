/* schema_compare.c - whether a file holds the tables, indexes and views of its version, and no
 * others.
 *
 * The schema of a version is made of its steps in memory, and the texts that SQLite keeps of both
 * are compared without comments, white space and the quotes of names, in which versions of SQLite
 * differ. What somebody added to a file, or changed in it, would otherwise run as the program's
 * own: a trigger when a row is stored, a view when a report is made.
 */
#include "results/store_internal.h"

#include "base/buf.h"

#include <ctype.h>
#include <string.h>

/* ---- Texts ---- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

/* The end of the comment or the white space at c, or c itself. */
static const char *skip_blank(const char *c)
{
    if (c[0] == '-' && c[1] == '-') return c + strcspn(c, "\n");
    if (c[0] == '/' && c[1] == '*') {
        const char *end = strstr(c + 2, "*/");
        return end ? end + 2 : c + strlen(c);
    }
    return *c && strchr(" \t\r\n\f", *c) ? c + 1 : c;
}

/* The end of the quoted text at c; of an open one, of all. */
static const char *skip_quoted(const char *c)
{
    const char *end = strchr(c + 1, *c);
    return end ? end + 1 : c + strlen(c);
}

static bool is_plain_name(const char *c, const char *end)
{
    while (c < end && is_word(*c)) c++;
    return c == end;
}

/* Appends SQL with one space between two words, and no other that is outside of quotes. */
static void put_bare(struct buf *out, const char *sql)
{
    bool is_after_blank = false;
    for (const char *c = sql, *end; *c; c = end) {
        end = skip_blank(c);
        if (end > c) {
            is_after_blank = true;
            continue;
        }
        bool is_quoted = *c == '\'' || *c == '"';
        end = is_quoted ? skip_quoted(c) : c + 1;
        const char *from = c, *to = end;
        if (*c == '"' && end - c > 2 && is_plain_name(c + 1, end - 1)) {
            from++;
            to--;
        }
        bool joins = out->n_bytes && is_word(out->data[out->n_bytes - 1]) && is_word(*from);
        if (joins && (is_after_blank || is_quoted)) buf_char(out, ' ');
        buf_append(out, from, (size_t)(to - from));
        is_after_blank = *c == '"';
    }
}

bool schema_is_same_sql(const char *a, const char *b, bool *same, struct err *err)
{
    struct buf bare_a = {0}, bare_b = {0};
    put_bare(&bare_a, a);
    put_bare(&bare_b, b);
    bool ok = buf_check(&bare_a, err) && buf_check(&bare_b, err);
    *same = ok && !strcmp(buf_string(&bare_a), buf_string(&bare_b));
    buf_free(&bare_a);
    buf_free(&bare_b);
    return ok;
}

/* ---- Schemas ---- */

/* A schema in memory, as the steps make it. */
static bool open_model(struct store *model, const struct schema *schema, int64_t version,
                       struct err *err)
{
    int code =
        sqlite3_open_v2(":memory:", &model->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (code != SQLITE_OK) return store_fail_code(model->db, code, model->path, err);
    for (int64_t step = 0; step < version; step++)
        if (!store_execute(model, schema->steps[step].text, err)) return false;
    return true;
}

/* What ANALYZE leaves behind. */
static bool is_statistics(const char *type, const char *sql)
{
    return !strcmp(type, "table") && (!strcmp(sql, "CREATE TABLE sqlite_stat1(tbl,idx,stat)") ||
                                      !strcmp(sql, "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,"
                                                   "sample)"));
}

/* One side of a comparison: what is in `own` and not, or otherwise, in `other`. */
struct side {
    struct store *own, *other;
    bool own_is_file;
    schema_difference_fn *fn;
    void *context;
};

/* Tells the row at which `query` stands, unless the other side has the same. */
static bool compare_object(const struct side *side, const struct query *query, struct err *err)
{
    static const char FIND_OBJECT[] =
        "SELECT tbl_name, coalesce(sql, '') FROM sqlite_schema WHERE type = ?1 AND name = ?2";
    const char *type = query_text(query, 0), *name = query_text(query, 1);
    struct schema_difference difference = {
        .type = type, .name = name, .table = query_text(query, 2)};
    if (side->own_is_file && is_statistics(type, query_text(query, 3))) return true;
    struct query *find = query_open(side->other, FIND_OBJECT, err);
    query_bind_text(find, 1, type);
    query_bind_text(find, 2, name);
    int more = query_next(find, err);
    bool ok = more >= 0, same = false;
    difference.kind = side->own_is_file ? SCHEMA_FOREIGN : SCHEMA_MISSING;
    difference.sql = side->own_is_file ? NULL : query_text(query, 3);
    if (more > 0 && side->own_is_file) {
        difference.kind = SCHEMA_CHANGED;
        difference.sql = query_text(find, 1);
        ok = schema_is_same_sql(query_text(query, 3), query_text(find, 1), &same, err);
        same = same && !strcmp(difference.table, query_text(find, 0));
    } else if (more > 0) same = true;
    if (ok && !same) ok = side->fn(side->context, &difference, err);
    query_close(find);
    return ok;
}

static bool compare_side(const struct side *side, struct err *err)
{
    static const char OBJECTS[] =
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema "
        "ORDER BY type = 'index', type = 'view', name";
    struct query *query = query_open(side->own, OBJECTS, err);
    int more;
    bool ok = true;
    while (ok && (more = query_next(query, err)) > 0) ok = compare_object(side, query, err);
    query_close(query);
    return ok && more == 0;
}

bool schema_compare(struct store *store, const struct schema *schema, int64_t version,
                    schema_difference_fn *fn, void *context, struct err *err)
{
    struct store model = {.path = store->path};
    const struct side sides[] = {{store, &model, true, fn, context},
                                 {&model, store, false, fn, context}};
    bool ok = open_model(&model, schema, version, err) && compare_side(&sides[0], err) &&
              compare_side(&sides[1], err);
    sqlite3_close(model.db);
    return ok;
}

/* ---- Refusing ---- */

void schema_describe_difference(const struct schema_difference *difference, char *text,
                                size_t n_bytes)
{
    static const char *const WHAT[] = {
        [SCHEMA_FOREIGN] = "is not one of phibench's",
        [SCHEMA_CHANGED] = "is not as phibench makes it",
        [SCHEMA_MISSING] = "is missing",
    };
    bool is_of_table = strcmp(difference->name, difference->table) != 0;
    snprintf(text, n_bytes, "the %s %s%s%s%s %s", difference->type, difference->name,
             is_of_table ? " (of " : "", is_of_table ? difference->table : "",
             is_of_table ? ")" : "", WHAT[difference->kind]);
}

struct refusal {
    const char *path;
    bool is_trusted;
};

static bool refuse(void *context, const struct schema_difference *difference, struct err *err)
{
    const struct refusal *refusal = context;
    char text[512];
    schema_describe_difference(difference, text, sizeof text);
    if (difference->kind == SCHEMA_MISSING)
        return err_set_at(
            err, ERR_INPUT, refusal->path, 0, 0,
            "%s: the database is damaged; 'phibench db check' says what can be mended", text);
    return refusal->is_trusted ||
           err_set_at(err, ERR_INPUT, refusal->path, 0, 0,
                      "%s, and what somebody put into a database can mislead or never end: --trust "
                      "opens it if you know who did; 'phibench db check' lists all of it",
                      text);
}

bool schema_refuse(struct store *store, const struct schema *schema, bool is_trusted,
                   struct err *err)
{
    struct refusal refusal = {store->path, is_trusted};
    int64_t version;
    return schema_version(store, schema, true, &version, err) &&
           (version < 0 || schema_compare(store, schema, version, refuse, &refusal, err));
}
