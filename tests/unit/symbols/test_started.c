// SPDX-License-Identifier: MIT

/* One file, several programs. */

#include "libheapsnap/symbols/started.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/heapsnap-started-XXXXXX";
static char program[128], typed[128];

static void make_files(void)
{
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(program, sizeof(program), "%s/check", folder);
    snprintf(typed, sizeof(typed), "%s/server", folder);
    close(open(program, O_CREAT | O_WRONLY, 0700));
    cr_assert(eq(int, symlink("check", typed), 0));
}

static void remove_files(void)
{
    unlink(program);
    unlink(typed);
    rmdir(folder);
}

TestSuite(started, .init = make_files, .fini = remove_files);

static void expect_name(const char *command, const char *expected)
{
    char *name = hs_name_started(program, command);
    cr_expect(eq(str, name, (char *)expected));
    free(name);
}

Test(started, a_link_to_the_program_is_its_name)
{
    expect_name("server *:6379", "server");
    expect_name("/somewhere/else/server --port 1", "server");
}

Test(started, words_that_do_not_lead_to_the_program_are_not)
{
    expect_name("server: worker process", "check");
    expect_name("other", "check");
    expect_name("", "check");
    expect_name("/", "check");
}
