// SPDX-License-Identifier: MIT

/* Any text as /proc/self/maps. The reader takes no text, so its file is compiled in. */

#include <stdlib.h>

#include "probes/freeze/maps.c" /* NOLINT */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    for (const char *at = text; *at;) {
        struct hs_range range = {0};
        const char *end = parse_line(at, text, &range);
        if (end < at || end > text + size || (*end && *end != '\n')
            || range.path > (uint64_t)(end - text))
            abort();
        at = end + (*end != '\0');
    }
    free(text);
    return 0;
}
