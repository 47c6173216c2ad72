#!/bin/sh
# The power fails at some dozens of moments, on a disk that loses what was not synced (tests/faults/power_cut.c): the
# store opens, `db check` finds nothing, and the same command goes on to the rows of a run that nobody disturbed. With
# durability: full nothing is lost whose commit was reported.
. "$(dirname "$0")/../support/cli.sh"
faults=$(dirname "$PHIBENCH")/tests/faults
n_cuts=${POWER_CUTS:-24}
cat >config.yaml <<END
models: [{id: tiny, path: "synth:tiny", quantizations: [q8_0, q4_0]}]
suites: [{mmlu: {data: models/demo-mmlu, shots: 0}}]
defaults: {threads: 1}
END

# with_disk AT SEED COMMAND...: under the disk, whose power fails at the AT-th write or sync.
with_disk() {
    at=$1 seed=$2
    shift 2
    env LD_PRELOAD="$faults/power_cut.so" POWER_CUT_FILES=/cut.db POWER_CUT_AT="$at" POWER_CUT_SEED="$seed" \
        POWER_CUT_COUNT="$work/count" ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" "$@"
}
rows() {
    "$PHIBENCH" export --db cut.db --table items | sed -E 's/"run": ?[0-9]+//' | sort
}
# opens: whether a database is there by now; then it has no faults.
opens() {
    [ -s cut.db ] || return
    "$PHIBENCH" db check cut.db >check 2>&1 && return
    grep -qx 'cut.db: this is no phibench database: it is empty' check && return 1
    fail "after the cut at $cut of $total ($durability):"
    cat check
}

for durability in normal full; do
    rm -f cut.db*
    with_disk 0 0 "$PHIBENCH" run config.yaml --db cut.db --set durability=$durability >stdout 2>stderr || fail 'the whole run'
    total=$(cat count)
    [ "$total" -gt 50 ] || fail "only $total writes and syncs were seen"
    rows >whole.rows
    n_opened=0 n_failed=0 i=1
    while [ $i -le $((n_cuts / 2)) ]; do
        cut=$((total * i / (n_cuts / 2 + 1) + 1))
        rm -f cut.db*
        with_disk $cut $i "$PHIBENCH" run config.yaml --db cut.db --set durability=$durability >stdout 2>stderr
        case $? in # answers that come faster are committed together, in fewer writes: the run can end before the cut
        137) n_failed=$((n_failed + 1)) ;;
        0) [ "$(cat count)" -lt "$cut" ] || fail "the power did not fail at $cut of $total" ;;
        *) fail "another end than by the power at $cut of $total" ;;
        esac
        if opens; then n_opened=$((n_opened + 1)); fi
        expect 0 "$PHIBENCH" run config.yaml --db cut.db --set durability=$durability
        opens || fail 'no database after the second run'
        rows | cmp -s whole.rows - || fail "other rows after the cut at $cut of $total ($durability)"
        i=$((i + 1))
    done
    [ $n_failed -gt $((n_cuts / 4)) ] || fail "the power failed at $n_failed moments alone"
    [ $n_opened -gt 3 ] || fail "only $n_opened cuts left a database"
done

# lost DURABILITY: how many of the reported answers are lost in all.
lost() {
    durability=$1 n_lost=0 i=1
    rm -f cut.db*
    with_disk 0 0 "$faults/write_answers" cut.db 40 "$durability" >reported || fail 'answers cannot be written'
    total=$(cat count)
    while [ $i -le "$n_cuts" ]; do
        cut=$((total * i / (n_cuts + 1) + 1))
        rm -f cut.db*
        with_disk $cut $i "$faults/write_answers" cut.db 40 "$durability" >reported
        [ $? -eq 137 ] || fail "the power did not fail at $cut of $total"
        if [ -s cut.db ]; then n_kept=$(rows 2>/dev/null | grep -c '"type"'); else n_kept=0; fi
        n_reported=$(wc -l <reported)
        if [ "$n_kept" -lt "$n_reported" ]; then n_lost=$((n_lost + n_reported - n_kept)); fi
        i=$((i + 1))
    done
}
lost full
[ $n_lost -eq 0 ] || fail "$n_lost reported answers are lost with durability: full"
lost normal
[ $n_lost -gt 0 ] || fail 'this disk loses nothing: the test of durability: full says nothing'

# A repair that is cut off leaves the database as it was or mended, and every copy whole.
if command -v sqlite3 >/dev/null; then
    rm -f cut.db*
    expect 0 "$PHIBENCH" run config.yaml --db cut.db
    mv cut.db whole.db
    sqlite3 whole.db 'PRAGMA foreign_keys = 0; DELETE FROM machine; DELETE FROM item WHERE id = 3; DELETE FROM score'
    cp whole.db cut.db
    with_disk 0 0 "$PHIBENCH" db check cut.db --repair >stdout || fail 'the whole repair'
    total=$(cat count) i=1
    while [ $i -le 8 ]; do
        cut=$((total * i / 9 + 1))
        rm -f cut.db*
        cp whole.db cut.db
        with_disk $cut $i "$PHIBENCH" db check cut.db --repair >stdout 2>stderr
        [ $? -eq 137 ] || fail "the power did not fail at $cut of $total of a repair"
        for copy in cut.db.before-repair*; do
            case $copy in *'*' | *.tmp-*) continue ;; esac
            [ "$(sqlite3 "$copy" 'PRAGMA quick_check; SELECT count(*) FROM machine')" = "$(printf 'ok\n0')" ] ||
                fail "the copy is not what the database was: $copy"
        done
        expect 0 "$PHIBENCH" db check cut.db --repair
        ls cut.db*.tmp-* 2>/dev/null && fail 'a file of the cut repair is left'
        i=$((i + 1))
    done
else
    echo 'SKIP: sqlite3 is not there to damage a database'
fi
finish
