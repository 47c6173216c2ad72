/* fuzz_hf_config.c - any text either is a config.json that becomes keys and tables, or is refused
 * with a message and the file's name; tables hold positive numbers, and what tensors an empty
 * folder lacks is said.
 */
#include "engine/hf/hf_config.h"

#include "engine/hf/hf_tensors.h"
#include "engine/joined.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void visit(const struct hf_config *config, const struct metadata *metadata,
                  struct arena *arena, const struct hf_rope *rope)
{
    struct err err = {0};
    struct hf_tensors tensors;
    struct source *empty = joined_open(NULL, 0, "empty", NULL, NULL);
    for (size_t i = 0; i < rope->n_tables; i++)
        for (size_t k = 0; k < rope->tables[i].n; k++)
            if (!(rope->tables[i].values[k] > 0 && isfinite(rope->tables[i].values[k]))) abort();
    if (!metadata_find(metadata, "general.architecture") || !empty) abort();
    if (hf_tensors_find(config, metadata, empty, rope, arena, &tensors, &err)) abort();
    if (err.code == ERR_NONE || !err.message[0] || !err.file[0]) abort();
    source_close(empty);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct err err = {0};
    struct hf_config config;
    struct hf_rope rope;
    struct metadata *metadata = metadata_new(NULL);
    struct arena *arena = arena_new(0, NULL);
    struct json *root = json_parse((const char *)bytes, n_bytes, "input", &err);
    if (!metadata || !arena) abort();
    bool ok = root && hf_config_open(root, "input", &config, &err) &&
              hf_config_write(&config, metadata, &err) &&
              hf_rope_read(&config, metadata, arena, &rope, &err);
    if (ok) visit(&config, metadata, arena, &rope);
    else if (err.code == ERR_NONE || !err.message[0] || strcmp(err.file, "input") != 0) abort();
    json_free(root);
    metadata_free(metadata);
    arena_free(arena);
    return 0;
}
