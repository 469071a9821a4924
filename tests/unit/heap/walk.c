// SPDX-License-Identifier: MIT

/* What tests do with a picture; apart, because the fuzz target draws pictures, too. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "picture.h"
#include "probes/abi.h"

struct hs_capture picture_walk(struct picture *picture, struct hs_heap_report *report)
{
    struct hs_capture capture = {0};
    struct hs_error err = {0};
    cr_assert(
        eq(int, hs_heap_capture(fake_memory(picture->fake), &capture, report, &err), 0),
        "%s", err.text);
    return capture;
}

bool picture_has(const struct hs_capture *capture, uint64_t address, uint64_t size)
{
    for (size_t i = 0; i < capture->n_blocks; i++)
        if (capture->blocks[i].address == address && capture->blocks[i].size == size)
            return true;
    return false;
}
