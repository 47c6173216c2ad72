/* parser.h - tokens to tree: what the two halves of the parser share.
 *
 * A recursive descent with Jinja2's precedences. Depth is counted on the way down and height on the
 * way up, so that neither this nor what later walks the tree can exhaust the stack.
 */
#ifndef PHIBENCH_ENGINE_JINJA_PARSER_H
#define PHIBENCH_ENGINE_JINJA_PARSER_H

#include "engine/jinja/lexer.h"
#include "engine/jinja/syntax.h"

struct jinja_parser {
    struct jinja_run *run;
    const struct jinja_token *token; /* the current one */
    int depth;
    int n_loops; /* around the current statement, inside the same macro */
};

/* The tree of run->text, in run's arena; NULL on failure. */
struct jinja_node *jinja_parse(struct jinja_run *run);

/* ---- inside the parser; false or NULL on failure */
struct jinja_node *jinja_new_node(struct jinja_parser *parser, enum jinja_node_kind kind,
                                  uint32_t at);
bool jinja_add_node(struct jinja_parser *parser, struct jinja_nodes *nodes,
                    struct jinja_node *node);
/* The node is above the child (NULL: none) in the tree. */
bool jinja_raise(struct jinja_parser *parser, struct jinja_node *node,
                 const struct jinja_node *child);
/* A token that is a fault, and what would be right there. */
bool jinja_fail_at(struct jinja_parser *parser, const struct jinja_token *token,
                   const char *expected);
bool jinja_fail_token(struct jinja_parser *parser, const char *expected);
bool jinja_enter(struct jinja_parser *parser);
void jinja_next(struct jinja_parser *parser);
bool jinja_expect(struct jinja_parser *parser, enum jinja_token_kind kind, const char *what);
bool jinja_skip(struct jinja_parser *parser, enum jinja_token_kind kind);
bool jinja_is_word(const struct jinja_token *token, const char *word);
bool jinja_skip_word(struct jinja_parser *parser, const char *word);
/* The current token's bytes, of any token. */
const struct jinja_text *jinja_word(struct jinja_parser *parser, const char *what);

struct jinja_node *jinja_new_unary(struct jinja_parser *parser, enum jinja_node_kind kind,
                                   uint32_t at, struct jinja_node *left);
struct jinja_node *jinja_new_binary(struct jinja_parser *parser, enum jinja_node_kind kind,
                                    uint32_t at, struct jinja_node *left, struct jinja_node *right);

/* A literal, a name, or an expression in brackets; with_attributes: a namespace's, to be set. */
struct jinja_node *jinja_parse_primary(struct jinja_parser *parser, bool with_attributes);
/* The same with a sign and with all that follows. */
struct jinja_node *jinja_parse_operand(struct jinja_parser *parser);
struct jinja_node *jinja_parse_expression(struct jinja_parser *parser, bool with_condition);
/* An expression or a tuple without parentheses, which ends before the word `end` too (NULL:
 * none). */
struct jinja_node *jinja_parse_tuple(struct jinja_parser *parser, bool with_condition,
                                     const char *end);
/* What may be assigned to: names, tuples of them, attributes of namespaces if allowed. */
struct jinja_node *jinja_parse_target(struct jinja_parser *parser, const char *end,
                                      bool with_attributes);
struct jinja_node *jinja_parse_name_target(struct jinja_parser *parser);
/* `|a|b(c)` applied to node (NULL: to a block); first_is_bare: the first has no bar before it. */
struct jinja_node *jinja_parse_filters(struct jinja_parser *parser, struct jinja_node *node,
                                       bool first_is_bare);

/* The words that may end a body: up to three, the rest NULL. */
struct jinja_body_end {
    const char *words[3];
};
/* The body of a statement whose own tag ends here; the cursor is left at the word that ends it. */
struct jinja_node *jinja_parse_body(struct jinja_parser *parser, const struct jinja_body_end *end);
/* The same with one word that ends it, past which the cursor goes. */
struct jinja_node *jinja_parse_whole_body(struct jinja_parser *parser, const char *end);
/* A statement, at its first word, with the end of its last tag. */
struct jinja_node *jinja_parse_statement(struct jinja_parser *parser);

#endif
