/* test_task.c - tasks of one's own: every format of records, layouts, examples, groups, requests,
 * and grades by every metric.
 *
 * Task files are written out here; a fault in one of them, and in the data, has its place.
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
#include "tests/support/test_data.h"

static const char HEAD[] = "name: mine\nversion: 1\nsummary: s\n";
static const char CHOICES[] =
    "layouts:\n  one: {q: '{question}', choices: '{options | split(\";\")}', answer: '{right}'}\n"
    "protocols:\n  p: {prompt: '{q}', choices: '{choices}', metrics: [acc, acc_norm, mc2]}\n";

static struct task *parse(const char *head, const char *body)
{
    struct err err = {0};
    struct buf text = {0};
    buf_text(&text, head);
    buf_text(&text, body);
    struct task *task = config_task_parse(buf_string(&text), text.n_bytes, "mine.yaml", &err);
    if (!task) fail_msg("%s:%d:%d: %s", err.file, err.line, err.column, err.message);
    buf_free(&text);
    return task;
}

/* ---- Data files in a folder of the test ---- */

static char folder[4096];

static int set_up(void **state)
{
    (void)state;
    return test_make_folder(folder, sizeof folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    test_remove_folder(folder);
    return 0;
}

static const char *write_file(const char *name, const char *text)
{
    static char path[5000];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!file_write(path, text, strlen(text), &err)) fail_msg("%s", err.message);
    return path;
}

static struct dataset *load(const struct task *task, const char *path, int shots, struct err *err)
{
    const struct suite_options options = {.data = path, .shots = shots};
    return task->suite.load(&task->suite, &options, err);
}

static struct dataset *load_well(const struct task *task, const char *path, int shots)
{
    struct err err = {0};
    struct dataset *dataset = load(task, path, shots, &err);
    if (!dataset) fail_msg("%s:%d: %s", err.file, err.line, err.message);
    return dataset;
}

static void every_format_gives_the_same_questions(void **state)
{
    (void)state;
    static const struct {
        const char *name, *records, *text;
        int line; /* of the second record */
    } FILES[] = {
        {"a.jsonl", "",
         "{\"question\":\"Q1\",\"options\":\"x;y\",\"right\":1}\n\n"
         "{\"question\":\"Q2\",\"options\":\"x;y;z\",\"right\":\"2\"}\n",
         3},
        {"a.json", "",
         "[{\"question\":\"Q1\",\"options\":\"x;y\",\"right\":true},\n"
         "{\"question\":\"Q2\",\"options\":\"x;y;z\",\"right\":2}]",
         0},
        {"b.json", "records: {member: rows}\n",
         "{\"note\":1,\"rows\":[{\"question\":\"Q1\",\"options\":\"x;y\",\"right\":[0,1]},"
         "{\"question\":\"Q2\",\"options\":\"x;y;z\",\"right\":[0,false,true]}]}",
         0},
        {"a.csv", "", "question,right,options\nQ1,1,x;y\n\"Q2\",2,x;y;z\n", 3},
        {"a.tsv", "records: {columns: [question, options, right]}\n",
         "Q1\tx;y\t1\r\nQ2\tx;y;z\t2\r\n", 2},
        {"a.txt", "records: {columns: [question, options, right]}\n",
         "Q1\nx;y\n1\nQ2\r\nx;y;z\r\n2", 4},
    };
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        char head[200];
        snprintf(head, sizeof head, "%s%s", HEAD, FILES[i].records);
        struct task *task = parse(head, CHOICES);
        struct dataset *dataset = load_well(task, write_file(FILES[i].name, FILES[i].text), 0);
        struct arena *arena = arena_new(0, NULL);
        struct request request;
        assert_int_equal(dataset->n_items, 2);
        assert_string_equal(dataset->items[0].expected, "B");
        assert_string_equal(dataset->items[1].expected, "C");
        assert_int_equal(dataset->items[1].line, FILES[i].line);
        assert_true(task->suite.request(dataset, 1, arena, &request, NULL));
        assert_string_equal(request.prompts[0], "Q2");
        assert_int_equal(request.n_choices, 3);
        assert_string_equal(request.choices[2], " z");
        arena_free(arena);
        dataset_free(dataset);
        task_free(task);
    }
}

/* The data of a file, with the error's place and message. */
static void assert_refused(const char *head, const char *name, const char *text, int line,
                           const char *message)
{
    struct err err = {0};
    struct task *task = parse(head, CHOICES);
    const char *path = write_file(name, text);
    struct dataset *dataset = load(task, path, 0, &err);
    if (dataset) fail_msg("%s is accepted", text);
    assert_string_equal(err.file, path);
    assert_int_equal(err.line, line);
    if (!strstr(err.message, message)) fail_msg("\"%s\" has no \"%s\"", err.message, message);
    task_free(task);
}

static void records_that_do_not_fit_have_their_place(void **state)
{
    (void)state;
    static const char GOOD[] = "{\"question\":\"Q\",\"options\":\"x;y\",\"right\":0}\n";
    char lines[500];
    static const struct {
        const char *second, *message;
    } RECORDS[] = {
        {"{\"question\":\"Q\",\"options\":\"x;y\",\"right\":2}", "the answer is \"2\", not the"},
        {"{\"question\":\"Q\",\"options\":\"x;y\",\"right\":0.5}", "the answer is \"0.5\""},
        {"{\"question\":\"Q\",\"options\":\"x;y\",\"right\":\"A\"}", "the answer is \"A\""},
        {"{\"question\":\"Q\",\"options\":\"x;y\",\"right\":null}", "the answer is nothing"},
        {"{\"question\":\"Q\",\"options\":\"x;y\",\"right\":[1]}", "1 marks for 2 choices"},
        {"{\"question\":\"Q\",\"options\":\"x;y\",\"right\":[0,0]}", "marks no choice as right"},
        {"{\"question\":\"Q\",\"options\":\"x;y\",\"right\":[0,2]}", "mark 1 is neither 0 nor 1"},
        {"{\"question\":\"Q\",\"right\":1}", "there is no field \"options\""},
        {"{\"question\":{},\"options\":\"x;y\",\"right\":1}", "{q} is a map, and a text is needed"},
        {"[1]", "record 2 is no JSON object"},
        {"{", "}"},
    };
    for (size_t i = 0; i < sizeof RECORDS / sizeof *RECORDS; i++) {
        snprintf(lines, sizeof lines, "%s%s\n", GOOD, RECORDS[i].second);
        assert_refused(HEAD, "a.jsonl", lines, 2, RECORDS[i].message);
    }
    assert_refused(HEAD, "a.json", "{\"rows\":[]}", 0, "there is no list of records");
    assert_refused(
        HEAD, "a.json", "[{\"question\":\"Q\",\"options\":\"x\",\"right\":1}]", 0,
        "not the position of one of 1 choices (the first is 0) (while reading record 1)");
    assert_refused(HEAD, "a.csv", "question,right,options\nQ1,1\n", 2,
                   "2 columns, not 3 as in the");
    assert_refused(HEAD, "a.csv", "question,right,options\n", 1, "there are no records");
    assert_refused(HEAD, "a.csv", "question,right,options\n\xff,0,x\n", 2, "question is not UTF-8");
    assert_refused(HEAD, "a.txt", "x", 0, "takes a task that says what a record's lines are");
    assert_refused(HEAD, "a.dat", "x", 0, "must end in .jsonl, .json, .csv, .tsv or .txt");
    char head[200];
    snprintf(head, sizeof head, "%srecords: {columns: [question, options, right]}\n", HEAD);
    assert_refused(head, "a.txt", "Q\nx;y\n0\nQ\n", 4,
                   "the file ends after 1 of a record's 3 lines");
}

/* ---- Examples and groups ---- */

static const char MANY[] = "{\"question\":\"Q0\",\"options\":\"a;b\",\"right\":0,\"kind\":\"k\"}\n"
                           "{\"question\":\"Q1\",\"options\":\"a;b\",\"right\":1,\"kind\":\"k\"}\n"
                           "{\"question\":\"Q2\",\"options\":\"a;b\",\"right\":0,\"kind\":\"l\"}\n"
                           "{\"question\":\"Q3\",\"options\":\"a;b\",\"right\":1,\"kind\":\"l\"}\n";

static void the_first_examples_leave_the_question_out(void **state)
{
    (void)state;
    struct task *task = parse(
        HEAD,
        "layouts:\n  one: {q: '{question}', choices: '{options | split(\";\")}', "
        "answer: '{right}'}\n"
        "protocols:\n  p: {examples: first, shots: 2, fit: fewer-shots, preamble: 'Answer.\n\n\n', "
        "delimiter: '->', separator: '|', prompt: '{q}', choices: '{choices}', "
        "metrics: [acc]}\n");
    struct dataset *dataset = load_well(task, write_file("a.jsonl", MANY), -1);
    struct arena *arena = arena_new(0, NULL);
    struct request request;
    assert_true(task->suite.request(dataset, 1, arena, &request, NULL));
    assert_int_equal(request.n_prompts, 3);
    assert_string_equal(request.prompts[0], "Answer.\n\nQ0->a|Q2->a|Q1");
    assert_string_equal(request.prompts[1], "Answer.\n\nQ0->a|Q1");
    assert_string_equal(request.prompts[2], "Answer.\n\nQ1");
    assert_string_equal(request.choices[1], "->b");
    arena_free(arena);
    dataset_free(dataset);
    struct err err = {0};
    assert_null(load(task, write_file("a.jsonl", MANY), 4, &err));
    assert_string_equal(err.message, "3 examples, and 4 shots need more");
    task_free(task);
}

static void groups_name_subsets_and_levels(void **state)
{
    (void)state;
    struct task *task =
        parse(HEAD, "groups: {kind: '{kind}', first: '{choices[0]}'}\n"
                    "layouts:\n  one: {q: '{question}', kind: '{kind}', "
                    "choices: '{options | split(\";\")}', answer: '{right}'}\n"
                    "protocols:\n  p: {prompt: '{q}', choices: '{choices}', metrics: [acc]}\n");
    struct dataset *dataset = load_well(task, write_file("a.jsonl", MANY), 0);
    const struct item *item = &dataset->items[2];
    assert_string_equal(item->key, "l/3");
    assert_string_equal(item->subset, "l");
    assert_int_equal(item->n_groups, 2);
    assert_string_equal(item->groups[0].level, "kind");
    assert_string_equal(item->groups[0].name, "l");
    assert_string_equal(item->groups[1].level, "first");
    assert_string_equal(item->groups[1].name, "a");
    dataset_free(dataset);
    const struct suite_options one = {.data = write_file("a.jsonl", MANY), .limit = 1};
    dataset = task->suite.load(&task->suite, &one, NULL); /* of each subset */
    assert_non_null(dataset);
    assert_int_equal(dataset->n_items, 2);
    assert_string_equal(dataset->items[1].key, "l/3");
    dataset_free(dataset);
    task_free(task);
}

/* ---- Grades ---- */

static struct verdict grade(const struct task *task, const char *expected,
                            const struct response *response)
{
    struct err err = {0};
    struct verdict verdict;
    const struct item item = {.key = "1", .subset = "", .expected = expected};
    if (!task->suite.grade(&task->suite, "p", &item, response, &verdict, &err))
        fail_msg("%s", err.message);
    return verdict;
}

static struct verdict grade_choices(const struct task *task, const char *expected, double a,
                                    double b, double c)
{
    struct choice_score choices[] = {{.logprob = a, .n_characters = 1},
                                     {.logprob = b, .n_characters = 4},
                                     {.logprob = c, .n_characters = 0}};
    const struct response response = {.answered = true, .choices = choices, .n_choices = 3};
    return grade(task, expected, &response);
}

static double chance_of(const char *protocols, const char *records)
{
    struct task *task = parse(HEAD, protocols);
    struct dataset *dataset = load_well(task, write_file("a.jsonl", records), 0);
    double chance = dataset->chance;
    dataset_free(dataset);
    task_free(task);
    return chance;
}

static void chance_is_what_guessing_scores_over_the_items(void **state)
{
    (void)state;
    static const char GREEDY[] = "layouts:\n  one: {q: '{question}'}\n"
                                 "protocols:\n  p: {prompt: '{q}', continuation: 'x', "
                                 "metrics: [acc]}\n";
    assert_true(chance_of(CHOICES, "{\"question\":\"a\",\"options\":\"x;y\",\"right\":0}\n") ==
                0.5);
    /* 1 of 2, 1 of 4, and 2 of 4 that are right */
    assert_true(fabs(chance_of(CHOICES, "{\"question\":\"a\",\"options\":\"x;y\",\"right\":0}\n"
                                        "{\"question\":\"b\",\"options\":\"x;y;z;w\",\"right\":3}\n"
                                        "{\"question\":\"c\",\"options\":\"x;y;z;w\","
                                        "\"right\":[0,1,1,0]}\n") -
                     1.25 / 3) < 1e-15);
    assert_true(chance_of(GREEDY, "{\"question\":\"a\"}\n") == 0); /* nothing to choose among */
}

static void choices_are_graded_by_every_metric(void **state)
{
    (void)state;
    struct task *task = parse(HEAD, CHOICES);
    struct verdict verdict = grade_choices(task, "A", -2, -4, -6);
    assert_true(verdict.answered && verdict.is_correct && !verdict.is_tie);
    assert_string_equal(verdict.predicted, "A");
    assert_true(verdict.score == 1 && verdict.margin == 2);
    assert_int_equal(verdict.n_others, 2);
    assert_string_equal(verdict.others[0].name, "acc_norm"); /* -2, -1, -6 a character */
    assert_true(verdict.others[0].score == 0);
    assert_string_equal(verdict.others[1].name, "mc2");
    assert_true(fabs(verdict.others[1].score - 1 / (1 + exp(-2) + exp(-4))) < 1e-15);
    verdict = grade_choices(task, "B,C", -4, -4, -6);
    assert_true(!verdict.is_correct && verdict.is_tie && verdict.margin == 0);
    assert_true(verdict.others[0].score == 1);
    assert_true(fabs(verdict.others[1].score - (1 + exp(-2)) / (2 + exp(-2))) < 1e-15);
    verdict = grade_choices(task, "A", -2000, -3000, -INFINITY); /* exp() of these is 0 */
    assert_true(verdict.others[1].score == 1);
    verdict = grade_choices(task, "A", -INFINITY, -INFINITY, -INFINITY);
    assert_true(verdict.answered && verdict.is_tie);
    assert_true(fabs(verdict.others[1].score - 1.0 / 3) < 1e-15);
    verdict = grade_choices(task, "A", -1, NAN, -2);
    assert_true(!verdict.answered && verdict.score == 0 && !verdict.predicted[0]);
    verdict = grade(task, "A", &(struct response){.answered = false});
    assert_false(verdict.answered);
    task_free(task);
}

static void a_continuation_is_right_where_it_is_greedy(void **state)
{
    (void)state;
    struct task *task = parse(HEAD, "layouts:\n  one: {q: '{question}'}\n"
                                    "protocols:\n  p: {prompt: '{q}', continuation: 'x', "
                                    "metrics: [acc, ppl]}\n");
    struct choice_score choice = {.logprob = -2.5, .is_greedy = true};
    struct response response = {.answered = true, .choices = &choice, .n_choices = 1};
    struct verdict verdict = grade(task, "x", &response);
    assert_true(verdict.is_correct && verdict.score == 1);
    assert_string_equal(verdict.others[0].name, "ppl");
    assert_true(verdict.others[0].score ==
                2.5); /* a loss: the store makes a perplexity of its mean */
    choice.is_greedy = false;
    assert_false(grade(task, "x", &response).is_correct);
    response.answered = false;
    verdict = grade(task, "x", &response);
    assert_true(!verdict.answered && verdict.n_others == 0); /* no loss is known */
    task_free(task);
}

static void a_generation_is_read_by_templates(void **state)
{
    (void)state;
    struct task *task =
        parse(HEAD, "layouts:\n  one: {q: '{question}', answer: '{right}'}\n"
                    "protocols:\n  p: {prompt: '{q}', generate: {max_tokens: 8}, metrics: {"
                    "strict: \"{response | match('#### ([0-9]+)')}\", "
                    "flexible: \"{response | last_match('[0-9]+') | or('0')}\"}}\n");
    struct response response = {.answered = true, .text = "2 and 3 is #### 5, not 6"};
    struct verdict verdict = grade(task, "5", &response);
    assert_true(verdict.answered && verdict.is_correct);
    assert_string_equal(verdict.predicted, "5");
    assert_string_equal(verdict.others[0].name, "flexible");
    assert_true(verdict.others[0].score == 0);
    assert_true(grade(task, "4\n5", &response).is_correct);
    assert_false(grade(task, "55", &response).is_correct);
    response.text = "I think 5";
    verdict = grade(task, "5", &response);
    assert_true(!verdict.answered && verdict.score == 0 && verdict.others[0].score == 1);
    response.text = "";
    assert_false(grade(task, "5", &response).answered);
    task_free(task);
}

static void what_was_predicted_is_cut_between_two_characters(void **state)
{
    (void)state;
    struct task *task = parse(HEAD, "layouts:\n  one: {q: '{question}', answer: '{right}'}\n"
                                    "protocols:\n  p: {prompt: '{q}', generate: {max_tokens: 8}, "
                                    "metrics: {all: '{response}'}}\n");
    char text[400];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    memcpy(text + 253, "\xe2\x82\xac", 3); /* 255 bytes fit, and end in the midst of it */
    struct response response = {.answered = true, .text = text};
    assert_int_equal(strlen(grade(task, "5", &response).predicted), 253);
    text[255] = 0;
    memcpy(text + 253, "xx", 2);
    assert_int_equal(strlen(grade(task, "5", &response).predicted), 255);
    task_free(task);
}

/* ---- Task files ---- */

static void faults_of_a_task_file_have_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
        int line, column;
    } FILES[] = {
        {"name: a\nversion: 1\n", "the task needs the key \"summary\"", 1, 1},
        {"name: a\nversion: 0\nsummary: s\n", "version must be between 1 and", 2, 10},
        {"name: a\nlike: arc_eazy\n", "there is no built-in task of that name to be like", 2, 7},
        {"name: a\nlike: arc_challenge\n", "arc_challenge is like another task itself", 2, 7},
        {"name: a\nlike: lambada\nversion: 2\nsummary: s\nprotocols:\n  x: {prompt: '{q', "
         "continuation: a, metrics: [acc]}\n",
         "prompt: \"{\" without its \"}\" (at character 1 of the template)", 6, 15},
        {"name: a\nlike: lambada\nversion: 2\nsummary: s\nrecords: {texts: {a: b}}\n",
         "texts are files beside those of subsets", 5, 11},
        {"name: a\nlike: lambada\nversion: 2\nsummary: s\nrecords: {made: needle, member: x}\n",
         "records that are made are read from no file", 5, 10},
        {"name: a\nlike: lambada\nversion: 2\nsummary: s\ngroups: {a: x, b: x, c: x, d: x, e: x}\n",
         "more than 4 groups", 5, 9},
        {"name: a\nlike: arc_easy\nversion: 2\nsummary: s\nprotocols:\n"
         "  x: {prompt: a, choices: [b], metrics: [acc]}\n"
         "  y: {prompt: a, choices: [b], metrics: [mc2]}\n",
         "the first metric must be acc, as in the first protocol", 7, 41},
        {"name: a\nlike: arc_easy\nversion: 2\nsummary: s\nprotocols:\n"
         "  x: {prompt: a, choices: [b], examples: fixed, metrics: [acc]}\n",
         "fixed examples stand in the preamble", 6, 6},
        {"name: a\nlike: arc_easy\nversion: 2\nsummary: s\nprotocols:\n"
         "  x: {prompt: a, choices: [b], metrics: [acc, acc]}\n",
         "the metric acc stands here a second time", 6, 47},
        {"name: a\nlike: gsm8k\nversion: 2\nsummary: s\nprotocols:\n"
         "  x: {prompt: a, generate: {}, metrics: [acc]}\n",
         "metrics of a generation are a map", 6, 41},
        {"name: a\nlike: gsm8k\nversion: 2\nsummary: s\nprotocols:\n"
         "  x: {prompt: a, generate: {stops: b}, metrics: {m: '{response}'}}\n",
         "stops must be a list of templates", 6, 36},
        {"name: a\nlike: arc_easy\nversion: 2\nsummary: s\nprotocols:\n"
         "  x: {prompt: a, continuation: b, stems: [c], metrics: [acc]}\n",
         "stems take the key choices", 6, 35},
    };
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        struct err err = {0};
        const char *text = FILES[i].text;
        struct task *task = config_task_parse(text, strlen(text), "mine.yaml", &err);
        if (task) fail_msg("%s is accepted", text);
        assert_int_equal(err.code, ERR_CONFIG);
        assert_string_equal(err.file, "mine.yaml");
        if (!strstr(err.message, FILES[i].message))
            fail_msg("%s: \"%s\" has no \"%s\"", text, err.message, FILES[i].message);
        if (err.line != FILES[i].line || err.column != FILES[i].column)
            fail_msg("%s: at %d:%d", text, err.line, err.column);
    }
}

static void what_a_file_means_is_hashed_and_not_how_it_is_written(void **state)
{
    (void)state;
    static const char REMARKED[] = "# A remark\nname: 'mine' # and one\nversion: 1\nsummary: s\n";
    struct task *task = parse(HEAD, CHOICES), *same = parse(REMARKED, CHOICES);
    struct task *other = parse("name: mine\nversion: 1\nsummary: t\n", CHOICES);
    struct task *like = parse("name: b\nversion: 1\nsummary: s\nlike: lambada\n", "");
    struct task *lambada = config_task_open("lambada", NULL);
    assert_string_not_equal(task->hash, other->hash);
    assert_string_equal(task->hash, same->hash);
    assert_int_equal(like->n_layouts, lambada->n_layouts);
    assert_string_not_equal(like->hash, lambada->hash);
    task_free(task);
    task_free(same);
    task_free(other);
    task_free(like);
    task_free(lambada);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_format_gives_the_same_questions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_that_do_not_fit_have_their_place, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_first_examples_leave_the_question_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(groups_name_subsets_and_levels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(chance_is_what_guessing_scores_over_the_items, set_up,
                                        tear_down),
        cmocka_unit_test(choices_are_graded_by_every_metric),
        cmocka_unit_test(a_continuation_is_right_where_it_is_greedy),
        cmocka_unit_test(a_generation_is_read_by_templates),
        cmocka_unit_test(what_was_predicted_is_cut_between_two_characters),
        cmocka_unit_test(faults_of_a_task_file_have_their_place),
        cmocka_unit_test(what_a_file_means_is_hashed_and_not_how_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
