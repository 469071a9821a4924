# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Databases: with a client that asks while the snapshot is taken.

survivor sqlite3 sqlite3 quick
case_sqlite3()
{
    cat >t.sql <<'S'
create table t(a integer primary key, b text, c real);
with recursive n(x) as (select 1 union all select x + 1 from n where x < 20000) insert into t select x, 'name ' || x * 7919 % 20000, x / 3.0 from n;
create index by_b on t(b);
create virtual table f using fts5(b);
insert into f select b from t where a < 2000;
select count(*), sum(a), max(b) from t;
select b from t where b > 'name 19990' order by b limit 5;
select count(*) from f where f match 'name';
select json_group_array(a) from t where a < 10;
delete from t where a % 3 = 0;
vacuum;
select * from nowhere;
S
    feed sqlite3 file.db <t.sql
    track sqlite3 file.db .dump | sha256sum
    track sqlite3 :memory: <t.sql
}

survivor redis 'redis-server redis-tools' quick over=1M every=off
case_redis()
{
    start redis-server --port 0 --unixsocket "$PWD/socket" --save '' --appendonly no --dir "$PWD" --logfile /dev/null --io-threads 2
    until_ok redis-cli -s socket ping
    redis-benchmark -s socket -q -t set,lpush,hset -n 20000 -r 3000 -d 200 >/dev/null 2>&1
    numbers 300 | awk '{ print "set", $1, $2 }' | feed redis-cli -s socket | sort | uniq -c
    middle
    track redis-benchmark -s socket -q -t set,get -n 2000 >/dev/null 2>&1
    track redis-cli -s socket get 42
    redis-cli -s socket eval 'local t = {} for i = 1, 1000 do t[i] = tostring(i) end return #t' 0
    # A child is forked that writes the file.
    redis-cli -s socket bgsave
    until_ok eval 'redis-cli -s socket info persistence | grep -q rdb_bgsave_in_progress:0'
    redis-cli -s socket lastsave >/dev/null
    test -s dump.rdb && echo dumped
    stop TERM
}

survivor memcached memcached
case_memcached()
{
    start $nobody memcached -s "$PWD/socket" -a 777 -t 4 -m 16
    until_ok test -S socket
    cat >client.py <<'P'
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect("socket"); f = s.makefile("rwb")
stored = 0
for i in range(3000):
    f.write(b"set k%d 0 0 %d\r\n%s\r\n" % (i, i % 500, b"x" * (i % 500)))
    f.flush()
    stored += f.readline() == b"STORED\r\n"
print(stored)
f.write(b"get k99\r\ndelete k5\r\n"); f.flush()
print([len(f.readline()) for i in range(4)])
P
    python3 client.py
    middle
    python3 client.py
    stop TERM
}

survivor postgresql 'postgresql' over=4M limit=180
case_postgresql()
{
    bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
    mkdir data && chmod 700 data
    [ -z "$nobody" ] || chown 65534:65534 data
    track $nobody "$bin/initdb" -D "$PWD/data" -U postgres -E UTF8 --no-locale -A trust --no-sync >initdb.out
    grep -c ok initdb.out
    start $nobody "$bin/postgres" -D "$PWD/data" -c listen_addresses= -c "unix_socket_directories=$PWD" -c fsync=off -c max_worker_processes=4 -c log_destination=stderr
    until_ok psql -h "$PWD" -U postgres -c 'select 1'
    pgbench -h "$PWD" -U postgres -i -q postgres >/dev/null 2>&1
    pgbench -h "$PWD" -U postgres -n -c 4 -t 200 postgres >bench.out 2>&1 &
    client=$!
    # shellcheck disable=SC2046 # one word a process
    middle "$pid" $(children "$pid")
    wait $client
    grep -E 'actually processed|failed' bench.out
    seq 2000 | awk '{ print "insert into s values (" $1 ");" } END { print "select sum(x), count(*) from s;" }' >in.sql
    psql -q -h "$PWD" -U postgres -c 'create table s(x int)'
    feed psql -q -At -h "$PWD" -U postgres <in.sql
    track psql -h "$PWD" -U postgres -c 'select count(*) from generate_series(1, 100000) a join pgbench_accounts b on a = aid' -c 'select 1/0'
    track pg_dump -h "$PWD" -U postgres -t s --data-only --inserts | grep -c INSERT
    stop INT
}

# The log has times and pids.
normalise_postgresql()
{
    sed -E 's/[0-9-]{10} [0-9:.]+ (UTC|GMT)/TIME/g; s/^TIME \[[0-9]+\]/TIME [PID]/; /checkpoint (starting|complete)|the database system is starting up/d; s/\(PID [0-9]+\)/(PID)/' | sort
}

survivor mariadb mariadb-server over=4M limit=180
case_mariadb()
{
    mkdir data
    track mariadb-install-db --no-defaults --user=root --datadir="$PWD/data" --auth-root-authentication-method=normal --skip-test-db >install.out 2>&1
    start mariadbd --no-defaults --user=root --datadir="$PWD/data" --socket="$PWD/socket" --skip-networking --skip-grant-tables --log-error="$PWD/log" --pid-file="$PWD/pid" --innodb-buffer-pool-size=16M --innodb-flush-log-at-trx-commit=0
    until_ok mariadb -S socket -e 'select 1'
    {
        echo 'create database d; use d; create table t(a int primary key auto_increment, b varchar(100), key(b));'
        for i in $(seq 500); do echo "insert into t(b) values ('name $i'), ('more $i');"; done
        echo 'select count(*), max(b) from t; select sum(a) from t where b like "name 1%"; select nothing from nowhere;'
    } >in.sql
    feed mariadb -S socket <in.sql
    middle
    track mariadb -S socket d -e 'select count(*) from t a join t b on a.a = b.a + 1'
    track mariadb-dump -S socket d --skip-dump-date | grep -c 'INSERT INTO'
    stop TERM
}

normalise_mariadb()
{
    sed -E 's/^[0-9-]{10} +[0-9:]+ [0-9]+ /TIME /'
}

survivor slapd 'slapd ldap-utils'
case_slapd()
{
    mkdir db
    cat >slapd.conf <<S
include /etc/ldap/schema/core.schema
moduleload back_mdb
modulepath /usr/lib/ldap
database mdb
maxsize 10485760
suffix "dc=x"
rootdn "cn=admin,dc=x"
rootpw secret
directory $PWD/db
S
    url="ldapi://$(echo "$PWD/socket" | sed 's,/,%2F,g')"
    start slapd -d 0 -f slapd.conf -h "$url"
    until_ok ldapsearch -x -H "$url" -b '' -s base
    {
        printf 'dn: dc=x\nobjectClass: dcObject\nobjectClass: organization\no: x\n\n'
        for i in $(seq 50); do printf 'dn: cn=p%d,dc=x\nobjectClass: person\nsn: n%d\n\n' "$i" "$i"; done
    } >in.ldif
    track ldapadd -x -H "$url" -D cn=admin,dc=x -w secret -f in.ldif | grep -c adding
    middle
    track ldapsearch -x -LLL -H "$url" -b dc=x '(sn=n4*)' dn
    track ldapsearch -x -LLL -H "$url" -b dc=y
    stop TERM
}
