/* test_model_cache.c - quantized files that are made once: where they lie, that they are whole, and
 * what a process that died has left.
 *
 * Planned models are filled by hand: what a plan makes of a configuration is for test_plan.c.
 */
#include "harness/run/model_cache.h"

#include "base/file.h"
#include "engine/open_source.h"
#include "engine/tools.h"
#include "tests/support/test_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct console console = {.columns = 80};
static const struct config_model config = {.id = "m", .path = "dir.d/some.model.gguf"};

static struct plan_model planned(void)
{
    struct plan_model model = {.config = &config,
                               .path = "quantize:q2_k:dir.d/some.model.gguf",
                               .quantization = "q2_k",
                               .is_made = true};
    assert_true(file_make_folders("dir.d", NULL));
    assert_true(model_write("synth:tiny:f16", config.path, NULL, 1, NULL, NULL, NULL));
    assert_true(model_hash(model.path, model.hash, NULL, NULL));
    return model;
}

static char *get(const struct plan_model *model, const char *folder)
{
    struct err err = {0};
    struct cached_model cached;
    if (!model_cache_get(&console, folder, model, NULL, 1, &cached, &err))
        fail_msg("%s: %s", err.file, err.message);
    assert_string_equal(model_seal_hash(cached.seal), model->hash);
    char *path = strdup(cached.path);
    cached_model_done(&cached);
    return path;
}

static bool has(const char *folder, const struct plan_model *model, struct err *err)
{
    struct cached_model cached;
    bool ok = model_cache_get(&console, folder, model, NULL, 1, &cached, err);
    cached_model_done(&cached);
    return ok;
}

static ino_t inode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_ino;
}

static void a_file_is_made_once_under_a_name_that_says_what_it_is(void **state)
{
    (void)state;
    struct plan_model model = planned();
    char name[128];
    snprintf(name, sizeof name, "a/b/some.model-q2_k-%.16s.gguf", model.hash);
    char *path = get(&model, "a/b");
    assert_string_equal(path, name);
    struct model_file *file = model_file_open(path, NULL);
    struct model_info info;
    assert_non_null(file);
    assert_true(model_file_info(file, &info, NULL));
    assert_string_equal(info.quantization, "q2_k");
    model_file_close(file);
    ino_t before = inode_of(path);
    char *again = get(&model, "a/b");
    assert_string_equal(again, path);
    assert_int_equal(inode_of(again), before);
    free(again);
    free(path);
}

/* Changes the byte at `offset`, from the end if it is negative. */
static void flip(const char *path, long offset)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, offset < 0 ? SEEK_END : SEEK_SET), 0);
    int c = fgetc(file);
    assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
    assert_int_equal(fputc(c ^ 1, file), c ^ 1);
    assert_int_equal(fclose(file), 0);
}

/* Whether the file of the cache can be loaded as it was made. */
static bool is_whole(const struct plan_model *model)
{
    struct cached_model cached;
    struct model_options options = model_default_options();
    assert_true(model_cache_get(&console, "cache", model, NULL, 1, &cached, NULL));
    options.n_threads = 1;
    options.seal = cached.seal;
    struct model *loaded = model_open(cached.path, &options, NULL);
    bool is_whole = loaded != NULL;
    model_close(loaded);
    cached_model_done(&cached);
    return is_whole;
}

static void what_cannot_be_what_was_made_is_made_again(void **state)
{
    (void)state;
    struct plan_model model = planned();
    char *path = get(&model, "cache");
    int64_t n_bytes = file_size_bytes(path);
    char *before = file_read(path, SIZE_MAX, NULL, NULL), *after;
    const struct damage {
        const char *what;
        int64_t size;
        long flipped;
    } cases[] = {{"empty", 0, 0},
                 {"cut", n_bytes / 2, 0},
                 {"without its last byte", n_bytes - 1, 0},
                 {"another hash", n_bytes, -90},
                 {"another checksum of a row", n_bytes, -200},
                 {"no seal", n_bytes, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(truncate(path, cases[i].size), 0);
        if (cases[i].flipped) flip(path, cases[i].flipped);
        free(get(&model, "cache"));
        after = file_read(path, SIZE_MAX, NULL, NULL);
        if (file_size_bytes(path) != n_bytes || memcmp(before, after, (size_t)n_bytes) != 0)
            fail_msg("%s: not made again", cases[i].what);
        free(after);
    }
    model.hash[63] = model.hash[63] == '0' ? '1' : '0'; /* its name has the first digits */
    ino_t inode = inode_of(path);
    free(get(&model, "cache")); /* a file of this name that is of another model */
    assert_int_not_equal(inode_of(path), inode);
    free(before);
    free(path);
}

static void a_damaged_byte_of_header_weights_or_embedding_shows_when_it_is_loaded(void **state)
{
    (void)state;
    struct plan_model model = planned();
    char *path = get(&model, "cache");
    static const char *const tensors[] = {"token_embd.weight", "output.weight",
                                          "output_norm.weight", "blk.0.attn_qkv.weight"};
    assert_true(is_whole(&model));
    struct source *source = source_open(path, NULL);
    assert_non_null(source);
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        const struct tensor_info *tensor = source_find(source, tensors[i]);
        assert_non_null(tensor);
        long last = (long)(tensor->offset + tensor->n_rows * tensor->row_bytes - 1);
        flip(path, last);
        if (is_whole(&model)) fail_msg("%s is damaged and was loaded", tensors[i]);
        flip(path, last);
        assert_true(is_whole(&model));
    }
    source_close(source);
    static const char key[] = "general.name"; /* then a type and a length */
    size_t n_bytes;
    char *bytes = file_read(path, SIZE_MAX, &n_bytes, NULL);
    const char *at = memmem(bytes, n_bytes, key, strlen(key));
    assert_non_null(at);
    flip(path, (long)(at - bytes) + (long)strlen(key) + 4 + 8);
    assert_false(is_whole(&model));
    free(bytes);
    free(path);
}

static void half_written_files_of_the_dead_are_removed(void **state)
{
    (void)state;
    struct plan_model model = planned();
    assert_true(file_make_folders("cache", NULL));
    assert_true(file_write("cache/some.model-q2_k-0.gguf.tmp-1", "half", 4, NULL));
    assert_true(file_write("cache/mine.txt", "mine", 4, NULL));
    free(get(&model, "cache"));
    assert_false(file_exists("cache/some.model-q2_k-0.gguf.tmp-1"));
    assert_true(file_exists("cache/mine.txt"));
}

/* A process that holds the folder's lock until it is killed; its number. */
static pid_t hold_lock(const char *path)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int file = open(path, O_RDWR | O_CREAT, 0666);
        if (file < 0 || fcntl(file, F_SETLK, &whole) != 0 || write(ready[1], "", 1) != 1) _exit(1);
        for (;;) pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
}

static void who_wants_a_file_waits_for_the_one_who_makes_it(void **state)
{
    (void)state;
    struct plan_model model = planned();
    struct err err = {0};
    assert_true(file_make_folders("cache", NULL));
    pid_t child = hold_lock("cache/lock");
    struct sigaction action = {.sa_handler = on_alarm}, before;
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    alarm(1); /* interrupts the waiting, as Ctrl-C does */
    assert_false(has("cache", &model, &err));
    assert_int_equal(err.code, ERR_INTERRUPTED);
    sigaction(SIGALRM, &before, NULL);
    kill(child, SIGKILL); /* and its lock is gone */
    assert_int_equal(waitpid(child, NULL, 0), child);
    free(get(&model, "cache"));
}

static void faults_name_what_is_wrong(void **state)
{
    (void)state;
    struct plan_model model = planned();
    struct err err = {0};
    assert_false(has(NULL, &model, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_non_null(strstr(err.message, "PHIBENCH_CACHE"));
    assert_true(file_write("no-folder", "", 0, NULL));
    err = (struct err){0};
    assert_false(has("no-folder/cache", &model, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_int_equal(unlink(config.path), 0);
    err = (struct err){0};
    assert_false(has("cache", &model, &err));
    assert_string_equal(err.file, config.path);
}

/* In a folder of its own. */
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_enter_folder, test_leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_file_is_made_once_under_a_name_that_says_what_it_is),
        IN_FOLDER(what_cannot_be_what_was_made_is_made_again),
        IN_FOLDER(a_damaged_byte_of_header_weights_or_embedding_shows_when_it_is_loaded),
        IN_FOLDER(half_written_files_of_the_dead_are_removed),
        IN_FOLDER(who_wants_a_file_waits_for_the_one_who_makes_it),
        IN_FOLDER(faults_name_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
