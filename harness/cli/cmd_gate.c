/* cmd_gate.c - phibench gate: whether a run may pass beside its baseline, with an exit status.
 *
 * Reads the gate's file and hands out what was judged; how is results/gate_judge.h's matter.
 */
#include "base/file.h"
#include "harness/cli/commands.h"
#include "harness/cli/rows.h"
#include "harness/config/gate_file.h"
#include "reports/comparison_report.h"

#include <math.h>

struct options {
    struct db_options db;
    const char *baseline, *candidate, *output, *out, *junit;
    int64_t n_flips;
    bool is_strict;
};

static const struct option_spec OPTIONS[] = {
    OPTION_DB_AS(struct options, db, "database, in place of the file's"),
    {"baseline", 0, OPTION_TEXT, "RUN", "what it is held against, in place of the file's",
     offsetof(struct options, baseline), 0, 0, 0},
    {"candidate", 0, OPTION_TEXT, "RUN", "what is judged, in place of the file's",
     offsetof(struct options, candidate), 0, 0, 0},
    {"strict", 0, OPTION_FLAG, NULL, "what cannot be told fails",
     offsetof(struct options, is_strict), 0, 0, 0},
    OPTION_OUTPUT(struct options, output, "table (default), json or md (for a merge request)"),
    {"flips", 0, OPTION_INTEGER, "N", "flipped answers to show of each job",
     offsetof(struct options, n_flips), 0, 10000, 0},
    {"junit", 0, OPTION_TEXT, "FILE", "also write the checks as JUnit's XML",
     offsetof(struct options, junit), 0, 0, 0},
    {"out", 0, OPTION_TEXT, "DIR", "also write a page with charts, Markdown and JSON",
     offsetof(struct options, out), 0, 0, 0},
};

static struct gate_margins margins_of(const struct gate_file *file)
{
    const struct gate_file_margins *m = &file->margins;
    return (struct gate_margins){.numerics_may_change = m->numerics_may_change,
                                 .bits_may_change = m->bits_may_change,
                                 .prompts_may_change = m->prompts_may_change,
                                 .speed_by_history = m->speed_by_history,
                                 .most = {[LINE_SCORE] = m->score,
                                          [LINE_POOLED] = m->overall,
                                          [LINE_FLIPS] = m->flips,
                                          [LINE_RIGHT_LOGPROB] = m->right_logprob,
                                          [LINE_PERPLEXITY] = m->perplexity,
                                          [LINE_KLD] = m->kld,
                                          [LINE_KLD_TAIL] = m->kld_tail,
                                          [LINE_KLD_MAX] = m->kld_max,
                                          [LINE_SPEED] = m->speed,
                                          [LINE_MEMORY] = m->memory,
                                          [LINE_LOAD] = m->load}};
}

static bool write_junit(const struct gate *gate, const struct options *options, struct err *err)
{
    struct buf text = {0};
    if (!options->junit) return true;
    comparison_junit(gate, options->is_strict, &text);
    bool ok =
        buf_check(&text, err) && file_write(options->junit, buf_string(&text), text.n_bytes, err);
    buf_free(&text);
    return ok;
}

/* The verdict as a status: 0, 1 or 3. */
static bool conclude(const struct gate *gate, bool is_strict, struct err *err)
{
    if (gate->verdict == GATE_PASS) return true;
    bool fails = gate->verdict == GATE_FAIL || is_strict;
    return err_set(err, fails ? ERR_REGRESSION : ERR_UNDECIDED, "the gate says %s",
                   gate_verdict_name(gate->verdict));
}

static bool judge(const struct invocation *invocation, const struct gate_file *file,
                  const struct side *base, const struct side *candidate, struct err *err)
{
    const struct options *options = invocation->options;
    const struct comparison_options how = {(size_t)options->n_flips, file->noise / 100,
                                           file->margins.speed_by_history};
    const struct gate_margins margins = margins_of(file);
    enum comparison_format format;
    if (!comparison_format_parse(options->output, &format, err)) return false;
    struct comparison *comparison = comparison_make(base, candidate, &how, err);
    struct gate *gate = comparison ? gate_judge(comparison, &margins, err) : NULL;
    bool ok =
        gate && comparison_print(comparison, gate, format, stdout, err) &&
        write_junit(gate, options, err) &&
        (!options->out || comparison_write(comparison, gate, options->out, invocation->gnuplot,
                                           &invocation->console.log, err)) &&
        conclude(gate, options->is_strict, err);
    comparison_free(comparison);
    return ok;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    struct gate_file *file = gate_file_read(invocation->arguments[0], err);
    struct side base = {0}, candidate = {0};
    struct store *at_hand = NULL;
    if (!file) return false;
    const char *path = options->db.path ? options->db.path : file->db;
    bool is_trusted = options->db.is_trusted;
    bool ok = side_open(&base, options->baseline ? options->baseline : file->baseline, path,
                        &at_hand, is_trusted, err) &&
              side_open(&candidate, options->candidate ? options->candidate : file->candidate, path,
                        &at_hand, is_trusted, err) &&
              judge(invocation, file, &base, &candidate, err);
    side_close(&base);
    side_close(&candidate);
    store_close(at_hand);
    gate_file_free(file);
    return ok;
}

static const char *const EXAMPLES[] = {
    "phibench run configs/synthetic.yaml --fresh --db out/example.db",
    "phibench gate configs/gates/bits.yaml --db out/example.db --baseline 1",
    NULL,
};

const struct command COMMAND_GATE = {
    .name = "gate",
    .summary = "whether a change kept bits, quality and speed: PASS, FAIL or CANNOT TELL",
    .arguments = "GATE.yaml",
    .n_min = 1,
    .n_max = 1,
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Compares the candidate, the newest run unless the file or --candidate names another, with "
        "the baseline, and judges every margin of the file: PASS where the interval of the loss "
        "lies inside its margin, FAIL where it lies wholly beyond, CANNOT TELL where it straddles "
        "the margin or anything is missing, with what it would take. What the gate can see with "
        "80% probability is said before what it saw.\n\n"
        "Exit status: 0 PASS, 1 FAIL, 3 CANNOT TELL (1 with --strict). docs/gate.md has the file's "
        "keys and how each is decided.",
    .examples = EXAMPLES,
    .run = run,
};
