#!/bin/sh
# SPDX-License-Identifier: MIT
#
# No room for the file: a file-size limit, and a full file system where one can be
# mounted. One line, status 1, nothing under the final name, and a snapshot that was
# there before stays whole. The program does not notice.

# shellcheck disable=SC2016 # the inner shell expands
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"
worker=$2

mkfifo input
"$heapsnap" run --no-exit-snapshot -- "$worker" 20000 10 <input >program.out 2>program.err &
program=$!
started=$program
exec 9>input
await_tracked "$program"

try 0 "$heapsnap" snap -o good.heapsnapshot "$program"
loads good.heapsnapshot
before=$(cksum <good.heapsnapshot)

try 1 sh -c 'ulimit -f 100; exec "$0" snap -o limited.heapsnapshot "$1"' "$heapsnap" "$program"
said 'limited.heapsnapshot: File too large'
[ ! -e limited.heapsnapshot ] || fail "limited.heapsnapshot exists"
try 1 sh -c 'ulimit -f 100; exec "$0" snap -o good.heapsnapshot "$1"' "$heapsnap" "$program"
said 'good.heapsnapshot: File too large'
[ "$(cksum <good.heapsnapshot)" = "$before" ] || fail "the old snapshot was damaged"

# A file system of 64 kB: as root directly, else in a namespace of our own.
mkdir disk
full='mount -t tmpfs -o size=64k none disk || exit 77
    "$0" snap -d disk "$1"; status=$?
    ls -A disk >left
    umount disk
    exit $status'
status=77
for enter in 'unshare -m' 'unshare -rm'; do
    $enter true 2>/dev/null || continue
    $enter sh -c "$full" "$heapsnap" "$program" >out 2>err </dev/null
    status=$?
    break
done
if [ "$status" -eq 77 ]; then
    echo "note: no tmpfs can be mounted here; the file-size limit alone was tested"
else
    [ "$status" -eq 1 ] || fail "a full file system gave status $status"
    said 'No space left on device'
    [ ! -s left ] || fail "left on the full file system: $(cat left)"
fi
[ "$(find . -name '.*heapsnapshot*' | wc -l)" -eq 0 ] || fail "temporary files stay"

exec 9>&-
wait "$program"
status=$?
[ "$status" -eq 7 ] || fail "the program ended with $status"
"$worker" 20000 10 </dev/null >bare.out
cmp -s bare.out program.out || fail "the program's output changed"
[ ! -s program.err ] || fail "the program's stderr: $(cat program.err)"

# The snapshot at exit is written by the helper, whose limit is the program's hard limit.
(
    ulimit -f 100
    "$heapsnap" run -d . -- "$worker" 20000 10 </dev/null >limited.out 2>err
)
status=$?
[ "$status" -eq 7 ] || fail "the program under a file-size limit ended with $status"
cmp -s bare.out limited.out || fail "the limited program's output changed"
rm good.heapsnapshot
nothing_in .
said 'snapshot'
