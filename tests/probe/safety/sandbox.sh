#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Provokes: seccomp filters, no_new_privs, user namespaces, chroot without /proc, a
# read-only working directory. sandbox.sh SHIM TOOL PROGRAM SANDBOX

# shellcheck source=tests/support/copy_tools.sh
. "$(dirname "$0")/../../support/copy_tools.sh"
# shellcheck source=tests/probe/safety/common.sh
. "$(dirname "$0")/common.sh"
sandbox=$4

"$sandbox" refuse none true
if [ $? -eq 77 ]; then
    echo 'note: no seccomp filters here'
else
    # A system call that is refused costs a snapshot at most.
    expected='^(heapsnap: no .*)?$'
    for call in memfd_create membarrier tgkill rt_tgsigqueueinfo mincore madvise prlimit64 \
        readlinkat getcwd timer_create ftruncate pipe2 gettid process_vm_readv; do
        same "refused $call" : "$sandbox" refuse "$call" "$program"
    done
    rm -f snapshots/*
    # Containers' filters answer with errors; nothing is lost by these.
    expected=-
    for call in membarrier tgkill mincore timer_create prlimit64 process_vm_readv; do
        same "refused $call, with a snapshot" : "$sandbox" refuse "$call" "$program"
        has_snapshot
    done
    # What is death to the program when we do it for it must not be done: by a filter from
    # before an exec, and by one that the program installs when it is tracked already.
    expected='^heapsnap: no more snapshots of this process: its seccomp filter kills it for'
    for call in memfd_create membarrier tgkill rt_tgsigqueueinfo mincore prlimit64 \
        readlinkat getcwd timer_create ftruncate fcntl pipe2 gettid newfstatat; do
        same "forbidden $call" : "$sandbox" kill "$call" "$program"
    done
    # It has more than that only when its filter is in force.
    setting='more=:over=1M:signal=USR1'
    for call in rt_sigreturn rt_sigpending rt_sigprocmask rt_sigaction futex clone wait4 \
        openat newfstatat getpid gettid tgkill mincore memfd_create; do
        same "forbidden $call, stays" "$setting" "$sandbox" kill "$call" stay
        [ -z "$(ls snapshots)" ] || fail "$call: a snapshot was taken after all"
    done
    expected=-
    for call in none process_vm_readv; do
        same "forbidden $call" : "$sandbox" kill "$call" "$program"
        has_snapshot
    done
    same 'a snapshot while it stays' 'more=:over=1M:signal=USR1' "$sandbox" kill none stay
    # Whoever writes the first one may take longer than the program.
    for _ in $(seq 200); do
        set -- snapshots/*.heapsnapshot
        [ $# -lt 2 ] || break
        sleep 0.05
    done
    [ $# -eq 2 ] || fail "$title: $# snapshots, with that at exit"
    rm -f snapshots/*
    mkfifo gate
    LD_PRELOAD=$shim HEAPSNAP_OPTIONS=follow=0 "$sandbox" kill rt_sigreturn wait \
        <gate >ready 2>tracked.err &
    waiting=$!
    exec 9>gate
    while [ ! -s ready ]; do sleep 0.02; done
    title='asked in vain'
    "$heapsnap" snap "$waiting" 2>said.err && fail "$title: snap succeeds"
    grep -q 'its seccomp filter kills it for rt_sigreturn' said.err \
        || fail "$title: $(cat said.err)"
    "$heapsnap" ls >said.err
    grep -q "^ *$waiting .*(no snapshots: its seccomp filter kills it for rt_sigreturn)" \
        said.err || fail "$title: ls: $(cat said.err)"
    exec 9>&-
    wait "$waiting"
    [ $? -eq 7 ] || fail "$title: the program ended otherwise"
    # Left alone when told so, and believed when told so.
    same 'seccomp=off' 'more=:seccomp=off' "$sandbox" kill none "$program"
    [ -z "$(ls snapshots)" ] || fail 'seccomp=off: a snapshot was taken after all'
    same 'seccomp=trust' 'more=:seccomp=trust' "$sandbox" kill none "$program"
    has_snapshot
fi
expected=-

same 'no new privileges' : setpriv --no-new-privs "$program"
has_snapshot
if unshare -Ur true 2>/dev/null; then
    same 'a user namespace' : unshare -Ur "$program"
    has_snapshot
else
    echo 'note: no user namespaces here'
fi

# The snapshot goes where it was asked for; the program's own directory is no matter.
mkdir closed
chmod 555 closed
as_nobody=
[ "$(id -u)" -ne 0 ] || as_nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
copy_tools
cp "$program" .
shim=$work/build/probes/$(basename "$shim")
# shellcheck disable=SC2086 # words
same 'a read-only directory' "cd '$work/closed'" $as_nobody "$work/$(basename "$program")"
has_snapshot

# Nothing but the program, its libraries and us: no /proc, no /dev, no /tmp, no helper.
mkdir -p root/snapshots
for file in $(ldd "$program" "$shim" | grep -o '/[^ ]*\.so[^ :]*'); do
    mkdir -p "root$(dirname "$file")"
    cp -L "$file" "root$file"
done
cp "$program" root/program
cp "$shim" root/shim.so
if [ "$(id -u)" -eq 0 ]; then
    chroot root /program >bare.out 2>bare.err </dev/null
    bare=$?
    # chroot itself must not be tracked: its libraries are outside.
    cat >enter.py <<'P'
import os
os.chroot("root"); os.chdir("/")
options = "snapshot=exit:dir=/snapshots"
os.execve("/program", ["program"], {"LD_PRELOAD": "/shim.so", "HEAPSNAP_OPTIONS": options})
P
    title='chroot without /proc'
    python3 enter.py >tracked.out 2>tracked.err </dev/null
    [ $? -eq "$bare" ] || fail "$title: the status is not $bare"
    cmp -s bare.out tracked.out || fail "$title: $(diff bare.out tracked.out | head -n 5)"
    [ "$(grep -c . tracked.err)" -le 3 ] || fail "$title: many lines"
fi
end
