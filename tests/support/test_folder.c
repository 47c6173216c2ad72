/* test_folder.c - see test_folder.h.
 *
 * Relative paths in the tests then mean files of the test alone.
 */
#include "tests/support/test_folder.h"

#include "base/file.h"
#include "tests/support/test_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct folder {
    char path[256], before[512];
};

int test_enter_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    if (!folder || !getcwd(folder->before, sizeof folder->before)) return -1;
    if (!test_data_stays() || !test_make_folder(folder->path, sizeof folder->path) ||
        chdir(folder->path) != 0)
        return -1;
    *state = folder;
    return 0;
}

int test_leave_folder(void **state)
{
    struct folder *folder = *state;
    int left = chdir(folder->before);
    test_remove_folder(folder->path);
    free(folder);
    return left;
}

void test_write_text(const char *path, const char *text)
{
    struct err err = {0};
    if (!file_write(path, text, strlen(text), &err)) fail_msg("%s: %s", path, err.message);
}
