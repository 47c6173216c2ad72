/* tokenizer_spm.c - SentencePiece's BPE: characters are merged to pieces, the highest score first.
 * Where the scores give no order the merges of the file do, as in a tokenizer.json: lowest rank
 * first.
 *
 * A space is written U+2581 in pieces, and a text begins with one if the file says so (the dummy
 * prefix). What no piece covers is written in byte tokens. Only normal pieces come out of merging,
 * so that plain text can never turn into a control token. U+2581 in a text means the same as a
 * space, as in SentencePiece itself: it comes back as a space.
 */
#include "engine/tokenizer_internal.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <string.h>

static const char SPACE[] = "\xe2\x96\x81"; /* U+2581 */
enum { SPACE_BYTES = 3 };

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

/* The byte that a piece such as "<0x0A>" stands for, -1 for another piece. */
static int byte_of(const struct piece *piece)
{
    if (piece->n_bytes != 6 || memcmp(piece->text, "<0x", 3) != 0 || piece->text[5] != '>')
        return -1;
    int high = hex_value(piece->text[3]), low = hex_value(piece->text[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* By their type, or where a file types none, by their names. */
static bool find_bytes(struct tokenizer *tokenizer, enum token_kind kind)
{
    bool found = false;
    const struct vocabulary *vocabulary = &tokenizer->vocabulary;
    for (int32_t id = 0; id < vocabulary->n; id++) {
        struct piece *piece = &vocabulary->pieces[id];
        int byte = piece->kind == kind ? byte_of(piece) : -1;
        if (byte < 0) continue;
        tokenizer->byte_ids[byte] = id;
        piece->kind = TOKEN_BYTE;
        found = true;
    }
    return found;
}

void spm_find_bytes(struct tokenizer *tokenizer)
{
    if (!find_bytes(tokenizer, TOKEN_BYTE)) (void)find_bytes(tokenizer, TOKEN_NORMAL);
}

bool spm_init(struct tokenizer *tokenizer, const struct metadata *metadata, struct err *err)
{
    const struct metadata_string *lines;
    size_t n_lines;
    memcpy(tokenizer->kind, "spm", sizeof "spm");
    spm_find_bytes(tokenizer);
    if (vocabulary_is_ordered(&tokenizer->vocabulary)) return true;
    if (!metadata_read_strings(metadata, "tokenizer.ggml.merges", &lines, &n_lines, err))
        return false;
    if (!lines)
        return err_set(err, ERR_INPUT,
                       "the scores of all tokens are equal (tokenizer.ggml.scores), and there is "
                       "no tokenizer.ggml.merges: nothing says which pieces are merged first");
    memcpy(tokenizer->kind, "spm:merges", sizeof "spm:merges");
    return merge_list_init(&tokenizer->merges, &tokenizer->vocabulary, lines, n_lines, false, err);
}

struct spm_text {
    const struct tokenizer *tokenizer;
    const char *text;
};

static bool find_by_score(const void *context, const struct merge_symbol *left,
                          const struct merge_symbol *right, int32_t *id, double *priority)
{
    const struct spm_text *spm = context;
    const struct vocabulary *vocabulary = &spm->tokenizer->vocabulary;
    *id =
        vocabulary_find_normal(vocabulary, spm->text + left->begin, left->n_bytes + right->n_bytes);
    if (*id < 0) return false;
    *priority = (double)vocabulary->pieces[*id].score;
    return true;
}

static bool find_by_rank(const void *context, const struct merge_symbol *left,
                         const struct merge_symbol *right, int32_t *id, double *priority)
{
    const struct tokenizer *tokenizer = ((const struct spm_text *)context)->tokenizer;
    return merge_list_find(&tokenizer->merges, left, right, id, priority) &&
           tokenizer->vocabulary.pieces[*id].kind == TOKEN_NORMAL;
}

static bool append_symbols(const struct tokenizer *tokenizer, const struct merger *merger,
                           const char *text, struct tokens *out, struct err *err)
{
    for (uint32_t i = 0; i != MERGE_NONE; i = merger->symbols[i].next) {
        const struct merge_symbol *symbol = &merger->symbols[i];
        if (symbol->id >= 0) {
            if (!tokens_append(out, &symbol->id, 1, err)) return false;
            continue;
        }
        for (uint32_t k = 0; k < symbol->n_bytes; k++)
            if (!tokenizer_append_byte(tokenizer, (unsigned char)text[symbol->begin + k], out, err))
                return false;
    }
    return true;
}

bool spm_encode(const struct tokenizer *tokenizer, const char *text, size_t n_bytes,
                bool space_prefix, struct tokens *out, struct err *err)
{
    struct buf escaped = {.maximum = SPACE_BYTES * ((size_t)TOKENIZER_MAX_TEXT_BYTES + 2)};
    struct merger merger = {0};
    struct spm_text spm = {.tokenizer = tokenizer};
    merge_find_fn *find = tokenizer->merges.slots ? find_by_rank : find_by_score;
    bool ok = false;
    if (space_prefix) buf_append(&escaped, SPACE, SPACE_BYTES);
    for (size_t i = 0; i < n_bytes; i++) {
        if (text[i] == ' ') buf_append(&escaped, SPACE, SPACE_BYTES);
        else buf_char(&escaped, text[i]);
    }
    if (!buf_check(&escaped, err)) goto out;
    spm.text = escaped.data;
    for (size_t at = 0; at < escaped.n_bytes;) {
        uint32_t code;
        size_t n = utf8_decode(spm.text + at, escaped.n_bytes - at, &code, NULL);
        int32_t id = vocabulary_find_normal(&tokenizer->vocabulary, spm.text + at, n);
        if (!merger_add(&merger, id, at, n, err)) goto out;
        at += n;
    }
    ok = !merger.n_symbols || (merger_run(&merger, find, &spm, err) &&
                               append_symbols(tokenizer, &merger, spm.text, out, err));
out:
    merger_done(&merger);
    buf_free(&escaped);
    return ok;
}

void spm_decode(const struct piece *piece, bool strip_space, struct buf *out)
{
    int byte = piece->kind == TOKEN_BYTE ? byte_of(piece) : -1;
    if (byte >= 0) {
        buf_char(out, (char)byte);
        return;
    }
    for (uint32_t i = 0; i < piece->n_bytes;) {
        bool space =
            piece->n_bytes - i >= SPACE_BYTES && memcmp(piece->text + i, SPACE, SPACE_BYTES) == 0;
        if (!space) buf_char(out, piece->text[i++]);
        else if (i || !strip_space) buf_char(out, ' ');
        if (space) i += SPACE_BYTES;
    }
}
