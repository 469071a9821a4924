// SPDX-License-Identifier: MIT

/*
 * A clean program, busy with everything the others get wrong: a list that is emptied, a
 * cache with a cap, a descriptor closed on every path, a tree freed from the leaves up.
 * The watcher must stay silent.
 *
 * verdict: silent
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "phase.h"

#define CACHE_SLOTS 8

struct node {
    struct node *left, *right;
};

static char *g_cache[CACHE_SLOTS];

/* Replaces the slot's old page by one of the same size, so the cache stays as it is. */
static void cache_put(int visitor)
{
    char **slot = &g_cache[visitor % CACHE_SLOTS];
    if (!*slot && !(*slot = malloc(100)))
        abort();
    snprintf(*slot, 100, "page for visitor %d", visitor);
}

static struct node *tree_build(int depth)
{
    struct node *node = calloc(1, sizeof(*node));
    if (!node)
        abort();
    if (depth > 0) {
        node->left = tree_build(depth - 1);
        node->right = tree_build(depth - 1);
    }
    return node;
}

static void tree_free(struct node *node)
{
    if (!node)
        return;
    tree_free(node->left);
    tree_free(node->right);
    free(node);
}

static int first_letter(const char *path)
{
    char letter = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (read(fd, &letter, 1) != 1)
        letter = 0;
    close(fd);
    return letter;
}

static void work(int round)
{
    for (int visitor = 0; visitor < 2 * CACHE_SLOTS; visitor++)
        cache_put(visitor + round);
    tree_free(tree_build(5));
    first_letter("/proc/self/status");
    first_letter("/does/not/exist");
}

int main(int argc, char **argv)
{
    return phase_main(argc, argv, 50, work);
}
