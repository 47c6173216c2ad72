/* evalai.c - see evalai.h. Three passes: letters and the ends of words, punctuation, words.
 *
 * White space, lower case and digits are Python's, since the original is a Python program. It
 * means to strip punctuation that commas between digits are part of, too, but takes all commas
 * away before it looks for any.
 */
#include "suites/evalai.h"

#include "base/letter_case.h"
#include "base/mem.h"
#include "base/unicode.h"
#include "base/utf8.h"

#include <math.h>
#include <string.h>

/* Full stops that go at most: the original hands over a flag where a count is wanted. */
enum { MAX_STOPS = 32 };

static const char MARKS[] = ";/[]\"{}()=+\\_-><@`!";

/* Contractions as they ought to be. A word that lacks one of its apostrophes is made whole. */
static const char *const CONTRACTIONS[] = {
    "'ow's'at",      "'twas",       "ain't",       "aren't",         "can't",
    "could've",      "couldn't",    "couldn't've", "didn't",         "doesn't",
    "don't",         "hadn't",      "hadn't've",   "hasn't",         "haven't",
    "he'd",          "he'd've",     "he's",        "how'd",          "how'll",
    "how's",         "isn't",       "it'd",        "it'd've",        "it'll",
    "ma'am",         "might've",    "mightn't",    "mightn't've",    "must've",
    "mustn't",       "needn't",     "not've",      "o'clock",        "oughtn't",
    "shan't",        "she'd've",    "should've",   "shouldn't",      "shouldn't've",
    "somebody'd've", "somebody'll", "somebody's",  "someone'd",      "someone'd've",
    "someone'll",    "someone's",   "something'd", "something'd've", "something'll",
    "that's",        "there'd",     "there'd've",  "there're",       "there's",
    "they'd",        "they'd've",   "they'll",     "they're",        "they've",
    "wasn't",        "we'd've",     "we've",       "weren't",        "what'll",
    "what're",       "what's",      "what've",     "when's",         "where'd",
    "where's",       "where've",    "who'd",       "who'd've",       "who'll",
    "who's",         "who've",      "why'll",      "why're",         "why's",
    "won't",         "would've",    "wouldn't",    "wouldn't've",    "y'all",
    "y'all'd've",    "y'all'll",    "you'd",       "you'd've",       "you'll",
    "you're",        "you've"};

static const char *const ARTICLES[] = {"a", "an", "the"};

/* none is 0, too */
static const char *const NUMBERS[] = {"zero", "one",   "two",   "three", "four", "five",
                                      "six",  "seven", "eight", "nine",  "ten"};

/* ---- Letters ---- */

/* In lower case, without commas and question marks; an 's stands apart, line ends and tabs are
 * spaces. */
static void clean(const char *answer, struct buf *out)
{
    struct buf lower = {0}, bare = {0};
    letter_lower_text(&lower, answer, strlen(answer));
    for (const char *at = buf_string(&lower); *at; at++)
        if (*at != ',' && *at != '?') buf_char(&bare, *at);
    for (const char *at = buf_string(&bare); *at; at++) {
        if (at[0] == '\'' && at[1] == 's') buf_char(out, ' ');
        buf_char(out, *at == '\n' || *at == '\t' ? ' ' : *at);
    }
    out->failed = out->failed || lower.failed || bare.failed;
    buf_free(&lower);
    buf_free(&bare);
}

/* ---- Punctuation ---- */

/* Whether the mark stands beside a space somewhere. */
static bool is_loose(const char *text, char mark)
{
    for (const char *at = strchr(text, mark); at; at = strchr(at + 1, mark))
        if (at[1] == ' ' || (at > text && at[-1] == ' ')) return true;
    return false;
}

static bool begins_with_digit(const char *text)
{
    uint32_t code;
    return utf8_decode(text, strlen(text), &code, NULL) && unicode_is_digit(code);
}

/* A mark that stands loose somewhere is nothing everywhere, any other is a space; a full stop stays
 * before a digit. `text` has no white space at its ends. */
static void replace_marks(const char *text, struct buf *out)
{
    bool loose[sizeof MARKS];
    int n_stops = 0;
    for (size_t i = 0; MARKS[i]; i++) loose[i] = is_loose(text, MARKS[i]);
    for (; *text; text++) {
        const char *mark = strchr(MARKS, *text);
        if (mark) {
            if (!loose[mark - MARKS]) buf_char(out, ' ');
        } else if (*text == '.' && n_stops < MAX_STOPS && !begins_with_digit(text + 1)) {
            n_stops++;
        } else {
            buf_char(out, *text);
        }
    }
}

/* ---- Words ---- */

static bool is_word(const char *word, size_t n, const char *const *words, size_t n_words,
                    size_t *which)
{
    for (*which = 0; *which < n_words; ++*which)
        if (strlen(words[*which]) == n && !memcmp(words[*which], word, n)) return true;
    return false;
}

/* Whether the word is the contraction but for one apostrophe. */
static bool lacks_apostrophe(const char *word, size_t n, const char *contraction)
{
    if (strlen(contraction) != n + 1) return false;
    size_t same = 0;
    while (same < n && word[same] == contraction[same]) same++;
    /* No contraction has two apostrophes in a row, so that this is the one. */
    return contraction[same] == '\'' && !memcmp(word + same, contraction + same + 1, n - same);
}

static void append_word(const char *word, size_t n, struct buf *out)
{
    static const char ODD[] = "somebody'd";
    size_t which;
    if (is_word(word, n, ARTICLES, COUNT_OF(ARTICLES), &which)) return;
    if (out->n_bytes) buf_char(out, ' ');
    if (n == 4 && !memcmp(word, "none", n)) {
        buf_char(out, '0');
        return;
    }
    if (is_word(word, n, NUMBERS, COUNT_OF(NUMBERS), &which)) {
        buf_printf(out, "%zu", which);
        return;
    }
    if (n == strlen(ODD) && !memcmp(word, ODD, n)) {
        buf_text(out, "somebodyd");
        return;
    }
    for (which = 0; which < COUNT_OF(CONTRACTIONS); which++)
        if (lacks_apostrophe(word, n, CONTRACTIONS[which])) {
            buf_text(out, CONTRACTIONS[which]);
            return;
        }
    buf_append(out, word, n);
}

static void replace_words(const char *text, size_t n_bytes, struct buf *out)
{
    for (size_t at = 0; at < n_bytes;) {
        size_t end = at, n = 0;
        uint32_t code = 0;
        while (end < n_bytes && (n = utf8_decode(text + end, n_bytes - end, &code, NULL)) &&
               !letter_is_space(code))
            end += n;
        if (end > at) append_word(text + at, end - at, out);
        at = end + (end < n_bytes ? n : 0);
    }
}

void evalai_normalize(const char *answer, struct buf *out)
{
    struct buf letters = {0}, stripped = {0}, marked = {0}, words = {0};
    clean(answer, &letters);
    size_t n = letters.n_bytes;
    const char *start = letter_strip(buf_string(&letters), &n, true);
    buf_append(&stripped, start, n);
    replace_marks(buf_string(&stripped), &marked);
    replace_words(buf_string(&marked), marked.n_bytes, &words);
    buf_append(out, buf_string(&words), words.n_bytes);
    out->failed = out->failed || letters.failed || stripped.failed || marked.failed || words.failed;
    buf_free(&letters);
    buf_free(&stripped);
    buf_free(&marked);
    buf_free(&words);
}

bool evalai_accuracy(const char *answer, const char *const *accepted, size_t n, double *accuracy,
                     struct err *err)
{
    struct buf mine = {0}, other = {0};
    double n_same = 0, n_all = (double)n;
    evalai_normalize(answer, &mine);
    for (size_t i = 0; i < n; i++) {
        buf_clear(&other);
        evalai_normalize(accepted[i], &other);
        n_same += !strcmp(buf_string(&mine), buf_string(&other));
    }
    double of_same = fmin(1, (n_same - 1) / 3), of_others = fmin(1, n_same / 3);
    *accuracy = (n_same * of_same + (n_all - n_same) * of_others) / n_all;
    bool done = buf_check(&mine, err) && buf_check(&other, err);
    buf_free(&mine);
    buf_free(&other);
    return done;
}
