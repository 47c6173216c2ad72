/* triviaqa.c - see triviaqa.h: finds the files, draws examples, builds prompts, grades short
 * answers.
 *
 * An item expects {"aliases": [...], "normalized": [...]}: the answers as they were written and the
 * gold of the official evaluation, which is all that grading needs. Questions whose ids begin with
 * a word and `_` ("tc_33") count in that source besides the whole.
 */
#include "suites/triviaqa.h"

#include "base/file.h"
#include "base/json.h"
#include "base/letter_case.h"
#include "base/mem.h"
#include "base/mersenne.h"
#include "suites/answer_match.h"
#include "suites/prompt_parts.h"
#include "suites/triviaqa_data.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SHOTS = 100, MERSENNE_SEED = 1234 };
static const char *const LINE_END[] = {"\n"};
static const char *const MARKS[] = {"\n", ".", ","};
static const char OPEN_BOOK[] = "-open-book";
static const char SEPARATOR[] = "\n\n"; /* behind an example */

struct protocol {
    const char *name;
    int default_shots;
    enum fit_policy fit;
    const char *question_end; /* after every question */
    const char *const *stops;
    size_t n_stops, max_new_tokens;
    bool is_lm_eval; /* how examples are drawn, which form of an answer they show, and grading */
};

/* 256 tokens are lm-evaluation-harness's default. */
static const struct protocol PROTOCOLS[] = {
    {"official", 0, FIT_FEWER_SHOTS, "", LINE_END, 1, 32, false},
    {"lm-eval", 0, FIT_KEEP_END, "?", MARKS, 3, 256, true},
    {"phi3", 5, FIT_FEWER_SHOTS, "", LINE_END, 1, 32, false},
};
enum { N_PROTOCOLS = COUNT_OF(PROTOCOLS) };
static const char *const PROTOCOL_NAMES[] = {"official", "lm-eval", "phi3", NULL};

/* The protocol that a data set's name begins with, also in a chat or with an open book; NULL if
 * there is none. */
static const struct protocol *find_protocol(const char *name)
{
    if (!name) return &PROTOCOLS[0];
    for (size_t i = 0; i < N_PROTOCOLS; i++) {
        size_t n = strlen(PROTOCOLS[i].name);
        bool is_open_book = !strncmp(PROTOCOLS[i].name, name, n) &&
                            !strncmp(name + n, OPEN_BOOK, strlen(OPEN_BOOK));
        if (is_open_book || protocol_is(name, PROTOCOLS[i].name)) return &PROTOCOLS[i];
    }
    return NULL;
}

struct state {
    const struct protocol *protocol;
    const struct trivia_question *examples;
    const uint32_t *drawn; /* [n_items][shots] positions in examples, or NO_EXAMPLE */
};
#define NO_EXAMPLE UINT32_MAX /* there is no further one for the item */

/* ---- Finding files ---- */

/* The path of the one file in the folder whose name ends in dev.json, dev.json itself before
 * others; "" if there is none, NULL with an error. */
static const char *find_in_folder(const char *folder, struct arena *arena, struct err *err)
{
    char **names;
    size_t n, n_found = 0;
    const char *found = "";
    if (!file_list(folder, &names, &n, err)) return NULL;
    for (size_t i = 0; found && i < n; i++) {
        bool is_plain = !strcmp(names[i], "dev.json");
        if (!is_plain && !file_name_ends(names[i], "dev.json")) continue;
        n_found++;
        found = arena_printf(arena, err, "%s/%s", folder, names[i]);
        if (is_plain) n_found = 1;
        if (is_plain) break;
    }
    file_free_names(names, n);
    if (found && n_found > 1) {
        err_set_at(err, ERR_CONFIG, folder, 0, 0,
                   "%zu files end in dev.json: name the one that is meant", n_found);
        return NULL;
    }
    return found;
}

static const char *find_questions(const char *data, struct arena *arena, struct err *err)
{
    if (!file_is_folder(data)) return arena_string(arena, data, err);
    const char *found = find_in_folder(data, arena, err);
    const char *inner = arena_printf(arena, err, "%s/qa", data);
    if (found && inner && !*found && file_is_folder(inner))
        found = find_in_folder(inner, arena, err);
    if (!found || !inner) return NULL;
    if (*found) return found;
    err_set_at(err, ERR_CONFIG, data, 0, 0, "there is no file whose name ends in dev.json");
    return NULL;
}

/* The path of the file of examples beside the questions; NULL with an error. */
static const char *find_examples(const char *questions, struct arena *arena, struct err *err)
{
    size_t n = strlen(questions), n_folder = (size_t)(file_name(questions) - questions);
    bool is_dev = file_name_ends(questions, "dev.json");
    for (int i = is_dev ? 0 : 1; i < 3; i++) {
        static const char *const names[] = {"train.json", "train.json", "shots.json"};
        size_t n_kept = i ? n_folder : n - strlen("dev.json");
        const char *path = arena_printf(arena, err, "%.*s%s", (int)n_kept, questions, names[i]);
        if (!path || file_exists(path)) return path;
    }
    err_set_at(err, ERR_INPUT, questions, 0, 0,
               "there are no examples beside it, neither train.json nor shots.json: name their "
               "file with examples, or ask for 0 shots");
    return NULL;
}

/* ---- Loading ---- */

/* What the steps of loading share. */
struct loader {
    const struct suite_options *options;
    const struct protocol *protocol;
    struct dataset *dataset;
    struct arena *arena;
    struct sha256 *hash;
    struct trivia_file questions, examples;
    struct item *items;
    uint32_t *drawn; /* [n questions][shots] */
    size_t n_items;
};

/* The source that a question's id begins with, as "tc" in "tc_33"; "" for none. */
static const char *source_of(const char *id, struct arena *arena, struct err *err)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return arena_copy(arena, id, id[n] == '_' ? n : 0, err);
}

static const char *write_expected(const struct trivia_question *question, struct arena *arena,
                                  struct err *err)
{
    struct buf text = {0};
    struct json_writer writer = {.out = &text};
    json_begin_object(&writer);
    json_set_strings(&writer, "aliases", question->aliases, question->n_aliases);
    json_set_strings(&writer, "normalized", question->gold, question->n_gold);
    json_end_object(&writer);
    return arena_take(arena, &text, err);
}

static bool make_item(struct loader *loader, const struct trivia_question *question,
                      const char *source, struct item *item, struct err *err)
{
    const char **fields = arena_alloc(loader->arena, 1, sizeof *fields, err);
    if (!fields) return false;
    fields[0] = question->text;
    *item = (struct item){.key = question->id,
                          .file = loader->questions.path,
                          .line = question->line,
                          .subset = source,
                          .expected = write_expected(question, loader->arena, err),
                          .fields = fields,
                          .n_fields = 1};
    if (*source) item->groups[item->n_groups++] = (struct item_group){"source", source};
    return item->expected != NULL;
}

static bool is_wanted(const struct loader *loader, const char *source)
{
    const struct suite_options *options = loader->options;
    size_t n_before = 0;
    if (!suite_wants_subset(options, source)) return false;
    if (!options->limit) return true;
    for (size_t i = 0; i < loader->n_items && n_before < options->limit; i++)
        n_before += !strcmp(loader->items[i].subset, source);
    return n_before < options->limit;
}

static int compare_keys(const void *a, const void *b)
{
    const struct item *const *x = a, *const *y = b;
    int order = strcmp((*x)->key, (*y)->key);
    return order ? order : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

static bool check_repeated(const struct loader *loader, struct err *err)
{
    const struct item **sorted = mem_new(loader->n_items, sizeof *sorted, err);
    bool is_fine = sorted != NULL;
    for (size_t i = 0; is_fine && i < loader->n_items; i++) sorted[i] = &loader->items[i];
    if (is_fine) qsort(sorted, loader->n_items, sizeof *sorted, compare_keys);
    for (size_t i = 1; is_fine && i < loader->n_items; i++)
        if (!strcmp(sorted[i - 1]->key, sorted[i]->key))
            is_fine = err_set_at(err, ERR_INPUT, sorted[i]->file, sorted[i]->line, 0,
                                 "the QuestionId \"%s\" is that of line %d too", sorted[i]->key,
                                 sorted[i - 1]->line);
    free(sorted);
    return is_fine;
}

/* Draws the examples of every question, asked or not: each draw follows from those before. The
 * harness draws one more than it shows, for a question is left out of its own examples where a data
 * set has no test split. */
static bool draw_examples(struct loader *loader, struct err *err)
{
    size_t shots = (size_t)loader->dataset->shots, n_drawn;
    uint32_t n_examples = (uint32_t)loader->examples.n;
    struct mersenne mersenne = {0};
    if (!mem_multiply(loader->questions.n, shots, &n_drawn))
        return err_set(err, ERR_MEMORY, "too many questions");
    uint32_t *scratch = mem_new(n_examples, sizeof *scratch, err);
    uint32_t *chosen = mem_new(shots + 1, sizeof *chosen, err);
    loader->drawn = arena_alloc(loader->arena, n_drawn, sizeof *loader->drawn, err);
    bool done = scratch && chosen && loader->drawn;
    bool draws = shots && loader->protocol->is_lm_eval;
    mersenne_seed(&mersenne, MERSENNE_SEED);
    for (size_t i = 0; done && i < loader->questions.n; i++) {
        uint32_t *drawn = loader->drawn + i * shots;
        for (uint32_t k = 0; k < shots; k++) drawn[k] = k;
        if (!draws) continue;
        mersenne_sample(&mersenne, n_examples, (uint32_t)shots + 1, chosen, scratch);
        memcpy(drawn, chosen, shots * sizeof *chosen);
    }
    if (done && draws)
        sha256_field(loader->hash, "one more is drawn"); /* which it was not at first */
    free(chosen);
    free(scratch);
    return done;
}

/* Ids that are numbers count the lines of their file: equal ones say nothing. */
static bool is_example(const struct trivia_question *question,
                       const struct trivia_question *example)
{
    bool is_named = question->id[strspn(question->id, "0123456789")] != 0;
    return (is_named && !strcmp(question->id, example->id)) ||
           letter_same_words(question->text, example->text);
}

/* Takes examples out that are the question itself, and further ones of their file in: those behind
 * the last one that was drawn. */
static void leave_out(struct loader *loader, const struct trivia_question *question,
                      uint32_t *drawn, struct item *item)
{
    size_t n = 0, shots = (size_t)loader->dataset->shots;
    const struct trivia_file *examples = &loader->examples;
    uint32_t last = shots ? drawn[shots - 1] : 0;
    for (size_t i = 0; i < shots; i++)
        if (!is_example(question, &examples->questions[drawn[i]])) drawn[n++] = drawn[i];
    if (n == shots) return;
    for (size_t step = 1; step < examples->n && n < shots; step++) {
        uint32_t other = (uint32_t)((last + step) % examples->n);
        size_t i = 0;
        while (i < n && drawn[i] != other) i++;
        if (i == n && !is_example(question, &examples->questions[other])) drawn[n++] = other;
    }
    item->was_own_example = true;
    struct own_examples *own = &loader->dataset->own_examples;
    *(n < shots ? &own->n_missing : &own->n_replaced) += 1;
    while (n < shots) drawn[n++] = NO_EXAMPLE;
}

/* Makes the items that are wanted; draws move along with them. */
static bool make_items(struct loader *loader, struct err *err)
{
    size_t shots = (size_t)loader->dataset->shots;
    loader->items = arena_alloc(loader->arena, loader->questions.n, sizeof *loader->items, err);
    if (!loader->items || !draw_examples(loader, err)) return false;
    for (size_t i = 0; i < loader->questions.n; i++) {
        const struct trivia_question *question = &loader->questions.questions[i];
        const char *source = source_of(question->id, loader->arena, err);
        if (!source) return false;
        if (!is_wanted(loader, source)) continue;
        if (!make_item(loader, question, source, &loader->items[loader->n_items], err))
            return false;
        uint32_t *drawn = loader->drawn + loader->n_items++ * shots;
        memmove(drawn, loader->drawn + i * shots, shots * sizeof *drawn);
        leave_out(loader, question, drawn, &loader->items[loader->n_items - 1]);
    }
    return loader->n_items > 0 ? check_repeated(loader, err)
                               : err_set_at(err, ERR_CONFIG, loader->questions.path, 0, 0,
                                            "no question is of the sources that are named");
}

static bool read_examples(struct loader *loader, struct err *err)
{
    const char *path = loader->options->examples;
    if (!loader->dataset->shots) return true;
    if (!path) path = find_examples(loader->questions.path, loader->arena, err);
    if (!path || !trivia_read(path, loader->arena, loader->hash, &loader->examples, err))
        return false;
    if (!strcmp(path, loader->questions.path))
        return err_set_at(err, ERR_CONFIG, path, loader->questions.questions[0].line, 0,
                          "these are the questions: examples must be others");
    bool draws = loader->protocol->is_lm_eval;
    return loader->examples.n >= (size_t)loader->dataset->shots + draws ||
           err_set_at(err, ERR_INPUT, path, 0, 0, "%zu example%s, and %d shots need %s",
                      loader->examples.n, loader->examples.n == 1 ? "" : "s",
                      loader->dataset->shots, draws ? "one more to draw from" : "as many");
}

static bool read_all(struct loader *loader, struct err *err)
{
    const char *path = find_questions(loader->options->data, loader->arena, err);
    struct state *state = arena_alloc(loader->arena, 1, sizeof *state, err);
    if (!path || !state ||
        !trivia_read(path, loader->arena, loader->hash, &loader->questions, err) ||
        !read_examples(loader, err) || !make_items(loader, err))
        return false;
    *state = (struct state){loader->protocol, loader->examples.questions, loader->drawn};
    loader->dataset->items = loader->items;
    loader->dataset->n_items = loader->n_items;
    loader->dataset->state = state;
    const struct own_examples *own = &loader->dataset->own_examples;
    dataset_finish_hash(loader->dataset, loader->hash, own->n_replaced + own->n_missing > 0);
    return true;
}

static struct dataset *load(const struct suite *suite, const struct suite_options *options,
                            struct err *err)
{
    struct loader loader = {.options = options, .protocol = find_protocol(options->protocol)};
    bool done = false;
    if (!loader.protocol ||
        (options->protocol && strcmp(options->protocol, loader.protocol->name))) {
        err_set(err, ERR_CONFIG, "triviaqa has no protocol \"%s\": it has official, lm-eval, phi3",
                options->protocol);
        return NULL;
    }
    int shots = options->shots == -1 ? loader.protocol->default_shots : options->shots;
    if (shots < 0 || shots > MAX_SHOTS) {
        err_set(err, ERR_CONFIG, "triviaqa takes 0 to %d shots, not %d", MAX_SHOTS, shots);
        return NULL;
    }
    loader.dataset = dataset_new(suite, 0, err);
    loader.hash = sha256_new(err);
    if (loader.dataset && loader.hash) {
        loader.arena = loader.dataset->arena;
        done = dataset_set_protocol(loader.dataset, &options->chat, shots, loader.protocol->name,
                                    options->is_open_book ? OPEN_BOOK : "", err) &&
               read_all(&loader, err);
    }
    sha256_free(loader.hash);
    if (!done) dataset_free(loader.dataset);
    return done ? loader.dataset : NULL;
}

/* ---- Requests ---- */

/* What there is to read stands before the question. */
static bool add_question(struct prompt_parts *parts, const struct protocol *protocol,
                         const char *context, const char *question, struct err *err)
{
    bool reads = context && *context;
    const char *text =
        arena_printf(parts->arena, err, "%s%sQuestion: %s%s\nAnswer:", reads ? context : "",
                     reads ? SEPARATOR : "", question, protocol->question_end);
    return text && prompt_parts_add(parts, PART_QUESTION, text, err);
}

static bool add_example(struct prompt_parts *parts, const struct state *state, uint32_t i_example,
                        struct err *err)
{
    const struct trivia_question *example = &state->examples[i_example];
    const char *answer =
        state->protocol->is_lm_eval && example->n_aliases ? example->aliases[0] : example->value;
    return add_question(parts, state->protocol, NULL, example->text, err) &&
           prompt_parts_add(parts, PART_BETWEEN, " ", err) &&
           prompt_parts_add(parts, PART_ANSWER, answer, err) &&
           prompt_parts_add(parts, PART_BETWEEN, SEPARATOR, err) && prompt_parts_end(parts, err);
}

static bool make_prompts(const struct dataset *dataset, size_t i_item, struct arena *arena,
                         struct request *request, struct err *err)
{
    const struct state *state = dataset->state;
    size_t shots = (size_t)dataset->shots, n_shots = 0;
    const uint32_t *drawn = state->drawn + i_item * shots;
    while (n_shots < shots && drawn[n_shots] != NO_EXAMPLE) n_shots++;
    size_t n_prompts = state->protocol->fit == FIT_FEWER_SHOTS ? n_shots + 1 : 1;
    struct prompt_parts parts = {.arena = arena};
    if (!prompt_parts_end(&parts, err)) return false;
    for (size_t i = 0; i < n_shots; i++)
        if (!add_example(&parts, state, drawn[i], err)) return false;
    return add_question(&parts, state->protocol, request->context, dataset->items[i_item].fields[0],
                        err) &&
           prompt_parts_make(&parts, &dataset->chat, SEPARATOR, n_prompts, request, err);
}

static bool request_item(const struct dataset *dataset, size_t i_item, struct arena *arena,
                         struct request *request, struct err *err)
{
    const struct state *state = dataset->state;
    const struct protocol *protocol = state->protocol;
    const struct reading *reading = dataset->reading;
    *request = (struct request){.kind = REQUEST_GENERATE,
                                .fit = protocol->fit,
                                .max_new_tokens = protocol->max_new_tokens,
                                .stops = protocol->stops,
                                .n_stops = protocol->n_stops};
    return (!reading || reading->find(reading->context, dataset->items[i_item].fields[0], arena,
                                      &request->context, err)) &&
           make_prompts(dataset, i_item, arena, request, err);
}

/* ---- Grading ---- */

static void keep_prediction(const char *text, struct verdict *verdict)
{
    size_t n = strlen(text);
    text = letter_strip(text, &n, true);
    verdict_set_predicted(verdict, text, n);
}

/* Whether an accepted answer is the same but for case and punctuation, which is the rule of
 * lm-evaluation-harness. */
static bool match_simplified(const char *text, const char *const *accepted, size_t n,
                             bool *is_exact, struct err *err)
{
    struct buf mine = {0}, gold = {0};
    size_t n_text = strlen(text);
    *is_exact = false;
    answer_simplify(letter_strip(text, &n_text, false), &mine);
    for (size_t i = 0; i < n && !*is_exact; i++) {
        buf_clear(&gold);
        answer_simplify(accepted[i], &gold);
        *is_exact = !gold.failed && !strcmp(buf_string(&mine), buf_string(&gold));
    }
    bool done = buf_check(&mine, err) && buf_check(&gold, err);
    buf_free(&mine);
    buf_free(&gold);
    return done;
}

static bool grade_text(const struct protocol *rules, const struct json *answers, const char *text,
                       struct verdict *verdict, struct err *err)
{
    size_t n = json_length(answers);
    double f1 = 0;
    const char **accepted = mem_new(n, sizeof *accepted, err);
    for (size_t i = 0; accepted && i < n; i++)
        accepted[i] = json_as_string(json_at(answers, i), "");
    bool done = accepted && (rules->is_lm_eval
                                 ? match_simplified(text, accepted, n, &verdict->is_correct, err)
                                 : answer_score(text, accepted, n, &verdict->is_correct, &f1, err));
    verdict->score = verdict->is_correct ? 1 : 0;
    if (!rules->is_lm_eval)
        verdict->others[verdict->n_others++] = (struct verdict_metric){TRIVIAQA_F1, f1};
    free(accepted);
    return done;
}

/* Whether an accepted answer stood in what there was to read. */
static bool grade_context(const struct json *gold, const char *context, struct verdict *verdict,
                          struct err *err)
{
    struct buf text = {0}, form = {0};
    bool is_found = false;
    answer_normalize(context, &text);
    for (size_t i = 0; !is_found && i < json_length(gold); i++) {
        buf_clear(&form);
        answer_normalize(json_as_string(json_at(gold, i), ""), &form);
        is_found = answer_is_within(buf_string(&form), buf_string(&text));
    }
    verdict->others[verdict->n_others++] = (struct verdict_metric){TRIVIAQA_HIT, is_found};
    bool done = buf_check(&text, err) && buf_check(&form, err);
    buf_free(&text);
    buf_free(&form);
    return done;
}

static bool grade(const struct suite *suite, const char *protocol, const struct item *item,
                  const struct response *response, struct verdict *verdict, struct err *err)
{
    const struct protocol *rules = find_protocol(protocol);
    struct json *expected = json_parse(item->expected, strlen(item->expected), "", err);
    const struct json *gold = json_get(expected, "normalized");
    *verdict = (struct verdict){.answered = response->answered && response->text};
    bool done = expected != NULL;
    if (done && !rules)
        done = err_set(err, ERR_INPUT, "%s has no protocol \"%s\"", suite->name, protocol);
    if (done && verdict->answered) {
        const struct json *answers = rules->is_lm_eval ? json_get(expected, "aliases") : gold;
        done = grade_text(rules, answers, response->text, verdict, err);
        keep_prediction(response->text, verdict);
    }
    if (done && response->context) done = grade_context(gold, response->context, verdict, err);
    json_free(expected);
    return done;
}

const struct suite SUITE_TRIVIAQA = {
    .name = "triviaqa",
    .version = 1,
    .metric = "em",
    .decoding = "greedy",
    .protocols = PROTOCOL_NAMES,
    .load = load,
    .request = request_item,
    .grade = grade,
};
