#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Programs that everybody has, none of them written for this: `run --check` and Valgrind name
# the same number of lost bytes and blocks, and the program does what it does without.
#
#   programs.sh HEAPSNAP
set -u
heapsnap=$(realpath "$1")
command -v valgrind >/dev/null || { echo 'skip: valgrind is not installed'; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset LSAN_OPTIONS HEAPSNAP_OPTIONS
failed=0 compared=0

# "BYTES BLOCKS" of both reports.
of_valgrind() {
    sed -n 's/,//g; s/.*\(definitely\|indirectly\) lost: \([0-9]*\) bytes in \([0-9]*\) blocks.*/\2 \3/p' "$1" \
        | awk '{ bytes += $1; blocks += $2 } END { print bytes + 0, blocks + 0 }'
}
of_heapsnap() {
    sed -n 's/^SUMMARY: heapsnap: \([0-9]*\) byte(s) leaked in \([0-9]*\) .*/\1 \2/p' "$1" \
        | grep . || echo 0 0
}

compare() {
    command -v "$1" >/dev/null || { echo "$1 is not installed"; return; }
    valgrind --leak-check=full --undef-value-errors=no --log-file=valgrind.log "$@" \
        >bare 2>bare.err </dev/null
    status=$?
    "$heapsnap" run --check --exit-code 0 --report report -- "$@" >checked 2>checked.err </dev/null
    checked=$?
    theirs=$(of_valgrind valgrind.log)
    ours=$(of_heapsnap report)
    compared=$((compared + 1))
    echo "$1: $ours by heapsnap, $theirs by valgrind"
    if [ "$ours" != "$theirs" ] || [ $checked -ne $status ] || ! cmp -s bare checked \
        || ! cmp -s bare.err checked.err; then
        echo "FAIL: $* (status $checked, without a check $status)"
        diff bare.err checked.err | head -5
        failed=1
    fi
}

echo 'int main(void) { return 0; }' >x.c
compare gcc -c x.c -o x.o
compare "$(gcc -print-prog-name=cc1)" -quiet x.c -o x.s
compare git init -q repository
compare git -C repository status --short
compare sqlite3 :memory: 'create table t(a, b); insert into t values (1, 2); select * from t;'
compare sort /etc/passwd
compare tar cf /dev/null /etc/ssl
# shellcheck disable=SC2016 # perl expands
compare perl -e 'my %h; $h{$_} = 1 for 1..1000; print scalar keys %h'
PYTHONMALLOC=malloc compare /usr/bin/python3 -c 'import json; print(json.dumps([1]))'
compare ls /usr/bin
compare grep -c root /etc/passwd
compare openssl version
[ $compared -gt 5 ] || { echo 'too few of them are installed'; failed=1; }
exit $failed
