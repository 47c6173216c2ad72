/* mt_judge.c - phibench mt-bench judge: a judge's opinion of answers, in FastChat's files.
 *
 * A line of the output is a judgment: of an answer to a turn, or of a pair of them in both orders.
 * What the output has already is not asked again; a judgment without a score counts as not there,
 * and goes when it is asked anew. Nor does one count of another answer under the same names, or by
 * another prompt: it moves to a file beside the output.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/visible.h"
#include "harness/cli/mt_commands.h"
#include "harness/cli/mt_log.h"
#include "harness/run/judge_rounds.h"
#include "harness/run/progress.h"
#include "suites/judging.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ARENA_BYTES = 1 << 30 };
static const char RULE_NAME[] = "reference-match";
#define STALE_ENDING ".stale" /* of the file for judgments that count no longer */

/* What becomes of a judgment that the output has. One may be of another answer than one answer of
 * that name, and of the same as the next. */
struct fate {
    bool is_current, is_stale, is_asked_again;
};

struct judging {
    const struct mt_options *options;
    struct arena *arena;
    struct fastchat_questions questions;
    struct fastchat_answers answers, baseline, references;
    struct fastchat_prompts prompts;
    struct fastchat_judgments old;
    struct fate *fates; /* [old.n] */
    size_t n_stale;
    const char *judge;
    struct fastchat_judgment *open; /* [n_open] that the output lacks */
    size_t n_open, open_capacity;
    struct judge_call *calls; /* [n_open * n_games] those of a judgment together */
    size_t n_games, calls_capacity;
    size_t n_done, n_missing, n_unanswered;
    struct mt_log log;
    struct progress progress;
    struct buf line;
};

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
    judging->fates = arena_alloc(arena, judging->old.n, sizeof *judging->fates, err);
    return judging->fates != NULL;
}

/* ---- What is to be judged ---- */

static bool is_same(const struct fastchat_judgment *a, const struct fastchat_judgment *b)
{
    return fastchat_is_same_answer(a, b) && !strcmp(a->judge, b->judge) &&
           !strcmp(a->prompt_name, b->prompt_name);
}

/* Whether the old judgment is of what is asked now. A rule has no prompt but says what it found. */
static bool is_current(const struct fastchat_judgment *old,
                       const struct fastchat_judgment *judgment)
{
    if (judgment->judgments[0]) return !strcmp(old->judgments[0], judgment->judgments[0]);
    return !strcmp(old->user_prompts[0], judgment->user_prompts[0]) &&
           (!old->is_pair || !strcmp(old->user_prompts[1], judgment->user_prompts[1]));
}

/* How often this is still to be judged. Where it is, judgments without a score are dropped. */
static int64_t count_open(struct judging *judging, const struct fastchat_judgment *judgment)
{
    const struct fastchat_judgments *old = &judging->old;
    int64_t n = judging->options->repeat;
    for (size_t i = 0; i < old->n; i++) {
        if (!is_same(&old->items[i], judgment)) continue;
        bool is_of_this = is_current(&old->items[i], judgment);
        *(is_of_this ? &judging->fates[i].is_current : &judging->fates[i].is_stale) = true;
        n -= is_of_this && fastchat_has_score(&old->items[i]);
    }
    for (size_t i = 0; n > 0 && i < old->n; i++)
        if (is_same(&old->items[i], judgment) && is_current(&old->items[i], judgment))
            judging->fates[i].is_asked_again = !fastchat_has_score(&old->items[i]);
    return n;
}

/* The answer's place is that of the file it stands in, as far as that is known. */
static bool fail_answer(const struct judging *judging, const struct fastchat_answer *answer,
                        struct err *err, const char *what)
{
    const char *file = judging->options->answers.n == 1 ? judging->options->answers.items[0] : "";
    return err_set_at(err, ERR_INPUT, file, *file ? answer->line : 0, 0, "question %s %s",
                      answer->question.text, what);
}

/* The prompt of a judge for the judgment, whose name it also gets. */
static bool find_prompt(struct judging *judging, const char *category,
                        struct fastchat_judgment *judgment, const struct fastchat_prompt **prompt,
                        struct err *err)
{
    judgment->prompt_name = judging_prompt_name(judgment->is_pair, category, (int)judgment->turn);
    *prompt = fastchat_find_prompt(&judging->prompts, judgment->prompt_name);
    return *prompt || err_set_at(err, ERR_INPUT, judging->options->prompts, 0, 0,
                                 "there is no judge prompt %s", judgment->prompt_name);
}

/* The rule's judgment of the turn. */
static bool apply_rule(struct judging *judging, const struct judging_case *judged,
                       struct fastchat_judgment *judgment, struct err *err)
{
    size_t i_turn = (size_t)judgment->turn - 1;
    judgment->user_prompts[0] = "";
    judgment->judgments[0] = arena_printf(
        judging->arena, err, "By the rule %s, no judge: [[%.2f]]", RULE_NAME,
        judging_match_reference(judged->answers[0][i_turn], judged->references[i_turn]));
    if (!judgment->judgments[0]) return false;
    judgment->score = judging_read_score(judgment->judgments[0], NULL);
    return true;
}

/* Makes the requests of the judgment's games. In the second one the answers change places. */
static bool make_calls(struct judging *judging, const struct fastchat_prompt *prompt,
                       const struct judging_case *judged, struct judge_call calls[2],
                       struct err *err)
{
    for (size_t game = 0; game < judging->n_games; game++) {
        struct judging_case shown = *judged;
        for (size_t i = 0; game && i < JUDGING_TURNS; i++) {
            shown.answers[0][i] = judged->answers[1][i];
            shown.answers[1][i] = judged->answers[0][i];
        }
        calls[game] = (struct judge_call){.prompt_name = prompt->name, .is_b = game > 0};
        if (!judging_request(prompt, &shown, judging->arena, &calls[game].request, err))
            return false;
        calls[game].request.max_new_tokens =
            (size_t)(judging->options->n_new ? judging->options->n_new : JUDGING_MAX_TOKENS);
    }
    return true;
}

static bool append(struct judging *judging, const struct fastchat_judgment *open,
                   const struct judge_call *calls, struct err *err)
{
    size_t n = judging->n_games;
    if (!mem_grow((void **)&judging->open, &judging->open_capacity, judging->n_open + 1,
                  sizeof *judging->open, INT32_MAX, err) ||
        !mem_grow((void **)&judging->calls, &judging->calls_capacity, (judging->n_open + 1) * n,
                  sizeof *judging->calls, INT32_MAX, err))
        return false;
    memcpy(judging->calls + judging->n_open * n, calls, n * sizeof *calls);
    judging->open[judging->n_open++] = *open;
    return true;
}

static void fill_turns(const char *turns[JUDGING_TURNS], struct fastchat_texts texts)
{
    for (size_t i = 0; i < JUDGING_TURNS && i < texts.n; i++) turns[i] = texts.items[i];
}

/* Judgments of an answer's turn, as many as are still to be made. */
static bool add_turn(struct judging *judging, const struct fastchat_question *question,
                     const struct fastchat_answer *answer, const struct fastchat_answer *other,
                     int turn, struct err *err)
{
    struct fastchat_judgment open = {.question = question->id,
                                     .is_pair = other != NULL,
                                     .models = {answer->model, other ? other->model : NULL},
                                     .judge = judging->judge,
                                     .prompt_name = "rule",
                                     .turn = turn};
    const struct fastchat_answer *reference =
        fastchat_find_answer(&judging->references, question->id);
    const struct fastchat_prompt *prompt = NULL;
    struct judging_case judged = {0};
    struct judge_call calls[2] = {0};
    bool is_rule = judging->options->rule;
    bool needs_reference = is_rule || judging_has_reference(question->category);
    if (!is_rule && !find_prompt(judging, question->category, &open, &prompt, err)) return false;
    if (needs_reference && (!reference || reference->choices[0].turns.n < (size_t)turn))
        return fail_answer(judging, answer, err, "needs a reference answer: --references");
    fill_turns(judged.questions, question->turns);
    fill_turns(judged.answers[0], answer->choices[0].turns);
    if (other) fill_turns(judged.answers[1], other->choices[0].turns);
    if (needs_reference) fill_turns(judged.references, reference->choices[0].turns);
    if (!(is_rule ? apply_rule(judging, &judged, &open, err)
                  : make_calls(judging, prompt, &judged, calls, err)))
        return false;
    for (size_t game = 0; !is_rule && game < judging->n_games; game++)
        open.user_prompts[game] = calls[game].request.prompts[0];
    for (int64_t n = count_open(judging, &open); n > 0; n--)
        if (!append(judging, &open, calls, err)) return false;
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
    for (size_t turn = 1; turn <= n_turns; turn++) {
        bool is_answered = !fastchat_failure(&answer->choices[0], turn - 1) &&
                           !(other && fastchat_failure(&other->choices[0], turn - 1));
        judging->n_unanswered += !is_answered;
        if (is_answered && !add_turn(judging, question, answer, other, (int)turn, err))
            return false;
    }
    return true;
}

static bool list_open(struct judging *judging, struct err *err)
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

/* Adds the lines to OUTPUT.stale, so that nothing is lost that was paid for. */
static bool put_aside(const struct judging *judging, const struct buf *lines, struct err *err)
{
    struct mt_log log = {.file = -1};
    const char *path = arena_printf(judging->arena, err, "%s" STALE_ENDING, judging->options->out);
    bool ok = path && mt_log_open(&log, path, err) && mt_log_append(&log, lines, err);
    mt_log_close(&log);
    return ok;
}

/* Writes the output without the judgments that are asked again and those that are of something
 * else, if there are any. */
static bool drop_old(struct judging *judging, struct err *err)
{
    struct buf kept = {0}, stale = {0};
    bool is_any = false;
    for (size_t i = 0; i < judging->old.n; i++) {
        const struct fate *fate = &judging->fates[i];
        bool is_stale = fate->is_stale && !fate->is_current;
        is_any = is_any || is_stale || fate->is_asked_again;
        judging->n_stale += is_stale;
        if (!is_stale && fate->is_asked_again) continue;
        fastchat_write_judgment(&judging->old.items[i], is_stale ? &stale : &kept);
    }
    bool ok =
        (!judging->n_stale || put_aside(judging, &stale, err)) &&
        (!is_any || (buf_check(&kept, err) &&
                     file_write(judging->options->out, buf_string(&kept), kept.n_bytes, err)));
    buf_free(&kept);
    buf_free(&stale);
    return ok;
}

/* ---- Judging ---- */

/* The judgment is complete: counts and writes it. */
static bool keep(struct judging *judging, struct fastchat_judgment *judgment, struct err *err)
{
    judgment->unix_s = (double)clock_unix_ms() * 1e-3;
    judging->n_missing += !fastchat_has_score(judgment);
    judging->n_done++;
    buf_clear(&judging->line);
    fastchat_write_judgment(judgment, &judging->line);
    progress_update(&judging->progress, judging->n_done);
    return mt_log_append(&judging->log, &judging->line, err);
}

/* FastChat's word for the winner of a game in which the first model's answer got that score. */
static const char *winner_of(double score)
{
    if (score == FASTCHAT_MISSING) return "error";
    if (score == 0.5) return "tie";
    return score == 1 ? "model_1" : "model_2";
}

static bool keep_reply(void *context, size_t i_call, const struct response *response, bool is_last,
                       struct err *err)
{
    struct judging *judging = context;
    size_t n_games = judging->n_games, game = i_call % n_games;
    const struct judge_call *call = &judging->calls[i_call];
    struct fastchat_judgment *judgment = &judging->open[i_call / n_games];
    judgment->judgments[game] = arena_string(judging->arena, response->text, err);
    if (!judgment->judgments[game]) return false;
    if (judgment->is_pair) judgment->winners[game] = winner_of(call->score);
    else judgment->score = call->score, judgment->score_is_whole = call->score_is_whole;
    if (game + 1 < n_games) return true;
    if (is_last || fastchat_has_score(judgment)) return keep(judging, judgment, err);
    /* Both games of a pair are played again. */
    for (size_t i = i_call - game; i <= i_call; i++) judging->calls[i].is_judged = false;
    return true;
}

static bool keep_rules(struct judging *judging, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < judging->n_open; i++) ok = keep(judging, &judging->open[i], err);
    return ok;
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

static void say_damage(const struct judging *judging, const struct log *log)
{
    const struct fastchat_damage *const damages[] = {
        &judging->questions.damage,  &judging->answers.damage, &judging->baseline.damage,
        &judging->references.damage, &judging->prompts.damage, &judging->old.damage};
    for (size_t i = 0; i < COUNT_OF(damages); i++) mt_say_damage(damages[i], log);
}

static bool judge_all(const struct invocation *invocation, struct judging *judging,
                      struct mt_speaker *speaker, struct err *err)
{
    const struct log *log = &invocation->console.log;
    if (!mt_log_recover(judging->options->out, log, err) || !read_files(judging, err) ||
        !list_open(judging, err) || !drop_old(judging, err) ||
        !mt_log_open(&judging->log, judging->options->out, err))
        return false;
    say_damage(judging, log);
    if (judging->n_unanswered)
        log_warning(log, "%zu turns have no answer, as their file says: they are not judged",
                    judging->n_unanswered);
    if (judging->n_stale)
        log_warning(log,
                    "%zu judgments in %s are of other answers or by other prompts than now: they "
                    "do not count, and stand in %s" STALE_ENDING,
                    judging->n_stale, judging->options->out, judging->options->out);
    if (!judging->n_open) return true;
    bool is_rule = judging->options->rule;
    if (!is_rule && !mt_speaker_open(invocation, judging->options, speaker, err)) return false;
    progress_begin(&judging->progress, &invocation->console, judging->judge, judging->n_open, 0);
    bool ok = is_rule
                  ? keep_rules(judging, err)
                  : judge_rounds_ask(speaker, judging->calls, judging->n_open * judging->n_games,
                                     keep_reply, judging, err);
    progress_end(&judging->progress);
    return ok;
}

bool mt_judge(const struct invocation *invocation, const struct mt_options *options,
              struct err *err)
{
    struct judging judging = {
        .options = options, .n_games = options->baseline ? 2 : 1, .log = {.file = -1}};
    struct mt_speaker speaker = {0};
    if (!check_options(options, err)) return false;
    judging.judge = options->rule ? RULE_NAME : mt_speaker_name(options, err);
    judging.arena = arena_new(MAX_ARENA_BYTES, err);
    bool ok = judging.judge && judging.arena && judge_all(invocation, &judging, &speaker, err);
    if (ok)
        visible_printf(stdout,
                       "%zu judgment%s by %s in %s, %zu without a score; %zu were there before\n",
                       judging.n_done, judging.n_done == 1 ? "" : "s", judging.judge, options->out,
                       judging.n_missing, judging.old.n);
    if (ok && judging.n_missing)
        log_info(&invocation->console.log, "the same command asks again where no score was found");
    mt_speaker_report(&speaker, "the server", &invocation->console.log);
    mt_speaker_close(&speaker);
    mt_log_close(&judging.log);
    buf_free(&judging.line);
    free(judging.calls);
    free(judging.open);
    arena_free(judging.arena);
    return ok;
}
