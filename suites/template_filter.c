/* template_filter.c - see template_filter.h. A filter takes values and gives a value; the table at
 * the end is the list that docs/tasks.md describes.
 *
 * What is not found (a separator, a match, a position) is NONE, never an empty text: a task must
 * not score an answer that it could not read.
 */
#include "suites/template_filter.h"

#include "base/letter_case.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t MAX_TEXT_BYTES = (size_t)64 << 20;

/* Turns a buffer into a text of the arena, and frees it. */
static bool keep_text(struct buf *text, struct arena *arena, struct value *out, struct err *err)
{
    *out = value_text(arena_take(arena, text, err));
    return out->text != NULL;
}

static bool keep_part(struct arena *arena, const char *text, size_t n_bytes, struct value *out,
                      struct err *err)
{
    *out = value_text(arena_copy(arena, text, n_bytes, err));
    return out->text != NULL;
}

static bool none(struct value *out)
{
    *out = (struct value){.kind = VALUE_NONE};
    return true;
}

/* ---- Texts ---- */

static bool strip(const struct filter_input *in, struct value *out, struct err *err)
{
    size_t n = strlen(in->value->text);
    const char *text = letter_strip(in->value->text, &n, true);
    return keep_part(in->arena, text, n, out, err);
}

static bool lower(const struct filter_input *in, struct value *out, struct err *err)
{
    struct buf text = {.maximum = MAX_TEXT_BYTES};
    letter_lower_text(&text, in->value->text, strlen(in->value->text));
    return keep_text(&text, in->arena, out, err);
}

/* Python's str.capitalize(): the first letter as words begin, all others in lower case. */
static bool capitalize(const struct filter_input *in, struct value *out, struct err *err)
{
    struct buf text = {.maximum = MAX_TEXT_BYTES};
    letter_capitalize_text(&text, in->value->text, strlen(in->value->text));
    return keep_text(&text, in->arena, out, err);
}

static bool replace(const struct filter_input *in, struct value *out, struct err *err)
{
    const char *from = in->arguments[0].text, *text = in->value->text;
    size_t n_from = strlen(from);
    struct buf result = {.maximum = MAX_TEXT_BYTES};
    if (!n_from) return err_set(err, ERR_INPUT, "replace: there is nothing to replace in \"\"");
    for (const char *found; (found = strstr(text, from)); text = found + n_from) {
        buf_append(&result, text, (size_t)(found - text));
        buf_text(&result, in->arguments[1].text);
    }
    buf_text(&result, text);
    return keep_text(&result, in->arena, out, err);
}

static bool before(const struct filter_input *in, struct value *out, struct err *err)
{
    const char *found = strstr(in->value->text, in->arguments[0].text);
    if (!found) return none(out);
    return keep_part(in->arena, in->value->text, (size_t)(found - in->value->text), out, err);
}

static bool after(const struct filter_input *in, struct value *out, struct err *err)
{
    (void)err;
    const char *found = strstr(in->value->text, in->arguments[0].text);
    if (!found) return none(out);
    *out = value_text(found + strlen(in->arguments[0].text));
    return true;
}

static const char *find_last(const char *text, const char *wanted)
{
    const char *last = NULL;
    for (const char *found = text; (found = strstr(found, wanted)) && *found; found++) last = found;
    return last;
}

static bool before_last(const struct filter_input *in, struct value *out, struct err *err)
{
    const char *found = find_last(in->value->text, in->arguments[0].text);
    if (!found) return none(out);
    return keep_part(in->arena, in->value->text, (size_t)(found - in->value->text), out, err);
}

static bool after_last(const struct filter_input *in, struct value *out, struct err *err)
{
    (void)err;
    const char *found = find_last(in->value->text, in->arguments[0].text);
    if (!found) return none(out);
    *out = value_text(found + strlen(in->arguments[0].text));
    return true;
}

static bool number(const struct filter_input *in, struct value *out, struct err *err)
{
    char *end;
    double value = strtod(in->value->text, &end);
    if (end == in->value->text || *end || !isfinite(value)) return none(out);
    return value_number(value, in->arena, out, err);
}

static bool add(const struct filter_input *in, struct value *out, struct err *err)
{
    if (!number(in, out, err)) return false;
    if (out->kind == VALUE_NONE)
        return err_set(err, ERR_INPUT, "add: \"%.80s\" is no number", in->value->text);
    return value_number(out->number + strtod(in->arguments[0].text, NULL), in->arena, out, err);
}

static bool split(const struct filter_input *in, struct value *out, struct err *err)
{
    const char *separator = in->arguments[0].text, *text = in->value->text;
    size_t n_separator = strlen(separator), n = 1, i = 0;
    if (!n_separator) return err_set(err, ERR_INPUT, "split: the separator is empty");
    for (const char *at = text; (at = strstr(at, separator)); at += n_separator) n++;
    struct value *items = arena_alloc(in->arena, n, sizeof *items, err);
    if (!items) return false;
    for (const char *end; (end = strstr(text, separator)); text = end + n_separator)
        if (!keep_part(in->arena, text, (size_t)(end - text), &items[i++], err)) return false;
    items[i] = value_text(text);
    *out = (struct value){.kind = VALUE_LIST, .items = items, .n = n};
    return true;
}

/* ---- Regular expressions ---- */

enum { MAX_GROUPS = 10 };

/* What a match stands for: its first group that is not empty, or the whole where there is none. */
static bool take_match(const struct filter_input *in, const struct regex_span *groups,
                       struct value *out, struct err *err)
{
    const struct regex_span *span = &groups[0];
    for (size_t i = 1; i < MAX_GROUPS && span == &groups[0]; i++)
        if (groups[i].begin != SIZE_MAX && groups[i].end > groups[i].begin) span = &groups[i];
    size_t n = span->end - span->begin;
    const char *text = letter_strip(in->value->text + span->begin, &n, true);
    return keep_part(in->arena, text, n, out, err);
}

/* Finds the next match from *from on, which moves behind it; 1, 0 or -1 as regex_find. */
static int next_match(const struct filter_input *in, size_t *from,
                      struct regex_span groups[MAX_GROUPS], struct err *err)
{
    size_t n = strlen(in->value->text);
    for (size_t i = 0; i < MAX_GROUPS; i++) groups[i] = (struct regex_span){SIZE_MAX, SIZE_MAX};
    if (*from > n) return 0;
    int found = *from == 0 ? regex_find(in->regex, in->value->text, n, 0, groups, MAX_GROUPS, err)
                           : regex_find_valid(in->regex, in->value->text, n, *from, groups,
                                              MAX_GROUPS, err);
    if (found <= 0) return found;
    *from = groups[0].end;
    if (groups[0].end > groups[0].begin) return found;
    uint32_t code; /* after an empty match the next one begins a character further */
    *from += *from < n ? utf8_decode(in->value->text + *from, n - *from, &code, NULL) : 1;
    return found;
}

static bool match(const struct filter_input *in, struct value *out, struct err *err)
{
    struct regex_span groups[MAX_GROUPS];
    size_t from = 0;
    int found = next_match(in, &from, groups, err);
    if (found <= 0) return found == 0 && none(out);
    return take_match(in, groups, out, err);
}

static bool last_match(const struct filter_input *in, struct value *out, struct err *err)
{
    struct regex_span groups[MAX_GROUPS], last[MAX_GROUPS];
    size_t from = 0, n = 0;
    int found;
    while ((found = next_match(in, &from, groups, err)) > 0 && ++n)
        memcpy(last, groups, sizeof last);
    if (found < 0 || !n) return found == 0 && none(out);
    return take_match(in, last, out, err);
}

static bool match_all(const struct filter_input *in, struct value *out, struct err *err)
{
    struct regex_span groups[MAX_GROUPS];
    size_t from = 0, n = 0, i = 0;
    int found;
    while ((found = next_match(in, &from, groups, err)) > 0) n++;
    struct value *items = found < 0 ? NULL : arena_alloc(in->arena, n, sizeof *items, err);
    if (!items) return false;
    from = 0;
    while (i < n && next_match(in, &from, groups, err) > 0)
        if (!take_match(in, groups, &items[i++], err)) return false;
    *out = n ? (struct value){.kind = VALUE_LIST, .items = items, .n = n}
             : (struct value){.kind = VALUE_NONE};
    return true;
}

static bool substitute(const struct filter_input *in, struct value *out, struct err *err)
{
    struct regex_span groups[MAX_GROUPS];
    size_t from = 0, kept = 0;
    int found;
    struct buf text = {.maximum = MAX_TEXT_BYTES};
    while ((found = next_match(in, &from, groups, err)) > 0) {
        buf_append(&text, in->value->text + kept, groups[0].begin - kept);
        buf_text(&text, in->arguments[1].text);
        kept = groups[0].end;
    }
    buf_text(&text, in->value->text + kept);
    if (found == 0) return keep_text(&text, in->arena, out, err);
    buf_free(&text);
    return false;
}

/* ---- Lists and maps ---- */

static bool need_list(const struct filter_input *in, const char *name, struct err *err)
{
    if (in->value->kind == VALUE_LIST) return true;
    return err_set(err, ERR_INPUT, "%s takes a list, and this is %s", name,
                   value_kind_name(in->value));
}

static bool join_with(const struct filter_input *in, const char *name, const char *separator,
                      struct value *out, struct err *err)
{
    struct buf text = {.maximum = MAX_TEXT_BYTES};
    if (!need_list(in, name, err)) return false;
    for (size_t i = 0; i < in->value->n; i++) {
        if (i) buf_text(&text, separator);
        buf_text(&text, in->value->items[i].text ? in->value->items[i].text : "");
    }
    return keep_text(&text, in->arena, out, err);
}

static bool join(const struct filter_input *in, struct value *out, struct err *err)
{
    return join_with(in, "join", in->arguments[0].text, out, err);
}

static bool lines(const struct filter_input *in, struct value *out, struct err *err)
{
    return join_with(in, "lines", "\n", out, err);
}

/* Gives a list's elements the letters A, B, C ..., each before a text and its element, or alone. */
static bool letter_list(const struct filter_input *in, const char *name, const char *separator,
                        struct value *out, struct err *err)
{
    if (!need_list(in, name, err)) return false;
    size_t n = in->value->n;
    if (n > 26)
        return err_set(err, ERR_INPUT, "%s: %zu elements are more than there are letters", name, n);
    struct value *items = arena_alloc(in->arena, n, sizeof *items, err);
    if (!items) return false;
    for (size_t i = 0; i < n; i++) {
        const char *text = in->value->items[i].text;
        if (separator && !text)
            return err_set(err, ERR_INPUT, "%s: element %zu is %s", name, i,
                           value_kind_name(&in->value->items[i]));
        items[i] = value_text(arena_printf(in->arena, err, "%c%s%s", (char)('A' + i),
                                           separator ? separator : "", separator ? text : ""));
        if (!items[i].text) return false;
    }
    *out = (struct value){.kind = VALUE_LIST, .items = items, .n = n};
    return true;
}

static bool letters(const struct filter_input *in, struct value *out, struct err *err)
{
    return letter_list(in, "letters", NULL, out, err);
}

static bool lettered(const struct filter_input *in, struct value *out, struct err *err)
{
    return letter_list(in, "lettered", in->arguments[0].text, out, err);
}

static bool need_map(const struct filter_input *in, const char *name, struct err *err)
{
    if (in->value->kind == VALUE_MAP) return true;
    return err_set(err, ERR_INPUT, "%s takes a map, and this is %s", name,
                   value_kind_name(in->value));
}

static bool keys(const struct filter_input *in, struct value *out, struct err *err)
{
    if (!need_map(in, "keys", err)) return false;
    struct value *items = arena_alloc(in->arena, in->value->n, sizeof *items, err);
    for (size_t i = 0; items && i < in->value->n; i++) items[i] = value_text(in->value->keys[i]);
    *out = (struct value){.kind = VALUE_LIST, .items = items, .n = in->value->n};
    return items != NULL;
}

static bool values(const struct filter_input *in, struct value *out, struct err *err)
{
    (void)err;
    if (!need_map(in, "values", err)) return false;
    *out = (struct value){.kind = VALUE_LIST, .items = in->value->items, .n = in->value->n};
    return true;
}

/* The position, from 0, of an element in a list or of a text in a text (in characters). */
static bool index_of(const struct filter_input *in, struct value *out, struct err *err)
{
    const char *wanted = in->arguments[0].text;
    if (in->value->kind == VALUE_LIST) {
        for (size_t i = 0; i < in->value->n; i++)
            if (in->value->items[i].text && !strcmp(in->value->items[i].text, wanted))
                return value_number((double)i, in->arena, out, err);
        return none(out);
    }
    if (!in->value->text)
        return err_set(err, ERR_INPUT, "index_of takes a list or a text, and this is %s",
                       value_kind_name(in->value));
    const char *found = *wanted ? strstr(in->value->text, wanted) : NULL;
    if (!found) return none(out);
    return value_number((double)utf8_count(in->value->text, (size_t)(found - in->value->text)),
                        in->arena, out, err);
}

static bool otherwise(const struct filter_input *in, struct value *out, struct err *err)
{
    (void)err;
    *out = in->value->kind == VALUE_NONE ? in->arguments[0] : *in->value;
    return true;
}

/* ---- The table ---- */

static const struct filter FILTERS[] = {
    {"strip", 0, true, false, strip},
    {"lower", 0, true, false, lower},
    {"capitalize", 0, true, false, capitalize},
    {"replace", 2, true, false, replace},
    {"substitute", 2, true, true, substitute},
    {"before", 1, true, false, before},
    {"after", 1, true, false, after},
    {"before_last", 1, true, false, before_last},
    {"after_last", 1, true, false, after_last},
    {"match", 1, true, true, match},
    {"last_match", 1, true, true, last_match},
    {"match_all", 1, true, true, match_all},
    {"split", 1, true, false, split},
    {"number", 0, true, false, number},
    {"add", 1, true, false, add},
    {"join", 1, false, false, join},
    {"lines", 0, false, false, lines},
    {"letters", 0, false, false, letters},
    {"lettered", 1, false, false, lettered},
    {"keys", 0, false, false, keys},
    {"values", 0, false, false, values},
    {"index_of", 1, false, false, index_of},
    {"or", 1, false, false, otherwise},
};
enum { N_FILTERS = COUNT_OF(FILTERS) };

const struct filter *filter_find(const char *name)
{
    for (size_t i = 0; i < N_FILTERS; i++)
        if (!strcmp(FILTERS[i].name, name)) return &FILTERS[i];
    return NULL;
}

void filter_list(struct buf *out)
{
    for (size_t i = 0; i < N_FILTERS; i++) buf_printf(out, "%s%s", i ? ", " : "", FILTERS[i].name);
}

static bool apply_to_each(const struct filter *filter, const struct filter_input *input,
                          struct value *out, struct err *err)
{
    size_t n = input->value->n;
    struct value *items = arena_alloc(input->arena, n, sizeof *items, err);
    if (!items) return false;
    for (size_t i = 0; i < n; i++) {
        struct filter_input one = *input;
        one.value = &input->value->items[i];
        if (!filter_apply(filter, &one, &items[i], err)) return false;
    }
    *out = (struct value){.kind = VALUE_LIST, .items = items, .n = n};
    return true;
}

bool filter_apply(const struct filter *filter, const struct filter_input *input, struct value *out,
                  struct err *err)
{
    for (size_t i = 0; i < filter->n_arguments; i++)
        if (!input->arguments[i].text)
            return err_set(err, ERR_INPUT, "%s takes a text in its brackets, and this is %s",
                           filter->name, value_kind_name(&input->arguments[i]));
    if (!filter->each) {
        if (input->value->kind != VALUE_NONE || filter->apply == otherwise)
            return filter->apply(input, out, err);
        return none(out);
    }
    if (input->value->kind == VALUE_LIST) return apply_to_each(filter, input, out, err);
    if (input->value->kind == VALUE_NONE) return none(out);
    if (!input->value->text)
        return err_set(err, ERR_INPUT, "%s takes a text, and this is %s", filter->name,
                       value_kind_name(input->value));
    return filter->apply(input, out, err);
}
