// SPDX-License-Identifier: MIT

/*
 * A log of requests, "for debugging", that keeps every request since the start.
 *
 * The array itself grows by doubling, so it is one block whatever happens; what counts
 * are the lines it holds.
 *
 * verdict: grows by 200 blocks at request_log_append
 */

#include <stdlib.h>
#include <string.h>

#include "phase.h"

struct request_log {
    char **lines;
    size_t count, room;
};

static struct request_log g_request_log;

static void request_log_append(struct request_log *log, const char *line)
{
    if (log->count == log->room) {
        log->room = log->room ? 2 * log->room : 1024;
        log->lines = realloc(log->lines, log->room * sizeof(*log->lines));
        if (!log->lines)
            abort();
    }
    log->lines[log->count++] = strdup(line);
}

static void handle_request(int number)
{
    char line[120];
    snprintf(line, sizeof(line), "GET /articles/%d HTTP/1.1 from 192.0.2.%d", number,
             number % 256);
    request_log_append(&g_request_log, line);
}

int main(int argc, char **argv)
{
    return phase_main(argc, argv, 200, handle_request);
}
