// SPDX-License-Identifier: MIT

/* Failures as sentences. */

#include "heapsnap/error.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

Test(error, the_first_message_wins)
{
    struct hs_error err = {0};

    int first = hs_error_set(&err, ENOENT, "no %s", "file");
    int second = hs_error_set(&err, EIO, "something vague");

    cr_expect(eq(int, first, -ENOENT));
    cr_expect(eq(int, second, -EIO));
    cr_expect(eq(int, err.code, ENOENT));
    cr_expect(eq(str, err.text, "no file"));
}

Test(error, nobody_has_to_listen)
{
    cr_expect(eq(int, hs_error_set(NULL, EPERM, "not heard"), -EPERM));
}

Test(error, a_long_message_is_cut_not_overrun)
{
    struct hs_error err = {0};
    char name[2000];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';

    hs_error_set(&err, EINVAL, "%s", name);

    cr_expect(eq(sz, strlen(err.text), sizeof(err.text) - 1));
}
