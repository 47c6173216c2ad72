/* architecture.c - see architecture.h: finds architectures in the list, and tells which tensors
 * they have from the steps that take them.
 */
#include "engine/arch/architecture.h"

#include "engine/arch/architecture_list.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define ADDRESS_OF(name) &architecture_##name,
static const struct architecture *const architectures[] = {ARCHITECTURE_LIST(ADDRESS_OF)};
enum { N_ARCHITECTURES = sizeof architectures / sizeof *architectures };

const struct architecture *architecture_find(const char *name, bool has_experts)
{
    for (size_t i = 0; i < N_ARCHITECTURES; i++)
        if (architectures[i]->has_experts == has_experts &&
            strcmp(name, architectures[i]->name) == 0)
            return architectures[i];
    return NULL;
}

const struct architecture *architecture_find_class(const char *name)
{
    for (size_t i = 0; i < N_ARCHITECTURES; i++) {
        const char *const *classes = architectures[i]->hf.classes;
        for (size_t k = 0; k < HF_CLASSES && classes[k]; k++)
            if (strcmp(name, classes[k]) == 0) return architectures[i];
    }
    return NULL;
}

void architecture_list(char *names, size_t n_bytes)
{
    size_t n_used = 0;
    *names = '\0';
    for (size_t i = 0; i < N_ARCHITECTURES && n_used < n_bytes; i++) {
        const char *name = architectures[i]->name;
        bool is_second = architectures[i]->has_experts && architecture_find(name, false);
        n_used += (size_t)snprintf(names + n_used, n_bytes - n_used, "%s%s%s", i > 0 ? ", " : "",
                                   name, is_second ? " with experts" : "");
    }
}

bool architecture_runs(const struct architecture *architecture, step_fn *run)
{
    bool runs = false;
    for (size_t i = 0; i < ARCHITECTURE_LAYER_STEPS && architecture->layer[i].run; i++)
        runs = runs || architecture->layer[i].run == run;
    return runs;
}

/* Types ("llama") are lower case and stand for classes, which are listed. */
void architecture_list_classes(char *names, size_t n_bytes)
{
    size_t n_used = 0;
    *names = '\0';
    for (size_t i = 0; i < N_ARCHITECTURES; i++) {
        const char *const *classes = architectures[i]->hf.classes;
        for (size_t k = 0; k < HF_CLASSES && classes[k] && n_used < n_bytes; k++)
            if (isupper((unsigned char)*classes[k]))
                n_used += (size_t)snprintf(names + n_used, n_bytes - n_used, "%s%s",
                                           n_used ? ", " : "", classes[k]);
    }
}

static bool step_takes(const struct step *step, enum weight weight)
{
    bool takes = step->vector == weight || step->vector_bias == weight;
    for (size_t i = 0; i < STEP_MAX_MATRICES; i++)
        takes = takes || step->matrices[i] == weight || step->biases[i] == weight;
    return takes;
}

static bool steps_take(const struct step *steps, size_t most, enum weight weight)
{
    bool takes = false;
    for (size_t i = 0; i < most && steps[i].run; i++)
        takes = takes || step_takes(&steps[i], weight);
    return takes;
}

bool architecture_has_part(const struct architecture *architecture, enum weight weight)
{
    bool has = false;
    for (size_t i = 0; i < ARCHITECTURE_LAYER_STEPS && architecture->layer[i].run; i++)
        has = has || (architecture->layer[i].fused && step_takes(&architecture->layer[i], weight));
    return weight != WEIGHT_NONE && has;
}

bool architecture_has_fused(const struct architecture *architecture, enum weight weight)
{
    bool has = false;
    for (size_t i = 0; i < ARCHITECTURE_LAYER_STEPS && architecture->layer[i].run; i++)
        has = has || architecture->layer[i].fused == weight ||
              architecture->layer[i].fused_bias == weight;
    return weight != WEIGHT_NONE && has;
}

bool architecture_may_have(const struct architecture *architecture, enum weight weight)
{
    /* LongRoPE stretches the context of a model of any architecture. */
    bool is_rotated = architecture->input != BUFFER_PATCHES;
    bool may =
        is_rotated && (weight == WEIGHT_ROPE_FACTORS_SHORT || weight == WEIGHT_ROPE_FACTORS_LONG);
    for (size_t i = 0; i < ARCHITECTURE_OPTIONAL; i++)
        may = may || architecture->optional[i] == weight;
    return weight != WEIGHT_NONE && may;
}

bool architecture_needs(const struct architecture *architecture, enum weight weight)
{
    if (weight == WEIGHT_NONE || architecture_may_have(architecture, weight)) return false;
    return (weight == WEIGHT_TOKEN_EMBD && architecture->input == BUFFER_STREAM) ||
           steps_take(architecture->start, ARCHITECTURE_EDGE_STEPS, weight) ||
           steps_take(architecture->layer, ARCHITECTURE_LAYER_STEPS, weight) ||
           steps_take(architecture->end, ARCHITECTURE_EDGE_STEPS, weight);
}
