#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A program that knows what each of its blocks is, against what the snapshot says: no type
# may be wrong, and nearly all must be known.
#
#   types.sh HEAPSNAP PROGRAM LEAST

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/cli/common.sh
. "$here/../common.sh"
program=$2
least=$3

# Not what an earlier build of the program has left.
# What malloc leaves behind a text would be no text.
MALLOC_PERTURB_=0
export MALLOC_PERTURB_
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME

mkfifo input || fail "mkfifo"
"$heapsnap" run --no-exit-snapshot -- "$program" "$work/known" <input >said 2>err &
pid=$!
started=$pid
exec 3>input
tries=0
until grep -q ready said; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || fail "the program does not say that it is ready"
    sleep 0.1
done
try 0 "$heapsnap" snap -o types.heapsnapshot "$pid"
exec 3>&-
wait "$pid" || fail "the program ended with $?"
loads types.heapsnapshot
python3 "$here/compare.py" types.heapsnapshot known "$least" || fail "types are not as they should be"

# From the cache it is the same.
[ "$least" -eq 0 ] || [ -n "$(find cache -type f)" ] || fail "nothing was cached"
