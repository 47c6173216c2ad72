/* mt_judge.c - phibench mt-bench judge: a judge's opinion of answers, in FastChat's files.
 *
 * A task is one line of the output: an answer to a turn, or a pair of them in both orders. What the
 * output has already is not asked again; a judgment without a score counts as not there, and goes
 * when it is asked anew.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "harness/cli/mt_commands.h"
#include "harness/cli/mt_log.h"
#include "harness/run/progress.h"
#include "suites/judging.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ARENA_BYTES = 1 << 30 };
static const char RULE_NAME[] = "reference-match";

struct task {
    struct fastchat_judgment judgment; /* user_prompts are made before it is asked */
    const struct fastchat_prompt *prompt;
    struct judging_case judged;
    bool is_kept;
};

struct judging {
    const struct mt_options *options;
    struct arena *arena;
    struct fastchat_questions questions;
    struct fastchat_answers answers, baseline, references;
    struct fastchat_prompts prompts;
    struct fastchat_judgments old;
    bool *is_dropped; /* [old.n] judgments without a score that are asked again */
    const char *judge;
    struct task *tasks;
    size_t n_tasks, tasks_capacity;
    size_t asked[JUDGING_WINDOW]; /* the tasks that are asked together */
    bool is_last;                 /* what has no score now is missing */
    size_t n_done, n_missing;
    struct mt_log log;
    struct progress progress;
    struct buf line;
};

static bool is_rule(const struct judging *judging)
{
    return judging->options->rule != NULL;
}

/* ---- Reading ---- */

static bool read_answers(struct judging *judging, struct err *err)
{
    const struct mt_options *options = judging->options;
    struct arena *arena = judging->arena;
    for (size_t i = 0; i < options->answers.n; i++)
        if (!fastchat_read_answers(options->answers.items[i], arena, &judging->answers, err))
            return false;
    return (!options->baseline ||
            fastchat_read_answers(options->baseline, arena, &judging->baseline, err)) &&
           (!options->references ||
            fastchat_read_answers(options->references, arena, &judging->references, err));
}

static bool read_files(struct judging *judging, struct err *err)
{
    const struct mt_options *options = judging->options;
    struct arena *arena = judging->arena;
    if (!fastchat_read_questions(options->questions, arena, &judging->questions, err) ||
        !read_answers(judging, err) ||
        (options->prompts &&
         !fastchat_read_prompts(options->prompts, arena, &judging->prompts, err)) ||
        (file_exists(options->out) &&
         !fastchat_read_judgments(options->out, arena, &judging->old, err)))
        return false;
    judging->is_dropped = arena_alloc(arena, judging->old.n, sizeof *judging->is_dropped, err);
    return judging->is_dropped != NULL;
}

/* ---- Tasks ---- */

static bool is_same(const struct fastchat_judgment *a, const struct fastchat_judgment *b)
{
    return fastchat_is_same_answer(a, b) && !strcmp(a->judge, b->judge) &&
           !strcmp(a->prompt_name, b->prompt_name);
}

/* How often this is still to be judged. Where it is, judgments without a score are dropped. */
static int64_t count_open(struct judging *judging, const struct fastchat_judgment *judgment)
{
    int64_t n = judging->options->repeat;
    for (size_t i = 0; i < judging->old.n; i++)
        n -=
            is_same(&judging->old.items[i], judgment) && fastchat_has_score(&judging->old.items[i]);
    for (size_t i = 0; n > 0 && i < judging->old.n; i++)
        if (is_same(&judging->old.items[i], judgment))
            judging->is_dropped[i] = !fastchat_has_score(&judging->old.items[i]);
    return n;
}

/* The answer's place is that of the file it stands in, as far as that is known. */
static bool fail_answer(const struct judging *judging, const struct fastchat_answer *answer,
                        struct err *err, const char *what)
{
    const char *file = judging->options->answers.n == 1 ? judging->options->answers.items[0] : "";
    return err_set_at(err, ERR_INPUT, file, *file ? answer->line : 0, 0, "question %lld %s",
                      (long long)answer->question, what);
}

static bool find_prompt(struct judging *judging, const char *category, struct task *task,
                        struct err *err)
{
    struct fastchat_judgment *judgment = &task->judgment;
    judgment->prompt_name =
        is_rule(judging) ? "rule"
                         : judging_prompt_name(judgment->is_pair, category, (int)judgment->turn);
    if (is_rule(judging)) return true;
    task->prompt = fastchat_find_prompt(&judging->prompts, judgment->prompt_name);
    return task->prompt || err_set_at(err, ERR_INPUT, judging->options->prompts, 0, 0,
                                      "there is no judge prompt %s", judgment->prompt_name);
}

static void fill_turns(const char *turns[JUDGING_TURNS], struct fastchat_texts texts)
{
    for (size_t i = 0; i < JUDGING_TURNS && i < texts.n; i++) turns[i] = texts.items[i];
}

/* The task of an answer's turn, as often as it is still to be judged. */
static bool add_task(struct judging *judging, const struct fastchat_question *question,
                     const struct fastchat_answer *answer, const struct fastchat_answer *other,
                     int turn, struct err *err)
{
    struct task task = {.judgment = {.question = question->id,
                                     .is_pair = other != NULL,
                                     .models = {answer->model, other ? other->model : NULL},
                                     .judge = judging->judge,
                                     .turn = turn}};
    const struct fastchat_answer *reference =
        fastchat_find_answer(&judging->references, question->id);
    bool needs_reference = is_rule(judging) || judging_has_reference(question->category);
    if (!find_prompt(judging, question->category, &task, err)) return false;
    if (needs_reference && (!reference || reference->choices[0].turns.n < (size_t)turn))
        return fail_answer(judging, answer, err, "needs a reference answer: --references");
    fill_turns(task.judged.questions, question->turns);
    fill_turns(task.judged.answers[0], answer->choices[0].turns);
    if (other) fill_turns(task.judged.answers[1], other->choices[0].turns);
    if (needs_reference) fill_turns(task.judged.references, reference->choices[0].turns);
    for (int64_t n = count_open(judging, &task.judgment); n > 0; n--) {
        if (!mem_grow((void **)&judging->tasks, &judging->tasks_capacity, judging->n_tasks + 1,
                      sizeof task, INT32_MAX, err))
            return false;
        judging->tasks[judging->n_tasks++] = task;
    }
    return true;
}

static bool add_answer(struct judging *judging, const struct fastchat_answer *answer,
                       struct err *err)
{
    const struct fastchat_question *question =
        fastchat_find_question(&judging->questions, answer->question);
    if (!question) return fail_answer(judging, answer, err, "is not among the questions");
    const struct fastchat_answer *other = NULL;
    if (judging->options->baseline) {
        other = fastchat_find_answer(&judging->baseline, answer->question);
        if (!other) return fail_answer(judging, answer, err, "has no answer in the baseline");
        if (!strcmp(other->model, answer->model)) return true; /* nobody competes with itself */
    }
    size_t n_turns = question->turns.n < JUDGING_TURNS ? question->turns.n : JUDGING_TURNS;
    if (answer->choices[0].turns.n < n_turns || (other && other->choices[0].turns.n < n_turns))
        return fail_answer(judging, answer, err, "has more turns than the answer to it");
    for (size_t turn = 1; turn <= n_turns; turn++)
        if (!add_task(judging, question, answer, other, (int)turn, err)) return false;
    return true;
}

static bool make_tasks(struct judging *judging, struct err *err)
{
    for (size_t i = 0; i < judging->answers.n; i++) {
        const struct fastchat_question *question =
            fastchat_find_question(&judging->questions, judging->answers.items[i].question);
        if (judging->options->limit && question &&
            question - judging->questions.items >= judging->options->limit)
            continue;
        if (!add_answer(judging, &judging->answers.items[i], err)) return false;
    }
    return true;
}

/* Writes the output without the judgments that are asked again, if there are any. */
static bool drop_missing(struct judging *judging, struct err *err)
{
    struct buf kept = {0};
    bool is_any = false;
    for (size_t i = 0; i < judging->old.n; i++) {
        is_any = is_any || judging->is_dropped[i];
        if (!judging->is_dropped[i]) fastchat_write_judgment(&judging->old.items[i], &kept);
    }
    bool ok = !is_any || (buf_check(&kept, err) &&
                          file_write(judging->options->out, buf_string(&kept), kept.n_bytes, err));
    buf_free(&kept);
    return ok;
}

/* ---- Judging ---- */

/* The judgment is complete: counts and writes it. */
static bool keep(struct judging *judging, struct task *task, struct err *err)
{
    struct fastchat_judgment *judgment = &task->judgment;
    task->is_kept = true;
    judgment->unix_s = (double)clock_unix_ms() * 1e-3;
    judging->n_missing += !fastchat_has_score(judgment);
    judging->n_done++;
    buf_clear(&judging->line);
    fastchat_write_judgment(judgment, &judging->line);
    progress_update(&judging->progress, judging->n_done);
    return mt_log_append(&judging->log, &judging->line, err);
}

static const char *winner_of(char letter, size_t game)
{
    if (!letter) return "error";
    if (letter == 'C') return "tie";
    return (letter == 'A') == (game == 0) ? "model_1" : "model_2";
}

static bool read_reply(void *context, size_t i_request, const struct response *response,
                       struct err *err)
{
    struct judging *judging = context;
    size_t n_games = judging->options->baseline ? 2 : 1, game = i_request % n_games;
    struct task *task = &judging->tasks[judging->asked[i_request / n_games]];
    struct fastchat_judgment *judgment = &task->judgment;
    const char *reply = response->text ? response->text : ""; /* "": it did not fit */
    judgment->judgments[game] = arena_string(judging->arena, reply, err);
    if (!judgment->judgments[game]) return false;
    if (judgment->is_pair) judgment->winners[game] = winner_of(judging_read_winner(reply), game);
    else judgment->score = judging_read_score(reply, &judgment->score_is_whole);
    bool is_whole = judgment->judgments[0] && (n_games == 1 || judgment->judgments[1]);
    return !is_whole || (!fastchat_has_score(judgment) && !judging->is_last) ||
           keep(judging, task, err);
}

static bool render(struct judging *judging, struct task *task, size_t game, struct err *err)
{
    struct buf text = {0};
    struct judging_case judged = task->judged;
    if (game == 1) { /* the answers change places */
        memcpy(judged.answers[0], task->judged.answers[1], sizeof judged.answers[0]);
        memcpy(judged.answers[1], task->judged.answers[0], sizeof judged.answers[1]);
    }
    bool ok = judging_render(task->prompt, &judged, &text, err) &&
              (task->judgment.user_prompts[game] =
                   arena_string(judging->arena, buf_string(&text), err)) != NULL;
    buf_free(&text);
    return ok;
}

static bool ask_window(struct judging *judging, struct mt_speaker *speaker, size_t n,
                       struct err *err)
{
    size_t n_games = judging->options->baseline ? 2 : 1;
    struct request *requests = mem_new(n * n_games, sizeof *requests, err);
    bool ok = requests != NULL;
    for (size_t i = 0; ok && i < n * n_games; i++) {
        struct task *task = &judging->tasks[judging->asked[i / n_games]];
        task->judgment.judgments[i % n_games] = NULL;
        ok = render(judging, task, i % n_games, err);
        requests[i] = (struct request){
            .kind = REQUEST_CHAT,
            .system = task->prompt->system,
            .prompts = &task->judgment.user_prompts[i % n_games],
            .n_prompts = 1,
            .max_new_tokens =
                (size_t)(judging->options->n_new ? judging->options->n_new : JUDGING_MAX_TOKENS)};
    }
    ok = ok && mt_ask(speaker, requests, n * n_games, read_reply, judging, err);
    free(requests);
    return ok;
}

/* A model of this machine would say the same again. */
static bool ask_judge(struct judging *judging, struct mt_speaker *speaker, struct err *err)
{
    int n_replies = speaker->model ? 1 : JUDGING_MOST_REPLIES;
    for (size_t first = 0; first < judging->n_tasks; first += JUDGING_WINDOW)
        for (int i_reply = 1; i_reply <= n_replies; i_reply++) {
            size_t n = 0;
            for (size_t i = first; i < judging->n_tasks && i < first + JUDGING_WINDOW; i++)
                if (!judging->tasks[i].is_kept) judging->asked[n++] = i;
            judging->is_last = i_reply == n_replies;
            if (n && !ask_window(judging, speaker, n, err)) return false;
        }
    return true;
}

static bool apply_rule(struct judging *judging, struct err *err)
{
    for (size_t i = 0; i < judging->n_tasks; i++) {
        struct task *task = &judging->tasks[i];
        struct fastchat_judgment *judgment = &task->judgment;
        size_t turn = (size_t)judgment->turn - 1;
        double score =
            judging_match_reference(task->judged.answers[0][turn], task->judged.references[turn]);
        judgment->user_prompts[0] = "";
        judgment->judgments[0] = arena_printf(
            judging->arena, err, "By the rule %s, no judge: [[%.2f]]", RULE_NAME, score);
        if (!judgment->judgments[0]) return false;
        judgment->score = judging_read_score(judgment->judgments[0], NULL);
        if (!keep(judging, task, err)) return false;
    }
    return true;
}

/* ---- The command ---- */

static bool check_options(const struct mt_options *options, struct err *err)
{
    if (!options->questions || !options->answers.n || !options->out)
        return err_set(
            err, ERR_USAGE,
            "judge needs --data FOLDER or --questions FILE, --answers FILE and --out FILE");
    if (options->rule && strcmp(options->rule, RULE_NAME) != 0)
        return err_set(err, ERR_USAGE, "--rule takes %s, not \"%s\"", RULE_NAME, options->rule);
    if (options->rule && options->baseline)
        return err_set(err, ERR_USAGE, "the rule judges single answers, not pairs: no --baseline");
    return options->rule || options->prompts ||
           err_set(err, ERR_USAGE, "a judge needs its prompts: --prompts judge_prompts.jsonl");
}

static bool judge_all(const struct invocation *invocation, struct judging *judging,
                      struct mt_speaker *speaker, struct err *err)
{
    if (!read_files(judging, err) || !make_tasks(judging, err) || !drop_missing(judging, err) ||
        !mt_log_open(&judging->log, judging->options->out, err))
        return false;
    if (!judging->n_tasks) return true;
    if (!is_rule(judging) && !mt_speaker_open(invocation, judging->options, speaker, err))
        return false;
    progress_begin(&judging->progress, &invocation->console, judging->judge, judging->n_tasks, 0);
    bool ok = is_rule(judging) ? apply_rule(judging, err) : ask_judge(judging, speaker, err);
    progress_end(&judging->progress);
    return ok;
}

bool mt_judge(const struct invocation *invocation, const struct mt_options *options,
              struct err *err)
{
    struct judging judging = {.options = options, .log = {.file = -1}};
    struct mt_speaker speaker = {0};
    if (!check_options(options, err)) return false;
    judging.judge = options->rule ? RULE_NAME : mt_speaker_name(options, err);
    judging.arena = arena_new(MAX_ARENA_BYTES, err);
    bool ok = judging.judge && judging.arena && judge_all(invocation, &judging, &speaker, err);
    if (ok)
        printf("%zu judgment%s by %s in %s, %zu without a score; %zu were there before\n",
               judging.n_done, judging.n_done == 1 ? "" : "s", judging.judge, options->out,
               judging.n_missing, judging.old.n);
    if (ok && judging.n_missing)
        log_info(&invocation->console.log, "the same command asks again where no score was found");
    mt_speaker_report(&speaker, "the server", &invocation->console.log);
    mt_speaker_close(&speaker);
    mt_log_close(&judging.log);
    buf_free(&judging.line);
    free(judging.tasks);
    arena_free(judging.arena);
    return ok;
}
