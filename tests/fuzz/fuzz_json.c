/* fuzz_json.c - any bytes either parse as JSON or are refused with a message; what parses survives
 * being walked and written again, and the written text parses to the same text.
 *
 * What is nested deeper than the writer can go is written as null.
 */
#include "base/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void write_value(struct json_writer *writer, const struct json *value)
{
    enum json_kind kind = json_kind(value);
    if (writer->depth == JSON_WRITER_DEPTH) kind = JSON_KIND_NULL;
    switch (kind) {
    case JSON_KIND_NULL: json_put_null(writer); return;
    case JSON_KIND_BOOL: json_put_bool(writer, json_as_bool(value, false)); return;
    case JSON_KIND_NUMBER: json_put_number(writer, json_as_number(value, 0)); return;
    case JSON_KIND_STRING: json_put_string(writer, json_as_string(value, NULL)); return;
    case JSON_KIND_ARRAY:
        json_begin_array(writer);
        for (size_t i = 0; i < json_length(value); i++) write_value(writer, json_at(value, i));
        json_end_array(writer);
        return;
    case JSON_KIND_OBJECT: break;
    }
    const char *key;
    const struct json *member;
    json_begin_object(writer);
    for (void *it = NULL; (it = json_next_member(value, it, &key, &member));) {
        json_key(writer, key);
        write_value(writer, member);
    }
    json_end_object(writer);
}

/* The value as text, one line or indented; NULL if the text does not parse. */
static char *rewrite(const char *text, size_t n_bytes, int indent)
{
    struct err err = {0};
    struct json *root = json_parse(text, n_bytes, "input", &err);
    if (!root) {
        if (err.code == ERR_NONE || !err.message[0]) abort();
        return NULL;
    }
    struct buf out = {0};
    struct json_writer writer = {.out = &out, .indent = indent};
    write_value(&writer, root);
    json_free(root);
    char *written = buf_take(&out, &err);
    if (!written) abort();
    return written;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    char *indented = rewrite((const char *)bytes, n_bytes, 2);
    if (!indented) return 0;
    char *once = rewrite(indented, strlen(indented), 0);
    char *twice = once ? rewrite(once, strlen(once), 0) : NULL;
    if (!twice || strcmp(once, twice) != 0) abort();
    free(indented);
    free(once);
    free(twice);
    return 0;
}
