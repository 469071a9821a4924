// SPDX-License-Identifier: MIT

/*
 * Listeners added in a timer: each tick "makes sure" that the listener is there by adding
 * it again, so every event is handled once more than the time before.
 *
 * verdict: grows by 60 blocks at listener_add
 */

#include <stdlib.h>

#include "phase.h"

struct emitter;
typedef void listener_function(struct emitter *emitter, int temperature);

struct listener {
    struct listener *next;
    listener_function *function;
};

struct emitter {
    const char *event;
    struct listener *listeners;
    long handled;
};

static struct emitter g_thermometer = {.event = "reading"};

static void listener_add(struct emitter *emitter, listener_function *function)
{
    struct listener *listener = malloc(sizeof(*listener));
    if (!listener)
        abort();
    listener->function = function;
    listener->next = emitter->listeners;
    emitter->listeners = listener;
}

static void emit(struct emitter *emitter, int temperature)
{
    for (struct listener *at = emitter->listeners; at; at = at->next)
        at->function(emitter, temperature);
}

static void show_reading(struct emitter *emitter, int temperature)
{
    emitter->handled += temperature > 0;
}

/* Called by a timer every two seconds. */
static void on_tick(int tick)
{
    listener_add(&g_thermometer, show_reading); /* the leak: it is there already */
    emit(&g_thermometer, 20 + tick % 5);
}

int main(int argc, char **argv)
{
    return phase_main(argc, argv, 60, on_tick);
}
