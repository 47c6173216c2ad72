/* scienceqa.c - ScienceQA: questions of schools with two to five choices, half of them about a
 * picture. See vision_suites.h.
 *
 * Read are the data set's own files, and LLaVA's list of prompts and letters, which lacks subjects
 * and grades. A question without a picture is asked without one.
 */
#include "suites/vision_suites.h"

#include "base/file.h"
#include "base/letter_case.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define SUFFIX "\nAnswer with the option's letter from the given choices directly."
#define WITH "with" /* a picture */
#define WITHOUT "without"
enum { MAX_CHOICES = 26 };

/* LLaVA's script lets answers run on; the harness does not. */
static const struct vision_protocol PROTOCOLS[] = {
    {.name = "llava", .max_new_tokens = 1024},
    {.name = "lmms-eval", .is_lmms_eval = true, .max_new_tokens = 16},
    {.name = NULL}};
static const char *const PROTOCOL_NAMES[] = {"llava", "lmms-eval", NULL};

/* ---- Loading ---- */

struct source {
    struct vision_loader *loader;
    const char *path;
    double chances; /* sum over the questions of how likely a guess is right */
};

static bool fail(const struct source *source, const char *id, const char *what, struct err *err)
{
    return err_set_at(err, ERR_INPUT, source->path, 0, 0, "the question \"%s\" %s", id, what);
}

/* A question as both kinds of files give it. */
struct question {
    const char *id, *prompt, *image; /* image: a path below the folder, NULL: none */
    size_t i_answer, n_choices;
    const char *subject, *grade; /* NULL: not known */
};

/* Both halves of the grades, as the data set's authors report them. */
static const char *grades_of(const char *grade)
{
    static const char BEFORE[] = "grade";
    size_t n = strlen(BEFORE);
    long number = !strncmp(grade, BEFORE, n) ? strtol(grade + n, NULL, 10) : 0;
    return number < 1 ? "other" : number <= 6 ? "1-6" : "7-12";
}

static bool add_question(struct source *source, const struct question *question, struct err *err)
{
    struct arena *arena = source->loader->arena;
    const char **fields = arena_alloc(arena, VISION_IDS + 1, sizeof *fields, err);
    const char *picture = question->image ? arena_string(arena, question->image, err) : NULL;
    char letter[2] = {(char)('A' + question->i_answer), 0};
    struct item item = {.key = arena_string(arena, question->id, err),
                        .file = source->path,
                        .subset = question->image ? WITH : WITHOUT,
                        .expected = arena_string(arena, letter, err),
                        .fields = fields,
                        .n_fields = VISION_IDS + 1};
    item.groups[item.n_groups++] = (struct item_group){"picture", item.subset};
    if (question->subject)
        item.groups[item.n_groups++] =
            (struct item_group){"subject", arena_string(arena, question->subject, err)};
    if (question->grade)
        item.groups[item.n_groups++] = (struct item_group){"grades", grades_of(question->grade)};
    if (!fields || !item.key || !item.expected || (question->image && !picture) ||
        (question->subject && !item.groups[1].name))
        return false;
    fields[VISION_PROMPT] = question->prompt;
    fields[VISION_IDS] = item.key;
    size_t n_before = source->loader->n;
    if (!vision_add(source->loader, &item, picture, err)) return false;
    if (source->loader->n > n_before) source->chances += 1 / (double)question->n_choices;
    return true;
}

/* ---- The data set's own files ---- */

/* Every two spaces become one, as LLaVA's conversion makes them. */
static void append_squeezed(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (text[0] == ' ' && text[1] == ' ') text++;
        buf_char(out, *text);
    }
}

/* "Context: HINT\nQUESTION\nA. ONE\nB. OTHER", as both have it, LLaVA without double spaces. */
static const char *prompt_of(const struct source *source, const struct json *problem,
                             const char *question, struct err *err)
{
    bool is_lmms_eval = source->loader->protocol->is_lmms_eval;
    const char *hint = json_as_string(json_get(problem, "hint"), "");
    const struct json *choices = json_get(problem, "choices");
    struct buf plain = {0}, squeezed = {0};
    size_t n = strlen(hint);
    if (!is_lmms_eval) hint = letter_strip(hint, &n, true);
    if (n) buf_printf(&plain, "Context: %.*s\n", (int)n, hint);
    buf_text(&plain, question);
    for (size_t i = 0; i < json_length(choices); i++)
        buf_printf(&plain, "\n%c. %s", (int)('A' + i), json_as_string(json_at(choices, i), ""));
    const char *text = buf_string(&plain);
    if (!is_lmms_eval) {
        append_squeezed(&squeezed, text);
        n = squeezed.n_bytes;
        text = letter_strip(buf_string(&squeezed), &n, true);
    } else {
        n = plain.n_bytes;
    }
    bool is_whole = buf_check(&plain, err) && buf_check(&squeezed, err);
    const char *prompt =
        is_whole ? arena_printf(source->loader->arena, err, "%.*s" SUFFIX, (int)n, text) : NULL;
    buf_free(&plain);
    buf_free(&squeezed);
    return prompt;
}

static bool read_problem(struct source *source, const char *id, const struct json *problem,
                         struct err *err)
{
    const struct json *choices = json_get(problem, "choices");
    const char *text = json_as_string(json_get(problem, "question"), NULL);
    const char *image = json_as_string(json_get(problem, "image"), NULL);
    int64_t answer = json_as_integer(json_get(problem, "answer"), -1);
    size_t n = json_length(choices);
    if (!problem) return fail(source, id, "of the split is not in this file", err);
    if (!text || n < 2 || n > MAX_CHOICES)
        return fail(source, id, "has no \"question\", or no list of \"choices\"", err);
    if (answer < 0 || (size_t)answer >= n)
        return fail(source, id, "has no \"answer\" that is the position of a choice", err);
    for (size_t i = 0; i < n; i++)
        if (!json_as_string(json_at(choices, i), NULL))
            return fail(source, id, "has a choice that is no text", err);
    struct question question = {.id = id,
                                .prompt = prompt_of(source, problem, text, err),
                                .i_answer = (size_t)answer,
                                .n_choices = n,
                                .subject = json_as_string(json_get(problem, "subject"), NULL),
                                .grade = json_as_string(json_get(problem, "grade"), NULL)};
    if (image && *image) {
        question.image = arena_printf(source->loader->arena, err, "%s/%s", id, image);
        if (!question.image) return false;
    }
    return question.prompt && add_question(source, &question, err);
}

/* ERR_CONFIG that there is no such split, and which there are. */
static bool fail_split(const struct json *splits, const char *path, const char *split,
                       struct err *err)
{
    struct buf names = {0};
    const struct json *value;
    const char *name;
    for (void *it = NULL; (it = json_next_member(splits, it, &name, &value));)
        buf_printf(&names, "%s%s", names.n_bytes ? ", " : "", name);
    err_set_at(err, ERR_CONFIG, path, 0, 0, "there is no split \"%s\": there are %s", split,
               buf_string(&names));
    buf_free(&names);
    return false;
}

static bool read_official(struct source *source, const char *split, struct err *err)
{
    struct vision_loader *loader = source->loader;
    const char *splits_path = vision_path(loader, "pid_splits.json", err);
    struct json *splits = splits_path ? vision_read_json(loader, splits_path, err) : NULL;
    struct json *problems = splits ? vision_read_json(loader, source->path, err) : NULL;
    const struct json *ids = json_get(splits, split);
    bool ok = problems != NULL;
    if (ok && !ids) ok = fail_split(splits, splits_path, split, err);
    sha256_field(loader->hash, split);
    for (size_t i = 0; ok && i < json_length(ids); i++) {
        const char *id = json_as_string(json_at(ids, i), NULL);
        ok =
            id ? read_problem(source, id, json_get(problems, id), err)
               : err_set_at(err, ERR_INPUT, splits_path, 0, 0, "an id of \"%s\" is no text", split);
    }
    json_free(splits);
    json_free(problems);
    return ok;
}

/* ---- LLaVA's list ---- */

/* The prompt without the mark of the picture and white space at its ends. */
static const char *unmarked(struct arena *arena, const char *value, struct err *err)
{
    static const char MARK[] = "<image>";
    struct buf text = {0};
    for (const char *mark; (mark = strstr(value, MARK)); value = mark + strlen(MARK))
        buf_append(&text, value, (size_t)(mark - value));
    buf_text(&text, value);
    size_t n = text.n_bytes;
    const char *start = letter_strip(buf_string(&text), &n, true);
    const char *prompt =
        buf_check(&text, err) ? arena_printf(arena, err, "%.*s" SUFFIX, (int)n, start) : NULL;
    buf_free(&text);
    return prompt;
}

/* How many choices end the text, "\nA. ...\nB. ...". */
static size_t count_choices(const char *text)
{
    char before[] = "\nA. ";
    size_t n = 0;
    while (n < MAX_CHOICES && (text = strstr(text, before))) {
        n++;
        before[1]++;
    }
    return n;
}

/* {"id": "5", "image": "5/image.png", "conversations": [{"value": PROMPT}, {"value": "B"}]} */
static bool read_conversation(struct source *source, const struct json *record, struct err *err)
{
    const struct json *said = json_get(record, "conversations");
    const char *id = json_as_string(json_get(record, "id"), NULL);
    const char *prompt = json_as_string(json_get(json_at(said, 0), "value"), NULL);
    const char *letter = json_as_string(json_get(json_at(said, 1), "value"), "");
    if (!id) return fail(source, "", "has no \"id\" that is a text", err);
    if (!prompt) return fail(source, id, "has no \"conversations\"", err);
    size_t n_choices = count_choices(prompt);
    struct question question = {.id = id,
                                .prompt = unmarked(source->loader->arena, prompt, err),
                                .image = json_as_string(json_get(record, "image"), NULL),
                                .i_answer = (size_t)(*letter - 'A'),
                                .n_choices = n_choices};
    if (n_choices < 2 || strlen(letter) != 1 || question.i_answer >= n_choices)
        return fail(source, id, "has no answer that is the letter of a choice", err);
    return question.prompt && add_question(source, &question, err);
}

static bool read_list(struct source *source, struct err *err)
{
    struct json *list = vision_read_json(source->loader, source->path, err);
    bool ok = list != NULL;
    if (ok && json_kind(list) != JSON_KIND_ARRAY)
        ok = err_set_at(err, ERR_INPUT, source->path, 1, 1, "this is no list of questions");
    for (size_t i = 0; ok && i < json_length(list); i++)
        ok = read_conversation(source, json_at(list, i), err);
    json_free(list);
    return ok;
}

static bool read_all(struct vision_loader *loader, struct err *err)
{
    const char *split = loader->options->split ? loader->options->split : "test";
    const char *data = loader->options->data;
    char name[128];
    struct source source = {.loader = loader, .path = vision_path(loader, "problems.json", err)};
    if (!source.path) return false;
    snprintf(name, sizeof name, "llava_%s_CQM-A.json", split);
    bool is_official = file_is_folder(data) && file_exists(source.path);
    if (!is_official && !(source.path = vision_path(loader, name, err))) return false;
    if (!is_official && !file_exists(source.path))
        return err_set_at(err, ERR_CONFIG, data, 0, 0,
                          "there is neither problems.json, with pid_splits.json, nor %s", name);
    bool ok = is_official ? read_official(&source, split, err) : read_list(&source, err);
    loader->dataset->chance = loader->n ? source.chances / (double)loader->n : 0;
    return ok;
}

static struct dataset *load(const struct suite *suite, const struct suite_options *options,
                            struct err *err)
{
    return vision_load(suite, options, PROTOCOLS, read_all, err);
}

/* ---- Grading ---- */

static bool is_letter(char c)
{
    return c >= 'A' && c <= 'E';
}

/* The letter that is the whole answer, begins it as "X. ", or stands in the one "The answer is X"
 * with a character behind; 0 if there is none. */
static char read_llava(const char *text)
{
    static const char LEAD[] = "The answer is ";
    size_t n_found = 0;
    char found = 0;
    if (is_letter(text[0]) && (!text[1] || (text[1] == '.' && text[2] == ' '))) return text[0];
    for (const char *at = text; (at = strstr(at, LEAD));) {
        at += strlen(LEAD);
        if (*at < 'A' || *at > 'Z' || !at[1] || at[1] == '\n') continue;
        found = *at;
        n_found++;
    }
    return n_found == 1 && is_letter(found) ? found : 0;
}

/* The letter that is the whole answer in either case, or a capital one before a full stop. */
static char read_lmms_eval(const char *text)
{
    size_t n = strlen(text);
    const char *word = letter_strip(text, &n, true);
    if (n == 1 && *word >= 'a' && *word <= 'z') return (char)(*word - 'a' + 'A');
    bool is_capital = n && *word >= 'A' && *word <= 'Z';
    return is_capital && (n == 1 || word[1] == '.') ? *word : 0;
}

static bool grade(const struct suite *suite, const char *protocol_name, const struct item *item,
                  const struct response *response, struct verdict *verdict, struct err *err)
{
    const struct vision_protocol *protocol =
        vision_find_protocol(suite, PROTOCOLS, protocol_name, err);
    char letter = 0;
    *verdict = (struct verdict){0};
    if (!protocol) return false;
    if (response->answered && response->text)
        letter =
            protocol->is_lmms_eval ? read_lmms_eval(response->text) : read_llava(response->text);
    verdict->answered = letter != 0;
    verdict->predicted[0] = letter;
    verdict->is_correct = letter && letter == item->expected[0];
    verdict->score = verdict->is_correct;
    if (!strcmp(item->subset, WITH))
        verdict->others[verdict->n_others++] =
            (struct verdict_metric){SCIENCEQA_IMAGE, verdict->score};
    return true;
}

const struct suite SUITE_SCIENCEQA = {
    .name = "scienceqa",
    .version = 1,
    .metric = "acc",
    .asks_chat = true,
    .decoding = "greedy",
    .n_whole = 4241,
    .protocols = PROTOCOL_NAMES,
    .load = load,
    .request = vision_request,
    .grade = grade,
};
