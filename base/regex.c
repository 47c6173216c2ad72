/* regex.c - PCRE2 with its just-in-time compiler where there is one; the only file that knows of
 * PCRE2.
 *
 * Compiled code and match context are never changed after regex_new, and match data is made per
 * call, which is what makes an expression usable from many threads. Limits are set rather than left
 * to how the library was built, so that the same text fails or matches everywhere.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"

#include "base/mem.h"

#include <pcre2.h>
#include <stdint.h>
#include <stdlib.h>

enum { MATCH_LIMIT = 10000000, HEAP_LIMIT_KIB = 256 << 10 };

struct regex {
    pcre2_code *code;
    pcre2_match_context *context;
};

static bool fail(int code, const char *what, struct err *err)
{
    PCRE2_UCHAR reason[256];
    if (pcre2_get_error_message(code, reason, sizeof reason) < 0) reason[0] = 0;
    bool is_memory = code == PCRE2_ERROR_NOMEMORY || code == PCRE2_ERROR_HEAP_FAILED;
    enum err_code kind = is_memory ? ERR_MEMORY : ERR_INPUT;
    return err_set(err, kind, "%s: %s", what, (const char *)reason);
}

struct regex *regex_new(const char *pattern, struct err *err)
{
    struct regex *regex = mem_new(1, sizeof *regex, err);
    if (!regex) return NULL;
    int code;
    PCRE2_SIZE offset;
    regex->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP,
                                &code, &offset, NULL);
    if (!regex->code) {
        fail(code, "malformed regular expression", err);
        err_context(err, "compiling \"%s\", byte %zu", pattern, (size_t)offset);
        goto out;
    }
    regex->context = pcre2_match_context_create(NULL);
    if (!regex->context) {
        err_set(err, ERR_MEMORY, "out of memory for a regular expression");
        goto out;
    }
    pcre2_set_match_limit(regex->context, MATCH_LIMIT);
    pcre2_set_heap_limit(regex->context, HEAP_LIMIT_KIB);
    /* Where the library was built without it, matching is interpreted: slower, with equal
     * results. */
    (void)pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
    return regex;
out:
    regex_free(regex);
    return NULL;
}

void regex_free(struct regex *regex)
{
    if (!regex) return;
    pcre2_match_context_free(regex->context);
    pcre2_code_free(regex->code);
    free(regex);
}

static int find(const struct regex *regex, const char *text, size_t n_bytes, size_t from,
                uint32_t options, pcre2_match_data *match)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)(text ? text : "");
    int n = pcre2_match(regex->code, subject, n_bytes, from, options, match, regex->context);
    /* Compiled code runs on a small fixed stack; the interpreter has the heap. */
    if (n == PCRE2_ERROR_JIT_STACKLIMIT)
        n = pcre2_match(regex->code, subject, n_bytes, from, options | PCRE2_NO_JIT, match,
                        regex->context);
    return n;
}

static int find_with(const struct regex *regex, const char *text, size_t n_bytes, size_t from,
                     uint32_t options, struct regex_span *groups, size_t n_groups, struct err *err)
{
    pcre2_match_data *match = pcre2_match_data_create_from_pattern(regex->code, NULL);
    if (!match) {
        err_set(err, ERR_MEMORY, "out of memory for a match");
        return -1;
    }
    int n = find(regex, text, n_bytes, from, options, match);
    const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(match);
    for (size_t i = 0; n > 0 && i < n_groups; i++) {
        bool took_part = i < (size_t)n && offsets[2 * i] != PCRE2_UNSET;
        groups[i] = took_part ? (struct regex_span){offsets[2 * i], offsets[2 * i + 1]}
                              : (struct regex_span){SIZE_MAX, SIZE_MAX};
    }
    pcre2_match_data_free(match);
    if (n >= 0) return 1;
    if (n == PCRE2_ERROR_NOMATCH) return 0;
    fail(n, "matching a regular expression", err);
    return -1;
}

int regex_find(const struct regex *regex, const char *text, size_t n_bytes, size_t from,
               struct regex_span *groups, size_t n_groups, struct err *err)
{
    return find_with(regex, text, n_bytes, from, 0, groups, n_groups, err);
}

int regex_find_valid(const struct regex *regex, const char *text, size_t n_bytes, size_t from,
                     struct regex_span *groups, size_t n_groups, struct err *err)
{
    if (from < n_bytes && ((unsigned char)text[from] & 0xc0) == 0x80) {
        fail(PCRE2_ERROR_BADUTFOFFSET, "matching a regular expression", err);
        return -1;
    }
    return find_with(regex, text, n_bytes, from, PCRE2_NO_UTF_CHECK, groups, n_groups, err);
}
