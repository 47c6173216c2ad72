/* echo.c - see echo.h. A server spells tokens in one of several ways: as the text that they stand
 * for, those that end inside a character as "bytes:\xe2\x96", or as the vocabulary has them. Which
 * way it is nobody says: the first one in which the tokens give the text that was sent is the one.
 *
 * Since the whole text is compared, a wrong guess cannot pass: where the tokens begin and end is
 * known as soon as they spell it.
 */
#include "harness/ask/echo.h"

#include "base/utf8.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum spelling {
    PLAIN,        /* "é", " yes" */
    ESCAPED,      /* "bytes:\xc3" where a token is no text of its own */
    MARKED,       /* SentencePiece: "<0xC3>", and a lower block in place of a space */
    MARKED_FIRST, /* with one such block more, before the first word */
    BYTE_LEVEL,   /* GPT-2: every byte a letter */
    N_SPELLINGS
};

struct echo {
    const struct json *tokens, *values, *tops;
    const struct echo_text *sent;
    enum spelling spelling;
    size_t first; /* tokens before it are no part of the text */
};

/* ---- Spelling ---- */

/* Appends the byte that two hexadecimal digits say, if that is what stands there. */
static bool append_hex(struct buf *out, const char *digits)
{
    if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1])) return false;
    const char text[3] = {digits[0], digits[1], 0};
    return buf_char(out, (char)strtoul(text, NULL, 16));
}

static void append_escaped(struct buf *out, const char *token)
{
    static const char prefix[] = "bytes:";
    bool has_bytes = !strncmp(token, prefix, strlen(prefix));
    for (const char *at = has_bytes ? token + strlen(prefix) : token; *at;) {
        if (has_bytes && at[0] == '\\' && at[1] == 'x' && append_hex(out, at + 2)) at += 4;
        else buf_char(out, *at++);
    }
}

static void append_marked(struct buf *out, const char *token, bool drops_mark)
{
    static const char mark[] = "\xe2\x96\x81";
    if (strlen(token) == 6 && !strncmp(token, "<0x", 3) && token[5] == '>' &&
        append_hex(out, token + 3))
        return;
    if (drops_mark && !strncmp(token, mark, strlen(mark))) token += strlen(mark);
    while (*token) {
        bool is_mark = !strncmp(token, mark, strlen(mark));
        buf_char(out, is_mark ? ' ' : *token);
        token += is_mark ? strlen(mark) : 1;
    }
}

static bool stands_for_itself(uint32_t byte)
{
    return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte != 0xad);
}

/* In GPT-2's alphabet the n-th byte that is no visible letter of Latin-1 is U+0100 + n. */
static bool find_byte(uint32_t code, uint32_t *byte)
{
    *byte = code;
    if (code < 0x100) return stands_for_itself(code);
    for (*byte = 0, code -= 0x100; *byte < 0x100; ++*byte)
        if (!stands_for_itself(*byte) && !code--) return true;
    return false;
}

static void append_byte_level(struct buf *out, const char *token)
{
    uint32_t code, byte;
    for (size_t n, n_left = strlen(token); n_left; token += n, n_left -= n) {
        n = utf8_decode(token, n_left, &code, NULL);
        if (find_byte(code, &byte)) buf_char(out, (char)byte);
        else buf_append(out, token, n);
    }
}

static void append_token(const struct echo *echo, size_t i, struct buf *out)
{
    const char *token = json_as_string(json_at(echo->tokens, i), "");
    switch (echo->spelling) {
    case ESCAPED: append_escaped(out, token); break;
    case MARKED: append_marked(out, token, false); break;
    case MARKED_FIRST: append_marked(out, token, i == echo->first); break;
    case BYTE_LEVEL: append_byte_level(out, token); break;
    default: buf_text(out, token); break;
    }
}

/* What comes after the text was generated. */
static bool spells_text(const struct echo *echo, struct buf *out)
{
    const struct echo_text *sent = echo->sent;
    buf_clear(out);
    for (size_t i = echo->first; i < json_length(echo->tokens) && out->n_bytes < sent->n_bytes; i++)
        append_token(echo, i, out);
    return out->n_bytes == sent->n_bytes && !memcmp(buf_string(out), sent->text, sent->n_bytes);
}

static bool find_spelling(struct echo *echo, struct buf *out)
{
    for (int spelling = 0; spelling < N_SPELLINGS; spelling++) {
        echo->spelling = (enum spelling)spelling;
        for (echo->first = 0; echo->first <= 1; echo->first++)
            if (spells_text(echo, out)) return true;
    }
    return false;
}

/* ---- Scoring ---- */

/* Whether no token at that place is more probable. */
static bool is_best(const struct json *top, double logprob)
{
    const char *token;
    const struct json *other;
    for (void *it = NULL; (it = json_next_member(top, it, &token, &other));)
        if (json_as_number(other, logprob) > logprob) return false;
    return true;
}

/* False if a token has no log-probability that needs one. An empty token belongs to what follows
 * it, as part of a character whose text comes with its last byte. */
static bool add_up(const struct echo *echo, struct buf *out, struct choice_score *score)
{
    const struct echo_text *sent = echo->sent;
    buf_clear(out);
    for (size_t i = echo->first; out->n_bytes < sent->n_bytes; i++) {
        const struct json *value = json_at(echo->values, i);
        size_t begin = out->n_bytes;
        append_token(echo, i, out);
        bool is_empty = out->n_bytes == begin;
        bool is_scored = is_empty ? i && begin >= sent->n_prompt : out->n_bytes > sent->n_prompt;
        if (json_kind(value) != JSON_KIND_NUMBER && (i || is_scored)) return false;
        if (!is_scored) continue;
        double logprob = json_as_number(value, 0);
        score->logprob += logprob;
        score->n_tokens++;
        score->join_spanned = score->join_spanned || begin < sent->n_prompt;
        score->is_greedy = score->is_greedy && is_best(json_at(echo->tops, i), logprob);
    }
    return score->n_tokens > 0;
}

bool echo_read_score(const struct json *logprobs, const struct echo_text *sent,
                     struct choice_score *score, struct err *err)
{
    struct echo echo = {.tokens = json_get(logprobs, "tokens"),
                        .values = json_get(logprobs, "token_logprobs"),
                        .tops = json_get(logprobs, "top_logprobs"),
                        .sent = sent};
    struct buf text = {0};
    const char *fault = NULL;
    score->is_greedy = true;
    if (sent->n_prompt >= sent->n_bytes)
        return err_set(err, ERR_UNSUPPORTED, "an empty choice has nothing that could be scored");
    if (!json_length(echo.tokens)) fault = "it has no tokens";
    else if (!find_spelling(&echo, &text)) fault = "its tokens spell another text";
    else if (!add_up(&echo, &text, score)) fault = "a token has no log-probability";
    bool ok = buf_check(&text, err);
    buf_free(&text);
    return ok && (!fault || err_set(err, ERR_UNSUPPORTED,
                                    "the server does not echo prompt and choice with their "
                                    "log-probabilities (%s): choices cannot be scored, only texts "
                                    "generated",
                                    fault));
}
