// SPDX-License-Identifier: MIT

/* See the header. Encodings: Intel's manual, volume 2, "Instruction Format". */

#include "libheapsnap/types/site_code.h"

#include <string.h>

#if defined(__x86_64__)

#define INSTRUCTIONS_MAX 12

/* Numbers in instructions (rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 …) to DWARF's. */
static const uint8_t dwarf_numbers[16] = {0, 2, 1,  3,  7,  6,  4,  5,
                                          8, 9, 10, 11, 12, 13, 14, 15};
#define RAX 0
#define RSP 4
#define RDI 7

struct instruction {
    const uint8_t *code;
    size_t size;   /* that may be read */
    size_t length; /* of this one; 0: not understood */
    uint8_t rex, opcode, reg, rm;
    bool is_memory, is_relative; /* relative to the next instruction */
    int32_t displacement;
};

static bool read_displacement(struct instruction *in, size_t at, size_t bytes)
{
    if (at + bytes > in->size)
        return false;
    if (bytes == 1)
        in->displacement = (int8_t)in->code[at];
    else if (bytes == 4)
        memcpy(&in->displacement, in->code + at, 4);
    in->length = at + bytes;
    return true;
}

/* ModRM and what belongs to it, at `at`. No index registers. */
static bool read_operands(struct instruction *in, size_t at)
{
    if (at >= in->size)
        return false;
    uint8_t modrm = in->code[at++], mode = modrm >> 6;
    in->reg = (uint8_t)((modrm >> 3 & 7) | (in->rex & 4) << 1);
    in->rm = (uint8_t)((modrm & 7) | (in->rex & 1) << 3);
    in->is_memory = mode != 3;
    in->displacement = 0;
    if (in->is_memory && (modrm & 7) == RSP) {
        if (at >= in->size || (in->code[at++] & 0x3f) != 0x24)
            return false;
    }
    in->is_relative = mode == 0 && (modrm & 7) == 5;
    return read_displacement(in, at,
                             mode == 1                      ? 1
                             : mode == 2 || in->is_relative ? 4
                                                            : 0);
}

static bool read_instruction(struct instruction *in, const uint8_t *code, size_t size)
{
    *in = (struct instruction){.code = code, .size = size};
    size_t at = 0;
    if (at < size && (code[at] & 0xf0) == 0x40)
        in->rex = code[at++];
    if (at >= size)
        return false;
    in->opcode = code[at++];
    switch (in->opcode) {
    case 0x89: /* mov r, r/m */
    case 0x8b: /* mov r/m, r */
    case 0x8d: /* lea */
    case 0x85: /* test */
    case 0x31: /* xor */
    case 0x33:
    case 0x39: /* cmp */
    case 0x3b:
        return read_operands(in, at);
    case 0x83: /* add, cmp … with a byte */
        return read_operands(in, at) && in->length++ < size;
    case 0xc7: /* mov imm32, r/m */
        return read_operands(in, at) && (in->length += 4) <= size;
    case 0xe8: /* call */
        in->is_relative = true;
        return read_displacement(in, at, 4);
    case 0x74: /* je, jne: on without the jump */
    case 0x75:
        return read_displacement(in, at, 1);
    case 0x0f:
        if (at < size && (code[at] == 0x84 || code[at] == 0x85))
            return read_displacement(in, at + 1, 4);
        return false;
    default:
        if ((in->opcode & 0xf8) == 0xb8) { /* mov imm32, r */
            in->reg = (uint8_t)((in->opcode & 7) | (in->rex & 1) << 3);
            return !(in->rex & 8) && read_displacement(in, at, 4);
        }
        return false;
    }
}

/* The register that the instruction overwrites, or -1. */
static int written_register(const struct instruction *in)
{
    switch (in->opcode) {
    case 0x8b:
    case 0x8d:
    case 0x33:
        return in->reg;
    case 0x89:
    case 0x31:
    case 0xc7:
        return in->is_memory ? -1 : in->rm;
    case 0x83: /* only the last of the group, cmp, writes nothing */
        return in->is_memory || (in->reg & 7) == 7 ? -1 : in->rm;
    default:
        return (in->opcode & 0xf8) == 0xb8 ? in->reg : -1;
    }
}

/* True when the instruction does something with the result. */
static bool note_store(const struct instruction *in, uint32_t holders, uint64_t next,
                       struct hs_store *ret)
{
    *ret = (struct hs_store){.address = next};
    if (in->opcode == 0xe8) {
        ret->kind = HS_STORE_CALL;
        ret->offset = (int64_t)(next + (uint64_t)(int64_t)in->displacement);
        return holders & 1u << RDI;
    }
    bool is_move = in->opcode == 0x89 && (in->rex & 8) && (holders & 1u << in->reg);
    if (in->opcode == 0x8b && (in->rex & 8) && !in->is_memory
        && (holders & 1u << in->rm)) {
        ret->kind = HS_STORE_REGISTER;
        ret->base = dwarf_numbers[in->reg];
        return true;
    }
    if (!is_move)
        return false;
    ret->kind = !in->is_memory    ? HS_STORE_REGISTER
                : in->is_relative ? HS_STORE_STATIC
                                  : HS_STORE_MEMORY;
    ret->base = dwarf_numbers[in->rm];
    ret->offset = in->displacement;
    if (in->is_relative)
        ret->offset = (int64_t)(next + (uint64_t)(int64_t)in->displacement);
    return true;
}

/* Where each register was loaded from. */
struct loads {
    bool is_known[16];
    struct {
        unsigned base;
        int32_t offset;
    } from[16];
};

static void note_load(struct loads *loads, const struct instruction *in, int written)
{
    if (written < 0)
        return;
    loads->is_known[written] =
        in->opcode == 0x8b && (in->rex & 8) && in->is_memory && !in->is_relative;
    loads->from[written].base = dwarf_numbers[in->rm];
    loads->from[written].offset = in->displacement;
}

static void use_load(const struct loads *loads, const struct instruction *in,
                     struct hs_store *store)
{
    store->is_loaded = store->kind == HS_STORE_MEMORY && loads->is_known[in->rm];
    store->loaded_base = loads->from[in->rm].base;
    store->loaded_offset = loads->from[in->rm].offset;
}

size_t hs_site_stores(const uint8_t *code, size_t size, uint64_t address,
                      struct hs_store *ret, size_t n)
{
    uint32_t holders = 1u << RAX; /* registers that hold the result */
    struct loads loads = {0};
    size_t count = 0, at = 0;
    for (int i = 0; i < INSTRUCTIONS_MAX && count < n && holders; i++) {
        struct instruction in;
        if (!read_instruction(&in, code + at, size - at) || in.length > size - at)
            break;
        at += in.length;
        bool is_store = note_store(&in, holders, address + at, &ret[count]);
        int written = written_register(&in);
        if (is_store)
            use_load(&loads, &in, &ret[count]);
        note_load(&loads, &in, written);
        if (written >= 0)
            holders &= ~(1u << written);
        if (is_store && ret[count].kind == HS_STORE_REGISTER && written >= 0)
            holders |= 1u << written;
        count += is_store;
        if (in.opcode == 0xe8)
            break;
    }
    return count;
}

#else

size_t hs_site_stores(const uint8_t *code, size_t size, uint64_t address,
                      struct hs_store *ret, size_t n)
{
    (void)code;
    (void)size;
    (void)address;
    (void)ret;
    (void)n;
    return 0;
}

#endif
