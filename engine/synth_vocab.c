/* synth_vocab.c - see synth_vocab.h.
 *
 * A piece can be reached by merging pairs only if its parts are pieces too. So a word comes with
 * all its beginnings: whatever merged first inside the word, a beginning and the symbol after it
 * join to a longer beginning, until the word is one piece. Past the words, pieces are runs of
 * syllables of a consonant and a vowel, which join likewise.
 */
#include "engine/synth_vocab.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    N_BYTES = 256,
    LARGE_VOCABULARY = 4096, /* from here on the special tokens have 64 ids, as Phi-3's */
    LARGE_SPECIAL_BLOCK = 64,
    MAX_PIECE_BYTES = 63,
};

enum piece_kind {
    PIECE_NORMAL = 1,
    PIECE_UNKNOWN,
    PIECE_CONTROL,
    PIECE_USER,
    PIECE_UNUSED,
    PIECE_BYTE
};

/* These stand in the order of Phi-3's ids from 32000 on. */
static const char *const special_pieces[] = {
    "<|endoftext|>",    "<|assistant|>",    "<|placeholder1|>", "<|placeholder2|>",
    "<|placeholder3|>", "<|placeholder4|>", "<|system|>",       "<|end|>",
    "<|placeholder5|>", "<|placeholder6|>", "<|user|>",
};
enum { N_SPECIAL = sizeof special_pieces / sizeof *special_pieces };

/* A space stands for U+2581. The first ones are those that answers are read from; small
 * vocabularies stop somewhere. */
static const char *const words[] = {
    " A",        " B",         " C",        " D",         " Answer",     "Answer",   " the",
    " of",       " and",       " to",       " in",        " is",         " a",       "er",
    "in",        "on",         "an",        "re",         "es",          "ti",       "or",
    "en",        "at",         "al",        "it",         "is",          "ar",       "st",
    "ed",        "ing",        "ion",       "ent",        "ly",          "th",       "he",
    "ou",        "ic",         "le",        " that",      " what",       " which",   " The",
    " What",     " Which",     " are",      " for",       " with",       " as",      " on",
    " by",       " following", " question", " questions", " answer",     " answers", " choice",
    " multiple", " about",     "Question",  " not",       " from",       " was",     " be",
    " or",       " an",        " at",       " it",        " this",       " if",      " can",
    " has",      " have",      " most",     " than",      " one",        " two",     " three",
    " four",     " all",       " only",     " both",      " none",       " true",    " false",
    " correct",  " statement", " likely",   " between",   " because",    " when",    " where",
    " why",      " how",       " who",      " In",        " If",         " For",     " A.",
    " B.",       " C.",        " D.",       " many",      " more",       " less",    " some",
    " each",     " person",    " people",   " time",      " year",       " years",   " number",
    " numbers",  " example",   " system",   " group",     " high",       " low",     " rate",
    " value",    " values",    " used",     " called",    " known",      " first",   " second",
    " third",    " water",     " energy",   " force",     " mass",       " light",   " heat",
    " cell",     " cells",     " blood",    " heart",     " brain",      " body",    " disease",
    " patient",  " law",       " state",    " states",    " government", " court",   " right",
    " rights",   " war",       " world",    " country",   " city",       " history", " century",
    " king",     " president", " party",    " market",    " price",      " cost",    " money",
    " trade",    " demand",    " supply",   " bank",      " company",    " product", " function",
    " equation", " line",      " point",    " set",       " graph",      " field",   " ring",
    " theory",   " model",     " data",     " test",      " program",    " code",    " memory",
    " computer", " network",   " machine",  " language",  " word",       " words",   " name",
    " place",    " house",     " school",   " child",     " children",   " mother",  " father",
    " woman",    " man",       " life",     " death",     " moral",      " reason",  " truth",
    " mind",     " idea",      " god",      " religion",  " music",      " art",     " book",
    " story",    " once",      " upon",     " there",     " little",     " day",     " big",
    " small",    " good",      " bad",      " new",       " old",        " said",    " wanted",
    " went",     " saw",       " loved",    " play",      " happy",      " friend",  " friends",
    " tree",     " bird",      " dog",      " cat",       " red",        " blue",    " green",
    " white",    " black",     " sun",      " moon",      " earth",      " star",    " sky",
};

static const char chat_template[] =
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ '<|system|>\n' + message['content'] + '<|end|>\n' }}"
    "{% elif message['role'] == 'user' %}{{ '<|user|>\n' + message['content'] + '<|end|>\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ '<|assistant|>\n' + message['content'] + "
    "'<|end|>\n' }}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}";

struct vocabulary {
    struct arena *arena;
    struct metadata_string *pieces; /* [n_vocab] */
    float *scores;
    int32_t *kinds;
    size_t n, n_vocab;
    size_t *slots; /* hash table of ids + 1, a power of two */
    size_t n_slots;
};

static size_t find_slot(const struct vocabulary *vocabulary, const char *text, size_t n_bytes)
{
    size_t slot = (size_t)hash_text(text, n_bytes) & (vocabulary->n_slots - 1);
    for (; vocabulary->slots[slot]; slot = (slot + 1) & (vocabulary->n_slots - 1)) {
        const struct metadata_string *piece = &vocabulary->pieces[vocabulary->slots[slot] - 1];
        if (piece->n_bytes == n_bytes && memcmp(piece->text, text, n_bytes) == 0) break;
    }
    return slot;
}

/* Adds a piece; one that is there already is left alone. */
static bool add_piece(struct vocabulary *vocabulary, const char *text, size_t n_bytes,
                      enum piece_kind kind, float score, struct err *err)
{
    assert(vocabulary->n < vocabulary->n_vocab);
    size_t slot = find_slot(vocabulary, text, n_bytes), id = vocabulary->n;
    if (vocabulary->slots[slot]) return true;
    char *copy = arena_copy(vocabulary->arena, text, n_bytes, err);
    if (!copy) return false;
    vocabulary->pieces[id] = (struct metadata_string){copy, n_bytes};
    vocabulary->kinds[id] = (int32_t)kind;
    vocabulary->scores[id] = score;
    vocabulary->slots[slot] = id + 1;
    vocabulary->n++;
    return true;
}

/* Scores fall with the id: what comes first merges first. */
static bool add_normal(struct vocabulary *vocabulary, const char *text, size_t n_bytes,
                       struct err *err)
{
    float score = -(float)(vocabulary->n - N_BYTES - 2);
    return add_piece(vocabulary, text, n_bytes, PIECE_NORMAL, score, err);
}

static bool add_fixed(struct vocabulary *vocabulary, struct err *err)
{
    bool ok = add_piece(vocabulary, "<unk>", 5, PIECE_UNKNOWN, 0, err) &&
              add_piece(vocabulary, "<s>", 3, PIECE_CONTROL, 0, err) &&
              add_piece(vocabulary, "</s>", 4, PIECE_CONTROL, 0, err);
    for (int byte = 0; ok && byte < N_BYTES; byte++) {
        char text[8];
        int n = snprintf(text, sizeof text, "<0x%02X>", (unsigned)byte);
        ok = add_piece(vocabulary, text, (size_t)n, PIECE_BYTE, 0, err);
    }
    ok = ok && add_normal(vocabulary, "\xe2\x96\x81", 3, err);
    for (char c = '!'; ok && c <= '~'; c++) ok = add_normal(vocabulary, &c, 1, err);
    return ok;
}

/* A text with U+2581 for spaces. Returns its length. */
static size_t mark_spaces(const char *text, char out[MAX_PIECE_BYTES + 1])
{
    size_t n = 0;
    for (; *text && n + 3 <= MAX_PIECE_BYTES; text++) {
        if (*text == ' ') {
            memcpy(out + n, "\xe2\x96\x81", 3);
            n += 3;
        } else {
            out[n++] = *text;
        }
    }
    out[n] = 0;
    return n;
}

static bool add_words(struct vocabulary *vocabulary, size_t end, struct err *err)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char piece[MAX_PIECE_BYTES + 1];
        size_t n_bytes = mark_spaces(words[i], piece), least = words[i][0] == ' ' ? 4 : 2;
        for (size_t n = least; n <= n_bytes; n++) {
            if (vocabulary->n == end) return true;
            if (!add_normal(vocabulary, piece, n, err)) return false;
        }
    }
    return true;
}

/* The i-th of 100^n_syllables, with a space before it or not. */
static bool add_syllables(struct vocabulary *vocabulary, size_t i, int n_syllables, bool has_space,
                          struct err *err)
{
    static const char consonants[] = "tnsrldkmpbgfvhwjzcyx", vowels[] = "aeiou";
    char text[16], piece[MAX_PIECE_BYTES + 1];
    size_t n = 0;
    if (has_space) text[n++] = ' ';
    for (int k = 0; k < n_syllables; k++, i /= 100) {
        text[n++] = consonants[i % 100 / 5];
        text[n++] = vowels[i % 5];
    }
    text[n] = 0;
    return add_normal(vocabulary, piece, mark_spaces(text, piece), err);
}

static bool add_fillers(struct vocabulary *vocabulary, size_t end, struct err *err)
{
    size_t n_texts = 100;
    for (int n_syllables = 1; vocabulary->n < end; n_syllables++, n_texts *= 100) {
        for (size_t i = 0; i < 2 * n_texts && vocabulary->n < end; i++) {
            if (!add_syllables(vocabulary, i / 2, n_syllables, i % 2 == 0, err)) return false;
        }
    }
    return true;
}

static bool add_special(struct vocabulary *vocabulary, struct err *err)
{
    for (size_t i = 0; i < N_SPECIAL; i++) {
        const char *piece = special_pieces[i];
        if (!add_piece(vocabulary, piece, strlen(piece), PIECE_CONTROL, -1000, err)) return false;
    }
    while (vocabulary->n < vocabulary->n_vocab) {
        char piece[32];
        int n = snprintf(piece, sizeof piece, "[PAD%zu]", vocabulary->n);
        if (!add_piece(vocabulary, piece, (size_t)n, PIECE_UNUSED, -10000, err)) return false;
    }
    return true;
}

static bool set_array(struct metadata *metadata, const char *key, enum metadata_kind element,
                      const void *items, size_t n, struct err *err)
{
    struct metadata_value value = {
        .kind = METADATA_ARRAY, .element = element, .n = n, .items = items};
    return metadata_set(metadata, key, &value, err);
}

static bool set_keys(struct metadata *metadata, const struct vocabulary *vocabulary,
                     size_t first_special, struct err *err)
{
    size_t n = vocabulary->n_vocab;
    uint32_t end_of_text = (uint32_t)first_special;
    return metadata_set_string(metadata, "tokenizer.ggml.model", "llama", err) &&
           metadata_set_string(metadata, "tokenizer.ggml.pre", "default", err) &&
           set_array(metadata, "tokenizer.ggml.tokens", METADATA_STRING, vocabulary->pieces, n,
                     err) &&
           set_array(metadata, "tokenizer.ggml.scores", METADATA_F32, vocabulary->scores, n, err) &&
           set_array(metadata, "tokenizer.ggml.token_type", METADATA_I32, vocabulary->kinds, n,
                     err) &&
           metadata_set_unsigned(metadata, "tokenizer.ggml.bos_token_id", 1, err) &&
           metadata_set_unsigned(metadata, "tokenizer.ggml.eos_token_id", end_of_text, err) &&
           metadata_set_unsigned(metadata, "tokenizer.ggml.unknown_token_id", 0, err) &&
           metadata_set_unsigned(metadata, "tokenizer.ggml.padding_token_id", end_of_text, err) &&
           metadata_set_bool(metadata, "tokenizer.ggml.add_bos_token", true, err) &&
           metadata_set_bool(metadata, "tokenizer.ggml.add_eos_token", false, err) &&
           metadata_set_string(metadata, "tokenizer.chat_template", chat_template, err);
}

bool synth_add_vocabulary(struct metadata *metadata, size_t n_vocab, struct err *err)
{
    assert(n_vocab >= SYNTH_VOCAB_MIN && n_vocab <= SYNTH_VOCAB_MAX);
    struct vocabulary vocabulary = {.n_vocab = n_vocab, .n_slots = 1};
    while (vocabulary.n_slots < 2 * n_vocab) vocabulary.n_slots *= 2;
    size_t first_special =
        n_vocab - (n_vocab < LARGE_VOCABULARY ? (size_t)N_SPECIAL : LARGE_SPECIAL_BLOCK);
    bool ok = false;
    vocabulary.arena = arena_new(0, err);
    if (!vocabulary.arena) goto out;
    vocabulary.pieces = arena_alloc(vocabulary.arena, n_vocab, sizeof *vocabulary.pieces, err);
    vocabulary.scores = arena_alloc(vocabulary.arena, n_vocab, sizeof *vocabulary.scores, err);
    vocabulary.kinds = arena_alloc(vocabulary.arena, n_vocab, sizeof *vocabulary.kinds, err);
    vocabulary.slots =
        arena_alloc(vocabulary.arena, vocabulary.n_slots, sizeof *vocabulary.slots, err);
    ok = vocabulary.pieces && vocabulary.scores && vocabulary.kinds && vocabulary.slots &&
         add_fixed(&vocabulary, err) && add_words(&vocabulary, first_special, err) &&
         add_fillers(&vocabulary, first_special, err) && add_special(&vocabulary, err) &&
         set_keys(metadata, &vocabulary, first_special, err);
out:
    arena_free(vocabulary.arena);
    return ok;
}
