// SPDX-License-Identifier: MIT

/* A module with more thread-local memory than is set aside for those that come late. */

struct room {
    char before[100000];
    void *volatile value;
    char behind[100000];
};
__thread struct room own;

void set(void *value);

void set(void *value)
{
    own.value = value;
}
