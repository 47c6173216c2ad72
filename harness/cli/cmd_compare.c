/* cmd_compare.c - phibench compare: what two runs have not in common, and what that did.
 *
 * Finds the runs and prints; what is compared is results/comparison.h's matter.
 */
#include "harness/cli/commands.h"
#include "harness/cli/rows.h"
#include "reports/comparison_report.h"

struct options {
    struct db_options db;
    const char *output, *out;
    int64_t n_flips;
    double noise;
};

static const struct option_spec OPTIONS[] = {
    OPTION_DB(struct options, db),
    OPTION_OUTPUT(struct options, output, "table (default), json or md"),
    {"flips", 0, OPTION_INTEGER, "N", "flipped answers to show of each job, with their prompts",
     offsetof(struct options, n_flips), 0, 10000, 3},
    {"noise", 0, OPTION_NUMBER, "PERCENT",
     "how much a speed is assumed to move from run to run (docs/gate.md)",
     offsetof(struct options, noise), 0, 100, 100 * COMPARISON_NOISE},
    {"out", 0, OPTION_TEXT, "DIR", "also write a page with charts, Markdown and JSON",
     offsetof(struct options, out), 0, 0, 0},
};

static bool compare(const struct invocation *invocation, struct side *base, struct side *candidate,
                    struct store **at_hand, struct err *err)
{
    const struct options *options = invocation->options;
    const char *path = rows_db_path(&options->db);
    enum comparison_format format;
    if (!comparison_format_parse(options->output, &format, err) ||
        !side_open(base, invocation->arguments[0], path, at_hand, options->db.is_trusted, err) ||
        !side_open(candidate, invocation->arguments[1], path, at_hand, options->db.is_trusted, err))
        return false;
    const struct comparison_options how = {.n_flips = (size_t)options->n_flips,
                                           .noise = options->noise / 100};
    struct comparison *comparison = comparison_make(base, candidate, &how, err);
    bool ok =
        comparison && comparison_print(comparison, NULL, format, stdout, err) &&
        (!options->out || comparison_write(comparison, NULL, options->out, invocation->gnuplot,
                                           &invocation->console.log, err));
    comparison_free(comparison);
    return ok;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    struct side base = {0}, candidate = {0};
    struct store *at_hand = NULL;
    bool ok = compare(invocation, &base, &candidate, &at_hand, err);
    side_close(&base);
    side_close(&candidate);
    store_close(at_hand);
    return ok;
}

static const char *const EXAMPLES[] = {
    "phibench compare 1 last --db out/example.db",
    "phibench compare out/example.db:1 out/example.db --db out/example.db -o json",
    NULL,
};

const struct command COMMAND_COMPARE = {
    .name = "compare",
    .summary = "two runs side by side: bits, answers, scores, speed",
    .arguments = "BASE CANDIDATE",
    .n_min = 2,
    .n_max = 2,
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "BASE and CANDIDATE are runs of one database or of two: a run's number, \"last\", a label, "
        "a git revision, or FILE or FILE:RUN for another database.\n\n"
        "First comes what is not the same: protocol, data, weights, numerics, program, machine. "
        "Then, joined item by item: whether the logits are equal (then no test is made, and it "
        "says so), which answers flipped, with their prompts and margins, and by how much scores, "
        "log-probabilities of right answers, perplexity, divergence, speed, memory and load time "
        "changed, with intervals and tests. Jobs that were asked in another way are refused. "
        "docs/gate.md says how it decides.",
    .examples = EXAMPLES,
    .run = run,
};
