/* prompt_tokens.c - see prompt_tokens.h. The rules are those of the evaluation protocols: a context
 * is never encoded without what follows it, for a tokenizer may merge across the join.
 */
#include "harness/ask/prompt_tokens.h"

#include "base/letter_case.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void joined_tokens_done(struct joined_tokens *joined)
{
    tokens_free(&joined->ids);
    *joined = (struct joined_tokens){0};
}

/* Length of the context without the white space at its end, which is Python's. */
static size_t stripped_length(const char *context)
{
    size_t n = strlen(context);
    const char *stripped = letter_strip(context, &n, true);
    return n ? (size_t)(stripped - context) + n : 0;
}

/* Encodes the whole, and cuts it after the ids of the stripped context, or their longest common
 * prefix. */
static bool join(struct line_encoder *encoder, const struct tokens *before, const char *context,
                 const char *continuation, struct joined_tokens *joined, struct err *err)
{
    struct buf whole = {0};
    *joined = (struct joined_tokens){0};
    buf_text(&whole, context);
    buf_text(&whole, continuation);
    bool ok = buf_check(&whole, err) &&
              line_encode(encoder, buf_string(&whole), whole.n_bytes, &joined->ids, err);
    buf_free(&whole);
    if (!ok) {
        joined_tokens_done(joined);
        return false;
    }
    size_t n = 0;
    while (n < before->n && n < joined->ids.n && before->ids[n] == joined->ids.ids[n]) n++;
    joined->join_spanned = n < before->n;
    joined->n_context = n;
    if (n && n == joined->ids.n) { /* no token of its own: the last one scores the continuation */
        joined->join_spanned = true;
        joined->n_context = n - 1;
    }
    return true;
}

bool join_tokens(const struct tokenizer *tokenizer, enum bos_policy bos, const char *context,
                 const char *continuation, struct joined_tokens *joined, struct err *err)
{
    struct line_encoder encoder;
    struct tokens before = {0};
    line_encoder_init(&encoder, tokenizer, bos);
    *joined = (struct joined_tokens){0};
    bool ok = line_encode(&encoder, context, stripped_length(context), &before, err) &&
              join(&encoder, &before, context, continuation, joined, err);
    tokens_free(&before);
    line_encoder_done(&encoder);
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

/* Joins a choice to the prompt and to the stem, which is the choice's own end of it. */
static bool join_with_stem(struct line_encoder *encoder, const char *text, const char *stem,
                           const char *choice, struct joined_tokens *joined, struct err *err)
{
    struct buf context = {0};
    struct tokens before = {0};
    buf_text(&context, text);
    buf_text(&context, stem);
    const char *whole = buf_string(&context);
    bool ok = buf_check(&context, err) &&
              line_encode(encoder, whole, stripped_length(whole), &before, err) &&
              join(encoder, &before, whole, choice, joined, err);
    tokens_free(&before);
    buf_free(&context);
    return ok;
}

static bool join_choices(struct line_encoder *encoder, const struct prompt_options *options,
                         const struct request *request, const char *text,
                         const struct tokens *before, struct prompt_tokens *prompt, struct err *err)
{
    if (!make_branches(prompt, request->n_choices, err)) return false;
    prompt->fits = true;
    for (size_t i = 0; i < request->n_choices; i++) {
        struct joined_tokens *joined = &prompt->branches[i];
        const char *choice = request->choices[i];
        if (!(request->stems ? join_with_stem(encoder, text, request->stems[i], choice, joined, err)
                             : join(encoder, before, text, choice, joined, err)))
            return false;
        prompt->double_bos = prompt->double_bos || begins_twice(encoder->tokenizer, &joined->ids);
        if (request->fit == FIT_KEEP_END)
            cut_beginning(prompt, joined, options->context_tokens + 1);
        if (!joined->n_context || joined->ids.n - 1 > options->context_tokens) prompt->fits = false;
    }
    return true;
}

/* Encodes one of the request's prompts with its choices. It does not fit where the prompt alone is
 * too long, which is known before the choices are encoded. */
static bool try_prompt(struct line_encoder *encoder, const struct prompt_options *options,
                       const struct request *request, const char *text,
                       struct prompt_tokens *prompt, struct err *err)
{
    struct tokens before = {0};
    bool ok = line_encode(encoder, text, stripped_length(text), &before, err);
    bool too_long = request->fit == FIT_FEWER_SHOTS && before.n > options->context_tokens;
    if (ok && !too_long) ok = join_choices(encoder, options, request, text, &before, prompt, err);
    tokens_free(&before);
    return ok;
}

static bool make_choices(struct line_encoder *encoder, const struct prompt_options *options,
                         const struct request *request, struct prompt_tokens *prompt,
                         struct err *err)
{
    for (size_t i = 0; i < request->n_prompts; i++) {
        if (!try_prompt(encoder, options, request, request->prompts[i], prompt, err)) return false;
        prompt->n_dropped_shots = (int)i;
        if (prompt->fits || request->fit == FIT_KEEP_END) return true;
        prompt_tokens_done(prompt);
    }
    return true;
}

/* ---- Generation ---- */

static bool encode_prompt(struct line_encoder *encoder, const struct prompt_options *options,
                          const struct request *request, const char *text, size_t n_bytes,
                          bool is_chat, struct prompt_tokens *prompt, struct err *err)
{
    const struct encode_options encode = {.bos = encoder->bos, .rstrip = options->rstrip};
    if (!make_branches(prompt, 1, err)) return false;
    struct joined_tokens *joined = &prompt->branches[0];
    if (!(is_chat
              ? tokenizer_encode_chat(encoder->tokenizer, text, n_bytes, &encode, &joined->ids, err)
              : line_encode(encoder, text, n_bytes, &joined->ids, err)))
        return false;
    joined->n_context = joined->ids.n;
    prompt->double_bos = begins_twice(encoder->tokenizer, &joined->ids);
    size_t n_most = options->context_tokens > request->max_new_tokens
                        ? options->context_tokens - request->max_new_tokens
                        : 0;
    if (request->fit == FIT_KEEP_END && n_most) cut_beginning(prompt, joined, n_most);
    prompt->fits = joined->ids.n && joined->ids.n <= n_most;
    return true;
}

static bool make_generation(struct line_encoder *encoder, const struct prompt_options *options,
                            const struct request *request, struct prompt_tokens *prompt,
                            struct err *err)
{
    for (size_t i = 0; i < request->n_prompts; i++) {
        const char *text = request->prompts[i];
        if (!encode_prompt(encoder, options, request, text, strlen(text), false, prompt, err))
            return false;
        prompt->n_dropped_shots = (int)i;
        if (prompt->fits || request->fit == FIT_KEEP_END) return true;
        prompt_tokens_done(prompt);
    }
    return true;
}

static bool make_chat(struct line_encoder *encoder, const struct prompt_options *options,
                      const struct request *request, struct prompt_tokens *prompt, struct err *err)
{
    struct chat_message *messages = mem_new(request->n_prompts + 1, sizeof *messages, err);
    struct buf text = {0};
    size_t n = 0;
    if (!messages) return false;
    if (request->system) messages[n++] = (struct chat_message){CHAT_SYSTEM, request->system};
    for (size_t i = 0; i < request->n_prompts; i++)
        messages[n++] =
            (struct chat_message){i % 2 ? CHAT_ASSISTANT : CHAT_USER, request->prompts[i]};
    bool ok = tokenizer_render_chat(encoder->tokenizer, options->chat_format, messages, n, true,
                                    &text, err) &&
              encode_prompt(encoder, options, request, buf_string(&text), text.n_bytes, true,
                            prompt, err);
    free(messages);
    buf_free(&text);
    return ok;
}

bool prompt_tokens_make(struct line_encoder *encoder, const struct prompt_options *options,
                        const struct request *request, struct prompt_tokens *prompt,
                        struct err *err)
{
    bool ok = false;
    *prompt = (struct prompt_tokens){0};
    switch (request->kind) {
    case REQUEST_CHOICES:
    case REQUEST_LOGLIK: ok = make_choices(encoder, options, request, prompt, err); break;
    case REQUEST_GENERATE: ok = make_generation(encoder, options, request, prompt, err); break;
    case REQUEST_CHAT: ok = make_chat(encoder, options, request, prompt, err); break;
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
