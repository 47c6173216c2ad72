/* hf_form.h - what an architecture is in a Hugging Face folder: the classes that are of it, the
 * keys of config.json and the tensors that are called or lie there otherwise than usual.
 *
 * A description, a part of struct architecture; engine/hf/ reads folders by it. The usual names of
 * tensors stand in engine/hf/hf_names.c, the usual keys in engine/hf/hf_config.c.
 */
#ifndef PHIBENCH_ENGINE_ARCH_HF_FORM_H
#define PHIBENCH_ENGINE_ARCH_HF_FORM_H

#include "engine/steps/step.h" /* roles of tensors */

/* Room in a form's lists, which end with the first entry that is empty. */
enum { HF_CLASSES = 8, HF_TENSORS = 32, HF_KEYS = 24, HF_DEMANDS = 8, HF_IDS = 2, HF_IGNORED = 4 };

/* Which row of a tensor there is which of ours. Values of biases move as rows do. */
enum hf_rows {
    HF_ROWS_SAME,
    HF_ROWS_PAIRED,      /* there the halves of a head that are rotated together, here neighbours */
    HF_ROWS_BY_KV_HEAD,  /* there [q ... q k v] for each KV head, here [Q | K | V] */
    HF_ROWS_ALTERNATING, /* there a row of each half in turn, here one half after the other */
};

/* A tensor that is not as usual. A "*" in its name stands for 0, 1 ...: as many tensors as there
 * are become the slices of one (experts). */
struct hf_tensor {
    enum weight weight;
    const char *name; /* within layers behind "model.layers.3." or its like; NULL: the usual one */
    enum hf_rows rows;
};

/* u32; f32; f32, 1 / the root of what stands there. */
enum hf_kind { HF_SIZE, HF_NUMBER, HF_INVERSE_ROOT };
enum hf_absence { HF_LEFT_OUT, HF_REFUSED, HF_OTHERWISE };

/* A key of config.json and what it is called in GGUF. */
struct hf_key {
    /* "b" or "a.b" within an object, alternatives behind "|"; null is as good as absent. NULL: the
     * architecture does without the usual key of this name. */
    const char *from;
    const char *to; /* behind "phi3."; takes the place of a usual key of this name */
    enum hf_kind kind;
    enum hf_absence absence;
    double otherwise;
};

/* A list of ids of tokens, in GGUF an array of u32. */
struct hf_ids {
    const char *from, *to; /* as in hf_key */
    const char *otherwise; /* where the folder does not say it: "3,5-7" */
};

/* A key that, where it is there, must have one of the values "silu|swish": the steps compute
 * nothing else. */
struct hf_demand {
    const char *key, *values;
};

struct hf_form {
    /* What config.json calls its models: in "architectures" or, where that is missing,
     * "model_type". None: no folder is of this architecture. */
    const char *classes[HF_CLASSES];
    struct hf_tensor tensors[HF_TENSORS];
    struct hf_key keys[HF_KEYS];
    struct hf_ids ids[HF_IDS];
    struct hf_demand demands[HF_DEMANDS], needs[HF_DEMANDS]; /* needs must be there */
    const char *ignored[HF_IGNORED]; /* beginnings of names of tensors that no logit needs */
    const char *layers;              /* before a layer's number; NULL: "model.layers." */
    /* Of a tower: a copy of the language model's embedding, maybe the only one; NULL: none. */
    const char *embedding_copy;
    bool is_norm_offset; /* what norms multiply with is 1 more than what stands there */
};

#endif
