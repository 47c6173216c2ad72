/* read.h - the rows of a run that comparisons are made of: models with scores, speeds and notes.
 *
 * Each read_Xs selects the rows of one run, for query_next and query_close; each read_X is the row
 * at which such a query stands, whose texts live until the next one, "" for what is not known.
 */
#ifndef PHIBENCH_RESULTS_READ_H
#define PHIBENCH_RESULTS_READ_H

#include "results/query.h"

/* A model in one quantization, in the order of their first jobs; kernels by themselves are none. */
struct model_row {
    const char *model, *quantization;
    const char *published; /* its name in published numbers, "" for none */
    double n_params, n_bytes;
    bool is_synthetic;
};
struct query *read_models(struct store *store, int64_t run, struct err *err);
struct model_row read_model(const struct query *query);

/* A score as v_scores shows it. */
struct score_row {
    const char *model, *quantization, *suite, *protocol, *metric;
    const char *subset;   /* "": the whole */
    const char *level;    /* of one of the finest subsets: "subject", "source" */
    const char *category; /* of one of the finest subsets, "" for none */
    int64_t job, n;
    int shots, depth;
    double score, low, high;
    double chance;   /* what guessing scores; 0: there is no such number */
    int64_t n_whole; /* items of the whole test that published numbers are of; 0: not known */
    bool is_main;    /* by the job's own metric */
};
/* The scores of whole suites, but for what compares a text's perplexity with a reference. */
struct query *read_scores(struct store *store, int64_t run, struct err *err);
/* What compares the perplexities of whole texts with a reference. */
struct query *read_divergences(struct store *store, int64_t run, struct err *err);
/* The scores of subsets by the job's metric, coarser subsets of a job before the finest. */
struct query *read_subset_scores(struct store *store, int64_t run, struct err *err);
struct score_row read_score(const struct query *query);

/* A repetition, without its number; those of one measurement follow each other. */
struct sample_row {
    const char *model, *quantization;
    struct speed_record speed; /* 0: not known */
};
struct query *read_samples(struct store *store, int64_t run, struct err *err); /* of models */
struct query *read_kernel_samples(struct store *store, int64_t run, struct err *err);
struct sample_row read_sample(const struct query *query);

struct note_row {
    const char *model, *quantization, *suite, *protocol, *kind, *text;
    int64_t job, count;
    int shots;
};
struct query *read_notes(struct store *store, int64_t run, struct err *err);
struct note_row read_note(const struct query *query);

#endif
