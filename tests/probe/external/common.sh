# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# What the tests of looks from outside share. Sourced with the looker and the subject as
# $look and $subject.

if [ "$(id -u)" != 0 ] \
    && [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" != 0 ]; then
    echo "kernel.yama.ptrace_scope forbids to trace what is no child: nothing is tested"
    exit 77
fi

# shellcheck disable=SC2154 # the one who sources us sets them
dir=$(mktemp -d)
pids=
trap '' PIPE
# shellcheck disable=SC2154
trap 'exec 3>&-; for p in $pids; do kill -9 "$p" 2>/dev/null || :; done; rm -rf "$dir"' EXIT

fail()
{
    echo "$1" >&2
    exit 1
}

# await FILE TEXT: until the file has the text.
await()
{
    tries=0
    until grep -q "$2" "$1" 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 500 ] || fail "'$2' did not come: $(cat "$1")"
        sleep 0.02
    done
}

# start_subject MEGABYTES: sets $pid.
start_subject()
{
    mkfifo "$dir/in"
    # shellcheck disable=SC2154
    "$subject" "$1" <"$dir/in" >"$dir/out" 2>&1 &
    pid=$!
    pids="$pids $pid"
    exec 3>"$dir/in"
    await "$dir/out" ready
}

# It must have noticed nothing.
end_subject()
{
    kill -0 "$pid" || fail "the subject has ended: $(cat "$dir/out")"
    echo >&3 || :
    exec 3>&-
    wait "$pid" || fail "the subject noticed: $(tail -n 1 "$dir/out")"
    [ "$(tail -n 1 "$dir/out")" = fine ] || fail "the subject said: $(cat "$dir/out")"
}

expect_no_children()
{
    children=$(cat "/proc/$pid/task"/*/children)
    [ -z "$children" ] || fail "children are left: $children"
}
