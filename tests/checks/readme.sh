#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The README does not lie: every file of the tree that it or the changelog names is there, every
# verb and every shim option exists, and its C program compiles as it stands.
#
#   readme.sh ROOT HEAPSNAP CC…
#
# shellcheck disable=SC2016 # backticks are Markdown's here
set -eu
root=$1
tool=$(realpath -- "$2")
shift 2
cd "$root"
bad=0

complain()
{
    echo "README.md: $1"
    bad=1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Paths in backticks, in links and at the start of a line of a code block.
{
    grep -oE '`[A-Za-z0-9_./-]+`' README.md CHANGELOG.md | cut -d: -f2 | tr -d '`'
    grep -oE '\]\([^)#:]+\)' README.md | sed 's/^](//; s/)$//'
    sed -n '/^```/,/^```/p' README.md | grep -oE '^[A-Za-z0-9_.-]+/[A-Za-z0-9_./-]*'
} | grep -E '^(probes|libheapsnap|tools|samples|tests|LICENSE|README|CHANGELOG)($|[/.])' \
    | grep -vE '\.so$' | sort -u >"$work/paths"
while read -r path; do
    [ -e "$path" ] || complain "there is no $path"
done <"$work/paths"

# The verbs that command lines use.
"$tool" --help >"$work/help"
sed -n '/^```sh/,/^```/p' README.md | sed -nE 's/^heapsnap ([a-z-]+).*/\1/p' | sort -u >"$work/verbs"
while read -r verb; do
    grep -qE "^ +$verb " "$work/help" || complain "heapsnap has no verb $verb"
done <"$work/verbs"

# The shim's options: the first word of the table's rows.
sed -nE 's/^\| `([a-z-]+)=.*/\1/p' README.md | sort -u >"$work/options"
while read -r option; do
    grep -rqF "\"$option" probes/tracker || complain "the shim has no option $option"
done <"$work/options"

# The program in C.
sed -n '/^```c$/,/^```/p' README.md | sed '/^```/d' >"$work/program.c"
[ -s "$work/program.c" ] || complain 'there is no program in C'
"$@" -Wall -Wextra -Werror -Ilibheapsnap/include -c "$work/program.c" -o "$work/program.o" \
    || complain 'its program in C does not compile'

for list in paths verbs options; do
    [ -s "$work/$list" ] || complain "no $list were found in it: has its layout changed?"
done
exit $bad
