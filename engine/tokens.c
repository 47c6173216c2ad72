/* tokens.c - lists of token ids, which grow at their end.
 *
 * The tokenizer and both of its algorithms append to them.
 */
#include "engine/tokenizer_internal.h"

#include "base/mem.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

void tokens_free(struct tokens *tokens)
{
    if (!tokens) return;
    free(tokens->ids);
    *tokens = (struct tokens){0};
}

bool tokens_append(struct tokens *tokens, const int32_t *ids, size_t n, struct err *err)
{
    size_t total;
    if (!mem_add(tokens->n, n, &total)) return err_set(err, ERR_MEMORY, "size overflow");
    if (!mem_grow((void **)&tokens->ids, &tokens->capacity, total, sizeof *tokens->ids,
                  (size_t)2 * INT_MAX, err))
        return false;
    if (n) memcpy(tokens->ids + tokens->n, ids, n * sizeof *ids);
    tokens->n = total;
    return true;
}

bool tokenizer_append_byte(const struct tokenizer *tokenizer, unsigned char byte,
                           struct tokens *out, struct err *err)
{
    int32_t id = tokenizer->byte_ids[byte];
    if (id < 0) id = tokenizer->unknown;
    if (id < 0)
        return err_set(err, ERR_INPUT, "the vocabulary has no token for the byte 0x%02X", byte);
    return tokens_append(out, &id, 1, err);
}
