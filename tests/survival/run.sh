#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Real programs, bare and tracked: what they print, what they say on stderr and how they end
# must be the same, and every snapshot, in the middle and at exit, must load and make sense.
# A case is a shell function in cases/*.sh; case.sh is what it may call.
#
#   run.sh [OPTION…] HEAPSNAP [NAME…]
#
#   --list            names, families, limits and packages of all cases, and end
#   --packages        the Debian packages of all cases, and end
#   --quick           only the cases that belong to the default test suite
#   --rounds N        every case so often
#   --options WORDS   more words for HEAPSNAP_OPTIONS: "sample=64K"
#   --results FOLDER  where what differs is kept (default: survival-results beside the build's
#                     tools)
#
# One case prints one line: "ok NAME …", "not ok NAME: …" or "skip NAME: …". Exit status 0
# when nothing failed, 1 when something did, 77 when all that was asked for was skipped.
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
names=' '
packages=''
quick=''
rounds=1
options=''
results=''
what=run

# survivor NAME 'PACKAGES' [WORD…]: how the files below cases/ declare a case, which is
# the function case_NAME. Words:
#   quick            belongs to the default test suite
#   limit=SECONDS    for one run of it, bare or tracked (default 60)
#   every=SECONDS over=SIZE   other than 1 and 64K, or "off"
#   root             only as root; needs=COMMAND instead of what the package is called after
#   exit=none        the programs end by a signal: no snapshot at exit
#   snapshots=any    whether there is one depends on the time
#   snapshots=none   heapsnap leaves them alone, or cannot do anything, and says so or not
survivor()
{
    names="$names$1 "
    packages="$packages $2"
    eval "packages_of_$1=\$2"
    shift_name=$1
    shift 2
    eval "words_of_$shift_name=\$*"
    eval "family_of_$shift_name=\$family"
}

# word NAME KEY DEFAULT: what the declaration says.
word()
{
    eval "set -- \"$2\" \"$3\" \$words_of_$1"
    key=$1 value=$2
    shift 2
    for each; do
        case $each in
        "$key") value=yes ;;
        "$key"=*) value=${each#*=} ;;
        esac
    done
    printf '%s\n' "$value"
}

for file in "$here"/cases/*.sh; do
    family=$(basename "$file" .sh)
    # shellcheck disable=SC1090 # one file a family
    . "$file"
done

while [ $# -gt 0 ]; do
    case $1 in
    --list) what=list ;;
    --packages) what=packages ;;
    --quick) quick=1 ;;
    --rounds) rounds=$2; shift ;;
    --options) options=$2; shift ;;
    --results) results=$2; shift ;;
    --help) sed -n '8,20s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --*) echo "run.sh: there is no option $1" >&2; exit 2 ;;
    *) break ;;
    esac
    shift
done

if [ "$what" = list ]; then
    for name in $names; do
        eval "listed=\$packages_of_$name in=\$family_of_$name"
        printf '%s %s %s %s %s\n' "$name" "$in" "$(word "$name" quick full)" \
            "$(word "$name" limit 60)" "$(echo "$listed" | tr ' ' ',')"
    done
    exit 0
fi
if [ "$what" = packages ]; then
    printf '%s\n' $packages | sort -u
    exit 0
fi

heapsnap=$(realpath "$1") || exit 2
shift
results=${results:-$(dirname "$(dirname "$heapsnap")")/survival-results}
mkdir -p "$results" && results=$(realpath "$results") || exit 2
chosen=$*
if [ -z "$chosen" ]; then
    for name in $names; do
        [ -z "$quick" ] || [ "$(word "$name" quick '')" = yes ] || continue
        chosen="$chosen $name"
    done
fi

base=$(mktemp -d "${TMPDIR:-/tmp}/heapsnap-survival.XXXXXX") || exit 1
chmod 755 "$base"
trap 'end_processes; rm -rf "$base"' EXIT
trap 'exit 1' HUP INT TERM

# Everything that a case starts has this in its environment, daemons included.
mark=HEAPSNAP_SURVIVAL=$base

processes()
{
    for environment in /proc/[0-9]*/environ; do
        grep -qzF -- "$mark" "$environment" 2>/dev/null || continue
        pid=${environment#/proc/}
        printf '%s\n' "${pid%/environ}"
    done
}

end_processes()
{
    for pid in $(processes); do
        kill -KILL "$pid" 2>/dev/null
    done
}

# A build tree in miniature that everybody may read: some programs run as nobody.
copy_tools()
{
    build=$(dirname "$(dirname "$heapsnap")")
    [ -d "$build/probes" ] || { tool=$heapsnap; return 0; }
    mkdir -p "$base/build/tools" "$base/build/probes" "$base/build/libheapsnap" &&
        cp "$heapsnap" "$base/build/tools/" &&
        cp "$build/probes/libheapsnap-preload.so" "$base/build/probes/" &&
        cp -a "$build"/libheapsnap/libheapsnap.so* "$base/build/libheapsnap/" &&
        chmod -R a+rX "$base/build" || exit 1
    tool=$base/build/tools/heapsnap
}
copy_tools

missing()
{
    eval "set -- \$packages_of_$1"
    for package; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null \
            | grep -q '^installed' || printf ' %s' "$package"
    done
}

free_port()
{
    /usr/bin/python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# run_once MODE: the case in an empty folder of always the same name; what it leaves is in
# $case/MODE: out, err, status, how, snapshots.
run_once()
{
    rm -rf "${case:?}/here" "${case:?}/home" "$case/${1:?}"
    mkdir -p "$case/here" "$case/home" "$case/$1/snapshots"
    chmod 1777 "$case/here" "$case/$1/snapshots"
    chmod 755 "$case/home"
    # As few variables as possible, so that no setting of this machine decides.
    (
        cd "$case/here" && exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/games HOME="$case/home" \
            LC_ALL=C.UTF-8 TZ=UTC TERM=dumb USER="$(id -un)" LOGNAME="$(id -un)" \
            TMPDIR="$case/here" SHELL=/bin/sh \
            "HEAPSNAP_SURVIVAL=$base" MODE="$1" PORT="$port" TOOL="$tool" \
            OPTIONS="$words" SNAPSHOTS="$case/$1/snapshots" STATUS="$case/$1/status" \
            CASES="$here" timeout --kill-after=5 "$limit" \
            sh "$here/case.sh" "$family" "$name" >"$case/$1/out" 2>"$case/$1/err" </dev/null
    )
    how=$?
    tries=0
    while left=$(processes) && [ -n "$left" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ] || [ "$how" -ne 0 ]; then
            how="$how, left running: $(ps -o pid=,args= -p "$(echo "$left" | paste -sd,)")"
            end_processes
            break
        fi
        sleep 0.1
    done
    echo "$how" >"$case/$1/how"
    # The ends of a pipeline end in any order.
    sort -o "$case/$1/status" "$case/$1/status" 2>/dev/null
    for stream in out err; do
        LC_ALL=C.UTF-8 CASES=$here sh "$here/case.sh" "$family" "$name" normalise <"$case/$1/$stream" >"$case/$1/$stream.same"
    done
}

# different ONE OTHER: print in what two runs differ; false when they do not.
different()
{
    for part in status out.same err.same; do
        [ -e "$case/$1/$part" ] || : >"$case/$1/$part"
        [ -e "$case/$2/$part" ] || : >"$case/$2/$part"
        cmp -s "$case/$1/$part" "$case/$2/$part" && continue
        case $part in
        status) printf 'exit status ' ;;
        out.same) printf 'stdout ' ;;
        err.same) printf 'stderr ' ;;
        esac
        diff -a "$case/$1/$part" "$case/$2/$part" >"$case/$part.diff"
    done | grep . && return 0
    [ "$(cat "$case/$1/how")" = "$(cat "$case/$2/how")" ] && return 1
    echo "ended with $(cat "$case/$2/how") instead of $(cat "$case/$1/how")"
}

keep()
{
    rm -rf "${results:?}/$name"
    rm -rf "${case:?}/here" "${case:?}/home"
    cp -r "$case" "$results/$name"
}

# One case, both ways; its line on stdout. 0 fine, 1 not, 77 skipped.
survive()
{
    name=$1
    lacks=$(missing "$name")
    if [ -n "$lacks" ]; then
        echo "skip $name: not installed:$lacks"
        return 77
    fi
    if [ "$(word "$name" root '')" = yes ] && [ "$(id -u)" -ne 0 ]; then
        echo "skip $name: needs root"
        return 77
    fi
    eval "family=\$family_of_$name"
    case=$base/$name
    port=$(free_port)
    limit=$(word "$name" limit 60)
    words=
    every=$(word "$name" every 1) over=$(word "$name" over 64K)
    [ "$every" = off ] || words="$words:every=$every"
    [ "$over" = off ] || words="$words:over=$over"
    words=${words#:}${options:+:$options}
    begun=$(date +%s)
    run_once bare
    run_once tracked
    if difference=$(different bare tracked); then
        run_once again
        if different bare again >/dev/null; then
            difference="$difference(two bare runs differ, too)"
        fi
        keep
        echo "not ok $name: $difference: see $results/$name"
        return 1
    fi
    case $(cat "$case/bare/how") in
    0) ;;
    *)
        keep
        echo "not ok $name: the case itself ended with $(cat "$case/bare/how"): $(tail -n 3 "$case/bare/err")"
        return 1
        ;;
    esac
    if verdict=$(/usr/bin/python3 "$here/check_snapshots.py" "$tool" "$case/tracked/snapshots" \
        "exit=$(word "$name" exit some)" "snapshots=$(word "$name" snapshots some)" "options=$options" 2>&1); then
        echo "ok $name ($verdict, $(($(date +%s) - begun)) s)"
        rm -rf "$case" "${results:?}/$name"
        return 0
    fi
    keep
    echo "not ok $name: $verdict"
    return 1
}

passed=0 failed=0 skipped=0 exit_only=0
for round in $(seq "$rounds"); do
    for name in $chosen; do
        case $names in
        *" $name "*) ;;
        *) echo "run.sh: there is no case $name; --list shows all" >&2; exit 2 ;;
        esac
        line=$(survive "$name")
        case $? in
        0) passed=$((passed + 1)) ;;
        77) skipped=$((skipped + 1)) ;;
        *) failed=$((failed + 1)) ;;
        esac
        case $line in
        *'exit only'*) exit_only=$((exit_only + 1)) ;;
        esac
        printf '%s\n' "$line"
    done
done
if [ $((passed + failed + skipped)) -gt 1 ]; then
    echo "$passed survived ($exit_only of them with a snapshot at exit only), $failed failed, $skipped skipped"
fi
[ "$failed" -eq 0 ] || exit 1
[ "$passed" -gt 0 ] || exit 77
