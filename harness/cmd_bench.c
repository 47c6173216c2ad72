/* cmd_bench.c - phibench bench: how fast a model runs on this machine, as a table or as data.
 *
 * throughput.h measures; this file reads the options, keeps every repetition, stores it where that
 * is asked for, and prints.
 */
#include "base/clock.h"
#include "base/csv.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "harness/bench_kernels.h"
#include "harness/commands.h"
#include "harness/interrupt.h"
#include "harness/machine.h"
#include "harness/open_model.h"
#include "harness/progress.h"
#include "harness/speed_limits.h"
#include "harness/throughput.h"
#include "results/stats.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_VALUES = 32, MAX_TOKENS = 1 << 22, MAX_RECORDS = 1 << 20 };

struct options {
    const char *model, *isa, *prompt, *generate, *batch, *threads, *output, *db, *only;
    int64_t repeat, batch_tokens;
    bool kernels;
};

static const struct option_spec OPTIONS[] = {
    OPTION_MODEL(struct options, model),
    {"prompt", 'p', OPTION_TEXT, "N,...", "prompt lengths in tokens, default 512",
     offsetof(struct options, prompt), 0, 0, 0},
    {"generate", 'n', OPTION_TEXT, "N,...", "tokens to decode, default 128",
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
    OPTION_BATCH_TOKENS(struct options, batch_tokens),
    {"db", 0, OPTION_TEXT, "FILE", "also store the run in this database",
     offsetof(struct options, db), 0, 0, 0},
    {"kernels", 0, OPTION_FLAG, NULL, "time every kernel by itself, without a model",
     offsetof(struct options, kernels), 0, 0, 0},
    {"only", 0, OPTION_TEXT, "TEXT", "with --kernels: those whose name or type holds it",
     offsetof(struct options, only), 0, 0, 0},
};

static const char *const FORMATS[BENCH_FORMATS] = {"table", "json", "jsonl", "csv", "md"};

struct bench {
    const struct invocation *invocation;
    const struct options *options;
    struct throughput_options throughput;
    int64_t values[4][MAX_VALUES]; /* prompt, generate, batch, threads */
    enum bench_format format;
    struct model *model;
    const struct model_info *info;
    struct speed_record *records; /* in the order of measuring, warm-up left out */
    size_t n_records, capacity;
    struct store *store; /* NULL: not stored */
    int64_t job;
    struct progress progress;
};

/* ---- Options ---- */

static bool read_list(const char *text, const char *what, int64_t otherwise, int64_t high,
                      int64_t *values, size_t *n, struct err *err)
{
    *n = 1;
    values[0] = otherwise;
    if (!text) return true;
    if (!command_parse_integers(text, what, 1, high, values, MAX_VALUES, n, err)) return false;
    for (size_t i = 0; i < *n; i++)
        for (size_t j = 0; j < i; j++)
            if (values[i] == values[j])
                return err_set(err, ERR_USAGE, "%s: %lld stands there twice", what,
                               (long long)values[i]);
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
    while (options->output && bench->format < BENCH_FORMATS &&
           strcmp(FORMATS[bench->format], options->output) != 0)
        bench->format++;
    if (bench->format == BENCH_FORMATS)
        return err_set(err, ERR_USAGE, "unknown format \"%s\": table, json, jsonl, csv or md",
                       options->output);
    return read_list(options->prompt, "--prompt", 512, MAX_TOKENS, bench->values[0], &t->n_prompt,
                     err) &&
           read_list(options->generate, "--generate", 128, MAX_TOKENS, bench->values[1],
                     &t->n_generate, err) &&
           read_list(options->batch, "--batch", 1, 4096, bench->values[2], &t->n_batch, err) &&
           read_list(options->threads, "--threads", options->kernels ? 1 : engine_default_threads(),
                     1024, bench->values[3], &t->n_threads, err);
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

static bool after_step(void *context, size_t n_done, size_t n_total, struct err *err)
{
    struct bench *bench = context;
    bench->progress.total = n_total;
    progress_update(&bench->progress, n_done);
    return !interrupt_requested() || err_set(err, ERR_INTERRUPTED, "interrupted");
}

/* A run of one throughput job, for the reports that read the store. */
static bool begin_run(struct bench *bench, const struct machine *machine, int64_t *run,
                      struct err *err)
{
    const struct model_info *info = bench->info;
    const char *line = bench->invocation->command_line;
    char hash[65], model_hash_hex[65];
    if (!(bench->store = store_open(bench->options->db, STORE_CREATE, err)) ||
        !sha256_text(line, hash, err) || !model_hash(bench->options->model, model_hash_hex, err))
        return false;
    const struct run_record record = {.name = "bench",
                                      .command_line = line,
                                      .config_hash = hash,
                                      .isa = isa_name(info->isa),
                                      .n_threads = (int)bench->values[3][0],
                                      .started_unix_ms = clock_unix_ms(),
                                      .build = machine_build_record(),
                                      .machine = machine->record};
    const struct model_record model = {.id = *info->name ? info->name : info->path,
                                       .name = info->name,
                                       .path = info->path,
                                       .architecture = info->architecture,
                                       .quantization = info->quantization,
                                       .hash = model_hash_hex,
                                       .tokenizer = tokenizer_kind(model_tokenizer(bench->model)),
                                       .n_params = info->n_params,
                                       .n_bytes = info->n_bytes,
                                       .context_tokens = info->context_tokens,
                                       .synthetic = info->synthetic};
    struct job_record job = {.suite = "throughput",
                             .suite_version = THROUGHPUT_VERSION,
                             .protocol = "",
                             .metric = "tokens_per_s",
                             .fingerprint = hash,
                             .bos = "never",
                             .context_tokens = info->context_tokens};
    if (!store_begin_run(bench->store, &record, run, err)) return false;
    job.run = *run;
    return store_put_model(bench->store, &model, &job.model, err) &&
           store_put_job(bench->store, &job, &bench->job, err);
}

static bool measure(struct bench *bench, int64_t load_ns, struct err *err)
{
    const struct throughput_sink sink = {keep_record, NULL, after_step, bench};
    const struct throughput_target target = {.model = bench->model,
                                             .batch_tokens = (size_t)bench->options->batch_tokens,
                                             .load_ns = load_ns,
                                             .load_rss_bytes = machine_peak_rss_bytes(),
                                             .n_load_threads = engine_default_threads()};
    const struct invocation *invocation = bench->invocation;
    struct machine machine;
    int64_t run = 0, begin_ns = clock_ns();
    machine_describe(&machine);
    machine_warn(&machine.record, &invocation->log);
    if (bench->options->db && !begin_run(bench, &machine, &run, err)) return false;
    progress_begin(&bench->progress, invocation->is_terminal ? stderr : NULL, true,
                   invocation->columns, "bench", 0, 0);
    bool ok = throughput_measure(&target, &bench->throughput, &sink, err);
    progress_end(&bench->progress);
    if (!run) return ok;
    struct machine after;
    enum run_status status = ok                             ? RUN_DONE
                             : err->code == ERR_INTERRUPTED ? RUN_INTERRUPTED
                                                            : RUN_FAILED;
    machine_describe(&after);
    const struct job_result result = job_result_of_speed(clock_ns() - begin_ns);
    ok = ok && store_finish_job(bench->store, bench->job, &result, err);
    return store_finish_run(bench->store, run, status, clock_unix_ms(), &after.record,
                            ok ? err : NULL) &&
           ok;
}

/* ---- Tables ---- */

/* The repetitions of one test, summed up. */
struct line {
    const struct speed_record *first;
    size_t n;
    /* Of tokens/s, with quartiles; of seconds for a test that has no rate; of a limit, extremes. */
    double median, low, high;
    double gb_per_s, gmac_per_s, percent_of_limit;
    uint64_t rss_bytes;
};

static bool same_test(const struct speed_record *a, const struct speed_record *b)
{
    return !strcmp(a->test, b->test) && a->prompt_tokens == b->prompt_tokens &&
           a->generated_tokens == b->generated_tokens && a->batch == b->batch &&
           a->n_threads == b->n_threads;
}

static void sum_up(const struct bench *bench, const struct speed_record *first, double *values,
                   struct line *line)
{
    double *gb = values + bench->n_records, *gmac = gb + bench->n_records,
           *percent = gmac + bench->n_records;
    bool has_rate = first->tokens_per_s > 0, is_limit = speed_is_limit(first->test);
    *line = (struct line){.first = first};
    for (size_t i = 0; i < bench->n_records; i++) {
        const struct speed_record *record = &bench->records[i];
        if (!same_test(record, first)) continue;
        values[line->n] = has_rate   ? record->tokens_per_s
                          : is_limit ? record->gb_per_s + record->gmac_per_s /* one is 0 */
                                     : (double)record->duration_ns * 1e-9;
        gb[line->n] = record->gb_per_s;
        percent[line->n] = record->percent_of_limit;
        gmac[line->n++] = record->gmac_per_s;
        if (record->rss_bytes > line->rss_bytes) line->rss_bytes = record->rss_bytes;
    }
    line->median = stats_median(values, line->n);
    line->low = stats_quantile(values, line->n, is_limit ? 0 : 0.25);
    line->high = stats_quantile(values, line->n, is_limit ? 1 : 0.75);
    line->gb_per_s = stats_median(gb, line->n);
    line->gmac_per_s = stats_median(gmac, line->n);
    line->percent_of_limit = stats_median(percent, line->n);
}

static int compare_lines(const void *a, const void *b)
{
    static const char *const order[] = {"limit_read",  "limit_int8", "limit_f32", "load",
                                        "first_token", "prefill",    "decode",    "batched_decode"};
    const struct speed_record *x = ((const struct line *)a)->first,
                              *y = ((const struct line *)b)->first;
    int i = 0, j = 0;
    while (strcmp(order[i], x->test) != 0) i++;
    while (strcmp(order[j], y->test) != 0) j++;
    if (i != j) return i - j;
    if (x->prompt_tokens != y->prompt_tokens) return x->prompt_tokens - y->prompt_tokens;
    if (x->generated_tokens != y->generated_tokens)
        return x->generated_tokens - y->generated_tokens;
    if (x->batch != y->batch) return x->batch - y->batch;
    return x->n_threads - y->n_threads;
}

/* Widths of the table's columns; 0 each for Markdown. */
static const int WIDTHS[] = {14, 6, 8, 5, 7, 14, 18, 7, 8, 10, 8};
enum { N_COLUMNS = sizeof WIDTHS / sizeof WIDTHS[0], CELL_BYTES = 48 };

static void print_cells(char cells[N_COLUMNS][CELL_BYTES], bool markdown)
{
    for (int i = 0; i < N_COLUMNS; i++) {
        if (markdown) printf("%s%s", i ? " | " : "| ", cells[i]);
        else if (i == 0) printf("%-*s", WIDTHS[i], cells[i]);
        else printf(" %*s", WIDTHS[i], cells[i]);
    }
    puts(markdown ? " |" : "");
}

/* Four digits, but never an exponent for what is large. */
static void format_value(double value, char out[16])
{
    snprintf(out, 16, value >= 1000 ? "%.0f" : "%.4g", value);
}

static void print_line(const struct line *line, bool markdown)
{
    const struct speed_record *first = line->first;
    char cells[N_COLUMNS][CELL_BYTES] = {0}, low[16], high[16];
    const int integers[] = {first->prompt_tokens, first->generated_tokens, first->batch,
                            first->n_threads};
    bool has_rate = first->tokens_per_s > 0;
    snprintf(cells[0], sizeof cells[0], "%s", first->test);
    for (int i = 0; i < 4; i++) snprintf(cells[i + 1], sizeof cells[0], "%d", integers[i]);
    format_value(line->median, cells[5]);
    snprintf(cells[5] + strlen(cells[5]), sizeof cells[0] - strlen(cells[5]), "%s",
             has_rate ? " tok/s" : " s");
    format_value(line->low, low);
    format_value(line->high, high);
    snprintf(cells[6], sizeof cells[0], "%s..%s", low, high);
    if (has_rate) {
        snprintf(cells[7], sizeof cells[0], "%.1f", line->gb_per_s);
        snprintf(cells[8], sizeof cells[0], "%.1f", line->gmac_per_s);
        snprintf(cells[9], sizeof cells[0], "%.1f", line->percent_of_limit);
    }
    snprintf(cells[10], sizeof cells[0], "%.0f", (double)line->rss_bytes / 0x1p20);
    print_cells(cells, markdown);
}

/* What the machine can do at best: one line for each number of threads, medians and extremes of
 * all measurements, by which a machine that is not the same all the time is seen. */
static void print_limits(const struct line *lines, size_t n, bool markdown)
{
    static const char *const names[] = {"read GB/s", "int8 GMAC/s", "f32 GMAC/s"};
    printf(markdown ? "| limits, threads" : "limits, threads");
    for (size_t k = 0; k < 3; k++) printf(markdown ? " | %s" : "  %26s", names[k]);
    puts(markdown ? " |\n|--:|--:|--:|--:|" : "");
    for (size_t i = 0; i < n; i++) {
        int n_threads = lines[i].first->n_threads;
        if (strcmp(lines[i].first->test, "limit_read") != 0) continue;
        printf(markdown ? "| %d" : "%15d", n_threads);
        for (size_t k = 0; k < n; k++) {
            const struct line *line = &lines[k];
            char cell[64], median[16], low[16], high[16];
            if (!speed_is_limit(line->first->test) || line->first->n_threads != n_threads) continue;
            format_value(line->median, median);
            format_value(line->low, low);
            format_value(line->high, high);
            snprintf(cell, sizeof cell, "%s (%s..%s)", median, low, high);
            printf(markdown ? " | %s" : "  %26s", cell);
        }
        puts(markdown ? " |" : "");
    }
    putchar('\n');
}

static void print_head(const struct bench *bench)
{
    printf("%s %s, %.3g GB, %s%s\n\n", bench->info->path, bench->info->quantization,
           (double)bench->info->n_bytes * 1e-9, isa_name(bench->info->isa),
           bench->info->synthetic ? ", synthetic weights" : "");
}

static void print_names(bool markdown)
{
    char names[N_COLUMNS][CELL_BYTES] = {"test",    "prompt",     "generate",  "batch",
                                         "threads", "median",     "quartiles", "GB/s",
                                         "GMAC/s",  "% of limit", "MiB"};
    print_cells(names, markdown);
    if (markdown) puts("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
}

static bool print_table(const struct bench *bench, bool markdown, struct err *err)
{
    double *values = mem_new(4 * bench->n_records, sizeof *values, err);
    struct line *lines = values ? mem_new(bench->n_records, sizeof *lines, err) : NULL;
    size_t n = 0;
    for (size_t i = 0; lines && i < bench->n_records; i++) {
        size_t k = 0;
        while (k < n && !same_test(lines[k].first, &bench->records[i])) k++;
        if (k == n) sum_up(bench, &bench->records[i], values, &lines[n++]);
    }
    bool ok = lines != NULL;
    if (ok) {
        qsort(lines, n, sizeof *lines, compare_lines);
        print_head(bench);
        print_limits(lines, n, markdown);
        print_names(markdown);
        for (size_t i = 0; i < n; i++)
            if (!speed_is_limit(lines[i].first->test)) print_line(&lines[i], markdown);
    }
    free(lines);
    free(values);
    return ok;
}

/* ---- Data ---- */

static void write_record(const struct bench *bench, const struct speed_record *record,
                         struct json_writer *json)
{
    const struct {
        const char *key;
        int64_t value;
    } integers[] = {{"prompt", record->prompt_tokens},
                    {"generate", record->generated_tokens},
                    {"batch", record->batch},
                    {"threads", record->n_threads},
                    {"repetition", record->repetition},
                    {"duration_ns", record->duration_ns},
                    {"rss_bytes", (int64_t)record->rss_bytes}};
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"tokens_per_s", record->tokens_per_s},
                   {"gb_per_s", record->gb_per_s},
                   {"gmac_per_s", record->gmac_per_s},
                   {"percent_of_limit", record->percent_of_limit},
                   {"frequency_mhz", record->frequency_mhz}};
    const struct {
        const char *key, *value;
    } texts[] = {{"model", bench->info->path},
                 {"quantization", bench->info->quantization},
                 {"isa", record->isa},
                 {"test", record->test}};
    json_begin_object(json);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_key(json, texts[i].key);
        json_put_string(json, texts[i].value);
    }
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        json_key(json, integers[i].key);
        json_put_integer(json, integers[i].value);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        json_key(json, numbers[i].key);
        if (numbers[i].value > 0) json_put_number(json, numbers[i].value);
        else json_put_null(json);
    }
    json_end_object(json);
}

static void write_json(const struct bench *bench, bool lines, struct buf *out)
{
    struct json_writer json = {.out = out, .indent = lines ? 0 : 2};
    if (!lines) json_begin_array(&json);
    for (size_t i = 0; i < bench->n_records; i++) {
        write_record(bench, &bench->records[i], &json);
        if (lines) {
            buf_char(out, '\n');
            json = (struct json_writer){.out = out};
        }
    }
    if (lines) return;
    json_end_array(&json);
    buf_char(out, '\n');
}

static void write_csv(const struct bench *bench, struct buf *out)
{
    buf_text(out, "model,quantization,isa,test,prompt,generate,batch,threads,repetition,duration_"
                  "ns,rss_bytes,"
                  "tokens_per_s,gb_per_s,gmac_per_s,percent_of_limit,frequency_mhz\n");
    for (size_t i = 0; i < bench->n_records; i++) {
        const struct speed_record *record = &bench->records[i];
        csv_put(out, bench->info->path, ',');
        buf_printf(out, ",%s,%s,%s,%d,%d,%d,%d,%d,%lld,%llu", bench->info->quantization,
                   record->isa, record->test, record->prompt_tokens, record->generated_tokens,
                   record->batch, record->n_threads, record->repetition,
                   (long long)record->duration_ns, (unsigned long long)record->rss_bytes);
        const double numbers[] = {record->tokens_per_s, record->gb_per_s, record->gmac_per_s,
                                  record->percent_of_limit, record->frequency_mhz};
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++)
            numbers[k] > 0 ? buf_printf(out, ",%.9g", numbers[k]) : buf_char(out, ',');
        buf_char(out, '\n');
    }
}

static bool print_records(const struct bench *bench, struct err *err)
{
    if (bench->format == BENCH_TABLE || bench->format == BENCH_MARKDOWN)
        return print_table(bench, bench->format == BENCH_MARKDOWN, err);
    struct buf out = {0};
    if (bench->format == BENCH_CSV) write_csv(bench, &out);
    else write_json(bench, bench->format == BENCH_JSONL, &out);
    bool ok = buf_check(&out, err);
    if (ok) fputs(buf_string(&out), stdout);
    buf_free(&out);
    return ok;
}

/* ---- The command ---- */

static bool time_kernels(const struct bench *bench, struct err *err)
{
    const struct options *options = bench->options;
    struct bench_kernels_options kernels = {.only = options->only,
                                            .threads = bench->values[3],
                                            .n_threads = bench->throughput.n_threads,
                                            .repeat = options->repeat,
                                            .format = bench->format};
    if (options->model || options->prompt || options->generate || options->batch || options->db)
        return err_set(err, ERR_USAGE,
                       "--kernels takes no --model, --prompt, --generate, --batch "
                       "or --db: no model runs, and nothing is stored");
    return choose_isa(bench->invocation, options->isa, &kernels.isa, err) &&
           bench_kernels(bench->invocation, &kernels, err);
}

static bool time_model(struct bench *bench, struct err *err)
{
    int64_t begin_ns = clock_ns();
    if (bench->options->only)
        return err_set(err, ERR_USAGE, "--only belongs to --kernels, which is not there");
    bench->model =
        open_model(bench->invocation, bench->options->model, bench->options->isa, 0, err);
    if (!bench->model) return false;
    bench->info = model_info(bench->model);
    return measure(bench, clock_ns() - begin_ns, err) && print_records(bench, err);
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
    model_close(bench->model);
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
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof OPTIONS[0],
    .options_size = sizeof(struct options),
    .details = "Measures prefill for each prompt length, and decoding after a prompt of the first "
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
               "memory.\n\n"
               "synth:phi-3-mini:q4_0 measures the machine before a model is there.\n\n"
               "--kernels times every kernel of the instruction set by itself, with one thread "
               "unless others are asked for: products of each type with 1 to 512 tokens, on "
               "matrices larger than the caches where that is not too much work, attention, and "
               "what stands between. Rates of the median of the repetitions; limits are measured "
               "before and after, percentages are of their mean. Kernels that work inside of the "
               "caches on floats alone have no percentage.",
    .examples = EXAMPLES,
    .run = run,
};
