#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Real programs, bare and tracked: output, errors and exit status are equal, the snapshot
# at exit loads, and so does one asked for in the middle.

# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"
name=$2

# same COMMAND…: run it both ways.
same() {
    "$@" >bare.out 2>bare.err <input.txt
    bare=$?
    rm -rf snapshots
    mkdir snapshots
    "$heapsnap" run -d snapshots -- "$@" >tracked.out 2>tracked.err <input.txt
    tracked=$?
    [ "$bare" -eq "$tracked" ] || fail "'$*' ended with $tracked instead of $bare"
    cmp -s bare.out tracked.out || fail "'$*' printed something else"
    cmp -s bare.err tracked.err || fail "'$*' said: $(cat tracked.err)"
    set -- snapshots/*.heapsnapshot
    [ $# -eq 1 ] || fail "$# snapshots at exit"
    loads "$1"
}

# asked COMMAND…: it waits for its input; a snapshot is taken while it does.
asked() {
    mkfifo waiting
    "$heapsnap" run --no-exit-snapshot -- "$@" <waiting >asked.out 2>asked.err &
    program=$!
    started=$program
    exec 9>waiting
    await_tracked "$program"
    try 0 "$heapsnap" snap -o asked.heapsnapshot "$program"
    loads asked.heapsnapshot
    cat input.txt >&9
    exec 9>&-
    wait "$program"
    status=$?
    [ "$status" -eq "$bare" ] || fail "asked '$*' ended with $status instead of $bare"
    cmp -s bare.out asked.out || fail "asked '$*' printed something else"
}

case $name in
sqlite3)
    cat >input.txt <<'END'
create table t(a integer primary key, b text, c real);
with recursive n(x) as (select 1 union all select x + 1 from n where x < 20000)
insert into t select x, 'name ' || x * 7919 % 20000, x / 3.0 from n;
create index by_b on t(b);
select count(*), sum(a), max(b) from t;
select b from t where b > 'name 19990' order by b limit 5;
select * from nowhere;
END
    same sqlite3 :memory:
    asked sqlite3 :memory:
    ;;
python3)
    cat >input.txt <<'END'
import json, sys
rows = [{"id": i, "name": "row %d" % i, "tags": ["a", "b"] * (i % 5)} for i in range(20000)]
text = json.dumps(rows)
print(len(text), sum(len(row["tags"]) for row in json.loads(text)))
sys.stderr.write("to stderr\n")
sys.exit(3)
END
    same python3 -
    asked python3 -
    PYTHONMALLOC=malloc
    export PYTHONMALLOC
    same python3 -
    ;;
node)
    cat >input.txt <<'END'
const rows = Array.from({length: 20000}, (_, i) => ({id: i, name: 'row ' + i}));
const buffers = Array.from({length: 50}, (_, i) => Buffer.alloc(10000, i));
console.log(JSON.stringify(rows).length, Buffer.concat(buffers).length);
console.error('to stderr');
process.exitCode = 5;
END
    same node -
    asked node -
    ;;
git)
    (
        mkdir source
        cd source || exit 1
        git init -q -b main .
        for i in 1 2 3 4 5; do
            seq "$i" 500 >file
            git add file
            git -c user.name=a -c user.email=a@b commit -q -m "change $i"
        done
    ) || fail "cannot make a repository"
    echo HEAD:file >input.txt
    same git -C source log --stat -p
    same git -C source no-such-verb
    same git -C source cat-file --batch
    asked git -C source cat-file --batch
    ;;
gcc)
    : >input.txt
    {
        echo '#include <stdio.h>'
        echo '#include <stdlib.h>'
        for i in 1 2 3 4 5 6 7 8; do
            echo "int f$i(int x) { int s = 0; for (int i = 0; i < x; i++) s += i * $i; return s; }"
        done
    } >source.c
    gcc -O2 -c source.c -o bare.o || fail "gcc does not work"
    mkdir snapshots
    try 0 "$heapsnap" run --follow -d snapshots -- gcc -O2 -c source.c -o tracked.o
    [ ! -s out ] || fail "gcc printed something"
    [ ! -s err ] || fail "gcc said something"
    cmp -s bare.o tracked.o || fail "the object file differs"
    set -- snapshots/*.heapsnapshot
    [ $# -ge 3 ] || fail "$# snapshots of gcc, cc1 and as"
    for file in "$@"; do loads "$file"; done
    echo 'int broken(' >broken.c
    same gcc -O2 -c broken.c
    ;;
*)
    fail "no such program: $name"
    ;;
esac
