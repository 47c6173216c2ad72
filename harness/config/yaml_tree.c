/* yaml_tree.c - YAML into tree.h's nodes, and overrides from the command line. The only
 * file that knows libyaml.
 *
 * Anchors and aliases are refused rather than expanded: a configuration needs none, and an alias of
 * an alias can make a kilobyte mean gigabytes. It knows no key of the configuration but `suites`,
 * for the short form of an override.
 */
#include "harness/config/tree.h"

#include "base/file.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { MAX_FILE_BYTES = 1 << 20, MAX_DEPTH = 16, MAX_NODES = 20000, MAX_MEMBERS = 2000 };

char *config_read_file(const char *path, size_t *n_bytes, struct err *err)
{
    struct err fault = {0};
    char *text = file_read_text(path, MAX_FILE_BYTES, n_bytes, &fault);
    if (fault.code == ERR_IO || fault.code == ERR_INPUT) fault.code = ERR_CONFIG;
    if (!text && err) *err = fault;
    return text;
}

struct parse {
    yaml_parser_t yaml;
    struct arena *arena;
    const char *file, *text;
    size_t n_bytes, n_nodes;
    bool placed; /* false for an override: lines and columns would mislead */
};

static bool fail_at(const struct parse *parse, const yaml_mark_t *mark, struct err *err,
                    const char *message)
{
    int line = parse->placed ? (int)mark->line + 1 : 0,
        column = parse->placed ? (int)mark->column + 1 : 0;
    return err_set_at(err, ERR_CONFIG, parse->file, line, column, "%s", message);
}

/* Characters are checked here because libyaml, which reads ahead, does not know the place of a bad
 * one. */
static bool check_characters(const struct parse *parse, struct err *err)
{
    yaml_mark_t mark = {0};
    for (size_t at = 0; at < parse->n_bytes;) {
        uint32_t code;
        bool valid;
        at += utf8_decode(parse->text + at, parse->n_bytes - at, &code, &valid);
        if (!valid) return fail_at(parse, &mark, err, "this is not UTF-8");
        if ((code < ' ' && code != '\t' && code != '\n' && code != '\r') || code == 0x7f)
            return fail_at(parse, &mark, err, "a control character has no place here");
        mark.column++;
        if (code == '\n') {
            mark.line++;
            mark.column = 0;
        }
    }
    return true;
}

/* Whether the line (0-based) has a tab before its first word. */
static bool begins_with_tab(const struct parse *parse, size_t line)
{
    const char *text = parse->text, *end = text + parse->n_bytes;
    while (text && line--) {
        text = memchr(text, '\n', (size_t)(end - text));
        if (text) text++;
    }
    while (text && text < end && *text == ' ') text++;
    return text && text < end && *text == '\t';
}

static bool next_event(struct parse *parse, yaml_event_t *event, struct err *err)
{
    if (yaml_parser_parse(&parse->yaml, event)) return true;
    const yaml_parser_t *yaml = &parse->yaml;
    char message[512];
    if (begins_with_tab(parse, yaml->problem_mark.line))
        snprintf(message, sizeof message, "a tab: YAML indents with spaces");
    else
        snprintf(message, sizeof message, "%s%s%s",
                 yaml->problem ? yaml->problem : "this is no YAML", yaml->context ? " " : "",
                 yaml->context ? yaml->context : "");
    fail_at(parse, &yaml->problem_mark, err, message);
    if (yaml->error == YAML_MEMORY_ERROR) err_set(err, ERR_MEMORY, "out of memory");
    return false;
}

static struct config_node *new_node(struct parse *parse, enum config_kind kind,
                                    const yaml_mark_t *mark, struct err *err)
{
    if (++parse->n_nodes > MAX_NODES) {
        fail_at(parse, mark, err, "the configuration has too many entries");
        return NULL;
    }
    struct config_node *node = arena_alloc(parse->arena, 1, sizeof *node, err);
    if (!node) return NULL;
    *node = (struct config_node){.kind = kind, .file = parse->file};
    if (parse->placed) {
        node->line = (int)mark->line + 1;
        node->column = (int)mark->column + 1;
    }
    return node;
}

/* Anchors, tags and aliases; an implicit tag is none. */
static bool check_plain(const struct parse *parse, const yaml_event_t *event,
                        const yaml_char_t *anchor, const yaml_char_t *tag, struct err *err)
{
    if (anchor)
        return fail_at(parse, &event->start_mark, err,
                       "anchors (&name) are not accepted: write values out");
    if (tag)
        return fail_at(parse, &event->start_mark, err,
                       "tags (!name) are not accepted: write plain values");
    return true;
}

static struct config_node *read_scalar(struct parse *parse, const yaml_event_t *event,
                                       struct err *err)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    if (!check_plain(parse, event, event->data.scalar.anchor, event->data.scalar.tag, err))
        return NULL;
    if (memchr(text, 0, n)) {
        fail_at(parse, &event->start_mark, err, "a NUL byte has no place in a configuration");
        return NULL;
    }
    struct config_node *node = new_node(parse, CONFIG_SCALAR, &event->start_mark, err);
    if (!node || !(node->text = arena_copy(parse->arena, text, n, err))) return NULL;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return node;
}

/* The key event of a map's next member. */
static bool read_key(struct parse *parse, const struct config_node *map, const yaml_event_t *event,
                     const char **key, struct err *err)
{
    if (event->type != YAML_SCALAR_EVENT)
        return fail_at(parse, &event->start_mark, err, "a key must be a word");
    struct config_node *node = read_scalar(parse, event, err);
    if (!node) return false;
    if (config_find(map, node->text))
        return config_fail(node, err, "the key \"%s\" stands here a second time", node->text);
    *key = node->text;
    return true;
}

/* Whether the event may begin a collection here. */
static bool check_start(const struct parse *parse, const yaml_event_t *event, int depth,
                        struct err *err)
{
    if (event->type == YAML_ALIAS_EVENT)
        return fail_at(parse, &event->start_mark, err,
                       "aliases (*name) are not accepted: write the value out");
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    if (!is_map && event->type != YAML_SEQUENCE_START_EVENT)
        return fail_at(parse, &event->start_mark, err, "a value is missing here");
    if (depth >= MAX_DEPTH)
        return fail_at(parse, &event->start_mark, err, "the configuration is nested too deeply");
    return is_map ? check_plain(parse, event, event->data.mapping_start.anchor,
                                event->data.mapping_start.tag, err)
                  : check_plain(parse, event, event->data.sequence_start.anchor,
                                event->data.sequence_start.tag, err);
}

/* The node that begins with this event, with all below it. */
static struct config_node *read_node(struct parse *parse, const yaml_event_t *start, int depth,
                                     struct err *err)
{
    if (start->type == YAML_SCALAR_EVENT) return read_scalar(parse, start, err);
    if (!check_start(parse, start, depth, err)) return NULL;
    bool is_map = start->type == YAML_MAPPING_START_EVENT;
    yaml_event_type_t end = is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    struct config_node *node =
        new_node(parse, is_map ? CONFIG_MAP : CONFIG_LIST, &start->start_mark, err);
    struct config_node **tail = node ? &node->first : NULL;
    for (size_t n = 0; node; n++) {
        yaml_event_t event;
        if (!next_event(parse, &event, err)) return NULL;
        bool at_end = event.type == end;
        struct config_node *child = NULL;
        const char *key = NULL;
        yaml_mark_t mark = event.start_mark;
        if (!at_end && n == MAX_MEMBERS)
            fail_at(parse, &mark, err, "too many entries in one list or map");
        else if (!at_end && is_map && read_key(parse, node, &event, &key, err)) {
            yaml_event_delete(&event);
            if (!next_event(parse, &event, err)) return NULL;
            child = read_node(parse, &event, depth + 1, err);
        } else if (!at_end && !is_map) child = read_node(parse, &event, depth + 1, err);
        yaml_event_delete(&event);
        if (at_end) return node;
        if (!child) return NULL;
        child->key = key;
        child->key_line = parse->placed ? (int)mark.line + 1 : 0;
        child->key_column = parse->placed ? (int)mark.column + 1 : 0;
        *tail = child;
        tail = &child->next;
    }
    return NULL;
}

/* Stream start, then one document: its start, its node, its end, and the end of the stream. */
static struct config_node *read_document(struct parse *parse, struct err *err)
{
    struct config_node *root = NULL;
    yaml_event_t event;
    for (;;) {
        if (!next_event(parse, &event, err)) return NULL;
        yaml_event_type_t type = event.type;
        bool ok = true;
        if (type == YAML_DOCUMENT_START_EVENT && root)
            ok = fail_at(parse, &event.start_mark, err,
                         "a second document: one file is one configuration");
        else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
                 type != YAML_DOCUMENT_START_EVENT && type != YAML_DOCUMENT_END_EVENT)
            ok = (root = read_node(parse, &event, 0, err)) != NULL;
        if (type == YAML_STREAM_END_EVENT && !root)
            ok = fail_at(parse, &event.start_mark, err, "the configuration is empty");
        yaml_event_delete(&event);
        if (!ok) return NULL;
        if (type == YAML_STREAM_END_EVENT) return root;
    }
}

static struct config_node *parse_text(struct arena *arena, const char *text, size_t n_bytes,
                                      const char *file, bool placed, struct err *err)
{
    if (!utf8_skip_mark(&text, &n_bytes, file, err)) return NULL;
    struct parse parse = {.arena = arena, .text = text, .n_bytes = n_bytes, .placed = placed};
    if (!(parse.file = arena_string(arena, file, err)) || !check_characters(&parse, err))
        return NULL;
    if (!yaml_parser_initialize(&parse.yaml)) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    yaml_parser_set_encoding(&parse.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parse.yaml, (const unsigned char *)text, n_bytes);
    struct config_node *root = read_document(&parse, err);
    yaml_parser_delete(&parse.yaml);
    return root;
}

struct config_node *config_parse(struct arena *arena, const char *text, size_t n_bytes,
                                 const char *file, struct err *err)
{
    return parse_text(arena, text, n_bytes, file, true, err);
}

/* ---- Overrides ---- */

static struct config_node *child_at(const struct config_node *list, const char *index)
{
    char *end;
    unsigned long i = strtoul(index, &end, 10);
    if (!isdigit((unsigned char)*index) || *end) return NULL;
    struct config_node *child = list->first;
    while (child && i--) child = child->next;
    return child;
}

static struct config_node *add_member(struct arena *arena, struct config_node *map, const char *key,
                                      const char *file, struct err *err)
{
    struct config_node **tail = &map->first;
    while (*tail) tail = &(*tail)->next;
    struct config_node *node = arena_alloc(arena, 1, sizeof *node, err);
    if (!node) return NULL;
    *node = (struct config_node){.kind = CONFIG_MAP, .key = key, .file = file};
    return *tail = node;
}

/* One step down. A list's element that is a map of one member other than `part` (a suite) is
 * stepped through. */
static struct config_node *descend(struct arena *arena, struct config_node *node, bool in_suites,
                                   const char *part, const char *file, struct err *err)
{
    if (node->kind == CONFIG_LIST) {
        struct config_node *child = child_at(node, part);
        if (!child)
            err_set_at(err, ERR_USAGE, file, 0, 0,
                       "\"%s\" is no position in a list of %zu (0 is the first)", part,
                       config_count(node));
        return child;
    }
    if (in_suites && node->kind == CONFIG_MAP && node->first && !node->first->next &&
        strcmp(node->first->key, part) && node->first->kind == CONFIG_MAP)
        node = node->first;
    if (node->kind != CONFIG_MAP) {
        err_set_at(err, ERR_USAGE, file, 0, 0, "there is nothing below a plain value: \"%s\"",
                   part);
        return NULL;
    }
    struct config_node *child = config_find(node, part);
    return child ? child : add_member(arena, node, part, file, err);
}

bool config_override(struct arena *arena, struct config_node *root, const char *assignment,
                     struct err *err)
{
    const char *equals = strchr(assignment, '=');
    const char *file = arena_printf(arena, err, "--set %s", assignment);
    if (!file) return false;
    if (!equals || equals == assignment)
        return err_set(err, ERR_USAGE,
                       "--set takes KEY=VALUE, as in --set defaults.threads=1, not \"%s\"",
                       assignment);
    char *key = arena_copy(arena, assignment, (size_t)(equals - assignment), err);
    if (!key) return false;
    if (!equals[1]) return err_set_at(err, ERR_USAGE, file, 0, 0, "a value is missing after the =");
    struct config_node *node = root;
    bool in_suites = false;
    int depth = 0;
    for (char *part = key, *dot; part; part = dot, depth++) {
        if ((dot = strchr(part, '.'))) *dot++ = 0;
        if (!*part || depth == MAX_DEPTH)
            return err_set_at(err, ERR_USAGE, file, 0, 0,
                              "the key is no sequence of names with dots between");
        node = descend(arena, node, in_suites && depth == 2, part, file, err);
        if (!node) return false;
        in_suites = in_suites || (depth == 0 && !strcmp(part, "suites"));
    }
    const struct config_node *value =
        parse_text(arena, equals + 1, strlen(equals + 1), file, false, err);
    if (!value) return false;
    node->kind = value->kind;
    node->text = value->text;
    node->quoted = value->quoted;
    node->first = value->first;
    node->file = file;
    node->line = node->column = node->key_line = node->key_column = 0;
    return true;
}

/* ---- Nodes ---- */

struct config_node *config_find(const struct config_node *map, const char *key)
{
    for (struct config_node *child = map->first; child; child = child->next)
        if (child->key && !strcmp(child->key, key)) return child;
    return NULL;
}

size_t config_count(const struct config_node *list)
{
    size_t n = 0;
    for (const struct config_node *child = list->first; child; child = child->next) n++;
    return n;
}

bool config_fail(const struct config_node *node, struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_set_at_v(err, ERR_CONFIG, node->file, node->line, node->column, format, args);
    va_end(args);
    return false;
}

bool config_fail_key(const struct config_node *node, struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_set_at_v(err, ERR_CONFIG, node->file, node->key_line, node->key_column, format, args);
    va_end(args);
    return false;
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(text, *words)) return true;
    return false;
}

enum config_scalar config_scalar_kind(const struct config_node *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const bools[] = {"y",   "Y",   "yes",  "Yes",   "YES",   "n",     "N",  "no",
                                        "No",  "NO",  "true", "True",  "TRUE",  "on",    "On", "ON",
                                        "off", "Off", "OFF",  "false", "False", "FALSE", NULL};
    if (node->quoted) return SCALAR_TEXT;
    if (is_one_of(node->text, nulls)) return SCALAR_NULL;
    if (is_one_of(node->text, bools)) return SCALAR_BOOL;
    const char *text = node->text + (*node->text == '-' || *node->text == '+');
    if (!isdigit((unsigned char)*text) && !(*text == '.' && isdigit((unsigned char)text[1])))
        return SCALAR_TEXT;
    char *end;
    if (strspn(text, "0123456789_") == strlen(text)) return SCALAR_INTEGER;
    if (text[0] == '0' && text[1] == 'x' && text[2] &&
        strspn(text + 2, "0123456789abcdefABCDEF_") == strlen(text + 2))
        return SCALAR_INTEGER;
    if (strspn(text, "0123456789.eE+-") != strlen(text)) return SCALAR_TEXT;
    strtod(text, &end);
    return *end ? SCALAR_TEXT : SCALAR_FLOAT;
}

void config_canonical(const struct config_node *node, struct buf *out)
{
    if (node->key) buf_printf(out, "%zu:%s=", strlen(node->key), node->key);
    if (node->kind == CONFIG_SCALAR) {
        buf_printf(out, "%s%zu:%s;", config_scalar_kind(node) == SCALAR_TEXT ? "t" : "p",
                   strlen(node->text), node->text);
        return;
    }
    buf_char(out, node->kind == CONFIG_LIST ? '[' : '{');
    for (const struct config_node *child = node->first; child; child = child->next)
        config_canonical(child, out);
    buf_char(out, node->kind == CONFIG_LIST ? ']' : '}');
}
