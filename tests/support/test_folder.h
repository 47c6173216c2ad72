/* test_folder.h - a folder of its own for a group of tests, and the current one while they run.
 *
 * Group set-up and tear-down for cmocka; 0 is success. *state belongs to test_leave_folder.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_TEST_FOLDER_H
#define PHIBENCH_TESTS_SUPPORT_TEST_FOLDER_H

int test_enter_folder(void **state);

/* Goes back to where the program was and removes the folder with what is in it. */
int test_leave_folder(void **state);

/* Writes a file, whose folder is there; fails the running test where it cannot. */
void test_write_text(const char *path, const char *text);

#endif
