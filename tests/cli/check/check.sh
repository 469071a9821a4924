#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `heapsnap run --check`: statuses, what is said and where, and who is asked.
#
#   check.sh HEAPSNAP LEAKY HOOKED

# shellcheck disable=SC2016 # the inner shell expands
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"
leaky=$2
hooked=$3
unset LSAN_OPTIONS HEAPSNAP_OPTIONS
check() {
    expected=$1
    shift
    try "$expected" "$heapsnap" run --check "$@"
}
silent() {
    [ ! -s "$work/err" ] || fail "it is not silent"
}
has() {
    grep -q -- "$1" "$work/err" || fail "the report has no '$1'"
}
has_not() {
    ! grep -q -- "$1" "$work/err" || fail "the report has '$1'"
}

echo '# no leaks: silent, the status of the program, and no file'
check 7 "$leaky" say
silent
[ "$(cat out)" = 'not flushed' ] || fail 'what was buffered is lost'
nothing_in .

echo '# leaks: the report, and a status of its own'
check 23 "$leaky" say small pair
[ "$(cat out)" = 'not flushed' ] || fail 'what was buffered is lost'
has '^==[0-9]*==ERROR: heapsnap: detected memory leaks$'
has '^Direct leak of 32 byte(s) in 1 object(s) allocated from:$'
has '^Indirect leak of 64 byte(s) in 1 object(s) allocated from:$'
has '^    #0 0x[0-9a-f]* in lose_small .*leaky.c:[0-9]*$'
has '^    #1 0x[0-9a-f]* in main .*leaky.c:[0-9]*$'
has '^SUMMARY: heapsnap: 107 byte(s) leaked in 3 allocation(s)\.$'
nothing_in .
check 9 --exit-code 9 "$leaky" small
check 7 --exit-code 0 "$leaky" small
has 'SUMMARY'

echo '# a snapshot when one is asked for'
check 23 -o leak.heapsnapshot "$leaky" small
has 'SUMMARY'
loads leak.heapsnapshot
check 7 -o clean.heapsnapshot "$leaky"
loads clean.heapsnapshot

echo '# ends that are not checked'
try 143 sh -c "\"$heapsnap\" run --check \"$leaky\" small term"
has_not heapsnap

echo '# kinds'
check 7 "$leaky" inside
silent
check 23 --leak-kinds definite,possible "$leaky" inside
has '^Possible leak of 40 byte(s)'
check 23 --leak-kinds reachable "$leaky" say
has '^Still reachable block of '
check 7 --leak-kinds possible "$leaky" small
try 2 "$heapsnap" run --check --leak-kinds some "$leaky"

echo '# suppressions of both sorts: what hangs from a suppressed block goes with it'
echo 'leak:lose_pair' >lsan.supp
printf '{\n  small ones\n  Memcheck:Leak\n  match-leak-kinds: definite\n  fun:malloc\n  fun:lose_small\n}\n' >valgrind.supp
check 23 --suppressions lsan.supp "$leaky" small pair
has 'SUMMARY: heapsnap: 11 byte(s) leaked in 1 allocation(s)'
has '^Suppressions used:$'
check 7 --suppressions lsan.supp --suppressions valgrind.supp "$leaky" small pair
has_not 'ERROR'
has '^      1         11 small ones$'
has '^      [12]  *[0-9]* lose_pair$'
printf 'leak:nobody\nleak:leaky.c\n' >file.supp
check 7 --suppressions file.supp --unused-suppressions "$leaky" small
has '^  nobody (.*/file.supp:1)$'
printf 'leak:leaky$\n' >module.supp
check 7 --suppressions module.supp "$leaky" small

echo '# suppressions with a mistake, or without a file: before the program has begun'
printf 'leak:a\nrace:b\n' >bad.supp
check 1 --suppressions bad.supp "$leaky" say
said "bad.supp:2: 'race:b' is no suppression"
[ ! -s out ] || fail 'the program has run'
check 1 --suppressions missing.supp "$leaky"
said 'missing.supp: No such file'

echo '# LSAN_OPTIONS'
LSAN_OPTIONS=exitcode=5 check 5 "$leaky" small
LSAN_OPTIONS=exitcode=5 check 6 --exit-code 6 "$leaky" small
LSAN_OPTIONS=detect_leaks=0 check 7 "$leaky" small
silent
LSAN_OPTIONS='suppressions=lsan.supp:print_suppressions=0' check 7 "$leaky" pair
silent
LSAN_OPTIONS="verbosity=0 suppressions='$work/lsan.supp'" check 7 "$leaky" pair
LSAN_OPTIONS=suppressions=bad.supp check 23 "$leaky"
said "bad.supp:2: 'race:b' is no suppression"
LSAN_OPTIONS=max_leaks=1 check 23 "$leaky" pair small
has '^The 1 top leak(s):$'
has_not 'Indirect'
LSAN_OPTIONS=log_path=log check 23 "$leaky" small
silent
grep -q SUMMARY log.* || fail 'no log'
LSAN_OPTIONS=leak_check_at_exit=0 check 7 "$leaky" small ask
[ "$(cat out)" = 'answer 1' ] || fail 'no answer'

echo '# the interface answers under --check only'
check 23 "$leaky" ask small
grep -q '^answer 0$' out || fail "not clean in the beginning: $(cat out)"
try 7 "$heapsnap" run --no-exit-snapshot "$leaky" small ask
grep -q '^answer 0$' out || fail 'checked without --check'

echo '# what the program itself says about checks'
check 31 "$hooked"
has 'SUMMARY: heapsnap: 13 byte(s) leaked in 1 allocation(s)'
has_not 'Suppressions'
LSAN_OPTIONS=exitcode=32 check 32 "$hooked"
check 0 "$hooked" off
silent

echo '# the report in a file, as JSON'
check 23 --report report.txt "$leaky" small
silent
grep -q '^SUMMARY' report.txt || fail 'no report'
check 23 --json --report report.json "$leaky" small pair
python3 - report.json <<'END' || fail 'the JSON is not as it should be'
import json, sys
report = json.load(open(sys.argv[1]))
assert (report["bytes"], report["count"]) == (107, 3), report
kinds = {leak["kind"]: leak["bytes"] for leak in report["leaks"]}
assert kinds["indirect"] == 64, kinds
frame = report["leaks"][0]["stack"][0]
assert frame["file"].endswith("leaky.c") and frame["line"] > 0, frame
assert frame["module"].endswith("/leaky"), frame
assert report["suppressions"] == []
END
check 7 --json "$leaky"
python3 -c 'import json, sys; assert json.load(sys.stdin)["leaks"] == []' <err \
    || fail 'no document without leaks'
check 1 --report /nowhere/report "$leaky"
said 'cannot write the report'

echo '# a program that closes stderr, and one that opens a file in its place'
check 23 "$leaky" small closed
has SUMMARY
check 23 "$leaky" small taken
has SUMMARY
[ ! -s taken ] || fail 'the report is in a file of the program'

echo '# exec and fork'
check 23 "$leaky" exec small
has 'SUMMARY: heapsnap: 11 byte(s)'
check 7 "$leaky" fork
grep -q '^child 0$' out || fail 'an unfollowed child was checked'
silent
check 7 --follow "$leaky" fork
grep -q '^child 23$' out || fail "the child was not checked: $(cat out)"
has 'SUMMARY: heapsnap: 11 byte(s)'
check 7 --follow "$leaky" thread fork
grep -q '^child 23$' out || fail "the child of a threaded program was not checked: $(cat out)"
has 'SUMMARY: heapsnap: 11 byte(s)'
check 23 sh -c 'exec "$0" small' "$leaky"

echo '# what goes together and what does not'
try 2 "$heapsnap" run --check --sample 512K "$leaky"
