// SPDX-License-Identifier: MIT

/*
 * A program that LeakSanitizer would ask before it checks. With an argument it wants no
 * check at all.
 */

#include <stdlib.h>
#include <string.h>

const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void);
int __lsan_is_turned_off(void);

static int is_off;

const char *__lsan_default_options(void)
{
    return "exitcode=31:print_suppressions=0";
}

const char *__lsan_default_suppressions(void)
{
    return "leak:lose_known\n";
}

int __lsan_is_turned_off(void)
{
    return is_off;
}

__attribute__((noinline)) static void lose_known(void)
{
    memset(malloc(12), 0, 12);
}

__attribute__((noinline)) static void lose_more(void)
{
    memset(malloc(13), 0, 13);
}

int main(int argc, char **argv)
{
    (void)argv;
    is_off = argc > 1;
    lose_known();
    lose_more();
    return 0;
}
