// SPDX-License-Identifier: MIT

#include "tools/tool.h"

int hs_verb_write(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return HS_EXIT_FAILED;
}
