/* build_info.c - see build_info.h. BUILD_* are defined by the Makefile for this file.
 *
 * A compiler run without the Makefile (an editor, a static checker) sees "unknown" everywhere.
 */
#include "harness/run/build_info.h"

#ifndef BUILD_VERSION
#define BUILD_VERSION "unknown"
#define BUILD_REVISION "unknown"
#define BUILD_DIRTY 0
#define BUILD_COMPILER "unknown"
#define BUILD_FLAGS "unknown"
#endif

const struct build_info *build_info(void)
{
    static const struct build_info info = {
        .version = BUILD_VERSION,
        .git_revision = BUILD_REVISION,
        .git_dirty = BUILD_DIRTY,
        .compiler = BUILD_COMPILER,
        .flags = BUILD_FLAGS,
    };
    return &info;
}
