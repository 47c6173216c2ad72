/* fuzz_task.c - any bytes are either a task file and a template or are refused with a message; what
 * a template makes of a record is made, or refused with one.
 *
 * The record has a value of every kind.
 */
#include "harness/config/task_file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static const char RECORD[] = "{\"text\":\"One two, \\u00fcber "
                             "3!\",\"n\":18,\"yes\":true,\"none\":null,\"list\":[\"a\",\"b\"],"
                             "\"map\":{\"k\":[1,2]},\"many\":[{\"t\":\"x\"},{\"t\":\"y\"}]}";

static void check(bool ok, const struct err *err)
{
    if (!ok && (err->code == ERR_NONE || !err->message[0])) abort();
}

static void try_template(const char *text, struct arena *arena)
{
    struct err err = {0};
    struct value record, value;
    const struct value *maps[] = {&record};
    const struct scope scope = {maps, 1};
    struct templates *owner = templates_new(&err);
    struct json *json = json_parse(RECORD, sizeof RECORD - 1, "record", &err);
    if (!owner || !json || !value_from_json(json, arena, &record, &err)) abort();
    const struct template *template = template_parse(owner, text, &err);
    check(template != NULL, &err);
    if (template) check(template_evaluate(template, &scope, arena, &value, &err), &err);
    json_free(json);
    templates_free(owner);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct err err = {0};
    struct arena *arena = arena_new(0, &err);
    char *text = arena ? arena_copy(arena, (const char *)bytes, n_bytes, &err) : NULL;
    if (!text) abort();
    struct task *task = config_task_parse(text, n_bytes, "input", &err);
    check(task != NULL, &err);
    task_free(task);
    try_template(text, arena);
    arena_free(arena);
    return 0;
}
