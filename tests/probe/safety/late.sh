#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The shim loaded late, and the little it takes of the static TLS. See late.c.

# shellcheck source=tests/probe/safety/common.sh
. "$(dirname "$0")/common.sh"

"$program" "$shim" >tracked.out 2>tracked.err
status=$?
[ "$status" -eq 0 ] || fail "late: status $status"
[ "$(cat tracked.out)" = loaded ] || fail "late: $(cat tracked.out)"
# A library that is loaded later finds some 1.6 KB of surplus; much of it is others'.
size=$(readelf -lW "$shim" | awk '$1 == "TLS" { print $6 }')
[ $((size)) -gt 0 ] && [ $((size)) -le 64 ] || fail "the shim has $size bytes of TLS"
readelf -dW "$shim" | grep -q NODELETE || fail 'the shim can be unloaded'
end
