/* hf_steps.c - see hf_steps.h. The steps are handed through as JSON, so that one place knows what
 * those of the library `tokenizers` mean, engine/tokenizer_steps.c.
 */
#include "engine/hf/hf_steps.h"

#include "base/mem.h"
#include "engine/normalize.h"
#include "engine/pretokenize.h"
#include "engine/tokenizer_steps.h"

#include <stdlib.h>
#include <string.h>

/* ---- Added tokens ---- */

void hf_added_list_done(struct hf_added_list *list)
{
    free(list->tokens);
    *list = (struct hf_added_list){0};
}

bool hf_added_list_set(struct hf_added_list *list, const struct hf_added_token *token,
                       struct err *err)
{
    size_t i = list->n;
    while (i && list->tokens[i - 1].id > token->id) i--;
    if (i && list->tokens[i - 1].id == token->id) {
        bool in_vocab = token->in_vocab || list->tokens[i - 1].in_vocab;
        list->tokens[i - 1] = *token;
        list->tokens[i - 1].in_vocab = in_vocab;
        return true;
    }
    if (!mem_grow((void **)&list->tokens, &list->capacity, list->n + 1, sizeof *list->tokens,
                  INT32_MAX, err))
        return false;
    memmove(list->tokens + i + 1, list->tokens + i, (list->n - i) * sizeof *list->tokens);
    list->tokens[i] = *token;
    list->n++;
    return true;
}

bool hf_added_list_read(struct hf_added_list *list, const struct json *config,
                        const struct json *contents, size_t n_most, struct err *err)
{
    const struct json *records = json_get(config, "added_tokens_decoder"), *value;
    const char *key;
    struct hf_added_token token;
    for (void *it = NULL; (it = json_next_member(records, it, &key, &value));) {
        if (!hf_added_token_read(value, key, &token, err))
            return err_context(err, "reading added_tokens_decoder of tokenizer_config.json");
        if (n_most && (uint64_t)token.id >= n_most) continue;
        if (!hf_added_list_set(list, &token, err)) return false;
    }
    for (void *it = NULL; !records && (it = json_next_member(contents, it, &key, &value));) {
        token = (struct hf_added_token){.content = key, .id = json_as_integer(value, -1)};
        if (!json_is_whole_number(value) || token.id < 0 || token.id > INT32_MAX || !key[0])
            return err_set(err, ERR_INPUT, "added_tokens.json: \"%.64s\" has no id", key);
        if (n_most && (uint64_t)token.id >= n_most) continue;
        if (!hf_added_list_set(list, &token, err)) return false;
    }
    return true;
}

/* ---- Writing ---- */

static bool put_members(struct json_writer *writer, const struct json *object,
                        const char *const *keys, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct json *value = json_get(object, keys[i]);
        if (!value) continue;
        json_key(writer, keys[i]);
        if (!json_put_value(writer, value, err)) return false;
    }
    return true;
}

static void put_added(struct json_writer *writer, const struct hf_added_token *token)
{
    json_begin_object(writer);
    json_set_integer(writer, "id", token->id);
    json_set_string(writer, "content", token->content);
    json_set_bool(writer, "lstrip", token->lstrip);
    json_set_bool(writer, "rstrip", token->rstrip);
    json_set_bool(writer, "single_word", token->single_word);
    json_set_bool(writer, "normalized", token->normalized);
    json_set_bool(writer, "special", token->special);
    json_set_bool(writer, "in_vocab", token->in_vocab);
    json_end_object(writer);
}

static bool put_steps(struct json_writer *writer, const struct json *steps,
                      const struct hf_added_list *added, struct err *err)
{
    static const char *const OF_ROOT[] = {"normalizer", "pre_tokenizer", "decoder"};
    static const char *const OF_MODEL[] = {"type",
                                           "dropout",
                                           "unk_token",
                                           "continuing_subword_prefix",
                                           "end_of_word_suffix",
                                           "fuse_unk",
                                           "byte_fallback",
                                           "ignore_merges"};
    json_begin_object(writer);
    if (!put_members(writer, steps, OF_ROOT, COUNT_OF(OF_ROOT), err)) return false;
    json_key(writer, "model");
    json_begin_object(writer);
    if (!put_members(writer, json_get(steps, "model"), OF_MODEL, COUNT_OF(OF_MODEL), err))
        return false;
    json_end_object(writer);
    json_key(writer, "added_tokens");
    json_begin_array(writer);
    for (size_t i = 0; i < added->n; i++) put_added(writer, &added->tokens[i]);
    json_end_array(writer);
    json_end_object(writer);
    return true;
}

bool hf_steps_write(struct hf_vocabulary *vocabulary, const struct json *steps,
                    const struct hf_added_list *added, struct err *err)
{
    struct buf text = {0};
    struct json_writer writer = {.out = &text};
    if (put_steps(&writer, steps, added, err))
        vocabulary->steps = arena_take(vocabulary->arena, &text, err);
    buf_free(&text);
    return vocabulary->steps != NULL;
}

bool hf_steps_describe(struct hf_vocabulary *vocabulary, const struct json *steps, struct err *err)
{
    bool is_byte_level, prepends, ignores_merges;
    struct pretokenizer *pretokenizer =
        pretokenizer_read(json_get(steps, "pre_tokenizer"), &is_byte_level, err);
    struct normalizer *normalizer =
        pretokenizer ? normalizer_new(json_get(steps, "normalizer"), err) : NULL;
    bool ok = normalizer && steps_check(steps, err);
    if (ok) {
        ignores_merges = json_as_bool(json_get(json_get(steps, "model"), "ignore_merges"), false);
        prepends = pretokenizer_prepends(pretokenizer) || normalizer_prepends(normalizer);
        vocabulary->model = is_byte_level ? "gpt2" : "llama";
        if (is_byte_level) vocabulary->pre = pretokenizer_name(pretokenizer, ignores_merges);
        else if (!prepends) vocabulary->add_space_prefix = 0;
    }
    normalizer_free(normalizer);
    pretokenizer_free(pretokenizer);
    return ok;
}
