// SPDX-License-Identifier: MIT

/*
 * Whatever is relative to the place it stands at is written anew: operands get another
 * distance, short jumps become long ones. A call must return to where its caller's unwind
 * rules hold, not into the copy: it becomes a push of that address and a jump.
 */

#include "probes/patch/move.h"

#include <string.h>

#include "probes/patch/decode.h"

struct copy {
    uint8_t *out;
    size_t used;
    uint64_t to;
    bool failed;
};

static void put(struct copy *copy, const void *bytes, size_t size)
{
    if (copy->failed || size > HS_MOVE_MAX - copy->used) {
        copy->failed = true;
        return;
    }
    memcpy(copy->out + copy->used, bytes, size);
    copy->used += size;
}

/* 4 bytes: how far `target` is from what follows them after `more` bytes. */
static void put_distance(struct copy *copy, uint64_t target, size_t more)
{
    int64_t distance = (int64_t)(target - (copy->to + copy->used + 4 + more));
    int32_t value = (int32_t)distance;
    if (distance != value)
        copy->failed = true;
    put(copy, &value, sizeof(value));
}

static void put_jump(struct copy *copy, uint64_t target)
{
    put(copy, "\xe9", 1);
    put_distance(copy, target, 0);
}

/* push [rip + 5]; jmp target; the address */
static void put_call(struct copy *copy, uint64_t target, uint64_t back)
{
    put(copy, "\xff\x35\x05\x00\x00\x00", 6);
    put_jump(copy, target);
    put(copy, &back, sizeof(back));
}

static void put_branch(struct copy *copy, unsigned condition, uint64_t target)
{
    uint8_t opcode[2] = {0x0f, (uint8_t)(0x80 | condition)};
    put(copy, opcode, sizeof(opcode));
    put_distance(copy, target, 0);
}

static void put_plain(struct copy *copy, const uint8_t *bytes, const struct hs_code *code,
                      uint64_t at)
{
    if (code->displacement == 0) {
        put(copy, bytes, code->size);
        return;
    }
    int32_t old;
    memcpy(&old, bytes + code->displacement, sizeof(old));
    size_t more = code->size - code->displacement - sizeof(old);
    put(copy, bytes, code->displacement);
    put_distance(copy, at + code->size + (uint64_t)(int64_t)old, more);
    put(copy, bytes + code->size - more, more);
}

/* Behind what never goes on, a function's padding may be overwritten. */
static bool is_padding(const uint8_t *bytes, size_t size, size_t at)
{
    while (at < HS_MOVE_JUMP) {
        struct hs_code code;
        if (!hs_code_decode(bytes + at, size - at, &code) || code.kind != HS_CODE_PADDING)
            return false;
        at += code.size;
    }
    return true;
}

/* One instruction at bytes[at]; false when control does not go on behind it. */
static bool move_one(struct copy *copy, const uint8_t *bytes, const struct hs_code *code,
                     uint64_t at)
{
    uint64_t after = at + code->size, target = after + (uint64_t)(int64_t)code->target;
    switch (code->kind) {
    case HS_CODE_PLAIN:
    case HS_CODE_PADDING:
        put_plain(copy, bytes, code, at);
        return true;
    case HS_CODE_BRANCH:
        put_branch(copy, code->condition, target);
        return true;
    case HS_CODE_JUMP:
        put_jump(copy, target);
        return false;
    case HS_CODE_CALL:
        put_call(copy, target, after);
        return false;
    case HS_CODE_END:
        put_plain(copy, bytes, code, at);
        return false;
    case HS_CODE_LOOP:
        break;
    }
    copy->failed = true;
    return false;
}

size_t hs_code_move(const uint8_t *bytes, size_t size, uint64_t from, uint64_t to,
                    uint8_t ret[HS_MOVE_MAX])
{
    struct copy copy = {.out = ret, .to = to};
    size_t moved = 0;
    bool goes_on = true;
    while (goes_on && moved < HS_MOVE_JUMP) {
        struct hs_code code;
        if (!hs_code_decode(bytes + moved, size - moved, &code))
            return 0;
        goes_on = move_one(&copy, bytes + moved, &code, from + moved);
        moved += code.size;
    }
    if (goes_on)
        put_jump(&copy, from + moved);
    else if (moved < HS_MOVE_JUMP && !is_padding(bytes, size, moved))
        return 0;
    return copy.failed ? 0 : copy.used;
}

bool hs_code_enters(const uint8_t *bytes, size_t size, size_t site)
{
    struct hs_code code;
    for (size_t at = 0; at < size; at += code.size) {
        if (!hs_code_decode(bytes + at, size - at, &code))
            return true;
        int64_t target = (int64_t)(at + code.size) + code.target;
        bool jumps = code.kind == HS_CODE_JUMP || code.kind == HS_CODE_BRANCH
                     || code.kind == HS_CODE_LOOP || code.kind == HS_CODE_CALL;
        if (jumps && target > (int64_t)site && target < (int64_t)site + HS_MOVE_JUMP)
            return true;
    }
    return false;
}
