// SPDX-License-Identifier: MIT

/*
 * Whose stack frame is this slot in?
 *
 * Each thread is unwound once, outside the process: registers and stack bytes come from
 * the capture, call frame information from the files. A frame owns the slots from its
 * stack pointer up to its caller's.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/symbols/internal.h"
#include "probes/abi.h"

#if defined(__aarch64__)
#define STACK_POINTER 31
#define N_REGISTERS 32
#else
#define STACK_POINTER 7
#define N_REGISTERS 17 /* 16 is the instruction pointer */
#endif

/* A leaf function may use so much below its stack pointer. */
#define RED_ZONE 128

/* Deeper frames stay unnamed: a runaway recursion must not cost minutes. */
#define DEPTH_MAX 4096

struct unwound_frame {
    uint64_t sp, pc; /* pc: inside the instruction that runs, or the call */
    const char *name;
};

struct unwound_thread {
    bool is_done;
    HS_ARRAY(struct unwound_frame) frames; /* ascending by sp */
};

struct hs_unwind {
    struct hs_symbols *symbols;
    Dwfl *dwfl;
    bool is_attached;
    size_t current; /* the thread being unwound */
    struct unwound_thread threads[];
};

void hs_unwind_destroy(struct hs_unwind *unwind, size_t n_threads)
{
    if (!unwind)
        return;
    for (size_t i = 0; i < n_threads; i++)
        free(unwind->threads[i].frames.at);
    if (unwind->dwfl)
        dwfl_end(unwind->dwfl);
    free(unwind);
}

/* ---- what libdwfl asks for ---- */

/* Threads are called by their index + 1: two captured threads may share a tid. */
static pid_t next_thread(Dwfl *dwfl, void *context, void **thread_context)
{
    (void)dwfl;
    (void)context;
    (void)thread_context;
    return 0;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *context, void **ret)
{
    (void)dwfl;
    (void)tid;
    *ret = context;
    return true;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *ret, void *context)
{
    (void)dwfl;
    const struct hs_unwind *unwind = context;
    const struct hs_capture *capture = unwind->symbols->capture;
    const struct hs_capture_thread *thread = &capture->threads[unwind->current];
    if (thread->stacks_size < sizeof(*ret) || address < thread->stack_start
        || address - thread->stack_start > thread->stacks_size - sizeof(*ret))
        return false;
    memcpy(ret, capture->stacks + thread->stacks_offset + (address - thread->stack_start),
           sizeof(*ret));
    return true;
}

static bool set_registers(Dwfl_Thread *dwfl_thread, void *context)
{
    const struct hs_unwind *unwind = context;
    const struct hs_capture_thread *thread =
        &unwind->symbols->capture->threads[unwind->current];
    if (thread->n_registers < N_REGISTERS)
        return false;
    Dwarf_Word registers[N_REGISTERS];
    for (size_t i = 0; i < N_REGISTERS; i++)
        registers[i] = thread->registers[i];
#if defined(__aarch64__)
    if (thread->n_registers <= N_REGISTERS)
        return false;
    dwfl_thread_state_register_pc(dwfl_thread, thread->registers[N_REGISTERS]);
#endif
    return dwfl_thread_state_registers(dwfl_thread, 0, N_REGISTERS, registers);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
    .next_thread = next_thread,
    .get_thread = get_thread,
    .memory_read = read_memory,
    .set_initial_registers = set_registers,
};

/* ---- one thread ---- */

/* "handle_request() worker.c:77": the function that owns the frame, not what is inlined
 * into it. */
static const char *name_frame(struct hs_symbols *symbols, uint64_t return_address)
{
    const struct hs_symbol_frame *frames;
    size_t count = hs_symbols_frames(symbols, return_address, &frames);
    const struct hs_symbol_frame *owner = &frames[count - 1];
    if (owner->file && owner->line)
        return hs_text_format(&symbols->text, "%s() %s:%u", owner->function, owner->file,
                              owner->line);
    if (strchr(owner->function, '+') || !owner->module[0])
        return owner->function;
    return hs_text_format(&symbols->text, "%s() %s", owner->function, owner->module);
}

static int add_frame(Dwfl_Frame *state, void *context)
{
    struct hs_unwind *unwind = context;
    struct unwound_thread *thread = &unwind->threads[unwind->current];
    Dwarf_Addr pc;
    Dwarf_Word sp;
    bool is_activation;
    if (!dwfl_frame_pc(state, &pc, &is_activation)
        || dwfl_frame_reg(state, STACK_POINTER, &sp) != 0)
        return DWARF_CB_ABORT;
    bool is_ascending =
        thread->frames.count == 0 || sp > thread->frames.at[thread->frames.count - 1].sp;
    if (!is_ascending || thread->frames.count == DEPTH_MAX)
        return DWARF_CB_ABORT;
    const char *name = name_frame(unwind->symbols, is_activation ? pc + 1 : pc);
    struct unwound_frame frame = {sp, is_activation ? pc : pc - 1, name};
    return name && hs_array_push(&thread->frames, frame) ? DWARF_CB_OK : DWARF_CB_ABORT;
}

static struct hs_unwind *unwind_create(struct hs_symbols *symbols)
{
    const struct hs_capture *capture = symbols->capture;
    struct hs_unwind *unwind =
        calloc(1, sizeof(*unwind) + capture->n_threads * sizeof(unwind->threads[0]));
    if (!unwind)
        return NULL;
    unwind->symbols = symbols;
    unwind->dwfl = dwfl_begin(&hs_module_callbacks);
    if (!unwind->dwfl)
        return unwind;
    dwfl_report_begin(unwind->dwfl);
    for (size_t i = 0; i < symbols->n_by_address; i++) {
        struct hs_symbol_module *module = &symbols->modules[symbols->by_address[i]];
        hs_module_open(module);
        if (module->state == HS_MODULE_READY)
            hs_module_report(module, unwind->dwfl);
    }
    dwfl_report_end(unwind->dwfl, NULL, NULL);
    int pid = capture->header->pid > 0 ? capture->header->pid : 1;
    unwind->is_attached =
        dwfl_attach_state(unwind->dwfl, NULL, pid, &thread_callbacks, unwind);
    return unwind;
}

/* Index in `*ret`'s frames, or SIZE_MAX. */
static size_t find_frame(struct hs_symbols *symbols, size_t thread, uint64_t address,
                         const struct unwound_thread **ret)
{
    if (thread >= symbols->capture->n_threads)
        return SIZE_MAX;
    if (!symbols->unwind && !(symbols->unwind = unwind_create(symbols)))
        return SIZE_MAX;
    struct hs_unwind *unwind = symbols->unwind;
    struct unwound_thread *unwound = &unwind->threads[thread];
    if (!unwound->is_done) {
        unwound->is_done = true;
        unwind->current = thread;
        if (unwind->is_attached && symbols->capture->threads[thread].stopped)
            dwfl_getthread_frames(unwind->dwfl, (pid_t)thread + 1, add_frame, unwind);
    }

    size_t low = 0, high = unwound->frames.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (unwound->frames.at[middle].sp <= address)
            low = middle + 1;
        else
            high = middle;
    }
    /* Above the outermost frame known, the owner is not known either; below the innermost
       is its red zone. */
    if (unwound->frames.count == 0 || low == unwound->frames.count)
        return SIZE_MAX;
    if (low == 0 && unwound->frames.at[0].sp - address > RED_ZONE)
        return SIZE_MAX;
    *ret = unwound;
    return low ? low - 1 : 0;
}

const char *hs_symbols_slot(struct hs_symbols *symbols, size_t thread, uint64_t address)
{
    const struct unwound_thread *unwound;
    size_t index = find_frame(symbols, thread, address, &unwound);
    return index == SIZE_MAX ? NULL : unwound->frames.at[index].name;
}

bool hs_symbols_slot_frame(struct hs_symbols *symbols, size_t thread, uint64_t address,
                           uint64_t *ret_pc, uint64_t *ret_cfa)
{
    const struct unwound_thread *unwound;
    size_t index = find_frame(symbols, thread, address, &unwound);
    if (index == SIZE_MAX || index + 1 >= unwound->frames.count)
        return false;
    *ret_pc = unwound->frames.at[index].pc;
    /* Where the caller's stack pointer is once this frame is gone. */
    *ret_cfa = unwound->frames.at[index + 1].sp;
    return true;
}
