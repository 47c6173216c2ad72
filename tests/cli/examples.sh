#!/bin/sh
# Every example of every command's help runs; README shows the same ones.
. "$(dirname "$0")/../support/cli.sh"

mkdir bin
ln -s "$top/tests" tests # folders of models
ln -s "$PHIBENCH" bin/phibench
PATH=$work/bin:$PATH

"$PHIBENCH" --help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p' >commands
while read -r command; do
    phibench "$command" --help | sed -n '/^Examples*:$/,$p' | sed -n 's/^  //p'
done <commands >examples
sed -n '/<!-- examples -->/,/<!-- end -->/s/^    //p' "$top/README.md" >shown
diff examples shown || fail "README shows other examples than the commands' help"

while read -r example; do
    sh -c "$example" >stdout 2>stderr </dev/null || {
        fail "$example"
        tail -n 5 stderr
    }
    [ -s stdout ] || fail "printed nothing: $example"
done <examples
finish
