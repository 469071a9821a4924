// SPDX-License-Identifier: MIT

/*
 * Telling about an event. The line is flushed at once, because whoever reads it may be
 * a pipe, and a command's own output goes to stderr, so that --json stays JSON.
 */

#include "tools/event.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"
#include "tools/save.h"
#include "tools/tool.h"

/* The longest a process may take for the snapshot of an event. */
#define SNAPSHOT_TIMEOUT_MS 60000

HS_DEFINE_GUARD(guard_json, json_t *, json_decref)

static void take_snapshot(const struct hs_event_actions *actions,
                          struct hs_process *process, char *path, size_t size)
{
    struct hs_error err = {0};
    struct hs_capture capture;
    int result = hs_process_capture(process, SNAPSHOT_TIMEOUT_MS, &capture, &err);
    if (result == 0) {
        result = hs_save_capture(&capture, actions->directory, NULL, path, size, &err);
        hs_capture_close(&capture);
    }
    if (result != 0) {
        path[0] = '\0';
        hs_tool_fail(&err);
    }
}

static void run_command(const char *command, const char *event)
{
    pid_t child = fork();
    if (child == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        setenv("HEAPSNAP_EVENT", event, 1);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    if (child > 0)
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
    struct hs_error err = {0};
    if (child < 0)
        hs_error_set(&err, errno, "cannot run '%s': %s", command, strerror(errno));
    else if (WIFSIGNALED(status))
        hs_error_set(&err, EIO, "'%s' was killed by signal %d", command,
                     WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        hs_error_set(&err, EIO, "'%s' ended with status %d", command,
                     WEXITSTATUS(status));
    if (err.code)
        hs_tool_fail(&err);
}

void hs_event_raise(const struct hs_event_actions *actions, struct hs_process *process,
                    pid_t pid, const struct hs_growth *growth, const char *reason,
                    char *snapshot, size_t snapshot_size)
{
    if (actions->snapshot && !*snapshot)
        take_snapshot(actions, process, snapshot, snapshot_size);

    hs_auto(guard_json) json_t *event = hs_leak_event_json(growth, reason);
    if (event) {
        json_object_set_new(event, "pid", json_integer(pid));
        if (*snapshot)
            json_object_set_new(event, "snapshot", json_string(snapshot));
    }
    hs_auto_free char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;
    if (actions->json) {
        if (text)
            puts(text);
    } else {
        char line[8192];
        hs_leak_event_text(growth, reason, line, sizeof(line));
        printf("%s%s%s\n", line, *snapshot ? "; snapshot " : "", snapshot);
    }
    fflush(stdout);
    if (actions->command && text)
        run_command(actions->command, text);
}
