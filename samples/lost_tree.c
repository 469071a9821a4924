// SPDX-License-Identifier: MIT

/*
 * A lost tree: the owner frees the root and forgets what hangs below it. The two subtrees
 * are the leak's roots; everything else is only lost through them.
 *
 * verdict: loses 300 blocks at node_new
 */

#include <stdlib.h>

#include "phase.h"

#define DEPTH 4 /* 31 nodes, of which 30 stay behind */

struct node {
    struct node *left, *right;
    int key;
};

static struct node *node_new(int key)
{
    struct node *node = calloc(1, sizeof(*node));
    if (!node)
        abort();
    node->key = key;
    return node;
}

static struct node *tree_build(int key, int depth)
{
    struct node *node = node_new(key);
    if (depth > 0) {
        node->left = tree_build(2 * key, depth - 1);
        node->right = tree_build(2 * key + 1, depth - 1);
    }
    return node;
}

static int tree_sum(const struct node *node)
{
    return node ? node->key + tree_sum(node->left) + tree_sum(node->right) : 0;
}

static void report_build(int round)
{
    struct node *root = tree_build(1, DEPTH);
    if (tree_sum(root) != 496)
        dprintf(STDERR_FILENO, "round %d: the tree is wrong\n", round);
    free(root); /* the leak: only the root */
}

int main(int argc, char **argv)
{
    return phase_main(argc, argv, 10, report_build);
}
