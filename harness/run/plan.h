/* plan.h - what a configuration comes to: models x quantizations x suites = jobs, each with its
 * fingerprint. Everything that can be wrong is found here: files are opened, data sets loaded,
 * shapes compared; no weights are loaded.
 */
#ifndef PHIBENCH_HARNESS_RUN_PLAN_H
#define PHIBENCH_HARNESS_RUN_PLAN_H

#include "base/sha256.h"
#include "harness/ask/server_identity.h"
#include "harness/config/config.h"
#include "harness/run/progress.h"
#include "harness/run/retrieval.h"

#include <stdio.h>

/* A server behind which a model or a judge stands. */
struct plan_server {
    const struct api_options *options;
    const char *key_env, *id;    /* id: the configuration's, NULL for a judge */
    const char *description;     /* server_describe by what is known so far */
    char hash[SHA256_HEX_BYTES]; /* of the description */
    bool is_asked;
    struct server_words words;
    struct err fault; /* why it cannot be asked anything; ERR_NONE: nobody knows that it cannot */
};

struct plan_model {
    const struct config_model *config;
    const char *path, *quantization; /* as opened; the type it holds */
    struct plan_server *server;      /* NULL: weights */
    bool is_made;                    /* path is "quantize:...": run from a file of the cache */
    struct tokenizer *tokenizer;     /* NULL behind an API */
    bool adds_bos;                   /* what prompts get, policy and file taken together */
    size_t context_tokens;
    struct model_info info; /* its strings live as long as the plan */
    char hash[65];
    const struct model_seal *seal; /* what was hashed of config->path, and must be loaded */
};

struct plan_job {
    const struct plan_model *model;
    const struct config_suite *suite;
    const struct dataset *dataset; /* NULL: throughput */
    struct dataset *text;          /* the same, if it belongs to this job alone */
    /* The logits that a text's are compared with: those that an earlier job of the plan keeps, or a
     * file's; NULL: none. */
    const struct plan_job *reference_job;
    const char *reference_file;
    /* The job whose answers the judge compares this job's with; NULL: none, or a file's. */
    const struct plan_job *baseline;
    struct plan_server *judge_server; /* NULL: no judge, or none behind a server */
    bool is_reference;           /* later jobs are compared with this one: its logits are kept */
    struct retrieval *retrieval; /* what its data set reads, NULL: closed book */
    const char *parameters_json; /* what the fingerprint covers beyond model, suite and data */
    char fingerprint[65];
    char answers[65]; /* of what the answers depend on, where a judge gives the points; or "" */
};

struct plan {
    const struct config *config;
    struct plan_model *models;
    size_t n_models;
    struct plan_job *jobs; /* those of a model together, in the suites' order */
    size_t n_jobs;
    struct dataset **datasets;     /* [config->n_suites], NULL for texts and throughput */
    struct retrieval **retrievals; /* [config->n_suites], NULL but for open books */
    struct model_seal **seals;     /* [n_seals], of the models' files */
    size_t n_seals;
    struct arena *arena;
};

/* The configuration must outlive the plan. A fault in what the configuration names has its place
 * there. Hashes every model file and builds the indexes of open books, and says so on the console
 * (NULL: nowhere) where that takes time. Free with plan_free. */
struct plan *plan_make(const struct config *config, const struct console *console, struct err *err)
    __attribute__((warn_unused_result));
void plan_free(struct plan *plan);

/* Asks every server of the plan, once, what stands behind it, says which tell nothing, and makes
 * the fingerprints by that: to be called before the plan is carried out. Until then, and in a plan
 * that is only looked at, nothing is sent. A server that cannot be reached is no failure here. */
bool plan_ask_servers(struct plan *plan, const struct log *log, struct err *err)
    __attribute__((warn_unused_result));

/* What messages call the job, for example "phi-3-mini q4_0 mmlu/hendrycks 5-shot". */
void plan_job_label(const struct plan_job *job, char *out, size_t n_out);

/* How many measurements a job of throughput makes, without warm-up. */
size_t plan_measurements(const struct plan_job *job);

/* Prints what --dry-run shows: every job with its items, and the tokens of its prompts as they are
 * and with shared prefixes computed once. */
bool plan_print(const struct plan *plan, FILE *out, struct err *err)
    __attribute__((warn_unused_result));

#endif
