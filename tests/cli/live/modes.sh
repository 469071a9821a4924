#!/bin/sh
# SPDX-License-Identifier: MIT
#
# How much of a program is tracked: all, a sample, or nothing for the time being; and what
# is said when the tables are full.

# shellcheck disable=SC2016 # the inner shell expands
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"
known=$4 switched=$5

# fact FILE KEY: a value of the snapshot's own words about itself.
fact() {
    python3 -c 'import json, sys
value = json.load(open(sys.argv[1]))["snapshot"]["heapsnap"].get(sys.argv[2])
print(value if value is not None else "none")' "$1" "$2"
}

# near WHAT VALUE TRUTH PERCENT
near() {
    awk -v value="$2" -v truth="$3" -v most="$4" \
        'BEGIN { off = (value / truth - 1) * 100; exit off > most || off < -most }' \
        || fail "$1 is $2, and should be about $3"
}

await_line() {
    tries=0
    until grep -q "$2" "$1" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || fail "no '$2' in $1: $(cat "$1")"
        sleep 0.1
    done
}

# ---- sampled: five standard deviations are 13 % of the bytes and 20 % of the blocks ----

try 0 "$heapsnap" run --sample 64K --totals -o sample.heapsnapshot -- "$known"
read -r blocks bytes _ ever <out
near 'the estimate of live bytes' "$(fact sample.heapsnapshot live_bytes)" "$bytes" 15
near 'the estimate of live blocks' "$(fact sample.heapsnapshot live_blocks)" "$blocks" 30
near 'what was ever allocated' "$(fact sample.heapsnapshot allocated_bytes)" "$ever" 15
sampled=$(fact sample.heapsnapshot sampled_blocks)
[ "$sampled" -lt $((blocks / 20)) ] || fail "$sampled of $blocks blocks were recorded"
[ "$(fact sample.heapsnapshot sample_rate)" -eq 65536 ] || fail 'the rate is not said'
[ "$(fact sample.heapsnapshot lost_blocks)" = none ] || fail 'a sample knows what is lost'
try 0 "$heapsnap" summary sample.heapsnapshot
grep -q '^sampled, one in about 65536 bytes' out || fail "$(cat out)"
try 2 "$heapsnap" run --sample 0 -- true
try 2 "$heapsnap" run --sample much -- true

# One sample point a byte is every block, and the numbers are exact.
try 0 "$heapsnap" run --sample 1 -o all.heapsnapshot -- "$known"
near 'every byte a sample point' "$(fact all.heapsnapshot live_bytes)" "$bytes" 0.1

# ---- totals ----

try 0 "$heapsnap" run --totals -o totals.heapsnapshot -- "$known"
near 'what was ever allocated' "$(fact totals.heapsnapshot allocated_bytes)" "$ever" 0.1
grep -q "get (known.c:.* — 200000 live, 20.0 MB; 200000 ever, 20.0 MB" totals.heapsnapshot || fail 'no site with its total'
try 0 "$heapsnap" summary totals.heapsnapshot
grep -q '^allocated in all: ' out || fail "$(cat out)"
try 0 "$heapsnap" run -o plain.heapsnapshot -- "$known"
[ "$(fact plain.heapsnapshot allocated_bytes)" = none ] || fail 'totals without --totals'

# ---- limits: the program runs on, and the snapshot says what is missing ----

try 0 "$heapsnap" run --memory 200K -o small.heapsnapshot -- "$known"
[ "$(cat out)" = "$blocks $bytes 484000 $ever" ] || fail "the program printed $(cat out)"
[ "$(grep -c '^heapsnap: the tables of process .* are full' err)" -eq 1 ] || fail "$(cat err)"
grep -q 'memory= is the limit' err || fail "$(cat err)"
[ "$(fact small.heapsnapshot records_dropped)" -gt 0 ] || fail 'nothing was dropped'
try 0 "$heapsnap" summary small.heapsnapshot
grep -q '^incomplete: [0-9]* blocks were not recorded' out || fail "$(cat out)"
grep -q '^incomplete: the tables were limited to 204800 bytes' out || fail "$(cat out)"
try 0 "$heapsnap" run --memory 40K --totals -o tiny.heapsnapshot -- \
    /usr/bin/python3 -c 'import json, mmap, os
f, m = open("/etc/passwd"), mmap.mmap(-1, 1 << 20)
os._exit(0)'
try 0 "$heapsnap" summary tiny.heapsnapshot
for lost in 'blocks were' 'stacks were' 'handles were' 'mappings were' 'allocations are'; do
    grep -q "^incomplete: [0-9]* $lost not" out || fail "no word of $lost: $(cat out)"
done
try 0 "$heapsnap" run --memory 4K -o none.heapsnapshot -- "$known"
said 'not tracking: no memory for the tables'
try 0 "$heapsnap" run --memory 64M -o enough.heapsnapshot -- "$known"
[ "$(fact enough.heapsnapshot limits)" = '[]' ] || fail "$(fact enough.heapsnapshot limits)"
[ -s err ] && fail "$(cat err)"

# ---- track= leaves out what it does not name, the heap never ----

for list in heap mmap fd mmap,fd heap,fd; do
    try 0 "$heapsnap" run --track "$list" -o track.heapsnapshot -- \
        /usr/bin/python3 -c 'import mmap, os
f, m = open("/etc/passwd"), mmap.mmap(-1, 1 << 20)
os._exit(0)'
    case $list in *fd*) [ "$(fact track.heapsnapshot handles)" -gt 0 ] ;;
    *) [ "$(fact track.heapsnapshot handles)" -eq 0 ] ;; esac || fail "descriptors with $list"
    case $list in *mmap*) [ "$(fact track.heapsnapshot mappings)" -gt 0 ] ;;
    *) [ "$(fact track.heapsnapshot mappings)" -eq 0 ] ;; esac || fail "mappings with $list"
    [ "$(fact track.heapsnapshot live_blocks)" -gt 100 ] || fail "no heap with $list"
done

# ---- dormant: nothing is recorded until somebody attaches ----

try 0 "$heapsnap" run --dormant -o never.heapsnapshot -- "$known"
[ ! -e never.heapsnapshot ] || fail 'a snapshot of nothing'
said 'never.heapsnapshot is not written: tracking is off'
[ "$(wc -l < err)" -eq 1 ] || fail "$(cat err)"
try 0 "$heapsnap" run --dormant -- "$known"
[ ! -s err ] || fail "$(cat err)"

"$heapsnap" run --dormant --no-exit-snapshot -- "$switched" >program.out 2>program.err &
program=$!
started="$started $program"
await_line program.out ready
"$heapsnap" ls | grep -q "^ *$program .* dormant " || fail "$("$heapsnap" ls)"
"$heapsnap" ls --json | grep -q '"dormant": true' || fail "$("$heapsnap" ls --json)"
try 1 "$heapsnap" snap "$program"
said "is dormant; turn tracking on with: heapsnap attach $program"
try 1 "$heapsnap" watch --threshold 1M "$program"
said 'is dormant'
try 0 "$heapsnap" attach "$program"
grep -q "^process $program: tracking is now on" out || fail "$(cat out)"
try 0 "$heapsnap" attach "$program"
grep -q 'was already on' out || fail "$(cat out)"
try 0 "$heapsnap" snap -o on.heapsnapshot "$program"
[ "$(fact on.heapsnapshot live_blocks)" -lt 5000 ] || fail 'older blocks are there'
try 0 "$heapsnap" detach "$program"
"$heapsnap" ls | grep -q "^ *$program .* dormant " || fail "$("$heapsnap" ls)"
try 1 "$heapsnap" snap "$program"
said 'is dormant'

# A hundred times under eight threads that allocate; a snapshot now and then.
turn=0
while [ "$turn" -lt 100 ]; do
    turn=$((turn + 1))
    try 0 "$heapsnap" attach "$program"
    if [ $((turn % 25)) -eq 0 ]; then
        try 0 "$heapsnap" snap -o "turn.heapsnapshot" "$program"
        loads turn.heapsnapshot
    fi
    try 0 "$heapsnap" detach "$program"
done
memory=$(awk '/^RssAnon/ { print $2 }' "/proc/$program/status")
[ "$memory" -lt 30000 ] || fail "$memory kB are left after the last detach"
kill -TERM "$program"
wait "$program"
[ $? -eq 143 ] || fail 'the program did not end as it should'
[ ! -s program.err ] || fail "$(cat program.err)"

# By a signal; born dormant, sampled when awake.
"$heapsnap" run --dormant --switch USR1 --sample 4K --no-exit-snapshot -v -- "$switched" \
    >program.out 2>program.err &
program=$!
started="$started $program"
await_line program.out ready
kill -USR1 "$program"
await_line program.err "tracking of process $program is on"
try 0 "$heapsnap" snap -o signal.heapsnapshot "$program"
[ "$(fact signal.heapsnapshot sample_rate)" -eq 4096 ] || fail 'not sampled when awake'
kill -USR1 "$program"
await_line program.err "tracking of process $program is off"
try 1 "$heapsnap" snap "$program"
said 'is dormant'
kill -TERM "$program"
wait "$program"

# Somebody else's program.
sleep 60 &
started="$started $!"
try 1 "$heapsnap" attach $!
said 'is not tracked; start it with: heapsnap run --.*--dormant'
try 2 "$heapsnap" attach
try 2 "$heapsnap" detach nobody
