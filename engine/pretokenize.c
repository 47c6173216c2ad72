/* pretokenize.c - the pre-types of byte-level BPE as lists of regular expressions.
 *
 * The expressions are those of the tokenizer.json of each family, as published with the models; the
 * names are those that GGUF files carry in tokenizer.ggml.pre. An expression sees each span as a
 * text of its own: look-ahead ends where the span ends.
 */
#include "engine/pretokenize.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Unicode's White_Space, for a class. PCRE2's \s also takes U+180E, which is none since Unicode
 * 6.3, and none to the tokenizers that models were trained with. */
#define SPACE "\\p{Z}\\t-\\r\\x85"
#define SPACES "[" SPACE "]+(?![^" SPACE "])|[" SPACE "]+"
#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" SPACE "\\p{L}\\p{N}]+|" SPACES
/* Llama 3 and Qwen 2 differ in how many digits make a word. */
#define LLAMA3(DIGITS)                                                                             \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" DIGITS "| ?[^" SPACE             \
    "\\p{L}\\p{N}]+[\\r\\n]*|[" SPACE "]*[\\r\\n]+|" SPACES
#define PUNCTUATION "\\p{P}$+<=>^~|"
#define CJK "[\\x{4e00}-\\x{9fa5}\\x{800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+"
/* DeepSeek LLM's letters: those of the alphabets that have upper and lower case. */
#define CASED_LETTERS                                                                              \
    "A-Za-z\\x{b5}\\x{c0}-\\x{d6}\\x{d8}-\\x{f6}\\x{f8}-\\x{1ba}\\x{1bc}-\\x{1bf}"                 \
    "\\x{1c4}-\\x{293}\\x{295}-\\x{2af}\\x{370}-\\x{373}\\x{376}-\\x{377}\\x{37b}-\\x{37d}"        \
    "\\x{37f}\\x{386}\\x{388}-\\x{38a}\\x{38c}\\x{38e}-\\x{3a1}\\x{3a3}-\\x{3f5}"                  \
    "\\x{3f7}-\\x{481}\\x{48a}-\\x{52f}\\x{531}-\\x{556}\\x{10a0}-\\x{10c5}\\x{13a0}-\\x{13f5}"    \
    "\\x{13f8}-\\x{13fd}\\x{1c90}-\\x{1cba}\\x{1cbd}-\\x{1cbf}\\x{1d00}-\\x{1d2b}"                 \
    "\\x{1d6b}-\\x{1d77}\\x{1d79}-\\x{1d9a}\\x{1e00}-\\x{1f15}\\x{1f18}-\\x{1f1d}"                 \
    "\\x{1f20}-\\x{1f45}\\x{1f48}-\\x{1f4d}\\x{1f50}-\\x{1f57}\\x{1f59}\\x{1f5b}\\x{1f5d}"         \
    "\\x{1f5f}-\\x{1f7d}\\x{1f80}-\\x{1fb4}\\x{1fb6}-\\x{1fbc}\\x{1fbe}\\x{1fc2}-\\x{1fc4}"        \
    "\\x{1fc6}-\\x{1fcc}\\x{1fd0}-\\x{1fd3}\\x{1fd6}-\\x{1fdb}\\x{1fe0}-\\x{1fec}"                 \
    "\\x{1ff2}-\\x{1ff4}\\x{1ff6}-\\x{1ffc}\\x{2102}\\x{2107}\\x{210a}-\\x{2113}\\x{2115}"         \
    "\\x{2119}-\\x{211d}\\x{2124}\\x{2126}\\x{2128}\\x{212a}-\\x{212d}\\x{212f}-\\x{2134}"         \
    "\\x{2139}\\x{213c}-\\x{213f}\\x{2145}-\\x{2149}\\x{214e}\\x{2183}-\\x{2184}"                  \
    "\\x{2c00}-\\x{2c7b}\\x{2c7e}-\\x{2ce4}\\x{2ceb}-\\x{2cee}\\x{2cf2}-\\x{2cf3}"                 \
    "\\x{a640}-\\x{a66d}\\x{a680}-\\x{a69b}\\x{a722}-\\x{a76f}\\x{a771}-\\x{a787}"                 \
    "\\x{a78b}-\\x{a78e}\\x{ab70}-\\x{abbf}\\x{fb00}-\\x{fb06}\\x{fb13}-\\x{fb17}"                 \
    "\\x{ff21}-\\x{ff3a}\\x{ff41}-\\x{ff5a}\\x{10400}-\\x{1044f}\\x{104b0}-\\x{104d3}"             \
    "\\x{104d8}-\\x{104fb}\\x{10c80}-\\x{10cb2}\\x{10cc0}-\\x{10cf2}\\x{118a0}-\\x{118df}"         \
    "\\x{1e900}-\\x{1e943}"

enum { MAX_EXPRESSIONS = 6 };

struct pre_type {
    const char *name;
    bool adds_bos, ignores_merges;
    const char *expressions[MAX_EXPRESSIONS + 1];
};

static const struct pre_type PRE_TYPES[] = {
    {"default", false, false, {"[" PUNCTUATION "]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}},
    {"gpt-2", false, false, {GPT2}},
    {"mpt", false, false, {GPT2}},
    {"llama-bpe", true, true, {LLAMA3("\\p{N}{1,3}")}},
    {"llama3", true, true, {LLAMA3("\\p{N}{1,3}")}},
    {"llama-v3", true, true, {LLAMA3("\\p{N}{1,3}")}},
    {"qwen2", false, false, {LLAMA3("\\p{N}")}},
    {"starcoder", false, false, {"\\p{N}", GPT2}},
    {"refact", false, false, {"\\p{N}", GPT2}},
    {"falcon", false, false, {"[" PUNCTUATION "`]+", GPT2, "[0-9][0-9][0-9]"}},
    {"deepseek-coder",
     false,
     false,
     {"[\\r\\n]", "[" SPACE "]?\\p{L}+", "[" SPACE "]?\\p{P}+", CJK, "\\p{N}"}},
    {"deepseek-llm",
     false,
     false,
     {"[\\r\\n]", "[" SPACE "]?[" CASED_LETTERS "]+",
      "[" SPACE
      "]?[!-/:-~\\x{ff01}-\\x{ff0f}\\x{ff1a}-\\x{ff5e}\\x{2018}-\\x{201f}\\x{3000}-\\x{3002}]+",
      "(?<![" SPACE "])[" SPACE "]++\\z", CJK, "\\p{N}+"}},
};

struct pretokenizer {
    const struct pre_type *type;
    struct regex *expressions[MAX_EXPRESSIONS];
    size_t n;
};

struct pretokenizer *pretokenizer_new(const char *name, struct err *err)
{
    const struct pre_type *type = NULL;
    for (size_t i = 0; i < sizeof PRE_TYPES / sizeof *PRE_TYPES; i++)
        if (strcmp(PRE_TYPES[i].name, name) == 0) type = &PRE_TYPES[i];
    if (!type) {
        err_set(err, ERR_UNSUPPORTED, "not supported yet: the pre-tokenizer \"%s\"", name);
        return NULL;
    }
    struct pretokenizer *pretokenizer = mem_new(1, sizeof *pretokenizer, err);
    if (!pretokenizer) return NULL;
    pretokenizer->type = type;
    for (size_t i = 0; type->expressions[i]; i++) {
        pretokenizer->expressions[i] = regex_new(type->expressions[i], err);
        if (!pretokenizer->expressions[i]) {
            pretokenizer_free(pretokenizer);
            return NULL;
        }
        pretokenizer->n = i + 1;
    }
    return pretokenizer;
}

void pretokenizer_free(struct pretokenizer *pretokenizer)
{
    if (!pretokenizer) return;
    for (size_t i = 0; i < pretokenizer->n; i++) regex_free(pretokenizer->expressions[i]);
    free(pretokenizer);
}

bool pretokenizer_adds_bos(const struct pretokenizer *pretokenizer)
{
    return pretokenizer->type->adds_bos;
}

bool pretokenizer_ignores_merges(const struct pretokenizer *pretokenizer)
{
    return pretokenizer->type->ignores_merges;
}

void word_list_done(struct word_list *words)
{
    free(words->spans);
    *words = (struct word_list){0};
}

static bool add_word(struct word_list *words, size_t begin, size_t end, struct err *err)
{
    if (begin == end) return true;
    if (!mem_grow((void **)&words->spans, &words->capacity, words->n + 1, sizeof *words->spans,
                  SIZE_MAX / sizeof *words->spans, err))
        return false;
    words->spans[words->n++] = (struct regex_span){begin, end};
    return true;
}

/* Cuts text[span] at the matches of one expression. */
static bool cut_span(const struct regex *expression, const char *text, struct regex_span span,
                     struct word_list *words, struct err *err)
{
    size_t n_bytes = span.end - span.begin, at = 0;
    while (at < n_bytes) {
        struct regex_span match;
        int found = regex_find_valid(expression, text + span.begin, n_bytes, at, &match, 1, err);
        if (found < 0) return false;
        if (!found) break;
        if (!add_word(words, span.begin + at, span.begin + match.begin, err) ||
            !add_word(words, span.begin + match.begin, span.begin + match.end, err))
            return false;
        at = match.end; /* no expression matches nothing */
    }
    return add_word(words, span.begin + at, span.end, err);
}

bool pretokenizer_split(const struct pretokenizer *pretokenizer, const char *text, size_t n_bytes,
                        struct word_list *words, struct err *err)
{
    struct word_list cut = {0};
    words->n = 0;
    bool ok = add_word(words, 0, n_bytes, err);
    for (size_t i = 0; ok && i < pretokenizer->n; i++) {
        cut.n = 0;
        for (size_t k = 0; ok && k < words->n; k++)
            ok = cut_span(pretokenizer->expressions[i], text, words->spans[k], &cut, err);
        struct word_list finer = cut;
        cut = *words;
        *words = finer;
    }
    word_list_done(&cut);
    return ok;
}
