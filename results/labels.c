/* labels.c - see labels.h. A label is one row, put in place of an older one by one statement, so
 * that of two writers at once one is first and both are done; whose name it was is read before, in
 * a transaction of its own, for one that goes on to write would fail where another writer came
 * between.
 */
#include "results/labels.h"

#include "base/clock.h"
#include "results/runs.h"
#include "results/store_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME_BYTES = 64, MIN_REVISION_DIGITS = 7 };

static bool is_revision(const char *text)
{
    size_t n = strspn(text, "0123456789abcdef");
    return n >= MIN_REVISION_DIGITS && !text[n];
}

bool label_check(const char *name, struct err *err)
{
    size_t n = strlen(name), n_good = 0;
    while (n_good < n && (isalnum((unsigned char)name[n_good]) || strchr("._-/", name[n_good])))
        n_good++;
    if (!strcmp(name, "last") || is_revision(name))
        return err_set(err, ERR_USAGE,
                       "\"%s\" cannot be a label: it names %s already; take another word", name,
                       is_revision(name) ? "a git revision" : "the newest run");
    if (n > MAX_NAME_BYTES || n_good < n || !isalpha((unsigned char)*name))
        return err_set(err, ERR_USAGE,
                       "a label begins with a letter and has letters, digits and ._-/, at most %d "
                       "of them; not \"%s\"",
                       MAX_NAME_BYTES, name);
    return true;
}

bool label_put(struct store *store, const char *name, int64_t run, int64_t *before, struct err *err)
{
    static const char FIND[] = "SELECT run FROM label WHERE name = ?1";
    static const char PUT[] = "INSERT INTO label (name, run, made_unix_ms) VALUES (?1, ?2, ?3) "
                              "ON CONFLICT (name) DO UPDATE SET run = excluded.run, "
                              "made_unix_ms = excluded.made_unix_ms";
    if (!label_check(name, err)) return false;
    struct query *find = query_begin(store, FIND, err);
    query_add_text(find, name);
    if (!query_integer_of(find, 0, before, err)) return false;
    struct query *put = query_begin(store, PUT, err);
    query_add_text(put, name);
    query_add_integer(put, run);
    query_add_integer(put, clock_unix_ms());
    return query_run(put, err);
}

bool label_drop(struct store *store, const char *name, struct err *err)
{
    static const char DROP[] = "DELETE FROM label WHERE name = ?1";
    struct query *drop = query_begin(store, DROP, err);
    query_add_text(drop, name);
    if (!query_run(drop, err)) return false;
    return sqlite3_changes(store->db) > 0 ||
           err_set_at(err, ERR_USAGE, store->path, 0, 0, "no run is called \"%s\"", name);
}

struct query *labels_list(struct store *store, struct err *err)
{
    static const char LABELS[] =
        "SELECT label.name AS label, label.run AS run, "
        "strftime('%Y-%m-%dT%H:%M:%SZ', label.made_unix_ms / 1000, 'unixepoch') AS made, "
        "run.name AS name, run.status AS status, substr(build.git_revision, 1, 10) AS revision "
        "FROM label JOIN run ON run.id = label.run JOIN build ON build.id = run.build "
        "ORDER BY label.name";
    return query_begin(store, LABELS, err);
}

/* *run = 0 if the query selects none. */
static bool find(struct store *store, const char *sql, const char *text, int64_t *run,
                 struct err *err)
{
    struct query *query = query_begin(store, sql, err);
    query_add_text(query, text);
    return query_integer_of(query, 0, run, err);
}

static bool find_number(struct store *store, const char *text, int64_t *run, struct err *err)
{
    bool has = false;
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    *run = 0;
    if (errno || !runs_has(store, number, &has, err)) return errno != 0;
    if (has) *run = number;
    return true;
}

bool labels_resolve(struct store *store, const char *text, int64_t *run, struct err *err)
{
    static const char BY_LABEL[] = "SELECT run FROM label WHERE name = ?1";
    static const char BY_REVISION[] =
        "SELECT max(run.id) FROM run JOIN build ON build.id = run.build "
        "WHERE substr(build.git_revision, 1, length(?1)) = ?1";
    if (!text || !strcmp(text, "last")) {
        if (!runs_newest(store, false, run, err)) return false;
        return *run ||
               err_set_at(err, ERR_USAGE, store->path, 0, 0, "there are no runs in this database");
    }
    bool is_number = *text && !text[strspn(text, "0123456789")];
    if (is_number ? !find_number(store, text, run, err) : !find(store, BY_LABEL, text, run, err))
        return false;
    if (!*run && is_revision(text) && !find(store, BY_REVISION, text, run, err)) return false;
    if (*run) return true;
    if (is_number)
        return err_set_at(err, ERR_USAGE, store->path, 0, 0,
                          "there is no run %s; 'phibench runs' lists them", text);
    return err_set_at(err, ERR_USAGE, store->path, 0, 0,
                      "no run is called \"%s\": a run is a number, a label or a git revision as "
                      "'phibench runs' lists them, or \"last\"",
                      text);
}
