/* mt_bench.c - see mt_bench.h. An item's groups are its category and its turn; what is expected of
 * it is the reference answer, "" where there is none.
 *
 * All first turns come before all second ones, so that a client answers each kind together.
 */
#include "suites/mt_bench.h"

#include "base/file.h"
#include "base/sha256.h"
#include "suites/judging.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ARENA_BYTES = 256 << 20, MAX_FILE_BYTES = 64 << 20, MAX_NEW_TOKENS = 1024 };
static const char RULE[] = "reference-match";
static const char *const PROTOCOL_NAMES[] = {RULE, NULL};

struct state {
    size_t max_new_tokens;
    struct fastchat_answers references, baseline;
    struct fastchat_prompts prompts;                    /* of the judge */
    struct fastchat_judgments judgments;                /* of the judge and of others */
    const char *judge;                                  /* NULL: the rule */
    const struct fastchat_question *const *question_of; /* [n_items] */
};

struct loader {
    const struct suite_options *options;
    struct dataset *dataset;
    struct arena *arena;
    const char *question_file;
    struct fastchat_questions questions;
    struct fastchat_answers references, baseline;
    struct fastchat_prompts prompts;
    struct fastchat_judgments judgments;
    const char *judge;
    struct item *items;
    const struct fastchat_question **question_of;
    size_t n_items;
};

/* ---- Files ---- */

static bool hash_file(struct sha256 *hash, const char *path, struct err *err)
{
    size_t n_bytes;
    char *text = file_read(path, MAX_FILE_BYTES, &n_bytes, err);
    if (!text) return false;
    sha256_named(hash, file_name(path), text, n_bytes);
    free(text);
    return true;
}

bool mt_bench_find_references(struct arena *arena, const char *folder, const char **path,
                              struct err *err)
{
    char **names;
    size_t n;
    const char *references = arena_printf(arena, err, "%s/reference_answer", folder);
    if (!references) return false;
    if (!file_is_folder(references)) return true;
    if (!file_list(references, &names, &n, err)) return false;
    const char *name = n ? names[0] : NULL;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(names[i], "gpt-4.jsonl")) name = names[i];
    bool ok = !name || (*path = arena_printf(arena, err, "%s/%s", references, name)) != NULL;
    file_free_names(names, n);
    return ok;
}

static bool read_files(struct loader *loader, struct err *err)
{
    const char *references = NULL;
    loader->question_file =
        arena_printf(loader->arena, err, "%s/question.jsonl", loader->options->data);
    if (!loader->question_file ||
        !mt_bench_find_references(loader->arena, loader->options->data, &references, err) ||
        !fastchat_read_questions(loader->question_file, loader->arena, &loader->questions, err) ||
        (references && !fastchat_read_answers(references, loader->arena, &loader->references, err)))
        return false;
    const char *prompts = loader->options->judge_prompts;
    if (prompts && !fastchat_read_prompts(prompts, loader->arena, &loader->prompts, err))
        return false;
    const char *judgments = loader->options->judgments, *baseline = loader->options->baseline;
    if ((judgments &&
         !fastchat_read_judgments(judgments, loader->arena, &loader->judgments, err)) ||
        (baseline && !fastchat_read_answers(baseline, loader->arena, &loader->baseline, err)))
        return false;
    if (!fastchat_check_whole(&loader->references.damage, err) ||
        !fastchat_check_whole(&loader->judgments.damage, err) ||
        !fastchat_check_whole(&loader->baseline.damage, err))
        return false;
    struct sha256 *hash = sha256_new(err);
    /* All other files decide the points, not the answers. */
    bool ok = hash && hash_file(hash, loader->question_file, err) &&
              (!references || hash_file(hash, references, err));
    if (ok) sha256_finish(hash, loader->dataset->data_hash);
    sha256_free(hash);
    return ok;
}

/* Whose points these are: the judge that the options name, or the one of the judgments. */
static bool find_judge(struct loader *loader, struct err *err)
{
    const char *file = loader->options->judgments;
    const struct fastchat_judgments *judgments = &loader->judgments;
    loader->judge = loader->options->judge;
    size_t n = 0;
    for (size_t i = 0; i < judgments->n; i++) {
        const struct fastchat_judgment *judgment = &judgments->items[i];
        if (!loader->judge) loader->judge = judgment->judge;
        bool is_meant = !strcmp(judgment->judge, loader->judge);
        if (!is_meant && !loader->options->judge)
            return err_set_at(err, ERR_INPUT, file, judgment->line, 0,
                              "judgments by %s and by %s: the judge's name says which are meant",
                              loader->judge, judgment->judge);
        n += is_meant;
    }
    return !file || n ||
           err_set_at(err, ERR_INPUT, file, 0, 0, "there are no judgments%s%s in this file",
                      loader->judge ? " by " : "", loader->judge ? loader->judge : "");
}

/* ---- Items ---- */

/* The answer to a question's turn, NULL if the list has none. */
static const char *find_turn(const struct fastchat_answers *answers, struct fastchat_id question,
                             size_t i_turn)
{
    const struct fastchat_answer *answer = fastchat_find_answer(answers, question);
    if (!answer || answer->choices[0].turns.n <= i_turn ||
        fastchat_failure(&answer->choices[0], i_turn))
        return NULL;
    return answer->choices[0].turns.items[i_turn];
}

static bool is_judged(const struct loader *loader)
{
    return loader->options->judge_prompts != NULL;
}

static bool check_prompt(const struct loader *loader, bool is_pair, const char *category, int turn,
                         struct err *err)
{
    const char *name = judging_prompt_name(is_pair, category, turn);
    return fastchat_find_prompt(&loader->prompts, name) ||
           err_set_at(err, ERR_INPUT, loader->options->judge_prompts, 0, 0,
                      "there is no judge prompt %s", name);
}

/* Checks that everything is there which the item's points are found with. */
static bool check_item(const struct loader *loader, const struct item *item,
                       struct fastchat_id question, int turn, struct err *err)
{
    const struct suite_options *options = loader->options;
    if ((is_judged(loader) && !check_prompt(loader, false, item->subset, turn, err)) ||
        (options->judges_pairs && !check_prompt(loader, true, item->subset, turn, err)))
        return false;
    if (options->baseline && !find_turn(&loader->baseline, question, (size_t)turn - 1))
        return err_set_at(err, ERR_INPUT, options->baseline, 0, 0,
                          "the baseline has no answer to turn %d of question %s", turn,
                          question.text);
    if (item->expected[0] || (is_judged(loader) && !judging_has_reference(item->subset)))
        return true;
    return err_set_at(err, ERR_INPUT, item->file, item->line, 0,
                      "%s needs a reference answer to turn %d of this question",
                      is_judged(loader) ? "a judge" : "the rule reference-match", turn);
}

static bool add_item(struct loader *loader, const struct fastchat_question *question, size_t i_turn,
                     struct err *err)
{
    static const char *const turns[] = {"1", "2"};
    struct item *item = &loader->items[loader->n_items];
    const char *reference = find_turn(&loader->references, question->id, i_turn);
    *item = (struct item){
        .key = arena_printf(loader->arena, err, "%s/%s", question->id.text, turns[i_turn]),
        .file = loader->question_file,
        .line = question->line,
        .subset = question->category,
        .groups = {{"category", question->category}, {"turn", turns[i_turn]}},
        .n_groups = 2,
        .expected = reference ? reference : "",
        .fields = question->turns.items,
        .n_fields = i_turn + 1};
    loader->question_of[loader->n_items++] = question;
    return item->key && check_item(loader, item, question->id, (int)i_turn + 1, err);
}

/* Whether the question is among the first of its category. */
static bool is_wanted(const struct loader *loader, const struct fastchat_question *question)
{
    size_t n_before = 0;
    for (const struct fastchat_question *other = loader->questions.items; other < question; other++)
        n_before += !strcmp(other->category, question->category);
    if (loader->options->limit && n_before >= loader->options->limit) return false;
    return suite_wants_subset(loader->options, question->category);
}

static bool check_questions(const struct loader *loader, struct err *err)
{
    const struct fastchat_questions *questions = &loader->questions;
    for (size_t i = 0; i < questions->n; i++)
        if (questions->items[i].turns.n > JUDGING_TURNS)
            return err_set_at(err, ERR_INPUT, loader->question_file, questions->items[i].line, 0,
                              "a question of %zu turns: MT-bench has two",
                              questions->items[i].turns.n);
    return questions->n || err_set_at(err, ERR_INPUT, loader->question_file, 0, 0,
                                      "there are no questions in this file");
}

static bool add_items(struct loader *loader, struct err *err)
{
    size_t n_most = loader->questions.n * JUDGING_TURNS, n_first;
    loader->items = arena_alloc(loader->arena, n_most, sizeof *loader->items, err);
    loader->question_of = arena_alloc(loader->arena, n_most, sizeof *loader->question_of, err);
    if (!loader->items || !loader->question_of) return false;
    for (size_t i = 0; i < loader->questions.n; i++)
        if (is_wanted(loader, &loader->questions.items[i]) &&
            !add_item(loader, &loader->questions.items[i], 0, err))
            return false;
    n_first = loader->n_items;
    for (size_t i = 0; i < n_first; i++) {
        const struct fastchat_question *question = loader->question_of[i];
        if (question->turns.n < 2) continue;
        if (!add_item(loader, question, 1, err)) return false;
        loader->items[loader->n_items - 1].follows = &loader->items[i];
    }
    return n_first || err_set_at(err, ERR_CONFIG, loader->question_file, 0, 0,
                                 "there is no question of the categories asked for");
}

static bool load_into(struct loader *loader, struct err *err)
{
    struct dataset *dataset = loader->dataset;
    struct state *state = arena_alloc(loader->arena, 1, sizeof *state, err);
    if (!state || !read_files(loader, err) || !find_judge(loader, err) ||
        !check_questions(loader, err) || !add_items(loader, err))
        return false;
    dataset->protocol =
        is_judged(loader) ? arena_printf(loader->arena, err, "judge %s", loader->judge) : RULE;
    if (!dataset->protocol) return false;
    size_t asked = loader->options->max_new_tokens;
    *state = (struct state){.max_new_tokens = asked ? asked : MAX_NEW_TOKENS,
                            .references = loader->references,
                            .baseline = loader->baseline,
                            .prompts = loader->prompts,
                            .judgments = loader->judgments,
                            .judge = loader->judge,
                            .question_of = loader->question_of};
    dataset->items = loader->items;
    dataset->n_items = loader->n_items;
    dataset->state = state;
    return true;
}

static struct dataset *load(const struct suite *suite, const struct suite_options *options,
                            struct err *err)
{
    struct dataset *dataset = dataset_new(suite, MAX_ARENA_BYTES, err);
    if (!dataset) return NULL;
    struct loader loader = {.options = options, .dataset = dataset, .arena = dataset->arena};
    if (load_into(&loader, err)) return dataset;
    dataset_free(dataset);
    return NULL;
}

/* ---- Requests and grades ---- */

/* The conversation up to the item's turn; the answer between is filled in by who asks. */
static bool request(const struct dataset *dataset, size_t i_item, struct arena *arena,
                    struct request *made, struct err *err)
{
    const struct state *state = dataset->state;
    const struct item *item = &dataset->items[i_item];
    size_t n = 2 * item->n_fields - 1;
    const char **prompts = arena_alloc(arena, n, sizeof *prompts, err);
    if (!prompts) return false;
    for (size_t i = 0; i < item->n_fields; i++) prompts[2 * i] = item->fields[i];
    *made =
        (struct request){.kind = REQUEST_CHAT,
                         .prompts = prompts,
                         .n_prompts = n,
                         .max_new_tokens = state->max_new_tokens,
                         .temperature = judging_temperature(state->question_of[i_item]->category)};
    return true;
}

/* What one assistant said up to the item's turn. */
static bool fill_turns(const struct dataset *dataset, size_t i_item, const char *const *answers,
                       struct arena *arena, const char *turns[JUDGING_TURNS], struct err *err)
{
    const struct item *item = &dataset->items[i_item];
    size_t i_turn = item->n_fields - 1;
    if (item->follows &&
        !(turns[0] = request_strip(arena, answers[item->follows - dataset->items], err)))
        return false;
    return (turns[i_turn] = request_strip(arena, answers[i_item], err)) != NULL;
}

bool mt_bench_judge_request(const struct dataset *dataset, size_t i_item, const char *const *a,
                            const char *const *b, struct arena *arena, struct request *made,
                            const char **prompt_name, struct err *err)
{
    const struct state *state = dataset->state;
    const struct item *item = &dataset->items[i_item];
    const struct fastchat_question *question = state->question_of[i_item];
    const struct fastchat_answer *reference =
        judging_has_reference(item->subset) ? fastchat_find_answer(&state->references, question->id)
                                            : NULL;
    struct judging_case judged = {0};
    for (size_t i = 0; i < question->turns.n; i++) judged.questions[i] = question->turns.items[i];
    for (size_t i = 0; reference && i < JUDGING_TURNS && i < reference->choices[0].turns.n; i++)
        judged.references[i] = reference->choices[0].turns.items[i];
    *prompt_name = judging_prompt_name(b != NULL, item->subset, (int)item->n_fields);
    const struct fastchat_prompt *prompt = fastchat_find_prompt(&state->prompts, *prompt_name);
    return fill_turns(dataset, i_item, a, arena, judged.answers[0], err) &&
           (!b || fill_turns(dataset, i_item, b, arena, judged.answers[1], err)) &&
           judging_request(prompt, &judged, arena, made, err);
}

const char *mt_bench_judge(const struct dataset *dataset)
{
    const struct state *state = dataset->state;
    return state->judge;
}

const char *mt_bench_baseline(const struct dataset *dataset, size_t i_item)
{
    const struct state *state = dataset->state;
    return find_turn(&state->baseline, state->question_of[i_item]->id,
                     dataset->items[i_item].n_fields - 1);
}

/* What the judgment gives in a game: its points, or those of assistant A, who is the first model in
 * the first game and the second one in the second. */
static double score_of_game(const struct fastchat_judgment *judgment, size_t game)
{
    if (!judgment->is_pair)
        return fastchat_is_score(judgment->score) ? judgment->score : FASTCHAT_MISSING;
    const char *winner = judgment->winners[game];
    if (!strcmp(winner, "error")) return FASTCHAT_MISSING;
    if (!strcmp(winner, "tie")) return 0.5;
    return !strcmp(winner, "model_1") == (game == 0) ? 1 : 0;
}

bool mt_bench_find_reply(const struct dataset *dataset, const char *prompt_name,
                         const char *request, size_t i, struct mt_bench_reply *reply)
{
    const struct state *state = dataset->state;
    for (size_t k = 0; k < state->judgments.n; k++) {
        const struct fastchat_judgment *judgment = &state->judgments.items[k];
        if (strcmp(judgment->judge, state->judge) != 0 ||
            strcmp(judgment->prompt_name, prompt_name) != 0)
            continue;
        for (size_t game = 0; game < (judgment->is_pair ? 2 : 1); game++) {
            if (strcmp(judgment->user_prompts[game], request) != 0 || i--) continue;
            *reply =
                (struct mt_bench_reply){judgment->judgments[game], score_of_game(judgment, game)};
            return true;
        }
    }
    return false;
}

static bool grade(const struct suite *suite, const char *protocol, const struct item *item,
                  const struct response *response, struct verdict *verdict, struct err *err)
{
    (void)suite, (void)err;
    bool is_rule = !strcmp(protocol, RULE);
    *verdict = (struct verdict){.answered = response->answered && response->text, .score = is_rule};
    if (!verdict->answered) return true;
    if (is_rule) verdict->score = judging_match_reference(response->text, item->expected);
    verdict->is_correct = verdict->score == 10;
    verdict_set_predicted(verdict, response->text, strlen(response->text));
    return true;
}

const struct suite SUITE_MT_BENCH = {
    .name = "mt_bench",
    .version = 2,
    .metric = "points",
    .asks_chat = true,
    .decoding = "sampled",
    .protocols = PROTOCOL_NAMES,
    .load = load,
    .request = request,
    .grade = grade,
};
