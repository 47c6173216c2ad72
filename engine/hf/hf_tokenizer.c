/* hf_tokenizer.c - see hf_tokenizer.h: finds the file that has the vocabulary, and adds what the
 * small JSON files beside it say.
 */
#include "engine/hf/hf_tokenizer.h"

#include "base/file.h"
#include "base/mem.h"
#include "engine/hf/hf_chat_template.h"
#include "engine/hf/hf_vocabulary.h"
#include "engine/tokenizer_steps.h"

#include <stdlib.h>
#include <string.h>

/* The small files; NULL for one that is not there. */
enum small_file {
    TOKENIZER_CONFIG,
    SPECIAL_TOKENS,
    ADDED_TOKENS,
    TOKENIZER_MODULE,
    GENERATION_CONFIG,
    MODEL_CONFIG,
    N_FILES
};
static const char *const NAMES[N_FILES] = {
    [TOKENIZER_CONFIG] = "tokenizer_config.json",   [SPECIAL_TOKENS] = "special_tokens_map.json",
    [ADDED_TOKENS] = "added_tokens.json",           [TOKENIZER_MODULE] = "tokenizer_module.json",
    [GENERATION_CONFIG] = "generation_config.json", [MODEL_CONFIG] = "config.json",
};

struct reading {
    const char *folder;
    struct metadata *metadata;
    struct json *files[N_FILES];
    struct hf_vocabulary vocabulary;
};

/* Fails with the place of one of the small files. */
static bool fail(const struct reading *reading, enum small_file file, const char *key,
                 const char *what, struct err *err)
{
    char *path = file_join(reading->folder, NAMES[file], NULL);
    err_set_at(err, ERR_INPUT, path ? path : NAMES[file], 0, 0, "\"%s\" %s", key, what);
    free(path);
    return false;
}

static bool read_files(struct reading *reading, struct err *err)
{
    for (int i = 0; i < N_FILES; i++) {
        char *path = file_join(reading->folder, NAMES[i], err);
        if (!path) return false;
        bool exists = file_exists(path);
        reading->files[i] = exists ? json_read_file(path, err) : NULL;
        free(path);
        if (exists && !reading->files[i]) return false;
    }
    return true;
}

/* A number of config.json, at its top or among those of its text model. */
static const struct json *model_member(const struct reading *reading, const char *key)
{
    const struct json *config = reading->files[MODEL_CONFIG];
    const struct json *member = json_get(config, key);
    return member ? member : json_get(json_get(config, "text_config"), key);
}

/* ---- Special tokens ---- */

/* The text of a special token, as text or as record; NULL: none. */
static const char *token_text(const struct json *file, const char *key)
{
    const struct json *member = json_get(file, key);
    const char *text = json_as_string(member, NULL);
    return text ? text : json_as_string(json_get(member, "content"), NULL);
}

/* By its text, or where no file has one, by the number in config.json. */
static bool find_special(const struct reading *reading, const char *name, int32_t *id,
                         struct err *err)
{
    char key[32];
    snprintf(key, sizeof key, "%s_token", name);
    const char *text = token_text(reading->files[TOKENIZER_CONFIG], key);
    enum small_file file = text ? TOKENIZER_CONFIG : SPECIAL_TOKENS;
    if (!text) text = token_text(reading->files[SPECIAL_TOKENS], key);
    *id = -1;
    if (text) {
        *id = hf_vocabulary_find(&reading->vocabulary, text);
        return *id >= 0 || fail(reading, file, key, "is not in the vocabulary", err);
    }
    snprintf(key, sizeof key, "%s_token_id", name);
    const struct json *number = model_member(reading, key);
    if (json_kind(number) == JSON_KIND_ARRAY) number = json_at(number, 0);
    int64_t value = json_is_whole_number(number) ? json_as_integer(number, -1) : -1;
    if (value >= 0 && value < (int64_t)reading->vocabulary.n) *id = (int32_t)value;
    return true;
}

static bool write_special(const struct reading *reading, const char *name, const char *key,
                          int32_t otherwise, int32_t *id, struct err *err)
{
    if (!find_special(reading, name, id, err)) return false;
    if (*id < 0) *id = otherwise;
    return *id < 0 || metadata_set_unsigned(reading->metadata, key, (uint32_t)*id, err);
}

/* ---- End tokens ---- */

struct ends {
    uint32_t *ids;
    size_t n, capacity;
};

static bool add_end(struct ends *ends, uint32_t id, struct err *err)
{
    for (size_t i = 0; i < ends->n; i++)
        if (ends->ids[i] == id) return true;
    if (!mem_grow((void **)&ends->ids, &ends->capacity, ends->n + 1, sizeof *ends->ids, INT32_MAX,
                  err))
        return false;
    ends->ids[ends->n++] = id;
    return true;
}

static bool add_ends(const struct reading *reading, enum small_file file, const struct json *member,
                     struct ends *ends, struct err *err)
{
    bool is_list = json_kind(member) == JSON_KIND_ARRAY;
    for (size_t i = 0; i < (is_list ? json_length(member) : 1); i++) {
        const struct json *number = is_list ? json_at(member, i) : member;
        int64_t id = json_is_whole_number(number) ? json_as_integer(number, -1) : -1;
        if (id < 0 || id >= (int64_t)reading->vocabulary.n)
            return fail(reading, file, "eos_token_id", "has an id that no token has", err);
        if (!add_end(ends, (uint32_t)id, err)) return false;
    }
    return true;
}

/* What ends a generation is said by generation_config.json, or else by config.json. */
static bool write_ends(const struct reading *reading, int32_t eos, struct err *err)
{
    struct ends ends = {0};
    const struct json *member = json_get(reading->files[GENERATION_CONFIG], "eos_token_id");
    enum small_file file = GENERATION_CONFIG;
    if (json_kind(member) == JSON_KIND_NULL) {
        member = model_member(reading, "eos_token_id");
        file = MODEL_CONFIG;
    }
    bool ok =
        (json_kind(member) == JSON_KIND_NULL || add_ends(reading, file, member, &ends, err)) &&
        (eos < 0 || add_end(&ends, (uint32_t)eos, err));
    const struct metadata_value value = {
        .kind = METADATA_ARRAY, .element = METADATA_U32, .n = ends.n, .items = ends.ids};
    if (ok && ends.n) ok = metadata_set(reading->metadata, TOKENIZER_ENDS_KEY, &value, err);
    free(ends.ids);
    return ok;
}

/* ---- All together ---- */

/* Whether a text begins with BOS and ends with EOS: tokenizer_config.json counts before the
 * tokenizer's own template. */
static bool write_additions(const struct reading *reading, int32_t bos, struct err *err)
{
    static const char *const KEYS[] = {"add_bos_token", "add_eos_token"};
    const struct hf_vocabulary *vocabulary = &reading->vocabulary;
    int values[] = {vocabulary->add_bos, -1};
    for (size_t i = 0; i < COUNT_OF(KEYS); i++) {
        const struct json *member = json_get(reading->files[TOKENIZER_CONFIG], KEYS[i]);
        bool is_said = json_kind(member) == JSON_KIND_BOOL;
        char key[64];
        if (!is_said && json_kind(member) != JSON_KIND_NULL)
            return fail(reading, TOKENIZER_CONFIG, KEYS[i], "is neither true nor false", err);
        if (is_said) values[i] = json_as_bool(member, false);
        else if (i == 0 && values[i] > 0 && bos != vocabulary->bos)
            return err_set_at(err, ERR_UNSUPPORTED, vocabulary->file, 0, 0,
                              "not supported yet: a post-processor that puts the token %d before a "
                              "text, which is not BOS",
                              (int)vocabulary->bos);
        snprintf(key, sizeof key, "tokenizer.ggml.%s", KEYS[i]);
        if (values[i] >= 0 && !metadata_set_bool(reading->metadata, key, values[i], err))
            return false;
    }
    return true;
}

static bool write_all(struct reading *reading, struct err *err)
{
    int32_t bos, eos, unknown, padding;
    return hf_vocabulary_write(&reading->vocabulary, reading->metadata, err) &&
           write_special(reading, "bos", "tokenizer.ggml.bos_token_id", reading->vocabulary.bos,
                         &bos, err) &&
           write_special(reading, "eos", "tokenizer.ggml.eos_token_id", reading->vocabulary.eos,
                         &eos, err) &&
           write_special(reading, "unk", "tokenizer.ggml.unknown_token_id",
                         reading->vocabulary.unknown, &unknown, err) &&
           write_special(reading, "pad", "tokenizer.ggml.padding_token_id", -1, &padding, err) &&
           write_additions(reading, bos, err) && write_ends(reading, eos, err) &&
           hf_chat_template_read(reading->folder, reading->files[TOKENIZER_CONFIG],
                                 reading->metadata, err);
}

static bool read_vocabulary(struct reading *reading, const char *path, hf_read_fn *read,
                            struct err *err)
{
    const struct json *size = model_member(reading, "vocab_size");
    int64_t n_most = json_is_whole_number(size) ? json_as_integer(size, 0) : 0;
    if (json_kind(size) != JSON_KIND_NULL && (n_most < 1 || n_most > HF_MOST_TOKENS))
        return fail(reading, MODEL_CONFIG, "vocab_size", "is no number of tokens", err);
    const struct hf_small_files files = {.config = reading->files[TOKENIZER_CONFIG],
                                         .added = reading->files[ADDED_TOKENS],
                                         .module = reading->files[TOKENIZER_MODULE]};
    bool ok = hf_vocabulary_init(&reading->vocabulary, path, (size_t)n_most, err) &&
              read(&reading->vocabulary, &files, err) && write_all(reading, err);
    hf_vocabulary_done(&reading->vocabulary);
    return ok;
}

/* Whether a file of the folder has this name; if so, *path is its path, to be freed. */
static bool find_file(const char *folder, const char *name, char **path)
{
    *path = file_join(folder, name, NULL);
    if (*path && file_exists(*path)) return true;
    free(*path);
    *path = NULL;
    return false;
}

/* The path of the first tiktoken file; NULL if there is none. */
static char *find_tiktoken(const char *folder, struct err *err)
{
    char **names = NULL, *path = NULL;
    size_t n = 0;
    if (!file_list(folder, &names, &n, err)) return NULL;
    for (size_t i = 0; i < n && !path; i++)
        if (file_name_ends(names[i], ".tiktoken")) path = file_join(folder, names[i], err);
    file_free_names(names, n);
    if (!path)
        err_set_at(err, ERR_INPUT, folder, 0, 0,
                   "no tokenizer: there is neither a tokenizer.json nor a tokenizer.model nor a "
                   "*.tiktoken file");
    return path;
}

/* The first of these that is there counts: the first has the most to say. */
static bool find_vocabulary(struct reading *reading, struct err *err)
{
    char *path;
    hf_read_fn *read = hf_read_tiktoken;
    if (find_file(reading->folder, "tokenizer.json", &path)) read = hf_read_tokenizer_json;
    else if (find_file(reading->folder, "tokenizer.model", &path)) read = hf_read_sentencepiece;
    else path = find_tiktoken(reading->folder, err);
    bool ok = path && read_vocabulary(reading, path, read, err);
    free(path);
    return ok;
}

bool hf_tokenizer_read(const char *folder, struct metadata *metadata, struct err *err)
{
    struct reading reading = {.folder = folder, .metadata = metadata};
    bool ok = read_files(&reading, err) && find_vocabulary(&reading, err);
    for (int i = 0; i < N_FILES; i++) json_free(reading.files[i]);
    return ok;
}
