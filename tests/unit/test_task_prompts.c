/* test_task_prompts.c - every task asks what lm-evaluation-harness asks, byte for byte, and grades
 * as it does.
 *
 * tests/golden/tasks has small data files and what the harness asks of them, and for the real data
 * sets, where they are, the hash of all that it asks (tools/golden/task_prompts.py made both).
 */
#include "harness/config/task_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/sha256.h"
#include "tests/support/test_data.h"

static const char FOLDER[] = "tests/golden/tasks";

static struct dataset *load(const struct task *task, const struct suite_options *options)
{
    struct err err = {0};
    struct dataset *dataset = task->suite.load(&task->suite, options, &err);
    if (!dataset) fail_msg("%s: %s:%d: %s", task->suite.name, err.file, err.line, err.message);
    return dataset;
}

static struct task *open_task(const char *name)
{
    struct err err = {0};
    struct task *task = config_task_open(name, &err);
    if (!task) fail_msg("%s:%d:%d: %s", err.file, err.line, err.column, err.message);
    return task;
}

/* The context of choice i, and what follows it: the choice, or all stops of a generation. */
static void put_request(const struct request *request, size_t i, struct buf *context,
                        struct buf *rest)
{
    buf_clear(context);
    buf_clear(rest);
    buf_text(context, request->prompts[0]);
    if (request->stems) buf_text(context, request->stems[i]);
    if (request->n_choices) buf_text(rest, request->choices[i]);
    for (size_t k = 0; k < request->n_stops; k++) buf_printf(rest, "%s\x1d", request->stops[k]);
}

/* ---- The small files ---- */

/* A line of prompts.jsonl: [[context, continuation], ...], or [[context, [stops]]]. */
static void compare(const struct json *line, const char *name, const struct request *request)
{
    const struct json *expected = json_get(line, "requests");
    struct buf context = {0}, rest = {0}, wanted = {0};
    size_t n = request->n_choices ? request->n_choices : 1;
    assert_int_equal(n, json_length(expected));
    for (size_t i = 0; i < n; i++) {
        const struct json *behind = json_at(json_at(expected, i), 1);
        put_request(request, i, &context, &rest);
        buf_clear(&wanted);
        buf_text(&wanted, json_as_string(behind, ""));
        for (size_t k = 0; k < json_length(behind); k++)
            buf_printf(&wanted, "%s\x1d", json_as_string(json_at(behind, k), ""));
        if (strcmp(buf_string(&context), json_as_string(json_at(json_at(expected, i), 0), "")) ||
            strcmp(buf_string(&rest), buf_string(&wanted)) != 0)
            fail_msg("%s: request %zu is\n%s|%s\nand not\n%s|%s", name, i, buf_string(&context),
                     buf_string(&rest), json_as_string(json_at(json_at(expected, i), 0), ""),
                     buf_string(&wanted));
    }
    buf_free(&context);
    buf_free(&rest);
    buf_free(&wanted);
}

/* How often a text has another one in it. */
static int count_within(const char *text, const char *part)
{
    int n = 0;
    for (; (text = strstr(text, part)); text++) n++;
    return n;
}

/* The harness shows the question to itself, as the last paragraph of its context and as one before;
 * we show another one. */
static void assert_no_own_example(const struct json *line, const struct request *request)
{
    const char *theirs = json_as_string(json_at(json_at(json_get(line, "requests"), 0), 0), "");
    const char *question = strrchr(theirs, '\n');
    while (question > theirs && question[-1] != '\n')
        question = memrchr(theirs, '\n', (size_t)(question - theirs));
    assert_non_null(question);
    assert_int_equal(count_within(theirs, question + 1), 2);
    assert_int_equal(count_within(request->prompts[0], question + 1), 1);
}

static bool check_line(void *context, const struct json *line, int number, struct err *err)
{
    const char *name = json_as_string(json_get(line, "task"), NULL);
    char *path = file_join(FOLDER, json_as_string(json_get(line, "file"), ""), err);
    size_t *n_lines = context;
    if (number == 1) { /* says what made the file */
        free(path);
        return true;
    }
    const struct suite_options options = {.data = path,
                                          .protocol =
                                              json_as_string(json_get(line, "protocol"), NULL),
                                          .shots = (int)json_as_integer(json_get(line, "shots"), 0),
                                          .examples = path};
    struct task *task = open_task(name);
    struct dataset *dataset = load(task, &options);
    struct arena *arena = arena_new(0, err);
    struct request request;
    size_t i = (size_t)json_as_integer(json_get(line, "item"), 0);
    assert_true(task->suite.request(dataset, i, arena, &request, err));
    assert_int_equal(dataset->items[i].was_own_example, json_as_bool(json_get(line, "own"), false));
    if (dataset->items[i].was_own_example) assert_no_own_example(line, &request);
    else compare(line, name, &request);
    arena_free(arena);
    dataset_free(dataset);
    task_free(task);
    free(path);
    ++*n_lines;
    return true;
}

static void prompts_of_small_files_are_those_of_the_harness(void **state)
{
    (void)state;
    struct err err = {0};
    size_t n = 0;
    if (!json_read_lines("tests/golden/tasks/prompts.jsonl", check_line, &n, &err))
        fail_msg("%s", err.message);
    assert_int_equal(n, 56);
}

/* ---- Grades ---- */

static const struct item *find_item(const struct dataset *dataset, const char *key)
{
    for (size_t i = 0; i < dataset->n_items; i++)
        if (!strcmp(dataset->items[i].key, key)) return &dataset->items[i];
    fail_msg("there is no item %s", key);
    return NULL;
}

/* Log-likelihoods of the line's choices, with the lengths that a client would count. */
static struct verdict grade_choices(const struct task *task, const struct json *line)
{
    char key[24], path[256];
    snprintf(path, sizeof path, "%s/%s", FOLDER, json_as_string(json_get(line, "file"), ""));
    snprintf(key, sizeof key, "%d", (int)json_as_integer(json_get(line, "key"), 0));
    struct dataset *dataset = load(task, &(struct suite_options){.data = path});
    const struct item *item = find_item(dataset, key);
    const struct json *logprobs = json_get(line, "logprobs");
    struct arena *arena = arena_new(0, NULL);
    struct request request;
    struct choice_score choices[16];
    struct verdict verdict;
    assert_true(
        task->suite.request(dataset, (size_t)(item - dataset->items), arena, &request, NULL));
    assert_int_equal(request.n_choices, json_length(logprobs));
    for (size_t i = 0; i < request.n_choices; i++)
        choices[i] = (struct choice_score){.logprob = json_as_number(json_at(logprobs, i), 0),
                                           .n_characters = choice_characters(&request, i)};
    const struct response response = {
        .answered = true, .choices = choices, .n_choices = request.n_choices};
    assert_true(
        task->suite.grade(&task->suite, dataset->protocol, item, &response, &verdict, NULL));
    arena_free(arena);
    dataset_free(dataset);
    return verdict;
}

static struct verdict grade_text(const struct task *task, const struct json *line)
{
    struct verdict verdict;
    const struct item item = {.key = "1",
                              .subset = "de", /* where there are subsets: mgsm's */
                              .expected = json_as_string(json_get(line, "expected"), NULL)};
    const struct response response = {.answered = true,
                                      .text = json_as_string(json_get(line, "text"), NULL)};
    assert_true(task->suite.grade(&task->suite, json_as_string(json_get(line, "protocol"), NULL),
                                  &item, &response, &verdict, NULL));
    return verdict;
}

static double score_of(const struct task *task, const struct verdict *verdict, const char *metric)
{
    if (!strcmp(task->suite.metric, metric)) return verdict->score;
    for (size_t i = 0; i < verdict->n_others; i++)
        if (!strcmp(verdict->others[i].name, metric)) return verdict->others[i].score;
    fail_msg("%s has no metric %s", task->suite.name, metric);
    return 0;
}

static bool check_grade(void *context, const struct json *line, int number, struct err *err)
{
    size_t *n_scores = context;
    const char *metric;
    const struct json *score;
    (void)err;
    if (number == 1) return true; /* says what made the file */
    struct task *task = open_task(json_as_string(json_get(line, "task"), NULL));
    struct verdict verdict =
        json_get(line, "text") ? grade_text(task, line) : grade_choices(task, line);
    for (void *it = NULL; (it = json_next_member(json_get(line, "scores"), it, &metric, &score));
         ++*n_scores) {
        double mine = score_of(task, &verdict, metric), wanted = json_as_number(score, -1);
        if (fabs(mine - wanted) > 1e-12)
            fail_msg("grades.jsonl:%d: %s is %g, and not %g", number, metric, mine, wanted);
    }
    task_free(task);
    return true;
}

static void grades_are_those_of_the_harness(void **state)
{
    (void)state;
    struct err err = {0};
    size_t n = 0;
    if (!json_read_lines("tests/golden/tasks/grades.jsonl", check_grade, &n, &err))
        fail_msg("%s", err.message);
    assert_true(n > 700);
}

/* ---- The real data sets ---- */

/* Hashes the requests of the items that were not among their own examples: their number. */
static int hash_requests(const struct dataset *dataset, char hex[SHA256_HEX_BYTES])
{
    int n_hashed = 0;
    struct err err = {0};
    struct buf context = {0}, rest = {0};
    struct sha256 *hash = sha256_new(&err);
    assert_non_null(hash);
    for (size_t i = 0; i < dataset->n_items; i++) {
        if (dataset->items[i].was_own_example) continue;
        n_hashed++;
        struct arena *arena = arena_new(0, &err);
        struct request request;
        if (!dataset->suite->request(dataset, i, arena, &request, &err))
            fail_msg("%s", err.message);
        size_t n = request.n_choices ? request.n_choices : 1;
        for (size_t k = 0; k < n; k++) {
            put_request(&request, k, &context, &rest);
            sha256_update(hash, buf_string(&context), context.n_bytes);
            sha256_update(hash, "\x1f", 1);
            sha256_update(hash, buf_string(&rest), rest.n_bytes);
            sha256_update(hash, "\x1e", 1);
        }
        arena_free(arena);
    }
    sha256_finish(hash, hex);
    sha256_free(hash);
    buf_free(&context);
    buf_free(&rest);
    return n_hashed;
}

enum { TASK, PROTOCOL, DATA, EXAMPLES, SHOTS, N_ITEMS, HASH, N_COLUMNS };

/* Whether the row's data are here, and then whether the prompts are the same. */
static bool check_row(char *const columns[N_COLUMNS])
{
    char *data = file_join("suites", columns[DATA], NULL), hex[SHA256_HEX_BYTES];
    char *examples = file_join("suites", columns[EXAMPLES], NULL);
    char path[4096], pool[4096];
    bool is_here = test_data_path(path, sizeof path, data) != NULL;
    bool has_pool = is_here && strcmp(columns[EXAMPLES], "-") != 0 &&
                    test_data_path(pool, sizeof pool, examples);
    if (is_here) {
        struct task *task = open_task(columns[TASK]);
        const struct suite_options options = {.data = path,
                                              .protocol = columns[PROTOCOL],
                                              .shots = atoi(columns[SHOTS]),
                                              .examples = has_pool ? pool : NULL};
        struct dataset *dataset = load(task, &options);
        assert_int_equal(hash_requests(dataset, hex), atoi(columns[N_ITEMS]));
        if (strcmp(hex, columns[HASH]) != 0)
            fail_msg("%s, protocol %s, %s shots: other prompts than the harness makes",
                     columns[TASK], columns[PROTOCOL], columns[SHOTS]);
        dataset_free(dataset);
        task_free(task);
    }
    free(examples);
    free(data);
    return is_here;
}

static void prompts_of_real_data_are_those_of_the_harness(void **state)
{
    (void)state;
    struct err err = {0};
    char *text = file_read("tests/golden/tasks/hashes.tsv", 1 << 20, NULL, &err), *rest = NULL;
    if (!text) fail_msg("%s", err.message);
    size_t n_rows = 0, n_checked = 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *columns[N_COLUMNS] = {0}, *more = NULL;
        if (line[0] == '#' || !strncmp(line, "task\t", 5)) continue;
        columns[0] = strtok_r(line, "\t", &more);
        for (size_t i = 1; i < N_COLUMNS; i++)
            assert_non_null(columns[i] = strtok_r(NULL, "\t", &more));
        n_rows++;
        n_checked += check_row(columns);
    }
    free(text);
    assert_true(n_rows > 15);
    if (n_checked < n_rows) skip(); /* test_data_path has said so */
}

/* Not what the harness reads: HellaSwag is cleaned up already and not capitalised, and the reworked
 * forms of the others have other numbers of choices than the harness' templates. */
static void reworked_data_sets_are_read_whole(void **state)
{
    (void)state;
    static const struct {
        const char *task, *data, *expected;
        size_t n_items, n_choices;
    } SETS[] = {
        {"commonsense_qa", "suites/llm_foundry/commonsense_qa.jsonl", "A", 1221, 4},
        {"siqa", "suites/llm_foundry/siqa.jsonl", "B", 1954, 2},
        {"hellaswag", "suites/hellaswag/hellaswag_val_full.txt", "D", 10042, 4},
    };
    for (size_t i = 0; i < sizeof SETS / sizeof *SETS; i++) {
        char path[4096];
        if (!test_data_path(path, sizeof path, SETS[i].data)) skip();
        struct task *task = open_task(SETS[i].task);
        struct dataset *dataset = load(task, &(struct suite_options){.data = path});
        assert_int_equal(dataset->n_items, SETS[i].n_items);
        assert_string_equal(dataset->items[0].expected, SETS[i].expected);
        for (size_t k = 0; k < dataset->n_items; k++) {
            struct arena *arena = arena_new(0, NULL);
            struct request request;
            assert_true(task->suite.request(dataset, k, arena, &request, NULL));
            assert_int_equal(request.n_choices, SETS[i].n_choices);
            assert_null(strstr(request.prompts[0], "Choices:")); /* their frame is taken off */
            arena_free(arena);
        }
        dataset_free(dataset);
        task_free(task);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompts_of_small_files_are_those_of_the_harness),
        cmocka_unit_test(grades_are_those_of_the_harness),
        cmocka_unit_test(reworked_data_sets_are_read_whole),
        cmocka_unit_test(prompts_of_real_data_are_those_of_the_harness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
