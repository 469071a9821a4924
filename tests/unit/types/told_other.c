// SPDX-License-Identifier: MIT

/* The other unit of the C program: definitions that told_c.c does not see. */

#include "told_c.h"

struct hidden {
    struct hidden *self;
    table *back;
};

/* Not the struct node of told_c.c. */
struct node {
    double weights[4];
    struct node *next;
};
struct nodes {
    struct node *head;
    int count;
};

static struct nodes other_nodes;

void tell_other(void)
{
    TELL_TYPE(struct hidden, "hidden");
    TELL_SLOT(struct hidden, "hidden", back, "struct table", ".back");
    TELL_VARIABLE(other_nodes, "other_nodes", "struct nodes", "-");
    TELL_TARGET(other_nodes.head);
    TELL_SLOT(struct value, "value", owner, "struct entry", ".owner");
}

struct hidden *hidden_new(void)
{
    struct hidden *hidden = told_malloc(sizeof(*hidden), "struct hidden", NULL);
    if (hidden)
        hidden->self = hidden;
    return hidden;
}
