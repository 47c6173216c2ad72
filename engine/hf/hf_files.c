/* hf_files.c - see hf_files.h. A file that is no weights is a part without tensors, whose bytes
 * are all header: so seals and hashes treat it as they treat every file of a model.
 */
#include "engine/hf/hf_files.h"

#include "base/checksum.h"
#include "base/file.h"
#include "base/mem.h"
#include "engine/hf/hf_index.h"
#include "engine/hf/safetensors.h"
#include "engine/source_file.h"

#include <stdlib.h>

#define WHOLE_NAME "model.safetensors"
enum { MAX_TEXT_BYTES = 1 << 28 };

/* Whatever of these is there, whether another one makes it needless or not. */
static const char *const TEXT_NAMES[] = {
    HF_CONFIG_NAME,
    HF_INDEX_NAME,
    "generation_config.json",
    HF_PICTURES_NAME,
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "tokenizer_module.json",
    "chat_template.json",
};
static const char TIKTOKEN_ENDING[] = ".tiktoken";
#define TEMPLATES "additional_chat_templates"

/* ---- A file that is no weights ---- */

struct text {
    struct source source; /* first: the source's functions find the rest behind it */
    struct source_file file;
    uint64_t sum; /* of all its bytes */
    const char *files[1];
};

static bool read_text(const struct source *source, uint64_t offset, void *out, size_t n_bytes,
                      struct err *err)
{
    return source_file_read(&((const struct text *)source)->file, offset, out, n_bytes, err);
}

static struct seal_file text_to_seal(const struct source *source)
{
    const struct text *text = (const struct text *)source;
    return (struct seal_file){.source = source,
                              .read = read_text,
                              .n_bytes = text->file.n_bytes,
                              .header_bytes = text->file.n_bytes,
                              .header = text->sum};
}

static bool hold_text_to(struct source *source, const struct model_seal *seal, struct err *err)
{
    return seal_check_header(seal, source, ((const struct text *)source)->sum, err);
}

static const struct part_kind TEXT_PART = {text_to_seal, hold_text_to};

static void close_text(struct source *source)
{
    source_file_close(&((struct text *)source)->file);
    free(source);
}

static bool sum_text(struct text *text, struct err *err)
{
    if (text->file.n_bytes > MAX_TEXT_BYTES)
        return err_set_at(err, ERR_INPUT, text->file.path, 0, 0, "the file has more than %d bytes",
                          MAX_TEXT_BYTES);
    size_t n_bytes = (size_t)text->file.n_bytes;
    uint8_t *bytes = mem_new(n_bytes, 1, err);
    bool ok = bytes && source_file_read(&text->file, 0, bytes, n_bytes, err);
    if (ok) text->sum = checksum(bytes, n_bytes);
    free(bytes);
    return ok;
}

static struct source *open_text(const char *path, struct err *err)
{
    struct text *text = mem_new(1, sizeof *text, err);
    if (!text) return NULL;
    bool ok = source_file_open(&text->file, path, "a file", err) && sum_text(text, err);
    text->files[0] = text->file.path;
    text->source = (struct source){.path = text->file.path,
                                   .files = text->files,
                                   .n_files = COUNT_OF(text->files),
                                   .close = close_text};
    if (ok) return &text->source;
    close_text(&text->source);
    return NULL;
}

/* ---- The folder ---- */

struct listing {
    const char *folder;
    char **names; /* [n] sorted */
    size_t n;
    struct hf_index *index; /* of a sharded model, else NULL */
};

static bool has_name(const struct listing *listing, const char *name)
{
    for (size_t i = 0; i < listing->n; i++)
        if (strcmp(listing->names[i], name) == 0) return true;
    return false;
}

static bool has_ending(const struct listing *listing, const char *ending)
{
    for (size_t i = 0; i < listing->n; i++)
        if (file_name_ends(listing->names[i], ending)) return true;
    return false;
}

/* Downloads of one kind of weights only. */
static bool refuse_weights(const struct listing *listing, struct err *err)
{
    const char *instead = "";
    if (has_ending(listing, ".gguf")) instead = "; it has GGUF files: name one of them";
    else if (has_ending(listing, ".bin") || has_ending(listing, ".pth"))
        instead = "; it has PyTorch's checkpoints: convert them to safetensors";
    return err_set_at(err, ERR_INPUT, listing->folder, 0, 0,
                      "the folder has neither " WHOLE_NAME " nor " HF_INDEX_NAME "%s", instead);
}

static bool read_index(struct listing *listing, struct err *err)
{
    if (!has_name(listing, HF_CONFIG_NAME))
        return err_set_at(err, ERR_INPUT, listing->folder, 0, 0,
                          "the folder has no " HF_CONFIG_NAME
                          ": expected a GGUF file, or a Hugging Face folder");
    if (has_name(listing, WHOLE_NAME)) return true;
    if (!has_name(listing, HF_INDEX_NAME)) return refuse_weights(listing, err);
    char *path = file_join(listing->folder, HF_INDEX_NAME, err);
    listing->index = path ? hf_index_read(path, err) : NULL;
    free(path);
    const char *missing =
        listing->index ? hf_index_missing(listing->index, listing->names, listing->n) : NULL;
    if (missing)
        return err_set_at(err, ERR_INPUT, listing->folder, 0, 0,
                          "the folder has no %s, in which " HF_INDEX_NAME
                          " says that weights lie: download it, too",
                          missing);
    return listing->index != NULL;
}

static const struct part_kind *kind_of(const struct listing *listing, const char *name)
{
    if (listing->index ? hf_index_has_shard(listing->index, name) : !strcmp(name, WHOLE_NAME))
        return &SAFETENSORS_PART;
    for (size_t i = 0; i < COUNT_OF(TEXT_NAMES); i++)
        if (strcmp(name, TEXT_NAMES[i]) == 0) return &TEXT_PART;
    bool is_template = strncmp(name, TEMPLATES "/", strlen(TEMPLATES "/")) == 0;
    return is_template || file_name_ends(name, TIKTOKEN_ENDING) ? &TEXT_PART : NULL;
}

/* Named chat templates lie in a folder of their own: their paths take the place of its name, which
 * is where they belong in order. */
static bool list_templates(struct listing *listing, struct err *err)
{
    char **names = NULL;
    size_t n = 0, i = 0;
    while (i < listing->n && strcmp(listing->names[i], TEMPLATES) != 0) i++;
    char *folder = i < listing->n ? file_join(listing->folder, TEMPLATES, err) : NULL;
    if (i == listing->n) return true;
    bool ok = folder && file_list(folder, &names, &n, err);
    char **all = ok ? mem_new(listing->n + n, sizeof *all, err) : NULL;
    for (size_t k = 0; all && ok && k < n; k++)
        ok = (all[i + k] = file_join(TEMPLATES, names[k], err)) != NULL;
    if (all && ok) {
        memcpy(all, listing->names, i * sizeof *all);
        memcpy(all + i + n, listing->names + i + 1, (listing->n - i - 1) * sizeof *all);
        free(listing->names[i]);
        free(listing->names);
        listing->names = all;
        listing->n += n - 1;
    } else {
        for (size_t k = 0; all && k < n; k++) free(all[i + k]);
        free(all);
        ok = false;
    }
    free(folder);
    file_free_names(names, n);
    return ok;
}

/* parts: room for all names. */
static bool open_parts(const struct listing *listing, struct joined_part *parts, size_t *n_parts,
                       struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < listing->n; i++) {
        const struct part_kind *kind = kind_of(listing, listing->names[i]);
        if (!kind) continue;
        char *path = file_join(listing->folder, listing->names[i], err);
        struct source *source = NULL;
        if (path) source = kind == &TEXT_PART ? open_text(path, err) : safetensors_open(path, err);
        free(path);
        ok = source != NULL;
        if (ok) parts[(*n_parts)++] = (struct joined_part){source, kind};
    }
    return ok;
}

static struct source *join(const struct listing *listing, struct err *err)
{
    size_t n_parts = 0;
    struct source *whole = NULL;
    struct joined_part *parts = mem_new(listing->n, sizeof *parts, err);
    if (parts && open_parts(listing, parts, &n_parts, err))
        whole = joined_open(parts, n_parts, listing->folder, NULL, err);
    else
        for (size_t i = 0; i < n_parts; i++) source_close(parts[i].source);
    free(parts);
    if (!whole || !listing->index || hf_index_check(listing->index, whole, err)) return whole;
    source_close(whole);
    return NULL;
}

struct source *hf_files_open(const char *folder, struct err *err)
{
    struct listing listing = {.folder = folder};
    if (!file_list(folder, &listing.names, &listing.n, err)) return NULL;
    bool ok = read_index(&listing, err) && list_templates(&listing, err);
    struct source *whole = ok ? join(&listing, err) : NULL;
    hf_index_free(listing.index);
    file_free_names(listing.names, listing.n);
    return whole;
}
