/* prompt_tokens.c - see prompt_tokens.h. The rules are those of the evaluation protocols: a context
 * is never encoded without what follows it, for a tokenizer may merge across the join.
 */
#include "harness/prompt_tokens.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void joined_tokens_done(struct joined_tokens *joined)
{
    tokens_free(&joined->ids);
    *joined = (struct joined_tokens){0};
}

/* Length of the context without its trailing spaces. */
static size_t stripped_length(const char *context)
{
    size_t n = strlen(context);
    while (n && strchr(" \t\n\r\f\v", context[n - 1])) n--;
    return n;
}

bool join_tokens(const struct tokenizer *tokenizer, enum bos_policy bos, const char *context,
                 const char *continuation, struct joined_tokens *joined, struct err *err)
{
    struct encode_options options = {.bos = bos};
    struct tokens before = {0};
    struct buf whole = {0};
    bool ok = false;
    *joined = (struct joined_tokens){0};
    buf_text(&whole, context);
    buf_text(&whole, continuation);
    if (!buf_check(&whole, err) ||
        !tokenizer_encode(tokenizer, context, stripped_length(context), &options, &before, err) ||
        !tokenizer_encode(tokenizer, whole.data ? whole.data : "", whole.n_bytes, &options,
                          &joined->ids, err))
        goto out;
    size_t n = 0;
    while (n < before.n && n < joined->ids.n && before.ids[n] == joined->ids.ids[n]) n++;
    joined->join_spanned = n < before.n;
    joined->n_context = n;
    if (n &&
        n ==
            joined->ids
                .n) { /* the continuation added no token of its own: it is scored by the last one */
        joined->join_spanned = true;
        joined->n_context = n - 1;
    }
    ok = true;
out:
    tokens_free(&before);
    buf_free(&whole);
    if (!ok) joined_tokens_done(joined);
    return ok;
}

void prompt_tokens_done(struct prompt_tokens *prompt)
{
    for (size_t i = 0; i < prompt->n_branches; i++) joined_tokens_done(&prompt->branches[i]);
    free(prompt->branches);
    *prompt = (struct prompt_tokens){0};
}

static bool make_branches(struct prompt_tokens *prompt, size_t n, struct err *err)
{
    if (!n) return err_set(err, ERR_USAGE, "a request without choices");
    prompt->branches = mem_new(n, sizeof *prompt->branches, err);
    if (prompt->branches) prompt->n_branches = n;
    return prompt->branches != NULL;
}

static bool begins_twice(const struct tokenizer *tokenizer, const struct tokens *ids)
{
    int32_t bos = tokenizer_bos(tokenizer);
    return bos >= 0 && ids->n > 1 && ids->ids[0] == bos && ids->ids[1] == bos;
}

/* Keeps the last n_kept tokens. */
static void cut_beginning(struct prompt_tokens *prompt, struct joined_tokens *joined, size_t n_kept)
{
    if (joined->ids.n <= n_kept) return;
    size_t n_cut = joined->ids.n - n_kept;
    memmove(joined->ids.ids, joined->ids.ids + n_cut, n_kept * sizeof *joined->ids.ids);
    joined->ids.n = n_kept;
    joined->n_context = joined->n_context > n_cut ? joined->n_context - n_cut : 0;
    if ((int)n_cut > prompt->n_cut_tokens) prompt->n_cut_tokens = (int)n_cut;
}

/* ---- Choices ---- */

static bool join_choices(const struct tokenizer *tokenizer, const struct prompt_options *options,
                         const struct request *request, const char *text,
                         struct prompt_tokens *prompt, struct err *err)
{
    if (!make_branches(prompt, request->n_choices, err)) return false;
    prompt->fits = true;
    for (size_t i = 0; i < request->n_choices; i++) {
        struct joined_tokens *joined = &prompt->branches[i];
        if (!join_tokens(tokenizer, options->bos, text, request->choices[i], joined, err))
            return false;
        prompt->double_bos = prompt->double_bos || begins_twice(tokenizer, &joined->ids);
        if (request->fit == FIT_KEEP_END)
            cut_beginning(prompt, joined, options->context_tokens + 1);
        if (!joined->n_context || joined->ids.n - 1 > options->context_tokens) prompt->fits = false;
    }
    return true;
}

/* Whether the text alone is too long: asked first, as it saves encoding it with every choice. */
static bool is_too_long(const struct tokenizer *tokenizer, const struct prompt_options *options,
                        const char *text, bool *too_long, struct err *err)
{
    struct tokens ids = {0};
    struct encode_options encode = {.bos = options->bos};
    bool ok = tokenizer_encode(tokenizer, text, stripped_length(text), &encode, &ids, err);
    *too_long = ids.n > options->context_tokens;
    tokens_free(&ids);
    return ok;
}

static bool make_choices(const struct tokenizer *tokenizer, const struct prompt_options *options,
                         const struct request *request, struct prompt_tokens *prompt,
                         struct err *err)
{
    for (size_t i = 0; i < request->n_prompts; i++) {
        bool too_long = false;
        if (request->fit == FIT_FEWER_SHOTS &&
            !is_too_long(tokenizer, options, request->prompts[i], &too_long, err))
            return false;
        if (too_long) continue;
        if (!join_choices(tokenizer, options, request, request->prompts[i], prompt, err))
            return false;
        prompt->n_dropped_shots = (int)i;
        if (prompt->fits || request->fit == FIT_KEEP_END) return true;
        prompt_tokens_done(prompt);
    }
    return true;
}

/* ---- Generation ---- */

static bool encode_prompt(const struct tokenizer *tokenizer, const struct prompt_options *options,
                          const struct request *request, const char *text, size_t n_bytes,
                          bool special, struct prompt_tokens *prompt, struct err *err)
{
    struct encode_options encode = {.bos = options->bos, .parse_special = special};
    if (!make_branches(prompt, 1, err)) return false;
    struct joined_tokens *joined = &prompt->branches[0];
    if (!tokenizer_encode(tokenizer, text, n_bytes, &encode, &joined->ids, err)) return false;
    joined->n_context = joined->ids.n;
    prompt->double_bos = begins_twice(tokenizer, &joined->ids);
    size_t n_most = options->context_tokens > request->max_new_tokens
                        ? options->context_tokens - request->max_new_tokens
                        : 0;
    if (request->fit == FIT_KEEP_END && n_most) cut_beginning(prompt, joined, n_most);
    prompt->fits = joined->ids.n && joined->ids.n <= n_most;
    return true;
}

static bool make_generation(const struct tokenizer *tokenizer, const struct prompt_options *options,
                            const struct request *request, struct prompt_tokens *prompt,
                            struct err *err)
{
    for (size_t i = 0; i < request->n_prompts; i++) {
        const char *text = request->prompts[i];
        if (!encode_prompt(tokenizer, options, request, text, strlen(text), false, prompt, err))
            return false;
        prompt->n_dropped_shots = (int)i;
        if (prompt->fits || request->fit == FIT_KEEP_END) return true;
        prompt_tokens_done(prompt);
    }
    return true;
}

/* The prompts are the conversation: the user speaks first and last. */
static bool make_chat(const struct tokenizer *tokenizer, const struct prompt_options *options,
                      const struct request *request, struct prompt_tokens *prompt, struct err *err)
{
    const char *format =
        options->chat_format ? options->chat_format : tokenizer_chat_format(tokenizer);
    if (!format)
        return err_set(err, ERR_UNSUPPORTED, "the model has no chat format that is built in");
    struct chat_message *messages = mem_new(request->n_prompts, sizeof *messages, err);
    struct buf text = {0};
    if (!messages) return false;
    for (size_t i = 0; i < request->n_prompts; i++)
        messages[i] =
            (struct chat_message){i % 2 ? CHAT_ASSISTANT : CHAT_USER, request->prompts[i]};
    bool ok = chat_render(format, messages, request->n_prompts, true, &text, err) &&
              encode_prompt(tokenizer, options, request, buf_string(&text), text.n_bytes, true,
                            prompt, err);
    free(messages);
    buf_free(&text);
    return ok;
}

bool prompt_tokens_make(const struct tokenizer *tokenizer, const struct prompt_options *options,
                        const struct request *request, struct prompt_tokens *prompt,
                        struct err *err)
{
    bool ok = false;
    *prompt = (struct prompt_tokens){0};
    switch (request->kind) {
    case REQUEST_CHOICES:
    case REQUEST_LOGLIK: ok = make_choices(tokenizer, options, request, prompt, err); break;
    case REQUEST_GENERATE: ok = make_generation(tokenizer, options, request, prompt, err); break;
    case REQUEST_CHAT: ok = make_chat(tokenizer, options, request, prompt, err); break;
    }
    if (ok && prompt->fits) return true;
    prompt_tokens_done(prompt);
    return ok;
}

size_t prompt_computed_tokens(const struct joined_tokens *branch)
{
    return branch->n_context < branch->ids.n ? branch->ids.n - 1 : branch->ids.n;
}

size_t prompt_first_equal(const struct prompt_tokens *prompt, size_t i)
{
    const struct joined_tokens *branch = &prompt->branches[i];
    size_t n = prompt_computed_tokens(branch);
    for (size_t k = 0; k < i; k++) {
        const struct joined_tokens *other = &prompt->branches[k];
        if (prompt_computed_tokens(other) == n &&
            !memcmp(other->ids.ids, branch->ids.ids, n * sizeof *branch->ids.ids))
            return k;
    }
    return i;
}

uint64_t prompt_naive_tokens(const struct prompt_tokens *prompt)
{
    uint64_t n = 0;
    for (size_t i = 0; i < prompt->n_branches; i++)
        if (prompt_first_equal(prompt, i) == i) n += prompt_computed_tokens(&prompt->branches[i]);
    return n;
}
