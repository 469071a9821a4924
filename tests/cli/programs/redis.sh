#!/bin/sh
# SPDX-License-Identifier: MIT
#
# redis-server under redis-benchmark: it answers, the snapshots load, and the live bytes
# agree within one percent with what its allocator (Debian's brings jemalloc) reports.
# jemalloc counts what its thread caches hold for later as allocated, so they are off.

# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"

MALLOC_CONF=tcache:false
export MALLOC_CONF
"$heapsnap" run -o exit.heapsnapshot -- redis-server --port 0 --unixsocket "$work/socket" \
    --save '' --appendonly no --dir "$work" >redis.out 2>redis.err &
program=$!
started=$program
tries=0
until redis-cli -s socket ping 2>/dev/null | grep -q PONG; do
    tries=$((tries + 1))
    [ "$tries" -lt 150 ] || fail "redis-server does not answer: $(tail -3 redis.out redis.err)"
    sleep 0.1
done

redis-benchmark -s socket -q -t set,lpush,hset -n 20000 -r 5000 -d 300 >benchmark.out 2>&1 \
    || fail "redis-benchmark: $(tail -3 benchmark.out)"
try 0 redis-cli -s socket set answer 42
try 0 "$heapsnap" snap -o asked.heapsnapshot "$program"
# redis asks its allocator now and then, not at every INFO: wait until it has asked again.
asked_before=
for tries in 1 2 3 4 5 6 7 8 9 10; do
    try 0 redis-cli -s socket info memory
    tr -d '\r' <out >memory
    allocated=$(sed -n 's/^allocator_allocated://p' memory)
    [ "$allocated" != "$asked_before" ] || break
    asked_before=$allocated
    sleep 0.25
done
loads asked.heapsnapshot
try 0 redis-cli -s socket get answer
[ "$(cat out)" = 42 ] || fail "redis answers '$(cat out)' after the snapshot"

agrees asked.heapsnapshot "$allocated" allocator_allocated

redis-cli -s socket shutdown nosave 2>/dev/null
wait "$program"
status=$?
[ "$status" -eq 0 ] || fail "redis-server ended with $status"
loads exit.heapsnapshot
[ ! -s redis.err ] || fail "on redis' stderr: $(cat redis.err)"
