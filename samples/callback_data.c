// SPDX-License-Identifier: MIT

/*
 * A callback whose user data nobody releases: the download is finished, the callback has
 * run and is unregistered, but the context that was allocated for it stays behind. No
 * pointer is left, so it is lost, not only unused.
 *
 * verdict: loses 50 blocks at download_start
 */

#include <stdlib.h>

#include "phase.h"

typedef void callback(int status, void *data);

struct context {
    int number;
    int *finished; /* where to count */
    char url[80];
};

static struct {
    callback *function;
    void *data;
} g_on_finish;

static int g_finished;

static void download_finished(int status, void *data)
{
    struct context *context = data;
    if (status == 200)
        ++*context->finished;
    /* The leak: free(context) belongs here. */
}

static void download_start(int number)
{
    struct context *context = malloc(sizeof(*context));
    if (!context)
        abort();
    context->number = number;
    context->finished = &g_finished;
    snprintf(context->url, sizeof(context->url), "https://example.org/%d.tar", number);
    g_on_finish.function = download_finished;
    g_on_finish.data = context;
}

/* What an event loop would do once the transfer is over. */
static void loop_run_callbacks(void)
{
    callback *function = g_on_finish.function;
    void *data = g_on_finish.data;
    g_on_finish.function = NULL;
    g_on_finish.data = NULL;
    function(200, data);
}

static void download(int number)
{
    download_start(number);
    loop_run_callbacks();
}

int main(int argc, char **argv)
{
    return phase_main(argc, argv, 50, download);
}
