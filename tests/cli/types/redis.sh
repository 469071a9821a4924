#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Debian's redis, built with debug information and optimization from its source package:
# nearly every block has a type.
#
#   redis.sh HEAPSNAP

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/cli/common.sh
. "$here/../common.sh"

skip() {
    echo "SKIP: $*"
    exit 77
}

# The package's source, without touching what this machine's apt knows.
command -v apt-get >/dev/null || skip "no apt-get"
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
key=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p lists/partial cache/archives/partial
echo "deb-src [signed-by=$key] http://deb.debian.org/debian ${release:-bookworm} main" >sources.list
apt() {
    apt-get -q -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" \
        -o APT::Sandbox::User=root "$@" >apt.log 2>&1
}
apt update || skip "no package lists: $(tail -1 apt.log)"
apt source --download-only redis || skip "no source of redis: $(tail -1 apt.log)"
mkdir redis
tar xf redis_*.orig.tar.* -C redis --strip-components=1 || fail "cannot unpack redis"
make -s -C redis MALLOC=libc OPTIMIZATION=-O2 redis-server redis-cli redis-benchmark \
    >make.log 2>&1 || make -s -C redis/src MALLOC=libc OPTIMIZATION=-O2 >make.log 2>&1 \
    || fail "redis does not build: $(tail -3 make.log)"

"$heapsnap" run --no-exit-snapshot -- redis/src/redis-server --port 0 \
    --unixsocket "$work/socket" --save '' >redis.out 2>err &
program=$!
started=$program
tries=0
until redis/src/redis-cli -s socket ping 2>/dev/null | grep -q PONG; do
    tries=$((tries + 1))
    [ "$tries" -lt 150 ] || fail "redis-server does not answer"
    sleep 0.1
done
redis/src/redis-benchmark -s socket -q -t set,lpush,hset,sadd,zadd -n 20000 -r 5000 \
    >benchmark.out 2>&1 || fail "redis-benchmark: $(tail -3 benchmark.out)"
try 0 "$heapsnap" snap -o redis.heapsnapshot "$program"
python3 "$here/coverage.py" redis.heapsnapshot 95 || fail "too few blocks have a type"
