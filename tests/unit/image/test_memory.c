// SPDX-License-Identifier: MIT

/* Looking at live processes: children of the test, each of which knows what it holds. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heapsnap/memory.h"
#include "probes/abi.h"

TestSuite(memory, .timeout = 30);

/* What a child and its test share. */
struct shared {
    atomic_int is_ready;
    atomic_uint n_signals;
    atomic_ulong n_rounds;
    uint64_t thread_pointer;
    uint64_t address;
    pid_t tid;
};
static struct shared *shared;

static pid_t start(void (*body)(void))
{
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(shared != MAP_FAILED);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        body();
        for (;;)
            pause();
    }
    for (int i = 0; i < 10000 && !shared->is_ready; i++)
        usleep(1000);
    cr_assert(shared->is_ready);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static struct hs_memory *look_at(pid_t pid, bool wants_image)
{
    struct hs_memory *memory = NULL;
    struct hs_error err = {0};
    int result = wants_image ? hs_memory_open_process(pid, &memory, &err)
                             : hs_memory_open_stopped(pid, &memory, &err);
    cr_assert(eq(int, result, 0), "%s", err.text);
    return memory;
}

static char state_of(pid_t pid)
{
    char path[64], state = '?';
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%*d %*s %c", &state) != 1)
        state = '?';
    if (file)
        fclose(file);
    return state;
}

static uint8_t secret[3 * 4096];

static void hold_secret(void)
{
    for (size_t i = 0; i < sizeof(secret); i++)
        secret[i] = (uint8_t)(i * 11 + i / 512);
    shared->is_ready = 1;
}

static void expect_secret(const struct hs_memory *memory)
{
    uint8_t copy[sizeof(secret)];
    uint64_t address = (uint64_t)(uintptr_t)secret;
    cr_assert(eq(sz, hs_memory_read(memory, address, copy, sizeof(copy)), sizeof(copy)));
    hold_secret(); /* the same here */
    cr_expect(eq(int, memcmp(copy, secret, sizeof(copy)), 0));
    cr_expect(hs_memory_is_whole(memory));
}

Test(memory, a_stopped_process_is_read_byte_for_byte)
{
    pid_t pid = start(hold_secret);

    struct hs_memory *memory = look_at(pid, false);

    cr_expect(eq(int, (int)memory->way, HS_MEMORY_STOPPED));
    cr_expect(eq(int, state_of(pid), 't'));
    expect_secret(memory);
    hs_memory_close(memory);
    cr_expect(ne(int, state_of(pid), 't'));
    end(pid);
}

#ifdef __x86_64__
Test(memory, an_image_is_read_byte_for_byte_while_the_process_goes_on)
{
    pid_t pid = start(hold_secret);

    struct hs_memory *memory = look_at(pid, true);

    cr_expect(eq(int, (int)memory->way, HS_MEMORY_IMAGE), "%s", memory->way_reason);
    cr_expect(ne(int, state_of(pid), 't'));
    cr_expect(gt(u64, memory->pause_ns, 0));
    expect_secret(memory);
    hs_memory_close(memory);
    end(pid);
}

static void count_up(void)
{
    static volatile unsigned long rounds;
    shared->address = (uint64_t)(uintptr_t)&rounds;
    shared->is_ready = 1;
    for (;;)
        shared->n_rounds = ++rounds;
}

static unsigned long read_count(const struct hs_memory *memory)
{
    unsigned long count = 0;
    hs_memory_read(memory, shared->address, &count, sizeof(count));
    return count;
}

static void wait_for_progress(void)
{
    unsigned long before = shared->n_rounds;
    for (int i = 0; i < 10000 && shared->n_rounds == before; i++)
        usleep(1000);
    cr_assert(ne(ulong, shared->n_rounds, before));
}

Test(memory, an_image_does_not_change_and_a_new_look_does)
{
    pid_t pid = start(count_up);

    struct hs_memory *memory = look_at(pid, true);

    cr_assert(eq(int, (int)memory->way, HS_MEMORY_IMAGE), "%s", memory->way_reason);
    unsigned long first = read_count(memory);
    wait_for_progress();
    cr_expect(eq(ulong, read_count(memory), first));
    cr_assert(eq(int, hs_memory_resume(memory, 1, NULL), 0));
    cr_expect(gt(ulong, read_count(memory), first));
    hs_memory_close(memory);
    wait_for_progress();
    end(pid);
}

/* Marks in a register of each kind, kept while the thread computes. */
static void hold_registers(void)
{
    uint64_t mark = 0x5ec2e7c0de000001, vector_mark = 0x5ec2e7c0de000002;
    shared->thread_pointer = (uint64_t)pthread_self();
    atomic_int *is_ready = &shared->is_ready;
    __asm__ volatile("movq %0, %%r14\n movq %1, %%xmm7\n movl $1, (%2)\n"
                     "1: pause\n jmp 1b"
                     :
                     : "r"(mark), "r"(vector_mark), "r"(is_ready)
                     : "r14", "xmm7", "memory");
}

Test(memory, registers_of_a_thread_that_computes_are_seen)
{
    pid_t pid = start(hold_registers);

    struct hs_memory *memory = look_at(pid, false);

    const struct hs_memory_thread *thread = &memory->threads[0];
    cr_assert(eq(sz, memory->n_threads, 1));
    cr_expect(eq(int, thread->tid, pid));
    cr_expect(eq(u32, thread->n_registers, 17));
    cr_expect(eq(u64, thread->registers[14], 0x5ec2e7c0de000001));
    cr_expect(eq(u64, thread->thread_pointer, shared->thread_pointer));
    bool has_mark = false;
    for (uint32_t i = 0; i < thread->n_vector; i++)
        has_mark |= thread->vector[i] == 0x5ec2e7c0de000002;
    cr_expect(has_mark);
    const struct hs_memory_range *code = hs_memory_find(memory, thread->registers[16]);
    cr_expect(code && code->flags & HS_BLOCK_EXECUTE);
    hs_memory_close(memory);
    end(pid);
}
#endif

static void *wait_blocked(void *unused)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_NAME, "deaf worker");
    shared->tid = (pid_t)syscall(SYS_gettid);
    shared->is_ready = 1;
    for (;;)
        pause();
    return unused;
}

static void start_deaf_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, wait_blocked, NULL);
}

Test(memory, a_thread_that_blocks_every_signal_stops_and_has_its_name)
{
    pid_t pid = start(start_deaf_thread);

    struct hs_memory *memory = look_at(pid, false);

    cr_assert(eq(sz, memory->n_threads, 2));
    cr_expect(eq(int, memory->threads[0].tid, pid));
    cr_expect(eq(int, memory->threads[1].tid, shared->tid));
    cr_expect(memory->threads[1].is_stopped);
    cr_expect(eq(str, (char *)memory->threads[1].name, "deaf worker"));
    hs_memory_close(memory);
    end(pid);
}

static void wait_in_vfork(void)
{
    shared->is_ready = 1;
    if (vfork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
}

Test(memory, a_thread_in_vfork_is_reported_and_not_waited_for)
{
    pid_t pid = start(wait_in_vfork);
    while (state_of(pid) != 'D')
        usleep(1000);

    struct hs_memory *memory = look_at(pid, true);

    cr_assert(eq(sz, memory->n_threads, 1));
    cr_expect(not(memory->threads[0].is_stopped));
    cr_expect(eq(int, (int)memory->way, HS_MEMORY_STOPPED));
    cr_expect(gt(sz, memory->n_ranges, 5));
    hs_memory_close(memory);
    end(pid);
}

static void count_signal(int number)
{
    (void)number;
    shared->n_signals++;
}

static void catch_signals(void)
{
    signal(SIGUSR1, count_signal);
    shared->is_ready = 1;
}

static void expect_one_signal(bool wants_image)
{
    pid_t pid = start(catch_signals);

    struct hs_memory *memory = look_at(pid, false);
    kill(pid, SIGUSR1);
    usleep(20000);

    cr_expect(eq(uint, shared->n_signals, 0));
    hs_memory_close(memory);
    for (int i = 0; i < 5000 && shared->n_signals == 0; i++)
        usleep(1000);
    memory = look_at(pid, wants_image);
    hs_memory_close(memory);
    cr_expect(eq(uint, shared->n_signals, 1));
    end(pid);
}

Test(memory, a_signal_that_comes_meanwhile_is_delivered_once_afterwards)
{
    expect_one_signal(false);
    expect_one_signal(true);
}

Test(memory, signals_that_race_with_looks_are_all_delivered)
{
    pid_t pid = start(catch_signals);

    for (unsigned int i = 0; i < 30; i++) {
        kill(pid, SIGUSR1);
        hs_memory_close(look_at(pid, i % 2));
        for (int wait = 0; wait < 5000 && shared->n_signals <= i; wait++)
            usleep(1000);
        cr_assert(eq(uint, shared->n_signals, i + 1));
    }
    end(pid);
}

Test(memory, a_process_that_was_stopped_stays_stopped)
{
    pid_t pid = start(hold_secret);
    kill(pid, SIGSTOP);
    cr_assert(eq(int, waitpid(pid, NULL, WUNTRACED), pid));

    struct hs_memory *memory = look_at(pid, true);
    expect_secret(memory);
    hs_memory_close(memory);

    cr_expect(eq(int, state_of(pid), 'T'));
    kill(pid, SIGCONT);
    cr_expect(eq(int, waitpid(pid, NULL, WCONTINUED), pid));
    end(pid);
}

static int compare_libc(struct dl_phdr_info *info, size_t size, void *context)
{
    const struct hs_memory *memory = context;
    (void)size;
    if (!strstr(info->dlpi_name, "libc.so"))
        return 0;
    for (size_t i = 0; i < memory->n_modules; i++)
        if (memory->modules[i].bias == info->dlpi_addr) {
            cr_expect(memory->modules[i].build_id_size == 20);
            return 1;
        }
    return 0;
}

Test(memory, modules_are_those_that_the_loader_knows)
{
    pid_t pid = start(hold_secret);

    struct hs_memory *memory = look_at(pid, true);

    size_t n_executables = 0, n_loaders = 0;
    for (size_t i = 0; i < memory->n_modules; i++) {
        const struct hs_memory_module *module = &memory->modules[i];
        n_executables += module->is_executable;
        n_loaders += module->is_loader;
        cr_expect(strstr(module->path, "vdso") == NULL);
        cr_expect(eq(int, *module->path, '/'));
        if (module->is_executable)
            cr_expect(eq(str, (char *)module->path, (char *)memory->executable));
        if (module->is_loader)
            cr_expect(strstr(module->path, "/ld-") != NULL);
    }
    cr_expect(eq(sz, n_executables, 1));
    cr_expect(eq(sz, n_loaders, 1));
    cr_expect(eq(int, dl_iterate_phdr(compare_libc, memory), 1));
    hs_memory_close(memory);
    end(pid);
}

static void map_sparsely(void)
{
    uint8_t *area = mmap(NULL, 1ull << 40, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    madvise(area, 1ull << 40, MADV_NOHUGEPAGE);
    area[1ull << 30] = 1;
    area[(1ull << 30) + 4096] = 1;
    area[1ull << 33] = 1;
    shared->address = (uint64_t)(uintptr_t)area;
    shared->is_ready = 1;
}

static void expect_present(bool wants_image)
{
    pid_t pid = start(map_sparsely);
    uint64_t area = shared->address, from, to;

    struct hs_memory *memory = look_at(pid, wants_image);

    cr_assert(hs_memory_present(memory, area, area + (1ull << 34), &from, &to));
    cr_expect(eq(u64, from - area, 1ull << 30));
    cr_expect(eq(u64, to - from, 8192));
    cr_assert(hs_memory_present(memory, to, area + (1ull << 34), &from, &to));
    cr_expect(eq(u64, from - area, 1ull << 33));
    cr_expect(not(hs_memory_present(memory, to, area + (1ull << 34), &from, &to)));
    hs_memory_close(memory);
    end(pid);
}

Test(memory, untouched_pages_of_huge_mappings_are_passed_over)
{
    expect_present(false);
    expect_present(true);
}

static void map_before_a_hole(void)
{
    uint8_t *pages =
        mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(pages, 7, 8192);
    munmap(pages + 4096, 4096);
    shared->address = (uint64_t)(uintptr_t)pages;
    shared->is_ready = 1;
}

Test(memory, a_read_ends_where_the_mapping_ends)
{
    pid_t pid = start(map_before_a_hole);
    uint8_t copy[200];

    for (int wants_image = 0; wants_image < 2; wants_image++) {
        struct hs_memory *memory = look_at(pid, wants_image);
        cr_expect(eq(sz, hs_memory_read(memory, shared->address + 4000, copy, 200), 96));
        cr_expect(eq(sz, hs_memory_read(memory, shared->address + 4096, copy, 200), 0));
        cr_expect(eq(sz, hs_memory_read(memory, UINT64_MAX - 8, copy, 200), 0));
        hs_memory_close(memory);
    }
    end(pid);
}

static void expect_refusal(pid_t pid, int wanted, const char *text)
{
    struct hs_memory *memory = NULL;
    struct hs_error err = {0};
    cr_expect(eq(int, hs_memory_open_process(pid, &memory, &err), wanted));
    cr_expect(strstr(err.text, text) != NULL, "'%s' has no '%s'", err.text, text);
    cr_expect(memory == NULL);
}

Test(memory, what_cannot_be_looked_at_is_refused_with_a_reason)
{
    pid_t zombie = fork();
    if (zombie == 0)
        _exit(0);
    siginfo_t info;
    waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT);

    expect_refusal(0, -ESRCH, "no process id");
    expect_refusal(999999999, -ESRCH, "there is no process 999999999");
    expect_refusal(zombie, -ESRCH, "has ended already");
    expect_refusal(getpid(), -EPERM, "is heapsnap itself");
    if (getppid() != 2 && kill(2, 0) == 0 && state_of(2) != '?' && geteuid() == 0
        && access("/proc/2/exe", F_OK) != 0)
        expect_refusal(2, -EPERM, "kernel thread");
    waitpid(zombie, NULL, 0);
}

Test(memory, a_debugger_that_is_there_already_is_named)
{
    pid_t pid = start(hold_secret);
    cr_assert(eq(long, ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0));

    expect_refusal(pid, -EPERM, "is being traced already, by process");

    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
    waitpid(pid, NULL, __WALL);
    ptrace(PTRACE_DETACH, pid, NULL, NULL);
    end(pid);
}

Test(memory, the_owner_of_a_foreign_process_is_named)
{
    if (geteuid() != 0)
        cr_skip_test("only root can become somebody else");
    pid_t owner = getpid();
    pid_t other = fork();
    if (other == 0) {
        struct hs_memory *memory = NULL;
        struct hs_error err = {0};
        int result =
            setuid(65534) == 0 ? hs_memory_open_process(owner, &memory, &err) : 0;
        _exit(result == -EPERM && strstr(err.text, "belongs to root") ? 0 : 1);
    }
    int status;

    waitpid(other, &status, 0);

    cr_expect(eq(int, status, 0));
}
