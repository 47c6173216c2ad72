/* task.c - see task.h: the functions that all tasks share, and requests.
 *
 * A prompt is: description, preamble, examples each with its answer and a separator, and the
 * question.
 */
#include "suites/task.h"

#include "suites/prompt_parts.h"
#include "suites/task_question.h"

#include <string.h>

/* ---- Requests ---- */

/* The scope of an item, or of an example before it: the fields, and what the subset adds. */
struct item_scope {
    const struct value *maps[2];
    struct scope scope;
};

static const struct scope *enter(struct item_scope *at, const struct value *fields,
                                 const struct value *common)
{
    at->maps[0] = fields;
    at->maps[1] = common;
    at->scope = (struct scope){at->maps, 2};
    return &at->scope;
}

/* The protocol as its texts are made; *between: what then stands between a question and its answer.
 * What stands before a choice or an answer in a text belongs
 * to it, but in a chat a turn begins without; the harness keeps it in a continuation, which is what
 * its task says. */
static struct task_protocol asked_protocol(const struct dataset *dataset, const char **between)
{
    struct task_protocol protocol = *((const struct task_state *)dataset->state)->protocol;
    bool is_bare = dataset->chat.is_asked && protocol.kind != TASK_CONTINUATION;
    *between = is_bare ? protocol.delimiter : "";
    if (is_bare) protocol.delimiter = "";
    return protocol;
}

static bool add_example(const struct dataset *dataset, const struct value *fields,
                        const struct value *common, struct prompt_parts *parts, struct err *err)
{
    const char *between;
    const struct task_protocol asked = asked_protocol(dataset, &between);
    struct item_scope at;
    struct task_question example;
    if (!task_question_make(&asked, enter(&at, fields, common), parts->arena, &example, err))
        return err_context(err, "making an example");
    return prompt_parts_add(parts, PART_QUESTION, example.prompt, err) &&
           (!example.stems ||
            prompt_parts_add(parts, PART_QUESTION, example.stems[example.i_right], err)) &&
           prompt_parts_add(parts, PART_BETWEEN, between, err) &&
           prompt_parts_add(parts, PART_ANSWER, example.target, err) &&
           prompt_parts_add(parts, PART_BETWEEN, asked.separator, err) &&
           prompt_parts_end(parts, err);
}

static bool add_piece(struct prompt_parts *parts, enum prompt_part_kind kind, const char *text,
                      size_t n_bytes, struct err *err)
{
    const char *piece = arena_copy(parts->arena, text, n_bytes, err);
    return piece && prompt_parts_add(parts, kind, piece, err);
}

/* The examples of a preamble: a question ends behind its mark, an answer before the separator that
 * the mark of another question follows, or at the end. */
static bool add_marked(const struct task_protocol *protocol, const char *text,
                       struct prompt_parts *parts, struct err *err)
{
    size_t n_separator = strlen(protocol->separator);
    const char *next =
        arena_printf(parts->arena, err, "%s%s", protocol->separator, protocol->question_mark);
    while (next && *text) {
        const char *answer = strstr(text, protocol->answer_mark);
        if (!answer) return prompt_parts_add(parts, PART_QUESTION, text, err);
        answer += strlen(protocol->answer_mark);
        const char *end = strstr(answer, next);
        size_t n = end ? (size_t)(end - answer) : strlen(answer);
        if (!end && n >= n_separator && !strcmp(answer + n - n_separator, protocol->separator))
            n -= n_separator;
        if (!add_piece(parts, PART_QUESTION, text, (size_t)(answer - text), err) ||
            !add_piece(parts, PART_ANSWER, answer, n, err))
            return false;
        text = answer + n;
        size_t n_between = strlen(text) < n_separator ? strlen(text) : n_separator;
        if (!add_piece(parts, PART_BETWEEN, text, n_between, err)) return false;
        text += n_between;
    }
    return next != NULL;
}

/* What stands before the first example that is drawn. */
static bool add_beginning(const struct task_protocol *protocol, const struct scope *scope,
                          struct prompt_parts *parts, struct err *err)
{
    const char *text;
    if (protocol->description &&
        (!template_text(protocol->description, scope, parts->arena, &text, err) ||
         !prompt_parts_add(parts, PART_DESCRIPTION, text, err)))
        return false;
    if (!protocol->preamble) return true;
    if (!template_text(protocol->preamble, scope, parts->arena, &text, err)) return false;
    return protocol->question_mark ? add_marked(protocol, text, parts, err)
                                   : prompt_parts_add(parts, PART_QUESTION, text, err);
}

/* How many examples stand before an item: fewer than others have where it was one itself. */
static size_t count_examples(const struct dataset *dataset, size_t i_item)
{
    const struct task_state *state = dataset->state;
    size_t n = 0, shots = state->protocol->fixed_shots ? 0 : (size_t)dataset->shots;
    while (n < shots && state->draws[i_item * shots + n] != TASK_NO_EXAMPLE) n++;
    return n;
}

static bool make_prompts(const struct dataset *dataset, size_t i_item,
                         const struct task_question *question, struct arena *arena,
                         struct request *request, struct err *err)
{
    const struct task_state *state = dataset->state;
    const struct task_protocol *protocol = state->protocol;
    const struct value *common = state->common[i_item];
    size_t n_shots = count_examples(dataset, i_item);
    size_t n_prompts = protocol->fit == FIT_FEWER_SHOTS ? n_shots + 1 : 1;
    struct prompt_parts parts = {.arena = arena};
    struct item_scope at;
    if (!add_beginning(protocol, enter(&at, state->fields[i_item], common), &parts, err) ||
        !prompt_parts_end(&parts, err))
        return false;
    for (size_t i = 0; i < n_shots; i++) {
        uint32_t drawn = state->draws[i_item * (size_t)dataset->shots + i];
        if (!add_example(dataset, state->examples[drawn], common, &parts, err)) return false;
    }
    return prompt_parts_add(&parts, PART_QUESTION, question->prompt, err) &&
           prompt_parts_make(&parts, &dataset->chat, protocol->separator, n_prompts, request, err);
}

static bool make_stops(const struct task_protocol *protocol, const struct scope *scope,
                       struct arena *arena, struct request *request, struct err *err)
{
    struct value list;
    if (!protocol->stops.n) return true;
    if (!task_value_make(&protocol->stops, scope, arena, &list, err)) return false;
    const char **stops = arena_alloc(arena, list.n, sizeof *stops, err);
    if (!stops) return false;
    for (size_t i = 0; i < list.n; i++) stops[i] = list.items[i].text;
    request->stops = stops;
    request->n_stops = list.n;
    return true;
}

bool task_request(const struct dataset *dataset, size_t i_item, struct arena *arena,
                  struct request *request, struct err *err)
{
    const struct task_state *state = dataset->state;
    const char *between;
    const struct task_protocol protocol = asked_protocol(dataset, &between);
    struct item_scope at;
    const struct scope *scope = enter(&at, state->fields[i_item], state->common[i_item]);
    struct task_question question;
    if (!task_question_make(&protocol, scope, arena, &question, err)) return false;
    if (!task_question_check(&question, err)) /* in a chat there is no delimiter */
        return err_place(err, dataset->items[i_item].file, dataset->items[i_item].line, 0);
    *request = (struct request){.kind = REQUEST_CHOICES,
                                .fit = protocol.fit,
                                .choices = question.choices,
                                .n_choices = question.n_choices,
                                .delimiter = protocol.delimiter,
                                .stems = question.stems};
    if (!make_prompts(dataset, i_item, &question, arena, request, err)) return false;
    if (protocol.kind == TASK_CONTINUATION) request->kind = REQUEST_LOGLIK;
    if (protocol.kind != TASK_GENERATE) return true;
    request->kind = REQUEST_GENERATE;
    request->max_new_tokens = protocol.max_tokens;
    return make_stops(&protocol, scope, arena, request, err);
}

/* ---- Making and freeing ---- */

bool task_finish(struct task *task, struct err *err)
{
    const char **names = arena_alloc(task->arena, task->n_protocols + 1, sizeof *names, err);
    if (!names) return false;
    for (size_t i = 0; i < task->n_protocols; i++) names[i] = task->task_protocols[i].name;
    task->suite.protocols = names;
    task->suite.load = task_load;
    task->suite.request = task_request;
    task->suite.grade = task_grade;
    task->suite.metric = task->task_protocols[0].metrics[0].name;
    task->suite.decoding =
        task->task_protocols[0].kind == TASK_GENERATE ? "greedy" : "loglikelihood";
    return true;
}

void task_free(struct task *task)
{
    if (!task) return;
    templates_free(task->templates);
    arena_free(task->arena);
}
