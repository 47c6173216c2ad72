/* gate_file.c - see gate_file.h. Without `margins` those are taken that suit a change which is
 * meant to change nothing; a file that has them has all of them.
 */
#include "harness/config/gate_file.h"

#include "base/mem.h"
#include "harness/config/keys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ARENA_BYTES = 16 << 20 };

static const struct config_key FILE_KEYS[] = {
    CONFIG_KEY(struct gate_file, db, PATH, .otherwise_text = "out/phibench.db"),
    CONFIG_PART_KEY("baseline", .is_required = true),
    CONFIG_PART_KEY("candidate"),
    CONFIG_KEY(struct gate_file, run, PATH),
    CONFIG_PART_KEY("noise"),
    CONFIG_PART_KEY("margins"),
};
static const struct config_table FILE_TABLE = {"the gate", FILE_KEYS, COUNT_OF(FILE_KEYS)};

static const char *const SAME_OR_NOT[] = {"same", "may change", NULL};

#define MARGIN(member) CONFIG_PART_KEY(#member)
#define CHANGE(member, key)                                                                        \
    CONFIG_KEY(struct gate_file_margins, member, CHOICE, .name = key, .choices = SAME_OR_NOT)
static const struct config_key MARGIN_KEYS[] = {
    CHANGE(numerics_may_change, "numerics"),
    CHANGE(bits_may_change, "bits"),
    CHANGE(prompts_may_change, "prompts"),
    MARGIN(score),
    MARGIN(overall),
    MARGIN(flips),
    MARGIN(right_logprob),
    MARGIN(perplexity),
    MARGIN(kld),
    MARGIN(kld_tail),
    MARGIN(kld_max),
    MARGIN(speed),
    MARGIN(memory),
    MARGIN(load),
};
static const struct config_table MARGIN_TABLE = {"margins", MARGIN_KEYS, COUNT_OF(MARGIN_KEYS)};

/* What suits a change that is meant to change nothing. */
static const struct gate_file_margins DEFAULTS = {.score = 1,
                                                  .overall = 0.5,
                                                  .flips = NAN,
                                                  .right_logprob = NAN,
                                                  .perplexity = 0.5,
                                                  .kld = NAN,
                                                  .kld_tail = NAN,
                                                  .kld_max = NAN,
                                                  .speed = 5,
                                                  .memory = 3,
                                                  .load = NAN};

/* Reads a number that may have a % behind it; an absent one leaves *value. */
static bool read_number(const struct config_node *map, const char *key, double *value,
                        struct err *err)
{
    const struct config_node *node = config_find(map, key);
    char *end = NULL;
    if (!node) return true;
    if (node->kind == CONFIG_SCALAR) {
        *value = strtod(node->text, &end);
        if (end != node->text) end += *end == '%';
        if (end != node->text && !*end && isfinite(*value) && *value >= 0) return true;
    }
    return config_fail(node, err, "%s must be how much worse it may be, as in 1.5", key);
}

/* What names a run: a number is one, too, and a revision may look like one. */
static bool read_run(const struct config_node *map, const char *key, const char **run,
                     struct err *err)
{
    const struct config_node *node = config_find(map, key);
    if (!node) return true;
    if (node->kind != CONFIG_SCALAR || !*node->text)
        return config_fail(node, err,
                           "%s must name a run: a number, a label, a revision or FILE:RUN", key);
    *run = node->text;
    return true;
}

static bool read_margins(struct gate_file *gate, const struct config_node *map, struct err *err)
{
    struct gate_file_margins *margins = &gate->margins;
    const struct {
        const char *key;
        double *value;
    } numbers[] = {
        {"score", &margins->score},
        {"overall", &margins->overall},
        {"flips", &margins->flips},
        {"right_logprob", &margins->right_logprob},
        {"perplexity", &margins->perplexity},
        {"kld", &margins->kld},
        {"kld_tail", &margins->kld_tail},
        {"kld_max", &margins->kld_max},
        {"speed", &margins->speed},
        {"memory", &margins->memory},
        {"load", &margins->load},
    };
    *margins = DEFAULTS;
    if (!config_read_map(gate->arena, map, &MARGIN_TABLE, margins, err)) return false;
    const struct config_node *speed = map ? config_find(map, "speed") : NULL;
    margins->speed_by_history =
        speed && speed->kind == CONFIG_SCALAR && !strcmp(speed->text, "history");
    for (size_t i = 0; map && i < COUNT_OF(numbers); i++) {
        *numbers[i].value = NAN;
        if (numbers[i].value == &margins->speed && margins->speed_by_history) continue;
        if (!read_number(map, numbers[i].key, numbers[i].value, err)) return false;
    }
    return true;
}

static bool read_file(struct gate_file *gate, const char *path, struct err *err)
{
    size_t n_bytes;
    char *text = config_read_file(path, &n_bytes, err);
    struct config_node *root = NULL;
    if (!text) return false;
    gate->path = arena_string(gate->arena, path, err);
    if (gate->path) root = config_parse(gate->arena, text, n_bytes, gate->path, err);
    free(text);
    gate->candidate = "last";
    return root && config_read_map(gate->arena, root, &FILE_TABLE, gate, err) &&
           read_run(root, "baseline", &gate->baseline, err) &&
           read_run(root, "candidate", &gate->candidate, err) &&
           read_number(root, "noise", &gate->noise, err) &&
           read_margins(gate, config_find(root, "margins"), err);
}

struct gate_file *gate_file_read(const char *path, struct err *err)
{
    struct gate_file *gate = mem_new(1, sizeof *gate, err);
    if (gate && (gate->arena = arena_new(MAX_ARENA_BYTES, err)) && read_file(gate, path, err))
        return gate;
    gate_file_free(gate);
    return NULL;
}

void gate_file_free(struct gate_file *gate)
{
    if (!gate) return;
    arena_free(gate->arena);
    free(gate);
}
