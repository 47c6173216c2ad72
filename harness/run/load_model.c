/* load_model.c - see load_model.h.
 *
 * What it draws is cleared when it is done, also when loading fails.
 */
#include "harness/run/load_model.h"

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/visible.h"

#include <string.h>

struct load_progress {
    const struct console *console;
    const char *path;
    int64_t shown_ns;
};

enum { SHOW_EVERY_NS = 200000000 };

static bool show_progress(void *context, uint64_t done, uint64_t total)
{
    struct load_progress *progress = context;
    FILE *out = progress->console->log.out;
    int64_t now = clock_ns();
    if (interrupt_requested()) return false;
    if (!out || !progress->console->is_terminal) return true;
    if (done < total && now - progress->shown_ns < SHOW_EVERY_NS) return true;
    progress->shown_ns = now;
    if (done < total) {
        fputs("\rloading ", out);
        visible_print(out, progress->path, strlen(progress->path), VISIBLE_LINE);
        fprintf(out, ": %.0f%%\033[K", total ? 100.0 * (double)done / (double)total : 0.0);
    } else fprintf(out, "\r\033[K");
    fflush(out);
    return true;
}

struct model *load_model(const struct console *console, const char *path,
                         const struct model_seal *seal, enum isa isa,
                         const struct session_options *session, struct err *err)
{
    struct model_options options = model_default_options();
    struct load_progress progress = {.console = console, .path = path};
    options.isa = isa;
    options.seal = seal;
    options.session = session;
    if (session->n_threads > 0) options.n_threads = session->n_threads;
    options.progress = show_progress;
    options.progress_context = &progress;
    struct model *model = model_open(path, &options, err);
    if (!model && progress.shown_ns) fprintf(console->log.out, "\r\033[K");
    return model;
}
