/* test_data.c - see test_data.h.
 *
 * Tests may read the environment; in the program only harness/ does.
 */
#include "tests/support/test_data.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *data_folder(void)
{
    const char *folder = getenv("PHIBENCH_DATA");
    return folder ? folder : "../shared/data";
}

bool test_data_stays(void)
{
    char here[512], path[1024];
    if (*data_folder() == '/') return true;
    if (!getcwd(here, sizeof here)) return false;
    snprintf(path, sizeof path, "%s/%s", here, data_folder());
    return setenv("PHIBENCH_DATA", path, 1) == 0;
}

const char *test_data_path(char *out, size_t n, const char *relative)
{
    int length = snprintf(out, n, "%s/%s", data_folder(), relative);
    if (length < 0 || (size_t)length >= n) return NULL;
    if (access(out, R_OK) == 0) return out;
    printf("SKIP: no shared data %s\n", relative);
    return NULL;
}

const char *test_make_folder(char *out, size_t n)
{
    const char *folder = getenv("TMPDIR");
    int length = snprintf(out, n, "%s/phibench-test-XXXXXX", folder ? folder : "/tmp");
    if (length < 0 || (size_t)length >= n) return NULL;
    return mkdtemp(out);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

void test_remove_folder(const char *folder)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
