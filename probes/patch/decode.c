// SPDX-License-Identifier: MIT

/*
 * Opcode maps as text: a letter an opcode says what follows it. VEX and EVEX only change
 * what stands before the opcode, so they share the maps.
 */

#include "probes/patch/decode.h"

#include <string.h>

/*
 *   .  nothing            m  operand byte (ModRM)     r  nothing, and control ends
 *   b  1 byte             B  ModRM, 1 byte            R  2 bytes, and control ends
 *   z  4 bytes (66: 2)    Z  ModRM, 4 bytes (66: 2)   j  jump by 1 byte
 *   q  z, REX.W: 8        e  3 bytes                  J  jump by 4 bytes
 *   o  8 bytes            3  F6 and F7: m, B or Z     i  int3
 *   l  loop by 1 byte     5  FE and FF: m, or an end  x  declined, or handled elsewhere
 *   v  B and Z of C6, C7: only their form 0           p  prefix
 */
static const char one_byte[] = "mmmmbzxxmmmmbzxx" /* 00 */
                               "mmmmbzxxmmmmbzxx"
                               "mmmmbzpxmmmmbzpx" /* 20 */
                               "mmmmbzpxmmmmbzpx"
                               "pppppppppppppppp" /* 40: REX */
                               "................"
                               "xxxmppppzZbBxxxx" /* 60 */
                               "jjjjjjjjjjjjjjjj"
                               "BZxBmmmmmmmmmmmv" /* 80 */
                               "..........x....."
                               "oooo....bz......" /* a0 */
                               "bbbbbbbbqqqqqqqq"
                               "BBRrxxvve.xxixxx" /* c0 */
                               "mmmmxxx.mmmmmmmm"
                               "llllxxxxJJxjxxxx" /* e0 */
                               "pxppx.33......55";

static const char two_byte[] = "xmmmx.xxxxxrxmxx" /* 0f 00 */
                               "mmmmmmmmmmmmmmmm"
                               "xxxxxxxxmmmmmmmm" /* 0f 20 */
                               "x.xxxxxxxxxxxxxx"
                               "mmmmmmmmmmmmmmmm" /* 0f 40 */
                               "mmmmmmmmmmmmmmmm"
                               "mmmmmmmmmmmmmmmm" /* 0f 60 */
                               "BBBBmmm.xxxxmmmm"
                               "JJJJJJJJJJJJJJJJ" /* 0f 80 */
                               "mmmmmmmmmmmmmmmm"
                               "...mBmxx..xmBmmm" /* 0f a0 */
                               "mmmmmmmmmxBmmmmm"
                               "mmBmBBBm........" /* 0f c0 */
                               "mmmmmmmmmmmmmmmm"
                               "mmmmmmmmmmmmmmmm" /* 0f e0 */
                               "mmmmmmmmmmmmmmmx";

enum map {
    MAP_ONE = 0,
    MAP_0F = 1,
    MAP_0F38 = 2,
    MAP_0F3A = 3,
};

struct reader {
    const uint8_t *bytes;
    size_t available, at;
    bool failed;
    bool narrow;     /* 66 */
    bool repeats;    /* f2 or f3 */
    bool address_32; /* 67 */
    bool wide;       /* REX.W */
    bool vector;     /* VEX or EVEX came before */
    bool evex;
    uint8_t opcode;
    enum map map;
};

static uint8_t next(struct reader *reader)
{
    if (reader->at >= reader->available || reader->at >= HS_CODE_MAX) {
        reader->failed = true;
        return 0;
    }
    return reader->bytes[reader->at++];
}

static void skip(struct reader *reader, size_t size)
{
    while (size-- > 0)
        next(reader);
}

static int32_t number(struct reader *reader, size_t size)
{
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint32_t)next(reader) << (8 * i);
    return size == 1 ? (int8_t)value : (int32_t)value;
}

/* The byte behind the prefixes. A REX counts only right before the opcode. */
static uint8_t read_prefixes(struct reader *reader)
{
    for (;;) {
        uint8_t byte = next(reader);
        if (reader->failed || one_byte[byte] != 'p')
            return byte;
        reader->wide = byte >> 3 == 0x48 >> 3;
        reader->narrow |= byte == 0x66;
        reader->address_32 |= byte == 0x67;
        reader->repeats |= byte == 0xf2 || byte == 0xf3;
        if (byte >> 4 == 4) {
            byte = next(reader);
            if (one_byte[byte] != 'p')
                return byte;
            reader->failed = true; /* a REX that does nothing */
        }
    }
}

/* C5: one byte of fields; C4: two, the first with the map; 62: three. */
static void read_vector_prefix(struct reader *reader, uint8_t first, bool is_plain)
{
    unsigned map = MAP_0F;
    if (!is_plain)
        reader->failed = true;
    if (first == 0xc4)
        map = next(reader) & 0x1f;
    reader->evex = first == 0x62;
    if (reader->evex) {
        map = next(reader) & 7;
        if (!(next(reader) & 4))
            reader->failed = true;
    }
    next(reader);
    if (map == 5 || map == 6) /* half-precision numbers: like 0f 38 */
        map = reader->evex ? MAP_0F38 : MAP_ONE;
    if (map < MAP_0F || map > MAP_0F3A)
        reader->failed = true;
    reader->vector = true;
    reader->map = (enum map)map;
    reader->opcode = next(reader);
}

static void read_opcode(struct reader *reader)
{
    uint8_t byte = read_prefixes(reader);
    bool is_plain = reader->at == 1
                    || (reader->at == 2 && reader->bytes[0] >> 1 == 0x64 >> 1)
                    || (reader->at == 2 && reader->bytes[0] == 0x67);
    if (byte == 0xc4 || byte == 0xc5 || byte == 0x62) {
        read_vector_prefix(reader, byte, is_plain);
        return;
    }
    reader->opcode = byte;
    if (byte != 0x0f)
        return;
    reader->map = MAP_0F;
    reader->opcode = next(reader);
    if (reader->opcode == 0x38 || reader->opcode == 0x3a) {
        reader->map = reader->opcode == 0x38 ? MAP_0F38 : MAP_0F3A;
        reader->opcode = next(reader);
    }
}

static char form_of(const struct reader *reader)
{
    char form = 'm';
    if (reader->map == MAP_0F3A)
        form = 'B';
    else if (reader->map == MAP_0F)
        form = two_byte[reader->opcode];
    else if (reader->map == MAP_ONE)
        form = one_byte[reader->opcode];
    if (!reader->vector)
        return form;
    if (reader->map == MAP_0F && reader->evex && reader->opcode >> 2 == 0x78 >> 2)
        return 'm';
    if (form == 'm' || form == 'B')
        return form;
    return reader->opcode == 0x77 && !reader->evex ? '.' : 'x'; /* vzeroupper */
}

/* The operand byte and what it calls for. Returns its middle field. */
static unsigned read_operand(struct reader *reader, struct hs_code *ret)
{
    uint8_t operand = next(reader);
    unsigned mode = operand >> 6, base = operand & 7;
    if (mode == 3)
        return operand >> 3 & 7;
    if (base == 4)
        base = next(reader) & 7;
    else if (mode == 0 && base == 5) {
        ret->displacement = (uint8_t)reader->at;
        if (reader->address_32)
            reader->failed = true;
        base = 0;
        mode = 2;
    }
    if (mode == 1)
        skip(reader, 1);
    else if (mode == 2 || base == 5)
        skip(reader, 4);
    return operand >> 3 & 7;
}

/* Groups whose meaning is in the operand byte. */
static void read_group(struct reader *reader, char form, struct hs_code *ret)
{
    unsigned field = read_operand(reader, ret);
    uint8_t opcode = reader->opcode;
    size_t word = reader->narrow && !reader->wide ? 2 : 4;
    switch (form) {
    case '3':
        if (field <= 1)
            skip(reader, opcode == 0xf6 ? 1 : word);
        break;
    case '5':
        if (field > (opcode == 0xfe ? 1 : 6) || field == 3 || field == 5)
            reader->failed = true;
        if (field == 4)
            ret->kind = HS_CODE_END;
        break;
    case 'v':
        if (field != 0)
            reader->failed = true; /* transactions, or XOP */
        if (opcode != 0x8f)
            skip(reader, opcode == 0xc6 ? 1 : word);
        break;
    }
}

static void read_jump(struct reader *reader, char form, struct hs_code *ret)
{
    if (form == 'J' && reader->narrow && !reader->wide)
        reader->failed = true; /* processors disagree about its size */
    ret->target = number(reader, form == 'J' ? 4 : 1);
    ret->condition = reader->opcode & 15;
    if (form == 'l')
        ret->kind = HS_CODE_LOOP;
    else if (reader->map == MAP_ONE && reader->opcode == 0xe8)
        ret->kind = HS_CODE_CALL;
    else if (reader->map == MAP_ONE && reader->opcode >= 0xe8)
        ret->kind = HS_CODE_JUMP;
    else
        ret->kind = HS_CODE_BRANCH;
}

static void read_rest(struct reader *reader, char form, struct hs_code *ret)
{
    size_t word = reader->narrow && !reader->wide ? 2 : 4;
    switch (form) {
    case '.':
        break;
    case 'i':
        ret->kind = HS_CODE_PADDING;
        break;
    case 'r':
        ret->kind = HS_CODE_END;
        break;
    case 'R':
        ret->kind = HS_CODE_END;
        skip(reader, 2);
        break;
    case 'm':
        read_operand(reader, ret);
        break;
    case 'B':
        read_operand(reader, ret);
        skip(reader, 1);
        break;
    case 'Z':
        read_operand(reader, ret);
        skip(reader, word);
        break;
    case 'b':
        skip(reader, 1);
        break;
    case 'z':
        skip(reader, word);
        break;
    case 'q':
        skip(reader, reader->wide ? 8 : word);
        break;
    case 'e':
        skip(reader, 3);
        break;
    case 'o':
        skip(reader, reader->address_32 ? 4 : 8);
        break;
    case 'j':
    case 'J':
    case 'l':
        read_jump(reader, form, ret);
        break;
    case '3':
    case '5':
    case 'v':
        read_group(reader, form, ret);
        break;
    default:
        reader->failed = true;
    }
}

static bool is_nop(const struct reader *reader)
{
    return !reader->vector
           && ((reader->map == MAP_ONE && reader->opcode == 0x90 && !reader->repeats)
               || (reader->map == MAP_0F && reader->opcode == 0x1f));
}

bool hs_code_decode(const uint8_t *bytes, size_t available, struct hs_code *ret)
{
    struct reader reader = {.bytes = bytes, .available = available};
    struct hs_code code = {.kind = HS_CODE_PLAIN};
    read_opcode(&reader);
    if (!reader.failed)
        read_rest(&reader, form_of(&reader), &code);
    if (reader.failed)
        return false;
    if (is_nop(&reader))
        code.kind = HS_CODE_PADDING;
    code.size = (uint8_t)reader.at;
    *ret = code;
    return true;
}
