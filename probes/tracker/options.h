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
    bool snapshot_at_exit;    /* snapshot=exit */
    uint64_t interval_ms;     /* snapshot=every/SECONDS, 0 = off ("every=10") */
    uint64_t over_bytes;      /* over=512M: a snapshot when live bytes pass it, then again
                                 each time they have grown by half as much more; 0 = off */
    int trigger_signal;       /* signal=USR2: take a snapshot on it; 0 = none */
    int freeze_signal;        /* freeze-signal=N; 0 = choose */
    bool follow;              /* follow=0|1: forked and exec'ed children, too; default 1 */
    int only_pid;             /* pid=N: with follow=0 the process to track, through its execs;
                                 0 = whoever comes first, which then writes itself down here
                                 in the environment. HEAPSNAP_PID goes before */
    bool track_fd, track_mmap; /* track=heap,mmap,fd; heap always */
    bool verbose;             /* verbose=1: one line on stderr for each snapshot */
    char directory[1024];     /* dir=…; default: the working directory at start */
    char output[1024];        /* file=…: exact name of the exit snapshot; else generated */
    char helper[1024];        /* helper=…: the heapsnap program; default: found beside the shim */
};

extern struct hs_options hs_options;

/* Fill hs_options from the environment value (NULL is fine). */
void hs_options_parse(const char *text);

#endif
