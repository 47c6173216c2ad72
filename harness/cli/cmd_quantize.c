/* cmd_quantize.c - phibench quantize and convert: a model as a GGUF file, of another type or as it
 * is.
 *
 * Measures importance weights first if a calibration text is given; the rest is the engine's. What
 * was not done as asked is said on stderr, what was done on stdout.
 */
#include "base/file.h"
#include "base/visible.h"
#include "engine/tools.h"
#include "harness/cli/commands.h"
#include "harness/cli/model_options.h"
#include "harness/run/progress.h"

#include <stdlib.h>
#include <string.h>

struct options {
    const char *type, *calibration, *isa;
    int64_t n_threads;
};

#define TYPES                                                                                      \
    "f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, "         \
    "iq4_xs, mxfp4, q4_k_m or q5_k_m"

static const struct option_spec OPTIONS[] = {
    {"type", 0, OPTION_TEXT, "TYPE", TYPES, offsetof(struct options, type), 0, 0, 0},
    {"imatrix-from", 0, OPTION_TEXT, "FILE",
     "a text that the model is run over first: errors count as much as the inputs they meet there",
     offsetof(struct options, calibration), 0, 0, 0},
    OPTION_THREADS(struct options, n_threads),
    OPTION_ISA(struct options, isa),
};

enum { MAX_TEXT_BYTES = 1 << 28 };

static void begin_progress(const struct invocation *invocation, const char *label,
                           struct progress *progress)
{
    progress_begin(progress, &invocation->console, label, 0, 0);
}

/* *importance stays NULL without a text. */
static bool calibrate(const struct invocation *invocation, struct importance **importance,
                      struct err *err)
{
    const struct options *options = invocation->options;
    const struct session_options session = {.n_threads = (int)options->n_threads};
    struct progress progress;
    size_t n_bytes;
    if (!options->calibration) return true;
    char *text = file_read_text(options->calibration, MAX_TEXT_BYTES, &n_bytes, err);
    if (!text) return false;
    struct model *model =
        open_model(invocation, invocation->arguments[0], options->isa, &session, err);
    begin_progress(invocation, "calibrating, tokens", &progress);
    if (model)
        *importance = importance_measure(model, text, n_bytes, (int)options->n_threads,
                                         progress_of_engine, &progress, err);
    progress_end(&progress);
    model_close(model);
    free(text);
    return *importance || err_context(err, "calibrating with %s", options->calibration);
}

/* The spec's model as it will be; what cannot be done as asked is said now. */
static bool look_at(const struct invocation *invocation, const char *spec, struct buf *summary,
                    struct err *err)
{
    struct model_info info;
    struct model_file *file = model_file_open(spec, err);
    bool ok = file && model_file_info(file, &info, err);
    if (ok) {
        log_warning_lines(&invocation->console.log, invocation->arguments[0],
                          model_file_notes(file));
        buf_printf(summary, "%s, %.4g MB, %.3g bits a weight", info.quantization,
                   (double)info.n_bytes * 1e-6, 8 * (double)info.n_bytes / (double)info.n_params);
    }
    model_file_close(file);
    return ok;
}

/* Looks, measures and writes; label: of the progress. */
static bool write_model(const struct invocation *invocation, const char *spec, const char *label,
                        struct err *err)
{
    const struct options *options = invocation->options;
    const char *out = invocation->arguments[1];
    struct importance *importance = NULL;
    struct progress progress;
    struct buf summary = {0};
    bool ok = look_at(invocation, spec, &summary, err) && calibrate(invocation, &importance, err);
    if (ok) {
        begin_progress(invocation, label, &progress);
        ok = model_write(spec, out, importance, (int)options->n_threads, progress_of_engine,
                         &progress, err);
        progress_end(&progress);
    }
    ok = ok && buf_check(&summary, err);
    if (ok) visible_printf(stdout, "%s: %s\n", out, buf_string(&summary));
    importance_free(importance);
    buf_free(&summary);
    return ok;
}

static bool write_quantized(const struct invocation *invocation, const char *label, struct err *err)
{
    const struct options *options = invocation->options;
    struct buf spec = {0};
    buf_printf(&spec, "quantize:%s:%s", options->type, invocation->arguments[0]);
    bool ok = buf_check(&spec, err) && write_model(invocation, buf_string(&spec), label, err);
    buf_free(&spec);
    return ok;
}

static bool run_quantize(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    if (!options->type) return err_set(err, ERR_USAGE, "quantize needs a type: --type q4_k");
    return write_quantized(invocation, "quantizing, bytes", err);
}

static bool run_convert(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    const char *label = "converting, bytes";
    if (options->type) return write_quantized(invocation, label, err);
    return write_model(invocation, invocation->arguments[0], label, err);
}

static const char *const EXAMPLES[] = {
    "phibench quantize synth:tiny:f16 out/tiny-q4_k_m.gguf --type q4_k_m",
    "phibench quantize synth:tiny:f16 out/q2_k.gguf --type q2_k --imatrix-from models/README.md",
    NULL,
};

const struct command COMMAND_QUANTIZE = {
    .name = "quantize",
    .summary = "write a model in another type",
    .arguments = "IN OUT.gguf",
    .n_min = 2,
    .n_max = 2,
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Writes the model IN, a GGUF file or a Hugging Face folder, as a GGUF file with matrices "
        "of TYPE. Types below four bits, iq1 to iq3 and tq, are read and not written. Vectors "
        "(norms) become f32, and so do a vision tower's tables of pixels and places. The matrix "
        "that makes the logits, with tied embeddings "
        "the embedding, becomes q6_k (q8_0 beside q8_0), because nothing after it evens out its "
        "errors. q4_k_m and q5_k_m are the usual mixtures: in some of the layers "
        "values and feed-forward outputs become q6_k, a fused QKV q5_k or q6_k. Where rows are no "
        "whole blocks of 256 values, a type with blocks of 32 stands in, and is named.\n\n"
        "With --imatrix-from the model is run over the text first. The squared errors of "
        "each matrix are then weighed by the mean squares of the inputs that its columns "
        "met. f32, f16, bf16 and q8_0 stay as they are without, and so does a vision tower, to "
        "which a text shows nothing.\n\n"
        "The file is written whole or not at all. A configuration needs no such file: "
        "`quantizations` makes and keeps them. And every command that takes a model also takes "
        "quantize:TYPE:IN in its place, which quantizes while it loads.",
    .examples = EXAMPLES,
    .run = run_quantize,
};

static const struct option_spec CONVERT_OPTIONS[] = {
    {"type", 0, OPTION_TEXT, "TYPE", TYPES ", as quantize makes it; default: as the folder has it",
     offsetof(struct options, type), 0, 0, 0},
    OPTION_THREADS(struct options, n_threads),
};

static const char *const CONVERT_EXAMPLES[] = {
    "phibench convert tests/golden/hf/llama-tied out/llama-tied.gguf",
    "phibench convert tests/golden/hf/qwen2-tied out/qwen2-tied-q8_0.gguf --type q8_0",
    NULL,
};

const struct command COMMAND_CONVERT = {
    .name = "convert",
    .summary = "write a Hugging Face folder as a GGUF file",
    .arguments = "HF_DIR OUT.gguf",
    .n_min = 2,
    .n_max = 2,
    COMMAND_OPTIONS(CONVERT_OPTIONS, struct options),
    .details =
        "Writes the model in HF_DIR, a folder with config.json, safetensors and the files of a "
        "tokenizer, as one GGUF file, with the names and keys that the ecosystem's converter gives "
        "them, so that other programs load it, too; docs/gguf.md has what GGUF has no names for. "
        "Without --type matrices keep their type (F32, F16 or BF16); vectors (norms, biases) "
        "become f32. The file is written whole or not at all. A split GGUF model is joined by this "
        "command as well.\n\n"
        "The file is for others, or for a disk that is short: every command and configuration that "
        "takes a model takes the folder itself, and quantize:TYPE:HF_DIR, with the same logits.",
    .examples = CONVERT_EXAMPLES,
    .run = run_convert,
};
