// SPDX-License-Identifier: MIT

/*
 * A system call in another process: the code is written to a place that nothing uses, the
 * thread is sent there and stopped again behind the call, and everything is put back. If
 * this tool dies in between, the code puts everything back itself (memory_machine.h); that
 * is why the order matters in which registers and signal mask are set.
 *
 * It runs by PTRACE_SYSCALL, not by single steps: the kernel takes back the former when
 * the tracer dies, while the trap of a step would then kill the program.
 */

#include "libheapsnap/image/memory_call.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "libheapsnap/image/memory_sandbox.h"

/* A fork of 100 GB takes seconds. */
#define CALL_MS 60000

#define SYSCALL_STOP (SIGTRAP | 0x80)

static bool peek(pid_t tid, uint64_t address, void *ret, size_t size)
{
    for (size_t at = 0; at < size; at += sizeof(long)) {
        errno = 0;
        long word = ptrace(PTRACE_PEEKTEXT, tid, address + at, NULL);
        if (errno != 0)
            return false;
        memcpy((uint8_t *)ret + at, &word, sizeof(word));
    }
    return true;
}

/* Also where the program itself may only read and execute. */
static bool poke(pid_t tid, uint64_t address, const void *data, size_t size)
{
    for (size_t at = 0; at < size; at += sizeof(long)) {
        long word;
        memcpy(&word, (const uint8_t *)data + at, sizeof(word));
        if (ptrace(PTRACE_POKETEXT, tid, address + at, word) != 0)
            return false;
    }
    return true;
}

/* Backwards, so that what is left of code can be told by its first word. */
static void wipe(pid_t tid, uint64_t address, size_t size)
{
    for (size_t at = size; at > 0; at -= sizeof(long))
        ptrace(PTRACE_POKETEXT, tid, address + at - sizeof(long), 0L);
}

bool hs_call_is_free(const uint8_t *bytes, size_t size)
{
    if (hs_machine_is_code(bytes, size))
        return true;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

bool hs_call_is_running(const struct hs_stopped_thread *thread, uint64_t place)
{
    struct hs_machine_registers registers;
    return thread->is_stopped && hs_machine_get(thread->tid, &registers)
           && hs_machine_pc(&registers) - place < HS_MACHINE_CODE_MAX;
}

unsigned int hs_call_suits(const struct hs_stopped_thread *thread,
                           const char **ret_reason)
{
    struct hs_machine_registers registers;
    if (!thread->is_stopped || thread->is_gone) {
        *ret_reason = "its threads cannot be stopped";
    } else if (thread->signal != 0) {
        *ret_reason = "it is about to get a signal";
    } else if (!hs_sandbox_allows_image(thread->tid)) {
        *ret_reason = "its sandbox (seccomp) might not allow a fork";
    } else if (!hs_machine_get(thread->tid, &registers)) {
        *ret_reason = "it is ending";
    } else {
        enum hs_machine_place place = hs_machine_place(thread->tid, &registers);
        *ret_reason = "none of its threads is where it can be sent elsewhere";
        if (place
            == HS_PLACE_CALL) /* rather one whose call begins anew than one cut off */
            return hs_machine_result(&registers) == -EINTR ? 2 : 3;
        return place == HS_PLACE_CODE ? 1 : 0;
    }
    return 0;
}

/* One turn: let it run to the next stop. -errno when it ended or does not come back. */
static int step(struct hs_stopped_thread *thread, enum __ptrace_request request,
                int *ret_status)
{
    if (ptrace(request, thread->tid, NULL, (void *)(intptr_t)thread->signal) != 0)
        return -errno;
    thread->signal = 0;
    thread->is_stopped = false;
    if (!hs_stop_wait(thread->tid, CALL_MS, ret_status))
        return -ETIMEDOUT;
    if (!WIFSTOPPED(*ret_status)) {
        thread->is_gone = true;
        return -ESRCH;
    }
    thread->is_stopped = true;
    /* Only SIGSTOP gets through the mask. It must have it now: a stop for an interrupt, as
       this ends in, takes no signal. */
    if (*ret_status >> 16 == 0 && WSTOPSIG(*ret_status) != SYSCALL_STOP)
        thread->signal = WSTOPSIG(*ret_status);
    return 0;
}

/* From the start of the code to the exit from its call. */
static int run_call(struct hs_stopped_thread *thread, int64_t *ret_result,
                    pid_t *ret_child)
{
    for (int n_stops = 0; n_stops < 2;) {
        int status;
        int result = step(thread, PTRACE_SYSCALL, &status);
        if (result != 0)
            return result;
        unsigned long child;
        if (status >> 16 == PTRACE_EVENT_CLONE
            && ptrace(PTRACE_GETEVENTMSG, thread->tid, NULL, &child) == 0)
            *ret_child = (pid_t)child;
        n_stops += status >> 16 == 0 && WSTOPSIG(status) == SYSCALL_STOP;
    }
    struct hs_machine_registers registers;
    if (!hs_machine_get(thread->tid, &registers))
        return -ESRCH;
    *ret_result = hs_machine_result(&registers);
    return 0;
}

/* Registers that make the kernel restart a call only work in a stop for an interrupt. */
static int stop_again(struct hs_stopped_thread *thread)
{
    int status = 0;
    ptrace(PTRACE_INTERRUPT, thread->tid, NULL, NULL);
    while (status >> 16 != PTRACE_EVENT_STOP) {
        int result = step(thread, PTRACE_CONT, &status);
        if (result != 0)
            return result;
    }
    thread->is_group_stopped = WSTOPSIG(status) != SIGTRAP;
    return 0;
}

int hs_call(struct hs_stopped_thread *thread, uint64_t place,
            const struct hs_machine_call *call, int64_t *ret_result, pid_t *ret_child)
{
    struct hs_machine_registers before, start;
    uint8_t code[HS_MACHINE_CODE_MAX] = {0}, old[HS_MACHINE_CODE_MAX];
    uint64_t signals, all = UINT64_MAX;
    pid_t tid = thread->tid;
    *ret_child = 0;
    if (!hs_machine_get(tid, &before)
        || ptrace(PTRACE_GETSIGMASK, tid, sizeof(signals), &signals) != 0
        || !peek(tid, place, old, sizeof(old)))
        return -errno;
    if (!hs_call_is_free(old, sizeof(old)) || hs_call_is_running(thread, place))
        return -EBUSY;
    size_t size = hs_machine_prepare(&before, signals, call, place, code, &start);
    if (size == 0)
        return -ENOSYS;
    size = (size + 7) & ~(size_t)7;
    if (ptrace(PTRACE_SETOPTIONS, tid, NULL,
               PTRACE_O_TRACESYSGOOD | (call->makes_child ? PTRACE_O_TRACECLONE : 0))
            != 0
        || !poke(tid, place, code, size) || !hs_machine_set(tid, &start)) {
        int reason = errno;
        wipe(tid, place, sizeof(old));
        return -reason;
    }
    ptrace(PTRACE_SETSIGMASK, tid, sizeof(all), &all);
    int result = run_call(thread, ret_result, ret_child);
    if (result == 0)
        result = stop_again(thread);
    if (result != 0) /* it is ending, or puts itself back */
        return result;
    ptrace(PTRACE_SETSIGMASK, tid, sizeof(signals), &signals);
    hs_machine_set(tid, &before);
    wipe(tid, place, sizeof(old));
    return 0;
}
