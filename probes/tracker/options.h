// SPDX-License-Identifier: MIT

/*
 * HEAPSNAP_OPTIONS, read once at start: "snapshot=exit:dir=/var/tmp:signal=USR2".
 *
 * Words are separated by colons (or commas); a backslash keeps the next character. An
 * unknown or bad word is reported once on stderr and ignored.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_OPTIONS_H
#define HEAPSNAP_PROBES_TRACKER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct hs_options {
    /* snapshot=exit */
    bool snapshot_at_exit;
    /* check=1: look for leaks at exit, and end with another status when there are any */
    bool checks;
    /* snapshot=every/SECONDS or every=SECONDS; 0: off */
    uint64_t interval_ms;
    /* over=512M: a snapshot when live bytes pass it, then again each time they have grown
     * by half as much more; 0: off */
    uint64_t over_bytes;
    /* signal=USR2: take a snapshot on it; 0: none */
    int trigger_signal;
    /* freeze-signal=N: the private one; 0: choose */
    int freeze_signal;
    /* follow=0|1: forked and executed children, too; default 1 */
    bool follow;
    /* pid=N: with follow=0 the process to track, through its execs; 0: whoever comes
     * first, which then writes itself down here in the environment. HEAPSNAP_PID goes
     * before. */
    int only_pid;
    /* track=heap,mmap,fd; the heap always */
    bool track_fd, track_mmap;
    /* sample=512K: record a block about once in so many bytes; 0: every block */
    uint64_t sample_rate;
    /* dormant=1: begin switched off, until a tool or the signal of switch= wakes us */
    bool is_dormant;
    /* switch=USR1: turn tracking on and off by it; 0: none */
    int switch_signal;
    /* totals=1: count what each stack has ever allocated */
    bool with_totals;
    /* strings=1: put the beginnings of texts into snapshots, which travel */
    bool with_strings;
    /* memory=64M: the most the shim may use for itself; 0: its tables' own limits */
    uint64_t memory_limit;
    /* unwind=library: never our own walk of the stack; unwind=own: both */
    bool library_unwinds;
    /* modules=list: by our own list, even where the loader could be asked; modules=loader */
    bool lists_modules;
    /* verify=stacks or stacks/N: compare each (N-th) stack with libunwind's; 0: off */
    uint32_t verify_every;
    /* patch=0|1: hooks in the code of allocators that the program brings; default 1 */
    bool patch;
    /* seccomp=try|trust|off: under a filter from before the start find out what it allows,
     * believe that all is well, do not track; for hs_sandbox_look() */
    /* verbose=1: one line on stderr for each snapshot */
    bool verbose;
    /* dir=…; default: the working directory at start */
    char directory[1024];
    /* file=…: exact name of the exit snapshot; "": generated */
    char output[1024];
    /* helper=…: the heapsnap program; "": found beside the shim */
    char helper[1024];
};

extern struct hs_options hs_options;

/* Fill hs_options from the environment value (NULL is fine). */
void hs_options_parse(const char *text);

#endif
