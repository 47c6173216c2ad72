/* parse_operand.c - operands: literals, names, and what follows them: .name [item] (call), and last
 * |filter and `is test`, with their arguments.
 *
 * Filters and tests apply to all of a signed operand: `-1|abs` is 1.
 */
#include "engine/jinja/parser.h"

#include <string.h>

struct jinja_node *jinja_new_unary(struct jinja_parser *parser, enum jinja_node_kind kind,
                                   uint32_t at, struct jinja_node *left)
{
    struct jinja_node *node = left ? jinja_new_node(parser, kind, at) : NULL;
    if (!node || !jinja_raise(parser, node, left)) return NULL;
    node->left = left;
    return node;
}

struct jinja_node *jinja_new_binary(struct jinja_parser *parser, enum jinja_node_kind kind,
                                    uint32_t at, struct jinja_node *left, struct jinja_node *right)
{
    struct jinja_node *node = right ? jinja_new_unary(parser, kind, at, left) : NULL;
    if (!node || !jinja_raise(parser, node, right)) return NULL;
    node->right = right;
    return node;
}

static struct jinja_node *new_const(struct jinja_parser *parser, uint32_t at,
                                    struct jinja_value value)
{
    struct jinja_node *node = jinja_new_node(parser, NODE_CONST, at);
    if (node) node->constant = value;
    return node;
}

/* ---- arguments */

static bool parse_argument(struct jinja_parser *parser, struct jinja_call_syntax *call)
{
    uint32_t at = parser->token->at;
    bool is_star = jinja_skip(parser, TOKEN_MUL);
    bool is_double = !is_star && jinja_skip(parser, TOKEN_POW);
    bool is_named = !is_star && !is_double && parser->token->kind == TOKEN_NAME &&
                    parser->token[1].kind == TOKEN_ASSIGN;
    bool in_order = is_star ? !call->star && !call->double_star
                    : is_double || is_named
                        ? !call->double_star
                        : !call->star && !call->double_star && !call->keyword_values.n;
    if (!in_order) {
        parser->run->at = at;
        return jinja_fail(parser->run, "the arguments of a call are out of order");
    }
    if (is_named) {
        struct jinja_value name;
        const struct jinja_token *token = parser->token;
        if (!jinja_text_of(parser->run, token->bytes, token->n_bytes, &name) ||
            !jinja_list_push(parser->run, &call->keyword_names, name))
            return false;
        for (size_t i = 0; i + 1 < call->keyword_names.n; i++)
            if (jinja_text_is(call->keyword_names.items[i].text, "") ||
                (call->keyword_names.items[i].text->n_bytes == token->n_bytes &&
                 memcmp(call->keyword_names.items[i].text->bytes, token->bytes, token->n_bytes) ==
                     0))
                return jinja_fail_token(parser, "each keyword once");
        jinja_next(parser);
        jinja_next(parser);
    }
    struct jinja_node *value = jinja_parse_expression(parser, true);
    if (!value) return false;
    if (is_star) call->star = value;
    else if (is_double) call->double_star = value;
    else return jinja_add_node(parser, is_named ? &call->keyword_values : &call->positional, value);
    return true;
}

static struct jinja_call_syntax *parse_arguments(struct jinja_parser *parser)
{
    struct jinja_call_syntax *call = jinja_alloc(parser->run, 1, sizeof *call);
    if (!call || !jinja_expect(parser, TOKEN_LPAREN, "\"(\"")) return NULL;
    for (bool first = true; parser->token->kind != TOKEN_RPAREN; first = false) {
        if (!first && !jinja_expect(parser, TOKEN_COMMA, "\",\" or \")\"")) return NULL;
        if (!first && parser->token->kind == TOKEN_RPAREN) break;
        if (!parse_argument(parser, call)) return NULL;
    }
    return jinja_expect(parser, TOKEN_RPAREN, "\")\"") ? call : NULL;
}

static bool raise_arguments(struct jinja_parser *parser, struct jinja_node *node)
{
    const struct jinja_call_syntax *call = node->arguments;
    for (size_t i = 0; call && i < call->positional.n; i++)
        if (!jinja_raise(parser, node, call->positional.items[i])) return false;
    for (size_t i = 0; call && i < call->keyword_values.n; i++)
        if (!jinja_raise(parser, node, call->keyword_values.items[i])) return false;
    return !call ||
           (jinja_raise(parser, node, call->star) && jinja_raise(parser, node, call->double_star));
}

static struct jinja_node *parse_call(struct jinja_parser *parser, struct jinja_node *callee)
{
    struct jinja_node *node = jinja_new_unary(parser, NODE_CALL, parser->token->at, callee);
    if (!node || !(node->arguments = parse_arguments(parser)) || !raise_arguments(parser, node))
        return NULL;
    return node;
}

/* ---- literals */

static struct jinja_node *parse_list(struct jinja_parser *parser)
{
    struct jinja_node *node = jinja_new_node(parser, NODE_LIST, parser->token->at);
    jinja_next(parser);
    for (bool first = true; node && parser->token->kind != TOKEN_RBRACKET; first = false) {
        if (!first && !jinja_expect(parser, TOKEN_COMMA, "\",\" or \"]\"")) return NULL;
        if (parser->token->kind == TOKEN_RBRACKET) break;
        struct jinja_node *item = jinja_parse_expression(parser, true);
        if (!item || !jinja_add_node(parser, &node->list, item) || !jinja_raise(parser, node, item))
            return NULL;
    }
    return node && jinja_expect(parser, TOKEN_RBRACKET, "\"]\"") ? node : NULL;
}

static struct jinja_node *parse_dict(struct jinja_parser *parser)
{
    struct jinja_node *node = jinja_new_node(parser, NODE_DICT, parser->token->at);
    jinja_next(parser);
    for (bool first = true; node && parser->token->kind != TOKEN_RBRACE; first = false) {
        if (!first && !jinja_expect(parser, TOKEN_COMMA, "\",\" or \"}\"")) return NULL;
        if (parser->token->kind == TOKEN_RBRACE) break;
        for (int i = 0; i < 2; i++) {
            if (i && !jinja_expect(parser, TOKEN_COLON, "\":\"")) return NULL;
            struct jinja_node *item = jinja_parse_expression(parser, true);
            if (!item || !jinja_add_node(parser, &node->list, item) ||
                !jinja_raise(parser, node, item))
                return NULL;
        }
    }
    return node && jinja_expect(parser, TOKEN_RBRACE, "\"}\"") ? node : NULL;
}

/* Strings that stand side by side are one. */
static struct jinja_node *parse_string(struct jinja_parser *parser)
{
    const struct jinja_token *first = parser->token;
    jinja_next(parser);
    if (parser->token->kind != TOKEN_STRING) return new_const(parser, first->at, first->value);
    struct buf text = jinja_buffer(parser->run);
    struct jinja_value value;
    for (const struct jinja_token *token = first; token->kind == TOKEN_STRING; token++)
        buf_append(&text, token->value.text->bytes, token->value.text->n_bytes);
    while (parser->token->kind == TOKEN_STRING) jinja_next(parser);
    return jinja_text_take(parser->run, &text, &value) ? new_const(parser, first->at, value) : NULL;
}

static struct jinja_node *parse_name(struct jinja_parser *parser, bool with_attributes)
{
    static const struct {
        const char *word;
        enum jinja_kind kind;
        bool value;
    } CONSTANTS[] = {{"true", JINJA_BOOL, true},   {"True", JINJA_BOOL, true},
                     {"false", JINJA_BOOL, false}, {"False", JINJA_BOOL, false},
                     {"none", JINJA_NONE, false},  {"None", JINJA_NONE, false}};
    uint32_t at = parser->token->at;
    for (size_t i = 0; i < sizeof CONSTANTS / sizeof *CONSTANTS; i++) {
        if (!jinja_skip_word(parser, CONSTANTS[i].word)) continue;
        return new_const(
            parser, at,
            (struct jinja_value){.kind = CONSTANTS[i].kind, .boolean = CONSTANTS[i].value});
    }
    const struct jinja_text *name = jinja_word(parser, "a name");
    bool has_attribute = name && with_attributes && jinja_skip(parser, TOKEN_DOT);
    struct jinja_node *node =
        jinja_new_node(parser, has_attribute ? NODE_ATTRIBUTE_TARGET : NODE_NAME, at);
    if (!node || !name) return NULL;
    node->name = name;
    if (has_attribute && !(node->attribute = jinja_word(parser, "a name"))) return NULL;
    return node;
}

/* A tuple in parentheses, or what stands in them. */
static struct jinja_node *parse_parentheses(struct jinja_parser *parser)
{
    uint32_t at = parser->token->at;
    jinja_next(parser);
    struct jinja_node *node = parser->token->kind == TOKEN_RPAREN
                                  ? jinja_new_node(parser, NODE_TUPLE, at)
                                  : jinja_parse_tuple(parser, true, NULL);
    return node && jinja_expect(parser, TOKEN_RPAREN, "\")\"") ? node : NULL;
}

struct jinja_node *jinja_parse_primary(struct jinja_parser *parser, bool with_attributes)
{
    const struct jinja_token *token = parser->token;
    switch (token->kind) {
    case TOKEN_NAME: return parse_name(parser, with_attributes);
    case TOKEN_STRING: return parse_string(parser);
    case TOKEN_INTEGER:
    case TOKEN_NUMBER: jinja_next(parser); return new_const(parser, token->at, token->value);
    case TOKEN_LPAREN: return parse_parentheses(parser);
    case TOKEN_LBRACKET: return parse_list(parser);
    case TOKEN_LBRACE: return parse_dict(parser);
    default: jinja_fail_token(parser, "an expression"); return NULL;
    }
}

/* ---- what follows an operand */

static struct jinja_node *parse_attribute(struct jinja_parser *parser, struct jinja_node *object)
{
    uint32_t at = parser->token->at;
    jinja_next(parser);
    const struct jinja_token *token = parser->token;
    if (token->kind == TOKEN_INTEGER) {
        jinja_next(parser);
        return jinja_new_binary(parser, NODE_ITEM, at, object, new_const(parser, at, token->value));
    }
    struct jinja_node *node = jinja_new_unary(parser, NODE_ATTRIBUTE, at, object);
    return node && (node->word = jinja_word(parser, "a name or a number")) ? node : NULL;
}

/* a[start:stop:step], after the bracket; what is left out is NULL. */
static struct jinja_node *parse_item(struct jinja_parser *parser, struct jinja_node *object)
{
    uint32_t at = parser->token->at;
    struct jinja_node *parts[4] = {object, NULL, NULL, NULL};
    int n_parts = 1;
    jinja_next(parser);
    bool is_slice = false;
    for (; n_parts < 4; n_parts++) {
        bool is_empty = parser->token->kind == TOKEN_COLON ||
                        (is_slice && parser->token->kind == TOKEN_RBRACKET);
        if (!is_empty && !(parts[n_parts] = jinja_parse_expression(parser, true))) return NULL;
        if (n_parts == 3 || !jinja_skip(parser, TOKEN_COLON)) break;
        is_slice = true;
    }
    if (parser->token->kind == TOKEN_COMMA) {
        jinja_refuse(parser->run, "a subscript with a comma");
        return NULL;
    }
    if (!jinja_expect(parser, TOKEN_RBRACKET, "\"]\"")) return NULL;
    if (!is_slice) return jinja_new_binary(parser, NODE_ITEM, at, object, parts[1]);
    struct jinja_node *node = jinja_new_node(parser, NODE_SLICE, at);
    for (int i = 0; node && i < 4; i++)
        if (!jinja_add_node(parser, &node->list, parts[i]) || !jinja_raise(parser, node, parts[i]))
            return NULL;
    return node;
}

static struct jinja_node *parse_postfix(struct jinja_parser *parser, struct jinja_node *node)
{
    while (node) {
        if (parser->token->kind == TOKEN_DOT) node = parse_attribute(parser, node);
        else if (parser->token->kind == TOKEN_LBRACKET) node = parse_item(parser, node);
        else if (parser->token->kind == TOKEN_LPAREN) node = parse_call(parser, node);
        else break;
    }
    return node;
}

/* The row of a filter or test. A name that Jinja2 has not either is left to scopes.c, for it is an
 * error only where no branch may skip it. */
static bool find_builtin(struct jinja_parser *parser, struct jinja_node *node, const char *what)
{
    const struct jinja_text *word = node->word;
    node->builtin = node->kind == NODE_FILTER ? jinja_find_filter(word->bytes, word->n_bytes)
                                              : jinja_find_test(word->bytes, word->n_bytes);
    if (!node->builtin || node->builtin->function) return true;
    parser->run->at = node->at;
    return jinja_refuse(parser->run, "the %s \"%.*s\"", what, (int)word->n_bytes, word->bytes);
}

/* A name, with dots in it as Jinja2 lets names of filters have; none of its own does. */
static const struct jinja_text *parse_dotted(struct jinja_parser *parser, const char *what)
{
    const struct jinja_token *first = parser->token;
    const struct jinja_text *word = jinja_word(parser, what);
    if (!word || parser->token->kind != TOKEN_DOT) return word;
    while (jinja_skip(parser, TOKEN_DOT))
        if (!(word = jinja_word(parser, "a name"))) return NULL;
    const struct jinja_token *last = parser->token - 1;
    struct jinja_value text;
    size_t n = (size_t)(last->bytes + last->n_bytes - first->bytes);
    return jinja_text_of(parser->run, first->bytes, n, &text) ? text.text : NULL;
}

static struct jinja_node *new_applied(struct jinja_parser *parser, enum jinja_node_kind kind,
                                      struct jinja_node *left)
{
    const char *what = kind == NODE_FILTER ? "filter" : "test";
    struct jinja_node *node = jinja_new_node(parser, kind, parser->token->at);
    if (!node || !jinja_raise(parser, node, left)) return NULL;
    node->left = left;
    node->word = parse_dotted(parser, what);
    return node->word && find_builtin(parser, node, what) ? node : NULL;
}

struct jinja_node *jinja_parse_filters(struct jinja_parser *parser, struct jinja_node *node,
                                       bool first_is_bare)
{
    while (first_is_bare || jinja_skip(parser, TOKEN_PIPE)) {
        first_is_bare = false;
        if (!(node = new_applied(parser, NODE_FILTER, node))) return NULL;
        if (parser->token->kind != TOKEN_LPAREN) continue;
        if (!(node->arguments = parse_arguments(parser)) || !raise_arguments(parser, node))
            return NULL;
    }
    return node;
}

static bool begins_argument(const struct jinja_token *token)
{
    switch (token->kind) {
    case TOKEN_NAME:
        return !jinja_is_word(token, "else") && !jinja_is_word(token, "or") &&
               !jinja_is_word(token, "and");
    case TOKEN_STRING:
    case TOKEN_INTEGER:
    case TOKEN_NUMBER:
    case TOKEN_LBRACKET:
    case TOKEN_LBRACE: return true;
    default: return false;
    }
}

/* `is [not] name`, with arguments in parentheses or one without. */
static struct jinja_node *parse_test(struct jinja_parser *parser, struct jinja_node *left)
{
    uint32_t at = parser->token->at;
    jinja_next(parser);
    bool is_negated = jinja_skip_word(parser, "not");
    struct jinja_node *node = new_applied(parser, NODE_TEST, left);
    if (!node) return NULL;
    if (parser->token->kind == TOKEN_LPAREN) {
        if (!(node->arguments = parse_arguments(parser))) return NULL;
    } else if (begins_argument(parser->token)) {
        if (jinja_is_word(parser->token, "is")) {
            jinja_fail_token(parser, "no second test with \"is\"");
            return NULL;
        }
        struct jinja_node *argument = parse_postfix(parser, jinja_parse_primary(parser, false));
        node->arguments = jinja_alloc(parser->run, 1, sizeof *node->arguments);
        if (!argument || !node->arguments ||
            !jinja_add_node(parser, &node->arguments->positional, argument))
            return NULL;
    }
    if (!raise_arguments(parser, node)) return NULL;
    return is_negated ? jinja_new_unary(parser, NODE_NOT, at, node) : node;
}

static struct jinja_node *parse_applied(struct jinja_parser *parser, struct jinja_node *node)
{
    while (node) {
        if (parser->token->kind == TOKEN_PIPE) node = jinja_parse_filters(parser, node, false);
        else if (jinja_is_word(parser->token, "is")) node = parse_test(parser, node);
        else if (parser->token->kind == TOKEN_LPAREN) node = parse_call(parser, node);
        else break;
    }
    return node;
}

static struct jinja_node *parse_unary(struct jinja_parser *parser, bool with_filter)
{
    uint32_t at = parser->token->at;
    if (!jinja_enter(parser)) return NULL;
    struct jinja_node *node;
    if (jinja_skip(parser, TOKEN_SUB))
        node = jinja_new_unary(parser, NODE_NEGATIVE, at, parse_unary(parser, false));
    else if (jinja_skip(parser, TOKEN_ADD))
        node = jinja_new_unary(parser, NODE_POSITIVE, at, parse_unary(parser, false));
    else node = jinja_parse_primary(parser, false);
    parser->depth--;
    node = parse_postfix(parser, node);
    return with_filter ? parse_applied(parser, node) : node;
}

struct jinja_node *jinja_parse_operand(struct jinja_parser *parser)
{
    return parse_unary(parser, true);
}
