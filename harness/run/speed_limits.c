/* speed_limits.c - see speed_limits.h. Measuring is the engine's; this keeps the latest figures for
 * each number of threads and does the arithmetic.
 */
#include "harness/run/speed_limits.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const char *const TESTS[] = {"limit_read", "limit_int8", "limit_f32"};
enum { N_TESTS = COUNT_OF(TESTS), MAX_PARTS = 6 };

/* Keeps the list ascending and without repetitions. */
static void add_threads(struct speed_limits *limits, int n_threads)
{
    size_t i = 0;
    while (i < limits->n && limits->n_threads[i] < n_threads) i++;
    if (i < limits->n && limits->n_threads[i] == n_threads) return;
    memmove(limits->n_threads + i + 1, limits->n_threads + i,
            (limits->n - i) * sizeof *limits->n_threads);
    limits->n_threads[i] = n_threads;
    limits->n++;
}

bool speed_limits_init(struct speed_limits *limits, enum isa isa, const int64_t *asked,
                       size_t n_asked, struct err *err)
{
    *limits = (struct speed_limits){.isa = isa};
    limits->n_threads = mem_new(n_asked + 2, sizeof *limits->n_threads, err);
    limits->latest = mem_new(n_asked + 2, sizeof *limits->latest, err);
    if (!limits->n_threads || !limits->latest) {
        speed_limits_done(limits);
        return false;
    }
    add_threads(limits, 1);
    add_threads(limits, engine_default_threads());
    for (size_t i = 0; i < n_asked; i++) add_threads(limits, (int)asked[i]);
    return true;
}

void speed_limits_done(struct speed_limits *limits)
{
    free(limits->n_threads);
    free(limits->latest);
    *limits = (struct speed_limits){0};
}

bool speed_limits_measure(struct speed_limits *limits, struct err *err)
{
    limits->measured =
        engine_measure_limits(limits->isa, limits->n_threads, limits->n, limits->latest, err);
    return limits->measured || err_context(err, "measuring the machine's limits");
}

static double percent_of(double rate, double limit)
{
    return limit > 0 ? 100 * rate / limit : 0;
}

double speed_limits_percent(const struct speed_limits *limits, int n_threads, bool is_float,
                            double gb_per_s, double gmac_per_s)
{
    size_t i = 0;
    while (i < limits->n && limits->n_threads[i] != n_threads) i++;
    if (!limits->measured || i == limits->n) return 0;
    const struct machine_limits *latest = &limits->latest[i];
    double of_memory = percent_of(gb_per_s, latest->read_gb_per_s);
    double of_arithmetic =
        percent_of(gmac_per_s, is_float ? latest->f32_gmac_per_s : latest->int8_gmac_per_s);
    return of_memory > of_arithmetic ? of_memory : of_arithmetic;
}

bool speed_is_float(const char *quantization)
{
    return !strcmp(quantization, "f32") || !strcmp(quantization, "f16") ||
           !strcmp(quantization, "bf16");
}

size_t speed_limits_count(const struct speed_limits *limits)
{
    return limits->n * N_TESTS;
}

struct speed_record speed_limits_record(const struct speed_limits *limits, size_t i, int repetition)
{
    const struct machine_limits *latest = &limits->latest[i / N_TESTS];
    struct speed_record record = {.test = TESTS[i % N_TESTS],
                                  .batch = 1,
                                  .n_threads = limits->n_threads[i / N_TESTS],
                                  .repetition = repetition,
                                  .isa = isa_name(limits->isa),
                                  .foreign_share = SPEED_SHARE_UNKNOWN};
    switch (i % N_TESTS) {
    case 0: record.gb_per_s = latest->read_gb_per_s; break;
    case 1: record.gmac_per_s = latest->int8_gmac_per_s; break;
    default: record.gmac_per_s = latest->f32_gmac_per_s; break;
    }
    return record;
}

int speed_limits_parts(int repeat)
{
    return repeat < MAX_PARTS ? repeat : MAX_PARTS;
}

bool speed_is_limit(const char *test)
{
    return !strncmp(test, "limit_", strlen("limit_"));
}
