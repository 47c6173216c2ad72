/* buf.c - see buf.h. Memory doubles as the text grows; one byte more than the text is always there
 * for the zero. A failure sticks: what was appended before it stays, what comes after is dropped,
 * and buf_check says so.
 */
#include "base/buf.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const size_t DEFAULT_MAXIMUM = (size_t)1 << 30;

void buf_free(struct buf *buf)
{
    if (!buf) return;
    free(buf->data);
    *buf = (struct buf){.maximum = buf->maximum};
}

void buf_clear(struct buf *buf)
{
    buf->n_bytes = 0;
    if (buf->data) buf->data[0] = 0;
}

static bool reserve(struct buf *buf, size_t n_more)
{
    size_t maximum = buf->maximum ? buf->maximum : DEFAULT_MAXIMUM, wanted;
    if (buf->failed || !mem_add(buf->n_bytes, n_more, &wanted) || !mem_add(wanted, 1, &wanted) ||
        !mem_grow((void **)&buf->data, &buf->capacity, wanted, 1, maximum, NULL)) {
        buf->failed = true;
        return false;
    }
    return true;
}

bool buf_append(struct buf *buf, const void *bytes, size_t n_bytes)
{
    if (!reserve(buf, n_bytes)) return false;
    if (n_bytes) memcpy(buf->data + buf->n_bytes, bytes, n_bytes);
    buf->n_bytes += n_bytes;
    buf->data[buf->n_bytes] = 0;
    return true;
}

bool buf_text(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

bool buf_char(struct buf *buf, char c)
{
    return buf_append(buf, &c, 1);
}

bool buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    bool ok = n >= 0 && reserve(buf, (size_t)n);
    if (ok) {
        vsnprintf(buf->data + buf->n_bytes, (size_t)n + 1, format, again);
        buf->n_bytes += (size_t)n;
    }
    va_end(again);
    return ok;
}

const char *buf_string(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}

bool buf_check(const struct buf *buf, struct err *err)
{
    return !buf->failed || err_set(err, ERR_MEMORY, "text too long or out of memory");
}

bool buf_print(struct buf *buf, FILE *out, struct err *err)
{
    bool ok = buf_check(buf, err);
    if (ok && buf->n_bytes) fwrite(buf->data, 1, buf->n_bytes, out);
    buf_free(buf);
    return ok;
}

char *buf_take(struct buf *buf, struct err *err)
{
    if (!buf->data && !buf->failed) buf_append(buf, "", 0);
    if (!buf_check(buf, err)) return NULL;
    char *text = buf->data;
    *buf = (struct buf){.maximum = buf->maximum};
    return text;
}
