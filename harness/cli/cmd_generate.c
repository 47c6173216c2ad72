/* cmd_generate.c - phibench generate: one prompt, one continuation, streamed to stdout.
 *
 * Owns sampling and streaming for one sequence; suites generate through the client instead.
 * Knows nothing of files or the store.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "engine/tools.h"
#include "harness/ask/picture_cache.h"
#include "harness/ask/prefill.h"
#include "harness/ask/prompt_tokens.h"
#include "harness/cli/commands.h"
#include "harness/cli/model_options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CROPS = 64 };

struct options {
    struct model_arguments common;
    const char *prompt, *system;
    struct text_list images;
    int64_t n_new, top_k, seed, num_crops;
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
    {"image", 0, OPTION_LIST, "FILE", "a picture (JPEG, PNG, WebP) before the prompt, with --chat",
     offsetof(struct options, images), 0, 0, 0},
    {"num-crops", 0, OPTION_INTEGER, "N",
     "parts into which a picture is cut at most; 0: 16 of one, 4 of each of several",
     offsetof(struct options, num_crops), 0, MAX_CROPS, 0},
    {"echo", 0, OPTION_FLAG, NULL, "print the prompt before its continuation",
     offsetof(struct options, echo), 0, 0, 0},
    {"ignore-end", 0, OPTION_FLAG, NULL, "go on after the end token",
     offsetof(struct options, ignore_end), 0, 0, 0},
    OPTION_JSON(struct options, json),
};

/* ---- Prompts ---- */

/* What the model gets: text and tokens, with the pictures that ids below 0 stand for. */
struct asked {
    struct buf text;
    struct tokens ids;
    struct arena *arena; /* of the pictures */
    struct picture_eyes eyes;
    struct pictures pictures;
};

static void asked_done(struct asked *asked)
{
    buf_free(&asked->text);
    tokens_free(&asked->ids);
    pictures_done(&asked->pictures);
    arena_free(asked->arena);
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

/* The pictures and the prompt as a suite would ask them; no picture is computed yet. */
static bool ask_with_pictures(const struct options *options, const struct tokenizer *tokenizer,
                              const struct model_info *info, size_t context_tokens,
                              struct asked *asked, struct err *err)
{
    const size_t usual_crops = options->images.n == 1 ? CROPS_OF_ONE : CROPS_OF_SEVERAL;
    const struct request request = {.kind = REQUEST_CHAT,
                                    .system = options->system,
                                    .prompts = &options->prompt,
                                    .n_prompts = 1,
                                    .pictures = options->images.items,
                                    .n_pictures = options->images.n,
                                    .max_crops = options->num_crops ? (size_t)options->num_crops
                                                                    : usual_crops};
    struct prompt_options how = {.context_tokens = context_tokens, .pictures = &asked->pictures};
    struct prompt_tokens prompt = {0};
    struct line_encoder encoder;
    if (!parse_chat_format(options->common.chat_format, &how.chat_format, err) ||
        !parse_rstrip(options->common.rstrip, &how.rstrip, err) ||
        !(asked->arena = arena_new(0, err)))
        return false;
    asked->eyes = picture_eyes_of(info);
    pictures_init(&asked->pictures, &asked->eyes, asked->arena);
    line_encoder_init(&encoder, tokenizer, options->common.no_bos ? BOS_NEVER : BOS_AUTO);
    bool ok = prompt_tokens_make(&encoder, &how, &request, &prompt, err);
    line_encoder_done(&encoder);
    if (ok && prompt.no_picture) ok = err_set(err, ERR_INPUT, "%s", prompt.no_picture);
    else if (ok && !prompt.fits)
        ok = err_set(err, ERR_USAGE,
                     "the prompt and its pictures do not fit into a context of %zu tokens",
                     context_tokens);
    if (ok) {
        asked->text = prompt.text;
        asked->ids = prompt.branches[0].ids;
        prompt.text = (struct buf){0};
        prompt.branches[0].ids = (struct tokens){0};
    }
    prompt_tokens_done(&prompt);
    return ok;
}

/* info: needed where there are pictures. End with asked_done, also after a failure. */
static bool ask(const struct options *options, const struct tokenizer *tokenizer,
                const struct model_info *info, size_t context_tokens, struct asked *asked,
                struct err *err)
{
    *asked = (struct asked){0};
    if (options->images.n)
        return ask_with_pictures(options, tokenizer, info, context_tokens, asked, err);
    if (options->chat && !render_chat(options, tokenizer, &asked->text, err)) return false;
    if (!options->chat) buf_text(&asked->text, options->prompt);
    return buf_check(&asked->text, err) &&
           encode_text(tokenizer, &options->common, buf_string(&asked->text), options->chat,
                       &asked->ids, err);
}

/* ---- Generation ---- */

struct generation {
    const struct options *options;
    const struct opened *opened;
    struct sampler *sampler;
    struct asked prompt;
    struct tokens output;
    struct picture_cache *cache; /* of the prompt's pictures; NULL: it has none */
    struct picture_source source;
    struct embedding_rows rows;
    struct buf text; /* decoded so far */
    size_t n_printed;
    int32_t next;
    const char *stop; /* "end", "length", "context" */
    size_t n_steps;   /* after the prefill: the first token costs none */
    int64_t prefill_ns, decode_ns;
};

/* Where the rows of pictures come from; NULL: there is none. */
static const struct embedding_rows *rows_of(const struct generation *generation)
{
    return generation->cache ? &generation->rows : NULL;
}

static bool open_rows(struct generation *generation, struct err *err)
{
    if (!generation->options->images.n) return true;
    generation->cache = picture_cache_open(generation->opened->model,
                                           (int)generation->options->common.n_threads, 0, err);
    generation->source = (struct picture_source){&generation->prompt.pictures, generation->cache};
    if (generation->cache) generation->rows = picture_rows(&generation->source);
    return generation->cache != NULL;
}

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
        return prefill(session, sequence, &last, NULL, false, pick, generation, err);
    session_truncate(session, sequence, 0);
    bool ok = tokens_append(&ids, generation->prompt.ids.ids, generation->prompt.ids.n, err) &&
              tokens_append(&ids, generation->output.ids, generation->output.n, err) &&
              prefill(session, sequence, &ids, rows_of(generation), false, pick, generation, err);
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
    json_set_integer(&writer, "prompt_tokens", (int64_t)generation->prompt.ids.n);
    write_ids(&writer, "ids", &generation->output);
    json_set_number(&writer, "prefill_s", (double)generation->prefill_ns * 1e-9);
    json_set_number(&writer, "decode_tokens_per_s", /* null where nothing was decoded */
                    generation->n_steps ? (double)generation->n_steps / seconds : NAN);
    json_end_object(&writer);
    return json_print(&writer, stdout, err);
}

static bool generate(struct generation *generation, struct err *err)
{
    const struct options *options = generation->options;
    struct session *session = generation->opened->session;
    struct sampling sampling = {options->temperature, (int)options->top_k, options->top_p,
                                options->min_p, (uint64_t)options->seed};
    int sequence;
    size_t n_tokens = (size_t)tokenizer_size(model_tokenizer(generation->opened->model));
    generation->sampler = sampler_new(&sampling, n_tokens, err); /* not the padding past them */
    if (!generation->sampler || !session_start(session, &sequence, err)) return false;
    const struct buf *text = &generation->prompt.text;
    if (options->echo && !options->json) visible_write(stdout, buf_string(text), text->n_bytes);
    int64_t start = clock_ns();
    if (!prefill(session, sequence, &generation->prompt.ids, rows_of(generation), false, pick,
                 generation, err))
        return false;
    generation->prefill_ns = clock_ns() - start;
    if (!decode(generation, sequence, err)) return false;
    generation->decode_ns = clock_ns() - start - generation->prefill_ns;
    if (options->json) return print_json(generation, err);
    putchar('\n');
    return true;
}

/* Rows of the i-th picture become -i, as the model's own processor writes them. */
static void number_pictures(const struct asked *asked)
{
    for (size_t i = 0; i < asked->ids.n; i++) {
        size_t i_picture = 0, i_row;
        if (asked->ids.ids[i] >= 0) continue;
        const struct picture *picture = pictures_find(&asked->pictures, asked->ids.ids[i], &i_row);
        while (asked->pictures.items[i_picture] != picture) i_picture++;
        asked->ids.ids[i] = -(int32_t)i_picture - 1;
    }
}

static bool print_prompt(const struct options *options, const struct asked *asked, struct err *err)
{
    struct buf out = {0};
    struct json_writer writer = {.out = &out, .indent = 2};
    const char *prompt = buf_string(&asked->text);
    if (!options->json) {
        visible_write(stdout, prompt, asked->text.n_bytes);
        putchar('\n');
        return true;
    }
    json_begin_object(&writer);
    json_set_string(&writer, "prompt", prompt);
    json_set_integer(&writer, "prompt_tokens", (int64_t)asked->ids.n);
    write_ids(&writer, "prompt_ids", &asked->ids);
    json_end_object(&writer);
    bool ok = buf_check(&out, err);
    if (ok) puts(buf_string(&out));
    buf_free(&out);
    return ok;
}

/* The text that the model would get and its tokens, without loading weights. */
static bool show_prompt(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    struct tokenizer *tokenizer = open_tokenizer(invocation, options->common.model, err);
    struct model_file *file =
        tokenizer && options->images.n ? model_file_open(options->common.model, err) : NULL;
    struct model_info info = {0};
    struct asked asked = {0};
    bool ok = tokenizer && (!options->images.n || (file && model_file_info(file, &info, err))) &&
              ask(options, tokenizer, &info, INT32_MAX, &asked, err);
    if (ok) {
        number_pictures(&asked);
        ok = print_prompt(options, &asked, err);
    }
    asked_done(&asked);
    model_file_close(file);
    tokenizer_free(tokenizer);
    return ok;
}

static bool check_options(const struct options *options, struct err *err)
{
    const char *needs_chat = options->images.n             ? "--image"
                             : options->system             ? "--system"
                             : options->common.chat_format ? "--chat-format"
                                                           : NULL;
    if (!options->prompt) return err_set(err, ERR_USAGE, "generate needs a prompt: -p TEXT");
    if (needs_chat && !options->chat)
        return err_set(err, ERR_USAGE, "%s goes with --chat%s", needs_chat,
                       options->images.n ? ": pictures stand before what the user says" : "");
    return !options->num_crops || options->images.n ||
           err_set(err, ERR_USAGE, "--num-crops goes with --image");
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    struct opened opened = {0};
    struct generation generation = {.options = options, .opened = &opened};
    if (!check_options(options, err)) return false;
    if (!options->n_new) return show_prompt(invocation, err);
    bool ok = opened_open(invocation, &options->common, &opened, err) &&
              ask(options, model_tokenizer(opened.model), model_info(opened.model),
                  session_context_tokens(opened.session), &generation.prompt, err) &&
              check_prompt(&opened, &generation.prompt.ids, err) && open_rows(&generation, err) &&
              generate(&generation, err);
    sampler_free(generation.sampler);
    picture_cache_close(generation.cache);
    asked_done(&generation.prompt);
    tokens_free(&generation.output);
    buf_free(&generation.text);
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
        "shown as \\x1b or \\u202e; a pipe or a file gets the text as it is.\n\n"
        "A model with eyes (Phi-3-vision, Phi-3.5-vision) is shown pictures by --image, in the "
        "order given; <|image_1|> marks the place of the first in the prompt that --echo and -n 0 "
        "show.",
    .examples = EXAMPLES,
    .run = run,
};
