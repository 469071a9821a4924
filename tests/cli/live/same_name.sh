#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Two snapshots that would have the same name (one process, one second, and a program that
# executed another counts from the start again) are two files. A name that was asked for
# is written again. same_name.sh HEAPSNAP GROWER WORKER SHIM

# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/../common.sh"
shim=$4

cat >helper <<END
#!/bin/sh
"$heapsnap" "\$@" && "$heapsnap" "\$@" && "$heapsnap" "\$@"
mv "$work/going" "$work/finished"
END
chmod +x helper

# The program ends when the first of the three is complete.
await_helper() {
    for _ in $(seq 400); do
        [ ! -e finished ] || break
        sleep 0.05
    done
    rm finished || fail 'the helper does not end'
}

mkdir generated named
touch going
HEAPSNAP_OPTIONS=snapshot=exit:helper=$work/helper:dir=$work/generated LD_PRELOAD=$shim \
    perl -e 1 >out 2>err || fail "the program ended with $?"
await_helper
[ ! -s err ] || fail 'something is said'
set -- generated/*
[ $# -eq 3 ] || fail "there are $# files: $*"
for file in "$@"; do
    loads "$file"
done

touch going
HEAPSNAP_OPTIONS=snapshot=exit:helper=$work/helper:file=$work/named/x.heapsnapshot \
    LD_PRELOAD=$shim perl -e 1 >out 2>err || fail "the program ended with $?"
await_helper
[ ! -s err ] || fail 'something is said'
set -- named/*
[ "$*" = named/x.heapsnapshot ] || fail "there are $# files: $*"
