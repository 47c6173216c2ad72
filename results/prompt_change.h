/* prompt_change.h - in words, what is not the same in two texts: two prompts of one item.
 *
 * Pure functions on texts.
 */
#ifndef PHIBENCH_RESULTS_PROMPT_CHANGE_H
#define PHIBENCH_RESULTS_PROMPT_CHANGE_H

#include "base/buf.h"

/* Appends what tells the candidate's text from the base's: the same lines in another order, a part
 * that is missing or more, or where they part. */
void prompt_change(const char *base, const char *candidate, struct buf *out);

#endif
