// SPDX-License-Identifier: MIT

/* The one place where a failure becomes a sentence; see heapsnap/error.h. */

#include "heapsnap/error.h"

#include <stdarg.h>
#include <stdio.h>

int hs_error_set(struct hs_error *err, int code, const char *format, ...)
{
    if (err && err->code == 0) {
        err->code = code;
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(err->text, sizeof(err->text), format, arguments);
        va_end(arguments);
    }
    return -code;
}
