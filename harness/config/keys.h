/* keys.h - reads a map of the configuration into a struct by a table of keys: unknown keys,
 * types and ranges.
 *
 * Internal to harness/config*.c. What is read lives in the arena.
 */
#ifndef PHIBENCH_HARNESS_CONFIG_KEYS_H
#define PHIBENCH_HARNESS_CONFIG_KEYS_H

#include "harness/config/tree.h"

#include <stdint.h>

enum config_type {
    CONFIG_TEXT,     /* const char * */
    CONFIG_PATH,     /* const char *, ${NAME} and ${NAME:-otherwise} expanded */
    CONFIG_EXISTING, /* the same, and there must be such a file or folder */
    CONFIG_INTEGER,  /* int64_t in [low, high] */
    CONFIG_BYTES,    /* int64_t in [low, high]: 1048576, 512MiB, 2GiB */
    CONFIG_CHOICE,   /* int: position in choices */
    CONFIG_INTEGERS, /* struct config_integers: one integer, or a list without repetitions */
    CONFIG_TEXTS,    /* struct config_texts: likewise */
    CONFIG_NODE      /* const struct config_node *: read by someone else */
};

struct config_integers {
    const int64_t *values;
    size_t n;
};

struct config_texts {
    const char *const *items;
    size_t n;
};

struct config_key {
    const char *name;
    enum config_type type;
    size_t offset; /* in *out */
    bool required;
    int64_t low, high;
    const char *const *choices; /* NULL-ended */
};

/* Fields whose key is absent stay as they are. `what` names the map in messages: "suite mmlu". */
bool config_read_map(struct arena *arena, const struct config_node *map, const char *what,
                     const struct config_key *keys, size_t n_keys, void *out, struct err *err)
    __attribute__((warn_unused_result));

/* One text, a path expanded (and, for CONFIG_EXISTING, looked up). */
bool config_read_text(struct arena *arena, const struct config_node *node, const char *what,
                      enum config_type type, const char **text, struct err *err)
    __attribute__((warn_unused_result));

/* " : did you mean NEAREST?" or " (known: A, B, C)", written to out: the end of a message about
 * an unknown name. */
void config_suggest(const char *given, const char *const *known, size_t n_known, char *out,
                    size_t n_out);

#endif
