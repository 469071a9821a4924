#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What `run` can be told, and what `ls` and `snap` say about the result.

# shellcheck disable=SC2016 # the inner shell expands
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"
grower=$2

count() {
    set -- "$1"/*.heapsnapshot
    [ -e "$1" ] || set --
    echo $#
}

begin() {
    rm -f input
    mkfifo input
    "$heapsnap" run "$@" <input >program.out 2>program.err &
    program=$!
    started="$started $program"
    exec 9>input
    await_tracked "$program"
}

# At exit, under the name asked for, even when the program changes its directory.
mkdir exit
try 4 "$heapsnap" run -o exit/x.heapsnapshot -- sh -c 'cd / && exit 4'
[ -f exit/x.heapsnapshot ] || fail "no exit/x.heapsnapshot"
[ "$(count exit)" -eq 1 ] || fail "$(count exit) snapshots"
try 0 "$heapsnap" run --no-exit-snapshot -- true
try 9 "$heapsnap" run -d exit -- "$grower" 10
[ "$(count exit)" -eq 2 ] || fail "no generated name in exit"
[ "$(stat -c %a exit/x.heapsnapshot)" = 600 ] || fail "not private"
nothing_in_here=$(find . -maxdepth 1 -name '*heapsnapshot*')
[ -z "$nothing_in_here" ] || fail "in the working directory: $nothing_in_here"

# A program with hardly any stack: what writes its snapshot needs more.
mkdir stack
try 9 sh -c 'ulimit -s 96 && exec "$@"' sh "$heapsnap" run -d stack -- "$grower" 10
[ "$(count stack)" -eq 1 ] || fail "no snapshot with a small stack: $(cat err)"

# The command's own options, a user's own preload and options stay.
try 0 "$heapsnap" run --no-exit-snapshot -- sh -c 'printf "%s|" "$@"' sh -d --help -- x
[ "$(cat out)" = '-d|--help|--|x|' ] || fail "arguments changed: $(cat out)"
try 0 env LD_PRELOAD=/no/such.so HEAPSNAP_OPTIONS=dir=/nowhere:verbose=0 \
    "$heapsnap" run -d exit --track heap -- sh -c 'echo "$LD_PRELOAD $HEAPSNAP_OPTIONS"'
grep -q 'libheapsnap-preload.so:/no/such.so .*:dir=/nowhere:.*:dir=.*/exit:track=heap$' out \
    || fail "the environment is $(cat out)"

# On a signal, every so often, and over a size.
mkdir signal every over
begin --no-exit-snapshot --signal USR2 -d signal -- "$grower"
kill -USR2 "$program"
tries=0
until [ "$(count signal)" -gt 0 ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || fail "no snapshot on the signal: $(cat program.err)"
    sleep 0.1
done
exec 9>&-
wait "$program" || fail "the signal ended the program"

begin --no-exit-snapshot --every 0.3 -d every -- "$grower"
tries=0
until [ "$(count every)" -gt 1 ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || fail "no second snapshot by the clock: $(cat program.err)"
    sleep 0.1
done
exec 9>&-
wait "$program" || fail "the timer ended the program"

try 9 "$heapsnap" run --no-exit-snapshot --over 1M -d over -- "$grower" 20000
tries=0
until [ "$(count over)" -gt 0 ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || fail "no snapshot over the size: $(cat err)"
    sleep 0.1
done

# Children: left alone, or followed.
mkdir alone followed
try 9 "$heapsnap" run -d alone -- sh -c '"$0" 10; exit $?' "$grower"
[ "$(count alone)" -eq 1 ] || fail "$(count alone) snapshots of the shell alone"
try 9 "$heapsnap" run --follow -d followed -- sh -c '"$0" 10; exit $?' "$grower"
[ "$(count followed)" -eq 2 ] || fail "$(count followed) snapshots of the shell and its child"

# ls and snap as JSON.
begin --no-exit-snapshot -- "$grower"
try 0 "$heapsnap" ls --json
python3 - "$program" out <<'END' 2>err || fail "ls --json: $(cat out)"
import json, sys
mine = [entry for entry in json.load(open(sys.argv[2])) if entry["pid"] == int(sys.argv[1])]
assert len(mine) == 1 and "grower" in mine[0]["command"] and mine[0]["snapshots"] == 0, mine
END
try 0 "$heapsnap" snap --json "$program"
python3 - "$program" out <<'END' 2>err || fail "snap --json: $(cat out)"
import json, os, sys
told = json.load(open(sys.argv[2]))
assert told["pid"] == int(sys.argv[1]) and told["blocks"] > 0 and told["pause_ns"] > 0, told
assert os.path.exists(told["path"]), told
END
try 0 "$heapsnap" snap -d exit "$program"
loads "$(cat out)"
exec 9>&-
