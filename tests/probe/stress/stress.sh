#!/bin/sh
# SPDX-License-Identifier: MIT
#
# stress.sh SECONDS HEAPSNAP SHIM STRESS JUDGE PLUGIN PLUGIN
#
# The stress program under the shim, with snapshots every second from inside and from
# outside; at its end the table of blocks must be the program's own ledger. When a thread
# makes no step for 60 seconds or more (STRESS_PATIENCE looks), all stacks are printed.
set -u

# shellcheck source=tests/support/absolute.sh
. "$(dirname "$0")/../../support/absolute.sh"
seconds=$1 heapsnap=$2 shim=$3 stress=$4 STRESS_JUDGE=$5
shift 5
patience=${STRESS_PATIENCE:-60}
folder=$(mktemp -d "${TMPDIR:-/tmp}/heapsnap-stress.XXXXXX") || exit 1
program=
clean_up() {
    [ -z "$program" ] || kill -KILL "$program" 2>/dev/null
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM
cd "$folder" || exit 1

fail() {
    echo "FAIL: $*"
    tail -n 20 program.err 2>/dev/null
    cat verdict 2>/dev/null
    exit 1
}

export STRESS_LEDGER="$folder/ledger" STRESS_VERDICT="$folder/verdict" \
    STRESS_HELPER="$heapsnap" STRESS_PID_FILE="$folder/pid"
mkdir snapshots
env LD_PRELOAD="$shim" \
    HEAPSNAP_OPTIONS="snapshot=exit:every=1:dir=$folder/snapshots:helper=$STRESS_JUDGE${STRESS_OPTIONS:-}" \
    "$stress" "$seconds" progress ledger "$@" >program.out 2>program.err &
program=$!
echo "$program" >pid

# What each of the 12 threads has done and for how many looks that is so, one a line;
# fails when one has done nothing for too long.
look_at_steps() {
    [ -s progress ] || return 0
    touch ages
    od -An -v -t u8 -w8 -N 96 progress | awk -v limit="$patience" '
        FILENAME == "ages" { steps[FNR] = $1; age[FNR] = $2; next }
        { old = (FNR in steps) && steps[FNR] == $1 ? age[FNR] + 1 : 0
          print $1, old
          hangs += old >= limit }
        END { exit hangs > 0 }' ages - >ages.new
    found=$?
    mv ages.new ages
    return "$found"
}

has_hung() {
    echo "a thread has made no step for $patience looks (steps, looks):"
    cat ages
    gdb -p "$program" -batch -ex 'set pagination off' -ex 'thread apply all bt 25' 2>&1
    kill -ABRT "$program"
    fail "the program hangs"
}

# A snapshot a second; those the program takes itself meanwhile are counted and removed.
taken=0 written=0
: >refusals
while kill -0 "$program" 2>/dev/null; do
    if "$heapsnap" snap -o outside.heapsnapshot "$program" >/dev/null 2>>refusals; then
        taken=$((taken + 1))
        [ $((taken % 20)) -ne 1 ] || "$heapsnap" summary outside.heapsnapshot >/dev/null \
            || fail "a snapshot does not load"
    fi
    for file in snapshots/*.heapsnapshot; do
        [ -e "$file" ] && written=$((written + 1)) && mv "$file" last.heapsnapshot
    done
    look_at_steps || has_hung
    sleep 1
done
wait "$program"
status=$?
program=
for file in snapshots/*.heapsnapshot; do
    [ -e "$file" ] && written=$((written + 1)) && mv "$file" last.heapsnapshot
done

awk '{ n = NR <= 8 ? 1 : NR; sum[n] += $1 }
    END { printf "%d steps of the workers, %d children, %d and %d times a library, %d times threads\n",
              sum[1], sum[9], sum[10], sum[11], sum[12] * 4 }' ages
echo "$taken snapshots from outside ($(wc -l <refusals) refused), $written from inside"
sort refusals | sed 's/[0-9][0-9]*/N/g' | uniq -c | sort -rn | head -5
sort program.err | uniq -c | sort -rn | head -20
cat verdict
[ "$status" -eq 0 ] || fail "the program ended with $status"
grep -q '^0 missing, 0 extra, 0 of another size, 0 with another stack, 0 without a stack$' verdict \
    || fail "the table is not the ledger"
[ "$taken" -gt 0 ] && [ "$written" -gt 0 ] || fail "no snapshots were taken"
[ ! -s program.err ] || fail "something was said on stderr"
"$heapsnap" summary last.heapsnapshot >/dev/null || fail "the last snapshot does not load"
