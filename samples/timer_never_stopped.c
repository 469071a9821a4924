// SPDX-License-Identifier: MIT

/*
 * A timer never stopped: each connection gets a repeating keep-alive timer, a descriptor
 * and the block that describes it. Closing the connection forgets the timer, which goes
 * on ticking; the table of timers still holds it.
 *
 * verdict: grows by 16 blocks at keepalive_start
 * verdict: leaks 16 handles at keepalive_start
 */

#include <stdlib.h>
#include <sys/timerfd.h>

#include "phase.h"

#define TIMERS_MAX 256

struct timer {
    int fd;
    int connection;
    char name[32];
};

static struct timer *g_timers[TIMERS_MAX]; /* what the event loop polls */
static int g_timer_count;

static void keepalive_start(int connection)
{
    static const struct itimerspec every_minute = {.it_interval = {.tv_sec = 60},
                                                   .it_value = {.tv_sec = 60}};
    struct timer *timer = malloc(sizeof(*timer));
    if (!timer || g_timer_count == TIMERS_MAX)
        abort();
    timer->connection = connection;
    timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    snprintf(timer->name, sizeof(timer->name), "keep-alive %d", connection);
    timerfd_settime(timer->fd, 0, &every_minute, NULL);
    g_timers[g_timer_count++] = timer;
}

static void connection_close(int connection)
{
    (void)connection; /* the leak: its timer is neither stopped nor closed */
}

static void serve(int connection)
{
    keepalive_start(connection);
    connection_close(connection);
}

int main(int argc, char **argv)
{
    return phase_main(argc, argv, 16, serve);
}
