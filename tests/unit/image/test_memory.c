// SPDX-License-Identifier: MIT

/* What is seen of live processes: each child knows what it holds. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probes/abi.h"
#include "tests/unit/image/live_child.h"

TestSuite(memory, .timeout = 30);

Test(memory, a_stopped_process_is_read_byte_for_byte)
{
    pid_t pid = live_child_start(live_child_hold_secret);

    struct hs_memory *memory = live_child_look(pid, false);

    cr_expect(eq(int, (int)memory->way, HS_MEMORY_STOPPED));
    cr_expect(eq(int, live_child_state(pid), 't'));
    live_child_expect_secret(memory);
    hs_memory_close(memory);
    cr_expect(ne(int, live_child_state(pid), 't'));
    live_child_end(pid);
}

#ifdef __x86_64__
Test(memory, an_image_is_read_byte_for_byte_while_the_process_goes_on)
{
    pid_t pid = live_child_start(live_child_hold_secret);

    struct hs_memory *memory = live_child_look(pid, true);

    cr_expect(eq(int, (int)memory->way, HS_MEMORY_IMAGE), "%s", memory->way_reason);
    cr_expect(ne(int, live_child_state(pid), 't'));
    cr_expect(gt(u64, memory->pause_ns, 0));
    live_child_expect_secret(memory);
    hs_memory_close(memory);
    live_child_end(pid);
}

Test(memory, two_processes_and_one_twice_are_looked_at_at_once)
{
    pid_t first = live_child_start(live_child_hold_secret);
    pid_t second = live_child_start(live_child_hold_secret);
    const pid_t pids[] = {first, second, first};
    struct hs_memory *memories[3];

    for (int i = 0; i < 3; i++)
        memories[i] = live_child_look(pids[i], true);

    for (int i = 0; i < 3; i++) {
        cr_expect(eq(int, (int)memories[i]->way, HS_MEMORY_IMAGE), "%s",
                  memories[i]->way_reason);
        live_child_expect_secret(memories[i]);
        hs_memory_close(memories[i]);
    }
    cr_expect(eq(int, live_child_of(first), 0));
    live_child_end(first);
    live_child_end(second);
}

static void count_up(void)
{
    static volatile unsigned long rounds;
    live_child->address = (uint64_t)(uintptr_t)&rounds;
    live_child->is_ready = 1;
    for (;;)
        live_child->n_rounds = ++rounds;
}

static unsigned long read_count(const struct hs_memory *memory)
{
    unsigned long count = 0;
    hs_memory_read(memory, live_child->address, &count, sizeof(count));
    return count;
}

static void wait_for_progress(void)
{
    unsigned long before = live_child->n_rounds;
    for (int i = 0; i < 10000 && live_child->n_rounds == before; i++)
        usleep(1000);
    cr_assert(ne(ulong, live_child->n_rounds, before));
}

Test(memory, an_image_does_not_change_and_a_new_look_does)
{
    pid_t pid = live_child_start(count_up);

    struct hs_memory *memory = live_child_look(pid, true);

    cr_assert(eq(int, (int)memory->way, HS_MEMORY_IMAGE), "%s", memory->way_reason);
    unsigned long first = read_count(memory);
    wait_for_progress();
    cr_expect(eq(ulong, read_count(memory), first));
    cr_assert(eq(int, hs_memory_resume(memory, 1, NULL), 0));
    cr_expect(gt(ulong, read_count(memory), first));
    hs_memory_close(memory);
    wait_for_progress();
    live_child_end(pid);
}

/* Marks in a register of each kind, kept while the thread computes. */
static void hold_registers(void)
{
    uint64_t mark = 0x5ec2e7c0de000001, vector_mark = 0x5ec2e7c0de000002;
    live_child->thread_pointer = (uint64_t)pthread_self();
    atomic_int *is_ready = &live_child->is_ready;
    __asm__ volatile("movq %0, %%r14\n movq %1, %%xmm7\n movl $1, (%2)\n"
                     "1: pause\n jmp 1b"
                     :
                     : "r"(mark), "r"(vector_mark), "r"(is_ready)
                     : "r14", "xmm7", "memory");
}

Test(memory, registers_of_a_thread_that_computes_are_seen)
{
    pid_t pid = live_child_start(hold_registers);

    struct hs_memory *memory = live_child_look(pid, false);

    const struct hs_memory_thread *thread = &memory->threads[0];
    cr_assert(eq(sz, memory->n_threads, 1));
    cr_expect(eq(int, thread->tid, pid));
    cr_expect(eq(u32, thread->n_registers, 17));
    cr_expect(eq(u64, thread->registers[14], 0x5ec2e7c0de000001));
    cr_expect(eq(u64, thread->thread_pointer, live_child->thread_pointer));
    bool has_mark = false;
    for (uint32_t i = 0; i < thread->n_vector; i++)
        has_mark |= thread->vector[i] == 0x5ec2e7c0de000002;
    cr_expect(has_mark);
    const struct hs_memory_range *code = hs_memory_find(memory, thread->registers[16]);
    cr_expect(code && code->flags & HS_BLOCK_EXECUTE);
    hs_memory_close(memory);
    live_child_end(pid);
}
#endif

static void *wait_blocked(void *unused)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_NAME, "deaf worker");
    live_child->tid = (pid_t)syscall(SYS_gettid);
    live_child->is_ready = 1;
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
    pid_t pid = live_child_start(start_deaf_thread);

    struct hs_memory *memory = live_child_look(pid, false);

    cr_assert(eq(sz, memory->n_threads, 2));
    cr_expect(eq(int, memory->threads[0].tid, pid));
    cr_expect(eq(int, memory->threads[1].tid, live_child->tid));
    cr_expect(memory->threads[1].is_stopped);
    cr_expect(eq(str, (char *)memory->threads[1].name, "deaf worker"));
    hs_memory_close(memory);
    live_child_end(pid);
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
    pid_t pid = live_child_start(live_child_hold_secret);

    struct hs_memory *memory = live_child_look(pid, true);

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
    live_child_end(pid);
}

static void map_sparsely(void)
{
    uint8_t *area = mmap(NULL, 1ull << 40, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    madvise(area, 1ull << 40, MADV_NOHUGEPAGE);
    area[1ull << 30] = 1;
    area[(1ull << 30) + 4096] = 1;
    area[1ull << 33] = 1;
    live_child->address = (uint64_t)(uintptr_t)area;
    live_child->is_ready = 1;
}

static void expect_present(bool wants_image)
{
    pid_t pid = live_child_start(map_sparsely);
    uint64_t area = live_child->address, from, to;

    struct hs_memory *memory = live_child_look(pid, wants_image);

    cr_assert(hs_memory_present(memory, area, area + (1ull << 34), &from, &to));
    cr_expect(eq(u64, from - area, 1ull << 30));
    cr_expect(eq(u64, to - from, 8192));
    cr_assert(hs_memory_present(memory, to, area + (1ull << 34), &from, &to));
    cr_expect(eq(u64, from - area, 1ull << 33));
    cr_expect(not(hs_memory_present(memory, to, area + (1ull << 34), &from, &to)));
    hs_memory_close(memory);
    live_child_end(pid);
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
    live_child->address = (uint64_t)(uintptr_t)pages;
    live_child->is_ready = 1;
}

Test(memory, a_read_ends_where_the_mapping_ends)
{
    pid_t pid = live_child_start(map_before_a_hole);
    uint8_t copy[200];

    for (int wants_image = 0; wants_image < 2; wants_image++) {
        struct hs_memory *memory = live_child_look(pid, wants_image);
        cr_expect(
            eq(sz, hs_memory_read(memory, live_child->address + 4000, copy, 200), 96));
        cr_expect(
            eq(sz, hs_memory_read(memory, live_child->address + 4096, copy, 200), 0));
        cr_expect(eq(sz, hs_memory_read(memory, UINT64_MAX - 8, copy, 200), 0));
        hs_memory_close(memory);
    }
    live_child_end(pid);
}
