/* keys.h - reads a map of the configuration into a struct by a table of keys: unknown keys,
 * types, ranges and defaults. A key is one line of a table, CONFIG_KEY; grammar.c has the tables.
 *
 * Internal to harness/config/. What is read lives in the arena.
 */
#ifndef PHIBENCH_HARNESS_CONFIG_KEYS_H
#define PHIBENCH_HARNESS_CONFIG_KEYS_H

#include "harness/config/tree.h"

#include <stdint.h>

enum config_type {
    CONFIG_TEXT,     /* const char * */
    CONFIG_PATH,     /* const char *, ${NAME} and ${NAME:-otherwise} expanded */
    CONFIG_EXISTING, /* the same, and there must be such a file or folder */
    CONFIG_INTEGER,  /* any integer or a double, in [low, high] */
    CONFIG_BYTES,    /* likewise: 1048576, 512MiB, 2GiB */
    CONFIG_PRICE,    /* double, of a million tokens */
    CONFIG_POINTS,   /* double, percent points of a score: above 0, at most 50 */
    CONFIG_CHOICE,   /* a bool, an enum: position in choices; const char *: the choice itself */
    CONFIG_INTEGERS, /* const int64_t * and a count: an integer, or a list without repetitions */
    CONFIG_TEXTS,    /* const char *const * and a count: likewise */
    CONFIG_PART      /* no field: someone else reads the node, which config_find finds */
};

/* What the field is that a number goes to. */
enum config_storage {
    STORED_AS_BOOL,
    STORED_AS_INT,
    STORED_AS_INT64,
    STORED_AS_DOUBLE,
    STORED_AS_TEXT
};

struct config_key {
    const char *field; /* in C: "options.shots" */
    const char *name;  /* in the file; NULL: the last part of the field's */
    enum config_type type;
    enum config_storage storage;
    size_t offset, n_offset; /* of the field, and of a list's count */
    bool is_required;
    int64_t low, high;
    const char *const *choices; /* NULL-ended */
    int64_t otherwise;          /* where the key is absent; of a list its only element, 0: empty */
    const char *otherwise_text;
};

/* A key: its struct, the field, what it takes without "CONFIG_", and of the other members those
 * that say something: CONFIG_KEY(struct config, n_threads, INTEGER, .name = "threads", .high = 8).
 * A field of a type that cannot take it does not compile. */
#define CONFIG_KEY(object, member, takes, ...)                                                     \
    {                                                                                              \
        .field = #member, .type = CONFIG_##takes, .offset = offsetof(object, member),              \
        .storage = CONFIG_STORAGE_##takes(((object *)0)->member), __VA_ARGS__                      \
    }
#define CONFIG_LIST_KEY(object, member, n_member, takes, ...)                                      \
    CONFIG_KEY(object, member, takes, .n_offset = offsetof(object, n_member), __VA_ARGS__)
#define CONFIG_PART_KEY(key, ...)                                                                  \
    {                                                                                              \
        .field = key, .type = CONFIG_PART, __VA_ARGS__                                             \
    }

#define CONFIG_STORAGE_TEXT(field) _Generic(field, const char * : STORED_AS_TEXT)
#define CONFIG_STORAGE_PATH(field) CONFIG_STORAGE_TEXT(field)
#define CONFIG_STORAGE_EXISTING(field) CONFIG_STORAGE_TEXT(field)
#define CONFIG_STORAGE_INTEGER(field)                                                              \
    _Generic(field, int                                                                            \
             : STORED_AS_INT, long                                                                 \
             : STORED_AS_INT64, unsigned long                                                      \
             : STORED_AS_INT64, double                                                             \
             : STORED_AS_DOUBLE)
#define CONFIG_STORAGE_BYTES(field) CONFIG_STORAGE_INTEGER(field)
#define CONFIG_STORAGE_PRICE(field) _Generic(field, double : STORED_AS_DOUBLE)
#define CONFIG_STORAGE_POINTS(field) CONFIG_STORAGE_PRICE(field)
#define CONFIG_STORAGE_CHOICE(field)                                                               \
    _Generic(field, bool                                                                           \
             : STORED_AS_BOOL, unsigned                                                            \
             : STORED_AS_INT, int                                                                  \
             : STORED_AS_INT, const char *                                                         \
             : STORED_AS_TEXT)
#define CONFIG_STORAGE_INTEGERS(field) _Generic(field, const int64_t * : STORED_AS_INT64)
#define CONFIG_STORAGE_TEXTS(field) _Generic(field, const char *const * : STORED_AS_TEXT)

enum { CONFIG_MAX_KEYS = 32 };

/* The keys of a map. */
struct config_table {
    const char *what; /* the map in messages; NULL: "suite NAME", by the key that it stands under */
    const struct config_key *keys;
    size_t n_keys;
};

const char *config_key_name(const struct config_key *key);

/* Fields whose key is absent get what the table says, all of them without a map (NULL). */
bool config_read_map(struct arena *arena, const struct config_node *map,
                     const struct config_table *table, void *out, struct err *err)
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
