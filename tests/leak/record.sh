#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Ask LeakSanitizer and Valgrind anew what they say of the programs here, and print the
# difference to what is stored; --write stores it.
#
#   record.sh [--write] SOURCE_ROOT
set -eu
write=
[ "$1" != --write ] || { write=1; shift; }
root=$(realpath "$1")
here=$root/tests/leak
for tool in gcc g++ valgrind; do
    command -v "$tool" >/dev/null || { echo "skip: $tool is not installed"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
names='blocks endings threads calls objects'
for name in $names; do
    source=$here/$name.c compiler=gcc standard=gnu11
    [ -f "$source" ] || { source=$here/$name.cc compiler=g++ standard=gnu++17; }
    for more in '' -fsanitize=leak; do
        suffix=${more:+_lsan}
        $compiler -std=$standard -D_GNU_SOURCE -g -O0 -fno-stack-protector -I "$root" $more "$source" -o "$work/leak_$name$suffix" \
            -pthread -ldl || { echo "skip: cannot compile with '$more'"; exit 77; }
    done
done
list() {
    for name in $names; do
        printf '%s\n' "$work/leak_$name$1"
    done
}
status=0
for tool in lsan valgrind; do
    suffix=
    [ $tool != lsan ] || suffix=_lsan
    # shellcheck disable=SC2046 # no blanks in these names
    /usr/bin/python3 "$here/compare.py" record $tool $(list "$suffix") >"$work/$tool.tsv"
    if [ "$write" ]; then
        cp "$work/$tool.tsv" "$here/golden/$tool.tsv"
    else
        diff -u "$here/golden/$tool.tsv" "$work/$tool.tsv" || status=1
    fi
done
exit $status
