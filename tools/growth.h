// SPDX-License-Identifier: MIT

/*
 * Growth of a running process, site by site, from one totals capture to the next.
 *
 * A site is a class name: all stacks that allocate in the same line of code. Naming
 * stacks is the expensive part, so it happens only once all growth together could
 * have crossed the threshold, and every stack is named once.
 */

#ifndef HEAPSNAP_TOOLS_GROWTH_H
#define HEAPSNAP_TOOLS_GROWTH_H

#include <stddef.h>
#include <stdint.h>

#include "heapsnap/capture.h"
#include "heapsnap/error.h"
#include "heapsnap/leak.h"

struct hs_site_growth; /* everything known so far */

/* Remember `capture` (kind HS_REQUEST_TOTALS) as what is compared against. */
int hs_site_growth_create(const struct hs_capture *capture, struct hs_site_growth **ret,
                          struct hs_error *err);
void hs_site_growth_destroy(struct hs_site_growth *growth); /* NULL is fine */

/*
 * Compare with `capture`; call `report` for each site that crossed `threshold`, the
 * largest growth first, until it returns false. A site that was reported is compared
 * against its present size from then on.
 */
typedef bool (*hs_site_report)(const struct hs_growth *growth, const char *reason,
                               void *context);
int hs_site_growth_check(struct hs_site_growth *growth, const struct hs_capture *capture,
                         const struct hs_threshold *threshold, hs_site_report report,
                         void *context, struct hs_error *err);

#endif
