// SPDX-License-Identifier: MIT

/* What a test wrote to stderr; see criterion.h. */

#ifndef HEAPSNAP_TESTS_PLAIN_REDIRECT_H
#define HEAPSNAP_TESTS_PLAIN_REDIRECT_H

#include <stdbool.h>

void cr_redirect_stderr(void);
bool plain_stderr_is(const char *text);

#define cr_expect_stderr_eq_str(text, ...) cr_expect(plain_stderr_is(text))

#endif
