// SPDX-License-Identifier: MIT

/*
 * The name under which a program was started.
 */

#ifndef HEAPSNAP_SYMBOLS_STARTED_H
#define HEAPSNAP_SYMBOLS_STARTED_H

/*
 * One file may be several programs: Debian's redis-server is a link to redis-check-rdb,
 * and people know it by the name they typed. When the first word of `command` names,
 * beside the executable `path`, the same file, then that name; else the last part of
 * `path`. The caller frees; NULL without memory.
 */
char *hs_name_started(const char *path, const char *command);

#endif
