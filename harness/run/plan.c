/* plan.c - see plan.h. Reads the models' headers, loads the suites, multiplies them into jobs and
 * refuses what cannot be, before anything is computed.
 */
#include "harness/run/plan.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "engine/tools.h"
#include "harness/ask/policies.h"
#include "harness/ask/text_chunks.h"
#include "harness/run/plan_api.h"
#include "harness/run/plan_chat.h"
#include "harness/run/plan_identity.h"
#include "results/metric.h"
#include "results/published.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ARENA_BYTES = 64 << 20 };
static const int64_t LARGE_BYTES = INT64_C(1) << 30; /* hashing this much takes seconds */

/* Gives the error the configuration's place; what it had becomes part of the message. */
static bool at_place(struct err *err, const struct config_place *place)
{
    if (!err || err->code == ERR_INTERRUPTED || err->code == ERR_MEMORY) return false;
    struct err inner = *err;
    if (inner.file[0])
        return false; /* the user's file: a better place than the line that names it */
    return err_set_at(err, inner.code, place->file, place->line, place->column, "%s",
                      inner.message);
}

__attribute__((format(printf, 4, 5))) static bool
fail(const struct config_place *place, enum err_code code, struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_set_at_v(err, code, place->file, place->line, place->column, format, args);
    va_end(args);
    return false;
}

/* ---- Models ---- */

static bool keep_info(struct arena *arena, struct plan_model *model, const struct model_info *info,
                      struct err *err)
{
    model->info = *info;
    const char **texts[] = {&model->info.path, &model->info.name, &model->info.architecture,
                            &model->info.quantization};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (*texts[i] && !(*texts[i] = arena_string(arena, *texts[i], err))) return false;
    model->quantization = model->info.quantization;
    return true;
}

static bool check_context(const struct config_model *config, const struct config_variant *variant,
                          struct plan_model *model, struct err *err)
{
    size_t most = (size_t)model->info.context_tokens;
    if (config->context_tokens > most)
        return fail(&config->place, ERR_CONFIG, err,
                    "context %zu is more than the %zu tokens that %s was made for",
                    config->context_tokens, most, variant->path);
    model->context_tokens = config->context_tokens ? config->context_tokens : most;
    return true;
}

/* What is quantized has the tokenizer of its source, which was read before. */
static bool read_model(struct plan *plan, const struct model_file *file, struct plan_model *model,
                       const struct log *log, struct err *err)
{
    struct model_info info = {0};
    if (!model_file_info(file, &info, err) || !keep_info(plan->arena, model, &info, err) ||
        !model_file_check(file, err))
        return false;
    if (!model->tokenizer) {
        model->tokenizer = model_file_tokenizer(file, err);
        if (!model->tokenizer) return false;
        log_warning_lines(log, model->config->id, tokenizer_notes(model->tokenizer));
    }
    model->adds_bos = bos_policy_adds(model->config->bos, model->tokenizer);
    return true;
}

/* A source, its hash and what was hashed, so that a file is read once for all of its
 * quantizations. */
struct hashed {
    const char *path;
    char hash[65];
    const struct model_seal *seal;
};

/* Hashes what was opened, so that the hash is of what the plan knows of the model. */
static bool hash_source(struct plan *plan, const struct config_variant *variant,
                        const struct model_file *file, struct hashed *source, const struct log *log,
                        struct err *err)
{
    if (file_size_bytes(variant->path) > LARGE_BYTES)
        log_info(log, "reading %s for its hash", variant->path);
    if (!model_file_hash(file, source->hash, &plan->seals[plan->n_seals], err)) return false;
    source->seal = plan->seals[plan->n_seals++];
    source->path = variant->path;
    return true;
}

/* Reads what the plan must know of the model at model->path, which is the source or made of it. */
static bool look_at(struct plan *plan, const struct config_variant *variant,
                    struct plan_model *model, struct hashed *source, const struct log *log,
                    struct err *err)
{
    char label[256];
    bool is_known = source->path && !strcmp(source->path, variant->path);
    struct model_file *file =
        model_file_open_sealed(model->path, is_known ? source->seal : NULL, err);
    bool ok = file && read_model(plan, file, model, log, err) &&
              (is_known || hash_source(plan, variant, file, source, log, err));
    if (ok) {
        snprintf(label, sizeof label, "%s %s", model->config->id,
                 variant->quantization ? variant->quantization : model->quantization);
        log_warning_lines(log, label, model_file_notes(file));
    }
    model_file_close(file);
    return ok;
}

/* The model becomes another type of what its file holds: never one of more bits, which would seem
 * to be better than it is. */
static bool plan_quantized(struct plan *plan, const struct config_variant *variant,
                           struct plan_model *model, struct hashed *source, const struct log *log,
                           struct err *err)
{
    const char *held = model->quantization;
    uint64_t n_bytes = model->info.n_bytes;
    model->is_made = true;
    model->path =
        arena_printf(plan->arena, err, "quantize:%s:%s", variant->quantization, variant->path);
    if (!model->path || !look_at(plan, variant, model, source, log, err)) return false;
    model->quantization = variant->quantization;
    return model->info.n_bytes <= n_bytes ||
           fail(&variant->place, ERR_CONFIG, err, "%s has more bits than %s, which %s holds",
                variant->quantization, held, variant->path);
}

static bool name_weights(const struct config_variant *variant, struct plan_model *model,
                         const struct hashed *source, struct err *err)
{
    model->seal = source->seal;
    if (model->is_made)
        return model_hash_quantized(variant->quantization, source->hash, model->hash, err);
    memcpy(model->hash, source->hash, sizeof model->hash);
    return true;
}

static bool plan_model(struct plan *plan, const struct config_model *config,
                       const struct config_variant *variant, struct plan_model *model,
                       struct hashed *source, const struct log *log, struct err *err)
{
    *model = (struct plan_model){.config = config, .path = variant->path};
    if (config->api)
        return plan_api_model(model, plan->arena, err) || at_place(err, &variant->place);
    bool ok = look_at(plan, variant, model, source, log, err);
    if (ok && variant->quantization && strcmp(variant->quantization, model->quantization) != 0)
        ok = plan_quantized(plan, variant, model, source, log, err);
    return (ok && check_context(config, variant, model, err) &&
            name_weights(variant, model, source, err)) ||
           at_place(err, &variant->place);
}

static bool plan_models(struct plan *plan, const struct log *log, struct err *err)
{
    const struct config *config = plan->config;
    struct hashed source = {0};
    size_t n = 0;
    for (size_t i = 0; i < config->n_models; i++) n += config->models[i].n_variants;
    plan->models = arena_alloc(plan->arena, n, sizeof *plan->models, err);
    plan->seals = arena_alloc(plan->arena, n, sizeof *plan->seals, err);
    if (!plan->models || !plan->seals) return false;
    for (size_t i = 0; i < config->n_models; i++) {
        const struct config_model *model = &config->models[i];
        if (model->published && !published_check_model(model->published, err))
            return at_place(err, &model->published_place);
    }
    for (size_t i = 0; i < config->n_models; i++)
        for (size_t j = 0; j < config->models[i].n_variants; j++) {
            const struct config_model *model = &config->models[i];
            plan->n_models++;
            if (!plan_model(plan, model, &model->variants[j], &plan->models[plan->n_models - 1],
                            &source, log, err))
                return false;
        }
    return true;
}

/* ---- Suites ---- */

static bool load_datasets(struct plan *plan, struct err *err)
{
    const struct config *config = plan->config;
    plan->datasets = arena_alloc(plan->arena, config->n_suites, sizeof(struct dataset *), err);
    if (!plan->datasets) return false;
    for (size_t i = 0; i < config->n_suites; i++) {
        const struct config_suite *suite = &config->suites[i];
        if (suite->kind != CONFIG_SUITE_ITEMS) continue;
        plan->datasets[i] = suite->suite->load(suite->suite, &suite->options, err);
        if (!plan->datasets[i]) {
            err_context(err, "loading suite %s", suite->suite->name);
            return at_place(err, &suite->place);
        }
    }
    return true;
}

static bool open_retrievals(struct plan *plan, const struct console *console, struct err *err)
{
    const struct config *config = plan->config;
    const char *cache = config->cache;
    if (!cache) /* beside the database */
        cache = arena_printf(plan->arena, err, "%.*scache",
                             (int)(file_name(config->db) - config->db), config->db);
    if (!cache) return false;
    plan->retrievals = arena_alloc(plan->arena, config->n_suites, sizeof(struct retrieval *), err);
    if (!plan->retrievals) return false;
    for (size_t i = 0; i < config->n_suites; i++) {
        const struct config_suite *suite = &config->suites[i];
        if (!suite->options.is_open_book) continue;
        plan->retrievals[i] = retrieval_open(&suite->retrieval, cache, console, err);
        if (!plan->retrievals[i]) return at_place(err, &suite->place);
    }
    return true;
}

/* The data set of an open book, read by this job's model. */
static bool give_reading(struct plan *plan, struct plan_job *job, struct err *err)
{
    struct dataset *dataset = arena_alloc(plan->arena, 1, sizeof *dataset, err);
    struct reading *reading = arena_alloc(plan->arena, 1, sizeof *reading, err);
    struct reader_of_model *reader = arena_alloc(plan->arena, 1, sizeof *reader, err);
    if (!dataset || !reading || !reader) return false;
    *reader = (struct reader_of_model){job->retrieval, job->model->tokenizer};
    *reading = (struct reading){retrieval_read, reader};
    *dataset = *job->dataset;
    dataset->reading = reading;
    dataset->protocol =
        retrieval_name_protocol(job->retrieval, dataset->protocol, plan->arena, err);
    job->dataset = dataset;
    return dataset->protocol != NULL;
}

/* The chunks of a text in the model's tokens. */
static bool load_text(struct plan_job *job, struct err *err)
{
    const struct config_suite *suite = job->suite;
    const struct plan_model *model = job->model;
    const struct text_chunks_options options = {.suite = suite->suite,
                                                .path = suite->options.data,
                                                .chunk_tokens = suite->chunk_tokens,
                                                .limit = suite->options.limit,
                                                .bos = model->config->bos};
    if (suite->chunk_tokens > model->context_tokens)
        return fail(&suite->place, ERR_CONFIG, err,
                    "chunks of %zu tokens do not fit the context of %s, %zu tokens",
                    suite->chunk_tokens, model->path, model->context_tokens);
    job->text = text_chunks_load(&options, model->tokenizer, err);
    job->dataset = job->text;
    if (job->text) return true;
    err_context(err, "loading suite %s", suite->suite->name);
    return at_place(err, &suite->place);
}

/* The job that the suite's reference names, which is an earlier quantization of the same model;
 * NULL if it names none. */
static struct plan_job *find_reference(struct plan *plan, const struct plan_job *job)
{
    for (struct plan_job *other = plan->jobs; other < job; other++)
        if (other->suite == job->suite && other->model->config == job->model->config &&
            !strcmp(other->model->quantization, job->suite->reference))
            return other;
    return NULL;
}

static bool resolve_reference(struct plan *plan, struct plan_job *job, struct err *err)
{
    const struct config_suite *suite = job->suite;
    const struct config_model *model = job->model->config;
    if (!suite->reference || !strcmp(suite->reference, job->model->quantization)) return true;
    struct plan_job *reference = find_reference(plan, job);
    if (reference) {
        reference->is_reference = true;
        job->reference_job = reference;
        return true;
    }
    for (size_t i = 0; i < model->n_variants; i++)
        if (model->variants[i].quantization &&
            !strcmp(model->variants[i].quantization, suite->reference))
            return fail(&model->place, ERR_CONFIG, err,
                        "%s is the reference: it must stand before the quantizations that are "
                        "compared with it",
                        suite->reference);
    job->reference_file = suite->reference;
    return file_exists(suite->reference) ||
           fail(&suite->place, ERR_CONFIG, err,
                "reference: %s has no quantization %s, and there is no such file", model->id,
                suite->reference);
}

/* The baseline is the first quantization of its model, which all later jobs are compared with. */
static bool resolve_baseline(const struct plan *plan, struct plan_job *job, struct err *err)
{
    const char *baseline = job->suite->baseline;
    if (!baseline) return true;
    for (const struct plan_job *other = plan->jobs; other < job && !job->baseline; other++)
        if (other->suite == job->suite && !strcmp(other->model->config->id, baseline))
            job->baseline = other;
    return job->baseline || !strcmp(job->model->config->id, baseline) ||
           fail(&job->model->config->place, ERR_CONFIG, err,
                "%s is the baseline: it must stand before the models that are compared with it",
                baseline);
}

static int64_t largest(const int64_t *values, size_t n)
{
    int64_t most = 0;
    for (size_t i = 0; i < n; i++)
        if (values[i] > most) most = values[i];
    return most;
}

/* Decoding starts after the first of the prompt lengths (throughput.h). */
static bool check_throughput(const struct plan_model *model, const struct config_suite *suite,
                             struct err *err)
{
    const struct throughput_options *options = &suite->throughput;
    int64_t prompt = largest(options->prompt, options->n_prompt);
    int64_t decode = options->prompt[0] + largest(options->generate, options->n_generate);
    int64_t most = prompt > decode ? prompt : decode;
    if (most <= (int64_t)model->context_tokens) return true;
    return fail(&suite->place, ERR_CONFIG, err,
                "%lld tokens do not fit the context of %s, %zu tokens", (long long)most,
                model->path, model->context_tokens);
}

/* ---- Jobs ---- */

/* A random order has no item before the one that it follows. The configuration has looked at the
 * suite; this looks at the data and the metric. */
static bool check_precision(const struct plan_job *job, struct err *err)
{
    const struct dataset *dataset = job->dataset;
    if (!(job->suite->precision > 0)) return true;
    const struct interval range = metric_find(dataset->suite->metric)->range;
    bool is_rated = range.low == 0 && range.high == 1;
    for (size_t i = 0; is_rated && i < dataset->n_items; i++) is_rated = !dataset->items[i].follows;
    return is_rated ||
           fail(&job->suite->place, ERR_CONFIG, err,
                "a precision is of a score between 0 and 100%% of items that stand alone: %s has "
                "none",
                dataset->suite->name);
}

/* Refuses a job that asks for what its model cannot do; loads its text, if it has one. */
static bool check_job(struct plan *plan, struct plan_job *job, const struct log *log,
                      struct err *err)
{
    if (!resolve_baseline(plan, job, err) || !check_precision(job, err)) return false;
    if (!plan_api_judge(plan, job, err)) return at_place(err, &job->suite->place);
    if (job->model->config->api)
        return plan_api_check(job, err) || at_place(err, &job->suite->place);
    switch (job->suite->kind) {
    case CONFIG_SUITE_TEXT: return load_text(job, err) && resolve_reference(plan, job, err);
    case CONFIG_SUITE_THROUGHPUT: return check_throughput(job->model, job->suite, err);
    case CONFIG_SUITE_ITEMS: break;
    }
    if (!job->model->info.vision_side && dataset_has_pictures(job->dataset))
        return fail(&job->suite->place, ERR_CONFIG, err,
                    "%s asks about pictures, and %s (%s) has no eyes: it takes a model of "
                    "Phi-3-vision's kind; `models:` of a suite says which models it is for",
                    job->suite->suite->name, job->model->config->id, job->model->path);
    if (dataset_asks_chat(job->dataset) && !plan_chat_check(job, log, err))
        return at_place(err, &job->model->config->place);
    return !job->retrieval || give_reading(plan, job, err);
}

/* Two equal jobs would be one in the store. *repeats says that one of the two is only implied. */
static bool check_repeated(const struct plan *plan, const struct plan_job *job, bool *repeats,
                           struct err *err)
{
    *repeats = false;
    for (const struct plan_job *other = plan->jobs; other < job; other++) {
        if (other->model != job->model || strcmp(other->fingerprint, job->fingerprint)) continue;
        *repeats = other->suite->is_implied || job->suite->is_implied;
        if (!*repeats)
            return fail(&job->suite->place, ERR_CONFIG, err,
                        "this suite repeats the one in line %d", other->suite->place.line);
    }
    return true;
}

static bool plan_job(struct plan *plan, const struct plan_model *model, size_t i_suite,
                     const struct log *log, struct err *err)
{
    struct plan_job *job = &plan->jobs[plan->n_jobs];
    bool repeats;
    *job = (struct plan_job){.model = model,
                             .suite = &plan->config->suites[i_suite],
                             .dataset = plan->datasets[i_suite],
                             .retrieval = plan->retrievals[i_suite]};
    plan->n_jobs++;
    if (!check_job(plan, job, log, err) || !plan_identify_job(plan, job, err) ||
        !check_repeated(plan, job, &repeats, err))
        return false;
    if (repeats) plan->n_jobs--;
    return true;
}

static bool plan_jobs(struct plan *plan, const struct log *log, struct err *err)
{
    size_t n_suites = plan->config->n_suites, n;
    if (!mem_multiply(plan->n_models, n_suites, &n))
        return err_set(err, ERR_MEMORY, "too many jobs");
    plan->jobs = arena_alloc(plan->arena, n, sizeof *plan->jobs, err);
    if (!plan->jobs) return false;
    for (size_t i = 0; i < plan->n_models; i++)
        for (size_t j = 0; j < n_suites; j++)
            if (config_suite_is_for(&plan->config->suites[j], plan->models[i].config) &&
                !plan_job(plan, &plan->models[i], j, log, err))
                return false;
    return true;
}

struct plan *plan_make(const struct config *config, const struct console *console, struct err *err)
{
    if (!console) console = &CONSOLE_SILENT;
    struct plan *plan = mem_new(1, sizeof *plan, err);
    if (!plan) return NULL;
    plan->config = config;
    plan->arena = arena_new(MAX_ARENA_BYTES, err);
    if (plan->arena && load_datasets(plan, err) && open_retrievals(plan, console, err) &&
        plan_models(plan, &console->log, err) && plan_jobs(plan, &console->log, err))
        return plan;
    plan_free(plan);
    return NULL;
}

void plan_free(struct plan *plan)
{
    if (!plan) return;
    for (size_t i = 0; plan->datasets && i < plan->config->n_suites; i++)
        dataset_free(plan->datasets[i]);
    for (size_t i = 0; plan->retrievals && i < plan->config->n_suites; i++)
        retrieval_close(plan->retrievals[i]);
    for (size_t i = 0; i < plan->n_models; i++) tokenizer_free(plan->models[i].tokenizer);
    for (size_t i = 0; i < plan->n_jobs; i++) dataset_free(plan->jobs[i].text);
    for (size_t i = 0; i < plan->n_seals; i++) model_seal_free(plan->seals[i]);
    arena_free(plan->arena);
    free(plan);
}

void plan_job_label(const struct plan_job *job, char *out, size_t n_out)
{
    int n = snprintf(out, n_out, "%s %s", job->model->config->id, job->model->quantization);
    if (n < 0 || (size_t)n >= n_out) return;
    if (job->text)
        snprintf(out + n, n_out - (size_t)n, " %s/%s", job->dataset->suite->name,
                 job->dataset->protocol);
    else if (job->dataset)
        snprintf(out + n, n_out - (size_t)n, " %s/%s %d-shot", job->dataset->suite->name,
                 job->dataset->protocol, job->dataset->shots);
    else snprintf(out + n, n_out - (size_t)n, " throughput");
}
