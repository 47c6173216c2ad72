/* hf_config.c - see hf_config.h. What is read stands in tables, here what most classes have, in an
 * architecture's file what is its own; the rotation's scaling, which takes more, in hf_rope.c.
 */
#include "engine/hf/hf_config.h"

#include "base/mem.h"
#include "engine/hparams.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct hf_key USUAL_KEYS[] = {
    {"vocab_size", "vocab_size", HF_SIZE, HF_LEFT_OUT, 0},
    {"max_position_embeddings", "context_length", HF_SIZE, HF_REFUSED, 0},
    {"hidden_size", "embedding_length", HF_SIZE, HF_REFUSED, 0},
    {"intermediate_size", "feed_forward_length", HF_SIZE, HF_REFUSED, 0},
    {"num_hidden_layers", "block_count", HF_SIZE, HF_REFUSED, 0},
    {"num_attention_heads", "attention.head_count", HF_SIZE, HF_REFUSED, 0},
    {"num_key_value_heads", "attention.head_count_kv", HF_SIZE, HF_LEFT_OUT, 0},
    {"head_dim", "attention.key_length", HF_SIZE, HF_LEFT_OUT, 0},
    {"head_dim", "attention.value_length", HF_SIZE, HF_LEFT_OUT, 0},
    {"rms_norm_eps", "attention.layer_norm_rms_epsilon", HF_NUMBER, HF_REFUSED, 0},
    {"rope_theta|rope_parameters.rope_theta|rope_parameters.full_attention.rope_theta",
     "rope.freq_base", HF_NUMBER, HF_OTHERWISE, 10000},
};

bool hf_config_fail(const struct hf_config *config, enum err_code code, struct err *err,
                    const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_set_at_v(err, code, config->path, 0, 0, format, args);
    va_end(args);
    return false;
}

const char *hf_config_key(const struct hf_config *config, const char *name, char key[HF_KEY_BYTES])
{
    snprintf(key, HF_KEY_BYTES, "%s.%s", config->architecture->name, name);
    return key;
}

/* ---- Looking up ---- */

/* The value at one path of n bytes, "a.b". */
static const struct json *find_path(const struct json *object, const char *path, size_t n)
{
    char name[64];
    while (n && object) {
        size_t n_name = strcspn(path, ".|");
        if (n_name >= sizeof name) return NULL;
        memcpy(name, path, n_name);
        name[n_name] = 0;
        object = json_get(object, name);
        n_name += n > n_name; /* the point */
        path += n_name;
        n -= n_name;
    }
    return json_kind(object) == JSON_KIND_NULL ? NULL : object;
}

const struct json *hf_config_find(const struct hf_config *config, const char *path)
{
    const struct json *parts[] = {json_get(config->root, "text_config"), config->root};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        for (const char *at = path; *at;) {
            size_t n = strcspn(at, "|");
            const struct json *value = find_path(parts[i], at, n);
            if (value) return value;
            at += n + (at[n] == '|');
        }
    return NULL;
}

bool hf_config_number(const struct hf_config *config, const char *path, double *value,
                      struct err *err)
{
    const struct json *found = hf_config_find(config, path);
    if (!found) return true;
    *value = json_as_number(found, NAN);
    return isfinite(*value) || hf_config_fail(config, ERR_INPUT, err,
                                              "'%s' is of another type: expected a number", path);
}

bool hf_config_size(const struct hf_config *config, const char *path, uint32_t *value,
                    struct err *err)
{
    const struct json *found = hf_config_find(config, path);
    if (!found) return true;
    int64_t integer = json_as_integer(found, -1);
    *value = (uint32_t)integer;
    return (integer >= 0 && integer <= INT32_MAX) ||
           hf_config_fail(config, ERR_INPUT, err,
                          "'%.*s' is something else: expected a whole number from 0 to %d",
                          (int)strcspn(path, "|"), path, INT32_MAX);
}

/* ---- The class ---- */

/* The known one of the classes, or of the types if there are no classes. *name: what is there. */
static const struct architecture *find_architecture(const struct json *root, const char **name)
{
    const struct architecture *found = NULL;
    const struct json *classes = json_get(root, "architectures");
    for (size_t i = 0; !found && i < json_length(classes); i++)
        if ((*name = json_as_string(json_at(classes, i), NULL)))
            found = architecture_find_class(*name);
    if (*name) return found;
    *name = json_as_string(json_get(root, "model_type"), NULL);
    return *name ? architecture_find_class(*name) : NULL;
}

static bool refuse_class(const struct hf_config *config, const char *name, struct err *err)
{
    char supported[512];
    if (!name)
        return hf_config_fail(config, ERR_INPUT, err,
                              "no 'architectures' and no 'model_type': not a model's "
                              "configuration");
    architecture_list_classes(supported, sizeof supported);
    return hf_config_fail(config, ERR_UNSUPPORTED, err,
                          "not supported yet: class '%.100s' (supported: %s)", name, supported);
}

bool hf_config_open(const struct json *root, const char *path, struct hf_config *config,
                    struct err *err)
{
    const char *name = NULL;
    *config = (struct hf_config){.path = path, .root = root};
    if (json_kind(root) != JSON_KIND_OBJECT)
        return hf_config_fail(config, ERR_INPUT, err, "no JSON object: not a configuration");
    config->architecture = find_architecture(root, &name);
    if (!config->architecture) return refuse_class(config, name, err);
    const struct json *quantized = hf_config_find(config, "quantization_config");
    return !quantized ||
           hf_config_fail(config, ERR_UNSUPPORTED, err,
                          "not supported yet: weights quantized by '%.100s' "
                          "(quantization_config): take the folder of F32, F16 or BF16 weights",
                          json_as_string(json_get(quantized, "quant_method"), "another program"));
}

/* ---- Demands ---- */

/* What stands there as a text; number: room for one. */
static const char *text_of(const struct json *value, char number[32])
{
    if (json_kind(value) == JSON_KIND_BOOL) return json_as_bool(value, false) ? "true" : "false";
    if (json_kind(value) != JSON_KIND_NUMBER) return json_as_string(value, "");
    snprintf(number, 32, "%g", json_as_number(value, 0));
    return number;
}

static bool is_among(const char *text, const char *values)
{
    size_t n = strlen(text);
    for (const char *at = values; *at;) {
        size_t n_value = strcspn(at, "|");
        if (n == n_value && memcmp(at, text, n) == 0) return true;
        at += n_value + (at[n_value] == '|');
    }
    return false;
}

static bool check_demand(const struct hf_config *config, const struct hf_demand *demand,
                         bool is_needed, struct err *err)
{
    char number[32];
    const struct json *value = hf_config_find(config, demand->key);
    if (!value && is_needed)
        return hf_config_fail(config, ERR_INPUT, err, "'%s' is missing", demand->key);
    return !value || is_among(text_of(value, number), demand->values) ||
           hf_config_fail(config, ERR_UNSUPPORTED, err,
                          "not supported yet: '%s' is '%.100s' in a %s model (supported: %s)",
                          demand->key, text_of(value, number), config->architecture->name,
                          demand->values);
}

bool hf_config_check(const struct hf_config *config, struct err *err)
{
    const struct hf_form *form = &config->architecture->hf;
    bool ok = true;
    for (size_t i = 0; ok && i < HF_DEMANDS && form->needs[i].key; i++)
        ok = check_demand(config, &form->needs[i], true, err);
    for (size_t i = 0; ok && i < HF_DEMANDS && form->demands[i].key; i++)
        ok = check_demand(config, &form->demands[i], false, err);
    return ok;
}

/* ---- Keys ---- */

static bool write_key(const struct hf_config *config, const struct hf_key *key,
                      struct metadata *metadata, struct err *err)
{
    char name[HF_KEY_BYTES];
    double number = key->otherwise;
    uint32_t size = (uint32_t)key->otherwise;
    const struct json *value = hf_config_find(config, key->from);
    if (!value && key->absence == HF_LEFT_OUT) return true;
    if (!value && key->absence == HF_REFUSED)
        return hf_config_fail(config, ERR_INPUT, err, "'%.*s' is missing",
                              (int)strcspn(key->from, "|"), key->from);
    hf_config_key(config, key->to, name);
    switch (key->kind) {
    case HF_SIZE:
        return hf_config_size(config, key->from, &size, err) &&
               metadata_set_unsigned(metadata, name, size, err);
    case HF_NUMBER:
        return hf_config_number(config, key->from, &number, err) &&
               metadata_set_float(metadata, name, (float)number, err);
    case HF_INVERSE_ROOT:
        if (!hf_config_number(config, key->from, &number, err)) return false;
        if (number > 0) return metadata_set_float(metadata, name, 1.0f / sqrtf((float)number), err);
        return hf_config_fail(config, ERR_INPUT, err, "'%s' is %g: expected a positive number",
                              key->from, number);
    }
    return true;
}

/* Whether the architecture has a row of its own for the key. */
static bool is_own(const struct hf_config *config, const char *to)
{
    const struct hf_key *own = config->architecture->hf.keys;
    for (size_t i = 0; i < HF_KEYS && own[i].to; i++)
        if (strcmp(own[i].to, to) == 0) return true;
    return false;
}

/* ---- Lists of ids ---- */

enum { MAX_IDS = 4096 };

/* "3,5-7" */
static size_t parse_ids(const char *text, uint32_t ids[MAX_IDS])
{
    size_t n = 0;
    while (*text) {
        char *end;
        unsigned long first = strtoul(text, &end, 10), last = first;
        if (*end == '-') last = strtoul(end + 1, &end, 10);
        for (; first <= last && n < MAX_IDS; first++) ids[n++] = (uint32_t)first;
        text = end + (*end == ',');
    }
    return n;
}

static bool read_ids(const struct hf_config *config, const struct hf_ids *list,
                     uint32_t ids[MAX_IDS], size_t *n, struct err *err)
{
    const struct json *value = hf_config_find(config, list->from);
    if (!value) {
        *n = parse_ids(list->otherwise, ids);
        return true;
    }
    *n = json_length(value);
    bool ok = json_kind(value) == JSON_KIND_ARRAY && *n <= MAX_IDS;
    for (size_t i = 0; ok && i < *n; i++) {
        int64_t id = json_as_integer(json_at(value, i), -1);
        ids[i] = (uint32_t)id;
        ok = id >= 0 && id <= INT32_MAX;
    }
    return ok || hf_config_fail(config, ERR_INPUT, err,
                                "'%s' is something else: expected at most %d ids of tokens",
                                list->from, MAX_IDS);
}

static bool write_ids(const struct hf_config *config, const struct hf_ids *list,
                      struct metadata *metadata, struct err *err)
{
    uint32_t ids[MAX_IDS];
    char key[HF_KEY_BYTES];
    struct metadata_value array = {.kind = METADATA_ARRAY, .element = METADATA_U32, .items = ids};
    return read_ids(config, list, ids, &array.n, err) &&
           metadata_set(metadata, hf_config_key(config, list->to, key), &array, err);
}

/* ---- Which layers have the window ---- */

/* "layer_types", where they are not what the architecture says of itself: only then a key is
 * written, since GGUF's usual files have none. */
static bool write_layer_types(const struct hf_config *config, struct metadata *metadata,
                              struct err *err)
{
    const struct json *types = hf_config_find(config, "layer_types");
    size_t n = types ? json_length(types) : 0, period = config->architecture->window_period;
    uint8_t has_window[HPARAMS_MAX_LAYERS];
    bool is_usual = true;
    if (n > HPARAMS_MAX_LAYERS)
        return hf_config_fail(config, ERR_INPUT, err, "'layer_types' has %zu layers", n);
    for (size_t i = 0; i < n; i++) {
        const char *type = json_as_string(json_at(types, i), "");
        has_window[i] = strcmp(type, "sliding_attention") == 0;
        if (!has_window[i] && strcmp(type, "full_attention") != 0)
            return hf_config_fail(config, ERR_UNSUPPORTED, err,
                                  "not supported yet: '%.64s' in 'layer_types'", type);
        is_usual = is_usual && has_window[i] == !layer_ends_period(i, period);
    }
    char key[HF_KEY_BYTES];
    int64_t window = 0;
    hf_config_key(config, "attention.sliding_window", key);
    if (!metadata_read_integer(metadata, key, 0, INT32_MAX, &window, err)) return false;
    if (is_usual || window == 0) return true;
    const struct metadata_value array = {
        .kind = METADATA_ARRAY, .element = METADATA_BOOL, .items = has_window, .n = n};
    hf_config_key(config, "attention.sliding_window_pattern", key);
    return metadata_set(metadata, key, &array, err);
}

bool hf_config_write(const struct hf_config *config, struct metadata *metadata, struct err *err)
{
    const struct hf_key *own = config->architecture->hf.keys;
    bool ok =
        metadata_set_string(metadata, "general.architecture", config->architecture->name, err) &&
        hf_config_check(config, err);
    for (size_t i = 0; ok && i < COUNT_OF(USUAL_KEYS); i++)
        if (!is_own(config, USUAL_KEYS[i].to))
            ok = write_key(config, &USUAL_KEYS[i], metadata, err);
    for (size_t i = 0; ok && i < HF_KEYS && own[i].to; i++)
        if (own[i].from) ok = write_key(config, &own[i], metadata, err);
    const struct hf_ids *ids = config->architecture->hf.ids;
    for (size_t i = 0; ok && i < HF_IDS && ids[i].to; i++)
        ok = write_ids(config, &ids[i], metadata, err);
    return ok && write_layer_types(config, metadata, err);
}
