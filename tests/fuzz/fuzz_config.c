/* fuzz_config.c - any bytes are either read as a configuration or refused with a message that has a
 * place or blames an override; reading them twice gives the same hash.
 *
 * The first line, if it is not empty, is an override; the rest is the file, handed over in memory.
 */
#include "harness/config/config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static struct config *read_once(const char *path, const char *override, struct err *err)
{
    return config_read(path, &override, *override ? 1 : 0, err);
}

static void check(const char *path, const char *override)
{
    struct err err = {0};
    struct config *config = read_once(path, override, &err);
    if (!config) {
        if (!err.message[0] || err.line < 0 || err.column < 0) abort();
        if (err_exit_status(&err) != 2 && err.code != ERR_INPUT) abort();
        return;
    }
    struct config *again = read_once(path, override, &err);
    if (!again || strcmp(config->hash, again->hash) != 0) abort();
    if (!config->n_models || !config->n_suites) abort();
    for (size_t i = 0; i < config->n_models; i++)
        if (!config->models[i].n_variants || !config->models[i].variants[0].path) abort();
    config_free(again);
    config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    char override[256], path[64];
    const uint8_t *end = memchr(bytes, '\n', n_bytes);
    size_t n_line = end ? (size_t)(end - bytes) : 0, n_override = n_line < 255 ? n_line : 255;
    int fd = memfd_create("config", MFD_CLOEXEC);
    if (fd < 0) return 0;
    if (n_override) memcpy(override, bytes, n_override);
    override[n_override] = 0;
    size_t n_skipped = end ? n_line + 1 : 0;
    if (write(fd, bytes + n_skipped, n_bytes - n_skipped) == (ssize_t)(n_bytes - n_skipped)) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        check(path, override);
    }
    close(fd);
    return 0;
}
