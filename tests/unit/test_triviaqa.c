/* test_triviaqa.c - files, prompts of every protocol, grades; and the real data set.
 *
 * The prompts are written out by hand after the descriptions of the protocols; which examples
 * lm-eval draws was printed by Python's random.Random(1234).sample.
 */
#include "suites/triviaqa.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "suites/triviaqa_data.h"
#include "tests/support/test_data.h"
#include "tests/support/test_folder.h"

static const char DEV[] =
    "{\"Domain\": \"Web\", \"Other\": [{}, {}],\n"
    " \"Data\": [\n"
    "  {\"Question\": \"Who \\\"{\\\" is?\", \"QuestionId\": \"tc_1\",\n"
    "   \"Answer\": {\"Value\": \"The Who\", \"Aliases\": [\"The Who\", \"Who, The\"],\n"
    "    \"NormalizedAliases\": [\"who\"], \"HumanAnswers\": [\"The W.H.O.\"]}},\n"
    "  {\"Question\": \"Where?\", \"QuestionId\": \"qw_7\",\n"
    "   \"EntityPages\": [{\"Filename\": \"New_York.txt\"}],\n"
    "   \"SearchResults\": [{\"Filename\": \"35/1.txt\"}],\n"
    "   \"Answer\": {\"Value\": \"New York\", \"Aliases\": [\"New York City\", \"New York\"],\n"
    "    \"NormalizedAliases\": [\"new york city\", \"new york\"]}},\n"
    "  {\"Question\": \"Last?\", \"QuestionId\": \"tc_2\",\n"
    "   \"Answer\": {\"Value\": \"7\", \"Aliases\": [\"7\"], \"NormalizedAliases\": [\"7\"]}}]}\n";

/* Seven examples: x_0 with the question q0, the value v0 and the first alias a0, and so on. */
static void write_examples(const char *path)
{
    struct buf text = {0};
    buf_text(&text, "{\"Data\": [");
    for (int i = 0; i < 7; i++)
        buf_printf(&text,
                   "%s\n{\"Question\": \"q%d?\", \"QuestionId\": \"x_%d\", \"Answer\": {\"Value\": "
                   "\"v%d\", \"Aliases\": [\"a%d\", \"v%d\"], \"NormalizedAliases\": [\"a%d\"]}}",
                   i ? "," : "", i, i, i, i, i, i);
    buf_text(&text, "]}\n");
    assert_true(file_write(path, buf_string(&text), text.n_bytes, NULL));
    buf_free(&text);
}

static int enter(void **state)
{
    if (test_enter_folder(state)) return -1;
    if (!file_make_folders("data/qa", NULL)) return -1;
    test_write_text("data/qa/web-dev.json", DEV);
    write_examples("data/qa/web-train.json");
    return 0;
}

static struct dataset *load(const struct suite_options *options)
{
    struct err err = {0};
    struct dataset *dataset = SUITE_TRIVIAQA.load(&SUITE_TRIVIAQA, options, &err);
    if (!dataset) fail_msg("%s:%d: %s", err.file, err.line, err.message);
    return dataset;
}

static struct dataset *load_protocol(const char *protocol, int shots)
{
    return load(&(struct suite_options){.data = "data", .protocol = protocol, .shots = shots});
}

static void assert_refused(const struct suite_options *options, enum err_code code, int line,
                           const char *message)
{
    struct err err = {0};
    assert_null(SUITE_TRIVIAQA.load(&SUITE_TRIVIAQA, options, &err));
    if (err.code != code || err.line != line || !strstr(err.message, message))
        fail_msg("code %d, line %d: %s", err.code, err.line, err.message);
}

/* Loads a file of its own. */
static void assert_file_refused(const char *path, const char *text, int line, const char *message)
{
    test_write_text(path, text);
    assert_refused(&(struct suite_options){.data = path}, ERR_INPUT, line, message);
}

static struct request request_of(const struct dataset *dataset, size_t i_item, struct arena *arena)
{
    struct request request;
    struct err err = {0};
    if (!SUITE_TRIVIAQA.request(dataset, i_item, arena, &request, &err))
        fail_msg("%s", err.message);
    return request;
}

/* ---- Items ---- */

static void items_know_their_place_and_all_answers(void **unused)
{
    (void)unused;
    struct dataset *dataset = load_protocol(NULL, -1);
    assert_string_equal(dataset->protocol, "official");
    assert_int_equal(dataset->shots, 0);
    assert_int_equal(dataset->n_items, 3);
    const struct item *items = dataset->items;
    assert_string_equal(items[0].key, "tc_1");
    assert_string_equal(items[0].file, "data/qa/web-dev.json");
    assert_int_equal(items[0].line, 3);
    assert_int_equal(items[1].line, 6);
    assert_int_equal(items[2].line, 11);
    assert_string_equal(
        items[0].expected,
        "{\"aliases\":[\"The Who\",\"Who, The\"],\"normalized\":[\"who\",\"w h o\"]}");
    assert_string_equal(items[1].subset, "qw");
    assert_int_equal(items[2].n_groups, 1);
    assert_string_equal(items[2].groups[0].level, "source");
    assert_string_equal(items[2].groups[0].name, "tc");
    dataset_free(dataset);
}

static void a_limit_counts_in_every_source(void **unused)
{
    (void)unused;
    const char *const sources[] = {"tc"};
    struct suite_options options = {.data = "data", .limit = 1};
    struct dataset *dataset = load(&options);
    assert_int_equal(dataset->n_items, 2);
    assert_string_equal(dataset->items[1].key, "qw_7");
    dataset_free(dataset);
    options = (struct suite_options){.data = "data", .subsets = sources, .n_subsets = 1};
    dataset = load(&options);
    assert_int_equal(dataset->n_items, 2);
    assert_string_equal(dataset->items[1].key, "tc_2");
    dataset_free(dataset);
}

static void lists_are_read_as_json_and_as_python_prints_them(void **unused)
{
    (void)unused;
    test_write_text("lists.tsv", "Who?\t['Who', \"D'Arcy\", 'it\\'s', '\\xe9\\u00e9']\r\n"
                                 "\n"
                                 "Where?\t[ \"New \\\"York\\\"\" , \"\\ud83d\\ude81\" ]\n");
    struct dataset *dataset = load(&(struct suite_options){.data = "lists.tsv"});
    assert_int_equal(dataset->n_items, 2);
    assert_string_equal(dataset->items[0].key, "1");
    assert_string_equal(dataset->items[1].key, "3");
    assert_string_equal(dataset->items[0].subset, "");
    assert_int_equal(dataset->items[0].n_groups, 0);
    assert_string_equal(dataset->items[0].expected,
                        "{\"aliases\":[\"Who\",\"D'Arcy\",\"it's\",\"\xc3\xa9\xc3\xa9\"],"
                        "\"normalized\":[\"who\",\"d arcy\",\"it s\",\"\xc3\xa9\xc3\xa9\"]}");
    assert_string_equal(dataset->items[1].expected,
                        "{\"aliases\":[\"New \\\"York\\\"\",\"\xf0\x9f\x9a\x81\"],"
                        "\"normalized\":[\"new york\",\"\xf0\x9f\x9a\x81\"]}");
    dataset_free(dataset);
}

static void faults_of_a_file_have_their_place(void **unused)
{
    (void)unused;
    assert_file_refused("bad.tsv", "Who?\t['a']\nWhere?\n", 2, "1 columns, not 2");
    assert_file_refused("bad.tsv", "Who?\t['a'\n", 1, "no list of strings");
    assert_file_refused("bad.tsv", "Who?\t['a' 'b']\n", 1, "no list of strings");
    assert_file_refused("bad.tsv", "Who?\t['a', 3]\n", 1, "no list of strings");
    assert_file_refused("bad.tsv", "Who?\t['\\xff\\q", 1, "no list of strings");
    assert_file_refused("bad.tsv", "Who?\tParis\n", 1, "no list of strings");
    assert_file_refused("bad.json", "{\"Data\": {}}", 1, "no list of records \"Data\"");
    assert_file_refused("bad.json", "{\"Data\": [3]}", 1, "no list of records");
    assert_file_refused("bad.json", "{\"Data\": []}", 1, "no questions");
    assert_file_refused("bad.json", "{\"Data\": [\n\n{\"QuestionId\": \"a\"}]}", 3,
                        "no \"QuestionId\" or no \"Question\"");
    assert_file_refused("bad.json", "{\"Data\":\n[{\"QuestionId\": \"a\", \"Question\": \"b\"}]}",
                        2, "no \"Answer\"");
    assert_file_refused("bad.json",
                        "{\"Data\": [{\"QuestionId\": \"a\", \"Question\": \"b\", \"Answer\": "
                        "{\"Aliases\": []}}]}",
                        1, "no accepted answer");
    assert_file_refused("bad.json",
                        "{\"Data\": [{\"QuestionId\": \"a\", \"Question\": \"b\", \"Answer\": "
                        "{\"Aliases\": [\"x\"]}},\n{\"QuestionId\": \"a\", \"Question\": \"c\", "
                        "\"Answer\": {\"Aliases\": [\"x\"]}}]}",
                        2, "the QuestionId \"a\" is that of line 1 too");
    assert_file_refused("bad.json", "{\"Data\": [}", 1, "");
}

/* A question that is its own example by its id, one by its words, and one that is neither. */
static const char OVERLAP[] =
    "{\"Data\": [{\"Question\": \"other words\", \"QuestionId\": \"x_0\", \"Answer\": {\"Value\": "
    "\"v\", "
    "\"Aliases\": [\"v\"], \"NormalizedAliases\": [\"v\"]}},\n"
    "{\"Question\": \" q1?\\t\", \"QuestionId\": \"y_1\", \"Answer\": {\"Value\": \"v\", "
    "\"Aliases\": [\"v\"], \"NormalizedAliases\": [\"v\"]}},\n"
    "{\"Question\": \"q\", \"QuestionId\": \"y_2\", \"Answer\": {\"Value\": \"v\", "
    "\"Aliases\": [\"v\"], \"NormalizedAliases\": [\"v\"]}}]}\n";

static void assert_example(const struct dataset *dataset, size_t i_item, const char *part,
                           bool is_there)
{
    struct err err = {0};
    struct request request;
    struct arena *arena = arena_new(0, NULL);
    if (!SUITE_TRIVIAQA.request(dataset, i_item, arena, &request, &err))
        fail_msg("%s", err.message);
    if (!strstr(request.prompts[0], part) == is_there)
        fail_msg("item %zu, %s: %s", i_item, part, request.prompts[0]);
    arena_free(arena);
}

static void a_question_is_no_example_of_itself(void **unused)
{
    (void)unused;
    test_write_text("overlap.json", OVERLAP);
    struct suite_options options = {.data = "overlap.json",
                                    .protocol = "phi3",
                                    .shots = 2,
                                    .examples = "data/qa/web-train.json"};
    struct dataset *dataset = load(&options);
    assert_int_equal(dataset->own_examples.n_replaced, 2);
    assert_int_equal(dataset->own_examples.n_missing, 0);
    assert_example(dataset, 0, "q0?", false);
    assert_example(dataset, 0, "q1?\nAnswer: v1\n\nQuestion: q2?\nAnswer: v2\n\n", true);
    assert_example(dataset, 1, "q0?\nAnswer: v0\n\nQuestion: q2?\nAnswer: v2\n\n", true);
    assert_example(dataset, 2, "q0?\nAnswer: v0\n\nQuestion: q1?\nAnswer: v1\n\n", true);
    dataset_free(dataset);
    options.shots = 7;
    dataset = load(&options);
    assert_int_equal(dataset->own_examples.n_missing, 2);
    assert_example(dataset, 1, "q1?\nAnswer: v1", false);
    assert_example(dataset, 1, "q6?\nAnswer: v6", true);
    dataset_free(dataset);
    options.protocol = "lm-eval"; /* drawn, all but one of them */
    options.shots = 6;
    dataset = load(&options);
    assert_int_equal(dataset->own_examples.n_missing + dataset->own_examples.n_replaced, 2);
    assert_example(dataset, 0, "q0?", false);
    dataset_free(dataset);
}

static void options_that_cannot_be_are_refused(void **unused)
{
    (void)unused;
    struct suite_options options = {.data = "data", .protocol = "squad"};
    assert_refused(&options, ERR_CONFIG, 0, "has no protocol \"squad\"");
    options = (struct suite_options){.data = "data", .protocol = "phi3-open-book"};
    assert_refused(&options, ERR_CONFIG, 0, "has no protocol");
    options = (struct suite_options){.data = "data", .shots = 101};
    assert_refused(&options, ERR_CONFIG, 0, "takes 0 to 100 shots");
    options = (struct suite_options){.data = "data", .shots = 8};
    assert_refused(&options, ERR_INPUT, 0, "7 examples, and 8 shots need as many");
    options.examples = "data/qa/web-dev.json";
    options.shots = 1;
    assert_refused(&options, ERR_CONFIG, 3, "examples must be others");
    test_write_text("alone.tsv", "Who?\t['a']\n");
    options = (struct suite_options){.data = "alone.tsv", .shots = 1};
    assert_refused(&options, ERR_INPUT, 0, "neither train.json nor shots.json");
    assert_true(file_make_folders("empty", NULL));
    options = (struct suite_options){.data = "empty"};
    assert_refused(&options, ERR_CONFIG, 0, "no file whose name ends in dev.json");
    assert_true(file_make_folders("two", NULL));
    test_write_text("two/web-dev.json", DEV);
    test_write_text("two/wikipedia-dev.json", DEV);
    options.data = "two";
    assert_refused(&options, ERR_CONFIG, 0, "2 files end in dev.json");
    test_write_text("two/dev.json", DEV);
    dataset_free(load(&options));
}

/* ---- Prompts ---- */

static void the_first_examples_stand_before_the_question(void **unused)
{
    (void)unused;
    struct dataset *dataset = load_protocol("phi3", 2);
    struct arena *arena = arena_new(0, NULL);
    struct request request = request_of(dataset, 1, arena);
    assert_int_equal(request.kind, REQUEST_GENERATE);
    assert_int_equal(request.fit, FIT_FEWER_SHOTS);
    assert_int_equal(request.n_prompts, 3);
    assert_string_equal(request.prompts[0], "Question: q0?\nAnswer: v0\n\n"
                                            "Question: q1?\nAnswer: v1\n\n"
                                            "Question: Where?\nAnswer:");
    assert_string_equal(request.prompts[1], "Question: q0?\nAnswer: v0\n\n"
                                            "Question: Where?\nAnswer:");
    assert_string_equal(request.prompts[2], "Question: Where?\nAnswer:");
    assert_int_equal(request.n_stops, 1);
    assert_string_equal(request.stops[0], "\n");
    assert_true(request.temperature == 0);
    assert_null(request.context);
    dataset_free(dataset);
    dataset = load_protocol("phi3", -1);
    assert_int_equal(dataset->shots, 5);
    dataset_free(dataset);
    arena_free(arena);
}

/* The first three of random.Random(1234).sample(range(7), 4), three times: the harness draws one
 * more (tests/golden/chat has what it asks). */
static void lm_eval_draws_examples_for_each_question_anew(void **unused)
{
    (void)unused;
    static const int drawn[3][3] = {{6, 3, 0}, {0, 4, 6}, {0, 2, 1}};
    struct dataset *dataset = load_protocol("lm-eval", 3);
    struct arena *arena = arena_new(0, NULL);
    static const char *const questions[] = {"Who \"{\" is?", "Where?", "Last?"};
    for (size_t i = 0; i < 3; i++) {
        struct request request = request_of(dataset, i, arena);
        char expected[512];
        snprintf(expected, sizeof expected,
                 "Question: q%d??\nAnswer: a%d\n\nQuestion: q%d??\nAnswer: a%d\n\n"
                 "Question: q%d??\nAnswer: a%d\n\nQuestion: %s?\nAnswer:",
                 drawn[i][0], drawn[i][0], drawn[i][1], drawn[i][1], drawn[i][2], drawn[i][2],
                 questions[i]);
        assert_string_equal(request.prompts[0], expected);
        assert_int_equal(request.n_prompts, 1);
        assert_int_equal(request.fit, FIT_KEEP_END);
        assert_int_equal(request.n_stops, 3);
        assert_int_equal(request.max_new_tokens, 256);
    }
    dataset_free(dataset);

    /* A question that is left out has had its draws all the same. */
    const char *const sources[] = {"qw"};
    const struct suite_options options = {
        .data = "data", .protocol = "lm-eval", .shots = 3, .subsets = sources, .n_subsets = 1};
    dataset = load(&options);
    char start[32];
    snprintf(start, sizeof start, "Question: q%d??\n", drawn[1][0]);
    assert_memory_equal(request_of(dataset, 0, arena).prompts[0], start, strlen(start));
    dataset_free(dataset);
    arena_free(arena);
}

static bool find_text(void *context, const char *question, struct arena *arena, const char **text,
                      struct err *err)
{
    *text = arena_printf(arena, err, "%s%s", (const char *)context, question);
    return *text != NULL;
}

static bool find_nothing(void *context, const char *question, struct arena *arena,
                         const char **text, struct err *err)
{
    (void)context, (void)question, (void)arena, (void)err;
    *text = "";
    return true;
}

static void an_open_book_stands_before_the_question(void **unused)
{
    (void)unused;
    const struct suite_options options = {
        .data = "data", .protocol = "phi3", .shots = 1, .is_open_book = true};
    struct dataset *dataset = load(&options);
    struct arena *arena = arena_new(0, NULL);
    char page[] = "Page\nOf ";
    struct reading reading = {find_text, page};
    assert_string_equal(dataset->protocol, "phi3-open-book");
    dataset->reading = &reading;
    struct request request = request_of(dataset, 1, arena);
    assert_string_equal(request.prompts[0], "Question: q0?\nAnswer: v0\n\n"
                                            "Page\nOf Where?\n\nQuestion: Where?\nAnswer:");
    assert_string_equal(request.prompts[1], "Page\nOf Where?\n\nQuestion: Where?\nAnswer:");
    assert_string_equal(request.context, "Page\nOf Where?");
    reading.find = find_nothing;
    request = request_of(dataset, 1, arena);
    assert_string_equal(request.prompts[1], "Question: Where?\nAnswer:");
    assert_string_equal(request.context, "");
    dataset_free(dataset);
    arena_free(arena);
}

static void what_the_data_are_is_hashed(void **unused)
{
    (void)unused;
    struct dataset *closed = load_protocol("phi3", 2), *other = load_protocol("phi3", 0);
    const struct suite_options options = {
        .data = "data", .protocol = "phi3", .shots = 2, .is_open_book = true};
    struct dataset *open = load(&options);
    assert_string_equal(closed->data_hash, open->data_hash);
    assert_string_not_equal(closed->data_hash, other->data_hash); /* no examples were read */
    dataset_free(closed);
    dataset_free(other);
    dataset_free(open);
}

/* ---- Grades ---- */

static const struct item ITEM = {
    .key = "tc_1",
    .expected = "{\"aliases\":[\"The Who\",\"Who, The\"],\"normalized\":[\"who\",\"w h o\"]}"};

static struct verdict grade(const char *protocol, const char *text, const char *context)
{
    const struct response response = {.answered = true, .text = text, .context = context};
    struct verdict verdict;
    assert_true(SUITE_TRIVIAQA.grade(&SUITE_TRIVIAQA, protocol, &ITEM, &response, &verdict, NULL));
    return verdict;
}

static void official_grades_are_exact_match_and_f1(void **unused)
{
    (void)unused;
    struct verdict verdict = grade("official", "  the WHO.", NULL);
    assert_true(verdict.answered && verdict.is_correct && verdict.score == 1);
    assert_string_equal(verdict.predicted, "the WHO.");
    assert_int_equal(verdict.n_others, 1);
    assert_string_equal(verdict.others[0].name, "f1");
    assert_true(verdict.others[0].score == 1);
    verdict = grade("phi3", "W. H. Auden", NULL);
    assert_false(verdict.is_correct);
    assert_true(verdict.score == 0);
    assert_true(verdict.others[0].score > 0.6666 && verdict.others[0].score < 0.6667);
    verdict = grade("phi3", "", NULL);
    assert_true(verdict.answered);
    assert_false(verdict.is_correct);
    assert_true(verdict.others[0].score == 0);
}

static void lm_eval_grades_keep_articles_and_trailing_spaces(void **unused)
{
    (void)unused;
    assert_true(grade("lm-eval", " The WHO!", NULL).is_correct);
    assert_true(grade("lm-eval", "\n who the", NULL).is_correct);
    assert_false(grade("lm-eval", " Who", NULL).is_correct);
    assert_false(grade("lm-eval", " The Who ", NULL).is_correct);
    assert_int_equal(grade("lm-eval", " The WHO!", NULL).n_others, 0);
}

static void finding_an_answer_is_told_apart_from_reading_it(void **unused)
{
    (void)unused;
    struct verdict verdict = grade("phi3-open-book", "Yes", "Page\nThe Who, a band");
    assert_false(verdict.is_correct);
    assert_int_equal(verdict.n_others, 2);
    assert_string_equal(verdict.others[1].name, "retrieval_hit");
    assert_true(verdict.others[1].score == 1);
    assert_true(grade("phi3-open-book", "who", "whose page").others[1].score == 0);
    assert_true(grade("phi3-open-book", "who", "").others[1].score == 0);
    verdict = grade("lm-eval-open-book", "The Who", "w.h.o.");
    assert_true(verdict.is_correct);
    assert_true(verdict.others[0].score == 1);
    verdict = grade("lm-eval-open-book-1x512", "Who", NULL);
    assert_false(verdict.is_correct); /* lm-eval keeps articles */
}

static void a_protocol_that_nobody_knows_is_an_error(void **unused)
{
    (void)unused;
    const struct response response = {.answered = true, .text = "who"};
    struct verdict verdict;
    struct err err = {0};
    assert_false(SUITE_TRIVIAQA.grade(&SUITE_TRIVIAQA, "squad", &ITEM, &response, &verdict, &err));
    assert_int_equal(err.code, ERR_INPUT);
}

static void what_was_not_answered_is_wrong(void **unused)
{
    (void)unused;
    struct verdict verdict;
    const struct response response = {.answered = false};
    assert_true(SUITE_TRIVIAQA.grade(&SUITE_TRIVIAQA, "phi3", &ITEM, &response, &verdict, NULL));
    assert_false(verdict.answered || verdict.is_correct);
    assert_string_equal(verdict.predicted, "");
}

static void long_predictions_are_cut_between_characters(void **unused)
{
    (void)unused;
    char text[600];
    for (size_t i = 0; i < 598; i += 2) memcpy(text + i, "\xc3\xa9", 3);
    struct verdict verdict = grade("phi3", text, NULL);
    assert_int_equal(strlen(verdict.predicted), 254);
}

/* ---- The real data set ---- */

static char real_questions[PATH_MAX], real_examples[PATH_MAX]; /* "" where they are missing */

static void find_real_data(void)
{
    char path[512];
    if (test_data_path(path, sizeof path, "triviaqa/unfiltered-dev.json"))
        if (!realpath(path, real_questions)) real_questions[0] = 0;
    if (test_data_path(path, sizeof path, "triviaqa/shots.json"))
        if (!realpath(path, real_examples)) real_examples[0] = 0;
}

/* The second question's examples are the first five of random.Random(1234)'s second
 * sample(range(8837), 6). */
static void the_real_data_set_loads(void **unused)
{
    (void)unused;
    static const size_t drawn[] = {1612, 5810, 3879, 285, 504};
    struct trivia_file examples;
    struct buf expected = {0};
    if (!real_questions[0] || !real_examples[0]) skip();
    const struct suite_options options = {
        .data = real_questions, .protocol = "lm-eval", .shots = 5};
    struct dataset *dataset = load(&options);
    assert_int_equal(dataset->n_items, 11313);
    assert_string_equal(dataset->items[11312].key, "dpr_test_11313");
    struct arena *arena = arena_new(0, NULL);
    assert_true(trivia_read(real_examples, arena, NULL, &examples, NULL));
    assert_int_equal(examples.n, 8837);
    for (size_t i = 0; i < 5; i++)
        buf_printf(&expected, "Question: %s?\nAnswer: %s\n\n", examples.questions[drawn[i]].text,
                   examples.questions[drawn[i]].aliases[0]);
    assert_memory_equal(request_of(dataset, 1, arena).prompts[0], buf_string(&expected),
                        expected.n_bytes);
    dataset_free(dataset);
    arena_free(arena);
    buf_free(&expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_know_their_place_and_all_answers),
        cmocka_unit_test(a_limit_counts_in_every_source),
        cmocka_unit_test(lists_are_read_as_json_and_as_python_prints_them),
        cmocka_unit_test(faults_of_a_file_have_their_place),
        cmocka_unit_test(a_question_is_no_example_of_itself),
        cmocka_unit_test(options_that_cannot_be_are_refused),
        cmocka_unit_test(the_first_examples_stand_before_the_question),
        cmocka_unit_test(lm_eval_draws_examples_for_each_question_anew),
        cmocka_unit_test(an_open_book_stands_before_the_question),
        cmocka_unit_test(what_the_data_are_is_hashed),
        cmocka_unit_test(official_grades_are_exact_match_and_f1),
        cmocka_unit_test(lm_eval_grades_keep_articles_and_trailing_spaces),
        cmocka_unit_test(finding_an_answer_is_told_apart_from_reading_it),
        cmocka_unit_test(a_protocol_that_nobody_knows_is_an_error),
        cmocka_unit_test(what_was_not_answered_is_wrong),
        cmocka_unit_test(long_predictions_are_cut_between_characters),
        cmocka_unit_test(the_real_data_set_loads),
    };
    find_real_data();
    return cmocka_run_group_tests(tests, enter, test_leave_folder);
}
