/* bisect.c - see bisect.h.
 *
 * git's state of a bisection is a worktree's own, so that the user's checkout knows nothing of it.
 * Databases lie in the folder of the programs: baseline.db, and COMMIT.db of each revision, made
 * anew each time.
 */
#include "harness/run/bisect.h"

#include "base/child.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { SHORT_COMMIT = 7, GATE_PASSES = 0, GATE_FAILS = 1, GATE_CANNOT_TELL = 3 };

struct search {
    struct revisions *revisions;
    const struct bisect_options *options;
    struct arena *arena;
    struct bisect *bisect;
    struct bisect_step *steps;
    size_t capacity;
    const char *baseline; /* database */
};

/* ---- A revision's verdict ---- */

static const char *db_of(const struct search *search, const char *name, struct err *err)
{
    return arena_printf(search->arena, err, "%s/%s.db", revisions_work(search->revisions), name);
}

/* Removes a database of an earlier call with what SQLite and the runner keep beside it. */
static bool remove_db(const char *db, struct err *err)
{
    static const char *const ENDINGS[] = {"", "-wal", "-shm", "-journal", "-runs"};
    for (size_t i = 0; i < COUNT_OF(ENDINGS); i++) {
        char path[4200];
        snprintf(path, sizeof path, "%s%s", db, ENDINGS[i]);
        if (unlink(path) && errno != ENOENT) return err_set_errno(err, "cannot remove %s", path);
    }
    return true;
}

/* Builds a commit and runs the configuration into a new database. *why says what kept it from
 * that, NULL: nothing. */
static bool measure(struct search *search, const char *commit, const char *db, const char **why,
                    struct err *err)
{
    const char *program;
    bool is_done;
    *why = NULL;
    if (!remove_db(db, err) ||
        !revisions_build(search->revisions, commit, search->arena, &program, err))
        return false;
    if (!program) {
        *why = "it does not build";
        return true;
    }
    log_info(search->options->log, "measuring %.*s", SHORT_COMMIT, commit);
    if (!revisions_measure(search->revisions, program, search->options->config, db, &is_done, err))
        return false;
    if (!is_done) *why = "the configuration does not run with it";
    return true;
}

static bool read_verdict(int status, const char *said, bool is_strict, enum bisect_verdict *verdict)
{
    if (status == GATE_PASSES) *verdict = BISECT_GOOD;
    /* A gate that failed to judge exits with 1 as well, but has no such word for it. */
    else if (status == GATE_FAILS && (is_strict || strstr(said, "FAIL"))) *verdict = BISECT_BAD;
    else if (status == GATE_CANNOT_TELL) *verdict = BISECT_SKIPPED;
    else return false;
    return true;
}

/* Lets the gate judge a database. */
static bool judge(struct search *search, const char *db, struct bisect_step *step, struct err *err)
{
    const struct bisect_options *options = search->options;
    const char *const words[] = {options->judge,
                                 "gate",
                                 options->gate,
                                 "--candidate",
                                 db,
                                 "--baseline",
                                 search->baseline,
                                 options->is_strict ? "--strict" : NULL,
                                 NULL};
    const struct child_command command = {.words = words};
    struct child_end end;
    bool ok = child_run(&command, &end, err);
    step->said = ok ? arena_string(search->arena, buf_string(&end.output), err) : NULL;
    ok = step->said != NULL;
    if (ok && !read_verdict(end.status, step->said, options->is_strict, &step->verdict)) {
        if (child_check(&end, "the gate", err))
            err_set(err, ERR_IO, "the gate ended with no verdict");
        ok = false;
    }
    child_end_free(&end);
    return ok;
}

/* Builds, measures and judges a commit, and adds the step to the search's. */
static bool test(struct search *search, const char *commit, enum bisect_verdict *verdict,
                 struct err *err)
{
    static const char *const WORDS[] = {"passes", "fails", "is skipped"};
    struct bisect_step step = {.commit = arena_string(search->arena, commit, err),
                               .verdict = BISECT_SKIPPED};
    const char *db = db_of(search, commit, err);
    if (!step.commit || !db || !measure(search, commit, db, &step.said, err)) return false;
    if (!step.said && !judge(search, db, &step, err))
        return err_context(err, "judging %.*s", SHORT_COMMIT, commit);
    if (!arena_grow(search->arena, (void **)&search->steps, &search->capacity,
                    search->bisect->n_steps + 1, sizeof step, err))
        return false;
    search->steps[search->bisect->n_steps++] = step;
    search->bisect->steps = search->steps;
    search->bisect->n_skipped += step.verdict == BISECT_SKIPPED;
    *verdict = step.verdict;
    log_info(search->options->log, "%.*s %s", SHORT_COMMIT, commit, WORDS[step.verdict]);
    return true;
}

const struct bisect_step *bisect_step_of(const struct bisect *bisect, const char *commit)
{
    for (size_t i = 0; i < bisect->n_steps; i++)
        if (!strcmp(bisect->steps[i].commit, commit)) return &bisect->steps[i];
    return NULL;
}

/* ---- Both ends ---- */

static bool test_good(struct search *search, const char *commit, struct err *err)
{
    enum bisect_verdict verdict;
    const char *why;
    search->baseline = db_of(search, "baseline", err);
    if (!search->baseline || !measure(search, commit, search->baseline, &why, err)) return false;
    if (why)
        return err_set(err, ERR_INPUT, "%s cannot be the baseline: %s", search->options->good, why);
    if (!test(search, commit, &verdict, err)) return false;
    if (verdict == BISECT_GOOD) return true;
    return err_set(err, ERR_INPUT, "%s does not pass this gate beside itself: %s",
                   search->options->good,
                   verdict == BISECT_BAD ? "its margins are too narrow for what it measures"
                                         : "it cannot tell, by what it measures");
}

static bool test_bad(struct search *search, const char *commit, struct err *err)
{
    enum bisect_verdict verdict;
    const char *name = search->options->bad;
    if (!test(search, commit, &verdict, err)) return false;
    if (verdict == BISECT_GOOD)
        return err_set(err, ERR_INPUT, "%s passes: there is nothing to be found", name);
    if (verdict == BISECT_SKIPPED)
        return err_set(err, ERR_INPUT, "whether %s fails is not known: %s", name,
                       bisect_step_of(search->bisect, commit)->said);
    return true;
}

static bool check_order(struct search *search, const char *good, const char *bad, struct err *err)
{
    const char *const words[] = {"git", "merge-base", "--is-ancestor", good, bad, NULL};
    struct buf nothing = {0};
    int status = 0;
    bool ok = revisions_git(search->revisions, words, &nothing, &status, err);
    buf_free(&nothing);
    if (ok && (status || !strcmp(good, bad)))
        ok = err_set(err, ERR_USAGE, "%s is not made from %s: GOOD has to be an ancestor of BAD",
                     search->options->bad, search->options->good);
    return ok;
}

/* ---- The search ---- */

/* The first line of what git says goes to the log: how much is left. */
static bool tell_git(struct search *search, const char *const *words, int *status, struct err *err)
{
    struct buf output = {0};
    bool ok = revisions_git(search->revisions, words, &output, status, err);
    const char *text = buf_string(&output);
    if (ok && *status == 0 && *text)
        log_info(search->options->log, "git: %.*s", (int)strcspn(text, "\n"), text);
    buf_free(&output);
    return ok;
}

static bool find_head(struct search *search, char commit[REVISION_BYTES], struct err *err)
{
    static const char *const HEAD[] = {"git", "rev-parse", "HEAD", NULL};
    struct buf output = {0};
    int status;
    bool ok = revisions_git(search->revisions, HEAD, &output, &status, err) &&
              (!status || err_set(err, ERR_IO, "git cannot tell what is checked out"));
    snprintf(commit, REVISION_BYTES, "%s", buf_string(&output));
    buf_free(&output);
    return ok;
}

/* git is done when it stays at a revision that was tested, or has skipped ones left alone, which it
 * tells by its status. */
static bool ask_git(struct search *search, const char *good, const char *bad, struct err *err)
{
    static const char *const WORDS[] = {"good", "bad", "skip"};
    static const char *const RESET[] = {"git", "reset", "--quiet", "--hard", NULL};
    const char *const start[] = {"git", "bisect", "start", bad, good, NULL};
    char commit[REVISION_BYTES];
    int status;
    bool ok = revisions_check_out(search->revisions, bad, err) &&
              tell_git(search, start, &status, err) &&
              (!status || err_set(err, ERR_IO, "git bisect start failed with status %d", status));
    while (ok && (ok = find_head(search, commit, err)) && !bisect_step_of(search->bisect, commit)) {
        enum bisect_verdict verdict;
        ok = test(search, commit, &verdict, err);
        const char *const answer[] = {"git", "bisect", ok ? WORDS[verdict] : "skip", NULL};
        ok = ok && tell_git(search, RESET, &status, err) && tell_git(search, answer, &status, err);
        if (status) break;
    }
    return ok;
}

/* What is neither known to pass nor behind what is known to fail. */
static bool list_found(struct search *search, struct err *err)
{
    static const char *const LEFT[] = {
        "git", "rev-list", "--reverse", "refs/bisect/bad", "--not", "--glob=refs/bisect/good-*",
        NULL};
    struct buf output = {0};
    const char **found = NULL;
    size_t n = 0, capacity = 0;
    int status;
    bool ok = revisions_git(search->revisions, LEFT, &output, &status, err) &&
              (!status || err_set(err, ERR_IO, "git rev-list failed with status %d", status));
    for (const char *line = buf_string(&output); ok && *line; line += *line == '\n') {
        size_t length = strcspn(line, "\n");
        ok = arena_grow(search->arena, (void **)&found, &capacity, n + 1, sizeof *found, err) &&
             (found[n++] = arena_copy(search->arena, line, length, err));
        line += length;
    }
    buf_free(&output);
    search->bisect->found = found;
    search->bisect->n_found = n;
    return ok;
}

bool bisect_run(struct revisions *revisions, const struct bisect_options *options,
                struct arena *arena, struct bisect *bisect, struct err *err)
{
    char good[REVISION_BYTES], bad[REVISION_BYTES];
    struct search search = {
        .revisions = revisions, .options = options, .arena = arena, .bisect = bisect};
    *bisect = (struct bisect){.arena = arena};
    return revisions_find(revisions, options->good, good, err) &&
           revisions_find(revisions, options->bad, bad, err) &&
           check_order(&search, good, bad, err) && test_good(&search, good, err) &&
           test_bad(&search, bad, err) && ask_git(&search, good, bad, err) &&
           list_found(&search, err);
}
