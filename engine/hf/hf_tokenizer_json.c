/* hf_tokenizer_json.c - a vocabulary from a tokenizer.json: BPE with merges.
 *
 * Tokens and merges become GGUF's; all else that decides how text is cut is handed through as it
 * stands (TOKENIZER_STEPS_KEY), so that one place knows what the steps of the library `tokenizers`
 * mean, engine/tokenizer_steps.c.
 */
#include "engine/hf/hf_steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct hf_vocabulary *vocabulary;
    const struct json *root, *model, *vocab;
    struct hf_added_list added; /* those that have a row of the embedding */
};

/* ---- Tokens ---- */

/* How many ids there are, by the greatest. */
static bool measure(const struct reading *reading, size_t *n, size_t *n_used, struct err *err)
{
    const char *text;
    const struct json *id;
    int64_t greatest = -1;
    *n_used = reading->added.n;
    for (void *it = NULL; (it = json_next_member(reading->vocab, it, &text, &id)); ++*n_used) {
        int64_t value = json_is_whole_number(id) ? json_as_integer(id, -1) : -1;
        if (value < 0 || value > INT32_MAX)
            return err_set(err, ERR_INPUT, "model.vocab: the id of \"%.64s\" is no number from 0",
                           text);
        if (value > greatest) greatest = value;
    }
    for (size_t i = 0; i < reading->added.n; i++)
        if (reading->added.tokens[i].id > greatest) greatest = reading->added.tokens[i].id;
    *n = (size_t)(greatest + 1);
    return *n_used || err_set(err, ERR_INPUT, "model.vocab: no tokens");
}

static bool is_byte_token(const char *text)
{
    unsigned byte;
    char end;
    return strlen(text) == 6 && sscanf(text, "<0x%2X%c", &byte, &end) == 2 && end == '>';
}

static bool read_vocab(const struct reading *reading, struct err *err)
{
    const char *text;
    const struct json *id;
    bool has_bytes = json_as_bool(json_get(reading->model, "byte_fallback"), false);
    for (void *it = NULL; (it = json_next_member(reading->vocab, it, &text, &id));) {
        enum token_kind kind = has_bytes && is_byte_token(text) ? TOKEN_BYTE : TOKEN_NORMAL;
        if (!hf_vocabulary_set(reading->vocabulary, (size_t)json_as_integer(id, 0), text,
                               strlen(text), kind, err))
            return false;
    }
    for (size_t i = 0; i < reading->added.n; i++) {
        const struct hf_added_token *token = &reading->added.tokens[i];
        int64_t own = json_as_integer(json_get(reading->vocab, token->content), token->id);
        if (own != token->id)
            return err_set(err, ERR_INPUT,
                           "\"%.64s\" has the id %lld in model.vocab and %lld in "
                           "added_tokens",
                           token->content, (long long)own, (long long)token->id);
        if (!hf_vocabulary_set_added(reading->vocabulary, token, err)) return false;
    }
    return true;
}

/* Those past the embedding (Gemma 3 has one for pictures) are left out, as the converter does. */
static bool read_added(struct reading *reading, struct err *err)
{
    const struct json *array = json_get(reading->root, "added_tokens");
    size_t n_most = reading->vocabulary->n_most;
    for (size_t i = 0; i < json_length(array); i++) {
        struct hf_added_token token;
        if (!hf_added_token_read(json_at(array, i), NULL, &token, err))
            return err_context(err, "reading added_tokens[%zu]", i);
        if (n_most && (uint64_t)token.id >= n_most) continue;
        token.in_vocab = json_get(reading->vocab, token.content) != NULL;
        size_t n_before = reading->added.n;
        if (!hf_added_list_set(&reading->added, &token, err)) return false;
        if (reading->added.n == n_before)
            return err_set(err, ERR_INPUT, "added_tokens[%zu]: a second token with the id %lld", i,
                           (long long)token.id);
    }
    return true;
}

/* ---- Merges ---- */

/* The two pieces of a merge, written "a b" or ["a", "b"], in `line` with a zero between them. */
static bool split_merge(const struct json *merge, struct buf *line, size_t *n_left, struct err *err)
{
    const char *text = json_as_string(merge, NULL), *left = json_as_string(json_at(merge, 0), NULL),
               *right = json_as_string(json_at(merge, 1), NULL);
    buf_clear(line);
    if (text) {
        const char *space = strchr(text, ' ');
        if (!space || space == text || !space[1] || strchr(space + 1, ' '))
            return err_set(err, ERR_INPUT, "\"%.64s\" is not two pieces with a space between",
                           text);
        *n_left = (size_t)(space - text);
        buf_append(line, text, *n_left);
        buf_char(line, 0);
        return buf_text(line, space + 1), buf_check(line, err);
    }
    if (!left || !right || json_length(merge) != 2 || !left[0] || !right[0])
        return err_set(err, ERR_INPUT, "it is not two pieces");
    if (strchr(left, ' ') || strchr(right, ' '))
        return err_set(err, ERR_UNSUPPORTED, "not supported yet: a merge of pieces with spaces");
    *n_left = strlen(left);
    buf_append(line, left, *n_left + 1);
    return buf_text(line, right), buf_check(line, err);
}

/* The id of a piece of a merge in the vocabulary. */
static bool find_piece(const struct json *vocab, const char *text, int64_t *id, struct err *err)
{
    *id = json_as_integer(json_get(vocab, text), -1);
    return *id >= 0 || err_set(err, ERR_INPUT, "\"%.64s\" is not in model.vocab", text);
}

/* A piece's score is the higher the earlier a merge makes it, so that programs which merge by
 * scores merge in the same order. */
static bool add_merge(const struct reading *reading, const struct json *merge, struct buf *line,
                      struct buf *joined, struct err *err)
{
    struct hf_vocabulary *vocabulary = reading->vocabulary;
    size_t n_left = 0;
    int64_t left, right, made;
    if (!split_merge(merge, line, &n_left, err)) return false;
    buf_clear(joined);
    buf_append(joined, line->data, n_left);
    buf_text(joined, line->data + n_left + 1);
    if (!buf_check(joined, err) || !find_piece(reading->vocab, line->data, &left, err) ||
        !find_piece(reading->vocab, line->data + n_left + 1, &right, err) ||
        !find_piece(reading->vocab, joined->data, &made, err))
        return false;
    line->data[n_left] = ' ';
    if (vocabulary->scores[made] == 0)
        vocabulary->scores[made] = -1.0F - (float)vocabulary->n_merges;
    return hf_vocabulary_add_merge(vocabulary, line->data, line->n_bytes, err);
}

static bool read_merges(const struct reading *reading, struct err *err)
{
    const struct json *merges = json_get(reading->model, "merges");
    struct buf line = {0}, joined = {0};
    bool ok = json_kind(merges) == JSON_KIND_ARRAY ||
              err_set(err, ERR_INPUT, "model.merges is missing or no list");
    for (size_t i = 0; ok && i < json_length(merges); i++) {
        ok = add_merge(reading, json_at(merges, i), &line, &joined, err);
        if (!ok) err_context(err, "reading model.merges[%zu]", i);
    }
    buf_free(&line);
    buf_free(&joined);
    return ok;
}

/* ---- Steps ---- */

/* Whether a text begins with BOS, by the template of the post-processor. */
static bool read_template(struct hf_vocabulary *vocabulary, const struct json *processor,
                          struct err *err)
{
    const char *type = json_as_string(json_get(processor, "type"), "");
    const struct json *single = json_get(processor, "single");
    size_t n = json_length(single), n_before = 0;
    if (strcmp(type, "Sequence") == 0) {
        const struct json *parts = json_get(processor, "processors");
        for (size_t i = 0; i < json_length(parts); i++)
            if (!read_template(vocabulary, json_at(parts, i), err)) return false;
        return true;
    }
    if (json_kind(processor) == JSON_KIND_NULL || strcmp(type, "ByteLevel") == 0) return true;
    if (strcmp(type, "TemplateProcessing") != 0)
        return err_set(err, ERR_UNSUPPORTED, "not supported yet: the post-processor \"%.64s\"",
                       type);
    while (n_before < n && !json_get(json_at(single, n_before), "Sequence")) n_before++;
    if (n_before > 1)
        return err_set(err, ERR_UNSUPPORTED,
                       "not supported yet: a post-processor that puts %zu tokens before a text",
                       n_before);
    vocabulary->add_bos = n_before == 1;
    if (!n_before) return true;
    const char *name =
        json_as_string(json_get(json_get(json_at(single, 0), "SpecialToken"), "id"), "");
    const struct json *ids = json_get(json_get(json_get(processor, "special_tokens"), name), "ids");
    int64_t bos = json_length(ids) == 1 ? json_as_integer(json_at(ids, 0), -1) : -1;
    if (bos < 0 || bos >= (int64_t)vocabulary->n)
        return err_set(err, ERR_INPUT,
                       "post_processor: \"%.64s\", which it puts before a text, is no token", name);
    vocabulary->bos = (int32_t)bos;
    return true;
}

static bool read_root(struct reading *reading, struct err *err)
{
    reading->model = json_get(reading->root, "model");
    reading->vocab = json_get(reading->model, "vocab");
    const char *type = json_as_string(json_get(reading->model, "type"), "BPE");
    size_t n = 0, n_used = 0;
    if (strcmp(type, "BPE") != 0)
        return err_set(err, ERR_UNSUPPORTED, "not supported yet: the tokenizer model \"%.64s\"",
                       type);
    if (json_kind(reading->vocab) != JSON_KIND_OBJECT)
        return err_set(err, ERR_INPUT, "model.vocab is missing or no object");
    return read_added(reading, err) && measure(reading, &n, &n_used, err) &&
           hf_vocabulary_resize(reading->vocabulary, n, n_used, err) && read_vocab(reading, err) &&
           read_merges(reading, err) &&
           hf_steps_describe(reading->vocabulary, reading->root, err) &&
           read_template(reading->vocabulary, json_get(reading->root, "post_processor"), err) &&
           hf_steps_write(reading->vocabulary, reading->root, &reading->added, err);
}

bool hf_read_tokenizer_json(struct hf_vocabulary *vocabulary, const struct hf_small_files *files,
                            struct err *err)
{
    (void)files; /* a tokenizer.json is whole */
    struct json *root = json_read_file(vocabulary->file, err);
    struct reading reading = {.vocabulary = vocabulary, .root = root};
    bool ok = root && read_root(&reading, err);
    if (!ok) err_place(err, vocabulary->file, 0, 0);
    const char *unknown = json_as_string(json_get(reading.model, "unk_token"), NULL);
    if (ok && unknown) vocabulary->unknown = hf_vocabulary_find(vocabulary, unknown);
    hf_added_list_done(&reading.added);
    json_free(root);
    return ok;
}
