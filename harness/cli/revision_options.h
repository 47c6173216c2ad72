/* revision_options.h - options of commands that build the program's revisions, and what they come
 * to.
 *
 * For use inside a command's table of options, as those of command.h are.
 */
#ifndef PHIBENCH_HARNESS_CLI_REVISION_OPTIONS_H
#define PHIBENCH_HARNESS_CLI_REVISION_OPTIONS_H

#include "harness/cli/command.h"
#include "harness/run/revisions.h"

struct revision_options {
    const char *repository, *work, *build, *program;
    int64_t n_jobs;
};

/* The five options of a `struct revision_options` field. */
/* clang-format off */
#define REVISION_OPTION(type, field, name, value, help)                                            \
    {name, 0, OPTION_TEXT, value, help, offsetof(type, field), 0, 0, 0}
#define OPTIONS_REVISIONS(type, field)                                                             \
    REVISION_OPTION(type, field.repository, "repository", "DIR",                                   \
                    "a folder of the git repository, default this one"),                           \
    REVISION_OPTION(type, field.work, "work", "DIR",                                               \
                    "keep what is built in this folder for another call"),                         \
    REVISION_OPTION(type, field.build, "build", "COMMAND",                                         \
                    "how sh builds a revision, default make of the program"),                      \
    REVISION_OPTION(type, field.program, "program", "PATH",                                        \
                    "what is built, default build/release/phibench"),                              \
    {"jobs", 'j', OPTION_INTEGER, "N", "jobs of make; 0: one per processor",                       \
     offsetof(type, field.n_jobs), 0, 1024, 0}
/* clang-format on */

static inline struct revisions *revision_options_open(const struct revision_options *options,
                                                      const struct log *log, struct err *err)
{
    const struct revisions_options chosen = {.repository = options->repository,
                                             .work = options->work,
                                             .build = options->build,
                                             .program = options->program,
                                             .n_jobs = (int)options->n_jobs,
                                             .log = log};
    return revisions_open(&chosen, err);
}

#endif
