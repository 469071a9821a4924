#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A tracked program of glibc executes one of musl: that gets the shim for musl where it lies
# beside ours, else none; either way it runs as if we were not there. A tracked program of
# musl's executes one of glibc: the other way round.
#
#   exec.sh HEAPSNAP SHIM MUSL-SAMPLE GLIBC-SAMPLE EXECUTES MUSL-EXECUTES

# shellcheck source=tests/support/absolute.sh
. "$(dirname "$0")/../../support/absolute.sh"
heapsnap=$1 shim=$2 of_musl=$3 of_glibc=$4 executes=$5 musl_executes=$6
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() {
    echo "FAIL: $*"
    exit 1
}

# run HEAPSNAP COMMAND…: leaves snapshots of all in snapshots/.
run() {
    tool=$1
    shift
    rm -rf snapshots
    mkdir snapshots
    "$tool" run --follow -d snapshots -- "$@" </dev/null >out 2>err || {
        cat err
        fail "$*: status $?"
    }
    printf 'warm\nworked\n' | cmp -s - out || fail "$*: other output"
}

# has PROGRAM: was it tracked?
has() {
    for file in snapshots/*.heapsnapshot; do
        "$heapsnap" summary --json "$file" 2>/dev/null \
            | grep -q "\"executable\": \".*/${1##*/}\"" && return 0
    done
    return 1
}

# A shell that forks, and each of the exec family, by path, by name and by descriptor;
# and children of posix_spawn.
PATH=$(dirname "$of_musl"):$(dirname "$of_glibc"):$PATH
run "$heapsnap" sh -c "$of_musl; exit \$?"
has "$of_musl" || fail 'the child of a shell was not tracked'
for way in execve execv execvp execvpe fexecve execl execlp execle posix_spawn \
    posix_spawnp; do
    run "$heapsnap" "$executes" $way "$of_musl"
    has "$of_musl" || fail "$way: not tracked"
    run "$heapsnap" "$musl_executes" $way "$of_glibc"
    has "$of_glibc" || fail "$way from musl: not tracked"
done

# A script stands for its interpreter.
printf '#!%s\n' "$of_musl" >script
chmod +x script
run "$heapsnap" "$executes" execve "$work/script"
has "$of_musl" || fail 'a script was not tracked'

# Without the shim for musl: what else is preloaded stays.
mkdir -p alone/tools alone/probes alone/libheapsnap
cp "$heapsnap" alone/tools/ && cp "$shim" alone/probes/ || exit 1
cp -a "$(dirname "$(dirname "$heapsnap")")"/libheapsnap/libheapsnap.so* alone/libheapsnap/
for way in execve posix_spawn; do
    run "$work/alone/tools/heapsnap" "$executes" $way "$of_musl"
    has "$of_musl" && fail "$way: tracked without a shim"
    [ -s err ] && fail "something was said: $(cat err)"
done
exit 0
