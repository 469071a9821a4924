#!/bin/sh
# SPDX-License-Identifier: MIT
#
# .clang-format decides what C looks like, and nobody argues.
#
#   format.sh ROOT
set -eu
cd "$1"
command -v clang-format >/dev/null || { echo 'skip: clang-format is not installed'; exit 77; }

clang-format --version | tee /dev/stderr | grep -q ' version 14\.' || {
    echo 'skip: the style is that of clang-format 14, and other versions differ in details'
    exit 77
}
find libheapsnap probes tools samples tests -name node_modules -prune -o -name '*.[ch]' -print \
    | sort | tr '\n' '\0' | xargs -0 clang-format --dry-run --Werror 2>&1 | grep -E 'error:|warning:' | cut -d: -f1 \
    | sort | uniq -c | {
    if read -r first; then
        echo 'these files are not as clang-format would have them (places, file):'
        echo "$first"
        cat
        exit 1
    fi
}
