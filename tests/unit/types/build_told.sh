#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Compile and link each file on its own, as big programs are, in a folder beside the output:
# split DWARF leaves files there.
#
#   build_told.sh OUTPUT COMPILER 'OPTIONS' SOURCE…
#
# With the word "dwz" first among the options, what the units have in common is moved to
# units of its own, as distributions do with their debug files.
set -eu
output=$PWD/$1
compiler=$2
options=$3
shift 3
shared=false
case $options in
'dwz '*)
    options=${options#dwz }
    shared=true
    ;;
esac
objects=
for source; do
    case $source in
    *.h) continue ;;
    /*) ;;
    *) source=$PWD/$source ;;
    esac
    mkdir -p "$output.d"
    object=$output.d/$(basename "$source").o
    # shellcheck disable=SC2086 # options are words
    (cd "$output.d" && $compiler $options -fPIE -c "$source" -o "$object")
    objects="$objects $object"
done
# shellcheck disable=SC2086 # so are objects
$compiler -pie $objects -o "$output"
if $shared; then
    dwz -L none -l none "$output"
fi
