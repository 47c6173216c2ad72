/* tree.h - a configuration as a tree of nodes that know their places: what YAML says, before
 * it means anything.
 *
 * Every node and string lives in the arena given to config_parse. Internal to harness/config*.c.
 */
#ifndef PHIBENCH_HARNESS_CONFIG_TREE_H
#define PHIBENCH_HARNESS_CONFIG_TREE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>

enum config_kind { CONFIG_SCALAR, CONFIG_LIST, CONFIG_MAP };

struct config_node {
    enum config_kind kind;
    const char *text; /* of a scalar */
    bool quoted;      /* a quoted scalar is text, whatever it looks like */
    const char *key;  /* of a map's member, NULL elsewhere */
    int key_line, key_column;
    struct config_node *first, *next; /* first child; next sibling */
    const char *file;                 /* for messages: the file, or "--set KEY=VALUE" */
    int line, column;                 /* 1-based; 0 where the node comes from the command line */
};

/* The text of a configuration or a task, at most 1 MiB of UTF-8. Whatever keeps it from being read
 * is ERR_CONFIG: the path stands on a command line or in a configuration. free() it. */
char *config_read_file(const char *path, size_t *n_bytes, struct err *err)
    __attribute__((warn_unused_result));

/* Parses one YAML 1.1 document. Refused with ERR_CONFIG and the place: syntax errors, a second
 * document, anchors, aliases and tags, repeated keys, keys that are no scalars, NUL bytes,
 * nesting or size past the limits. */
struct config_node *config_parse(struct arena *arena, const char *text, size_t n_bytes,
                                 const char *file, struct err *err)
    __attribute__((warn_unused_result));

/* Applies "defaults.threads=1" to the tree: the value is YAML, parts of the key are members, or
 * positions in a list from 0. In `suites.0.shots` the suite's name may be left out. Missing maps
 * and members are made. */
bool config_override(struct arena *arena, struct config_node *root, const char *assignment,
                     struct err *err) __attribute__((warn_unused_result));

/* The member of a map, NULL if it has none. */
struct config_node *config_find(const struct config_node *map, const char *key);
size_t config_count(const struct config_node *list); /* children */

/* What a scalar is by YAML 1.1's rules. */
enum config_scalar { SCALAR_NULL, SCALAR_BOOL, SCALAR_INTEGER, SCALAR_FLOAT, SCALAR_TEXT };
enum config_scalar config_scalar_kind(const struct config_node *node);

/* ERR_CONFIG at the node's place (at its key's). Both return false. */
bool config_fail(const struct config_node *node, struct err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool config_fail_key(const struct config_node *node, struct err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends a text that is equal for two files that differ in layout, quotes and comments only. */
void config_canonical(const struct config_node *node, struct buf *out);

#endif
