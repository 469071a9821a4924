#!/bin/sh
# SPDX-License-Identifier: MIT
#
# One case, once, bare or tracked; run.sh starts it in an empty folder. What is below is
# what the functions in cases/*.sh may call. What they print is compared; of the programs
# that are put behind `track`, `feed` or `start`, the exit status is, too.
#
#   case.sh FAMILY NAME             run it
#   case.sh FAMILY NAME normalise   a filter: take away what differs from run to run anyhow
set -u

# --follow: its children, too.
tracked()
{
    HEAPSNAP_OPTIONS=$OPTIONS
    export HEAPSNAP_OPTIONS
    exec env --default-signal=INT,QUIT "$TOOL" run --follow -d "$SNAPSHOTS" -- "$@"
}

# Become the program: bare or tracked. What a shell starts beside itself ignores two signals,
# and servers must be stopped by their usual one.
become()
{
    [ "$MODE" != tracked ] || tracked "$@"
    exec env --default-signal=INT,QUIT "$@"
}

note()
{
    printf '%s\n' "$*" >>"$STATUS"
}

# track COMMAND…: run it to its end.
track()
{
    (become "$@")
    status=$?
    note "${1##*/} ended with $status"
    return "$status"
}

# start COMMAND…: run it beside us; $pid. What it prints goes to ours at `stop` or `finish`.
start()
{
    count=$((${count:-0} + 1))
    started=${1##*/}
    (become "$@") >"program.$count.out" 2>"program.$count.err" &
    pid=$!
}

# The program's end, asked for by a signal or awaited; what it has printed becomes ours.
finish()
{
    wait "$pid"
    status=$?
    note "$started ended with $status"
    cat "program.$count.out"
    cat "program.$count.err" >&2
    return "$status"
}

stop()
{
    kill "-$1" "$pid" || note "$started was gone before SIG$1"
    finish
}

# until_ok COMMAND…: again and again until it works, up to 20 seconds; else the case is broken.
until_ok()
{
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -gt 200 ]; then
            echo "this never worked: $*" >&2
            : >"$STATUS.broken"
            return 1
        fi
        sleep 0.1
    done
}

# middle [PID…]: a snapshot of these now (default: $pid); not silent about failure. Children
# may have come to their own end meanwhile.
middle()
{
    [ "$MODE" = tracked ] || return 0
    for each in "${@:-$pid}"; do
        until_ok is_tracked_or_gone "$each" || continue
        # One that began switched off is switched on here.
        case $OPTIONS in
        *dormant=1*) "$TOOL" attach "$each" >/dev/null 2>snap.err ;;
        esac
        "$TOOL" snap -d "$SNAPSHOTS" "$each" >/dev/null 2>snap.err && continue
        [ ! -d "/proc/$each" ] || cat snap.err >&2
    done
}

is_tracked_or_gone()
{
    [ ! -d "/proc/$1" ] || "$TOOL" ls 2>/dev/null | grep -q "^ *$1 "
}

# children PID: the pids of its children.
children()
{
    cat "/proc/$1/task/$1/children" 2>/dev/null
}

# feed COMMAND…: run it on our stdin, which stops half-way for a snapshot.
feed()
{
    cat >feed.input
    lines=$(wc -l <feed.input)
    rm -f feed.pipe
    mkfifo feed.pipe
    (become "$@" <feed.pipe) &
    fed=$!
    exec 9>feed.pipe
    # In a child of its own: the program may stop reading, and then a signal comes.
    (head -n $((lines / 2)) feed.input >&9) 2>/dev/null
    middle "$fed"
    (tail -n +$((lines / 2 + 1)) feed.input >&9) 2>/dev/null
    exec 9>&-
    wait "$fed"
    status=$?
    note "${1##*/} ended with $status"
    return "$status"
}

# nobody COMMAND…: a command, to be put behind `track` or `start`: some refuse to be root.
if [ "$(id -u)" = 0 ]; then
    nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
else
    nobody=
fi

# ---- material that many need ----

# numbers N: N lines that compress neither well nor badly, always the same.
numbers()
{
    awk -v n="$1" 'BEGIN { x = 42; for (i = 0; i < n; i++) {
        x = (x * 16807) % 2147483647; printf "%d %d line of text %x\n", i, x, x } }'
}

c_source()
{
    cat <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct item { struct item *next; char name[20]; };
static struct item *push(struct item *list, int i)
{
    struct item *item = malloc(sizeof *item);
    snprintf(item->name, sizeof item->name, "item %d", i);
    item->next = list;
    return item;
}
int main(int argc, char **argv)
{
    struct item *list = NULL;
    size_t sum = 0;
    for (int i = 0; i < 1000; i++)
        list = push(list, i * argc);
    for (struct item *at = list; at; at = at->next)
        sum += strlen(at->name);
    printf("%zu %s\n", sum, argc > 1 ? argv[1] : "-");
    return 0;
}
C
}

# ---- filters for normalise_NAME, each takes away one kind of thing ----

without_addresses()
{
    sed -E 's/0x[0-9a-f]{5,16}/ADDRESS/g'
}

without_times()
{
    sed -E 's/[0-9]{4}[-\/][0-9]{2}[-\/][0-9]{2}[T ][0-9:.]+( UTC|Z)?/TIME/g; s/[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?/TIME/g'
}

survivor() { :; }
# shellcheck disable=SC1090 # one file a family
. "$CASES/cases/$1.sh"
if [ "${3:-}" = normalise ]; then
    if command -v "normalise_$2" >/dev/null; then
        "normalise_$2"
    else
        cat
    fi
    exit
fi
: >"$STATUS"
"case_$2"
[ ! -e "$STATUS.broken" ] || exit 9
exit 0
