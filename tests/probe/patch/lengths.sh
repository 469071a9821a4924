#!/bin/sh
# SPDX-License-Identifier: MIT
#
# lengths.sh PROGRAM LIMIT LIBRARY: our decoder agrees with objdump about every instruction
# of a library as the loader finds it.
set -eu
command -v objdump >/dev/null || { echo 'objdump is missing: install binutils'; exit 1; }
path=$(ldconfig -p 2>/dev/null | awk -v name="$3" '$1 == name { print $NF; exit }')
[ -n "$path" ] || path=$(/sbin/ldconfig -p | awk -v name="$3" '$1 == name { print $NF; exit }')
[ -f "$path" ] || { echo "$3 is not installed"; exit 1; }
objdump -d --insn-width=16 "$path" | "$1" "$2"
