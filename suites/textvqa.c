/* textvqa.c - TextVQA: what stands written in the picture? Ten people have answered each question.
 * See vision_suites.h.
 *
 * Keys are IMAGE_ID/QUESTION_ID, so that the store can cluster answers by picture. What is expected
 * of an item is the JSON list of the ten answers as they were given.
 */
#include "suites/vision_suites.h"

#include "base/file.h"
#include "base/letter_case.h"
#include "base/mem.h"
#include "suites/evalai.h"

#include <stdlib.h>
#include <string.h>

#define SUFFIX "\nAnswer the question using a single word or phrase."
#define HINT "\nReference OCR token: "
enum { MAX_ANSWERS = 1000 };

/* The harness bounds no answer here but by its models' own limit. */
static const char *const STOPS[] = {"ASSISTANT:"};
static const struct vision_protocol PROTOCOLS[] = {
    {.name = "llava", .max_new_tokens = 128},
    {.name = "llava-ocr", .has_hints = true, .max_new_tokens = 128},
    {.name = "lmms-eval",
     .is_lmms_eval = true,
     .max_new_tokens = 1024,
     .stops = STOPS,
     .n_stops = 1},
    {.name = "lmms-eval-ocr",
     .is_lmms_eval = true,
     .has_hints = true,
     .max_new_tokens = 1024,
     .stops = STOPS,
     .n_stops = 1},
    {.name = NULL}};
static const char *const PROTOCOL_NAMES[] = {"llava", "llava-ocr", "lmms-eval", "lmms-eval-ocr",
                                             NULL};

/* ---- Loading ---- */

struct hint {
    const char *image;
    const struct json *tokens;
};

struct source {
    struct vision_loader *loader;
    const char *path;
    struct hint *hints; /* [n_hints] sorted by picture */
    size_t n_hints;
};

static int compare_hints(const void *a, const void *b)
{
    const struct hint *x = a, *y = b;
    return strcmp(x->image, y->image);
}

/* The tokens of each picture, whose list is the root's, sorted. */
static bool sort_hints(struct source *source, const struct json *root, const char *path,
                       struct err *err)
{
    const struct json *data = json_get(root, "data");
    size_t n = json_length(data);
    if (!n) return err_set_at(err, ERR_INPUT, path, 1, 1, "there is no list of pictures \"data\"");
    source->hints = mem_new(n, sizeof *source->hints, err);
    for (; source->hints && source->n_hints < n; source->n_hints++) {
        const struct json *record = json_at(data, source->n_hints);
        const struct hint hint = {json_as_string(json_get(record, "image_id"), NULL),
                                  json_get(record, "ocr_tokens")};
        if (!hint.image || json_kind(hint.tokens) != JSON_KIND_ARRAY)
            return err_set_at(err, ERR_INPUT, path, 0, 0,
                              "picture %zu of \"data\" has no \"image_id\", or no list of "
                              "\"ocr_tokens\"",
                              source->n_hints + 1);
        source->hints[source->n_hints] = hint;
    }
    if (source->hints) qsort(source->hints, source->n_hints, sizeof *source->hints, compare_hints);
    return source->hints != NULL;
}

/* Behind the question: the tokens with commas between; nothing where none are shown. */
static bool append_hint(const struct source *source, const char *image, struct buf *prompt,
                        struct err *err)
{
    if (!source->loader->protocol->has_hints) return true;
    const struct hint key = {.image = image};
    const struct hint *hint =
        bsearch(&key, source->hints, source->n_hints, sizeof key, compare_hints);
    if (!hint)
        return err_set_at(err, ERR_INPUT, source->path, 0, 0,
                          "the OCR's file knows no picture \"%s\"", image);
    buf_text(prompt, HINT);
    for (size_t i = 0; i < json_length(hint->tokens); i++)
        buf_printf(prompt, "%s%s", i ? ", " : "", json_as_string(json_at(hint->tokens, i), ""));
    return true;
}

/* Both ask with a capital and small letters behind it. */
static const char *prompt_of(const struct source *source, const char *question, const char *image,
                             struct err *err)
{
    struct buf prompt = {0};
    letter_capitalize_text(&prompt, question, strlen(question));
    if (!append_hint(source, image, &prompt, err)) {
        buf_free(&prompt);
        return NULL;
    }
    buf_text(&prompt, SUFFIX);
    return arena_take(source->loader->arena, &prompt, err);
}

/* By LLaVA's files a question is its picture and its text in lower case. */
static const char *llava_id(struct arena *arena, const char *image, const char *question,
                            struct err *err)
{
    struct buf id = {0};
    buf_printf(&id, "%s\n", image);
    letter_lower_text(&id, question, strlen(question));
    return arena_take(arena, &id, err);
}

static const char *expected_of(struct arena *arena, const struct json *answers, struct err *err)
{
    struct buf text = {0};
    struct json_writer writer = {.out = &text};
    if (json_put_value(&writer, answers, err)) return arena_take(arena, &text, err);
    buf_free(&text);
    return NULL;
}

static bool fail(const struct source *source, size_t i, const char *what, struct err *err)
{
    return err_set_at(err, ERR_INPUT, source->path, 0, 0, "question %zu of \"data\" %s", i + 1,
                      what);
}

static bool check_answers(const struct source *source, const struct json *answers, size_t i,
                          struct err *err)
{
    size_t n = json_length(answers);
    if (!n || n > MAX_ANSWERS)
        return fail(source, i,
                    "has no \"answers\": it cannot be graded, and only the files of the splits "
                    "train and val can",
                    err);
    for (size_t k = 0; k < n; k++)
        if (!json_as_string(json_at(answers, k), NULL))
            return fail(source, i, "has an answer that is no text", err);
    return true;
}

static bool read_question(struct source *source, const struct json *record, size_t i,
                          struct err *err)
{
    struct arena *arena = source->loader->arena;
    const char *question = json_as_string(json_get(record, "question"), NULL);
    const char *image = json_as_string(json_get(record, "image_id"), NULL);
    const struct json *number = json_get(record, "question_id");
    const struct json *answers = json_get(record, "answers");
    if (!question || !image || !*image)
        return fail(source, i, "has no \"question\", or no \"image_id\": it needs its picture",
                    err);
    if (!json_is_whole_number(number))
        return fail(source, i, "has no \"question_id\" that is a number", err);
    if (!check_answers(source, answers, i, err)) return false;
    const char **fields = arena_alloc(arena, VISION_IDS + 2, sizeof *fields, err);
    struct item item = {.file = source->path,
                        .subset = "",
                        .expected = expected_of(arena, answers, err),
                        .fields = fields,
                        .n_fields = VISION_IDS + 2};
    if (!fields || !item.expected ||
        !(fields[VISION_PROMPT] = prompt_of(source, question, image, err)))
        return false;
    long long id = json_as_integer(number, 0);
    fields[VISION_IDS] = arena_printf(arena, err, "%lld", id);
    fields[VISION_IDS + 1] = llava_id(arena, image, question, err);
    item.key = arena_printf(arena, err, "%s/%lld", image, id);
    const char *picture = arena_printf(arena, err, "%s.jpg", image);
    return fields[VISION_IDS] && fields[VISION_IDS + 1] && item.key && picture &&
           vision_add(source->loader, &item, picture, err);
}

static bool read_questions(struct source *source, struct err *err)
{
    struct json *root = vision_read_json(source->loader, source->path, err);
    const struct json *data = json_get(root, "data");
    bool ok = root != NULL;
    if (ok && json_kind(data) != JSON_KIND_ARRAY)
        ok = err_set_at(err, ERR_INPUT, source->path, 1, 1,
                        "this is no TextVQA file: there is no list of questions \"data\"");
    for (size_t i = 0; ok && i < json_length(data); i++)
        ok = read_question(source, json_at(data, i), i, err);
    json_free(root);
    return ok;
}

/* The OCR's file lies beside the questions. */
static bool read_all(struct vision_loader *loader, struct err *err)
{
    const char *split = loader->options->split ? loader->options->split : "val";
    const char *data = loader->options->data;
    char name[128];
    snprintf(name, sizeof name, "TextVQA_0.5.1_%s.json", split);
    struct source source = {.loader = loader, .path = vision_path(loader, name, err)};
    if (!source.path) return false;
    if (file_name_ends(data, ".jsonl"))
        return err_set_at(err, ERR_CONFIG, data, 0, 0,
                          "these are LLaVA's questions, which have no answers to grade by: data is "
                          "the file %s of the data set",
                          name);
    if (!file_exists(source.path))
        return err_set_at(err, ERR_CONFIG, data, 0, 0, "there is no file %s", name);
    snprintf(name, sizeof name, "TextVQA_Rosetta_OCR_v0.2_%s.json", split);
    const char *hints_path =
        arena_printf(loader->arena, err, "%.*s%s", (int)(file_name(source.path) - source.path),
                     source.path, name);
    struct json *hints = NULL;
    bool ok = hints_path != NULL;
    if (ok && loader->protocol->has_hints)
        ok = (hints = vision_read_json(loader, hints_path, err)) &&
             sort_hints(&source, hints, hints_path, err);
    ok = ok && read_questions(&source, err);
    free(source.hints);
    json_free(hints);
    return ok;
}

static struct dataset *load(const struct suite *suite, const struct suite_options *options,
                            struct err *err)
{
    return vision_load(suite, options, PROTOCOLS, read_all, err);
}

/* ---- Grading ---- */

/* Protocols ask otherwise and grade alike. */
static bool grade(const struct suite *suite, const char *protocol, const struct item *item,
                  const struct response *response, struct verdict *verdict, struct err *err)
{
    *verdict = (struct verdict){.answered = response->answered && response->text};
    if (!vision_find_protocol(suite, PROTOCOLS, protocol, err)) return false;
    if (!verdict->answered) return true;
    struct json *answers = json_parse(item->expected, strlen(item->expected), "", err);
    size_t n = json_length(answers);
    const char **accepted = answers ? mem_new(n, sizeof *accepted, err) : NULL;
    for (size_t i = 0; accepted && i < n; i++)
        accepted[i] = json_as_string(json_at(answers, i), "");
    bool done = accepted && evalai_accuracy(response->text, accepted, n, &verdict->score, err);
    verdict->is_correct = verdict->score == 1;
    size_t n_text = strlen(response->text);
    const char *text = letter_strip(response->text, &n_text, true);
    verdict_set_predicted(verdict, text, n_text);
    free(accepted);
    json_free(answers);
    return done;
}

const struct suite SUITE_TEXTVQA = {
    .name = "textvqa",
    .version = 1,
    .metric = "acc",
    .asks_chat = true,
    .decoding = "greedy",
    .n_whole = 5000,
    .protocols = PROTOCOL_NAMES,
    .load = load,
    .request = vision_request,
    .grade = grade,
};
