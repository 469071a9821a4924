# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Sourced by a test that changes its directory: makes every path among its arguments
# absolute. What has no slash in it is no path.

for argument in "$@"; do
    shift
    case $argument in
    */*) argument=$(realpath "$argument") || exit 1 ;;
    esac
    set -- "$@" "$argument"
done
