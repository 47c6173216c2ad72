/* test_vision_suites.c - suites of questions about pictures: files, prompts, verdicts; and LLaVA's
 * answers to the real data sets.
 *
 * The prompts are written out by hand after LLaVA's and lmms-eval's scripts.
 */
#include "suites/vision_suites.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "tests/support/test_data.h"
#include "tests/support/test_folder.h"

#define ASK "\nAnswer the question using a single word or phrase."
#define LETTER "\nAnswer with the option's letter from the given choices directly."

static const char POPE[] =
    "{\"question_id\": 1, \"image\": \"a.jpg\", \"text\": \"Is there a cat?\", \"label\": "
    "\"yes\"}\n"
    "{\"question_id\": 2, \"image\": \"a.jpg\", \"text\": \"Is there a dog?\", \"label\": \"no\"}\n"
    "{\"question_id\": 3, \"image\": \"b.jpg\", \"text\": \"Is there a cow?\", \"label\": "
    "\"no\"}\n";

static const char PROBLEMS[] =
    "{\"7\": {\"question\": \"Which  one?\", \"choices\": [\"this\", \"that\", \"those\"], "
    "\"answer\": 1, \"hint\": \" Look  well. \", \"image\": \"image.png\", \"grade\": \"grade7\", "
    "\"subject\": \"natural science\"},\n"
    " \"9\": {\"question\": \"Who?\", \"choices\": [\"he\", \"she\"], \"answer\": 0, \"hint\": "
    "\"\", "
    "\"image\": null, \"grade\": \"grade2\", \"subject\": \"language science\"},\n"
    " \"11\": {\"question\": \"Not asked?\", \"choices\": [\"he\", \"she\"], \"answer\": 0}}\n";

static const char LLAVA_LIST[] =
    "[{\"id\": \"7\", \"image\": \"7/image.png\", \"conversations\": [{\"from\": \"human\", "
    "\"value\": \"<image>\\nContext: Look well.\\nWhich one?\\nA. this\\nB. that\\nC. those\"}, "
    "{\"from\": \"gpt\", \"value\": \"B\"}]},\n"
    " {\"id\": \"9\", \"conversations\": [{\"value\": \"Who?\\nA. he\\nB. she\"}, {\"value\": "
    "\"A\"}]}]\n";

static const char TEXTVQA[] =
    "{\"data\": [{\"question\": \"what is the Brand?\", \"image_id\": \"0a1\", \"question_id\": "
    "34602,"
    " \"answers\": [\"Nokia\", \"nokia\", \"nokia.\", \"the nokia\", \"n\", \"n\", \"n\", \"n\", "
    "\"n\", \"x\"]}]}\n";
static const char OCR[] = "{\"data\": [{\"image_id\": \"zz\", \"ocr_tokens\": []}, "
                          "{\"image_id\": \"0a1\", \"ocr_tokens\": [\"NOKIA\", \"3310\"]}]}\n";

static int enter(void **state)
{
    if (test_enter_folder(state)) return -1;
    if (!file_make_folders("pope", NULL) || !file_make_folders("science", NULL) ||
        !file_make_folders("llava", NULL) || !file_make_folders("text", NULL) ||
        !file_make_folders("images", NULL))
        return -1;
    test_write_text("pope/coco_pope_random.json", POPE);
    test_write_text("pope/coco_pope_popular.json", POPE);
    test_write_text("pope/coco_pope_adversarial.json", POPE);
    test_write_text("science/problems.json", PROBLEMS);
    test_write_text("science/pid_splits.json", "{\"test\": [\"7\", \"9\"], \"val\": [\"11\"]}\n");
    test_write_text("llava/llava_test_CQM-A.json", LLAVA_LIST);
    test_write_text("text/TextVQA_0.5.1_val.json", TEXTVQA);
    test_write_text("text/TextVQA_Rosetta_OCR_v0.2_val.json", OCR);
    return 0;
}

static struct dataset *load(const struct suite *suite, struct suite_options options)
{
    struct err err = {0};
    options.shots = -1;
    struct dataset *dataset = suite->load(suite, &options, &err);
    if (!dataset) fail_msg("%s", err.message);
    return dataset;
}

static void check_request(const struct dataset *dataset, size_t i, const char *prompt,
                          const char *picture, size_t max_crops)
{
    struct request request;
    struct arena *arena = arena_new(0, NULL);
    assert_true(dataset->suite->request(dataset, i, arena, &request, NULL));
    assert_int_equal(request.kind, REQUEST_CHAT);
    assert_int_equal(request.n_prompts, 1);
    assert_string_equal(request.prompts[0], prompt);
    assert_int_equal(request.n_pictures, picture != NULL);
    if (picture) assert_string_equal(request.pictures[0], picture);
    assert_int_equal(request.max_crops, max_crops);
    assert_true(request.temperature == 0 && request.max_new_tokens > 0);
    arena_free(arena);
}

/* ---- Loading ---- */

static void pope_asks_all_splits_of_each_picture(void **unused)
{
    (void)unused;
    struct dataset *dataset =
        load(&SUITE_POPE, (struct suite_options){.data = "pope", .images = "images"});
    assert_int_equal(dataset->n_items, 9);
    assert_string_equal(dataset->protocol, "llava-16-crops");
    assert_true(dataset->chance == 0.5);
    const struct item *item = &dataset->items[4];
    assert_string_equal(item->key, "a/popular/2");
    assert_string_equal(item->subset, "popular");
    assert_string_equal(item->groups[0].level, "split");
    assert_string_equal(item->expected, "no");
    assert_string_equal(item->fields[VISION_IDS], "20000002");
    assert_int_equal(item->line, 2);
    check_request(dataset, 4, "Is there a dog?" ASK, "images/a.jpg", 16);
    dataset_free(dataset);
}

static void splits_and_limits_choose_questions(void **unused)
{
    (void)unused;
    const char *const splits[] = {"adversarial", "random"};
    struct dataset *dataset = load(&SUITE_POPE, (struct suite_options){.data = "pope",
                                                                       .subsets = splits,
                                                                       .n_subsets = 2,
                                                                       .limit = 2,
                                                                       .num_crops = 4,
                                                                       .protocol = "lmms-eval"});
    assert_int_equal(dataset->n_items, 4);
    assert_string_equal(dataset->items[0].key, "a/random/1");
    assert_string_equal(dataset->items[2].key, "a/adversarial/1");
    assert_string_equal(dataset->protocol, "lmms-eval-4-crops");
    check_request(dataset, 0, "Is there a cat?" ASK, NULL, 4);
    dataset_free(dataset);
}

static void scienceqa_asks_without_a_picture_where_there_is_none(void **unused)
{
    (void)unused;
    struct dataset *dataset =
        load(&SUITE_SCIENCEQA, (struct suite_options){.data = "science", .images = "images"});
    assert_int_equal(dataset->n_items, 2);
    assert_true(dataset->chance > 0.4166 && dataset->chance < 0.4167);
    const struct item *item = &dataset->items[0];
    assert_string_equal(item->key, "7");
    assert_string_equal(item->expected, "B");
    assert_int_equal(item->n_groups, 3);
    assert_string_equal(item->groups[0].name, "with");
    assert_string_equal(item->groups[1].name, "natural science");
    assert_string_equal(item->groups[2].name, "7-12");
    assert_string_equal(dataset->items[1].groups[2].name, "1-6");
    check_request(dataset, 0, "Context: Look well.\nWhich one?\nA. this\nB. that\nC. those" LETTER,
                  "images/7/image.png", 16);
    check_request(dataset, 1, "Who?\nA. he\nB. she" LETTER, NULL, 16);
    dataset_free(dataset);
}

static void lmms_eval_keeps_white_space_of_scienceqa(void **unused)
{
    (void)unused;
    struct dataset *dataset = load(
        &SUITE_SCIENCEQA,
        (struct suite_options){.data = "science", .images = "images", .protocol = "lmms-eval"});
    check_request(dataset, 0,
                  "Context:  Look  well. \nWhich  one?\nA. this\nB. that\nC. those" LETTER,
                  "images/7/image.png", 16);
    dataset_free(dataset);
}

static void llavas_list_asks_the_same(void **unused)
{
    (void)unused;
    const char *const with[] = {"with"};
    struct dataset *dataset =
        load(&SUITE_SCIENCEQA,
             (struct suite_options){
                 .data = "llava", .images = "images", .subsets = with, .n_subsets = 1});
    assert_int_equal(dataset->n_items, 1);
    assert_string_equal(dataset->items[0].expected, "B");
    assert_int_equal(dataset->items[0].n_groups, 1);
    check_request(dataset, 0, "Context: Look well.\nWhich one?\nA. this\nB. that\nC. those" LETTER,
                  "images/7/image.png", 16);
    dataset_free(dataset);
}

static void textvqa_shows_hints_where_the_protocol_has_them(void **unused)
{
    (void)unused;
    struct suite_options options = {.data = "text", .images = "images"};
    struct dataset *plain = load(&SUITE_TEXTVQA, options);
    options.protocol = "llava-ocr";
    struct dataset *hinted = load(&SUITE_TEXTVQA, options);
    assert_string_equal(plain->items[0].key, "0a1/34602");
    assert_string_equal(plain->items[0].fields[VISION_IDS], "34602");
    assert_string_equal(plain->items[0].fields[VISION_IDS + 1], "0a1\nwhat is the brand?");
    check_request(plain, 0, "What is the brand?" ASK, "images/0a1.jpg", 16);
    check_request(hinted, 0, "What is the brand?\nReference OCR token: NOKIA, 3310" ASK,
                  "images/0a1.jpg", 16);
    assert_string_equal(hinted->protocol, "llava-ocr-16-crops");
    assert_string_not_equal(plain->data_hash, hinted->data_hash);
    dataset_free(plain);
    dataset_free(hinted);
}

/* ---- What is refused ---- */

static void check_refused(const struct suite *suite, struct suite_options options, const char *file,
                          int line, const char *message)
{
    struct err err = {0};
    options.shots = options.shots ? options.shots : -1;
    assert_null(suite->load(suite, &options, &err));
    if (!strstr(err.message, message)) fail_msg("\"%s\" is not in: %s", message, err.message);
    assert_string_equal(err.file, file);
    assert_int_equal(err.line, line);
}

static void options_that_cannot_be_are_refused(void **unused)
{
    (void)unused;
    const char *const odd[] = {"odd"};
    struct suite_options options = {.data = "pope", .num_crops = 5};
    check_refused(&SUITE_POPE, options, "", 0, "num_crops is 4 or 16");
    options = (struct suite_options){.data = "pope", .shots = 2};
    check_refused(&SUITE_POPE, options, "", 0, "it takes 0 shots, not 2");
    options = (struct suite_options){.data = "pope", .images = "pictures"};
    check_refused(&SUITE_POPE, options, "pictures", 0, "no such folder of pictures");
    options = (struct suite_options){.data = "pope", .subsets = odd, .n_subsets = 1};
    check_refused(&SUITE_POPE, options, "", 0, "it has random, popular and adversarial");
    options = (struct suite_options){.data = "pope", .protocol = "plain"};
    check_refused(&SUITE_POPE, options, "", 0, "pope has no protocol \"plain\"");
    options = (struct suite_options){.data = "science", .split = "odd"};
    check_refused(&SUITE_SCIENCEQA, options, "science/pid_splits.json", 0, "there are test, val");
    options = (struct suite_options){.data = "science", .subsets = odd, .n_subsets = 1};
    check_refused(&SUITE_SCIENCEQA, options, "science", 0, "no questions of \"odd\"");
    options = (struct suite_options){.data = "text", .split = "odd"};
    check_refused(&SUITE_TEXTVQA, options, "text", 0, "no file TextVQA_0.5.1_odd.json");
    options = (struct suite_options){.data = "images"};
    check_refused(&SUITE_SCIENCEQA, options, "images", 0, "neither problems.json");
}

static void files_that_do_not_fit_are_refused_with_their_place(void **unused)
{
    (void)unused;
    static const char RANDOM[] = "pope/coco_pope_random.json",
                      VAL[] = "text/TextVQA_0.5.1_val.json";
    const struct suite_options pope = {.data = "pope"}, text = {.data = "text"};
    const struct suite_options hinted = {.data = "text", .protocol = "lmms-eval-ocr"};
    test_write_text(RANDOM, "{\"question_id\": 1, \"image\": \"a.jpg\", \"text\": \"Is th");
    check_refused(&SUITE_POPE, pope, RANDOM, 1, "");
    test_write_text(RANDOM, "\n{\"question_id\": 1, \"text\": \"Is there?\", \"label\": \"no\"}\n");
    check_refused(&SUITE_POPE, pope, RANDOM, 2, "\"image\"");
    test_write_text(RANDOM, "{\"image\": \"a\", \"text\": \"Is there?\", \"label\": \"No\"}\n");
    check_refused(&SUITE_POPE, pope, RANDOM, 1, "neither yes nor no");
    test_write_text(RANDOM, "{\"question_id\": 2, \"image\": \"a\", \"text\": \"Is there a cat?\", "
                            "\"label\": \"no\"}\n{\"question_id\": 2, \"image\": \"a\", \"text\": "
                            "\"Is there a dog?\", \"label\": \"no\"}\n");
    check_refused(&SUITE_POPE, pope, RANDOM, 2, "two questions \"a/random/2\"");
    test_write_text("text/TextVQA_Rosetta_OCR_v0.2_val.json", "{\"data\": [{\"image_id\": \"b\", "
                                                              "\"ocr_tokens\": []}]}");
    check_refused(&SUITE_TEXTVQA, hinted, VAL, 0, "knows no picture \"0a1\"");
    test_write_text(VAL, "{\"data\": [{\"question\": \"what?\", \"question_id\": 1}]}");
    check_refused(&SUITE_TEXTVQA, text, VAL, 0, "it needs its picture");
    test_write_text(VAL, "{\"data\": [{\"question\": \"what?\", \"question_id\": 1, \"image_id\": "
                         "\"a\"}]}");
    check_refused(&SUITE_TEXTVQA, text, VAL, 0, "it cannot be graded");
    test_write_text("questions.jsonl", "{}\n");
    const struct suite_options llava = {.data = "questions.jsonl"};
    check_refused(&SUITE_TEXTVQA, llava, "questions.jsonl", 0, "have no answers to grade by");
}

static void problems_that_cannot_be_asked_are_refused(void **unused)
{
    (void)unused;
    static const char PATH[] = "science/problems.json";
    const struct suite_options options = {.data = "science"};
    test_write_text(PATH, "{\"7\": {\"question\": \"Which?\", \"choices\": [\"a\", \"b\"], "
                          "\"answer\": 2}}");
    check_refused(&SUITE_SCIENCEQA, options, PATH, 0, "\"7\" has no \"answer\" that is");
    test_write_text(PATH,
                    "{\"7\": {\"question\": \"Which?\", \"choices\": [\"a\"], \"answer\": 0}}");
    check_refused(&SUITE_SCIENCEQA, options, PATH, 0, "no list of \"choices\"");
    test_write_text(PATH, "{}");
    check_refused(&SUITE_SCIENCEQA, options, PATH, 0, "\"7\" of the split is not in this file");
    test_write_text("llava/llava_test_CQM-A.json",
                    "[{\"id\": \"7\", \"conversations\": [{\"value\": \"Who?\\nA. he\\nB. she\"}, "
                    "{\"value\": \"C\"}]}]");
    const struct suite_options llava = {.data = "llava"};
    check_refused(&SUITE_SCIENCEQA, llava, "llava/llava_test_CQM-A.json", 0,
                  "no answer that is the letter");
}

/* ---- Grading ---- */

static struct verdict grade(const struct suite *suite, const char *protocol, const char *subset,
                            const char *expected, const char *text)
{
    struct verdict verdict;
    const struct item item = {.key = "k", .subset = subset, .expected = expected};
    const struct response response = {.answered = text != NULL, .text = text};
    struct err err = {0};
    if (!suite->grade(suite, protocol, &item, &response, &verdict, &err))
        fail_msg("%s", err.message);
    return verdict;
}

static double other(const struct verdict *verdict, const char *name)
{
    for (size_t i = 0; i < verdict->n_others; i++)
        if (!strcmp(verdict->others[i].name, name)) return verdict->others[i].score;
    return -1;
}

static void pope_reads_yes_and_no_as_llava_does(void **unused)
{
    (void)unused;
    static const char *const NOS[] = {"No",     "no",           "It is not there",
                                      "No, it", "Well no. Yes", "a no"};
    static const char *const YESES[] = {"Yes", "NO", "nope", "I see. No", "", "No\nthing", "none"};
    for (size_t i = 0; i < sizeof NOS / sizeof *NOS; i++)
        assert_string_equal(grade(&SUITE_POPE, "llava-16-crops", "random", "no", NOS[i]).predicted,
                            "no");
    for (size_t i = 0; i < sizeof YESES / sizeof *YESES; i++)
        assert_string_equal(grade(&SUITE_POPE, "llava-4-crops", "random", "no", YESES[i]).predicted,
                            "yes");
}

static void check_pope(const char *expected, const char *text, double score, double precision,
                       double recall, double f1)
{
    struct verdict verdict = grade(&SUITE_POPE, "lmms-eval-16-crops", "random", expected, text);
    assert_true(verdict.score == score);
    assert_true(other(&verdict, POPE_PRECISION) == precision);
    assert_true(other(&verdict, POPE_RECALL) == recall);
    assert_true(other(&verdict, POPE_F1) == f1);
    bool says_yes = text && strstr(text, "es");
    assert_true(other(&verdict, POPE_YES) == says_yes);
    assert_int_equal(verdict.answered, text && !strstr(text, "p"));
}

static void a_question_counts_in_the_metrics_that_are_about_it(void **unused)
{
    (void)unused;
    check_pope("yes", " Yes\n", 1, 1, 1, 1);
    check_pope("yes", "NO", 0, -1, 0, 0);
    check_pope("no", "yes", 0, 0, -1, 0);
    check_pope("no", "no", 1, -1, -1, -1);
    /* Neither word: wrong, and lmms-eval's recall does not know of it. */
    check_pope("yes", "perhaps", 0, -1, -1, -1);
    check_pope("no", "perhaps", 0, -1, -1, -1);
    /* Its picture is missing: wrong, and missed. */
    check_pope("yes", NULL, 0, -1, 0, 0);
    check_pope("no", NULL, 0, -1, -1, -1);
}

static void scienceqa_reads_letters_as_llava_does(void **unused)
{
    (void)unused;
    static const char *const TEXTS[][2] = {
        {"B", "B"},
        {"B. that", "B"},
        {"B.that", ""},
        {"b", ""},
        {" B", ""},
        {"F", ""},
        {"So. The answer is B.", "B"},
        {"The answer is B", ""},
        {"The answer is B. The answer is C.", ""},
        {"The answer is F.", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        struct verdict verdict =
            grade(&SUITE_SCIENCEQA, "llava-16-crops", "with", "B", TEXTS[i][0]);
        assert_string_equal(verdict.predicted, TEXTS[i][1]);
        assert_true(verdict.score == (*TEXTS[i][1] ? 1 : 0));
        assert_int_equal(verdict.answered, *TEXTS[i][1] != 0);
        assert_true(other(&verdict, SCIENCEQA_IMAGE) == verdict.score);
    }
    struct verdict verdict = grade(&SUITE_SCIENCEQA, "llava-16-crops", "without", "B", "B");
    assert_true(verdict.score == 1 && other(&verdict, SCIENCEQA_IMAGE) == -1);
}

static void scienceqa_reads_letters_as_lmms_eval_does(void **unused)
{
    (void)unused;
    static const char *const TEXTS[][2] = {{" b ", "B"}, {"B.that", "B"}, {"b. that", ""},
                                           {"B", "B"},   {"B that", ""},  {"The answer is B.", ""}};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
        assert_string_equal(
            grade(&SUITE_SCIENCEQA, "lmms-eval-16-crops", "with", "B", TEXTS[i][0]).predicted,
            TEXTS[i][1]);
}

static void textvqa_scores_agreement_with_people(void **unused)
{
    (void)unused;
    static const char ANSWERS[] = "[\"Nokia\", \"nokia.\", \"x\", \"x\", \"x\", \"x\", \"y\"]";
    struct verdict verdict = grade(&SUITE_TEXTVQA, "llava-16-crops", "", ANSWERS, " the X ");
    assert_true(verdict.score == 1 && verdict.is_correct);
    assert_string_equal(verdict.predicted, "the X");
    verdict = grade(&SUITE_TEXTVQA, "lmms-eval-ocr-4-crops", "", ANSWERS, "Nokia");
    assert_true(verdict.answered && !verdict.is_correct);
    assert_true(verdict.score > 0.5714 && verdict.score < 0.5715); /* (2/3 + 5 * 2/3 + ...) / 7 */
    verdict = grade(&SUITE_TEXTVQA, "llava-16-crops", "", ANSWERS, NULL);
    assert_true(!verdict.answered && verdict.score == 0);
}

/* ---- Real data ---- */

static void real_questions_are_all_there(void **unused)
{
    (void)unused;
    char pope[512], science[512];
    if (!test_data_path(pope, sizeof pope, "vision/pope") ||
        !test_data_path(science, sizeof science, "vision/scienceqa"))
        skip();
    struct dataset *dataset = load(&SUITE_POPE, (struct suite_options){.data = pope});
    assert_int_equal(dataset->n_items, SUITE_POPE.n_whole);
    dataset_free(dataset);
    dataset = load(&SUITE_SCIENCEQA, (struct suite_options){.data = science});
    assert_int_equal(dataset->n_items, SUITE_SCIENCEQA.n_whole);
    size_t n_with = 0;
    for (size_t i = 0; i < dataset->n_items; i++)
        n_with += !strcmp(dataset->items[i].subset, "with");
    assert_int_equal(n_with, 2017);
    dataset_free(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pope_asks_all_splits_of_each_picture),
        cmocka_unit_test(splits_and_limits_choose_questions),
        cmocka_unit_test(scienceqa_asks_without_a_picture_where_there_is_none),
        cmocka_unit_test(lmms_eval_keeps_white_space_of_scienceqa),
        cmocka_unit_test(llavas_list_asks_the_same),
        cmocka_unit_test(textvqa_shows_hints_where_the_protocol_has_them),
        cmocka_unit_test(options_that_cannot_be_are_refused),
        cmocka_unit_test(files_that_do_not_fit_are_refused_with_their_place),
        cmocka_unit_test(problems_that_cannot_be_asked_are_refused),
        cmocka_unit_test(pope_reads_yes_and_no_as_llava_does),
        cmocka_unit_test(a_question_counts_in_the_metrics_that_are_about_it),
        cmocka_unit_test(scienceqa_reads_letters_as_llava_does),
        cmocka_unit_test(scienceqa_reads_letters_as_lmms_eval_does),
        cmocka_unit_test(textvqa_scores_agreement_with_people),
        cmocka_unit_test(real_questions_are_all_there),
    };
    return cmocka_run_group_tests(tests, enter, test_leave_folder);
}
