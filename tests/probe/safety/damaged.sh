#!/bin/sh
# SPDX-License-Identifier: MIT
#
# damaged.sh SHIM: unwind tables of an executable with bytes changed at random. The program
# never looks at them, so it must live with the shim as it does without.

shim=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

cat >program.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
void release(void *text);
void release(void *text) { free(*(char **)text); }
static char *join(int depth, const char *text);
static char *join(int depth, const char *text)
{
    __attribute__((cleanup(release))) char *copy = strdup(text);
    char *result = depth ? join(depth - 1, copy) : malloc(strlen(copy) + 1);
    return depth ? result : strcpy(result, copy);
}
int main(void)
{
    for (int i = 0; i < 20; i++) {
        char *text = join(i, "text");
        if (i == 19)
            puts(text);
        free(text);
    }
    return 7;
}
C
gcc -O1 -fexceptions -fno-builtin -fno-optimize-sibling-calls -o program program.c || exit 1

python3 - "$shim" <<'END'
import os, random, re, subprocess, sys
whole = open("program", "rb").read()
sections = subprocess.run(["readelf", "-SW", "program"], capture_output=True, text=True).stdout
place, size = (int(word, 16) for word in
               re.search(r"\.eh_frame\s+\w+\s+\w+ (\w+) (\w+)", sections).groups())
tracked = dict(os.environ, LD_PRELOAD=sys.argv[1])
random.seed(4)
for number in range(60):
    damaged = bytearray(whole)
    for _ in range(random.choice([1, 3, 30])):
        damaged[place + random.randrange(size)] = random.choice([0, 255, 128, random.randrange(256)])
    with open("damaged", "wb") as file:
        file.write(damaged)
    os.chmod("damaged", 0o755)
    for environment in (os.environ, tracked):
        ended = subprocess.run(["./damaged"], env=environment, capture_output=True, text=True)
        if (ended.returncode, ended.stdout) != (7, "text\n"):
            sys.exit(f"FAIL: copy {number}: status {ended.returncode}, {ended.stdout!r}")
END
