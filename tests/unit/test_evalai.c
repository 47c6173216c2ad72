/* test_evalai.c - answers in the form in which EvalAI compares them, and accuracies over several.
 *
 * tests/golden/evalai.jsonl was made by tools/golden/evalai.py with lmms-eval's own code: 300 odd
 * answers, 50 of LLaVA's to TextVQA and a hash of all 5,000.
 */
#include "suites/evalai.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/sha256.h"
#include "tests/support/test_data.h"

static const char GOLDEN[] = "tests/golden/evalai.jsonl";

/* What the golden file holds by kinds, and the hash that it has of all real answers. */
struct seen {
    size_t n_forms, n_accuracies;
    char sha256[SHA256_HEX_BYTES];
};

static void check_form(const char *text, const char *form)
{
    struct buf out = {0};
    evalai_normalize(text, &out);
    assert_string_equal(buf_string(&out), form);
    buf_free(&out);
}

static void check_accuracy(const struct json *value)
{
    const char *accepted[16];
    const struct json *list = json_get(value, "accepted");
    size_t n = json_length(list);
    double accuracy;
    assert_true(n <= 16);
    for (size_t i = 0; i < n; i++) accepted[i] = json_as_string(json_at(list, i), NULL);
    assert_true(evalai_accuracy(json_as_string(json_get(value, "answer"), NULL), accepted, n,
                                &accuracy, NULL));
    assert_true(json_as_number(json_get(value, "accuracy"), -1) - accuracy < 1e-15);
    assert_true(accuracy - json_as_number(json_get(value, "accuracy"), -1) < 1e-15);
}

static bool check_line(void *context, const struct json *value, int line, struct err *err)
{
    (void)line, (void)err;
    struct seen *seen = context;
    const char *form = json_as_string(json_get(value, "form"), NULL);
    const char *sha256 = json_as_string(json_get(value, "sha256"), NULL);
    if (form) {
        check_form(json_as_string(json_get(value, "text"), NULL), form);
        seen->n_forms++;
    } else if (json_get(value, "accuracy")) {
        check_accuracy(value);
        seen->n_accuracies++;
    } else if (sha256) {
        snprintf(seen->sha256, sizeof seen->sha256, "%s", sha256);
    }
    return true;
}

static struct seen read_golden(void)
{
    struct seen seen = {0};
    assert_true(json_read_lines(GOLDEN, check_line, &seen, NULL));
    return seen;
}

static void forms_and_accuracies_are_those_of_lmms_eval(void **unused)
{
    (void)unused;
    struct seen seen = read_golden();
    assert_int_equal(seen.n_forms, 350);
    assert_int_equal(seen.n_accuracies, 60);
    assert_int_equal(strlen(seen.sha256), 64);
}

static void an_answer_of_nobody_scores_nothing_and_one_of_four_all(void **unused)
{
    (void)unused;
    const char *accepted[] = {"Yes", "yes!", "the yes", "yes.",  "no",
                              "no",  "no",   "no",      "maybe", ""};
    double accuracy;
    assert_true(evalai_accuracy("perhaps", accepted, 10, &accuracy, NULL));
    assert_true(accuracy == 0);
    assert_true(evalai_accuracy("YES", accepted, 10, &accuracy, NULL));
    assert_true(accuracy == 1);
    /* One of ten: nine times out of ten a third of it counts. */
    assert_true(evalai_accuracy("Maybe?", accepted, 10, &accuracy, NULL));
    assert_true(accuracy > 0.2999 && accuracy < 0.3001);
}

static bool hash_answer(void *context, const struct json *value, int line, struct err *err)
{
    (void)line, (void)err;
    struct buf out = {0};
    evalai_normalize(json_as_string(json_get(value, "text"), NULL), &out);
    buf_char(&out, '\n');
    sha256_update(context, out.data, out.n_bytes);
    buf_free(&out);
    return true;
}

static void forms_of_all_real_answers_are_those_of_lmms_eval(void **unused)
{
    (void)unused;
    char path[512], hex[SHA256_HEX_BYTES];
    if (!test_data_path(path, sizeof path, "vision/textvqa/answers.llava-v1.5-13b.jsonl")) skip();
    struct sha256 *hash = sha256_new(NULL);
    assert_true(json_read_lines(path, hash_answer, hash, NULL));
    sha256_finish(hash, hex);
    sha256_free(hash);
    assert_string_equal(hex, read_golden().sha256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_and_accuracies_are_those_of_lmms_eval),
        cmocka_unit_test(an_answer_of_nobody_scores_nothing_and_one_of_four_all),
        cmocka_unit_test(forms_of_all_real_answers_are_those_of_lmms_eval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
