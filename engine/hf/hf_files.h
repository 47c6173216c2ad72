/* hf_files.h - the files of a Hugging Face folder that a model is made of, as one source of what
 * stands in them, under its own names.
 *
 * The source's files, whose bytes one after the other are what it is hashed by, are in the order of
 * their names (LC_ALL=C): config.json, generation_config.json, those of the tokenizer and of its
 * chat templates, and the weights with their index.
 */
#ifndef PHIBENCH_ENGINE_HF_HF_FILES_H
#define PHIBENCH_ENGINE_HF_HF_FILES_H

#include "engine/source.h"

#define HF_CONFIG_NAME "config.json"
#define HF_PICTURES_NAME "preprocessor_config.json" /* of models with eyes */

/* A source (joined.h) of the safetensors of the folder, without metadata. `folder` outlives it.
 * ERR_INPUT where weights are missing, in another form, or malformed. Close with source_close. */
struct source *hf_files_open(const char *folder, struct err *err)
    __attribute__((warn_unused_result));

#endif
