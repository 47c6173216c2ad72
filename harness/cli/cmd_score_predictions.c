/* cmd_score_predictions.c - phibench score-predictions: grades answers that were made elsewhere.
 *
 * Of TriviaQA, a file of predictions is one JSON object, {"ID": "answer"}. Its own evaluation asks
 * for an answer to each question of its Wikipedia data, and otherwise to each page of each
 * question, under the key ID--PAGE; what has no answer counts as wrong. Suites of pictures:
 * predictions.h. Needs no model and no store.
 */
#include "base/json.h"
#include "base/mem.h"
#include "harness/cli/commands.h"
#include "harness/cli/predictions.h"
#include "suites/answer_match.h"
#include "suites/triviaqa.h"
#include "suites/triviaqa_data.h"
#include "suites/vision_suites.h"

#include <string.h>

struct options {
    const char *data, *suite, *protocol;
    bool json;
};

static const struct option_spec OPTIONS[] = {
    {"data", 'd', OPTION_TEXT, "PATH",
     "the questions with their answers: a file, or the folder of the data set (required)",
     offsetof(struct options, data), 0, 0, 0},
    {"suite", 's', OPTION_TEXT, "NAME", "triviaqa (default), pope, scienceqa or textvqa",
     offsetof(struct options, suite), 0, 0, 0},
    {"protocol", 0, OPTION_TEXT, "NAME",
     "whose rules grade answers about pictures: llava (default) or lmms-eval",
     offsetof(struct options, protocol), 0, 0, 0},
    OPTION_JSON(struct options, json),
};

struct grading {
    const struct json *predictions;
    const char *path; /* of the predictions */
    size_t n_asked, n_answered, n_exact;
    double f1;
};

static size_t count_members(const struct json *object)
{
    const struct json *value;
    const char *key;
    size_t n = 0;
    for (void *it = NULL; (it = json_next_member(object, it, &key, &value));) n++;
    return n;
}

static bool has_page_keys(const struct json *object)
{
    const struct json *value;
    const char *key;
    for (void *it = NULL; (it = json_next_member(object, it, &key, &value));)
        if (strstr(key, "--")) return true;
    return false;
}

static bool grade_key(struct grading *grading, const struct trivia_question *question,
                      const char *key, struct err *err)
{
    const struct json *value = json_get(grading->predictions, key);
    const char *answer = json_as_string(value, NULL);
    bool is_exact;
    double f1;
    grading->n_asked++;
    if (!value) return true;
    if (!answer)
        return err_set_at(err, ERR_INPUT, grading->path, 0, 0,
                          "the prediction of \"%s\" is not a string", key);
    if (!answer_score(answer, question->gold, question->n_gold, &is_exact, &f1, err)) return false;
    grading->n_answered++;
    grading->n_exact += is_exact;
    grading->f1 += f1;
    return true;
}

static bool grade_question(struct grading *grading, const struct trivia_question *question,
                           bool is_by_page, struct arena *arena, struct err *err)
{
    if (!is_by_page) return grade_key(grading, question, question->id, err);
    for (size_t i = 0; i < question->n_pages; i++) {
        const char *key = arena_printf(arena, err, "%s--%s", question->id, question->pages[i]);
        if (!key || !grade_key(grading, question, key, err)) return false;
    }
    return true;
}

static double percent(double part, size_t whole)
{
    return whole ? 100 * part / (double)whole : 0;
}

/* The names are those of TriviaQA's evaluation, and two of ours. */
static bool print_json(const struct grading *grading, struct err *err)
{
    struct buf text = {0};
    struct json_writer writer = {.out = &text};
    const struct {
        const char *key;
        double value;
    } numbers[] = {
        {"exact_match", percent((double)grading->n_exact, grading->n_asked)},
        {"f1", percent(grading->f1, grading->n_asked)},
        {"exact_match_of_answered", percent((double)grading->n_exact, grading->n_answered)},
        {"f1_of_answered", percent(grading->f1, grading->n_answered)},
    };
    json_begin_object(&writer);
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        json_set_number(&writer, numbers[i].key, numbers[i].value);
    json_set_integer(&writer, "common", (int64_t)grading->n_answered);
    json_set_integer(&writer, "denominator", (int64_t)grading->n_asked);
    json_set_integer(&writer, "pred_len", (int64_t)count_members(grading->predictions));
    json_end_object(&writer);
    return json_print(&writer, stdout, err);
}

static void print_text(const struct grading *grading, bool is_by_page)
{
    size_t n = count_members(grading->predictions);
    printf("exact match  %.2f\n", percent((double)grading->n_exact, grading->n_asked));
    printf("F1           %.2f\n", percent(grading->f1, grading->n_asked));
    printf("answered     %zu of %zu %s; of these exact match %.2f, F1 %.2f\n", grading->n_answered,
           grading->n_asked, is_by_page ? "pages" : "questions",
           percent((double)grading->n_exact, grading->n_answered),
           percent(grading->f1, grading->n_answered));
    if (n > grading->n_answered)
        printf("left over    %zu predictions that answer nothing that is asked\n",
               n - grading->n_answered);
}

static bool grade_trivia(const struct options *options, const char *path, struct err *err)
{
    struct trivia_file file;
    struct arena *arena = arena_new(0, err);
    struct json *predictions = arena ? json_read_file(path, err) : NULL;
    struct grading grading = {.predictions = predictions, .path = path};
    bool ok = predictions && trivia_read(options->data, arena, NULL, &file, err);
    if (ok && json_kind(predictions) != JSON_KIND_OBJECT)
        ok = err_set_at(err, ERR_INPUT, path, 1, 1,
                        "this is not one object of predictions, {\"ID\": \"answer\"}");
    bool is_by_page = ok && file.is_by_page && has_page_keys(predictions);
    for (size_t i = 0; ok && i < file.n; i++)
        ok = grade_question(&grading, &file.questions[i], is_by_page, arena, err);
    if (ok && options->json) ok = print_json(&grading, err);
    else if (ok) print_text(&grading, is_by_page);
    json_free(predictions);
    arena_free(arena);
    return ok;
}

static bool grade_pictures(const struct options *options, const struct suite *suite,
                           const char *path, struct err *err)
{
    struct predictions predictions;
    struct arena *arena = arena_new(0, err);
    bool ok = arena && predictions_read(path, arena, &predictions, err) &&
              predictions_grade(&predictions, suite, options->data, options->protocol,
                                options->json, err);
    arena_free(arena);
    return ok;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    static const struct suite *const SUITES[] = {&SUITE_POPE, &SUITE_SCIENCEQA, &SUITE_TEXTVQA};
    const struct options *options = invocation->options;
    const char *path = invocation->arguments[0];
    const char *name = options->suite ? options->suite : SUITE_TRIVIAQA.name;
    if (!options->data)
        return err_set(err, ERR_USAGE, "--data is missing: the questions and their answers");
    for (size_t i = 0; i < COUNT_OF(SUITES); i++)
        if (!strcmp(name, SUITES[i]->name)) return grade_pictures(options, SUITES[i], path, err);
    if (strcmp(name, SUITE_TRIVIAQA.name) != 0)
        return err_set(err, ERR_USAGE,
                       "no predictions of \"%s\" are graded: --suite is triviaqa, pope, scienceqa "
                       "or textvqa",
                       name);
    if (options->protocol)
        return err_set(err, ERR_USAGE, "--protocol goes with pope, scienceqa and textvqa");
    return grade_trivia(options, path, err);
}

static const char *const EXAMPLES[] = {
    "echo '{}' | phibench score-predictions /dev/stdin --data models/world/triviaqa/dev.json",
    NULL,
};

const struct command COMMAND_SCORE_PREDICTIONS = {
    .name = "score-predictions",
    .summary = "grade a file of answers made elsewhere",
    .arguments = "PREDICTIONS",
    .n_min = 1,
    .n_max = 1,
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Of triviaqa, PREDICTIONS is a JSON object from question ids to answers, as TriviaQA's own "
        "evaluation takes it: for data of another domain than Wikipedia the keys are "
        "ID--PAGE, one for each page of evidence, unless no key of the file has that form. "
        "Exact match and F1 are percentages of all that is asked: what has no prediction "
        "counts as wrong.\n\n"
        "Of pope, scienceqa and textvqa, PREDICTIONS has a line of JSON for each answer, as "
        "LLaVA writes them: question_id, text, and the prompt, by which questions about one "
        "picture of TextVQA are told apart; or it is ScienceQA's result.json. POPE's ids are "
        "those of LLaVA's list of questions: 1 and on for adversarial, 10000001 for random, "
        "20000001 for popular. Printed are the metrics of the whole and of each split, of "
        "questions with and without a picture, of subjects and of grades.",
    .examples = EXAMPLES,
    .run = run,
};
