/* vocabulary.c - the pieces of a vocabulary: reading, lookup by text, which ones are matched as a
 * whole, which ones end a generation, after which ones white space is dropped.
 *
 * What GGUF does not say is decided by what the vocabulary contains, never by the name of the
 * model, so that renaming a file changes nothing.
 */
#include "engine/tokenizer_internal.h"
#include "engine/tokenizer_steps.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Lookup ---- */

static bool is_piece(const struct piece *piece, const char *text, size_t n_bytes)
{
    return piece->n_bytes == n_bytes && memcmp(piece->text, text, n_bytes) == 0;
}

static bool is_special(const struct piece *piece)
{
    return piece->n_bytes && (piece->kind == TOKEN_CONTROL || piece->kind == TOKEN_USER_DEFINED ||
                              piece->kind == TOKEN_UNKNOWN);
}

/* The slot of the piece with this text, special or not, or the empty one where it belongs. A text
 * may have one of both, so that a control piece never hides a normal one, nor the other way. */
static int32_t *slot_of(const struct vocabulary *vocabulary, const char *text, size_t n_bytes,
                        bool special)
{
    size_t i = (size_t)hash_text(text, n_bytes) & vocabulary->slot_mask;
    for (; vocabulary->slots[i] >= 0; i = (i + 1) & vocabulary->slot_mask) {
        const struct piece *piece = &vocabulary->pieces[vocabulary->slots[i]];
        if (is_special(piece) == special && is_piece(piece, text, n_bytes)) break;
    }
    return &vocabulary->slots[i];
}

static int32_t find(const struct vocabulary *vocabulary, const char *text, size_t n_bytes,
                    bool special)
{
    return n_bytes > vocabulary->longest_bytes ? -1 : *slot_of(vocabulary, text, n_bytes, special);
}

int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t n_bytes)
{
    int32_t id = find(vocabulary, text, n_bytes, false);
    return id >= 0 ? id : find(vocabulary, text, n_bytes, true);
}

int32_t vocabulary_find_normal(const struct vocabulary *vocabulary, const char *text,
                               size_t n_bytes)
{
    int32_t id = find(vocabulary, text, n_bytes, false);
    return id >= 0 && vocabulary->pieces[id].kind == TOKEN_NORMAL ? id : -1;
}

int32_t vocabulary_find_special(const struct vocabulary *vocabulary, const char *text,
                                size_t n_bytes)
{
    return find(vocabulary, text, n_bytes, true);
}

static bool build_slots(struct vocabulary *vocabulary, struct err *err)
{
    size_t n_slots = 16;
    free(vocabulary->slots);
    while (n_slots < 2 * (size_t)vocabulary->n) n_slots *= 2;
    vocabulary->slots = mem_new(n_slots, sizeof *vocabulary->slots, err);
    if (!vocabulary->slots) return false;
    memset(vocabulary->slots, 0xff, n_slots * sizeof *vocabulary->slots);
    vocabulary->slot_mask = n_slots - 1;
    for (int32_t id = 0; id < vocabulary->n; id++) {
        const struct piece *piece = &vocabulary->pieces[id];
        int32_t *slot = slot_of(vocabulary, piece->text, piece->n_bytes, is_special(piece));
        bool stays = *slot >= 0 && piece->kind != TOKEN_NORMAL &&
                     vocabulary->pieces[*slot].kind == TOKEN_NORMAL;
        if (!stays) *slot = id;
    }
    return true;
}

/* ---- Notes ---- */

void vocabulary_note_piece(struct vocabulary *vocabulary, int32_t id)
{
    const struct piece *piece = &vocabulary->pieces[id];
    struct metadata_value text = {.kind = METADATA_STRING, .string = {piece->text, piece->n_bytes}};
    size_t begin = vocabulary->notes.n_bytes;
    metadata_print(&text, 40, &vocabulary->notes);
    for (size_t i = begin; i < vocabulary->notes.n_bytes; i++)
        if (vocabulary->notes.data[i] == '\n') vocabulary->notes.data[i] = ' ';
}

/* Tokens that no text ever becomes, for another one has the same text. */
static void note_duplicates(struct vocabulary *vocabulary)
{
    size_t n = 0;
    int32_t first = -1;
    for (int32_t id = 0; id < vocabulary->n; id++) {
        const struct piece *piece = &vocabulary->pieces[id];
        if (piece->kind == TOKEN_UNUSED || !piece->n_bytes ||
            find(vocabulary, piece->text, piece->n_bytes, is_special(piece)) == id)
            continue;
        if (!n++) first = id;
    }
    if (!n) return;
    const struct piece *piece = &vocabulary->pieces[first];
    int32_t taken = find(vocabulary, piece->text, piece->n_bytes, is_special(piece));
    buf_printf(&vocabulary->notes, "%zu token%s of equal text with another: \"", n,
               n > 1 ? "s" : "");
    vocabulary_note_piece(vocabulary, first);
    buf_printf(&vocabulary->notes, "\" is %ld and %ld, of which %ld is taken\n", (long)first,
               (long)taken, (long)taken);
}

/* ---- Special pieces ---- */

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
    free(vocabulary->special_lengths);
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
        int32_t id = length <= n_bytes ? vocabulary_find_special(vocabulary, text, length) : -1;
        if (id < 0) continue;
        if (parse_special || vocabulary->pieces[id].kind == TOKEN_USER_DEFINED) return id;
    }
    return -1;
}

void vocabulary_respell(struct vocabulary *vocabulary, int32_t id, const char *text, size_t n_bytes)
{
    struct piece *piece = &vocabulary->pieces[id];
    piece->text = text;
    piece->n_bytes = (uint32_t)n_bytes;
    if (n_bytes > vocabulary->longest_bytes) vocabulary->longest_bytes = n_bytes;
}

bool vocabulary_index(struct vocabulary *vocabulary, struct err *err)
{
    return build_slots(vocabulary, err) && build_specials(vocabulary, err);
}

/* ---- What files do not say ----
 *
 * End tokens: the EOS, EOT and EOM ids of the file, and the well-known names of end-of-turn tokens
 * where they are control or user-defined pieces; <|assistant|> in a Phi-3 vocabulary, whose
 * published generation_config stops on 32000, 32001 and 32007.
 *
 * rstrip: of a Phi-3 vocabulary, told by the names of its added tokens, what the tokenizer.json of
 * Phi-3-mini says: every added token but <|endoftext|>, and </s>. Revisions differ in <|system|>,
 * <|user|> and <|end|> (Phi-3-vision has them without), and no GGUF file says which one it is of:
 * encode_options overrides it. False in all other vocabularies.
 */

static struct piece *find_special(const struct vocabulary *vocabulary, const char *text)
{
    int32_t id = vocabulary_find_special(vocabulary, text, strlen(text));
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

static bool mark_listed_ends(struct vocabulary *vocabulary, const struct metadata *metadata,
                             struct err *err)
{
    const struct metadata_value *ids;
    if (!metadata_read_array(metadata, TOKENIZER_ENDS_KEY, &ids, err)) return false;
    for (size_t i = 0; ids && i < ids->n; i++) {
        int64_t id = -1;
        if (!metadata_element_integer(ids, i, TOKENIZER_ENDS_KEY, 0, vocabulary->n - 1, &id, err))
            return false;
        vocabulary->pieces[id].is_end = true;
    }
    return true;
}

static bool mark_ends(struct vocabulary *vocabulary, const struct metadata *metadata,
                      struct err *err)
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
        int64_t id = -1;
        if (!metadata_read_integer(metadata, KEYS[i], INT64_MIN, INT64_MAX, &id, err)) return false;
        if (id >= 0 && id < vocabulary->n) vocabulary->pieces[id].is_end = true;
    }
    if (is_phi3(vocabulary)) find_special(vocabulary, "<|assistant|>")->is_end = true;
    return mark_listed_ends(vocabulary, metadata, err);
}

static void mark_rstrip(struct vocabulary *vocabulary)
{
    static const char *const NAMES[] = {"</s>",
                                        "<|assistant|>",
                                        "<|placeholder1|>",
                                        "<|placeholder2|>",
                                        "<|placeholder3|>",
                                        "<|placeholder4|>",
                                        "<|placeholder5|>",
                                        "<|placeholder6|>",
                                        "<|system|>",
                                        "<|user|>",
                                        "<|end|>"};
    if (!is_phi3(vocabulary)) return;
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        struct piece *piece = find_special(vocabulary, NAMES[i]);
        if (piece) piece->rstrip = true;
    }
}

/* ---- Markers of the chat template that a file types as normal pieces ----
 *
 * The template writes them into a prompt as one token each, and the model learnt them so; as normal
 * pieces no merge ever gives them. Between '<' and '>' or '[' and ']' a template also writes words,
 * of which a vocabulary may have one as a piece like any other: such a piece is made of two others,
 * what is added for a template is not. "<|" and "|>" are always a marker's. */

static bool is_mergeable(const struct vocabulary *vocabulary, const struct piece *piece)
{
    for (size_t n = 1; n < piece->n_bytes; n++)
        if (vocabulary_find_normal(vocabulary, piece->text, n) >= 0 &&
            vocabulary_find_normal(vocabulary, piece->text + n, piece->n_bytes - n) >= 0)
            return true;
    return false;
}

static bool is_marker(const struct vocabulary *vocabulary, const struct piece *piece)
{
    enum { MOST_BYTES = 64 };
    size_t n = piece->n_bytes;
    if ((piece->kind != TOKEN_NORMAL && piece->kind != TOKEN_UNUSED) || n < 3 || n > MOST_BYTES)
        return false;
    char first = piece->text[0], last = piece->text[n - 1];
    if (!(first == '<' && last == '>') && !(first == '[' && last == ']')) return false;
    bool has_bars = n > 4 && piece->text[1] == '|' && piece->text[n - 2] == '|';
    return has_bars || !is_mergeable(vocabulary, piece);
}

/* What a template may write: its literal text; "<|user|>" where it puts "<|" before a role; and
 * what it calls bos_token and eos_token. */
struct template_names {
    const char *text;
    bool joins_roles;
    int64_t bos, eos; /* -1: not named */
};

static bool read_names(const struct metadata *metadata, const char *template_text,
                       struct template_names *names, struct err *err)
{
    *names = (struct template_names){.text = template_text, .bos = -1, .eos = -1};
    names->joins_roles = strstr(template_text, "<|'") || strstr(template_text, "<|\"");
    return (!strstr(template_text, "bos_token") ||
            metadata_read_integer(metadata, "tokenizer.ggml.bos_token_id", INT64_MIN, INT64_MAX,
                                  &names->bos, err)) &&
           (!strstr(template_text, "eos_token") ||
            metadata_read_integer(metadata, "tokenizer.ggml.eos_token_id", INT64_MIN, INT64_MAX,
                                  &names->eos, err));
}

static bool is_named(const struct template_names *names, const struct piece *piece, int32_t id)
{
    static const char *const ROLES[] = {"<|system|>", "<|user|>", "<|assistant|>"};
    if (strstr(names->text, piece->text) || id == names->bos || id == names->eos) return true;
    for (size_t i = 0; names->joins_roles && i < sizeof ROLES / sizeof *ROLES; i++)
        if (is_piece(piece, ROLES[i], strlen(ROLES[i]))) return true;
    return false;
}

static bool take_markers(struct vocabulary *vocabulary, const struct metadata *metadata,
                         const char *template_text, struct err *err)
{
    enum { MOST_SHOWN = 4 };
    struct template_names names;
    size_t n = 0;
    if (!template_text) return true;
    if (!read_names(metadata, template_text, &names, err)) return false;
    for (int32_t id = 0; id < vocabulary->n; id++) {
        struct piece *piece = &vocabulary->pieces[id];
        if (!is_marker(vocabulary, piece) || !is_named(&names, piece, id)) continue;
        bool known = vocabulary_find_special(vocabulary, piece->text, piece->n_bytes) >= 0;
        if (known) continue;
        piece->kind = TOKEN_CONTROL;
        if (n++ < MOST_SHOWN) {
            buf_text(&vocabulary->notes, n == 1 ? "" : ", ");
            vocabulary_note_piece(vocabulary, id);
        }
    }
    if (!n) return true;
    buf_printf(&vocabulary->notes,
               "%s: typed as normal text (tokenizer.ggml.token_type), but markers of the chat "
               "template: taken as control tokens\n",
               n > MOST_SHOWN ? " ..." : "");
    return build_slots(vocabulary, err);
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
    static const char KINDS[] = "tokenizer.ggml.token_type", SCORES[] = "tokenizer.ggml.scores";
    size_t n = (size_t)vocabulary->n;
    const struct metadata_value *kinds, *scores;
    if (!metadata_read_array(metadata, KINDS, &kinds, err) ||
        !metadata_read_array(metadata, SCORES, &scores, err))
        return false;
    if (kinds && kinds->n != n)
        return err_set(err, ERR_INPUT, "%zu tokens but %zu token types", n, kinds->n);
    if (scores && scores->n != n)
        return err_set(err, ERR_INPUT, "%zu tokens but %zu scores", n, scores->n);
    for (size_t i = 0; i < n; i++) {
        struct piece *piece = &vocabulary->pieces[i];
        int64_t kind = TOKEN_NORMAL;
        double score = 0;
        if ((kinds &&
             !metadata_element_integer(kinds, i, KINDS, INT64_MIN, INT64_MAX, &kind, err)) ||
            (scores && !metadata_element_number(scores, i, SCORES, &score, err)))
            return false;
        if (kind < TOKEN_NORMAL || kind > TOKEN_BYTE)
            return err_set(err, ERR_INPUT, "token %zu has the unknown type %lld", i,
                           (long long)kind);
        if (isnan(score)) return err_set(err, ERR_INPUT, "the score of token %zu is no number", i);
        piece->kind = (enum token_kind)kind;
        piece->score = (float)score;
    }
    return true;
}

bool vocabulary_is_ordered(const struct vocabulary *vocabulary)
{
    const struct piece *first = NULL;
    size_t n = 0;
    for (int32_t id = 0; id < vocabulary->n; id++) {
        const struct piece *piece = &vocabulary->pieces[id];
        uint32_t code;
        if (piece->kind != TOKEN_NORMAL || !piece->n_bytes ||
            utf8_decode(piece->text, piece->n_bytes, &code, NULL) == piece->n_bytes)
            continue;
        if (!first) first = piece;
        if (piece->score != first->score) return true;
        n++;
    }
    return n < 2;
}

bool vocabulary_init(struct vocabulary *vocabulary, const struct metadata *metadata,
                     struct err *err)
{
    size_t n;
    const struct metadata_string *tokens;
    const char *template_text = NULL;
    bool has_steps = metadata_find(metadata, TOKENIZER_STEPS_KEY) != NULL;
    if (!metadata_read_string(metadata, "tokenizer.chat_template", &template_text, err) ||
        !metadata_read_strings(metadata, "tokenizer.ggml.tokens", &tokens, &n, err))
        return false;
    if (!tokens || n > INT32_MAX)
        return err_set(err, ERR_INPUT, "no vocabulary: tokenizer.ggml.tokens is absent or empty");
    if (!copy_pieces(vocabulary, tokens, n, err) ||
        !read_kinds_and_scores(vocabulary, metadata, err) || !build_slots(vocabulary, err) ||
        !take_markers(vocabulary, metadata, has_steps ? NULL : template_text, err) ||
        !build_specials(vocabulary, err) || !mark_ends(vocabulary, metadata, err))
        return false;
    if (!has_steps) mark_rstrip(vocabulary);
    note_duplicates(vocabulary);
    return true;
}

void vocabulary_done(struct vocabulary *vocabulary)
{
    free(vocabulary->text);
    free(vocabulary->pieces);
    free(vocabulary->slots);
    free(vocabulary->special_lengths);
    buf_free(&vocabulary->notes);
}
