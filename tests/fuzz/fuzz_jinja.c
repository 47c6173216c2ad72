/* fuzz_jinja.c - any bytes are compiled as a chat template, and what compiles is rendered twice,
 * with bounds that a small input reaches: the same text or the same error must come both times.
 */
#include "engine/jinja/jinja.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void add_message(struct jinja_variables *variables, struct jinja_value *messages,
                        const char *role, const char *content)
{
    struct jinja_value *message = jinja_new_map(variables);
    jinja_put(variables, message, "role", jinja_new_string(variables, role, strlen(role)));
    jinja_put(variables, message, "content", jinja_new_string(variables, content, strlen(content)));
    jinja_push(variables, messages, message);
}

static struct jinja_variables *make_variables(void)
{
    struct jinja_variables *variables = jinja_variables_new(NULL);
    if (!variables) abort();
    struct jinja_value *messages = jinja_new_list(variables);
    add_message(variables, messages, "system", " Be <brief>. ");
    add_message(variables, messages, "user", "na\xc3\xafve \xff\n'\"");
    add_message(variables, messages, "assistant", "");
    jinja_set(variables, "messages", messages);
    jinja_set(variables, "add_generation_prompt", jinja_new_bool(variables, true));
    jinja_set(variables, "bos_token", jinja_new_string(variables, "<s>", 3));
    jinja_set(variables, "tools", jinja_new_none(variables));
    jinja_set(variables, "n", jinja_new_integer(variables, -7));
    jinja_set(variables, "f", jinja_new_number(variables, 2.5));
    return variables;
}

static bool render(const struct jinja *jinja, const struct jinja_variables *variables,
                   struct buf *out, struct err *err)
{
    const struct tm now = {.tm_year = 124, .tm_mday = 1};
    const struct jinja_options options = {.now = &now,
                                          .maximum_steps = 50000,
                                          .maximum_memory_bytes = 4 << 20,
                                          .maximum_output_bytes = 1 << 16};
    return jinja_render(jinja, variables, &options, out, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct err err = {0}, again = {0};
    struct jinja *jinja = jinja_compile((const char *)bytes, n_bytes, "template", &err);
    if (!jinja) {
        if (err.code == ERR_NONE || !err.message[0] || err.line < 1 || err.column < 1) abort();
        return 0;
    }
    struct jinja_variables *variables = make_variables();
    struct buf text = {0}, same = {0};
    bool ok = render(jinja, variables, &text, &err);
    if (render(jinja, variables, &same, &again) != ok) abort();
    if (ok && (text.n_bytes != same.n_bytes || strcmp(buf_string(&text), buf_string(&same)) != 0))
        abort();
    if (!ok && (text.n_bytes || err.line < 1 || err.line != again.line ||
                err.column != again.column || strcmp(err.message, again.message) != 0))
        abort();
    buf_free(&text);
    buf_free(&same);
    jinja_variables_free(variables);
    jinja_free(jinja);
    return 0;
}
