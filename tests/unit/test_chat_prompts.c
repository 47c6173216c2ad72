/* test_chat_prompts.c - what suites say in a chat is what lm-evaluation-harness says there, message
 * by message, in one turn and in several.
 *
 * tests/golden/chat has what the harness says of small files, and for real data sets, where they
 * are, the hash of all that it says (tools/golden/chat_prompts.py made both).
 */
#include "suites/prompt_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/sha256.h"
#include "harness/config/task_file.h"
#include "tests/support/test_data.h"

/* A suite, be it a task's or not. End with close_suite. */
struct opened {
    struct task *task; /* NULL: built in */
    const struct suite *suite;
};

static struct opened open_suite(const char *name)
{
    struct err err = {0};
    const struct suite *suite = suite_find(name);
    if (suite) return (struct opened){NULL, suite};
    struct task *task = config_task_open(name, &err);
    if (!task) fail_msg("%s:%d: %s", err.file, err.line, err.message);
    return (struct opened){task, &task->suite};
}

static struct dataset *load(const struct suite *suite, const struct suite_options *options)
{
    struct err err = {0};
    struct dataset *dataset = suite->load(suite, options, &err);
    if (!dataset) fail_msg("%s: %s:%d: %s", suite->name, err.file, err.line, err.message);
    return dataset;
}

static void put_message(const char *role, const char *text, const char *stem, struct buf *out)
{
    buf_printf(out, "%s\n%s%s\x1c", role, text, stem);
}

/* The messages before choice i as chat_prompts.py writes them, and what follows: the choice, or all
 * stops of a generation. */
static void put_request(const struct request *request, size_t i, struct buf *context,
                        struct buf *rest)
{
    assert_non_null(request->dialogues);
    assert_null(request->prompts);
    const struct dialogue *said = &request->dialogues[0];
    buf_clear(context);
    buf_clear(rest);
    if (request->system) put_message("system", request->system, "", context);
    for (size_t k = 0; k < said->n; k++)
        put_message(k % 2 ? "assistant" : "user", said->turns[k],
                    request->stems && k + 1 == said->n ? request->stems[i] : "", context);
    if (request->n_choices) buf_text(rest, request->choices[i]);
    for (size_t k = 0; k < request->n_stops; k++) buf_printf(rest, "%s\x1d", request->stops[k]);
}

/* ---- The small files ---- */

static void compare(const struct json *line, int number, const struct request *request)
{
    const struct json *expected = json_get(line, "requests");
    struct buf context = {0}, rest = {0}, wanted = {0};
    size_t n = request->n_choices ? request->n_choices : 1;
    assert_int_equal(n, json_length(expected));
    for (size_t i = 0; i < n; i++) {
        const char *before = json_as_string(json_at(json_at(expected, i), 0), "");
        const struct json *behind = json_at(json_at(expected, i), 1);
        put_request(request, i, &context, &rest);
        buf_clear(&wanted);
        buf_text(&wanted, json_as_string(behind, ""));
        for (size_t k = 0; k < json_length(behind); k++)
            buf_printf(&wanted, "%s\x1d", json_as_string(json_at(behind, k), ""));
        if (strcmp(buf_string(&context), before) ||
            strcmp(buf_string(&rest), buf_string(&wanted)) != 0)
            fail_msg("line %d: request %zu is\n%s|%s\nand not\n%s|%s", number, i,
                     buf_string(&context), buf_string(&rest), before, buf_string(&wanted));
    }
    buf_free(&context);
    buf_free(&rest);
    buf_free(&wanted);
}

static bool check_line(void *context, const struct json *line, int number, struct err *err)
{
    size_t *n_lines = context;
    if (number == 1) return true; /* says what made the file */
    const char *subset = json_as_string(json_get(line, "subset"), "");
    const struct suite_options options = {
        .data = json_as_string(json_get(line, "file"), NULL),
        .protocol = "lm-eval",
        .shots = (int)json_as_integer(json_get(line, "shots"), 0),
        .examples = json_as_string(json_get(line, "examples"), NULL),
        .subsets = &subset,
        .n_subsets = *subset ? 1 : 0,
        .chat = {.is_asked = true,
                 .is_multiturn = json_as_bool(json_get(line, "multiturn"), false),
                 .system = json_as_string(json_get(line, "system"), NULL)}};
    struct opened opened = open_suite(json_as_string(json_get(line, "task"), NULL));
    struct dataset *dataset = load(opened.suite, &options);
    struct arena *arena = arena_new(0, err);
    struct request request;
    size_t i = (size_t)json_as_integer(json_get(line, "item"), 0);
    if (!opened.suite->request(dataset, i, arena, &request, err))
        fail_msg("line %d: %s", number, err->message);
    bool is_own = dataset->items[i].was_own_example; /* which the harness shows */
    assert_int_equal(is_own, json_as_bool(json_get(line, "own"), false));
    if (!is_own) compare(line, number, &request);
    arena_free(arena);
    dataset_free(dataset);
    task_free(opened.task);
    ++*n_lines;
    return true;
}

static void messages_of_small_files_are_those_of_the_harness(void **state)
{
    (void)state;
    struct err err = {0};
    size_t n = 0;
    if (!json_read_lines("tests/golden/chat/prompts.jsonl", check_line, &n, &err))
        fail_msg("%s", err.message);
    assert_true(n > 60);
}

/* ---- The real data sets ---- */

static void hash_requests(const struct dataset *dataset, char hex[SHA256_HEX_BYTES])
{
    struct buf context = {0}, rest = {0};
    struct sha256 *hash = sha256_new(NULL);
    assert_non_null(hash);
    for (size_t i = 0; i < dataset->n_items; i++) {
        struct arena *arena = arena_new(0, NULL);
        struct request request;
        assert_true(dataset->suite->request(dataset, i, arena, &request, NULL));
        for (size_t k = 0; k < (request.n_choices ? request.n_choices : 1); k++) {
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
}

enum { TASK, PROTOCOL, DATA, EXAMPLES, SHOTS, MULTITURN, N_ITEMS, HASH, N_COLUMNS };

/* Whether the row's data are here, and then whether the messages are the same. */
static bool check_row(char *const columns[N_COLUMNS])
{
    char path[4096], pool[4096], hex[SHA256_HEX_BYTES];
    bool has_pool = strcmp(columns[EXAMPLES], "-") != 0;
    if (!test_data_path(path, sizeof path, columns[DATA]) ||
        (has_pool && !test_data_path(pool, sizeof pool, columns[EXAMPLES])))
        return false;
    bool is_apart = has_pool && strcmp(path, pool) != 0;
    const struct suite_options options = {
        .data = path,
        .protocol = columns[PROTOCOL],
        .shots = atoi(columns[SHOTS]),
        .examples = is_apart ? pool : NULL,
        .chat = {.is_asked = true, .is_multiturn = !strcmp(columns[MULTITURN], "yes")}};
    struct opened opened = open_suite(columns[TASK]);
    struct dataset *dataset = load(opened.suite, &options);
    assert_int_equal(dataset->n_items, atoi(columns[N_ITEMS]));
    hash_requests(dataset, hex);
    if (strcmp(hex, columns[HASH]) != 0)
        fail_msg("%s, protocol %s, %s shots, several turns: %s: other messages than the harness "
                 "sends",
                 columns[TASK], columns[PROTOCOL], columns[SHOTS], columns[MULTITURN]);
    dataset_free(dataset);
    task_free(opened.task);
    return true;
}

static void messages_of_real_data_are_those_of_the_harness(void **state)
{
    (void)state;
    struct err err = {0};
    char *text = file_read("tests/golden/chat/hashes.tsv", 1 << 20, NULL, &err), *rest = NULL;
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
    assert_true(n_rows > 20);
    if (n_checked < n_rows) skip(); /* test_data_path has said so */
}

/* ---- Of our own ---- */

static const char *add_to(struct prompt_parts *parts, enum prompt_part_kind kind, const char *text)
{
    assert_true(prompt_parts_add(parts, kind, text, NULL));
    return text;
}

/* "Do.\n\n" and two examples. */
static void make_parts(struct prompt_parts *parts, struct arena *arena)
{
    *parts = (struct prompt_parts){.arena = arena};
    add_to(parts, PART_DESCRIPTION, "Do.\n\n");
    assert_true(prompt_parts_end(parts, NULL));
    for (int i = 0; i < 2; i++) {
        add_to(parts, PART_QUESTION, i ? "Q2" : "Q1");
        add_to(parts, PART_BETWEEN, " ");
        add_to(parts, PART_ANSWER, i ? "A2" : "A1");
        add_to(parts, PART_BETWEEN, "\n\n");
        assert_true(prompt_parts_end(parts, NULL));
    }
    add_to(parts, PART_QUESTION, "Q3");
}

static void each_prompt_has_one_example_fewer_in_a_text_and_in_a_chat(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0, NULL);
    struct prompt_parts parts;
    struct request request = {0};
    const struct suite_chat plain = {0}, turns = {true, true, NULL}, one = {true, false, NULL};
    make_parts(&parts, arena);
    assert_true(prompt_parts_make(&parts, &plain, "\n\n", 3, &request, NULL));
    assert_string_equal(request.prompts[0], "Do.\n\nQ1 A1\n\nQ2 A2\n\nQ3");
    assert_string_equal(request.prompts[1], "Do.\n\nQ1 A1\n\nQ3");
    assert_string_equal(request.prompts[2], "Do.\n\nQ3");
    assert_null(request.dialogues);
    request = (struct request){0};
    assert_true(prompt_parts_make(&parts, &turns, "\n\n", 3, &request, NULL));
    assert_null(request.prompts);
    assert_int_equal(request.n_prompts, 3);
    assert_string_equal(request.system, "Do.\n\n");
    assert_int_equal(request.dialogues[0].n, 5);
    assert_int_equal(request.dialogues[1].n, 3);
    assert_string_equal(request.dialogues[1].turns[1], "A1");
    assert_string_equal(request.dialogues[1].turns[2], "Q3");
    assert_int_equal(request.dialogues[2].n, 1);
    assert_true(prompt_parts_make(&parts, &one, "\n\n", 2, &request, NULL));
    assert_int_equal(request.dialogues[0].n, 1);
    assert_string_equal(request.dialogues[0].turns[0], "Q1 A1\n\nQ2 A2\n\nQ3");
    assert_string_equal(request.dialogues[1].turns[0], "Q1 A1\n\nQ3");
    arena_free(arena);
}

/* As the harness joins them (api/utils.py, maybe_delimit). */
static void a_system_text_stands_before_the_description(void **state)
{
    (void)state;
    static const struct {
        const char *own, *description, *system;
    } CASES[] = {{"Be brief.", "Do.", "Be brief.\n\nDo."},
                 {"Be brief.\n", "Do.", "Be brief.\nDo."},
                 {"Be brief.", " Do.", "Be brief. Do."},
                 {"Be brief.", "", "Be brief."},
                 {" ", "Do.", " Do."},
                 {NULL, "Do.", "Do."},
                 {NULL, "", NULL}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct arena *arena = arena_new(0, NULL);
        struct prompt_parts parts = {.arena = arena};
        struct request request = {0};
        add_to(&parts, PART_DESCRIPTION, CASES[i].description);
        assert_true(prompt_parts_end(&parts, NULL));
        add_to(&parts, PART_QUESTION, "Q");
        const struct suite_chat chat = {true, true, CASES[i].own};
        assert_true(prompt_parts_make(&parts, &chat, "\n\n", 1, &request, NULL));
        if (CASES[i].system) assert_string_equal(request.system, CASES[i].system);
        else assert_null(request.system);
        arena_free(arena);
    }
}

static void a_protocol_says_how_it_is_asked(void **state)
{
    (void)state;
    static const struct {
        struct suite_chat chat;
        int shots;
        const char *ending, *name;
    } CASES[] = {
        {{false, true, "not asked"}, 5, "", "lm-eval"},
        {{true, true, NULL}, 0, "", "lm-eval+chat"},
        {{true, false, NULL}, 5, "", "lm-eval+chat"},
        {{true, true, NULL}, 5, "", "lm-eval+chat-multiturn"},
        {{true, true, ""}, 5, "-open-book", "lm-eval+chat-multiturn-open-book"},
        {{true, false, "Be brief."}, 0, "", "lm-eval+chat+system-213c22ed"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct dataset *dataset = dataset_new(suite_find("mmlu"), 0, NULL);
        assert_true(dataset_set_protocol(dataset, &CASES[i].chat, CASES[i].shots, "lm-eval",
                                         CASES[i].ending, NULL));
        assert_string_equal(dataset->protocol, CASES[i].name);
        assert_int_equal(dataset->shots, CASES[i].shots);
        assert_int_equal(dataset_asks_chat(dataset), CASES[i].chat.is_asked);
        assert_true(*CASES[i].ending || protocol_is(dataset->protocol, "lm-eval"));
        assert_false(protocol_is(dataset->protocol, "lm"));
        dataset_free(dataset);
    }
    assert_false(protocol_is("lm-eval+charts", "lm-eval"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_small_files_are_those_of_the_harness),
        cmocka_unit_test(each_prompt_has_one_example_fewer_in_a_text_and_in_a_chat),
        cmocka_unit_test(a_system_text_stands_before_the_description),
        cmocka_unit_test(a_protocol_says_how_it_is_asked),
        cmocka_unit_test(messages_of_real_data_are_those_of_the_harness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
