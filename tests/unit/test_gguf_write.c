/* test_gguf_write.c - GGUF files on disk.
 *
 * Written whole or not at all, and read back; a limit on file sizes stands for a full disk.
 */
#include "engine/gguf.h"

#include "base/file.h"
#include "tests/support/gguf_file.h"
#include "tests/support/stored_value.h"
#include "tests/support/test_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MAX_FILE_BYTES = 1 << 26 };

struct files {
    char folder[256], path[300], other[300];
    struct buf good;
    struct source *source; /* of good */
};

static int set_up_files(void **state)
{
    struct files *files = calloc(1, sizeof *files);
    if (!files || !test_make_folder(files->folder, sizeof files->folder)) return -1;
    snprintf(files->path, sizeof files->path, "%s/out.gguf", files->folder);
    snprintf(files->other, sizeof files->other, "%s/other.gguf", files->folder);
    put_good_file(&files->good, 3);
    files->source = gguf_open_memory(files->good.data, files->good.n_bytes, "good.gguf", NULL);
    *state = files;
    return files->source ? 0 : -1;
}

static int tear_down_files(void **state)
{
    struct files *files = *state;
    source_close(files->source);
    buf_free(&files->good);
    test_remove_folder(files->folder);
    free(files);
    return 0;
}

static void assert_folder_holds(const struct files *files, size_t n)
{
    char **names;
    size_t n_names;
    assert_true(file_list(files->folder, &names, &n_names, NULL));
    assert_int_equal(n_names, n);
    file_free_names(names, n_names);
}

static void gguf_write_gives_back_the_file_that_was_read(void **state)
{
    struct files *files = *state;
    for (int n_threads = 1; n_threads < 4; n_threads += 2) {
        assert_true(gguf_write(files->path, files->source, NULL, n_threads, NULL, NULL, NULL));
        size_t n_bytes;
        char *bytes = file_read(files->path, MAX_FILE_BYTES, &n_bytes, NULL);
        assert_non_null(bytes);
        /* The built file has counting bytes in the gap after "a" and no padding at its end. */
        struct source *written = gguf_open(files->path, NULL);
        assert_non_null(written);
        size_t data_at = (size_t)written->tensors[0].offset;
        assert_int_equal(n_bytes, data_at + 224);
        assert_memory_equal(bytes, files->good.data, data_at + 136);
        assert_memory_equal(bytes + data_at + 160, files->good.data + data_at + 160, 60);
        for (size_t i = 136; i < 160; i++) assert_int_equal(bytes[data_at + i], 0);
        source_close(written);
        free(bytes);
        assert_folder_holds(files, 1);
    }
}

static void gguf_open_reads_a_header_larger_than_its_first_window(void **state)
{
    struct files *files = *state;
    enum { N_STRINGS = 300000 };
    struct metadata *metadata = metadata_new(NULL);
    struct metadata_string *strings = calloc(N_STRINGS, sizeof *strings);
    assert_true(metadata && strings);
    for (size_t i = 0; i < N_STRINGS; i++) strings[i] = (struct metadata_string){"piece", i % 6};
    struct metadata_value array = {
        .kind = METADATA_ARRAY, .element = METADATA_STRING, .n = N_STRINGS, .items = strings};
    assert_true(metadata_set(metadata, "strings", &array, NULL));
    assert_true(metadata_set_unsigned(metadata, "general.alignment", 4096, NULL));
    assert_true(metadata_set_unsigned(metadata, "last", 7, NULL));
    const struct metadata *own = files->source->metadata;
    files->source->metadata = metadata;
    assert_true(gguf_write(files->path, files->source, NULL, 1, NULL, NULL, NULL));
    files->source->metadata = own;

    struct source *written = gguf_open(files->path, NULL);
    assert_non_null(written);
    size_t n;
    const struct metadata_string *read =
        stored_array(written->metadata, "strings", METADATA_STRING, &n);
    assert_int_equal(n, N_STRINGS);
    for (size_t i = 0; i < n; i++) assert_int_equal(read[i].n_bytes, i % 6);
    assert_int_equal(stored_unsigned(written->metadata, "last"), 7);
    assert_null(metadata_find(written->metadata, "general.alignment"));
    assert_int_equal(written->n_tensors, 2);

    /* Cut inside the second window: still an error with a place. */
    assert_int_equal(truncate(files->path, 2 << 20), 0);
    struct err err = {0};
    assert_null(gguf_open(files->path, &err));
    assert_non_null(strstr(err.message, "the file ends inside an array of strings"));
    source_close(written);
    free(strings);
    metadata_free(metadata);
}

static void read_rows_says_when_the_file_became_shorter(void **state)
{
    struct files *files = *state;
    assert_true(gguf_write(files->path, files->source, NULL, 1, NULL, NULL, NULL));
    struct source *source = gguf_open(files->path, NULL);
    assert_non_null(source);
    const struct tensor_info *b = source_find(source, "b");
    assert_int_equal(truncate(files->path, (off_t)b->offset + 12), 0);
    uint8_t rows[60];
    struct err err = {0};
    assert_true(source->read_rows(source, b, 0, 1, rows, &err));
    assert_false(source->read_rows(source, b, 0, 5, rows, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.message, "the file became shorter"));
    source_close(source);
}

static bool stop_at_once(void *context, uint64_t done, uint64_t total)
{
    uint64_t *seen = context;
    assert_true(done <= total);
    *seen = done;
    return false;
}

static void gguf_write_that_is_interrupted_leaves_the_old_file(void **state)
{
    struct files *files = *state;
    assert_true(file_write(files->path, "old", 3, NULL));
    struct err err = {0};
    uint64_t seen = 0;
    assert_false(gguf_write(files->path, files->source, NULL, 2, stop_at_once, &seen, &err));
    assert_int_equal(err.code, ERR_INTERRUPTED);
    assert_true(seen > 0);
    assert_int_equal(file_size_bytes(files->path), 3);
    assert_folder_holds(files, 1);
}

static void gguf_write_that_fails_leaves_nothing(void **state)
{
    struct files *files = *state;
    /* A limit on file sizes stands for a full disk. */
    struct rlimit saved, small = {.rlim_cur = 600, .rlim_max = RLIM_INFINITY};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
    small.rlim_max = saved.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct err err = {0};
    bool ok = gguf_write(files->path, files->source, NULL, 2, NULL, NULL, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
    signal(SIGXFSZ, handler);
    assert_false(ok);
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(err.file, files->path);
    assert_folder_holds(files, 0);
}

static void gguf_write_refuses_what_is_not_a_file(void **state)
{
    struct files *files = *state;
    struct err err = {0};
    assert_false(gguf_write("/dev/null", files->source, NULL, 1, NULL, NULL, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_false(gguf_write(files->folder, files->source, NULL, 1, NULL, NULL, &err));
    assert_false(gguf_write("/nonexistent/out.gguf", files->source, NULL, 1, NULL, NULL, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(err.file, "/nonexistent/out.gguf");
}

static void hash_is_that_of_the_bytes(void **state)
{
    struct files *files = *state;
    char of_memory[65], of_file[65];
    assert_true(file_write(files->other, files->good.data, files->good.n_bytes, NULL));
    struct source *source = gguf_open(files->other, NULL);
    assert_non_null(source);
    assert_true(source->hash(source, of_file, NULL, NULL));
    assert_true(files->source->hash(files->source, of_memory, NULL, NULL));
    assert_string_equal(of_file, of_memory);
    assert_int_equal(strlen(of_file), 64);
    source_close(source);
}

int main(void)
{
#define WITH_FILES(name) cmocka_unit_test_setup_teardown(name, set_up_files, tear_down_files)
    const struct CMUnitTest tests[] = {
        WITH_FILES(gguf_write_gives_back_the_file_that_was_read),
        WITH_FILES(gguf_open_reads_a_header_larger_than_its_first_window),
        WITH_FILES(read_rows_says_when_the_file_became_shorter),
        WITH_FILES(gguf_write_that_is_interrupted_leaves_the_old_file),
        WITH_FILES(gguf_write_that_fails_leaves_nothing),
        WITH_FILES(gguf_write_refuses_what_is_not_a_file),
        WITH_FILES(hash_is_that_of_the_bytes),
    };
#undef WITH_FILES
    return cmocka_run_group_tests(tests, NULL, NULL);
}
