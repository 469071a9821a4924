#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What cannot be done is said in one line: status 2 for a wrong command, 1 for a wrong file.

. "$(dirname "$0")/common.sh"

expect_refusal() {
    expect_status "$1"
    expect_err "$2"
    [ ! -s "$files/out" ] || fail 'stdout is not empty'
}

run "$heapsnap" summary
expect_refusal 2 'which file?'
run "$heapsnap" summary "$after" "$after"
expect_refusal 2 'one file at a time'
run "$heapsnap" summary --top many "$after"
expect_refusal 2 "'many' is no number of rows"
run "$heapsnap" summary --json --csv "$after"
expect_refusal 2 'exclude each other'
run "$heapsnap" diff "$before"
expect_refusal 2 'two snapshots are needed'
run "$heapsnap" diff "$before" "$after" --by colour
expect_refusal 2 "'colour' is none of class, site, module"
run "$heapsnap" diff "$before" "$after" --threshold much
expect_refusal 2 "'much' is no threshold"

one_line() {
    expect_refusal 1 "$1"
    [ "$(wc -l <"$files/err")" -eq 1 ] || fail 'one line on stderr'
}

run "$heapsnap" summary "$files/nothing"
one_line 'No such file or directory'
run "$heapsnap" summary "$files"
one_line 'is a directory'
head -c 5000 "$after" >"$files/cut"
run "$heapsnap" summary "$files/cut"
one_line 'byte 5000: the file ends here'
run "$heapsnap" diff "$before" "$files/cut"
one_line 'byte 5000: the file ends here'
run "$heapsnap" summary "$0"
one_line 'is it a heap snapshot?'

printf 'BZh91AY&SY' >"$files/packed"
run "$heapsnap" summary "$files/packed"
one_line 'it is compressed; unpack it first'
gzip -c "$after" | head -c 2000 >"$files/packed"
run "$heapsnap" summary "$files/packed"
one_line 'the packed file ends too early'

# What never ends is not read to its end.
run timeout 10 sh -c 'ulimit -v 1000000; exec "$0" summary /dev/zero' "$heapsnap"
one_line 'is it a heap snapshot?'
run timeout 10 sh -c 'yes "" | (ulimit -v 1000000; exec "$0" summary /dev/stdin)' "$heapsnap"
one_line 'is it a heap snapshot?'
run "$heapsnap" summary /dev/null
one_line 'there is nothing in it'

# A full disk behind stdout is no success.
"$heapsnap" summary "$after" >/dev/full 2>"$files/err"
status=$?
: >"$files/out"
one_line 'cannot print'
