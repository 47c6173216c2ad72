/* architecture.h - what an architecture is: the steps of its pass with the tensors that each takes,
 * and what else its files and models have of their own. A file of this folder for each.
 *
 * The rest of the engine sees this header and names no architecture. docs/adding-an-architecture.md
 * walks through one. Const tables.
 */
#ifndef PHIBENCH_ENGINE_ARCH_ARCHITECTURE_H
#define PHIBENCH_ENGINE_ARCH_ARCHITECTURE_H

#include "engine/arch/hf_form.h"
#include "engine/steps/step.h"

/* Room in an architecture's lists, which end with the first entry that is empty. */
enum { ARCHITECTURE_EDGE_STEPS = 4, ARCHITECTURE_LAYER_STEPS = 16, ARCHITECTURE_OPTIONAL = 4 };

struct architecture {
    const char *name; /* general.architecture, and what a file's keys begin with */
    /* What happens to a batch: before its layers, in each of them, and after them. */
    struct step start[ARCHITECTURE_EDGE_STEPS];
    struct step layer[ARCHITECTURE_LAYER_STEPS];
    struct step end[ARCHITECTURE_EDGE_STEPS];
    /* Tensors that a model can do without. Every other one of its steps, and the embedding, it must
     * have. Without an output matrix it is tied: the embedding makes the logits. */
    enum weight optional[ARCHITECTURE_OPTIONAL];
    /* What sees pictures for its models, where their files bring it; NULL: they never do. */
    const struct architecture *vision;
    const char *prefix;    /* of a tower: what names of its tensors begin with */
    enum buffer input;     /* where embeddings go: in a tower, whose tokens have no ids, pixels */
    bool looks_ahead;      /* a batch is whole sequences, and a query sees all keys of its own */
    bool has_experts;      /* it is the model of this name that has experts */
    bool scales_embedding; /* by the root of its size, where files do not say by what */
    bool divides_by_head_size; /* scores, where files do not say by what; if not, by its root */
    bool has_no_window;        /* or in layers that files do not say: one that shows is refused */
    bool is_interleaved;       /* the rotation pairs neighbours; otherwise the halves of a head */
    /* Keys that a query sees, in models made for so many tokens whose files do not say it. */
    size_t unsaid_window, unsaid_window_context;
    /* Base of the rotation of layers with a window, where files do not say it; 0: as all others. */
    float local_rope_base;
    /* Every so many-th layer has no window, where files do not say which; 0: all have it. */
    size_t window_period;
    /* Caps of attention's scores and of the logits, where files do not say them; 0: none. */
    float unsaid_score_cap, unsaid_logit_cap;
    /* Models of so many layers scale dot products as if heads were as large as the embedding
     * divided by their number, which files do not say; 0: none. */
    size_t wide_layers;
    /* Contexts from here on (0: none) were stretched from that many tokens, where files do not say
     * from how many. */
    size_t stretched_context, stretched_from;
    /* What cosine and sine are multiplied by in these, if it is not what the formula of LongRoPE
     * gives: converters write that all the same. 0: it is. */
    float stretched_magnitude;
    struct hf_form hf; /* how its models lie in Hugging Face folders */
};

/* Whether the layer is the last of `period` ones; none is of 0. */
static inline bool layer_ends_period(size_t i_layer, size_t period)
{
    return period > 0 && (i_layer + 1) % period == 0;
}

/* What a pass leaves a row of for each row that it ends with. */
static inline enum buffer architecture_output(const struct architecture *architecture)
{
    return architecture->input == BUFFER_PATCHES ? BUFFER_SEEN : BUFFER_LOGITS;
}

/* NULL if there is none of this name with experts, or without. */
const struct architecture *architecture_find(const char *name, bool has_experts);

/* The one whose models Hugging Face calls by this class ("LlamaForCausalLM") or type ("llama").
 * NULL if there is none. */
const struct architecture *architecture_find_class(const char *name);

/* "phi3, llama, llama with experts ...", cut to n_bytes with its end. */
void architecture_list(char *names, size_t n_bytes);
/* "Phi3ForCausalLM, LlamaForCausalLM ...": every class, likewise. */
void architecture_list_classes(char *names, size_t n_bytes);

/* Whether its layers take the step. */
bool architecture_runs(const struct architecture *architecture, step_fn *run);

/* Whether each of its models has a tensor in the role; whether one can have it without need. Where
 * models may have one matrix in place of several (struct step), that is said of the several; parts
 * are these, and their biases, fused is the one, and its bias. */
bool architecture_needs(const struct architecture *architecture, enum weight weight);
bool architecture_has_part(const struct architecture *architecture, enum weight weight);
bool architecture_has_fused(const struct architecture *architecture, enum weight weight);
bool architecture_may_have(const struct architecture *architecture, enum weight weight);

#endif
