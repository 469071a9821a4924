#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Small files and short functions: no source file above 400 lines, no function above 60.
# A function is what stands between a "{" and a "}" in the first column, which is how
# .clang-format lays functions out; tables have a "=" before the brace and are no functions.
#
#   sizes.sh ROOT
set -eu
cd "$1"

find libheapsnap probes tools samples tests -name node_modules -prune -o -name '*.[ch]' -print \
    | sort | xargs awk '
FNR == 1 { n_files++; inside = 0 }
FNR == 401 { printf "%s has more than 400 lines: split it by idea\n", FILENAME; bad++ }
/^{/ { inside = 1; start = FNR; next }
/^}/ && inside {
    inside = 0
    n_functions++
    length_of = FNR - start + 1
    if (length_of <= 40)
        short_ones++
    if (length_of > 60) {
        printf "%s:%d: a function of %d lines, 60 are the ceiling\n", FILENAME, start, length_of
        bad++
    }
}
END {
    printf "%d files, %d functions, %d%% of them of at most 40 lines\n", n_files, n_functions,
        n_functions ? short_ones * 100 / n_functions : 0
    exit bad > 0
}'
