/* test_config.c - every fault in a configuration is found with its place, and what is right arrives
 * as it was meant. The files are written into a folder of the test's own; messages are compared
 * whole, as main would print them.
 */
#include "harness/config/config.h"

#include "base/file.h"
#include "harness/config/grammar.h"
#include "tests/support/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MODELS "models:\n  - {id: m, path: \"synth:tiny:q8_0\"}\n"
#define SUITES "suites:\n  - throughput: {prompt: 8}\n"

static int enter_folder(void **state)
{
    if (test_enter_folder(state) != 0) return -1;
    return file_make_folders("mmlu", NULL) ? 0 : -1;
}

static struct config *read_text(const char *text, struct err *err)
{
    assert_true(file_write("c.yaml", text, strlen(text), NULL));
    *err = (struct err){0};
    return config_read("c.yaml", NULL, 0, err);
}

/* The error as main would print it, without the new line. */
static void assert_refused(const char *text, enum err_code code, const char *message)
{
    struct err err;
    char printed[2048] = "";
    struct config *config = read_text(text, &err);
    FILE *out = fmemopen(printed, sizeof printed - 1, "w");
    assert_non_null(out);
    err_print(&err, out);
    fclose(out);
    printed[strcspn(printed, "\n")] = 0;
    assert_string_equal(printed, message);
    assert_int_equal(err.code, code);
    assert_int_equal(err_exit_status(&err), 2);
    assert_null(config);
}

static void a_full_configuration_is_read_as_it_was_meant(void **state)
{
    (void)state;
    static const char text[] =
        "name: scaling\n"
        "db: out/a.db\n"
        "defaults: {threads: 2, batch_tokens: 64, isa: scalar, kv_budget: 64MiB, "
        "prefix_sharing: false}\n"
        "models:\n"
        "  - id: small\n"
        "    path: synth:tiny:f32:7\n"
        "    quantizations: [f16, q4_0]\n"
        "    published: Phi-3-mini-4k-instruct (Apr 2024)\n"
        "    context: 256\n"
        "    bos: never\n"
        "    kv: f32\n"
        "  - {id: 'other', path: \"synth:tiny-llama:q8_0\"}\n"
        "suites:\n"
        "  - mmlu: {data: mmlu, protocol: lm-eval, shots: 0, subjects: [anatomy], limit: 3}\n"
        "  - throughput: {prompt: [16, 0x20], generate: 4, batch: [1, 8], repeat: 2}\n"
        "report: {out: out/report}\n";
    struct err err;
    struct config *config = read_text(text, &err);
    assert_non_null(config);
    assert_string_equal(config->name, "scaling");
    assert_string_equal(config->db, "out/a.db");
    assert_string_equal(config->report_out, "out/report");
    assert_string_equal(config->isa, "scalar");
    assert_int_equal(config->n_threads, 2);
    assert_int_equal(config->batch_tokens, 64);
    assert_int_equal(config->kv_budget_bytes, 64 << 20);
    assert_false(config->shares_prefixes);
    assert_int_equal(config->n_models, 2);
    const struct config_model *small = &config->models[0];
    assert_string_equal(small->id, "small");
    assert_string_equal(small->published, "Phi-3-mini-4k-instruct (Apr 2024)");
    assert_int_equal(small->n_variants, 2);
    assert_string_equal(small->variants[0].path, "synth:tiny:f16:7");
    assert_string_equal(small->variants[1].path, "synth:tiny:q4_0:7");
    assert_int_equal(small->context_tokens, 256);
    assert_int_equal(small->bos, BOS_NEVER);
    assert_int_equal(small->kv_type, KV_F32);
    assert_string_equal(config->models[1].variants[0].path, "synth:tiny-llama:q8_0");
    assert_null(config->models[1].variants[0].quantization);
    assert_int_equal(config->n_suites, 2);
    const struct suite_options *mmlu = &config->suites[0].options;
    assert_string_equal(mmlu->data, "mmlu");
    assert_string_equal(mmlu->protocol, "lm-eval");
    assert_string_equal(mmlu->split, "test");
    assert_string_equal(mmlu->subsets[0], "anatomy");
    assert_int_equal(mmlu->shots, 0);
    assert_int_equal(mmlu->limit, 3);
    const struct throughput_options *throughput = &config->suites[1].throughput;
    assert_int_equal(throughput->n_prompt, 2);
    assert_int_equal(throughput->prompt[1], 32);
    assert_int_equal(throughput->generate[0], 4);
    assert_int_equal(throughput->batch[1], 8);
    assert_int_equal(throughput->threads[0], 2);
    assert_int_equal(throughput->repeat, 2);
    config_free(config);
}

static void a_perplexity_has_chunks_of_512_tokens_unless_others_are_asked_for(void **state)
{
    (void)state;
    struct err err;
    struct config *config = read_text(MODELS "suites:\n"
                                             "  - perplexity: {data: mmlu, context: 64, limit: 7}\n"
                                             "  - perplexity: {data: mmlu}\n",
                                      &err);
    assert_non_null(config);
    const struct config_suite *perplexity = &config->suites[0];
    assert_int_equal(perplexity->kind, CONFIG_SUITE_TEXT);
    assert_string_equal(perplexity->suite->name, "perplexity");
    assert_string_equal(perplexity->options.data, "mmlu");
    assert_int_equal(perplexity->chunk_tokens, 64);
    assert_int_equal(perplexity->options.limit, 7);
    assert_int_equal(config->suites[1].chunk_tokens, 512);
    assert_int_equal(config->suites[1].options.limit, 0);
    config_free(config);
}

static void a_precision_is_of_suites_whose_score_is_a_rate(void **state)
{
    (void)state;
    struct err err;
    struct config *config = read_text(MODELS "suites:\n"
                                             "  - mmlu: {data: mmlu, precision: 1.5}\n"
                                             "  - arc_easy: {data: mmlu, precision: 50}\n"
                                             "  - mmlu: {data: mmlu}\n"
                                             "  - perplexity: {data: mmlu}\n",
                                      &err);
    if (!config) fail_msg("%s", err.message);
    assert_true(config->suites[0].precision == 1.5 && config->suites[1].precision == 50);
    assert_true(config->suites[2].precision == 0 && config_suite_is_rated(&config->suites[2]));
    assert_false(config_suite_is_rated(&config->suites[3]));
    config_free(config);
    static const char *const WRONG[] = {"0", "50.5", "-1", "narrow", "[1]"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        char text[400];
        snprintf(text, sizeof text, "%ssuites: [{mmlu: {data: mmlu, precision: %s}}]\n", MODELS,
                 WRONG[i]);
        assert_null(read_text(text, &err));
        assert_int_equal(err.code, ERR_CONFIG);
        assert_string_equal(err.message,
                            "precision must be percent points above 0 and at most 50, as in 1.5");
    }
    assert_null(read_text(MODELS "suites:\n  - mt_bench: {precision: 1}\n", &err));
    assert_int_equal(err.line, 4);
    assert_string_equal(err.message, "a precision is of a score between 0 and 100%: mt_bench has "
                                     "none, and is asked whole");
    assert_null(read_text(MODELS "suites:\n  - throughput: {precision: 1}\n", &err));
    assert_non_null(strstr(err.message, "throughput has none"));
}

static void defaults_stand_where_nothing_is_said(void **state)
{
    (void)state;
    struct err err;
    struct config *config = read_text(MODELS "suites: [{mmlu: {data: mmlu}}]\n", &err);
    assert_non_null(config);
    assert_string_equal(config->name, "c");
    assert_string_equal(config->db, "out/phibench.db");
    assert_null(config->report_out);
    assert_null(config->isa);
    assert_int_equal(config->batch_tokens, 512);
    assert_true(config->shares_prefixes);
    assert_string_equal(config->suites[0].options.protocol, config->suites[0].suite->protocols[0]);
    assert_int_equal(config->suites[0].options.shots, -1);
    config_free(config);
}

static void an_unknown_key_is_named_with_the_nearest(void **state)
{
    (void)state;
    assert_refused(
        MODELS "suites:\n  - mmlu: {data: mmlu, protocl: phi3}\n", ERR_CONFIG,
        "c.yaml:4:24: unknown key \"protocl\" in suite mmlu: did you mean \"protocol\"?");
    assert_refused(
        MODELS SUITES "defalts: {threads: 1}\n", ERR_CONFIG,
        "c.yaml:5:1: unknown key \"defalts\" in the configuration: did you mean \"defaults\"?");
    assert_refused(MODELS SUITES "defaults: {xyzzy: 1}\n", ERR_CONFIG,
                   "c.yaml:5:12: unknown key \"xyzzy\" in defaults (known: threads, batch_tokens, "
                   "kv_budget, prefix_sharing, isa)");
    assert_refused(MODELS "suites:\n  - mmul: {}\n", ERR_CONFIG,
                   "c.yaml:4:5: there is no suite \"mmul\": did you mean \"mmlu\"?");
}

static void a_wrong_type_says_what_was_found(void **state)
{
    (void)state;
    assert_refused(MODELS "suites:\n  - mmlu: {data: mmlu, shots: five}\n", ERR_CONFIG,
                   "c.yaml:4:31: shots must be an integer, but this is text, five");
    assert_refused(MODELS "suites:\n  - mmlu: {data: mmlu, shots: \"5\"}\n", ERR_CONFIG,
                   "c.yaml:4:31: shots must be an integer, but this is text, 5");
    assert_refused(MODELS SUITES "name: 12\n", ERR_CONFIG,
                   "c.yaml:5:7: name must be text, but this is an integer, 12: put it in quotes");
    assert_refused(
        MODELS SUITES "name: yes\n", ERR_CONFIG,
        "c.yaml:5:7: name must be text, but this is a truth value, yes: put it in quotes");
    assert_refused(MODELS SUITES "name:\n", ERR_CONFIG,
                   "c.yaml:5:6: name must be text, but this is nothing");
    assert_refused(MODELS SUITES "name: [a]\n", ERR_CONFIG,
                   "c.yaml:5:7: name must be text, but this is a list");
    assert_refused("models: 3\n" SUITES, ERR_CONFIG,
                   "c.yaml:1:9: models must be a list of at least one model");
    assert_refused("[a, b]\n", ERR_CONFIG,
                   "c.yaml:1:1: the configuration must be a map (key: value), but this is a list");
}

static void values_out_of_range_are_refused(void **state)
{
    (void)state;
    assert_refused(MODELS "suites:\n  - throughput: {repeat: 0}\n", ERR_CONFIG,
                   "c.yaml:4:26: repeat must be between 1 and 10000, but this is 0");
    assert_refused(
        MODELS "suites:\n  - throughput: {prompt: [8, 99999999999999999999]}\n", ERR_CONFIG,
        "c.yaml:4:30: prompt must be between 1 and 4194304, but this is 99999999999999999999");
    assert_refused(MODELS SUITES "defaults: {kv_budget: 3KiB}\n", ERR_CONFIG,
                   "c.yaml:5:23: kv_budget must be a size like 512MiB or 2GiB, at least 1048576 "
                   "bytes, but this is "
                   "3KiB");
    assert_refused(MODELS "suites:\n  - throughput: {batch: []}\n", ERR_CONFIG,
                   "c.yaml:4:25: batch is an empty list");
    assert_refused(MODELS "suites:\n  - throughput: {batch: [1, 2, 1]}\n", ERR_CONFIG,
                   "c.yaml:4:32: batch: 1 stands here a second time");
    assert_refused("models:\n  - {id: m, path: \"synth:tiny:q8_0\", bos: allways}\n" SUITES,
                   ERR_CONFIG,
                   "c.yaml:2:43: bos: unknown value \"allways\": did you mean \"always\"?");
}

static void what_is_missing_or_repeated_is_refused(void **state)
{
    (void)state;
    assert_refused(MODELS, ERR_CONFIG, "c.yaml:1:1: the configuration needs the key \"suites\"");
    assert_refused("models: [{id: a}]\n" SUITES, ERR_CONFIG,
                   "c.yaml:1:10: the model \"a\" needs the key \"path\"");
    assert_refused("models: [{id: a, path: nowhere.gguf}]\n" SUITES, ERR_CONFIG,
                   "c.yaml:1:24: path: there is no file or folder nowhere.gguf");
    assert_refused(MODELS "suites: [{mmlu: {data: nowhere}}]\n", ERR_CONFIG,
                   "c.yaml:3:24: data: there is no file or folder nowhere");
    assert_refused(MODELS SUITES "report: {out: c.yaml}\n", ERR_CONFIG,
                   "c.yaml:5:15: out: c.yaml is a file, not a folder");
    assert_refused(MODELS SUITES "name: a\nname: b\n", ERR_CONFIG,
                   "c.yaml:6:1: the key \"name\" stands here a second time");
    assert_refused(MODELS "  - {id: m, path: \"synth:tiny:f16\"}\n" SUITES, ERR_CONFIG,
                   "c.yaml:3:5: the id \"m\" is taken by the model in line 2");
    assert_refused("models: [{id: a, path: \"synth:tiny\"}]\n" SUITES, ERR_CONFIG,
                   "c.yaml:1:24: synth:tiny names no type: write synth:tiny:q4_0, or give the "
                   "model quantizations");
    assert_refused("models: [{id: a, path: \"synth:tiny\", quantizations: [f16, f16]}]\n" SUITES,
                   ERR_CONFIG, "c.yaml:1:59: quantizations: \"f16\" stands here a second time");
}

static void what_is_not_built_yet_says_so(void **state)
{
    (void)state;
    assert_refused(MODELS "suites:\n  - mmlu: {data: mmlu, protocol: generative}\n",
                   ERR_UNSUPPORTED, "c.yaml:4:34: not supported yet: the protocol generative");
}

static void a_model_is_a_file_or_a_folder(void **state)
{
    (void)state;
    struct err err = {0};
    struct config *config = read_text("models: [{id: a, path: mmlu}]\n" SUITES, &err);
    assert_non_null(config);
    assert_string_equal(config->models[0].path, "mmlu");
    config_free(config);
    assert_refused("models: [{id: a, path: missing}]\n" SUITES, ERR_CONFIG,
                   "c.yaml:1:24: path: there is no file or folder missing");
}

#define API "models: [{id: a, api: {base_url: \"http://h/v1\", model: b"

static void models_behind_a_server_are_checked(void **state)
{
    (void)state;
    assert_refused("models: [{id: a, api: {model: b}}]\n" SUITES, ERR_CONFIG,
                   "c.yaml:1:23: api needs the key \"base_url\"");
    assert_refused("models: [{id: a, api: {base_url: h, model: b}}]\n" SUITES, ERR_CONFIG,
                   "c.yaml:1:34: base_url must begin with http:// or https://");
    assert_refused(API ", price_in: cheap}}]\n" SUITES, ERR_CONFIG,
                   "c.yaml:1:69: price_in must be the price of a million tokens, as in 0.15");
    assert_refused(API "}, path: x}]\n" SUITES, ERR_CONFIG,
                   "c.yaml:1:60: path says where weights are: a model with api has none");
    struct err err = {0};
    struct config *config = read_text(API ", key_env: K, logprobs: echo, endpoint: completions, "
                                          "wait_ms: 5, price_out: 0.6}}]\n" SUITES,
                                      &err);
    if (!config) fail_msg("%s", err.message);
    const struct config_model *model = &config->models[0];
    assert_string_equal(model->api->base_url, "http://h/v1");
    assert_string_equal(model->key_env, "K");
    assert_null(model->api->key);
    assert_true(model->api->echoes && model->api->completes);
    assert_true(model->api->wait_s == 0.005 && model->api->price_out == 0.6);
    assert_int_equal(model->api->n_concurrent, 4);
    assert_int_equal(model->api->n_retries, 6);
    config_free(config);
}

static void what_a_server_is_told_beyond_a_question_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *message;
    } refused[] = {
        {", headers: [x]", "c.yaml:1:68: headers must be a map (NAME: value)"},
        {", headers: {\"X Y\": z}", "c.yaml:1:69: \"X Y\" cannot be the name of a header"},
        {", headers: {Host: z}", "c.yaml:1:69: the header Host is phibench's own"},
        {", headers: {X: \"a${b\"}",
         "c.yaml:1:72: the header X: \"${\" without the name of a variable and \"}\""},
        {", headers: {X: \"a\\nb\"}", "c.yaml:1:72: the header X holds a control character"},
        {", body: {stream: true}",
         "c.yaml:1:66: stream is said by phibench, and cannot be a field of the body"},
        {", body: {temperature: 1}", "c.yaml:1:66: temperature is what a suite asks for: write "
                                     "\"temperature: omit\" beside the "
                                     "body first"},
        {", body: {x: 0x10}",
         "c.yaml:1:69: 0x10: a number of the body must be decimal, and finite"},
        {", body: {x: yes}", "c.yaml:1:69: yes: write true, false, or \"yes\" in quotes"},
        {", temperature: 0.5",
         "c.yaml:1:72: temperature: unknown value \"0.5\" (known: send, omit)"},
        {", reasoning_tokens: -1",
         "c.yaml:1:77: reasoning_tokens must be between 0 and 4194304, but this is -1"},
        {", revision: 2",
         "c.yaml:1:69: revision must be text, but this is an integer, 2: put it in "
         "quotes"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char text[512];
        snprintf(text, sizeof text, API "%s}}]\n" SUITES, refused[i].settings);
        assert_refused(text, ERR_CONFIG, refused[i].message);
    }
    assert_refused(
        "models: [{id: a, api: {base_url: \"https://me:word@h/v1\", model: b}}]\n" SUITES,
        ERR_CONFIG,
        "c.yaml:1:34: base_url holds a user name or password, which would be stored: give "
        "it by key_env, or in headers as ${NAME}");
    assert_refused(API ", revision: x}, revision: z}]\n" SUITES, ERR_CONFIG,
                   "c.yaml:1:73: revision stands in api, too");
    assert_refused("models: [{id: a, path: \"synth:tiny:q8_0\", revision: x}]\n" SUITES, ERR_CONFIG,
                   "c.yaml:1:43: revision is said of a model with api: weights are known by their "
                   "hash");
    struct err err = {0};
    struct config *config = read_text(
        API ", max_completion_tokens: true, temperature: omit, headers: {X-Key: \"${K}\"}, "
            "body: {temperature: 1, top_p: 0.5, a: [x, null, \"1\"], b: {c: true, d: 2}}}, "
            "revision: r2, reasoning_tokens: 64}]\n" SUITES,
        &err);
    if (!config) fail_msg("%s", err.message);
    const struct api_options *api = config->models[0].api;
    assert_true(api->names_completion_tokens && api->omits_temperature);
    assert_string_equal(api->revision, "r2");
    assert_int_equal(api->reasoning_tokens, 64);
    assert_int_equal(api->n_headers, 1);
    assert_string_equal(api->headers[0].name, "X-Key");
    assert_string_equal(api->headers[0].value, "${K}");
    assert_int_equal(api->n_fields, 4);
    assert_string_equal(api->fields[0].json, "1");
    assert_string_equal(api->fields[2].json, "[\"x\",null,\"1\"]");
    assert_string_equal(api->fields[3].json, "{\"c\":true,\"d\":2}");
    config_free(config);
}

static void yaml_that_could_surprise_is_refused(void **state)
{
    (void)state;
    assert_refused("models: &a [x]\n", ERR_CONFIG,
                   "c.yaml:1:9: anchors (&name) are not accepted: write values out");
    assert_refused("models: *a\n", ERR_CONFIG,
                   "c.yaml:1:9: aliases (*name) are not accepted: write the value out");
    assert_refused("name: !!str 3\n", ERR_CONFIG,
                   "c.yaml:1:7: tags (!name) are not accepted: write plain values");
    assert_refused(MODELS SUITES "---\nname: b\n", ERR_CONFIG,
                   "c.yaml:5:1: a second document: one file is one configuration");
    assert_refused("", ERR_CONFIG, "c.yaml:1:1: the configuration is empty");
    assert_refused("models:\n\t- id: m\n", ERR_CONFIG,
                   "c.yaml:2:1: a tab: YAML indents with spaces");
    assert_refused("name: a\n# \xc3\xa4\xff\n", ERR_CONFIG, "c.yaml:2:4: this is not UTF-8");
    assert_refused("name: a\nb\x01: c\n", ERR_CONFIG,
                   "c.yaml:2:2: a control character has no place here");
    assert_refused("? [a]\n: b\n", ERR_CONFIG, "c.yaml:1:3: a key must be a word");
    struct err err;
    char deep[200] = "name: ";
    for (int i = 0; i < 40; i++) strcat(deep, "[");
    assert_null(read_text(deep, &err));
    assert_string_equal(err.message, "the configuration is nested too deeply");
    assert_null(read_text("name: \"open\n", &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_int_equal(err.line, 2);
}

static void paths_expand_environment_variables(void **state)
{
    (void)state;
    struct err err;
    setenv("PHIBENCH_TEST_FOLDER", "mmlu", 1);
    unsetenv("PHIBENCH_TEST_UNSET");
    struct config *config =
        read_text(MODELS "suites: [{mmlu: {data: \"./${PHIBENCH_TEST_FOLDER}/.\"}}]\n"
                         "db: ${PHIBENCH_TEST_UNSET:-a/b}.db\n",
                  &err);
    assert_non_null(config);
    assert_string_equal(config->suites[0].options.data, "./mmlu/.");
    assert_string_equal(config->db, "a/b.db");
    config_free(config);
    assert_refused(
        MODELS SUITES "db: ${PHIBENCH_TEST_UNSET}/x\n", ERR_CONFIG,
        "c.yaml:5:5: the environment variable PHIBENCH_TEST_UNSET is not set; set it, or write "
        "${PHIBENCH_TEST_UNSET:-FOLDER} to give it a default");
    assert_refused(MODELS SUITES "db: ${OPEN\n", ERR_CONFIG,
                   "c.yaml:5:5: \"${\" without its \"}\"");
    config = read_text(MODELS SUITES "name: ${HOME}\n", &err); /* no path: as it is */
    assert_non_null(config);
    assert_string_equal(config->name, "${HOME}");
    config_free(config);
}

static void overrides_change_values_and_are_checked_like_them(void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(file_write("c.yaml", MODELS SUITES, strlen(MODELS SUITES), NULL));
    const char *const good[] = {"defaults.threads=3", "suites.0.prompt=[4, 5]",
                                "suites.0.throughput.repeat=9", "models.0.id=renamed"};
    struct config *config = config_read("c.yaml", good, 4, &err);
    assert_non_null(config);
    assert_int_equal(config->n_threads, 3);
    assert_int_equal(config->suites[0].throughput.n_prompt, 2);
    assert_int_equal(config->suites[0].throughput.repeat, 9);
    assert_string_equal(config->models[0].id, "renamed");
    config_free(config);

    const struct {
        const char *set, *file, *message;
    } bad[] = {
        {"suites.0.repeat=0", "--set suites.0.repeat=0",
         "repeat must be between 1 and 10000, but this is 0"},
        {"defaults.thraeds=1", "--set defaults.thraeds=1",
         "unknown key \"thraeds\" in defaults: did you mean \"threads\"?"},
        {"suites.7.repeat=1", "--set suites.7.repeat=1",
         "\"7\" is no position in a list of 1 (0 is the first)"},
        {"name.x=1", "--set name.x=1", "name must be text, but this is a map"},
        {"nothing", "", "--set takes KEY=VALUE, as in --set defaults.threads=1, not \"nothing\""},
        {"name=", "--set name=", "a value is missing after the ="},
        {"name=\xff", "--set name=\xff", "this is not UTF-8"},
        {"a..b=1", "--set a..b=1", "the key is no sequence of names with dots between"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(config_read("c.yaml", &bad[i].set, 1, &err));
        assert_string_equal(err.message, bad[i].message);
        assert_string_equal(err.file, bad[i].file);
        assert_int_equal(err_exit_status(&err), 2);
    }
}

static void hash_of(const char *text, const char *const *overrides, size_t n, char hash[65])
{
    struct err err = {0};
    assert_true(file_write("c.yaml", text, strlen(text), NULL));
    struct config *config = config_read("c.yaml", overrides, n, &err);
    assert_non_null(config);
    strcpy(hash, config->hash);
    config_free(config);
}

static void the_hash_is_of_the_meaning(void **state)
{
    (void)state;
    char plain[65], same[65], other[65];
    const char *const set[] = {"suites.0.prompt=9"};
    hash_of(MODELS SUITES, NULL, 0, plain);
    hash_of("# a comment\n" MODELS "suites: [ { 'throughput' : {prompt: 8} } ]\n", NULL, 0, same);
    assert_string_equal(plain, same);
    hash_of(MODELS SUITES, set, 1, other);
    assert_string_not_equal(plain, other);
    hash_of(MODELS "suites:\n  - throughput: {prompt: 9}\n", NULL, 0, same);
    assert_string_equal(other, same);
}

static void a_configuration_that_is_not_there_is_a_usage_error(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(config_read("missing.yaml", NULL, 0, &err));
    assert_string_equal(err.file, "missing.yaml");
    assert_int_equal(err_exit_status(&err), 2);
}

static void assert_key_is_sound(const struct config_key *key)
{
    bool is_number = key->type == CONFIG_INTEGER || key->type == CONFIG_BYTES;
    if (!is_number && key->type != CONFIG_INTEGERS) {
        assert_true(!key->low && !key->high);
    } else {
        assert_true(key->low < key->high);
        /* 0 and -1 stand for what the user did not say. */
        assert_true(key->otherwise == 0 || key->otherwise == -1 ||
                    (key->otherwise >= key->low && key->otherwise <= key->high));
    }
    if (is_number && key->storage == STORED_AS_INT)
        assert_true(key->low >= INT32_MIN && key->high <= INT32_MAX);
    assert_true((key->choices != NULL) == (key->type == CONFIG_CHOICE));
    assert_true(!key->is_required || (!key->otherwise && !key->otherwise_text));
}

static void every_key_has_a_name_of_its_own_and_a_default_in_its_range(void **state)
{
    (void)state;
    for (int i = 0; i < N_CONFIG_MAPS; i++) {
        const struct config_table *table = &CONFIG_TABLES[i];
        assert_true(table->n_keys > 0 && table->n_keys <= CONFIG_MAX_KEYS);
        for (size_t k = 0; k < table->n_keys; k++) {
            const char *name = config_key_name(&table->keys[k]);
            assert_key_is_sound(&table->keys[k]);
            assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
            for (size_t j = 0; j < k; j++)
                assert_string_not_equal(name, config_key_name(&table->keys[j]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_has_a_name_of_its_own_and_a_default_in_its_range),
        cmocka_unit_test(a_full_configuration_is_read_as_it_was_meant),
        cmocka_unit_test(a_perplexity_has_chunks_of_512_tokens_unless_others_are_asked_for),
        cmocka_unit_test(a_precision_is_of_suites_whose_score_is_a_rate),
        cmocka_unit_test(defaults_stand_where_nothing_is_said),
        cmocka_unit_test(an_unknown_key_is_named_with_the_nearest),
        cmocka_unit_test(a_wrong_type_says_what_was_found),
        cmocka_unit_test(values_out_of_range_are_refused),
        cmocka_unit_test(what_is_missing_or_repeated_is_refused),
        cmocka_unit_test(what_is_not_built_yet_says_so),
        cmocka_unit_test(a_model_is_a_file_or_a_folder),
        cmocka_unit_test(models_behind_a_server_are_checked),
        cmocka_unit_test(what_a_server_is_told_beyond_a_question_is_checked),
        cmocka_unit_test(yaml_that_could_surprise_is_refused),
        cmocka_unit_test(paths_expand_environment_variables),
        cmocka_unit_test(overrides_change_values_and_are_checked_like_them),
        cmocka_unit_test(the_hash_is_of_the_meaning),
        cmocka_unit_test(a_configuration_that_is_not_there_is_a_usage_error),
    };
    return cmocka_run_group_tests(tests, enter_folder, test_leave_folder);
}
