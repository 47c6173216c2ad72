/* prompt_parts.c - see prompt_parts.h.
 *
 * Knows nothing of templates and tokens: how a conversation becomes a prompt is the model's affair.
 */
#include "suites/prompt_parts.h"

#include "base/letter_case.h"

#include <string.h>

bool prompt_parts_add(struct prompt_parts *parts, enum prompt_part_kind kind, const char *text,
                      struct err *err)
{
    if (!arena_grow(parts->arena, (void **)&parts->parts, &parts->capacity, parts->n + 1,
                    sizeof *parts->parts, err))
        return false;
    parts->parts[parts->n++] = (struct prompt_part){kind, text};
    return true;
}

bool prompt_parts_end(struct prompt_parts *parts, struct err *err)
{
    if (!arena_grow(parts->arena, (void **)&parts->ends, &parts->ends_capacity, parts->n_ends + 1,
                    sizeof *parts->ends, err))
        return false;
    parts->ends[parts->n_ends++] = parts->n;
    return true;
}

/* The i-th part of a prompt without the last n_dropped examples; NULL behind its end. */
static const struct prompt_part *part_at(const struct prompt_parts *parts, size_t n_dropped,
                                         size_t i)
{
    size_t question = parts->ends[parts->n_ends - 1];
    size_t n_before = parts->ends[parts->n_ends - 1 - n_dropped];
    if (i >= n_before) i += question - n_before;
    return i < parts->n ? &parts->parts[i] : NULL;
}

/* The text of all parts, but for the description where it is the system message. */
static const char *join_parts(const struct prompt_parts *parts, size_t n_dropped, bool is_chat,
                              struct err *err)
{
    struct buf text = {0};
    const struct prompt_part *part;
    for (size_t i = 0; (part = part_at(parts, n_dropped, i)); i++)
        if (!is_chat || part->kind != PART_DESCRIPTION) buf_text(&text, part->text);
    return arena_take(parts->arena, &text, err);
}

/* ---- Conversations ---- */

/* Whether one of the texts has white space where they meet, as Python's isspace sees it. */
static bool meet_in_space(const char *before, const char *after)
{
    size_t n_before = strlen(before), n_after = strlen(after);
    const char *end = letter_strip(before, &n_before, true) + n_before;
    return !n_before || *end || letter_strip(after, &n_after, true) != after;
}

/* The user's system text and the description; NULL without either. */
static bool make_system(const struct prompt_parts *parts, const char *own, const char *separator,
                        const char **system, struct err *err)
{
    struct buf text = {0};
    const struct prompt_part *part;
    for (size_t i = 0; (part = part_at(parts, 0, i)); i++)
        if (part->kind == PART_DESCRIPTION) buf_text(&text, part->text);
    const char *description = arena_take(parts->arena, &text, err);
    if (!description) return false;
    *system = own && *own ? own : *description ? description : NULL;
    if (!own || !*own || !*description) return true;
    *system = arena_printf(parts->arena, err, "%s%s%s", own,
                           meet_in_space(own, description) ? "" : separator, description);
    return *system != NULL;
}

/* Each question and each answer is a turn. */
static bool make_turns(const struct prompt_parts *parts, size_t n_dropped,
                       struct dialogue *dialogue, struct err *err)
{
    struct arena *arena = parts->arena;
    const char **turns = arena_alloc(arena, parts->n, sizeof *turns, err);
    const struct prompt_part *part = NULL;
    size_t n = 0, i = 0;
    if (!turns) return false;
    while ((part = part_at(parts, n_dropped, i))) {
        struct buf text = {0};
        enum prompt_part_kind kind = part->kind;
        for (; part && part->kind == kind; part = part_at(parts, n_dropped, ++i))
            buf_text(&text, part->text);
        const char *turn = arena_take(arena, &text, err);
        if (!turn) return false;
        if (kind == PART_QUESTION || kind == PART_ANSWER) turns[n++] = turn;
    }
    *dialogue = (struct dialogue){turns, n};
    return true;
}

static bool make_one_turn(const struct prompt_parts *parts, size_t n_dropped,
                          struct dialogue *dialogue, struct err *err)
{
    const char **turn = arena_alloc(parts->arena, 1, sizeof *turn, err);
    if (!turn || !(turn[0] = join_parts(parts, n_dropped, true, err))) return false;
    *dialogue = (struct dialogue){turn, 1};
    return true;
}

static bool make_dialogues(const struct prompt_parts *parts, const struct suite_chat *chat,
                           const char *separator, size_t n_prompts, struct request *request,
                           struct err *err)
{
    struct dialogue *dialogues = arena_alloc(parts->arena, n_prompts, sizeof *dialogues, err);
    if (!dialogues || !make_system(parts, chat->system, separator, &request->system, err))
        return false;
    for (size_t i = 0; i < n_prompts; i++)
        if (!(chat->is_multiturn ? make_turns : make_one_turn)(parts, i, &dialogues[i], err))
            return false;
    request->dialogues = dialogues;
    return true;
}

bool prompt_parts_make(const struct prompt_parts *parts, const struct suite_chat *chat,
                       const char *separator, size_t n_prompts, struct request *request,
                       struct err *err)
{
    request->n_prompts = n_prompts;
    if (chat->is_asked) return make_dialogues(parts, chat, separator, n_prompts, request, err);
    const char **prompts = arena_alloc(parts->arena, n_prompts, sizeof *prompts, err);
    if (!prompts) return false;
    for (size_t i = 0; i < n_prompts; i++)
        if (!(prompts[i] = join_parts(parts, i, false, err))) return false;
    request->prompts = prompts;
    return true;
}
