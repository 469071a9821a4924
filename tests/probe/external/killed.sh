#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The looker is killed at every STRIDEth of its calls to ptrace: the process must live on as
# if nothing had been, and the next look must clear up what was left.
#
#   killed.sh LOOK SUBJECT STRIDE
set -eu
look=$1 subject=$2 stride=$3
# shellcheck source=tests/probe/external/common.sh
. "${0%/*}/common.sh"
command -v strace >/dev/null 2>&1 || { echo "strace is missing: nothing is tested"; exit 77; }

start_subject 1
step=1 has_ended=
while [ -z "$has_ended" ]; do
    if strace -f -o "$dir/trace" -e trace=ptrace \
        -e inject=ptrace:signal=SIGKILL:when=$step "$look" "$pid" image \
        >"$dir/looks" 2>"$dir/errors"; then
        has_ended=1
    fi
    kill -0 "$pid" 2>/dev/null || fail "the subject died when call $step was the last"
    step=$((step + stride))
done 2>/dev/null
[ "$step" -gt 100 ] || fail "the looker ended by itself: $(cat "$dir/errors")"

"$look" "$pid" image >"$dir/looks"
grep -q '^image .*missing=0' "$dir/looks" || fail "no image any more: $(cat "$dir/looks")"
expect_no_children
end_subject
