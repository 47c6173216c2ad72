/* fuzz_gnuplot.c - any bytes are a name that gnuplot prints as it is shown, and takes as a title
 * and as a tic.
 *
 * One gnuplot reads commands from a pipe for all inputs. An error of a command ends it, and with it
 * the target.
 */
#include "base/visible.h"
#include "reports/gnuplot.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A byte is shown as ten characters at the most, so that no name is cut. */
enum { MAX_BYTES = 400, MAX_CHARACTERS = 10 * MAX_BYTES };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* The process behind both pipes; started at the first input. */
static struct {
    FILE *in, *out;
} gnuplot;

static void start_gnuplot(void)
{
    int in[2], out[2];
    signal(SIGPIPE, SIG_IGN);
    if (pipe(in) || pipe(out)) abort();
    if (fork() == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        close(in[1]);
        close(out[0]);
        execlp("gnuplot", "gnuplot", "-d", "-", (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    gnuplot.in = fdopen(in[1], "w");
    gnuplot.out = fdopen(out[0], "r");
    if (!gnuplot.in || !gnuplot.out) abort();
    fputs("set encoding utf8\nset terminal unknown\nset print '-'\n", gnuplot.in);
}

/* Whether a stream goes on: a fuzzer's alarms interrupt reading and writing. */
static bool goes_on(FILE *stream)
{
    bool is_interrupted = ferror(stream) && errno == EINTR;
    clearerr(stream);
    return is_interrupted;
}

/* Whether gnuplot's next bytes are these. */
static bool says(const char *wanted)
{
    while (*wanted) {
        int c = fgetc(gnuplot.out);
        if (c == EOF && goes_on(gnuplot.out)) continue;
        if (c != (unsigned char)*wanted++) return false;
    }
    return true;
}

static bool hears(const struct buf *script)
{
    for (size_t i = 0; i < script->n_bytes; i++)
        while (fputc(script->data[i], gnuplot.in) == EOF)
            if (!goes_on(gnuplot.in)) return false;
    while (fflush(gnuplot.in))
        if (!goes_on(gnuplot.in)) return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    if (!gnuplot.in) start_gnuplot();
    struct buf script = {0}, shown = {0}, name = {0};
    buf_append(&name, bytes, n_bytes < MAX_BYTES ? n_bytes : MAX_BYTES);
    const char *text = buf_string(&name);
    buf_text(&script, "print ");
    gnuplot_string(&script, text, MAX_CHARACTERS, false);
    buf_text(&script, "\nset title ");
    gnuplot_string(&script, text, MAX_CHARACTERS, false);
    buf_text(&script, " noenhanced\nset ytics add (");
    gnuplot_string(&script, text, MAX_CHARACTERS, true);
    buf_text(&script, " 0)\nset ytics autofreq\nprint 'end'\n");
    visible_append(&shown, text, strlen(text), VISIBLE_LINE);
    buf_text(&shown, "\nend\n");
    if (script.failed || shown.failed || name.failed) abort();
    if (!hears(&script) || !says(buf_string(&shown))) abort();
    buf_free(&script);
    buf_free(&shown);
    buf_free(&name);
    return 0;
}
