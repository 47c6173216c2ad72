/* added_tokens.c - see added_tokens.h. At each place of a text the lengths that tokens with this
 * first byte have are tried, longest first, in a hash table: most bytes begin none.
 */
#include "engine/added_tokens.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/unicode.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* ---- The set ---- */

bool added_set_add(struct added_set *set, const char *text, const char *content, int32_t id,
                   struct err *err)
{
    if (!mem_grow((void **)&set->tokens, &set->capacity, set->n + 1, sizeof *set->tokens, INT32_MAX,
                  err))
        return false;
    struct added_token *token = &set->tokens[set->n++];
    *token = (struct added_token){.n_bytes = (uint32_t)strlen(text), .id = id};
    token->text = mem_copy_string(text, err);
    token->content = token->text ? mem_copy_string(content, err) : NULL;
    return token->content != NULL;
}

void added_set_done(struct added_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        free(set->tokens[i].text);
        free(set->tokens[i].content);
    }
    free(set->tokens);
    free(set->slots);
    free(set->lengths);
    *set = (struct added_set){0};
}

/* The slot of this text, or the empty one where it belongs. */
static int32_t *slot_of(const struct added_set *set, const char *text, size_t n_bytes)
{
    size_t i = (size_t)hash_text(text, n_bytes) & set->slot_mask;
    for (; set->slots[i] >= 0; i = (i + 1) & set->slot_mask) {
        const struct added_token *token = &set->tokens[set->slots[i]];
        if (token->n_bytes == n_bytes && memcmp(token->text, text, n_bytes) == 0) break;
    }
    return &set->slots[i];
}

/* By first byte, then longest first. */
static int compare_tokens(const void *a, const void *b)
{
    const struct added_token *left = a, *right = b;
    if (left->text[0] != right->text[0])
        return (unsigned char)left->text[0] < (unsigned char)right->text[0] ? -1 : 1;
    if (left->n_bytes != right->n_bytes) return left->n_bytes > right->n_bytes ? -1 : 1;
    return (left->id > right->id) - (left->id < right->id);
}

bool added_set_finish(struct added_set *set, struct err *err)
{
    size_t n_slots = 16, n_lengths = 0;
    while (n_slots < 2 * set->n) n_slots *= 2;
    set->slots = mem_new(n_slots, sizeof *set->slots, err);
    set->lengths = mem_new(set->n, sizeof *set->lengths, err);
    if (!set->slots || !set->lengths) return false;
    memset(set->slots, 0xff, n_slots * sizeof *set->slots);
    set->slot_mask = n_slots - 1;
    if (set->n) qsort(set->tokens, set->n, sizeof *set->tokens, compare_tokens);
    for (size_t i = 0, byte = 0; byte < 256; byte++) {
        set->first[byte] = (uint32_t)n_lengths;
        for (; i < set->n && (unsigned char)set->tokens[i].text[0] == byte; i++) {
            const struct added_token *token = &set->tokens[i];
            int32_t *slot = slot_of(set, token->text, token->n_bytes);
            if (*slot < 0) *slot = (int32_t)i;
            if (n_lengths == set->first[byte] || set->lengths[n_lengths - 1] != token->n_bytes)
                set->lengths[n_lengths++] = token->n_bytes;
        }
    }
    set->first[256] = (uint32_t)n_lengths;
    return true;
}

/* ---- The search ---- */

/* The longest token at the beginning of a text that is not empty, NULL if there is none. */
static const struct added_token *token_at(const struct added_set *set, const char *text,
                                          size_t n_bytes)
{
    const uint32_t *first = &set->first[(unsigned char)text[0]];
    for (uint32_t i = first[0]; i < first[1]; i++) {
        if (set->lengths[i] > n_bytes) continue;
        int32_t slot = *slot_of(set, text, set->lengths[i]);
        if (slot >= 0) return &set->tokens[slot];
    }
    return NULL;
}

/* The code point before text + at, and where it begins; at is not 0. */
static uint32_t code_before(const char *text, size_t at, size_t *begin)
{
    uint32_t code = 0;
    for (size_t n = at < 4 ? at : 4; n > 1; n--) {
        *begin = at - n;
        if (utf8_decode(text + at - n, n, &code, NULL) == n) return code;
    }
    *begin = at - 1;
    (void)utf8_decode(text + at - 1, 1, &code, NULL);
    return code;
}

static bool is_single_word(const char *text, size_t n_bytes, size_t begin, size_t end)
{
    uint32_t code;
    size_t before;
    if (begin && unicode_is_word(code_before(text, begin, &before))) return false;
    return end == n_bytes || !utf8_decode(text + end, n_bytes - end, &code, NULL) ||
           !unicode_is_word(code);
}

static size_t space_before(const char *text, size_t at, size_t low)
{
    for (size_t begin; at > low; at = begin)
        if (!unicode_is_space(code_before(text, at, &begin))) break;
    return at < low ? low : at;
}

bool added_find(struct added_search *search, struct added_match *match)
{
    const struct tokenizer *tokenizer = search->tokenizer;
    const char *text = search->text;
    while (search->at < search->n_bytes) {
        size_t begin = search->at;
        const struct added_token *token =
            token_at(search->set, text + begin, search->n_bytes - begin);
        search->at += token ? token->n_bytes : 1;
        if (!token) continue;
        const struct piece *piece = &tokenizer->vocabulary.pieces[token->id];
        size_t end = search->at;
        if (!search->options->parse_special && piece->kind != TOKEN_USER_DEFINED) continue;
        if (piece->single_word && !is_single_word(text, search->n_bytes, begin, end)) continue;
        if (piece->lstrip) begin = space_before(text, begin, search->end);
        if (tokenizer_strips(tokenizer, token->id, search->options->rstrip))
            end = unicode_skip_space(text, search->n_bytes, end);
        *match = (struct added_match){.id = token->id, .begin = begin, .end = end};
        search->end = end;
        return true;
    }
    return false;
}
