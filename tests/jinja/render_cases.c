/* render_cases.c - renders templates for tools/peers/agree_jinja.py, which compares with Jinja2.
 *
 * Each line of the input is a JSON object with "template" and "variables"; each line of the output
 * is one with "text", or with "error" and "refused": whether phibench does not run what Jinja2 may.
 */
#include "tests/support/test_variables.h"

#include <stdlib.h>
#include <string.h>

static bool render_line(void *context, const struct json *value, int line, struct err *err)
{
    (void)context;
    (void)line;
    const char *text = json_require_string(value, "template", err);
    if (!text) return false;
    struct buf rendered = {0}, out = {0};
    struct err failure = {0};
    bool ok = test_variables_render(text, strlen(text), json_get(value, "variables"), &rendered,
                                    &failure);
    struct json_writer writer = {.out = &out};
    json_begin_object(&writer);
    if (ok) {
        json_key(&writer, "text");
        json_put_string_n(&writer, buf_string(&rendered), rendered.n_bytes);
    } else {
        json_set_string(&writer, "error", failure.message);
        json_set_bool(&writer, "refused", failure.code != ERR_INPUT);
        json_set_integer(&writer, "line", failure.line);
        json_set_integer(&writer, "column", failure.column);
    }
    json_end_object(&writer);
    puts(buf_string(&out));
    fflush(stdout);
    buf_free(&rendered);
    buf_free(&out);
    return true;
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t n;
    struct err err = {0};
    while ((n = getline(&line, &capacity, stdin)) > 0) {
        if (json_parse_lines(line, (size_t)n, "input", render_line, NULL, &err)) continue;
        err_print(&err, stderr);
        return 1;
    }
    free(line);
    return 0;
}
