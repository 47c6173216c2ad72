/* test_mmlu.c - exact prompts of every protocol, grading, malformed files; and the real data set.
 *
 * The prompts are written out by hand after the descriptions of the protocols. The counts of the
 * real data set were taken from its files by a script of a few lines with Python's csv module.
 */
#include "suites/mmlu.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "suites/mmlu_subjects.h"
#include "tests/support/test_data.h"

/* ---- A small data set in a folder of its own ---- */

struct fixture {
    char folder[256];
    struct arena *arena;
};

static const char DEV[] = "What is 1 + 1?,1,2,3,4,B\r\n"
                          "\"  Is 0, \"\"zero\"\", even? \",yes,no,\"maybe, or not\",\"a\nb\",A\r\n"
                          "Third?,a,b,c,d,D\r\n";
static const char TEST[] = "\"Two lines:\nwhich?\",p,q,r,s,C\n"
                           "\xc2\x85 Spaces?\xe3\x80\x80, one ,two,three,four,A\n"
                           "Last?,1,2,3,4,D";

static void write_file(const struct fixture *fixture, const char *name, const char *text)
{
    struct err err = {0};
    char *path = file_join(fixture->folder, name, &err);
    char folder[512];
    snprintf(folder, sizeof folder, "%.*s", (int)(file_name(path) - path - 1), path);
    if (!file_make_folders(folder, &err) || !file_write(path, text, strlen(text), &err))
        fail_msg("%s", err.message);
    free(path);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    *state = fixture;
    if (!fixture || !test_make_folder(fixture->folder, sizeof fixture->folder)) return -1;
    fixture->arena = arena_new(0, NULL);
    write_file(fixture, "dev/abstract_algebra_dev.csv", DEV);
    write_file(fixture, "test/abstract_algebra_test.csv", TEST);
    write_file(fixture, "test/README.md", "not a CSV file\n");
    return fixture->arena ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    test_remove_folder(fixture->folder);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static struct dataset *load(const struct suite_options *options)
{
    struct err err = {0};
    struct dataset *dataset = SUITE_MMLU.load(&SUITE_MMLU, options, &err);
    if (!dataset) fail_msg("%s: %s", err.file, err.message);
    return dataset;
}

static struct dataset *load_protocol(const struct fixture *fixture, const char *protocol, int shots)
{
    return load(
        &(struct suite_options){.data = fixture->folder, .protocol = protocol, .shots = shots});
}

static struct request request_of(const struct fixture *fixture, const struct dataset *dataset,
                                 size_t i_item)
{
    struct request request;
    struct err err = {0};
    if (!dataset->suite->request(dataset, i_item, fixture->arena, &request, &err))
        fail_msg("%s", err.message);
    return request;
}

static void a_question_is_no_example_of_itself(void **state)
{
    const struct fixture *fixture = *state;
    write_file(fixture, "dev/abstract_algebra_dev.csv",
               "one?,a,b,c,d,A\n two ?,e,f,g,h,B\ntwo ?,i,j,k,l,B\nfour?,a,b,c,d,D\n");
    write_file(fixture, "test/abstract_algebra_test.csv", "two ?,f,e,x,y,A\nfive?,a,b,c,d,A\n");
    struct dataset *dataset = load_protocol(fixture, "hendrycks", 2);
    /* The same words and its answer among the choices; the third shares the words alone. */
    assert_int_equal(dataset->own_examples.n_replaced, 1);
    struct request request = request_of(fixture, dataset, 0);
    assert_null(strstr(request.prompts[0], "B. f\n"));
    assert_non_null(strstr(request.prompts[0], "D. l\nAnswer: B\n\n"));
    request = request_of(fixture, dataset, 1);
    assert_non_null(strstr(request.prompts[0], "B. f\n"));
    dataset_free(dataset);
    dataset = load_protocol(fixture, "hendrycks", 4);
    assert_int_equal(dataset->own_examples.n_missing, 1);
    request = request_of(fixture, dataset, 0);
    assert_int_equal(request.n_prompts, 4); /* of 3 examples and fewer */
    dataset_free(dataset);
}

/* ---- Items ---- */

static void items_know_where_they_stand(void **state)
{
    const struct fixture *fixture = *state;
    struct dataset *dataset = load_protocol(fixture, NULL, 2);
    assert_string_equal(dataset->protocol, "hendrycks");
    assert_int_equal(dataset->n_items, 3);
    static const char *const keys[] = {"abstract_algebra/1", "abstract_algebra/3",
                                       "abstract_algebra/4"};
    static const int lines[] = {1, 3, 4};
    static const char *const letters[] = {"C", "A", "D"};
    for (size_t i = 0; i < 3; i++) {
        const struct item *item = &dataset->items[i];
        assert_string_equal(item->key, keys[i]);
        assert_int_equal(item->line, lines[i]);
        assert_string_equal(item->expected, letters[i]);
        assert_string_equal(item->subset, "abstract_algebra");
        assert_string_equal(file_name(item->file), "abstract_algebra_test.csv");
        assert_true(file_exists(item->file));
    }
    dataset_free(dataset);
}

static void groups_name_subject_subcategory_and_category(void **state)
{
    struct fixture *fixture = *state;
    write_file(fixture, "dev/own_topic_dev.csv", DEV);
    write_file(fixture, "test/own_topic_test.csv", TEST);
    struct dataset *dataset = load_protocol(fixture, "phi3", 0);
    struct buf json = {0};
    item_write_groups(&dataset->items[0], &json);
    assert_string_equal(buf_string(&json), "[[\"subject\",\"abstract_algebra\"],"
                                           "[\"subcategory\",\"math\"],[\"category\",\"STEM\"]]");
    buf_clear(&json);
    assert_string_equal(dataset->items[3].subset, "own_topic");
    item_write_groups(&dataset->items[3], &json);
    assert_string_equal(buf_string(&json), "[[\"subject\",\"own_topic\"]]");
    buf_free(&json);
    dataset_free(dataset);
}

static void limit_and_subjects_select(void **state)
{
    struct fixture *fixture = *state;
    write_file(fixture, "dev/own_topic_dev.csv", DEV);
    write_file(fixture, "test/own_topic_test.csv", TEST);
    struct suite_options options = {.data = fixture->folder, .shots = -1, .protocol = "lm-eval"};
    struct dataset *all = load(&options);
    options.limit = 2;
    struct dataset *limited = load(&options);
    options.subsets = (const char *const[]){"own_topic"};
    options.n_subsets = 1;
    struct dataset *one = load(&options);
    assert_int_equal(all->n_items, 6);
    assert_int_equal(limited->n_items, 4);
    assert_string_equal(limited->items[2].key, "own_topic/1");
    assert_int_equal(one->n_items, 2);
    assert_string_equal(one->items[1].key, "own_topic/3");
    assert_string_equal(all->data_hash, limited->data_hash); /* the same files */
    assert_string_not_equal(one->data_hash, limited->data_hash);
    dataset_free(all);
    dataset_free(limited);
    dataset_free(one);
}

static void shots_default_to_the_protocols_convention(void **state)
{
    struct fixture *fixture = *state;
    write_file(fixture, "dev/abstract_algebra_dev.csv",
               "1,a,b,c,d,A\n2,a,b,c,d,A\n3,a,b,c,d,A\n4,a,b,c,d,A\n5,a,b,c,d,A\n6,a,b,c,d,A\n");
    static const struct {
        const char *protocol;
        int shots;
        size_t n_prompts;
        enum fit_policy fit;
    } cases[] = {{"hendrycks", 5, 6, FIT_FEWER_SHOTS},
                 {"lm-eval", 0, 1, FIT_KEEP_END},
                 {"phi3", 5, 6, FIT_FEWER_SHOTS}};
    for (size_t i = 0; i < 3; i++) {
        struct dataset *dataset = load_protocol(fixture, cases[i].protocol, -1);
        struct request request = request_of(fixture, dataset, 0);
        assert_int_equal(dataset->shots, cases[i].shots);
        assert_int_equal(request.n_prompts, cases[i].n_prompts);
        assert_int_equal(request.fit, cases[i].fit);
        dataset_free(dataset);
    }
}

static void data_hash_depends_on_what_was_read_alone(void **state)
{
    struct fixture *fixture = *state;
    struct dataset *before = load_protocol(fixture, "hendrycks", 2);
    write_file(fixture, "test/README.md", "changed\n");
    struct dataset *same = load_protocol(fixture, "phi3", 2);
    struct dataset *no_examples = load_protocol(fixture, "hendrycks", 0);
    write_file(fixture, "dev/abstract_algebra_dev.csv", "x,1,2,3,4,B\ny,1,2,3,4,A\n");
    struct dataset *changed = load_protocol(fixture, "hendrycks", 2);
    struct dataset *still_none = load_protocol(fixture, "hendrycks", 0);
    assert_string_equal(before->data_hash, same->data_hash);
    assert_string_not_equal(before->data_hash, no_examples->data_hash);
    assert_string_not_equal(before->data_hash, changed->data_hash);
    assert_string_equal(no_examples->data_hash, still_none->data_hash);
    dataset_free(before);
    dataset_free(same);
    dataset_free(no_examples);
    dataset_free(changed);
    dataset_free(still_none);
}

/* ---- Prompts ---- */

#define HENDRYCKS_HEADER                                                                           \
    "The following are multiple choice questions (with answers) about  abstract algebra.\n\n"

static void hendrycks_prompts_are_exact(void **state)
{
    const struct fixture *fixture = *state;
    struct dataset *dataset = load_protocol(fixture, "hendrycks", 2);
    struct request request = request_of(fixture, dataset, 0);
    assert_int_equal(request.kind, REQUEST_CHOICES);
    assert_int_equal(request.fit, FIT_FEWER_SHOTS);
    assert_int_equal(request.n_prompts, 3);
    assert_string_equal(
        request.prompts[0], HENDRYCKS_HEADER
        "What is 1 + 1?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer: B\n\n"
        "  Is 0, \"zero\", even? \nA. yes\nB. no\nC. maybe, or not\nD. a\nb\nAnswer: A\n\n"
        "Two lines:\nwhich?\nA. p\nB. q\nC. r\nD. s\nAnswer:");
    assert_string_equal(request.prompts[1],
                        HENDRYCKS_HEADER "What is 1 + 1?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer: B\n\n"
                                         "Two lines:\nwhich?\nA. p\nB. q\nC. r\nD. s\nAnswer:");
    assert_string_equal(request.prompts[2],
                        HENDRYCKS_HEADER "Two lines:\nwhich?\nA. p\nB. q\nC. r\nD. s\nAnswer:");
    assert_int_equal(request.n_choices, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(request.choices[i], ((const char *[]){" A", " B", " C", " D"})[i]);
    dataset_free(dataset);
}

static void lm_eval_prompts_are_exact(void **state)
{
    const struct fixture *fixture = *state;
    struct dataset *dataset = load_protocol(fixture, "lm-eval", 2);
    struct request request = request_of(fixture, dataset, 1);
    assert_int_equal(request.fit, FIT_KEEP_END);
    assert_int_equal(request.n_prompts, 1);
    assert_string_equal(
        request.prompts[0],
        "The following are multiple choice questions (with answers) about abstract algebra.\n\n"
        "What is 1 + 1?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer: B\n\n"
        "Is 0, \"zero\", even?\nA. yes\nB. no\nC. maybe, or not\nD. a\nb\nAnswer: A\n\n"
        "Spaces?\nA.  one \nB. two\nC. three\nD. four\nAnswer:");
    assert_string_equal(request.choices[3], " D");
    dataset_free(dataset);
}

static void phi3_prompts_are_exact(void **state)
{
    const struct fixture *fixture = *state;
    struct dataset *dataset = load_protocol(fixture, "phi3", 1);
    struct request request = request_of(fixture, dataset, 1);
    assert_int_equal(request.fit, FIT_FEWER_SHOTS);
    assert_int_equal(request.n_prompts, 2);
    assert_string_equal(
        request.prompts[0],
        "Question:\nWhat is 1 + 1?\nOptions:\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer: B\n\n"
        "Question:\n\xc2\x85 Spaces?\xe3\x80\x80\nOptions:\nA.  one \nB. two\nC. three\nD. four\n"
        "Answer:");
    assert_string_equal(request.prompts[1],
                        "Question:\n\xc2\x85 Spaces?\xe3\x80\x80\nOptions:\nA.  one \nB. two\n"
                        "C. three\nD. four\nAnswer:");
    dataset_free(dataset);
}

static void continuation_prompts_are_exact(void **state)
{
    const struct fixture *fixture = *state;
    struct dataset *dataset = load_protocol(fixture, "continuation", 2);
    struct request request = request_of(fixture, dataset, 1);
    assert_int_equal(request.kind, REQUEST_CHOICES);
    assert_int_equal(request.fit, FIT_KEEP_END);
    assert_int_equal(request.n_prompts, 1);
    assert_string_equal(request.prompts[0],
                        "The following are questions (with answers) about abstract algebra.\n\n"
                        "Question: What is 1 + 1?\nAnswer: 2\n\n"
                        "Question: Is 0, \"zero\", even?\nAnswer: yes\n\n"
                        "Question: Spaces?\nAnswer:");
    assert_string_equal(request.choices[0], "  one ");
    assert_string_equal(request.choices[3], " four");
    dataset_free(dataset);
    dataset = load_protocol(fixture, "lighteval", 0); /* SmolLM's authors' evaluation/tasks.py */
    request = request_of(fixture, dataset, 1);
    assert_string_equal(request.prompts[0], "The following are questions about abstract algebra.\n"
                                            "Question: \xc2\x85 Spaces?\xe3\x80\x80\nAnswer:");
    dataset_free(dataset);
}

/* ---- Grading ---- */

static void continuations_are_compared_by_characters_too(void **state)
{
    (void)state;
    struct choice_score choices[] = {{.logprob = -6, .n_characters = 3},
                                     {.logprob = -8, .n_characters = 8},
                                     {.logprob = -7, .n_characters = 3},
                                     {.logprob = -9, .n_characters = 3}};
    struct response response = {.answered = true, .choices = choices, .n_choices = 4};
    struct item item = {.key = "k/1", .expected = "B"};
    struct verdict verdict;
    assert_true(SUITE_MMLU.grade(&SUITE_MMLU, "continuation", &item, &response, &verdict, NULL));
    assert_string_equal(verdict.predicted, "A");
    assert_true(!verdict.is_correct && verdict.margin == -2);
    assert_int_equal(verdict.n_others, 1);
    assert_string_equal(verdict.others[0].name, "acc_norm");
    assert_true(verdict.others[0].score == 1);
    assert_true(SUITE_MMLU.grade(&SUITE_MMLU, "lm-eval", &item, &response, &verdict, NULL));
    assert_int_equal(verdict.n_others, 0);
}

static struct verdict grade(const char *expected, double a, double b, double c, double d)
{
    struct choice_score choices[] = {
        {.logprob = a}, {.logprob = b}, {.logprob = c}, {.logprob = d}};
    struct response response = {.answered = true, .choices = choices, .n_choices = 4};
    struct item item = {.key = "k/1", .expected = expected};
    struct verdict verdict;
    assert_true(SUITE_MMLU.grade(&SUITE_MMLU, "hendrycks", &item, &response, &verdict, NULL));
    return verdict;
}

static void the_most_probable_letter_is_the_answer(void **state)
{
    (void)state;
    struct verdict right = grade("C", -4, -3, -1.5, -2);
    assert_true(right.answered && right.is_correct && !right.is_tie);
    assert_string_equal(right.predicted, "C");
    assert_true(right.score == 1 && right.margin == 0.5);
    struct verdict wrong = grade("A", -4, -3, -1.5, -2);
    assert_true(wrong.answered && !wrong.is_correct && wrong.score == 0 && wrong.margin == -2.5);
    assert_string_equal(wrong.predicted, "C");
}

static void ties_go_to_the_lowest_letter_and_are_flagged(void **state)
{
    (void)state;
    struct verdict tie = grade("D", -2, -1, -3, -1);
    assert_string_equal(tie.predicted, "B");
    assert_true(tie.is_tie && !tie.is_correct && tie.margin == 0);
    assert_true(grade("B", -2, -1, -3, -1).is_correct);
    assert_false(grade("C", -2, -2, -1, -2).is_tie); /* a tie of losers is none */
    assert_true(grade("A", -INFINITY, -INFINITY, -INFINITY, -INFINITY).is_tie);
    assert_true(grade("A", -INFINITY, -INFINITY, -INFINITY, -INFINITY).margin == 0);
}

static void what_cannot_be_graded_is_not_answered(void **state)
{
    (void)state;
    struct verdict nan = grade("A", -1, NAN, -2, -3);
    assert_true(!nan.answered && !nan.is_correct && nan.score == 0 && !nan.predicted[0]);
    assert_false(grade("E", -1, -2, -3, -4).answered);
    struct item item = {.expected = "A"};
    struct verdict verdict;
    assert_true(
        SUITE_MMLU.grade(&SUITE_MMLU, "hendrycks", &item, &(struct response){0}, &verdict, NULL));
    assert_true(!verdict.answered && verdict.score == 0 && verdict.margin == 0);
}

/* ---- What is refused ---- */

static void assert_refused(const struct fixture *fixture, struct suite_options options,
                           enum err_code code, const char *file, int line, int column,
                           const char *message)
{
    struct err err = {0};
    options.data = fixture->folder;
    struct dataset *dataset = SUITE_MMLU.load(&SUITE_MMLU, &options, &err);
    assert_null(dataset);
    if (err.code != code || err.line != line || err.column != column ||
        strcmp(file_name(err.file), file) != 0 || !strstr(err.message, message))
        fail_msg("%d %s:%d:%d: %s", err.code, err.file, err.line, err.column, err.message);
}

static void malformed_rows_are_refused_with_line_and_column(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *text;
        int line, column;
        const char *message;
    } cases[] = {
        {"Q?,a,b,c,d\n", 1, 11, "5 columns of 6: the answer letter is missing"},
        {"Q?,a,b,c,d,A\n\"\xc3\xa4\nb\",a\n", 3, 5,
         "2 columns of 6: choice B is missing, and so is what follows it"},
        {"Q?\n", 1, 3, "1 column of 6: choice A is missing"},
        {"Q,1,2,3,4,A\nQ,1,000,2,3,4,A\n", 2, 15,
         "7 columns, not 6: a field that contains a comma"},
        {"Q,1,2,3,4,E\n", 1, 11, "the answer is \"E\", not one of the letters A, B, C, D"},
        {"Q,1,2,3,4,a\n", 1, 11, "the answer is \"a\""},
        {"Q,1,2,3,4, A\n", 1, 11, "the answer is \" A\""},
        {"Q,1,2,3,4,\n", 1, 11, "the answer is \"\""},
        {"Q,1,2,3,4,AB\n", 1, 11, "the answer is \"AB\""},
        {"Q,1,\xff,3,4,A\n", 1, 5, "choice B is not UTF-8"},
        {"Q,1,2,3,4,A\n\"Q,1,2,3,4,A\n", 2, 1, "the quote is never closed"},
        {"", 1, 1, "there are no questions in this file"},
        {"\n\n", 1, 1, "there are no questions in this file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(fixture, "test/abstract_algebra_test.csv", cases[i].text);
        assert_refused(fixture, (struct suite_options){.shots = 0}, ERR_INPUT,
                       "abstract_algebra_test.csv", cases[i].line, cases[i].column,
                       cases[i].message);
    }
}

static void rows_past_the_limit_are_checked_too(void **state)
{
    struct fixture *fixture = *state;
    write_file(fixture, "test/abstract_algebra_test.csv", "Q,1,2,3,4,A\nQ,1,2,3,4\n");
    assert_refused(fixture, (struct suite_options){.limit = 1}, ERR_INPUT,
                   "abstract_algebra_test.csv", 2, 10, "the answer letter is missing");
}

static void examples_that_are_missing_name_the_dev_file(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture, (struct suite_options){.shots = 4}, ERR_INPUT,
                   "abstract_algebra_dev.csv", 0, 0, "3 examples, and 4 shots");
    write_file(fixture, "dev/abstract_algebra_dev.csv", "Q,1,2,3,4,F\n");
    assert_refused(fixture, (struct suite_options){.shots = 1}, ERR_INPUT,
                   "abstract_algebra_dev.csv", 1, 11, "while reading the examples of subject");
    write_file(fixture, "test/own_topic_test.csv", TEST);
    struct suite_options options = {
        .shots = 1, .subsets = (const char *const[]){"own_topic"}, .n_subsets = 1};
    assert_refused(fixture, options, ERR_IO, "own_topic_dev.csv", 0, 0, "No such file");
    options.shots = 0;
    options.data = fixture->folder;
    dataset_free(load(&options)); /* no examples, no dev file needed */
}

static void options_that_cannot_be_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct suite_options options = {.protocol = "generative"};
    assert_refused(fixture, options, ERR_UNSUPPORTED, "", 0, 0, "not supported yet: ");
    options.protocol = "hendryks";
    assert_refused(fixture, options, ERR_CONFIG, "", 0, 0,
                   "hendrycks, lm-eval, phi3, continuation and lighteval");
    options = (struct suite_options){.split = "train"};
    assert_refused(fixture, options, ERR_CONFIG, "", 0, 0, "no split \"train\"");
    options = (struct suite_options){.split = "dev", .shots = 1};
    assert_refused(fixture, options, ERR_CONFIG, "", 0, 0, "holds the examples");
    options = (struct suite_options){.shots = -2};
    assert_refused(fixture, options, ERR_CONFIG, "", 0, 0, "0 to 100 shots, not -2");
    options = (struct suite_options){.shots = 101};
    assert_refused(fixture, options, ERR_CONFIG, "", 0, 0, "not 101");
    options = (struct suite_options){.subsets = (const char *const[]){"abstract_algebra", "anatmy"},
                                     .n_subsets = 2};
    assert_refused(fixture, options, ERR_CONFIG, "test", 0, 0, "no file of the subject \"anatmy\"");
    options = (struct suite_options){.split = "val"};
    assert_refused(fixture, options, ERR_CONFIG, "val", 0, 0,
                   "there is no such folder: MMLU's data");
}

static void a_folder_without_questions_is_refused(void **state)
{
    struct fixture *fixture = *state;
    write_file(fixture, "val/abstract_algebra_test.csv", TEST);
    assert_refused(fixture, (struct suite_options){.split = "val"}, ERR_INPUT, "val", 0, 0,
                   "there is no file named SUBJECT_val.csv");
}

/* ---- The real data set ---- */

static const struct {
    const char *name, *category;
    size_t n;
} SUBCATEGORIES[] = {
    {"biology", "STEM", 454},
    {"business", "other", 437},
    {"chemistry", "STEM", 303},
    {"computer science", "STEM", 412},
    {"culture", "social sciences", 332},
    {"economics", "social sciences", 742},
    {"engineering", "STEM", 145},
    {"geography", "social sciences", 198},
    {"health", "other", 1640},
    {"history", "humanities", 930},
    {"law", "humanities", 1763},
    {"math", "STEM", 1064},
    {"other", "other", 1165},
    {"philosophy", "humanities", 2012},
    {"physics", "STEM", 640},
    {"politics", "social sciences", 648},
    {"psychology", "social sciences", 1157},
};

static void the_real_data_set_has_its_questions(void **state)
{
    struct fixture *fixture = *state;
    char path[512];
    if (!test_data_path(path, sizeof path, "mmlu")) {
        puts("SKIP the_real_data_set_has_its_questions: no data/mmlu");
        skip();
    }
    struct dataset *dataset = load(&(struct suite_options){.data = path, .shots = -1});
    assert_int_equal(dataset->n_items, 14042);
    assert_int_equal(dataset->shots, 5);
    size_t counts[17] = {0}, n_subjects = 0;
    const char *subject = "";
    for (size_t i = 0; i < dataset->n_items; i++) {
        const struct item *item = &dataset->items[i];
        n_subjects += strcmp(item->subset, subject) != 0;
        subject = item->subset;
        assert_int_equal(item->n_groups, 3);
        for (size_t c = 0; c < 17; c++)
            if (!strcmp(SUBCATEGORIES[c].name, item->groups[1].name)) {
                counts[c]++;
                assert_string_equal(item->groups[2].name, SUBCATEGORIES[c].category);
            }
    }
    assert_int_equal(n_subjects, 57);
    for (size_t c = 0; c < 17; c++) assert_int_equal(counts[c], SUBCATEGORIES[c].n);
    struct request request = request_of(fixture, dataset, 0);
    static const char header[] =
        "The following are multiple choice questions (with answers) about  abstract algebra.\n\n";
    assert_memory_equal(request.prompts[0], header, sizeof header - 1);
    assert_memory_equal(request.prompts[5], header, sizeof header - 1);
    dataset_free(dataset);
}

static void the_real_data_set_has_its_other_splits(void **state)
{
    (void)state;
    char path[512];
    if (!test_data_path(path, sizeof path, "mmlu")) {
        puts("SKIP the_real_data_set_has_its_other_splits: no data/mmlu");
        skip();
    }
    struct dataset *val = load(&(struct suite_options){.data = path, .split = "val", .shots = 5});
    struct dataset *dev = load(&(struct suite_options){.data = path, .split = "dev"});
    assert_int_equal(val->n_items, 1531);
    assert_int_equal(dev->n_items, 285);
    dataset_free(val);
    dataset_free(dev);
}

static void subjects_outside_the_data_set_belong_nowhere(void **state)
{
    (void)state;
    assert_null(mmlu_subcategory_of("own_topic"));
    assert_null(mmlu_category_of("own_topic"));
    assert_null(mmlu_category_of("math"));
    assert_string_equal(mmlu_subcategory_of("us_foreign_policy"), "politics");
    assert_string_equal(mmlu_category_of("us_foreign_policy"), "social sciences");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_question_is_no_example_of_itself),
        IN_FOLDER(items_know_where_they_stand),
        IN_FOLDER(groups_name_subject_subcategory_and_category),
        IN_FOLDER(limit_and_subjects_select),
        IN_FOLDER(shots_default_to_the_protocols_convention),
        IN_FOLDER(data_hash_depends_on_what_was_read_alone),
        IN_FOLDER(hendrycks_prompts_are_exact),
        IN_FOLDER(lm_eval_prompts_are_exact),
        IN_FOLDER(phi3_prompts_are_exact),
        IN_FOLDER(continuation_prompts_are_exact),
        cmocka_unit_test(continuations_are_compared_by_characters_too),
        cmocka_unit_test(the_most_probable_letter_is_the_answer),
        cmocka_unit_test(ties_go_to_the_lowest_letter_and_are_flagged),
        cmocka_unit_test(what_cannot_be_graded_is_not_answered),
        IN_FOLDER(malformed_rows_are_refused_with_line_and_column),
        IN_FOLDER(rows_past_the_limit_are_checked_too),
        IN_FOLDER(examples_that_are_missing_name_the_dev_file),
        IN_FOLDER(options_that_cannot_be_are_refused),
        IN_FOLDER(a_folder_without_questions_is_refused),
        IN_FOLDER(the_real_data_set_has_its_questions),
        cmocka_unit_test(the_real_data_set_has_its_other_splits),
        cmocka_unit_test(subjects_outside_the_data_set_belong_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
