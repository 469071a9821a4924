#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Leak events of a running program: as text, as JSON, with a snapshot and a command, and
# none from a program that only works.

# shellcheck disable=SC2016,SC2181 # the inner shell expands; a status is compared
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"
grower=$2
worker=$3

begin() {
    rm -f input
    mkfifo input
    "$heapsnap" run --no-exit-snapshot -- "$@" <input >program.out 2>program.err &
    program=$!
    started="$started $program"
    exec 9>input
    await_tracked "$program"
}

begin "$grower"
try 3 "$heapsnap" watch --threshold 100-objects --interval 0.1 --count 1 "$program"
grep -q 'session_new (grower.c:' out || fail "the event does not name the site: $(cat out)"
[ "$(wc -l <out)" -eq 1 ] || fail "more than one event: $(cat out)"
grep -q work_without_leaking out && fail "an event for what does not leak"

# A site is raised again only when it has grown by as much once more.
try 3 "$heapsnap" watch -t 20K -i 0.1 --count 2 --json --snapshot \
    --exec 'echo "$HEAPSNAP_EVENT" >>event.json; echo noise' "$program"
python3 - out event.json <<'END' 2>err || fail "the JSON events are not right: $(cat out)"
import json, os, sys
first, second = [json.loads(line) for line in open(sys.argv[1])]
assert [first, second] == [json.loads(line) for line in open(sys.argv[2])]
for event in first, second:
    assert event["event"] == "leak" and "session_new" in event["name"], event
    assert event["bytes_after"] - event["bytes_before"] >= 20 * 1024, event
    assert event["count_after"] > event["count_before"] and event["stack"], event
    assert os.path.exists(event["snapshot"]), event
assert second["bytes_before"] == first["bytes_after"], (first, second)
END
for file in heap.*.heapsnapshot; do loads "$file"; done
exec 9>&-
wait "$program" || fail "the watched program failed"

# The end of the process ends the watch; before the first look it cannot be watched.
begin "$grower"
"$heapsnap" watch -t 1G -i 0.1 "$program" >out 2>err 9>&- &
tool=$!
sleep 0.5
exec 9>&-
wait "$program" || fail "the watched program failed"
wait "$tool"
status=$?
[ "$status" -eq 0 ] || { [ "$status" -eq 1 ] && said "process $program"; } \
    || fail "the watch of a process that ended gave $status"

begin "$worker" 1000 1000
try 0 "$heapsnap" watch -t 1K,10%,20-objects -i 0.2 --for 1 "$program"
[ ! -s out ] || fail "events from a program that does not leak: $(cat out)"
exec 9>&-
wait "$program"
[ $? -eq 7 ] || fail "the watched program's status changed"
