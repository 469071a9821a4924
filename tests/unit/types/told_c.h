// SPDX-License-Identifier: MIT

/* What both units of the C program know. */

#ifndef HEAPSNAP_TESTS_TYPES_TOLD_C_H
#define HEAPSNAP_TESTS_TYPES_TOLD_C_H

#include "told.h"

struct hidden; /* told_other.c defines it */
struct value;

struct entry {
    struct entry *next;
    char *key;
    union {
        int number;
        struct value *value;
    } u;
    unsigned flags : 3;
    struct {
        struct entry *left, *right;
    } links;
};

struct value {
    double weight;
    struct entry *owner;
};

typedef struct {
    struct entry *buckets[16];
    struct hidden *hidden;
} table;

void tell_other(void);
struct hidden *hidden_new(void);

#endif
