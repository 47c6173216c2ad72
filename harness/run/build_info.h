/* build_info.h - what this program was built from and with, for the store and for `doctor`.
 *
 * The Makefile knows; it hands the values to build_info.c alone, so that a new revision rebuilds
 * one file.
 */
#ifndef PHIBENCH_HARNESS_RUN_BUILD_INFO_H
#define PHIBENCH_HARNESS_RUN_BUILD_INFO_H

#include <stdbool.h>

struct build_info {
    const char *version;      /* "0.1.0" */
    const char *git_revision; /* 40 hex digits; "unknown" outside of a git checkout */
    bool git_dirty;           /* a tracked file differed from the revision */
    const char *compiler;     /* the first line of its --version */
    const char *flags;        /* those of every file; kernels add those of their instruction set */
};

/* Static and const. Thread-safe. */
const struct build_info *build_info(void);

/* What tells this program from every other, also two builds of one modified tree: the build id
 * that the linker puts into it (the note NT_GNU_BUILD_ID of the ELF file), in hexadecimal; "" if
 * there is none. Thread-safe. */
enum { BUILD_ID_BYTES = 65 };
void build_id(char hex[BUILD_ID_BYTES]);

#endif
