/* predictions.c - see predictions.h: reads, joins with a data set's items by their ids, grades,
 * adds up.
 *
 * Scores are means as the store's, and F1 is made of one in the same way.
 */
#include "harness/cli/predictions.h"

#include "base/file.h"
#include "base/letter_case.h"
#include "base/mem.h"
#include "reports/text_table.h"
#include "results/metric.h"
#include "results/stats/means.h"
#include "suites/vision_suites.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TALLIES = 1 << 16 };
static const size_t MAX_FILE_BYTES = (size_t)1 << 30;

/* ---- Reading ---- */

struct reader {
    struct predictions *predictions;
    struct arena *arena;
};

static bool add(struct reader *reader, const char *id, const char *text, const char *prompt,
                struct err *err)
{
    struct predictions *all = reader->predictions;
    if (!arena_grow(reader->arena, (void **)&all->items, &all->capacity, all->n + 1,
                    sizeof *all->items, err))
        return false;
    struct prediction *added = &all->items[all->n++];
    *added = (struct prediction){.id = arena_string(reader->arena, id, err),
                                 .text = arena_string(reader->arena, text, err)};
    if (prompt) added->prompt = arena_string(reader->arena, prompt, err);
    return added->id && added->text && (!prompt || added->prompt);
}

/* Ids are numbers or texts. By a picture's id several questions are told apart by their prompts'
 * first lines, in lower case (vision_suites.h): such a prediction has both ids. */
static bool add_line(void *context, const struct json *value, int line, struct err *err)
{
    struct reader *reader = context;
    const char *path = reader->predictions->path;
    const struct json *id = json_get(value, "question_id");
    const char *name = json_as_string(id, NULL),
               *text = json_as_string(json_get(value, "text"), NULL);
    const char *prompt = json_as_string(json_get(value, "prompt"), NULL);
    if (json_is_whole_number(id))
        name = arena_printf(reader->arena, err, "%lld", (long long)json_as_integer(id, 0));
    if (!name || !text)
        return err_set_at(err, ERR_INPUT, path, line, 0,
                          "this is no answer, {\"question_id\": 1, \"text\": \"yes\"}");
    if (!add(reader, name, text, prompt, err)) return false;
    if (!prompt) return true;
    struct buf whole = {0};
    buf_printf(&whole, "%s\n", name);
    letter_lower_text(&whole, prompt, strcspn(prompt, "\n"));
    const char *by_prompt = arena_take(reader->arena, &whole, err);
    return by_prompt && add(reader, by_prompt, text, prompt, err);
}

/* A text, or the position of a choice, which is none below 0. */
static bool add_member(struct reader *reader, const char *id, const struct json *value,
                       struct err *err)
{
    char letter[2] = "";
    const char *text = json_as_string(value, NULL);
    int64_t position = json_as_integer(value, -1);
    if (!text && !json_is_whole_number(value))
        return err_set_at(err, ERR_INPUT, reader->predictions->path, 0, 0,
                          "the prediction of \"%s\" is neither a text nor the position of a choice",
                          id);
    if (position >= 0 && position < 26) letter[0] = (char)('A' + position);
    return add(reader, id, text ? text : letter, NULL, err);
}

static bool add_members(struct reader *reader, const struct json *root, struct err *err)
{
    const struct json *outputs = json_get(root, "outputs"), *results = json_get(root, "results");
    const struct json *object = outputs ? outputs : results ? results : root, *value;
    const char *id;
    for (void *it = NULL; (it = json_next_member(object, it, &id, &value));)
        if (!add_member(reader, id, value, err)) return false;
    return true;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(((const struct prediction *)a)->id, ((const struct prediction *)b)->id);
}

/* One object over all of the text is a map; an object a line are answers, be it a single one. */
bool predictions_read(const char *path, struct arena *arena, struct predictions *predictions,
                      struct err *err)
{
    size_t n_bytes;
    struct err is_lines = {0};
    *predictions = (struct predictions){.path = path};
    struct reader reader = {predictions, arena};
    char *text = file_read(path, MAX_FILE_BYTES, &n_bytes, err);
    struct json *root = text ? json_parse(text, n_bytes, path, &is_lines) : NULL;
    bool is_map = json_kind(root) == JSON_KIND_OBJECT && !json_get(root, "question_id");
    bool ok = text && (is_map ? add_members(&reader, root, err)
                              : json_parse_lines(text, n_bytes, path, add_line, &reader, err));
    json_free(root);
    free(text);
    if (ok && predictions->n)
        qsort(predictions->items, predictions->n, sizeof *predictions->items, compare_ids);
    return ok;
}

/* ---- Joining ---- */

/* *found: the answer to the item, NULL if there is none. */
static bool find(const struct predictions *predictions, const struct item *item,
                 const struct prediction **found, struct err *err)
{
    const struct prediction *end = predictions->items + predictions->n;
    *found = NULL;
    for (size_t i = VISION_IDS; !*found && predictions->n && i < item->n_fields; i++) {
        const struct prediction key = {.id = item->fields[i]};
        *found = bsearch(&key, predictions->items, predictions->n, sizeof key, compare_ids);
    }
    const struct prediction *answer = *found;
    if (!answer) return true;
    if ((answer > predictions->items && !compare_ids(answer - 1, answer)) ||
        (answer + 1 < end && !compare_ids(answer, answer + 1)))
        return err_set_at(err, ERR_INPUT, predictions->path, 0, 0,
                          "there are two predictions of \"%s\"", answer->id);
    const char *asked = item->fields[VISION_PROMPT];
    struct buf mine = {0}, theirs = {0};
    letter_lower_text(&mine, asked, strcspn(asked, "\n"));
    letter_lower_text(&theirs, answer->prompt ? answer->prompt : asked,
                      strlen(answer->prompt ? answer->prompt : asked));
    bool is_same = letter_has_words(buf_string(&theirs), buf_string(&mine));
    bool ok = buf_check(&mine, err) && buf_check(&theirs, err);
    buf_free(&mine);
    buf_free(&theirs);
    if (ok && !is_same)
        ok = err_set_at(err, ERR_INPUT, predictions->path, 0, 0,
                        "the prediction \"%s\" answers another question than that of the data, "
                        "\"%.*s\": these are not the data that were asked",
                        answer->id, (int)strcspn(asked, "\n"), asked);
    return ok;
}

/* ---- Adding up ---- */

/* The scores of a group by one metric. */
struct tally {
    int depth;
    const char *level, *name, *metric;
    size_t i_group; /* which of the tallies is the group's first */
    double sum;
    size_t n;
};

struct tallies {
    const struct dataset *dataset;
    struct tally *items; /* [n] */
    size_t n, capacity;
    size_t n_answered, n_unread;
};

static bool count(struct tallies *tallies, const struct tally *of, double score, struct err *err)
{
    size_t i = 0, i_group = tallies->n;
    for (; i < tallies->n; i++) {
        const struct tally *tally = &tallies->items[i];
        if (strcmp(tally->level, of->level) || strcmp(tally->name, of->name)) continue;
        i_group = tally->i_group;
        if (!strcmp(tally->metric, of->metric)) break;
    }
    if (i == tallies->n) {
        if (!mem_grow((void **)&tallies->items, &tallies->capacity, i + 1, sizeof *tallies->items,
                      MAX_TALLIES, err))
            return false;
        tallies->items[i] = *of;
        tallies->items[i].i_group = i_group;
        tallies->n++;
    }
    tallies->items[i].sum += score;
    tallies->items[i].n++;
    return true;
}

static bool count_verdict(struct tallies *tallies, const struct item *item,
                          const struct verdict *verdict, struct err *err)
{
    for (size_t i = 0; i <= item->n_groups; i++)
        for (size_t k = 0; k <= verdict->n_others; k++) {
            const char *metric = k ? verdict->others[k - 1].name : tallies->dataset->suite->metric;
            const struct tally of = {.depth = (int)i,
                                     .level = i ? item->groups[i - 1].level : "",
                                     .name = i ? item->groups[i - 1].name : "",
                                     .metric = metric};
            if (!count(tallies, &of, k ? verdict->others[k - 1].score : verdict->score, err))
                return false;
        }
    return true;
}

static bool grade_item(struct tallies *tallies, const struct predictions *predictions,
                       const struct item *item, struct err *err)
{
    const struct suite *suite = tallies->dataset->suite;
    const struct prediction *prediction;
    struct verdict verdict;
    if (!find(predictions, item, &prediction, err)) return false;
    const struct response response = {.answered = prediction != NULL,
                                      .text = prediction ? prediction->text : NULL};
    if (!suite->grade(suite, tallies->dataset->protocol, item, &response, &verdict, err))
        return false;
    tallies->n_answered += response.answered;
    tallies->n_unread += response.answered && !verdict.answered;
    return count_verdict(tallies, item, &verdict, err);
}

static double percent(const struct tally *tally)
{
    struct estimate estimate = {.mean = tally->sum / (double)tally->n};
    if (metric_find(tally->metric)->is_f1) estimate = stats_f1(estimate);
    return 100 * estimate.mean;
}

/* The whole first, then level by level: groups as the data have them, metrics as their table. */
static int compare_tallies(const void *a, const void *b)
{
    const struct tally *x = *(const struct tally *const *)a, *y = *(const struct tally *const *)b;
    if (x->depth != y->depth) return x->depth < y->depth ? -1 : 1;
    if (x->i_group != y->i_group) return x->i_group < y->i_group ? -1 : 1;
    const struct metric *first = metric_find(x->metric), *second = metric_find(y->metric);
    return (first > second) - (first < second);
}

/* ---- Printing ---- */

static bool print_json(const struct tallies *tallies, const struct tally *const *order,
                       struct err *err)
{
    struct buf text = {0};
    struct json_writer writer = {.out = &text};
    json_begin_object(&writer);
    json_set_string(&writer, "suite", tallies->dataset->suite->name);
    json_set_integer(&writer, "questions", (int64_t)tallies->dataset->n_items);
    json_set_integer(&writer, "answered", (int64_t)tallies->n_answered);
    json_set_integer(&writer, "unread", (int64_t)tallies->n_unread);
    json_key(&writer, "scores");
    json_begin_array(&writer);
    for (size_t i = 0; i < tallies->n; i++) {
        json_begin_object(&writer);
        json_set_string(&writer, "level", order[i]->level);
        json_set_string(&writer, "group", order[i]->name);
        json_set_string(&writer, "metric", order[i]->metric);
        json_set_number(&writer, "score", percent(order[i]));
        json_set_integer(&writer, "n", (int64_t)order[i]->n);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    return json_print(&writer, stdout, err);
}

static bool print_table(const struct tallies *tallies, const struct tally *const *order,
                        struct err *err)
{
    struct arena *arena = arena_new(0, err);
    struct table *table = arena ? table_new(arena, "of|metric|>percent|>questions", err) : NULL;
    for (size_t i = 0; table && i < tallies->n; i++) {
        const struct tally *tally = order[i];
        table_row(table);
        table_cell(table, "%s%s%s", tally->level, tally->depth ? " " : "the whole", tally->name);
        table_cell(table, "%s", metric_title(tally->metric));
        table_cell(table, "%.2f", percent(tally));
        table_cell(table, "%zu", tally->n);
    }
    bool ok = table && table_check(table, err);
    if (ok) table_print(table, stdout);
    if (ok)
        printf("answered: %zu of %zu questions; in %zu answers nothing of the form that is wanted "
               "was found\n",
               tallies->n_answered, tallies->dataset->n_items, tallies->n_unread);
    arena_free(arena);
    return ok;
}

static bool print(const struct tallies *tallies, bool as_json, struct err *err)
{
    const struct tally **order = mem_new(tallies->n, sizeof *order, err);
    if (!order) return false;
    for (size_t i = 0; i < tallies->n; i++) order[i] = &tallies->items[i];
    qsort(order, tallies->n, sizeof *order, compare_tallies);
    bool ok = (as_json ? print_json : print_table)(tallies, order, err);
    free(order);
    return ok;
}

bool predictions_grade(const struct predictions *predictions, const struct suite *suite,
                       const char *data, const char *protocol, bool as_json, struct err *err)
{
    const struct suite_options options = {.data = data, .protocol = protocol, .shots = -1};
    struct dataset *dataset = suite->load(suite, &options, err);
    struct tallies tallies = {.dataset = dataset};
    bool ok = dataset != NULL;
    for (size_t i = 0; ok && i < dataset->n_items; i++)
        ok = grade_item(&tallies, predictions, &dataset->items[i], err);
    if (ok && !tallies.n_answered)
        ok = err_set_at(err, ERR_INPUT, predictions->path, 0, 0,
                        "no prediction is of a question of the data");
    ok = ok && print(&tallies, as_json, err);
    free(tallies.items);
    dataset_free(dataset);
    return ok;
}
