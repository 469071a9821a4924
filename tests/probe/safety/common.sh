# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # who sources this uses the names
#
# What the tests of this folder share that are written for the shell. Sourced with the
# shim, the tool and a program as $1, $2 and $3.
#
#   same TITLE SETTING COMMAND…
#
# runs COMMAND bare and tracked, each in a subshell in which SETTING was evaluated before:
# standard output and exit status must be the same, and what the shim says on stderr must
# be at most one line, which is kept in $said. Set $expected to a pattern that line must
# match, or to '-' when there must be none. A SETTING may set $more, options that begin
# with a colon.

set -u
export LC_ALL=C

# shellcheck source=tests/support/absolute.sh
. "$(dirname "$0")/../../support/absolute.sh"
shim=$1 heapsnap=$2 program=$3
work=$(mktemp -d "${TMPDIR:-/tmp}/heapsnap-safety.XXXXXX") || exit 1
started=
clean_up() {
    for pid in $started; do
        kill -KILL "$pid" 2>/dev/null
    done
    cd /
    chmod -R u+w "$work" 2>/dev/null
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
mkdir snapshots
chmod 777 . snapshots

failures=0
fail() {
    echo "FAIL: $*"
    [ ! -s tracked.err ] || sed 's/^/    stderr: /' tracked.err | head -n 10
    failures=$((failures + 1))
}

# Standard output goes through a pipe: a limit on files is not about it.
run_one() { # run_one NAME PRELOAD SETTING COMMAND…
    name=$1 preload=$2 setting=$3
    shift 3
    {
        (
            unset LD_PRELOAD more
            eval "$setting"
            if [ -n "$preload" ]; then
                HEAPSNAP_OPTIONS=follow=0:snapshot=exit:dir=$work/snapshots${more:-}
                LD_PRELOAD=$preload
                export HEAPSNAP_OPTIONS LD_PRELOAD
            fi
            exec "$@"
        ) 2>&3 3>&- </dev/null
        echo "status $?"
    } 3>"$name.err" | cat >"$name.out"
}

expected=-
same() {
    title=$1
    shift
    run_one bare '' "$@"
    case $(tail -n 1 bare.out) in
    'status 12'[567]) fail "$title: the bare command cannot be run: $(cat bare.err)" ;;
    esac
    run_one tracked "$shim" "$@"
    cmp -s bare.out tracked.out || fail "$title: $(diff bare.out tracked.out | head -n 6)"
    said=$(grep '^heapsnap: ' tracked.err)
    [ "$(grep -v '^heapsnap: ' tracked.err)" = "$(cat bare.err)" ] \
        || fail "$title: stderr differs beyond what the shim says"
    [ "$(grep -c '^heapsnap: ' tracked.err)" -le 1 ] || fail "$title: more than one line"
    case $expected in
    -) [ -z "$said" ] || fail "$title: nothing should be said" ;;
    *) echo "$said" | grep -Eq -- "$expected" || fail "$title: does not say '$expected'" ;;
    esac
}

# Is the snapshot of the last run there, and the only one? It is removed.
has_snapshot() {
    set -- snapshots/*.heapsnapshot
    if [ ! -e "$1" ] || [ $# -ne 1 ]; then
        fail "$title: no snapshot at exit"
        return
    fi
    "$heapsnap" summary "$1" >summary.out 2>&1 || fail "$title: its snapshot does not load"
    rm -f snapshots/*
}

end() {
    [ "$failures" -eq 0 ]
    exit
}
