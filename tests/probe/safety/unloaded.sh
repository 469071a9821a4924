#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Provokes: "dlclose … symbolise by build-id + offset captured at load time": what a
# library has allocated is still there when the library is not, and its functions keep
# their names. unloaded.sh SHIM TOOL KEEPS LIBRARY OTHER

# shellcheck source=tests/probe/safety/common.sh
. "$(dirname "$0")/common.sh"

HEAPSNAP_OPTIONS=snapshot=exit:file=$work/x.heapsnapshot LD_PRELOAD=$shim \
    "$program" "$4" "$5" >tracked.out 2>tracked.err || fail "it ended with $?"
[ ! -s tracked.err ] || fail 'something is said'
for name in allocate_in_first allocate_in_third; do
    grep -aq "$name" x.heapsnapshot || fail "$name has no name any more"
done
"$heapsnap" summary x.heapsnapshot >summary 2>&1 || fail 'the snapshot does not load'
end
