/* template.c - see template.h. A template is parsed once into parts: text, or an expression, which
 * is a name with steps into lists and maps, or a quoted text, and filters.
 *
 *   template   = { text | "{{" | "}}" | "{" operand { "|" filter } "}" }
 *   operand    = quoted | integer | name { "." name | "[" integer "]" | "[]" }
 *   filter     = name [ "(" operand { "," operand } ")" ]
 */
#include "suites/template.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "suites/template_filter.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STEPS = 8, MAX_CALLS = 16, MAX_PARTS = 64 };
static const size_t MAX_TEXT_BYTES = (size_t)64 << 20;

struct step {
    enum { STEP_NAME, STEP_INDEX, STEP_EACH } kind;
    const char *name;
    long index; /* below 0: from the end */
};

struct operand {
    struct value literal; /* NONE: the operand is a path */
    struct step steps[MAX_STEPS];
    size_t n_steps;
};

struct call {
    const struct filter *filter;
    const struct operand *arguments;
    struct regex *regex;
};

struct part {
    const char *text;   /* of a part that is text; NULL: an expression */
    const char *source; /* what stands between the braces, for messages */
    struct operand operand;
    const struct call *calls; /* [n_calls] */
    size_t n_calls;
};

struct template
{
    const struct part *parts; /* [n_parts] */
    size_t n_parts;
};

struct regex_link {
    struct regex_link *next;
    struct regex *regex;
};

struct templates {
    struct arena *arena;
    struct regex_link *regexes;
};

struct templates *templates_new(struct err *err)
{
    struct templates *owner = mem_new(1, sizeof *owner, err);
    if (owner && (owner->arena = arena_new(0, err))) return owner;
    free(owner);
    return NULL;
}

void templates_free(struct templates *owner)
{
    if (!owner) return;
    for (struct regex_link *link = owner->regexes; link; link = link->next) regex_free(link->regex);
    arena_free(owner->arena);
    free(owner);
}

/* ---- Parsing ---- */

struct parser {
    struct templates *owner;
    const char *text, *at;
};

/* Fails with the message and its place in the template. */
__attribute__((format(printf, 4, 5))) static bool
fail_at(const struct parser *parser, const char *at, struct err *err, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return err_set(err, ERR_INPUT, "%s (at character %zu of the template)", message,
                   utf8_count(parser->text, (size_t)(at - parser->text)) + 1);
}

static void skip_spaces(struct parser *parser)
{
    while (*parser->at == ' ' || *parser->at == '\n') parser->at++;
}

static bool is_name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || (unsigned char)c >= 0x80;
}

static bool read_name(struct parser *parser, const char **name, struct err *err)
{
    const char *start = parser->at;
    while (is_name_byte(*parser->at)) parser->at++;
    if (parser->at == start)
        return *start ? fail_at(parser, start, err, "a name is wanted here, not \"%c\"", *start)
                      : fail_at(parser, start, err, "the template ends inside {...}");
    *name = arena_copy(parser->owner->arena, start, (size_t)(parser->at - start), err);
    return *name != NULL;
}

/* Reads a text between ' or ", in which a doubled quote stands for one. */
static bool read_quoted(struct parser *parser, struct value *literal, struct err *err)
{
    const char *start = parser->at;
    char quote = *parser->at++;
    struct buf text = {.maximum = MAX_TEXT_BYTES};
    for (;; parser->at++) {
        if (!*parser->at) {
            buf_free(&text);
            return fail_at(parser, start, err, "a quoted text without its second %c", quote);
        }
        if (*parser->at == quote && *++parser->at != quote) break;
        buf_char(&text, *parser->at);
    }
    *literal = value_text(arena_take(parser->owner->arena, &text, err));
    return literal->text != NULL;
}

static bool read_integer(struct parser *parser, long *integer, struct err *err)
{
    char *end;
    *integer = strtol(parser->at, &end, 10);
    if (end == parser->at || end - parser->at > 9)
        return fail_at(parser, parser->at, err, "an integer is wanted here");
    parser->at = end;
    return true;
}

static bool add_step(struct parser *parser, struct operand *operand, struct step step,
                     struct err *err)
{
    if (operand->n_steps == MAX_STEPS)
        return fail_at(parser, parser->at, err, "more than %d steps", MAX_STEPS);
    operand->steps[operand->n_steps++] = step;
    return true;
}

static bool read_path(struct parser *parser, struct operand *operand, struct err *err)
{
    struct step step = {.kind = STEP_NAME};
    if (!read_name(parser, &step.name, err) || !add_step(parser, operand, step, err)) return false;
    for (;;) {
        step = (struct step){.kind = STEP_NAME};
        if (*parser->at == '.') {
            parser->at++;
            if (!read_name(parser, &step.name, err)) return false;
        } else if (*parser->at == '[' && parser->at[1] == ']') {
            parser->at += 2;
            step.kind = STEP_EACH;
        } else if (*parser->at == '[') {
            parser->at++;
            step.kind = STEP_INDEX;
            if (!read_integer(parser, &step.index, err)) return false;
            if (*parser->at != ']') return fail_at(parser, parser->at, err, "\"]\" is wanted here");
            parser->at++;
        } else return true;
        if (!add_step(parser, operand, step, err)) return false;
    }
}

static bool read_operand(struct parser *parser, struct operand *operand, struct err *err)
{
    skip_spaces(parser);
    *operand = (struct operand){0};
    char c = *parser->at;
    bool ok;
    if (c == '\'' || c == '"') ok = read_quoted(parser, &operand->literal, err);
    else if (isdigit((unsigned char)c) || (c == '-' && isdigit((unsigned char)parser->at[1]))) {
        long integer;
        ok = read_integer(parser, &integer, err) &&
             value_number((double)integer, parser->owner->arena, &operand->literal, err);
    } else ok = read_path(parser, operand, err);
    skip_spaces(parser);
    return ok;
}

static bool compile(struct parser *parser, struct call *call, const char *at, struct err *err)
{
    const struct value *pattern = &call->arguments[0].literal;
    if (pattern->kind == VALUE_NONE) return true; /* a field: compiled when it is known */
    struct regex_link *link = arena_alloc(parser->owner->arena, 1, sizeof *link, err);
    struct err reason = {0};
    if (!link) return false;
    call->regex = link->regex = regex_new(pattern->text, &reason);
    if (!link->regex) return fail_at(parser, at, err, "%s", reason.message);
    link->next = parser->owner->regexes;
    parser->owner->regexes = link;
    return true;
}

static bool read_arguments(struct parser *parser, struct call *call, const char *at,
                           struct err *err)
{
    struct operand *arguments =
        arena_alloc(parser->owner->arena, FILTER_MAX_ARGUMENTS, sizeof *arguments, err);
    size_t n = 0;
    if (!arguments) return false;
    call->arguments = arguments;
    bool more = *parser->at == '(';
    while (more) {
        parser->at++;
        if (n == FILTER_MAX_ARGUMENTS) break;
        if (!read_operand(parser, &arguments[n++], err)) return false;
        more = *parser->at == ',';
        if (!more && *parser->at++ != ')')
            return fail_at(parser, parser->at - 1, err, "\")\" is wanted here");
    }
    if (more || n != call->filter->n_arguments)
        return fail_at(parser, at, err, "%s takes %zu value%s in brackets", call->filter->name,
                       call->filter->n_arguments, call->filter->n_arguments == 1 ? "" : "s");
    skip_spaces(parser);
    return !call->filter->takes_regex || compile(parser, call, at, err);
}

static bool read_call(struct parser *parser, struct call *call, struct err *err)
{
    const char *name;
    skip_spaces(parser);
    const char *at = parser->at;
    if (!read_name(parser, &name, err)) return false;
    call->filter = filter_find(name);
    if (!call->filter) {
        struct buf known = {0};
        filter_list(&known);
        fail_at(parser, at, err, "there is no filter \"%s\" (known: %s)", name, buf_string(&known));
        buf_free(&known);
        return false;
    }
    skip_spaces(parser);
    return read_arguments(parser, call, at, err);
}

/* Reads an expression from behind the opening brace to behind the closing one. */
static bool read_expression(struct parser *parser, struct part *part, struct err *err)
{
    const char *start = parser->at;
    struct call *calls = arena_alloc(parser->owner->arena, MAX_CALLS, sizeof *calls, err);
    if (!calls || !read_operand(parser, &part->operand, err)) return false;
    part->calls = calls;
    while (*parser->at == '|') {
        parser->at++;
        if (part->n_calls == MAX_CALLS)
            return fail_at(parser, parser->at, err, "more than %d filters", MAX_CALLS);
        if (!read_call(parser, &calls[part->n_calls++], err)) return false;
    }
    if (!*parser->at) return fail_at(parser, start - 1, err, "\"{\" without its \"}\"");
    if (*parser->at != '}')
        return fail_at(parser, parser->at, err, "\"|\" or \"}\" is wanted here, not \"%c\"",
                       *parser->at);
    part->source = arena_copy(parser->owner->arena, start, (size_t)(parser->at - start), err);
    parser->at++;
    return part->source != NULL;
}

/* Reads a text up to the next expression; doubled braces stand for one. */
static bool read_text(struct parser *parser, struct part *part, struct err *err)
{
    struct buf text = {.maximum = MAX_TEXT_BYTES};
    bool ok = true;
    for (; *parser->at && ok; parser->at++) {
        bool is_brace = *parser->at == '{' || *parser->at == '}';
        if (is_brace && parser->at[1] == *parser->at) parser->at++;
        else if (*parser->at == '{') break;
        else if (is_brace)
            ok = fail_at(parser, parser->at, err, "\"}\" without its \"{\"; a brace is written }}");
        buf_char(&text, *parser->at);
    }
    if (ok) part->text = arena_take(parser->owner->arena, &text, err);
    buf_free(&text);
    return ok && part->text;
}

const struct template *template_parse(struct templates *owner, const char *text, struct err *err)
{
    struct parser parser = {.owner = owner, .text = text, .at = text};
    struct template *template = arena_alloc(owner->arena, 1, sizeof *template, err);
    struct part *parts = mem_new(MAX_PARTS, sizeof *parts, err);
    bool ok = template && parts;
    while (ok && *parser.at) {
        if (template->n_parts == MAX_PARTS) {
            ok = fail_at(&parser, parser.at, err, "more than %d parts", MAX_PARTS);
            break;
        }
        struct part *part = &parts[template->n_parts++];
        bool is_expression = *parser.at == '{' && parser.at[1] != '{';
        parser.at += is_expression;
        ok = is_expression ? read_expression(&parser, part, err) : read_text(&parser, part, err);
    }
    struct part *kept = ok ? arena_alloc(owner->arena, template->n_parts, sizeof *kept, err) : NULL;
    if (kept) memcpy(kept, parts, template->n_parts * sizeof *kept);
    free(parts);
    if (!kept) return NULL;
    template->parts = kept;
    return template;
}

/* ---- Evaluating ---- */

struct evaluation {
    const struct scope *scope;
    struct arena *arena;
};

static void list_names(const struct scope *scope, struct buf *out)
{
    for (size_t i = 0; i < scope->n_maps; i++)
        for (size_t k = 0; k < scope->maps[i]->n; k++)
            buf_printf(out, "%s%s", out->n_bytes ? ", " : "", scope->maps[i]->keys[k]);
}

static bool fail_name(const struct scope *scope, const char *name, struct err *err)
{
    struct buf known = {0};
    list_names(scope, &known);
    err_set(err, ERR_INPUT, "there is no field \"%s\" (there are: %.400s)", name,
            buf_string(&known));
    buf_free(&known);
    return false;
}

static const struct value *find_name(const struct scope *scope, const char *name)
{
    const struct value *found = NULL;
    for (size_t i = 0; i < scope->n_maps && !found; i++) found = value_get(scope->maps[i], name);
    return found;
}

static bool step_by_name(const struct value *value, const char *name, struct value *out,
                         struct err *err)
{
    const struct value *member = value_get(value, name);
    if (!member)
        return value->kind == VALUE_MAP ? err_set(err, ERR_INPUT, "there is no member \"%s\"", name)
                                        : err_set(err, ERR_INPUT, "there is no member \"%s\" in %s",
                                                  name, value_kind_name(value));
    *out = *member;
    return true;
}

static bool step_by_index(const struct value *value, long index, struct value *out, struct err *err)
{
    if (value->kind != VALUE_LIST)
        return err_set(err, ERR_INPUT, "[%ld] takes a list, and this is %s", index,
                       value_kind_name(value));
    long n = (long)value->n, at = index < 0 ? n + index : index;
    if (at < 0 || at >= n)
        return err_set(err, ERR_INPUT, "there is no element [%ld] in a list of %ld", index, n);
    *out = value->items[at];
    return true;
}

/* Walks the steps from a value on; those behind [] from each element. */
static bool take_steps(struct arena *arena, const struct value *from, const struct step *steps,
                       size_t n_steps, struct value *out, struct err *err)
{
    *out = *from;
    for (size_t i = 0; i < n_steps; i++) {
        struct value value = *out;
        if (steps[i].kind == STEP_NAME) {
            if (!step_by_name(&value, steps[i].name, out, err)) return false;
            continue;
        }
        if (steps[i].kind == STEP_INDEX) {
            if (!step_by_index(&value, steps[i].index, out, err)) return false;
            continue;
        }
        if (value.kind != VALUE_LIST)
            return err_set(err, ERR_INPUT, "[] takes a list, and this is %s",
                           value_kind_name(&value));
        struct value *items = arena_alloc(arena, value.n, sizeof *items, err);
        if (!items) return false;
        for (size_t k = 0; k < value.n; k++)
            if (!take_steps(arena, &value.items[k], steps + i + 1, n_steps - i - 1, &items[k], err))
                return false;
        *out = (struct value){.kind = VALUE_LIST, .items = items, .n = value.n};
        return true;
    }
    return true;
}

static bool evaluate_operand(const struct evaluation *evaluation, const struct operand *operand,
                             struct value *out, struct err *err)
{
    if (operand->literal.kind != VALUE_NONE) {
        *out = operand->literal;
        return true;
    }
    const char *name = operand->steps[0].name;
    const struct value *found = find_name(evaluation->scope, name);
    if (!found) return fail_name(evaluation->scope, name, err);
    return take_steps(evaluation->arena, found, operand->steps + 1, operand->n_steps - 1, out, err);
}

/* Applies a filter whose regular expression stands in a field. */
static bool apply_compiled(const struct call *call, struct filter_input *input,
                           struct value *result, struct err *err)
{
    const char *pattern = input->arguments[0].text;
    if (!pattern) return filter_apply(call->filter, input, result, err); /* says what is wrong */
    struct regex *regex = regex_new(pattern, err);
    input->regex = regex;
    bool ok = regex && filter_apply(call->filter, input, result, err);
    regex_free(regex);
    return ok;
}

static bool evaluate_call(const struct evaluation *evaluation, const struct call *call,
                          struct value *value, struct err *err)
{
    struct value arguments[FILTER_MAX_ARGUMENTS], result;
    for (size_t i = 0; i < call->filter->n_arguments; i++)
        if (!evaluate_operand(evaluation, &call->arguments[i], &arguments[i], err)) return false;
    struct filter_input input = {value, arguments, call->regex, evaluation->arena};
    bool is_compiled = !call->filter->takes_regex || call->regex;
    if (!(is_compiled ? filter_apply(call->filter, &input, &result, err)
                      : apply_compiled(call, &input, &result, err)))
        return false;
    *value = result;
    return true;
}

static bool evaluate_part(const struct evaluation *evaluation, const struct part *part,
                          struct value *value, struct err *err)
{
    bool ok = evaluate_operand(evaluation, &part->operand, value, err);
    for (size_t i = 0; ok && i < part->n_calls; i++)
        ok = evaluate_call(evaluation, &part->calls[i], value, err);
    return ok || err_context(err, "evaluating {%.100s}", part->source);
}

static bool append_part(const struct evaluation *evaluation, const struct part *part,
                        struct buf *out, struct err *err)
{
    struct value value;
    if (part->text) return buf_text(out, part->text) || buf_check(out, err);
    if (!evaluate_part(evaluation, part, &value, err)) return false;
    if (value.text) return buf_text(out, value.text) || buf_check(out, err);
    return err_set(err, ERR_INPUT, "{%.100s} is %s, and a text is needed", part->source,
                   value_kind_name(&value));
}

bool template_evaluate(const struct template *template, const struct scope *scope,
                       struct arena *arena, struct value *value, struct err *err)
{
    const struct evaluation evaluation = {scope, arena};
    if (template->n_parts == 1 && !template->parts[0].text)
        return evaluate_part(&evaluation, &template->parts[0], value, err);
    struct buf text = {.maximum = MAX_TEXT_BYTES};
    bool ok = true;
    for (size_t i = 0; ok && i < template->n_parts; i++)
        ok = append_part(&evaluation, &template->parts[i], &text, err);
    if (ok) *value = value_text(arena_take(arena, &text, err));
    buf_free(&text);
    return ok && value->text;
}

bool template_text(const struct template *template, const struct scope *scope, struct arena *arena,
                   const char **text, struct err *err)
{
    struct value value;
    if (!template_evaluate(template, scope, arena, &value, err)) return false;
    *text = value.text;
    if (value.text) return true;
    return err_set(err, ERR_INPUT, "{%.100s} is %s, and a text is needed",
                   template->parts[0].source, value_kind_name(&value));
}
