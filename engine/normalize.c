/* normalize.c - see normalize.h. A normalizer is a flat list of steps, each of which makes a new
 * text of the one before; sequences within sequences are one list.
 */
#include "engine/normalize.h"

#include "base/mem.h"
#include "base/regex.h"
#include "base/unicode.h"
#include "base/utf8.h"
#include "engine/oniguruma.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_STEPS = 32 };

struct step;
typedef bool step_fn(const struct step *step, const char *text, size_t n_bytes, struct buf *out,
                     struct err *err);

struct step {
    step_fn *run;
    bool is_prepend;
    enum unicode_form form;
    char *pattern, *content; /* owned */
    struct regex *expression;
};

struct normalizer {
    struct step steps[MAX_STEPS];
    size_t n;
};

/* ---- The steps ---- */

static bool run_prepend(const struct step *step, const char *text, size_t n_bytes, struct buf *out,
                        struct err *err)
{
    buf_text(out, step->content);
    buf_append(out, text, n_bytes);
    return buf_check(out, err);
}

static bool run_replace(const struct step *step, const char *text, size_t n_bytes, struct buf *out,
                        struct err *err)
{
    size_t n_pattern = strlen(step->pattern), begin = 0;
    for (const char *found; begin < n_bytes; begin = (size_t)(found - text) + n_pattern) {
        found = memmem(text + begin, n_bytes - begin, step->pattern, n_pattern);
        if (!found) break;
        buf_append(out, text + begin, (size_t)(found - text) - begin);
        buf_text(out, step->content);
    }
    buf_append(out, text + begin, n_bytes - begin);
    return buf_check(out, err);
}

static bool replace_matches(const struct step *step, const char *text, size_t n_bytes,
                            struct buf *out, struct err *err)
{
    size_t begin = 0, from = 0;
    while (from < n_bytes) {
        struct regex_span match;
        uint32_t code;
        int found = regex_find_valid(step->expression, text, n_bytes, from, &match, 1, err);
        if (found < 0) return false;
        if (!found) break;
        from = match.end;
        if (match.begin == match.end) { /* nothing is replaced where nothing matches */
            from += utf8_decode(text + from, n_bytes - from, &code, NULL);
            continue;
        }
        buf_append(out, text + begin, match.begin - begin);
        buf_text(out, step->content);
        begin = match.end;
    }
    buf_append(out, text + begin, n_bytes - begin);
    return true;
}

static bool run_replace_expression(const struct step *step, const char *text, size_t n_bytes,
                                   struct buf *out, struct err *err)
{
    bool valid = true;
    for (size_t at = 0, n; at < n_bytes; at += n) {
        n = utf8_run(text + at, n_bytes - at, &valid);
        if (!valid) buf_append(out, text + at, n);
        else if (!replace_matches(step, text + at, n, out, err)) return false;
    }
    return buf_check(out, err);
}

static bool run_form(const struct step *step, const char *text, size_t n_bytes, struct buf *out,
                     struct err *err)
{
    return unicode_normalize(step->form, text, n_bytes, out, err);
}

bool normalizer_run(const struct normalizer *normalizer, const char *text, size_t n_bytes,
                    bool continues, struct buf *out, struct err *err)
{
    struct buf before = {0}, after = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < normalizer->n; i++) {
        const struct step *step = &normalizer->steps[i];
        if (step->is_prepend && continues) continue;
        ok = step->run(step, text, n_bytes, &after, err);
        struct buf spare = before;
        before = after;
        after = spare;
        buf_clear(&after);
        text = before.data;
        n_bytes = before.n_bytes;
        if (!n_bytes) break;
    }
    ok = ok && (buf_append(out, text, n_bytes), buf_check(out, err));
    buf_free(&before);
    buf_free(&after);
    return ok;
}

/* ---- Reading ---- */

static bool copy_text(const struct json *step, const char *key, char **text, struct err *err)
{
    const char *value = json_require_string(step, key, err);
    *text = value ? mem_copy_string(value, err) : NULL;
    return *text != NULL;
}

static bool read_prepend(struct step *step, const struct json *json, struct err *err)
{
    step->run = run_prepend;
    step->is_prepend = true;
    return copy_text(json, "prepend", &step->content, err);
}

static bool read_replace(struct step *step, const struct json *json, struct err *err)
{
    const struct json *pattern = json_get(json, "pattern");
    if (!copy_text(json, "content", &step->content, err)) return false;
    if (json_get(pattern, "Regex")) {
        const char *expression = json_require_string(pattern, "Regex", err);
        step->run = run_replace_expression;
        step->expression = expression ? oniguruma_compile(expression, err) : NULL;
        return step->expression != NULL;
    }
    step->run = run_replace;
    if (!copy_text(pattern, "String", &step->pattern, err)) return false;
    return step->pattern[0] || err_set(err, ERR_INPUT, "a pattern that is empty");
}

static bool read_form(struct step *step, const char *type)
{
    static const char *const FORMS[] = {[UNICODE_NFC] = "NFC",
                                        [UNICODE_NFD] = "NFD",
                                        [UNICODE_NFKC] = "NFKC",
                                        [UNICODE_NFKD] = "NFKD"};
    for (size_t i = 0; i < COUNT_OF(FORMS); i++) {
        if (strcmp(type, FORMS[i]) != 0) continue;
        step->run = run_form;
        step->form = (enum unicode_form)i;
        return true;
    }
    return false;
}

static bool read_steps(struct normalizer *normalizer, const struct json *json, int depth,
                       struct err *err)
{
    enum { MAX_DEPTH = 8 };
    const char *type = json_require_string(json, "type", err);
    if (!type) return false;
    if (strcmp(type, "Sequence") == 0 && depth < MAX_DEPTH) {
        const struct json *parts = json_get(json, "normalizers");
        if (json_kind(parts) != JSON_KIND_ARRAY)
            return err_set(err, ERR_INPUT, "a Sequence without \"normalizers\"");
        for (size_t i = 0; i < json_length(parts); i++)
            if (!read_steps(normalizer, json_at(parts, i), depth + 1, err)) return false;
        return true;
    }
    if (normalizer->n == MAX_STEPS) return err_set(err, ERR_UNSUPPORTED, "too many steps");
    struct step *step = &normalizer->steps[normalizer->n++];
    if (strcmp(type, "Prepend") == 0) return read_prepend(step, json, err);
    if (strcmp(type, "Replace") == 0) return read_replace(step, json, err);
    return read_form(step, type) ||
           err_set(err, ERR_UNSUPPORTED, "not supported yet: the normalizer \"%.64s\"", type);
}

struct normalizer *normalizer_new(const struct json *json, struct err *err)
{
    struct normalizer *normalizer = mem_new(1, sizeof *normalizer, err);
    if (!normalizer) return NULL;
    if (json_kind(json) == JSON_KIND_NULL || read_steps(normalizer, json, 0, err))
        return normalizer;
    err_context(err, "reading the normalizer");
    normalizer_free(normalizer);
    return NULL;
}

void normalizer_free(struct normalizer *normalizer)
{
    if (!normalizer) return;
    for (size_t i = 0; i < normalizer->n; i++) {
        free(normalizer->steps[i].pattern);
        free(normalizer->steps[i].content);
        regex_free(normalizer->steps[i].expression);
    }
    free(normalizer);
}

bool normalizer_is_empty(const struct normalizer *normalizer)
{
    return !normalizer->n;
}

bool normalizer_prepends(const struct normalizer *normalizer)
{
    for (size_t i = 0; i < normalizer->n; i++)
        if (normalizer->steps[i].is_prepend) return true;
    return false;
}
