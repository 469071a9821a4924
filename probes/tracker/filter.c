// SPDX-License-Identifier: MIT

/*
 * Jumps only lead forward, as the kernel demands, so a program of n instructions ends after
 * n steps. Everything is 32 bit wide; a shift by more than that and a division by zero end
 * the program with 0, which is death, as in the kernel.
 */

#include "probes/tracker/filter.h"

#include <string.h>

struct machine {
    uint32_t a, x;
    uint32_t scratch[BPF_MEMWORDS];
    const struct seccomp_data *call;
};

static bool load(struct machine *machine, const struct sock_filter *at, uint32_t *ret)
{
    switch (BPF_MODE(at->code)) {
    case BPF_IMM:
        *ret = at->k;
        return true;
    case BPF_ABS:
        if (BPF_CLASS(at->code) != BPF_LD || at->k % 4 != 0
            || at->k > sizeof(*machine->call) - 4)
            return false;
        memcpy(ret, (const char *)machine->call + at->k, 4);
        return true;
    case BPF_LEN:
        *ret = sizeof(*machine->call);
        return true;
    case BPF_MEM:
        if (at->k >= BPF_MEMWORDS)
            return false;
        *ret = machine->scratch[at->k];
        return true;
    default:
        return false;
    }
}

/* False: not an operation, or one that ends the program (`ret_ends`). */
static bool compute(struct machine *machine, const struct sock_filter *at, bool *ret_ends)
{
    uint32_t value = BPF_SRC(at->code) == BPF_X ? machine->x : at->k;
    uint32_t *a = &machine->a;
    *ret_ends = false;
    switch (BPF_OP(at->code)) {
    case BPF_ADD:
        *a += value;
        return true;
    case BPF_SUB:
        *a -= value;
        return true;
    case BPF_MUL:
        *a *= value;
        return true;
    case BPF_DIV:
        *ret_ends = value == 0;
        *a = value ? *a / value : 0;
        return !*ret_ends;
    case BPF_AND:
        *a &= value;
        return true;
    case BPF_OR:
        *a |= value;
        return true;
    case BPF_XOR:
        *a ^= value;
        return true;
    case BPF_LSH:
    case BPF_RSH:
        *ret_ends = value > 31;
        if (!*ret_ends)
            *a = BPF_OP(at->code) == BPF_LSH ? *a << value : *a >> value;
        return !*ret_ends;
    case BPF_NEG:
        *a = -*a;
        return true;
    default:
        return false;
    }
}

/* How many instructions to skip; false: not a jump. */
static bool jump(const struct machine *machine, const struct sock_filter *at,
                 uint64_t *ret_skip)
{
    uint32_t value = BPF_SRC(at->code) == BPF_X ? machine->x : at->k;
    bool is_so;
    switch (BPF_OP(at->code)) {
    case BPF_JA:
        *ret_skip = at->k;
        return true;
    case BPF_JEQ:
        is_so = machine->a == value;
        break;
    case BPF_JGT:
        is_so = machine->a > value;
        break;
    case BPF_JGE:
        is_so = machine->a >= value;
        break;
    case BPF_JSET:
        is_so = machine->a & value;
        break;
    default:
        return false;
    }
    *ret_skip = is_so ? at->jt : at->jf;
    return true;
}

static bool give(const struct machine *machine, const struct sock_filter *at,
                 uint32_t *ret_answer)
{
    uint32_t source = BPF_RVAL(at->code);
    if (source != BPF_A && source != BPF_K)
        return false;
    *ret_answer = source == BPF_A ? machine->a : at->k;
    return true;
}

bool hs_filter_run(const struct sock_filter *program, size_t length,
                   const struct seccomp_data *call, uint32_t *ret_answer)
{
    struct machine machine = {.call = call};
    if (length == 0 || length > HS_FILTER_MAX)
        return false;
    for (uint64_t at = 0; at < length; at++) {
        const struct sock_filter *step = &program[at];
        uint64_t skip = 0;
        bool is_known = true, ends = false;
        switch (BPF_CLASS(step->code)) {
        case BPF_LD:
            is_known = load(&machine, step, &machine.a);
            break;
        case BPF_LDX:
            is_known = load(&machine, step, &machine.x);
            break;
        case BPF_ST:
        case BPF_STX:
            if (step->k >= BPF_MEMWORDS)
                return false;
            machine.scratch[step->k] =
                BPF_CLASS(step->code) == BPF_ST ? machine.a : machine.x;
            break;
        case BPF_ALU:
            is_known = compute(&machine, step, &ends);
            break;
        case BPF_JMP:
            is_known = jump(&machine, step, &skip);
            break;
        case BPF_RET:
            return give(&machine, step, ret_answer);
        case BPF_MISC:
            if (BPF_MISCOP(step->code) == BPF_TAX)
                machine.x = machine.a;
            else
                machine.a = machine.x;
            break;
        }
        if (ends) {
            *ret_answer = 0;
            return true;
        }
        if (!is_known)
            return false;
        at += skip;
    }
    return false;
}

bool hs_filter_is_granted(uint32_t answer)
{
    uint32_t action = answer & SECCOMP_RET_ACTION_FULL;
    return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

bool hs_filter_is_survived(uint32_t answer)
{
    return hs_filter_is_granted(answer)
           || (answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
}
