/* cmd_inspect.c - phibench inspect: what a model file says about itself, without loading its
 * weights.
 *
 * Works on every GGUF that can be read, also on architectures that the engine cannot run, and on
 * folders.
 * Prints for people, or JSON.
 */
#include "base/json.h"
#include "base/visible.h"
#include "engine/engine.h"
#include "engine/tools.h"
#include "harness/ask/policies.h"
#include "harness/cli/commands.h"

#include <string.h>

struct options {
    bool tensors, json;
};

static const struct option_spec OPTIONS[] = {
    {"tensors", 0, OPTION_FLAG, NULL, "list every tensor", offsetof(struct options, tensors), 0, 0,
     0},
    OPTION_JSON(struct options, json),
};

enum { MAX_VALUE_CHARS = 60 };

struct inspection {
    const struct model_file *file;
    struct model_info info;
    bool has_info;
    const char *unsupported;     /* why the engine would not run it; NULL if it would */
    struct tokenizer *tokenizer; /* NULL if it has none that is supported */
};

/* NULL if the file's chat template can be run; otherwise why not, in *err. */
static const char *find_chat_fault(const struct tokenizer *tokenizer, struct err *err)
{
    const struct chat_message hello = {CHAT_USER, "Hello"};
    struct buf prompt = {0};
    if (!tokenizer_has_chat_template(tokenizer)) return "none";
    bool ok = tokenizer_render_chat(tokenizer, NULL, &hello, 1, true, &prompt, err);
    buf_free(&prompt);
    return ok ? NULL : err->message;
}

/* The chat template, and the tokens after which it loses white space. */
static void print_chat(const struct tokenizer *tokenizer)
{
    struct err err = {0};
    const char *fault = find_chat_fault(tokenizer, &err);
    size_t n = 0;
    if (err.line) printf("%-16s line %d, column %d: ", "chat template", err.line, err.column);
    else printf("%-16s ", "chat template");
    visible_printf(stdout, "%s\n", fault ? fault : "the file's own");
    for (int32_t id = 0; id < tokenizer_size(tokenizer); id++)
        if (tokenizer_strips(tokenizer, id, RSTRIP_FILE))
            visible_printf(stdout, n++ ? " %s" : "rstrip           %s",
                           tokenizer_token(tokenizer, id).piece);
    if (n) putchar('\n');
}

/* The n-th tensor's type, if it is widened and no tensor before has it; otherwise NULL. */
static const char *find_widened(const struct model_file *file, size_t n, double *bits)
{
    struct model_file_tensor tensor, before;
    model_file_tensor(file, n, &tensor);
    if (tensor.widened_bits == 0) return NULL;
    for (size_t i = 0; i < n; i++) {
        model_file_tensor(file, i, &before);
        if (strcmp(before.type, tensor.type) == 0) return NULL;
    }
    *bits = tensor.widened_bits;
    return tensor.type;
}

static void print_widened(const struct model_file *file)
{
    for (size_t i = 0; i < model_file_count_tensors(file); i++) {
        double bits;
        const char *type = find_widened(file, i, &bits);
        if (type)
            printf("%-16s %s runs as 8-bit integers, %.2f bits per weight in memory: slower than "
                   "its size lets expect\n",
                   "note", type, bits);
    }
}

/* Which keys the layers with block-sparse attention see, and which layers have it. */
static void print_blocks(const struct model_info *info)
{
    printf("%-16s block-sparse: blocks of %d keys, the last %d and every %dth before", "attention",
           info->block_keys, info->local_blocks, info->block_stride);
    if (info->dense_period) printf("; all keys in 1 of %d layers", info->dense_period);
    putchar('\n');
}

/* What sees pictures. */
static void print_eyes(const struct model_info *info)
{
    printf("%-16s %d layers, width %d, patches of %d pixels; pictures in crops of %d pixels, %d at "
           "most\n",
           "eyes", info->vision_layers, info->vision_width, info->vision_patch, info->vision_side,
           info->vision_crops);
}

/* Millions with three digits at least. */
static void print_millions(uint64_t n)
{
    double millions = (double)n * 1e-6;
    printf("%.*f million", millions < 1 ? 3 : millions < 10 ? 2 : millions < 100 ? 1 : 0, millions);
}

static void print_parameters(const struct model_info *info)
{
    printf("%-16s ", "parameters");
    print_millions(info->n_params);
    printf(" in %.1f MiB", (double)info->n_bytes / (1 << 20));
    if (info->n_experts) {
        printf(", of which a token uses ");
        print_millions(info->n_active_params);
    }
    putchar('\n');
}

static void print_summary(const struct inspection *inspection, const char *path)
{
    const struct model_info *info = &inspection->info;
    visible_printf(stdout, "%-16s %s\n", "file", path);
    size_t n_files = model_file_count_files(inspection->file);
    if (n_files > 1) printf("%-16s %zu\n", "files", n_files);
    if (inspection->unsupported)
        visible_printf(stdout, "%-16s %s\n", "not runnable", inspection->unsupported);
    if (inspection->has_info) {
        visible_printf(stdout, "%-16s %s%s%s\n", "architecture", info->architecture,
                       info->name[0] ? ", " : "", info->name);
        visible_printf(stdout, "%-16s %s, %.2f bits per weight\n", "quantization",
                       info->quantization,
                       info->n_params ? 8.0 * (double)info->n_bytes / (double)info->n_params : 0.0);
        print_parameters(info);
        putchar('\n');
        printf("%-16s %d layers, width %d, feed-forward %d, %d heads of %d, %d KV heads\n", "shape",
               info->n_layers, info->n_embd, info->n_ff, info->n_heads, info->head_size,
               info->n_kv_heads);
        if (info->n_experts)
            printf("%-16s %d a layer, %d of them for a token\n", "experts", info->n_experts,
                   info->n_experts_used);
        printf("%-16s %d tokens", "context", info->context_tokens);
        if (info->sliding_window) printf(", sliding window %d", info->sliding_window);
        if (info->n_windowed && info->n_windowed < info->n_layers)
            printf(" in %d of %d layers", info->n_windowed, info->n_layers);
        if (info->short_tokens) printf(", LongRoPE beyond %d", info->short_tokens);
        putchar('\n');
        if (info->block_keys) print_blocks(info);
        if (info->vision_side) print_eyes(info);
        printf("%-16s", "KV cache");
        for (enum kv_type type = 0; type < KV_TYPE_COUNT; type++)
            printf("%s %.1f KiB a token in %s", type ? "," : "",
                   (double)info->kv_token_bytes[type] / 1024, KV_TYPE_NAMES[type]);
        putchar('\n');
    }
    print_widened(inspection->file);
    if (!inspection->tokenizer) return;
    visible_printf(stdout, "%-16s %s, %d tokens, %s BOS\n", "tokenizer",
                   tokenizer_kind(inspection->tokenizer), tokenizer_size(inspection->tokenizer),
                   tokenizer_adds_bos(inspection->tokenizer) ? "adds" : "adds no");
    print_chat(inspection->tokenizer);
    for (const char *note = tokenizer_notes(inspection->tokenizer); *note;) {
        int n = (int)strcspn(note, "\n");
        visible_printf(stdout, "%-16s %.*s\n", "note", n, note);
        note += n + (note[n] == '\n');
    }
}

static void print_metadata(const struct model_file *file)
{
    struct buf value = {0};
    printf("\nmetadata\n");
    for (size_t i = 0; i < model_file_count_metadata(file); i++) {
        buf_clear(&value);
        const char *key = model_file_metadata(file, i, MAX_VALUE_CHARS, &value);
        visible_printf(stdout, "  %-44s %s\n", key, buf_string(&value));
    }
    buf_free(&value);
}

static void format_shape(const struct model_file_tensor *tensor, char text[96])
{
    int n = 0;
    for (size_t i = 0; i < tensor->n_dimensions; i++)
        n += snprintf(text + n, 96 - (size_t)n, "%s%zu", i ? " x " : "", tensor->shape[i]);
}

static void print_tensors(const struct model_file *file)
{
    printf("\n%zu tensors\n", model_file_count_tensors(file));
    for (size_t i = 0; i < model_file_count_tensors(file); i++) {
        struct model_file_tensor tensor;
        char shape[96] = "";
        model_file_tensor(file, i, &tensor);
        format_shape(&tensor, shape);
        visible_printf(stdout, "  %-36s %-6s %-20s %12llu bytes%s\n", tensor.name, tensor.type,
                       shape, (unsigned long long)tensor.n_bytes,
                       tensor.supported ? "" : "  (type not supported)");
    }
}

static void write_eyes(struct json_writer *writer, const struct model_info *info)
{
    if (!info->vision_side) return;
    json_key(writer, "vision");
    json_begin_object(writer);
    json_set_integer(writer, "layers", info->vision_layers);
    json_set_integer(writer, "width", info->vision_width);
    json_set_integer(writer, "patch", info->vision_patch);
    json_set_integer(writer, "side", info->vision_side);
    json_set_integer(writer, "num_crops", info->vision_crops);
    json_end_object(writer);
}

static void write_model(struct json_writer *writer, const struct inspection *inspection)
{
    const struct model_info *info = &inspection->info;
    json_set_string(writer, "unsupported", inspection->unsupported);
    if (!inspection->has_info) return;
    json_set_string(writer, "architecture", info->architecture);
    json_set_string(writer, "name", info->name);
    json_set_string(writer, "quantization", info->quantization);
    json_set_integer(writer, "parameters", (int64_t)info->n_params);
    json_set_integer(writer, "active_parameters", (int64_t)info->n_active_params);
    json_set_integer(writer, "bytes", (int64_t)info->n_bytes);
    json_set_integer(writer, "layers", info->n_layers);
    json_set_integer(writer, "width", info->n_embd);
    json_set_integer(writer, "feed_forward", info->n_ff);
    json_set_integer(writer, "experts", info->n_experts);
    json_set_integer(writer, "experts_used", info->n_experts_used);
    json_set_integer(writer, "heads", info->n_heads);
    json_set_integer(writer, "kv_heads", info->n_kv_heads);
    json_set_integer(writer, "head_size", info->head_size);
    json_set_integer(writer, "vocabulary", info->n_vocab);
    json_set_integer(writer, "context", info->context_tokens);
    json_set_integer(writer, "sliding_window", info->sliding_window);
    json_set_integer(writer, "windowed_layers", info->n_windowed);
    if (info->short_tokens) json_set_integer(writer, "longrope_beyond", info->short_tokens);
    json_set_integer(writer, "block_keys", info->block_keys);
    json_set_integer(writer, "local_blocks", info->local_blocks);
    json_set_integer(writer, "block_stride", info->block_stride);
    json_set_integer(writer, "dense_period", info->dense_period);
    write_eyes(writer, info);
    json_key(writer, "kv_bytes_per_token");
    json_begin_object(writer);
    for (enum kv_type type = 0; type < KV_TYPE_COUNT; type++)
        json_set_integer(writer, KV_TYPE_NAMES[type], (int64_t)info->kv_token_bytes[type]);
    json_end_object(writer);
}

static void write_metadata(struct json_writer *writer, const struct model_file *file)
{
    struct buf value = {0};
    json_key(writer, "metadata");
    json_begin_object(writer);
    for (size_t i = 0; i < model_file_count_metadata(file); i++) {
        buf_clear(&value);
        const char *key = model_file_metadata(file, i, SIZE_MAX, &value);
        json_set_string(writer, key, buf_string(&value));
    }
    json_end_object(writer);
    buf_free(&value);
}

static void write_tensors(struct json_writer *writer, const struct model_file *file)
{
    json_key(writer, "tensors");
    json_begin_array(writer);
    for (size_t i = 0; i < model_file_count_tensors(file); i++) {
        struct model_file_tensor tensor;
        model_file_tensor(file, i, &tensor);
        json_begin_object(writer);
        json_set_string(writer, "name", tensor.name);
        json_set_string(writer, "type", tensor.type);
        json_key(writer, "shape");
        json_begin_array(writer);
        for (size_t d = 0; d < tensor.n_dimensions; d++)
            json_put_integer(writer, (int64_t)tensor.shape[d]);
        json_end_array(writer);
        json_set_integer(writer, "bytes", (int64_t)tensor.n_bytes);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void write_widened(struct json_writer *writer, const struct model_file *file)
{
    json_key(writer, "widened_types");
    json_begin_array(writer);
    for (size_t i = 0; i < model_file_count_tensors(file); i++) {
        double bits;
        const char *type = find_widened(file, i, &bits);
        if (type) json_put_string(writer, type);
    }
    json_end_array(writer);
}

static void write_chat(struct json_writer *writer, const struct tokenizer *tokenizer)
{
    struct err err = {0};
    const char *fault = find_chat_fault(tokenizer, &err);
    json_set_string(writer, "chat_template", fault ? fault : "file");
    json_key(writer, "rstrip");
    json_begin_array(writer);
    for (int32_t id = 0; id < tokenizer_size(tokenizer); id++)
        if (tokenizer_strips(tokenizer, id, RSTRIP_FILE))
            json_put_string(writer, tokenizer_token(tokenizer, id).piece);
    json_end_array(writer);
}

static bool print_json(const struct inspection *inspection, const char *path, bool tensors,
                       struct err *err)
{
    struct buf out = {0};
    struct json_writer writer = {.out = &out, .indent = 2};
    json_begin_object(&writer);
    json_set_string(&writer, "file", path);
    json_set_integer(&writer, "files", (int64_t)model_file_count_files(inspection->file));
    write_model(&writer, inspection);
    write_widened(&writer, inspection->file);
    if (inspection->tokenizer) {
        json_set_string(&writer, "tokenizer", tokenizer_kind(inspection->tokenizer));
        write_chat(&writer, inspection->tokenizer);
        json_set_string(&writer, "tokenizer_notes", tokenizer_notes(inspection->tokenizer));
    }
    write_metadata(&writer, inspection->file);
    if (tensors) write_tensors(&writer, inspection->file);
    json_end_object(&writer);
    return json_print(&writer, stdout, err);
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    const char *path = invocation->arguments[0];
    struct err unsupported = {.code = ERR_NONE};
    struct model_file *file = model_file_open(path, err);
    if (!file) return false;
    struct inspection inspection = {.file = file};
    inspection.has_info = model_file_info(file, &inspection.info, NULL);
    if (!model_file_check(file, &unsupported)) inspection.unsupported = unsupported.message;
    inspection.tokenizer = model_file_tokenizer(file, NULL);
    bool ok = true;
    if (options->json) {
        ok = print_json(&inspection, path, options->tensors, err);
    } else {
        print_summary(&inspection, path);
        print_metadata(file);
        if (options->tensors) print_tensors(file);
    }
    tokenizer_free(inspection.tokenizer);
    model_file_close(file);
    return ok;
}

static const char *const EXAMPLES[] = {
    "phibench inspect synth:phi-3-mini:q4_0",
    "phibench inspect synth:tiny:q4_k --tensors --json",
    NULL,
};

const struct command COMMAND_INSPECT = {
    .name = "inspect",
    .summary = "show what a model file holds",
    .arguments = "MODEL",
    .n_min = 1,
    .n_max = 1,
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Shows architecture, shape, quantization, tokenizer, chat format and metadata of a "
        "GGUF file or a Hugging Face folder, under GGUF's names, without "
        "loading its weights; also of files that the engine cannot run, and why. Of a model that "
        "is split into files, NAME-00001-of-00003.gguf and so on, any one stands for all, here "
        "and wherever a model is named. A note says "
        "what is doubtful about the vocabulary and what is done about it, as a warning does "
        "where a model is used.",
    .examples = EXAMPLES,
    .run = run,
};
