/* task.c - see task.h: the functions that all tasks share, and requests.
 *
 * A prompt is: preamble, examples each with its answer and a separator, and the question.
 */
#include "suites/task.h"

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

static bool append_example(const struct task_state *state, const struct value *fields,
                           const struct value *common, struct arena *arena, struct buf *out,
                           struct err *err)
{
    struct item_scope at;
    struct task_question example;
    if (!task_question_make(state->protocol, enter(&at, fields, common), arena, &example, err))
        return err_context(err, "making an example");
    buf_text(out, example.prompt);
    if (example.stems) buf_text(out, example.stems[example.i_right]);
    buf_text(out, example.target);
    buf_text(out, state->protocol->separator);
    return true;
}

/* Appends the preamble and the item's examples; ends[k] is where the first k of them end. */
static bool append_examples(const struct dataset *dataset, size_t i_item, size_t n_shots,
                            struct arena *arena, struct buf *out, size_t *ends, struct err *err)
{
    const struct task_state *state = dataset->state;
    const struct value *common = state->common[i_item];
    const struct template *preamble = state->protocol->preamble;
    struct item_scope at;
    const char *text = "";
    if (preamble &&
        !template_text(preamble, enter(&at, state->fields[i_item], common), arena, &text, err))
        return false;
    buf_text(out, text);
    ends[0] = out->n_bytes;
    for (size_t i = 0; i < n_shots; i++) {
        uint32_t drawn = state->draws[i_item * (size_t)dataset->shots + i];
        if (!append_example(state, state->examples[drawn], common, arena, out, err)) return false;
        ends[i + 1] = out->n_bytes;
    }
    return buf_check(out, err);
}

/* Makes n_prompts prompts of the item: with n_shots examples, with one fewer, and so on. */
static const char *const *make_prompts(const struct dataset *dataset, size_t i_item, size_t n_shots,
                                       size_t n_prompts, const struct task_question *question,
                                       struct arena *arena, struct err *err)
{
    struct buf examples = {0};
    size_t n_question = strlen(question->prompt);
    size_t *ends = arena_alloc(arena, n_shots + 1, sizeof *ends, err);
    const char **prompts = arena_alloc(arena, n_prompts, sizeof *prompts, err);
    bool ok =
        ends && prompts && append_examples(dataset, i_item, n_shots, arena, &examples, ends, err);
    for (size_t i = 0; ok && i < n_prompts; i++) {
        size_t n_before = ends[n_shots - i];
        char *prompt = arena_alloc(arena, n_before + n_question + 1, 1, err);
        if ((ok = prompt != NULL)) {
            memcpy(prompt, buf_string(&examples), n_before);
            memcpy(prompt + n_before, question->prompt, n_question);
        }
        prompts[i] = prompt;
    }
    buf_free(&examples);
    return ok ? prompts : NULL;
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
    const struct task_protocol *protocol = state->protocol;
    size_t n_shots = protocol->fixed_shots ? 0 : (size_t)dataset->shots;
    size_t n_prompts = protocol->fit == FIT_FEWER_SHOTS ? n_shots + 1 : 1;
    struct item_scope at;
    const struct scope *scope = enter(&at, state->fields[i_item], state->common[i_item]);
    struct task_question question;
    if (!task_question_make(protocol, scope, arena, &question, err)) return false;
    const char *const *prompts =
        make_prompts(dataset, i_item, n_shots, n_prompts, &question, arena, err);
    if (!prompts) return false;
    *request = (struct request){.kind = REQUEST_CHOICES,
                                .fit = protocol->fit,
                                .prompts = prompts,
                                .n_prompts = n_prompts,
                                .choices = question.choices,
                                .n_choices = question.n_choices,
                                .stems = question.stems};
    if (protocol->kind == TASK_CONTINUATION) request->kind = REQUEST_LOGLIK;
    if (protocol->kind != TASK_GENERATE) return true;
    request->kind = REQUEST_GENERATE;
    request->max_new_tokens = protocol->max_tokens;
    return make_stops(protocol, scope, arena, request, err);
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
