#!/bin/sh
# SPDX-License-Identifier: MIT
#
# nginx, master and worker: pages are served before and after a snapshot of the worker,
# and both processes leave one at exit.

# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"

mkdir logs pages snapshots
seq 1 20000 >pages/index.html
user=
[ "$(id -u)" -ne 0 ] || user='user root;'
cat >nginx.conf <<END
daemon off;
$user
worker_processes 1;
pid $work/nginx.pid;
error_log $work/logs/error.log;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $work/logs/a; proxy_temp_path $work/logs/b;
    fastcgi_temp_path $work/logs/c; uwsgi_temp_path $work/logs/d; scgi_temp_path $work/logs/e;
    server { listen unix:$work/socket; root $work/pages; gzip on; gzip_types *; }
}
END
get() {
    python3 - "$work/socket" <<'END'
import http.client, socket, sys
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
for turn in range(50):
    connection.request("GET", "/index.html")
    body = connection.getresponse().read()
sys.stdout.buffer.write(body)
END
}

nginx=$(command -v nginx || echo /usr/sbin/nginx)
"$heapsnap" run --follow -d snapshots -- "$nginx" -e "$work/logs/error.log" -p "$work" \
    -c "$work/nginx.conf" >nginx.out 2>nginx.err &
program=$!
started=$program
tries=0
until [ -S socket ] && get >page 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || fail "nginx does not answer: $(cat nginx.err logs/error.log)"
    sleep 0.1
done
cmp -s page pages/index.html || fail "the page is not what is in the file"

worker=$(cat "/proc/$program/task/$program/children")
worker=${worker% }
try 0 "$heapsnap" snap -o worker.heapsnapshot "$worker"
loads worker.heapsnapshot
try 0 "$heapsnap" snap -o master.heapsnapshot "$program"
loads master.heapsnapshot
get >page || fail "nginx does not answer after a snapshot"
cmp -s page pages/index.html || fail "the page differs after a snapshot"

kill -QUIT "$program"
wait "$program"
status=$?
[ "$status" -eq 0 ] || fail "nginx ended with $status"
set -- snapshots/*.heapsnapshot
[ $# -eq 2 ] || fail "$# snapshots at exit where master and worker leave one each"
for file in "$@"; do loads "$file"; done
[ ! -s nginx.err ] || fail "on nginx' stderr: $(cat nginx.err)"
