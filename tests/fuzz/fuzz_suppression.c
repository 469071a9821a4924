// SPDX-License-Identifier: MIT

/* Any text as a file of suppressions, asked about a stack. */

#include <stdint.h>
#include <stdlib.h>

#include "heapsnap/suppression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hs_suppression_frame stack[] = {
        {"make", "make(int)", "_Z4makei", "/src/make.cc", "/bin/program", 12},
        {"ns::call", NULL, "_ZN2ns4callEv", "/src/call.cc", "/bin/program", 7},
        {.function = "start_thread", .module = "/lib/libc.so.6"},
        {0},
    };
    struct hs_suppressions *suppressions;
    struct hs_error err = {0};
    if (hs_suppressions_create(&suppressions, &err) < 0)
        return 0;
    if (hs_suppressions_parse(suppressions, (const char *)data, size, "fuzz", &err) == 0)
        for (size_t depth = 0; depth <= 4; depth++)
            hs_suppressions_match(suppressions, stack, depth, HS_SUPPRESSION_ALL, 1, 8);
    uint64_t count = 0;
    const struct hs_suppression *rule;
    for (size_t i = 0; (rule = hs_suppressions_get(suppressions, i)) != NULL; i++)
        count += rule->count;
    if (count > 5)
        abort(); /* a stack is counted once */
    hs_suppressions_destroy(suppressions);
    return 0;
}
