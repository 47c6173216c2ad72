/* parse_statement.c - statements, each with a function that begins after the statement's word.
 *
 * Statements are rows of a table, without a function where Jinja2 has one that is refused by name.
 * A chain of elif is a chain of IF nodes, walked without recursion.
 */
#include "engine/jinja/parser.h"

#include <string.h>

static struct jinja_node *new_statement(struct jinja_parser *parser, enum jinja_node_kind kind)
{
    return jinja_new_node(parser, kind, parser->token[-1].at);
}

static struct jinja_node *parse_if(struct jinja_parser *parser)
{
    static const struct jinja_body_end END = {{"endif", "elif", "else"}};
    struct jinja_node *first = NULL, **place = &first;
    for (;;) {
        struct jinja_node *node = new_statement(parser, NODE_IF);
        if (!node || !(node->branch.test = jinja_parse_tuple(parser, false, NULL)) ||
            !(node->branch.body = jinja_parse_body(parser, &END)) ||
            !jinja_raise(parser, node, node->branch.test) ||
            !jinja_raise(parser, node, node->branch.body))
            return NULL;
        *place = node;
        place = &node->branch.otherwise;
        if (!first || !jinja_raise(parser, first, node)) return NULL;
        if (!jinja_skip_word(parser, "elif")) break;
    }
    if (jinja_skip_word(parser, "else")) {
        if (!(*place = jinja_parse_whole_body(parser, "endif"))) return NULL;
        return jinja_raise(parser, first, *place) ? first : NULL;
    }
    jinja_next(parser);
    return first;
}

static struct jinja_node *parse_for(struct jinja_parser *parser)
{
    static const struct jinja_body_end END = {{"endfor", "else", NULL}};
    struct jinja_node *node = new_statement(parser, NODE_FOR);
    const struct jinja_token *target = parser->token;
    if (!node || !(node->loop.target = jinja_parse_target(parser, "in", false))) return NULL;
    if (!jinja_skip_word(parser, "in")) {
        jinja_fail_token(parser, "\"in\"");
        return NULL;
    }
    if (!(node->loop.items = jinja_parse_tuple(parser, false, "recursive"))) return NULL;
    if (jinja_skip_word(parser, "if")) {
        const struct jinja_token *after = parser->token + 1;
        if (!(node->loop.test = jinja_parse_expression(parser, true))) return NULL;
        after = parser->token;
        parser->token = target;
        node->loop.test_target = jinja_parse_target(parser, "in", false);
        parser->token = after;
        if (!node->loop.test_target) return NULL;
    }
    node->loop.is_recursive = jinja_skip_word(parser, "recursive");
    parser->n_loops++;
    node->loop.body = jinja_parse_body(parser, &END);
    parser->n_loops--;
    if (!node->loop.body) return NULL;
    if (jinja_skip_word(parser, "else")) {
        /* In a recursive loop, "else" is a function of its own, which no outer loop surrounds. */
        int n_loops = parser->n_loops;
        if (node->loop.is_recursive) parser->n_loops = 0;
        node->loop.otherwise = jinja_parse_whole_body(parser, "endfor");
        parser->n_loops = n_loops;
        if (!node->loop.otherwise) return NULL;
    } else {
        jinja_next(parser);
    }
    bool ok = jinja_raise(parser, node, node->loop.items) &&
              jinja_raise(parser, node, node->loop.test) &&
              jinja_raise(parser, node, node->loop.body) &&
              jinja_raise(parser, node, node->loop.otherwise);
    return ok ? node : NULL;
}

static struct jinja_node *parse_set(struct jinja_parser *parser)
{
    struct jinja_node *node = new_statement(parser, NODE_SET);
    struct jinja_node *target = node ? jinja_parse_target(parser, NULL, true) : NULL;
    if (!target) return NULL;
    node->set.target = target;
    if (jinja_skip(parser, TOKEN_ASSIGN)) {
        node->set.value = jinja_parse_tuple(parser, true, NULL);
        return node->set.value && jinja_raise(parser, node, node->set.value) ? node : NULL;
    }
    node->kind = NODE_SET_BLOCK;
    if (parser->token->kind == TOKEN_PIPE &&
        !(node->set.value = jinja_parse_filters(parser, NULL, false)))
        return NULL;
    node->set.body = jinja_parse_whole_body(parser, "endset");
    return node->set.body && jinja_raise(parser, node, node->set.value) &&
                   jinja_raise(parser, node, node->set.body)
               ? node
               : NULL;
}

static struct jinja_node *parse_filter_block(struct jinja_parser *parser)
{
    struct jinja_node *node = new_statement(parser, NODE_FILTER_BLOCK);
    if (!node || !(node->set.value = jinja_parse_filters(parser, NULL, true)) ||
        !(node->set.body = jinja_parse_whole_body(parser, "endfilter")))
        return NULL;
    return jinja_raise(parser, node, node->set.value) && jinja_raise(parser, node, node->set.body)
               ? node
               : NULL;
}

static struct jinja_node *parse_generation(struct jinja_parser *parser)
{
    struct jinja_node *node = new_statement(parser, NODE_GENERATION);
    int n_loops = parser->n_loops;
    parser->n_loops = 0;
    if (!node || !(node->set.body = jinja_parse_whole_body(parser, "endgeneration"))) return NULL;
    parser->n_loops = n_loops;
    return jinja_raise(parser, node, node->set.body) ? node : NULL;
}

static struct jinja_node *parse_with(struct jinja_parser *parser)
{
    struct jinja_node *node = new_statement(parser, NODE_WITH);
    while (node && parser->token->kind != TOKEN_BLOCK_END) {
        if (node->with.targets.n && !jinja_expect(parser, TOKEN_COMMA, "\",\"")) return NULL;
        struct jinja_node *target = jinja_parse_target(parser, NULL, false);
        if (!target || !jinja_expect(parser, TOKEN_ASSIGN, "\"=\"")) return NULL;
        struct jinja_node *value = jinja_parse_expression(parser, true);
        if (!value || !jinja_raise(parser, node, value) ||
            !jinja_add_node(parser, &node->with.targets, target) ||
            !jinja_add_node(parser, &node->with.values, value))
            return NULL;
    }
    if (!node || !(node->with.body = jinja_parse_whole_body(parser, "endwith"))) return NULL;
    return jinja_raise(parser, node, node->with.body) ? node : NULL;
}

/* (a, b=1) */
static bool parse_signature(struct jinja_parser *parser, struct jinja_node *node)
{
    struct jinja_signature *signature = &node->macro.signature;
    if (!jinja_expect(parser, TOKEN_LPAREN, "\"(\"")) return false;
    while (parser->token->kind != TOKEN_RPAREN) {
        if (signature->names.n && !jinja_expect(parser, TOKEN_COMMA, "\",\" or \")\""))
            return false;
        const struct jinja_token *token = parser->token;
        struct jinja_node *name = jinja_parse_name_target(parser);
        if (!name || !jinja_add_node(parser, &signature->names, name)) return false;
        for (size_t i = 0; i + 1 < signature->names.n; i++)
            if (jinja_is_word(token, "") ||
                (signature->names.items[i]->name->n_bytes == token->n_bytes &&
                 memcmp(signature->names.items[i]->name->bytes, token->bytes, token->n_bytes) == 0))
                return jinja_fail_at(parser, token, "each parameter once");
        if (jinja_skip(parser, TOKEN_ASSIGN)) {
            struct jinja_node *value = jinja_parse_expression(parser, true);
            if (!value || !jinja_add_node(parser, &signature->defaults, value) ||
                !jinja_raise(parser, node, value))
                return false;
        } else if (signature->defaults.n) {
            return jinja_fail_token(parser, "a default, as the parameter before has one,");
        }
    }
    jinja_next(parser);
    return true;
}

/* A body that is called: loops around it are none of its own. */
static struct jinja_node *parse_called_body(struct jinja_parser *parser, struct jinja_node *node,
                                            const char *end)
{
    int n_loops = parser->n_loops;
    parser->n_loops = 0;
    node->macro.body = jinja_parse_whole_body(parser, end);
    parser->n_loops = n_loops;
    return node->macro.body && jinja_raise(parser, node, node->macro.body) ? node : NULL;
}

static struct jinja_node *parse_macro(struct jinja_parser *parser)
{
    struct jinja_node *node = new_statement(parser, NODE_MACRO);
    struct jinja_node *name = node ? jinja_parse_name_target(parser) : NULL;
    if (!name || !parse_signature(parser, node)) return NULL;
    node->macro.name = name->name;
    return parse_called_body(parser, node, "endmacro");
}

static struct jinja_node *parse_call_block(struct jinja_parser *parser)
{
    struct jinja_node *node = new_statement(parser, NODE_CALL_BLOCK);
    if (!node || (parser->token->kind == TOKEN_LPAREN && !parse_signature(parser, node)))
        return NULL;
    const struct jinja_token *token = parser->token;
    node->macro.call = jinja_parse_expression(parser, true);
    if (!node->macro.call || !jinja_raise(parser, node, node->macro.call)) return NULL;
    if (node->macro.call->kind != NODE_CALL) {
        jinja_fail_at(parser, token, "a call");
        return NULL;
    }
    return parse_called_body(parser, node, "endcall");
}

static struct jinja_node *parse_jump(struct jinja_parser *parser)
{
    const struct jinja_token *token = parser->token - 1;
    if (!parser->n_loops) {
        jinja_fail_at(parser, token, "a loop around it");
        return NULL;
    }
    return new_statement(parser, jinja_is_word(token, "break") ? NODE_BREAK : NODE_CONTINUE);
}

typedef struct jinja_node *statement_fn(struct jinja_parser *parser);

static const struct statement {
    const char *word;
    statement_fn *parse;
} STATEMENTS[] = {
    {"if", parse_if},
    {"for", parse_for},
    {"set", parse_set},
    {"with", parse_with},
    {"macro", parse_macro},
    {"call", parse_call_block},
    {"filter", parse_filter_block},
    {"generation", parse_generation},
    {"break", parse_jump},
    {"continue", parse_jump},
    {"print", NULL},
    {"block", NULL},
    {"extends", NULL},
    {"include", NULL},
    {"import", NULL},
    {"from", NULL},
    {"autoescape", NULL},
};

static const struct statement *find_statement(const struct jinja_token *token)
{
    for (size_t i = 0; i < sizeof STATEMENTS / sizeof *STATEMENTS; i++)
        if (jinja_is_word(token, STATEMENTS[i].word)) return &STATEMENTS[i];
    return NULL;
}

struct jinja_node *jinja_parse_statement(struct jinja_parser *parser)
{
    const struct jinja_token *token = parser->token;
    if (token->kind != TOKEN_NAME) {
        jinja_fail_token(parser, "the name of a statement");
        return NULL;
    }
    const struct statement *statement = find_statement(token);
    if (!statement || !statement->parse) {
        parser->run->at = token->at;
        if (statement) jinja_refuse(parser->run, "{%% %s %%}", statement->word);
        else
            jinja_fail(parser->run,
                       "there is no statement \"%.*s\", or it stands outside its block",
                       (int)token->n_bytes, token->bytes);
        return NULL;
    }
    jinja_next(parser);
    struct jinja_node *node = statement->parse(parser);
    return node && jinja_expect(parser, TOKEN_BLOCK_END, "\"%}\"") ? node : NULL;
}
