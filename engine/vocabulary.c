/* vocabulary.c - the pieces of a vocabulary: reading, lookup by text, which ones are matched as a
 * whole, which ones end a generation, after which ones white space is dropped.
 *
 * What GGUF does not say is decided by what the vocabulary contains, never by the name of the
 * model, so that renaming a file changes nothing.
 */
#include "engine/tokenizer_internal.h"

#include "base/hash.h"
#include "base/mem.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Lookup ---- */

static bool is_piece(const struct piece *piece, const char *text, size_t n_bytes)
{
    return piece->n_bytes == n_bytes && memcmp(piece->text, text, n_bytes) == 0;
}

/* The slot of the piece with this text, or the empty one where it belongs. */
static int32_t *slot_of(const struct vocabulary *vocabulary, const char *text, size_t n_bytes)
{
    size_t i = (size_t)hash_text(text, n_bytes) & vocabulary->slot_mask;
    while (vocabulary->slots[i] >= 0 &&
           !is_piece(&vocabulary->pieces[vocabulary->slots[i]], text, n_bytes))
        i = (i + 1) & vocabulary->slot_mask;
    return &vocabulary->slots[i];
}

int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t n_bytes)
{
    return n_bytes > vocabulary->longest_bytes ? -1 : *slot_of(vocabulary, text, n_bytes);
}

static bool build_slots(struct vocabulary *vocabulary, struct err *err)
{
    size_t n_slots = 16;
    while (n_slots < 2 * (size_t)vocabulary->n) n_slots *= 2;
    vocabulary->slots = mem_new(n_slots, sizeof *vocabulary->slots, err);
    if (!vocabulary->slots) return false;
    memset(vocabulary->slots, 0xff, n_slots * sizeof *vocabulary->slots);
    vocabulary->slot_mask = n_slots - 1;
    for (int32_t id = 0; id < vocabulary->n; id++)
        *slot_of(vocabulary, vocabulary->pieces[id].text, vocabulary->pieces[id].n_bytes) = id;
    return true;
}

/* ---- Special pieces ---- */

static bool is_special(const struct piece *piece)
{
    return piece->n_bytes && (piece->kind == TOKEN_CONTROL || piece->kind == TOKEN_USER_DEFINED ||
                              piece->kind == TOKEN_UNKNOWN);
}

struct special {
    unsigned char first;
    uint32_t n_bytes;
};

static int compare_specials(const void *a, const void *b)
{
    const struct special *left = a, *right = b;
    if (left->first != right->first) return left->first < right->first ? -1 : 1;
    return (left->n_bytes < right->n_bytes) - (left->n_bytes > right->n_bytes);
}

static bool build_specials(struct vocabulary *vocabulary, struct err *err)
{
    size_t n = 0, n_lengths = 0, capacity = 0;
    struct special *specials = NULL;
    bool ok = false;
    for (int32_t id = 0; id < vocabulary->n; id++) {
        const struct piece *piece = &vocabulary->pieces[id];
        if (!is_special(piece)) continue;
        if (!mem_grow((void **)&specials, &capacity, n + 1, sizeof *specials, INT32_MAX, err))
            goto out;
        specials[n++] = (struct special){(unsigned char)piece->text[0], piece->n_bytes};
    }
    if (n) qsort(specials, n, sizeof *specials, compare_specials);
    vocabulary->special_lengths = mem_new(n, sizeof *vocabulary->special_lengths, err);
    if (!vocabulary->special_lengths) goto out;
    for (size_t i = 0, first = 0; first < 256; first++) {
        vocabulary->special_first[first] = (uint32_t)n_lengths;
        for (; i < n && specials[i].first == first; i++)
            if (n_lengths == vocabulary->special_first[first] ||
                vocabulary->special_lengths[n_lengths - 1] != specials[i].n_bytes)
                vocabulary->special_lengths[n_lengths++] = specials[i].n_bytes;
    }
    vocabulary->special_first[256] = (uint32_t)n_lengths;
    ok = true;
out:
    free(specials);
    return ok;
}

int32_t vocabulary_match_special(const struct vocabulary *vocabulary, const char *text,
                                 size_t n_bytes, bool parse_special)
{
    if (!n_bytes) return -1;
    const uint32_t *first = &vocabulary->special_first[(unsigned char)text[0]];
    for (uint32_t i = first[0]; i < first[1]; i++) {
        uint32_t length = vocabulary->special_lengths[i];
        int32_t id = length <= n_bytes ? vocabulary_find(vocabulary, text, length) : -1;
        if (id < 0 || !is_special(&vocabulary->pieces[id])) continue;
        if (parse_special || vocabulary->pieces[id].kind == TOKEN_USER_DEFINED) return id;
    }
    return -1;
}

/* ---- What files do not say ----
 *
 * End tokens: the EOS, EOT and EOM ids of the file, and the well-known names of end-of-turn tokens
 * where they are control or user-defined pieces; <|assistant|> in a Phi-3 vocabulary, whose
 * published generation_config stops on 32000, 32001 and 32007.
 *
 * rstrip: false, but for a Phi-3 vocabulary, told by the names of its added tokens. Every known
 * tokenizer of the family has rstrip on </s>, <|assistant|> and the placeholders. For <|system|>,
 * <|user|> and <|end|> the revisions differ: the first ones have it; Phi-3-vision and those that
 * came with the chat templates that know a system role (June 2024) mostly have not. So these three
 * have it unless the file has such a template. A revision in between has both that template and
 * rstrip on all three: for such a file tokenizer_set_rstrip says so.
 */

static struct piece *find_special(const struct vocabulary *vocabulary, const char *text)
{
    int32_t id = vocabulary_find(vocabulary, text, strlen(text));
    if (id < 0) return NULL;
    struct piece *piece = &vocabulary->pieces[id];
    return piece->kind == TOKEN_CONTROL || piece->kind == TOKEN_USER_DEFINED ? piece : NULL;
}

static bool is_phi3(const struct vocabulary *vocabulary)
{
    static const char *const NAMES[] = {"<|endoftext|>",    "<|assistant|>", "<|placeholder1|>",
                                        "<|placeholder6|>", "<|system|>",    "<|end|>",
                                        "<|user|>"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (!find_special(vocabulary, NAMES[i])) return false;
    return true;
}

static void mark_ends(struct vocabulary *vocabulary, const struct metadata *metadata)
{
    static const char *const NAMES[] = {"<|end|>",    "<|endoftext|>", "<|im_end|>",
                                        "<|eot_id|>", "<|eom_id|>",    "<|end_of_text|>",
                                        "</s>",       "<end_of_turn>"};
    static const char *const KEYS[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        struct piece *piece = find_special(vocabulary, NAMES[i]);
        if (piece) piece->is_end = true;
    }
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        int64_t id = metadata_integer(metadata, KEYS[i], -1);
        if (id >= 0 && id < vocabulary->n) vocabulary->pieces[id].is_end = true;
    }
    if (is_phi3(vocabulary)) find_special(vocabulary, "<|assistant|>")->is_end = true;
}

static void mark_rstrip(struct vocabulary *vocabulary, const struct metadata *metadata)
{
    static const char *const ALWAYS[] = {"</s>",
                                         "<|assistant|>",
                                         "<|placeholder1|>",
                                         "<|placeholder2|>",
                                         "<|placeholder3|>",
                                         "<|placeholder4|>",
                                         "<|placeholder5|>",
                                         "<|placeholder6|>"};
    static const char *const AT_FIRST[] = {"<|system|>", "<|user|>", "<|end|>"};
    if (!is_phi3(vocabulary)) return;
    for (size_t i = 0; i < sizeof ALWAYS / sizeof *ALWAYS; i++) {
        struct piece *piece = find_special(vocabulary, ALWAYS[i]);
        if (piece) piece->rstrip = true;
    }
    const char *format =
        chat_detect_format(metadata_string(metadata, "tokenizer.chat_template", NULL));
    bool revised = format && (strcmp(format, "phi3") == 0 || strcmp(format, "phi3-small") == 0);
    for (size_t i = 0; !revised && i < sizeof AT_FIRST / sizeof *AT_FIRST; i++)
        find_special(vocabulary, AT_FIRST[i])->rstrip = true;
}

/* ---- Reading ---- */

static bool copy_pieces(struct vocabulary *vocabulary, const struct metadata_string *tokens,
                        size_t n, struct err *err)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        if (tokens[i].n_bytes >= UINT32_MAX || !mem_add(total, tokens[i].n_bytes + 1, &total))
            return err_set(err, ERR_INPUT, "token %zu is too long", i);
    vocabulary->text = mem_new(total, 1, err);
    vocabulary->pieces = mem_new(n, sizeof *vocabulary->pieces, err);
    if (!vocabulary->text || !vocabulary->pieces) return false;
    char *at = vocabulary->text;
    for (size_t i = 0; i < n; i++) {
        if (tokens[i].n_bytes) memcpy(at, tokens[i].text, tokens[i].n_bytes);
        vocabulary->pieces[i] = (struct piece){
            .text = at, .n_bytes = (uint32_t)tokens[i].n_bytes, .kind = TOKEN_NORMAL};
        if (tokens[i].n_bytes > vocabulary->longest_bytes)
            vocabulary->longest_bytes = tokens[i].n_bytes;
        at += tokens[i].n_bytes + 1;
    }
    vocabulary->n = (int32_t)n;
    return true;
}

static bool read_kinds_and_scores(struct vocabulary *vocabulary, const struct metadata *metadata,
                                  struct err *err)
{
    size_t n_kinds, n_scores, n = (size_t)vocabulary->n;
    const int32_t *kinds =
        metadata_array(metadata, "tokenizer.ggml.token_type", METADATA_I32, &n_kinds);
    const float *scores =
        metadata_array(metadata, "tokenizer.ggml.scores", METADATA_F32, &n_scores);
    if (kinds && n_kinds != n)
        return err_set(err, ERR_INPUT, "%zu tokens but %zu token types", n, n_kinds);
    if (scores && n_scores != n)
        return err_set(err, ERR_INPUT, "%zu tokens but %zu scores", n, n_scores);
    for (size_t i = 0; i < n; i++) {
        struct piece *piece = &vocabulary->pieces[i];
        if (kinds && (kinds[i] < TOKEN_NORMAL || kinds[i] > TOKEN_BYTE))
            return err_set(err, ERR_INPUT, "token %zu has the unknown type %d", i, (int)kinds[i]);
        if (scores && isnan(scores[i]))
            return err_set(err, ERR_INPUT, "the score of token %zu is no number", i);
        if (kinds) piece->kind = (enum token_kind)kinds[i];
        if (scores) piece->score = scores[i];
    }
    return true;
}

bool vocabulary_init(struct vocabulary *vocabulary, const struct metadata *metadata,
                     struct err *err)
{
    size_t n;
    const struct metadata_string *tokens =
        metadata_array(metadata, "tokenizer.ggml.tokens", METADATA_STRING, &n);
    if (!tokens || !n || n > INT32_MAX)
        return err_set(err, ERR_INPUT, "no vocabulary: tokenizer.ggml.tokens is absent or empty");
    if (!copy_pieces(vocabulary, tokens, n, err) ||
        !read_kinds_and_scores(vocabulary, metadata, err) || !build_slots(vocabulary, err) ||
        !build_specials(vocabulary, err))
        return false;
    mark_ends(vocabulary, metadata);
    mark_rstrip(vocabulary, metadata);
    return true;
}

void vocabulary_done(struct vocabulary *vocabulary)
{
    free(vocabulary->text);
    free(vocabulary->pieces);
    free(vocabulary->slots);
    free(vocabulary->special_lengths);
}
