#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ledger.sh HEAPSNAP PROGRAM [SAYS]: the program prints and returns the same when tracked,
# and the snapshot at its end holds exactly the blocks that it says it holds. With SAYS it
# is left alone, and why is on its stderr. PRELOAD: what else is preloaded, in which order.

# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../../cli/common.sh"
program=$2
says=${3-}
unset HEAPSNAP_OPTIONS

LD_PRELOAD=${PRELOAD_BARE-} "$program" >bare.out 2>bare.err
[ $? -eq 7 ] || fail "the program itself ended with something else than 7"
if [ -n "${PRELOAD-}" ]; then
    shim=$(dirname "$(dirname "$heapsnap")")/probes/libheapsnap-preload.so
    LD_PRELOAD=$(echo "$PRELOAD" | sed "s|SHIM|$shim|") \
        HEAPSNAP_OPTIONS="snapshot=exit:file=$work/exit.heapsnapshot:helper=$heapsnap:${OPTIONS-}" \
        "$program" >out 2>err
else
    HEAPSNAP_OPTIONS=${OPTIONS-} "$heapsnap" run -o exit.heapsnapshot -- "$program" >out 2>err
fi
[ $? -eq 7 ] || fail "the program ended with something else than 7"
cmp -s out bare.out || fail "it printed something else"
if [ -n "$says" ]; then
    said "$says"
    exit 0
fi
cmp -s err bare.err || fail "it said something else"
loads exit.heapsnapshot
python3 - exit.heapsnapshot out >difference 2>&1 <<'END' || fail "$(cat difference)"
import collections, json, sys
snapshot = json.load(open(sys.argv[1]))
fields = snapshot["snapshot"]["meta"]["node_fields"]
nodes, step = snapshot["nodes"], len(fields)
types = snapshot["snapshot"]["meta"]["node_types"][0]
size, name = fields.index("self_size"), fields.index("name")
found = collections.Counter(
    nodes[i + size] for i in range(0, len(nodes), step)
    if types[nodes[i]] != "hidden" and ".data" not in snapshot["strings"][nodes[i + name]])
held = collections.Counter(int(line) for line in open(sys.argv[2]))
# What else the program has is of other sizes.
ours = {size: count for size, count in found.items() if 5000 <= size < 13000}
missing = sum((held - collections.Counter(ours)).values())
extra = sum((collections.Counter(ours) - held).values())
print(f"{len(held)} blocks held, {missing} missing, {extra} extra")
sys.exit(len(held) < 300 or missing > 0 or extra > 0)
END
cat difference
