#!/bin/sh
# history --measure: revisions are built apart from the checkout, kept in the folder that is asked for, and measured, the
# oldest first; what does not build or run is told and left out; and nothing is left behind, also after Ctrl-C.
. "$(dirname "$0")/../support/cli.sh"
. "$top/tests/support/made_repository.sh"

cat >speed.yaml <<'END'
name: speed
models: [{id: tiny, path: "synth:tiny:q4_0"}]
suites: [{throughput: {prompt: [8], generate: [4], batch: [1], threads: [1], repeat: 1}}]
END
revision 'the first' ''
revision 'the second' ''
revision 'does not build' '' 'echo no such header; exit 3'
revision 'does not run' '--no-such-option'
revision 'the last' ''
broken=$(git -C repository rev-parse HEAD~2) unfit=$(git -C repository rev-parse --short=7 HEAD~1)
measure="history --repository repository --program program --run speed.yaml --metric speed"

# shellcheck disable=SC2086
{
    expect 0 "$PHIBENCH" $measure --build 'sh build.sh' --work kept --db a.db --measure HEAD~4..HEAD
    message_has "building $(git -C repository rev-parse --short=7 HEAD~3) the second"
    message_has "$(echo "$broken" | cut -c1-7) does not build: the build failed with status 3: no such header"
    message_has "$unfit: the run failed with status 2"
    message_has '2 of 4 revisions were measured'
    grep -qx 'no such header' "kept/$broken.log" || fail "what the build said is not kept"
    grep -qE '^ *1 +decode 4 after 8, tiny q4_0, 1 thread +1 ' stdout || fail "nothing is shown"
    [ "$("$PHIBENCH" history --db a.db --metric speed -o csv | tail -n 1 | cut -d, -f18)" -eq 2 ] || fail "not two runs"

    expect 0 "$PHIBENCH" $measure --build 'sh build.sh' --work kept --db b.db --measure HEAD~4..HEAD --step 2
    [ "$(grep -c ' building ' stderr)" -eq 0 ] || fail "what was built is built again"
    message_has '2 of 3 revisions were measured'

    expect 0 "$PHIBENCH" $measure --build 'sh build.sh' --work kept --db b.db --measure 'HEAD HEAD~3 HEAD'
    message_has "measuring $(git -C repository rev-parse --short=7 HEAD), 3 of 3"

    expect 2 "$PHIBENCH" $measure --measure HEAD..HEAD
    message_has 'there is no revision in the range HEAD..HEAD'
    expect 2 "$PHIBENCH" $measure --measure nothing..HEAD
    expect 2 "$PHIBENCH" history --measure HEAD~1..HEAD
    message_has '--measure needs what to run: --run CONFIG'
    expect 2 "$PHIBENCH" $measure --repository / --measure HEAD~1..HEAD
    message_has '/ is in no git repository; --repository names one'
    expect 1 "$PHIBENCH" $measure --build false --db c.db --measure HEAD~1..HEAD
    message_has 'no revision of HEAD~1..HEAD could be built and run'

    # A build that takes long is ended by Ctrl-C with all that it started; nothing is left of it.
    mkdir temporary
    TMPDIR=$work/temporary "$PHIBENCH" $measure --build 'touch $PWD/../begun; sleep 60; :' --db c.db \
        --measure HEAD~1..HEAD >stdout 2>stderr </dev/null &
    job=$!
    has_begun() { ls temporary/*/begun; }
    wait_until has_begun
    kill -TERM $job
    wait $job
    [ $? -eq 130 ] || fail "another status after a signal"
}
is_gone() { [ -z "$(ls temporary)" ]; }
wait_until is_gone
is_gone || fail "left behind: $(ls temporary)"
[ "$(git -C repository worktree list | wc -l)" -eq 1 ] || fail "a worktree is left"
[ -z "$(git -C repository status --porcelain)" ] || fail "the checkout was changed"
[ ! -e kept/phibench-worktree ] || fail "a worktree is left in the folder"
finish
