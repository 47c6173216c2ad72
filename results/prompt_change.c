/* prompt_change.c - see prompt_change.h. Texts that differ in one place have a common beginning and
 * a common end; what lies between is shown, cut to a few words.
 */
#include "results/prompt_change.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_BYTES = 60 };

static bool continues(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* A quoted piece of at most SHOWN_BYTES, whole characters, with line ends as \n. */
static void quote(const char *text, size_t n, struct buf *out)
{
    size_t shown = n < SHOWN_BYTES ? n : SHOWN_BYTES;
    while (shown < n && shown && continues((unsigned char)text[shown])) shown--;
    buf_char(out, '"');
    for (size_t i = 0; i < shown; i++) {
        if (text[i] == '\n') buf_text(out, "\\n");
        else buf_char(out, text[i]);
    }
    buf_text(out, shown < n ? "...\"" : "\"");
}

struct line {
    const char *text;
    size_t n;
};

static int compare_lines(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->n < y->n ? x->n : y->n);
    return order ? order : (x->n > y->n) - (x->n < y->n);
}

static struct line *sorted_lines(const char *text, size_t *n)
{
    *n = 1;
    for (const char *c = text; *c; c++) *n += *c == '\n';
    struct line *lines = mem_new_or_end(*n, sizeof *lines);
    for (size_t i = 0; i < *n; i++) {
        size_t n_line = strcspn(text, "\n");
        lines[i] = (struct line){text, n_line};
        text += n_line + (text[n_line] == '\n');
    }
    qsort(lines, *n, sizeof *lines, compare_lines);
    return lines;
}

static bool has_same_lines(const char *base, const char *candidate)
{
    size_t n_base, n_candidate, n = 0;
    struct line *a = sorted_lines(base, &n_base), *b = sorted_lines(candidate, &n_candidate);
    if (n_base == n_candidate)
        while (n < n_base && compare_lines(&a[n], &b[n]) == 0) n++;
    bool is_same = n_base == n_candidate && n == n_base;
    free(a);
    free(b);
    return is_same;
}

void prompt_change(const char *base, const char *candidate, struct buf *out)
{
    size_t n_base = strlen(base), n_candidate = strlen(candidate), begin = 0, end = 0;
    size_t fewer = n_base < n_candidate ? n_base : n_candidate;
    while (begin < fewer && base[begin] == candidate[begin]) begin++;
    while (begin && continues((unsigned char)base[begin])) begin--;
    while (end < fewer - begin && base[n_base - 1 - end] == candidate[n_candidate - 1 - end]) end++;
    while (end && continues((unsigned char)base[n_base - end])) end--;
    size_t n_from = n_base - begin - end, n_to = n_candidate - begin - end;
    if (n_from && n_to && has_same_lines(base, candidate)) {
        buf_text(out, "the same lines in another order: where the base has ");
        quote(base + begin, n_from, out);
        buf_text(out, " the candidate has ");
        quote(candidate + begin, n_to, out);
    } else if (!n_from) {
        buf_text(out, "the candidate has more: ");
        quote(candidate + begin, n_to, out);
    } else if (!n_to) {
        buf_text(out, "the candidate lacks ");
        quote(base + begin, n_from, out);
    } else {
        buf_text(out, "where the base has ");
        quote(base + begin, n_from, out);
        buf_text(out, " the candidate has ");
        quote(candidate + begin, n_to, out);
    }
}
