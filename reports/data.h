/* data.h - what a report shows, read from the store once: entries (a model in one quantization),
 * their scores, their speeds. Everything lives in one arena; const after loading.
 */
#ifndef PHIBENCH_REPORTS_DATA_H
#define PHIBENCH_REPORTS_DATA_H

#include "base/arena.h"
#include "results/metric.h"
#include "results/query.h"

struct report_entry {
    int64_t run;
    const char *model, *quantization;
    /* What people read: name as in "phi-3-mini", label as in "phi-3-mini q4_0". Both say that a
     * model is synthetic, and the run if there are several. */
    const char *name, *label;
    const char *published; /* the model's name in published numbers, "" for none */
    double n_params, n_bytes;
    bool is_synthetic;
    size_t i_model, i_quantization; /* among the report's distinct ones: colour and shape */
};

/* A job's score on the whole suite or on one of its subsets. */
struct report_score {
    size_t i_entry;
    int64_t job;
    const char *suite, *protocol, *metric, *subset; /* subset "": the whole */
    const char *level;          /* of a subset, such as "subject", "category" or "source" */
    const char *category;       /* a subset's coarsest group beside its own, "" for none */
    const char *measure;        /* what is compared, as in "mmlu, hendrycks, 5 shots" */
    const struct metric *facts; /* what the metric's name stands for */
    int shots, depth;           /* depth: 0 the whole, 1 the finest subsets, more: coarser ones */
    bool is_main;               /* the job's own metric, micro: what charts show */
    double score, low, high;    /* in the metric's unit */
    double chance;              /* of the whole job, in that unit; 0: not known, or none */
    int64_t n;
    int64_t n_whole; /* questions of the whole test; 0: not known */
};

/* The repetitions of one measurement of a model, or of a kernel by itself. Those of the machine's
 * limits are no speeds. */
struct report_speed {
    int64_t run;
    size_t i_entry; /* SIZE_MAX: a kernel */
    const char *test, *isa;
    int prompt, generate, batch, threads;
    double median, low, high; /* tokens/s and quartiles; of a kernel, a load, a first token: s */
    double gb_per_s, gmac_per_s, percent_of_limit; /* medians, 0: not known */
    double rss_bytes;                              /* largest, 0: not known */
    size_t n;
};

struct report_note {
    size_t i_entry;
    int64_t job;
    const char *suite, *protocol, *kind, *text;
    int shots;
    int64_t count;
};

struct report_data {
    struct arena *arena;
    int64_t *runs;
    size_t n_runs;
    struct report_entry *entries;
    size_t n_entries, n_models, n_quantizations;
    const char **models, **quantizations; /* distinct, in order of appearance */
    struct report_score *scores;          /* of whole suites, in the order of jobs */
    size_t n_scores;
    struct report_score *divergences; /* of texts' tokens beside those of a reference */
    size_t n_divergences;
    struct report_score *subsets; /* of a job's subsets, the coarser ones first */
    size_t n_subsets;
    const struct report_score **measures; /* the first main score of each, as they appear */
    size_t n_measures;
    struct report_speed *speeds;
    size_t n_speeds;
    struct report_speed *kernels; /* which are no entries and in no chart */
    size_t n_kernels;
    struct report_note *notes;
    size_t n_notes;
};

/* Loads the runs. Free with report_data_free. */
struct report_data *report_data_load(struct store *store, const int64_t *runs, size_t n_runs,
                                     struct err *err) __attribute__((warn_unused_result));
void report_data_free(struct report_data *data);

/* The first entry of the same model in the same run, which the others are compared with; itself if
 * it is the first. */
size_t report_base_entry(const struct report_data *data, size_t i_entry);

/* The entry's tokens/s at decoding one sequence or at reading a prompt, with the threads and the
 * length that are fastest; 0 if it was not measured. */
double report_entry_rate(const struct report_data *data, size_t i_entry, bool is_decode);

/* True for scores of one suite in one protocol with one number of shots: only they compare. */
bool report_score_is_beside(const struct report_score *a, const struct report_score *b);
/* True for scores that are beside each other and of one metric. */
bool report_score_is_like(const struct report_score *a, const struct report_score *b);

/* The entry's main score of the measure that a score is of; NULL for none. */
const struct report_score *report_main_score(const struct report_data *data, size_t i_entry,
                                             const struct report_score *measure);

/* True for a perplexity. */
bool report_score_is_perplexity(const struct report_score *score);
/* True for points from 1 to 10, and for those that a rule gave in place of a judge. */
bool report_score_is_points(const struct report_score *score);
bool report_score_is_by_rule(const struct report_score *score);

/* True for a share of right answers, with Wilson's interval; false for other means. */
bool report_score_is_share(const struct report_score *score);

/* True for a speed that is measured in seconds rather than in tokens/s. */
bool report_speed_is_time(const struct report_speed *speed);

/* Writes what was measured, as in "prefill 512" or "decode 64, 8 together after 512": decoding is
 * slower the more there is to attend to. */
void report_speed_label(const struct report_speed *speed, char *text, size_t n_bytes);

#endif
