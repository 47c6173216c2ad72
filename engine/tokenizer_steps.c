/* tokenizer_steps.c - text to ids and back by the steps of a tokenizer.json.
 *
 *   "<s> Hi"  tokens found in the text as it is, then what is between them normalized,
 *             tokens found in what became of it, then cut into words, then each word merged.
 *
 * Where steps spell words in bytes, tokenizer_bpe.c encodes them. Others are encoded here, by
 * characters: what is no piece becomes byte tokens, or the unknown token.
 */
#include "engine/tokenizer_steps.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "engine/added_tokens.h"
#include "engine/normalize.h"
#include "engine/steps_decoder.h"

#include <stdlib.h>
#include <string.h>

struct token_steps {
    struct normalizer *normalizer;
    struct added_set as_it_is, normalized; /* tokens to be found before normalizing, and after */
    struct steps_decoder decoder;
    int32_t unknown; /* -1: what has no token is left out */
    bool byte_fallback, fuses_unknown;
};

/* ---- Making one ---- */

static bool read_flag(const struct json *json, const char *key, bool *value, struct err *err)
{
    const struct json *member = json_get(json, key);
    if (member && json_kind(member) != JSON_KIND_NULL && json_kind(member) != JSON_KIND_BOOL)
        return err_set(err, ERR_INPUT, "\"%s\" is neither true nor false", key);
    *value = json_as_bool(member, false);
    return true;
}

static bool add_token(struct tokenizer *tokenizer, const struct json *json, struct err *err)
{
    struct token_steps *steps = tokenizer->steps;
    const char *content = json_require_string(json, "content", err);
    int64_t id = json_as_integer(json_get(json, "id"), -1);
    bool is_normalized, in_vocab;
    if (!content) return false;
    if (!content[0] || id < 0 || id >= tokenizer->vocabulary.n)
        return err_set(err, ERR_INPUT, "\"%.64s\" with the id %lld, but there are %d tokens",
                       content, (long long)id, (int)tokenizer->vocabulary.n);
    struct piece *piece = &tokenizer->vocabulary.pieces[id];
    if (!read_flag(json, "lstrip", &piece->lstrip, err) ||
        !read_flag(json, "rstrip", &piece->rstrip, err) ||
        !read_flag(json, "single_word", &piece->single_word, err) ||
        !read_flag(json, "normalized", &is_normalized, err) ||
        !read_flag(json, "in_vocab", &in_vocab, err))
        return false;
    piece->is_apart = !in_vocab;
    if (!is_normalized) return added_set_add(&steps->as_it_is, content, content, (int32_t)id, err);
    struct buf text = {0};
    bool ok =
        normalizer_run(steps->normalizer, content, strlen(content), false, &text, err) &&
        (!text.n_bytes || added_set_add(&steps->normalized, text.data, content, (int32_t)id, err));
    buf_free(&text);
    return ok;
}

/* GGUF's vocabularies have spaces where a token has marks, so that programs that match tokens in
 * the text itself find them; merges have them as they are. */
static bool respell_set(struct vocabulary *vocabulary, const struct added_set *set)
{
    bool is_changed = false;
    for (size_t i = 0; i < set->n; i++) {
        const struct added_token *token = &set->tokens[i];
        if (strcmp(vocabulary->pieces[token->id].text, token->content) == 0) continue;
        vocabulary_respell(vocabulary, token->id, token->content, strlen(token->content));
        is_changed = true;
    }
    return is_changed;
}

static bool respell_added(struct tokenizer *tokenizer, struct err *err)
{
    bool first = respell_set(&tokenizer->vocabulary, &tokenizer->steps->as_it_is);
    bool second = respell_set(&tokenizer->vocabulary, &tokenizer->steps->normalized);
    return (!first && !second) || vocabulary_index(&tokenizer->vocabulary, err);
}

static bool read_added(struct tokenizer *tokenizer, const struct json *added, struct err *err)
{
    for (size_t i = 0; i < json_length(added); i++)
        if (!add_token(tokenizer, json_at(added, i), err))
            return err_context(err, "reading added token %zu", i + 1);
    return added_set_finish(&tokenizer->steps->as_it_is, err) &&
           added_set_finish(&tokenizer->steps->normalized, err) && respell_added(tokenizer, err);
}

/* What no option here can do: prefixes and suffixes of words (CLIP), and merging by chance. */
static bool refuse_options(const struct json *model, struct err *err)
{
    static const char *const TEXTS[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    const char *type = json_as_string(json_get(model, "type"), "BPE");
    if (strcmp(type, "BPE") != 0)
        return err_set(err, ERR_UNSUPPORTED, "not supported yet: the tokenizer model \"%.64s\"",
                       type);
    for (size_t i = 0; i < COUNT_OF(TEXTS); i++)
        if (json_as_string(json_get(model, TEXTS[i]), "")[0])
            return err_set(err, ERR_UNSUPPORTED, "not supported yet: \"%s\" of a tokenizer",
                           TEXTS[i]);
    if (json_as_number(json_get(model, "dropout"), 0) != 0)
        return err_set(err, ERR_UNSUPPORTED, "not supported yet: \"dropout\" of a tokenizer");
    return true;
}

bool steps_check(const struct json *json, struct err *err)
{
    struct steps_decoder decoder;
    return refuse_options(json_get(json, "model"), err) &&
           steps_decoder_read(&decoder, json_get(json, "decoder"), err);
}

static bool read_model(struct tokenizer *tokenizer, const struct json *model, struct err *err)
{
    struct token_steps *steps = tokenizer->steps;
    const char *unknown = json_as_string(json_get(model, "unk_token"), NULL);
    steps->unknown = unknown ? tokenizer_find(tokenizer, unknown) : -1;
    if (unknown && steps->unknown < 0)
        return err_set(err, ERR_INPUT, "the unknown token \"%.64s\" is not in the vocabulary",
                       unknown);
    return refuse_options(model, err) &&
           read_flag(model, "byte_fallback", &steps->byte_fallback, err) &&
           read_flag(model, "fuse_unk", &steps->fuses_unknown, err) &&
           read_flag(model, "ignore_merges", &tokenizer->ignore_merges, err);
}

static bool read_merges(struct tokenizer *tokenizer, const struct metadata *metadata,
                        struct err *err)
{
    const struct metadata_string *lines;
    size_t n_lines;
    return metadata_read_strings(metadata, "tokenizer.ggml.merges", &lines, &n_lines, err) &&
           merge_list_init(&tokenizer->merges, &tokenizer->vocabulary, lines, n_lines, true, err);
}

static bool find_bytes(struct tokenizer *tokenizer, struct err *err)
{
    if (!tokenizer->is_bpe) {
        if (tokenizer->steps->byte_fallback) spm_find_bytes(tokenizer);
        return true;
    }
    bpe_find_bytes(tokenizer);
    for (int byte = 0; byte < 256; byte++) {
        int32_t *id = &tokenizer->byte_ids[byte];
        if (*id >= 0 && tokenizer->vocabulary.pieces[*id].is_apart) *id = -1;
    }
    for (int byte = 0; byte < 256 && tokenizer->steps->unknown >= 0; byte++)
        if (tokenizer->byte_ids[byte] < 0)
            return err_set(err, ERR_UNSUPPORTED,
                           "not supported yet: a byte-level vocabulary with an unknown token and "
                           "none for the byte 0x%02X",
                           (unsigned)byte);
    return true;
}

static bool read_steps(struct tokenizer *tokenizer, const struct json *json,
                       const struct metadata *metadata, struct err *err)
{
    struct token_steps *steps = tokenizer->steps;
    bool ok = (steps->normalizer = normalizer_new(json_get(json, "normalizer"), err)) &&
              (tokenizer->pretokenizer =
                   pretokenizer_read(json_get(json, "pre_tokenizer"), &tokenizer->is_bpe, err)) &&
              steps_decoder_read(&steps->decoder, json_get(json, "decoder"), err) &&
              read_added(tokenizer, json_get(json, "added_tokens"), err) &&
              read_model(tokenizer, json_get(json, "model"), err) &&
              read_merges(tokenizer, metadata, err) && find_bytes(tokenizer, err);
    if (!ok) return err_context(err, "reading " TOKENIZER_STEPS_KEY);
    tokenizer->add_space_prefix =
        normalizer_prepends(steps->normalizer) || pretokenizer_prepends(tokenizer->pretokenizer);
    const char *kind = tokenizer->is_bpe ? "bpe:tokenizer.json" : "spm:tokenizer.json";
    memcpy(tokenizer->kind, kind, strlen(kind) + 1);
    return true;
}

bool steps_init(struct tokenizer *tokenizer, const struct metadata *metadata, struct err *err)
{
    const char *text = NULL;
    if (!metadata_read_string(metadata, TOKENIZER_STEPS_KEY, &text, err)) return false;
    if (!text) return true;
    struct json *json = json_parse(text, strlen(text), TOKENIZER_STEPS_KEY, err);
    tokenizer->steps = json ? mem_new(1, sizeof *tokenizer->steps, err) : NULL;
    bool ok = tokenizer->steps && read_steps(tokenizer, json, metadata, err);
    json_free(json);
    return ok;
}

void steps_done(struct tokenizer *tokenizer)
{
    if (!tokenizer->steps) return;
    normalizer_free(tokenizer->steps->normalizer);
    added_set_done(&tokenizer->steps->as_it_is);
    added_set_done(&tokenizer->steps->normalized);
    free(tokenizer->steps);
}

/* ---- Words of characters ---- */

/* What one encode needs from word to word. */
struct steps_work {
    const struct tokenizer *tokenizer;
    const struct encode_options *options;
    struct tokens *out;
    struct merger merger;
    struct word_list words;
    struct buf normalized;
};

/* The piece that plain text may become: no control piece, also if it has the text of one. */
static int32_t find_plain(const struct vocabulary *vocabulary, const char *text, size_t n_bytes)
{
    int32_t id = vocabulary_find_normal(vocabulary, text, n_bytes);
    if (id >= 0) return id;
    id = vocabulary_find_special(vocabulary, text, n_bytes);
    bool is_plain = id >= 0 && vocabulary->pieces[id].kind == TOKEN_USER_DEFINED &&
                    !vocabulary->pieces[id].is_apart;
    return is_plain ? id : -1;
}

static bool has_bytes(const struct tokenizer *tokenizer, const char *text, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        if (tokenizer->byte_ids[(unsigned char)text[i]] < 0) return false;
    return n_bytes > 0;
}

/* Adds the symbols of a word. Unknown characters in a row are one symbol if the file wants it so;
 * it comes before the next piece of the vocabulary, as in the library, not before the next byte. */
static bool add_symbols(struct steps_work *work, const char *word, size_t n_bytes, struct err *err)
{
    const struct tokenizer *tokenizer = work->tokenizer;
    const struct token_steps *steps = tokenizer->steps;
    struct merger *merger = &work->merger;
    bool is_pending = false;
    merger->n_symbols = 0;
    for (size_t at = 0, n; at < n_bytes; at += n) {
        uint32_t code;
        n = utf8_decode(word + at, n_bytes - at, &code, NULL);
        int32_t id = find_plain(&tokenizer->vocabulary, word + at, n);
        if (id >= 0) {
            if (is_pending && !merger_add(merger, steps->unknown, at, 1, err)) return false;
            if (!merger_add(merger, id, at, n, err)) return false;
            is_pending = false;
        } else if (steps->byte_fallback && has_bytes(tokenizer, word + at, n)) {
            for (size_t k = 0; k < n; k++) {
                id = tokenizer->byte_ids[(unsigned char)word[at + k]];
                if (!merger_add(merger, id, at + k, 1, err)) return false;
            }
        } else if (steps->unknown >= 0) {
            bool adds = is_pending && !steps->fuses_unknown;
            if (adds && !merger_add(merger, steps->unknown, at, 1, err)) return false;
            is_pending = true;
        }
    }
    return !is_pending || merger_add(merger, steps->unknown, n_bytes, 1, err);
}

static bool encode_word(struct steps_work *work, const char *word, size_t n_bytes, struct err *err)
{
    const struct tokenizer *tokenizer = work->tokenizer;
    struct merger *merger = &work->merger;
    int32_t whole = tokenizer->ignore_merges
                        ? vocabulary_find_normal(&tokenizer->vocabulary, word, n_bytes)
                        : -1;
    if (whole >= 0) return tokens_append(work->out, &whole, 1, err);
    if (!add_symbols(work, word, n_bytes, err)) return false;
    if (!merger->n_symbols) return true;
    if (!merger_run(merger, merge_list_find, &tokenizer->merges, err)) return false;
    for (uint32_t i = 0; i != MERGE_NONE; i = merger->symbols[i].next)
        if (!tokens_append(work->out, &merger->symbols[i].id, 1, err)) return false;
    return true;
}

/* Words end where malformed bytes begin and end. */
static bool encode_words(struct steps_work *work, const char *text, size_t n_bytes,
                         enum fragment_place place, struct err *err)
{
    bool valid = true;
    for (size_t at = 0, n; at < n_bytes; at += n) {
        n = utf8_run(text + at, n_bytes - at, &valid);
        if (!valid) {
            if (!encode_word(work, text + at, n, err)) return false;
            continue;
        }
        if (!pretokenizer_split(work->tokenizer->pretokenizer, text + at, n,
                                at ? FRAGMENT_CONTINUES : place, &work->words, err))
            return false;
        for (size_t i = 0; i < work->words.n; i++) {
            const struct regex_span *word = &work->words.spans[i];
            if (!encode_word(work, work->words.text + word->begin, word->end - word->begin, err))
                return false;
        }
    }
    return true;
}

/* ---- Encoding ---- */

typedef bool fragment_fn(struct steps_work *work, const char *text, size_t n_bytes,
                         enum fragment_place place, struct err *err);

static bool encode_plain(struct steps_work *work, const char *text, size_t n_bytes,
                         enum fragment_place place, struct err *err)
{
    if (!work->tokenizer->is_bpe) return encode_words(work, text, n_bytes, place, err);
    return bpe_encode(work->tokenizer, text, n_bytes, place, work->out, err);
}

/* Appends the tokens of the set that are found in a text, and gives what is between to `use`. */
static bool encode_between(struct steps_work *work, const struct added_set *set, const char *text,
                           size_t n_bytes, enum fragment_place place, fragment_fn *use,
                           struct err *err)
{
    struct added_search search = {.tokenizer = work->tokenizer,
                                  .set = set,
                                  .options = work->options,
                                  .text = text,
                                  .n_bytes = n_bytes};
    struct added_match match;
    for (size_t begin = 0;; begin = search.end) {
        bool found = added_find(&search, &match);
        size_t end = found ? match.begin : n_bytes;
        if (begin < end &&
            !use(work, text + begin, end - begin, begin ? FRAGMENT_INNER : place, err))
            return false;
        if (!found) return true;
        if (!tokens_append(work->out, &match.id, 1, err)) return false;
    }
}

static bool encode_normalized(struct steps_work *work, const char *text, size_t n_bytes,
                              enum fragment_place place, struct err *err)
{
    const struct token_steps *steps = work->tokenizer->steps;
    if (normalizer_is_empty(steps->normalizer))
        return encode_between(work, &steps->normalized, text, n_bytes, place, encode_plain, err);
    buf_clear(&work->normalized);
    return normalizer_run(steps->normalizer, text, n_bytes, place == FRAGMENT_CONTINUES,
                          &work->normalized, err) &&
           encode_between(work, &steps->normalized, work->normalized.data, work->normalized.n_bytes,
                          place, encode_plain, err);
}

bool steps_encode(const struct tokenizer *tokenizer, const char *text, size_t n_bytes,
                  const struct encode_options *options, struct tokens *out, struct err *err)
{
    struct steps_work work = {.tokenizer = tokenizer, .options = options, .out = out};
    work.normalized.maximum = (size_t)8 * TOKENIZER_MAX_TEXT_BYTES;
    bool ok = encode_between(&work, &tokenizer->steps->as_it_is, text, n_bytes,
                             options->continues ? FRAGMENT_CONTINUES : FRAGMENT_FIRST,
                             encode_normalized, err);
    merger_done(&work.merger);
    word_list_done(&work.words);
    buf_free(&work.normalized);
    return ok;
}

/* ---- Decoding ---- */

/* The piece as the library decodes it: a token that is found in normalized text is spelled as it
 * stands there. */
static struct piece spelled_piece(const struct tokenizer *tokenizer, int32_t id)
{
    struct piece piece = tokenizer->vocabulary.pieces[id];
    const struct added_set *set = &tokenizer->steps->normalized;
    if (piece.kind == TOKEN_NORMAL || piece.kind == TOKEN_BYTE) return piece;
    for (size_t i = 0; i < set->n; i++) {
        if (set->tokens[i].id != id) continue;
        piece.text = set->tokens[i].text;
        piece.n_bytes = set->tokens[i].n_bytes;
        break;
    }
    return piece;
}

bool steps_decode(const struct tokenizer *tokenizer, const int32_t *ids, size_t n, bool special,
                  bool at_start, struct buf *out, struct err *err)
{
    const struct steps_decoder *decoder = &tokenizer->steps->decoder;
    size_t begin = out->n_bytes;
    bool is_first = at_start;
    for (size_t i = 0; i < n; i++) {
        const struct piece *piece = &tokenizer->vocabulary.pieces[ids[i]];
        bool is_hidden = piece->kind == TOKEN_CONTROL || piece->kind == TOKEN_UNKNOWN ||
                         piece->kind == TOKEN_UNUSED;
        if (is_hidden && !special) continue;
        struct piece spelled = spelled_piece(tokenizer, ids[i]);
        steps_decoder_append(decoder, &spelled, is_first, out);
        is_first = false;
    }
    if (at_start && !out->failed) steps_decoder_strip(decoder, begin, out);
    return buf_check(out, err);
}
