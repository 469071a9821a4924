// SPDX-License-Identifier: MIT

/*
 * Leaks from one place and works without leaking in another, until its input ends.
 * With an argument it ends by itself after so many rounds, with status 9.
 */

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

struct session {
    struct session *next;
    char text[240];
};

static struct session *sessions;

__attribute__((noinline)) static struct session *session_new(void)
{
    return calloc(1, sizeof(struct session));
}

__attribute__((noinline)) static void work_without_leaking(void)
{
    void *volatile scratch = malloc(5000);
    free(scratch);
}

int main(int argc, char **argv)
{
    long limit = argc > 1 ? atol(argv[1]) : 200000;
    for (long round = 0; round < limit; round++) {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        char byte;
        struct session *session = session_new();
        session->next = sessions;
        sessions = session;
        work_without_leaking();
        if (argc == 1 && poll(&input, 1, round % 10 == 0) == 1
            && read(STDIN_FILENO, &byte, 1) == 0)
            return 0;
    }
    return 9;
}
