/* quantize.h - a model in another type: a source that quantizes the rows of another source when
 * they are asked for, so that a file, a hash and a running model are had from it as from any other.
 *
 * Spec: "quantize:TYPE:MODEL" with MODEL a GGUF file or "synth:...", for example
 * "quantize:q4_k:mini.gguf". TYPE is a tensor type, or one of the mixtures q4_k_m and q5_k_m.
 */
#ifndef PHIBENCH_ENGINE_QUANTIZE_H
#define PHIBENCH_ENGINE_QUANTIZE_H

#include "engine/engine.h"
#include "engine/source.h"

/* Which type a tensor gets:
 * - one with a single dimension F32, whatever the rest is;
 * - matrices TYPE, in a mixture Q4_K or Q5_K;
 * - the matrix that makes the logits, if TYPE is quantized, Q6_K (Q8_0 beside Q8_0): an error there
 *   is met by no later layer. Where embeddings are tied, this is the embedding;
 * - in q4_k_m and q5_k_m a fused QKV matrix Q5_K and Q6_K; values and feed-forward outputs of
 *   the first and last eighth of the layers and of every third one between them Q6_K;
 * - one whose rows are no whole blocks of that: Q4_0 for Q2_K and Q3_K, Q5_0 for Q4_K, Q5_1 for
 *   Q5_K, Q8_0 for Q6_K, and F16 where blocks of 32 do not fit either; `notes` says so.
 * These are the rules of the files in circulation (llama.cpp, src/llama-quant.cpp; for a fused QKV
 * as it was when the publisher made the Phi-3 files), but that q2_k to q5_k are one type here and
 * no mixtures.
 *
 * Rows that have the type already are handed through. Everything in the metadata stays but
 * general.file_type and general.quantization_version; importance leaves its counts there. A value
 * that is not finite, or does not fit F16, is ERR_INPUT when its row is read.
 *
 * importance may be NULL and must outlive the source; with it hash must not be called. Close with
 * source_close. */
struct source *quantize_open(const char *spec, const struct importance *importance, struct err *err)
    __attribute__((warn_unused_result));

bool quantize_is_spec(const char *path);

/* What the hash of "quantize:TYPE:MODEL" is for a MODEL with this one. */
bool quantize_hash(const char *type, const char *model_hash, char hex[65], struct err *err)
    __attribute__((warn_unused_result));

/* The name of a file's type: "q4_k_m" for Q4_K and the file type of that mixture, "q4_k" for Q4_K
 * and any other. */
const char *quantize_type_name(enum tensor_type type, int64_t file_type);

#endif
