/* hf_vocabulary.c - see hf_vocabulary.h. What is written follows llama.cpp's convert_hf_to_gguf.py:
 * which kind a token has, scores of those that no merge makes, the names of ids without a token.
 */
#include "engine/hf/hf_vocabulary.h"

#include "base/mem.h"
#include "engine/tokenizer_steps.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const float SCORE_OF_ADDED = -1000.0F, SCORE_OF_UNUSED = -10000.0F;

bool hf_vocabulary_init(struct hf_vocabulary *vocabulary, const char *file, size_t n_most,
                        struct err *err)
{
    *vocabulary = (struct hf_vocabulary){.file = file,
                                         .n_most = n_most,
                                         .add_bos = -1,
                                         .add_space_prefix = -1,
                                         .unknown = -1,
                                         .bos = -1,
                                         .eos = -1};
    vocabulary->arena = arena_new(0, err);
    return vocabulary->arena != NULL;
}

void hf_vocabulary_done(struct hf_vocabulary *vocabulary)
{
    arena_free(vocabulary->arena);
    free(vocabulary->merges);
    *vocabulary = (struct hf_vocabulary){0};
}

bool hf_vocabulary_resize(struct hf_vocabulary *vocabulary, size_t n, size_t n_used,
                          struct err *err)
{
    enum { MOST_HOLES = 4096 };
    size_t most = vocabulary->n_most ? vocabulary->n_most : 2 * n_used + MOST_HOLES;
    if (n > most || n > HF_MOST_TOKENS)
        return vocabulary->n_most
                   ? err_set_at(err, ERR_INPUT, vocabulary->file, 0, 0,
                                "the id %zu, but config.json has a vocab_size of %zu", n - 1, most)
                   : err_set_at(err, ERR_INPUT, vocabulary->file, 0, 0,
                                "the id %zu in a vocabulary of %zu tokens", n - 1, n_used);
    struct hf_vocabulary old = *vocabulary;
    struct arena *arena = vocabulary->arena;
    vocabulary->tokens = arena_alloc(arena, n, sizeof *vocabulary->tokens, err);
    vocabulary->kinds = arena_alloc(arena, n, sizeof *vocabulary->kinds, err);
    vocabulary->scores = arena_alloc(arena, n, sizeof *vocabulary->scores, err);
    if (!vocabulary->tokens || !vocabulary->kinds || !vocabulary->scores) return false;
    if (old.n) {
        memcpy(vocabulary->tokens, old.tokens, old.n * sizeof *old.tokens);
        memcpy(vocabulary->kinds, old.kinds, old.n * sizeof *old.kinds);
        memcpy(vocabulary->scores, old.scores, old.n * sizeof *old.scores);
    }
    vocabulary->n = n;
    return true;
}

bool hf_vocabulary_set(struct hf_vocabulary *vocabulary, size_t id, const char *text,
                       size_t n_bytes, enum token_kind kind, struct err *err)
{
    struct metadata_string *token = &vocabulary->tokens[id];
    if (token->text && (token->n_bytes != n_bytes || memcmp(token->text, text, n_bytes) != 0))
        return err_set_at(err, ERR_INPUT, vocabulary->file, 0, 0,
                          "\"%.64s\" and \"%.64s\" have the same id %zu", token->text, text, id);
    token->text = arena_copy(vocabulary->arena, text, n_bytes, err);
    token->n_bytes = n_bytes;
    vocabulary->kinds[id] = (int32_t)kind;
    return token->text != NULL;
}

bool hf_vocabulary_add_merge(struct hf_vocabulary *vocabulary, const char *line, size_t n_bytes,
                             struct err *err)
{
    if (!mem_grow((void **)&vocabulary->merges, &vocabulary->merge_capacity,
                  vocabulary->n_merges + 1, sizeof *vocabulary->merges, INT32_MAX, err))
        return false;
    struct metadata_string *merge = &vocabulary->merges[vocabulary->n_merges++];
    *merge = (struct metadata_string){arena_copy(vocabulary->arena, line, n_bytes, err), n_bytes};
    return merge->text != NULL;
}

int32_t hf_vocabulary_find(const struct hf_vocabulary *vocabulary, const char *text)
{
    size_t n_bytes = strlen(text);
    for (size_t id = 0; id < vocabulary->n; id++) {
        const struct metadata_string *token = &vocabulary->tokens[id];
        if (token->text && token->n_bytes == n_bytes && memcmp(token->text, text, n_bytes) == 0)
            return (int32_t)id;
    }
    return -1;
}

/* ---- Tokens that are matched as a whole ---- */

static bool read_flag(const struct json *json, const char *key, bool *value, struct err *err)
{
    const struct json *member = json_get(json, key);
    if (member && json_kind(member) != JSON_KIND_BOOL)
        return err_set(err, ERR_INPUT, "\"%s\" is neither true nor false", key);
    *value = json_as_bool(member, false);
    return true;
}

bool hf_added_token_read(const struct json *json, const char *key, struct hf_added_token *token,
                         struct err *err)
{
    char *end = NULL;
    *token = (struct hf_added_token){.content = json_require_string(json, "content", err)};
    if (!token->content) return false;
    const struct json *id = json_get(json, "id");
    token->id = json_is_whole_number(id) ? json_as_integer(id, -1) : -1;
    if (key) token->id = strtol(key, &end, 10);
    if (token->id < 0 || token->id > INT_MAX || (end && (end == key || *end)))
        return err_set(err, ERR_INPUT, "\"%.64s\" has no id", token->content);
    if (!token->content[0])
        return err_set(err, ERR_INPUT, "the added token %lld has no text", (long long)token->id);
    return read_flag(json, "lstrip", &token->lstrip, err) &&
           read_flag(json, "rstrip", &token->rstrip, err) &&
           read_flag(json, "single_word", &token->single_word, err) &&
           read_flag(json, "normalized", &token->normalized, err) &&
           read_flag(json, "special", &token->special, err);
}

static bool is_between(const char *text, const char *before, const char *after)
{
    size_t n = strlen(text), n_before = strlen(before), n_after = strlen(after);
    return n >= n_before + n_after && memcmp(text, before, n_before) == 0 &&
           memcmp(text + n - n_after, after, n_after) == 0;
}

/* Control, or user-defined where it is neither special nor looks so. */
static enum token_kind kind_of_added(const struct hf_added_token *token)
{
    static const char *const NAMES[] = {"<pad>", "<mask>", "<2mass>", "[@BOS@]"};
    const char *text = token->content;
    bool is_control = token->special || is_between(text, "<|", "|>") ||
                      is_between(text, "<\xef\xbd\x9c", "\xef\xbd\x9c>") ||
                      is_between(text, "<unused", ">");
    for (size_t i = 0; i < COUNT_OF(NAMES); i++)
        is_control = is_control || strcmp(text, NAMES[i]) == 0;
    return is_control ? TOKEN_CONTROL : TOKEN_USER_DEFINED;
}

bool hf_vocabulary_set_added(struct hf_vocabulary *vocabulary, const struct hf_added_token *token,
                             struct err *err)
{
    static const char MARK[] = "\xe2\x96\x81"; /* U+2581 */
    enum token_kind kind = kind_of_added(token);
    size_t id = (size_t)token->id;
    struct buf text = {0};
    if (!hf_vocabulary_set(vocabulary, id, token->content, strlen(token->content), kind, err))
        return false;
    vocabulary->scores[id] = SCORE_OF_ADDED;
    if (kind != TOKEN_USER_DEFINED || !strstr(token->content, MARK)) return true;
    for (const char *at = token->content; *at;) {
        bool is_mark = strncmp(at, MARK, strlen(MARK)) == 0;
        buf_char(&text, is_mark ? ' ' : *at);
        at += is_mark ? strlen(MARK) : 1;
    }
    struct metadata_string *spelled = &vocabulary->tokens[id];
    bool ok = buf_check(&text, err) &&
              (spelled->text = arena_copy(vocabulary->arena, text.data, text.n_bytes, err));
    spelled->n_bytes = text.n_bytes;
    buf_free(&text);
    return ok;
}

/* ---- Writing ---- */

static bool name_holes(struct hf_vocabulary *vocabulary, struct err *err)
{
    if (vocabulary->n_most > vocabulary->n &&
        !hf_vocabulary_resize(vocabulary, vocabulary->n_most, vocabulary->n, err))
        return false;
    for (size_t id = 0; id < vocabulary->n; id++) {
        struct metadata_string *token = &vocabulary->tokens[id];
        if (token->text) continue;
        token->text = arena_printf(vocabulary->arena, err, "[PAD%zu]", id);
        if (!token->text) return false;
        token->n_bytes = strlen(token->text);
        vocabulary->kinds[id] = TOKEN_UNUSED;
        vocabulary->scores[id] = SCORE_OF_UNUSED;
    }
    return true;
}

static bool set_array(struct metadata *metadata, const char *key, enum metadata_kind element,
                      const void *items, size_t n, struct err *err)
{
    const struct metadata_value value = {
        .kind = METADATA_ARRAY, .element = element, .n = n, .items = items};
    return metadata_set(metadata, key, &value, err);
}

bool hf_vocabulary_write(struct hf_vocabulary *vocabulary, struct metadata *metadata,
                         struct err *err)
{
    bool is_llama = strcmp(vocabulary->model, "llama") == 0;
    const char *pre = vocabulary->pre || !is_llama ? vocabulary->pre : "default";
    return name_holes(vocabulary, err) &&
           metadata_set_string(metadata, "tokenizer.ggml.model", vocabulary->model, err) &&
           (!pre || metadata_set_string(metadata, "tokenizer.ggml.pre", pre, err)) &&
           set_array(metadata, "tokenizer.ggml.tokens", METADATA_STRING, vocabulary->tokens,
                     vocabulary->n, err) &&
           (!is_llama || set_array(metadata, "tokenizer.ggml.scores", METADATA_F32,
                                   vocabulary->scores, vocabulary->n, err)) &&
           set_array(metadata, "tokenizer.ggml.token_type", METADATA_I32, vocabulary->kinds,
                     vocabulary->n, err) &&
           (!vocabulary->n_merges || set_array(metadata, "tokenizer.ggml.merges", METADATA_STRING,
                                               vocabulary->merges, vocabulary->n_merges, err)) &&
           (vocabulary->add_space_prefix < 0 ||
            metadata_set_bool(metadata, "tokenizer.ggml.add_space_prefix",
                              vocabulary->add_space_prefix > 0, err)) &&
           (!vocabulary->steps ||
            metadata_set_string(metadata, TOKENIZER_STEPS_KEY, vocabulary->steps, err));
}
