/* cmd_bench.c - phibench bench: how fast a model, or every kernel alone, runs on this machine.
 *
 * throughput.h and bench_kernels.h measure, bench_output.h prints; this file reads the options,
 * keeps every repetition, and stores it where that is asked for.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "engine/tools.h"
#include "harness/ask/policies.h"
#include "harness/cli/bench_output.h"
#include "harness/cli/commands.h"
#include "harness/cli/model_options.h"
#include "harness/cli/rows.h"
#include "harness/run/bench_kernels.h"
#include "harness/run/progress.h"
#include "harness/run/records.h"
#include "harness/run/throughput.h"

#include <stdlib.h>
#include <string.h>

static const char KERNELS[] = "kernels";
enum { MAX_VALUES = 32, MAX_TOKENS = 1 << 22, MAX_RECORDS = 1 << 20 };

struct options {
    const char *model, *isa, *kv, *prompt, *generate, *batch, *threads, *output, *only;
    struct db_options db;
    int64_t repeat, batch_tokens;
    bool kernels, no_limits;
};

static const struct option_spec OPTIONS[] = {
    OPTION_MODEL(struct options, model),
    {"prompt", 'p', OPTION_TEXT, "N,...", "prompt lengths in tokens, default 512",
     offsetof(struct options, prompt), 0, 0, 0},
    {"generate", 'n', OPTION_TEXT, "N,...", "tokens to decode, default 128; 0: prefill alone",
     offsetof(struct options, generate), 0, 0, 0},
    {"batch", 'b', OPTION_TEXT, "N,...", "sequences decoded together, default 1",
     offsetof(struct options, batch), 0, 0, 0},
    {"threads", 't', OPTION_TEXT, "N,...", "numbers of threads, default one per physical core",
     offsetof(struct options, threads), 0, 0, 0},
    {"repeat", 'r', OPTION_INTEGER, "N", "repetitions of each test",
     offsetof(struct options, repeat), 1, 10000, 5},
    {"output", 'o', OPTION_TEXT, "FORMAT", "table (default), json, jsonl, csv or md",
     offsetof(struct options, output), 0, 0, 0},
    OPTION_ISA(struct options, isa),
    OPTION_KV(struct options, kv),
    OPTION_BATCH_TOKENS(struct options, batch_tokens),
    OPTION_DB_AS(struct options, db, "also store the run in this database"),
    {"kernels", 0, OPTION_FLAG, NULL, "time every kernel by itself, without a model",
     offsetof(struct options, kernels), 0, 0, 0},
    {"no-limits", 0, OPTION_FLAG, NULL, "do not measure the machine's own limits, which takes time",
     offsetof(struct options, no_limits), 0, 0, 0},
    {"only", 0, OPTION_TEXT, "TEXT", "with --kernels: those whose name or type holds it",
     offsetof(struct options, only), 0, 0, 0},
};

struct bench {
    const struct invocation *invocation;
    const struct options *options;
    struct throughput_options throughput;
    int64_t values[4][MAX_VALUES]; /* prompt, generate, batch, threads */
    enum bench_format format;
    enum isa isa;
    enum kv_type kv_type;
    struct model *model; /* one of these is NULL */
    struct bench_kernels *kernels;
    int64_t load_ns;              /* of the model */
    struct speed_record *records; /* in the order of measuring, warm-up left out */
    size_t n_records, capacity;
    struct store *store; /* NULL: not stored */
    int64_t job;
    struct progress progress;
};

/* ---- Options ---- */

/* Reads a list. Without a text it is the one value `otherwise`; a text of "0", where low is 0, is
 * the empty list. */
static bool read_list(const char *text, const char *what, int64_t otherwise, int64_t low,
                      int64_t high, int64_t *values, size_t *n, struct err *err)
{
    *n = 1;
    values[0] = otherwise;
    if (!text) return true;
    if (!command_parse_integers(text, what, low, high, values, MAX_VALUES, n, err)) return false;
    if (*n == 1 && values[0] == 0) {
        *n = 0;
        return true;
    }
    for (size_t i = 0; i < *n; i++) {
        if (values[i] == 0)
            return err_set(err, ERR_USAGE, "%s: 0 (none) stands beside other values", what);
        for (size_t j = 0; j < i; j++)
            if (values[i] == values[j])
                return err_set(err, ERR_USAGE, "%s: %lld stands there twice", what,
                               (long long)values[i]);
    }
    return true;
}

static bool read_options(struct bench *bench, struct err *err)
{
    const struct options *options = bench->options;
    struct throughput_options *t = &bench->throughput;
    t->prompt = bench->values[0];
    t->generate = bench->values[1];
    t->batch = bench->values[2];
    t->threads = bench->values[3];
    t->repeat = (int)options->repeat;
    if (!bench_format_parse(options->output, &bench->format, err)) return false;
    return read_list(options->prompt, "--prompt", 512, 1, MAX_TOKENS, bench->values[0],
                     &t->n_prompt, err) &&
           read_list(options->generate, "--generate", 128, 0, MAX_TOKENS, bench->values[1],
                     &t->n_generate, err) &&
           read_list(options->batch, "--batch", 1, 1, 4096, bench->values[2], &t->n_batch, err) &&
           read_list(options->threads, "--threads", options->kernels ? 1 : engine_default_threads(),
                     1, 1024, bench->values[3], &t->n_threads, err);
}

/* ---- Measuring ---- */

static bool keep_record(void *context, const struct speed_record *record, struct err *err)
{
    struct bench *bench = context;
    if (bench->store && !store_put_speed(bench->store, bench->job, record, err)) return false;
    if (record->warm_up) return true;
    if (!mem_grow((void **)&bench->records, &bench->capacity, bench->n_records + 1,
                  sizeof *bench->records, MAX_RECORDS, err))
        return false;
    bench->records[bench->n_records++] = *record;
    return true;
}

static void show_progress(void *context, size_t n_done, size_t n_total)
{
    struct bench *bench = context;
    bench->progress.total = n_total;
    progress_update(&bench->progress, n_done);
}

/* A run of one job, for the reports that read the store. Kernels have a model for themselves, which
 * weighs nothing. */
static bool begin_run(struct bench *bench, const struct machine *machine, int64_t *run,
                      struct err *err)
{
    const struct model_info *info = bench->model ? model_info(bench->model) : NULL;
    const char *line = bench->invocation->command_line;
    char hash[65], model_hash_hex[65];
    if (!(bench->store = rows_make_store(&bench->options->db, NULL, false, err)) ||
        !sha256_text(line, hash, err) ||
        (info && !model_hash(bench->options->model, model_hash_hex, NULL, err)))
        return false;
    struct run_record record = record_run(line, bench->isa, (int)bench->values[3][0], machine);
    record.name = info ? "bench" : "bench --kernels";
    record.config_hash = hash;
    struct model_record model = {.id = KERNELS, .quantization = "", .synthetic = true};
    struct job_record job = {.kind = JOB_KERNELS,
                             .suite = KERNELS,
                             .suite_version = BENCH_KERNELS_VERSION,
                             .protocol = "",
                             .metric = "gmac_per_s",
                             .fingerprint = hash};
    if (info) {
        model = record_model(*info->name ? info->name : info->path, info, model_hash_hex,
                             model_tokenizer(bench->model));
        job = record_throughput(hash, "never", (size_t)info->context_tokens);
    }
    if (!store_begin_run(bench->store, &record, run, err)) return false;
    job.run = *run;
    return store_put_model(bench->store, &model, &job.model, err) &&
           store_put_job(bench->store, &job, &bench->job, err);
}

static bool measure_model(struct bench *bench, const struct throughput_sink *sink, struct err *err)
{
    const struct throughput_target target = {.model = bench->model,
                                             .kv_type = bench->kv_type,
                                             .batch_tokens = (size_t)bench->options->batch_tokens,
                                             .load_ns = bench->load_ns,
                                             .load_rss_bytes = machine_peak_rss_bytes(),
                                             .n_load_threads = engine_default_threads(),
                                             .without_limits = bench->options->no_limits};
    return throughput_measure(&target, &bench->throughput, sink, err);
}

static bool measure(struct bench *bench, struct err *err)
{
    const struct throughput_sink sink = {keep_record, NULL, show_progress, bench};
    const struct invocation *invocation = bench->invocation;
    struct machine machine;
    int64_t run = 0, begin_ns = clock_ns();
    machine_describe(&machine);
    machine_warn(&machine.record, &invocation->console.log);
    if (bench->options->db.path && !begin_run(bench, &machine, &run, err)) return false;
    struct console console = invocation->console;
    if (!console.is_terminal) console.log.out = NULL; /* lines would disturb the measuring */
    progress_begin(&bench->progress, &console, bench->model ? "bench" : KERNELS, 0, 0);
    bool ok = bench->model ? measure_model(bench, &sink, err)
                           : bench_kernels_measure(bench->kernels, &sink, err);
    progress_end(&bench->progress);
    if (!run) return ok;
    const struct job_result result = job_result_of_speed(clock_ns() - begin_ns);
    ok = ok && store_finish_job(bench->store, bench->job, &result, err);
    return record_end(bench->store, run, ok, err);
}

/* ---- The command ---- */

static bool print_results(const struct bench *bench, struct err *err)
{
    const struct model_info *info = bench->model ? model_info(bench->model) : NULL;
    const struct bench_results results = {.model = info ? info->path : KERNELS,
                                          .quantization = info ? info->quantization : "",
                                          .records = bench->records,
                                          .n = bench->n_records};
    struct buf heading = {0};
    if (info)
        buf_printf(&heading, "%s %s, %.3g GB, KV cache in %s, %s%s", info->path, info->quantization,
                   (double)info->n_bytes * 1e-9, KV_TYPE_NAMES[bench->kv_type], isa_name(info->isa),
                   info->synthetic ? ", synthetic weights" : "");
    else buf_printf(&heading, "kernels of %s", isa_name(bench->isa));
    bool ok =
        buf_check(&heading, err) && bench_print(&results, bench->format, buf_string(&heading), err);
    buf_free(&heading);
    return ok;
}

static bool time_kernels(struct bench *bench, struct err *err)
{
    const struct options *options = bench->options;
    if (options->model || options->prompt || options->generate || options->batch || options->kv)
        return err_set(err, ERR_USAGE,
                       "--kernels takes no --model, --prompt, --generate, --batch or --kv: no "
                       "model runs");
    if (!choose_isa(bench->invocation, options->isa, &bench->isa, err)) return false;
    const struct bench_kernels_options kernels = {.isa = bench->isa,
                                                  .only = options->only,
                                                  .threads = bench->values[3],
                                                  .n_threads = bench->throughput.n_threads,
                                                  .repeat = (int)options->repeat,
                                                  .without_limits = options->no_limits};
    bench->kernels = bench_kernels_open(&kernels, err);
    bool ok = bench->kernels && measure(bench, err) && print_results(bench, err);
    bench_kernels_close(bench->kernels);
    return ok;
}

static bool time_model(struct bench *bench, struct err *err)
{
    const struct session_options session = {0}; /* of many sizes, which measurements choose */
    int64_t begin_ns = clock_ns();
    if (bench->options->only)
        return err_set(err, ERR_USAGE, "--only belongs to --kernels, which is not there");
    if (!parse_kv_type(bench->options->kv, &bench->kv_type, err)) return false;
    bench->model =
        open_model(bench->invocation, bench->options->model, bench->options->isa, &session, err);
    if (!bench->model) return false;
    bench->load_ns = clock_ns() - begin_ns;
    bench->isa = model_info(bench->model)->isa;
    bool ok = measure(bench, err) && print_results(bench, err);
    model_close(bench->model);
    return ok;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    struct bench *bench = mem_new(1, sizeof *bench, err);
    if (!bench) return false;
    bench->invocation = invocation;
    bench->options = invocation->options;
    bool ok = read_options(bench, err) &&
              (bench->options->kernels ? time_kernels(bench, err) : time_model(bench, err));
    store_close(bench->store);
    free(bench->records);
    free(bench);
    return ok;
}

static const char *const EXAMPLES[] = {
    "phibench bench -m synth:tiny:q4_0 -p 64,128 -n 16 -b 1,4 -t 1 -r 3",
    "phibench bench -m synth:tiny:q8_0 -p 32 -n 8 -r 2 -o csv",
    "phibench bench --kernels --only q4_0 -t 1,2 -r 3",
    NULL,
};

const struct command COMMAND_BENCH = {
    .name = "bench",
    .summary = "measure how fast a model runs on this machine",
    .arguments = "",
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Measures prefill for each prompt length, and decoding after a prompt of the first "
        "length, alone and in "
        "batches, with each number of threads. Every test is warmed up until its time "
        "settles; the repetitions "
        "of all tests are then measured in one random order. The table shows medians and "
        "quartiles; the other formats print every repetition. GB/s are the weights that a "
        "batch streams and, when decoding, the K and V that attention reads; GMAC/s are the "
        "multiply-adds of the matrices.\n\n"
        "Between the repetitions the machine's own limits are measured, with 1 thread, all "
        "and the numbers asked for: reading memory, and multiply-adds in registers by the "
        "instructions in use, of bytes (quantized weights) and of floats (F32, F16 and BF16 "
        "weights). Each is the median of rounds of some milliseconds, since the best round "
        "of a shared machine is a burst; the table shows the median of these and the "
        "lowest and highest. The percentage of the limit is, of the limits measured just "
        "before, the larger share: of the bandwidth that the GB/s are, or of the arithmetic "
        "that the GMAC/s are. A prompt is bound by arithmetic, decoding by memory, several "
        "sequences together by either. A model that the caches hold can read faster than "
        "memory. --no-limits leaves all that out.\n\n"
        "As data, foreign_share is the share of all processors' time that other programs "
        "had during a repetition, where the system tells it and the repetition was long "
        "enough; below the table a line says so where it was more than 5% in the median.\n\n"
        "synth:phi-3-mini:q4_0 measures the machine before a model is there.\n\n"
        "--kernels times every kernel of the instruction set by itself, with one thread "
        "unless others are asked for: products of each type with 1 to 512 tokens, on "
        "matrices larger than the caches where that is not too much work, attention, and "
        "what stands between. Kernels that work inside of the caches on floats alone have no "
        "percentage. As data and in the database, a kernel's test is called kernel:gemm "
        "q4_0, with its tokens as the prompt, of a model called kernels that has no "
        "weights of its own.",
    .examples = EXAMPLES,
    .run = run,
};
