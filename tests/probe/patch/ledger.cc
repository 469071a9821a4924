// SPDX-License-Identifier: MIT

/* The same with operators. */
#include "ledger.c"
