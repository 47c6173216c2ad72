/* architecture_list.h - the architectures by name: each is architecture_NAME, in a file of its own
 * here.
 *
 * Seen by this folder alone, so that nothing else can name one.
 */
#ifndef PHIBENCH_ENGINE_ARCH_ARCHITECTURE_LIST_H
#define PHIBENCH_ENGINE_ARCH_ARCHITECTURE_LIST_H

#include "engine/arch/architecture.h"

/* Whoever adds an architecture adds it here. */
#define ARCHITECTURE_LIST(FOR_EACH)                                                                \
    FOR_EACH(phi3)                                                                                 \
    FOR_EACH(llama)                                                                                \
    FOR_EACH(qwen2)                                                                                \
    FOR_EACH(qwen3)                                                                                \
    FOR_EACH(gemma)                                                                                \
    FOR_EACH(gemma2)                                                                               \
    FOR_EACH(gemma3)                                                                               \
    FOR_EACH(phi2)                                                                                 \
    FOR_EACH(phi3small)                                                                            \
    FOR_EACH(mixtral)                                                                              \
    FOR_EACH(phimoe)

#define ARCHITECTURE_DECLARE(name) extern const struct architecture architecture_##name;
ARCHITECTURE_LIST(ARCHITECTURE_DECLARE)
#undef ARCHITECTURE_DECLARE

/* Towers, which no file is of alone. */
extern const struct architecture architecture_clip;

#endif
