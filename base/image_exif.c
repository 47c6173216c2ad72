/* image_exif.c - which way up a camera held a picture, from its EXIF (JEITA CP-3451).
 *
 * EXIF is TIFF: a byte order, and the place of a directory of entries of 12 bytes (tag, type,
 * count, value). All that is wanted is one entry of the first directory; whatever is damaged says
 * nothing.
 */
#include "base/image_format.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY_BYTES = 12, TIFF_MAGIC = 42 };

struct tiff {
    const uint8_t *bytes;
    size_t n_bytes;
    bool big_endian;
};

/* An unsigned number of n bytes; past the end, 0, which is no magic, tag, type or orientation. */
static uint32_t number_at(const struct tiff *tiff, size_t at, size_t n)
{
    uint32_t value = 0;
    if (at > tiff->n_bytes || n > tiff->n_bytes - at) return 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | tiff->bytes[at + (tiff->big_endian ? i : n - 1 - i)];
    return value;
}

int image_exif_orientation(const uint8_t *bytes, size_t n_bytes)
{
    static const char prefix[] = {'E', 'x', 'i', 'f', 0, 0};
    if (n_bytes >= sizeof prefix && !memcmp(bytes, prefix, sizeof prefix)) {
        bytes += sizeof prefix;
        n_bytes -= sizeof prefix;
    }
    if (n_bytes < 8 || bytes[0] != bytes[1] || (bytes[0] != 'I' && bytes[0] != 'M')) return 1;
    struct tiff tiff = {bytes, n_bytes, bytes[0] == 'M'};
    if (number_at(&tiff, 2, 2) != TIFF_MAGIC) return 1;
    size_t directory = number_at(&tiff, 4, 4), n_entries = number_at(&tiff, directory, 2);
    for (size_t i = 0; i < n_entries; i++) {
        size_t entry = directory + 2 + i * ENTRY_BYTES;
        if (number_at(&tiff, entry, 2) != TAG_ORIENTATION) continue;
        uint32_t value = number_at(&tiff, entry + 8, 2);
        bool defined = number_at(&tiff, entry + 2, 2) == TYPE_SHORT && value >= 1 && value <= 8;
        return defined ? (int)value : 1;
    }
    return 1;
}
