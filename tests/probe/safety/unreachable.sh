#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Provokes: "Static binaries: LD_PRELOAD impossible", musl, and "setuid/AT_SECURE: ld.so
# drops us; CLI must say so". Each is one line that says what to do, and the program is
# not started, or runs untracked as if we were not there.

# shellcheck source=tests/probe/safety/common.sh
. "$(dirname "$0")/common.sh"

cat >small.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    free(malloc(10));
    printf("uid %d %d preload %s\n", (int)getuid() == (int)geteuid(), argc,
           getenv("LD_PRELOAD") ? "there" : "gone");
    fflush(stdout);
    if (argc > 1)
        sleep(20);
    return 5;
}
C

# One that lies alone, without the shim for musl.
mkdir -p alone/tools alone/probes alone/libheapsnap
cp "$heapsnap" alone/tools/ && cp "$shim" alone/probes/ || exit 1
cp -a "$(dirname "$(dirname "$heapsnap")")"/libheapsnap/libheapsnap.so* alone/libheapsnap/

# refuses PROGRAM WORDS: `heapsnap run` does not start it, and says why in one line.
refuses() {
    title=$1
    "$heapsnap" run -d snapshots -- "$1" >tracked.out 2>tracked.err
    [ $? -eq 1 ] || fail "$title: run did not end with 1"
    [ ! -s tracked.out ] || fail "$title: it was started"
    [ "$(wc -l <tracked.err)" -eq 1 ] || fail "$title: not one line"
    grep -q "^heapsnap: .*$2" tracked.err || fail "$title: '$2' is not said"
}

gcc -static -o static small.c && refuses ./static 'static binary'

if command -v musl-gcc >/dev/null; then
    whole=$heapsnap heapsnap=$work/alone/tools/heapsnap
    musl-gcc -o of-musl small.c && refuses ./of-musl 'another C library (musl).*musl-tools'
    heapsnap=$whole
    musl-gcc -static -o static-musl small.c && refuses ./static-musl 'static binary'
    # Left alone it runs untracked, and its heap is not one that can be walked.
    title='snap of a musl program'
    ./of-musl wait >/dev/null &
    started=$!
    "$heapsnap" snap "$started" >tracked.out 2>tracked.err && fail "$title: it succeeded"
    grep -q '^heapsnap: .*linked with musl.*start it with: heapsnap run' tracked.err \
        || fail "$title: no reason"
else
    echo 'note: no musl-gcc here'
fi

# Set-id: of a copy that another user owns. The loader drops the preload.
gcc -o small small.c || exit 1
if [ "$(id -u)" -eq 0 ]; then
    # Nobody may read the build tree, whatever the permissions above it are.
    build=$(dirname "$(dirname "$heapsnap")")
    mkdir -p build/tools build/probes build/libheapsnap
    cp "$heapsnap" build/tools/ && cp "$shim" build/probes/ || exit 1
    cp -a "$build"/libheapsnap/libheapsnap.so* build/libheapsnap/
    heapsnap=$work/build/tools/heapsnap
    shim=$work/build/probes/$(basename "$shim")
    nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
    chmod 755 .
    cp small set-id
    chmod 4755 set-id
    title='a set-id program'
    $nobody "$heapsnap" run -d snapshots -- ./set-id >tracked.out 2>tracked.err
    [ $? -eq 1 ] || fail "$title: run did not end with 1"
    grep -q '^heapsnap: .*set-id or has capabilities' tracked.err || fail "$title: no reason"
    cp small capable
    if setcap cap_net_raw+ep capable 2>/dev/null; then
        title='a program with capabilities'
        $nobody "$heapsnap" run -d snapshots -- ./capable >tracked.out 2>tracked.err
        [ $? -eq 1 ] || fail "$title: run did not end with 1"
        grep -q '^heapsnap: .*set-id or has capabilities' tracked.err \
            || fail "$title: no reason"
        # Whoever preloads by hand, into a shell: its own children are as without us.
        # shellcheck disable=SC2086 # words
        same "$title, by hand" : $nobody sh -c "LD_PRELOAD= ./capable; ./capable; ./set-id"
    else
        echo 'note: no file capabilities here'
    fi
fi
end
