/* policies.c - see policies.h.
 *
 * A name here stands in stored rows and in fingerprints: it never changes.
 */
#include "harness/ask/policies.h"

const char *const BOS_POLICY_NAMES[] = {
    [BOS_AUTO] = "auto", [BOS_ALWAYS] = "always", [BOS_NEVER] = "never", NULL};
const char *const BOS_POLICY_REASONS[] = {
    [BOS_AUTO] = "by the model's file", [BOS_ALWAYS] = "always", [BOS_NEVER] = "never", NULL};
const char *const KV_TYPE_NAMES[] = {[KV_F16] = "f16", [KV_F32] = "f32", [KV_Q8_0] = "q8_0", NULL};
const char *const ROPE_POLICY_NAMES[] = {
    [ROPE_AUTO] = "auto", [ROPE_SHORT] = "short", [ROPE_LONG] = "long", NULL};
const char *const ROPE_POLICY_REASONS[] = {
    [ROPE_AUTO] = "long ones for sequences beyond the original context, as transformers chooses",
    [ROPE_SHORT] = "short ones at every length",
    [ROPE_LONG] = "long ones at every length",
    NULL};
const char *const RSTRIP_POLICY_NAMES[] = {
    [RSTRIP_FILE] = "file", [RSTRIP_ON] = "on", [RSTRIP_OFF] = "off", NULL};
const char *const RSTRIP_POLICY_REASONS[] = {[RSTRIP_FILE] =
                                                 "dropped as the family's tokenizer.json says",
                                             [RSTRIP_ON] = "dropped after all but BOS and EOS",
                                             [RSTRIP_OFF] = "kept",
                                             NULL};

bool bos_policy_adds(enum bos_policy policy, const struct tokenizer *tokenizer)
{
    return tokenizer_bos(tokenizer) >= 0 &&
           (policy == BOS_ALWAYS || (policy == BOS_AUTO && tokenizer_adds_bos(tokenizer)));
}

const char *chat_format_title(int chat)
{
    return chat ? CHAT_FORMATS[chat] : "the file's own template";
}
