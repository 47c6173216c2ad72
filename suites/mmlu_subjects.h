/* mmlu_subjects.h - where each of MMLU's 57 subjects belongs: 17 subcategories, 4 categories.
 *
 * Facts of the data set, no code. Strings are constants. Thread-safe.
 */
#ifndef PHIBENCH_SUITES_MMLU_SUBJECTS_H
#define PHIBENCH_SUITES_MMLU_SUBJECTS_H

/* The subcategory of a subject ("anatomy": "health"), and its category: "STEM", "humanities",
 * "social sciences" or "other". NULL for a subject that is not one of the 57. */
const char *mmlu_subcategory_of(const char *subject);
const char *mmlu_category_of(const char *subject);

#endif
