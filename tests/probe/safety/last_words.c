// SPDX-License-Identifier: MIT

/*
 * Provokes: what is to be said at the end, when the program has closed stderr: as coreutils
 * do, in an exit handler; or early, as a daemon does ("last_words daemon"), whose reader
 * must then see the end of the pipe while the daemon runs.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void close_all(void)
{
    fclose(stdout);
    fclose(stderr);
}

int main(int argc, char **argv)
{
    void *volatile block = malloc(100);
    if (argc > 1 && strcmp(argv[1], "daemon") == 0) {
        close_all();
        pause();
    }
    atexit(close_all);
    puts("output");
    return block ? 7 : 1;
}
