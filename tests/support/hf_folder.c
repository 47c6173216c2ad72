/* hf_folder.c - see hf_folder.h. A folder belongs to a group of tests, each of which puts there
 * what it needs and takes away what would be in another one's way.
 */
#include "tests/support/hf_folder.h"

#include "base/file.h"
#include "engine/hf/hf_tokenizer.h"
#include "tests/support/test_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct metadata *hf_folder_metadata(const char *folder)
{
    struct err err = {0};
    struct metadata *metadata = metadata_new(&err);
    if (!metadata || !hf_tokenizer_read(folder, metadata, &err))
        fail_msg("%s: %s", err.file, err.message);
    return metadata;
}

struct tokenizer *hf_folder_tokenizer(const char *folder)
{
    struct err err = {0};
    struct metadata *metadata = hf_folder_metadata(folder);
    struct tokenizer *tokenizer = tokenizer_new(metadata, &err);
    if (!tokenizer) fail_msg("%s: %s", folder, err.message);
    metadata_free(metadata);
    return tokenizer;
}

int hf_folder_set_up(void **state)
{
    enum { PATH_BYTES = 256 };
    char *path = calloc(1, PATH_BYTES);
    *state = path;
    return path && test_make_folder(path, PATH_BYTES) ? 0 : -1;
}

int hf_folder_tear_down(void **state)
{
    test_remove_folder(*state);
    free(*state);
    return 0;
}

void hf_folder_put(const char *folder, const char *name, const char *text)
{
    struct err err = {0};
    char *path = file_join(folder, name, &err);
    assert_non_null(path);
    if (!text) remove(path);
    else if (!file_write(path, text, strlen(text), &err)) fail_msg("%s", err.message);
    free(path);
}

void hf_folder_copy(const char *from, const char *folder, const char *name)
{
    enum { FILE_LIMIT = 1 << 26, PATH_BYTES = 1024 };
    struct err err = {0};
    char path[PATH_BYTES];
    size_t n_bytes;
    char *bytes = file_read(from, FILE_LIMIT, &n_bytes, &err);
    if (!bytes) fail_msg("%s", err.message);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!file_write(path, bytes, n_bytes, &err)) fail_msg("%s", err.message);
    free(bytes);
}

/* Writes the members of an object but one. */
static void put_others(struct json_writer *writer, const struct json *object, const char *but)
{
    const char *key;
    const struct json *value;
    for (void *it = NULL; (it = json_next_member(object, it, &key, &value));) {
        if (strcmp(key, but) == 0) continue;
        json_key(writer, key);
        assert_true(json_put_value(writer, value, NULL));
    }
}

void hf_folder_compose(const struct json *base, const struct json *members, struct buf *out)
{
    struct json_writer writer = {.out = out};
    json_begin_object(&writer);
    put_others(&writer, members, "model");
    json_key(&writer, "model");
    json_begin_object(&writer);
    put_others(&writer, json_get(members, "model"), "");
    put_others(&writer, base, "");
    json_end_object(&writer);
    json_end_object(&writer);
    assert_false(out->failed);
}
