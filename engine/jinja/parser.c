/* parser.c - see parser.h: tokens, nodes, and bodies: data, outputs and statements up to the tag
 * that ends them.
 */
#include "engine/jinja/parser.h"

#include <string.h>

/* ---- tokens and nodes */

bool jinja_fail_at(struct jinja_parser *parser, const struct jinja_token *token,
                   const char *expected)
{
    parser->run->at = token->at;
    if (token->kind == TOKEN_END)
        return jinja_fail(parser->run, "the template ends where it takes %s", expected);
    int n = token->n_bytes < 40 ? (int)token->n_bytes : 40;
    return jinja_fail(parser->run, "\"%.*s\" where it takes %s", n, token->bytes, expected);
}

bool jinja_fail_token(struct jinja_parser *parser, const char *expected)
{
    return jinja_fail_at(parser, parser->token, expected);
}

bool jinja_enter(struct jinja_parser *parser)
{
    parser->run->at = parser->token->at;
    if (parser->depth >= JINJA_NODE_DEPTH)
        return jinja_exhaust(parser->run, "the template is nested more than %d levels deep",
                             JINJA_NODE_DEPTH);
    parser->depth++;
    return true;
}

void jinja_next(struct jinja_parser *parser)
{
    if (parser->token->kind != TOKEN_END) parser->token++;
}

bool jinja_skip(struct jinja_parser *parser, enum jinja_token_kind kind)
{
    bool found = parser->token->kind == kind;
    if (found) jinja_next(parser);
    return found;
}

bool jinja_expect(struct jinja_parser *parser, enum jinja_token_kind kind, const char *what)
{
    return jinja_skip(parser, kind) || jinja_fail_token(parser, what);
}

bool jinja_is_word(const struct jinja_token *token, const char *word)
{
    return token->kind == TOKEN_NAME && token->n_bytes == strlen(word) &&
           memcmp(token->bytes, word, token->n_bytes) == 0;
}

bool jinja_skip_word(struct jinja_parser *parser, const char *word)
{
    bool found = jinja_is_word(parser->token, word);
    if (found) jinja_next(parser);
    return found;
}

const struct jinja_text *jinja_word(struct jinja_parser *parser, const char *what)
{
    const struct jinja_token *token = parser->token;
    struct jinja_value text;
    if (!jinja_expect(parser, TOKEN_NAME, what) ||
        !jinja_text_of(parser->run, token->bytes, token->n_bytes, &text))
        return NULL;
    return text.text;
}

struct jinja_node *jinja_new_node(struct jinja_parser *parser, enum jinja_node_kind kind,
                                  uint32_t at)
{
    struct jinja_node *node = jinja_alloc(parser->run, 1, sizeof *node);
    if (node) *node = (struct jinja_node){.kind = kind, .at = at, .height = 1};
    return node;
}

bool jinja_add_node(struct jinja_parser *parser, struct jinja_nodes *nodes, struct jinja_node *node)
{
    if (nodes->n == nodes->capacity) {
        size_t capacity = nodes->capacity ? 2 * nodes->capacity : 4;
        struct jinja_node **larger = jinja_alloc(parser->run, capacity, sizeof *larger);
        if (!larger) return false;
        if (nodes->n) memcpy(larger, nodes->items, nodes->n * sizeof *larger);
        nodes->items = larger;
        nodes->capacity = capacity;
    }
    nodes->items[nodes->n++] = node;
    return true;
}

bool jinja_raise(struct jinja_parser *parser, struct jinja_node *node,
                 const struct jinja_node *child)
{
    if (!child || child->height < node->height) return true;
    node->height = child->height + 1;
    parser->run->at = node->at;
    return node->height <= JINJA_NODE_HEIGHT ||
           jinja_exhaust(parser->run, "an expression is more than %d operators high",
                         JINJA_NODE_HEIGHT);
}

/* ---- bodies */

static bool is_end(const struct jinja_token *token, const struct jinja_body_end *end)
{
    for (size_t i = 0; i < 3 && end->words[i]; i++)
        if (jinja_is_word(token, end->words[i])) return true;
    return false;
}

/* Data or an output; NULL on failure. */
static struct jinja_node *parse_output(struct jinja_parser *parser)
{
    const struct jinja_token *token = parser->token;
    jinja_next(parser);
    if (token->kind == TOKEN_DATA) {
        struct jinja_node *node = jinja_new_node(parser, NODE_DATA, token->at);
        return node && jinja_text_of(parser->run, token->bytes, token->n_bytes, &node->constant)
                   ? node
                   : NULL;
    }
    struct jinja_node *node =
        jinja_new_unary(parser, NODE_OUTPUT, token->at, jinja_parse_tuple(parser, true, NULL));
    return node && jinja_expect(parser, TOKEN_VARIABLE_END, "\"}}\"") ? node : NULL;
}

/* Up to a tag that begins with a word of `end`, or the template's end if that has none; the cursor
 * stands at the word. */
static struct jinja_node *parse_parts(struct jinja_parser *parser, const struct jinja_body_end *end)
{
    struct jinja_node *body = jinja_new_node(parser, NODE_BODY, parser->token->at);
    if (!body || !jinja_enter(parser)) return NULL;
    while (parser->token->kind != TOKEN_END) {
        struct jinja_node *node;
        if (jinja_skip(parser, TOKEN_BLOCK_BEGIN)) {
            if (is_end(parser->token, end)) break;
            node = jinja_parse_statement(parser);
        } else {
            node = parse_output(parser);
        }
        if (!node || !jinja_add_node(parser, &body->list, node) || !jinja_raise(parser, body, node))
            return NULL;
    }
    if (end->words[0] && !is_end(parser->token, end)) {
        char expected[40];
        snprintf(expected, sizeof expected, "{%% %s %%}", end->words[0]);
        jinja_fail_token(parser, expected);
        return NULL;
    }
    parser->depth--;
    return body;
}

struct jinja_node *jinja_parse_body(struct jinja_parser *parser, const struct jinja_body_end *end)
{
    jinja_skip(parser, TOKEN_COLON); /* as in Python */
    return jinja_expect(parser, TOKEN_BLOCK_END, "\"%}\"") ? parse_parts(parser, end) : NULL;
}

struct jinja_node *jinja_parse_whole_body(struct jinja_parser *parser, const char *end)
{
    struct jinja_node *body = jinja_parse_body(parser, &(struct jinja_body_end){{end, NULL, NULL}});
    if (body) jinja_next(parser);
    return body;
}

struct jinja_node *jinja_parse(struct jinja_run *run)
{
    struct jinja_parser parser = {.run = run, .token = jinja_lex(run)};
    return parser.token ? parse_parts(&parser, &(struct jinja_body_end){{NULL, NULL, NULL}}) : NULL;
}
