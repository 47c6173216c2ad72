/* test_free_memory.c - what is left of memory, of the system and in control groups of both
 * versions, as files in a folder of the test say.
 *
 * A limit of the machine that runs the test is seen by no test here.
 */
#include "base/free_memory.h"

#include "base/file.h"
#include "tests/support/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void write_text(const char *folder, const char *name, const char *text)
{
    assert_true(file_make_folders(folder, NULL));
    char *path = file_join(folder, name, NULL);
    assert_non_null(path);
    test_write_text(path, text);
    free(path);
}

/* A machine with 1000 KiB left, and a process of these groups. */
static void make_machine(const char *groups)
{
    write_text("root/proc", "meminfo",
               "MemTotal: 4000 kB\nMemFree: 9 kB\nMemAvailable:    1000 kB\n");
    write_text("root/proc/self", "cgroup", groups);
}

static void without_groups_the_system_alone_counts(void **state)
{
    (void)state;
    assert_true(free_memory_bytes("nowhere") == UINT64_MAX);
    make_machine("0::/user/me\n");
    assert_int_equal(free_memory_bytes("root"), 1000 << 10);
    assert_true(free_memory_bytes("") > 0);
}

static void a_group_of_version_2_and_those_above_it_count(void **state)
{
    (void)state;
    make_machine("0::/user/me\n");
    write_text("root/sys/fs/cgroup/user/me", "memory.max", "max\n");
    write_text("root/sys/fs/cgroup/user/me", "memory.current", "5\n");
    assert_int_equal(free_memory_bytes("root"), 1000 << 10);
    write_text("root/sys/fs/cgroup/user", "memory.max", "500000\n");
    write_text("root/sys/fs/cgroup/user", "memory.current", "200000\n");
    assert_int_equal(free_memory_bytes("root"), 300000);
    /* Pages of files can be given back. */
    write_text("root/sys/fs/cgroup/user", "memory.stat",
               "anon 1\ninactive_file 50000\nactive_file 40000\n");
    assert_int_equal(free_memory_bytes("root"), 390000);
    write_text("root/sys/fs/cgroup/user/me", "memory.max", "4\n");
    assert_int_equal(free_memory_bytes("root"), 0);
    /* More than the machine has left is no limit. */
    write_text("root/sys/fs/cgroup/user/me", "memory.max", "max\n");
    write_text("root/sys/fs/cgroup/user", "memory.max", "900000000\n");
    assert_int_equal(free_memory_bytes("root"), 1000 << 10);
}

static void a_container_sees_its_own_group_as_the_root(void **state)
{
    (void)state;
    make_machine("0::/../../docker/0123\n");
    write_text("root/sys/fs/cgroup", "memory.max", "70000\n");
    write_text("root/sys/fs/cgroup", "memory.current", "20000\n");
    assert_int_equal(free_memory_bytes("root"), 50000);
    make_machine("0::/\n");
    assert_int_equal(free_memory_bytes("root"), 50000);
}

static void a_group_of_version_1_is_that_of_the_memory_controller(void **state)
{
    (void)state;
    make_machine("9:name=systemd:/\n4:memory:/job/17\n3:cpu,cpuacct:/\n0::/\n");
    write_text("root/sys/fs/cgroup/memory/job/17", "memory.limit_in_bytes",
               "9223372036854771712\n");
    write_text("root/sys/fs/cgroup/memory/job/17", "memory.usage_in_bytes", "1\n");
    write_text("root/sys/fs/cgroup/memory/job", "memory.limit_in_bytes", "100000\n");
    write_text("root/sys/fs/cgroup/memory/job", "memory.usage_in_bytes", "90000\n");
    write_text("root/sys/fs/cgroup/memory/job", "memory.stat",
               "inactive_file 1\ntotal_inactive_file 3000\ntotal_active_file 2000\n");
    assert_int_equal(free_memory_bytes("root"), 15000);
}

#define IN_FOLDER(TEST) cmocka_unit_test_setup_teardown(TEST, test_enter_folder, test_leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(without_groups_the_system_alone_counts),
        IN_FOLDER(a_group_of_version_2_and_those_above_it_count),
        IN_FOLDER(a_container_sees_its_own_group_as_the_root),
        IN_FOLDER(a_group_of_version_1_is_that_of_the_memory_controller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
