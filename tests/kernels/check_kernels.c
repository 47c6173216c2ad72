/* check_kernels.c - runs every family of checks for every instruction set that this machine has.
 *
 *   check_kernels [--no-time | --time NAME] [ISA...]
 *
 * Prints what was compared and a table of speeds; exits 1 on any difference. --time compares
 * nothing and times the kernels whose names hold NAME. Holds the framework of check.h.
 */
#include "tests/kernels/check.h"

#include "base/clock.h"
#include "engine/kernels/kernel_list.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CANARY = 0xc5, MAX_PRINTED = 8 };

struct check_region {
    void *start;
    size_t n_bytes;
    struct check_region *next;
};

static void give_up(const char *what)
{
    perror(what);
    exit(1);
}

void *check_memory(struct check *check, size_t n_bytes, size_t align)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t n_inside = (n_bytes + align + page - 1) / page * page;
    struct check_region *region = malloc(sizeof *region);
    if (!region) give_up("check_kernels");
    region->n_bytes = n_inside + 2 * page;
    region->start =
        mmap(NULL, region->n_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (region->start == MAP_FAILED) give_up("check_kernels: mmap");
    uint8_t *inside = (uint8_t *)region->start + page;
    if (mprotect(inside, n_inside, PROT_READ | PROT_WRITE) != 0) {
        give_up("check_kernels: mprotect");
    }
    region->next = check->regions;
    check->regions = region;
    uint8_t *memory = inside + n_inside - (n_bytes + align - 1) / align * align;
    for (size_t i = 0; i + 8 <= n_bytes; i += 8) {
        uint64_t word = rng_next(&check->rng);
        memcpy(memory + i, &word, 8);
    }
    return memory;
}

void check_release(struct check *check)
{
    while (check->regions) {
        struct check_region *region = check->regions;
        check->regions = region->next;
        munmap(region->start, region->n_bytes);
        free(region);
    }
}

void check_fill_canary(void *memory, size_t n_bytes)
{
    memset(memory, CANARY, n_bytes);
}

bool check_is_canary(const void *memory, size_t n_bytes)
{
    const uint8_t *bytes = memory;
    for (size_t i = 0; i < n_bytes; i++) {
        if (bytes[i] != CANARY) return false;
    }
    return true;
}

static bool begin_failure(struct check *check, const char *kernel, const char *shape)
{
    if (++check->n_different > MAX_PRINTED) return false;
    printf("DIFFERS %s %s: %s: ", kernel, isa_name(check->tested->isa), shape);
    return true;
}

void check_same_floats(struct check *check, const char *kernel, const char *shape,
                       const float *expected, const float *actual, size_t n)
{
    check->n_compared += n;
    for (size_t i = 0; i < n; i++) {
        if (memcmp(&expected[i], &actual[i], sizeof(float)) == 0) continue;
        if (isnan(expected[i]) && isnan(actual[i])) continue;
        if (begin_failure(check, kernel, shape)) {
            printf("[%zu] %a, not %a\n", i, (double)actual[i], (double)expected[i]);
        }
        return;
    }
}

void check_same_bytes(struct check *check, const char *kernel, const char *shape,
                      const void *expected, const void *actual, size_t n_bytes)
{
    const uint8_t *e = expected, *a = actual;
    check->n_compared += n_bytes;
    for (size_t i = 0; i < n_bytes; i++) {
        if (e[i] == a[i]) continue;
        if (begin_failure(check, kernel, shape)) {
            printf("byte [%zu] 0x%02x, not 0x%02x\n", i, a[i], e[i]);
        }
        return;
    }
}

void check_that(struct check *check, bool holds, const char *kernel, const char *shape,
                const char *what)
{
    check->n_compared++;
    if (!holds && begin_failure(check, kernel, shape)) printf("%s\n", what);
}

bool check_wants_time(const struct check *check, const char *kernel)
{
    return check->timed && (!check->only || strcasestr(kernel, check->only));
}

void check_time(struct check *check, const char *kernel, const char *shape, double macs,
                double bytes, void (*fn)(const struct kernels *kernels, void *context),
                void *context)
{
    enum { MIN_ROUNDS = 5, ROUNDS = 40 };
    const double round_ns = 5e6; /* short beside a scheduler's slice: some round is undisturbed */
    const double limit_ns = 3e8;
    if (!check_wants_time(check, kernel)) return;
    fn(check->tested, context);
    double best = INFINITY;
    const int64_t begin = clock_ns();
    for (int round = 0; round < ROUNDS; round++) {
        if (round >= MIN_ROUNDS && (double)(clock_ns() - begin) > limit_ns) break;
        int64_t start = clock_ns();
        int n_calls = 0;
        double elapsed;
        do {
            fn(check->tested, context);
            n_calls++;
            elapsed = (double)(clock_ns() - start);
        } while (elapsed < round_ns);
        if (elapsed / n_calls < best) best = elapsed / n_calls;
    }
    printf("%-12s %-11s %-28s %9.1f GMAC/s %8.2f GB/s\n", kernel, isa_name(check->tested->isa),
           shape, macs / best, bytes / best);
    fflush(stdout);
}

float check_uniform(struct check *check)
{
    return (float)(rng_uniform(&check->rng) * 2 - 1);
}

void check_fill_uniform(struct check *check, float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) values[i] = check_uniform(check);
}

void check_fill_extreme(struct check *check, float *values, size_t n, bool with_nonfinite)
{
    static const float finite[] = {0.0f,      -0.0f,    0x1p-149f,    -0x1p-126f,
                                   0x1p-110f, 0x1p-60f, 3.402823e38f, -3.402823e38f};
    static const float nonfinite[] = {INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < n; i++) {
        uint64_t kind = rng_below(&check->rng, with_nonfinite ? 64 : 60);
        if (kind < 16) {
            values[i] = finite[kind % 8];
        } else if (kind < 60) {
            int exponent = (int)rng_below(&check->rng, kind < 40 ? 8 : 60) - 30;
            values[i] = ldexpf(check_uniform(check), exponent);
        } else {
            values[i] = nonfinite[kind % 3];
        }
    }
}

/* True if no kernel of the level differs. */
static bool check_level(const struct kernels *tested, bool compared, bool timed, const char *only)
{
    static const struct check_family *const families[] = {&check_quant, &check_float};
    struct check check = {
        .scalar = kernels_for(ISA_SCALAR), .tested = tested, .timed = timed, .only = only};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        uint64_t n_before = check.n_compared, n_different_before = check.n_different;
        check.rng = (struct rng){2026};
        if (compared) families[i]->compare(&check);
        if (timed) families[i]->time(&check);
        if (!compared) continue;
        printf("%-12s %-11s %llu values compared, %llu calls differ\n", families[i]->name,
               isa_name(tested->isa), (unsigned long long)(check.n_compared - n_before),
               (unsigned long long)(check.n_different - n_different_before));
    }
    return check.n_different == 0;
}

/* The level of AVX-VNNI where the machine has AVX-512 VNNI instead. */
static bool make_stand_in(enum isa isa, struct kernels *kernels)
{
#if defined(__x86_64__)
    if (isa != ISA_AVXVNNI || !isa_available(ISA_AVX512VNNI)) return false;
    *kernels = *kernels_for(isa);
    kernels->attention = attention_ymm_avx512vnni;
    kernels->kv_store = kv_store_ymm_avx512vnni;
    for (size_t type = 0; type < TENSOR_TYPE_LIMIT; type++) {
        if (kernels->gemm[type] == gemm_quant_avxvnni) {
            kernels->gemm[type] = gemm_quant_ymm_avx512vnni;
        }
    }
    return true;
#else
    (void)isa, (void)kernels;
    return false;
#endif
}

int main(int argc, char **argv)
{
    const char *only = NULL;
    bool timed = true, asked[ISA_COUNT] = {false}, any_asked = false, same = true;
    for (int i = 1; i < argc; i++) {
        enum isa isa;
        struct err err = {0};
        if (strcmp(argv[i], "--no-time") == 0) {
            timed = false;
        } else if (strcmp(argv[i], "--time") == 0 && i + 1 < argc) {
            only = argv[++i];
        } else if (isa_parse(argv[i], &isa, &err)) {
            asked[isa] = any_asked = true;
        } else {
            err_print(&err, stderr);
            return 2;
        }
    }
    for (enum isa isa = ISA_SCALAR; isa < ISA_COUNT; isa++) {
        if (any_asked && !asked[isa]) continue;
        if (isa_available(isa)) {
            same = check_level(kernels_for(isa), !only, timed, only) && same;
            continue;
        }
        printf("SKIP %s: not on this machine\n", isa_name(isa));
        struct kernels stand_in;
        if (make_stand_in(isa, &stand_in)) {
            printf("The text of %s, compiled for %s:\n", isa_name(isa), isa_name(ISA_AVX512VNNI));
            same = check_level(&stand_in, !only, timed, only) && same;
        }
    }
    return same ? 0 : 1;
}
