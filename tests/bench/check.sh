#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What can be checked of the benchmark without measuring: the tables it makes of given
# numbers, and that those in the README have a row for every workload.
#
#   check.sh ROOT
set -eu
bench=$1/tests/bench

/usr/bin/env python3 "$bench/run.py" --from "$bench/golden/results.json" --markdown \
    | diff "$bench/golden/results.md" - || { echo 'these tables are not as they were'; exit 1; }
/usr/bin/env python3 "$bench/run.py" --check-readme
