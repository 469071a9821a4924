// SPDX-License-Identifier: MIT

/* Any bytes as the code of a function that is to be patched. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "probes/patch/decode.h"
#include "probes/patch/move.h"

#define FROM 0x400000
#define TO 0x3f0000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is made of understood code is understood code. */
static void check_moved(const uint8_t *moved, size_t size)
{
    static const uint8_t push[] = {0xff, 0x35, 0x05, 0x00, 0x00, 0x00};
    for (size_t at = 0; at < size;) {
        struct hs_code code;
        if (!hs_code_decode(moved + at, size - at, &code))
            abort();
        /* A call is the last: a push of where it returns to, a jump, that address. */
        if (size - at == sizeof(push) + HS_MOVE_JUMP + sizeof(uint64_t)
            && memcmp(moved + at, push, sizeof(push)) == 0)
            return;
        at += code.size;
        if (at > size)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        struct hs_code code;
        if (!hs_code_decode(data + at, size - at, &code)) {
            at++;
            continue;
        }
        if (code.size == 0 || code.size > HS_CODE_MAX || code.size > size - at
            || (code.displacement && code.displacement + 4 > code.size))
            abort();
        at += code.size;
    }
    if (size < HS_MOVE_JUMP)
        return 0;
    hs_code_enters(data, size, 0);
    uint8_t moved[HS_MOVE_MAX];
    size_t used = hs_code_move(data, size, FROM, TO, moved);
    if (used > HS_MOVE_MAX)
        abort();
    check_moved(moved, used);
    return 0;
}
