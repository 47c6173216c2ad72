/* chart_page.c - see chart_page.h. A chart that could not be drawn says why where it would stand,
 * and keeps its caption, so that a reader knows what is missing.
 */
#include "reports/chart_page.h"

#include "reports/html.h"

static const char NOT_DRAWN[] = "This chart could not be drawn: ";

void chart_html(const struct chart *chart, struct buf *out)
{
    buf_text(out, "<figure>\n");
    if (chart->fault) {
        buf_printf(out, "<p class=\"mark\">%s", NOT_DRAWN);
        html_text(out, chart->fault);
        buf_text(out, "</p>\n");
    } else buf_append(out, buf_string(&chart->svg), chart->svg.n_bytes);
    buf_text(out, "<figcaption>");
    html_text(out, chart->caption);
    buf_printf(out, " [%s]</figcaption>\n</figure>\n", chart->name);
}

void chart_markdown(const struct chart *chart, struct buf *out)
{
    buf_text(out, chart->fault ? "\n" : "\n![");
    markdown_text(out, chart->title);
    if (chart->fault) {
        buf_printf(out, "\n\n> %s", NOT_DRAWN);
        markdown_text(out, chart->fault);
        buf_text(out, "\n\n");
    } else buf_printf(out, "](charts/%s.png)\n\n", chart->name);
    markdown_text(out, chart->caption);
    buf_char(out, '\n');
}
