/* mem.c - see mem.h.
 *
 * Large blocks are aligned to huge pages and ask for them: the weights of a model are read in full
 * for every token, and pages of 4 KiB would spend a good part of that time on address translation.
 */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CACHE_LINE_BYTES = 64, HUGE_PAGE_BYTES = 2 << 20 };

bool mem_multiply(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

bool mem_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

void *mem_new(size_t n, size_t size, struct err *err)
{
    size_t n_bytes;
    void *memory = mem_multiply(n, size, &n_bytes) ? calloc(n_bytes ? n_bytes : 1, 1) : NULL;
    if (!memory) err_set(err, ERR_MEMORY, "out of memory: %zu objects of %zu bytes", n, size);
    return memory;
}

void mem_end(void)
{
    static const char words[] = "phibench: out of memory\n";
    ssize_t written = write(STDERR_FILENO, words, sizeof words - 1);
    _exit(written > 0 ? 1 : 2);
}

void *mem_new_or_end(size_t n, size_t size)
{
    void *memory = mem_new(n, size, NULL);
    if (!memory) mem_end();
    return memory;
}

void *mem_new_aligned(size_t n_bytes, struct err *err)
{
    size_t alignment = n_bytes >= HUGE_PAGE_BYTES ? HUGE_PAGE_BYTES : CACHE_LINE_BYTES;
    size_t rounded;
    if (!mem_add(n_bytes ? n_bytes : 1, alignment - 1, &rounded)) {
        err_set(err, ERR_MEMORY, "out of memory: %zu bytes", n_bytes);
        return NULL;
    }
    rounded -= rounded % alignment;
    void *memory = aligned_alloc(alignment, rounded);
    if (!memory) {
        err_set(err, ERR_MEMORY, "out of memory: %zu bytes", n_bytes);
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    if (alignment == HUGE_PAGE_BYTES) madvise(memory, rounded, MADV_HUGEPAGE);
#endif
    return memory;
}

bool mem_grow(void **items, size_t *capacity, size_t n, size_t size, size_t maximum,
              struct err *err)
{
    if (n > maximum) return err_set(err, ERR_INPUT, "more than %zu entries", maximum);
    if (n <= *capacity) return true;
    size_t wanted = *capacity ? *capacity : maximum < 16 ? maximum : 16;
    while (wanted < n) wanted = wanted > maximum / 2 ? maximum : wanted * 2;
    size_t n_bytes;
    if (!mem_multiply(wanted, size, &n_bytes)) return err_set(err, ERR_MEMORY, "size overflow");
    void *grown = realloc(*items, n_bytes);
    if (!grown) return err_set(err, ERR_MEMORY, "out of memory: %zu bytes", n_bytes);
    *items = grown;
    *capacity = wanted;
    return true;
}

char *mem_copy_string(const char *text, struct err *err)
{
    size_t n = strlen(text) + 1;
    char *copy = mem_new(n, 1, err);
    if (copy) memcpy(copy, text, n);
    return copy;
}
