/* base64.c - see base64.h. Three bytes are a number of 24 bits and are written as its four digits
 * of 6 bits each; bytes that are missing at the end count as 0.
 */
#include "base/base64.h"

#include <string.h>

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The digits of n bytes, 1 to 3. */
static void write_group(const uint8_t *bytes, size_t n, char group[4])
{
    uint32_t number = (uint32_t)bytes[0] << 16;
    if (n > 1) number |= (uint32_t)bytes[1] << 8;
    if (n > 2) number |= bytes[2];
    for (size_t i = 0; i < 4; i++) group[i] = i <= n ? DIGITS[number >> (18 - 6 * i) & 63] : '=';
}

void base64_put(struct buf *out, const uint8_t *bytes, size_t n_bytes)
{
    char text[4096];
    size_t n = 0;
    for (size_t at = 0; at < n_bytes; at += 3) {
        write_group(bytes + at, n_bytes - at < 3 ? n_bytes - at : 3, text + n);
        n += 4;
        if (n < sizeof text) continue;
        buf_append(out, text, n);
        n = 0;
    }
    buf_append(out, text, n);
}

void base64_put_url(struct buf *out, const char *media_type, const uint8_t *bytes, size_t n_bytes)
{
    buf_printf(out, "data:%s;base64,", media_type);
    base64_put(out, bytes, n_bytes);
}
