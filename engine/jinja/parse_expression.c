/* parse_expression.c - operators, tuples and targets. From the loosest binding to the tightest:
 *
 *   x if c else y, or, and, not, comparisons (chained), + -, ~, * / // %, **, operands
 *
 * So `a ~ b + c` is (a ~ b) + c, and ** binds to the left, as Jinja2 has it.
 */
#include "engine/jinja/parser.h"

#include <string.h>

struct operator_token {
    enum jinja_token_kind token;
    enum jinja_operator op;
};

typedef struct jinja_node *parse_fn(struct jinja_parser *parser);

static const struct operator_token *find_operator(const struct operator_token *row,
                                                  enum jinja_token_kind kind)
{
    while (row->token != TOKEN_END && row->token != kind) row++;
    return row->token == TOKEN_END ? NULL : row;
}

/* Operands of one precedence, which bind to the left; operators end with TOKEN_END. */
static struct jinja_node *parse_left(struct jinja_parser *parser, parse_fn *operand,
                                     const struct operator_token *operators)
{
    struct jinja_node *left = operand(parser);
    for (const struct operator_token *found;
         left && (found = find_operator(operators, parser->token->kind));) {
        uint32_t at = parser->token->at;
        jinja_next(parser);
        left = jinja_new_binary(parser, NODE_BINARY, at, left, operand(parser));
        if (left) left->op = found->op;
    }
    return left;
}

static struct jinja_node *parse_power(struct jinja_parser *parser)
{
    static const struct operator_token OPERATORS[] = {{TOKEN_POW, OPERATOR_POWER}, {TOKEN_END, 0}};
    return parse_left(parser, jinja_parse_operand, OPERATORS);
}

static struct jinja_node *parse_product(struct jinja_parser *parser)
{
    static const struct operator_token OPERATORS[] = {{TOKEN_MUL, OPERATOR_MULTIPLY},
                                                      {TOKEN_DIV, OPERATOR_DIVIDE},
                                                      {TOKEN_FLOORDIV, OPERATOR_FLOOR_DIVIDE},
                                                      {TOKEN_MOD, OPERATOR_MODULO},
                                                      {TOKEN_END, 0}};
    return parse_left(parser, parse_power, OPERATORS);
}

static struct jinja_node *parse_concat(struct jinja_parser *parser)
{
    uint32_t at = parser->token->at;
    struct jinja_node *first = parse_product(parser);
    if (!first || parser->token->kind != TOKEN_TILDE) return first;
    struct jinja_node *node = jinja_new_node(parser, NODE_CONCAT, at);
    if (!node || !jinja_add_node(parser, &node->list, first) || !jinja_raise(parser, node, first))
        return NULL;
    while (jinja_skip(parser, TOKEN_TILDE)) {
        struct jinja_node *part = parse_product(parser);
        if (!part || !jinja_add_node(parser, &node->list, part) || !jinja_raise(parser, node, part))
            return NULL;
    }
    return node;
}

static struct jinja_node *parse_sum(struct jinja_parser *parser)
{
    static const struct operator_token OPERATORS[] = {
        {TOKEN_ADD, OPERATOR_ADD}, {TOKEN_SUB, OPERATOR_SUBTRACT}, {TOKEN_END, 0}};
    return parse_left(parser, parse_concat, OPERATORS);
}

/* The comparison at the cursor, which moves past it. */
static bool take_comparison(struct jinja_parser *parser, enum jinja_operator *op)
{
    static const struct operator_token OPERATORS[] = {{TOKEN_EQ, OPERATOR_EQUAL},
                                                      {TOKEN_NE, OPERATOR_UNEQUAL},
                                                      {TOKEN_LT, OPERATOR_LESS},
                                                      {TOKEN_LE, OPERATOR_LESS_OR_EQUAL},
                                                      {TOKEN_GT, OPERATOR_GREATER},
                                                      {TOKEN_GE, OPERATOR_GREATER_OR_EQUAL},
                                                      {TOKEN_END, 0}};
    const struct operator_token *found = find_operator(OPERATORS, parser->token->kind);
    if (found) {
        *op = found->op;
    } else if (jinja_is_word(parser->token, "in")) {
        *op = OPERATOR_IN;
    } else if (jinja_is_word(parser->token, "not") && jinja_is_word(parser->token + 1, "in")) {
        *op = OPERATOR_NOT_IN;
        jinja_next(parser);
    } else {
        return false;
    }
    jinja_next(parser);
    return true;
}

static struct jinja_node *parse_comparison(struct jinja_parser *parser)
{
    uint32_t at = parser->token->at;
    struct jinja_node *first = parse_sum(parser), *node = NULL;
    enum jinja_operator op;
    while (first && take_comparison(parser, &op)) {
        if (!node) {
            node = jinja_new_node(parser, NODE_COMPARE, at);
            if (!node || !jinja_add_node(parser, &node->compare.operands, first) ||
                !jinja_raise(parser, node, first))
                return NULL;
        }
        struct jinja_node *operand = parse_sum(parser);
        size_t n = node->compare.operands.n;
        enum jinja_operator *operators = jinja_alloc(parser->run, n, sizeof *operators);
        if (!operand || !operators || !jinja_raise(parser, node, operand) ||
            !jinja_add_node(parser, &node->compare.operands, operand))
            return NULL;
        if (n > 1) memcpy(operators, node->compare.operators, (n - 1) * sizeof *operators);
        operators[n - 1] = op;
        node->compare.operators = operators;
    }
    return node ? node : first;
}

static struct jinja_node *parse_not(struct jinja_parser *parser)
{
    uint32_t at = parser->token->at;
    if (!jinja_skip_word(parser, "not")) return parse_comparison(parser);
    if (!jinja_enter(parser)) return NULL;
    struct jinja_node *node = jinja_new_unary(parser, NODE_NOT, at, parse_not(parser));
    parser->depth--;
    return node;
}

static struct jinja_node *parse_and(struct jinja_parser *parser)
{
    struct jinja_node *left = parse_not(parser);
    for (uint32_t at = parser->token->at; left && jinja_skip_word(parser, "and");)
        left = jinja_new_binary(parser, NODE_AND, at, left, parse_not(parser));
    return left;
}

static struct jinja_node *parse_or(struct jinja_parser *parser)
{
    struct jinja_node *left = parse_and(parser);
    for (uint32_t at = parser->token->at; left && jinja_skip_word(parser, "or");)
        left = jinja_new_binary(parser, NODE_OR, at, left, parse_and(parser));
    return left;
}

static struct jinja_node *parse_condition(struct jinja_parser *parser)
{
    struct jinja_node *value = parse_or(parser);
    while (value && jinja_is_word(parser->token, "if")) {
        uint32_t at = parser->token->at;
        jinja_next(parser);
        value = jinja_new_binary(parser, NODE_CONDITION, at, value, parse_or(parser));
        if (!value || !jinja_skip_word(parser, "else")) continue;
        struct jinja_node *otherwise = jinja_parse_expression(parser, true);
        if (!otherwise || !jinja_raise(parser, value, otherwise)) return NULL;
        value->otherwise = otherwise;
    }
    return value;
}

struct jinja_node *jinja_parse_expression(struct jinja_parser *parser, bool with_condition)
{
    if (!jinja_enter(parser)) return NULL;
    struct jinja_node *node = with_condition ? parse_condition(parser) : parse_or(parser);
    parser->depth--;
    return node;
}

/* ---- tuples and targets */

static bool ends_tuple(const struct jinja_token *token, const char *end)
{
    return token->kind == TOKEN_VARIABLE_END || token->kind == TOKEN_BLOCK_END ||
           token->kind == TOKEN_RPAREN || (end && jinja_is_word(token, end));
}

enum tuple_form { FORM_EXPRESSION, FORM_UNCONDITIONAL, FORM_TARGET, FORM_ATTRIBUTES };

static struct jinja_node *parse_element(struct jinja_parser *parser, enum tuple_form form)
{
    if (form <= FORM_UNCONDITIONAL) return jinja_parse_expression(parser, form == FORM_EXPRESSION);
    if (!jinja_enter(parser)) return NULL;
    struct jinja_node *node = jinja_parse_primary(parser, form == FORM_ATTRIBUTES);
    parser->depth--;
    return node;
}

static struct jinja_node *parse_elements(struct jinja_parser *parser, enum tuple_form form,
                                         const char *end)
{
    uint32_t at = parser->token->at;
    struct jinja_node *first = parse_element(parser, form);
    if (!first || parser->token->kind != TOKEN_COMMA) return first;
    struct jinja_node *node = jinja_new_node(parser, NODE_TUPLE, at);
    if (!node || !jinja_add_node(parser, &node->list, first) || !jinja_raise(parser, node, first))
        return NULL;
    while (jinja_skip(parser, TOKEN_COMMA) && !ends_tuple(parser->token, end)) {
        struct jinja_node *item = parse_element(parser, form);
        if (!item || !jinja_add_node(parser, &node->list, item) || !jinja_raise(parser, node, item))
            return NULL;
    }
    return node;
}

struct jinja_node *jinja_parse_tuple(struct jinja_parser *parser, bool with_condition,
                                     const char *end)
{
    return parse_elements(parser, with_condition ? FORM_EXPRESSION : FORM_UNCONDITIONAL, end);
}

static bool check_target(struct jinja_parser *parser, const struct jinja_node *node)
{
    parser->run->at = node->at;
    if (node->kind == NODE_TUPLE) {
        for (size_t i = 0; i < node->list.n; i++)
            if (!check_target(parser, node->list.items[i])) return false;
        return true;
    }
    return node->kind == NODE_NAME || node->kind == NODE_ATTRIBUTE_TARGET ||
           jinja_fail(parser->run, "this cannot be assigned to");
}

struct jinja_node *jinja_parse_target(struct jinja_parser *parser, const char *end,
                                      bool with_attributes)
{
    struct jinja_node *node =
        parse_elements(parser, with_attributes ? FORM_ATTRIBUTES : FORM_TARGET, end);
    return node && check_target(parser, node) ? node : NULL;
}

struct jinja_node *jinja_parse_name_target(struct jinja_parser *parser)
{
    if (parser->token->kind != TOKEN_NAME) {
        jinja_fail_token(parser, "a name");
        return NULL;
    }
    struct jinja_node *node = jinja_parse_primary(parser, false);
    return node && check_target(parser, node) ? node : NULL;
}
