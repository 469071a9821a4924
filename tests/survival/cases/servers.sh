# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Servers: asked over the network or a socket before, during and after a snapshot, stopped
# by their usual signal.

# get PATH: over our port.
get()
{
    python3 - "$PORT" "$1" <<'P'
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
connection.request("GET", "/" + sys.argv[2])
sys.stdout.buffer.write(connection.getresponse().read())
P
}

# pages: something to be served.
pages()
{
    mkdir -p pages
    seq 1 20000 >pages/index.html
    echo small >pages/small
}

# load COUNT: so many requests over eight connections.
load()
{
    python3 - "$PORT" "$1" <<'P'
import http.client, sys, threading
good = []
def ask():
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
    for turn in range(int(sys.argv[2]) // 8):
        connection.request("GET", "/small")
        answer = connection.getresponse()
        good.append(answer.read() and answer.status == 200)
threads = [threading.Thread(target=ask) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(good.count(True), "of", len(good))
P
}

# serve_pages: what the cases of web servers have in common once the server runs.
serve_pages()
{
    until_ok get small
    load 2000
    # shellcheck disable=SC2046 # one word a process
    middle "$pid" $(children "$pid")
    load 500
    get index.html | sha256sum
    get nowhere >/dev/null && echo answered
}

survivor nginx 'nginx-light python3' quick
case_nginx()
{
    pages
    mkdir logs
    user=
    [ "$(id -u)" -ne 0 ] || user='user root;'
    cat >nginx.conf <<N
daemon off; $user worker_processes 2; pid $PWD/pid; error_log $PWD/logs/error.log;
events { worker_connections 64; }
http { access_log off; client_body_temp_path $PWD/logs/a; proxy_temp_path $PWD/logs/b;
fastcgi_temp_path $PWD/logs/c; uwsgi_temp_path $PWD/logs/d; scgi_temp_path $PWD/logs/e;
server { listen 127.0.0.1:$PORT; root $PWD/pages; gzip on; gzip_types *; } }
N
    start nginx -e "$PWD/logs/error.log" -p "$PWD" -c "$PWD/nginx.conf"
    serve_pages
    kill -HUP "$pid" # new workers, the old ones end
    until_ok get small
    stop QUIT
}

survivor apache2 'apache2-bin' limit=120
case_apache2()
{
    pages
    cat >conf <<A
ServerName localhost
ServerRoot /usr/lib/apache2
Listen 127.0.0.1:$PORT
PidFile $PWD/pid
ErrorLog $PWD/log
DefaultRuntimeDir $PWD
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule dir_module modules/mod_dir.so
DocumentRoot $PWD/pages
StartServers 2
A
    chmod -R a+rX . ..
    start apache2 -X -f "$PWD/conf"
    serve_pages
    stop TERM
    # The usual way: processes that are children of each other.
    start apache2 -DFOREGROUND -f "$PWD/conf"
    serve_pages
    stop TERM
}

survivor lighttpd 'lighttpd'
case_lighttpd()
{
    pages
    printf 'server.document-root = "%s/pages"\nserver.port = %d\nserver.bind = "127.0.0.1"\nserver.errorlog = "%s/log"\nindex-file.names = ("index.html")\n' "$PWD" "$PORT" "$PWD" >conf
    start lighttpd -D -f conf
    serve_pages
    stop INT
}

survivor haproxy 'haproxy python3'
case_haproxy()
{
    pages
    python3 -m http.server --directory pages --bind 127.0.0.1 0 >behind 2>&1 &
    behind=$!
    until_ok eval 'ss -ltnp | grep -q "pid=$behind,"'
    back=$(ss -ltnp | sed -nE "s/.*127.0.0.1:([0-9]+).*pid=$behind,.*/\1/p")
    cat >conf <<H
global
  nbthread 4
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend f
  bind 127.0.0.1:$PORT
  default_backend b
backend b
  http-response del-header Server
  server s 127.0.0.1:$back
H
    start haproxy -db -f conf
    until_ok get small
    get small
    middle
    get index.html | sha256sum
    get nowhere | grep -c 404
    kill "$behind"
    wait "$behind" 2>/dev/null
    get small | grep -c 503
    stop USR1
}

# It says that a time-out is missing by date.
normalise_haproxy()
{
    sed -E 's/\[(NOTICE|WARNING|ALERT)\] +\([0-9]+\)/[\1] (PID)/; s/:[0-9]{4,5}\b/:PORT/g' | without_times
}

survivor caddy 'caddy' exit=none
case_caddy()
{
    pages
    start caddy file-server --root pages --listen "127.0.0.1:$PORT"
    until_ok get small
    load 500
    get index.html | sha256sum
    middle
    stop TERM
}

normalise_caddy()
{
    sed -E 's/"ts":[0-9.]+/TIME/; s/^[0-9./]+ [0-9:.]+/TIME/; s/0xc[0-9a-f]+/ADDRESS/' | grep -v -e '"ts"' -e '"level"' -e TIME
}

survivor python3_server 'python3'
case_python3_server()
{
    pages
    start python3 -m http.server --directory pages --bind 127.0.0.1 "$PORT"
    until_ok get small
    get index.html | sha256sum
    middle
    get small
    stop INT
}

# A request a line, with its time; those before it is ready are as many as it took.
normalise_python3_server()
{
    sed -E '/"GET /d'
}

survivor node_server 'nodejs'
case_node_server()
{
    cat >s.js <<J
const http = require('http'), zlib = require('zlib');
const server = http.createServer((q, a) => {
    if (q.url === '/nowhere') { a.statusCode = 404; return a.end(); }
    zlib.gzip('x'.repeat(10000), (e, z) => a.end(q.url === '/small' ? 'small\n' : zlib.gunzipSync(z)));
}).listen($PORT, '127.0.0.1');
process.on('SIGTERM', () => { server.close(() => { console.log('closed'); process.exit(7); }); server.closeAllConnections(); });
J
    start node s.js
    serve_pages
    stop TERM
}

survivor php_server 'php-cli'
case_php_server()
{
    mkdir -p pages
    echo '<?php $a = range(1, 2000); echo array_sum(array_map(fn($x) => $x * 2, $a)), "\n";' >pages/small
    mv pages/small pages/small.php
    start php -n -q -S "127.0.0.1:$PORT" -t pages
    until_ok get small.php
    for i in 1 2 3 4 5; do get small.php; done
    middle
    get small.php
    get nowhere >/dev/null
    stop INT
}

# One line a request, with time and port.
normalise_php_server()
{
    sed '/^\[/d'
}

survivor varnish varnish over=1M limit=180
case_varnish()
{
    start varnishd -F -n "$PWD/n" -a "127.0.0.1:$PORT" -b none -s malloc,10m -T none -j none
    until_ok eval 'get x | grep -q 503'
    for i in 1 2 3 4 5; do get x | grep -c 503; done
    # shellcheck disable=SC2046 # one word a process
    middle "$pid" $(children "$pid")
    get y | grep -c 503
    stop INT
}

normalise_varnish()
{
    without_addresses | sed -E 's/[Cc]hild \([0-9]+\)/Child (PID)/; s/pid=[0-9]+/PID/' | without_times | sed '/^Debug\|^Info/d'
}

survivor dnsmasq dnsmasq-base
case_dnsmasq()
{
    start dnsmasq -k -C /dev/null -p "$PORT" -a 127.0.0.1 -z -R --user=root --pid-file --address=/x.test/10.1.2.3 --log-facility=-
    cat >ask.py <<'P'
import socket, struct, sys
def ask(name, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3)
    q = b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0"
    s.sendto(struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + q + struct.pack(">2H", 1, 1), ("127.0.0.1", port))
    return s.recv(512)
for n in range(200):
    answer = ask("a%d.x.test" % n, int(sys.argv[1]))
print(socket.inet_ntoa(answer[-4:]))
P
    until_ok python3 ask.py "$PORT"
    middle
    python3 ask.py "$PORT"
    stop TERM
}

normalise_dnsmasq()
{
    sed -E 's/dnsmasq\[[0-9]+\]/dnsmasq[PID]/; s/^[A-Z][a-z]{2} +[0-9]+ [0-9:]+ //; s/#[0-9]+/PORT/'
}

survivor unbound unbound
case_unbound()
{
    cat >conf <<U
server:
  interface: 127.0.0.1@$PORT
  directory: "$PWD"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  num-threads: 2
  verbosity: 0
  module-config: "iterator"
  local-zone: "test." static
  local-data: "x.test. A 10.9.8.7"
  do-not-query-localhost: no
U
    start unbound -d -c conf
    cat >ask.py <<'P'
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3)
for n in range(300):
    s.sendto(struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + b"\1x\4test\0" + struct.pack(">2H", 1, 1), ("127.0.0.1", int(sys.argv[1])))
    answer = s.recv(512)
print(socket.inet_ntoa(answer[-4:]))
P
    until_ok python3 ask.py "$PORT"
    middle
    python3 ask.py "$PORT"
    stop TERM
}

normalise_unbound()
{
    sed -E 's/^\[[0-9]+\] unbound\[[0-9]+:[0-9a-f]+\]/[TIME]/'
}

survivor mosquitto 'mosquitto mosquitto-clients'
case_mosquitto()
{
    printf 'listener 0 %s/socket\nallow_anonymous true\nlog_type error\n' "$PWD" >conf
    start mosquitto -c conf
    until_ok test -S socket
    mosquitto_sub --unix socket -t 'a/#' -C 200 >received &
    subscriber=$!
    until_ok eval 'mosquitto_pub --unix socket -t b -m x && sleep 0.2'
    seq 100 | track mosquitto_pub --unix socket -t a/b -l -q 1
    middle
    seq 100 | mosquitto_pub --unix socket -t a/c -l -q 1
    wait "$subscriber"
    sha256sum <received
    stop TERM
}

# A login that runs through fork, exec and privilege separation.
survivor sshd 'openssh-server openssh-client' root limit=120
case_sshd()
{
    [ -d /run/sshd ] || mkdir -p /run/sshd
    track ssh-keygen -q -t ed25519 -N '' -f host
    track ssh-keygen -q -t rsa -b 1024 -N '' -f rsa
    track ssh-keygen -q -t ed25519 -N '' -f key
    track ssh-keygen -l -f key.pub | cut -d' ' -f1,4
    cp key.pub authorized
    chmod 600 authorized
    start /usr/sbin/sshd -D -e -f /dev/null -p "$PORT" -o "HostKey=$PWD/host" -o PidFile=none -o UsePAM=no -o StrictModes=no \
        -o "AuthorizedKeysFile=$PWD/authorized" -o ListenAddress=127.0.0.1 -o PermitRootLogin=yes -o LogLevel=ERROR
    until_ok ssh-keyscan -p "$PORT" 127.0.0.1
    track ssh-keyscan -t ed25519 -p "$PORT" 127.0.0.1 2>/dev/null | wc -l
    on='-F none -q -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -i key -p'
    track ssh $on "$PORT" root@127.0.0.1 'echo inside; exit 5'
    middle
    numbers 20000 | track ssh $on "$PORT" root@127.0.0.1 cat | sha256sum
    stop TERM
}

survivor stunnel 'stunnel4 openssl'
case_stunnel()
{
    openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -subj /CN=a -days 2 2>/dev/null
    cat >conf <<S
foreground = yes
debug = 3
pid =
cert = $PWD/cert
key = $PWD/key
[a]
accept = 127.0.0.1:$PORT
exec = /bin/cat
execArgs = cat
S
    start stunnel4 conf
    talk() { (echo hello; sleep 0.5) | timeout 5 openssl s_client -quiet -no_ign_eof -connect "127.0.0.1:$PORT" 2>/dev/null; }
    until_ok eval 'talk | grep -q hello'
    talk
    middle
    talk
    stop TERM
}

normalise_stunnel()
{
    sed -E 's/^[0-9.]+ [0-9:]+ LOG/LOG/; s/\[[0-9a-z.]+\]:/[ID]/' | sort -u
}

survivor git_daemon 'git'
case_git_daemon()
{
    git init -q --bare repo.git
    git init -q -b main work
    (cd work && numbers 3000 >f && git add f && git -c user.name=a -c user.email=a@b commit -q -m one && git push -q ../repo.git main)
    start git daemon --reuseaddr --export-all --base-path="$PWD" --listen=127.0.0.1 --port="$PORT"
    until_ok git ls-remote "git://127.0.0.1:$PORT/repo.git"
    track git clone -q "git://127.0.0.1:$PORT/repo.git" clone -b main
    cmp work/f clone/f && echo same
    middle
    track git ls-remote "git://127.0.0.1:$PORT/nowhere.git"
    stop TERM
}

# The commit's name depends on its time; the shell may or may not say that it has killed.
normalise_git_daemon()
{
    sed -E "s/^[0-9a-f]{40}/COMMIT/; s/:[0-9]{4,5}\b/:PORT/; s/^\[[0-9]+\]/[PID]/; /^Terminated/d"
}

survivor rsyncd rsync
case_rsyncd()
{
    mkdir from
    for i in 1 2 3 4; do numbers ${i}000 >from/$i; done
    printf 'use chroot = no\nuid = %s\n[m]\npath = %s/from\n' "$(id -un)" "$PWD" >conf
    start rsync --daemon --no-detach --config="$PWD/conf" --port="$PORT" --address=127.0.0.1 --log-file=/dev/null
    until_ok rsync "rsync://127.0.0.1:$PORT/"
    track rsync -a "rsync://127.0.0.1:$PORT/m/" to/
    diff -r from to && echo same
    middle
    stop TERM
}

survivor dbus dbus
case_dbus()
{
    start dbus-daemon --session --nofork --print-address=1 --address="unix:path=$PWD/socket"
    until_ok test -S socket
    DBUS_SESSION_BUS_ADDRESS=unix:path=$PWD/socket
    export DBUS_SESSION_BUS_ADDRESS
    track dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListNames
    middle
    track dbus-send --session --print-reply --dest=no.such.name / a.b.c
    stop TERM
}

normalise_dbus()
{
    sed -E 's/dbus-daemon\[[0-9]+\]/dbus-daemon[PID]/; s/pid=[0-9]+/PID/; s/time=[0-9.]+ //; s/guid=[0-9a-f]+//; s/serial=[0-9]+//; s/reply_serial=[0-9]+//; s/:1\.[0-9]+/:1.N/g'
}

survivor xvfb xvfb
case_xvfb()
{
    start Xvfb -displayfd 1 -screen 0 640x480x24 -nolisten tcp
    until_ok grep -q . program.1.out
    middle
    stop TERM
}

# Which display was free.
normalise_xvfb()
{
    sed -E '/^[0-9]+$/d; /xkbcomp|keysym|Warning:|Errors from/d'
}
