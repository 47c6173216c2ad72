/* pretokenize.c - cutting text into words by the steps of a pre-tokenizer, one after another.
 *
 * An expression sees each span as a text of its own: look-ahead ends where the span ends. Which
 * expressions a pre-type has is in pre_types.c.
 */
#include "engine/pretokenize.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "engine/pre_types.h"

#include <stdlib.h>
#include <string.h>

/* One with an expression cuts, one with a mark writes. */
struct step {
    struct regex *expression;
    char *pattern; /* that it was made of */
    enum split_behaviour behaviour;
    bool inverted;
    char mark[MARK_BYTES + 1];
    enum prefix_scheme scheme;
};

enum { MAX_STEPS = 32 };

struct pretokenizer {
    bool adds_bos, ignores_merges, composes;
    struct step steps[MAX_STEPS];
    size_t n;
};

/* ---- Making one ---- */

struct pretokenizer *pretokenizer_new_empty(struct err *err)
{
    return mem_new(1, sizeof(struct pretokenizer), err);
}

static struct step *add_step(struct pretokenizer *pretokenizer, struct err *err)
{
    if (pretokenizer->n < MAX_STEPS) return &pretokenizer->steps[pretokenizer->n++];
    err_set(err, ERR_UNSUPPORTED, "a pre-tokenizer of more than %d steps", (int)MAX_STEPS);
    return NULL;
}

bool pretokenizer_add_split(struct pretokenizer *pretokenizer, const char *expression,
                            enum split_behaviour behaviour, bool inverted, struct err *err)
{
    struct step *step = add_step(pretokenizer, err);
    if (!step) return false;
    *step = (struct step){.behaviour = behaviour, .inverted = inverted};
    step->pattern = mem_copy_string(expression, err);
    step->expression = step->pattern ? regex_new(expression, err) : NULL;
    return step->expression != NULL;
}

bool pretokenizer_add_mark(struct pretokenizer *pretokenizer, const char *mark,
                           enum prefix_scheme scheme, struct err *err)
{
    size_t n = strlen(mark);
    if (!n || n > MARK_BYTES)
        return err_set(err, ERR_UNSUPPORTED, "a mark for spaces of %zu bytes", n);
    struct step *step = add_step(pretokenizer, err);
    if (!step) return false;
    *step = (struct step){.scheme = scheme};
    memcpy(step->mark, mark, n + 1);
    return true;
}

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
    struct pretokenizer *pretokenizer = pretokenizer_new_empty(err);
    if (!pretokenizer) return NULL;
    pretokenizer->adds_bos = type->adds_bos;
    pretokenizer->ignores_merges = type->ignores_merges;
    pretokenizer->composes = pre_type_composes(name);
    for (size_t i = 0; type->expressions[i]; i++) {
        if (!pretokenizer_add_split(pretokenizer, type->expressions[i], SPLIT_ISOLATED, false,
                                    err)) {
            pretokenizer_free(pretokenizer);
            return NULL;
        }
    }
    return pretokenizer;
}

void pretokenizer_free(struct pretokenizer *pretokenizer)
{
    if (!pretokenizer) return;
    for (size_t i = 0; i < pretokenizer->n; i++) {
        regex_free(pretokenizer->steps[i].expression);
        free(pretokenizer->steps[i].pattern);
    }
    free(pretokenizer);
}

bool pretokenizer_adds_bos(const struct pretokenizer *pretokenizer)
{
    return pretokenizer->adds_bos;
}

bool pretokenizer_ignores_merges(const struct pretokenizer *pretokenizer)
{
    return pretokenizer->ignores_merges;
}

bool pretokenizer_composes(const struct pretokenizer *pretokenizer)
{
    return pretokenizer->composes;
}

bool pretokenizer_prepends(const struct pretokenizer *pretokenizer)
{
    for (size_t i = 0; i < pretokenizer->n; i++)
        if (pretokenizer->steps[i].scheme != PREFIX_NEVER) return true;
    return false;
}

const char *pretokenizer_name(const struct pretokenizer *pretokenizer, bool ignores_merges)
{
    const char *expressions[MAX_STEPS];
    for (size_t i = 0; i < pretokenizer->n; i++) {
        const struct step *step = &pretokenizer->steps[i];
        bool cuts_out = step->behaviour == SPLIT_REMOVED && step->inverted;
        if (!step->expression || (step->behaviour != SPLIT_ISOLATED && !cuts_out)) return NULL;
        expressions[i] = step->pattern;
    }
    return pre_type_name(expressions, pretokenizer->n, ignores_merges);
}

/* ---- Cutting ---- */

void word_list_done(struct word_list *words)
{
    free(words->spans);
    buf_free(&words->written);
    buf_free(&words->spare);
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

/* A span that is being cut: its words are those of the list from `first` on. */
struct cut {
    const struct step *step;
    struct word_list *words;
    size_t first;
    bool was_match; /* the part before */
};

/* Adds the next part of the span, a match or what lies between two. */
static bool add_part(struct cut *cut, size_t begin, size_t end, bool is_match, struct err *err)
{
    struct word_list *words = cut->words;
    bool joins = false;
    if (begin == end) return true;
    is_match = is_match != cut->step->inverted;
    switch (cut->step->behaviour) {
    case SPLIT_ISOLATED: break;
    case SPLIT_REMOVED:
        if (is_match) return true;
        break;
    case SPLIT_CONTIGUOUS: joins = is_match == cut->was_match; break;
    case SPLIT_MERGED_WITH_PREVIOUS: joins = is_match && !cut->was_match; break;
    case SPLIT_MERGED_WITH_NEXT: joins = !is_match && cut->was_match; break;
    }
    cut->was_match = is_match;
    if (!joins || words->n == cut->first) return add_word(words, begin, end, err);
    words->spans[words->n - 1].end = end;
    return true;
}

/* Cuts text[span] at the matches of one expression. */
static bool cut_span(const struct step *step, const char *text, struct regex_span span,
                     struct word_list *words, struct err *err)
{
    struct cut cut = {.step = step, .words = words, .first = words->n};
    size_t n_bytes = span.end - span.begin, at = 0, from = 0;
    while (from < n_bytes) {
        struct regex_span match;
        uint32_t code;
        int found =
            regex_find_valid(step->expression, text + span.begin, n_bytes, from, &match, 1, err);
        if (found < 0) return false;
        if (!found) break;
        if (!add_part(&cut, span.begin + at, span.begin + match.begin, false, err) ||
            !add_part(&cut, span.begin + match.begin, span.begin + match.end, true, err))
            return false;
        from = at = match.end;
        if (match.begin == match.end)
            from += utf8_decode(text + span.begin + at, n_bytes - at, &code, NULL);
    }
    return add_part(&cut, span.begin + at, span.end, false, err);
}

/* ---- Writing ---- */

static bool begins_with(const char *text, size_t n_bytes, const char *mark)
{
    size_t n = strlen(mark);
    return n_bytes >= n && memcmp(text, mark, n) == 0;
}

/* Whether the word at this place gets a mark before it. A mark of its own or a space that becomes
 * one is enough. */
static bool wants_mark(const struct step *step, const char *text, struct regex_span span,
                       enum fragment_place place)
{
    if (span.begin == 0 && place == FRAGMENT_CONTINUES) return false;
    if (step->scheme == PREFIX_NEVER) return false;
    if (step->scheme == PREFIX_FIRST && (span.begin || place != FRAGMENT_FIRST)) return false;
    return text[span.begin] != ' ' &&
           !begins_with(text + span.begin, span.end - span.begin, step->mark);
}

static bool write_marks(const struct step *step, enum fragment_place place, struct word_list *words,
                        struct err *err)
{
    struct buf *out = &words->spare;
    const char *text = words->text;
    buf_clear(out);
    for (size_t i = 0; i < words->n; i++) {
        struct regex_span *span = &words->spans[i];
        size_t begin = out->n_bytes;
        if (wants_mark(step, text, *span, place)) buf_text(out, step->mark);
        for (size_t k = span->begin; k < span->end; k++) {
            if (text[k] == ' ') buf_text(out, step->mark);
            else buf_char(out, text[k]);
        }
        *span = (struct regex_span){begin, out->n_bytes};
    }
    struct buf written = words->spare;
    words->spare = words->written;
    words->written = written;
    words->text = written.data;
    return buf_check(&words->written, err);
}

bool pretokenizer_split(const struct pretokenizer *pretokenizer, const char *text, size_t n_bytes,
                        enum fragment_place place, struct word_list *words, struct err *err)
{
    struct word_list cut = {0};
    words->n = 0;
    words->text = text;
    bool ok = add_word(words, 0, n_bytes, err);
    for (size_t i = 0; ok && i < pretokenizer->n; i++) {
        const struct step *step = &pretokenizer->steps[i];
        if (!step->expression) {
            ok = write_marks(step, place, words, err);
            continue;
        }
        cut.n = 0;
        for (size_t k = 0; ok && k < words->n; k++)
            ok = cut_span(step, words->text, words->spans[k], &cut, err);
        struct regex_span *spans = cut.spans;
        size_t n = cut.n, capacity = cut.capacity;
        cut.spans = words->spans;
        cut.capacity = words->capacity;
        words->spans = spans;
        words->n = n;
        words->capacity = capacity;
    }
    word_list_done(&cut);
    return ok;
}
