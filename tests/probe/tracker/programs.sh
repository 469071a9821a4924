#!/bin/sh
# SPDX-License-Identifier: MIT
#
# programs.sh SHIM   Real programs do not notice the shim. Those that are not installed
# are named and left out.

shim=$(realpath "$1") && here=$(realpath "$(dirname "$0")") || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

cat > threads.py <<'P'
import json, os, subprocess, threading
data = [{"a": i, "b": [str(j) for j in range(i % 10)]} for i in range(2000)]
text = json.dumps(data)
threads = [threading.Thread(target=json.loads, args=(text,)) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
child = os.fork()
if child == 0:
    os._exit(5)
print(len(text), os.waitpid(child, 0)[1], subprocess.check_output(["echo", "hi"]))
P
cat > work.js <<'J'
const {Worker} = require('worker_threads');
const list = [];
for (let i = 0; i < 10000; i++) list.push({i, s: 'x'.repeat(i % 100)});
console.log(JSON.stringify(list).length, require('child_process').execSync('echo hi') + '');
const worker = new Worker('require("worker_threads").parentPort.postMessage(42)', {eval: true});
worker.on('message', m => { console.log(m); process.exitCode = 3; });
J
cat > sorted.c <<'C'
#include <stdio.h>
#include <stdlib.h>
static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int main(void) { int a[50]; for (int i = 0; i < 50; i++) a[i] = rand(); qsort(a, 50, 4, compare); return a[3] & 1; }
C
echo 'events {}' > nginx.conf
sql="create table t(a, b); with recursive c(x) as (select 1 union all select x + 1 from c
where x < 5000) insert into t select x, hex(x * 7919) from c; select count(*), sum(a) from t;"

failed=0
check() {
    if ! command -v "$1" > /dev/null; then
        echo "$1 is not installed: left out"
        return
    fi
    sh "$here/survive.sh" "$shim" "$@" || failed=1
}

check ls -l /usr/bin
check git --no-pager config --list --system
check sqlite3 :memory: "$sql"
check python3 threads.py
PYTHONMALLOC=malloc check python3 -c 'print(sum(len(str(i)) for i in range(20000)))'
check node work.js
check gcc -O2 -c sorted.c -o sorted.o
check bash -c 'for i in 1 2 3 4 5; do echo $(echo $i | sed s/1/2/); done; (exit 4)'
check perl -e 'my %h; $h{$_} = $_ x 10 for 1 .. 5000; print scalar(keys %h), "\n"; exit 6'
check redis-server --version
check nginx -t -q -c "$folder/nginx.conf"
check curl -s file:///etc/passwd
exit $failed
