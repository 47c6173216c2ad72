/* policies.h - what the choices that a model is run with are called, in configurations, options,
 * the store and messages.
 *
 * Const tables in the order of their enums, NULL-ended. Thread-safe.
 */
#ifndef PHIBENCH_HARNESS_ASK_POLICIES_H
#define PHIBENCH_HARNESS_ASK_POLICIES_H

#include "engine/engine.h"

extern const char *const BOS_POLICY_NAMES[]; /* "auto" ... */
/* Why a prompt has a BOS: "by the model's file" ... */
extern const char *const BOS_POLICY_REASONS[];
extern const char *const KV_TYPE_NAMES[];     /* "f16" ... */
extern const char *const ROPE_POLICY_NAMES[]; /* "auto" ... */
/* Which factors of LongRoPE rotate: "short up to the border ..." */
extern const char *const ROPE_POLICY_REASONS[];
extern const char *const RSTRIP_POLICY_NAMES[]; /* "file" ... */
/* What becomes of white space after special tokens: "kept" ... */
extern const char *const RSTRIP_POLICY_REASONS[];

/* How messages become a prompt, by position in CHAT_FORMATS: "the file's own template", "phi3". */
const char *chat_format_title(int chat);
/* Whether prompts begin with a BOS token: by the policy, and by what the model's file says. */
bool bos_policy_adds(enum bos_policy policy, const struct tokenizer *tokenizer);

#endif
