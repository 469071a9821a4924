#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The shim comes into strangers' programs with nothing but the C library: each further
# library would enter the program's global scope, and libunwind there would take over
# the program's exceptions.
#
#   needed.sh SHIM PROGRAM      PROGRAM looks around from inside; see scope.c
set -eu

readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | {
    bad=0
    while read -r library; do
        case $library in
        libc.so.6 | ld-linux*.so.*) ;;
        *) echo "the shim needs $library; it may need only the C library"; bad=1 ;;
        esac
    done
    exit $bad
}
if readelf -d "$1" | grep -q TEXTREL; then
    echo 'the shim has relocations in its text'
    exit 1
fi

env -u HEAPSNAP_OPTIONS LD_PRELOAD="$1" "$2"
