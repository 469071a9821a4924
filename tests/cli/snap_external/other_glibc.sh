#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The walk of a heap against ground truth with other versions of glibc than this machine's:
# those of Debian 11 and 13, fetched into a folder, and a subject that is linked with them.
#
#   other_glibc.sh HEAPSNAP JUDGE CC…
. "$(dirname "$0")/../common.sh"
judge=$2
shift 2
cc=$*
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
mirror=${HEAPSNAP_DEBIAN_MIRROR:-http://deb.debian.org/debian}

skip() {
    echo "SKIPPED: other versions of glibc are not tested: $*" >&2
    exit 77
}

command -v mmdebstrap >/dev/null || skip 'mmdebstrap is not installed'

# test_with SUITE VERSION: libc and its headers unpacked into ./SUITE; nothing in it is run
# but libc itself.
test_with() {
    suite=$1
    version=$2
    mmdebstrap --variant=extract --include=libc6,libc6-dev,linux-libc-dev "$suite" \
        "$work/$suite" "$mirror" >"$work/err" 2>&1 || {
        tail -n 3 "$work/err" >&2
        skip "cannot fetch Debian's $suite from $mirror"
    }
    root=$work/$suite
    lib=$root/lib/x86_64-linux-gnu
    [ -d "$lib" ] || {
        ln -s usr/lib "$root/lib"
        [ -d "$root/lib64" ] || ln -s usr/lib64 "$root/lib64"
    }
    # Links in it lead to where it would be root.
    ln -sf "$lib/ld-linux-x86-64.so.2" "$root/lib64/ld-linux-x86-64.so.2" 2>/dev/null
    "$lib/ld-linux-x86-64.so.2" --library-path "$lib" "$lib/libc.so.6" | grep -q "version $version" \
        || fail "glibc of $suite is not $version"
    # shellcheck disable=SC2086 # a command with its arguments
    $cc --sysroot="$root" -B"$root/usr/lib/x86_64-linux-gnu" -L"$lib" \
        -L"$root/usr/lib/x86_64-linux-gnu" -O1 "$here/subject.c" -o "subject-$version" \
        -l:libpthread.so.0 -Wl,--dynamic-linker="$lib/ld-linux-x86-64.so.2" -Wl,-rpath,"$lib" \
        || fail "cannot link a program with glibc $version"

    for mode in rest churn churn churn; do
        echo "glibc $version, $mode"
        "$judge" "$work/subject-$version" $mode || fail "wrong with glibc $version, $mode"
    done
    rm -f table
    truncate -s 960008 table
    "$work/subject-$version" table rest 2000 &
    started="$started $!"
    until [ "$(od -An -td8 -N8 table)" -eq 6 ]; do sleep 0.1; done
    try 0 "$heapsnap" snap -o "$version.heapsnapshot" $!
    loads "$version.heapsnapshot"
    kill -KILL $!
    rm -rf "$root"
}

test_with bullseye 2.31
test_with trixie 2.41
exit 0
