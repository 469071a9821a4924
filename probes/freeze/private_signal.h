// SPDX-License-Identifier: MIT

/*
 * The private real-time signal: which number it has, and how it stays ours while the
 * program does as it likes with its own.
 */

#ifndef HEAPSNAP_PROBES_FREEZE_PRIVATE_SIGNAL_H
#define HEAPSNAP_PROBES_FREEZE_PRIVATE_SIGNAL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Choose a number, install the handler, unblock it here. False: none is free. */
bool hs_signal_start(void (*handler)(int, siginfo_t *, void *));

/* The program installs a handler on our number: give it up and take another. */
void hs_signal_move(void);

/* When a request is waiting whose signal was lost or came too early: signal ourselves. */
void hs_signal_answer(void);

/* Is it the private one? */
bool hs_signal_is_ours(int signal);

/*
 * Around an exec: from the one to the other the private signal is ignored, and still so in
 * the program that comes after. Keep errno.
 */
void hs_signal_leave(void);
void hs_signal_return(void);

/* Forever: ours are ignored, those of the options included, and pending ones dropped. */
void hs_signal_retire(void);

/* In a tracked child of fork: its parent's other threads may have been leaving. */
void hs_signal_fork_child(void);

/* Install our handler for an option's signal; kernel interface, no hooks. */
bool hs_signal_install(int signal, void (*handler)(int, siginfo_t *, void *));

/* From now on, for handlers that are in and those to come: not on alternate stacks. */
void hs_signal_leave_alternate_stacks(void);

/* The signals of the options signal= and switch= as long as their handlers are ours, else
 * 0. */
extern int hs_signal_trigger, hs_signal_switch;

/* `mask`, or a copy of it without our bit; NULL stays NULL. */
const sigset_t *hs_signal_spared(const sigset_t *mask, sigset_t *copy);

#endif
