#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Real programs, preloaded and looked at from outside at once: the walk must see every
# block that the shim has recorded.
#
#   same_as_shim.sh HEAPSNAP COMPARER NO_JEMALLOC
. "$(dirname "$0")/../common.sh"
compare=$2
stub=$3

check() {
    echo "$1"
    "$compare" "$2" >out 2>err || fail "$1: $(cat out)"
    cat out
}

# sqlite3 waits for more.
mkfifo input
"$heapsnap" run --no-exit-snapshot -- sqlite3 :memory: <input >sqlite.out 2>sqlite.err &
pid=$!
started=$pid
exec 8>input
await_tracked "$pid"
cat >&8 <<'SQL'
create table t(a, b);
with recursive c(x) as (select 1 union all select x+1 from c where x < 20000)
    insert into t select x, hex(randomblob(20)) from c;
create index i on t(b);
select 'finished';
SQL
until grep -q finished sqlite.out; do sleep 0.1; done
check sqlite3 "$pid"
exec 8>&-

# python3 with every object a block.
mkfifo second
PYTHONMALLOC=malloc "$heapsnap" run --no-exit-snapshot -- /usr/bin/python3 -c '
import json, sys
objects = json.loads(json.dumps({str(i): list(range(10)) for i in range(5000)}))
print("finished", flush=True)
sys.stdin.read()
' <second >python.out 2>python.err &
pid=$!
started="$started $pid"
exec 8>second
until grep -q finished python.out; do sleep 0.1; done
check python3 "$pid"
exec 8>&-

# redis-server, whose allocator is libc's without jemalloc.
if command -v redis-server >/dev/null; then
    mkdir stub
    cp "$stub" stub/libjemalloc.so.2
    LD_LIBRARY_PATH=$work/stub "$heapsnap" run --no-exit-snapshot -- redis-server --port 0 \
        --unixsocket "$work/socket" --save '' >redis.out 2>redis.err &
    pid=$!
    started="$started $pid"
    until redis-cli -s socket ping 2>/dev/null | grep -q PONG; do
        kill -0 "$pid" 2>/dev/null || fail "redis-server has ended: $(cat redis.out)"
        sleep 0.1
    done
    redis-cli -s socket eval 'for i = 1, 100000 do redis.call("set", "key" .. i, "value" .. i) end' 0 \
        >/dev/null
    check redis-server "$pid"
fi
