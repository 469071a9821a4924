// SPDX-License-Identifier: MIT

/*
 * The triggers are declared where the tracker, which calls them, may see them.
 */

#ifndef HEAPSNAP_PROBES_FREEZE_TRIGGER_H
#define HEAPSNAP_PROBES_FREEZE_TRIGGER_H

#include "probes/tracker/trigger.h"

#endif
