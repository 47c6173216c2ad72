/* mem.h - sizes: how many elements, checked arithmetic, and allocation that cannot overflow.
 *
 * Every product of sizes that came from input goes through here. Thread-safe.
 */
#ifndef PHIBENCH_BASE_MEM_H
#define PHIBENCH_BASE_MEM_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* How many elements an array has; not for pointers. */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* *out = a * b (or a + b); false on overflow. */
bool mem_multiply(size_t a, size_t b, size_t *out) __attribute__((warn_unused_result));
bool mem_add(size_t a, size_t b, size_t *out) __attribute__((warn_unused_result));

/* Zeroed memory for n objects of `size` bytes; NULL with ERR_MEMORY. n = 0 gives a unique pointer.
 * Freed with free(). */
void *mem_new(size_t n, size_t size, struct err *err) __attribute__((warn_unused_result));

/* As mem_new, but where there is no memory one line is printed and the process ends with status 1:
 * for functions whose result is a number, which must not be another one then, and for libraries
 * that do not survive NULL. */
void *mem_new_or_end(size_t n, size_t size);
/* The end of these: for what finds out by itself that there was no memory. */
void mem_end(void) __attribute__((noreturn));

/* n_bytes aligned to 64 bytes and, from 2 MiB up, to huge pages, which it asks for; NULL with
 * ERR_MEMORY. Freed with free(). Not zeroed beyond what the system zeroes. */
void *mem_new_aligned(size_t n_bytes, struct err *err) __attribute__((warn_unused_result));

/* Grows *items (of `size` bytes each) so that at least n fit, doubling; *capacity is updated. Fails
 * past `maximum`. */
bool mem_grow(void **items, size_t *capacity, size_t n, size_t size, size_t maximum,
              struct err *err) __attribute__((warn_unused_result));

/* A copy of the string, freed with free(). */
char *mem_copy_string(const char *text, struct err *err) __attribute__((warn_unused_result));

#endif
