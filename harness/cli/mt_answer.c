/* mt_answer.c - phibench mt-bench answer: a model's answers to both turns, in FastChat's file.
 *
 * Questions go in windows: the first turn of all of them, then the second, which holds the model's
 * own first answer; then the window is written. A choice's seed is its index, as FastChat's is.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/visible.h"
#include "harness/cli/mt_commands.h"
#include "harness/cli/mt_log.h"
#include "harness/run/progress.h"
#include "suites/judging.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_ARENA_BYTES = 1 << 30,
    WINDOW_ANSWERS = 16,
    MAX_ANSWER_TOKENS = 1024,
    ID_CHARACTERS = 22 /* of FastChat's answer ids */
};

/* A choice that is being answered; messages: user, assistant, user ... [2 n_turns]. */
struct conversation {
    const struct fastchat_question *question;
    uint64_t seed;
    const char **messages;
    const char **failures; /* [n_turns] why there is no answer to a turn; "" where there is */
    bool has_failed, is_unreadable;
};

struct answering {
    const struct mt_options *options;
    struct arena *arena;
    const char *model;
    struct fastchat_questions questions;
    struct fastchat_answers old;
    const struct fastchat_question **pending; /* [n_pending] */
    size_t n_pending, n_done;
    struct conversation *window; /* [n_window] the choices of a question together */
    size_t n_window;
    size_t turn;   /* that is asked, from 0 */
    size_t *asked; /* [n_asked] the conversations that have such a turn */
    size_t n_asked;
    size_t n_unanswered; /* turns that were written without an answer */
    size_t n_unreadable; /* questions that were not written, for the next command to ask again */
    struct mt_log log;
    struct progress progress;
};

/* ---- Reading ---- */

static bool is_answered(const struct answering *answering, const struct fastchat_question *question)
{
    for (size_t i = 0; i < answering->old.n; i++)
        if (fastchat_same_id(answering->old.items[i].question, question->id) &&
            !strcmp(answering->old.items[i].model, answering->model))
            return true;
    return false;
}

static bool read_files(struct answering *answering, struct err *err)
{
    const struct mt_options *options = answering->options;
    struct fastchat_questions *questions = &answering->questions;
    if (!fastchat_read_questions(options->questions, answering->arena, questions, err) ||
        (file_exists(options->out) &&
         !fastchat_read_answers(options->out, answering->arena, &answering->old, err)))
        return false;
    if (options->limit && (size_t)options->limit < questions->n)
        questions->n = (size_t)options->limit;
    answering->pending =
        arena_alloc(answering->arena, questions->n, sizeof *answering->pending, err);
    if (!answering->pending) return false;
    for (size_t i = 0; i < questions->n; i++)
        if (!is_answered(answering, &questions->items[i]))
            answering->pending[answering->n_pending++] = &questions->items[i];
    return true;
}

/* ---- Asking ---- */

/* Without an answer to this turn there is none to those behind it, whose prompts hold it. */
static void fail_from(const struct answering *answering, struct conversation *conversation,
                      const char *failure)
{
    conversation->has_failed = true;
    for (size_t i = answering->turn; i < conversation->question->turns.n; i++) {
        conversation->messages[2 * i + 1] = "";
        conversation->failures[i] = failure;
    }
}

static bool keep_reply(void *context, size_t i_request, const struct response *response,
                       struct err *err)
{
    struct answering *answering = context;
    struct conversation *conversation = &answering->window[answering->asked[i_request]];
    const char **answer = &conversation->messages[2 * answering->turn + 1];
    if (response->text && response->answered)
        return (*answer = request_strip(answering->arena, response->text, err)) != NULL;
    const char *failure = response->failure ? response->failure : RESPONSE_TOO_LONG;
    conversation->is_unreadable = !strcmp(failure, RESPONSE_UNREADABLE);
    fail_from(answering, conversation, arena_string(answering->arena, failure, err));
    return conversation->failures[answering->turn] != NULL;
}

static bool ask_turn(struct answering *answering, struct mt_speaker *speaker, struct err *err)
{
    const struct mt_options *options = answering->options;
    struct request *requests = mem_new(answering->n_window, sizeof *requests, err);
    const struct client_sink sink = {keep_reply, NULL, answering};
    if (!requests) return false;
    answering->n_asked = 0;
    for (size_t i = 0; i < answering->n_window; i++) {
        const struct conversation *conversation = &answering->window[i];
        if (conversation->question->turns.n <= answering->turn || conversation->has_failed)
            continue;
        requests[answering->n_asked] = (struct request){
            .kind = REQUEST_CHAT,
            .prompts = conversation->messages,
            .n_prompts = 2 * answering->turn + 1,
            .max_new_tokens = (size_t)(options->n_new ? options->n_new : MAX_ANSWER_TOKENS),
            .temperature = judging_temperature(conversation->question->category),
            .seed = conversation->seed};
        answering->asked[answering->n_asked++] = i;
    }
    bool ok = !answering->n_asked ||
              client_ask(speaker->client, requests, answering->n_asked, &sink, err);
    free(requests);
    return ok;
}

static bool begin_conversation(struct answering *answering,
                               const struct fastchat_question *question, size_t i_choice,
                               struct err *err)
{
    struct conversation *conversation = &answering->window[answering->n_window++];
    *conversation =
        (struct conversation){.question = question,
                              .seed = i_choice,
                              .messages = arena_alloc(answering->arena, 2 * question->turns.n,
                                                      sizeof(const char *), err)};
    conversation->failures =
        arena_alloc(answering->arena, question->turns.n, sizeof(const char *), err);
    if (!conversation->messages || !conversation->failures) return false;
    for (size_t i = 0; i < question->turns.n; i++) {
        conversation->messages[2 * i] = question->turns.items[i];
        conversation->failures[i] = "";
    }
    return true;
}

/* ---- Writing ---- */

/* An id that depends on what is answered and by whom. */
static const char *make_id(const struct answering *answering, struct fastchat_id question,
                           struct err *err)
{
    char hex[SHA256_HEX_BYTES];
    const char *text =
        arena_printf(answering->arena, err, "%s/%s", answering->model, question.text);
    if (!text || !sha256_text(text, hex, err)) return NULL;
    return arena_copy(answering->arena, hex, ID_CHARACTERS, err);
}

static bool set_choice(const struct answering *answering, const struct conversation *conversation,
                       struct fastchat_choice *choice, struct err *err)
{
    size_t n = conversation->question->turns.n;
    const char **turns = arena_alloc(answering->arena, n, sizeof *turns, err);
    if (!turns) return false;
    for (size_t i = 0; i < n; i++) turns[i] = conversation->messages[2 * i + 1];
    *choice = (struct fastchat_choice){.index = (int64_t)conversation->seed, .turns = {turns, n}};
    if (conversation->has_failed)
        choice->failures = (struct fastchat_texts){conversation->failures, n};
    return true;
}

static bool write_answer(struct answering *answering, size_t i_first, struct err *err)
{
    size_t n = (size_t)answering->options->n_choices;
    const struct fastchat_question *question = answering->window[i_first].question;
    struct fastchat_choice *choices = arena_alloc(answering->arena, n, sizeof *choices, err);
    struct fastchat_answer answer = {.question = question->id,
                                     .model = answering->model,
                                     .choices = choices,
                                     .n_choices = n,
                                     .unix_s = (double)clock_unix_ms() * 1e-3};
    for (size_t i = 0; i < n; i++)
        if (answering->window[i_first + i].is_unreadable) {
            answering->n_unreadable++;
            return true;
        }
    if (!choices || !(answer.id = make_id(answering, question->id, err))) return false;
    for (size_t i = 0; i < n; i++)
        if (!set_choice(answering, &answering->window[i_first + i], &choices[i], err)) return false;
    struct buf line = {0};
    fastchat_write_answer(&answer, &line);
    bool ok = mt_log_append(&answering->log, &line, err);
    buf_free(&line);
    for (size_t i = 0; ok && i < n; i++)
        for (size_t k = 0; k < question->turns.n; k++)
            answering->n_unanswered += fastchat_failure(&choices[i], k) != NULL;
    answering->n_done += ok;
    progress_update(&answering->progress, answering->n_done);
    return ok;
}

/* ---- The command ---- */

static bool answer_window(struct answering *answering, struct mt_speaker *speaker, size_t first,
                          struct err *err)
{
    size_t n_choices = (size_t)answering->options->n_choices, n_turns = 0;
    answering->n_window = 0;
    for (size_t i = first; i < answering->n_pending && i < first + WINDOW_ANSWERS; i++) {
        const struct fastchat_question *question = answering->pending[i];
        if (question->turns.n > n_turns) n_turns = question->turns.n;
        for (size_t k = 0; k < n_choices; k++)
            if (!begin_conversation(answering, question, k, err)) return false;
    }
    for (answering->turn = 0; answering->turn < n_turns; answering->turn++)
        if (!ask_turn(answering, speaker, err)) return false;
    for (size_t i = 0; i < answering->n_window; i += n_choices)
        if (!write_answer(answering, i, err)) return false;
    return true;
}

static bool answer_all(const struct invocation *invocation, struct answering *answering,
                       struct mt_speaker *speaker, struct err *err)
{
    const struct log *log = &invocation->console.log;
    size_t n = WINDOW_ANSWERS * (size_t)answering->options->n_choices;
    if (!mt_log_recover(answering->options->out, log, err) || !read_files(answering, err))
        return false;
    mt_say_damage(&answering->questions.damage, log);
    mt_say_damage(&answering->old.damage, log);
    if (!answering->n_pending) return true;
    answering->window = arena_alloc(answering->arena, n, sizeof *answering->window, err);
    answering->asked = arena_alloc(answering->arena, n, sizeof *answering->asked, err);
    if (!answering->window || !answering->asked ||
        !mt_speaker_open(invocation, answering->options, speaker, err) ||
        !mt_log_open(&answering->log, answering->options->out, err))
        return false;
    progress_begin(&answering->progress, &invocation->console, answering->model,
                   answering->n_pending, 0);
    bool ok = true;
    for (size_t first = 0; ok && first < answering->n_pending; first += WINDOW_ANSWERS)
        ok = answer_window(answering, speaker, first, err);
    progress_end(&answering->progress);
    return ok;
}

/* What is not in the file, and what stands there without being an answer. */
static void say_failures(const struct answering *answering, const struct log *log)
{
    if (answering->n_unanswered)
        log_warning(
            log,
            "%zu turns have no answer: they do not fit the context, or the server would not "
            "answer; they stand empty in %s, marked by \"failures\", and are not judged",
            answering->n_unanswered, answering->options->out);
    if (answering->n_unreadable)
        log_warning(
            log, "%zu questions got no answer that can be read: the same command asks them again",
            answering->n_unreadable);
}

bool mt_answer(const struct invocation *invocation, const struct mt_options *options,
               struct err *err)
{
    struct answering answering = {.options = options, .log = {.file = -1}};
    struct mt_speaker speaker = {0};
    if (!options->questions || !options->out)
        return err_set(err, ERR_USAGE,
                       "answer needs --data FOLDER or --questions FILE and --out FILE");
    answering.model = mt_speaker_name(options, err);
    if (!answering.model) return false;
    answering.arena = arena_new(MAX_ARENA_BYTES, err);
    bool ok = answering.arena && answer_all(invocation, &answering, &speaker, err);
    if (ok)
        visible_printf(stdout, "%zu answer%s of %s in %s; %zu were there before\n",
                       answering.n_done, answering.n_done == 1 ? "" : "s", answering.model,
                       options->out, answering.questions.n - answering.n_pending);
    if (ok) say_failures(&answering, &invocation->console.log);
    mt_speaker_report(&speaker, "the server", &invocation->console.log);
    mt_speaker_close(&speaker);
    mt_log_close(&answering.log);
    arena_free(answering.arena);
    return ok;
}
