/* cmd_bisect.c - phibench bisect: the first revision that a gate does not let pass.
 *
 * harness/run/bisect.h searches; this file reads the options and says what was found.
 */
#include "base/mem.h"
#include "base/visible.h"
#include "harness/cli/commands.h"
#include "harness/cli/revision_options.h"
#include "harness/config/gate_file.h"
#include "harness/run/bisect.h"

#include <string.h>
#include <unistd.h>

struct options {
    const char *gate;
    struct revision_options revisions;
    bool is_strict;
};

static const struct option_spec OPTIONS[] = {
    {"gate", 0, OPTION_TEXT, "GATE.yaml", "what is run and what it may come to (required)",
     offsetof(struct options, gate), 0, 0, 0},
    {"strict", 0, OPTION_FLAG, NULL, "what the gate cannot tell fails",
     offsetof(struct options, is_strict), 0, 0, 0},
    OPTIONS_REVISIONS(struct options, revisions),
};

/* ---- What was found ---- */

/* What the gate said, each line moved in. */
static void print_said(const struct bisect_step *step)
{
    const char *text = step->said;
    while (*text) {
        size_t n = strcspn(text, "\n");
        printf("    ");
        visible_print(stdout, text, n, VISIBLE_LINE);
        putchar('\n');
        text += n + (text[n] == '\n');
    }
}

/* BAD is tested in any case, and so is what git found alone. */
static bool print_found(const struct revisions *revisions, const struct bisect *bisect,
                        struct err *err)
{
    bool is_one = bisect->n_found == 1;
    printf(is_one ? "first revision that fails: " : "the first revision that fails is one of\n");
    for (size_t i = 0; i < bisect->n_found; i++) {
        const char *text = revisions_describe(revisions, bisect->found[i], bisect->arena, err);
        if (!text) return false;
        visible_printf(stdout, "%s%s\n", is_one ? "" : "    ", text);
    }
    const struct bisect_step *step = bisect_step_of(bisect, bisect->found[bisect->n_found - 1]);
    if (step) print_said(step);
    printf("%zu revisions were tested, %zu of them skipped\n", bisect->n_steps, bisect->n_skipped);
    return is_one || err_set(err, ERR_UNDECIDED, "revisions that were skipped hide the first");
}

/* Where an end of the range is not as it has to be, the gate's own words say why. */
static void print_ends(const struct bisect *bisect)
{
    if (!bisect->n_steps) return;
    const struct bisect_step *last = &bisect->steps[bisect->n_steps - 1];
    visible_printf(stdout, "%.7s:\n", last->commit);
    print_said(last);
}

/* ---- The command ---- */

static bool find_self(char path[4096], struct err *err)
{
    ssize_t n = readlink("/proc/self/exe", path, 4095);
    if (n < 0) return err_set_errno(err, "cannot find this program");
    path[n] = 0;
    return true;
}

static bool search(const struct invocation *invocation, const struct gate_file *gate,
                   struct arena *arena, struct err *err)
{
    const struct options *options = invocation->options;
    const struct log *log = &invocation->console.log;
    char self[4096];
    struct bisect bisect = {0};
    if (!find_self(self, err)) return false;
    const struct bisect_options chosen = {.good = invocation->arguments[0],
                                          .bad = invocation->arguments[1],
                                          .gate = options->gate,
                                          .config = gate->run,
                                          .judge = self,
                                          .is_strict = options->is_strict,
                                          .log = log};
    struct revisions *revisions = revision_options_open(&options->revisions, log, err);
    bool ok = revisions && bisect_run(revisions, &chosen, arena, &bisect, err);
    if (ok) ok = print_found(revisions, &bisect, err);
    else if (revisions && err->code == ERR_INPUT) print_ends(&bisect);
    revisions_close(revisions);
    return ok;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    if (!options->gate)
        return err_set(err, ERR_USAGE, "bisect needs what tells good from bad: --gate GATE.yaml");
    struct gate_file *gate = gate_file_read(options->gate, err);
    struct arena *arena = gate ? arena_new(0, err) : NULL;
    bool ok = arena != NULL;
    if (ok && !gate->run)
        ok = err_set_at(err, ERR_CONFIG, options->gate, 0, 0,
                        "bisect needs the key run: the configuration that each revision runs");
    ok = ok && search(invocation, gate, arena, err);
    arena_free(arena);
    gate_file_free(gate);
    return ok;
}

static const char *const EXAMPLES[] = {"phibench bisect v1 v2 --gate configs/gates/bits.yaml",
                                       NULL};

const struct command COMMAND_BISECT = {
    .name = "bisect",
    .summary = "find the first revision that a gate does not let pass",
    .arguments = "GOOD BAD",
    .n_min = 2,
    .n_max = 2,
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Searches between two revisions of this program's repository, as git bisect does: each one "
        "that git chooses is built in a worktree, runs the configuration that the gate names "
        "(run), and is judged by this program's gate, with the run of GOOD as the baseline. PASS "
        "is "
        "good, FAIL is bad; a revision that does not build or run, or of which the gate cannot "
        "tell, is skipped. First of all GOOD has to pass beside a second run of itself, and BAD "
        "has "
        "to fail.\n\n"
        "Prints the first revision that fails with what the gate says of it. If skipped revisions "
        "hide it, prints all that it may be and exits with 3. The user's checkout, its branches "
        "and "
        "a bisection of its own are not touched; worktree and databases are put away at the end "
        "and "
        "after Ctrl-C. With --work the programs and the databases stay, and the same command "
        "builds "
        "nothing again. For a small change of speed give the gate what it needs to tell: many "
        "repetitions in the configuration, or a margin of the size of the change.",
    .examples = EXAMPLES,
    .run = run,
};
