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
    timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    snprintf(timer->name, sizeof(timer->name), "keep-alive %d", connection);
    timerfd_settime(timer->fd, 0, &every_minute, NULL);
    g_timers[g_timer_count++] = timer;
}

/* What the event loop does when nothing else is to be done. */
static void timers_poll(void)
{
    unsigned long ticks;
    for (int i = 0; i < g_timer_count; i++)
        if (read(g_timers[i]->fd, &ticks, sizeof(ticks)) > 0)
            dprintf(STDERR_FILENO, "%s: %lu ticks\n", g_timers[i]->name, ticks);
}

static void connection_close(int connection)
{
    (void)connection; /* the leak: its timer is neither stopped nor closed */
}

static void serve(int connection)
{
    keepalive_start(connection);
    timers_poll();
    connection_close(connection);
}

int main(int argc, char **argv)
{
    return phase_main(argc, argv, 16, serve);
}
