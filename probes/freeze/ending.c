// SPDX-License-Identifier: MIT

/*
 * The last snapshot, and the check for leaks that replaces the program's exit status.
 *
 * What is live in the end is what exit()'s caller still had. Below that lie dead frames
 * of main and of functions long returned, whose slots would hold blocks that nobody holds;
 * so the scan begins where exit() was called. A call through our own exit() tells; that
 * main has returned, or that libc itself called exit(), the walk of the stack tells.
 */

#include "probes/freeze/ending.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "probes/freeze/machine.h"
#include "probes/freeze/snapshot.h"
#include "probes/tracker/control.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/next.h"
#include "probes/tracker/options.h"
#include "probes/tracker/report.h"
#include "probes/tracker/stack.h"
#include "probes/tracker/thread.h"
#include "probes/tracker/trigger.h"

/* More than the code of libc's exit(), which does nothing but call another function. */
#define EXIT_CODE_SIZE 64

HS_NEXT(void, exit, (int))

static uint32_t is_taken;
static bool no_check; /* the program has made its own */
static uint32_t is_checking;
static struct hs_slot called_exit; /* by whom; tid 0: nobody yet */
static const char *texts[HS_ENDING_TEXTS];

void hs_ending_fork_child(void)
{
    __atomic_store_n(&is_taken, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&is_checking, 0, __ATOMIC_RELEASE);
    called_exit.tid = 0;
}

/* ---- where the living stack begins ---- */

void hs_trigger_ending(const void *caller_stack)
{
    if (!hs_trigger_is_started())
        return;
    hs_snapshot_fill_own(&called_exit, NULL);
    called_exit.registers[HS_MACHINE_SP] = (uint64_t)(uintptr_t)caller_stack;
    called_exit.registers[HS_MACHINE_IP] = ((const uint64_t *)caller_stack)[-1];
    called_exit.is_at_call = true;
}

/* The frame that called libc's exit(), on the stack of the handler with that frame. */
static const struct hs_thread_frame *find_caller(void *handler_frame)
{
    uint64_t code = (uint64_t)(uintptr_t)hs_next_exit();
    if (hs_stack_capture(handler_frame) == HS_STACK_UNKNOWN)
        return NULL;
    const struct hs_thread *thread = hs_thread_own;
    for (uint32_t i = thread->memo_is_walked ? thread->memo_count : 0; i-- > 1;)
        if (thread->memo[i].ip - code < EXIT_CODE_SIZE && thread->memo[i - 1].sp)
            return &thread->memo[i - 1];
    return NULL;
}

static void fill_own(struct hs_slot *own, void *handler_frame)
{
    hs_snapshot_fill_own(own, NULL);
    if (called_exit.tid == own->tid) {
        *own = called_exit;
        return;
    }
    if (!hs_guard_try())
        return;
    const struct hs_thread_frame *caller = find_caller(handler_frame);
    if (caller) {
        own->registers[HS_MACHINE_SP] = caller->sp;
        own->registers[HS_MACHINE_IP] = caller->ip;
        own->is_at_call = true;
    }
    hs_guard_drop();
}

/* ---- what the program says about checks ---- */

/* "NAME=text" for the helper's environment; NULL when there is none. */
static const char *make_text(const char *name, const char *function)
{
    const char *(*ask)(void) = (const char *(*)(void))hs_next_find_first(function);
    const char *answer = ask ? ask() : NULL;
    size_t size = 0;
    if (!answer || !*answer)
        return NULL;
    while (answer[size])
        size++;
    size += 64;
    char *text = hs_raw_map(size);
    if (text)
        hs_format(text, size, "%s=%s", name, answer);
    return text;
}

const char *hs_ending_text(unsigned number)
{
    return texts[number];
}

static bool is_turned_off(void)
{
    int (*ask)(void) = (int (*)(void))hs_next_find_first("__lsan_is_turned_off");
    return !hs_options.checks || (ask && ask());
}

/* One answer at a time is in the page. A thread that has died in here is not waited for. */
static void begin_check(void)
{
    struct timespec pause = {.tv_nsec = 1000000};
    for (int i = 0; i < 60000 && __atomic_exchange_n(&is_checking, 1, __ATOMIC_ACQ_REL);
         i++)
        hs_raw(SYS_nanosleep, &pause, 0);
}

static void ask_program(void)
{
    static bool has_asked;
    if (has_asked)
        return;
    has_asked = true;
    texts[0] = make_text(HS_ENV_CHECK_OPTIONS, "__lsan_default_options");
    texts[1] = make_text(HS_ENV_CHECK_SUPPRESSIONS, "__lsan_default_suppressions");
}

/* Returns the status to end with after a check, else 0. */
static int run(enum hs_trigger trigger, uint32_t work, int status,
               const struct hs_slot *own)
{
    bool is_exit = trigger == HS_TRIGGER_EXIT;
    const char *path = is_exit && hs_options.output[0] ? hs_options.output : NULL;
    int saved = errno, answer = 0;
    if (work & HS_WORK_CHECK) {
        begin_check();
        ask_program();
        hs_control->check_status = HS_CHECK_STATUS; /* until the helper says better */
    }
    hs_snapshot_run(trigger, work, path, true, status, own);
    if (work & HS_WORK_CHECK) {
        answer = (int)hs_control->check_status;
        __atomic_store_n(&is_checking, 0, __ATOMIC_RELEASE);
    }
    errno = saved;
    return answer;
}

int hs_ending_check(const struct hs_slot *own)
{
    if (is_turned_off() || !hs_trigger_is_started() || !hs_tracker_is_on()
        || !hs_tracker_is_this_process())
        return -ENOSYS;
    return run(HS_TRIGGER_API, HS_WORK_CHECK, 0, own);
}

void hs_ending_check_no_more(void)
{
    no_check = true;
}

/* ---- the end ---- */

/* True once. */
static bool take(void)
{
    return hs_trigger_is_started() && hs_tracker_is_on()
           && !__atomic_exchange_n(&is_taken, 1, __ATOMIC_ACQ_REL);
}

void hs_trigger_exit(int status)
{
    struct hs_slot own;
    if (!hs_options.snapshot_at_exit || !take())
        return;
    hs_snapshot_fill_own(&own, NULL);
    run(HS_TRIGGER_EXIT, HS_WORK_FILE, status, &own);
}

int hs_trigger_last(int status, void *handler_frame)
{
    struct hs_slot own;
    uint32_t work = hs_options.snapshot_at_exit ? HS_WORK_FILE : 0;
    if (!no_check && !is_turned_off())
        work |= HS_WORK_CHECK;
    if (!work || !take())
        return 0;
    fill_own(&own, handler_frame);
    return run(HS_TRIGGER_EXIT, work, status, &own);
}
