/* gnuplot.c - see gnuplot.h.
 *
 * gnuplot runs as a child with its output in a pipe and no start-up file of the user's.
 *
 * Strings: in single quotes gnuplot 5.4 takes everything for itself but the quote, which it reads
 * wrongly at the beginning of one. What has a quote, or what another version may expand, stands in
 * double quotes with every such character by its octal number: then no rule of gnuplot's applies.
 */
#include "reports/gnuplot.h"

#include "base/interrupt.h"
#include "base/utf8.h"
#include "base/visible.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_FOUND = 127, MAX_OUTPUT_BYTES = 1 << 16, POLL_MS = 100 };

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

/* Turns the child into gnuplot, which prints into the pipe and reads no start-up file. */
static void become_gnuplot(const char *program, const char *folder, const char *argument,
                           int output)
{
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0) dup2(null, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    if (chdir(folder)) _exit(NOT_FOUND - 1);
    execlp(program, program, "-d", argument, (char *)NULL);
    _exit(NOT_FOUND);
}

/* What the child printed, cut to n_bytes; the rest is read and dropped so that it never blocks.
 * Ctrl-C ends the child. */
static void read_output(int input, pid_t child, char *text, size_t n_bytes)
{
    char rest[512];
    size_t used = 0;
    for (bool is_ended = false;;) {
        struct pollfd more = {.fd = input, .events = POLLIN};
        if (interrupt_requested() && !is_ended) is_ended = kill(child, SIGKILL) == 0;
        if (poll(&more, 1, POLL_MS) <= 0) continue;
        bool full = used + 1 >= n_bytes;
        ssize_t n =
            full ? read(input, rest, sizeof rest) : read(input, text + used, n_bytes - 1 - used);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        if (!full) used += (size_t)n;
    }
    text[used] = 0;
}

/* Runs the program with one argument; its exit status, -1 with an error if it could not be run. */
static int run(const char *program, const char *folder, const char *argument, char *output,
               size_t n_bytes, struct err *err)
{
    int pipe_ends[2], status = 0;
    if (pipe2(pipe_ends, O_CLOEXEC)) {
        err_set_errno(err, "cannot make a pipe");
        return -1;
    }
    pid_t child = fork();
    if (child < 0) {
        err_set_errno(err, "cannot start %s", program);
        close(pipe_ends[0]);
        close(pipe_ends[1]);
        return -1;
    }
    if (child == 0) become_gnuplot(program, folder, argument, pipe_ends[1]);
    close(pipe_ends[1]);
    read_output(pipe_ends[0], child, output, n_bytes);
    close(pipe_ends[0]);
    while (waitpid(child, &status, 0) < 0) {
        if (errno == EINTR) continue;
        err_set_errno(err, "cannot wait for %s", program);
        return -1;
    }
    if (!interrupt_check(err)) return -1;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != NOT_FOUND)
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    err_set(
        err, ERR_IO,
        "cannot run \"%s\", which draws the charts: install gnuplot (Debian: gnuplot-nox), or run "
        "tools/install-deps",
        program);
    return -1;
}

/* gnuplot repeats the line that it could not read, which may be long, points into it, and says in
 * the next one: "NAME" line 3: why. The reason alone, as one line of words; all that it said where
 * it does not look like this. */
static const char *find_reason(char *text, const char *name)
{
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
    char output[MAX_OUTPUT_BYTES];
    int status = run(or_default(program), folder, name, output, sizeof output, err);
    if (status > 0)
        err_set(err, ERR_IO, "%s failed on %s/%s: %s", or_default(program), folder, name,
                find_reason(output, name));
    return status == 0;
}

bool gnuplot_version(const char *program, char *version, size_t n_bytes, struct err *err)
{
    int status = run(or_default(program), ".", "--version", version, n_bytes, err);
    if (status > 0) err_set(err, ERR_IO, "%s --version failed", or_default(program));
    version[strcspn(version, "\n")] = 0;
    return status == 0;
}
