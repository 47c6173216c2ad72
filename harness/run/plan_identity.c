/* plan_identity.c - see plan_identity.h. A fingerprint covers what determines an answer's bits, and
 * nothing else: not threads, not the instruction set, not batch or KV budget, which the engine's
 * numerics make irrelevant; nor how many items there are, so that the answers of a limited run
 * serve the whole one.
 */
#include "harness/run/plan_identity.h"

#include "base/file.h"
#include "base/sha256.h"
#include "harness/ask/policies.h"
#include "harness/ask/reference.h"

#include <string.h>

static void put_integers(struct json_writer *json, const char *key, const int64_t *values, size_t n)
{
    json_key(json, key);
    json_begin_array(json);
    for (size_t i = 0; i < n; i++) json_put_integer(json, values[i]);
    json_end_array(json);
}

/* Writes what points depend on beyond the answers. */
static bool put_judge(struct json_writer *json, const struct plan_job *job, struct err *err)
{
    const struct config_judge *judge = job->suite->judge;
    char prompts[SHA256_HEX_BYTES];
    if (!sha256_file(job->suite->options.judge_prompts, prompts, err)) return false;
    json_set_string(json, "answers", job->answers);
    json_set_string(json, "judge_prompts", prompts);
    json_set_string(json, "judge",
                    judge->api      ? judge->api->base_url
                    : judge->import ? "import" /* whatever it says */
                                    : judge->path);
    if (job->judge_server) {
        json_key(json, "judge_server");
        json_put_raw(json, job->judge_server->description);
    }
    json_set_integer(json, "judge_repeat", judge->repeat);
    json_set_integer(json, "judge_max_new_tokens", (int64_t)judge->max_new_tokens);
    return true;
}

static bool put_baseline(struct json_writer *json, const struct plan_job *job, struct err *err)
{
    char name[256], hash[SHA256_HEX_BYTES];
    const char *file = job->suite->options.baseline;
    if (file) {
        if (!sha256_file(file, hash, err)) return false;
        snprintf(name, sizeof name, "%s", file_name(file));
    } else {
        memcpy(hash, job->baseline->answers, sizeof hash);
        snprintf(name, sizeof name, "%s %s", job->baseline->model->config->id,
                 job->baseline->model->quantization);
    }
    json_set_string(json, "baseline", name);
    json_set_string(json, "baseline_answers", hash);
    return true;
}

/* reference: hash of the file that the job is compared with, NULL: none. */
static void put_items_parameters(struct json_writer *json, const struct plan_job *job,
                                 const char *reference)
{
    const struct suite_options *options = &job->suite->options;
    if (options->split) json_set_string(json, "split", options->split);
    if (job->dataset->chat.system) json_set_string(json, "system", job->dataset->chat.system);
    if (job->reference_job) json_set_string(json, "reference", job->reference_job->fingerprint);
    if (reference) json_set_string(json, "reference_file", reference);
    if (job->suite->task_file) /* for grading again */
        json_set_string(json, "task", job->suite->task_file);
    json_set_string(json, "decoding", job->dataset->suite->decoding);
    if (options->max_new_tokens)
        json_set_integer(json, "max_new_tokens", (int64_t)options->max_new_tokens);
    if (job->retrieval) {
        json_key(json, "retrieval");
        json_begin_object(json);
        retrieval_describe(job->retrieval, json);
        json_end_object(json);
    }
}

static void put_throughput_parameters(struct json_writer *json,
                                      const struct throughput_options *options)
{
    put_integers(json, "prompt", options->prompt, options->n_prompt);
    put_integers(json, "generate", options->generate, options->n_generate);
    put_integers(json, "batch", options->batch, options->n_batch);
    put_integers(json, "threads", options->threads, options->n_threads);
    json_set_integer(json, "repeat", options->repeat);
}

/* What the answers depend on, as JSON in the plan's arena; is_whole: and what their points depend
 * on. */
static const char *describe_parameters(struct plan *plan, const struct plan_job *job, bool is_whole,
                                       struct err *err)
{
    char reference[SHA256_HEX_BYTES];
    struct buf text = {0};
    if (job->reference_file && !reference_hash(job->reference_file, reference, err)) return NULL;
    struct json_writer json = {.out = &text};
    json_begin_object(&json);
    json_set_integer(&json, "context", (int64_t)job->model->context_tokens);
    json_set_string(&json, "bos", BOS_POLICY_NAMES[job->model->config->bos]);
    json_set_string(&json, "kv", KV_TYPE_NAMES[job->model->config->kv_type]);
    if (job->model->info.short_tokens && job->model->config->rope != ROPE_AUTO)
        json_set_string(&json, "rope", ROPE_POLICY_NAMES[job->model->config->rope]);
    if (job->dataset && dataset_asks_chat(job->dataset) && !job->model->config->api) {
        json_set_string(&json, "chat", CHAT_FORMATS[job->model->config->chat]);
        json_set_string(&json, "rstrip", RSTRIP_POLICY_NAMES[job->model->config->rstrip]);
    }
    if (job->model->config->reasoning_tokens && !job->model->server)
        json_set_integer(&json, "reasoning_tokens", (int64_t)job->model->config->reasoning_tokens);
    if (job->dataset) put_items_parameters(&json, job, job->reference_file ? reference : NULL);
    else put_throughput_parameters(&json, &job->suite->throughput);
    if (job->model->server) {
        json_key(&json, "server");
        json_put_raw(&json, job->model->server->description);
    }
    bool is_compared = job->baseline || job->suite->options.baseline;
    if ((is_whole && job->suite->judge && !put_judge(&json, job, err)) ||
        (is_whole && is_compared && !put_baseline(&json, job, err))) {
        buf_free(&text);
        return NULL;
    }
    json_end_object(&json);
    return arena_take(plan->arena, &text, err);
}

static bool fingerprint(const struct plan_job *job, const char *protocol, const char *parameters,
                        char hex[SHA256_HEX_BYTES], struct err *err)
{
    char numbers[128];
    const struct dataset *dataset = job->dataset;
    struct sha256 *hash = sha256_new(err);
    if (!hash) return false;
    snprintf(numbers, sizeof numbers, "numerics %d suite %d shots %d", ENGINE_NUMERICS_VERSION,
             dataset ? dataset->suite->version : THROUGHPUT_VERSION, dataset ? dataset->shots : 0);
    sha256_field(hash, "phibench job 1");
    sha256_field(hash, job->model->hash);
    sha256_field(hash, numbers);
    sha256_field(hash, dataset ? dataset->suite->name : "throughput");
    sha256_field(hash, protocol);
    sha256_field(hash, dataset ? dataset->data_hash : "");
    sha256_field(hash, parameters);
    sha256_finish(hash, hex);
    sha256_free(hash);
    return true;
}

/* Answers are the same whoever judges them: they have a fingerprint of their own. */
bool plan_identify_job(struct plan *plan, struct plan_job *job, struct err *err)
{
    if (job->suite->judge) {
        const char *of_answers = describe_parameters(plan, job, false, err);
        if (!of_answers || !fingerprint(job, "judge", of_answers, job->answers, err)) return false;
    }
    job->parameters_json = describe_parameters(plan, job, true, err);
    return job->parameters_json && fingerprint(job, job->dataset ? job->dataset->protocol : "",
                                               job->parameters_json, job->fingerprint, err);
}

bool plan_identify(struct plan *plan, struct err *err)
{
    for (size_t i = 0; i < plan->n_jobs; i++)
        if (!plan_identify_job(plan, &plan->jobs[i], err)) return false;
    return true;
}
