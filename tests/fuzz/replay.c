/* replay.c - runs a fuzz target on the files that it is given, without a fuzz engine, so that every
 * input that once broke something is tried again in `make test`, with any compiler.
 *
 * No file at all is an error: a corpus that has moved must not pass for one that was replayed.
 */
#include "base/file.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

enum { MAX_INPUT_BYTES = 1 << 24 };

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FILE...\n", argv[0]);
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        struct err err = {0};
        size_t n_bytes;
        char *bytes = file_read(argv[i], MAX_INPUT_BYTES, &n_bytes, &err);
        if (!bytes) {
            err_print(&err, stderr);
            return 1;
        }
        /* The copy has no zero behind it, so that a sanitizer sees the first byte read too far. */
        uint8_t *exact = malloc(n_bytes ? n_bytes : 1);
        for (size_t j = 0; exact && j < n_bytes; j++) exact[j] = (uint8_t)bytes[j];
        free(bytes);
        if (!exact) return 1;
        LLVMFuzzerTestOneInput(exact, n_bytes);
        free(exact);
    }
    printf("%d inputs replayed\n", argc - 1);
    return 0;
}
