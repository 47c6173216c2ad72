/* throughput.c - see throughput.h. One session for each number of threads stays open for the whole
 * measurement: opening one would cost page faults inside of the first measured batch.
 *
 * Rates: GB/s counts the weights that a batch streams (once, however many tokens it holds), GMAC/s
 * the multiply-adds of the matrices; both leave attention out. The output matrix counts only for
 * tokens whose logits are wanted.
 */
#include "harness/throughput.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "harness/machine.h"

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

struct measurement {
    const struct throughput_target *target;
    const struct throughput_options *options;
    const struct throughput_sink *sink;
    const struct model_info *info;
    struct session **sessions; /* [options->n_threads] */
    struct cell *cells;
    size_t n_cells, n_done, n_total;
    struct session_token *batch; /* [batch_tokens] */
    int *sequences;              /* [most sequences] */
    size_t batch_tokens, n_sequences;
};

/* ---- Cells ---- */

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

bool throughput_is_complete(const struct throughput_options *options, const char *isa,
                            const struct throughput_sink *sink, bool *complete, struct err *err)
{
    size_t n = count_cells(options);
    struct cell *cells = mem_new(n, sizeof *cells, err);
    bool ok = cells != NULL;
    *complete = true;
    if (ok) list_cells(options, cells);
    for (size_t i = 0; ok && *complete && i < n; i++)
        for (int r = 0; ok && *complete && r < options->repeat; r++) {
            struct speed_record record = cell_record(options, &cells[i], isa, r);
            ok = is_there(sink, &record, complete, err);
        }
    free(cells);
    return ok;
}

/* ---- Computing ---- */

static bool check_pause(const struct measurement *m, struct err *err)
{
    return !m->sink->pause || m->sink->pause(m->sink->context, m->n_done, m->n_total, err);
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
        if (!session_eval(session, m->batch, n_now, err) || !check_pause(m, err)) return false;
        done += n_now;
    }
    *next = logits_argmax(session_logits(session, 0), (size_t)m->info->n_vocab);
    return true;
}

static bool decode(struct measurement *m, struct session *session, size_t n_sequences, int32_t *ids,
                   int64_t n_steps, struct err *err)
{
    for (int64_t step = 0; step < n_steps; step++) {
        for (size_t i = 0; i < n_sequences; i++)
            m->batch[i] = (struct session_token){
                .sequence = m->sequences[i], .id = ids[i], .wants_logits = true};
        if (!session_eval(session, m->batch, n_sequences, err) || !check_pause(m, err))
            return false;
        for (size_t i = 0; i < n_sequences; i++)
            ids[i] = logits_argmax(session_logits(session, i), (size_t)m->info->n_vocab);
    }
    return true;
}

/* Runs the test once; the time is that of its measured part. */
static bool run_cell(struct measurement *m, const struct cell *cell, int64_t *duration_ns,
                     struct err *err)
{
    struct session *session = m->sessions[cell->i_threads];
    size_t n_sequences = (size_t)cell->batch, n_started = 0;
    int32_t *next = mem_new(n_sequences, sizeof *next, err);
    bool ok = next != NULL;
    int64_t begin_ns = clock_ns();
    for (; ok && n_started < n_sequences; n_started += ok) {
        ok = session_start(session, &m->sequences[n_started], err);
        if (!ok) break;
        ok = compute_prompt(m, session, m->sequences[n_started], (size_t)cell->prompt,
                            1 + n_started, &next[n_started], err);
        if (!ok) session_drop(session, m->sequences[n_started]);
    }
    if (cell->generate) begin_ns = clock_ns();
    ok = ok && decode(m, session, n_sequences, next, cell->generate, err);
    *duration_ns = clock_ns() - begin_ns;
    while (n_started) session_drop(session, m->sequences[--n_started]);
    free(next);
    return ok;
}

/* ---- Records ---- */

static void fill_rates(const struct measurement *m, const struct cell *cell,
                       struct speed_record *record)
{
    double seconds = (double)record->duration_ns * 1e-9;
    double output_macs = (double)m->info->n_vocab * (double)m->info->n_embd;
    double n_batches, n_tokens, n_logits;
    if (seconds <= 0) return;
    if (cell->generate) {
        n_batches = (double)cell->generate;
        n_tokens = n_logits = (double)cell->generate * (double)cell->batch;
    } else {
        n_tokens = (double)cell->prompt;
        n_batches = (double)(((size_t)cell->prompt + m->batch_tokens - 1) / m->batch_tokens);
        n_logits = 1;
    }
    double macs =
        n_tokens * ((double)m->info->macs_per_token - output_macs) + n_logits * output_macs;
    record->tokens_per_s = n_tokens / seconds;
    record->gb_per_s = n_batches * (double)m->info->read_bytes_per_token / seconds * 1e-9;
    record->gmac_per_s = macs / seconds * 1e-9;
}

static bool measure_cell(struct measurement *m, const struct cell *cell, int repetition,
                         bool warm_up, int64_t *duration_ns, struct err *err)
{
    struct speed_record record = cell_record(m->options, cell, isa_name(m->info->isa), repetition);
    machine_reset_peak();
    if (!run_cell(m, cell, duration_ns, err)) return false;
    record.warm_up = warm_up;
    record.duration_ns = *duration_ns;
    record.rss_bytes = machine_peak_rss_bytes();
    record.frequency_mhz = machine_frequency_mhz();
    fill_rates(m, cell, &record);
    /* The same measurement by its other name; a time, not a rate. It goes first: a repetition
     * counts as there when its prefill is. */
    if (!cell->generate && !warm_up) {
        struct speed_record first = record;
        first.test = "first_token";
        first.tokens_per_s = first.gb_per_s = first.gmac_per_s = 0;
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

/* Every missing repetition, in the order of a seeded shuffle (Fisher and Yates). */
static bool measure_shuffled(struct measurement *m, const bool *is_done, size_t *order,
                             struct err *err)
{
    struct rng rng = {20240423};
    size_t n_repeat = (size_t)m->options->repeat;
    for (size_t i = 0; i < m->n_total; i++) order[i] = i;
    for (size_t i = m->n_total; i > 1; i--) {
        size_t j = (size_t)rng_below(&rng, i), swapped = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swapped;
    }
    for (size_t i = 0; i < m->n_total; i++) {
        int64_t duration_ns;
        if (is_done[order[i]]) continue;
        if (!measure_cell(m, &m->cells[order[i] / n_repeat], (int)(order[i] % n_repeat), false,
                          &duration_ns, err))
            return false;
        m->n_done++;
        if (!check_pause(m, err)) return false;
    }
    return true;
}

/* ---- Set-up ---- */

static size_t largest(const int64_t *values, size_t n)
{
    int64_t most = 0;
    for (size_t i = 0; i < n; i++)
        if (values[i] > most) most = values[i];
    return (size_t)most;
}

static bool open_sessions(struct measurement *m, struct err *err)
{
    const struct throughput_options *options = m->options;
    size_t n_prompt = largest(options->prompt, options->n_prompt);
    size_t n_decode = (size_t)options->prompt[0] + largest(options->generate, options->n_generate);
    size_t n_longest = n_prompt > n_decode ? n_prompt : n_decode;
    size_t n_context =
        m->target->context_tokens ? m->target->context_tokens : (size_t)m->info->context_tokens;
    if (n_longest > n_context)
        return err_set(err, ERR_USAGE, "%zu tokens do not fit the model's context of %zu",
                       n_longest, n_context);
    uint64_t kv_bytes; /* of all sequences of the largest batch */
    if (__builtin_mul_overflow(session_kv_bytes(m->target->model, m->target->kv_type, n_longest),
                               m->n_sequences, &kv_bytes))
        return err_set(err, ERR_USAGE, "the KV cache of %zu sequences of %zu tokens is too large",
                       m->n_sequences, n_longest);
    struct session_options session = {.batch_tokens = m->batch_tokens,
                                      .context_tokens = n_longest,
                                      .kv_type = m->target->kv_type,
                                      .kv_budget_bytes = kv_bytes};
    for (size_t i = 0; i < options->n_threads; i++) {
        session.n_threads = (int)options->threads[i];
        if (!(m->sessions[i] = session_open(m->target->model, &session, err))) return false;
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
                                  .rss_bytes = machine_peak_rss_bytes(),
                                  .frequency_mhz = machine_frequency_mhz()};
    bool there = false;
    if (!m->target->load_ns) return true;
    return is_there(m->sink, &record, &there, err) &&
           (there || m->sink->put(m->sink->context, &record, err));
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
    m.batch_tokens = target->batch_tokens ? target->batch_tokens : 512;
    if (m.batch_tokens < m.n_sequences) m.batch_tokens = m.n_sequences;
    m.cells = mem_new(m.n_cells, sizeof *m.cells, err);
    m.sessions = mem_new(options->n_threads, sizeof(struct session *), err);
    m.batch = mem_new(m.batch_tokens, sizeof *m.batch, err);
    m.sequences = mem_new(m.n_sequences, sizeof *m.sequences, err);
    bool *is_done = mem_new(m.n_total, sizeof *is_done, err);
    size_t *order = mem_new(m.n_total, sizeof *order, err);
    bool ok = m.cells && m.sessions && m.batch && m.sequences && is_done && order;
    if (ok) list_cells(options, m.cells);
    ok = ok && put_load(&m, err) && open_sessions(&m, err) && prepare_cells(&m, is_done, err) &&
         measure_shuffled(&m, is_done, order, err);
    for (size_t i = 0; m.sessions && i < options->n_threads; i++) session_close(m.sessions[i]);
    free(order);
    free(is_done);
    free(m.sequences);
    free(m.batch);
    free(m.sessions);
    free(m.cells);
    return ok;
}
