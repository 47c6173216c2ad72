/* hf_names.h - what tensors are called in Hugging Face folders, by their roles.
 *
 * The names that most classes of `transformers` use; an architecture says where it differs
 * (arch/hf_form.h). Const.
 */
#ifndef PHIBENCH_ENGINE_HF_HF_NAMES_H
#define PHIBENCH_ENGINE_HF_HF_NAMES_H

#include "engine/arch/architecture.h"

/* How the tensor in this role is called and lies in folders of the architecture; its name is NULL
 * where folders have none. */
struct hf_tensor hf_tensor_of(const struct architecture *architecture, enum weight weight);

/* What names of tensors of layers begin with, up to the layer's number: "model.layers.". */
const char *hf_layers(const struct architecture *architecture);

/* The whole name, "model.layers.3.self_attn.q_proj.weight", with i_slice for a "*" in it; i_layer
 * is ignored outside layers. False if it does not fit. */
enum { HF_NAME_BYTES = 256 };
bool hf_name(const struct architecture *architecture, const struct hf_tensor *tensor,
             size_t i_layer, size_t i_slice, char name[HF_NAME_BYTES]);

#endif
