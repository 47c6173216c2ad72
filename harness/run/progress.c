/* progress.c - see progress.h. The time left is that of the average speed since the beginning.
 *
 * What was done before the beginning (answers taken over) does not count as speed.
 */
#include "harness/run/progress.h"

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/utf8.h"
#include "base/visible.h"

#include <string.h>

enum { BAR_CELLS = 24 };
static const int64_t TERMINAL_NS = 200000000, LINE_NS = INT64_C(10000000000);

const struct console CONSOLE_SILENT = {.log = {.out = NULL}, .columns = 80};

void progress_begin(struct progress *progress, const struct console *console, const char *label,
                    size_t total, size_t done_before)
{
    int64_t now = clock_ns();
    *progress = (struct progress){.console = console,
                                  .label = label,
                                  .total = total,
                                  .done = done_before,
                                  .done_before = done_before,
                                  .begin_ns = now,
                                  .shown_ns = now};
}

/* How fast it goes, for example "12.3/s, 3 min 10 s left"; nothing before there is a speed. */
static void describe_speed(const struct progress *progress, int64_t now, char *out, size_t n_out)
{
    char left[64];
    double seconds = (double)(now - progress->begin_ns) * 1e-9;
    size_t n = progress->done - progress->done_before;
    *out = 0;
    if (!n || seconds <= 0) return;
    double per_s = (double)n / seconds;
    clock_format_duration((int64_t)((double)(progress->total - progress->done) / per_s * 1e9), left,
                          sizeof left);
    snprintf(out, n_out, ", %.3g/s, %s left", per_s, left);
}

/* A bar that is cut to the terminal's width, so that it never wraps. */
static void show_bar(const struct progress *progress, const char *label, double share,
                     const char *speed)
{
    const struct console *console = progress->console;
    struct buf text = {0};
    char bar[BAR_CELLS + 1];
    memset(bar, '.', BAR_CELLS);
    memset(bar, '#', (size_t)(share * BAR_CELLS));
    bar[BAR_CELLS] = 0;
    buf_printf(&text, "%s [%s] %zu of %zu%s", label, bar, progress->done, progress->total, speed);
    size_t n = console->columns > 1 ? (size_t)console->columns - 1 : text.n_bytes;
    n = utf8_complete_prefix(buf_string(&text), n < text.n_bytes ? n : text.n_bytes);
    fprintf(console->log.out, "\r%.*s\033[K", (int)n, buf_string(&text));
    buf_free(&text);
}

static void show(struct progress *progress, int64_t now)
{
    const struct console *console = progress->console;
    struct buf label = {0};
    char speed[128];
    double share = progress->total ? (double)progress->done / (double)progress->total : 1;
    describe_speed(progress, now, speed, sizeof speed);
    visible_append(&label, progress->label, strlen(progress->label), VISIBLE_LINE);
    if (console->is_terminal) show_bar(progress, buf_string(&label), share, speed);
    else
        fprintf(console->log.out, "phibench: %s: %zu of %zu (%.0f%%)%s\n", buf_string(&label),
                progress->done, progress->total, 100 * share, speed);
    fflush(console->log.out);
    progress->shown_ns = now;
    buf_free(&label);
}

void progress_update(struct progress *progress, size_t done)
{
    int64_t now = clock_ns();
    progress->done = done < progress->total ? done : progress->total;
    if (progress->console->log.out &&
        now - progress->shown_ns >= (progress->console->is_terminal ? TERMINAL_NS : LINE_NS))
        show(progress, now);
}

bool progress_of_engine(void *progress, uint64_t done, uint64_t total)
{
    struct progress *shown = progress;
    shown->total = (size_t)total;
    progress_update(shown, (size_t)done);
    return !interrupt_requested();
}

void progress_end(struct progress *progress)
{
    const struct console *console = progress->console;
    if (console->log.out && console->is_terminal) fprintf(console->log.out, "\r\033[K");
}
