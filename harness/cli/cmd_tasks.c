/* cmd_tasks.c - phibench tasks: lists the declarative tasks, validates a user's own, and shows what
 * prompts a task makes of a data file.
 *
 * No model is loaded: prompts are text.
 */
#include "base/file.h"
#include "base/mem.h"
#include "base/visible.h"
#include "harness/cli/commands.h"
#include "harness/config/task_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *check, *examples, *protocol;
    int64_t shots, count;
    bool json, show, chat;
};

static const struct option_spec OPTIONS[] = {
    {"check", 0, OPTION_TEXT, "DATA",
     "print the first prompts of a data file or folder; -: of what is made",
     offsetof(struct options, check), 0, 0, 0},
    {"protocol", 0, OPTION_TEXT, "NAME", "with --check: default, the task's first",
     offsetof(struct options, protocol), 0, 0, 0},
    {"shots", 0, OPTION_INTEGER, "N", "with --check: default, the protocol's",
     offsetof(struct options, shots), -1, TASK_MAX_SHOTS, -1},
    {"examples", 0, OPTION_TEXT, "FILE", "with --check: draw the shots from this file",
     offsetof(struct options, examples), 0, 0, 0},
    {"count", 'n', OPTION_INTEGER, "N", "with --check: prompts to print; 0: all",
     offsetof(struct options, count), 0, INT32_MAX, 1},
    {"chat", 0, OPTION_FLAG, NULL, "with --check: what is said in a chat, turn by turn",
     offsetof(struct options, chat), 0, 0, 0},
    {"show", 0, OPTION_FLAG, NULL, "print the file of a built-in task",
     offsetof(struct options, show), 0, 0, 0},
    OPTION_JSON(struct options, json),
};

/* ---- The list ---- */

struct listing {
    const struct options *options;
    struct buf out; /* of JSON */
    struct json_writer json;
    size_t n;
};

static void print_names(const struct task *task)
{
    for (size_t i = 0; i < task->n_protocols; i++)
        visible_printf(stdout, "%s%s", i ? ", " : "", task->task_protocols[i].name);
}

static void put_protocol(struct json_writer *json, const struct task_protocol *protocol)
{
    static const char *const KINDS[] = {"choices", "continuation", "generate"};
    json_begin_object(json);
    json_set_string(json, "name", protocol->name);
    json_set_string(json, "kind", KINDS[protocol->kind]);
    json_set_integer(json, "shots", protocol->shots);
    json_key(json, "metrics");
    json_begin_array(json);
    for (size_t i = 0; i < protocol->n_metrics; i++)
        json_put_string(json, protocol->metrics[i].name);
    json_end_array(json);
    json_end_object(json);
}

static void put_task(struct json_writer *json, const struct task *task)
{
    json_begin_object(json);
    json_set_string(json, "name", task->suite.name);
    json_set_integer(json, "version", task->suite.version);
    json_set_string(json, "file", task->file);
    json_set_string(json, "summary", task->summary);
    json_key(json, "protocols");
    json_begin_array(json);
    for (size_t i = 0; i < task->n_protocols; i++) put_protocol(json, &task->task_protocols[i]);
    json_end_array(json);
    json_end_object(json);
}

/* One task, by its name or its file's path. */
static bool list_task(struct listing *listing, const char *name, struct err *err)
{
    struct task *task = config_task_open(name, err);
    if (!task) return false;
    listing->n++;
    if (listing->options->json) put_task(&listing->json, task);
    else {
        visible_printf(stdout, "%-16s %s (", task->suite.name, task->summary);
        print_names(task);
        printf(")\n");
    }
    task_free(task);
    return true;
}

static bool list_folder(struct listing *listing, const char *folder, struct err *err)
{
    char **names = NULL;
    size_t n_names = 0, n_before = listing->n;
    bool ok = file_list(folder, &names, &n_names, err);
    for (size_t i = 0; ok && i < n_names; i++) {
        if (!file_name_ends(names[i], ".yaml")) continue;
        char *path = file_join(folder, names[i], err);
        ok = path && list_task(listing, path, err);
        free(path);
    }
    if (names) file_free_names(names, n_names);
    if (ok && listing->n == n_before)
        return err_set_at(err, ERR_CONFIG, folder, 0, 0, "there is no file .yaml in this folder");
    return ok;
}

static bool list_all(const struct invocation *invocation, struct err *err)
{
    struct listing listing = {.options = invocation->options};
    listing.json = (struct json_writer){.out = &listing.out, .indent = 2};
    bool ok = true;
    if (listing.options->json) json_begin_array(&listing.json);
    if (!invocation->n_arguments)
        for (size_t i = 0; ok && EMBEDDED_TASKS[i].name; i++)
            ok = list_task(&listing, EMBEDDED_TASKS[i].name, err);
    for (size_t i = 0; ok && i < invocation->n_arguments; i++) {
        const char *name = invocation->arguments[i];
        ok = file_is_folder(name) ? list_folder(&listing, name, err)
                                  : list_task(&listing, name, err);
    }
    if (ok && listing.options->json) {
        json_end_array(&listing.json);
        ok = json_print(&listing.json, stdout, err);
    }
    buf_free(&listing.out);
    return ok;
}

/* ---- Prompts ---- */

/* Prints a request as one line of JSON, as a client would get it. */
static bool print_request_json(const struct item *item, const struct request *request,
                               struct err *err)
{
    struct buf out = {0};
    struct json_writer json = {.out = &out};
    json_begin_object(&json);
    json_set_string(&json, "item", item->key);
    json_set_string(&json, "expected", item->expected);
    if (request->dialogues) {
        const struct dialogue *said = &request->dialogues[0];
        if (request->system) json_set_string(&json, "system", request->system);
        json_set_strings(&json, "turns", said->turns, said->n);
    } else {
        json_set_string(&json, "prompt", request->prompts[0]);
    }
    if (request->stems) json_set_strings(&json, "stems", request->stems, request->n_choices);
    if (request->choices) json_set_strings(&json, "choices", request->choices, request->n_choices);
    if (request->stops) json_set_strings(&json, "stops", request->stops, request->n_stops);
    json_end_object(&json);
    return json_print(&json, stdout, err);
}

/* The prompt, or each turn of a chat after a line that says whose it is. */
static void print_asked(const struct request *request)
{
    if (!request->dialogues) {
        visible_printf(stdout, "%s", request->prompts[0]);
        return;
    }
    const struct dialogue *said = &request->dialogues[0];
    if (request->system) visible_printf(stdout, "[system]\n%s\n", request->system);
    for (size_t i = 0; i < said->n; i++)
        visible_printf(stdout, "[%s]\n%s\n", i % 2 ? "assistant" : "user", said->turns[i]);
    printf("[assistant]\n");
}

/* Prints a request for people: what is asked, and behind a bar what is scored. */
static void print_request(const struct item *item, const struct request *request)
{
    visible_printf(stdout, "--- %s, expected %s\n", item->key, item->expected);
    print_asked(request);
    if (!request->n_choices) printf("|\n");
    if (request->n_choices == 1) visible_printf(stdout, "|%s\n", request->choices[0]);
    if (request->n_choices < 2) return;
    printf("\n");
    for (size_t i = 0; i < request->n_choices; i++)
        visible_printf(stdout, "%zu: %s|%s\n", i, request->stems ? request->stems[i] : "",
                       request->choices[i]);
}

static bool print_item(const struct dataset *dataset, size_t i, bool as_json, struct err *err)
{
    struct request request;
    struct arena *arena = arena_new(0, err);
    bool ok = arena && dataset->suite->request(dataset, i, arena, &request, err);
    if (ok && as_json) ok = print_request_json(&dataset->items[i], &request, err);
    else if (ok) print_request(&dataset->items[i], &request);
    arena_free(arena);
    return ok;
}

static bool check_data(const struct options *options, const char *name, struct err *err)
{
    struct task *task = config_task_open(name, err);
    bool is_made = task && task->is_made && !strcmp(options->check, "-");
    const struct suite_options suite = {.data = is_made ? NULL : options->check,
                                        .examples = options->examples,
                                        .protocol = options->protocol,
                                        .shots = (int)options->shots,
                                        .chat = {.is_asked = options->chat, .is_multiturn = true}};
    struct dataset *dataset = task ? task->suite.load(&task->suite, &suite, err) : NULL;
    bool ok = dataset != NULL;
    size_t n = 0;
    if (ok && !options->json)
        visible_printf(stdout, "%s/%s, %d-shot: %zu items\n", task->suite.name, dataset->protocol,
                       dataset->shots, dataset->n_items);
    if (ok) n = dataset->n_items;
    if (options->count && (size_t)options->count < n) n = (size_t)options->count;
    for (size_t i = 0; ok && i < n; i++) ok = print_item(dataset, i, options->json, err);
    dataset_free(dataset);
    task_free(task);
    return ok;
}

static bool show_file(const char *name, struct err *err)
{
    const struct embedded_file *file = task_file_find(name);
    if (!file) return err_set(err, ERR_USAGE, "there is no built-in task \"%s\"", name);
    fputs(file->text, stdout);
    return true;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    bool needs_data =
        options->examples || options->protocol || options->shots >= 0 || options->chat;
    if (!options->check && needs_data)
        return err_set(err, ERR_USAGE,
                       "--protocol, --shots, --examples and --chat take --check DATA");
    if ((options->check || options->show) && invocation->n_arguments != 1)
        return err_set(err, ERR_USAGE, "%s takes one task", options->check ? "--check" : "--show");
    if (options->check) return check_data(options, invocation->arguments[0], err);
    if (options->show) return show_file(invocation->arguments[0], err);
    return list_all(invocation, err);
}

static const char *const EXAMPLES[] = {"phibench tasks", "phibench tasks arc_easy --show", NULL};

const struct command COMMAND_TASKS = {
    .name = "tasks",
    .summary = "list and check the tasks that files describe",
    .arguments = "[TASK|FILE|FOLDER]...",
    .n_max = 64,
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details = "Lists the built-in tasks, or reads and lists the given ones: a built-in task by "
               "its name, a file that describes a task, or a folder of such files. A fault has "
               "its place and the exit status 2.\n\n"
               "With --check a task reads a data file and the first prompts are printed, each "
               "choice behind a bar; every question of the file is made, so that a record that "
               "does not fit is found. With --show the file of a built-in task is printed, to be "
               "read or to begin one's own with. The file docs/tasks.md describes such files.",
    .examples = EXAMPLES,
    .run = run,
};
