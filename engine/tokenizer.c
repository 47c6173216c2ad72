/* tokenizer.c - text to ids and back: cuts a text into special tokens and fragments of plain text,
 * and answers what the rest of the program asks about tokens.
 *
 * User-defined pieces are matched in every text, leftmost first, then longest, as the models were
 * trained on them (the runs of spaces of GPT-NeoX are such); control and unknown pieces only where
 * the caller asked for special tokens, so that a question can never forge a turn. SentencePiece's
 * space prefix is put before each fragment that begins a text or follows a special token, which is
 * what the Phi-3 and Llama-2 tokenizers do, and decode takes off exactly those.
 */
#include "engine/tokenizer.h"

#include "engine/tokenizer_internal.h"
#include "engine/tokenizer_steps.h"

#include "base/mem.h"
#include "base/unicode.h"
#include "base/utf8.h"
#include "engine/chat.h"

#include <stdlib.h>
#include <string.h>

/* ---- Making one ---- */

static bool read_id(const struct tokenizer *tokenizer, const struct metadata *metadata,
                    const char *key, int32_t *id, struct err *err)
{
    int64_t value = -1;
    *id = -1;
    if (!metadata_read_integer(metadata, key, -1, UINT32_MAX, &value, err)) return false;
    if (value < 0 || value == UINT32_MAX) return true; /* how some files say "none" */
    if (value >= tokenizer->vocabulary.n)
        return err_set(err, ERR_INPUT, "%s is %lld, but there are %d tokens", key, (long long)value,
                       (int)tokenizer->vocabulary.n);
    *id = (int32_t)value;
    return true;
}

static bool read_ids(struct tokenizer *tokenizer, const struct metadata *metadata, struct err *err)
{
    const struct vocabulary *vocabulary = &tokenizer->vocabulary;
    if (!read_id(tokenizer, metadata, "tokenizer.ggml.bos_token_id", &tokenizer->bos, err) ||
        !read_id(tokenizer, metadata, "tokenizer.ggml.unknown_token_id", &tokenizer->unknown, err))
        return false;
    int64_t eos = -1; /* one outside the vocabulary ends nothing */
    if (!metadata_read_integer(metadata, "tokenizer.ggml.eos_token_id", INT64_MIN, INT64_MAX, &eos,
                               err))
        return false;
    tokenizer->eos = eos >= 0 && eos < vocabulary->n ? (int32_t)eos : -1;
    if (!tokenizer->is_bpe && tokenizer->bos < 0) {
        int32_t id = vocabulary_find_special(vocabulary, "<s>", strlen("<s>"));
        if (id >= 0 && vocabulary->pieces[id].kind == TOKEN_CONTROL) tokenizer->bos = id;
    }
    for (int32_t id = 0; tokenizer->unknown < 0 && !tokenizer->is_bpe && id < vocabulary->n; id++)
        if (vocabulary->pieces[id].kind == TOKEN_UNKNOWN) tokenizer->unknown = id;
    bool adds_bos = !tokenizer->is_bpe || pretokenizer_adds_bos(tokenizer->pretokenizer);
    tokenizer->add_bos = adds_bos;
    if (!metadata_read_bool(metadata, "tokenizer.ggml.add_bos_token", &tokenizer->add_bos, err))
        return false;
    if (tokenizer->add_bos && tokenizer->bos < 0) {
        if (metadata_find(metadata, "tokenizer.ggml.add_bos_token"))
            return err_set(err, ERR_INPUT,
                           "tokenizer.ggml.add_bos_token is true, but there is no BOS token");
        tokenizer->add_bos = false;
    }
    return true;
}

static bool init_kind(struct tokenizer *tokenizer, const struct metadata *metadata, struct err *err)
{
    const char *model = "";
    if (!metadata_read_string(metadata, "tokenizer.ggml.model", &model, err)) return false;
    memset(tokenizer->byte_ids, 0xff, sizeof tokenizer->byte_ids);
    if (!steps_init(tokenizer, metadata, err)) return false;
    if (tokenizer->steps) return true;
    if (strcmp(model, "llama") == 0) {
        tokenizer->add_space_prefix = true;
        return metadata_read_bool(metadata, "tokenizer.ggml.add_space_prefix",
                                  &tokenizer->add_space_prefix, err) &&
               spm_init(tokenizer, metadata, err);
    }
    if (strcmp(model, "gpt2") == 0) {
        tokenizer->is_bpe = true;
        return bpe_init(tokenizer, metadata, err);
    }
    if (!model[0]) return err_set(err, ERR_INPUT, "no tokenizer: tokenizer.ggml.model is absent");
    return err_set(err, ERR_UNSUPPORTED, "not supported yet: the tokenizer kind \"%s\"", model);
}

/* Whether no piece but those of one byte holds a line's end. Then the ids of a text are those of
 * its lines, if special tokens are plain text and SentencePiece's algorithm encodes it:
 * 1. A match of a user-defined piece lies within one line, so every line but the first begins in
 *    the midst of a fragment, without space prefix, and is searched like a text of its own.
 * 2. '\n' is a symbol of its own, also beside cut-off UTF-8, and no pair with it makes a piece. So
 *    no merge reaches across it, and those on one side change nothing on the other: their order
 *    among themselves is by score, then by place, whatever happens elsewhere.
 * 3. What no piece covers becomes bytes, or unknown tokens, symbol by symbol. */
static bool has_no_line_ends(const struct vocabulary *vocabulary)
{
    for (int32_t id = 0; id < vocabulary->n; id++) {
        const struct piece *piece = &vocabulary->pieces[id];
        bool is_whole = piece->kind != TOKEN_NORMAL && piece->kind != TOKEN_BYTE;
        if ((piece->n_bytes > 1 || is_whole) && memchr(piece->text, '\n', piece->n_bytes))
            return false;
    }
    return true;
}

/* A text of valid UTF-8 has neither C0 and C1 nor F5 and above. Of SentencePiece's pieces, one that
 * is an ASCII character serves for its byte. */
static void note_missing_bytes(struct tokenizer *tokenizer)
{
    struct buf *notes = &tokenizer->vocabulary.notes;
    size_t n = 0;
    int first = 0;
    for (int byte = 0; byte < 0xf5; byte++) {
        char text = (char)byte;
        bool is_piece = !tokenizer->is_bpe && byte < 0x80 &&
                        (byte == ' ' || /* written U+2581 */
                         vocabulary_find_normal(&tokenizer->vocabulary, &text, 1) >= 0);
        if (tokenizer->byte_ids[byte] >= 0 || is_piece || byte == 0xc0 || byte == 0xc1) continue;
        if (!n++) first = byte;
    }
    if (!n) return;
    buf_printf(notes, "%zu byte%s no token, 0x%02X first: ", n, n == 1 ? " has" : "s have",
               (unsigned)first);
    if (tokenizer->is_bpe || (tokenizer->steps && tokenizer->unknown < 0)) {
        buf_text(notes, "they are left out of a text\n");
        return;
    }
    if (tokenizer->unknown < 0) {
        buf_text(notes, "a text with characters that need them cannot be encoded\n");
        return;
    }
    buf_printf(notes, "characters that need them become the unknown token %ld, \"",
               (long)tokenizer->unknown);
    vocabulary_note_piece(&tokenizer->vocabulary, tokenizer->unknown);
    buf_text(notes, "\"\n");
}

struct tokenizer *tokenizer_new(const struct metadata *metadata, struct err *err)
{
    struct tokenizer *tokenizer = mem_new(1, sizeof *tokenizer, err);
    if (!tokenizer) return NULL;
    if (!vocabulary_init(&tokenizer->vocabulary, metadata, err) ||
        !init_kind(tokenizer, metadata, err) || !read_ids(tokenizer, metadata, err)) {
        tokenizer_free(tokenizer);
        return NULL;
    }
    tokenizer->has_all_bytes = true;
    for (int i = 0; i < 256; i++)
        if (tokenizer->byte_ids[i] < 0) tokenizer->has_all_bytes = false;
    note_missing_bytes(tokenizer);
    tokenizer->lines_are_apart =
        !tokenizer->is_bpe && !tokenizer->steps && has_no_line_ends(&tokenizer->vocabulary);
    const char *template_text = NULL; /* a string: the vocabulary has read it */
    if (metadata_read_string(metadata, "tokenizer.chat_template", &template_text, err) &&
        buf_check(&tokenizer->vocabulary.notes, err) &&
        (!template_text || !*template_text ||
         (tokenizer->chat_template = chat_template_new(template_text, err))))
        return tokenizer;
    tokenizer_free(tokenizer);
    return NULL;
}

void tokenizer_free(struct tokenizer *tokenizer)
{
    if (!tokenizer) return;
    bpe_done(tokenizer);
    steps_done(tokenizer);
    merge_list_done(&tokenizer->merges);
    vocabulary_done(&tokenizer->vocabulary);
    chat_template_free(tokenizer->chat_template);
    free(tokenizer);
}

/* ---- Encoding ---- */

bool tokenizer_strips(const struct tokenizer *tokenizer, int32_t id, enum rstrip_policy policy)
{
    const struct piece *piece = &tokenizer->vocabulary.pieces[id];
    if (policy != RSTRIP_ON) return policy == RSTRIP_FILE && piece->rstrip;
    return (piece->kind == TOKEN_CONTROL || piece->kind == TOKEN_USER_DEFINED) &&
           id != tokenizer->bos && id != tokenizer->eos && id != tokenizer->unknown;
}

static bool encode_text(const struct tokenizer *tokenizer, const char *text, size_t n_bytes,
                        const struct encode_options *options, struct tokens *out, struct err *err)
{
    if (tokenizer->steps) return steps_encode(tokenizer, text, n_bytes, options, out, err);
    bool parse_special = options->parse_special;
    size_t begin = 0; /* of the fragment; special tokens begin where one ends */
    for (size_t at = 0; at <= n_bytes; at++) {
        int32_t id = vocabulary_match_special(&tokenizer->vocabulary, text + at, n_bytes - at,
                                              parse_special);
        if (id < 0 && at < n_bytes) continue;
        bool ok = at == begin ||
                  (tokenizer->is_bpe
                       ? bpe_encode(tokenizer, text + begin, at - begin, FRAGMENT_INNER, out, err)
                       : spm_encode(tokenizer, text + begin, at - begin,
                                    tokenizer->add_space_prefix && (begin || !options->continues),
                                    out, err));
        if (!ok || (id >= 0 && !tokens_append(out, &id, 1, err))) return false;
        if (id < 0) break;
        const struct piece *piece = &tokenizer->vocabulary.pieces[id];
        begin = at + piece->n_bytes;
        if (parse_special && tokenizer_strips(tokenizer, id, options->rstrip))
            begin = unicode_skip_space(text, n_bytes, begin);
        at = begin - 1;
    }
    return true;
}

bool tokenizer_lines_are_apart(const struct tokenizer *tokenizer)
{
    return tokenizer->lines_are_apart;
}

bool tokenizer_encode(const struct tokenizer *tokenizer, const char *text, size_t n_bytes,
                      const struct encode_options *options, struct tokens *out, struct err *err)
{
    size_t n_before = out->n;
    bool add_bos = !options->continues &&
                   (options->bos == BOS_ALWAYS || (options->bos == BOS_AUTO && tokenizer->add_bos));
    if (n_bytes > TOKENIZER_MAX_TEXT_BYTES)
        return err_set(err, ERR_INPUT, "a text of %zu bytes; the most is %d", n_bytes,
                       (int)TOKENIZER_MAX_TEXT_BYTES);
    if (add_bos && tokenizer->bos < 0)
        return err_set(err, ERR_UNSUPPORTED, "BOS asked for, but the vocabulary has none");
    if ((add_bos && !tokens_append(out, &tokenizer->bos, 1, err)) ||
        !encode_text(tokenizer, n_bytes ? text : "", n_bytes, options, out, err)) {
        out->n = n_before;
        return false;
    }
    return true;
}

/* ---- Decoding ---- */

bool tokenizer_decode(const struct tokenizer *tokenizer, const int32_t *ids, size_t n, bool special,
                      bool at_start, struct buf *out, struct err *err)
{
    bool strip = at_start && tokenizer->add_space_prefix;
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= tokenizer->vocabulary.n)
            return err_set(err, ERR_USAGE, "token %ld is not in the vocabulary of %d", (long)ids[i],
                           (int)tokenizer->vocabulary.n);
    if (tokenizer->steps) return steps_decode(tokenizer, ids, n, special, at_start, out, err);
    for (size_t i = 0; i < n; i++) {
        const struct piece *piece = &tokenizer->vocabulary.pieces[ids[i]];
        switch (piece->kind) {
        case TOKEN_CONTROL:
        case TOKEN_UNKNOWN:
        case TOKEN_UNUSED:
            if (special) buf_append(out, piece->text, piece->n_bytes);
            /* An unknown token in place of a byte does not begin a fragment. */
            strip = tokenizer->add_space_prefix &&
                    (piece->kind == TOKEN_CONTROL || tokenizer->has_all_bytes);
            break;
        case TOKEN_USER_DEFINED:
            buf_append(out, piece->text, piece->n_bytes);
            strip = tokenizer->add_space_prefix;
            break;
        case TOKEN_NORMAL:
        case TOKEN_BYTE:
            if (tokenizer->is_bpe) bpe_decode(piece, out);
            else spm_decode(piece, strip, out);
            strip = false;
            break;
        }
    }
    return buf_check(out, err);
}

/* ---- Questions ---- */

int tokenizer_size(const struct tokenizer *tokenizer)
{
    return tokenizer->vocabulary.n;
}

struct token_info tokenizer_token(const struct tokenizer *tokenizer, int32_t id)
{
    const struct piece *piece = &tokenizer->vocabulary.pieces[id];
    return (struct token_info){.piece = piece->text,
                               .n_bytes = piece->n_bytes,
                               .kind = piece->kind,
                               .rstrip = piece->rstrip};
}

int32_t tokenizer_find(const struct tokenizer *tokenizer, const char *piece)
{
    return vocabulary_find(&tokenizer->vocabulary, piece, strlen(piece));
}

int32_t tokenizer_bos(const struct tokenizer *tokenizer)
{
    return tokenizer->bos;
}

bool tokenizer_adds_bos(const struct tokenizer *tokenizer)
{
    return tokenizer->add_bos;
}

bool tokenizer_is_end(const struct tokenizer *tokenizer, int32_t id)
{
    return id >= 0 && id < tokenizer->vocabulary.n && tokenizer->vocabulary.pieces[id].is_end;
}

const char *tokenizer_kind(const struct tokenizer *tokenizer)
{
    return tokenizer->kind;
}

const char *tokenizer_notes(const struct tokenizer *tokenizer)
{
    return buf_string(&tokenizer->vocabulary.notes);
}

bool tokenizer_set_rstrip(struct tokenizer *tokenizer, const char *piece, bool rstrip,
                          struct err *err)
{
    int32_t id = tokenizer_find(tokenizer, piece);
    if (id < 0) return err_set(err, ERR_USAGE, "no token \"%s\" in the vocabulary", piece);
    tokenizer->vocabulary.pieces[id].rstrip = rstrip;
    return true;
}

/* ---- Chats ---- */

static const char *piece_text(const struct tokenizer *tokenizer, int32_t id)
{
    return id >= 0 ? tokenizer->vocabulary.pieces[id].text : NULL;
}

bool tokenizer_has_chat_template(const struct tokenizer *tokenizer)
{
    return tokenizer->chat_template != NULL;
}

bool tokenizer_render_chat(const struct tokenizer *tokenizer, const char *format,
                           const struct chat_message *messages, size_t n,
                           bool add_generation_prompt, struct buf *out, struct err *err)
{
    const struct chat_tokens tokens = {.bos = piece_text(tokenizer, tokenizer->bos),
                                       .eos = piece_text(tokenizer, tokenizer->eos),
                                       .unknown = piece_text(tokenizer, tokenizer->unknown)};
    if (format && strcmp(format, CHAT_FORMAT_FILE) != 0)
        return chat_render(format, messages, n, add_generation_prompt, out, err);
    if (!tokenizer->chat_template)
        return err_set(err, ERR_UNSUPPORTED,
                       "the model's file has no chat template: name a built-in format (`chat:` of "
                       "the model in a configuration, --chat-format), for example phi3 or chatml");
    return chat_template_render(tokenizer->chat_template, &tokens, messages, n,
                                add_generation_prompt, out, err);
}

bool tokenizer_encode_chat(const struct tokenizer *tokenizer, const char *prompt, size_t n_bytes,
                           const struct encode_options *options, struct tokens *out,
                           struct err *err)
{
    struct encode_options own = *options;
    const char *bos = piece_text(tokenizer, tokenizer->bos);
    size_t n_bos = bos ? strlen(bos) : 0;
    own.parse_special = true;
    if (n_bos && n_bytes >= n_bos && !memcmp(prompt, bos, n_bos)) {
        if (own.bos == BOS_NEVER) {
            prompt += n_bos;
            n_bytes -= n_bos;
        }
        own.bos = BOS_NEVER; /* the template has put one there */
    }
    return tokenizer_encode(tokenizer, prompt, n_bytes, &own, out, err);
}
