/* test_file.c - files that are written whole or not at all.
 *
 * Each test works in a folder of its own. A full disk is played by the limit on a file's size, and
 * by a small tmpfs where the test may mount one.
 */
#include "base/file.h"

#include "base/temporary.h"

#include "tests/support/test_data.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    char folder[256], path[300];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (!place || !test_make_folder(place->folder, sizeof place->folder)) return -1;
    snprintf(place->path, sizeof place->path, "%s/file", place->folder);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    test_remove_folder(place->folder);
    free(place);
    return 0;
}

static void check_content(const char *path, const char *expected, size_t n_expected)
{
    size_t n_bytes;
    struct err err = {0};
    char *text = file_read(path, 1 << 24, &n_bytes, &err);
    if (!text) fail_msg("%s: %s", path, err.message);
    assert_int_equal(n_bytes, n_expected);
    assert_memory_equal(text, expected, n_expected);
    assert_int_equal(text[n_bytes], 0);
    free(text);
}

/* The folder holds this file and nothing else: no temporary one stayed behind. */
static void check_alone(const char *folder, const char *name)
{
    char **names;
    size_t n_names;
    assert_true(file_list(folder, &names, &n_names, NULL));
    assert_int_equal(n_names, 1);
    assert_string_equal(names[0], name);
    file_free_names(names, n_names);
}

static void file_write_and_file_read_keep_every_byte(void **state)
{
    struct place *place = *state;
    enum { N = 300001 };
    char *bytes = malloc(N);
    assert_non_null(bytes);
    for (int i = 0; i < N; i++) bytes[i] = (char)(i * 7 + i / 256);
    assert_true(file_write(place->path, bytes, N, NULL));
    check_content(place->path, bytes, N);
    assert_int_equal(file_size_bytes(place->path), N);
    assert_true(file_write(place->path, "", 0, NULL));
    check_content(place->path, "", 0);
    check_alone(place->folder, "file");
    free(bytes);
}

static void file_read_enforces_its_limit_to_the_byte(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    assert_true(file_write(place->path, "12345", 5, &err));
    char *text = file_read(place->path, 5, NULL, &err);
    assert_string_equal(text, "12345");
    free(text);
    assert_null(file_read(place->path, 4, NULL, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.file, place->path);
    err_clear(&err);
    text = file_read(place->path, SIZE_MAX, NULL, &err);
    assert_string_equal(text, "12345");
    free(text);
}

static void file_read_says_why_it_cannot(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    assert_null(file_read(place->path, 100, NULL, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(err.file, place->path);
    assert_non_null(strstr(err.message, strerror(ENOENT)));
    assert_null(file_read(place->folder, 100, NULL, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.message, strerror(EISDIR)));
}

static void file_write_fails_whole_where_it_cannot_be(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char path[600];
    snprintf(path, sizeof path, "%s/missing/file", place->folder);
    assert_false(file_write(path, "x", 1, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(err.file, path);
    err_clear(&err);
    assert_true(file_make_folders(place->path, &err));
    assert_false(file_write(place->path, "x", 1, &err));
    assert_int_equal(err.code, ERR_IO);
    check_alone(place->folder, "file");
    assert_true(file_is_folder(place->path));
}

static void file_write_keeps_the_old_content_when_the_size_limit_stops_it(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    struct rlimit before, small;
    static char bytes[100000];
    assert_true(file_write(place->path, "old", 3, &err));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 50000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool ok = file_write(place->path, bytes, sizeof bytes, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_false(ok);
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(err.file, place->path);
    assert_non_null(strstr(err.message, strerror(EFBIG)));
    check_content(place->path, "old", 3);
    check_alone(place->folder, "file");
}

enum { FULL_DISK_OK = 0, FULL_DISK_CANNOT_MOUNT = 77 };

/* In a process of its own, so that the mount is seen by nobody else and ends with it. */
static int write_to_full_disk(const struct place *place)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", place->folder, "tmpfs", 0, "size=64k") != 0)
        return FULL_DISK_CANNOT_MOUNT;
    struct err err = {0};
    static char bytes[100000];
    size_t n_names, n_bytes;
    char **names;
    if (!file_write(place->path, "old", 3, &err)) return 1;
    if (file_write(place->path, bytes, sizeof bytes, &err)) return 2;
    if (err.code != ERR_FULL || !strstr(err.message, strerror(ENOSPC))) return 3;
    char *text = file_read(place->path, 100, &n_bytes, NULL);
    if (!text || n_bytes != 3 || strcmp(text, "old") != 0) return 4;
    free(text);
    if (!file_list(place->folder, &names, &n_names, NULL) || n_names != 1) return 5;
    file_free_names(names, n_names);
    return FULL_DISK_OK;
}

static void file_write_keeps_the_old_content_on_a_full_disk(void **state)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(write_to_full_disk(*state));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == FULL_DISK_CANNOT_MOUNT) {
        print_message("SKIP: may not mount a small tmpfs\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), FULL_DISK_OK);
}

static void file_write_writes_into_a_pipe_instead_of_replacing_it(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char text[8] = "";
    assert_int_equal(mkfifo(place->path, 0600), 0);
    int fd = open(place->path, O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    assert_true(file_write(place->path, "piped", 5, &err));
    assert_int_equal(read(fd, text, sizeof text), 5);
    assert_string_equal(text, "piped");
    close(fd);
    struct stat status;
    assert_int_equal(stat(place->path, &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
    check_alone(place->folder, "file");
}

static void *write_often(void *path)
{
    char bytes[5000];
    memset(bytes, 'a', sizeof bytes);
    for (int i = 0; i < 40; i++)
        if (!file_write(path, bytes, sizeof bytes, NULL)) return path;
    return NULL;
}

static void file_write_is_whole_when_threads_write_one_path(void **state)
{
    struct place *place = *state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_often, place->path), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(file_size_bytes(place->path), 5000);
    check_alone(place->folder, "file");
}

static void file_make_folders_makes_every_missing_one(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char path[600];
    snprintf(path, sizeof path, "%s/a//b/c/", place->folder);
    assert_true(file_make_folders(path, &err));
    assert_true(file_is_folder(path));
    assert_true(file_make_folders(path, &err));
    assert_true(file_make_folders("", &err));
    assert_true(file_make_folders("/", &err));
    assert_true(file_write(place->path, "x", 1, &err));
    snprintf(path, sizeof path, "%s/d", place->path);
    assert_false(file_make_folders(path, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(err.file, place->path);
}

static void file_make_parent_makes_what_the_file_lies_in(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char path[700], parent[600];
    snprintf(parent, sizeof parent, "%s/a/b", place->folder);
    snprintf(path, sizeof path, "%s/c", parent);
    assert_true(file_make_parent(path, &err));
    assert_true(file_is_folder(parent));
    assert_false(file_exists(path));
    assert_true(file_make_parent(path, &err));
    assert_true(file_make_parent("c", &err)); /* here */
    assert_false(file_exists("c"));
    assert_true(file_make_parent("/c", &err));
    assert_true(file_write(place->path, "x", 1, &err));
    snprintf(path, sizeof path, "%s/d", place->path);
    assert_false(file_make_parent(path, &err));
    assert_string_equal(err.file, place->path);
}

static void file_exists_and_its_like_tell_files_from_folders(void **state)
{
    struct place *place = *state;
    assert_false(file_exists(place->path));
    assert_int_equal(file_size_bytes(place->path), -1);
    assert_true(file_write(place->path, "xyz", 3, NULL));
    assert_true(file_exists(place->path));
    assert_false(file_is_folder(place->path));
    assert_true(file_is_folder(place->folder));
    assert_int_equal(file_size_bytes(place->path), 3);
}

static void check_join(const char *folder, const char *name, const char *expected)
{
    char *path = file_join(folder, name, NULL);
    assert_string_equal(path, expected);
    free(path);
}

static void file_join_and_file_name_split_at_slashes(void **state)
{
    (void)state;
    check_join("a", "b", "a/b");
    check_join("a/", "b", "a/b");
    check_join("/", "b", "/b");
    check_join("", "b", "b");
    check_join("a", "/b", "/b");
    check_join("a", "", "a/");
    assert_string_equal(file_name("a/b.c"), "b.c");
    assert_string_equal(file_name("b.c"), "b.c");
    assert_string_equal(file_name("a/"), "");
    assert_true(file_name_ends("a/b.json", ".json"));
    assert_true(file_name_ends("dev.json", "dev.json"));
    assert_false(file_name_ends("a/b.jsonl", ".json"));
    assert_false(file_name_ends("son", ".json"));
}

static void file_list_is_sorted_by_bytes_and_complete(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char **names;
    size_t n_names;
    assert_true(file_list(place->folder, &names, &n_names, &err));
    assert_int_equal(n_names, 0);
    file_free_names(names, n_names);
    const char *expected[] = {".hidden", "B", "a", "a-b", "folder"};
    for (size_t i = 0; i < 5; i++) {
        char *path = file_join(place->folder, expected[4 - i], NULL);
        if (i) assert_true(file_write(path, "", 0, &err));
        else assert_true(file_make_folders(path, &err));
        free(path);
    }
    assert_true(file_list(place->folder, &names, &n_names, &err));
    assert_int_equal(n_names, 5);
    for (size_t i = 0; i < 5; i++) assert_string_equal(names[i], expected[i]);
    file_free_names(names, n_names);
    assert_false(file_list(place->path, &names, &n_names, &err));
    assert_null(names);
    assert_int_equal(err.code, ERR_IO);
}

/* None of them may be waited for: a test that hangs here has found the fault. */
static void only_regular_files_are_read(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    assert_int_equal(mkfifo(place->path, 0600), 0);
    const char *const paths[] = {place->path, "/dev/zero", "/dev/null", place->folder};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        err = (struct err){0};
        assert_int_equal(file_open(paths[i], &err), -1);
        assert_int_equal(err.code, ERR_IO);
        assert_string_equal(err.file, paths[i]);
        assert_null(file_read(paths[i], 100, NULL, &err));
    }
    assert_null(file_read(place->path, 100, NULL, &err));
    assert_non_null(strstr(err.message, "a regular file is expected"));
}

static void a_text_loses_its_byte_order_mark_and_must_be_utf_8(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    size_t n_bytes;
    assert_true(file_write(place->path,
                           "\xef\xbb\xbf"
                           "a\0b",
                           6, &err));
    char *text = file_read_text(place->path, 100, &n_bytes, &err);
    assert_int_equal(n_bytes, 3);
    assert_memory_equal(text, "a\0b", 4);
    free(text);
    assert_true(file_write(place->path, "", 0, &err));
    text = file_read_text(place->path, 100, &n_bytes, &err);
    assert_int_equal(n_bytes, 0);
    free(text);
    static const struct other {
        const char *bytes, *name;
        size_t n;
    } others[] = {{"\xff\xfe"
                   "a\0",
                   "UTF-16", 4},
                  {"\xfe\xff\0a", "UTF-16", 4},
                  {"\xff\xfe\0\0a\0\0\0", "UTF-32", 8},
                  {"\0\0\xfe\xff\0\0\0a", "UTF-32", 8}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_true(file_write(place->path, others[i].bytes, others[i].n, &err));
        err = (struct err){0};
        assert_null(file_read_text(place->path, 100, &n_bytes, &err));
        assert_int_equal(err.code, ERR_INPUT);
        assert_string_equal(err.file, place->path);
        assert_non_null(strstr(err.message, others[i].name));
    }
}

/* What a process that was killed has left goes with the next writing; what another one writes, and
 * what only looks like such a file, stays. */
static void temporary_files_of_the_dead_are_swept(void **state)
{
    struct place *place = *state;
    struct temporary mine, other;
    char left[400], alike[400];
    snprintf(left, sizeof left, "%s.tmp-1-0", place->path);
    snprintf(alike, sizeof alike, "%s.tmp-1-0.txt", place->path);
    assert_true(file_write(left, "half", 4, NULL));
    assert_true(file_write(alike, "mine", 4, NULL));
    assert_true(temporary_open(&mine, place->path, NULL));
    assert_false(file_exists(left));
    assert_true(file_exists(alike));
    assert_true(temporary_open(&other, place->path, NULL));
    assert_true(file_exists(mine.name));
    assert_string_not_equal(mine.name, other.name);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(!file_write(place->path, "x", 1, NULL) || !file_exists(mine.name));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(temporary_keep(&mine, place->path, NULL));
    temporary_drop(&other);
    assert_int_equal(file_size_bytes(place->path), 0);
    assert_int_equal(unlink(alike), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_regular_files_are_read, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_text_loses_its_byte_order_mark_and_must_be_utf_8,
                                        make_place, remove_place),
        cmocka_unit_test_setup_teardown(temporary_files_of_the_dead_are_swept, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(file_write_and_file_read_keep_every_byte, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(file_read_enforces_its_limit_to_the_byte, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(file_read_says_why_it_cannot, make_place, remove_place),
        cmocka_unit_test_setup_teardown(file_write_fails_whole_where_it_cannot_be, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(
            file_write_keeps_the_old_content_when_the_size_limit_stops_it, make_place,
            remove_place),
        cmocka_unit_test_setup_teardown(file_write_keeps_the_old_content_on_a_full_disk, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(file_write_writes_into_a_pipe_instead_of_replacing_it,
                                        make_place, remove_place),
        cmocka_unit_test_setup_teardown(file_write_is_whole_when_threads_write_one_path, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(file_make_folders_makes_every_missing_one, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(file_make_parent_makes_what_the_file_lies_in, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(file_exists_and_its_like_tell_files_from_folders,
                                        make_place, remove_place),
        cmocka_unit_test_setup_teardown(file_join_and_file_name_split_at_slashes, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(file_list_is_sorted_by_bytes_and_complete, make_place,
                                        remove_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
