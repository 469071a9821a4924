#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Provokes: "Sanitised programs: refuse next to ASan/LSan/valgrind with a message". The
# other tool's report and exit status are what they are without us.

# shellcheck source=tests/probe/safety/common.sh
. "$(dirname "$0")/common.sh"

cat >leaks.c <<'C'
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    void *volatile block = malloc(77);
    block = malloc(33);
    free(block);
    puts("ran");
    return 5;
}
C
gcc -g -O0 -o leaks leaks.c || exit 1

# What a tool says, without process numbers, addresses and places in libraries.
plain() {
    sed -E 's/==[0-9]+==/==N==/; s/0x[0-9a-f]+/ADDRESS/g; /^ +#/d; /^heapsnap: /d; /allocs,/d' "$1"
}

compare() {
    plain bare.err >bare.plain
    plain tracked.err >tracked.plain
    cmp -s bare.plain tracked.plain \
        || fail "$title: its report differs: $(diff bare.plain tracked.plain | head -n 6)"
    cmp -s bare.out tracked.out || fail "$title: the output differs"
    grep -q "^heapsnap: not tracking: .*$1" tracked.err || fail "$title: '$1' is not said"
    [ "$(grep -c '^heapsnap: ' tracked.err)" -eq 1 ] || fail "$title: more than one line"
}

for sanitizer in leak thread; do
    title="-fsanitize=$sanitizer"
    gcc -g "$title" -o "with-$sanitizer" leaks.c 2>gcc.err || {
        echo "note: $title cannot be linked here: $(tail -n 1 gcc.err)"
        continue
    }
    run_one bare '' : "./with-$sanitizer"
    run_one tracked "$shim" : "./with-$sanitizer"
    compare 'Sanitizer'
done

title=valgrind
run_one bare '' : valgrind --leak-check=full --error-exitcode=9 ./leaks
run_one tracked "$shim" : valgrind --leak-check=full --error-exitcode=9 ./leaks
[ "$(tail -n 1 bare.out)" = 'status 9' ] || fail 'valgrind finds no leak'
# The launcher is tracked; the program, which follows it by exec, is not.
compare 'valgrind'
ls snapshots/*.heapsnapshot >/dev/null 2>&1 && fail "valgrind: a snapshot of it"
end
