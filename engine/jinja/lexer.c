/* lexer.c - see lexer.h. The text is read once: data up to the next tag, then the tag's tokens.
 *
 * A tag's end counts only where brackets are closed, so that "}}" may end two dicts. Outside
 * strings a template is ASCII: Jinja2 takes letters of any script in names, which we refuse.
 */
#include "engine/jinja/lexer.h"

#include "base/letter_case.h"
#include "base/utf8.h"

#include <ctype.h>
#include <string.h>

struct lexer {
    struct jinja_run *run;
    const char *text;
    size_t n, at;
    bool at_line_start; /* what was read last ended a line, or nothing was read */
    struct jinja_token *tokens;
    size_t n_tokens, capacity;
    char brackets[JINJA_NODE_DEPTH];
    size_t n_brackets;
};

static const struct {
    const char *text;
    enum jinja_token_kind kind;
} OPERATORS[] = {
    {"//", TOKEN_FLOORDIV}, {"**", TOKEN_POW},      {"==", TOKEN_EQ},    {"!=", TOKEN_NE},
    {">=", TOKEN_GE},       {"<=", TOKEN_LE},       {"+", TOKEN_ADD},    {"-", TOKEN_SUB},
    {"/", TOKEN_DIV},       {"*", TOKEN_MUL},       {"%", TOKEN_MOD},    {"~", TOKEN_TILDE},
    {"[", TOKEN_LBRACKET},  {"]", TOKEN_RBRACKET},  {"(", TOKEN_LPAREN}, {")", TOKEN_RPAREN},
    {"{", TOKEN_LBRACE},    {"}", TOKEN_RBRACE},    {">", TOKEN_GT},     {"<", TOKEN_LT},
    {"=", TOKEN_ASSIGN},    {".", TOKEN_DOT},       {":", TOKEN_COLON},  {"|", TOKEN_PIPE},
    {",", TOKEN_COMMA},     {";", TOKEN_SEMICOLON},
};

static bool looking_at(const struct lexer *lexer, size_t at, const char *text)
{
    size_t n = strlen(text);
    return at <= lexer->n && lexer->n - at >= n && memcmp(lexer->text + at, text, n) == 0;
}

static char char_at(const struct lexer *lexer, size_t at)
{
    return at < lexer->n ? lexer->text[at] : '\0';
}

static size_t skip_space(const struct lexer *lexer, size_t at)
{
    uint32_t code;
    for (size_t n; (n = utf8_decode(lexer->text + at, lexer->n - at, &code, NULL)); at += n)
        if (!letter_is_space(code)) break;
    return at;
}

static bool put(struct lexer *lexer, struct jinja_token token)
{
    if (lexer->n_tokens == lexer->capacity) {
        size_t capacity = lexer->capacity ? 2 * lexer->capacity : 64;
        struct jinja_token *larger = jinja_alloc(lexer->run, capacity, sizeof *larger);
        if (!larger) return false;
        if (lexer->n_tokens) memcpy(larger, lexer->tokens, lexer->n_tokens * sizeof *larger);
        lexer->tokens = larger;
        lexer->capacity = capacity;
    }
    lexer->tokens[lexer->n_tokens++] = token;
    return true;
}

static bool put_mark(struct lexer *lexer, enum jinja_token_kind kind, size_t begin, size_t end)
{
    return put(lexer, (struct jinja_token){.kind = kind,
                                           .at = (uint32_t)begin,
                                           .bytes = lexer->text + begin,
                                           .n_bytes = end - begin});
}

/* The data at [begin, end) before a tag with this sign; strips: the tag takes its indentation. */
static bool put_data(struct lexer *lexer, size_t begin, size_t end, char sign, bool strips)
{
    const char *text = lexer->text;
    if (sign == '-') {
        /* Strip from the front of what is reversed: white space is at most three bytes long. */
        while (end > begin) {
            size_t last = end - 1;
            while (last > begin && ((unsigned char)text[last] & 0xc0) == 0x80) last--;
            uint32_t code;
            if (utf8_decode(text + last, end - last, &code, NULL) != end - last ||
                !letter_is_space(code))
                break;
            end = last;
        }
    } else if (sign != '+' && strips) {
        size_t line = end;
        while (line > begin && text[line - 1] != '\n') line--;
        bool begins_line = line > begin || lexer->at_line_start;
        if (begins_line && skip_space(lexer, line) >= end) end = line;
    }
    return begin == end || put_mark(lexer, TOKEN_DATA, begin, end);
}

/* Moves past a closing mark of two bytes at `close`, and the white space that goes with it. */
static void pass_close(struct lexer *lexer, size_t close, char sign, bool trims)
{
    size_t at = close + 2;
    if (sign == '-') at = skip_space(lexer, at);
    else if (sign != '+' && trims && char_at(lexer, at) == '\n') at++;
    lexer->at = at;
    lexer->at_line_start = lexer->text[at - 1] == '\n';
}

/* The first closing mark at or after `begin`; the sign before it must not reach before `begin`. */
static size_t find_close(const struct lexer *lexer, size_t begin, const char *mark, char *sign)
{
    for (size_t at = begin; at + 1 < lexer->n; at++) {
        if (!looking_at(lexer, at, mark)) continue;
        char before = at > begin ? lexer->text[at - 1] : '\0';
        *sign = before == '-' || before == '+' ? before : '\0';
        return at;
    }
    return lexer->n;
}

static bool lex_comment(struct lexer *lexer, size_t begin)
{
    char sign;
    size_t close = find_close(lexer, begin, "#}", &sign);
    if (close == lexer->n) return jinja_fail(lexer->run, "a comment is never closed");
    pass_close(lexer, close, sign, true);
    return true;
}

/* Whether "{%- word -%}" stands at `at`; then *body is where it ends, *sign the one at its begin.
 * plus: whether it may end in "+%}". */
static bool is_word_tag(const struct lexer *lexer, size_t at, const char *word, bool plus,
                        char *sign, size_t *close, char *close_sign)
{
    if (!looking_at(lexer, at, "{%")) return false;
    at += 2;
    char c = char_at(lexer, at);
    *sign = c == '-' || c == '+' ? c : '\0';
    at = skip_space(lexer, at + (*sign ? 1 : 0));
    if (!looking_at(lexer, at, word)) return false;
    at = skip_space(lexer, at + strlen(word));
    c = char_at(lexer, at);
    *close_sign = c == '-' || (c == '+' && plus) ? c : '\0';
    *close = at + (*close_sign ? 1 : 0);
    return looking_at(lexer, *close, "%}");
}

/* The text of a raw block, which begins at lexer->at. */
static bool lex_raw(struct lexer *lexer)
{
    size_t begin = lexer->at, close;
    char sign, close_sign;
    for (size_t at = begin; at < lexer->n; at++) {
        if (!is_word_tag(lexer, at, "endraw", true, &sign, &close, &close_sign)) continue;
        if (!put_data(lexer, begin, at, sign, true)) return false;
        pass_close(lexer, close, close_sign, true);
        return true;
    }
    return jinja_fail(lexer->run, "a raw block is never closed");
}

/* Keeps the brackets in pairs. */
static bool count_bracket(struct lexer *lexer, char c)
{
    static const char OPEN[] = "([{", CLOSE[] = ")]}";
    const char *open = strchr(OPEN, c), *close = strchr(CLOSE, c);
    if (open) {
        if (lexer->n_brackets == JINJA_NODE_DEPTH)
            return jinja_exhaust(lexer->run, "brackets are nested more than %d levels deep",
                                 JINJA_NODE_DEPTH);
        lexer->brackets[lexer->n_brackets++] = CLOSE[open - OPEN];
    } else if (close) {
        if (!lexer->n_brackets) return jinja_fail(lexer->run, "unexpected '%c'", c);
        char expected = lexer->brackets[--lexer->n_brackets];
        if (expected != c)
            return jinja_fail(lexer->run, "unexpected '%c', expected '%c'", c, expected);
    }
    return true;
}

static bool lex_operator(struct lexer *lexer, struct jinja_token *token)
{
    for (size_t i = 0; i < sizeof OPERATORS / sizeof *OPERATORS; i++) {
        if (!looking_at(lexer, lexer->at, OPERATORS[i].text)) continue;
        token->kind = OPERATORS[i].kind;
        token->n_bytes = strlen(OPERATORS[i].text);
        return count_bracket(lexer, *OPERATORS[i].text);
    }
    unsigned char c = (unsigned char)lexer->text[lexer->at];
    if (c >= 0x80) return jinja_refuse(lexer->run, "a character outside ASCII outside a string");
    return jinja_fail(lexer->run, "unexpected character '%c'", isprint(c) ? c : '?');
}

static bool lex_token(struct lexer *lexer)
{
    char c = lexer->text[lexer->at];
    struct jinja_token token = {.at = (uint32_t)lexer->at, .bytes = lexer->text + lexer->at};
    size_t n_left = lexer->n - lexer->at;
    lexer->run->at = token.at;
    bool ok = true;
    if (isdigit((unsigned char)c)) {
        ok = jinja_lex_number(lexer->run, token.bytes, n_left, &token);
    } else if (isalpha((unsigned char)c) || c == '_') {
        token.kind = TOKEN_NAME;
        while (token.n_bytes < n_left && (isalnum((unsigned char)token.bytes[token.n_bytes]) ||
                                          token.bytes[token.n_bytes] == '_'))
            token.n_bytes++;
    } else if (c == '\'' || c == '"') {
        ok = jinja_lex_string(lexer->run, token.bytes, n_left, &token);
    } else {
        ok = lex_operator(lexer, &token);
    }
    if (!ok) return false;
    lexer->at += token.n_bytes;
    return put(lexer, token);
}

/* The tokens of a tag, whose opening mark was read, and its closing mark. */
static bool lex_tag(struct lexer *lexer, bool is_block)
{
    const char *mark = is_block ? "%}" : "}}";
    lexer->n_brackets = 0;
    while ((lexer->at = skip_space(lexer, lexer->at)) < lexer->n) {
        char c = lexer->text[lexer->at];
        char sign = c == '-' || (c == '+' && is_block) ? c : '\0';
        size_t close = lexer->at + (sign ? 1 : 0);
        if (!lexer->n_brackets && looking_at(lexer, close, mark)) {
            size_t begin = lexer->at;
            pass_close(lexer, close, sign, is_block);
            return put_mark(lexer, is_block ? TOKEN_BLOCK_END : TOKEN_VARIABLE_END, begin,
                            lexer->at);
        }
        if (!lex_token(lexer)) return false;
    }
    return true; /* the parser misses the end */
}

static size_t find_open(const struct lexer *lexer, size_t at)
{
    for (; at + 1 < lexer->n; at++)
        if (lexer->text[at] == '{' && strchr("{%#", lexer->text[at + 1]) && lexer->text[at + 1])
            return at;
    return lexer->n;
}

/* Data, and the tag after it. */
static bool lex_part(struct lexer *lexer)
{
    size_t begin = lexer->at, open = find_open(lexer, begin);
    if (open == lexer->n) {
        lexer->at = lexer->n;
        return put_mark(lexer, TOKEN_DATA, begin, lexer->n);
    }
    char kind = lexer->text[open + 1], c = char_at(lexer, open + 2), sign, close_sign;
    size_t close;
    lexer->run->at = (uint32_t)open;
    bool is_raw = is_word_tag(lexer, open, "raw", false, &sign, &close, &close_sign);
    if (!is_raw) sign = c == '-' || c == '+' ? c : '\0';
    if (!put_data(lexer, begin, open, sign, kind != '{')) return false;
    if (is_raw) {
        pass_close(lexer, close, close_sign, false);
        return lex_raw(lexer);
    }
    lexer->at = open + 2 + (sign ? 1 : 0);
    if (kind == '#') return lex_comment(lexer, lexer->at);
    bool is_block = kind == '%';
    return put_mark(lexer, is_block ? TOKEN_BLOCK_BEGIN : TOKEN_VARIABLE_BEGIN, open, lexer->at) &&
           lex_tag(lexer, is_block);
}

const struct jinja_token *jinja_lex(struct jinja_run *run)
{
    struct lexer lexer = {.run = run, .text = run->text, .n = run->n_bytes, .at_line_start = true};
    while (lexer.at < lexer.n)
        if (!lex_part(&lexer)) return NULL;
    return put_mark(&lexer, TOKEN_END, lexer.n, lexer.n) ? lexer.tokens : NULL;
}
