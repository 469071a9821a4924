#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What meson starts for each test here: makes the packages ready, then runs TEST with the
# folder for its files. Exit 77 and a line "skip: ..." where this machine lacks something.
#
#   run.sh [--browser] TEST.mjs BUILD_DIR
set -eu

needs_browser=false
if [ "$1" = --browser ]; then needs_browser=true; shift; fi
test=$1
here=$(cd "$(dirname "$0")" && pwd)
HEAPSNAP_TEST_DIR=$2/$(basename "$test" .mjs)
HEAPSNAP_DEVTOOLS_PACKAGES=$2/packages
export HEAPSNAP_TEST_DIR HEAPSNAP_DEVTOOLS_PACKAGES

if $needs_browser; then
    CHROMIUM=${CHROMIUM:-$(command -v chromium || true)}
    [ -n "$CHROMIUM" ] || { echo "skip: chromium is not installed (Debian: apt install chromium)"; exit 77; }
    export CHROMIUM
fi
"$here/prepare.sh" "$HEAPSNAP_DEVTOOLS_PACKAGES" || exit $?

rm -rf "$HEAPSNAP_TEST_DIR"
mkdir -p "$HEAPSNAP_TEST_DIR"
exec node "$here/$test"
