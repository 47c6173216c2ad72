/* reasoning.c - see reasoning.h. One pass from mark to mark: outside of a block the text belongs to
 * the answer, inside to the reasoning.
 *
 * Example: "<think>\nParis? No.\n</think>\nRome" is the reasoning "Paris? No." and the answer
 * "Rome"; so is "Paris? No.\n</think>\nRome", whose prompt ended with <think>. Words that people
 * put into markup as well, like <thinking>, are marks only where nothing stands before them. Source
 * of the marks: the chat templates of the models that write them.
 */
#include "suites/reasoning.h"

#include "base/mem.h"

#include <string.h>
#include <strings.h>

struct block {
    const char *open, *close;
    bool is_word; /* may stand in an answer, too */
};

static const struct block BLOCKS[] = {
    {"<think>", "</think>", false},
    {"<thinking>", "</thinking>", true},
    {"<thought>", "</thought>", true},
    {"<reasoning>", "</reasoning>", true},
    {"<seed:think>", "</seed:think>", false},
    {"[THINK]", "[/THINK]", false},
    {"<|begin_of_thought|>", "<|end_of_thought|>", false},
    {"<|START_THINKING|>", "<|END_THINKING|>", false},
    {"\u25c1think\u25b7", "\u25c1/think\u25b7", false},
    {"<|channel|>analysis<|message|>", "<|channel|>final<|message|>", false},
};

/* A mark in a text. */
struct mark {
    const struct block *block;
    bool opens;
    size_t n_bytes;
};

static bool begins_with(const char *text, size_t n_bytes, const char *mark)
{
    size_t n = strlen(mark);
    return n_bytes >= n && !strncasecmp(text, mark, n);
}

/* Whether a mark stands at text[0..n_bytes). */
static bool read_mark(const char *text, size_t n_bytes, struct mark *mark)
{
    if (!memchr("<[\xe2", *text, 3)) return false;
    for (size_t i = 0; i < COUNT_OF(BLOCKS); i++) {
        bool opens = begins_with(text, n_bytes, BLOCKS[i].open);
        if (!opens && !begins_with(text, n_bytes, BLOCKS[i].close)) continue;
        *mark = (struct mark){&BLOCKS[i], opens, strlen(opens ? BLOCKS[i].open : BLOCKS[i].close)};
        return true;
    }
    return false;
}

static bool is_space(char c)
{
    return memchr(" \t\n\r\f\v", c, 6) != NULL;
}

static bool is_blank(const char *text, size_t n_bytes)
{
    size_t n = 0;
    while (n < n_bytes && is_space(text[n])) n++;
    return n == n_bytes;
}

static void append_stripped(struct buf *out, const char *text, size_t n_bytes)
{
    while (n_bytes && is_space(*text)) text++, n_bytes--;
    while (n_bytes && is_space(text[n_bytes - 1])) n_bytes--;
    if (out->n_bytes && n_bytes) buf_char(out, '\n');
    buf_append(out, text, n_bytes);
}

/* A text that is being told apart. */
struct splitting {
    struct reasoning_parts *parts;
    bool is_open, is_blank;    /* is_blank: nothing was said so far but reasoning */
    const struct block *block; /* that is open; NULL: the prompt's, of any kind */
};

static bool counts(const struct splitting *splitting, const struct mark *mark)
{
    if (splitting->is_open)
        return !mark->opens && (!splitting->block || splitting->block == mark->block);
    return !mark->block->is_word || (mark->opens && splitting->is_blank);
}

/* Keeps what stands before a mark, which changes sides. */
static void turn(struct splitting *splitting, const struct mark *mark, const char *text,
                 size_t n_bytes)
{
    struct reasoning_parts *parts = splitting->parts;
    if (!splitting->is_open) buf_append(&parts->answer, text, n_bytes);
    else append_stripped(&parts->reasoning, text, n_bytes);
    if (!splitting->is_open && !mark->opens) { /* it was no answer: the prompt had begun */
        append_stripped(&parts->reasoning, buf_string(&parts->answer), parts->answer.n_bytes);
        parts->answer.n_bytes = 0;
        splitting->is_blank = true;
    }
    parts->is_found = true;
    splitting->is_open = mark->opens;
    splitting->block = mark->block;
}

static void drop_leading_space(struct buf *text)
{
    size_t n = 0;
    while (n < text->n_bytes && is_space(text->data[n])) n++;
    if (!n) return;
    text->n_bytes -= n;
    memmove(text->data, text->data + n, text->n_bytes);
}

void reasoning_split(const char *text, size_t n_bytes, bool is_open, struct reasoning_parts *parts)
{
    struct splitting splitting = {.parts = parts, .is_open = is_open, .is_blank = true};
    struct mark mark;
    size_t kept = 0;
    *parts = (struct reasoning_parts){.is_found = is_open};
    for (size_t i = 0; i < n_bytes;) {
        if (!read_mark(text + i, n_bytes - i, &mark) || !counts(&splitting, &mark)) {
            splitting.is_blank = splitting.is_blank && (splitting.is_open || is_space(text[i]));
            i++;
            continue;
        }
        turn(&splitting, &mark, text + kept, i - kept);
        kept = i += mark.n_bytes;
    }
    if (splitting.is_open) append_stripped(&parts->reasoning, text + kept, n_bytes - kept);
    else buf_append(&parts->answer, text + kept, n_bytes - kept);
    parts->is_open = splitting.is_open;
    if (parts->answer.failed || parts->reasoning.failed) mem_end();
    if (parts->is_found) drop_leading_space(&parts->answer);
    if (parts->answer.data) parts->answer.data[parts->answer.n_bytes] = 0;
}

void reasoning_done(struct reasoning_parts *parts)
{
    buf_free(&parts->answer);
    buf_free(&parts->reasoning);
}

bool reasoning_awaits_answer(const char *text, size_t n_bytes, bool is_open)
{
    struct reasoning_parts parts;
    reasoning_split(text, n_bytes, is_open, &parts);
    bool awaits = parts.is_found && is_blank(buf_string(&parts.answer), parts.answer.n_bytes);
    reasoning_done(&parts);
    return awaits;
}

bool reasoning_is_opened_by(const char *prompt, size_t n_bytes)
{
    while (n_bytes && is_space(prompt[n_bytes - 1])) n_bytes--;
    for (size_t i = 0; i < COUNT_OF(BLOCKS); i++) {
        size_t n = strlen(BLOCKS[i].open);
        if (n_bytes >= n && begins_with(prompt + n_bytes - n, n, BLOCKS[i].open)) return true;
    }
    return false;
}

bool reasoning_is_mark(const char *text, size_t n_bytes)
{
    struct mark mark;
    return n_bytes && read_mark(text, n_bytes, &mark) && mark.n_bytes == n_bytes;
}
