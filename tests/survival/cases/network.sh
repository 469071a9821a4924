# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Clients, cryptography, version control.

survivor curl 'curl python3'
case_curl()
{
    numbers 5000 >in
    track curl -s "file://$PWD/in" | sha256sum
    python3 -m http.server --bind 127.0.0.1 "$PORT" >/dev/null 2>&1 &
    server=$!
    until_ok curl -s "http://127.0.0.1:$PORT/"
    track curl -s -S "http://127.0.0.1:$PORT/in" "http://localhost:$PORT/in" | sha256sum
    track curl -s -S --no-progress-meter -Z "http://127.0.0.1:$PORT/in" -o a "http://127.0.0.1:$PORT/in" -o b
    cmp a b && echo same
    track curl -s -S -f "http://127.0.0.1:$PORT/nowhere"
    feed curl -s -S -T - "http://127.0.0.1:$PORT/x" <in >/dev/null
    kill $server
    track curl -s -S http://no.such.host.invalid/
}

# Our port of the day, and how long a connection took to fail.
normalise_curl()
{
    sed -E 's/after [0-9]+ ms/after N ms/'
}

survivor wget 'wget python3'
case_wget()
{
    numbers 5000 >in
    python3 -m http.server --bind 127.0.0.1 "$PORT" >/dev/null 2>&1 &
    server=$!
    until_ok wget -q -O - "http://127.0.0.1:$PORT/"
    track wget -q -O - "http://127.0.0.1:$PORT/in" | sha256sum
    track wget -q -r -np -nH -P tree "http://127.0.0.1:$PORT/in"
    ls tree
    echo "http://127.0.0.1:$PORT/nowhere" | feed wget -q -i -
    kill $server
}

survivor openssl openssl
case_openssl()
{
    numbers 20000 >in
    feed openssl dgst -sha512 <in
    track openssl speed -seconds 1 -evp sha256 >/dev/null 2>speed
    grep -c 'Doing' speed
    track openssl enc -aes-256-ctr -pbkdf2 -S 0102030405060708 -k secret -in in | sha256sum
    track openssl genrsa -out key 2048
    track openssl req -x509 -key key -subj /CN=x -days 1 -out cert
    track openssl verify -CAfile cert cert
    track openssl x509 -in in -noout
}

# Errors begin with the number of the thread.
normalise_openssl()
{
    sed -E 's/^[0-9A-F]{12,16}:error/THREAD:error/'
}

survivor gpg gnupg limit=120
case_gpg()
{
    mkdir -m 700 ring
    GNUPGHOME=$PWD/ring
    export GNUPGHOME
    numbers 2000 >in
    track gpg --batch --quiet --passphrase '' --quick-generate-key a@b default default never
    track gpg --batch --quiet --armor --detach-sign -o in.sig in
    track gpg --quiet --trust-model always --verify in.sig in 2>&1 | grep -c Good
    feed gpg --batch --quiet --trust-model always -e -r a@b -o in.gpg <in
    track gpg --batch --quiet -d in.gpg | cmp - in
    track gpg --batch --quiet -d in
    gpgconf --kill all
}

# Keys are new each time.
normalise_gpg()
{
    sed -E "s/[0-9A-F]{16,40}/KEY/g"
}

survivor git git
case_git()
{
    git init -q -b main source
    cd source || return
    export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
    git config user.name a
    git config user.email a@b
    for i in 1 2 3 4 5 6 7 8; do
        seq "$i" 2000 >file$i
        track git add file$i
        track git commit -q -m "change $i"
    done
    track git log --stat -p | sha256sum
    track git gc -q --aggressive
    track git fsck --full --no-progress
    for i in 1 2 3 4 5 6 7 8; do echo HEAD:file$i; done | feed git cat-file --batch | sha256sum
    track git checkout -q -b other HEAD~3
    echo new >file1 && track git commit -q -a -m other
    track git merge -q -m merge main
    track git rebase -q main
    track git grep -c 1234
    track git no-such-verb
    track git clone -q . ../clone
    track git -C ../clone rev-parse HEAD
    track git blame -s file2 | tail -n 1
}

survivor subversion subversion
case_subversion()
{
    track svnadmin create repo
    mkdir t
    for i in 1 2 3; do numbers ${i}00 >t/$i; done
    track svn import -q -m one t "file://$PWD/repo/t"
    track svn checkout -q "file://$PWD/repo/t" w
    echo x >>w/1
    track svn diff w | tail -n 1
    track svn commit -q -m two w
    track svn info --show-item revision "file://$PWD/repo"
    track svn ls "file://$PWD/nowhere"
}

survivor mercurial mercurial limit=120
case_mercurial()
{
    track hg init r
    cd r || return
    for i in 1 2 3; do
        numbers ${i}00 >f$i
        track hg add f$i
        track hg commit -u a -d '0 0' -m "change $i"
    done
    track hg log --template '{rev} {node|short} {desc}\n'
    track hg annotate f1 | tail -n 1
    track hg verify -q
    track hg nonsense
}

# Go's runtime ends the process without libc, and hardly uses its heap.
survivor restic restic snapshots=any
case_restic()
{
    export RESTIC_PASSWORD=x RESTIC_CACHE_DIR=$PWD/cache
    mkdir t
    for i in 1 2 3; do numbers ${i}000 >t/$i; done
    track restic init -q -r repo
    track restic backup -q -r repo t
    track restic check -q -r repo
    track restic restore -q -r repo latest -t out
    diff -r t "out/$PWD/t" 2>/dev/null || diff -r t out/t && echo same
}

survivor socat socat
case_socat()
{
    numbers 500 >in
    start socat "UNIX-LISTEN:$PWD/socket,fork" EXEC:cat
    until_ok test -S socket
    feed socat -t 5 - "UNIX-CONNECT:$PWD/socket" <in | cmp - in
    middle
    echo again | socat -t 5 - "UNIX-CONNECT:$PWD/socket"
    track socat - UNIX-CONNECT:nowhere </dev/null
    stop TERM
}

# Lines begin with a time and a pid.
normalise_socat()
{
    without_times | sed -E 's/socat\[[0-9]+\]/socat[PID]/'
}

survivor iproute2 'iproute2 iputils-ping'
case_iproute2()
{
    track ip -o link show lo | cut -d' ' -f2
    track ip route get 127.0.0.1 | cut -d' ' -f1-4
    track ss -ltn >/dev/null
    track ip link show no-such-link
}

survivor ssh_keygen openssh-client
case_ssh_keygen()
{
    track ssh-keygen -q -t rsa -b 2048 -N secret -f key
    track ssh-keygen -y -P secret -f key | cut -c1-7
    track ssh-keygen -y -P wrong -f key
    track ssh-keygen -q -t ed25519 -N '' -f other
    cp /usr/bin/ssh-agent . # the installed one is set-gid, and no business of ours
    start ./ssh-agent -D -a "$PWD/agent"
    until_ok test -S agent
    SSH_AUTH_SOCK=$PWD/agent track ssh-add -q other
    middle
    SSH_AUTH_SOCK=$PWD/agent track ssh-add -l | cut -d' ' -f1,4
    stop TERM
}

# The agent says where it is.
normalise_ssh_keygen()
{
    sed -E 's/Agent pid [0-9]+/Agent pid N/'
}

survivor apt 'apt dpkg'
case_apt()
{
    track apt-cache policy dpkg >/dev/null
    track apt-cache search --names-only '^bash$'
    track dpkg -l bash | tail -n 1 | cut -c1-8
    track dpkg-query -W no-such-package
    track apt-cache depends --recurse dpkg | sha256sum
    track apt-config dump | grep -c APT
    mkdir -p p/DEBIAN
    printf 'Package: x\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: x\n' >p/DEBIAN/control
    track dpkg-deb --root-owner-group -b p x.deb
    track dpkg-deb -I x.deb | grep -c Package
}

survivor systemd systemd
case_systemd()
{
    track systemd-analyze calendar --base-time='2020-01-01 00:00' 'Mon *-*-* 10:00' | grep -v 'From now'
    track systemd-analyze timespan 5h3min
    printf '[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\nNonsense=1\n' >x.service
    track systemd-analyze verify --man=no ./x.service
    track systemd-escape -p /a/b-c
    track systemd-analyze condition 'ConditionPathExists=/nowhere'
    track systemd-id128 new >/dev/null
    track systemd-tmpfiles --cat-config >/dev/null
    track journalctl --directory="$PWD" -n 1
}

survivor nmap nmap
case_nmap()
{
    track nmap -n -sL 10.0.0.0/28 | grep -c report
    track nmap -n -sT -p 1-50 127.0.0.1 | grep -c 'Nmap done'
}
