# made_repository.sh - a git repository of a few revisions whose program is a script around $PHIBENCH, for tests of the
# commands that build revisions; sourced after cli.sh. Its program is `program`, built by `sh build.sh`.
command -v git >/dev/null || {
    echo 'SKIP: there is no git'
    exit 77
}
GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM PHIBENCH
unset GIT_DIR GIT_WORK_TREE
git init -q -b main repository

# revision SUBJECT OPTIONS [BUILD]: commits a program that calls `phibench COMMAND OPTIONS ...`, and how it is built.
revision() {
    printf '#!/bin/sh\ncommand=$1; shift\nexec "$PHIBENCH" "$command" %s "$@"\n' "$2" >repository/source
    printf '%s\n' "${3:-cp source program && chmod +x program}" >repository/build.sh
    echo "$1" >repository/subject
    git -C repository add source build.sh subject
    git -C repository -c user.name=a -c user.email=a@b commit -q -m "$1"
}
