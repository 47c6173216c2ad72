/* text_chunks.c - see text_chunks.h. The whole text is encoded at once, since tokens may span any
 * border that it could be cut at; it takes its bytes and four for each token, whatever the model.
 */
#include "harness/ask/text_chunks.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "harness/ask/policies.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT_BYTES = 256 << 20 };

/* "wikitext-2" of "data/wikitext-2.raw": what names a chart's file too. */
static const char *text_name(struct arena *arena, const char *path, struct err *err)
{
    const char *name = file_name(path), *dot = strrchr(name, '.');
    char *copy =
        arena_copy(arena, name, dot && dot > name ? (size_t)(dot - name) : strlen(name), err);
    for (char *c = copy; c && *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-", *c)) *c = '-';
    return copy;
}

/* The hash knows all chunks, however many are used: answers of a limited run serve the whole. */
static bool hash_ids(const int32_t *ids, size_t n, size_t chunk_tokens, char hex[SHA256_HEX_BYTES],
                     struct err *err)
{
    char length[32];
    struct sha256 *hash = sha256_new(err);
    if (!hash) return false;
    snprintf(length, sizeof length, "chunks of %zu", chunk_tokens);
    sha256_field(hash, length);
    sha256_update(hash, ids, n * sizeof *ids); /* little-endian, as the engine is */
    sha256_finish(hash, hex);
    sha256_free(hash);
    return true;
}

static bool fill_items(struct dataset *dataset, const char *path, struct err *err)
{
    struct item *items = arena_alloc(dataset->arena, dataset->n_items, sizeof *items, err);
    const char *file = arena_string(dataset->arena, path, err);
    if (!items || !file) return false;
    for (size_t i = 0; i < dataset->n_items; i++) {
        items[i] = (struct item){.file = file, .subset = "", .expected = ""};
        items[i].key = arena_printf(dataset->arena, err, "chunk/%zu", i);
        if (!items[i].key) return false;
    }
    dataset->items = items;
    return true;
}

/* Cuts the text's tokens into the chunks of a new data set. */
static struct dataset *cut(struct arena *arena, const struct text_chunks_options *options,
                           const struct tokens *text, bool has_bos, struct err *err)
{
    size_t n_all = text->n / options->chunk_tokens, n = n_all;
    if (!n_all) {
        err_set_at(err, ERR_INPUT, options->path, 0, 0, "%zu tokens do not fill one chunk of %zu",
                   text->n, options->chunk_tokens);
        return NULL;
    }
    for (size_t i = 0; has_bos && i < n_all; i++)
        text->ids[i * options->chunk_tokens] = text->ids[0];
    if (options->limit && options->limit < n) n = options->limit;
    struct dataset *dataset = arena_alloc(arena, 1, sizeof *dataset, err);
    struct text_chunks *chunks = arena_alloc(arena, 1, sizeof *chunks, err);
    const char *name = text_name(arena, options->path, err);
    void *ids = arena_alloc(arena, n * options->chunk_tokens, sizeof *text->ids, err);
    if (!dataset || !chunks || !name || !ids) return NULL;
    memcpy(ids, text->ids, n * options->chunk_tokens * sizeof *text->ids);
    *chunks = (struct text_chunks){ids, options->chunk_tokens, text->n};
    *dataset = (struct dataset){.suite = options->suite, .n_items = n, .arena = arena};
    dataset->state = chunks;
    dataset->protocol = arena_printf(arena, err, "chunks-%zu-%s", options->chunk_tokens, name);
    return dataset->protocol && fill_items(dataset, options->path, err) &&
                   hash_ids(text->ids, n_all * options->chunk_tokens, options->chunk_tokens,
                            dataset->data_hash, err)
               ? dataset
               : NULL;
}

struct dataset *text_chunks_load(const struct text_chunks_options *options,
                                 const struct tokenizer *tokenizer, struct err *err)
{
    const struct encode_options encode = {.bos = options->bos};
    struct tokens ids = {0};
    struct dataset *dataset = NULL;
    size_t n_bytes;
    char *text = file_read_text(options->path, MAX_TEXT_BYTES, &n_bytes, err);
    struct arena *arena = text ? arena_new(0, err) : NULL;
    bool has_bos = bos_policy_adds(options->bos, tokenizer);
    if (arena && tokenizer_encode(tokenizer, text, n_bytes, &encode, &ids, err))
        dataset = cut(arena, options, &ids, has_bos, err);
    if (!dataset) arena_free(arena);
    tokens_free(&ids);
    free(text);
    return dataset;
}

const struct text_chunks *text_chunks_of(const struct dataset *dataset)
{
    return dataset->state;
}

const int32_t *text_chunk(const struct dataset *dataset, size_t i)
{
    const struct text_chunks *chunks = dataset->state;
    return chunks->ids + i * chunks->chunk_tokens;
}

size_t text_chunk_number(const char *key)
{
    char *end;
    if (strncmp(key, "chunk/", 6) != 0 || !isdigit((unsigned char)key[6])) return SIZE_MAX;
    size_t number = strtoull(key + 6, &end, 10);
    return *end ? SIZE_MAX : number;
}
