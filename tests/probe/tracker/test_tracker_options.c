// SPDX-License-Identifier: MIT

/*
 * HEAPSNAP_OPTIONS: every word, and that bad ones change nothing.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/redirect.h>
#include <signal.h>
#include <unistd.h>

#include "probes/tracker/options.h"
#include "probes/tracker/report.h"

Test(options, without_any_take_the_working_directory)
{
    char directory[1024];
    cr_assert(getcwd(directory, sizeof(directory)) != NULL);

    hs_options_parse(NULL);

    cr_expect(eq(str, hs_options.directory, directory));
    cr_expect(hs_options.follow);
    cr_expect(hs_options.track_fd);
    cr_expect(hs_options.track_mmap);
    cr_expect(not(hs_options.snapshot_at_exit));
    cr_expect(eq(u64, hs_options.over_bytes, 0));
}

Test(options, are_words_between_colons)
{
    hs_options_parse(
        "snapshot=exit:every=2.5:over=512M:signal=USR2:freeze-signal=40:"
        "follow=0:pid=77:verbose=1:dir=/var/tmp:file=/tmp/x:helper=/usr/bin/heapsnap");

    cr_expect(hs_options.snapshot_at_exit);
    cr_expect(eq(u64, hs_options.interval_ms, 2500));
    cr_expect(eq(u64, hs_options.over_bytes, (uint64_t)512 << 20));
    cr_expect(eq(int, hs_options.trigger_signal, SIGUSR2));
    cr_expect(eq(int, hs_options.freeze_signal, 40));
    cr_expect(not(hs_options.follow));
    cr_expect(eq(int, hs_options.only_pid, 77));
    cr_expect(hs_options.verbose);
    cr_expect(eq(str, hs_options.directory, "/var/tmp"));
    cr_expect(eq(str, hs_options.output, "/tmp/x"));
    cr_expect(eq(str, hs_options.helper, "/usr/bin/heapsnap"));
}

Test(options, take_several_values_after_commas)
{
    hs_options_parse("snapshot=exit,every/10:track=heap,mmap");

    cr_expect(hs_options.snapshot_at_exit);
    cr_expect(eq(u64, hs_options.interval_ms, 10000));
    cr_expect(hs_options.track_mmap);
    cr_expect(not(hs_options.track_fd));
}

Test(options, keep_what_follows_a_backslash)
{
    hs_options_parse("dir=/tmp/a\\:b\\,c:verbose=1");

    cr_expect(eq(str, hs_options.directory, "/tmp/a:b,c"));
    cr_expect(hs_options.verbose);
}

Test(options, make_relative_paths_absolute)
{
    cr_assert(zero(int, chdir("/usr")));

    hs_options_parse("dir=lib");

    cr_expect(eq(str, hs_options.directory, "/usr/lib"));
}

Test(options, that_are_bad_are_named_and_ignored, .init = cr_redirect_stderr)
{
    hs_report_init();

    hs_options_parse("over=12X:colour=red:follow=2:signal=KILL:every=0:verbose=1");

    fflush(stderr);
    cr_expect_stderr_eq_str(
        "heapsnap: HEAPSNAP_OPTIONS: bad value \"12X\" for over ignored\n"
        "heapsnap: HEAPSNAP_OPTIONS: unknown option \"colour=red\" ignored\n"
        "heapsnap: HEAPSNAP_OPTIONS: bad value \"2\" for follow ignored\n"
        "heapsnap: HEAPSNAP_OPTIONS: bad value \"KILL\" for signal ignored\n"
        "heapsnap: HEAPSNAP_OPTIONS: bad value \"0\" for every ignored\n");
    cr_expect(eq(u64, hs_options.over_bytes, 0));
    cr_expect(hs_options.follow);
    cr_expect(hs_options.verbose);
}

Test(options, too_long_to_be_true_are_ignored)
{
    static char text[5000];
    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "dir=/", 5);

    hs_options_parse(text);

    cr_expect(ne(int, hs_options.directory[1], 'x'));
}

Test(options, choose_how_much_is_tracked)
{
    hs_options_parse("sample=512K:dormant=1:switch=USR1:totals=1:memory=64M");

    cr_expect(eq(u64, hs_options.sample_rate, 524288));
    cr_expect(hs_options.is_dormant);
    cr_expect(eq(int, hs_options.switch_signal, SIGUSR1));
    cr_expect(hs_options.with_totals);
    cr_expect(eq(u64, hs_options.memory_limit, (uint64_t)64 << 20));
}

Test(options, a_sample_of_nothing_is_refused)
{
    hs_options_parse("sample=0:sample=9999G:sample=much");

    cr_expect(eq(u64, hs_options.sample_rate, 0));
}
