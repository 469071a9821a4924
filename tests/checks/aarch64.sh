#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The shim compiles for aarch64 without a warning. Nothing runs: this keeps what differs
# between processors honest until somebody has such a machine.
#
#   aarch64.sh SOURCE-ROOT
set -eu

compiler=aarch64-linux-gnu-gcc
if ! command -v "$compiler" >/dev/null; then
    echo "skipped: no $compiler here (Debian: gcc-aarch64-linux-gnu)"
    exit 77
fi
cd "$1"
count=0
for source in probes/*/*.c libheapsnap/scan/*.c; do
    "$compiler" -std=gnu11 -D_GNU_SOURCE -DHEAPSNAP_VERSION='"check"' -O2 -Wall -Wextra -Werror \
        -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wvla -I. -Ilibheapsnap/include \
        -c "$source" -o /dev/null || { echo "$source does not compile for aarch64"; exit 1; }
    count=$((count + 1))
done
[ "$count" -gt 100 ]
echo "$count files compile for aarch64"
