/* triviaqa_data.c - see triviaqa_data.h.
 *
 * The JSON parser knows no lines: a walk over the text finds where each member of "Data" begins.
 * Gold answers are those of the official evaluation: NormalizedAliases and HumanAnswers, or all
 * answers of a list, normalised.
 */
#include "suites/triviaqa_data.h"

#include "base/csv.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "suites/answer_match.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_QUESTIONS = 1 << 24, MAX_ANSWERS = 1 << 16 };
static const size_t MAX_FILE_BYTES = (size_t)4 << 30;

struct reader {
    const char *path;
    struct arena *arena;
    struct trivia_question *questions;
    size_t n, capacity;
};

static struct trivia_question *add_question(struct reader *reader, int line, struct err *err)
{
    if (!mem_grow((void **)&reader->questions, &reader->capacity, reader->n + 1,
                  sizeof *reader->questions, MAX_QUESTIONS, err))
        return NULL;
    struct trivia_question *question = &reader->questions[reader->n++];
    *question = (struct trivia_question){.line = line};
    return question;
}

static bool fail(const struct reader *reader, int line, struct err *err, const char *message)
{
    return err_set_at(err, ERR_INPUT, reader->path, line, 0, "%s", message);
}

/* A copy of the text in normal form; NULL with an error. */
static const char *normalized(struct arena *arena, const char *text, struct err *err)
{
    struct buf out = {0};
    answer_normalize(text, &out);
    return arena_take(arena, &out, err);
}

/* ---- TriviaQA's JSON ---- */

/* Where in the text the members of Data begin. */
struct places {
    int *lines; /* [n] */
    size_t n, capacity;
};

/* The place past the closing quote of the string that begins at `at`. */
static size_t end_of_string(const char *text, size_t n_bytes, size_t at)
{
    for (at++; at < n_bytes && text[at] != '"'; at++)
        if (text[at] == '\\') at++;
    return at + 1;
}

/* Finds where the members of Data begin in a text that is known to be JSON. */
static bool find_places(const char *text, size_t n_bytes, struct places *places, struct err *err)
{
    int depth = 0, line = 1;
    bool is_data = false, after_data = false;
    for (size_t at = 0; at < n_bytes; at++) {
        char c = text[at];
        if (c == '"') {
            size_t end = end_of_string(text, n_bytes, at);
            if (depth == 1) after_data = end - at == 6 && !memcmp(text + at, "\"Data\"", 6);
            at = end - 1;
            continue;
        }
        if (c == '[' && depth == 1) is_data = after_data;
        if (c == '{' && depth == 2 && is_data) {
            if (!mem_grow((void **)&places->lines, &places->capacity, places->n + 1,
                          sizeof *places->lines, MAX_QUESTIONS, err))
                return false;
            places->lines[places->n++] = line;
        }
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        line += c == '\n';
    }
    return true;
}

/* Copies the strings of a list; *texts has room for n_before and these. */
static bool copy_strings(struct reader *reader, const struct json *list, int line,
                         const char *const **texts, size_t *n, struct err *err)
{
    size_t n_strings = json_length(list);
    const char **copies = arena_alloc(reader->arena, n_strings, sizeof *copies, err);
    if (!copies) return false;
    for (size_t i = 0; i < n_strings; i++) {
        const char *text = json_as_string(json_at(list, i), NULL);
        if (!text) return fail(reader, line, err, "an answer of this question is no string");
        if (!(copies[i] = arena_string(reader->arena, text, err))) return false;
    }
    *texts = copies;
    *n = n_strings;
    return true;
}

/* The gold is NormalizedAliases (or the aliases, if these are missing) and what people answered. */
static bool read_gold(struct reader *reader, const struct json *answer,
                      struct trivia_question *question, struct err *err)
{
    const struct json *given = json_get(answer, "NormalizedAliases"),
                      *human = json_get(answer, "HumanAnswers");
    size_t n = given ? json_length(given) : question->n_aliases, n_human = json_length(human);
    const char **gold = arena_alloc(reader->arena, n + n_human, sizeof *gold, err);
    if (!gold) return false;
    for (size_t i = 0; i < n + n_human; i++) {
        const char *text = i >= n  ? json_as_string(json_at(human, i - n), NULL)
                           : given ? json_as_string(json_at(given, i), NULL)
                                   : question->aliases[i];
        if (!text)
            return fail(reader, question->line, err, "an answer of this question is no string");
        gold[i] = given && i < n ? arena_string(reader->arena, text, err)
                                 : normalized(reader->arena, text, err);
        if (!gold[i]) return false;
    }
    question->gold = gold;
    question->n_gold = n + n_human;
    return true;
}

static bool read_pages(struct reader *reader, const struct json *record,
                       struct trivia_question *question, struct err *err)
{
    const struct json *lists[] = {json_get(record, "EntityPages"),
                                  json_get(record, "SearchResults")};
    size_t n = json_length(lists[0]) + json_length(lists[1]);
    const char **pages = arena_alloc(reader->arena, n, sizeof *pages, err);
    if (!pages) return false;
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < json_length(lists[k]); i++) {
            const char *name = json_as_string(json_get(json_at(lists[k], i), "Filename"), NULL);
            if (name && !(pages[question->n_pages++] = arena_string(reader->arena, name, err)))
                return false;
        }
    question->pages = pages;
    return true;
}

static bool read_record(struct reader *reader, const struct json *record, int line, struct err *err)
{
    struct trivia_question *question = add_question(reader, line, err);
    const struct json *answer = json_get(record, "Answer");
    const char *id = json_as_string(json_get(record, "QuestionId"), NULL),
               *text = json_as_string(json_get(record, "Question"), NULL);
    if (!question) return false;
    if (!id || !text)
        return fail(reader, line, err, "this record has no \"QuestionId\" or no \"Question\"");
    if (json_kind(answer) != JSON_KIND_OBJECT)
        return fail(reader, line, err,
                    "this question has no \"Answer\": it cannot be graded (a test set?)");
    question->id = arena_string(reader->arena, id, err);
    question->text = arena_string(reader->arena, text, err);
    if (!question->id || !question->text ||
        !copy_strings(reader, json_get(answer, "Aliases"), line, &question->aliases,
                      &question->n_aliases, err) ||
        !read_gold(reader, answer, question, err) || !read_pages(reader, record, question, err))
        return false;
    if (!question->n_gold) return fail(reader, line, err, "this question has no accepted answer");
    const char *value = json_as_string(json_get(answer, "Value"), NULL);
    if (!value) value = question->n_aliases ? question->aliases[0] : question->gold[0];
    return (question->value = arena_string(reader->arena, value, err)) != NULL;
}

static bool read_official(struct reader *reader, const char *text, size_t n_bytes,
                          struct trivia_file *file, struct err *err)
{
    struct places places = {0};
    struct json *root = json_parse(text, n_bytes, reader->path, err);
    const struct json *data = json_get(root, "Data");
    bool done = root && find_places(text, n_bytes, &places, err);
    if (done && (json_kind(data) != JSON_KIND_ARRAY || json_length(data) != places.n))
        done =
            fail(reader, 1, err, "this is no TriviaQA file: there is no list of records \"Data\"");
    for (size_t i = 0; done && i < places.n; i++)
        done = read_record(reader, json_at(data, i), places.lines[i], err);
    const char *domain = json_as_string(json_get(root, "Domain"), "");
    file->is_by_page = *domain && strcmp(domain, "Wikipedia") != 0;
    json_free(root);
    free(places.lines);
    return done;
}

/* ---- Question TAB list ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Reads a code point of n_digits; NULL if there are fewer. */
static const char *read_hex(const char *at, int n_digits, uint32_t *code)
{
    *code = 0;
    for (int i = 0; i < n_digits; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0) return NULL;
        *code = *code << 4 | (uint32_t)digit;
    }
    return at + n_digits;
}

/* Reads what stands after a backslash, in JSON and in Python. */
static const char *read_escape(const char *at, struct buf *out)
{
    static const char names[] = "ntrbf", values[] = "\n\t\r\b\f";
    const char *name = *at ? strchr(names, *at) : NULL;
    char bytes[4];
    uint32_t code, low;
    if (!*at) return NULL;
    if (*at == 'x' || *at == 'u' || *at == 'U') {
        int n_digits = *at == 'x' ? 2 : *at == 'u' ? 4 : 8;
        at = read_hex(at + 1, n_digits, &code);
        if (at && code >= 0xd800 && code < 0xdc00 && at[0] == '\\' && at[1] == 'u' &&
            read_hex(at + 2, 4, &low) && low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            at += 6;
        }
        if (!at || !code) return NULL;
        buf_append(out, bytes, utf8_encode(code, bytes));
        return at;
    }
    buf_char(out, name ? values[name - names] : *at);
    return at + 1;
}

static const char *read_quoted(const char *at, struct buf *out)
{
    char quote = *at++;
    while (at && *at && *at != quote) {
        if (*at == '\\') at = read_escape(at + 1, out);
        else buf_char(out, *at++);
    }
    return at && *at == quote ? at + 1 : NULL;
}

static const char *skip_spaces(const char *at)
{
    while (*at == ' ' || *at == '\t') at++;
    return at;
}

/* Reads a list such as ["a", "b"] or ['a', "it's"]; false without an error where there is none. */
static bool read_list(struct reader *reader, const char *text, struct trivia_question *question,
                      bool *is_list, struct err *err)
{
    const char **answers = NULL;
    size_t n = 0, capacity = 0;
    struct buf answer = {0};
    bool done = true, more = true;
    const char *at = skip_spaces(text);
    *is_list = *at == '[';
    at = skip_spaces(at + *is_list);
    while (done && *is_list && more) {
        buf_clear(&answer);
        at = *at == '"' || *at == '\'' ? read_quoted(at, &answer) : NULL;
        *is_list = at && utf8_is_valid(buf_string(&answer), answer.n_bytes);
        if (!*is_list) break;
        done = buf_check(&answer, err) &&
               mem_grow((void **)&answers, &capacity, n + 1, sizeof *answers, MAX_ANSWERS, err) &&
               (answers[n++] = arena_string(reader->arena, buf_string(&answer), err));
        at = skip_spaces(at);
        more = *at == ',';
        if (more) at = skip_spaces(at + 1);
        else *is_list = *at == ']' && !*skip_spaces(at + 1);
    }
    const char **kept = done ? arena_alloc(reader->arena, 2 * n, sizeof *kept, err) : NULL;
    for (size_t i = 0; kept && i < n; i++) {
        kept[i] = answers[i];
        if (!(kept[n + i] = normalized(reader->arena, answers[i], err))) kept = NULL;
    }
    if (kept) {
        question->aliases = kept;
        question->gold = kept + n;
        question->n_aliases = question->n_gold = n;
        question->value = n ? kept[0] : "";
    }
    free(answers);
    buf_free(&answer);
    return kept != NULL;
}

static bool read_line(struct reader *reader, const struct csv *csv, char *const *fields, size_t n,
                      int line, struct err *err)
{
    struct trivia_question *question = add_question(reader, line, err);
    bool is_list;
    int at_line, column;
    if (!question) return false;
    csv_place(csv, n == 2 ? 1 : 0, &at_line, &column);
    if (n != 2)
        return err_set_at(err, ERR_INPUT, reader->path, at_line, column,
                          "%zu columns, not 2: a question, a tab, and the list of its answers", n);
    if (!utf8_is_valid(fields[0], strlen(fields[0])))
        return err_set_at(err, ERR_INPUT, reader->path, line, 1, "the question is not UTF-8");
    if (!read_list(reader, fields[1], question, &is_list, err)) return false;
    if (!is_list)
        return err_set_at(err, ERR_INPUT, reader->path, at_line, column,
                          "the answers are no list of strings, [\"one\", \"two\"]");
    question->id = arena_printf(reader->arena, err, "%d", line);
    question->text = arena_string(reader->arena, fields[0], err);
    return question->id && question->text;
}

static bool read_table(struct reader *reader, const char *text, size_t n_bytes, struct err *err)
{
    char **fields;
    size_t n;
    int line, more = 0;
    struct csv *csv = csv_new(text, n_bytes, reader->path, '\t', err);
    bool done = csv != NULL;
    while (done && (more = csv_next(csv, &fields, &n, &line, err)) > 0)
        done = read_line(reader, csv, fields, n, line, err);
    csv_free(csv);
    return done && more == 0;
}

/* ---- Both ---- */

bool trivia_parse(const char *path, const char *text, size_t n_bytes, struct arena *arena,
                  struct trivia_file *file, struct err *err)
{
    struct reader reader = {.arena = arena, .path = arena_string(arena, path, err)};
    *file = (struct trivia_file){.path = reader.path};
    bool done = reader.path && utf8_skip_mark(&text, &n_bytes, path, err) &&
                (file_name_ends(path, ".json") ? read_official(&reader, text, n_bytes, file, err)
                                               : read_table(&reader, text, n_bytes, err));
    if (done && !reader.n) done = fail(&reader, 1, err, "there are no questions in this file");
    if (done)
        file->questions =
            arena_copy_array(arena, reader.questions, reader.n, sizeof *reader.questions, err);
    file->n = reader.n;
    free(reader.questions);
    return file->questions != NULL;
}

bool trivia_read(const char *path, struct arena *arena, struct sha256 *hash,
                 struct trivia_file *file, struct err *err)
{
    size_t n_bytes;
    char *text = file_read(path, MAX_FILE_BYTES, &n_bytes, err);
    if (!text) return false;
    if (hash) sha256_named(hash, file_name(path), text, n_bytes);
    bool done = trivia_parse(path, text, n_bytes, arena, file, err);
    free(text);
    return done;
}
