/* api.c - see api.h. Reading is strict: a reply that lacks what was asked for is an error, which
 * the caller takes as a reason to ask again.
 */
#include "harness/ask/api.h"

#include "base/mem.h"
#include "harness/ask/echo.h"
#include "suites/reasoning.h"

#include <string.h>

enum { MOST_STOPS = 4 }; /* that servers take */

/* ---- Writing ---- */

static void put_message(struct json_writer *json, const char *role, const char *text)
{
    json_begin_object(json);
    json_set_string(json, "role", role);
    json_set_string(json, "content", text);
    json_end_object(json);
}

/* A user's message whose content is a list: the call's pictures, then the text. */
static void put_pictures_message(struct json_writer *json, const struct api_call *call,
                                 const char *text)
{
    json_begin_object(json);
    json_set_string(json, "role", "user");
    json_key(json, "content");
    json_begin_array(json);
    for (size_t i = 0; i < call->request->n_pictures; i++) {
        json_begin_object(json);
        json_set_string(json, "type", "image_url");
        json_key(json, "image_url");
        json_begin_object(json);
        json_set_string(json, "url", call->picture_urls[i]);
        json_end_object(json);
        json_end_object(json);
    }
    json_begin_object(json);
    json_set_string(json, "type", "text");
    json_set_string(json, "text", text);
    json_end_object(json);
    json_end_array(json);
    json_end_object(json);
}

static struct dialogue find_dialogue(const struct api_call *call)
{
    const struct request *request = call->request;
    if (request->dialogues) return request->dialogues[call->i_prompt];
    return request->kind == REQUEST_CHAT ? (struct dialogue){request->prompts, request->n_prompts}
                                         : (struct dialogue){&request->prompts[call->i_prompt], 1};
}

/* Of the i-th turn. */
static const char *role(size_t i)
{
    return i % 2 ? "assistant" : "user";
}

static void put_messages(struct json_writer *json, const struct api_call *call)
{
    const char *system = call->request->system;
    const struct dialogue said = find_dialogue(call);
    json_key(json, "messages");
    json_begin_array(json);
    if (system) put_message(json, "system", system);
    for (size_t i = 0; i < said.n; i++)
        if (i == 0 && call->request->n_pictures) put_pictures_message(json, call, said.turns[i]);
        else put_message(json, role(i), said.turns[i]);
    json_end_array(json);
}

/* A server would look for a stop string in the reasoning, too: where there may be some, the answer
 * is cut here alone. */
static void put_stops(struct json_writer *json, const struct api_options *options,
                      const struct request *request)
{
    if (!request->n_stops || options->reasoning_tokens) return;
    json_key(json, "stop");
    json_begin_array(json);
    for (size_t i = 0; i < request->n_stops && i < MOST_STOPS; i++)
        json_put_string(json, request->stops[i]);
    json_end_array(json);
}

static void put_sampling(struct json_writer *json, const struct api_options *options,
                         const struct request *request)
{
    json_set_integer(json,
                     options->names_completion_tokens ? "max_completion_tokens" : "max_tokens",
                     (int64_t)(request->max_new_tokens + options->reasoning_tokens));
    if (!options->omits_temperature) json_set_number(json, "temperature", request->temperature);
    if (request->temperature > 0) json_set_integer(json, "seed", (int64_t)request->seed);
    put_stops(json, options, request);
}

/* The prompt with the choice's own end of it. */
static void append_context(const struct api_call *call, struct buf *out)
{
    const struct request *request = call->request;
    buf_text(out, request->prompts[call->i_prompt]);
    if (request->stems) buf_text(out, request->stems[call->i_choice]);
}

static void put_echo(struct json_writer *json, const struct api_options *options,
                     const struct api_call *call)
{
    struct buf prompt = {0};
    append_context(call, &prompt);
    buf_text(&prompt, call->request->choices[call->i_choice]);
    if (prompt.failed) json->out->failed = true;
    json_set_string(json, "prompt", buf_string(&prompt));
    /* Not all servers take 0. The token that is generated is left out of account. */
    json_set_integer(json, "max_tokens", 1);
    if (!options->omits_temperature) json_set_integer(json, "temperature", 0);
    json_set_integer(json, "logprobs", 1);
    json_set_bool(json, "echo", true);
    buf_free(&prompt);
}

static bool is_scored_request(const struct request *request)
{
    return request->kind == REQUEST_CHOICES || request->kind == REQUEST_LOGLIK;
}

static bool is_told_request(const struct api_options *options, const struct request *request)
{
    return request_is_chat(request) || request->n_pictures ||
           (!is_scored_request(request) && !options->completes);
}

void api_write_prompt(const struct api_options *options, const struct api_call *call,
                      struct buf *out)
{
    const struct request *request = call->request;
    if (!is_told_request(options, request)) {
        buf_text(out, request->prompts[call->i_prompt]);
        return;
    }
    const struct dialogue said = find_dialogue(call);
    if (request->system) buf_printf(out, "system: %s\n\n", request->system);
    for (size_t i = 0; i < said.n; i++) {
        buf_printf(out, "%s%s: ", i ? "\n\n" : "", role(i));
        for (size_t k = 0; i == 0 && k < request->n_pictures; k++)
            buf_printf(out, "<|image_%zu|>\n", k + 1);
        buf_text(out, said.turns[i]);
    }
}

const char *api_write_call(const struct api_options *options, const struct api_call *call,
                           struct buf *body)
{
    const struct request *request = call->request;
    bool is_scored = is_scored_request(request), is_told = is_told_request(options, request);
    struct json_writer json = {.out = body};
    json_begin_object(&json);
    json_set_string(&json, "model", options->model);
    if (is_scored) put_echo(&json, options, call);
    else if (is_told) put_messages(&json, call);
    else json_set_string(&json, "prompt", request->prompts[call->i_prompt]);
    if (!is_scored) put_sampling(&json, options, request);
    for (size_t i = 0; i < options->n_fields; i++) {
        json_key(&json, options->fields[i].name);
        json_put_raw(&json, options->fields[i].json);
    }
    json_end_object(&json);
    return is_told ? "/chat/completions" : "/completions";
}

void api_write_url(const struct api_options *options, const char *path, struct buf *url)
{
    size_t n = strlen(options->base_url);
    while (n && options->base_url[n - 1] == '/') n--;
    buf_append(url, options->base_url, n);
    buf_text(url, path);
}

/* ---- Reading ---- */

/* What stands in place of an answer: an error of the whole reply or of its choice, "detail" and
 * "message" as FastAPI and old vLLM write them, or a filter's mark. NULL: nothing. */
static const struct json *find_error(const struct json *root, const struct json *choice)
{
    const struct json *reason = json_get(choice, "finish_reason");
    const struct json *const found[] = {json_get(root, "error"), json_get(choice, "error"),
                                        choice ? NULL : json_get(root, "detail"),
                                        choice ? NULL : json_get(root, "message")};
    for (size_t i = 0; i < COUNT_OF(found); i++) {
        bool is_text = *json_as_string(found[i], "");
        if (is_text || json_kind(found[i]) == JSON_KIND_OBJECT) return found[i];
    }
    return !strncmp(json_as_string(reason, ""), "content_filter", 14) ? reason : NULL;
}

static bool fail_with(const struct json *error, struct err *err)
{
    struct buf text = {0};
    struct json_writer json = {.out = &text};
    if (json_put_value(&json, error, err) && buf_check(&text, err))
        err_set(err, ERR_INPUT, "in place of an answer the server says %s", buf_string(&text));
    buf_free(&text);
    return false;
}

static int64_t read_tokens(const struct json *count)
{
    int64_t n = json_as_integer(count, -1);
    return n >= 0 && n <= INT32_MAX ? n : -1;
}

/* The first choice of a reply, and its usage; NULL with an error. */
static const struct json *read_choice(const struct json *root, struct api_usage *usage,
                                      struct err *err)
{
    const struct json *choice = json_at(json_get(root, "choices"), 0);
    const struct json *used = json_get(root, "usage"), *error = find_error(root, choice);
    usage->tokens_in = read_tokens(json_get(used, "prompt_tokens"));
    usage->tokens_out = read_tokens(json_get(used, "completion_tokens"));
    usage->says_error = error != NULL;
    if (!error && json_kind(choice) == JSON_KIND_OBJECT) return choice;
    if (error) fail_with(error, err);
    else err_set(err, ERR_INPUT, "the reply has no choices");
    return NULL;
}

/* What a choice says: aloud, and to itself. */
struct said {
    struct buf text, reasoning;
    bool is_any, ran_out;
};

/* A part of a content that is a list: {"type":"text","text":"Paris"}, or of the type "thinking"
 * with a list of such parts. */
static void add_part(struct said *said, const struct json *part)
{
    const char *type = json_as_string(json_get(part, "type"), "");
    bool is_reasoning = !strcmp(type, "thinking") || !strcmp(type, "reasoning");
    const struct json *value = json_get(part, is_reasoning ? type : "text");
    struct buf *out = is_reasoning ? &said->reasoning : &said->text;
    buf_text(out, json_as_string(value, ""));
    for (size_t i = 0; i < json_length(value); i++)
        buf_text(out, json_as_string(json_get(json_at(value, i), "text"), ""));
}

/* The member's name differs: "reasoning_content" of DeepSeek, vLLM and llama.cpp, "reasoning" of
 * OpenRouter and newer vLLM. */
static const char *find_reasoning(const struct json *message)
{
    const char *text = json_as_string(json_get(message, "reasoning_content"), "");
    return *text ? text : json_as_string(json_get(message, "reasoning"), "");
}

static void read_said(const struct json *choice, struct said *said)
{
    const struct json *message = json_get(choice, "message");
    const struct json *content = message ? json_get(message, "content") : json_get(choice, "text");
    const char *reason = json_as_string(json_get(choice, "finish_reason"), "");
    buf_text(&said->reasoning, find_reasoning(message ? message : choice));
    said->ran_out = !strcmp(reason, "length") || !strcmp(reason, "max_tokens");
    bool is_silent = message && json_kind(content) == JSON_KIND_NULL;
    said->is_any = json_as_string(content, NULL) || (is_silent && content) ||
                   json_kind(content) == JSON_KIND_ARRAY || said->reasoning.n_bytes > 0;
    /* A model that refuses to answer may say so in a member of its own. */
    if (is_silent) buf_text(&said->text, json_as_string(json_get(message, "refusal"), ""));
    else buf_text(&said->text, json_as_string(content, ""));
    for (size_t i = 0; i < json_length(content); i++) add_part(said, json_at(content, i));
}

static bool is_blank(const struct buf *text)
{
    const char *from = buf_string(text);
    return from[strspn(from, " \t\n\r\f\v")] == 0;
}

/* Takes the reasoning out of the text. A model that is known to reason, and ran out of tokens with
 * no mark of an end, has not come to its answer: its prompt had opened the block. */
static void tell_apart(const struct api_options *options, struct said *said,
                       struct response *response)
{
    struct reasoning_parts parts;
    bool is_apart = !is_blank(&said->reasoning);
    reasoning_split(buf_string(&said->text), said->text.n_bytes, false, &parts);
    if (options->reasoning_tokens && said->ran_out && !is_apart && !parts.is_found) {
        reasoning_done(&parts);
        reasoning_split(buf_string(&said->text), said->text.n_bytes, true, &parts);
    }
    if (is_apart && parts.reasoning.n_bytes) buf_char(&said->reasoning, '\n');
    buf_append(&said->reasoning, buf_string(&parts.reasoning), parts.reasoning.n_bytes);
    response->is_reasoning_unfinished =
        parts.is_open || (is_apart && said->ran_out && is_blank(&parts.answer));
    const char *answer = buf_string(&parts.answer);
    if (is_apart) answer += strspn(answer, " \t\n\r\f\v");
    buf_clear(&said->text);
    buf_text(&said->text, answer);
    reasoning_done(&parts);
}

/* The answer is cut where a stop string begins, if the server left one. A server does not say which
 * one ended the text that it cut itself: that passes for the model's own end. */
static bool keep_text(const struct request *request, const struct said *said, const char *reason,
                      struct arena *arena, struct response *response, struct err *err)
{
    const char *text = buf_string(&said->text);
    if (!buf_check(&said->text, err) || !buf_check(&said->reasoning, err)) return false;
    response->stop = !strcmp(reason, "stop") ? "" : NULL;
    size_t n = request_find_stop(request, text, said->text.n_bytes, 0, &response->stop);
    response->text = arena_copy(arena, text, n, err);
    response->reasoning = NULL;
    if (!response->text || is_blank(&said->reasoning)) return response->text != NULL;
    response->reasoning = arena_string(arena, buf_string(&said->reasoning), err);
    return response->reasoning != NULL;
}

bool api_read_text(const struct api_options *options, const struct request *request,
                   const char *body, size_t n_bytes, struct arena *arena, struct response *response,
                   struct api_usage *usage, struct err *err)
{
    struct said said = {0};
    struct json *root = json_parse_repaired(body, n_bytes, "", err);
    const struct json *choice = root ? read_choice(root, usage, err) : NULL;
    if (choice) read_said(choice, &said);
    bool ok = choice && (said.is_any || err_set(err, ERR_INPUT, "the reply has no text"));
    if (ok) {
        tell_apart(options, &said, response);
        ok = keep_text(request, &said, json_as_string(json_get(choice, "finish_reason"), ""), arena,
                       response, err);
    }
    buf_free(&said.text);
    buf_free(&said.reasoning);
    json_free(root);
    return ok;
}

/* Trailing spaces of the prompt count to the choice. */
static struct echo_text text_of(const struct api_call *call, struct buf *whole)
{
    append_context(call, whole);
    size_t n = whole->n_bytes;
    while (n && strchr(" \t\n\r\f\v", buf_string(whole)[n - 1])) n--;
    buf_text(whole, call->request->choices[call->i_choice]);
    return (struct echo_text){buf_string(whole), n, whole->n_bytes};
}

bool api_read_score(const struct api_call *call, const char *body, size_t n_bytes,
                    struct choice_score *score, struct api_usage *usage, struct err *err)
{
    struct buf whole = {0};
    const struct echo_text sent = text_of(call, &whole);
    struct json *root = json_parse_repaired(body, n_bytes, "", err);
    const struct json *choice = root ? read_choice(root, usage, err) : NULL;
    *score =
        (struct choice_score){.n_characters = choice_characters(call->request, call->i_choice)};
    bool ok = choice && buf_check(&whole, err) &&
              echo_read_score(json_get(choice, "logprobs"), &sent, score, err);
    json_free(root);
    buf_free(&whole);
    return ok;
}

/* ---- Failures ---- */

/* Words of OpenAI, llama.cpp, vLLM (old and new), SGLang, TGI, TensorRT-LLM, Anthropic, Gemini,
 * Bedrock, Cohere, Groq and xAI. */
static const char *const TOO_LONG[] = {"context_length_exceeded",
                                       "exceed_context_size",
                                       "context length",
                                       "context size",
                                       "context window",
                                       "context limit",
                                       "maximum model length",
                                       "prompt is too long",
                                       "prompt too long",
                                       "input is too long",
                                       "`inputs` tokens + `max_new_tokens` must be",
                                       "`inputs` must have less than",
                                       "input token count",
                                       "maximum number of tokens allowed",
                                       "maximum prompt length",
                                       "number of tokens in the prompt",
                                       "reduce the length of",
                                       "max_seq_len",
                                       "max_num_tokens"};

/* Of OpenAI, Azure, Anthropic, Gemini, DeepSeek, Qwen, OpenRouter and Bedrock. */
static const char *const REFUSED[] = {"content_filter",
                                      "content_policy",
                                      "content management policy",
                                      "content filtering policy",
                                      "content exists risk",
                                      "ResponsibleAIPolicyViolation",
                                      "usage policies",
                                      "usage policy",
                                      "prohibited_content",
                                      "due to safety",
                                      "safety system",
                                      "data_inspection_failed",
                                      "DataInspectionFailed",
                                      "inappropriate content",
                                      "input was flagged",
                                      "blocked by guardrail"};

static bool holds_one(const char *said, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcasestr(said, words[i])) return true;
    return false;
}

const char *api_find_failure(const char *said)
{
    if (holds_one(said, TOO_LONG, COUNT_OF(TOO_LONG))) return RESPONSE_TOO_LONG;
    return holds_one(said, REFUSED, COUNT_OF(REFUSED)) ? RESPONSE_REFUSED : NULL;
}
