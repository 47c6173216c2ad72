/* prompt_tokens.c - see prompt_tokens.h. The rules are those of the evaluation protocols: a context
 * is never encoded without what follows it, for a tokenizer may merge across the join.
 */
#include "harness/ask/prompt_tokens.h"

#include "base/interrupt.h"
#include "base/letter_case.h"
#include "base/mem.h"
#include "harness/ask/chat_prompt.h"

#include <stdlib.h>
#include <string.h>

/* A request that becomes tokens. */
struct asking {
    struct line_encoder *encoder;
    const struct prompt_options *options;
    const struct request *request;
};

/* ---- Texts ---- */

static bool render(const struct asking *asking, const char *system, const struct dialogue *dialogue,
                   const char *stem, struct buf *out, struct err *err)
{
    return chat_prompt_render(asking->encoder->tokenizer, asking->options->chat_format, system,
                              dialogue, stem, out, err);
}

/* A template that refuses a system message gets none, as lm-evaluation-harness does it. */
static bool render_task(const struct asking *asking, size_t i_prompt, const char *stem,
                        struct buf *out, struct err *err)
{
    const struct request *request = asking->request;
    const struct dialogue *dialogue = &request->dialogues[i_prompt];
    struct err refusal = {0};
    if (render(asking, request->system, dialogue, stem, out, &refusal)) return true;
    if (request->system && refusal.code == ERR_INPUT) {
        buf_clear(out);
        return render(asking, NULL, dialogue, stem, out, err);
    }
    if (err) *err = refusal;
    return false;
}

/* Appends the i-th prompt of the request with the stem behind it. */
static bool append_prompt(const struct asking *asking, size_t i_prompt, const char *stem,
                          struct buf *out, struct err *err)
{
    const struct request *request = asking->request;
    const struct dialogue said = {request->prompts, request->n_prompts};
    if (request->kind == REQUEST_CHAT) return render(asking, request->system, &said, "", out, err);
    if (request->dialogues) return render_task(asking, i_prompt, stem, out, err);
    buf_text(out, request->prompts[i_prompt]);
    buf_text(out, stem);
    return buf_check(out, err);
}

static bool encode(const struct asking *asking, const char *text, size_t n_bytes,
                   struct tokens *ids, struct err *err)
{
    const struct encode_options of_chat = {.bos = asking->encoder->bos,
                                           .rstrip = asking->options->rstrip};
    return request_is_chat(asking->request)
               ? tokenizer_encode_chat(asking->encoder->tokenizer, text, n_bytes, &of_chat, ids,
                                       err)
               : line_encode(asking->encoder, text, n_bytes, ids, err);
}

/* ---- Contexts and continuations ---- */

void joined_tokens_done(struct joined_tokens *joined)
{
    tokens_free(&joined->ids);
    *joined = (struct joined_tokens){0};
}

/* What stands before a continuation: as text, and the tokens of it without white space at its
 * end. */
struct context {
    struct buf text;
    struct tokens ids;
    bool ends_in_space;
};

static void context_done(struct context *context)
{
    buf_free(&context->text);
    tokens_free(&context->ids);
}

/* The white space is Python's. End with context_done, also after a failure. */
static bool encode_context(const struct asking *asking, struct context *context, struct err *err)
{
    const char *text = buf_string(&context->text);
    size_t n_text = strlen(text), n = n_text;
    const char *stripped = letter_strip(text, &n, true);
    if (n) n += (size_t)(stripped - text);
    context->ends_in_space = n < n_text;
    return encode(asking, text, n, &context->ids, err);
}

/* Encodes the whole, and cuts it after the ids of the stripped context, or their longest common
 * prefix. */
static bool join(const struct asking *asking, const struct context *context,
                 const char *continuation, struct joined_tokens *joined, struct err *err)
{
    struct buf whole = {0};
    const struct tokens *before = &context->ids;
    *joined = (struct joined_tokens){0};
    buf_text(&whole, buf_string(&context->text));
    buf_text(&whole, continuation);
    bool ok = buf_check(&whole, err) &&
              encode(asking, buf_string(&whole), whole.n_bytes, &joined->ids, err);
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
    static const struct request PLAIN = {.kind = REQUEST_LOGLIK};
    static const struct prompt_options NO_CHAT = {0};
    struct line_encoder encoder;
    struct context before = {0};
    const struct asking asking = {&encoder, &NO_CHAT, &PLAIN};
    line_encoder_init(&encoder, tokenizer, bos);
    *joined = (struct joined_tokens){0};
    buf_text(&before.text, context);
    bool ok = buf_check(&before.text, err) && encode_context(&asking, &before, err) &&
              join(&asking, &before, continuation, joined, err);
    context_done(&before);
    line_encoder_done(&encoder);
    return ok;
}

void prompt_tokens_done(struct prompt_tokens *prompt)
{
    for (size_t i = 0; i < prompt->n_branches; i++) joined_tokens_done(&prompt->branches[i]);
    free(prompt->branches);
    buf_free(&prompt->text);
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

/* Joins a choice to what stands before it. A prompt does not fit where it is too long alone, which
 * is known before its choices are encoded. */
static bool join_choice(const struct asking *asking, const struct context *before, size_t i,
                        struct prompt_tokens *prompt, struct err *err)
{
    const struct request *request = asking->request;
    size_t most = asking->options->context_tokens;
    struct joined_tokens *joined = &prompt->branches[i];
    prompt->moves_space = prompt->moves_space || before->ends_in_space;
    if (request->fit == FIT_FEWER_SHOTS && before->ids.n > most) {
        prompt->fits = false;
        return true;
    }
    if (!join(asking, before, request->choices[i], joined, err)) return false;
    prompt->double_bos =
        prompt->double_bos || begins_twice(asking->encoder->tokenizer, &joined->ids);
    if (request->fit == FIT_KEEP_END) cut_beginning(prompt, joined, most + 1);
    if (!joined->n_context || joined->ids.n - 1 > most) prompt->fits = false;
    return true;
}

/* Encodes one of the request's prompts with its choices, each behind the prompt, or behind its
 * stem, which is the choice's own end of the prompt. */
static bool try_prompt(const struct asking *asking, size_t i_prompt, struct prompt_tokens *prompt,
                       struct err *err)
{
    const struct request *request = asking->request;
    struct context before = {0};
    if (!make_branches(prompt, request->n_choices, err)) return false;
    bool ok = prompt->fits = true;
    for (size_t i = 0; ok && i < request->n_choices && prompt->fits; i++) {
        if (i == 0 || request->stems) {
            context_done(&before);
            before = (struct context){0};
            ok = append_prompt(asking, i_prompt, request->stems ? request->stems[i] : "",
                               &before.text, err) &&
                 encode_context(asking, &before, err);
        }
        ok = ok && join_choice(asking, &before, i, prompt, err);
    }
    if (request->stems) {
        ok = ok && append_prompt(asking, i_prompt, "", &prompt->text, err);
    } else {
        prompt->text = before.text;
        before.text = (struct buf){0};
    }
    context_done(&before);
    return ok;
}

/* ---- Generation ---- */

static bool try_generation(const struct asking *asking, size_t i_prompt,
                           struct prompt_tokens *prompt, struct err *err)
{
    const struct request *request = asking->request;
    size_t context_tokens = asking->options->context_tokens;
    struct buf *text = &prompt->text;
    if (!make_branches(prompt, 1, err)) return false;
    struct joined_tokens *joined = &prompt->branches[0];
    if (!append_prompt(asking, i_prompt, "", text, err) ||
        !encode(asking, buf_string(text), text->n_bytes, &joined->ids, err))
        return false;
    joined->n_context = joined->ids.n;
    prompt->double_bos = begins_twice(asking->encoder->tokenizer, &joined->ids);
    size_t n_new = request->max_new_tokens;
    if (n_new) n_new += asking->options->reasoning_tokens;
    size_t n_most = context_tokens > n_new ? context_tokens - n_new : 0;
    if (request->fit == FIT_KEEP_END && n_most) cut_beginning(prompt, joined, n_most);
    prompt->fits = joined->ids.n && joined->ids.n <= n_most;
    return true;
}

bool prompt_tokens_make(struct line_encoder *encoder, const struct prompt_options *options,
                        const struct request *request, struct prompt_tokens *prompt,
                        struct err *err)
{
    const struct asking asking = {encoder, options, request};
    bool is_scored = request->kind == REQUEST_CHOICES || request->kind == REQUEST_LOGLIK;
    size_t n_prompts = request->kind == REQUEST_CHAT ? 1 : request->n_prompts;
    bool ok = true;
    *prompt = (struct prompt_tokens){0};
    if (!interrupt_check(err)) return false;
    for (size_t i = 0; ok && i < n_prompts; i++) {
        prompt_tokens_done(prompt);
        ok = is_scored ? try_prompt(&asking, i, prompt, err)
                       : try_generation(&asking, i, prompt, err);
        prompt->n_dropped_shots = (int)i;
        if (prompt->fits || request->fit == FIT_KEEP_END) break;
    }
    if (ok && prompt->fits) return true;
    prompt_tokens_done(prompt);
    return ok;
}

/* Little-endian machines only, as the engine is. */
bool prompt_hash_tokens(const struct joined_tokens *branches, size_t n, char hex[SHA256_HEX_BYTES],
                        struct err *err)
{
    const uint32_t n_branches = (uint32_t)n;
    struct sha256 *hash = sha256_new(err);
    if (!hash) return false;
    sha256_update(hash, &n_branches, sizeof n_branches);
    for (size_t i = 0; i < n; i++) {
        const struct tokens *ids = &branches[i].ids;
        const uint32_t lengths[] = {(uint32_t)branches[i].n_context, (uint32_t)ids->n};
        sha256_update(hash, lengths, sizeof lengths);
        sha256_update(hash, ids->ids, ids->n * sizeof *ids->ids);
    }
    sha256_finish(hash, hex);
    sha256_free(hash);
    return true;
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
