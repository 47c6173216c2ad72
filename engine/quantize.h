/* quantize.h - a model in another type: a source that quantizes the rows of another source when
 * they are asked for, so that a file, a hash and a running model are had from it as from any other.
 *
 * Which type a tensor gets, mixture.h says. Knows no kind of source.
 */
#ifndef PHIBENCH_ENGINE_QUANTIZE_H
#define PHIBENCH_ENGINE_QUANTIZE_H

#include "engine/importance.h"
#include "engine/mixture.h"
#include "engine/source.h"

/* Takes `from` over: it is closed with the result, or at once on failure. path: what the source is
 * called. Rows that have the type already are handed through; what was not done as asked stands in
 * `notes`. Everything in the metadata stays but general.file_type and general.quantization_version;
 * importance leaves its counts there. A value that is not finite, or does not fit F16, is ERR_INPUT
 * when its row is read.
 *
 * importance may be NULL and must outlive the source; with it hash must not be called. Close with
 * source_close. */
struct source *quantize_open(struct source *from, const struct mixture *mixture, const char *path,
                             const struct importance *importance, struct err *err)
    __attribute__((warn_unused_result));

/* What the hash of "quantize:TYPE:MODEL" is for a MODEL with this one. */
bool quantize_hash(const char *type, const char *model_hash, char hex[65], struct err *err)
    __attribute__((warn_unused_result));

#endif
