// SPDX-License-Identifier: MIT

/* Who points to whom, and from where: single blocks, trees, rings, every kind of pointer. */

#include <sys/mman.h>

#include "tests/leak/cases.h"

struct node {
    struct node *left, *right;
};

static void *global_bss, *more_bss[1024];
static void *global_data = &global_bss;
static struct {
    char odd;
    void *pointer;
} __attribute__((packed)) unaligned = {1, NULL};

static struct node *node(struct node *left, struct node *right)
{
    struct node *made = malloc(sizeof(*made));
    made->left = left;
    made->right = right;
    return made;
}

static void nothing(void)
{
    free(malloc(100));
}

static void one_block(void)
{
    memset(malloc(1337), 0, 1337);
}

static void no_byte(void)
{
    void *volatile none = malloc(0);
    none = NULL;
}

static void thousand_bytes(void)
{
    for (int i = 0; i < 1000; i++)
        *(char *)malloc(1) = 0;
}

/* A larger one would contain an address that ends in 32 zeros, which half-written slots of
 * the stack hold by chance. */
static void one_gigabyte(void)
{
    volatile size_t size = ((size_t)1 << 30) + 12345;
    if (!malloc(size))
        abort();
}

static void self(void)
{
    struct node *made = node(NULL, NULL);
    made->left = made;
    made->right = NULL;
}

static struct node *tree(int depth)
{
    return depth ? node(tree(depth - 1), tree(depth - 1)) : NULL;
}

static void tree_of_eleven(void)
{
    struct node *seven = tree(3);
    seven->left->left->left = tree(1);
    seven->right->right->right = node(node(NULL, NULL), tree(1));
    *(void **)malloc(8) = NULL;
}

/* Three in a ring, with a tree of three below it. */
static void ring(void)
{
    struct node *first = node(NULL, NULL);
    struct node *second = node(first, NULL);
    first->left = node(second, tree(2));
}

/* A single one leads to a ring. */
static void ring_with_head(void)
{
    struct node *first = node(NULL, NULL);
    first->left = node(first, NULL);
    struct node *head = malloc(40);
    memset(head, 0, 40);
    head->right = first;
}

static void two_heads_one_tail(void)
{
    struct node *tail = tree(2);
    node(tail, NULL);
    node(NULL, tail);
}

static void lost_to_live(void)
{
    global_bss = node(NULL, NULL);
    node(global_bss, NULL);
}

/* The nine cases of Valgrind's manual, twice 16 bytes each. */
static void nine_cases(void)
{
    struct node **slot = (struct node **)more_bss;
    struct node *at;
    *slot++ = node(NULL, NULL);
    *slot++ = node(node(NULL, NULL), NULL);
    node(NULL, NULL);
    node(node(NULL, NULL), NULL);
    at = node(NULL, NULL);
    *slot++ = (void *)&at->right;
    at = node(NULL, NULL);
    *slot++ = node((void *)&at->right, NULL);
    at = node(node(NULL, NULL), NULL);
    *slot++ = (void *)&at->right;
    at = node(NULL, NULL);
    at = node((void *)&at->right, NULL);
    *slot++ = (void *)&at->right;
    at = node(NULL, NULL);
    node((void *)&at->right, NULL);
}

static void held_by_data(void)
{
    global_data = node(NULL, NULL);
    node(NULL, NULL);
}

static void held_by_bss(void)
{
    global_bss = node(NULL, NULL);
    for (int i = 0; i < 1024; i++)
        more_bss[i] = malloc(8);
    node(NULL, NULL);
}

static void held_inside(void)
{
    global_bss = (char *)malloc(64) + 20;
}

static void held_past_end(void)
{
    global_bss = (char *)calloc(1, 64) + 64;
}

static void held_unaligned(void)
{
    unaligned.pointer = calloc(1, 64);
}

static void held_by_lost_mapping(void)
{
    void **memory =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *memory = calloc(1, 48);
}

static void held_by_mapping(void)
{
    void **memory =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *memory = calloc(1, 48);
    global_bss = memory;
}

/* The search meets memory that cannot be read. */
static void unreadable_inside(void)
{
    char *block = malloc(1 << 20);
    memset(block, 0, 1 << 20);
    char *page = (char *)(((uintptr_t)block + 8191) & ~(uintptr_t)4095);
    *(void **)(page + 8192) = calloc(1, 24);
    mprotect(page, 4096, PROT_NONE);
    global_bss = block;
}

static void realloc_frees(void)
{
    void *block = malloc(30);
    void *volatile gone = realloc(block, 0);
    gone = NULL;
}

static void realloc_too_big(void)
{
    void *block = calloc(1, 33);
    volatile size_t absurd = (size_t)-1 / 2;
    if (realloc(block, absurd))
        abort();
}

static void realloc_too_big_held(void)
{
    global_bss = calloc(1, 33);
    volatile size_t absurd = (size_t)-1 / 2;
    if (realloc(global_bss, absurd))
        abort();
}

static void realloc_moves(void)
{
    void *block = calloc(1, 33);
    *(char *)realloc(block, 300000) = 1;
}

static void aligned(void)
{
    void *block;
    if (posix_memalign(&block, 256, 77) != 0)
        abort();
    memset(block, 0, 77);
    block = memset(aligned_alloc(64, 128), 0, 128);
    block = memset(strdup("some text"), 'x', 9);
}

int main(int argc, char **argv)
{
    static const struct leak_case cases[] = {
        {"nothing", nothing},
        {"one_block", one_block},
        {"no_byte", no_byte},
        {"thousand_bytes", thousand_bytes},
        {"one_gigabyte", one_gigabyte},
        {"self", self},
        {"tree_of_eleven", tree_of_eleven},
        {"ring", ring},
        {"ring_with_head", ring_with_head},
        {"two_heads_one_tail", two_heads_one_tail},
        {"lost_to_live", lost_to_live},
        {"nine_cases", nine_cases},
        {"held_by_data", held_by_data},
        {"held_by_bss", held_by_bss},
        {"held_inside", held_inside},
        {"held_past_end", held_past_end},
        {"held_unaligned", held_unaligned},
        {"held_by_lost_mapping", held_by_lost_mapping},
        {"held_by_mapping", held_by_mapping},
        {"unreadable_inside", unreadable_inside},
        {"realloc_frees", realloc_frees},
        {"realloc_too_big", realloc_too_big},
        {"realloc_too_big_held", realloc_too_big_held},
        {"realloc_moves", realloc_moves},
        {"aligned", aligned},
        {0},
    };
    return run_case(cases, argc, argv);
}
