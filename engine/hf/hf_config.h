/* hf_config.h - config.json as the metadata that a GGUF file of the model has.
 *
 * Names of keys: `transformers`, configuration_*.py; GGUF's: ggml docs/gguf.md.
 */
#ifndef PHIBENCH_ENGINE_HF_HF_CONFIG_H
#define PHIBENCH_ENGINE_HF_HF_CONFIG_H

#include "base/json.h"
#include "engine/arch/architecture.h"
#include "engine/metadata.h"

/* A parsed config.json, which outlives it. */
struct hf_config {
    const char *path; /* for messages */
    const struct json *root;
    const struct architecture *architecture;
};

/* Finds the architecture by the class. ERR_UNSUPPORTED for another one, or for weights that are
 * quantized already. */
bool hf_config_open(const struct json *root, const char *path, struct hf_config *config,
                    struct err *err) __attribute__((warn_unused_result));

/* The value at "a.b|c" (hf_form.h), in the part of the configuration that is about text where there
 * is one, or outside of it; NULL if it is absent or null. */
const struct json *hf_config_find(const struct hf_config *config, const char *path);
/* As the getters of json.h, but a value of another kind is ERR_INPUT; absent, *value stays. */
bool hf_config_number(const struct hf_config *config, const char *path, double *value,
                      struct err *err) __attribute__((warn_unused_result));
bool hf_config_size(const struct hf_config *config, const char *path, uint32_t *value,
                    struct err *err) __attribute__((warn_unused_result));
/* An error that has the file as its place. */
bool hf_config_fail(const struct hf_config *config, enum err_code code, struct err *err,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Whether the steps compute what the configuration says (hf_demand); ERR_UNSUPPORTED otherwise. */
bool hf_config_check(const struct hf_config *config, struct err *err)
    __attribute__((warn_unused_result));

/* Adds general.architecture and the architecture's keys: the usual ones and its own. */
bool hf_config_write(const struct hf_config *config, struct metadata *metadata, struct err *err)
    __attribute__((warn_unused_result));

/* "llama.rope.freq_base", the architecture's key of this name. */
enum { HF_KEY_BYTES = 128 };
const char *hf_config_key(const struct hf_config *config, const char *name, char key[HF_KEY_BYTES]);

#endif
