#!/bin/sh
# SPDX-License-Identifier: MIT
#
# rename.sh PREFIX OUTPUT COMPILER…: jemalloc with PREFIX before its functions, as programs
# that bring it along build it.
set -eu
prefix=$1
output=$2
shift 2
archive=$("$@" -print-file-name=libjemalloc.a)
set --
for name in malloc calloc realloc free aligned_alloc posix_memalign memalign valloc \
    malloc_usable_size mallocx rallocx xallocx sallocx nallocx dallocx sdallocx; do
    set -- "$@" --redefine-sym "$name=$prefix$name"
done
exec objcopy "$@" "$archive" "$output"
