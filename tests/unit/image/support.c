// SPDX-License-Identifier: MIT

/* See support.h. The fake process shares its page with the test through fork. */

#include "tests/unit/image/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECTION(index, field)                                     \
    capture->header.sections[index] = (struct hs_capture_section) \
    {                                                             \
        offsetof(struct small_capture, field),                    \
            sizeof(capture->field) / sizeof(capture->field[0])    \
    }

void small_capture_init(struct small_capture *capture)
{
    *capture = (struct small_capture){
        .header = {.magic = HS_CAPTURE_MAGIC,
                   .version = HS_ABI_VERSION,
                   .kind = HS_REQUEST_SNAPSHOT,
                   .trigger = HS_TRIGGER_REQUEST,
                   .pid = 42,
                   .size = sizeof(*capture),
                   .sequence = 1,
                   .strings_command = 1},
        .strings = "\0a\0b",
        .modules = {{.start = 0x1000, .end = 0x2000, .path = 1, .id = 129}},
        .frames = {{0, 0, UINT32_MAX},
                   {0, 0, UINT32_MAX},
                   {0x1100, 0, 0},
                   {0x1200, 2, 1}},
        .blocks = {{.address = 0x10000, .size = 32, .stack = 3, .id = 131},
                   {.address = 0x10020, .size = 32, .stack = 3, .id = 133},
                   {.address = 0x20000, .size = 0, .stack = 1, .id = 135}},
        .edges = {{.from = 0, .to = 1}, {.from = 1, .to = 0, .word = 2}},
        .roots = {{0x1800, 0x1900, HS_ROOT_MODULE, 0},
                  {0x7000, 0x8000, HS_ROOT_STACK, 0}},
        .root_edges = {{.address = 0x1808, .root = 0, .to = 0},
                       {.address = 0x7010, .root = 1, .to = 2}},
        .threads = {{.tid = 42,
                     .stopped = 1,
                     .id = 137,
                     .stack_id = 139,
                     .name = "main",
                     .stack_start = 0x7000,
                     .stack_end = 0x8000,
                     .stacks_size = 64,
                     .n_registers = 17}},
        .handles =
            {{.kind = HS_HANDLE_FD, .number = 3, .stack = 3, .id = 141, .call = 1}},
        .totals = {{.stack = 3, .count = 2, .bytes = 64}},
        .epochs = {1, 2},
        .words = {{.block = 0, .word = 0, .value = 0x1100}, {.block = 0, .word = 1}},
        .texts = {{.block = 0, .length = 2, .text = "hi"}, {.block = 2}},
    };
    SECTION(HS_SECTION_STRINGS, strings);
    SECTION(HS_SECTION_MODULES, modules);
    SECTION(HS_SECTION_FRAMES, frames);
    SECTION(HS_SECTION_BLOCKS, blocks);
    SECTION(HS_SECTION_EDGES, edges);
    SECTION(HS_SECTION_ROOTS, roots);
    SECTION(HS_SECTION_ROOT_EDGES, root_edges);
    SECTION(HS_SECTION_THREADS, threads);
    SECTION(HS_SECTION_STACKS, stacks);
    SECTION(HS_SECTION_HANDLES, handles);
    SECTION(HS_SECTION_TOTALS, totals);
    SECTION(HS_SECTION_EPOCHS, epochs);
    SECTION(HS_SECTION_WORDS, words);
    SECTION(HS_SECTION_TEXTS, texts);
}

int memfd_with(const char *name, const void *bytes, size_t size, int seals)
{
    int fd = memfd_create(name, MFD_ALLOW_SEALING | MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size
        || (seals && fcntl(fd, F_ADD_SEALS, seals) != 0))
        return -1;
    return fd;
}

static struct hs_control *page;
static enum fake_behaviour behaviour_now;

static void answer(int signal)
{
    (void)signal;
    switch (behaviour_now) {
    case FAKE_ANSWERS: {
        struct small_capture capture;
        small_capture_init(&capture);
        capture.header.kind = page->kind;
        page->capture_fd =
            memfd_with(HS_CAPTURE_NAME, &capture, sizeof(capture), F_SEAL_SHRINK);
        page->image_pid = getpid();
        __atomic_store_n(&page->phase, HS_PHASE_READY, __ATOMIC_RELEASE);
        break;
    }
    case FAKE_REFUSES:
        strcpy(page->error_text, "no memory for\nthe capture");
        page->error = ENOMEM;
        page->finished = page->cookie;
        __atomic_store_n(&page->phase, HS_PHASE_IDLE, __ATOMIC_RELEASE);
        break;
    case FAKE_DIES:
        _exit(0);
    case FAKE_LOSES_IMAGE: {
        pid_t image = fork();
        if (image == 0)
            _exit(0);
        waitpid(image, NULL, 0);
        page->image_pid = image;
        __atomic_store_n(&page->phase, HS_PHASE_SCANNING, __ATOMIC_RELEASE);
        break;
    }
    default:
        break;
    }
}

static void be_fake(int ready)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct hs_control control = {
        .magic = HS_CONTROL_MAGIC,
        .version =
            behaviour_now == FAKE_OLD_VERSION ? HS_ABI_VERSION + 1 : HS_ABI_VERSION,
        .size = sizeof(control),
        .pid = getpid(),
        .signal = (uint32_t)SIGRTMIN + 3,
        .start_time = 1,
        .live_blocks = 2,
        .live_bytes = 64,
    };
    int fd = memfd_with(HS_CONTROL_NAME, &control, sizeof(control), 0);
    if (ftruncate(fd, HS_CONTROL_SIZE) != 0
        || (behaviour_now != FAKE_UNSEALED && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) != 0))
        _exit(1);
    page = mmap(NULL, HS_CONTROL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    struct sigaction action = {.sa_handler = answer};
    if (behaviour_now != FAKE_UNHANDLED)
        sigaction(SIGRTMIN + 3, &action, NULL);
    if (write(ready, "r", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

pid_t fake_start(enum fake_behaviour behaviour)
{
    int ready[2];
    char byte;
    if (pipe(ready) != 0)
        return -1;
    behaviour_now = behaviour;
    pid_t pid = fork();
    if (pid == 0)
        be_fake(ready[1]);
    close(ready[1]);
    ssize_t count = read(ready[0], &byte, 1);
    close(ready[0]);
    return count == 1 ? pid : -1;
}

void fake_stop(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
