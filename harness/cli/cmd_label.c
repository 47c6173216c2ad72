/* cmd_label.c - phibench label: gives a run a name that other commands take.
 *
 * The name is one row, and stored before the command says so.
 */
#include "base/visible.h"
#include "harness/cli/commands.h"
#include "harness/cli/rows.h"
#include "results/labels.h"

struct options {
    struct db_options db;
    bool is_dropped, json;
};

static const struct option_spec OPTIONS[] = {
    OPTION_DB(struct options, db),
    {"delete", 0, OPTION_FLAG, NULL, "take the name away that is given in RUN's place",
     offsetof(struct options, is_dropped), 0, 0, 0},
    OPTION_JSON(struct options, json),
};

static bool print_labels(struct store *store, bool json, struct err *err)
{
    struct query *query = labels_list(store, err);
    bool ok = rows_print(query, json ? ROWS_JSONL : ROWS_TABLE, NULL, err);
    query_close(query);
    return ok;
}

static bool put(struct store *store, const char *text, const char *name, struct err *err)
{
    int64_t run, before;
    if (!labels_resolve(store, text, &run, err) || !label_put(store, name, run, &before, err))
        return false;
    visible_printf(stdout, "run %lld is %s", (long long)run, name);
    if (before && before != run) printf(", which was run %lld", (long long)before);
    putchar('\n');
    return true;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    const char *const *arguments = invocation->arguments;
    size_t n = invocation->n_arguments, wanted = options->is_dropped ? 1 : 2;
    if (n && n != wanted)
        return err_set(err, ERR_USAGE,
                       options->is_dropped ? "label --delete takes the NAME alone"
                                           : "label takes RUN and NAME, or nothing to list labels");
    if (!n && options->is_dropped) return err_set(err, ERR_USAGE, "label --delete takes a NAME");
    struct store *store = rows_open_store(&options->db, n ? STORE_WRITE : STORE_READ, err);
    bool ok = store && (!n                    ? print_labels(store, options->json, err)
                        : options->is_dropped ? label_drop(store, arguments[0], err)
                                              : put(store, arguments[0], arguments[1], err));
    store_close(store);
    return ok;
}

static const char *const EXAMPLES[] = {
    "phibench label 1 main --db out/example.db",
    "phibench label --db out/example.db",
    NULL,
};

const struct command COMMAND_LABEL = {
    .name = "label",
    .summary = "give a run a name that other commands take",
    .arguments = "[RUN NAME]",
    .n_max = 2,
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "RUN is a number, \"last\", another label or a git revision. A name that another run "
        "had goes to this one, and the command says whose it was. Without arguments it "
        "lists the labels. Labels stand where a run is wanted: `phibench show main`, "
        "`phibench compare main last`, the baseline of a gate.",
    .examples = EXAMPLES,
    .run = run,
};
