/* cmd_export.c - phibench export: a run as JSON lines or CSV.
 *
 * Each table is one query over a public view or a selection of runs.h; nothing is computed here.
 * Owns the names of the tables that a user can ask for.
 */
#include "base/mem.h"
#include "harness/cli/commands.h"
#include "harness/cli/rows.h"

#include <string.h>

struct options {
    struct db_options db;
    const char *table, *format;
};

static const struct option_spec OPTIONS[] = {
    OPTION_DB(struct options, db),
    {"table", 0, OPTION_TEXT, "NAME",
     "jobs, scores, speed, items, responses or notes; default: all, with --format jsonl",
     offsetof(struct options, table), 0, 0, 0},
    {"format", 0, OPTION_TEXT, "FORMAT", "jsonl (default) or csv", offsetof(struct options, format),
     0, 0, 0},
};

/* The rows are those of a public view, or else of a selection of the store's. */
static const struct {
    const char *name, *type, *sql;
    struct query *(*select)(struct store *store, int64_t run, struct err *err);
} TABLES[] = {
    {.name = "jobs", .type = "job", .sql = "SELECT * FROM v_jobs WHERE run = ? ORDER BY job"},
    {.name = "scores",
     .type = "score",
     .sql = "SELECT * FROM v_scores WHERE run = ? ORDER BY model, quantization, suite, protocol, "
            "metric, subset"},
    {.name = "speed",
     .type = "speed",
     .sql = "SELECT * FROM v_speed WHERE run = ? ORDER BY model, quantization, test, prompt, "
            "generate, batch, threads, repetition"},
    {.name = "items",
     .type = "item",
     .sql = "SELECT * FROM v_items WHERE run = ? ORDER BY model, quantization, suite, protocol, "
            "shots, item"},
    {.name = "responses", .type = "response", .select = runs_exported_responses},
    {.name = "notes", .type = "note", .select = runs_exported_notes},
};
enum { N_TABLES = COUNT_OF(TABLES) };

static bool print_one(struct store *store, size_t i_table, int64_t run, enum rows_format format,
                      struct err *err)
{
    const char *sql = TABLES[i_table].sql;
    struct query *query =
        sql ? query_open(store, sql, err) : TABLES[i_table].select(store, run, err);
    if (sql) query_bind_integer(query, 1, run);
    bool ok = rows_print(query, format, TABLES[i_table].type, err);
    query_close(query);
    return ok;
}

static bool check_options(const struct options *options, enum rows_format *format, struct err *err)
{
    *format = options->format && !strcmp(options->format, "csv") ? ROWS_CSV : ROWS_JSONL;
    if (options->format && *format == ROWS_JSONL && strcmp(options->format, "jsonl"))
        return err_set(err, ERR_USAGE, "--format takes jsonl or csv, not \"%s\"", options->format);
    if (*format == ROWS_CSV && !options->table)
        return err_set(err, ERR_USAGE, "CSV holds one table: choose one with --table");
    for (size_t i = 0; options->table && i < N_TABLES; i++)
        if (!strcmp(options->table, TABLES[i].name)) return true;
    return !options->table ||
           err_set(err, ERR_USAGE,
                   "--table takes jobs, scores, speed, items, responses or notes, not \"%s\"",
                   options->table);
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    enum rows_format format;
    int64_t run_id;
    if (!check_options(options, &format, err)) return false;
    struct store *store = rows_open_store(&options->db, STORE_READ, err);
    bool ok =
        store && labels_resolve(store, invocation->n_arguments ? invocation->arguments[0] : NULL,
                                &run_id, err);
    for (size_t i = 0; ok && i < N_TABLES; i++)
        if (!options->table || !strcmp(options->table, TABLES[i].name))
            ok = print_one(store, i, run_id, format, err);
    store_close(store);
    return ok;
}

static const char *const EXAMPLES[] = {
    "phibench export last --db out/example.db",
    "phibench export last --db out/example.db --table scores --format csv",
    NULL,
};

const struct command COMMAND_EXPORT = {
    .name = "export",
    .summary = "print a run as JSON lines or CSV",
    .arguments = "[RUN]",
    .n_max = 1,
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Prints jobs, scores, speeds, items, raw responses with their prompts, and notes of "
        "a run, the newest by default. The columns are those of the views v_jobs, v_scores, "
        "v_speed and v_items; for anything else, open the "
        "SQLite file.\n\n"
        "In CSV a text that a spreadsheet would run as a formula (it begins with =, +, -, @, a tab "
        "or a line break) gets a ' in front, numbers never; JSON lines hold every text as it is.",
    .examples = EXAMPLES,
    .run = run,
};
