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
    const struct picture **pictures; /* [request->n_pictures] */
    const char *places;              /* theirs, as text */
    size_t i_prompt;                 /* of the request's, which is being tried */
};

/* ---- Texts ---- */

/* The conversation with the pictures' places before its first turn. */
static bool render(const struct asking *asking, const char *system, const struct dialogue *dialogue,
                   const char *stem, struct buf *out, struct err *err)
{
    const char **turns = mem_new(dialogue->n, sizeof *turns, err);
    struct buf first = {0};
    if (!turns) return false;
    memcpy(turns, dialogue->turns, dialogue->n * sizeof *turns);
    buf_text(&first, asking->places);
    buf_text(&first, turns[0]);
    turns[0] = buf_string(&first);
    bool ok = buf_check(&first, err) &&
              chat_prompt_render(asking->encoder->tokenizer, asking->options->chat_format, system,
                                 &(struct dialogue){turns, dialogue->n}, stem, out, err);
    buf_free(&first);
    free(turns);
    return ok;
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
    buf_text(out, asking->places);
    buf_text(out, request->prompts[i_prompt]);
    buf_text(out, stem);
    return buf_check(out, err);
}

static bool encode_text(const struct asking *asking, const char *text, size_t n_bytes,
                        struct tokens *ids, struct err *err)
{
    const struct encode_options of_chat = {.bos = asking->encoder->bos,
                                           .rstrip = asking->options->rstrip};
    return request_is_chat(asking->request)
               ? tokenizer_encode_chat(asking->encoder->tokenizer, text, n_bytes, &of_chat, ids,
                                       err)
               : line_encode(asking->encoder, text, n_bytes, ids, err);
}

/* ---- Pictures ---- */

/* Appends the place of a picture, which is counted from 0. */
static void put_place(struct buf *out, size_t i)
{
    buf_printf(out, "<|image_%zu|>", i + 1);
}

/* Looks at the request's pictures, and makes their places: pictures [n_pictures]. *fault is what is
 * wrong with the first file that cannot be read. */
static bool look_at_pictures(const struct asking *asking, struct buf *places, const char **fault,
                             struct err *err)
{
    const struct request *request = asking->request;
    for (size_t i = 0; i < request->n_pictures; i++) {
        struct picture_file file;
        if (!asking->options->pictures)
            return err_set(err, ERR_UNSUPPORTED, "pictures cannot be looked at here");
        if (!pictures_look(asking->options->pictures, request->pictures[i], request->max_crops,
                           &file, err))
            return false;
        if (!*fault) *fault = file.fault;
        asking->pictures[i] = file.picture;
        put_place(places, i);
        buf_char(places, '\n');
    }
    return buf_check(places, err);
}

/* Where the pictures' places begin in a prompt, with the first turn behind them, of which a part
 * will do: what is said elsewhere may spell places, too. A template may take white space away at
 * the turn's end. */
static const char *find_places(const struct asking *asking, const char *text, struct err *err)
{
    enum { LEAST_BYTES = 64 };
    const struct request *request = asking->request;
    const char *turn = request->dialogues && request->kind != REQUEST_CHAT
                           ? request->dialogues[asking->i_prompt].turns[0]
                           : request->prompts[asking->i_prompt];
    struct buf wanted = {0};
    buf_text(&wanted, asking->places);
    buf_append(&wanted, turn, strnlen(turn, LEAST_BYTES));
    if (!buf_check(&wanted, err)) return NULL;
    size_t n = wanted.n_bytes;
    while (strchr(" \t\r\n\v\f", wanted.data[n - 1])) n--;
    wanted.data[n] = 0;
    const char *found = strstr(text, wanted.data);
    buf_free(&wanted);
    if (!found)
        err_set(err, ERR_INPUT,
                "the chat template changes what the user says, so that the places of pictures are "
                "not found in the prompt");
    return found;
}

static bool append_picture(const struct picture *picture, struct tokens *ids, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < picture->n_tokens; i++) {
        int32_t id = picture->first_id - (int32_t)i;
        ok = tokens_append(ids, &id, 1, err);
    }
    return ok;
}

/* Encodes a text: what stands between the places of pictures, each part by itself, with the
 * pictures' ids between them. */
static bool encode(const struct asking *asking, const char *text, size_t n_bytes,
                   struct tokens *ids, struct err *err)
{
    size_t n_pictures = asking->request->n_pictures;
    if (!n_pictures) return encode_text(asking, text, n_bytes, ids, err);
    const char *from = text, *place = find_places(asking, text, err);
    struct buf mark = {0};
    bool ok = place != NULL;
    for (size_t i = 0; ok && i < n_pictures; i++) {
        ok = encode_text(asking, from, (size_t)(place - from), ids, err) &&
             append_picture(asking->pictures[i], ids, err);
        buf_clear(&mark);
        put_place(&mark, i);
        from = place + mark.n_bytes;
        place = from + 1; /* behind the line feed stands the next one */
    }
    buf_free(&mark);
    return ok && encode_text(asking, from, (size_t)(text + n_bytes - from), ids, err);
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
    const struct asking asking = {
        .encoder = &encoder, .options = &NO_CHAT, .request = &PLAIN, .places = ""};
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

/* Part of a picture says nothing. */
static bool may_be_cut(const struct request *request)
{
    return request->fit == FIT_KEEP_END && !request->n_pictures;
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
    if (may_be_cut(request)) cut_beginning(prompt, joined, most + 1);
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
    if (may_be_cut(request) && n_most) cut_beginning(prompt, joined, n_most);
    prompt->fits = joined->ids.n && joined->ids.n <= n_most;
    return true;
}

/* The first of the request's prompts that fits. */
static bool try_prompts(struct asking *asking, struct prompt_tokens *prompt, struct err *err)
{
    const struct request *request = asking->request;
    bool is_scored = request->kind == REQUEST_CHOICES || request->kind == REQUEST_LOGLIK;
    size_t n_prompts = request->kind == REQUEST_CHAT ? 1 : request->n_prompts;
    bool ok = true;
    for (size_t i = 0; ok && i < n_prompts; i++) {
        prompt_tokens_done(prompt);
        asking->i_prompt = i;
        ok =
            is_scored ? try_prompt(asking, i, prompt, err) : try_generation(asking, i, prompt, err);
        prompt->n_dropped_shots = (int)i;
        if (prompt->fits || request->fit == FIT_KEEP_END) break;
    }
    if (!ok || !prompt->fits) prompt_tokens_done(prompt);
    return ok;
}

bool prompt_tokens_make(struct line_encoder *encoder, const struct prompt_options *options,
                        const struct request *request, struct prompt_tokens *prompt,
                        struct err *err)
{
    struct asking asking = {.encoder = encoder, .options = options, .request = request};
    const char *fault = NULL;
    struct buf places = {0};
    *prompt = (struct prompt_tokens){0};
    if (!interrupt_check(err)) return false;
    asking.pictures = mem_new(request->n_pictures, sizeof *asking.pictures, err);
    bool ok = asking.pictures && look_at_pictures(&asking, &places, &fault, err);
    asking.places = buf_string(&places);
    if (ok && fault) prompt->no_picture = fault;
    else ok = ok && try_prompts(&asking, prompt, err);
    buf_free(&places);
    free(asking.pictures);
    return ok;
}

/* ---- What a prompt is ---- */

/* Adds a run of ids that are rows of one picture, and how many they are. */
static size_t hash_picture(struct sha256 *hash, const struct pictures *pictures, const int32_t *ids,
                           size_t n)
{
    size_t i_row, n_run = 1;
    const struct picture *picture = pictures_find(pictures, ids[0], &i_row);
    while (n_run < n && n_run < picture->n_tokens - i_row && ids[n_run] == ids[n_run - 1] - 1)
        n_run++;
    const uint32_t mark = UINT32_MAX,
                   facts[] = {(uint32_t)picture->max_crops, (uint32_t)i_row, (uint32_t)n_run};
    sha256_update(hash, &mark, sizeof mark);
    sha256_update(hash, picture->seen.hash, SHA256_HEX_BYTES - 1);
    sha256_update(hash, facts, sizeof facts);
    return n_run;
}

static void hash_ids(struct sha256 *hash, const struct pictures *pictures,
                     const struct tokens *tokens)
{
    const int32_t *ids = tokens->ids;
    for (size_t at = 0, end; at < tokens->n; at = end) {
        for (end = at; end < tokens->n && ids[end] >= 0;) end++;
        sha256_update(hash, ids + at, (end - at) * sizeof *ids);
        if (end < tokens->n) end += hash_picture(hash, pictures, ids + end, tokens->n - end);
    }
}

/* Little-endian machines only, as the engine is. */
bool prompt_hash_tokens(const struct joined_tokens *branches, size_t n,
                        const struct pictures *pictures, char hex[SHA256_HEX_BYTES],
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
        hash_ids(hash, pictures, ids);
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
