/* revisions.c - see revisions.h. In the folder: phibench-worktree, in which one revision is
 * built after the other, so that make keeps what did not change; and programs-HASH/COMMIT, HASH
 * being of the command that builds them.
 */
#include "harness/run/revisions.h"

#include "base/child.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/sha256.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_COMMITS = 1 << 16, SHORT_COMMIT = 7, BUILD_HASH = 8 };
static const char DEFAULT_PROGRAM[] = "build/release/phibench";

struct revisions {
    struct arena *arena;
    const struct log *log;
    const char *repository, *work, *tree, *programs; /* absolute, but for the first */
    const char *build, *program;
    bool is_temporary, has_tree;
};

/* ---- git ---- */

/* Without output, another status than 0 is a failure. */
static bool run_git(const char *folder, const char *const *words, struct buf *output, int *status,
                    struct err *err)
{
    struct child_end end;
    const struct child_command command = {.words = words, .folder = folder};
    bool ok = child_run(&command, &end, err);
    *status = end.status;
    if (ok && output) {
        size_t n = end.output.n_bytes;
        if (n && end.output.data[n - 1] == '\n') n--;
        buf_append(output, buf_string(&end.output), n);
        ok = buf_check(output, err);
    }
    if (ok && end.status && !output) ok = child_check(&end, "git", err);
    child_end_free(&end);
    return ok;
}

bool revisions_git(const struct revisions *revisions, const char *const *words, struct buf *output,
                   int *status, struct err *err)
{
    return run_git(revisions->has_tree ? revisions->tree : revisions->repository, words, output,
                   status, err);
}

/* git, which has to succeed. */
static bool do_git(const char *folder, const char *const *words, struct err *err)
{
    int status;
    return run_git(folder, words, NULL, &status, err);
}

/* What git prints, in the arena; NULL with an error if it fails. */
static const char *ask_git(const struct revisions *revisions, const char *const *words,
                           struct arena *arena, struct err *err)
{
    struct buf output = {.maximum = 16 << 20};
    int status;
    bool ok = run_git(revisions->repository, words, &output, &status, err) &&
              (!status ||
               err_set(err, ERR_USAGE, "git %s failed in %s", words[1], revisions->repository));
    const char *text = ok ? arena_string(arena, buf_string(&output), err) : NULL;
    buf_free(&output);
    return text;
}

/* ---- Opening and closing ---- */

/* Puts away what was made, whatever has happened; a fault is of no use to anybody. */
static void clean_up(const char *folder, const char *const *words)
{
    struct child_end end;
    const struct child_command command = {.words = words, .folder = folder, .is_cleanup = true};
    if (!child_run(&command, &end, NULL)) end.status = -1;
    child_end_free(&end);
}

static void remove_tree(const struct revisions *revisions)
{
    const char *const remove[] = {"git",     "worktree",      "remove", "--force",
                                  "--force", revisions->tree, NULL};
    const char *const prune[] = {"git", "worktree", "prune", NULL};
    if (file_exists(revisions->tree)) clean_up(revisions->repository, remove);
    if (file_exists(revisions->tree)) {
        const char *const words[] = {"rm", "-rf", "--", revisions->tree, NULL};
        clean_up(NULL, words);
    }
    clean_up(revisions->repository, prune);
}

static const char *make_temporary_folder(struct arena *arena, struct err *err)
{
    const char *parent = getenv("TMPDIR");
    char *name = arena_printf(arena, err, "%s/phibench-revisions-XXXXXX",
                              parent && *parent ? parent : "/tmp");
    if (!name || mkdtemp(name)) return name;
    err_set_errno(err, "cannot make the folder %s", name);
    return NULL;
}

/* The folder with its whole path. */
static const char *make_work_folder(const struct revisions *revisions, const char *work,
                                    struct err *err)
{
    const char *folder = work;
    if (!folder) folder = make_temporary_folder(revisions->arena, err);
    if (!folder || !file_make_folders(folder, err)) return NULL;
    char *whole = realpath(folder, NULL);
    if (!whole) {
        err_set_errno(err, "cannot find the folder %s", folder);
        return NULL;
    }
    const char *kept = arena_string(revisions->arena, whole, err);
    free(whole);
    return kept;
}

static const char *default_build(const struct revisions *revisions, int n_jobs, struct err *err)
{
    long n = n_jobs ? n_jobs : sysconf(_SC_NPROCESSORS_ONLN);
    return arena_printf(revisions->arena, err, "make -j%ld %s", n > 0 ? n : 1, revisions->program);
}

static bool set_up(struct revisions *revisions, const struct revisions_options *options,
                   struct err *err)
{
    struct arena *arena = revisions->arena;
    char hash[SHA256_HEX_BYTES];
    revisions->repository =
        arena_string(arena, options->repository ? options->repository : ".", err);
    revisions->program =
        arena_string(arena, options->program ? options->program : DEFAULT_PROGRAM, err);
    if (!revisions->repository || !revisions->program) return false;
    revisions->build = options->build ? arena_string(arena, options->build, err)
                                      : default_build(revisions, options->n_jobs, err);
    /* With what -j is asked for, the program is the same. */
    const char *recipe = arena_printf(arena, err, "%s\n%s",
                                      options->build ? options->build : "make", revisions->program);
    if (!revisions->build || !recipe || !sha256_text(recipe, hash, err)) return false;
    revisions->is_temporary = !options->work;
    revisions->work = make_work_folder(revisions, options->work, err);
    if (!revisions->work) return false;
    revisions->tree = arena_printf(arena, err, "%s/phibench-worktree", revisions->work);
    revisions->programs =
        arena_printf(arena, err, "%s/programs-%.*s", revisions->work, BUILD_HASH, hash);
    return revisions->tree && revisions->programs && file_make_folders(revisions->programs, err);
}

struct revisions *revisions_open(const struct revisions_options *options, struct err *err)
{
    static const char *const TOP[] = {"git", "rev-parse", "--git-dir", NULL};
    struct revisions *revisions = mem_new(1, sizeof *revisions, err);
    if (!revisions) return NULL;
    revisions->log = options->log;
    revisions->arena = arena_new(64 << 20, err);
    if (revisions->arena && set_up(revisions, options, err)) {
        if (ask_git(revisions, TOP, revisions->arena, err)) {
            remove_tree(revisions);
            return revisions;
        }
        if (err->code == ERR_USAGE)
            err_set(err, ERR_USAGE, "%s is in no git repository; --repository names one",
                    revisions->repository);
    }
    revisions_close(revisions);
    return NULL;
}

void revisions_close(struct revisions *revisions)
{
    if (!revisions) return;
    if (revisions->has_tree) remove_tree(revisions);
    if (revisions->is_temporary && revisions->work) {
        const char *const words[] = {"rm", "-rf", "--", revisions->work, NULL};
        clean_up(NULL, words);
    }
    arena_free(revisions->arena);
    free(revisions);
}

const char *revisions_work(const struct revisions *revisions)
{
    return revisions->work;
}

/* ---- Commits ---- */

bool revisions_find(const struct revisions *revisions, const char *name,
                    char commit[REVISION_BYTES], struct err *err)
{
    char spec[300];
    const char *const words[] = {"git", "rev-parse", "--verify", "--quiet", spec, NULL};
    struct buf output = {0};
    int status = 1;
    snprintf(spec, sizeof spec, "%s^{commit}", name);
    bool ok = *name == '-' || strlen(name) > 256 ||
              run_git(revisions->repository, words, &output, &status, err);
    if (ok && (status || !output.n_bytes || output.n_bytes >= REVISION_BYTES))
        ok = err_set(err, ERR_USAGE, "there is no revision %s in the repository", name);
    if (ok) snprintf(commit, REVISION_BYTES, "%s", buf_string(&output));
    buf_free(&output);
    return ok;
}

const char *revisions_describe(const struct revisions *revisions, const char *commit,
                               struct arena *arena, struct err *err)
{
    const char *const words[] = {"git", "log", "-1", "--format=%s", commit, "--", NULL};
    const char *subject = ask_git(revisions, words, arena, err);
    return subject ? arena_printf(arena, err, "%.*s %s", SHORT_COMMIT, commit, subject) : NULL;
}

/* The lines that stand for what is to be measured: what git prints for a range, or the commit of
 * each name between spaces, which may be there twice; NULL with an error. */
static const char *list_text(const struct revisions *revisions, const char *range,
                             struct arena *arena, struct err *err)
{
    const char *const words[] = {"git", "rev-list", "--reverse", "--first-parent",
                                 range, "--",       NULL};
    if (*range == '-') {
        err_set(err, ERR_USAGE, "%s is no range of revisions", range);
        return NULL;
    }
    if (!strchr(range, ' ')) return ask_git(revisions, words, arena, err);
    char *names = arena_string(arena, range, err), *rest = NULL, commit[REVISION_BYTES];
    struct buf text = {0};
    bool ok = names != NULL;
    for (char *name = ok ? strtok_r(names, " ", &rest) : NULL; ok && name;
         name = strtok_r(NULL, " ", &rest)) {
        ok = revisions_find(revisions, name, commit, err);
        buf_printf(&text, "%s%s", text.n_bytes ? "\n" : "", commit);
    }
    const char *kept =
        ok && buf_check(&text, err) ? arena_string(arena, buf_string(&text), err) : NULL;
    buf_free(&text);
    return kept;
}

bool revisions_list(const struct revisions *revisions, const char *range, size_t step,
                    struct arena *arena, const char *const **commits, size_t *n, struct err *err)
{
    size_t n_all = 1;
    *n = 0;
    const char *text = list_text(revisions, range, arena, err);
    if (!text) return err->code == ERR_USAGE ? err_context(err, "listing %s", range) : false;
    if (!*text) return err_set(err, ERR_USAGE, "there is no revision in the range %s", range);
    for (const char *c = text; *c; c++) n_all += *c == '\n';
    if (n_all > MAX_COMMITS)
        return err_set(err, ERR_USAGE, "there are %zu revisions in the range %s, at most %d", n_all,
                       range, MAX_COMMITS);
    const char **found = arena_alloc(arena, n_all, sizeof *found, err);
    for (size_t i = 0; found && i < n_all; i++) {
        size_t length = strcspn(text, "\n");
        if (i % step == 0 || i + 1 == n_all) {
            found[*n] = arena_copy(arena, text, length, err);
            if (!found[(*n)++]) return false;
        }
        text += length + 1;
    }
    *commits = found;
    return found != NULL;
}

/* ---- Building ---- */

bool revisions_check_out(struct revisions *revisions, const char *commit, struct err *err)
{
    const char *const add[] = {"git",      "worktree",      "add",  "--quiet", "--force",
                               "--detach", revisions->tree, commit, NULL};
    const char *const reset[] = {"git", "reset", "--quiet", "--hard", NULL};
    const char *const move[] = {"git", "checkout", "--quiet", "--force", "--detach", commit, NULL};
    if (revisions->has_tree)
        return do_git(revisions->tree, reset, err) && do_git(revisions->tree, move, err);
    revisions->has_tree = true; /* or a part of it */
    return do_git(revisions->repository, add, err);
}

/* Copies the built program to its place, whole or not at all. */
static bool keep_program(const struct revisions *revisions, const char *program, struct err *err)
{
    char *built = file_join(revisions->tree, revisions->program, err);
    char *copy = built ? arena_printf(revisions->arena, err, "%s.new", program) : NULL;
    const char *const words[] = {"cp", "-f", "--", built, copy, NULL};
    const struct child_command command = {.words = words};
    struct child_end end = {0};
    bool ok = copy && child_run(&command, &end, err) && child_check(&end, "cp", err);
    if (ok && rename(copy, program)) ok = err_set_errno(err, "cannot make %s", program);
    child_end_free(&end);
    free(built);
    return ok;
}

static bool is_built(const struct revisions *revisions, struct err *err)
{
    char *built = file_join(revisions->tree, revisions->program, err);
    bool is_there = built && access(built, X_OK) == 0 && !file_is_folder(built);
    free(built);
    return is_there;
}

/* Builds what the worktree stands at; *is_done if the program is there. */
static bool build(const struct revisions *revisions, const char *commit, bool *is_done,
                  struct err *err)
{
    const char *const words[] = {"sh", "-c", revisions->build, NULL};
    const struct child_command command = {
        .words = words, .folder = revisions->tree, .joins_streams = true};
    struct child_end end;
    struct err why = {0};
    bool ok = child_run(&command, &end, err);
    *is_done = ok && child_check(&end, "the build", &why) && is_built(revisions, &why);
    if (ok && !*is_done) {
        char *path = arena_printf(revisions->arena, err, "%s/%s.log", revisions->work, commit);
        ok = path && file_write(path, buf_string(&end.output), end.output.n_bytes, err);
        log_warning(revisions->log, "%.*s does not build: %s", SHORT_COMMIT, commit,
                    why.code ? why.message : "there is no program after it");
    }
    child_end_free(&end);
    return ok;
}

bool revisions_build(struct revisions *revisions, const char *commit, struct arena *arena,
                     const char **program, struct err *err)
{
    bool is_done = false;
    const char *path = arena_printf(arena, err, "%s/%s", revisions->programs, commit);
    *program = path;
    if (!path || file_exists(path)) return path != NULL;
    const char *description = revisions_describe(revisions, commit, arena, err);
    if (!description) return false;
    log_info(revisions->log, "building %s", description);
    bool ok = revisions_check_out(revisions, commit, err) &&
              build(revisions, commit, &is_done, err) &&
              (!is_done || keep_program(revisions, path, err));
    if (!is_done) *program = NULL;
    return ok;
}

/* ---- Measuring ---- */

bool revisions_measure(const struct revisions *revisions, const char *program, const char *config,
                       const char *db, bool *is_done, struct err *err)
{
    const char *const words[] = {program, "run", config, "--db", db, NULL};
    const struct child_command command = {.words = words, .joins_streams = true};
    struct child_end end;
    struct err why = {0};
    bool ok = child_run(&command, &end, err);
    *is_done = ok && child_check(&end, "the run", &why);
    if (ok && !*is_done)
        log_warning(revisions->log, "%.*s: %s", SHORT_COMMIT, file_name(program), why.message);
    child_end_free(&end);
    return ok;
}
