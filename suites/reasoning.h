/* reasoning.h - what a model says to itself before it answers, told apart from its answer: blocks
 * like <think> ... </think> in a text that was generated.
 *
 * Pure, and the one place that knows how such blocks are marked. Thread-safe.
 */
#ifndef PHIBENCH_SUITES_REASONING_H
#define PHIBENCH_SUITES_REASONING_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct reasoning_parts {
    struct buf answer;    /* the text without its blocks */
    struct buf reasoning; /* what stood in them, a line end between two */
    bool is_found;        /* there was a block; white space before the answer went with it */
    bool is_open;         /* the last one does not end */
};

/* Tells text[0..n_bytes) apart. is_open: its prompt has opened a block. A block that only ends was
 * opened by the prompt, too: then all before its end is reasoning. A block that does not end goes
 * to the end of the text. Without memory the process ends (mem_end): half an answer has another
 * score. End with reasoning_done. */
void reasoning_split(const char *text, size_t n_bytes, bool is_open, struct reasoning_parts *parts);
void reasoning_done(struct reasoning_parts *parts);

/* Whether a text that is being generated has reasoning and no answer yet: a stop string there ends
 * nothing. False where memory ran out. */
bool reasoning_awaits_answer(const char *text, size_t n_bytes, bool is_open);

/* Whether a prompt ends with the mark that opens a block, white space aside. */
bool reasoning_is_opened_by(const char *prompt, size_t n_bytes);

/* Whether the text is such a mark and nothing else: vocabularies have some of them as tokens that
 * are not shown. */
bool reasoning_is_mark(const char *text, size_t n_bytes);

#endif
