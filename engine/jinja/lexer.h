/* lexer.h - a template cut into tokens: data between tags, and what stands in tags.
 *
 * White space is controlled here, as `transformers` sets it: trim_blocks takes the line feed after
 * a statement or comment, lstrip_blocks the indentation before one, "-" all white space, and "+"
 * switches either off.
 */
#ifndef PHIBENCH_ENGINE_JINJA_LEXER_H
#define PHIBENCH_ENGINE_JINJA_LEXER_H

#include "engine/jinja/values.h"

enum jinja_token_kind {
    TOKEN_END, /* of the template */
    TOKEN_DATA,
    TOKEN_VARIABLE_BEGIN,
    TOKEN_VARIABLE_END,
    TOKEN_BLOCK_BEGIN,
    TOKEN_BLOCK_END,
    TOKEN_NAME,
    TOKEN_STRING,
    TOKEN_INTEGER,
    TOKEN_NUMBER,
    TOKEN_ADD,
    TOKEN_SUB,
    TOKEN_DIV,
    TOKEN_FLOORDIV,
    TOKEN_MUL,
    TOKEN_MOD,
    TOKEN_POW,
    TOKEN_TILDE,
    TOKEN_LBRACKET,
    TOKEN_RBRACKET,
    TOKEN_LPAREN,
    TOKEN_RPAREN,
    TOKEN_LBRACE,
    TOKEN_RBRACE,
    TOKEN_EQ,
    TOKEN_NE,
    TOKEN_GT,
    TOKEN_GE,
    TOKEN_LT,
    TOKEN_LE,
    TOKEN_ASSIGN,
    TOKEN_DOT,
    TOKEN_COLON,
    TOKEN_PIPE,
    TOKEN_COMMA,
    TOKEN_SEMICOLON,
};

struct jinja_token {
    enum jinja_token_kind kind;
    uint32_t at;
    const char *bytes; /* as written; of data: after white space was taken away */
    size_t n_bytes;
    struct jinja_value value; /* of strings and numbers */
};

/* The tokens of run->text, in run's arena, the last of kind TOKEN_END; NULL on failure. */
const struct jinja_token *jinja_lex(struct jinja_run *run);

/* The value of the literal at bytes, and its length, 0 if there is none; part of jinja_lex. */
bool jinja_lex_number(struct jinja_run *run, const char *bytes, size_t n_bytes,
                      struct jinja_token *token);
bool jinja_lex_string(struct jinja_run *run, const char *bytes, size_t n_bytes,
                      struct jinja_token *token);

#endif
