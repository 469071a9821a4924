#!/bin/sh
# SPDX-License-Identifier: MIT
#
# An installed tree works wherever it is put: the tool finds its shim relative to itself,
# and a program outside can be compiled against the headers. Under the configured prefix the
# loader knows where the library is; elsewhere, as here, it has to be told.
#
#   install.sh BUILD PREFIX LIBDIR CC…
set -eu
build=$1
prefix=$2
libdir=$3
shift 3

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
meson install -C "$build" --no-rebuild --destdir "$root" >"$root/log" 2>&1 || {
    tail -n 20 "$root/log"
    exit 1
}
mv "$root$prefix" "$root/moved"

cat >"$root/program.c" <<'END'
#include <heapsnap/snapshot.h>
#include <stdio.h>
#include <stdlib.h>

static void *kept;

int main(int argc, char **argv)
{
    struct hs_snapshot *snapshot = NULL;
    struct hs_error err = {0};
    if (argc < 2)
        return (kept = calloc(1, 12345)) ? 0 : 1;
    if (hs_snapshot_load(argv[1], &snapshot, &err) != 0) {
        puts(err.text);
        return 1;
    }
    printf("%u nodes\n", snapshot->node_count);
    hs_snapshot_destroy(snapshot);
    return 0;
}
END
"$@" -g "$root/program.c" -o "$root/program" -I"$root/moved/include" \
    -L"$root/moved/$libdir" -lheapsnap -Wl,-rpath,"$root/moved/$libdir"

cd "$root"
"$root/moved/bin/heapsnap" run -o exit.heapsnapshot -- "$root/program"
[ -s exit.heapsnapshot ] || { echo 'the installed tool wrote no snapshot at exit'; exit 1; }
"$root/program" exit.heapsnapshot
"$root/moved/bin/heapsnap" summary exit.heapsnapshot >summary.txt
grep -q 'main (program.c:12)' summary.txt || {
    echo 'the summary does not name the line that allocated:'
    cat summary.txt
    exit 1
}
