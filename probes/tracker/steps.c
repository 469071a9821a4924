// SPDX-License-Identifier: MIT

/*
 * unw_step alone. libunwind's quick way, unw_backtrace, remembers frames of libraries that
 * were unloaded.
 *
 * Across code without unwind information libunwind goes along frame pointers, too, but it
 * reads where they point without asking, or trusts an answer from before an munmap, and
 * crashes the program; and it knows too little of the stack pointer afterwards (1.6.2 adds
 * 16 to it), so it loses its way in the next frame that counts from there. Helped, it begins
 * anew behind such a frame, with the registers that the frame pointer stands for.
 */

#include "probes/tracker/steps.h"

#include <dlfcn.h>
#include <stddef.h>
#include <ucontext.h>

#include "probes/tracker/cfi_read.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/rules.h"
#include "probes/tracker/walk.h"

#if defined(__x86_64__)
#define GLOBAL_NAME(name) "_Ux86_64_" name
#define LOCAL_NAME(name) "_ULx86_64_" name
#define REGISTER_IP 16
#else
#define GLOBAL_NAME(name) "_Uaarch64_" name
#define LOCAL_NAME(name) "_ULaarch64_" name
#define REGISTER_IP 30
#endif

/* The beginning of unw_proc_info_t; what follows is shorter than the room. */
struct function {
    uint64_t start, end;
    uint64_t room[30];
};

static int (*get_context)(void *context);
static int (*init_local)(void *cursor, void *context);
static int (*step)(void *cursor);
static int (*get_register)(void *cursor, int number, uint64_t *ret);
static int (*get_function)(void *cursor, struct function *ret);

void hs_steps_init(void *library)
{
    get_context = dlsym(library, GLOBAL_NAME("getcontext"));
    init_local = dlsym(library, LOCAL_NAME("init_local"));
    step = dlsym(library, LOCAL_NAME("step"));
    get_register = dlsym(library, LOCAL_NAME("get_reg"));
    get_function = dlsym(library, LOCAL_NAME("get_proc_info"));
    if (!init_local || !step || !get_register || !get_function)
        get_context = NULL;
}

bool hs_steps_can_be_taken(void)
{
    return get_context != NULL;
}

struct hs_steps *hs_steps_of(struct hs_thread *thread)
{
    if (!thread->steps)
        thread->steps = hs_raw_map(sizeof(*thread->steps));
    return thread->steps;
}

#if defined(__x86_64__)
/* In the numbering of libunwind and DWARF. */
static const int context_registers[] = {
    REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};
#define REGISTER_BP 6
#define REGISTER_SP 7
#define N_REGISTERS 16

/* It makes up a function of one byte where it knows none. */
static bool has_information(struct hs_steps *steps)
{
    struct function function = {0};
    return get_function(steps->cursor, &function) < 0
           || function.end - function.start != 1;
}

static bool has_frame(struct hs_steps *steps)
{
    uint64_t bp;
    return get_register(steps->cursor, REGISTER_BP, &bp) >= 0 && hs_memory_is_readable(bp)
           && hs_memory_is_readable(bp + 8);
}

/* libunwind believes unwind tables, and damaged ones lead it anywhere: the program would die
 * of it. Ours are read with bounds, so what they say is looked at first. */
static bool is_sound(struct hs_steps *steps, uint64_t address)
{
    struct hs_rule rule = hs_rules_compile(address);
    if (rule.kind == HS_RULE_COMPLEX)
        return rule.reason != HS_REASON_TABLE;
    uint64_t base;
    if ((rule.kind != HS_RULE_SP && rule.kind != HS_RULE_BP)
        || get_register(steps->cursor,
                        rule.kind == HS_RULE_SP ? REGISTER_SP : REGISTER_BP, &base)
               < 0)
        return true;
    uint64_t cfa = base + rule.cfa_offset;
    return hs_memory_is_readable(cfa - 8)
           && hs_memory_is_readable(cfa - rule.bp_offset - 8);
}

static int step_frame(struct hs_steps *steps)
{
    uint64_t registers[N_REGISTERS] = {0};
    for (int i = 0; i < N_REGISTERS; i++)
        get_register(steps->cursor, i, &registers[i]);
    uint64_t bp = registers[REGISTER_BP];
    if (bp % 8 != 0 || bp - registers[REGISTER_SP] > HS_WALK_GUESS_MAX)
        return 0;
    const uint64_t *frame = (const uint64_t *)bp;
    registers[REGISTER_BP] = frame[0];
    registers[REGISTER_SP] = bp + 16;
    ucontext_t *context = (ucontext_t *)steps->context;
    for (int i = 0; i < N_REGISTERS; i++)
        context->uc_mcontext.gregs[context_registers[i]] = (greg_t)registers[i];
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)frame[1];
    return frame[1] < 4096 || init_local(steps->cursor, context) < 0 ? 0 : 1;
}
#else
static bool has_information(struct hs_steps *steps)
{
    (void)steps;
    return true;
}

static bool has_frame(struct hs_steps *steps)
{
    (void)steps;
    return false;
}

static bool is_sound(struct hs_steps *steps, uint64_t address)
{
    (void)steps;
    (void)address;
    return true;
}

static int step_frame(struct hs_steps *steps)
{
    (void)steps;
    return 0;
}
#endif

/* libunwind reads where the frame points, and the instructions there to tell a signal
 * frame, and trusts them to be. */
static bool is_there(struct hs_steps *steps, uint64_t address)
{
    if (!is_sound(steps, address))
        return false;
    address &= ~(uint64_t)7;
    return hs_memory_is_readable(address) && hs_memory_is_readable(address + 16)
           && (has_information(steps) || has_frame(steps));
}

uint32_t hs_steps_take(struct hs_steps *steps, uint64_t first, bool help)
{
    if (!get_context || get_context(steps->context) != 0
        || init_local(steps->cursor, steps->context) < 0)
        return 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < HS_STEPS_MAX + HS_STACK_OWN_FRAMES && n < HS_STEPS_MAX;
         i++) {
        uint64_t address;
        if (get_register(steps->cursor, REGISTER_IP, &address) < 0 || address == 0)
            break;
        if (n > 0 || address == first)
            steps->addresses[n++] = address;
        if (!is_there(steps, address))
            break;
        int result =
            help && !has_information(steps) ? step_frame(steps) : step(steps->cursor);
        if (result <= 0)
            break;
    }
    return n;
}
