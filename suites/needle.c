/* needle.c - see needle.h. A text is a list of sentences; the needle goes between two of them, as
 * far in as the depth says.
 *
 * Invented sentences hold no numbers and none of the places that needles are about. A user's text
 * is cut into sentences, begun at any of them, and begun again where it ends.
 */
#include "suites/needle.h"

#include "base/mem.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 1 << 24, SENTENCE_BYTES = 160 };

static const char *const PLACES[] = {
    "Almsund", "Brakholm", "Corvey",   "Dunmarra", "Eskerfoot", "Fennick", "Garrowby", "Hallvik",
    "Islemor", "Jorsund",  "Kelbrack", "Lindale",  "Marrowick", "Nesting", "Ormsby",   "Pellarn",
};
static const char *const WHO[] = {"keeper",  "pilot",  "baker",   "weaver", "carpenter",
                                  "teacher", "fisher", "painter", "smith",  "gardener"};
static const char *const WHICH[] = {"old",      "young", "patient", "quiet", "tall",
                                    "cheerful", "tired", "careful", "proud", "curious"};
static const char *const DID[] = {"mended",  "carried",  "painted", "counted", "hid",
                                  "cleaned", "borrowed", "sold",    "found",   "forgot"};
static const char *const WHAT[] = {"a net",   "the ladder", "two lamps", "a basket", "the oars",
                                   "a clock", "the sails",  "a map",     "a rope",   "the kettle"};
static const char *const WHERE[] = {"behind the harbour", "near the mill",     "on the long pier",
                                    "under the bridge",   "beside the school", "in the market",
                                    "at the lighthouse",  "by the river",      "above the cliffs",
                                    "outside the chapel"};
static const char *const WHEN[] = {
    "before the rain",      "in the early morning", "after supper",          "while the tide rose",
    "at the end of winter", "during the fair",      "as the bells rang out", "without a word",
    "for the last time",    "when nobody looked"};

struct sentence {
    const char *text;
    size_t n_bytes, n_words;
};

struct haystack {
    struct sentence *sentences; /* [n] */
    size_t n, capacity;
};

static size_t count_words(const char *text, size_t n_bytes)
{
    size_t n = 0;
    bool in_word = false;
    for (size_t i = 0; i < n_bytes; i++) {
        bool is_space = strchr(" \t\n\r", text[i]) != NULL;
        n += !is_space && !in_word;
        in_word = !is_space;
    }
    return n;
}

static bool add_sentence(struct haystack *haystack, const char *text, size_t n_bytes,
                         struct err *err)
{
    size_t n_words = count_words(text, n_bytes);
    if (!n_words) return true;
    if (!mem_grow((void **)&haystack->sentences, &haystack->capacity, haystack->n + 1,
                  sizeof *haystack->sentences, MAX_WORDS, err))
        return false;
    haystack->sentences[haystack->n++] = (struct sentence){text, n_bytes, n_words};
    return true;
}

/* The sentences of a text: each ends behind the white space that follows . ! or ?. */
static bool cut_sentences(const char *text, size_t n_bytes, struct haystack *haystack,
                          struct err *err)
{
    size_t start = 0;
    for (size_t at = 0; at < n_bytes; at++) {
        bool ends = strchr(".!?", text[at]) && at + 1 < n_bytes && strchr(" \n\r\t", text[at + 1]);
        if (!ends) continue;
        while (at + 1 < n_bytes && strchr(" \n\r\t", text[at + 1])) at++;
        if (!add_sentence(haystack, text + start, at + 1 - start, err)) return false;
        start = at + 1;
    }
    return add_sentence(haystack, text + start, n_bytes - start, err);
}

static const char *pick(struct rng *rng, const char *const *list)
{
    return list[rng_below(rng, 10)]; /* all lists of words are of ten */
}

static size_t invent_sentence(struct rng *rng, char out[SENTENCE_BYTES])
{
    const char *which = pick(rng, WHICH), *who = pick(rng, WHO), *did = pick(rng, DID);
    const char *what = pick(rng, WHAT), *where = pick(rng, WHERE), *when = pick(rng, WHEN);
    return (size_t)snprintf(out, SENTENCE_BYTES, "The %s %s %s %s %s %s. ", which, who, did, what,
                            where, when);
}

/* ---- Texts ---- */

struct maker {
    const struct needle_options *options;
    const struct haystack *source; /* without sentences: they are invented */
    struct arena *arena;
    needle_fn *take;
    void *context;
};

/* The sentences of one text, in its memory `text`. */
static bool fill_haystack(const struct maker *maker, size_t n_words, struct rng *rng,
                          struct buf *text, struct haystack *out, struct err *err)
{
    const struct haystack *source = maker->source;
    size_t have = 0, at = source->n ? rng_below(rng, source->n) : 0;
    while (have < n_words) {
        char invented[SENTENCE_BYTES];
        size_t n_before = text->n_bytes;
        if (source->n) {
            const struct sentence *sentence = &source->sentences[at++ % source->n];
            buf_append(text, sentence->text, sentence->n_bytes);
        } else buf_append(text, invented, invent_sentence(rng, invented));
        /* Places in the text, which may move while it grows: pointers are made when it is whole. */
        if (!buf_check(text, err) || !mem_grow((void **)&out->sentences, &out->capacity, out->n + 1,
                                               sizeof *out->sentences, MAX_WORDS, err))
            return false;
        size_t n = text->n_bytes - n_before;
        out->sentences[out->n] =
            (struct sentence){.n_bytes = n, .n_words = count_words(text->data + n_before, n)};
        have += out->sentences[out->n++].n_words;
    }
    return true;
}

/* Where the text is parted for a needle at that depth, in bytes. */
static size_t place_at(const struct haystack *haystack, int64_t depth)
{
    size_t n_before = (haystack->n * (size_t)depth + 50) / 100, at = 0;
    for (size_t i = 0; i < n_before; i++) at += haystack->sentences[i].n_bytes;
    return at;
}

static bool hand_over(const struct maker *maker, const char *text, const char *place,
                      unsigned number, int64_t words, int64_t depth, struct err *err)
{
    static const char *const KEYS[] = {"text", "place", "number", "words", "depth"};
    enum { N_KEYS = COUNT_OF(KEYS) };
    struct value *items = arena_alloc(maker->arena, N_KEYS, sizeof *items, err);
    if (!items) return false;
    items[0] = value_text(text);
    items[1] = value_text(place);
    if (!value_number(number, maker->arena, &items[2], err) ||
        !value_number((double)words, maker->arena, &items[3], err) ||
        !value_number((double)depth, maker->arena, &items[4], err))
        return false;
    const struct value fields = {.kind = VALUE_MAP, .items = items, .keys = KEYS, .n = N_KEYS};
    return maker->take(maker->context, &fields, err);
}

/* Puts the needle's sentence into the text, at one depth. */
static bool make_one(const struct maker *maker, const struct buf *text,
                     const struct haystack *sentences, const char *place, unsigned number,
                     int64_t words, int64_t depth, struct err *err)
{
    struct buf whole = {0};
    size_t at = place_at(sentences, depth);
    bool needs_space = at && !strchr(" \n\r\t", text->data[at - 1]);
    buf_append(&whole, text->data, at);
    buf_printf(&whole, "%sThe secret number of %s is %u. ", needs_space ? " " : "", place, number);
    buf_append(&whole, text->data + at, text->n_bytes - at);
    while (whole.n_bytes && strchr(" \n\r\t", whole.data[whole.n_bytes - 1])) whole.n_bytes--;
    const char *kept = arena_take(maker->arena, &whole, err);
    return kept && hand_over(maker, kept, place, number, words, depth, err);
}

/* Makes text i of that length, with its needle at every depth. */
static bool make_text(const struct maker *maker, int64_t words, int64_t i, struct err *err)
{
    static const int64_t FIVE[] = {0, 25, 50, 75, 100};
    const struct needle_options *options = maker->options;
    const int64_t *depths = options->n_depths ? options->depths : FIVE;
    size_t n_depths = options->n_depths ? options->n_depths : 5;
    struct rng rng = {rng_mix(options->seed + rng_mix((uint64_t)words) + (uint64_t)i)};
    const char *place = PLACES[rng_below(&rng, COUNT_OF(PLACES))];
    unsigned number = 10000 + (unsigned)rng_below(&rng, 90000);
    struct buf text = {0};
    struct haystack sentences = {0};
    bool ok = fill_haystack(maker, (size_t)words, &rng, &text, &sentences, err);
    for (size_t k = 0; ok && k < n_depths; k++)
        ok = make_one(maker, &text, &sentences, place, number, words, depths[k], err);
    free(sentences.sentences);
    buf_free(&text);
    return ok;
}

bool needle_make(const struct needle_options *options, const char *haystack, size_t n_bytes,
                 struct arena *arena, needle_fn *take, void *context, struct err *err)
{
    static const int64_t THOUSAND = 1000;
    struct haystack source = {0};
    const struct maker maker = {options, &source, arena, take, context};
    const int64_t *words = options->n_words ? options->words : &THOUSAND;
    size_t n_lengths = options->n_words ? options->n_words : 1;
    int64_t count = options->count ? options->count : 5;
    bool ok = !haystack || cut_sentences(haystack, n_bytes, &source, err);
    if (ok && haystack && !source.n)
        ok = err_set(err, ERR_INPUT, "there are no words in this text");
    for (size_t i = 0; ok && i < n_lengths; i++)
        for (int64_t k = 0; ok && k < count; k++) ok = make_text(&maker, words[i], k, err);
    free(source.sentences);
    return ok;
}
