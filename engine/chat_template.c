/* chat_template.c - tells which built-in chat format a Jinja template amounts to, by what it emits.
 *
 * The template is not run. It is read once into a sketch of its output: raw text and the string
 * literals of output expressions in order, and one HOLE for whatever else an expression gives (a
 * message, a role, bos_token). Conditions, subscripts and arguments of calls emit nothing, so that
 * a template which merely compares with a marker does not have it. A format is recognised by the
 * parts that the sketch must have and must not have. Knows nothing of vocabularies.
 */
#include "engine/tokenizer_internal.h"

#include <ctype.h>
#include <string.h>

/* {% for m in messages %}{{'<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n'}}{% endfor %}
 * becomes "<|" HOLE "|>\n" HOLE "<|end|>\n". What is `set` counts as put out, for it is later. */
#define HOLE "\1"

enum { MAX_MARKERS = 4, MAX_TEMPLATE_BYTES = 1 << 20 };

struct signature {
    const char *format;
    const char *has[MAX_MARKERS], *lacks[MAX_MARKERS];
};

/* The first signature that fits counts. Mistral's first templates lack the space before an answer
 * that its own tokenizer, later templates and our format have: they are taken for the same. */
static const struct signature SIGNATURES[] = {
    {"phi3",
     {"<|system|>\n" HOLE "<|end|>\n", "<|user|>\n" HOLE "<|end|>\n",
      "<|assistant|>\n" HOLE "<|end|>\n"},
     {NULL}},
    {"phi3-small", {"<|" HOLE "|>\n" HOLE "<|end|>\n", "<|assistant|>\n"}, {NULL}},
    {"phi3-april",
     {"<|user|>\n" HOLE "<|end|>\n<|assistant|>\n", HOLE "<|end|>\n"},
     {"<|system|>"}},
    {"llama2", {"[INST] ", "<<SYS>>\n" HOLE "\n<</SYS>>\n\n", " [/INST]"}, {NULL}},
    {"mistral", {"[INST] " HOLE " [/INST]"}, {"<<SYS>>", "[AVAILABLE_TOOLS]", "[SYSTEM_PROMPT]"}},
    {"llama3",
     {"<|start_header_id|>" HOLE "<|end_header_id|>\n\n" HOLE "<|eot_id|>"},
     {"Cutting Knowledge Date"}},
    {"gemma",
     {"<start_of_turn>" HOLE "\n" HOLE "<end_of_turn>\n", "<start_of_turn>model\n"},
     {NULL}},
    {"chatml", {"<|im_start|>", "\n" HOLE "<|im_end|>", "<|im_start|>assistant\n"}, {"<|im_sep|>"}},
};

struct scan {
    const char *begin, *at, *end;
    struct buf sketch;
};

static void put_hole(struct buf *sketch)
{
    if (!sketch->n_bytes || sketch->data[sketch->n_bytes - 1] != HOLE[0]) buf_text(sketch, HOLE);
}

static bool looking_at(const struct scan *scan, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(scan->end - scan->at) >= n && memcmp(scan->at, text, n) == 0;
}

/* A string literal at the opening quote; its value goes to the sketch if `emit`. */
static void scan_string(struct scan *scan, bool emit)
{
    char quote = *scan->at++;
    for (; scan->at < scan->end && *scan->at != quote; scan->at++) {
        char c = *scan->at;
        if (c == '\\' && scan->at + 1 < scan->end) {
            c = *++scan->at;
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        }
        if (emit) buf_char(&scan->sketch, c);
    }
    if (scan->at < scan->end) scan->at++;
}

/* The bracket at the cursor with all that is in it, which emits nothing. */
static void skip_bracket(struct scan *scan)
{
    size_t depth = 0;
    while (scan->at < scan->end) {
        char c = *scan->at;
        if (c == '\'' || c == '"') {
            scan_string(scan, false);
            continue;
        }
        scan->at++;
        if (c == '[' || c == '(' || c == '{') depth++;
        if ((c == ']' || c == ')' || c == '}') && --depth == 0) return;
    }
}

/* A name with its attributes, subscripts and calls: one hole. */
static void scan_name(struct scan *scan)
{
    while (scan->at < scan->end) {
        char c = *scan->at;
        if (c == '[' || c == '(') skip_bracket(scan);
        else if (isalnum((unsigned char)c) || c == '_' || c == '.') scan->at++;
        else break;
    }
}

static bool is_word(const char *begin, const char *end, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(end - begin) == n && memcmp(begin, word, n) == 0;
}

/* An expression up to its closing tag. What stands between `if` and `else` is a condition. */
static void scan_expression(struct scan *scan, const char *close)
{
    bool in_condition = false, after_bar = false;
    while (scan->at < scan->end && !looking_at(scan, close)) {
        char c = *scan->at;
        if (c == '\'' || c == '"') {
            scan_string(scan, !in_condition);
        } else if (isalpha((unsigned char)c) || c == '_') {
            const char *begin = scan->at;
            scan_name(scan);
            if (is_word(begin, scan->at, "if")) in_condition = true;
            else if (is_word(begin, scan->at, "else")) in_condition = false;
            else if (!in_condition && !after_bar) /* a filter changes a value and is none */
                put_hole(&scan->sketch);
        } else if (c == '[' || c == '{') {
            skip_bracket(scan);
        } else {
            scan->at++;
        }
        after_bar = c == '|' || (after_bar && isspace((unsigned char)c));
    }
}

/* Past the closing tag, and the white space after it that Jinja takes away: all of it after "-%}",
 * one line feed after "%}" (trim_blocks, which chat templates are made for). */
static void scan_close(struct scan *scan, const char *close)
{
    if (scan->at >= scan->end) return;
    bool strips = scan->at[-1] == '-';
    scan->at += strlen(close);
    if (strips)
        while (scan->at < scan->end && isspace((unsigned char)*scan->at)) scan->at++;
    else if (*close != '}' && scan->at < scan->end && *scan->at == '\n') scan->at++;
}

/* The name of a statement tag, past which the cursor goes. */
static bool takes_word(struct scan *scan, const char *word)
{
    while (scan->at < scan->end && isspace((unsigned char)*scan->at)) scan->at++;
    size_t n = strlen(word);
    if (!looking_at(scan, word) || (size_t)(scan->end - scan->at) == n || isalnum(scan->at[n]))
        return false;
    scan->at += n;
    return true;
}

static void skip_to(struct scan *scan, const char *close)
{
    while (scan->at < scan->end && !looking_at(scan, close)) {
        if (*close == '%' && (*scan->at == '\'' || *scan->at == '"')) scan_string(scan, false);
        else scan->at++;
    }
}

static bool is_first_on_line(const struct scan *scan)
{
    const char *at = scan->at;
    while (at > scan->begin && (at[-1] == ' ' || at[-1] == '\t')) at--;
    return at == scan->begin || at[-1] == '\n';
}

/* A tag at its opening; raw_begin is where the raw text before it began in the sketch. Of that text
 * "{%-" takes away the white space at its end, a statement its own indentation (lstrip_blocks). */
static void scan_tag(struct scan *scan, size_t raw_begin)
{
    struct buf *sketch = &scan->sketch;
    char kind = scan->at[1];
    const char *close = kind == '{' ? "}}" : kind == '%' ? "%}" : "#}";
    bool indented = kind == '%' && is_first_on_line(scan);
    scan->at += 2;
    bool strips = scan->at < scan->end && *scan->at == '-';
    if (strips) scan->at++;
    while (sketch->n_bytes > raw_begin) {
        char last = sketch->data[sketch->n_bytes - 1];
        bool dropped =
            strips ? isspace((unsigned char)last) : indented && (last == ' ' || last == '\t');
        if (!dropped) break;
        sketch->n_bytes--;
    }
    if (kind == '{') {
        scan_expression(scan, close);
    } else if (kind == '%' && takes_word(scan, "set")) {
        while (scan->at < scan->end && *scan->at != '=' && !looking_at(scan, close)) scan->at++;
        scan_expression(scan, close);
    } else {
        skip_to(scan, close);
    }
    scan_close(scan, close);
}

static bool fits(const struct signature *signature, const char *sketch)
{
    for (size_t i = 0; i < MAX_MARKERS && signature->has[i]; i++)
        if (!strstr(sketch, signature->has[i])) return false;
    for (size_t i = 0; i < MAX_MARKERS && signature->lacks[i]; i++)
        if (strstr(sketch, signature->lacks[i])) return false;
    return true;
}

const char *chat_detect_format(const char *template_text)
{
    size_t n = template_text ? strlen(template_text) : 0, raw_begin = 0;
    if (!n || n > MAX_TEMPLATE_BYTES) return NULL;
    struct scan scan = {.begin = template_text, .at = template_text, .end = template_text + n};
    while (scan.at < scan.end) {
        if (looking_at(&scan, "{{") || looking_at(&scan, "{%") || looking_at(&scan, "{#")) {
            scan_tag(&scan, raw_begin);
            raw_begin = scan.sketch.n_bytes;
        } else {
            buf_char(&scan.sketch, *scan.at++);
        }
    }
    const char *format = NULL;
    for (size_t i = 0; !format && i < sizeof SIGNATURES / sizeof *SIGNATURES; i++)
        if (!scan.sketch.failed && fits(&SIGNATURES[i], buf_string(&scan.sketch)))
            format = SIGNATURES[i].format;
    buf_free(&scan.sketch);
    return format;
}
