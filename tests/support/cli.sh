# cli.sh - what the tests of the command line share; sourced, not run. Gives $work, an empty folder that looks like the
# repository (configs/ and models/ are links) and is the current one, and the checks below.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
ln -s "$top/configs" "$work/configs"
ln -s "$top/models" "$work/models"
PHIBENCH_DATA=${PHIBENCH_DATA:-$top/../shared/data}
export PHIBENCH_DATA
unset PHIBENCH_ISA
cd "$work" || exit 1
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# needs PROGRAM: without it the test cannot be made, and says so.
needs() {
    command -v "$1" >/dev/null && return
    echo "SKIP: no $1"
    exit 77
}

finish() {
    [ "$failures" -eq 0 ] || exit 1
    exit 0
}

# expect STATUS COMMAND...: runs it, output in $work/stdout and $work/stderr.
expect() {
    wanted=$1
    shift
    "$@" >stdout 2>stderr </dev/null
    status=$?
    [ "$status" -eq "$wanted" ] && return
    fail "status $status instead of $wanted: $*"
    tail -n 5 stderr
}

# message TEXT: the last command's error output is exactly that line.
message() {
    printf '%s\n' "$1" >wanted
    cmp -s wanted stderr && return
    fail "another message than wanted"
    diff wanted stderr
}

# message_has TEXT: the last command's error output has a line that contains TEXT.
message_has() {
    grep -qF -- "$1" stderr && return
    fail "no line with: $1"
    cat stderr
}

# wait_until COMMAND...: until it succeeds, ten seconds at most. Its output is not shown.
wait_until() {
    tries=0
    while [ $tries -lt 200 ] && ! "$@" >/dev/null 2>&1; do
        sleep 0.05
        tries=$((tries + 1))
    done
}

# rows_of DB: the newest run's rows, jobs, scores, speeds, items, responses and notes, in an order of their own. What one
# process computed of a job, and how fast, is not known of a job that two have worked on; numbers of runs and jobs count
# what was tried before.
rows_of() {
    "$PHIBENCH" export --db "$1" | sed -E -e 's/"(run|job)": ?[0-9]+/"\1":0/g' \
        -e 's/"(tokens_per_s|gb_per_s|gmac_per_s|percent_of_limit)": ?([-+0-9.e]+|null)/"\1":0/g' \
        -e 's/"(computed|computed_tokens|seconds|items_per_s)": ?([-+0-9.e]+|null)/"\1":0/g' | sort
}

# has_measured DB: whether a run has stored a speed.
has_measured() {
    "$PHIBENCH" export --db "$1" --table speed | grep -q '"prefill"'
}
