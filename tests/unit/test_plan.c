/* test_plan.c - what a configuration comes to: jobs in order, fingerprints that change with what
 * changes answers and with nothing else, and faults with the configuration's place.
 */
#include "harness/run/plan.h"

#include "base/file.h"
#include "engine/tools.h"
#include "tests/support/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MODEL "models: [{id: m, path: \"synth:tiny\", quantizations: [q8_0]}]\n"
#define MMLU "suites: [{mmlu: {data: mmlu, shots: 1}}]\n"

static int enter_folder(void **state)
{
    if (test_enter_folder(state) != 0) return -1;
    if (!file_make_folders("mmlu/dev", NULL) || !file_make_folders("mmlu/test", NULL)) return -1;
    test_write_text("mmlu/dev/letters_dev.csv",
                    "First letter?,A,B,C,D,A\nSecond letter?,A,B,C,D,B\n");
    test_write_text("mmlu/test/letters_test.csv",
                    "Third letter?,A,B,C,D,C\nFourth letter?,A,B,C,D,D\n");
    return 0;
}

/* The plan of a text with overrides; the configuration is handed over too. */
static struct plan *make(const char *text, const char *override, struct config **config,
                         struct err *err)
{
    *err = (struct err){0};
    test_write_text("c.yaml", text);
    *config = config_read("c.yaml", &override, override ? 1 : 0, err);
    if (!*config) fail_msg("%s", err->message);
    return plan_make(*config, NULL, err);
}

static void fingerprint_of(const char *override, char hex[65])
{
    struct err err;
    struct config *config;
    struct plan *plan = make(MODEL MMLU, override, &config, &err);
    if (!plan) fail_msg("%s: %s", override, err.message);
    strcpy(hex, plan->jobs[0].fingerprint);
    plan_free(plan);
    config_free(config);
}

static void jobs_are_models_times_quantizations_times_suites(void **state)
{
    (void)state;
    struct err err;
    struct config *config;
    char label[128];
    struct plan *plan = make(
        "models:\n  - {id: a, path: \"synth:tiny\", quantizations: [f16, q8_0]}\n"
        "  - {id: b, path: \"synth:tiny-llama:q4_0\"}\n"
        "suites:\n  - mmlu: {data: mmlu, shots: 1}\n  - throughput: {prompt: 8, generate: 4}\n",
        NULL, &config, &err);
    const char *const labels[] = {"a f16 mmlu/hendrycks 1-shot",  "a f16 throughput",
                                  "a q8_0 mmlu/hendrycks 1-shot", "a q8_0 throughput",
                                  "b q4_0 mmlu/hendrycks 1-shot", "b q4_0 throughput"};
    if (!plan) fail_msg("%s", err.message);
    assert_int_equal(plan->n_models, 3);
    assert_int_equal(plan->n_jobs, 6);
    for (size_t i = 0; i < 6; i++) {
        plan_job_label(&plan->jobs[i], label, sizeof label);
        assert_string_equal(label, labels[i]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(plan->jobs[i].fingerprint, plan->jobs[k].fingerprint);
    }
    assert_ptr_equal(plan->jobs[0].dataset, plan->jobs[4].dataset); /* loaded once */
    assert_int_equal(plan->jobs[0].dataset->n_items, 2);
    plan_free(plan);
    config_free(config);
}

static void fingerprints_ignore_what_does_not_change_a_bit(void **state)
{
    (void)state;
    static const char *const same[] = {"defaults.threads=2",      "suites.0.limit=1",
                                       "defaults.batch_tokens=7", "defaults.isa=scalar",
                                       "defaults.kv_budget=1GiB", "name=other",
                                       "models.0.id=other"};
    static const char *const other[] = {"suites.0.shots=0",
                                        "suites.0.protocol=lm-eval",
                                        "models.0.bos=never",
                                        "models.0.kv=f32",
                                        "models.0.context=1024",
                                        "models.0.quantizations=[f16]",
                                        "models.0.path=synth:tiny:q8_0:2"};
    char plain[65], hex[65];
    fingerprint_of(NULL, plain);
    assert_int_equal(strlen(plain), 64);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        fingerprint_of(same[i], hex);
        assert_string_equal(plain, hex);
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        fingerprint_of(other[i], hex);
        if (!strcmp(plain, hex)) fail_msg("%s leaves the fingerprint as it is", other[i]);
    }
}

static void a_changed_question_changes_the_fingerprint(void **state)
{
    (void)state;
    char plain[65], hex[65];
    fingerprint_of(NULL, plain);
    test_write_text("mmlu/test/letters_test.csv",
                    "Third letter?,A,B,C,D,C\nFourth letter!,A,B,C,D,D\n");
    fingerprint_of(NULL, hex);
    assert_string_not_equal(plain, hex);
    test_write_text("mmlu/test/letters_test.csv",
                    "Third letter?,A,B,C,D,C\nFourth letter?,A,B,C,D,D\n");
    fingerprint_of(NULL, hex);
    assert_string_equal(plain, hex);
}

#define FILE_MODEL(types) "models: [{id: m, path: dir/m.gguf, quantizations: " types "}]\n"

static void other_types_of_a_file_are_planned_without_making_them(void **state)
{
    (void)state;
    struct err err;
    struct config *config;
    char label[128], source[65], recipe[65];
    assert_true(file_make_folders("dir", NULL));
    assert_true(model_write("synth:tiny:f16", "dir/m.gguf", NULL, 1, NULL, NULL, NULL));
    struct plan *plan = make(FILE_MODEL("[f16, Q8_0, q4_k_m]") MMLU, NULL, &config, &err);
    if (!plan) fail_msg("%s", err.message);
    static const char *const labels[] = {"m f16 mmlu/hendrycks 1-shot",
                                         "m q8_0 mmlu/hendrycks 1-shot",
                                         "m q4_k_m mmlu/hendrycks 1-shot"};
    static const char *const paths[] = {"dir/m.gguf", "quantize:q8_0:dir/m.gguf",
                                        "quantize:q4_k_m:dir/m.gguf"};
    assert_true(model_hash("dir/m.gguf", source, NULL, NULL));
    for (size_t i = 0; i < 3; i++) {
        const struct plan_model *model = plan->jobs[i].model;
        plan_job_label(&plan->jobs[i], label, sizeof label);
        assert_string_equal(label, labels[i]);
        assert_string_equal(model->path, paths[i]);
        assert_int_equal(model->is_made, i > 0);
        assert_true(model_hash(paths[i], recipe, NULL, NULL));
        assert_string_equal(model->hash, recipe);
        if (i) assert_true(model->info.n_bytes < plan->jobs[i - 1].model->info.n_bytes);
        if (i) assert_string_not_equal(plan->jobs[i].fingerprint, plan->jobs[i - 1].fingerprint);
    }
    assert_string_equal(plan->jobs[0].model->hash, source);
    plan_free(plan);
    config_free(config);
    char **names;
    size_t n_names;
    assert_true(file_list("dir", &names, &n_names, NULL));
    assert_int_equal(n_names, 1);
    file_free_names(names, n_names);
}

static void assert_refused(const char *text, const char *file, int line, int column,
                           const char *message)
{
    struct err err;
    struct config *config;
    struct plan *plan = make(text, NULL, &config, &err);
    assert_null(plan);
    if (!strstr(err.message, message)) fail_msg("\"%s\" in place of \"%s\"", err.message, message);
    assert_string_equal(err.file, file);
    assert_int_equal(err.line, line);
    assert_int_equal(err.column, column);
    config_free(config);
}

static void a_suite_is_asked_of_the_models_that_it_names(void **state)
{
    (void)state;
    struct err err;
    struct config *config;
    struct plan *plan = make("models:\n  - {id: a, path: \"synth:tiny:f16\"}\n"
                             "  - {id: b, path: \"synth:tiny:q8_0\"}\n"
                             "suites:\n  - mmlu: {data: mmlu, shots: 1}\n"
                             "  - throughput: {models: [b], prompt: 16, generate: 4}\n",
                             NULL, &config, &err);
    assert_non_null(plan);
    assert_int_equal(plan->n_jobs, 3);
    assert_string_equal(plan->jobs[2].model->config->id, "b");
    assert_null(plan->jobs[2].dataset);
    plan_free(plan);
    config_free(config);
}

static void faults_have_the_place_of_what_names_them(void **state)
{
    (void)state;
    assert_refused(MODEL
                   "suites:\n  - mmlu: {data: mmlu, shots: 1}\n  - mmlu: {data: mmlu, shots: 1}\n",
                   "c.yaml", 4, 11, "this suite repeats the one in line 3");
    assert_refused(MODEL "suites:\n  - throughput: {prompt: 100000}\n", "c.yaml", 3, 17,
                   "100128 tokens do not fit the context of synth:tiny:q8_0");
    assert_refused("models: [{id: m, path: \"synth:tiny\", quantizations: [f16, q9_9]}]\n" MMLU,
                   "c.yaml", 1, 59, "q9_9");
    assert_refused("models: [{id: m, path: \"synth:tiny:f16\", context: 4000000}]\n" MMLU, "c.yaml",
                   1, 10, "context 4000000 is more than");
    assert_refused(FILE_MODEL("[f16, q9_9]") MMLU, "c.yaml", 1, 57, "unknown tensor type 'q9_9'");
    assert_refused(FILE_MODEL("[f32]") MMLU, "c.yaml", 1, 52,
                   "f32 has more bits than f16, which dir/m.gguf holds");
    test_write_text("mmlu/test/broken_test.csv", "Question?,A,B,C\n");
    test_write_text("mmlu/dev/broken_dev.csv", "Question?,A,B,C,D,A\n");
    assert_refused(MODEL MMLU, "mmlu/test/broken_test.csv", 1, 16, "column");
    assert_int_equal(remove("mmlu/test/broken_test.csv"), 0);
    assert_int_equal(remove("mmlu/dev/broken_dev.csv"), 0);
}

/* Two models with the same vocabulary read the same chunks; an unequal length is another suite. */
static void a_text_is_cut_for_every_model(void **state)
{
    (void)state;
    struct err err;
    struct config *config;
    char label[128];
    char text[2000];
    for (size_t i = 0; i < sizeof text; i++) text[i] = "abcdefg hijk\n"[i % 13];
    assert_true(file_write("letters.txt", text, sizeof text, NULL));
    struct plan *plan = make("models: [{id: m, path: \"synth:tiny\", quantizations: [f16, q8_0]}]\n"
                             "suites:\n  - perplexity: {data: letters.txt, context: 64}\n"
                             "  - perplexity: {data: letters.txt, context: 32, limit: 3}\n",
                             NULL, &config, &err);
    if (!plan) fail_msg("%s", err.message);
    assert_int_equal(plan->n_jobs, 4);
    plan_job_label(&plan->jobs[3], label, sizeof label);
    assert_string_equal(label, "m q8_0 perplexity/chunks-32-letters");
    assert_int_equal(plan->jobs[3].dataset->n_items, 3);
    assert_string_equal(plan->jobs[0].dataset->data_hash, plan->jobs[2].dataset->data_hash);
    assert_string_not_equal(plan->jobs[0].dataset->data_hash, plan->jobs[1].dataset->data_hash);
    assert_string_not_equal(plan->jobs[0].fingerprint, plan->jobs[2].fingerprint);
    plan_free(plan);
    config_free(config);
    assert_refused(MODEL "suites:\n  - perplexity: {data: letters.txt, context: 999999}\n",
                   "c.yaml", 3, 17,
                   "chunks of 999999 tokens do not fit the context of synth:tiny:q8_0");
    assert_refused(MODEL "suites:\n  - perplexity: {data: c.yaml}\n", "c.yaml", 0, 0,
                   "tokens do not fill one chunk of 512");
}

/* Writes over the chat template in a file one that refuses a system message, in as many
 * bytes: the rest of the template becomes a comment's. */
static void refuse_system(const char *path)
{
    static const char REFUSAL[] =
        "{% if messages[0].role == 'system' %}{{ raise_exception('none') }}{% endif %}{#";
    static const char BEGIN[] = "{% for message in messages %}";
    size_t n_bytes;
    char *bytes = file_read(path, (size_t)1 << 30, &n_bytes, NULL);
    assert_non_null(bytes);
    char *template = memmem(bytes, n_bytes, BEGIN, strlen(BEGIN));
    assert_non_null(template);
    uint64_t length;
    memcpy(&length, template - sizeof length, sizeof length);
    assert_true(length > strlen(REFUSAL) + 2 && length < 4096);
    memset(template, ' ', length);
    memcpy(template, REFUSAL, strlen(REFUSAL));
    memcpy(template + length - 2, "#}", 2);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n_bytes, file), n_bytes);
    assert_int_equal(fclose(file), 0);
    free(bytes);
}

#define CHAT(more) "suites: [{mmlu: {data: mmlu, shots: 1, chat: true" more "}}]\n"

/* The harness asks without the system message, and so do we: but not in silence. */
static void a_template_without_system_messages_is_told(void **state)
{
    (void)state;
    struct err err = {0};
    char *said = NULL;
    size_t n_said;
    assert_true(file_make_folders("dir", NULL));
    assert_true(model_write("synth:tiny:f16", "dir/strict.gguf", NULL, 1, NULL, NULL, NULL));
    refuse_system("dir/strict.gguf");
    FILE *out = open_memstream(&said, &n_said);
    const struct console console = {.log = {out, LOG_WARNINGS}};
    test_write_text("c.yaml", "models: [{id: m, path: dir/strict.gguf}]\n" CHAT(""));
    struct config *config = config_read("c.yaml", NULL, 0, &err);
    assert_non_null(config);
    struct plan *plan = plan_make(config, &console, &err);
    if (!plan) fail_msg("%s", err.message);
    fclose(out);
    assert_non_null(strstr(said, "m f16 mmlu/hendrycks+chat-multiturn 1-shot: the chat template "
                                 "refuses a system message (the template refuses: none)"));
    free(said);
    plan_free(plan);
    config_free(config);
}

static void how_a_chat_is_asked_changes_the_fingerprint(void **state)
{
    (void)state;
    static const char *const ways[] = {
        MODEL MMLU,
        MODEL CHAT(""),
        MODEL CHAT(", fewshot_as_multiturn: false"),
        MODEL CHAT(", system: a"),
        MODEL CHAT(", system: b"),
        "models: [{id: m, path: \"synth:tiny\", quantizations: [q8_0], chat: chatml}]\n" CHAT("")};
    char fingerprints[sizeof ways / sizeof *ways][65];
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct err err;
        struct config *config;
        struct plan *plan = make(ways[i], NULL, &config, &err);
        if (!plan) fail_msg("%s", err.message);
        strcpy(fingerprints[i], plan->jobs[0].fingerprint);
        for (size_t k = 0; k < i; k++) assert_string_not_equal(fingerprints[i], fingerprints[k]);
        plan_free(plan);
        config_free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_models_times_quantizations_times_suites),
        cmocka_unit_test(fingerprints_ignore_what_does_not_change_a_bit),
        cmocka_unit_test(a_changed_question_changes_the_fingerprint),
        cmocka_unit_test(other_types_of_a_file_are_planned_without_making_them),
        cmocka_unit_test(faults_have_the_place_of_what_names_them),
        cmocka_unit_test(a_suite_is_asked_of_the_models_that_it_names),
        cmocka_unit_test(a_text_is_cut_for_every_model),
        cmocka_unit_test(a_template_without_system_messages_is_told),
        cmocka_unit_test(how_a_chat_is_asked_changes_the_fingerprint),
    };
    return cmocka_run_group_tests(tests, enter_folder, test_leave_folder);
}
