/* means.h - means of scores, with errors for scores that cluster.
 *
 * Sums run in the order of the input. Thread-safe.
 */
#ifndef PHIBENCH_RESULTS_STATS_MEANS_H
#define PHIBENCH_RESULTS_STATS_MEANS_H

#include "results/stats/distributions.h"
#include "results/stats/estimate.h"

#include <stddef.h>
#include <stdint.h>

/* The mean alone; NaN if n = 0. */
double stats_average(const double *values, size_t n);

/* Standard error of the mean of scores [n] that cluster by ids 0..n_clusters-1: 1/n sqrt(C/(C - 1)
 * sum over the C clusters of (sum of s_i - mean)^2), the clustered error of Miller 2024 ("Adding
 * error bars to evals", equation 4) with the correction for few clusters, which makes it that of
 * the means of clusters where all are of one size (Cameron and Miller 2015, "A practitioner's guide
 * to cluster-robust inference", section VI.A). cluster NULL: independent scores, each a cluster of
 * its own. NaN for fewer than two clusters. */
double stats_clustered_error(const double *scores, const uint32_t *cluster, size_t n,
                             size_t n_clusters);

/* The mean of scores [n], n > 0, on any scale, with Student's interval; the error is clustered if
 * there are two clusters or more, whose number less one is then that of the degrees of freedom. */
struct estimate stats_mean(const double *scores, const uint32_t *cluster, size_t n,
                           size_t n_clusters);

/* As stats_mean, of scores that depend on each other within a cluster, be there but one: several
 * answers to one question say nothing of the precision, and the error is NaN. */
struct estimate stats_mean_of_clusters(const double *scores, const uint32_t *cluster, size_t n,
                                       size_t n_clusters);

/* The mean of scores [n], n > 0, with Wilson's interval if all are 0 or 1, otherwise as stats_mean
 * has it. */
struct estimate stats_estimate(const double *scores, const uint32_t *cluster, size_t n,
                               size_t n_clusters);

/* The mean of scores 0 and 1 that cluster: Wilson's interval of as many independent ones as would
 * have the clustered error, never more than there are, and less for few clusters (Korn and
 * Graubard 1998, "Confidence intervals for proportions with small expected number of positive
 * counts estimated from survey data"; Dean and Pagano 2015, "Evaluating confidence interval
 * methods for binomial proportions in clustered surveys"). One cluster: as stats_estimate. */
struct estimate stats_clustered_share(const double *scores, const uint32_t *cluster, size_t n,
                                      size_t n_clusters);

/* The exponential of a mean of logarithms; its error is that of the delta method. */
struct estimate stats_exponential(struct estimate logarithm);

/* F1, the harmonic mean of precision and recall, from the estimate of a mean m: of the questions
 * that the answer or the truth calls positive, the share that both do (Jaccard's index). F1 =
 * 2m/(1+m) (van Rijsbergen 1979, "Information retrieval", chapter 7) grows with m, so that the
 * limits of the one are those of the other; the error is that of the delta method. */
struct estimate stats_f1(struct estimate overlap);

/* Mean of the means of independent parts [n_parts], each of the same weight. The interval recovers
 * the variances from the parts' own limits: mean - sqrt(sum (m_i - low_i)^2) / n_parts, and high
 * alike (Zou and Donner 2008, "Construction of confidence limits about effect measures: a general
 * approach"), so that it stays in 0..1 and does not vanish where every score is right. */
struct estimate stats_macro(const struct estimate *parts, size_t n_parts);

#endif
