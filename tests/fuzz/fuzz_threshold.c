// SPDX-License-Identifier: MIT

/* Any text as a threshold. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "heapsnap/leak.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[256], reason[256];
    if (size >= sizeof(text))
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    struct hs_threshold threshold;
    struct hs_error err = {0};
    if (hs_threshold_parse(text, &threshold, &err) < 0)
        return 0;
    struct hs_growth growth = {
        .name = "x", .bytes_after = UINT64_MAX, .count_after = UINT64_MAX};
    if (!hs_threshold_crossed(&threshold, &growth, reason, sizeof(reason)))
        abort(); /* growth without end crosses everything */
    return 0;
}
