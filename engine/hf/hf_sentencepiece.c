/* hf_sentencepiece.c - a vocabulary from a tokenizer.model: SentencePiece's BPE.
 *
 * The file is a protocol buffer (sentencepiece_model.proto: ModelProto). Of its fields those are
 * read that decide tokens; others are passed over. What a text goes through follows from them as
 * `transformers` has it where it makes a fast tokenizer of such a file (convert_slow_tokenizer.py,
 * SpmConverter and LlamaConverter): merges are all pairs of pieces that make a third, by its score.
 */
#include "engine/hf/hf_steps.h"

#include "base/cursor.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_FILE_BYTES = 1 << 28 };

struct sentence_piece {
    const char *text; /* not zero-ended */
    size_t n_bytes;
    float score;
    uint64_t kind; /* the file's, which is GGUF's: enum token_kind */
};

struct model {
    struct sentence_piece *pieces; /* owned */
    size_t n, capacity;
    int32_t *slots; /* [mask + 1] ids by text, -1 for empty; owned */
    size_t mask;
    uint64_t type; /* 1 unigram, 2 BPE */
    uint64_t bos, eos;
    bool byte_fallback, add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces;
    bool suffix_whitespace, has_charsmap;
};

/* ---- Protocol buffers ---- */

struct field {
    uint64_t number, value; /* value: of a number, or of a float its bits */
    struct cursor bytes;    /* of a message or a text */
    unsigned wire;
};
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

static uint64_t read_varint(struct cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = cursor_unsigned(cursor, 1);
        value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80)) return value;
    }
    cursor->failed = true;
    return 0;
}

/* The next field; false at the end, or where what stands there is none (cursor->failed). */
static bool next_field(struct cursor *cursor, struct field *field)
{
    if (cursor->failed || cursor->at == cursor->n_bytes) return false;
    uint64_t key = read_varint(cursor);
    *field = (struct field){.number = key >> 3, .wire = (unsigned)(key & 7)};
    if (field->wire == WIRE_VARINT) field->value = read_varint(cursor);
    else if (field->wire == WIRE_64) field->value = cursor_unsigned(cursor, 8);
    else if (field->wire == WIRE_32) field->value = cursor_unsigned(cursor, 4);
    else if (field->wire == WIRE_BYTES) {
        uint64_t n_bytes = read_varint(cursor);
        const uint8_t *taken = cursor_take(cursor, n_bytes);
        if (taken) field->bytes = (struct cursor){.bytes = taken, .n_bytes = (size_t)n_bytes};
    } else cursor->failed = true;
    if (!field->number) cursor->failed = true;
    return !cursor->failed;
}

static bool fail_at(const char *file, const struct cursor *cursor, struct err *err)
{
    return err_set_at(err, ERR_INPUT, file, 0, 0,
                      "no SentencePiece model: malformed at byte %zu of %zu", cursor->at,
                      cursor->n_bytes);
}

/* ---- The file ---- */

static bool read_piece(struct model *model, struct cursor bytes, struct err *err)
{
    struct sentence_piece piece = {.kind = TOKEN_NORMAL};
    struct field field;
    while (next_field(&bytes, &field)) {
        uint32_t bits = (uint32_t)field.value;
        if (field.number == 1 && field.wire == WIRE_BYTES) {
            piece.text = (const char *)field.bytes.bytes;
            piece.n_bytes = field.bytes.n_bytes;
        }
        if (field.number == 2 && field.wire == WIRE_32)
            memcpy(&piece.score, &bits, sizeof piece.score);
        if (field.number == 3 && field.wire == WIRE_VARINT) piece.kind = field.value;
    }
    if (bytes.failed || !piece.n_bytes || piece.kind < TOKEN_NORMAL || piece.kind > TOKEN_BYTE ||
        piece.score != piece.score)
        return err_set(err, ERR_INPUT, "the piece %zu is malformed", model->n);
    if (!mem_grow((void **)&model->pieces, &model->capacity, model->n + 1, sizeof *model->pieces,
                  1 << 24, err))
        return false;
    model->pieces[model->n++] = piece;
    return true;
}

static bool read_trainer(struct model *model, struct cursor bytes)
{
    struct field field;
    while (next_field(&bytes, &field)) {
        if (field.wire != WIRE_VARINT) continue;
        if (field.number == 3) model->type = field.value;
        if (field.number == 24) model->suffix_whitespace = field.value != 0;
        if (field.number == 41) model->bos = field.value;
        if (field.number == 42) model->eos = field.value;
        if (field.number == 35) model->byte_fallback = field.value != 0;
    }
    return !bytes.failed;
}

static bool read_normalizer(struct model *model, struct cursor bytes)
{
    struct field field;
    while (next_field(&bytes, &field)) {
        if (field.wire == WIRE_BYTES && (field.number == 2 || field.number == 6))
            model->has_charsmap |= field.bytes.n_bytes > 0;
        if (field.wire != WIRE_VARINT) continue;
        if (field.number == 3) model->add_dummy_prefix = field.value != 0;
        if (field.number == 4) model->remove_extra_whitespaces = field.value != 0;
        if (field.number == 5) model->escape_whitespaces = field.value != 0;
    }
    return !bytes.failed;
}

static bool read_model(struct model *model, struct cursor cursor, const char *file, struct err *err)
{
    enum { PIECES = 1, TRAINER, NORMALIZER };
    struct field field;
    *model = (struct model){.type = 1,
                            .bos = 1,
                            .eos = 2,
                            .add_dummy_prefix = true,
                            .remove_extra_whitespaces = true,
                            .escape_whitespaces = true};
    while (next_field(&cursor, &field)) {
        bool ok = true;
        if (field.wire != WIRE_BYTES) continue;
        if (field.number == PIECES) {
            if (!read_piece(model, field.bytes, err)) return false;
        } else if (field.number == TRAINER) ok = read_trainer(model, field.bytes);
        else if (field.number == NORMALIZER) ok = read_normalizer(model, field.bytes);
        if (!ok) cursor.failed = true;
    }
    if (cursor.failed) return fail_at(file, &cursor, err);
    return model->n || err_set(err, ERR_INPUT, "no SentencePiece model: there is no piece in it");
}

static bool refuse_other_kinds(const struct model *model, struct err *err)
{
    static const char *const TYPES[] = {"?", "unigram", "BPE", "word", "char"};
    const char *what = NULL;
    if (model->type != 2)
        return err_set(err, ERR_UNSUPPORTED,
                       "not supported yet: a SentencePiece model of the type %s (BPE is)",
                       model->type < COUNT_OF(TYPES) ? TYPES[model->type] : TYPES[0]);
    if (model->has_charsmap) what = "a normalization rule";
    else if (model->remove_extra_whitespaces) what = "remove_extra_whitespaces";
    else if (!model->escape_whitespaces) what = "spaces without marks";
    else if (model->suffix_whitespace) what = "treat_whitespace_as_suffix";
    return !what ||
           err_set(err, ERR_UNSUPPORTED, "not supported yet: a SentencePiece model with %s", what);
}

/* ---- Merges ---- */

static int32_t *slot_of(const struct model *model, const char *text, size_t n_bytes)
{
    size_t i = (size_t)hash_text(text, n_bytes) & model->mask;
    for (; model->slots[i] >= 0; i = (i + 1) & model->mask) {
        const struct sentence_piece *piece = &model->pieces[model->slots[i]];
        if (piece->n_bytes == n_bytes && memcmp(piece->text, text, n_bytes) == 0) break;
    }
    return &model->slots[i];
}

static bool index_pieces(struct model *model, struct err *err)
{
    size_t n_slots = 16;
    while (n_slots < 2 * model->n) n_slots *= 2;
    model->slots = mem_new(n_slots, sizeof *model->slots, err);
    if (!model->slots) return false;
    memset(model->slots, 0xff, n_slots * sizeof *model->slots);
    model->mask = n_slots - 1;
    for (size_t i = 0; i < model->n; i++) {
        int32_t *slot = slot_of(model, model->pieces[i].text, model->pieces[i].n_bytes);
        if (*slot >= 0)
            return err_set(err, ERR_INPUT, "the pieces %ld and %zu are equal", (long)*slot, i);
        *slot = (int32_t)i;
    }
    return true;
}

struct pair {
    int32_t left, right, made;
    float score;
    uint32_t n_left, n_right; /* characters */
};

/* The highest score first, then the longest pieces, then in the order of the vocabulary. */
static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    if (x->n_left != y->n_left) return x->n_left > y->n_left ? -1 : 1;
    if (x->n_right != y->n_right) return x->n_right > y->n_right ? -1 : 1;
    if (x->made != y->made) return x->made < y->made ? -1 : 1;
    if (x->left != y->left) return x->left < y->left ? -1 : 1;
    return (x->right > y->right) - (x->right < y->right);
}

struct pairs {
    struct pair *items;
    size_t n, capacity;
};

/* Control pieces are made by no merge and are part of none. */
static bool is_merged(const struct sentence_piece *piece)
{
    return piece->kind != TOKEN_CONTROL && piece->kind != TOKEN_UNKNOWN;
}

static bool find_pairs(const struct model *model, size_t made, struct pairs *pairs, struct err *err)
{
    const struct sentence_piece *piece = &model->pieces[made];
    uint32_t n_left = 0, n_all = (uint32_t)utf8_count(piece->text, piece->n_bytes);
    for (size_t n = 1; n < piece->n_bytes && is_merged(piece); n++) {
        if (((unsigned char)piece->text[n] & 0xc0) == 0x80) continue;
        n_left++;
        int32_t left = *slot_of(model, piece->text, n);
        int32_t right = *slot_of(model, piece->text + n, piece->n_bytes - n);
        if (left < 0 || right < 0 || !is_merged(&model->pieces[left]) ||
            !is_merged(&model->pieces[right]))
            continue;
        if (!mem_grow((void **)&pairs->items, &pairs->capacity, pairs->n + 1, sizeof *pairs->items,
                      INT32_MAX, err))
            return false;
        pairs->items[pairs->n++] =
            (struct pair){left, right, (int32_t)made, piece->score, n_left, n_all - n_left};
    }
    return true;
}

static bool add_merges(const struct model *model, struct hf_vocabulary *vocabulary, struct err *err)
{
    struct pairs pairs = {0};
    struct buf line = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < model->n; i++) ok = find_pairs(model, i, &pairs, err);
    if (pairs.n) qsort(pairs.items, pairs.n, sizeof *pairs.items, compare_pairs);
    for (size_t i = 0; ok && i < pairs.n; i++) {
        const struct sentence_piece *left = &model->pieces[pairs.items[i].left];
        const struct sentence_piece *right = &model->pieces[pairs.items[i].right];
        if (memchr(left->text, ' ', left->n_bytes) || memchr(right->text, ' ', right->n_bytes))
            continue; /* a text has marks for its spaces */
        buf_clear(&line);
        buf_append(&line, left->text, left->n_bytes);
        buf_char(&line, ' ');
        buf_append(&line, right->text, right->n_bytes);
        ok = buf_check(&line, err) &&
             hf_vocabulary_add_merge(vocabulary, line.data, line.n_bytes, err);
    }
    free(pairs.items);
    buf_free(&line);
    return ok;
}

/* ---- Tokens and steps ---- */

/* Pieces that are no plain text are matched as a whole; what the small files say of a token
 * counts. */
static bool set_tokens(const struct model *model, struct hf_vocabulary *vocabulary,
                       struct hf_added_list *added, const struct hf_small_files *files,
                       struct err *err)
{
    for (size_t i = 0; i < model->n; i++) {
        const struct sentence_piece *piece = &model->pieces[i];
        if (!hf_vocabulary_set(vocabulary, i, piece->text, piece->n_bytes,
                               (enum token_kind)piece->kind, err))
            return false;
        vocabulary->scores[i] = piece->score;
        if (piece->kind == TOKEN_UNKNOWN) vocabulary->unknown = (int32_t)i;
        if (piece->kind != TOKEN_CONTROL && piece->kind != TOKEN_UNKNOWN &&
            piece->kind != TOKEN_USER_DEFINED)
            continue;
        const struct hf_added_token token = {.content = vocabulary->tokens[i].text,
                                             .id = (int64_t)i,
                                             .special = piece->kind != TOKEN_USER_DEFINED,
                                             .in_vocab = true};
        if (!hf_added_list_set(added, &token, err)) return false;
    }
    if (!hf_added_list_read(added, files->config, files->added, vocabulary->n_most, err))
        return false;
    size_t n = added->n ? (size_t)added->tokens[added->n - 1].id + 1 : 0;
    if (n > vocabulary->n && !hf_vocabulary_resize(vocabulary, n, model->n + added->n, err))
        return false;
    for (size_t i = 0; i < added->n; i++)
        if (!hf_vocabulary_set_added(vocabulary, &added->tokens[i], err)) return false;
    return true;
}

/* The normalizer, as text of JSON: tokenizers of before "legacy" was false put a space before
 * whatever follows a special token, others only before a text. */
static struct json *make_steps(const struct model *model, const struct hf_vocabulary *vocabulary,
                               const struct json *config, struct err *err)
{
    bool prepends = json_as_bool(json_get(config, "add_prefix_space"), model->add_dummy_prefix);
    bool is_legacy = json_as_bool(json_get(config, "legacy"), true);
    struct buf text = {0};
    struct json_writer writer = {.out = &text};
    if (is_legacy)
        buf_printf(&text,
                   "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[%s{\"type\":"
                   "\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\u2581\"}]},",
                   prepends ? "{\"type\":\"Prepend\",\"prepend\":\"\u2581\"}," : "");
    else
        buf_printf(&text,
                   "{\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\u2581\","
                   "\"prepend_scheme\":\"%s\",\"split\":false},",
                   prepends ? "first" : "never");
    buf_printf(&text,
               "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":"
               "{\"String\":\"\u2581\"},\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":"
               "\"Fuse\"}%s]},\"model\":{\"type\":\"BPE\",\"fuse_unk\":true,\"byte_fallback\":%s",
               prepends ? ",{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}" : "",
               model->byte_fallback ? "true" : "false");
    if (vocabulary->unknown >= 0) {
        buf_text(&text, ",\"unk_token\":");
        json_put_string(&writer, vocabulary->tokens[vocabulary->unknown].text);
    }
    buf_text(&text, "}}");
    struct json *steps =
        buf_check(&text, err) ? json_parse(text.data, text.n_bytes, vocabulary->file, err) : NULL;
    buf_free(&text);
    return steps;
}

/* The id if it is a control piece's, -1 otherwise: files without BOS name -1. */
static int32_t control_of(const struct model *model, uint64_t id)
{
    return id < model->n && model->pieces[id].kind == TOKEN_CONTROL ? (int32_t)id : -1;
}

static bool use_model(struct model *model, struct hf_vocabulary *vocabulary,
                      const struct hf_small_files *files, struct err *err)
{
    struct hf_added_list added = {0};
    struct json *steps = NULL;
    bool ok =
        refuse_other_kinds(model, err) && index_pieces(model, err) &&
        hf_vocabulary_resize(vocabulary, model->n, model->n, err) &&
        set_tokens(model, vocabulary, &added, files, err) && add_merges(model, vocabulary, err) &&
        (steps = make_steps(model, vocabulary, files->config, err)) &&
        hf_steps_describe(vocabulary, steps, err) && hf_steps_write(vocabulary, steps, &added, err);
    vocabulary->bos = control_of(model, model->bos);
    vocabulary->eos = control_of(model, model->eos);
    vocabulary->add_bos = vocabulary->bos >= 0; /* if tokenizer_config.json does not say */
    json_free(steps);
    hf_added_list_done(&added);
    return ok;
}

bool hf_read_sentencepiece(struct hf_vocabulary *vocabulary, const struct hf_small_files *files,
                           struct err *err)
{
    size_t n_bytes;
    struct model model = {0};
    char *bytes = file_read(vocabulary->file, MOST_FILE_BYTES, &n_bytes, err);
    bool ok = bytes &&
              read_model(&model, (struct cursor){.bytes = (uint8_t *)bytes, .n_bytes = n_bytes},
                         vocabulary->file, err) &&
              use_model(&model, vocabulary, files, err);
    if (!ok) err_place(err, vocabulary->file, 0, 0);
    free(model.pieces);
    free(model.slots);
    free(bytes);
    return ok;
}
