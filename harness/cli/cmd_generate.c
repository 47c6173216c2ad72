/* cmd_generate.c - phibench generate: one prompt, one continuation, streamed to stdout.
 *
 * Owns sampling and streaming for one sequence; suites generate through the client instead.
 * Knows nothing of files or the store.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "harness/ask/prefill.h"
#include "harness/cli/commands.h"
#include "harness/cli/model_options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct options {
    struct model_arguments common;
    const char *prompt, *system;
    int64_t n_new, top_k, seed;
    double temperature, top_p, min_p;
    bool chat, echo, json, ignore_end;
};

static const struct option_spec OPTIONS[] = {
    MODEL_OPTIONS(struct options),
    OPTION_SPECIAL(struct options, common.special),
    OPTION_RSTRIP(struct options, common.rstrip),
    OPTION_CHAT_FORMAT(struct options, common.chat_format),
    {"prompt", 'p', OPTION_TEXT, "TEXT", "what to continue", offsetof(struct options, prompt), 0, 0,
     0},
    {NULL, 'n', OPTION_INTEGER, "N", "new tokens at most; 0: show the prompt as the model gets it",
     offsetof(struct options, n_new), 0, 1 << 24, 128},
    {"temp", 0, OPTION_NUMBER, "T", "temperature; 0: greedy", offsetof(struct options, temperature),
     0, 100, 0},
    {"top-k", 0, OPTION_INTEGER, "K", "only the K most probable tokens; 0: all",
     offsetof(struct options, top_k), 0, 1 << 24, 0},
    {"top-p", 0, OPTION_NUMBER, "P", "only the most probable tokens that together reach P",
     offsetof(struct options, top_p), 0, 1, 1},
    {"min-p", 0, OPTION_NUMBER, "P", "only tokens at least P times as probable as the first",
     offsetof(struct options, min_p), 0, 1, 0},
    {"seed", 's', OPTION_INTEGER, "S", "seed of the random numbers", offsetof(struct options, seed),
     0, 9e15, 0},
    {"chat", 0, OPTION_FLAG, NULL, "the prompt is a user's message in the model's chat format",
     offsetof(struct options, chat), 0, 0, 0},
    {"system", 0, OPTION_TEXT, "TEXT", "system message, with --chat",
     offsetof(struct options, system), 0, 0, 0},
    {"echo", 0, OPTION_FLAG, NULL, "print the prompt before its continuation",
     offsetof(struct options, echo), 0, 0, 0},
    {"ignore-end", 0, OPTION_FLAG, NULL, "go on after the end token",
     offsetof(struct options, ignore_end), 0, 0, 0},
    OPTION_JSON(struct options, json),
};

struct generation {
    const struct options *options;
    const struct opened *opened;
    struct sampler *sampler;
    struct tokens prompt, output;
    struct buf text; /* decoded so far */
    size_t n_printed;
    int32_t next;
    const char *stop; /* "end", "length", "context" */
    size_t n_steps;   /* after the prefill: the first token costs none */
    int64_t prefill_ns, decode_ns;
};

static bool pick(void *context, size_t position, const float *logits, struct err *err)
{
    struct generation *generation = context;
    (void)position;
    (void)err;
    generation->next = sampler_pick(generation->sampler, logits);
    return true;
}

/* Decodes the output and prints what is new and complete. The whole is decoded again, since a
 * token's text depends on its neighbours; outputs are short. */
static bool show(struct generation *generation, bool is_last, struct err *err)
{
    struct buf *text = &generation->text;
    buf_clear(text);
    if (!tokenizer_decode(model_tokenizer(generation->opened->model), generation->output.ids,
                          generation->output.n, false, false, text, err))
        return false;
    if (generation->options->json) return buf_check(text, err);
    size_t n = is_last ? text->n_bytes : utf8_complete_prefix(buf_string(text), text->n_bytes);
    if (n > generation->n_printed) {
        visible_write(stdout, text->data + generation->n_printed, n - generation->n_printed);
        fflush(stdout);
        generation->n_printed = n;
    }
    return buf_check(text, err);
}

/* Computes the token that was picked, and everything before it where the sequence becomes too long
 * to be rotated as it is. */
static bool step(struct generation *generation, int sequence, struct err *err)
{
    struct session *session = generation->opened->session;
    struct tokens ids = {0}, last = {.ids = &generation->next, .n = 1};
    if (session_may_reach(session, sequence, session_length(session, sequence) + 1))
        return prefill(session, sequence, &last, false, pick, generation, err);
    session_truncate(session, sequence, 0);
    bool ok = tokens_append(&ids, generation->prompt.ids, generation->prompt.n, err) &&
              tokens_append(&ids, generation->output.ids, generation->output.n, err) &&
              prefill(session, sequence, &ids, false, pick, generation, err);
    tokens_free(&ids);
    return ok;
}

static bool decode(struct generation *generation, int sequence, struct err *err)
{
    const struct options *options = generation->options;
    struct session *session = generation->opened->session;
    const struct tokenizer *tokenizer = model_tokenizer(generation->opened->model);
    for (generation->stop = "length"; generation->output.n < (size_t)options->n_new;) {
        if (tokenizer_is_end(tokenizer, generation->next) && !options->ignore_end) {
            generation->stop = "end";
            break;
        }
        if (!tokens_append(&generation->output, &generation->next, 1, err) ||
            !show(generation, false, err))
            return false;
        if (generation->output.n == (size_t)options->n_new) break;
        if (session_length(session, sequence) == session_context_tokens(session)) {
            generation->stop = "context";
            break;
        }
        if (!step(generation, sequence, err)) return false;
        generation->n_steps++;
    }
    return show(generation, true, err);
}

static bool render_chat(const struct options *options, const struct tokenizer *tokenizer,
                        struct buf *prompt, struct err *err)
{
    struct chat_message messages[2];
    size_t n = 0;
    const char *format;
    if (!parse_chat_format(options->common.chat_format, &format, err)) return false;
    if (options->system) messages[n++] = (struct chat_message){CHAT_SYSTEM, options->system};
    messages[n++] = (struct chat_message){CHAT_USER, options->prompt};
    return tokenizer_render_chat(tokenizer, format, messages, n, true, prompt, err);
}

static void write_ids(struct json_writer *writer, const char *key, const struct tokens *tokens)
{
    json_key(writer, key);
    json_begin_array(writer);
    for (size_t i = 0; i < tokens->n; i++) json_put_integer(writer, tokens->ids[i]);
    json_end_array(writer);
}

static bool print_json(const struct generation *generation, struct err *err)
{
    struct buf out = {0};
    struct json_writer writer = {.out = &out, .indent = 2};
    double seconds = (double)generation->decode_ns * 1e-9;
    json_begin_object(&writer);
    json_key(&writer, "text");
    json_put_string_n(&writer, buf_string(&generation->text), generation->text.n_bytes);
    json_set_string(&writer, "stop", generation->stop);
    json_set_integer(&writer, "prompt_tokens", (int64_t)generation->prompt.n);
    write_ids(&writer, "ids", &generation->output);
    json_set_number(&writer, "prefill_s", (double)generation->prefill_ns * 1e-9);
    json_set_number(&writer, "decode_tokens_per_s", /* null where nothing was decoded */
                    generation->n_steps ? (double)generation->n_steps / seconds : NAN);
    json_end_object(&writer);
    return json_print(&writer, stdout, err);
}

static bool generate(struct generation *generation, const char *prompt, struct err *err)
{
    const struct options *options = generation->options;
    struct session *session = generation->opened->session;
    struct sampling sampling = {options->temperature, (int)options->top_k, options->top_p,
                                options->min_p, (uint64_t)options->seed};
    int sequence;
    size_t n_tokens = (size_t)tokenizer_size(model_tokenizer(generation->opened->model));
    generation->sampler = sampler_new(&sampling, n_tokens, err); /* not the padding past them */
    if (!generation->sampler ||
        !encode_prompt(generation->opened, &options->common, prompt, options->chat,
                       &generation->prompt, err) ||
        !session_start(session, &sequence, err))
        return false;
    if (options->echo && !options->json) visible_write(stdout, prompt, strlen(prompt));
    int64_t start = clock_ns();
    if (!prefill(session, sequence, &generation->prompt, false, pick, generation, err))
        return false;
    generation->prefill_ns = clock_ns() - start;
    if (!decode(generation, sequence, err)) return false;
    generation->decode_ns = clock_ns() - start - generation->prefill_ns;
    if (options->json) return print_json(generation, err);
    putchar('\n');
    return true;
}

/* The text that the model would get and its tokens, without loading weights. */
static bool show_prompt(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    struct buf chat = {0}, out = {0};
    struct tokens ids = {0};
    struct json_writer writer = {.out = &out, .indent = 2};
    struct tokenizer *tokenizer = open_tokenizer(invocation, options->common.model, err);
    bool ok = tokenizer && (!options->chat || render_chat(options, tokenizer, &chat, err));
    const char *prompt = options->chat ? buf_string(&chat) : options->prompt;
    ok = ok && encode_text(tokenizer, &options->common, prompt, options->chat, &ids, err);
    if (ok && options->json) {
        json_begin_object(&writer);
        json_set_string(&writer, "prompt", prompt);
        json_set_integer(&writer, "prompt_tokens", (int64_t)ids.n);
        write_ids(&writer, "prompt_ids", &ids);
        json_end_object(&writer);
        ok = buf_check(&out, err);
    }
    if (ok && options->json) puts(buf_string(&out));
    else if (ok) {
        visible_write(stdout, prompt, strlen(prompt));
        putchar('\n');
    }
    tokenizer_free(tokenizer);
    tokens_free(&ids);
    buf_free(&chat);
    buf_free(&out);
    return ok;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    struct opened opened = {0};
    struct generation generation = {.options = options, .opened = &opened};
    struct buf chat = {0};
    bool ok = false;
    if (!options->prompt) return err_set(err, ERR_USAGE, "generate needs a prompt: -p TEXT");
    if ((options->system || options->common.chat_format) && !options->chat)
        return err_set(err, ERR_USAGE, "%s goes with --chat",
                       options->system ? "--system" : "--chat-format");
    if (!options->n_new) return show_prompt(invocation, err);
    if (!opened_open(invocation, &options->common, &opened, err)) goto out;
    if (options->chat && !render_chat(options, model_tokenizer(opened.model), &chat, err)) goto out;
    ok = generate(&generation, options->chat ? buf_string(&chat) : options->prompt, err);
out:
    sampler_free(generation.sampler);
    tokens_free(&generation.prompt);
    tokens_free(&generation.output);
    buf_free(&generation.text);
    buf_free(&chat);
    opened_close(&opened);
    return ok;
}

static const char *const EXAMPLES[] = {
    "phibench generate -m synth:tiny:q8_0 -p 'The answer is' -n 16",
    "phibench generate -m synth:tiny:q8_0 -p 'Why?' --chat --temp 0.7 --seed 1 -n 16",
    NULL,
};

const struct command COMMAND_GENERATE = {
    .name = "generate",
    .summary = "continue a prompt",
    .arguments = "",
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Continues the prompt and prints the continuation as it comes. Greedy unless --temp "
        "is given. The "
        "n-th random number of a seed is the same whatever else is running, so a seed "
        "repeats its text. On a terminal, what it would obey (escape sequences, bidi controls) is "
        "shown as \\x1b or \\u202e; a pipe or a file gets the text as it is.",
    .examples = EXAMPLES,
    .run = run,
};
