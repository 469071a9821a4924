#!/bin/sh
# SPDX-License-Identifier: MIT
#
# by_loader.sh HEAPSNAP PROGRAM: the ledger of a program that the loader was told to start.
# Its own executable is then not the one that the kernel knows.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
script=$(mktemp)
trap 'rm -f "$script"' EXIT
loader=$(readelf -l "$2" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
printf '#!/bin/sh\nexec %s "%s"\n' "$loader" "$(realpath "$2")" >"$script"
chmod +x "$script"
sh "$here/ledger.sh" "$1" "$script"
