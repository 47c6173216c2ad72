/* html_check.c - see html_check.h.
 *
 * Reads tags and attributes as they stand; knows no element but the few that have no end.
 */
#include "tests/support/html_check.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_OPEN_TAGS = 64 };

static bool is_void_tag(const char *name, size_t n)
{
    return (n == 4 && !strncmp(name, "meta", n)) || (n == 2 && !strncmp(name, "br", n));
}

void html_assert_well_formed(const char *text)
{
    const char *open[MAX_OPEN_TAGS];
    size_t lengths[MAX_OPEN_TAGS], depth = 0;
    for (const char *at = text; *at; at++) {
        if (*at == '&' && !at[1 + strcspn(at + 1, ";<> \n")]) fail_msg("loose &: %.40s", at);
        if (*at == '&' && at[1 + strcspn(at + 1, ";<> \n")] != ';') fail_msg("loose &: %.40s", at);
        if (*at != '<') continue;
        if (!strncmp(at, "<!--", 4) || at[1] == '!' || at[1] == '?') {
            at += strcspn(at, ">");
            continue;
        }
        bool closes = at[1] == '/';
        const char *name = at + 1 + closes, *end = name + strcspn(name, " \t\n/>");
        size_t n = (size_t)(end - name);
        for (; *end && *end != '>'; end++)
            if (*end == '"' || *end == '\'') {
                const char *close = strchr(end + 1, *end);
                if (!close) fail_msg("open quote: %.40s", end);
                end = close;
            } else if (*end == '<') fail_msg("< inside of a tag: %.40s", at);
        assert_int_equal(*end, '>');
        assert_true(n > 0);
        if (closes) {
            if (!depth-- || lengths[depth] != n || strncmp(open[depth], name, n))
                fail_msg("closes what is not open: %.40s", at);
        } else if (end[-1] != '/' && !is_void_tag(name, n)) {
            assert_true(depth < MAX_OPEN_TAGS);
            open[depth] = name;
            lengths[depth++] = n;
        }
        at = end;
    }
    if (depth) fail_msg("never closed: %.40s", open[depth - 1]);
}

void html_assert_self_contained(const char *page)
{
    static const char *const FORBIDDEN[] = {" src=",   "url(http", "@import", "<link",
                                            "<script", "<iframe",  "<img",    "<object"};
    for (size_t i = 0; i < COUNT_OF(FORBIDDEN); i++)
        if (strstr(page, FORBIDDEN[i]))
            fail_msg("refers outside: %.60s", strstr(page, FORBIDDEN[i]));
    for (const char *at = page; (at = strstr(at, "href=")); at += 5)
        if ((at[5] != '"' && at[5] != '\'') || at[6] != '#') fail_msg("refers outside: %.60s", at);
    for (const char *at = page; (at = strstr(at, "http")); at += 4)
        if (strncmp(at, "http://www.w3.org/", 18)) fail_msg("names an address: %.60s", at);
}

void html_assert_unique_ids(const char *page)
{
    for (const char *at = page; (at = strstr(at, " id=")); at++) {
        char id[200];
        size_t n = 5 + strcspn(at + 5, "\"'") + 1;
        assert_true(n < sizeof id);
        memcpy(id, at, n);
        id[n] = 0;
        if (strstr(at + 1, id)) fail_msg("twice:%s", id);
    }
}
