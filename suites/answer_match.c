/* answer_match.c - see answer_match.h. The rules are Python's to the letter: its lower case, its
 * white space, and words as its regular expressions bound them, by any script's letters and digits.
 */
#include "suites/answer_match.h"

#include "base/letter_case.h"
#include "base/mem.h"
#include "base/regex.h"
#include "base/utf8.h"

#include <string.h>

static bool is_ascii_punctuation(uint32_t code)
{
    return code < 0x80 && code > ' ' && strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", (int)code);
}

static bool becomes_space(uint32_t code)
{
    return is_ascii_punctuation(code) || code == 0x2018 || code == 0x2019 || code == 0xb4;
}

static bool is_ascii_word(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Letters and digits beyond ASCII are rarely next to an article: they are looked up then. */
static bool is_word(const char *text, size_t n_bytes)
{
    if (!n_bytes) return false;
    if ((unsigned char)text[0] < 0x80) return is_ascii_word((unsigned char)text[0]);
    struct regex *word = regex_new("^[\\p{L}\\p{N}]", NULL);
    struct regex_span span;
    bool found = word && regex_find(word, text, n_bytes, 0, &span, 1, NULL) > 0;
    regex_free(word);
    return found;
}

/* The character that ends at `at`. */
static bool is_word_before(const char *text, size_t at)
{
    size_t n = 1;
    while (n < 4 && n < at && ((unsigned char)text[at - n] & 0xc0) == 0x80) n++;
    return at && is_word(text + at - n, n);
}

static bool is_word_at(const char *text, size_t n_bytes, size_t at)
{
    uint32_t code;
    return is_word(text + at, utf8_decode(text + at, n_bytes - at, &code, NULL));
}

/* Bytes of the article that stands at `at` as a word of its own; 0 if none does. */
static size_t article_at(const char *text, size_t n_bytes, size_t at)
{
    static const char *const articles[] = {"a", "an", "the"};
    for (size_t i = 0; i < COUNT_OF(articles); i++) {
        size_t n = strlen(articles[i]);
        if (n_bytes - at >= n && !memcmp(text + at, articles[i], n) && !is_word_before(text, at) &&
            !is_word_at(text, n_bytes, at + n))
            return n;
    }
    return 0;
}

static void put_without_punctuation(struct buf *out, const struct buf *text)
{
    for (size_t at = 0, n; at < text->n_bytes; at += n) {
        uint32_t code;
        n = utf8_decode(text->data + at, text->n_bytes - at, &code, NULL);
        if (becomes_space(code)) buf_char(out, ' ');
        else buf_append(out, text->data + at, n);
    }
}

/* Articles count as white space: words stay apart where one stood. */
static void put_words(struct buf *out, const char *text, size_t n_bytes)
{
    bool has_words = false, is_apart = false;
    for (size_t at = 0, n; at < n_bytes; at += n) {
        uint32_t code;
        size_t n_article = text[at] == 'a' || text[at] == 't' ? article_at(text, n_bytes, at) : 0;
        n = utf8_decode(text + at, n_bytes - at, &code, NULL);
        if (n_article || letter_is_space(code)) {
            n = n_article ? n_article : n;
            is_apart = true;
            continue;
        }
        if (is_apart && has_words) buf_char(out, ' ');
        buf_append(out, text + at, n);
        has_words = true;
        is_apart = false;
    }
}

void answer_normalize(const char *text, struct buf *out)
{
    struct buf lower = {0}, plain = {0};
    letter_lower_text(&lower, text, strlen(text));
    put_without_punctuation(&plain, &lower);
    put_words(out, buf_string(&plain), plain.n_bytes);
    out->failed = out->failed || lower.failed || plain.failed;
    buf_free(&lower);
    buf_free(&plain);
}

void answer_simplify(const char *text, struct buf *out)
{
    struct buf lower = {0};
    letter_lower_text(&lower, text, strlen(text));
    for (size_t i = 0; i < lower.n_bytes; i++)
        if (!is_ascii_punctuation((unsigned char)lower.data[i])) buf_char(out, lower.data[i]);
    out->failed = out->failed || lower.failed;
    buf_free(&lower);
}

/* ---- Words ---- */

/* The word at *at of a normalised text, which *at is moved past; its length, 0 at the end. */
static size_t next_word(const char **at, const char **word)
{
    while (**at == ' ') ++*at;
    *word = *at;
    while (**at && **at != ' ') ++*at;
    return (size_t)(*at - *word);
}

static size_t count_word(const char *text, const char *word, size_t n_bytes, size_t *n_words)
{
    size_t n = 0, n_found = 0;
    const char *other;
    *n_words = 0;
    while ((n = next_word(&text, &other))) {
        n_found += n == n_bytes && !memcmp(other, word, n);
        ++*n_words;
    }
    return n_found;
}

double answer_f1(const char *predicted, const char *gold)
{
    size_t n_same = 0, n_predicted = 0, n_gold = 0, n;
    const char *at = gold, *word;
    while ((n = next_word(&at, &word))) { /* the gold's: it is short whatever was predicted */
        size_t n_left;
        /* The i-th time that a word stands in one, it is shared if the other has it i times. */
        size_t n_times = count_word(gold, word, n, &n_gold);
        size_t n_after = count_word(word, word, n, &n_left);
        n_same += n_times - n_after < count_word(predicted, word, n, &n_predicted);
    }
    if (!n_same) return 0;
    double precision = (double)n_same / (double)n_predicted;
    double recall = (double)n_same / (double)n_gold;
    return 2 * precision * recall / (precision + recall);
}

bool answer_score(const char *predicted, const char *const *accepted, size_t n, bool *is_exact,
                  double *f1, struct err *err)
{
    struct buf mine = {0}, gold = {0};
    *is_exact = false;
    *f1 = 0;
    answer_normalize(predicted, &mine);
    for (size_t i = 0; i < n; i++) {
        buf_clear(&gold);
        answer_normalize(accepted[i], &gold);
        if (gold.failed) break;
        double shared = answer_f1(buf_string(&mine), buf_string(&gold));
        if (!strcmp(buf_string(&mine), buf_string(&gold))) *is_exact = true;
        if (shared > *f1) *f1 = shared;
    }
    bool done = buf_check(&mine, err) && buf_check(&gold, err);
    buf_free(&mine);
    buf_free(&gold);
    return done;
}

bool answer_is_within(const char *gold, const char *text)
{
    size_t n = strlen(gold);
    if (!n) return false;
    for (const char *at = text; (at = strstr(at, gold)); at++)
        if ((at == text || at[-1] == ' ') && (!at[n] || at[n] == ' ')) return true;
    return false;
}
