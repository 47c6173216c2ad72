/* cmd_synth.c - phibench synth: random weights of a real shape as a GGUF file.
 *
 * Checks shape and type by name and leaves the rest to the engine.
 * The same specs work in place of a path in every command that takes a model.
 */
#include "base/interrupt.h"
#include "base/visible.h"
#include "engine/engine.h"
#include "engine/tools.h"
#include "harness/cli/commands.h"

#include "base/buf.h"

#include <string.h>

struct options {
    const char *type, *vocabulary;
    int64_t seed;
};

static const struct option_spec OPTIONS[] = {
    {"type", 0, OPTION_TEXT, "TYPE",
     "type of the matrices: f16, q8_0, q4_0, q4_k ...; default q4_0",
     offsetof(struct options, type), 0, 0, 0},
    {"seed", 's', OPTION_INTEGER, "S", "seed of the weights", offsetof(struct options, seed), 0,
     9e15, 1},
    {"vocab", 0, OPTION_TEXT, "FILE",
     "GGUF file whose vocabulary is taken over; default: a generated one",
     offsetof(struct options, vocabulary), 0, 0, 0},
};

static bool show_progress(void *context, uint64_t done, uint64_t total)
{
    const struct invocation *invocation = context;
    if (invocation->console.is_terminal)
        fprintf(stderr, "\rwriting: %.0f%%%s", total ? 100.0 * (double)done / (double)total : 100.0,
                done < total ? "\033[K" : "\r\033[K");
    return !interrupt_requested();
}

static bool check_shape(const char *shape, struct err *err)
{
    struct buf known = {0};
    bool ok = false;
    const char *name;
    for (size_t i = 0; !ok && (name = engine_synth_shape(i)); i++) {
        ok = strcmp(name, shape) == 0;
        buf_printf(&known, "%s%s", i ? ", " : "", name);
    }
    if (!ok)
        err_set(err, ERR_USAGE, "unknown shape \"%s\"; there are %s", shape, buf_string(&known));
    buf_free(&known);
    return ok;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    const char *shape = invocation->arguments[0], *path = invocation->arguments[1];
    struct buf spec = {0};
    if (!check_shape(shape, err)) return false;
    buf_printf(&spec, "synth:%s:%s:%lld", shape, options->type ? options->type : "q4_0",
               (long long)options->seed);
    if (options->vocabulary) buf_printf(&spec, ":%s", options->vocabulary);
    bool ok = buf_check(&spec, err) &&
              model_write(buf_string(&spec), path, NULL, 0, show_progress, (void *)invocation, err);
    if (ok) visible_printf(stdout, "%s: %s\n", path, buf_string(&spec));
    buf_free(&spec);
    return ok;
}

static const char *const EXAMPLES[] = {
    "phibench synth tiny --type q4_k out/tiny-q4_k.gguf",
    "phibench synth tiny-llama --type f16 --seed 7 out/tiny-llama-f16.gguf",
    NULL,
};

const struct command COMMAND_SYNTH = {
    .name = "synth",
    .summary = "write a model of random weights, for measuring speed",
    .arguments = "SHAPE OUT.gguf",
    .n_min = 2,
    .n_max = 2,
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Writes seeded random weights of a real shape (phi-3-mini, qwen2.5-7b ...; the answer "
        "to an unknown one lists them all) or of a tiny one as a GGUF "
        "file: as fast as the real model and as ignorant as a stone. The types of one shape "
        "and seed are "
        "quantizations of the same weights. Every command that takes a model also takes "
        "synth:SHAPE:TYPE in "
        "place of a file, which needs no disk.",
    .examples = EXAMPLES,
    .run = run,
};
