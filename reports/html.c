/* html.c - see html.h, and Markdown's escaping.
 *
 * The style is one string, so that the page needs nothing outside itself.
 * Knows nothing of what the page is about.
 */
#include "reports/html.h"

#include "base/utf8.h"
#include "base/visible.h"

#include <string.h>

static const char STYLE[] =
    ":root{color-scheme:light dark;"
    "--ink:#1b1f24;--paper:#fff;--soft:#59636e;--line:#d1d9e0;--shade:#f6f8fa}\n"
    "@media(prefers-color-scheme:dark){:root{"
    "--ink:#e6edf3;--paper:#0d1117;--soft:#9198a1;--line:#3d444d;--shade:#151b23}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\n"
    "main{max-width:80rem;margin:0 auto;padding:2rem 1.2rem 4rem}\n"
    "h1{font-size:1.7rem;margin:0 0 .6rem}h3{font-size:1.1rem;margin:1.8rem 0 .5rem}\n"
    "h2{font-size:1.4rem;margin:2.6rem 0 .6rem;padding-top:.6rem;border-top:1px solid "
    "var(--line)}\n"
    "p,li,figcaption{max-width:52rem}.soft,figcaption{color:var(--soft);font-size:.9rem}\n"
    ".findings{font-size:1.05rem;padding-left:1.4rem}.findings li{margin:.7rem 0}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.83rem;margin:.4rem 0}\n"
    "th,td{padding:.22rem .5rem;border-bottom:1px solid var(--line);text-align:left;"
    "white-space:nowrap}\n"
    "th{background:var(--shade);font-weight:600;white-space:normal;vertical-align:bottom}\n"
    "td:last-child:not(.n){white-space:normal}\n"
    ".n{text-align:right;font-variant-numeric:tabular-nums}\n"
    "tbody tr:hover{background:var(--shade)}\n"
    "figure{margin:1.2rem 0}figure svg{width:60rem;max-width:100%;height:auto;color:var(--ink)}\n"
    "pre{background:var(--shade);border:1px solid var(--line);padding:.8rem;overflow-x:auto;"
    "font-size:.85rem}\n"
    "summary{cursor:pointer}"
    ".mark{border-left:4px solid #e69f00;padding:.1rem .8rem;background:var(--shade)}\n"
    "@media print{:root{--ink:#000;--paper:#fff;--soft:#444;--line:#bbb;--shade:#fff}"
    "body{font-size:11px}figure,tr,li{break-inside:avoid}h2,h3{break-after:avoid}"
    ".scroll{overflow:visible}table{font-size:7.5px}th,td{padding:1px 4px}}@page{margin:1cm}\n";

void html_text(struct buf *out, const char *text)
{
    size_t n = strlen(text);
    while (n) {
        uint32_t code;
        char shown[4];
        bool is_space;
        size_t n_shown, n_code = utf8_decode(text, n, &code, NULL);
        switch (code) {
        case '&': buf_text(out, "&amp;"); break;
        case '<': buf_text(out, "&lt;"); break;
        case '>': buf_text(out, "&gt;"); break;
        case '"': buf_text(out, "&quot;"); break;
        case '\'': buf_text(out, "&#39;"); break;
        default:
            is_space = code == '\t' || code == '\n' || code == '\r';
            n_shown = utf8_encode(visible_is_hidden(code) && !is_space ? 0xfffd : code, shown);
            buf_append(out, shown, n_shown);
        }
        text += n_code;
        n -= n_code;
    }
}

void markdown_text(struct buf *out, const char *text)
{
    struct buf shown = {0};
    visible_append(&shown, text, strlen(text), VISIBLE_LINES);
    for (const char *c = buf_string(&shown); *c; c++) {
        bool is_space = *c == '\n' || *c == '\t';
        bool begins_tag = *c == '<' && c[1] != ' ' && c[1]; /* "p < 0.01" begins none */
        if (strchr("\\|`[]", *c) || begins_tag) buf_char(out, '\\');
        buf_char(out, is_space ? ' ' : *c);
    }
    out->failed |= shown.failed;
    buf_free(&shown);
}

void html_begin(struct buf *out, const char *title)
{
    buf_text(out,
             "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
    html_text(out, title);
    buf_printf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n", STYLE);
}

void html_end(struct buf *out)
{
    buf_text(out, "</main>\n</body>\n</html>\n");
}
