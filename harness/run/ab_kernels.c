/* ab_kernels.c - see ab_kernels.h.
 *
 * `bench --kernels --only TEXT` times kernels whose name or type holds the text: one process for
 * each type of the model's matrices, whose products take most of the time, and some for what stands
 * between them. Products by types that the model does not hold are dropped.
 */
#include "harness/run/ab_kernels.h"

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/tools.h"
#include "harness/run/bench_kernels.h"
#include "results/stats/order.h"
#include "results/stats/several.h"

#include <stdlib.h>
#include <string.h>

/* Of fewer than eleven blocks, no permutation test gets below 5% of some thirty kernels. */
enum { LEAST_BLOCKS = 12, MAX_TYPES = 32, TYPE_BYTES = 16, MAX_KERNELS = 4096 };
static const char GEMM[] = BENCH_KERNEL_PREFIX "gemm ", REPEAT[] = "5";
static const double SIGNIFICANT = 0.05;
static const int64_t TIMEOUT_NS = INT64_C(600000000000);

/* Parts of the names of what is no product by weights. */
static const char *const BETWEEN[] = {"attention", "kv_store", "quantize", "_norm",
                                      "rope",      "_mul",     "add"};

struct inquiry {
    const struct ab_kernels_options *options;
    struct ab_kernels *kernels;
    char types[MAX_TYPES][TYPE_BYTES]; /* of the model's matrices */
    size_t n_types;
    const char *only[MAX_TYPES + COUNT_OF(BETWEEN)];
    size_t n_only;
    struct progress progress;
};

/* ---- What to time ---- */

static bool has_type(const struct inquiry *inquiry, const char *type)
{
    for (size_t i = 0; i < inquiry->n_types; i++)
        if (!strcmp(inquiry->types[i], type)) return true;
    return false;
}

static bool list_types(struct inquiry *inquiry, struct err *err)
{
    struct model_file *file = model_file_open(inquiry->options->model, err);
    struct model_file_tensor tensor;
    if (!file) return false;
    for (size_t i = 0; i < model_file_count_tensors(file); i++) {
        model_file_tensor(file, i, &tensor);
        if (tensor.n_dimensions < 2 || tensor.shape[1] < 2 || has_type(inquiry, tensor.type) ||
            inquiry->n_types == MAX_TYPES)
            continue;
        snprintf(inquiry->types[inquiry->n_types++], TYPE_BYTES, "%s", tensor.type);
    }
    model_file_close(file);
    return true;
}

/* The texts for --only. */
static void list_only(struct inquiry *inquiry)
{
    for (size_t i = 0; i < inquiry->n_types; i++)
        inquiry->only[inquiry->n_only++] = inquiry->types[i];
    for (size_t i = 0; i < COUNT_OF(BETWEEN); i++) inquiry->only[inquiry->n_only++] = BETWEEN[i];
}

/* ---- Measuring ---- */

/* The kernel of that name, a new one if need be; NULL with an error. */
static struct ab_kernel *find_kernel(struct ab_kernels *kernels, const char *name, struct err *err)
{
    for (size_t i = 0; i < kernels->n; i++)
        if (!strcmp(kernels->items[i].name, name)) return &kernels->items[i];
    if (!mem_grow((void **)&kernels->items, &kernels->capacity, kernels->n + 1,
                  sizeof *kernels->items, MAX_KERNELS, err))
        return NULL;
    struct ab_kernel *kernel = &kernels->items[kernels->n++];
    *kernel = (struct ab_kernel){0};
    snprintf(kernel->name, sizeof kernel->name, "%s", name);
    return kernel;
}

/* Takes in the record at `first` and the further repetitions of its kernel, as one value. */
static bool put_kernel(struct inquiry *inquiry, const struct json *records, size_t first,
                       enum ab_arm arm, struct err *err)
{
    const struct json *record = json_at(records, first);
    const char *test = json_as_string(json_get(record, "test"), "");
    int64_t n_tokens = json_as_integer(json_get(record, "prompt"), 0);
    double values[64];
    size_t n = 0;
    char name[80];
    if (!bench_is_kernel(test) || json_as_integer(json_get(record, "repetition"), 0) ||
        (!strncmp(test, GEMM, strlen(GEMM)) && !has_type(inquiry, test + strlen(GEMM))))
        return true;
    for (size_t i = 0; i < json_length(records) && n < COUNT_OF(values); i++) {
        const struct json *other = json_at(records, i);
        double ns = json_as_number(json_get(other, "duration_ns"), 0);
        if (!strcmp(json_as_string(json_get(other, "test"), ""), test) && ns > 0 &&
            json_as_integer(json_get(other, "prompt"), 0) == n_tokens)
            values[n++] = 1e9 / ns;
    }
    snprintf(name, sizeof name, "%s, %lld token%s", test + strlen(BENCH_KERNEL_PREFIX),
             (long long)n_tokens, n_tokens == 1 ? "" : "s");
    struct ab_kernel *kernel = find_kernel(inquiry->kernels, name, err);
    return kernel && ab_series_put(&kernel->series, inquiry->kernels->n_blocks, arm,
                                   n ? stats_median(values, n) : 0, err);
}

static bool measure(struct inquiry *inquiry, enum ab_arm arm, const char *only, struct err *err)
{
    const struct ab_kernels_options *options = inquiry->options;
    const char *words[12] = {"bench", "--kernels", "--only", only, "-r", REPEAT, "-o", "json"};
    size_t n = 8;
    if (options->without_limits) words[n++] = "--no-limits";
    if (options->isa) {
        words[n++] = "--isa";
        words[n++] = options->isa;
    }
    struct ab_usage usage;
    struct json *records =
        ab_run_program(&options->programs[arm == AB_B], words, n, TIMEOUT_NS, &usage, err);
    bool ok = records != NULL;
    for (size_t i = 0; ok && i < json_length(records); i++)
        ok = put_kernel(inquiry, records, i, arm, err);
    json_free(records);
    return ok;
}

/* Whether every kernel's interval is half as wide as the slowdown that one of them may have. */
static bool is_precise(const struct inquiry *inquiry)
{
    const struct ab_kernels *kernels = inquiry->kernels;
    for (size_t i = 0; i < kernels->n; i++) {
        struct ab_comparison comparison = ab_compare(&kernels->items[i].series);
        struct interval decisive = comparison.decisive;
        if (comparison.n && !(decisive.high - decisive.low <= inquiry->options->slowdown / 2))
            return false;
    }
    return kernels->n_blocks >= LEAST_BLOCKS;
}

static void show_progress(struct inquiry *inquiry, double spent_share)
{
    size_t n = inquiry->kernels->n_blocks, n_all = (size_t)((double)n / spent_share);
    inquiry->progress.total = n_all > n ? n_all : n;
    progress_update(&inquiry->progress, n);
}

static bool measure_blocks(struct inquiry *inquiry, struct err *err)
{
    struct ab_orders orders = ab_orders_begin(inquiry->options->seed);
    struct ab_kernels *kernels = inquiry->kernels;
    int64_t begin_ns = clock_ns();
    double share = 0; /* of the time that it may take */
    bool ok = true;
    progress_begin(&inquiry->progress, inquiry->options->console, "ab kernels", 0, 0);
    while (ok && share < 1 && !is_precise(inquiry)) {
        enum ab_arm arms[AB_ARMS];
        ab_orders_next(&orders, arms);
        for (size_t i = 0; ok && i < AB_ARMS; i++)
            for (size_t k = 0; ok && k < inquiry->n_only; k++)
                ok = measure(inquiry, arms[i], inquiry->only[k], err);
        share = (double)(clock_ns() - begin_ns) / (60e9 * inquiry->options->minutes);
        kernels->n_blocks += ok;
        if (ok) show_progress(inquiry, share);
    }
    progress_end(&inquiry->progress);
    return ok;
}

/* ---- Comparing ---- */

/* 0 for what only one of the programs has. */
static double change_of(const struct ab_kernel *kernel)
{
    return kernel->comparison.n ? kernel->comparison.b.mean : 0;
}

static int compare_kernels(const void *a, const void *b)
{
    const struct ab_kernel *x = a, *y = b;
    double by_change = change_of(x) - change_of(y);
    return by_change < 0 ? -1 : by_change > 0 ? 1 : strcmp(x->name, y->name);
}

static bool compare(struct ab_kernels *kernels, struct err *err)
{
    double *p_values = mem_new(kernels->n + 1, sizeof *p_values, err);
    if (!p_values) return false;
    for (size_t i = 0; i < kernels->n; i++) {
        kernels->items[i].comparison = ab_compare(&kernels->items[i].series);
        p_values[i] = ab_p_value(&kernels->items[i].series, 0);
    }
    stats_holm(p_values, kernels->n);
    for (size_t i = 0; i < kernels->n; i++) {
        struct ab_kernel *kernel = &kernels->items[i];
        struct interval decisive = kernel->comparison.decisive;
        kernel->p_value = p_values[i];
        kernel->is_changed = p_values[i] < SIGNIFICANT && (decisive.high < 0 || decisive.low > 0);
        kernels->n_changed += kernel->is_changed;
    }
    free(p_values);
    qsort(kernels->items, kernels->n, sizeof *kernels->items, compare_kernels);
    return true;
}

bool ab_kernels_compare(const struct ab_kernels_options *options, struct ab_kernels *kernels,
                        struct err *err)
{
    struct inquiry inquiry = {.options = options, .kernels = kernels};
    struct err fault = {0};
    *kernels = (struct ab_kernels){0};
    bool ok = list_types(&inquiry, &fault);
    if (ok) list_only(&inquiry);
    ok = ok && measure_blocks(&inquiry, &fault);
    if (!ok) snprintf(kernels->fault, sizeof kernels->fault, "%.511s", fault.message);
    return compare(kernels, err);
}

void ab_kernels_done(struct ab_kernels *kernels)
{
    for (size_t i = 0; i < kernels->n; i++) free(kernels->items[i].series.blocks);
    free(kernels->items);
    *kernels = (struct ab_kernels){0};
}
