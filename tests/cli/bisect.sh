#!/bin/sh
# bisect with real programs and the real gate: the revision that drops BOS is found, past one that does not build, and
# named with what the gate says of it; both ends are tested first; and nothing is left behind.
. "$(dirname "$0")/../support/cli.sh"
. "$top/tests/support/made_repository.sh"

cat >run.yaml <<'END'
models: [{id: tiny, path: "synth:tiny", quantizations: [q8_0]}]
suites: [{mmlu: {data: models/demo-mmlu, protocol: hendrycks, shots: 0, limit: 1}}]
defaults: {threads: 1}
END
cat >gate.yaml <<'END'
baseline: main
run: run.yaml
margins: {score: 100}
END
revision 'the first' ''
revision 'nothing' '--threads 2'
revision 'does not build' '' 'exit 1'
revision 'still well' ''
revision 'engine: drop BOS' '--set models.0.bos=never'
revision 'docs: a word' '--set models.0.bos=never --threads 2'
revision 'docs: another' '--set models.0.bos=never'
bad=$(git -C repository rev-parse --short=7 HEAD~2)
bisect="bisect --repository repository --program program --gate gate.yaml --work kept"

# shellcheck disable=SC2086
{
    expect 0 "$PHIBENCH" $bisect --build 'sh build.sh' HEAD~6 HEAD
    sed -n 1p stdout | grep -qx "first revision that fails: $bad engine: drop BOS" || fail 'another revision'
    grep -q '^    FAIL: ' stdout || fail "the gate's verdict is not told"
    grep -q '^    .*prompts' stdout || fail "the gate's lines are not told"
    tail -n 1 stdout | grep -qE '^[456] revisions were tested, [01] of them skipped$' || fail 'another count'
    [ ! -e kept/phibench-worktree ] || fail 'a worktree is left'

    # The second call builds nothing again.
    expect 1 "$PHIBENCH" $bisect --build 'sh build.sh' HEAD~6 HEAD~3
    message_has 'HEAD~3 passes: there is nothing to be found'
    [ "$(grep -c ' building ' stderr)" -le 1 ] || fail 'what was built is built again'
    grep -q '^    PASS: ' stdout || fail "the gate's words for BAD are not told"

    expect 2 "$PHIBENCH" $bisect HEAD HEAD~6
    message_has 'HEAD~6 is not made from HEAD: GOOD has to be an ancestor of BAD'
    expect 2 "$PHIBENCH" bisect --repository repository HEAD~1 HEAD
    message_has '--gate GATE.yaml'
    sed -i '/^run:/d' gate.yaml
    expect 2 "$PHIBENCH" $bisect HEAD~1 HEAD
    message 'gate.yaml: bisect needs the key run: the configuration that each revision runs'
}
[ "$(git -C repository worktree list | wc -l)" -eq 1 ] || fail 'a worktree is left'
[ "$(git -C repository symbolic-ref HEAD)" = refs/heads/main ] || fail 'the checkout was moved'
[ -z "$(git -C repository status --porcelain)" ] || fail 'the checkout was changed'
finish
