// SPDX-License-Identifier: MIT

/* The interpreter must answer what the kernel answers. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probes/tracker/filter.h"

#define LENGTH(program) (sizeof(program) / sizeof((program)[0]))
#define GIVE(answer) BPF_STMT(BPF_RET | BPF_K, (answer))
#define LOAD_NUMBER BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define LOAD_ARGUMENT(i)               \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
             (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (i)))

static uint32_t answer_of(const struct sock_filter *program, size_t length, int number,
                          uint64_t argument)
{
    struct seccomp_data call = {.nr = number, .args = {argument}};
    uint32_t answer = 0xbad;
    cr_assert(hs_filter_run(program, length, &call, &answer));
    return answer;
}

Test(filter, answers_by_the_number_of_the_call)
{
    struct sock_filter program[] = {
        LOAD_NUMBER,
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 15, 0, 1),
        GIVE(SECCOMP_RET_KILL_PROCESS),
        GIVE(SECCOMP_RET_ALLOW),
    };

    uint32_t killed = answer_of(program, LENGTH(program), 15, 0);
    uint32_t allowed = answer_of(program, LENGTH(program), 16, 0);

    cr_expect(eq(u32, killed, SECCOMP_RET_KILL_PROCESS));
    cr_expect(eq(u32, allowed, SECCOMP_RET_ALLOW));
}

Test(filter, what_ends_a_program_in_the_kernel_is_death)
{
    struct sock_filter divides[] = {BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
                                    GIVE(SECCOMP_RET_ALLOW)};

    uint32_t answer = answer_of(divides, LENGTH(divides), 0, 0);

    cr_expect(eq(u32, answer, 0));
}

Test(filter, programs_the_kernel_refuses_are_refused)
{
    struct sock_filter endless[] = {LOAD_NUMBER, BPF_STMT(BPF_MISC | BPF_TAX, 0)};
    struct sock_filter beyond[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64),
                                   GIVE(SECCOMP_RET_ALLOW)};
    struct sock_filter away[] = {BPF_JUMP(BPF_JMP | BPF_JA, 0xffffffff, 0, 0),
                                 GIVE(SECCOMP_RET_ALLOW)};
    struct seccomp_data call = {0};
    uint32_t answer;

    cr_expect(not(hs_filter_run(endless, LENGTH(endless), &call, &answer)));
    cr_expect(not(hs_filter_run(beyond, LENGTH(beyond), &call, &answer)));
    cr_expect(not(hs_filter_run(away, LENGTH(away), &call, &answer)));
    cr_expect(not(hs_filter_run(away, 0, &call, &answer)));
}

Test(filter, an_error_is_survived_and_the_rest_is_not)
{
    cr_expect(hs_filter_is_survived(SECCOMP_RET_ERRNO | EPERM));
    cr_expect(not(hs_filter_is_granted(SECCOMP_RET_ERRNO | EPERM)));
    cr_expect(hs_filter_is_granted(SECCOMP_RET_LOG));
    cr_expect(not(hs_filter_is_survived(SECCOMP_RET_TRAP)));
    cr_expect(not(hs_filter_is_survived(SECCOMP_RET_TRACE)));
    cr_expect(not(hs_filter_is_survived(SECCOMP_RET_USER_NOTIF)));
    cr_expect(not(hs_filter_is_survived(SECCOMP_RET_KILL_THREAD)));
    cr_expect(not(hs_filter_is_survived(SECCOMP_RET_KILL_PROCESS)));
}

/* getpriority's first argument decides; every operation takes part. */
static struct sock_filter arithmetic[] = {
    LOAD_NUMBER,
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpriority, 1, 0),
    GIVE(SECCOMP_RET_ALLOW),
    LOAD_ARGUMENT(0),
    BPF_STMT(BPF_ST, 3),
    BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 2654435761u),
    BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 7),
    BPF_STMT(BPF_MISC | BPF_TAX, 0),
    BPF_STMT(BPF_LD | BPF_W | BPF_MEM, 3),
    BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 3),
    BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
    BPF_STMT(BPF_ALU | BPF_NEG, 0),
    BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
    BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 3),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 16, 1, 0),
    BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 5),
    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 1u << 29, 0, 1),
    BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 77),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff),
    BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
    BPF_STMT(BPF_RET | BPF_A, 0),
};

Test(filter, the_kernel_computes_the_same)
{
    struct sock_fprog filter = {.len = LENGTH(arithmetic), .filter = arithmetic};
    cr_assert(eq(int, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0));
    cr_assert(eq(int, prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0));

    for (uint32_t value = 1; value < 2000000000u; value = value * 3 + 1) {
        errno = 0;
        long result = syscall(SYS_getpriority, value, 0);
        uint32_t answer =
            answer_of(arithmetic, LENGTH(arithmetic), SYS_getpriority, value);

        uint32_t expected = answer & SECCOMP_RET_DATA;
        if (expected > 4095)
            expected = 4095; /* the kernel's largest errno */
        cr_expect(eq(u32, expected, (uint32_t)(result < 0 ? errno : 0)), "%u", value);
    }
}
