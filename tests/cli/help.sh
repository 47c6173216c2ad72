#!/bin/sh
# Every command has help with an example; the man page in docs/ is the one that the program prints; what is not there says so.
. "$(dirname "$0")/../support/cli.sh"

expect 0 "$PHIBENCH" --help
commands=$(sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p' stdout)
[ "$(echo "$commands" | wc -w)" -eq 30 ] || fail "not 30 commands: $commands"
for command in $commands; do
    expect 0 "$PHIBENCH" "$command" --help
    grep -q "^Usage: phibench $command" stdout || fail "$command --help has no usage"
    grep -q "^  .*phibench $command" stdout || fail "$command --help has no example"
    awk 'length($0) > 100 { exit 1 }' stdout || fail "$command --help has a line over 100 columns"
done

expect 0 "$PHIBENCH" help --man
sed 1d stdout >printed
sed 1d "$top/docs/phibench.1" >kept
cmp -s printed kept || fail "docs/phibench.1 is out of date: phibench help --man >docs/phibench.1"
if command -v man >/dev/null; then
    man --warnings -l "$top/docs/phibench.1" 2>warnings >page
    [ ! -s warnings ] || fail "man warns: $(head -n 3 warnings)"
fi

expect 2 "$PHIBENCH"
expect 0 "$PHIBENCH" --version
expect 2 "$PHIBENCH" rnu
message 'phibench: unknown command "rnu": did you mean run?'
expect 2 "$PHIBENCH" merge a b
message 'phibench: not supported yet: the command merge'
expect 2 "$PHIBENCH" generate --promt x
message 'phibench: generate: unknown option --promt: did you mean --prompt?'
expect 2 "$PHIBENCH" generate -p x
message 'phibench: generate needs a model: -m FILE.gguf or -m synth:tiny:q8_0'
expect 2 "$PHIBENCH" generate -m synth:tiny:q8_0 -p x --isa mmx
expect 1 sh -c '"$0" --help >/dev/full' "$PHIBENCH"
finish
