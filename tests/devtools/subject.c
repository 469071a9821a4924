// SPDX-License-Identifier: MIT

/*
 * A program whose heap is known to the byte, for capture_test.mjs to take snapshots of:
 * a list held by a global, lost trees and cycles, descriptors, and threads that hold a
 * block from their stacks only. It obeys commands on stdin and answers "done" to each:
 *
 *   ping       nothing
 *   grow       10 list nodes and texts, 5 lost trees, 2 lost cycles, 2 descriptors more
 *   huge       10 GiB in one block, never touched ("refused" when there is no room)
 *   api FILE   take a snapshot through the C API
 *   quit       return from main
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define NOT_INLINED __attribute__((noinline))
#define N_WORKERS 2

/* Defined by the shim; absent in the bare program. */
extern int hs_snapshot_take(const char *path) __attribute__((weak));

struct node {
    struct node *next;
    char *text;
    long value;
};

struct tree {
    struct tree *left, *right;
    char payload[48];
};

struct cycle {
    struct cycle *other;
    char payload[24];
};

static struct node *g_list;
static void *g_huge;
static pthread_barrier_t g_started;
static int g_leave[2]; /* workers wait until the other end is closed */

static NOT_INLINED char *text_new(void)
{
    char *text = malloc(100);
    snprintf(text, 100, "hello");
    return text;
}

static NOT_INLINED void node_add(void)
{
    struct node *node = malloc(sizeof(*node));
    *node = (struct node){.next = g_list, .text = text_new()};
    g_list = node;
}

static NOT_INLINED struct tree *tree_new(void)
{
    return calloc(1, sizeof(struct tree));
}

static NOT_INLINED void tree_lose(void)
{
    struct tree *volatile root = tree_new();
    root->left = tree_new();
    root->right = tree_new();
    root = NULL;
}

static NOT_INLINED struct cycle *cycle_new(void)
{
    return calloc(1, sizeof(struct cycle));
}

static NOT_INLINED void cycle_lose(void)
{
    struct cycle *volatile one = cycle_new();
    one->other = cycle_new();
    one->other->other = one;
    one = NULL;
}

/* Overwrite what deeper calls left on the stack, so that lost is lost. */
static NOT_INLINED void stack_scrub(void)
{
    volatile char dirt[32768];
    for (size_t i = 0; i < sizeof(dirt); i++)
        dirt[i] = 0;
}

static NOT_INLINED void descriptors_lose(void)
{
    if (eventfd(0, EFD_CLOEXEC) < 0 || dup(STDERR_FILENO) < 0)
        exit(3);
}

static NOT_INLINED void grow(void)
{
    for (int i = 0; i < 5; i++)
        tree_lose();
    for (int i = 0; i < 2; i++)
        cycle_lose();
    for (int i = 0; i < 10; i++)
        node_add();
    descriptors_lose();
    stack_scrub();
}

static NOT_INLINED void *scratch_new(void)
{
    return malloc(5000);
}

static void *worker(void *arg)
{
    void *volatile scratch = scratch_new();
    char byte;
    pthread_barrier_wait(&g_started);
    while (read(g_leave[0], &byte, 1) > 0)
        continue;
    free(scratch);
    return arg;
}

static void obey(char *command)
{
    const char *answer = "done";
    if (strcmp(command, "grow") == 0) {
        grow();
    } else if (strcmp(command, "huge") == 0) {
        g_huge = malloc((size_t)10 << 30);
        answer = g_huge ? "done" : "refused";
    } else if (strncmp(command, "api ", 4) == 0) {
        int status = hs_snapshot_take ? hs_snapshot_take(command + 4) : -1;
        answer = status == 0 ? "done" : "refused";
    } else if (strcmp(command, "ping") != 0) {
        answer = "what?";
    }
    printf("%s\n", answer);
    fflush(stdout);
}

int main(void)
{
    pthread_t threads[N_WORKERS];
    char command[4096];
    pthread_barrier_init(&g_started, NULL, N_WORKERS + 1);
    if (pipe(g_leave) < 0)
        return 3;
    for (int i = 0; i < N_WORKERS; i++) {
        if (pthread_create(&threads[i], NULL, worker, NULL) != 0)
            return 3;
        pthread_setname_np(threads[i], "worker");
    }
    pthread_barrier_wait(&g_started);
    grow();
    printf("done\n");
    fflush(stdout);

    while (fgets(command, sizeof(command), stdin)) {
        command[strcspn(command, "\n")] = '\0';
        if (strcmp(command, "quit") == 0)
            break;
        obey(command);
    }
    close(g_leave[1]);
    for (int i = 0; i < N_WORKERS; i++)
        pthread_join(threads[i], NULL);
    return 7;
}
