// SPDX-License-Identifier: MIT

/*
 * dlclose: what was learnt about code that goes away must not outlive it. dlopen is not
 * wrapped: it asks who calls it.
 */

#include <stdlib.h>

#include "probes/tracker/next.h"
#include "probes/tracker/rules.h"

HS_NEXT(int, dlclose, (void *))

int dlclose(void *handle);

HS_EXPORT int dlclose(void *handle)
{
    if (!hs_next_dlclose())
        return -1;
    hs_rules_unload_begin();
    int result = hs_next_dlclose()(handle);
    hs_rules_unload_end();
    return result;
}
