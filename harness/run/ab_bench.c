/* ab_bench.c - see ab_bench.h.
 *
 * A repetition is a fourth of the time wanted: bench warms up every test by repetitions of the same
 * length, and a median of four bears one that was disturbed. Where the context ends before, they
 * are shorter and more.
 */
#include "harness/run/ab_bench.h"

#include "base/child.h"
#include "base/json.h"
#include "base/mem.h"
#include "harness/run/counters.h"
#include "harness/run/machine.h"
#include "results/stats/order.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 32, REPETITIONS = 4, MAX_REPETITIONS = 100, LEAST_PROMPT = 16 };
enum { LEAST_GENERATED = 4, PROMPT_OF_DECODE = 64 };
static const int64_t VERSION_TIMEOUT_NS = INT64_C(30000000000);

const char *const AB_QUANTITY_NAMES[AB_QUANTITIES] = {
    "prefill", "decode", "batched_decode", "load", "memory", "instructions", "cycles"};

/* ---- Programs ---- */

bool ab_program_init(struct ab_program *program, const char *line, struct err *err)
{
    *program = (struct ab_program){.line = line, .words = child_split(line, err)};
    return program->words != NULL;
}

void ab_program_done(struct ab_program *program)
{
    free(program->words);
    *program = (struct ab_program){0};
}

/* The program's words and the arguments behind them, NULL-ended; free() it. */
static const char **join_words(const struct ab_program *program, const char *const *arguments,
                               size_t n, struct err *err)
{
    size_t n_own = 0;
    while (program->words[n_own]) n_own++;
    const char **words = mem_new(n_own + n + 1, sizeof *words, err);
    if (!words) return NULL;
    for (size_t i = 0; i < n_own; i++) words[i] = program->words[i];
    for (size_t i = 0; i < n; i++) words[n_own + i] = arguments[i];
    return words;
}

static bool run_child(const struct ab_program *program, const char *const *arguments, size_t n,
                      int64_t timeout_ns, struct child_end *end, struct err *err)
{
    const char **words = join_words(program, arguments, n, err);
    *end = (struct child_end){0};
    if (!words) return false;
    const struct child_command command = {.words = words, .timeout_ns = timeout_ns};
    bool ok = child_run(&command, end, err);
    free(words);
    return ok;
}

bool ab_program_ask_version(struct ab_program *program, struct err *err)
{
    static const char *const ARGUMENTS[] = {"--version"};
    struct child_end end;
    bool ok = run_child(program, ARGUMENTS, 1, VERSION_TIMEOUT_NS, &end, err);
    if (ok && end.status == 0) {
        snprintf(program->version, sizeof program->version, "%s", buf_string(&end.output));
        program->version[strcspn(program->version, "\n")] = 0;
    }
    child_end_free(&end);
    return ok;
}

struct json *ab_run_program(const struct ab_program *program, const char *const *arguments,
                            size_t n, int64_t timeout_ns, struct ab_usage *usage, struct err *err)
{
    struct counters counters;
    struct child_end end;
    struct json *json = NULL;
    struct buf name = {0};
    struct machine_moment begin = machine_now();
    counters_open(&counters);
    bool ok = run_child(program, arguments, n, timeout_ns, &end, err);
    struct machine_moment now = machine_now();
    *usage = (struct ab_usage){.foreign_share = machine_foreign_share(&begin, &now, end.cpu_ns),
                               .duration_ns = end.duration_ns,
                               .status = end.status,
                               .instructions = counters_read(&counters, COUNTER_INSTRUCTIONS),
                               .cycles = counters_read(&counters, COUNTER_CYCLES)};
    counters_close(&counters);
    buf_printf(&name, "output of %s", program->line);
    if (ok && child_check(&end, program->line, err))
        json = json_parse_repaired(buf_string(&end.output), end.output.n_bytes, buf_string(&name),
                                   err);
    buf_free(&name);
    child_end_free(&end);
    return json;
}

/* ---- A measurement ---- */

/* The median of a member of the test's records, 0 if there are none. values: room for all. */
static double median_of(const struct json *records, const char *test, const char *key,
                        double *values)
{
    size_t n = 0;
    for (size_t i = 0; i < json_length(records); i++) {
        const struct json *record = json_at(records, i);
        double value = json_as_number(json_get(record, key), 0);
        if (!strcmp(json_as_string(json_get(record, "test"), ""), test) && value > 0)
            values[n++] = value;
    }
    return n ? stats_median(values, n) : 0;
}

static double most_memory(const struct json *records)
{
    double most = 0;
    for (size_t i = 0; i < json_length(records); i++) {
        const struct json *record = json_at(records, i);
        if (strcmp(json_as_string(json_get(record, "test"), ""), "load") != 0)
            most = fmax(most, json_as_number(json_get(record, "rss_bytes"), 0));
    }
    return most;
}

static bool read_values(struct ab_program *program, const struct ab_work *work,
                        const struct json *records, double values[AB_QUANTITIES], struct err *err)
{
    double *room = mem_new(json_length(records) + 1, sizeof *room, err);
    bool ok = room != NULL;
    for (int i = 0; ok && i < AB_TESTS; i++) {
        if (!work->tests[i]) continue;
        values[i] = median_of(records, AB_QUANTITY_NAMES[i], "tokens_per_s", room);
        if (values[i] <= 0)
            ok = err_set(err, ERR_INPUT, "%s bench measured no %s: its JSON has no tokens_per_s",
                         program->line, AB_QUANTITY_NAMES[i]);
    }
    if (ok) {
        values[AB_LOAD] = 1e-9 * median_of(records, "load", "duration_ns", room);
        values[AB_MEMORY] = most_memory(records);
        snprintf(program->isa, sizeof program->isa, "%s",
                 json_as_string(json_get(json_at(records, 0), "isa"), ""));
    }
    free(room);
    return ok;
}

bool ab_measure(struct ab_program *program, const struct ab_work *work, int64_t timeout_ns,
                double values[AB_QUANTITIES], struct ab_usage *usage, struct err *err)
{
    char prompt[24], generate[24], repeat[24], batch[32];
    bool decodes = work->tests[AB_DECODE] || work->tests[AB_BATCHED];
    snprintf(prompt, sizeof prompt, "%" PRId64, work->prompt);
    snprintf(generate, sizeof generate, "%" PRId64, decodes ? work->generate : 0);
    snprintf(repeat, sizeof repeat, "%" PRId64, work->repeat);
    snprintf(batch, sizeof batch, "%s%" PRId64, work->tests[AB_DECODE] ? "1," : "", work->batch);
    const char *words[MAX_WORDS] = {"bench",  "-m", work->model, "-p", prompt, "-n",
                                    generate, "-r", repeat,      "-o", "json"};
    size_t n = 11;
    if (work->tests[AB_BATCHED]) {
        words[n++] = "-b";
        words[n++] = batch;
    }
    if (work->without_limits) words[n++] = "--no-limits";
    for (size_t i = 0; i < work->n_options && n < MAX_WORDS; i++) words[n++] = work->options[i];
    memset(values, 0, AB_QUANTITIES * sizeof *values);
    struct json *records = ab_run_program(program, words, n, timeout_ns, usage, err);
    bool ok = records && read_values(program, work, records, values, err);
    json_free(records);
    values[AB_INSTRUCTIONS] = usage->instructions;
    values[AB_CYCLES] = usage->cycles;
    return ok;
}

/* ---- Sizes ---- */

static int64_t clamp(double value, int64_t low, int64_t high)
{
    return value < (double)low ? low : value > (double)high ? high : (int64_t)value;
}

void ab_choose_sizes(struct ab_work *work, const double rates[AB_TESTS], double seconds,
                     int64_t context_tokens)
{
    int64_t half = context_tokens / 2 > LEAST_PROMPT ? context_tokens / 2 : LEAST_PROMPT;
    double step = seconds / REPETITIONS, least = seconds / MAX_REPETITIONS;
    /* Of the decoding tests, the one whose steps take longest. */
    double steps_per_s = work->tests[AB_DECODE] ? rates[AB_DECODE] : INFINITY;
    if (work->tests[AB_BATCHED])
        steps_per_s = fmin(steps_per_s, rates[AB_BATCHED] / (double)work->batch);
    /* What fits takes this long; no test shall have many times the work of another. */
    if (work->tests[AB_PREFILL]) step = fmin(step, fmax(least, (double)half / rates[AB_PREFILL]));
    if (isfinite(steps_per_s)) step = fmin(step, fmax(least, (double)half / steps_per_s));
    work->prompt = work->tests[AB_PREFILL] ? clamp(step * rates[AB_PREFILL], LEAST_PROMPT, half)
                                           : clamp(PROMPT_OF_DECODE, LEAST_PROMPT, half);
    work->generate = isfinite(steps_per_s) ? clamp(step * steps_per_s, LEAST_GENERATED, half) : 0;
    work->repeat = clamp(ceil(seconds / step - 1e-9), REPETITIONS, MAX_REPETITIONS);
}
