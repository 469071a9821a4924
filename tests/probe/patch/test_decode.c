// SPDX-License-Identifier: MIT

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "probes/patch/decode.h"

static struct hs_code decode(const char *bytes, size_t size)
{
    struct hs_code code = {.size = 0};
    if (!hs_code_decode((const uint8_t *)bytes, size, &code))
        code.size = 0;
    return code;
}

Test(decode, lengths_of_what_allocators_begin_with)
{
    static const struct {
        const char *bytes;
        uint8_t size;
    } cases[] = {
        {"\x55", 1},                                      /* push rbp */
        {"\x41\x57", 2},                                  /* push r15 */
        {"\x48\x89\xe5", 3},                              /* mov rbp, rsp */
        {"\x48\x83\xec\x18", 4},                          /* sub rsp, 24 */
        {"\x48\x81\xff\x01\x10\x00\x00", 7},              /* cmp rdi, 4097 */
        {"\xf3\x0f\x1e\xfa", 4},                          /* endbr64 */
        {"\x48\xb8\x01\x02\x03\x04\x05\x06\x07\x08", 10}, /* movabs rax */
        {"\x64\x48\x8b\x04\x25\x28\x00\x00\x00", 9},      /* mov rax, fs:40 */
        {"\x66\x0f\x1f\x84\x00\x00\x00\x00\x00", 9},      /* nop */
        {"\xc5\xf9\xef\xc0", 4},                          /* vpxor xmm0 */
        {"\x62\xf1\xfe\x28\x6f\x06", 6},                  /* vmovdqu64 ymm0, [rsi] */
        {"\x66\xc7\x07\x01\x02", 5},                      /* mov word [rdi], 513 */
        {"\xf7\xc7\x0f\x00\x00\x00", 6},                  /* test edi, 15 */
        {"\xf7\xd8", 2},                                  /* neg eax */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hs_code code = decode(cases[i].bytes, 15);
        cr_expect(eq(int, code.size, cases[i].size), "case %zu", i);
    }
}

Test(decode, says_where_control_goes)
{
    struct hs_code jump = decode("\xe9\x10\x00\x00\x00", 5);
    struct hs_code near = decode("\xeb\xfe", 2);
    struct hs_code branch = decode("\x0f\x84\x00\x01\x00\x00", 6);
    struct hs_code call = decode("\xe8\xfb\xff\xff\xff", 5);
    struct hs_code indirect = decode("\xff\x25\x00\x00\x00\x00", 6);

    cr_expect(eq(int, jump.kind, HS_CODE_JUMP));
    cr_expect(eq(int, jump.target, 16));
    cr_expect(eq(int, near.kind, HS_CODE_JUMP));
    cr_expect(eq(int, near.target, -2));
    cr_expect(eq(int, branch.kind, HS_CODE_BRANCH));
    cr_expect(eq(int, branch.condition, 4));
    cr_expect(eq(int, branch.target, 256));
    cr_expect(eq(int, call.kind, HS_CODE_CALL));
    cr_expect(eq(int, call.target, -5));
    cr_expect(eq(int, indirect.kind, HS_CODE_END));
    cr_expect(eq(int, decode("\xc3", 1).kind, HS_CODE_END));
    cr_expect(eq(int, decode("\xcc", 1).kind, HS_CODE_PADDING));
}

Test(decode, finds_operands_relative_to_the_instruction)
{
    struct hs_code lea = decode("\x48\x8d\x0d\x74\x6d\x28\x00", 7);
    struct hs_code compare = decode("\x80\x3d\x01\x00\x00\x00\x00", 7);
    struct hs_code absolute = decode("\x48\x8b\x04\x25\x00\x10\x00\x00", 8);

    cr_expect(eq(int, lea.displacement, 3));
    cr_expect(eq(int, compare.displacement, 2));
    cr_expect(eq(int, compare.size, 7));
    cr_expect(eq(int, absolute.displacement, 0));
}

Test(decode, declines_what_it_does_not_know)
{
    static const char *const cases[] = {
        "\x06",                         /* push es: not in 64-bit code */
        "\xf4",                         /* hlt */
        "\xc7\xf8\x00\x00\x00\x00",     /* xbegin */
        "\x66\xe9\x00\x00\x00\x00",     /* a jump whose size depends on the maker */
        "\x67\x8b\x05\x00\x00\x00\x00", /* mov eax, [eip] */
        "\x48\x66\x90",                 /* a REX that does nothing */
        "\x66\xc5\xf9\xef\xc0",         /* a prefix before VEX */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect(eq(int, decode(cases[i], 15).size, 0), "case %zu", i);
}

Test(decode, never_needs_a_byte_more_than_there_is)
{
    static const char movabs[] = "\x48\xb8\x01\x02\x03\x04\x05\x06\x07\x08";

    for (size_t size = 0; size < 10; size++)
        cr_expect(eq(int, decode(movabs, size).size, 0));

    cr_expect(eq(int, decode(movabs, 10).size, 10));
}
