/* records.c - see records.h.
 *
 * The runner and bench store runs of the same kind: what is common to both is written down here.
 */
#include "harness/run/records.h"

#include "base/clock.h"
#include "base/mem.h"
#include "engine/tools.h"
#include "harness/ask/policies.h"
#include "harness/run/throughput.h"

/* ---- Runs ---- */

struct run_record record_run(const char *command_line, enum isa isa, int n_threads,
                             const struct machine *machine)
{
    return (struct run_record){.command_line = command_line,
                               .isa = isa_name(isa),
                               .n_threads = n_threads,
                               .started_unix_ms = clock_unix_ms(),
                               .build = machine_build_record(),
                               .machine = machine->record};
}

bool record_end(struct store *store, int64_t run, bool ok, struct err *err)
{
    struct machine after;
    struct err second = {0};
    enum run_status status = ok                             ? RUN_DONE
                             : err->code == ERR_INTERRUPTED ? RUN_INTERRUPTED
                                                            : RUN_FAILED;
    machine_describe(&after);
    bool stored = store_finish_run(store, run, status, clock_unix_ms(), &after.record, &second);
    if (ok && !stored) *err = second;
    return ok && stored;
}

/* ---- Models and jobs ---- */

struct model_record record_model(const char *id, const struct model_info *info, const char *hash,
                                 const struct tokenizer *tokenizer)
{
    return (struct model_record){.id = id,
                                 .name = info->name,
                                 .path = info->path,
                                 .architecture = info->architecture,
                                 .quantization = info->quantization,
                                 .hash = hash,
                                 .tokenizer = tokenizer ? tokenizer_kind(tokenizer) : "",
                                 .n_params = info->n_params,
                                 .n_bytes = info->n_bytes,
                                 .context_tokens = info->context_tokens,
                                 .synthetic = info->synthetic};
}

struct job_record record_throughput(const char *fingerprint, const char *bos, size_t context_tokens)
{
    return (struct job_record){.kind = JOB_THROUGHPUT,
                               .suite = "throughput",
                               .suite_version = THROUGHPUT_VERSION,
                               .protocol = "",
                               .metric = "tokens_per_s",
                               .fingerprint = fingerprint,
                               .bos = bos,
                               .context_tokens = (int)context_tokens};
}

static bool put_model(struct store *store, const struct plan_model *planned, int64_t *id,
                      struct err *err)
{
    struct model_record record =
        record_model(planned->config->id, &planned->info, planned->hash, planned->tokenizer);
    record.path = planned->path;
    record.quantization = planned->quantization;
    record.published = planned->config->published;
    return store_put_model(store, &record, id, err);
}

static bool put_dataset(struct store *store, const struct plan_job *planned, int64_t *id,
                        struct err *err)
{
    *id = 0;
    if (!planned->dataset) return true;
    const char *data = planned->suite->options.data;
    const struct dataset_record record = {.suite = planned->dataset->suite->name,
                                          .path = data ? data : "", /* "": made */
                                          .hash = planned->dataset->data_hash,
                                          .n_items = planned->dataset->n_items};
    return store_put_dataset(store, &record, id, err);
}

bool record_job(struct store *store, int64_t run, const struct plan_job *planned, int64_t *id,
                struct err *err)
{
    const struct dataset *dataset = planned->dataset;
    struct job_record record =
        record_throughput(planned->fingerprint, BOS_POLICY_NAMES[planned->model->config->bos],
                          planned->model->context_tokens);
    record.run = run;
    record.parameters_json = planned->parameters_json;
    if (dataset) {
        record.suite = dataset->suite->name;
        record.suite_version = dataset->suite->version;
        record.protocol = dataset->protocol;
        record.metric = dataset->suite->metric;
        record.shots = dataset->shots;
        record.kind = dataset->suite->load ? JOB_QUESTIONS : JOB_TEXT;
        record.n_items = dataset->n_items;
        record.n_whole = dataset->suite->n_whole;
        record.chance = dataset->chance;
        record.precision = planned->suite->precision / 100;
    }
    return put_model(store, planned->model, &record.model, err) &&
           put_dataset(store, planned, &record.dataset, err) &&
           store_put_job(store, &record, id, err);
}

struct picture_record *record_pictures(const struct response *response, struct err *err)
{
    struct picture_record *records = mem_new(response->n_pictures, sizeof *records, err);
    for (size_t i = 0; records && i < response->n_pictures; i++) {
        const struct seen_picture *seen = &response->pictures[i];
        records[i] = (struct picture_record){.file = seen->file,
                                             .hash = seen->hash,
                                             .media_type = seen->media_type,
                                             .width = (int64_t)seen->width,
                                             .height = (int64_t)seen->height,
                                             .thumbnail = seen->thumbnail,
                                             .n_thumbnail_bytes = seen->n_thumbnail_bytes};
    }
    return records;
}
