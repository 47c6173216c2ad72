/* open_model.c - see open_model.h.
 *
 * Draws progress on a terminal only and clears it when done; Ctrl-C ends the loading.
 * The one place that decides which instruction set a model runs with.
 */
#include "harness/open_model.h"

#include "base/clock.h"
#include "harness/interrupt.h"

#include <string.h>

struct load_progress {
    const struct invocation *invocation;
    const char *path;
    int64_t shown_ns;
};

enum { SHOW_EVERY_NS = 200000000 };

static bool show_progress(void *context, uint64_t done, uint64_t total)
{
    struct load_progress *progress = context;
    int64_t now = clock_ns();
    if (interrupt_requested()) return false;
    if (!progress->invocation->is_terminal) return true;
    if (done < total && now - progress->shown_ns < SHOW_EVERY_NS) return true;
    progress->shown_ns = now;
    if (done < total)
        fprintf(stderr, "\rloading %s: %.0f%%\033[K", progress->path,
                total ? 100.0 * (double)done / (double)total : 0.0);
    else fprintf(stderr, "\r\033[K");
    fflush(stderr);
    return true;
}

bool choose_isa(const struct invocation *invocation, const char *isa, enum isa *level,
                struct err *err)
{
    const char *wanted = isa ? isa : invocation->isa;
    if (!wanted) {
        *level = isa_best();
        return true;
    }
    if (!isa_parse(wanted, level, err))
        return isa ? err_context(err, "reading --isa") : err_context(err, "reading PHIBENCH_ISA");
    if (!isa_available(*level))
        return err_set(err, ERR_USAGE, "this machine has no %s; the best here is %s",
                       isa_name(*level), isa_name(isa_best()));
    return true;
}

struct model *open_model(const struct invocation *invocation, const char *path, const char *isa,
                         int64_t n_threads, struct err *err)
{
    struct model_options options = model_default_options();
    if (!path) {
        err_set(err, ERR_USAGE, "%s needs a model: -m FILE.gguf or -m synth:tiny:q8_0",
                invocation->command->name);
        return NULL;
    }
    if (!choose_isa(invocation, isa, &options.isa, err)) return NULL;
    if (n_threads > 0) options.n_threads = (int)n_threads;
    struct load_progress progress = {.invocation = invocation, .path = path};
    options.progress = show_progress;
    options.progress_context = &progress;
    struct model *model = model_open(path, &options, err);
    if (!model && invocation->is_terminal && progress.shown_ns) fprintf(stderr, "\r\033[K");
    return model;
}
