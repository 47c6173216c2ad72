/* fuzz_records.c - any bytes are either the data of a built-in task or are refused with a message;
 * of data, every question is asked as often as it is read, and an answer to it is graded.
 *
 * The first byte chooses the task, the second the format, the rest is the file, which is its own
 * file of examples, too.
 */
#include "harness/config/task_file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static const char *const TASKS[] = {"arc_easy",   "boolq", "commonsense_qa", "gsm8k",
                                    "hellaswag",  "piqa",  "lambada",        "openbookqa",
                                    "winogrande", "siqa",  "truthfulqa_mc2"};
static const char *const FORMATS[] = {"jsonl", "json", "csv", "tsv", "txt"};
enum { N_TASKS = sizeof TASKS / sizeof *TASKS, N_FORMATS = sizeof FORMATS / sizeof *FORMATS };

static void check_item(const struct dataset *dataset, size_t i_item)
{
    struct err err = {0};
    struct request request;
    struct verdict verdict;
    struct arena *arena = arena_new(0, NULL);
    if (!arena || !dataset->suite->request(dataset, i_item, arena, &request, &err)) abort();
    struct choice_score *choices = arena_alloc(arena, request.n_choices + 1, sizeof *choices, &err);
    if (!choices) abort();
    for (size_t i = 0; i < request.n_choices; i++) {
        if (!*request.choices[i]) abort(); /* nothing to score */
        choices[i] = (struct choice_score){.logprob = -(double)i,
                                           .n_characters = choice_characters(&request, i)};
    }
    const struct response response = {.answered = true,
                                      .choices = request.n_choices ? choices : NULL,
                                      .n_choices = request.n_choices,
                                      .text = request.n_choices ? NULL : "#### 5"};
    if (!dataset->suite->grade(dataset->suite, dataset->protocol, &dataset->items[i_item],
                               &response, &verdict, &err))
        abort();
    if (!(verdict.score >= 0)) abort();
    arena_free(arena);
}

static void try_file(const struct task *task, const char *path, bool has_examples)
{
    struct err err = {0};
    const struct suite_options options = {
        .data = path, .shots = has_examples ? 1 : 0, .examples = has_examples ? path : NULL};
    struct dataset *dataset = task->suite.load(&task->suite, &options, &err);
    if (!dataset && (err.code == ERR_NONE || !err.message[0])) abort();
    for (size_t i = 0; dataset && i < dataset->n_items; i++) check_item(dataset, i);
    dataset_free(dataset);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct err err = {0};
    struct buf path = {0};
    if (n_bytes < 2) return 0;
    struct task *task = config_task_open(TASKS[bytes[0] % N_TASKS], &err);
    buf_printf(&path, "%s/fuzz-records-%ld.%s", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp",
               (long)getpid(), FORMATS[bytes[1] % N_FORMATS]);
    FILE *file = fopen(buf_string(&path), "wb");
    if (!task || !file) abort();
    if (fwrite(bytes + 2, 1, n_bytes - 2, file) != n_bytes - 2 || fclose(file) != 0) abort();
    try_file(task, buf_string(&path), false);
    if (task->task_protocols[0].kind != TASK_CONTINUATION && !task->task_protocols[0].fixed_shots)
        try_file(task, buf_string(&path), true);
    unlink(buf_string(&path));
    buf_free(&path);
    task_free(task);
    return 0;
}
