/* fuzz_hf_tokenizer.c - any bytes are a tokenizer.json, a tokenizer.model, a tiktoken file or a
 * tokenizer_config.json beside a good one, or are refused with a message; a tokenizer that they
 * make gives ids of its vocabulary, which have a text.
 *
 * The first byte chooses the kind of file, the rest is what it holds.
 */
#include "engine/hf/hf_tokenizer.h"
#include "engine/tokenizer.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static const char *const NAMES[] = {"tokenizer.json", "tokenizer.model", "cl100k_base.tiktoken",
                                    "tokenizer_config.json"};
enum { CONFIG = 3, PATH_BYTES = 256 };

/* What stands beside a tokenizer_config.json. */
static const char GOOD[] =
    "{\"added_tokens\":[{\"id\":3,\"content\":\"<s>\",\"special\":true}],\"decoder\":{\"type\":"
    "\"Fuse\"},\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":"
    "[\"a b\"]}}";

static void put_file(const char *folder, const char *name, const void *bytes, size_t n_bytes)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, n_bytes, file) != n_bytes || fclose(file) != 0) abort();
}

static void remove_files(const char *folder)
{
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "%s/%s", folder, NAMES[i]);
        unlink(path);
    }
}

/* An expression of a file may meet its limits; nothing else fails. */
static void encode(const struct tokenizer *tokenizer, const char *text, bool parse_special)
{
    struct tokens ids = {0};
    struct buf back = {0};
    struct err err = {0};
    const struct encode_options options = {.bos = BOS_NEVER, .parse_special = parse_special};
    bool ok = tokenizer_encode(tokenizer, text, strlen(text), &options, &ids, &err);
    if (!ok && err.code != ERR_INPUT && err.code != ERR_MEMORY) abort();
    for (size_t i = 0; i < ids.n; i++)
        if (ids.ids[i] < 0 || ids.ids[i] >= tokenizer_size(tokenizer)) abort();
    if (!tokenizer_decode(tokenizer, ids.ids, ids.n, parse_special, true, &back, &err)) abort();
    tokens_free(&ids);
    buf_free(&back);
}

static void use(const struct metadata *metadata)
{
    static const char *const TEXTS[] = {"", "a", " ab <s>b</s>  <|end|>\n\n12 abab",
                                        "e\xcc\x81\xff\xe4\xbd \xe2\x96\x81 word's"};
    struct err err = {0};
    struct tokenizer *tokenizer = tokenizer_new(metadata, &err);
    if (!tokenizer && (err.code == ERR_NONE || !err.message[0])) abort();
    for (size_t i = 0; tokenizer && i < COUNT_OF(TEXTS); i++) {
        encode(tokenizer, TEXTS[i], false);
        encode(tokenizer, TEXTS[i], true);
    }
    tokenizer_free(tokenizer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    char folder[] = "/tmp/phibench-fuzz-XXXXXX";
    struct err err = {0};
    if (!n_bytes || !mkdtemp(folder)) return 0;
    size_t kind = bytes[0] % COUNT_OF(NAMES);
    put_file(folder, NAMES[kind], bytes + 1, n_bytes - 1);
    if (kind == CONFIG) put_file(folder, NAMES[0], GOOD, sizeof GOOD - 1);
    struct metadata *metadata = metadata_new(NULL);
    if (!metadata) abort();
    if (hf_tokenizer_read(folder, metadata, &err)) use(metadata);
    else if (err.code == ERR_NONE || !err.message[0] || !err.file[0]) abort();
    metadata_free(metadata);
    remove_files(folder);
    rmdir(folder);
    return 0;
}
