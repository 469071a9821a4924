// SPDX-License-Identifier: MIT

/*
 * A global list that grows: whoever subscribes is appended, nobody is ever removed, not
 * even when he says goodbye.
 *
 * verdict: grows by 100 blocks at subscriber_add
 */

#include <stdbool.h>
#include <stdlib.h>

#include "phase.h"

struct subscriber {
    struct subscriber *next;
    int id;
    bool has_left;
    char address[40];
};

static struct subscriber *g_subscribers;

static struct subscriber *subscriber_add(int id)
{
    struct subscriber *subscriber = calloc(1, sizeof(*subscriber));
    if (!subscriber)
        abort();
    subscriber->id = id;
    snprintf(subscriber->address, sizeof(subscriber->address), "user%d@example.org", id);
    subscriber->next = g_subscribers;
    g_subscribers = subscriber;
    return subscriber;
}

/* The leak: marked as gone, but neither taken off the list nor freed. */
static void subscriber_leave(struct subscriber *subscriber)
{
    subscriber->has_left = true;
}

static void come_and_go(int round)
{
    struct subscriber *subscriber = subscriber_add(round);
    subscriber_leave(subscriber);
}

int main(int argc, char **argv)
{
    return phase_main(argc, argv, 100, come_and_go);
}
