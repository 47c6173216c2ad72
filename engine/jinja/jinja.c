/* jinja.c - see jinja.h: compiling a template, building its variables, rendering.
 *
 * A template lives in an arena of its own, variables in another, and each rendering in a third.
 */
#include "engine/jinja/jinja.h"

#include "base/mem.h"
#include "engine/jinja/parser.h"
#include "engine/jinja/render.h"
#include "engine/jinja/scopes.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_TEMPLATE_BYTES = 4 << 20, MOST_COMPILED_BYTES = 512 << 20 };

static const uint64_t DEFAULT_STEPS = 20 * 1000 * 1000;
static const size_t DEFAULT_MEMORY_BYTES = (size_t)512 << 20, DEFAULT_OUTPUT_BYTES = 64 << 20;

/* ---- compiling */

/* The text with line feeds for all line ends, and without the last of them, as Jinja2 reads it. */
static bool normalize(struct jinja *jinja, const char *text, size_t n_bytes, struct err *err)
{
    char *copy = arena_alloc(jinja->arena, n_bytes + 1, 1, err);
    size_t n = 0;
    if (!copy) return false;
    for (size_t i = 0; i < n_bytes; i++) {
        if (text[i] == '\r' && i + 1 < n_bytes && text[i + 1] == '\n') continue;
        copy[n++] = text[i] == '\r' ? '\n' : text[i];
    }
    if (n && copy[n - 1] == '\n') n--;
    jinja->text = copy;
    jinja->n_bytes = n;
    return true;
}

struct jinja *jinja_compile(const char *text, size_t n_bytes, const char *name, struct err *err)
{
    if (n_bytes > MOST_TEMPLATE_BYTES) {
        err_set(err, ERR_CAPACITY, "a template has at most %d bytes", MOST_TEMPLATE_BYTES);
        return NULL;
    }
    struct arena *arena = arena_new(MOST_COMPILED_BYTES, err);
    struct jinja *jinja = arena ? arena_alloc(arena, 1, sizeof *jinja, err) : NULL;
    if (!jinja) {
        arena_free(arena);
        return NULL;
    }
    jinja->arena = arena;
    jinja->name = arena_string(arena, name, err);
    if (!jinja->name || !normalize(jinja, text, n_bytes, err)) goto failed;
    struct jinja_run run = {.arena = arena,
                            .err = err,
                            .name = jinja->name,
                            .text = jinja->text,
                            .n_bytes = jinja->n_bytes,
                            .steps_left = UINT64_MAX,
                            .maximum_memory_bytes = MOST_COMPILED_BYTES};
    jinja->body = jinja_parse(&run);
    if (jinja->body && jinja_resolve(&run, jinja->body, &jinja->scope)) return jinja;
failed:
    jinja_free(jinja);
    return NULL;
}

void jinja_free(struct jinja *jinja)
{
    if (jinja) arena_free(jinja->arena);
}

/* ---- variables */

struct jinja_variables {
    struct jinja_run run;
    struct err first; /* error */
    struct jinja_dict dict;
};

struct jinja_variables *jinja_variables_new(struct err *err)
{
    struct jinja_variables *variables = mem_new(1, sizeof *variables, err);
    struct arena *arena = variables ? arena_new(DEFAULT_MEMORY_BYTES, err) : NULL;
    if (!arena) {
        free(variables);
        return NULL;
    }
    variables->run = (struct jinja_run){.arena = arena,
                                        .err = &variables->first,
                                        .name = "",
                                        .text = "",
                                        .steps_left = UINT64_MAX,
                                        .maximum_memory_bytes = DEFAULT_MEMORY_BYTES};
    return variables;
}

void jinja_variables_free(struct jinja_variables *variables)
{
    if (!variables) return;
    arena_free(variables->run.arena);
    free(variables);
}

/* A value of its own; NULL if making it failed. */
static struct jinja_value *keep(struct jinja_variables *variables, bool ok,
                                struct jinja_value value)
{
    struct jinja_value *kept = ok ? jinja_alloc(&variables->run, 1, sizeof *kept) : NULL;
    if (kept) *kept = value;
    return kept;
}

struct jinja_value *jinja_new_none(struct jinja_variables *variables)
{
    return keep(variables, true, jinja_none());
}

struct jinja_value *jinja_new_bool(struct jinja_variables *variables, bool value)
{
    return keep(variables, true, jinja_bool(value));
}

struct jinja_value *jinja_new_integer(struct jinja_variables *variables, int64_t value)
{
    return keep(variables, true, jinja_integer(value));
}

struct jinja_value *jinja_new_number(struct jinja_variables *variables, double value)
{
    return keep(variables, true, jinja_number(value));
}

struct jinja_value *jinja_new_string(struct jinja_variables *variables, const char *text,
                                     size_t n_bytes)
{
    struct jinja_value value;
    bool ok = jinja_text_copy(&variables->run, text, n_bytes, &value);
    return keep(variables, ok, value);
}

struct jinja_value *jinja_new_list(struct jinja_variables *variables)
{
    struct jinja_value value;
    bool ok = jinja_list_new(&variables->run, JINJA_LIST, 0, &value);
    return keep(variables, ok, value);
}

struct jinja_value *jinja_new_map(struct jinja_variables *variables)
{
    struct jinja_value value;
    bool ok = jinja_dict_new(&variables->run, &value);
    return keep(variables, ok, value);
}

void jinja_push(struct jinja_variables *variables, struct jinja_value *list,
                const struct jinja_value *value)
{
    if (list && value) (void)jinja_list_push(&variables->run, list->list, *value);
}

static void put(struct jinja_variables *variables, struct jinja_dict *dict, const char *key,
                const struct jinja_value *value)
{
    struct jinja_value text;
    if (value && jinja_text_copy(&variables->run, key, strlen(key), &text))
        (void)jinja_dict_set(&variables->run, dict, text, *value);
}

void jinja_put(struct jinja_variables *variables, struct jinja_value *map, const char *key,
               const struct jinja_value *value)
{
    if (map) put(variables, map->dict, key, value);
}

void jinja_set(struct jinja_variables *variables, const char *name, const struct jinja_value *value)
{
    put(variables, &variables->dict, name, value);
}

/* ---- rendering */

static bool run_template(struct jinja_run *run, const struct jinja *jinja, struct buf *text)
{
    struct jinja_frame *frame = jinja_new_frame(run, NULL, jinja->scope.n_slots);
    if (!frame) return false;
    jinja_enter_scope(run, frame, &jinja->scope);
    return jinja_execute(run, frame, jinja->body, text) == FLOW_ON;
}

bool jinja_render(const struct jinja *jinja, const struct jinja_variables *variables,
                  const struct jinja_options *options, struct buf *out, struct err *err)
{
    static const struct jinja_options DEFAULTS = {.now = NULL};
    if (!options) options = &DEFAULTS;
    if (variables->first.code != ERR_NONE) {
        if (err) *err = variables->first;
        return false;
    }
    size_t memory = options->maximum_memory_bytes, output = options->maximum_output_bytes;
    if (!memory) memory = DEFAULT_MEMORY_BYTES;
    struct jinja_run run = {.arena = arena_new(memory, err),
                            .err = err,
                            .name = jinja->name,
                            .text = jinja->text,
                            .n_bytes = jinja->n_bytes,
                            .steps_left =
                                options->maximum_steps ? options->maximum_steps : DEFAULT_STEPS,
                            .maximum_memory_bytes = memory,
                            .variables = &variables->dict,
                            .now = options->now};
    struct buf text = {.maximum = output ? output : DEFAULT_OUTPUT_BYTES};
    bool ok = run.arena && run_template(&run, jinja, &text);
    if (ok) ok = buf_append(out, buf_string(&text), text.n_bytes) || buf_check(out, err);
    buf_free(&text);
    arena_free(run.arena);
    return ok;
}
