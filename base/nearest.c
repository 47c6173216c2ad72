/* nearest.c - optimal string alignment distance over three rows; names longer than MAX_NAME are not
 * considered.
 *
 * A misspelt name shares most of its letters with the right one; a stranger does not.
 * Pure functions.
 */
#include "base/nearest.h"

#include <string.h>

enum { MAX_NAME = 63 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t rows[3][MAX_NAME + 1];
    size_t *before = rows[0], *previous = rows[1], *current = rows[2];
    for (size_t j = 0; j <= n_b; j++) previous[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        current[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t replace = previous[j - 1] + (a[i - 1] != b[j - 1]);
            current[j] = least(replace, least(previous[j], current[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                current[j] = least(current[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = previous;
        previous = current;
        current = oldest;
    }
    return previous[n_b];
}

const char *nearest_name(const char *given, const char *const *names, size_t n_names)
{
    const char *nearest = NULL;
    size_t n_given = strlen(given), best = MAX_NAME + 1;
    if (!n_given || n_given > MAX_NAME) return NULL;
    for (size_t i = 0; i < n_names; i++) {
        size_t n = strlen(names[i]), longest = n > n_given ? n : n_given;
        if (n > MAX_NAME) continue;
        size_t d = distance(given, n_given, names[i], n);
        if (d <= (longest + 2) / 3 && d < best) {
            best = d;
            nearest = names[i];
        }
    }
    return nearest;
}
