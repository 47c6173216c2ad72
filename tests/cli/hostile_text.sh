#!/bin/sh
# Text that a terminal would obey: shown as escapes in messages, tables and a report's files; a generation only on a
# terminal, since a pipe gets the text itself.
. "$(dirname "$0")/../support/cli.sh"

esc=$(printf '\033')
hostile="x${esc}[31m"

# has_no_escape FILE...: no ESC byte in them.
has_no_escape() {
    ! grep -q "$esc" "$@" || fail "an escape sequence came through: $*"
}

expect 1 "$PHIBENCH" inspect "$hostile.gguf"
message_has 'x\x1b[31m.gguf'
has_no_escape stderr
expect 2 "$PHIBENCH" "$hostile"
has_no_escape stderr

# A prompt without a continuation shows what was asked.
expect 0 "$PHIBENCH" generate -m synth:tiny:q8_0 -n 0 -p "$hostile"
printf '%s\n' "$hostile" | cmp -s - stdout || fail 'a pipe did not get the text itself'
if command -v script >/dev/null; then
    SHELL=/bin/sh script -qec "'$PHIBENCH' generate -m synth:tiny:q8_0 -n 0 -p '$hostile'" /dev/null \
        </dev/null >shown 2>&1 || fail 'no terminal'
    grep -qF 'x\x1b[31m' shown || fail 'a terminal did not get the escapes'
    has_no_escape shown
else
    echo 'SKIP the terminal: no program script'
fi

# A model's name in every form of a report.
cat >names.yaml <<'END'
name: "=run \e[1m"
models:
  - {id: "=m|\e[31m\u202e<b>", path: "synth:tiny:q8_0"}
suites:
  - mmlu: {data: models/demo-mmlu, protocol: lm-eval, shots: 0, limit: 2}
report: {out: report}
END
expect 0 "$PHIBENCH" run names.yaml --db names.db
grep -qF '=m|\x1b[31m\u202e<b>' stdout || fail 'the table does not show the name'
has_no_escape stdout stderr report/index.html report/report.md report/charts/*.[dgs]*
grep -qF "'=m|" report/scores.csv || fail 'a formula in scores.csv'
grep -qF '=m\|\\x1b\[31m\\u202e\<b>' report/report.md || fail 'the name is not escaped in Markdown'
for command in runs show audit; do
    expect 0 "$PHIBENCH" $command $([ $command = audit ] && echo names.yaml) --db names.db
    has_no_escape stdout stderr
done

# Names that gnuplot could take for its own.
for name in "'tis" "''" "it's" '"q"' 'a\' '`x`' '@y {/Bold z}_^~&'; do
    printf '%s\n' "$name" | sed 's/\\/\\\\/g; s/"/\\"/g; s|.*|models: [{id: "&", path: "synth:tiny:q8_0"}]|' >quote.yaml
    cat >>quote.yaml <<'END'
name: quote
suites:
  - mmlu: {data: models/demo-mmlu, protocol: lm-eval, shots: 0, limit: 1}
report: {out: quote}
END
    expect 0 "$PHIBENCH" run quote.yaml --db quote.db
    ! grep -q "could not be drawn" stderr || fail "a chart of the model $name could not be drawn"
    [ -s quote/charts/scores-mmlu-lm-eval-0-shot.png ] || fail "no chart of the model $name"
done
finish
