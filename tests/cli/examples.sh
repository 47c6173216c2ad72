#!/bin/sh
# Every example of every command's help runs; README shows the same ones.
. "$(dirname "$0")/../support/cli.sh"

mkdir bin
ln -s "$top/tests" tests # folders of models
ln -s "$PHIBENCH" bin/phibench
PATH=$work/bin:$PATH

# bisect is shown in a repository of two revisions, of which the second drops BOS.
if command -v git >/dev/null; then
    GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
    export GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM PHIBENCH
    git init -q
    printf '%s\n' 'build/release/phibench: source' '	mkdir -p build/release && cp source $@ && chmod +x $@' >Makefile
    for revision in v1: 'v2:--set models.0.bos=never'; do
        printf '#!/bin/sh\ncommand=$1; shift\nexec "$PHIBENCH" "$command" %s "$@"\n' "${revision#*:}" >source
        git add Makefile source
        git -c user.name=a -c user.email=a@b commit -q -m "${revision%%:*}"
        git tag "${revision%%:*}"
    done
fi

"$PHIBENCH" --help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p' >commands
while read -r command; do
    phibench "$command" --help | sed -n '/^Examples*:$/,$p' | sed -n 's/^  //p'
done <commands >examples
sed -n '/<!-- examples -->/,/<!-- end -->/s/^    //p' "$top/README.md" >shown
diff examples shown || fail "README shows other examples than the commands' help"

while read -r example; do
    case $example in *' bisect '*) command -v git >/dev/null || { echo 'SKIP: there is no git' && continue; } ;; esac
    sh -c "$example" >stdout 2>stderr </dev/null || {
        fail "$example"
        tail -n 5 stderr
    }
    [ -s stdout ] || fail "printed nothing: $example"
done <examples
finish
