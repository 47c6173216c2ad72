/* pretokenize.c - cutting text into words by the expressions of a pre-type, one after another.
 *
 * An expression sees each span as a text of its own: look-ahead ends where the span ends. Which
 * expressions a pre-type has is in pre_types.c.
 */
#include "engine/pretokenize.h"

#include "base/buf.h"
#include "base/mem.h"
#include "engine/pre_types.h"

#include <stdlib.h>

struct pretokenizer {
    const struct pre_type *type;
    struct regex *expressions[PRE_TYPE_MAX_EXPRESSIONS];
    size_t n;
};

static void refuse(const char *name, struct err *err)
{
    struct buf known = {0};
    pre_type_list(&known);
    if (buf_check(&known, err))
        err_set(err, ERR_UNSUPPORTED,
                "not supported yet: the pre-tokenizer \"%.64s\" (tokenizer.ggml.pre); known are %s",
                name, buf_string(&known));
    buf_free(&known);
}

struct pretokenizer *pretokenizer_new(const char *name, struct err *err)
{
    const struct pre_type *type = pre_type_find(name);
    if (!type) {
        refuse(name, err);
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
