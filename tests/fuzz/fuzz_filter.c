// SPDX-License-Identifier: MIT

/* Any bytes as a seccomp filter: the kernel is asked about none of them. */

#include <stdlib.h>
#include <string.h>

#include "probes/tracker/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seccomp_data call = {.arch = 0xc000003e, .args = {0x1111, 3}};
    size_t length = size / sizeof(struct sock_filter);
    /* Of exactly this size, so that a checker sees a step beyond the end. */
    struct sock_filter *program = malloc(length * sizeof(*program) + 1);
    if (!program)
        abort();
    memcpy(program, data, length * sizeof(*program));
    for (call.nr = 0; call.nr < 4; call.nr++) {
        uint32_t answer = 0x12345678, again = 0;
        bool runs = hs_filter_run(program, length, &call, &answer);
        if (!runs && answer != 0x12345678)
            abort();
        if (runs && (!hs_filter_run(program, length, &call, &again) || again != answer))
            abort();
        if (hs_filter_is_granted(answer) && !hs_filter_is_survived(answer))
            abort();
    }
    free(program);
    return 0;
}
