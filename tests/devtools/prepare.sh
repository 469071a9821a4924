#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Puts what package-lock.json pins into DIR, a folder of the build tree, and bundles
# DevTools' heap snapshot worker there. A stamp makes every later run free; a lock lets
# tests that start together wait for one download.
#
#   prepare.sh DIR     exit 77 and a line "skip: ..." where node or the network is missing
set -eu

[ $# -eq 1 ] || { echo "usage: prepare.sh DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
directory=$(cd "$1" && pwd)

skip() { echo "skip: $*"; exit 77; }

command -v node >/dev/null || skip "node is not installed (Debian: apt install nodejs)"

wanted=$(cd "$here" && cat package.json package-lock.json bundle.mjs | cksum)
is_ready() { [ "$(cat "$directory/stamp" 2>/dev/null)" = "$wanted" ]; }

install_packages() {
    cp "$here/package.json" "$here/package-lock.json" "$directory/"
    # No install scripts: the only one we need puts esbuild's binary in place, below.
    (cd "$directory" && npm ci --ignore-scripts --prefer-offline --no-audit --no-fund \
        >npm.log 2>&1) && return
    if grep -Eq 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH' \
        "$directory/npm.log"; then
        skip "npm cannot reach its registry to fetch the DevTools front-end" \
             "(see $directory/npm.log)"
    fi
    echo "prepare.sh: npm ci failed in $directory:" >&2
    tail -n 15 "$directory/npm.log" >&2
    exit 1
}

is_ready && exit 0
command -v npm >/dev/null || skip "npm is not installed (Debian: apt install npm)"

exec 9>"$directory/lock"
flock 9
is_ready && exit 0
rm -f "$directory/stamp"
install_packages
(cd "$directory" && node node_modules/esbuild/install.js)
node "$here/bundle.mjs" "$directory"
echo "$wanted" >"$directory/stamp"
