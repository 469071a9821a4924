#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What a library's constructor allocates before ours has run (the C++ library's pool for
# exceptions, for one) has a whole stack. before.sh SHIM TOOL PROGRAM

# shellcheck source=tests/probe/safety/common.sh
. "$(dirname "$0")/common.sh"

HEAPSNAP_OPTIONS=snapshot=exit:file=$work/x.heapsnapshot LD_PRELOAD=$shim \
    "$program" >tracked.out 2>tracked.err || fail "it ended with $?"
[ ! -s tracked.err ] || fail 'something is said'
for name in allocate_before prepare_before; do
    grep -aq "^\"$name " x.heapsnapshot || fail "$name is on no stack"
done
end
