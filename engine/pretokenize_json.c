/* pretokenize_json.c - the steps of a tokenizer.json's "pre_tokenizer", as the library `tokenizers`
 * defines them: each becomes one or two steps of ours.
 *
 * ByteLevel spells words in bytes, so that it has to be the last one: nothing here reads its
 * alphabet.
 */
#include "engine/pretokenize.h"

#include "base/mem.h"
#include "engine/oniguruma.h"
#include "engine/pre_types.h"

#include <string.h>

struct reading {
    struct pretokenizer *pretokenizer;
    bool is_byte_level;
};

static bool read_behaviour(const struct json *json, enum split_behaviour *behaviour,
                           struct err *err)
{
    static const char *const NAMES[] = {
        [SPLIT_ISOLATED] = "Isolated",
        [SPLIT_CONTIGUOUS] = "Contiguous",
        [SPLIT_REMOVED] = "Removed",
        [SPLIT_MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
        [SPLIT_MERGED_WITH_NEXT] = "MergedWithNext",
    };
    const char *name = json_require_string(json, "behavior", err);
    for (size_t i = 0; name && i < COUNT_OF(NAMES); i++) {
        if (strcmp(name, NAMES[i]) != 0) continue;
        *behaviour = (enum split_behaviour)i;
        return true;
    }
    return name && err_set(err, ERR_INPUT, "the unknown behavior \"%.64s\"", name);
}

/* Adds a split by an expression of Oniguruma's, or by a text itself. */
static bool add_split(struct reading *reading, const char *text, bool is_expression,
                      enum split_behaviour behaviour, bool inverted, struct err *err)
{
    struct buf expression = {0};
    bool ok = true;
    if (is_expression) ok = oniguruma_translate(text, &expression, err);
    else oniguruma_quote(text, &expression);
    ok = ok && buf_check(&expression, err) &&
         pretokenizer_add_split(reading->pretokenizer, buf_string(&expression), behaviour, inverted,
                                err);
    buf_free(&expression);
    return ok;
}

static bool read_split(struct reading *reading, const struct json *json, struct err *err)
{
    const struct json *pattern = json_get(json, "pattern");
    bool is_regex = json_get(pattern, "Regex") != NULL;
    const char *text = json_require_string(pattern, is_regex ? "Regex" : "String", err);
    enum split_behaviour behaviour;
    return text && read_behaviour(json, &behaviour, err) &&
           add_split(reading, text, is_regex, behaviour,
                     json_as_bool(json_get(json, "invert"), false), err);
}

static bool read_byte_level(struct reading *reading, const struct json *json, struct err *err)
{
    reading->is_byte_level = true;
    return (!json_as_bool(json_get(json, "add_prefix_space"), true) ||
            pretokenizer_add_mark(reading->pretokenizer, " ", PREFIX_ALWAYS, err)) &&
           (!json_as_bool(json_get(json, "use_regex"), true) ||
            pretokenizer_add_split(reading->pretokenizer, PRE_TYPE_GPT2, SPLIT_ISOLATED, false,
                                   err));
}

static bool read_digits(struct reading *reading, const struct json *json, struct err *err)
{
    bool each = json_as_bool(json_get(json, "individual_digits"), false);
    return pretokenizer_add_split(reading->pretokenizer, "\\p{N}",
                                  each ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS, false, err);
}

static bool read_metaspace(struct reading *reading, const struct json *json, struct err *err)
{
    static const char *const SCHEMES[] = {
        [PREFIX_NEVER] = "never", [PREFIX_FIRST] = "first", [PREFIX_ALWAYS] = "always"};
    const char *mark = json_require_string(json, "replacement", err);
    const char *scheme = json_as_string(json_get(json, "prepend_scheme"), "always");
    size_t i = 0;
    if (!mark) return false;
    while (i < COUNT_OF(SCHEMES) && strcmp(scheme, SCHEMES[i]) != 0) i++;
    if (i == COUNT_OF(SCHEMES))
        return err_set(err, ERR_INPUT, "the unknown prepend_scheme \"%.64s\"", scheme);
    if (!json_as_bool(json_get(json, "add_prefix_space"), true)) i = PREFIX_NEVER;
    return pretokenizer_add_mark(reading->pretokenizer, mark, (enum prefix_scheme)i, err) &&
           (!json_as_bool(json_get(json, "split"), true) ||
            add_split(reading, mark, false, SPLIT_MERGED_WITH_NEXT, false, err));
}

static bool read_punctuation(struct reading *reading, const struct json *json, struct err *err)
{
    enum split_behaviour behaviour = SPLIT_ISOLATED;
    return (!json_get(json, "behavior") || read_behaviour(json, &behaviour, err)) &&
           pretokenizer_add_split(reading->pretokenizer, "[\\p{P}$+<=>^`|~]", behaviour, false,
                                  err);
}

/* The library writes it in the syntax of Rust's regular expressions, whose words have joiners. */
static bool read_whitespace(struct reading *reading, const struct json *json, struct err *err)
{
    static const char WORDS[] = "[" ONIGURUMA_WORD "\\x{200c}\\x{200d}]+|[^" ONIGURUMA_WORD
                                "\\x{200c}\\x{200d}" PRE_TYPE_SPACE "]+";
    (void)json;
    return pretokenizer_add_split(reading->pretokenizer, WORDS, SPLIT_REMOVED, true, err);
}

static bool read_whitespace_split(struct reading *reading, const struct json *json, struct err *err)
{
    (void)json;
    return add_split(reading, "\\s", true, SPLIT_REMOVED, false, err);
}

static const struct {
    const char *type;
    bool (*read)(struct reading *reading, const struct json *json, struct err *err);
} KINDS[] = {
    {"Split", read_split},
    {"ByteLevel", read_byte_level},
    {"Digits", read_digits},
    {"Metaspace", read_metaspace},
    {"Punctuation", read_punctuation},
    {"Whitespace", read_whitespace},
    {"WhitespaceSplit", read_whitespace_split},
};

static bool read_steps(struct reading *reading, const struct json *json, int depth, struct err *err)
{
    enum { MAX_DEPTH = 8 };
    const char *type = json_require_string(json, "type", err);
    if (!type) return false;
    if (strcmp(type, "Sequence") == 0 && depth < MAX_DEPTH) {
        const struct json *parts = json_get(json, "pretokenizers");
        if (json_kind(parts) != JSON_KIND_ARRAY)
            return err_set(err, ERR_INPUT, "a Sequence without \"pretokenizers\"");
        for (size_t i = 0; i < json_length(parts); i++)
            if (!read_steps(reading, json_at(parts, i), depth + 1, err)) return false;
        return true;
    }
    if (reading->is_byte_level)
        return err_set(err, ERR_UNSUPPORTED, "not supported yet: \"%.64s\" after ByteLevel", type);
    for (size_t i = 0; i < COUNT_OF(KINDS); i++)
        if (strcmp(type, KINDS[i].type) == 0) return KINDS[i].read(reading, json, err);
    return err_set(err, ERR_UNSUPPORTED, "not supported yet: the pre-tokenizer \"%.64s\"", type);
}

struct pretokenizer *pretokenizer_read(const struct json *json, bool *is_byte_level,
                                       struct err *err)
{
    struct reading reading = {.pretokenizer = pretokenizer_new_empty(err)};
    if (!reading.pretokenizer) return NULL;
    bool ok = json_kind(json) == JSON_KIND_NULL || read_steps(&reading, json, 0, err);
    *is_byte_level = reading.is_byte_level;
    if (ok) return reading.pretokenizer;
    err_context(err, "reading the pre-tokenizer");
    pretokenizer_free(reading.pretokenizer);
    return NULL;
}
