// SPDX-License-Identifier: MIT

/*
 * What programs may call themselves (heapsnap/heapsnap.h). Exported, so it is compiled
 * with the interposed functions.
 */

#include "heapsnap/heapsnap.h"

#include <errno.h>

#include "probes/tracker/next.h"
#include "probes/tracker/trigger.h"

HS_EXPORT int hs_snapshot_take(const char *path)
{
    int saved = errno;
    int result = hs_trigger_run(HS_TRIGGER_API, path, true);
    errno = saved;
    return result;
}
