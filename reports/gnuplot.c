/* gnuplot.c - see gnuplot.h.
 *
 * gnuplot runs without a start-up file of the user's (-d).
 *
 * Strings: in single quotes gnuplot 5.4 takes everything for itself but the quote, which it reads
 * wrongly at the beginning of one. What has a quote, or what another version may expand, stands in
 * double quotes with every such character by its octal number: then no rule of gnuplot's applies.
 */
#include "reports/gnuplot.h"

#include "base/child.h"
#include "base/utf8.h"
#include "base/visible.h"

#include <ctype.h>
#include <string.h>

enum { MAX_REASON_BYTES = 1 << 16 };

static const char NOT_LITERAL[] = "'\"\\`@$"; /* quotes, escapes, commands, macros, names */

/* The text as one line, cut; % doubled for a format. */
static void shorten(struct buf *out, const char *text, size_t max_characters, bool is_format)
{
    struct buf shown = {0};
    visible_append(&shown, text, strlen(text), VISIBLE_LINE);
    size_t n_characters = 0, n;
    uint32_t code;
    for (size_t at = 0; at < shown.n_bytes; at += n) {
        if (n_characters++ == max_characters) {
            buf_text(out, "…");
            break;
        }
        n = utf8_decode(shown.data + at, shown.n_bytes - at, &code, NULL);
        if (is_format && code == '%') buf_char(out, '%');
        buf_append(out, shown.data + at, n);
    }
    out->failed |= shown.failed;
    buf_free(&shown);
}

void gnuplot_string(struct buf *out, const char *text, size_t max_characters, bool is_format)
{
    struct buf line = {0};
    shorten(&line, text, max_characters, is_format);
    const char *at = buf_string(&line);
    char quote = at[strcspn(at, NOT_LITERAL)] ? '"' : '\'';
    buf_char(out, quote);
    for (bool is_number = false; *at; at++) {
        /* A digit behind a number would be read as its fourth digit. */
        is_number = strchr(NOT_LITERAL, *at) || (is_number && isdigit((unsigned char)*at));
        if (is_number) buf_printf(out, "\\%03o", (unsigned char)*at);
        else buf_char(out, *at);
    }
    buf_char(out, quote);
    out->failed |= line.failed;
    buf_free(&line);
}

/* Runs the program with one argument. What it printed is in *end, to be freed in any case. False,
 * with an error, if it could not be run. */
static bool run(const char *program, const char *folder, const char *argument,
                struct child_end *end, struct err *err)
{
    const char *words[] = {program, "-d", argument, NULL};
    const struct child_command command = {.words = words, .folder = folder, .joins_streams = true};
    if (child_run(&command, end, err)) return true;
    if (!end->is_missing) return false;
    return err_set(
        err, ERR_IO,
        "cannot run \"%s\", which draws the charts: install gnuplot (Debian: gnuplot-nox), or run "
        "tools/install-deps",
        program);
}

/* gnuplot repeats the line that it could not read, which may be long, points into it, and says in
 * the next one: "NAME" line 3: why. The reason alone, as one line of words; all that it said where
 * it does not look like this. */
static const char *find_reason(const char *output, const char *name, char *text)
{
    snprintf(text, MAX_REASON_BYTES, "%s", output);
    char *found = strstr(text, name);
    if (found && !strncmp(found + strlen(name), "\" line", 6)) text = found + strlen(name) + 2;
    char *end = text;
    for (const char *c = text; *c; c++) {
        if (!isspace((unsigned char)*c)) *end++ = *c;
        else if (end > text && end[-1] != ' ') *end++ = ' ';
    }
    if (end > text && end[-1] == ' ') end--;
    *end = 0;
    return text;
}

static const char *or_default(const char *program)
{
    return program && *program ? program : "gnuplot";
}

bool gnuplot_run(const char *program, const char *folder, const char *name, struct err *err)
{
    struct child_end end;
    char reason[MAX_REASON_BYTES];
    bool ok = run(or_default(program), folder, name, &end, err);
    if (ok && end.status)
        ok = err_set(err, ERR_IO, "%s failed on %s/%s: %s", or_default(program), folder, name,
                     find_reason(buf_string(&end.output), name, reason));
    child_end_free(&end);
    return ok;
}

bool gnuplot_version(const char *program, char *version, size_t n_bytes, struct err *err)
{
    struct child_end end;
    bool ok = run(or_default(program), ".", "--version", &end, err);
    if (ok && end.status) ok = err_set(err, ERR_IO, "%s --version failed", or_default(program));
    snprintf(version, n_bytes, "%s", buf_string(&end.output));
    version[strcspn(version, "\n")] = 0;
    child_end_free(&end);
    return ok;
}
