/* cmd_ab.c - phibench ab: whether one build is slower than another on this machine.
 *
 * Reads the options; ab.h measures, ab_output.h prints. The exit status is the verdict's.
 */
#include "base/clock.h"
#include "base/interrupt.h"
#include "engine/engine.h"
#include "harness/cli/ab_output.h"
#include "harness/cli/commands.h"
#include "harness/cli/model_options.h"

#include <inttypes.h>
#include <string.h>

struct options {
    const char *model, *tests, *isa, *kv, *output;
    int64_t batch, n_threads, batch_tokens, min_blocks, seed;
    double block_seconds, margin, precision, minutes;
    bool no_kernels;
};

static const struct option_spec OPTIONS[] = {
    OPTION_MODEL(struct options, model),
    {"test", 0, OPTION_TEXT, "NAME,...", "prefill, decode; default both",
     offsetof(struct options, tests), 0, 0, 0},
    {"batch", 'b', OPTION_INTEGER, "N", "also N sequences that decode together",
     offsetof(struct options, batch), 2, 4096, 0},
    {"margin", 0, OPTION_NUMBER, "PERCENT", "how much slower B may be",
     offsetof(struct options, margin), 0, 90, 2},
    {"precision", 0, OPTION_NUMBER, "PERCENT", "end when the intervals are that narrow",
     offsetof(struct options, precision), 0.01, 100, 1},
    {"minutes", 0, OPTION_NUMBER, "N", "end after that time; kernels may take as long again",
     offsetof(struct options, minutes), 0.001, 10000, 5},
    {"block-seconds", 's', OPTION_NUMBER, "N", "measured work of a process, for each test",
     offsetof(struct options, block_seconds), 0.001, 600, 1},
    {"min-blocks", 0, OPTION_INTEGER, "N", "blocks before narrow intervals end it",
     offsetof(struct options, min_blocks), 6, 100000, 20},
    {"seed", 0, OPTION_INTEGER, "N", "of the order of the processes; default: the time",
     offsetof(struct options, seed), 1, (double)INT32_MAX, 0},
    {"no-kernels", 0, OPTION_FLAG, NULL, "do not look for the kernel that makes B slower",
     offsetof(struct options, no_kernels), 0, 0, 0},
    OPTION_OUTPUT(struct options, output, "table (default), json or md"),
    {"threads", 't', OPTION_INTEGER, "N", "threads of both programs; 0: as they choose",
     offsetof(struct options, n_threads), 0, 1024, 0},
    OPTION_ISA(struct options, isa),
    OPTION_KV(struct options, kv),
    {"batch-tokens", 0, OPTION_INTEGER, "N", "tokens computed together at most; 0: as they choose",
     offsetof(struct options, batch_tokens), 0, 65536, 0},
};

enum { MAX_PASSED = 8 };

/* What both programs are given besides the work. */
struct passed {
    const char *words[MAX_PASSED];
    size_t n;
    char threads[24], batch_tokens[24];
};

static void pass(struct passed *passed, const char *name, const char *value)
{
    if (!value || !*value) return;
    passed->words[passed->n++] = name;
    passed->words[passed->n++] = value;
}

static void pass_options(const struct options *options, struct passed *passed)
{
    if (options->n_threads)
        snprintf(passed->threads, sizeof passed->threads, "%" PRId64, options->n_threads);
    if (options->batch_tokens)
        snprintf(passed->batch_tokens, sizeof passed->batch_tokens, "%" PRId64,
                 options->batch_tokens);
    pass(passed, "-t", passed->threads);
    pass(passed, "--isa", options->isa);
    pass(passed, "--kv", options->kv);
    pass(passed, "--batch-tokens", passed->batch_tokens);
}

/* Reads a list of AB_PREFILL and AB_DECODE by their names; NULL is both. */
static bool parse_tests(const char *text, bool tests[AB_TESTS], struct err *err)
{
    for (const char *at = text ? text : "prefill,decode";; at++) {
        size_t n = strcspn(at, ",");
        int i = AB_PREFILL;
        while (i <= AB_DECODE &&
               (strlen(AB_QUANTITY_NAMES[i]) != n || strncmp(AB_QUANTITY_NAMES[i], at, n) != 0))
            i++;
        if (i > AB_DECODE)
            return err_set(err, ERR_USAGE, "--test: no test is called \"%.*s\": prefill, decode",
                           (int)n, at);
        tests[i] = true;
        at += n;
        if (!*at) return true;
    }
}

/* Lets the exit status say what the verdict is. */
static bool exit_by_verdict(const struct ab_options *options, const struct ab_result *result,
                            struct err *err)
{
    struct buf text = {0};
    bool ok = result->verdict != AB_SLOWER && result->verdict != AB_CANNOT_TELL;
    if (!ok) {
        ab_describe_verdict(options, result, &text);
        err_set(err, result->verdict == AB_SLOWER ? ERR_REGRESSION : ERR_UNDECIDED, "%s",
                buf_string(&text));
    }
    buf_free(&text);
    return ok;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    struct passed passed = {.n = 0};
    enum ab_format format;
    enum kv_type kv_type;
    enum isa isa;
    struct ab_options ab = {.lines = {invocation->arguments[0], invocation->arguments[1]},
                            .model = options->model,
                            .batch = options->batch,
                            .passed = passed.words,
                            .isa = options->isa,
                            .block_seconds = options->block_seconds,
                            .minutes = options->minutes,
                            .margin = options->margin / 100,
                            .precision = options->precision / 100,
                            .min_blocks = (size_t)options->min_blocks,
                            .seed = (uint64_t)options->seed,
                            .without_kernels = options->no_kernels,
                            .console = &invocation->console};
    struct ab_result result = {0};
    if (!options->model)
        return err_set(err, ERR_USAGE, "ab needs a model: -m FILE.gguf or -m synth:tiny:q8_0");
    if (!ab_format_parse(options->output, &format, err) ||
        !parse_tests(options->tests, ab.tests, err) || !parse_kv_type(options->kv, &kv_type, err) ||
        !choose_isa(invocation, options->isa, &isa, err))
        return false;
    ab.tests[AB_BATCHED] = options->batch > 0;
    if (!ab.seed) ab.seed = (uint64_t)clock_unix_ms() % INT32_MAX + 1;
    pass_options(options, &passed);
    ab.n_passed = passed.n;
    bool ok = ab_run(&ab, &result, err) && ab_print(&ab, &result, format, err) &&
              interrupt_check(err) && exit_by_verdict(&ab, &result, err);
    ab_result_done(&result);
    return ok;
}

static const char *const EXAMPLES[] = {
    "phibench ab phibench phibench -m synth:tiny:q4_0 -s .05 --min-blocks 6 --precision 99 "
    "--margin 90",
    NULL,
};

const struct command COMMAND_AB = {
    .name = "ab",
    .summary = "compare the speed of two builds",
    .arguments = "'PROGRAM_A' 'PROGRAM_B'",
    .n_min = 2,
    .n_max = 2,
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Runs `PROGRAM bench` of both, also of builds that are older than this command, and says "
        "whether B is slower than A: exit 0 if it is not, or by less than the margin; 1 if it is "
        "SLOWER; 3 if what was measured CANNOT TELL. A program is a command line, cut into words "
        "at spaces outside of quotes, for example 'taskset -c 0 old/phibench'; no shell runs "
        "it.\n\n"
        "A block is a process of A, one of A again, and one of B, in an order that is random and "
        "balanced. What A again differs from A is the noise of these very minutes: the interval "
        "that decides is at least as wide, so that the verdict is no difference that one binary "
        "shows to itself. The estimate is that of Hodges and Lehmann, the interval the signed-rank "
        "test's, or the block bootstrap's where successive blocks depend on each other and that is "
        "wider. It ends when the intervals of all tests are narrower than --precision, when the "
        "time is up, or as soon as B is slower beyond a doubt that stays valid however often one "
        "looks (an e-value of signs). docs/ab.md has it all.\n\n"
        "Load time, resident memory and, where the machine can count them, instructions and cycles "
        "are compared as well, without a say in the verdict. Where B is slower, the kernels of "
        "both "
        "are timed alone (bench --kernels), those of the model's types, and those that have "
        "changed "
        "are named. Ctrl-C prints what there is.",
    .examples = EXAMPLES,
    .run = run,
};
