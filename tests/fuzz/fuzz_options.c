// SPDX-License-Identifier: MIT

/* Any text as HEAPSNAP_OPTIONS: bad words are ignored, and what stays is possible. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "probes/tracker/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *path, size_t size, bool may_be_empty)
{
    size_t length = strnlen(path, size);
    if (length == size || (length == 0 && !may_be_empty)
        || (length > 0 && path[0] != '/'))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hs_options at_start;
    static bool is_started;
    if (!is_started)
        at_start = hs_options;
    is_started = true;
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';

    hs_options = at_start;
    hs_options_parse(text);

    free(text);
    check_path(hs_options.directory, sizeof(hs_options.directory), false);
    check_path(hs_options.output, sizeof(hs_options.output), true);
    check_path(hs_options.helper, sizeof(hs_options.helper), true);
    if (hs_options.trigger_signal < 0 || hs_options.trigger_signal > 64
        || hs_options.freeze_signal < 0 || hs_options.freeze_signal > 64
        || hs_options.only_pid < 0)
        abort();
    return 0;
}
