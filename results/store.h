/* store.h - the SQLite database of runs: written by one thread, resumable, migrated by
 * user_version.
 *
 * Every id is the row's. Records are plain structs with borrowed strings. A store is used by one
 * thread at a time; two processes on one file wait for each other (busy time-out), WAL. Errors have
 * the database's path as their place.
 */
#ifndef PHIBENCH_RESULTS_STORE_H
#define PHIBENCH_RESULTS_STORE_H

#include "base/arena.h"
#include "results/stats/estimate.h"

#include <stddef.h>
#include <stdint.h>

struct store;

enum store_mode {
    STORE_CREATE, /* made if it is not there, with its folder */
    STORE_WRITE,  /* must be there (regrade, merge) */
    STORE_READ    /* must be there; every write through this connection fails */
};
struct store_options {
    enum store_mode mode;
    bool is_trusted; /* tables, views and triggers that are not of our schema are no fault */
    bool is_durable; /* a commit returns when it would survive a power cut */
};

/* Opens and migrates. ERR_INPUT for a file that is no phibench database, from a newer version,
 * holds what our schema does not, or rows that cannot be (faults.h), in which case nothing was
 * written to it; ERR_IO if it is missing, no regular file, not readable or not writable. Ctrl-C
 * ends statements with ERR_INTERRUPTED, but in a STORE_CREATE, whose writer keeps what it has. */
struct store *store_open_as(const char *path, const struct store_options *options, struct err *err)
    __attribute__((warn_unused_result));
/* store_open_as with this mode and nothing else. */
struct store *store_open(const char *path, enum store_mode mode, struct err *err)
    __attribute__((warn_unused_result));
void store_close(struct store *store);
const char *store_path(const struct store *store);
/* Whether Ctrl-C ends statements from now on: also in a STORE_CREATE when it is only read. */
void store_heed_interrupts(struct store *store, bool heeds);

/* One transaction around several writes. */
bool store_begin(struct store *store, struct err *err) __attribute__((warn_unused_result));
bool store_commit(struct store *store, struct err *err) __attribute__((warn_unused_result));
void store_rollback(struct store *store);

/* ---- What a run is ---- */

struct build_record {
    const char *version, *git_revision, *compiler, *flags;
    bool git_dirty;
    int numerics_version;
    char id[65]; /* tells this build from all others; "": not known */
};

struct machine_record { /* NULL and 0: not known */
    const char *cpu_model, *features, *kernel, *os, *governor, *huge_pages, *hostname_hash;
    int n_cores, n_threads_available;
    uint64_t memory_bytes;
    double frequency_mhz, temperature_c, load_1min;
};

struct run_record {
    const char *name, *command_line, *config_path, *config_text, *config_hash;
    const char *isa;
    int n_threads;
    int64_t started_unix_ms;
    struct build_record build;
    struct machine_record machine; /* at the start */
};

enum run_status { RUN_RUNNING, RUN_DONE, RUN_INTERRUPTED, RUN_FAILED };

bool store_begin_run(struct store *store, const struct run_record *run, int64_t *id,
                     struct err *err) __attribute__((warn_unused_result));
/* The newest run that is not RUN_DONE and has the record's config hash, build, instruction set and
 * processor, so that its row is true of what is added; *id = 0 if none. */
bool store_find_unfinished_run(struct store *store, const struct run_record *run, int64_t *id,
                               struct err *err) __attribute__((warn_unused_result));
/* after: machine state at the end; may be NULL. RUN_RUNNING, 0 and NULL take a run up again. */
bool store_finish_run(struct store *store, int64_t run, enum run_status status,
                      int64_t finished_unix_ms, const struct machine_record *after, struct err *err)
    __attribute__((warn_unused_result));

/* ---- Models, data sets, jobs ---- */

struct model_record {
    const char *id; /* the configuration's id: "phi-3-mini" */
    const char *name, *path, *architecture, *quantization, *hash, *tokenizer;
    uint64_t n_params, n_bytes;
    int context_tokens;
    bool synthetic;
    const char *published; /* its name in published numbers, NULL for none */
};
/* Equal records share a row; those of data sets do too. */
bool store_put_model(struct store *store, const struct model_record *model, int64_t *id,
                     struct err *err) __attribute__((warn_unused_result));

struct dataset_record {
    const char *suite, *path, *hash;
    size_t n_items;
};
bool store_put_dataset(struct store *store, const struct dataset_record *dataset, int64_t *id,
                       struct err *err) __attribute__((warn_unused_result));

enum job_kind {
    JOB_QUESTIONS, /* asked and graded */
    JOB_TEXT,      /* its tokens are scored, and the job's metric is the perplexity */
    JOB_THROUGHPUT,
    JOB_KERNELS
};
struct job_record {
    int64_t run, model, dataset; /* dataset 0: none (throughput) */
    enum job_kind kind;
    const char *suite, *protocol, *fingerprint, *bos, *parameters_json;
    const char *metric; /* of metric.h, or a task's own */
    int suite_version, shots, context_tokens;
    size_t n_items;
    size_t n_whole;   /* items of the whole test, which published numbers are of; 0: not known */
    double chance;    /* what guessing scores by the metric; 0: there is nothing to guess */
    double precision; /* half the width of the score's interval at which asking ends; 0: at none */
};
/* Finds the job of this run and model with this fingerprint, or makes it. */
bool store_put_job(struct store *store, const struct job_record *job, int64_t *id, struct err *err)
    __attribute__((warn_unused_result));

/* What a job came to; -1 and NULL: not known, or nothing that this job has. */
struct job_result {
    int64_t duration_ns;     /* of its answers or measurements, wherever they come from */
    int64_t naive_tokens;    /* to compute if nothing were shared between sequences */
    int64_t computed_tokens; /* computed for it */
    int64_t computed_items;  /* items answered with them: the others were taken over */
    int64_t wall_ns;         /* that this took, without loading the model */
    const char *logits_hash; /* over its items' hashes, in their order */
};
/* The result of a job that has measurements and no items. */
static inline struct job_result job_result_of_speed(int64_t duration_ns)
{
    return (struct job_result){duration_ns, -1, -1, -1, -1, NULL};
}
bool store_finish_job(struct store *store, int64_t job, const struct job_result *result,
                      struct err *err) __attribute__((warn_unused_result));
/* After how many items the job's score was precise enough, so that no more were asked; 0: all were.
 * Its scores are then computed with intervals that hold whenever one stops. */
bool store_end_early(struct store *store, int64_t job, int64_t n_items, struct err *err)
    __attribute__((warn_unused_result));

/* ---- Items, responses, verdicts ---- */

/* A picture that an item asks about. */
struct picture_record {
    const char *file, *hash, *media_type; /* hash: SHA-256 of the file; "image/jpeg" */
    int64_t width, height;                /* in pixels, as it is looked at */
    const uint8_t *thumbnail;             /* [n_thumbnail_bytes] a small PNG */
    size_t n_thumbnail_bytes;
};

struct answer_record {
    /* item */
    const char *key, *file, *subset, *expected;
    int line;
    const char *groups_json; /* [["subject","anatomy"],...] */
    /* [n_pictures] that were seen, in order; 0: none are known, and what is known stays. Not read
     * back with answers. */
    const struct picture_record *pictures;
    size_t n_pictures;
    /* response */
    const char *response_json;
    int n_prompt_tokens, n_new_tokens;
    int64_t naive_tokens;    /* -1: not known (answers of an older program) */
    const char *logits_hash; /* "": no logits; NULL: not known */
    int64_t duration_ns;
    /* What was asked, and SHA-256 of its token ids; NULL: not known. Not read back with answers. */
    const char *prompt, *tokens_hash;
    /* verdict */
    bool answered, is_correct;
    double score, margin;
    const char *predicted;
    const char *others_json; /* {"f1":0.5}: further metrics, each 0..1; NULL: none */
};
/* Stores item, response and verdict under (job, key); an answer that is there already stays. The
 * job has a data set. Call inside a transaction. */
bool store_put_answer(struct store *store, int64_t job, const struct answer_record *answer,
                      struct err *err) __attribute__((warn_unused_result));
/* Replaces the verdict of an answer (regrade), and the item's facts where groups_json is given.
 * ERR_INPUT if there is no such answer. */
bool store_put_verdict(struct store *store, int64_t job, const struct answer_record *answer,
                       struct err *err) __attribute__((warn_unused_result));
/* The pictures that an item of the job's data set asks about, in the arena; *n is 0 where none are
 * known. */
bool store_find_pictures(struct store *store, int64_t job, const char *key, struct arena *arena,
                         const struct picture_record **pictures, size_t *n, struct err *err)
    __attribute__((warn_unused_result));
/* Copies answers to the items `keys`: [n_keys] that jobs of the same fingerprint have (also
 * unfinished ones) and this job lacks; *n how many. pictures: [n_keys], for each item the hashes of
 * its pictures as a JSON array, "" where it has none, NULL: none has any; answers that were given
 * to others are not copied. Where the job's parameters have "answers", jobs
 * that have the same there will do: their verdicts are another judge's, and to be replaced. */
bool store_reuse_answers(struct store *store, int64_t job, const char *const *keys,
                         const char *const *pictures, size_t n_keys, size_t *n, struct err *err)
    __attribute__((warn_unused_result));
/* Which answers of a model behind a server are asked for. */
struct weak_answers_query {
    const char *base_url, *model, *suite, *protocol, *fingerprint;
    int shots;
};
/* Counts the items that have answers stored before it was kept which model had given them, and none
 * of a job with the fingerprint. */
bool store_count_weak_answers(struct store *store, const struct weak_answers_query *wanted,
                              int64_t *n, struct err *err) __attribute__((warn_unused_result));
/* Calls fn for every answer of the job, in the order of storing; its first false stops. fn may
 * write to the store (in the caller's transaction). A record's strings live until fn returns; NULL
 * margin reads as 0. */
typedef bool store_answer_fn(void *context, const struct answer_record *answer, struct err *err);
bool store_each_answer(struct store *store, int64_t job, store_answer_fn *fn, void *context,
                       struct err *err) __attribute__((warn_unused_result));
/* Computes and stores the job's rows of `score` from its verdicts, for its metric and each further
 * one: the whole (micro; and macro over the first group level, as METRIC_macro), and every group.
 * Intervals: Wilson for rates of right and wrong, otherwise Student's, and early_stop_interval in
 * a job that ended early, of which its macro average's is made; errors clustered
 * by the first group level where an aggregate spans several, unless the level is "source": where
 * questions come from is no sample of anything. Replaces what was there. */
bool store_compute_scores(struct store *store, int64_t job, struct err *err)
    __attribute__((warn_unused_result));

/* A score of the whole job that is no mean over its verdicts: replaces that of this metric. An
 * error of NaN is not known. Of what is no number comes no row, but ERR_INPUT. */
bool store_put_score(struct store *store, int64_t job, const char *metric,
                     const struct estimate *estimate, struct err *err)
    __attribute__((warn_unused_result));

/* ---- Judgments ---- */

/* A judge's opinion of a response; or, where the prompt's name begins with "pair-", of a response
 * and another one in a game of two: repetitions 2 i and 2 i + 1 are the i-th pair of games, in
 * which the two change places. */
struct judgment_record {
    const char *key; /* of the item */
    const char *judge, *prompt_name, *request, *reply;
    const char *reasoning; /* what the judge said to itself before; NULL: nothing */
    const char *asked;     /* SHA-256 of all that was sent and where to; NULL: not known */
    int repetition;        /* from 0 */
    double score;          /* 1 to 10; of a game 1, 0.5 or 0; NaN: none was found in the reply */
    int n_prompt_tokens, n_new_tokens;
    int64_t duration_ns;
};
/* A judgment that is there already stays, unless it has no score or something else was asked. Call
 * inside a transaction. */
bool store_put_judgment(struct store *store, int64_t job, const struct judgment_record *judgment,
                        struct err *err) __attribute__((warn_unused_result));
/* Copies a reply that the judge gave before, in any job, when the same was asked; *found if there
 * is one. Of the record key, judge, prompt_name, asked and repetition are read. */
bool store_reuse_judgment(struct store *store, int64_t job, const struct judgment_record *judgment,
                          bool *found, struct err *err) __attribute__((warn_unused_result));
/* Whether the judge has a score for this request, which may have been sent elsewhere or with
 * another system message: `asked` is not known. Judgments of older programs are such. */
bool store_has_vague_judgment(struct store *store, const struct judgment_record *judgment,
                              bool *has, struct err *err) __attribute__((warn_unused_result));
/* Calls fn for every judgment of the job, in the order of storing, as store_each_answer does. */
typedef bool store_judgment_fn(void *context, const struct judgment_record *judgment,
                               struct err *err);
bool store_each_judgment(struct store *store, int64_t job, store_judgment_fn *fn, void *context,
                         struct err *err) __attribute__((warn_unused_result));
/* Gives every verdict of the job the mean of its judgments' scores; 0 where there is none, which
 * counts in no mean of points. Where there are games, the further metric "win_rate" is the mean
 * over pairs of games: 1 if both were won, 0 if both were lost, otherwise 0.5. */
bool store_apply_judgments(struct store *store, int64_t job, struct err *err)
    __attribute__((warn_unused_result));

/* What judges' repetitions add to the error of the job's mean: NaN unless something was judged
 * twice. */
bool store_judgment_error(struct store *store, int64_t job, double *error, struct err *err)
    __attribute__((warn_unused_result));
/* What the job's pairs of games came to, without those that lack a winner. */
struct game_counts {
    int64_t won, tied, lost; /* by both orders; tied: otherwise */
    int64_t opposed;         /* of the ties, those in which the orders find opposite winners */
};
bool store_count_games(struct store *store, int64_t job, struct game_counts *counts,
                       struct err *err) __attribute__((warn_unused_result));

/* ---- Speed, notes ---- */

struct speed_record {
    /* "prefill", "decode", "batched_decode", "load", "first_token"; and what the machine can do:
     * "limit_read", "limit_int8", "limit_f32"; or a kernel by itself, "kernel:gemm q4_0" */
    const char *test;
    int prompt_tokens, generated_tokens, batch, n_threads, repetition;
    const char *isa;
    bool warm_up; /* kept, but no view shows it */
    int64_t duration_ns;
    double tokens_per_s, gb_per_s, gmac_per_s; /* 0: not known */
    double percent_of_limit; /* of the machine's measured bandwidth or arithmetic; 0: not known */
    uint64_t rss_bytes;
    double frequency_mhz; /* 0: not known */
    double foreign_share; /* of all processors' time meanwhile, that other programs had: 0 to 1 */
};
#define SPEED_SHARE_UNKNOWN (-1.0) /* as foreign_share */
/* A repetition that is there already stays. */
bool store_put_speed(struct store *store, int64_t job, const struct speed_record *speed,
                     struct err *err) __attribute__((warn_unused_result));
/* *has says whether this repetition is stored already. */
bool store_has_speed(struct store *store, int64_t job, const struct speed_record *speed, bool *has,
                     struct err *err) __attribute__((warn_unused_result));

/* The kind of the note that says why a job failed; only an unfinished job has one. */
#define JOB_FAILED_NOTE "failed"
/* A counted circumstance of a job: kind "truncated", "dropped_shots", "join_spanned", "tie",
 * "double_bos", "not_answered", "bos" ...; replaces the note of that kind. */
bool store_put_note(struct store *store, int64_t job, const char *kind, int64_t count,
                    const char *text, struct err *err) __attribute__((warn_unused_result));
/* Takes back the note of that kind, if there is one. */
bool store_drop_note(struct store *store, int64_t job, const char *kind, struct err *err)
    __attribute__((warn_unused_result));

#endif
