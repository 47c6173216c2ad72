#!/bin/sh
# The scripts that complete command lines name every command and option, do so in bash, and are read by zsh and fish where there are any.
. "$(dirname "$0")/../support/cli.sh"

for shell in bash zsh fish; do
    expect 0 "$PHIBENCH" help --completion $shell
    cp stdout "complete.$shell"
    for command in $("$PHIBENCH" help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p'); do
        grep -q "$command" "complete.$shell" || fail "$shell does not know $command"
        "$PHIBENCH" "$command" --help | sed -n 's/^  .*--\([a-z-]*\).*/\1/p' >options
        while read -r option; do
            grep -Eq -- "(--|-l )$option" "complete.$shell" || fail "$shell does not know --$option of $command"
        done <options
    done
    command -v $shell >/dev/null || {
        echo "SKIP: no $shell to read its script with"
        continue
    }
    expect 0 $shell -n "complete.$shell"
done

# complete WORDS...: what bash offers for the last of them.
complete() {
    bash -c '. ./complete.bash
        COMP_WORDS=(phibench "$@") COMP_CWORD=$#
        _phibench
        echo "${COMPREPLY[@]}"' bash "$@"
}
command -v bash >/dev/null && {
    [ "$(complete ga)" = gate ] || fail "ga: $(complete ga)"
    [ "$(complete help tok)" = tokenize ] || fail "help tok: $(complete help tok)"
    [ "$(complete run --dr)" = --dry-run ] || fail "run --dr: $(complete run --dr)"
    [ "$(complete report --dr)" = '' ] || fail "report --dr: $(complete report --dr)"
    [ "$(complete run co)" = '' ] || fail "names of files are the shell's: $(complete run co)"
}

for shell in '' tcsh; do
    expect 2 "$PHIBENCH" help --completion $shell
    message 'phibench: --completion takes a shell: bash, zsh or fish'
done

# make install puts them where the shells look.
make -s -o "$PHIBENCH" -C "$top" install DESTDIR="$work/root" prefix=/usr PROGRAM="$PHIBENCH" >install.log 2>&1 || fail "make install: $(cat install.log)"
for file in bash-completion/completions/phibench zsh/site-functions/_phibench fish/vendor_completions.d/phibench.fish; do
    [ -s "root/usr/share/$file" ] || fail "make install makes no $file"
done
cmp -s complete.bash root/usr/share/bash-completion/completions/phibench || fail "another script is installed"
finish
