/* response.c - a response as one line of JSON and back, exactly.
 *
 * {"answered":true,"choices":[{"logprob":-1.5,"tokens":1,"greedy":true,"join_spanned":false,
 *               "characters":1}], "text":null,"prompt_tokens":412,"new_tokens":4,"dropped_shots":0,
 *  "cut_tokens":0,"double_bos":false}
 * A chunk of a text has "tokens":{"logprob":[-1.5]}, and with a reference "reference_logprob",
 * "divergence" and "same_top" (1 or 0). Where they mean something, "stop", "context", "failure",
 * "reason", "reasoning", "unfinished_reasoning", "unknown_tokens" and "pictures" (hashes of files,
 * not read back) stand there. Infinities are strings, text that is no UTF-8 an array of bytes.
 */
#include "suites/request.h"

#include "base/letter_case.h"
#include "base/utf8.h"
#include "suites/reasoning.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *request_strip(struct arena *arena, const char *text, struct err *err)
{
    size_t n = strlen(text);
    text = letter_strip(text, &n, true);
    return arena_copy(arena, text, n, err);
}

bool request_set_answer(struct request *request, struct arena *arena, const char *answer,
                        struct err *err)
{
    const char **prompts = arena_alloc(arena, request->n_prompts, sizeof *prompts, err);
    const char *kept = request_strip(arena, answer, err);
    if (!prompts || !kept) return false;
    for (size_t i = 0; i < request->n_prompts; i++)
        prompts[i] = request->prompts[i] ? request->prompts[i] : kept;
    request->prompts = prompts;
    return true;
}

bool response_is_passing(const struct response *response)
{
    return response->failure && (!strcmp(response->failure, RESPONSE_UNREADABLE) ||
                                 !strcmp(response->failure, RESPONSE_NO_PICTURE));
}

bool response_has_numbers(const struct response *response)
{
    for (size_t i = 0; i < response->n_choices; i++)
        if (isnan(response->choices[i].logprob)) return false;
    return response->n_choices > 0;
}

/* Where the characters are not known, of all choices, none are divided. */
static double score_of(const struct choice_score *choice, bool by_character)
{
    if (!by_character) return choice->logprob;
    return choice->n_characters > 0 ? choice->logprob / choice->n_characters : -INFINITY;
}

size_t response_best_choice(const struct response *response, bool by_character, bool *is_tie)
{
    size_t best = 0;
    bool is_known = false;
    for (size_t i = 0; i < response->n_choices; i++)
        is_known = is_known || response->choices[i].n_characters > 0;
    by_character = by_character && is_known;
    *is_tie = false;
    for (size_t i = 1; i < response->n_choices; i++) {
        double score = score_of(&response->choices[i], by_character);
        double highest = score_of(&response->choices[best], by_character);
        if (score > highest) best = i;
        *is_tie = score > highest ? false : *is_tie || score == highest;
    }
    return best;
}

size_t request_find_stop(const struct request *request, const char *text, size_t n_bytes,
                         size_t n_before, const char **stop)
{
    size_t first = n_bytes;
    for (size_t i = 0; i < request->n_stops; i++) {
        size_t n_stop = strlen(request->stops[i]);
        size_t from = n_before + 1 > n_stop ? n_before + 1 - n_stop : 0;
        if (!n_stop || from >= n_bytes) continue;
        const char *found = memmem(text + from, n_bytes - from, request->stops[i], n_stop);
        if (!found || (size_t)(found - text) >= first) continue;
        first = (size_t)(found - text);
        *stop = request->stops[i];
    }
    return first;
}

int choice_characters(const struct request *request, size_t i_choice)
{
    const char *choice = request->choices[i_choice];
    const char *delimiter = request->delimiter ? request->delimiter : " ";
    size_t n_delimiter = strlen(delimiter);
    if (!strncmp(choice, delimiter, n_delimiter)) choice += n_delimiter;
    return (int)utf8_count(choice, strlen(choice));
}

/* ---- Writing ---- */

static void put_exact(struct json_writer *writer, double value)
{
    if (isnan(value)) json_put_string(writer, "nan");
    else if (isinf(value)) json_put_string(writer, value < 0 ? "-inf" : "inf");
    else if (value == 0 && signbit(value)) json_put_raw(writer, "-0.0");
    else json_put_number(writer, value);
}

static void put_text(struct json_writer *writer, const char *text)
{
    if (!text || utf8_is_valid(text, strlen(text))) {
        json_put_string(writer, text);
        return;
    }
    json_begin_array(writer);
    for (const char *c = text; *c; c++) json_put_integer(writer, (unsigned char)*c);
    json_end_array(writer);
}

static void put_choice(struct json_writer *writer, const struct choice_score *choice)
{
    json_begin_object(writer);
    json_key(writer, "logprob");
    put_exact(writer, choice->logprob);
    json_set_integer(writer, "tokens", choice->n_tokens);
    json_set_bool(writer, "greedy", choice->is_greedy);
    json_set_bool(writer, "join_spanned", choice->join_spanned);
    json_set_integer(writer, "characters", choice->n_characters);
    json_end_object(writer);
}

static void put_column(struct json_writer *writer, const char *key, const struct response *response,
                       size_t offset)
{
    json_key(writer, key);
    json_begin_array(writer);
    for (size_t i = 0; i < response->n_tokens; i++) {
        double value;
        memcpy(&value, (const char *)&response->tokens[i] + offset, sizeof value);
        put_exact(writer, value);
    }
    json_end_array(writer);
}

static void put_tokens(struct json_writer *writer, const struct response *response)
{
    json_key(writer, "tokens");
    json_begin_object(writer);
    put_column(writer, "logprob", response, offsetof(struct token_score, logprob));
    if (response->has_reference) {
        put_column(writer, "reference_logprob", response,
                   offsetof(struct token_score, reference_logprob));
        put_column(writer, "divergence", response, offsetof(struct token_score, divergence));
        json_key(writer, "same_top");
        json_begin_array(writer);
        for (size_t i = 0; i < response->n_tokens; i++)
            json_put_integer(writer, response->tokens[i].same_top);
        json_end_array(writer);
    }
    json_end_object(writer);
}

static void put_true(struct json_writer *writer, const char *key, bool flag)
{
    if (flag) json_set_bool(writer, key, true);
}

/* Writes a member where it means something, and nothing where it does not. */
static void put_known(struct json_writer *writer, const char *key, const char *text)
{
    if (!text) return;
    json_key(writer, key);
    put_text(writer, text);
}

static void put_pictures(struct json_writer *writer, const struct response *response)
{
    if (!response->n_pictures) return;
    json_key(writer, "pictures");
    json_begin_array(writer);
    for (size_t i = 0; i < response->n_pictures; i++)
        json_put_string(writer, response->pictures[i].hash);
    json_end_array(writer);
}

void response_write(const struct response *response, struct buf *out)
{
    struct json_writer writer = {.out = out};
    json_begin_object(&writer);
    json_set_bool(&writer, "answered", response->answered);
    json_key(&writer, "choices");
    json_begin_array(&writer);
    for (size_t i = 0; i < response->n_choices; i++) put_choice(&writer, &response->choices[i]);
    json_end_array(&writer);
    json_key(&writer, "text");
    put_text(&writer, response->text);
    put_known(&writer, "stop", response->stop);
    put_known(&writer, "reasoning", response->reasoning);
    put_true(&writer, "unfinished_reasoning", response->is_reasoning_unfinished);
    put_known(&writer, "context", response->context);
    put_known(&writer, "failure", response->failure);
    put_known(&writer, "reason", response->reason);
    json_set_integer(&writer, "prompt_tokens", response->n_prompt_tokens);
    json_set_integer(&writer, "new_tokens", response->n_new_tokens);
    put_true(&writer, "unknown_tokens", response->has_unknown_tokens);
    json_set_integer(&writer, "dropped_shots", response->n_dropped_shots);
    json_set_integer(&writer, "cut_tokens", response->n_cut_tokens);
    json_set_bool(&writer, "double_bos", response->double_bos);
    if (response->n_tokens) put_tokens(&writer, response);
    put_pictures(&writer, response);
    json_end_object(&writer);
}

/* ---- Reading ---- */

/* The member, which must be there and of that kind; NULL with an error otherwise. */
static const struct json *require(const struct json *object, const char *key, enum json_kind kind,
                                  struct err *err)
{
    const struct json *value = json_get(object, key);
    if (value && json_kind(value) == kind) return value;
    err_set(err, ERR_INPUT, "a stored response has no \"%s\" of the right type", key);
    return NULL;
}

static bool read_count(const struct json *object, const char *key, int *count, struct err *err)
{
    const struct json *value = require(object, key, JSON_KIND_NUMBER, err);
    if (!value) return false;
    double number = json_as_number(value, -1);
    if (!(number >= 0 && number <= INT32_MAX && number == floor(number)))
        return err_set(err, ERR_INPUT, "\"%s\" of a stored response is %g, not a count", key,
                       number);
    *count = (int)number;
    return true;
}

static bool read_flag(const struct json *object, const char *key, bool *flag, struct err *err)
{
    const struct json *value = require(object, key, JSON_KIND_BOOL, err);
    if (!value) return false;
    *flag = json_as_bool(value, false);
    return true;
}

static bool parse_exact(const struct json *value, double *number)
{
    const char *word = json_as_string(value, "");
    if (value && json_kind(value) == JSON_KIND_NUMBER) *number = json_as_number(value, 0);
    else if (!strcmp(word, "nan")) *number = NAN;
    else if (!strcmp(word, "inf")) *number = INFINITY;
    else if (!strcmp(word, "-inf")) *number = -INFINITY;
    else return false;
    return true;
}

static bool read_exact(const struct json *object, const char *key, double *number, struct err *err)
{
    return parse_exact(json_get(object, key), number) ||
           require(object, key, JSON_KIND_NUMBER, err) != NULL;
}

static bool read_choices(const struct json *root, struct response *response, struct arena *arena,
                         struct err *err)
{
    const struct json *choices = require(root, "choices", JSON_KIND_ARRAY, err);
    if (!choices) return false;
    size_t n = json_length(choices);
    response->choices = arena_alloc(arena, n, sizeof *response->choices, err);
    if (!response->choices) return false;
    response->n_choices = n;
    for (size_t i = 0; i < n; i++) {
        const struct json *choice = json_at(choices, i);
        struct choice_score *score = &response->choices[i];
        if (!read_exact(choice, "logprob", &score->logprob, err) ||
            !read_count(choice, "tokens", &score->n_tokens, err) ||
            (json_get(choice, "characters") && /* older responses have none */
             !read_count(choice, "characters", &score->n_characters, err)) ||
            !read_flag(choice, "greedy", &score->is_greedy, err) ||
            !read_flag(choice, "join_spanned", &score->join_spanned, err))
            return false;
    }
    return true;
}

/* The text of a member; NULL where it is null, or may be absent and is. */
static bool read_text(const struct json *root, const char *key, bool is_required, const char **text,
                      struct arena *arena, struct err *err)
{
    const struct json *value = json_get(root, key);
    if (value ? json_kind(value) == JSON_KIND_NULL : !is_required) return true;
    if (value && json_kind(value) == JSON_KIND_STRING) {
        *text = arena_string(arena, json_as_string(value, ""), err);
        return *text != NULL;
    }
    if (!require(root, key, JSON_KIND_ARRAY, err)) return false;
    size_t n = json_length(value);
    char *bytes = arena_alloc(arena, n + 1, 1, err);
    if (!bytes) return false;
    for (size_t i = 0; i < n; i++) {
        int64_t byte = json_as_integer(json_at(value, i), 0);
        if (byte < 1 || byte > 255)
            return err_set(err, ERR_INPUT, "the %s of a stored response holds no bytes", key);
        bytes[i] = (char)byte;
    }
    *text = bytes;
    return true;
}

static bool read_column(const struct json *tokens, const char *key, struct response *response,
                        size_t offset, struct err *err)
{
    const struct json *column = require(tokens, key, JSON_KIND_ARRAY, err);
    if (!column) return false;
    bool ok = json_length(column) == response->n_tokens;
    for (size_t i = 0; ok && i < response->n_tokens; i++) {
        double value = 0;
        ok = parse_exact(json_at(column, i), &value);
        memcpy((char *)&response->tokens[i] + offset, &value, sizeof value);
    }
    return ok || err_set(err, ERR_INPUT, "\"%s\" of a stored response is not %zu numbers", key,
                         response->n_tokens);
}

static bool read_reference(const struct json *tokens, struct response *response, struct err *err)
{
    const struct json *same_top = require(tokens, "same_top", JSON_KIND_ARRAY, err);
    if (!same_top ||
        !read_column(tokens, "reference_logprob", response,
                     offsetof(struct token_score, reference_logprob), err) ||
        !read_column(tokens, "divergence", response, offsetof(struct token_score, divergence), err))
        return false;
    for (size_t i = 0; i < response->n_tokens; i++)
        response->tokens[i].same_top = json_as_integer(json_at(same_top, i), 0) != 0;
    return true;
}

static bool read_tokens(const struct json *root, struct response *response, struct arena *arena,
                        struct err *err)
{
    const struct json *tokens = json_get(root, "tokens");
    if (!tokens) return true;
    response->n_tokens = json_length(json_get(tokens, "logprob"));
    response->tokens = arena_alloc(arena, response->n_tokens, sizeof *response->tokens, err);
    response->has_reference = json_get(tokens, "divergence") != NULL;
    return response->tokens &&
           read_column(tokens, "logprob", response, offsetof(struct token_score, logprob), err) &&
           (!response->has_reference || read_reference(tokens, response, err));
}

/* A text that an older program stored may hold reasoning, which is no part of the answer. */
static bool tell_apart(struct response *response, struct arena *arena, struct err *err)
{
    struct reasoning_parts parts;
    if (!response->text || response->reasoning || response->is_reasoning_unfinished) return true;
    reasoning_split(response->text, strlen(response->text), false, &parts);
    bool ok = true;
    if (parts.is_found) {
        response->text = arena_string(arena, buf_string(&parts.answer), err);
        response->reasoning = arena_string(arena, buf_string(&parts.reasoning), err);
        response->is_reasoning_unfinished = parts.is_open;
        ok = response->text && response->reasoning;
    }
    reasoning_done(&parts);
    return ok;
}

bool response_read(const char *text, size_t n_bytes, struct response *response, struct arena *arena,
                   struct err *err)
{
    *response = (struct response){0};
    struct json *root = json_parse(text, n_bytes, "", err);
    bool done = root && read_flag(root, "answered", &response->answered, err) &&
                read_choices(root, response, arena, err) &&
                read_text(root, "text", true, &response->text, arena, err) &&
                read_text(root, "stop", false, &response->stop, arena, err) &&
                read_text(root, "reasoning", false, &response->reasoning, arena, err) &&
                read_text(root, "context", false, &response->context, arena, err) &&
                read_text(root, "failure", false, &response->failure, arena, err) &&
                read_text(root, "reason", false, &response->reason, arena, err) &&
                read_count(root, "prompt_tokens", &response->n_prompt_tokens, err) &&
                read_count(root, "new_tokens", &response->n_new_tokens, err) &&
                read_count(root, "dropped_shots", &response->n_dropped_shots, err) &&
                read_count(root, "cut_tokens", &response->n_cut_tokens, err) &&
                read_flag(root, "double_bos", &response->double_bos, err) &&
                read_tokens(root, response, arena, err);
    response->is_reasoning_unfinished = json_as_bool(json_get(root, "unfinished_reasoning"), false);
    response->has_unknown_tokens = json_as_bool(json_get(root, "unknown_tokens"), false);
    json_free(root);
    return done && tell_apart(response, arena, err);
}
