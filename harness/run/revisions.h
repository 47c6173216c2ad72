/* revisions.h - programs of a repository's revisions: each is built in a worktree of its own, never
 * in the user's checkout, and kept in a folder under its revision, to measure with.
 *
 * Knows git by its command. What is said of a step goes to the log.
 */
#ifndef PHIBENCH_HARNESS_RUN_REVISIONS_H
#define PHIBENCH_HARNESS_RUN_REVISIONS_H

#include "base/arena.h"
#include "base/log.h"

enum { REVISION_BYTES = 65 }; /* hex digits of a commit, and a zero */

struct revisions_options {
    const char *repository; /* a folder in it; NULL: the current one */
    const char *work;       /* where programs are kept; NULL: a folder that is removed at the end */
    const char *build;      /* for sh, run at the worktree's top; NULL: make -jN of the program */
    const char *program; /* that it makes, a path in the worktree; NULL: build/release/phibench */
    int n_jobs;          /* of make; 0: one for each processor */
    const struct log *log;
};

struct revisions;

/* Makes the folder; a worktree that a killed process has left in it is removed. Close with
 * revisions_close, which removes the worktree, also after Ctrl-C. */
struct revisions *revisions_open(const struct revisions_options *options, struct err *err)
    __attribute__((warn_unused_result));
void revisions_close(struct revisions *revisions);

const char *revisions_work(const struct revisions *revisions); /* an absolute path */

/* The commit that a name stands for. ERR_USAGE if there is none. */
bool revisions_find(const struct revisions *revisions, const char *name,
                    char commit[REVISION_BYTES], struct err *err)
    __attribute__((warn_unused_result));
/* "a1b2c3d run: the commit's subject"; in the arena, NULL on failure. */
const char *revisions_describe(const struct revisions *revisions, const char *commit,
                               struct arena *arena, struct err *err);
/* The commits of a range ("v1..main"), the oldest first, without those that merges brought in; or
 * those that are named, with spaces between them, in that order: every step-th and the last.
 * commits: [*n] in the arena. */
bool revisions_list(const struct revisions *revisions, const char *range, size_t step,
                    struct arena *arena, const char *const **commits, size_t *n, struct err *err)
    __attribute__((warn_unused_result));

/* Makes the worktree, or takes it to the commit with nothing changed in it. */
bool revisions_check_out(struct revisions *revisions, const char *commit, struct err *err)
    __attribute__((warn_unused_result));

/* The program of a commit, which is built unless it is there; in the arena. *program = NULL where
 * it cannot be built, which the log says: what the build said is kept in COMMIT.log. */
bool revisions_build(struct revisions *revisions, const char *commit, struct arena *arena,
                     const char **program, struct err *err) __attribute__((warn_unused_result));

/* `PROGRAM run CONFIG --db DB`, in the current folder. *is_done: whether it ended well; the log
 * says how it failed. */
bool revisions_measure(const struct revisions *revisions, const char *program, const char *config,
                       const char *db, bool *is_done, struct err *err)
    __attribute__((warn_unused_result));

/* Runs git at the worktree's top or, where that is not there, in the repository. What it printed
 * is in *output, without the last line break; *status: how it ended, which is no failure here. */
bool revisions_git(const struct revisions *revisions, const char *const *words, struct buf *output,
                   int *status, struct err *err) __attribute__((warn_unused_result));

#endif
