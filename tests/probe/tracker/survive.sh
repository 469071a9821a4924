#!/bin/sh
# SPDX-License-Identifier: MIT
#
# survive.sh SHIM COMMAND…   The command prints and returns the same with the shim
# preloaded. SURVIVE_LIMIT=KIB limits the address space of both; the shim may say that it
# has no memory then. SURVIVE_PRELOAD=LIBRARY is preloaded into both.

shim=$(realpath "$1") || exit 1
shift
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
export LC_ALL=C

run() { # run NAME PRELOAD COMMAND…
    name=$1 preload=$2
    shift 2
    (
        [ -z "$SURVIVE_LIMIT" ] || ulimit -v "$SURVIVE_LIMIT"
        [ -z "$preload$SURVIVE_PRELOAD" ] || export LD_PRELOAD="$preload $SURVIVE_PRELOAD"
        exec "$@"
    ) > "$folder/$name.out" 2> "$folder/$name.err" < /dev/null
    echo $? > "$folder/$name.status"
}

run bare '' "$@"
case $(cat "$folder/bare.status") in
12[67]) echo "$1 cannot be run"; exit 1 ;;
esac
run tracked "$shim" "$@"
[ -z "$SURVIVE_LIMIT" ] || sed -i '/^heapsnap: not tracking: its limit on memory/d' "$folder/tracked.err"
failed=0
for part in status out err; do
    if ! cmp -s "$folder/bare.$part" "$folder/tracked.$part"; then
        echo "$*: $part differs with the shim preloaded (< bare, > preloaded)"
        diff "$folder/bare.$part" "$folder/tracked.$part" | head -20
        failed=1
    fi
done
exit $failed
