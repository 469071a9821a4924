# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154 # who sources this has $work, $heapsnap and fail()
#
# A build tree in miniature below $work/build, which anybody may read whatever the
# permissions above the real one are; $heapsnap is its tool from then on.

copy_tools() {
    build=$(dirname "$(dirname "$heapsnap")")
    mkdir -p "$work/build/tools" "$work/build/probes" "$work/build/libheapsnap"
    cp "$heapsnap" "$work/build/tools/" || fail "cannot copy $heapsnap"
    cp "$build/probes/libheapsnap-preload.so" "$work/build/probes/" || fail "cannot copy the shim"
    cp -a "$build"/libheapsnap/libheapsnap.so* "$work/build/libheapsnap/" \
        || fail "cannot copy the library"
    chmod 755 "$work" "$work/build" "$work/build"/*
    heapsnap=$work/build/tools/heapsnap
}
