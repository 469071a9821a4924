// SPDX-License-Identifier: MIT

/*
 * Private to image/: is a process held up by vfork? Its only thread then sleeps in the
 * kernel until the child, which runs in the same memory, executes a program or ends, and
 * no signal reaches it meanwhile.
 */

#ifndef HEAPSNAP_IMAGE_VFORK_H
#define HEAPSNAP_IMAGE_VFORK_H

#include <sys/types.h>

/* The child for which the process of one thread waits; 0: it does not, or cannot be seen. */
pid_t hs_vfork_child(pid_t pid);

#endif
