/* chart_draw.c - a chart's files (chart.h): script and data, drawn by gnuplot, and the SVG made fit
 * to stand in a page.
 *
 * A chart that cannot be drawn whole leaves no half of it behind.
 * Knows nothing of what is in a script but its ink colour.
 */
#include "reports/chart.h"

#include "base/file.h"
#include "reports/gnuplot.h"
#include "reports/html.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_DRAWING_BYTES = 64 << 20 };
/* The ink of chart.c as gnuplot writes it into an SVG. */
static const char INK_STROKE[] = "rgb( 27,  31,  36)", INK_FILL[] = "rgb(27,31,36)";

/* Replaces every `from` in the text. */
static void replace_all(struct buf *text, const char *from, const char *to)
{
    struct buf changed = {0};
    const char *at = buf_string(text);
    for (const char *next; (next = strstr(at, from)); at = next + strlen(from)) {
        buf_append(&changed, at, (size_t)(next - at));
        buf_text(&changed, to);
    }
    buf_text(&changed, at);
    changed.failed |= text->failed;
    buf_free(text);
    *text = changed;
}

/* gnuplot calls the marks of every drawing by the same names, and gives them other widths: in one
 * page each drawing needs names of its own. */
static void make_names_own(struct chart *chart)
{
    static const char *const BEFORE_NAMES[] = {" id='", " id=\"", "href='#", "url(#"};
    for (size_t i = 0; i < sizeof BEFORE_NAMES / sizeof BEFORE_NAMES[0]; i++) {
        struct buf own = {0};
        buf_printf(&own, "%s%s-", BEFORE_NAMES[i], chart->name);
        replace_all(&chart->svg, BEFORE_NAMES[i], buf_string(&own));
        chart->svg.failed |= own.failed;
        buf_free(&own);
    }
}

/* Keeps the drawing without its XML prologue, in the reader's ink, with a title for screen
 * readers. */
static bool take_svg(struct chart *chart, const char *text, const char *path, struct err *err)
{
    const char *svg = strstr(text, "<svg");
    if (!svg || !strstr(svg, "</svg>"))
        return err_set_at(err, ERR_IO, path, 0, 0,
                          "gnuplot drew no complete SVG: is the disk full?");
    struct buf title = {0};
    buf_text(&title, "<title>");
    html_text(&title, chart->title);
    buf_text(&title, "</title>");
    buf_text(&chart->svg, svg);
    make_names_own(chart);
    replace_all(&chart->svg, INK_STROKE, "currentColor");
    replace_all(&chart->svg, INK_FILL, "currentColor");
    replace_all(&chart->svg, "color=\"black\"", "color=\"inherit\"");
    replace_all(&chart->svg, "<title>Gnuplot</title>", buf_string(&title));
    bool ok = buf_check(&title, err) && buf_check(&chart->svg, err);
    buf_free(&title);
    return ok;
}

/* The SVG file stands alone: it brings its colours for light and dark. */
static bool write_svg(const struct chart *chart, const char *path, struct err *err)
{
    static const char STYLE[] =
        "<style>svg{color:#1b1f24;background:#fff}@media(prefers-color-scheme:dark){svg{color:"
        "#e6edf3;background:#0d1117}}</style>\n";
    struct buf file = {0};
    const char *svg = buf_string(&chart->svg), *inside = strchr(svg, '>');
    size_t n_head = inside ? (size_t)(inside + 1 - svg) : 0;
    buf_text(&file, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    buf_append(&file, svg, n_head);
    buf_printf(&file, "\n%s%s", STYLE, svg + n_head);
    bool ok = buf_check(&file, err) && file_write(path, file.data, file.n_bytes, err);
    buf_free(&file);
    return ok;
}

static char *path_of(const struct chart *chart, const char *folder, const char *ending,
                     struct err *err)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s%s", folder, chart->name, ending);
    return buf_take(&path, err);
}

static bool write_part(const struct chart *chart, const char *folder, const char *ending,
                       const struct buf *part, struct err *err)
{
    char *path = path_of(chart, folder, ending, err);
    bool ok =
        path && buf_check(part, err) && file_write(path, buf_string(part), part->n_bytes, err);
    free(path);
    return ok;
}

/* gnuplot does not notice a full disk: a PNG is whole if its first and its last bytes are there
 * (signature, and the chunk IEND; W3C PNG, 5.2 and 11.2.5). */
static bool check_png(const char *path, struct err *err)
{
    static const unsigned char FIRST[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'},
                               LAST[12] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};
    size_t n_bytes;
    char *bytes = file_read(path, MAX_DRAWING_BYTES, &n_bytes, err);
    if (!bytes) return false;
    bool is_whole = n_bytes > sizeof FIRST + sizeof LAST && !memcmp(bytes, FIRST, sizeof FIRST) &&
                    !memcmp(bytes + n_bytes - sizeof LAST, LAST, sizeof LAST);
    free(bytes);
    return is_whole ||
           err_set_at(err, ERR_IO, path, 0, 0, "gnuplot drew no complete PNG: is the disk full?");
}

bool chart_draw(struct chart *chart, const char *folder, const char *gnuplot, struct err *err)
{
    char *svg_path = path_of(chart, folder, ".svg", err), *text = NULL;
    char *png_path = svg_path ? path_of(chart, folder, ".png", err) : NULL;
    char *script = png_path ? path_of(chart, folder, ".gp", err) : NULL;
    bool drawn = false;
    if (!script) goto out;
    unlink(svg_path); /* no drawing of another run beside this one's script */
    unlink(png_path);
    if (!write_part(chart, folder, ".gp", &chart->script, err) ||
        !write_part(chart, folder, ".dat", &chart->data, err) ||
        !gnuplot_run(gnuplot, folder, file_name(script), err) || !check_png(png_path, err))
        goto out;
    text = file_read(svg_path, MAX_DRAWING_BYTES, NULL, err);
    drawn = text && take_svg(chart, text, svg_path, err) && write_svg(chart, svg_path, err);
out:
    if (!drawn && png_path) {
        unlink(svg_path);
        unlink(png_path);
    }
    free(text);
    free(script);
    free(svg_path);
    free(png_path);
    return drawn;
}

bool chart_draw_or_tell(struct chart *chart, const char *folder, const char *gnuplot,
                        struct arena *arena, const struct log *log, struct err *err)
{
    struct err fault = {0};
    if (chart_draw(chart, folder, gnuplot, &fault)) return true;
    if (fault.code != ERR_IO && fault.code != ERR_INPUT) {
        *err = fault;
        return err_context(err, "drawing the chart %s", chart->name);
    }
    chart->fault = arena_string(arena, fault.message, err);
    if (chart->fault)
        log_warning(log, "the chart %s could not be drawn: %s", chart->name, fault.message);
    return chart->fault != NULL;
}
