/* test_bisect.c - which revision is found, in a made repository whose programs write a word where a
 * database would be, with a gate that reads it.
 *
 * tests/cli/bisect.sh does the same with real programs and the real gate.
 */
#include "harness/run/bisect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/child.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/support/test_folder.h"

/* Runs a script, which has to succeed. */
static void sh(const char *script)
{
    const char *const words[] = {"sh", "-ec", script, NULL};
    const struct child_command command = {.words = words, .joins_streams = true};
    struct child_end end;
    struct err err = {0};
    if (!child_run(&command, &end, &err) || !child_check(&end, script, &err))
        fail_msg("%s: %s", err.message, buf_string(&end.output));
    child_end_free(&end);
}

static const char MAKE_REPOSITORY[] =
    "export GIT_CONFIG_GLOBAL=/dev/null; git init -q -b main repository; cd repository;"
    "i=0; for word in $WORDS; do i=$((i + 1)); echo $word >word;"
    "  printf '#!/bin/sh\\necho %s >\"$4\"\\n[ %s != broken ]\\n' $word $word >program;"
    "  chmod +x program; echo $i >number; git add .;"
    "  git -c user.name=a -c user.email=a@b commit -q -m \"$i $word\"; git tag r$i; done";

/* The gate says what stands in the candidate, and judges by it. */
static const char GATE[] = "#!/bin/sh\nread word <\"$4\"; read base <\"$6\"\n"
                           "echo \"$2 $word against $base $7\"\n"
                           "case $word in good) echo PASS; exit 0 ;; bad) echo FAIL; exit 1 ;;\n"
                           "fault) exit 1 ;; esac\n"
                           "echo CANNOT TELL; exit 3\n";

static int set_up(void **state)
{
    if (test_enter_folder(state) != 0) return -1;
    return system("command -v git >/dev/null") == 0 ? 0 : -1;
}

/* What a search finds in a repository of revisions r1, r2 ... with these words. */
struct searched {
    struct arena *arena;
    struct revisions *revisions;
    struct bisect bisect;
    struct err err;
    bool is_done;
};

static struct searched search(const char *words, const char *good, const char *bad, bool is_strict)
{
    char script[1024];
    snprintf(script, sizeof script, "rm -rf repository; WORDS='%s'; %s", words, MAKE_REPOSITORY);
    sh(script);
    test_write_text("judge", GATE);
    sh("chmod +x judge");
    struct searched searched = {.arena = arena_new(0, NULL)};
    const struct revisions_options options = {.repository = "repository",
                                              .build = "[ \"$(cat word)\" != unbuilt ]",
                                              .program = "program"};
    searched.revisions = revisions_open(&options, &searched.err);
    if (!searched.revisions) fail_msg("%s", searched.err.message);
    char *judge = realpath("judge", NULL);
    const struct bisect_options wanted = {.good = good,
                                          .bad = bad,
                                          .gate = "gate.yaml",
                                          .config = "run.yaml",
                                          .judge = judge,
                                          .is_strict = is_strict};
    searched.is_done =
        bisect_run(searched.revisions, &wanted, searched.arena, &searched.bisect, &searched.err);
    free(judge);
    return searched;
}

static void end_search(struct searched *searched)
{
    revisions_close(searched->revisions);
    arena_free(searched->arena);
    sh("cd repository; [ \"$(git worktree list | wc -l)\" -eq 1 ]; [ -z \"$(git status "
       "--porcelain)\" ];"
       "[ \"$(git symbolic-ref HEAD)\" = refs/heads/main ]");
}

/* The commits that it may be are these revisions. */
static void assert_found(const struct searched *searched, const char *const *revisions, size_t n)
{
    if (!searched->is_done) fail_msg("%s", searched->err.message);
    assert_int_equal(searched->bisect.n_found, n);
    for (size_t i = 0; i < n; i++) {
        char commit[REVISION_BYTES];
        assert_true(revisions_find(searched->revisions, revisions[i], commit, NULL));
        assert_string_equal(searched->bisect.found[i], commit);
    }
}

static void the_first_revision_that_fails_is_found(void **state)
{
    (void)state;
    struct searched s = search("good good good good bad bad bad bad bad", "r1", "r9", false);
    assert_found(&s, (const char *[]){"r5"}, 1);
    assert_int_equal(s.bisect.n_skipped, 0);
    /* Both ends, and no more than three of the seven between them. */
    assert_true(s.bisect.n_steps <= 5);
    const struct bisect_step *step = bisect_step_of(&s.bisect, s.bisect.found[0]);
    assert_string_equal(step->said, "gate.yaml bad against good \nFAIL\n");
    end_search(&s);
    s = search("good bad", "r1", "r2", false);
    assert_found(&s, (const char *[]){"r2"}, 1);
    assert_int_equal(s.bisect.n_steps, 2);
    end_search(&s);
}

static void what_has_no_verdict_is_skipped(void **state)
{
    (void)state;
    struct searched s = search("good unbuilt good broken good vague bad bad", "r1", "r8", false);
    assert_found(&s, (const char *[]){"r6", "r7"}, 2);
    assert_true(s.bisect.n_skipped >= 1);
    end_search(&s);
    s = search("good unbuilt unbuilt bad", "r1", "r4", false);
    assert_found(&s, (const char *[]){"r2", "r3", "r4"}, 3);
    assert_int_equal(s.bisect.n_skipped, 2);
    end_search(&s);
    s = search("good good unbuilt good bad bad", "r1", "r6", false);
    assert_found(&s, (const char *[]){"r5"}, 1);
    end_search(&s);
}

static void assert_refused(const char *words, const char *good, const char *bad, enum err_code code,
                           const char *message)
{
    struct searched s = search(words, good, bad, false);
    assert_false(s.is_done);
    assert_int_equal(s.err.code, code);
    if (!strstr(s.err.message, message)) fail_msg("another message: %s", s.err.message);
    end_search(&s);
}

static void both_ends_are_tested_first(void **state)
{
    (void)state;
    assert_refused("bad good bad", "r1", "r3", ERR_INPUT,
                   "r1 does not pass this gate beside itself");
    assert_refused("vague good bad", "r1", "r3", ERR_INPUT, "it cannot tell");
    assert_refused("unbuilt good bad", "r1", "r3", ERR_INPUT,
                   "r1 cannot be the baseline: it does not build");
    assert_refused("good bad good", "r1", "r3", ERR_INPUT, "r3 passes");
    assert_refused("good bad", "r2", "r1", ERR_USAGE, "GOOD has to be an ancestor of BAD");
    assert_refused("good bad", "r1", "nothing", ERR_USAGE, "there is no revision nothing");
}

/* A gate that fails exits with 1 like one that says FAIL: it must not be taken for a verdict. */
static void a_gate_that_fails_is_no_verdict(void **state)
{
    (void)state;
    assert_refused("good good fault bad bad", "r1", "r5", ERR_IO, "the gate failed with status 1");
}

static void strictly_what_cannot_be_told_is_passed_on_to_the_gate(void **state)
{
    (void)state;
    struct searched s = search("good good bad", "r1", "r3", true);
    assert_found(&s, (const char *[]){"r3"}, 1);
    const struct bisect_step *step = bisect_step_of(&s.bisect, s.bisect.found[0]);
    assert_string_equal(step->said, "gate.yaml bad against good --strict\nFAIL\n");
    end_search(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_revision_that_fails_is_found),
        cmocka_unit_test(what_has_no_verdict_is_skipped),
        cmocka_unit_test(both_ends_are_tested_first),
        cmocka_unit_test(a_gate_that_fails_is_no_verdict),
        cmocka_unit_test(strictly_what_cannot_be_told_is_passed_on_to_the_gate),
    };
    return cmocka_run_group_tests(tests, set_up, test_leave_folder);
}
