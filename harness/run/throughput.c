/* throughput.c - see throughput.h. One session for each number of threads stays open for the whole
 * measurement: opening one would cost page faults inside of the first measured batch. The prompts
 * that decoding follows are computed once in each session; a repetition forgets what it decoded.
 *
 * Limits are measured before the first repetition, after every part of them, and at the end; a
 * repetition's percentage is of the latest, so that both are of the same minute.
 */
#include "harness/run/throughput.h"

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/rng.h"
#include "harness/run/machine.h"
#include "harness/run/speed_limits.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_WARM_UPS = 4 };
static const int64_t ENOUGH_WARM_UP_NS = INT64_C(20000000000);
static const double SETTLED = 0.03; /* two warm-ups in a row that differ by less */

/* A test with a number of threads. */
struct cell {
    const char *test;
    int64_t prompt, generate, batch;
    size_t i_threads;
};

/* A session with the sequences that decoding starts from: each holds a prompt of the first length.
 */
struct bench {
    struct session *session;
    int *sequences; /* [n_ready], room for all: the prompts */
    int *forks;     /* of them, which decode */
    int32_t *next;  /* the most probable token after each prompt */
    size_t n_ready;
};

struct measurement {
    const struct throughput_target *target;
    const struct throughput_options *options;
    const struct throughput_sink *sink;
    const struct model_info *info;
    struct speed_limits limits;
    struct bench *benches; /* [options->n_threads] */
    struct cell *cells;
    size_t n_cells, n_done, n_total;
    struct session_token *batch; /* [batch_tokens] */
    int32_t *ids;                /* [n_sequences] */
    size_t batch_tokens, n_sequences;
    size_t n_decoded; /* tokens at most of a sequence that decodes */
};

/* ---- Cells ---- */

static size_t largest(const int64_t *values, size_t n)
{
    int64_t most = 0;
    for (size_t i = 0; i < n; i++)
        if (values[i] > most) most = values[i];
    return (size_t)most;
}

/* Tokens at most of a sequence that decodes. */
static size_t most_decoded(const struct throughput_options *options)
{
    return (size_t)options->prompt[0] + largest(options->generate, options->n_generate);
}

static size_t count_cells(const struct throughput_options *options)
{
    return options->n_threads * (options->n_prompt + options->n_generate * options->n_batch);
}

static void list_cells(const struct throughput_options *options, struct cell *cells)
{
    size_t n = 0;
    for (size_t t = 0; t < options->n_threads; t++) {
        for (size_t i = 0; i < options->n_prompt; i++)
            cells[n++] = (struct cell){"prefill", options->prompt[i], 0, 1, t};
        for (size_t i = 0; i < options->n_generate; i++)
            for (size_t j = 0; j < options->n_batch; j++)
                cells[n++] =
                    (struct cell){options->batch[j] > 1 ? "batched_decode" : "decode",
                                  options->prompt[0], options->generate[i], options->batch[j], t};
    }
}

static struct speed_record cell_record(const struct throughput_options *options,
                                       const struct cell *cell, const char *isa, int repetition)
{
    return (struct speed_record){.test = cell->test,
                                 .prompt_tokens = (int)cell->prompt,
                                 .generated_tokens = (int)cell->generate,
                                 .batch = (int)cell->batch,
                                 .n_threads = (int)options->threads[cell->i_threads],
                                 .repetition = repetition,
                                 .isa = isa};
}

static bool is_there(const struct throughput_sink *sink, const struct speed_record *record,
                     bool *there, struct err *err)
{
    *there = false;
    return !sink->has || sink->has(sink->context, record, there, err);
}

static bool has_limits(const struct throughput_sink *sink, const struct speed_limits *limits,
                       int part, bool *complete, struct err *err)
{
    *complete = true;
    for (size_t i = 0; *complete && i < speed_limits_count(limits); i++) {
        struct speed_record record = speed_limits_record(limits, i, part);
        if (!is_there(sink, &record, complete, err)) return false;
    }
    return true;
}

bool throughput_is_complete(const struct throughput_options *options, enum isa isa,
                            const struct throughput_sink *sink, bool *complete, struct err *err)
{
    size_t n = count_cells(options);
    struct speed_limits limits = {0};
    struct cell *cells = mem_new(n, sizeof *cells, err);
    bool ok = cells && speed_limits_init(&limits, isa, options->threads, options->n_threads, err);
    *complete = true;
    if (ok) list_cells(options, cells);
    for (size_t i = 0; ok && *complete && i < n; i++)
        for (int r = 0; ok && *complete && r < options->repeat; r++) {
            struct speed_record record = cell_record(options, &cells[i], isa_name(isa), r);
            ok = is_there(sink, &record, complete, err);
        }
    for (int part = 0; ok && *complete && part <= speed_limits_parts(options->repeat); part++)
        ok = has_limits(sink, &limits, part, complete, err);
    speed_limits_done(&limits);
    free(cells);
    return ok;
}

/* ---- Computing ---- */

bool throughput_pause(const struct throughput_sink *sink, size_t n_done, size_t n_total,
                      struct err *err)
{
    if (sink->progress) sink->progress(sink->context, n_done, n_total);
    return interrupt_check(err);
}

static bool pause_between(const struct measurement *m, struct err *err)
{
    return throughput_pause(m->sink, m->n_done, m->n_total, err);
}

/* Appends n pseudo-random tokens to the sequence; *next is the most probable token after them. */
static bool compute_prompt(struct measurement *m, struct session *session, int sequence, size_t n,
                           uint64_t seed, int32_t *next, struct err *err)
{
    struct rng rng = {seed};
    for (size_t done = 0; done < n;) {
        size_t n_now = n - done < m->batch_tokens ? n - done : m->batch_tokens;
        for (size_t i = 0; i < n_now; i++)
            m->batch[i] =
                (struct session_token){.sequence = sequence,
                                       .id = (int32_t)rng_below(&rng, (uint64_t)m->info->n_vocab),
                                       .wants_logits = done + i + 1 == n};
        if (!session_eval(session, m->batch, n_now, err) || !pause_between(m, err)) return false;
        done += n_now;
    }
    *next = logits_argmax(session_logits(session, 0), (size_t)m->info->n_vocab);
    return true;
}

/* A new sequence with a prompt of n tokens, which will have n_most at most: what crosses the border
 * of a model with LongRoPE is rotated as a long one from its start, so that decoding is measured
 * and no prompt computed anew. */
static bool start_prompt(struct measurement *m, struct session *session, size_t n, size_t n_most,
                         uint64_t seed, int *sequence, int32_t *next, struct err *err)
{
    if (!session_start(session, sequence, err)) return false;
    session_expect(session, *sequence, n_most);
    if (compute_prompt(m, session, *sequence, n, seed, next, err)) return true;
    session_drop(session, *sequence);
    return false;
}

/* How long the measured part of a test takes, and what others have of the machine meanwhile. */
struct span {
    struct machine_moment begin;
    int64_t begin_ns, duration_ns;
    double foreign_share;
};

static struct span begin_span(void)
{
    struct span span = {.begin = machine_now()};
    span.begin_ns = clock_ns(); /* reading the machine's state takes time of its own */
    return span;
}

static void end_span(struct span *span)
{
    span->duration_ns = clock_ns() - span->begin_ns;
    struct machine_moment end = machine_now();
    span->foreign_share = machine_foreign_share(&span->begin, &end, 0);
}

static bool run_prefill(struct measurement *m, const struct cell *cell, struct span *span,
                        struct err *err)
{
    struct session *session = m->benches[cell->i_threads].session;
    int sequence;
    int32_t next;
    size_t n = (size_t)cell->prompt;
    *span = begin_span();
    if (!start_prompt(m, session, n, n, 1, &sequence, &next, err)) return false;
    end_span(span);
    session_drop(session, sequence);
    return true;
}

static bool run_decode(struct measurement *m, const struct cell *cell, struct span *span,
                       struct err *err)
{
    struct bench *bench = &m->benches[cell->i_threads];
    size_t n_sequences = (size_t)cell->batch, n_prompt = (size_t)cell->prompt;
    for (; bench->n_ready < n_sequences; bench->n_ready++)
        if (!start_prompt(m, bench->session, n_prompt, m->n_decoded, 1 + bench->n_ready,
                          &bench->sequences[bench->n_ready], &bench->next[bench->n_ready], err))
            return false;
    memcpy(m->ids, bench->next, n_sequences * sizeof *m->ids);
    bool ok = true;
    size_t n_forks = 0;
    for (; ok && n_forks < n_sequences; n_forks += ok)
        ok = session_fork(bench->session, bench->sequences[n_forks], n_prompt,
                          &bench->forks[n_forks], err);
    *span = begin_span();
    for (int64_t step = 0; ok && step < cell->generate; step++) {
        for (size_t i = 0; i < n_sequences; i++)
            m->batch[i] = (struct session_token){
                .sequence = bench->forks[i], .id = m->ids[i], .wants_logits = true};
        ok = session_eval(bench->session, m->batch, n_sequences, err) && pause_between(m, err);
        for (size_t i = 0; ok && i < n_sequences; i++)
            m->ids[i] = logits_argmax(session_logits(bench->session, i), (size_t)m->info->n_vocab);
    }
    end_span(span);
    for (size_t i = 0; i < n_forks; i++) session_drop(bench->session, bench->forks[i]);
    return ok;
}

/* Runs the test once; the span is that of its measured part. */
static bool run_cell(struct measurement *m, const struct cell *cell, struct span *span,
                     struct err *err)
{
    return cell->generate ? run_decode(m, cell, span, err) : run_prefill(m, cell, span, err);
}

/* ---- Records ---- */

/* Bytes of K and V that attention reads for the tokens that a sequence decodes. */
static double decoded_kv_bytes(const struct measurement *m, const struct cell *cell)
{
    double n_bytes = 0;
    for (int64_t i = 1; i <= cell->generate; i++)
        n_bytes +=
            session_kv_read_bytes(m->target->model, m->target->kv_type, (size_t)(cell->prompt + i));
    return n_bytes;
}

static void fill_rates(const struct measurement *m, const struct cell *cell,
                       struct speed_record *record)
{
    double seconds = (double)record->duration_ns * 1e-9;
    double output_macs = (double)m->info->n_vocab * (double)m->info->n_embd;
    double n_batches, n_tokens, n_logits, kv_bytes = 0;
    if (seconds <= 0) return;
    if (cell->generate) {
        n_batches = (double)cell->generate;
        n_tokens = n_logits = (double)cell->generate * (double)cell->batch;
        kv_bytes = (double)cell->batch * decoded_kv_bytes(m, cell);
    } else {
        n_tokens = (double)cell->prompt;
        n_batches = (double)(((size_t)cell->prompt + m->batch_tokens - 1) / m->batch_tokens);
        n_logits = 1;
    }
    double bytes = n_batches * (double)m->info->read_bytes_per_token + kv_bytes;
    double macs =
        n_tokens * ((double)m->info->macs_per_token - output_macs) + n_logits * output_macs;
    record->tokens_per_s = n_tokens / seconds;
    record->gb_per_s = bytes / seconds * 1e-9;
    record->gmac_per_s = macs / seconds * 1e-9;
    record->percent_of_limit =
        speed_limits_percent(&m->limits, record->n_threads, speed_is_float(m->info->quantization),
                             record->gb_per_s, record->gmac_per_s);
}

static bool measure_cell(struct measurement *m, const struct cell *cell, int repetition,
                         bool warm_up, int64_t *duration_ns, struct err *err)
{
    struct speed_record record = cell_record(m->options, cell, isa_name(m->info->isa), repetition);
    struct span span;
    machine_reset_peak();
    if (!run_cell(m, cell, &span, err)) return false;
    record.warm_up = warm_up;
    record.duration_ns = *duration_ns = span.duration_ns;
    record.foreign_share = span.foreign_share;
    record.rss_bytes = machine_peak_rss_bytes();
    record.frequency_mhz = machine_frequency_mhz();
    fill_rates(m, cell, &record);
    /* A prefill is also the time until the first token, which is stored under that name, and first:
     * a repetition counts as there when its prefill is. */
    if (!cell->generate && !warm_up) {
        struct speed_record first = record;
        first.test = "first_token";
        first.tokens_per_s = first.gb_per_s = first.gmac_per_s = first.percent_of_limit = 0;
        if (!m->sink->put(m->sink->context, &first, err)) return false;
    }
    return m->sink->put(m->sink->context, &record, err);
}

static bool warm_up(struct measurement *m, const struct cell *cell, struct err *err)
{
    int64_t previous_ns = 0, total_ns = 0;
    for (int i = 0; i < MAX_WARM_UPS && total_ns < ENOUGH_WARM_UP_NS; i++) {
        int64_t duration_ns;
        if (!measure_cell(m, cell, i, true, &duration_ns, err)) return false;
        double change =
            (double)(duration_ns - previous_ns) / (double)(duration_ns ? duration_ns : 1);
        if (i && change > -SETTLED && change < SETTLED) break;
        previous_ns = duration_ns;
        total_ns += duration_ns;
    }
    return true;
}

/* Warms up the cells that lack a repetition; is_done [n_cells * repeat] says which they have. */
static bool prepare_cells(struct measurement *m, bool *is_done, struct err *err)
{
    size_t n_repeat = (size_t)m->options->repeat;
    for (size_t i = 0; i < m->n_cells; i++) {
        size_t n_missing = 0;
        for (size_t r = 0; r < n_repeat; r++) {
            struct speed_record record =
                cell_record(m->options, &m->cells[i], isa_name(m->info->isa), (int)r);
            if (!is_there(m->sink, &record, &is_done[i * n_repeat + r], err)) return false;
            n_missing += !is_done[i * n_repeat + r];
        }
        m->n_done += n_repeat - n_missing;
        if (n_missing && !warm_up(m, &m->cells[i], err)) return false;
    }
    return true;
}

/* Measures the limits after so many parts of the repetitions, unless they are stored and this
 * process has some. Their memory is no part of the model's: peaks are reset before repetitions. */
static bool measure_limits(struct measurement *m, int n_parts, struct err *err)
{
    bool there;
    if (m->target->without_limits) return true;
    if (!has_limits(m->sink, &m->limits, n_parts, &there, err)) return false;
    if (there && m->limits.measured) return true;
    if (!speed_limits_measure(&m->limits, err)) return false;
    for (size_t i = 0; i < speed_limits_count(&m->limits); i++) {
        struct speed_record record = speed_limits_record(&m->limits, i, n_parts);
        if (!m->sink->put(m->sink->context, &record, err)) return false;
    }
    return pause_between(m, err);
}

/* Measures those of the repetitions order[begin..end) that are missing. */
static bool measure_part(struct measurement *m, const bool *is_done, const size_t *order,
                         size_t begin, size_t end, struct err *err)
{
    size_t n_repeat = (size_t)m->options->repeat;
    for (size_t i = begin; i < end; i++) {
        int64_t duration_ns;
        if (is_done[order[i]]) continue;
        if (!measure_cell(m, &m->cells[order[i] / n_repeat], (int)(order[i] % n_repeat), false,
                          &duration_ns, err))
            return false;
        m->n_done++;
        if (!pause_between(m, err)) return false;
    }
    return true;
}

/* Measures every missing repetition, in the order of a seeded shuffle. */
static bool measure_shuffled(struct measurement *m, const bool *is_done, size_t *order,
                             struct err *err)
{
    struct rng rng = {20240423};
    size_t n_parts = (size_t)speed_limits_parts(m->options->repeat);
    rng_shuffle(&rng, order, m->n_total);
    for (size_t part = 0; part < n_parts; part++)
        if (!measure_part(m, is_done, order, part * m->n_total / n_parts,
                          (part + 1) * m->n_total / n_parts, err) ||
            !measure_limits(m, (int)part + 1, err))
            return false;
    return true;
}

/* ---- Set-up ---- */

static bool open_benches(struct measurement *m, struct err *err)
{
    const struct throughput_options *options = m->options;
    size_t n_prompt = largest(options->prompt, options->n_prompt);
    size_t n_longest = n_prompt > m->n_decoded ? n_prompt : m->n_decoded;
    size_t n_context =
        m->target->context_tokens ? m->target->context_tokens : (size_t)m->info->context_tokens;
    if (n_longest > n_context)
        return err_set(err, ERR_USAGE, "%zu tokens do not fit the model's context of %zu",
                       n_longest, n_context);
    /* Of all sequences of the largest batch and their forks, and one for prefill. */
    const struct throughput_target *target = m->target;
    size_t n_fork = largest(options->generate, options->n_generate) + SESSION_PAGE_TOKENS;
    uint64_t kv_bytes =
        session_kv_bytes(target->model, target->kv_type, n_longest, m->batch_tokens);
    uint64_t fork_bytes = session_kv_bytes(target->model, target->kv_type, n_fork, 1);
    if (__builtin_add_overflow(kv_bytes, fork_bytes, &kv_bytes) ||
        __builtin_mul_overflow(kv_bytes, m->n_sequences + 1, &kv_bytes))
        return err_set(err, ERR_USAGE, "the KV cache of %zu sequences of %zu tokens is too large",
                       m->n_sequences, n_longest);
    struct session_options session = {.batch_tokens = m->batch_tokens,
                                      .context_tokens = n_longest,
                                      .kv_type = m->target->kv_type,
                                      .rope = m->target->rope,
                                      .kv_budget_bytes = kv_bytes};
    for (size_t i = 0; i < options->n_threads; i++) {
        struct bench *bench = &m->benches[i];
        session.n_threads = (int)options->threads[i];
        bench->sequences = mem_new(m->n_sequences, sizeof *bench->sequences, err);
        bench->forks = mem_new(m->n_sequences, sizeof *bench->forks, err);
        bench->next = mem_new(m->n_sequences, sizeof *bench->next, err);
        if (!bench->sequences || !bench->forks || !bench->next ||
            !(bench->session = session_open(m->target->model, &session, err)))
            return false;
    }
    return true;
}

static bool put_load(struct measurement *m, struct err *err)
{
    struct speed_record record = {.test = "load",
                                  .batch = 1,
                                  .n_threads = m->target->n_load_threads,
                                  .isa = isa_name(m->info->isa),
                                  .duration_ns = m->target->load_ns,
                                  .rss_bytes = m->target->load_rss_bytes,
                                  .frequency_mhz = machine_frequency_mhz(),
                                  .foreign_share = SPEED_SHARE_UNKNOWN};
    bool there = false;
    if (!m->target->load_ns) return true;
    return is_there(m->sink, &record, &there, err) &&
           (there || m->sink->put(m->sink->context, &record, err));
}

static void close_benches(struct measurement *m)
{
    for (size_t i = 0; m->benches && i < m->options->n_threads; i++) {
        session_close(m->benches[i].session);
        free(m->benches[i].sequences);
        free(m->benches[i].forks);
        free(m->benches[i].next);
    }
    free(m->benches);
}

bool throughput_measure(const struct throughput_target *target,
                        const struct throughput_options *options,
                        const struct throughput_sink *sink, struct err *err)
{
    struct measurement m = {
        .target = target, .options = options, .sink = sink, .info = model_info(target->model)};
    m.n_cells = count_cells(options);
    m.n_total = m.n_cells * (size_t)options->repeat;
    m.n_sequences = largest(options->batch, options->n_batch);
    m.n_decoded = most_decoded(options);
    m.batch_tokens = target->batch_tokens ? target->batch_tokens : 512;
    if (m.batch_tokens < m.n_sequences) m.batch_tokens = m.n_sequences;
    m.cells = mem_new(m.n_cells, sizeof *m.cells, err);
    m.benches = mem_new(options->n_threads, sizeof *m.benches, err);
    m.batch = mem_new(m.batch_tokens, sizeof *m.batch, err);
    m.ids = mem_new(m.n_sequences, sizeof *m.ids, err);
    bool *is_done = mem_new(m.n_total, sizeof *is_done, err);
    size_t *order = mem_new(m.n_total, sizeof *order, err);
    bool ok = m.cells && m.benches && m.batch && m.ids && is_done && order &&
              speed_limits_init(&m.limits, m.info->isa, options->threads, options->n_threads, err);
    if (ok) list_cells(options, m.cells);
    ok = ok && put_load(&m, err) && open_benches(&m, err) && measure_limits(&m, 0, err) &&
         prepare_cells(&m, is_done, err) && measure_shuffled(&m, is_done, order, err);
    close_benches(&m);
    speed_limits_done(&m.limits);
    free(order);
    free(is_done);
    free(m.ids);
    free(m.batch);
    free(m.cells);
    return ok;
}
