// SPDX-License-Identifier: MIT

/*
 * Functions written by hand, with the unwind information that their author gave them: what
 * compilers rarely or never say. x86-64.
 */

#include <stdint.h>

#include "tests/probe/stacks/shape.h"

__attribute__((used)) void assembly_allocate(size_t size);
void assembly_allocate(size_t size)
{
    allocate(size + 16);
}

/* Each calls `call` with the size in %rdi, and leaves all registers as they were. */
#define FUNCTION(name, body)                                                       \
    __asm__(".text\n.type " #name ", @function\n" #name ":\n.cfi_startproc\n" body \
            ".cfi_endproc\n.size " #name ", . - " #name "\n");                     \
    void name(size_t size)

/* Words are pushed one by one, and one way out comes before the other. */
FUNCTION(pushes, "push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbx, 0\n"
                 "mov %rdi, %rbx\n"
                 "push %rdi\n.cfi_adjust_cfa_offset 8\n"
                 "push %rdi\n.cfi_adjust_cfa_offset 8\n"
                 "sub $16, %rsp\n.cfi_adjust_cfa_offset 16\n"
                 "call assembly_allocate\n"
                 "add $32, %rsp\n.cfi_adjust_cfa_offset -32\n"
                 "test $1, %bl\njz 1f\n"
                 ".cfi_remember_state\n"
                 "pop %rbx\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbx\n"
                 "ret\n"
                 "1:\n.cfi_restore_state\n"
                 "mov %rbx, %rdi\n"
                 "call assembly_allocate\n"
                 "pop %rbx\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbx\n"
                 "ret\n");

/* The frame pointer's register is used for something else, and saved far away. */
FUNCTION(other_bp, "sub $120, %rsp\n.cfi_adjust_cfa_offset 120\n"
                   "mov %rbp, 40(%rsp)\n.cfi_rel_offset %rbp, 40\n"
                   "mov $0x1234567, %rbp\n"
                   "call assembly_allocate\n"
                   "mov 40(%rsp), %rbp\n.cfi_restore %rbp\n"
                   "add $120, %rsp\n.cfi_adjust_cfa_offset -120\n"
                   "ret\n");

/* … and while it is, the frame is found through it and then not. */
FUNCTION(late_bp, "push %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbp, 0\n"
                  "mov %rsp, %rbp\n.cfi_def_cfa_register %rbp\n"
                  "sub $32, %rsp\n"
                  "call assembly_allocate\n"
                  "mov $10, %edi\n"
                  "mov (%rbp), %rbp\n.cfi_restore %rbp\n.cfi_def_cfa %rsp, 48\n"
                  "call assembly_allocate\n"
                  "add $40, %rsp\n.cfi_def_cfa_offset 8\n"
                  "ret\n");

/* Frames as large as a rule can say, and larger. */
FUNCTION(large, "sub $131048, %rsp\n.cfi_adjust_cfa_offset 131048\n"
                "call assembly_allocate\n"
                "add $131048, %rsp\n.cfi_adjust_cfa_offset -131048\n"
                "ret\n");
FUNCTION(larger, "sub $131080, %rsp\n.cfi_adjust_cfa_offset 131080\n"
                 "call assembly_allocate\n"
                 "add $131080, %rsp\n.cfi_adjust_cfa_offset -131080\n"
                 "ret\n");

/* The frame is found through a register that no stack trace follows. */
FUNCTION(through_rbx, "push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbx, 0\n"
                      "mov %rsp, %rbx\n.cfi_def_cfa_register %rbx\n"
                      "sub $200, %rsp\nand $-64, %rsp\n"
                      "call assembly_allocate\n"
                      "mov %rbx, %rsp\n.cfi_def_cfa_register %rsp\n"
                      "pop %rbx\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbx\n"
                      "ret\n");

/* The frame is computed: stack pointer + 32, in a way that only a machine understands. */
FUNCTION(computed, "sub $24, %rsp\n"
                   ".cfi_escape 0x0f, 0x05, 0x77, 0x08, 0x48, 0x22, 0x96\n"
                   "call assembly_allocate\n"
                   "add $24, %rsp\n.cfi_def_cfa %rsp, 8\n"
                   "ret\n");

/* Nothing is said of this one; its frame pointer is good. */
__asm__(".text\n.type unsaid, @function\nunsaid:\n"
        "push %rbp\nmov %rsp, %rbp\nsub $48, %rsp\n"
        "call assembly_allocate\n"
        "leave\nret\n.size unsaid, . - unsaid\n");
void unsaid(size_t size);

/* The last call of a function whose neighbour has another frame. */
FUNCTION(calls_last, "sub $24, %rsp\n.cfi_adjust_cfa_offset 24\n"
                     "call jump_out\n");
FUNCTION(neighbour, "sub $1000, %rsp\n.cfi_adjust_cfa_offset 1000\n"
                    "call assembly_allocate\n"
                    "add $1000, %rsp\n.cfi_adjust_cfa_offset -1000\n"
                    "ret\n");
uint64_t assembly_way_out;
__attribute__((used)) void jump_out(size_t size);
void jump_out(size_t size)
{
    allocate(size);
    __builtin_longjmp((void **)assembly_way_out, 1);
}

__attribute__((noinline)) static void call_last(void)
{
    void *buffer[5];
    assembly_way_out = (uint64_t)buffer;
    if (__builtin_setjmp(buffer) == 0)
        calls_last(40);
}

/*
 * Two stacks that have the same return addresses in the same places, and differ: what the
 * frame pointer was, saved in the middle, decides which of them is the caller's.
 *
 *     two_callers' frame pointer   its return address lies
 *     where it belongs             above the saved frame pointer, as usual
 *     two words below              below; it says "elsewhere", whose frame ends above
 */
FUNCTION(elsewhere, "push %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbp, 0\n"
                    "call assembly_allocate\n"
                    "back_elsewhere:\n"
                    "pop %rbp\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbp\n"
                    "ret\n");
FUNCTION(keeps_bp, "push %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbp, 0\n"
                   "xor %ebp, %ebp\n"
                   "call assembly_allocate\n"
                   "pop %rbp\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbp\n"
                   "ret\n");
FUNCTION(two_callers, "push %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbp, 0\n"
                      "mov %rsp, %rbp\n.cfi_def_cfa_register %rbp\n"
                      "lea back_elsewhere(%rip), %rax\n"
                      "push %rax\n"
                      "push (%rbp)\n"
                      "test $1, %dil\njz 1f\n"
                      "mov %rsp, %rbp\n"
                      "1:\n"
                      "mov $24, %edi\n"
                      "call keeps_bp\n"
                      "add $16, %rsp\n"
                      "pop %rbp\n.cfi_def_cfa %rsp, 8\n.cfi_restore %rbp\n"
                      "ret\n");

static void often(void (*function)(size_t))
{
    volatile int sum = 0;
    for (size_t i = 0; i < 20; i++) {
        function(i);
        deep((int)i % 3, &sum);
    }
}

/* In turns with nothing else between, for two_callers. */
static void run_two_callers(void)
{
    for (size_t i = 0; i < 40; i++)
        two_callers(i);
    elsewhere(24);
}

static void run_pushes(void)
{
    often(pushes);
}

static void run_other_bp(void)
{
    often(other_bp);
}

static void run_late_bp(void)
{
    often(late_bp);
}

static void run_large(void)
{
    often(large);
}

static void run_larger(void)
{
    often(larger);
}

static void run_through_rbx(void)
{
    often(through_rbx);
}

static void run_computed(void)
{
    often(computed);
}

static void run_unsaid(void)
{
    often(unsaid);
}

static void run_last(void)
{
    for (int i = 0; i < 20; i++)
        call_last();
    often(neighbour);
}

static const struct shape shapes[] = {
    {"pushes", run_pushes},
    {"another use of the frame pointer", run_other_bp},
    {"a frame pointer given up early", run_late_bp},
    {"two callers told apart by a saved frame pointer", run_two_callers},
    {"frames as large as a rule says", run_large},
    {"frames larger than a rule says", run_larger},
    {"frames in another register", run_through_rbx},
    {"computed frames", run_computed},
    {"code that says nothing of itself", run_unsaid},
    {"a call at the end", run_last},
};
SHAPE_MAIN(shapes)
