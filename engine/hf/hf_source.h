/* hf_source.h - a model as Hugging Face has it, a folder with config.json and safetensors, as a
 * source: with GGUF's keys, names, shapes and orders, so that nothing else knows where it comes
 * from.
 */
#ifndef PHIBENCH_ENGINE_HF_HF_SOURCE_H
#define PHIBENCH_ENGINE_HF_HF_SOURCE_H

#include "engine/source.h"

struct model_seal;

/* The folder that the path stands for: itself, or where the config.json, the index or the
 * safetensors that it names lie. NULL if it is no such thing, and with an error if it failed.
 * free() it. */
char *hf_source_folder(const char *path, struct err *err) __attribute__((warn_unused_result));

/* Opens the folder. seal (NULL: whatever is there) outlives the source. Matrices keep their type
 * (F32, F16 or BF16), vectors become f32. The hash is of the files' bytes (hf_files.h). ERR_INPUT
 * and ERR_UNSUPPORTED name the file and what is wrong or missing there. Close with source_close. */
struct source *hf_source_open(const char *folder, const struct model_seal *seal, struct err *err)
    __attribute__((warn_unused_result));

#endif
