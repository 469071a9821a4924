#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A sample linked with musl: its first comment's verdict between two `heapsnap snap`, and the
# snapshot at its end by LD_PRELOAD alone, with names of functions and exact sizes.
#
#   sample.sh HEAPSNAP SHIM SAMPLE SOURCE VERDICT.MJS

heapsnap=$1
shim=$2
sample=$3
source=$4
verdict=$5

fail() {
    echo "FAIL: $*"
    exit 1
}

node "$verdict" "$heapsnap" "$sample" "$source" || fail 'not the verdict'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
snapshot=$work/exit.heapsnapshot
# Only the sample is of musl; a glibc program must not get this preload.
(
    export HEAPSNAP_OPTIONS="helper=$heapsnap:snapshot=exit:file=$snapshot"
    export LD_PRELOAD="$shim"
    exec "$sample" </dev/null >"$work/out"
) || fail 'the sample did not end well'
printf 'warm\nworked\n' | cmp -s - "$work/out" || fail 'other output'
[ -s "$snapshot" ] || fail 'no snapshot at exit'
"$heapsnap" summary --json "$snapshot" >"$work/summary" || fail 'no summary'

# expect BLOCKS BYTES FUNCTION: so many at the end, all allocated there.
expect() {
    grep -q "\"live_blocks\": $1," "$work/summary" || fail "not $1 live blocks"
    grep -q "\"live_bytes\": $2," "$work/summary" || fail "not $2 live bytes"
    grep -q "\"$3 (" "$snapshot" || fail "no stack names $3"
}
grep -q '"exit_status"' "$work/summary" && fail 'a status that nobody told'
case ${sample##*/} in
musl_lost_tree) expect 330 7920 node_new ;;
musl_callback_data) expect 51 4896 download_start ;;
musl_thread_stack_buffer) expect 5 5242880 worker_run ;;
esac
exit 0
