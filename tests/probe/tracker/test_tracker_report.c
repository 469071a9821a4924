// SPDX-License-Identifier: MIT

/*
 * Text without stdio, and never into somebody else's file.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "probes/tracker/report.h"

Test(report, formats_what_it_promises)
{
    char text[100];

    size_t length = hs_format(text, sizeof(text), "%s %d %d %u %x %s%%", "a", (int64_t)-5,
                              INT64_MIN, UINT64_MAX, (uint64_t)0xbeef, (char *)NULL);

    cr_expect(
        eq(str, text, "a -5 -9223372036854775808 18446744073709551615 beef (null)%"));
    cr_expect(eq(sz, length, strlen(text)));
}

Test(report, explains_errors_in_words)
{
    char text[100];

    hs_explain(text, sizeof(text), "cannot write", -ENOSPC);
    cr_expect(eq(str, text, "cannot write: no space left on the device"));
    hs_explain(text, sizeof(text), "cannot write", EFBIG);
    cr_expect(eq(str, text, "cannot write: file too large"));
    hs_explain(text, sizeof(text), "cannot write", -4000);
    cr_expect(eq(str, text, "cannot write: error 4000"));
}

Test(report, cuts_what_does_not_fit)
{
    char text[5];

    size_t length = hs_format(text, sizeof(text), "%s", "abcdefgh");

    cr_expect(eq(str, text, "abcd"));
    cr_expect(eq(sz, length, 4));
}

Test(report, is_silent_when_descriptor_2_is_another_file_now)
{
    char first[] = "/tmp/heapsnap-test-XXXXXX", second[] = "/tmp/heapsnap-test-XXXXXX";
    int stderr_file = mkstemp(first), data_file = mkstemp(second);
    int saved = dup(2);
    cr_assert(stderr_file >= 0 && data_file >= 0 && saved >= 0);

    dup2(stderr_file, 2);
    hs_report_init();
    hs_report("one %u", (uint64_t)1);
    dup2(data_file, 2);
    hs_report("two");
    dup2(saved, 2);

    char text[100] = "";
    cr_expect(eq(long, pread(stderr_file, text, sizeof(text) - 1, 0), 16));
    cr_expect(eq(str, text, "heapsnap: one 1\n"));
    cr_expect(eq(long, lseek(data_file, 0, SEEK_END), 0));
    unlink(first);
    unlink(second);
}
