// SPDX-License-Identifier: MIT

/*
 * What the shim and the tools say to each other: the one header both include.
 *
 * Two memfds cross the border. The *control page* lives as long as the tracked
 * process and carries requests, replies and a few counters. A *capture* is made
 * once a snapshot by the frozen image: tables one after the other behind a header
 * that names their place. Both are sealed against shrinking before anybody else
 * maps them, so a reader never meets SIGBUS; the reader still checks every number.
 *
 * Change anything here, and HS_ABI_VERSION goes up: a tool refuses another version.
 * All integers are native-endian; both sides run on the same machine.
 */

#ifndef HEAPSNAP_PROBES_ABI_H
#define HEAPSNAP_PROBES_ABI_H

#include <stdint.h>

#define HS_ABI_VERSION 3u
#define HS_CONTROL_MAGIC 0x31636e7370616568ull /* "heapsnc1" */
#define HS_CAPTURE_MAGIC 0x316b6e7370616568ull /* "heapsnk1" */

/* Names of the memfds: /proc/PID/fd/N reads "/memfd:<name> (deleted)". */
#define HS_CONTROL_NAME "heapsnap-control"
#define HS_CAPTURE_NAME "heapsnap-capture"
#define HS_IDENTITY_NAME "heapsnap-identity"

/* Bytes of the control memfd. */
#define HS_CONTROL_SIZE 4096u

/* File name of the shim. */
#define HS_SHIM_NAME "libheapsnap-preload.so"

/* Environment between the tool and the shim. */
#define HS_ENV_OPTIONS "HEAPSNAP_OPTIONS"
/* Decimal pid: with follow=0 only this process is tracked (through its execs). */
#define HS_ENV_PID "HEAPSNAP_PID"
/* How the helper is to check for leaks (tools/check_options.c); and what the program's own
 * __lsan_default_options() and __lsan_default_suppressions() have returned. */
#define HS_ENV_CHECK "HEAPSNAP_CHECK"
#define HS_ENV_CHECK_OPTIONS "HEAPSNAP_CHECK_DEFAULTS"
#define HS_ENV_CHECK_SUPPRESSIONS "HEAPSNAP_CHECK_SUPPRESSIONS"

/*
 * ---- control page -------------------------------------------------------
 *
 * One snapshot at a time. The word `phase` is advanced only by compare-and-swap
 * from IDLE and by plain stores of the side that owns the phase:
 *
 *   IDLE --(a tool, or the process itself)--> CLAIMED   kind, taker_pid are being written
 *   CLAIMED --(the tool)--> REQUESTED                   then the tool queues `signal` to `pid`
 *   CLAIMED|REQUESTED --(process)--> FREEZING           threads stop, the image is cloned
 *   FREEZING --(process)--> SCANNING                    the program runs again, the image works
 *   SCANNING --(image)--> READY                         capture_fd in image_pid is complete
 *   READY --(tool: has opened the capture)--> TAKEN     the image exits
 *   any --(image exits, or failure)--> IDLE             with `error` set on failure
 *   FREEZING --(process)--> IDLE                        a switch: done
 *
 * When taker_pid is 0 the request came from inside the process, and the image
 * starts the helper, which gets the capture as a descriptor and goes READY -> IDLE
 * when the file is written (or `error` is set).
 * Whoever finds a phase whose owner (claimed by `owner_pid`) is dead may reset it to IDLE.
 */
enum hs_phase {
    HS_PHASE_IDLE = 0,
    HS_PHASE_CLAIMED,
    HS_PHASE_REQUESTED,
    HS_PHASE_FREEZING,
    HS_PHASE_SCANNING,
    HS_PHASE_READY,
    HS_PHASE_TAKEN,
};

enum hs_request_kind {
    HS_REQUEST_SNAPSHOT = 1, /* freeze, fork, scan: every section */
    HS_REQUEST_TOTALS = 2, /* no freeze, no fork: FRAMES, MODULES, TOTALS, HANDLES only */
    /* Answered by FREEZING -> IDLE: `finished`, and `error` when it failed. No capture. */
    HS_REQUEST_ON = 3,  /* begin to track */
    HS_REQUEST_OFF = 4, /* stop, and forget what was recorded */
};

/* Why a snapshot was taken; written into its metadata. */
enum hs_trigger {
    HS_TRIGGER_REQUEST = 1,
    HS_TRIGGER_SIGNAL,
    HS_TRIGGER_EXIT,
    HS_TRIGGER_INTERVAL,
    HS_TRIGGER_THRESHOLD,
    HS_TRIGGER_API,
};

/* musl does not tell exit handlers. */
#define HS_EXIT_STATUS_UNKNOWN INT32_MIN

struct hs_control {
    uint64_t magic;
    uint32_t version;
    uint32_t size; /* sizeof(struct hs_control) */

    int32_t pid;         /* in the process's own pid namespace */
    uint32_t signal;     /* the private real-time signal of the handshake */
    uint64_t start_time; /* CLOCK_REALTIME, ns, when tracking began */

    /* The running request; see the phases above. Only touched atomically. */
    uint32_t phase;
    /* Who claimed it: tool, process or image, in the process's namespace; 0: a tool
     * outside it. */
    int32_t owner_pid;
    uint32_t kind;      /* enum hs_request_kind */
    uint32_t trigger;   /* enum hs_trigger */
    int32_t taker_pid;  /* the tool that will open the capture; 0: start the helper */
    int32_t image_pid;  /* who holds the capture; process's namespace */
    int32_t capture_fd; /* descriptor number inside image_pid */
    int32_t error;      /* errno of the last failed request, 0 = none */
    uint64_t cookie;    /* chosen by the claimer; the reply is for this one only */
    uint64_t finished;  /* cookie of the last request that ended, well or badly */

    /* Approximate running totals, flushed in batches by each thread. */
    int64_t live_blocks;
    int64_t live_bytes;
    int64_t open_handles;
    uint64_t tracker_bytes; /* memory the shim has mapped for itself */
    uint64_t losses_said;   /* what could not be recorded, when stderr was last told */

    /* Identity across snapshots: which of the two identity memfds holds the last one. */
    uint32_t epoch;           /* current birth epoch; advanced at each snapshot */
    uint32_t identity_epoch;  /* epoch of the committed identity table, 0 = none yet */
    uint32_t identity_index;  /* 0 or 1: which memfd */
    uint32_t next_serial;     /* next node serial; id = 2 * serial + 1 */
    uint32_t snapshots;       /* completed captures */
    uint32_t children_follow; /* 1: forked children are tracked, too */
    uint32_t is_dormant;      /* 1: nothing is recorded until HS_REQUEST_ON */
    uint32_t refuses;         /* 1: no requests any more, and error_text says why */
    uint64_t sample_rate;     /* as in the capture's header; live_* above are estimates */

    char shim_path[1024];
    char error_text[256]; /* one line, valid when `error` is set */
    char last_file[1024]; /* the last snapshot the helper completed */

    /* Of the running snapshot, from the process to its image; 0 until known. */
    uint64_t pause_ns;
    uint64_t fork_ns;

    /* Of the last check for leaks: the status to end with, 0 when there are none. */
    uint32_t check_status;
    uint32_t reserved;
};

/* Of a check that found leaks, when nothing else was asked for; and of one that failed. */
#define HS_CHECK_STATUS 23

/* The identity memfd: entries sorted by key. */
struct hs_identity_entry {
    uint64_t key;      /* enum hs_identity_kind << 60 | address, fd or thread */
    uint32_t id;       /* odd node id */
    uint32_t reserved; /* modules, handles without a birth: hash of the path, else 0 */
};

enum hs_identity_kind {
    HS_IDENTITY_BLOCK = 0,   /* address */
    HS_IDENTITY_MAPPING = 1, /* address */
    HS_IDENTITY_HANDLE = 2,  /* hs_handle_kind << 32 | number */
    HS_IDENTITY_THREAD = 3,  /* tid << 32 | low word of its start time */
    HS_IDENTITY_MODULE = 4,  /* load address */
    HS_IDENTITY_STACK = 5,   /* a thread's stack memory; as THREAD */
};

/* Serials below are given to fixed nodes (root, groups, allocator) by the assembler. */
#define HS_FIRST_SERIAL 64u

/*
 * ---- capture ------------------------------------------------------------
 */
enum hs_section {
    HS_SECTION_STRINGS,    /* char[]: NUL-terminated strings; offset 0 is "" */
    HS_SECTION_MODULES,    /* struct hs_capture_module */
    HS_SECTION_FRAMES,     /* struct hs_capture_frame; index = stack id */
    HS_SECTION_BLOCKS,     /* struct hs_capture_block, ascending by address, disjoint */
    HS_SECTION_EDGES,      /* struct hs_capture_edge, ascending by `from` */
    HS_SECTION_ROOTS,      /* struct hs_capture_root */
    HS_SECTION_ROOT_EDGES, /* struct hs_capture_root_edge, ascending by `root` */
    HS_SECTION_THREADS,    /* struct hs_capture_thread */
    HS_SECTION_STACKS,     /* bytes: copies of the threads' stacks, for unwinding */
    HS_SECTION_HANDLES,    /* struct hs_capture_handle */
    HS_SECTION_TOTALS,     /* struct hs_capture_total, one a stack, when not all 0 */
    HS_SECTION_EPOCHS,     /* uint64_t CLOCK_REALTIME ns at which epoch [i] began */
    HS_SECTION_WORDS,      /* struct hs_capture_word, ascending by `block`, then `word` */
    HS_SECTION_TEXTS,      /* struct hs_capture_text, ascending by `block` */
    HS_SECTION_COUNT
};

struct hs_capture_section {
    uint64_t offset; /* from the start of the capture; 8-aligned */
    uint64_t count;  /* entries; bytes for STRINGS and STACKS */
};

/* Who made a capture. Only the shim knows stacks, ages and what was asked for. */
enum hs_source {
    HS_SOURCE_SHIM,
    HS_SOURCE_PROCESS, /* a tool that stopped the process and walked its heap */
    HS_SOURCE_CORE,    /* the same from a core file */
};

struct hs_capture_header {
    uint64_t magic;
    uint32_t version;
    uint32_t kind;    /* enum hs_request_kind */
    uint32_t trigger; /* enum hs_trigger */
    int32_t pid;
    uint64_t size;       /* bytes of the whole capture */
    uint64_t start_time; /* CLOCK_REALTIME ns, tracking began */
    uint64_t time;       /* CLOCK_REALTIME ns, this capture */
    uint32_t epoch;      /* blocks born in this epoch or before are in it */
    uint32_t sequence;   /* 1 for the first capture of the process */

    uint64_t pause_ns; /* all threads were stopped so long */
    uint64_t fork_ns;  /* of which the clone itself */
    uint64_t scan_ns;  /* the image's work, program running */

    uint64_t usable_bytes;     /* sum of malloc_usable_size; 0: not known, or a sample */
    uint64_t scanned_bytes;    /* memory read looking for pointers */
    uint64_t tracker_bytes;    /* the shim's own memory */
    uint64_t stacks_truncated; /* captures cut at the depth limit */
    uint64_t records_dropped;  /* allocations not recorded: a table was full */
    uint64_t stacks_dropped;   /* stacks not recorded: the trie was full */
    uint64_t handles_dropped;  /* opened, but found no place */
    uint64_t mappings_dropped; /* mapped, but found no place */
    uint64_t modules_dropped;  /* loaded, but found no place */
    uint64_t totals_dropped;   /* not counted in TOTALS' ever_* */
    uint64_t strings_dropped;  /* texts left out of STRINGS */
    uint64_t memory_limit;     /* of the shim's own memory, as asked for; 0: none */
    /* Not 0: BLOCKS (but not mappings) are a sample. A block of s bytes was recorded with
     * the chance 1 - exp(-s / sample_rate) and stands for one over that; TOTALS and the
     * control page hold estimates for all. */
    uint64_t sample_rate;
    uint64_t unscanned_bytes; /* live memory that could not be read */
    uint32_t threads_missed;  /* did not stop in time */
    uint32_t foreign_frees;   /* frees of blocks never seen */
    int32_t exit_status;      /* with HS_TRIGGER_EXIT, else 0 */
    uint32_t strings_command; /* offset in STRINGS: command line, blanks between */
    uint32_t strings_executable;
    uint32_t strings_allocator; /* path of the module that holds the real malloc */
    uint32_t strings_directory; /* where the helper writes: absolute */
    uint32_t strings_output;    /* exact output file asked for, or "" */
    uint32_t source;            /* enum hs_source */
    uint32_t busy_arenas;       /* stopped in the middle of a malloc: may be inexact */

    struct hs_capture_section sections[HS_SECTION_COUNT];
};

#define HS_BUILD_ID_MAX 20

struct hs_capture_module {
    uint64_t start, end; /* mapped range */
    uint64_t bias;       /* add to an ELF address to get a memory address */
    uint64_t data_size;  /* bytes of its writable segments */
    uint32_t path;       /* STRINGS */
    uint32_t id;         /* odd node id, 0 when it is unloaded */
    uint32_t flags;      /* HS_MODULE_* */
    uint8_t build_id_size;
    uint8_t build_id[HS_BUILD_ID_MAX];
    uint8_t reserved[3];
};
#define HS_MODULE_EXECUTABLE 1u
#define HS_MODULE_UNLOADED 2u
#define HS_MODULE_SHIM 4u   /* the shim, and libraries that only it brought along */
#define HS_MODULE_LOADER 8u /* the dynamic loader */

/* A trie node: this frame, called from `parent`. Index 0 is unused, 1 is "unknown". */
struct hs_capture_frame {
    uint64_t address; /* return address; look up address - 1 */
    uint32_t parent;  /* < own index; 0 = outermost */
    uint32_t module;  /* index in MODULES or UINT32_MAX */
};
#define HS_STACK_NONE 0u
#define HS_STACK_UNKNOWN 1u
/* Address of the outermost frame of HS_BLOCK_IGNORED blocks; no code is there. */
#define HS_FRAME_IGNORED 1u

struct hs_capture_block {
    uint64_t address;
    uint64_t size;        /* requested */
    uint32_t stack;       /* index in FRAMES */
    uint32_t birth_epoch; /* index in EPOCHS */
    uint32_t id;          /* odd node id */
    uint32_t flags;       /* HS_BLOCK_* */
};
#define HS_BLOCK_MAPPING 1u /* from mmap, not from malloc */
#define HS_BLOCK_READ 2u    /* mappings: protection now */
#define HS_BLOCK_WRITE 4u
#define HS_BLOCK_EXECUTE 8u
#define HS_BLOCK_SHARED 16u
#define HS_BLOCK_FILE 32u
#define HS_BLOCK_TEXT 64u     /* printable text up to a NUL or its end, and no pointer */
#define HS_BLOCK_USABLE 128u  /* `size` is what the allocator gave, not what was asked */
#define HS_BLOCK_IGNORED 256u /* asked to be no leak; holds what it points to */
/* It begins with a count or the like, so that a pointer to byte 8, or 24, is as good as one
 * to the beginning. Only where `size` is what was asked for. */
#define HS_BLOCK_COUNTED 512u
#define HS_BLOCK_STRING 1024u

struct hs_capture_edge {
    uint32_t from, to; /* indexes in BLOCKS; never equal */
    uint32_t word;     /* offset of the pointer in `from`, in 8-byte words */
    uint32_t inside;   /* offset in `to`; HS_PAST_END; saturates at HS_PAST_END - 1 */
};
#define HS_PAST_END UINT32_MAX

/*
 * A word near the start of a block that points into a module: what types are told from
 * (C++ objects begin with the address of their class's table), so that nobody needs the
 * memory itself once the image is gone.
 */
struct hs_capture_word {
    uint32_t block; /* index in BLOCKS */
    uint32_t word;  /* < HS_WORDS_MAX: offset in 8-byte words */
    uint64_t value;
};
#define HS_WORDS_MAX 32u

/* The beginning of an HS_BLOCK_TEXT block; only when texts were asked for. */
struct hs_capture_text {
    uint32_t block;
    uint8_t length; /* bytes of `text`; no NUL */
    char text[27];
};

enum hs_root_kind {
    HS_ROOT_MODULE = 1, /* owner: index in MODULES */
    HS_ROOT_TLS,        /* owner: index in THREADS */
    HS_ROOT_REGISTERS,  /* owner: index in THREADS; addresses are register numbers * 8 */
    HS_ROOT_STACK,      /* owner: index in THREADS */
    HS_ROOT_REGION,     /* owner: UINT32_MAX; memory the program has declared a root */
    HS_ROOT_WEAK,       /* owner: UINT32_MAX; other writable memory: weak evidence */
};

struct hs_capture_root {
    uint64_t start, end;
    uint32_t kind; /* enum hs_root_kind */
    uint32_t owner;
};

struct hs_capture_root_edge {
    uint64_t address; /* of the slot that holds the pointer */
    uint32_t root;    /* index in ROOTS */
    uint32_t to;      /* index in BLOCKS */
    uint32_t inside;  /* as in hs_capture_edge */
    uint32_t reserved;
};

#define HS_REGISTERS_MAX 34
struct hs_capture_thread {
    int32_t tid;
    uint32_t stopped;  /* 0: did not arrive, registers are not known */
    uint32_t id;       /* odd node id of the thread */
    uint32_t stack_id; /* odd node id of its stack memory */
    char name[16];
    uint64_t thread_pointer;
    uint64_t stack_start, stack_end; /* live part: sp - red zone up to the end */
    uint64_t stacks_offset; /* bytes [stack_start, +stacks_size) copied into STACKS */
    uint64_t stacks_size;
    uint32_t n_registers;
    uint32_t start_ticks; /* low word of the start time in its stat file; 0 unknown */
    /* DWARF's numbers; x86-64: 16 = rip; aarch64: 31 = sp, 32 = pc. */
    uint64_t registers[HS_REGISTERS_MAX];
};

enum hs_handle_kind {
    HS_HANDLE_FD = 1,
};

struct hs_capture_handle {
    uint32_t kind;  /* enum hs_handle_kind */
    int32_t number; /* descriptor */
    uint32_t stack; /* who opened it; HS_STACK_UNKNOWN: before tracking, or unseen */
    uint32_t birth_epoch;
    uint32_t id;    /* odd node id */
    uint32_t call;  /* STRINGS: "socket", "open", … that made it; "" unknown */
    uint32_t label; /* STRINGS: what /proc/PID/fd/N links to */
    uint32_t reserved;
    uint64_t time; /* CLOCK_REALTIME ns when opened; 0 unknown */
};

struct hs_capture_total {
    uint32_t stack;
    uint32_t flags; /* HS_BLOCK_MAPPING or 0 */
    uint64_t count; /* live now */
    uint64_t bytes;
    uint64_t ever_count; /* allocated since tracking began; 0 unless totals=1 */
    uint64_t ever_bytes;
};

#endif
