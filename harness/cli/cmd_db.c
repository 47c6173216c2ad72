/* cmd_db.c - phibench db check: what is wrong with a database, for people and scripts; --repair.
 *
 * A line for each fault, and the sum as the error that decides the exit status.
 * Knows no table by name.
 */
#include "base/json.h"
#include "base/visible.h"
#include "harness/cli/commands.h"
#include "harness/run/lock.h"
#include "results/store_check.h"

#include <stdlib.h>
#include <string.h>

struct options {
    bool repairs, json;
    bool is_trusted;
};

static const struct option_spec OPTIONS[] = {
    {"repair", 0, OPTION_FLAG, NULL, "mend what can be mended, after a copy was made",
     offsetof(struct options, repairs), 0, 0, 0},
    {"trust", 0, OPTION_FLAG, NULL, "views or triggers of others are no fault",
     offsetof(struct options, is_trusted), 0, 0, 0},
    OPTION_JSON(struct options, json),
};

struct tally {
    size_t n_faults, n_mendable;
    bool json;
};

static bool print_json(const struct check_fault *fault, struct err *err)
{
    struct buf line = {0};
    struct json_writer json = {.out = &line};
    json_begin_object(&json);
    json_set_string(&json, "type", "fault");
    json_set_string(&json, "part", fault->part);
    if (fault->table) json_set_string(&json, "table", fault->table);
    if (fault->row) json_set_integer(&json, "row", fault->row);
    json_set_string(&json, "what", fault->what);
    if (fault->mend) json_set_string(&json, "repair", fault->mend);
    json_end_object(&json);
    bool ok = buf_check(&line, err);
    if (ok) puts(buf_string(&line));
    buf_free(&line);
    return ok;
}

/* The last line for scripts, which is there also if there is no fault. */
static void print_sum(const struct tally *tally)
{
    if (tally->json)
        printf("{\"type\":\"sum\",\"faults\":%zu,\"mendable\":%zu}\n", tally->n_faults,
               tally->n_mendable);
    else if (!tally->n_faults) printf("no faults\n");
}

static bool print_fault(void *context, const struct check_fault *fault, struct err *err)
{
    struct tally *tally = context;
    tally->n_faults++;
    tally->n_mendable += fault->mend != NULL;
    if (tally->json) return print_json(fault, err);
    printf("%s: ", fault->part);
    if (fault->table) visible_printf(stdout, "%s", fault->table);
    if (fault->row) printf(" %lld", (long long)fault->row);
    visible_printf(stdout, "%s%s (%s%s)\n", fault->table ? ": " : "", fault->what,
                   fault->mend ? "--repair: " : "not to be repaired",
                   fault->mend ? fault->mend : "");
    return true;
}

/* Repairs while no run is carried out in this database. */
static bool repair(const char *path, const struct options *options, struct err *err)
{
    struct run_lock lock = {.file = -1};
    char *backup = NULL;
    bool ok = run_lock_open(&lock, path, err) && run_lock_take_all(&lock, err) &&
              check_mend(path, options->is_trusted, &backup, err);
    if (backup && !options->json)
        visible_printf(stdout, "the database as it was is kept in %s\n", backup);
    run_lock_close(&lock);
    free(backup);
    return ok || err_place(err, path, 0, 0);
}

static bool check(const char *path, const struct options *options, struct err *err)
{
    struct tally tally = {.json = options->json};
    if (!check_database(path, options->is_trusted, print_fault, &tally, err)) return false;
    if (options->repairs && tally.n_mendable) {
        if (!repair(path, options, err)) return false;
        if (tally.json) print_sum(&tally);
        else printf("after the repair:\n");
        tally.n_faults = tally.n_mendable = 0;
        if (!check_database(path, options->is_trusted, print_fault, &tally, err)) return false;
    }
    print_sum(&tally);
    return tally.n_faults == 0 ||
           err_set_at(err, ERR_INPUT, path, 0, 0, "%zu fault%s, of which --repair can mend %zu",
                      tally.n_faults, tally.n_faults == 1 ? "" : "s", tally.n_mendable);
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const char *what = invocation->arguments[0];
    if (strcmp(what, "check") != 0)
        return err_set(err, ERR_USAGE, "db does one thing: phibench db check FILE, not \"%s\"",
                       what);
    return check(invocation->arguments[1], invocation->options, err);
}

static const char *const EXAMPLES[] = {
    "phibench db check out/example.db",
    "phibench db check out/example.db --json",
    NULL,
};

const struct command COMMAND_DB = {
    .name = "db",
    .summary = "check a database, and repair what can be repaired",
    .arguments = "check FILE",
    .n_min = 2,
    .n_max = 2,
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Looks at everything that can be wrong with a database, and prints a line for each fault: "
        "what SQLite itself finds (file), tables, indexes and views that are not as phibench makes "
        "them (schema), references to what is not there and numbers that cannot be (rows), scores "
        "that are not what the stored verdicts give (scores), hashes of logits that are not those "
        "of the stored answers (hashes), and files that a killed process left (beside). The exit "
        "status is 0 if there is none, otherwise 1. Nothing is written.\n\n"
        "--repair first copies the database to FILE.before-repair, or with a number if that is "
        "there, and then mends in one transaction: indexes, views and scores are made again, what "
        "lost the row that it belongs to is removed, and jobs that lack answers count as "
        "unfinished, so that the same run command asks what is missing. It refuses while a run is "
        "carried out. A kill leaves the database as it was or mended.\n\n"
        "docs/store.md has what is promised, and what can be wrong.",
    .examples = EXAMPLES,
    .run = run,
};
