#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Fuzz by hand: build the targets with clang's libFuzzer under the address and
# undefined-behaviour sanitizers, and run them in turn, one process at a time.
#
#   run.sh BUILD SECONDS [TARGET…]
#
# BUILD is made when it is not there. What is found stays in BUILD/found/TARGET and what
# reaches new code in BUILD/corpus/TARGET; merge what is small into corpus/ with -merge=1.
set -eu

source=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
build=$1 seconds=$2
shift 2
[ -f "$build/build.ninja" ] || CC=clang CXX=clang++ meson setup "$build" "$source" \
    -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 \
    -Dc_args=-fsanitize=fuzzer-no-link
[ $# -gt 0 ] || set -- snapshot threshold capture core heap options cfi cfi_program modules maps decode symtab
for name; do
    ninja -C "$build" "tests/fuzz/fuzz_$name"
done

failed=0
for name; do
    mkdir -p "$build/corpus/$name" "$build/found/$name"
    echo "fuzzing $name for $seconds s"
    "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -print_final_stats=1 \
        -artifact_prefix="$build/found/$name/" -max_len=65536 -timeout=20 -rss_limit_mb=2048 \
        "$build/corpus/$name" "$source/tests/fuzz/corpus/$name" 2>"$build/found/$name.log" \
        || failed=1
    grep -E '^stat::number_of_executed_units|^SUMMARY|ERROR' "$build/found/$name.log" || true
done
exit $failed
