// SPDX-License-Identifier: MIT

/* Layouts, variables and allocations of C; see told.h. */

#define TOLD_HERE
#include "told_c.h"

#include <stdint.h>

struct list_link {
    struct list_link *next, *previous;
};

struct job {
    int id;
    struct list_link link;
    void (*run)(struct job *);
    const volatile struct job *const parent;
    void *opaque;
};

struct many {
    struct entry *row[1000];
    struct {
        int n;
        struct value *value;
    } pairs[200];
    struct entry *grid[3][4];
    struct entry *wide[30][40];
};

struct flexible {
    unsigned count;
    struct job *jobs[];
};

struct old_flexible {
    unsigned count;
    struct job *jobs[1];
};

struct not_flexible {
    struct old_flexible first;
    struct value *behind;
};

struct text {
    size_t length;
    char bytes[];
};

struct outer {
    int kind;
    union {
        struct job *job;
        struct {
            long weight;
            struct entry *entry;
        };
    };
};

/* The other unit has another struct of this name. */
struct node {
    struct node *next;
    char *text;
};
struct nodes {
    struct node *head;
    int count;
};

struct nodes c_nodes;
static table g_table;
struct entry *g_entries[5];
static struct {
    struct job *current;
    int limit;
} settings;
struct many *g_many;
static struct flexible *g_flexible;
struct old_flexible *g_old;
struct not_flexible *g_not;
__thread struct job *thread_job;
__thread struct text *thread_text;

static void tell_types(void)
{
    TELL_TYPE(struct entry, "struct entry");
    TELL_TYPE(struct value, "value");
    TELL_TYPE(table, "table");
    TELL_SLOT(struct entry, "entry", next, "struct entry", ".next");
    TELL_SLOT(struct entry, "entry", key, "char", ".key");
    TELL_SLOT(struct entry, "entry", u.value, "struct value", ".u.value");
    TELL_SLOT(struct entry, "entry", links.right, "struct entry", ".links.right");
    TELL_SLOT(table, "table", buckets[15], "struct entry", ".buckets[15]");
    TELL_SLOT(table, "table", hidden, "struct hidden", ".hidden");
    TELL_SLOT(struct job, "job", link.previous, "struct list_link", ".link.previous");
    TELL_SLOT(struct job, "job", run, "function", ".run");
    TELL_SLOT(struct job, "job", parent, "struct job", ".parent");
    TELL_SLOT(struct job, "job", opaque, "void", ".opaque");
    TELL_SLOT(struct job, "job", id, "", "(none)");
    TELL_SLOT(struct many, "many", row[777], "struct entry", ".row[777]");
    TELL_SLOT(struct many, "many", pairs[199].value, "struct value", ".pairs[199].value");
    TELL_SLOT(struct many, "many", pairs[199].n, "", "(none)");
    TELL_SLOT(struct many, "many", grid[2][3], "struct entry", ".grid[2][3]");
    TELL_SLOT(struct many, "many", wide[1][3], "struct entry", ".wide[1][3]");
    TELL_SLOT(struct outer, "outer", job, "struct job", ".job");
    TELL_SLOT(struct outer, "outer", entry, "struct entry", ".entry");
    TELL_SLOT(struct flexible, "flexible", jobs[9], "struct job", ".jobs[9]");
    TELL_SLOT(struct old_flexible, "old_flexible", jobs[0], "struct job", ".jobs[0]");
    TELL_SLOT(struct not_flexible, "not_flexible", first.jobs[0], "struct job",
              ".first.jobs[0]");
    TELL_SLOT(struct not_flexible, "not_flexible", behind, "struct value", ".behind");
    printf("F flexible|%zu|8\nF old_flexible|%zu|8\nF text|%zu|1\nF entry|0|0\n",
           offsetof(struct flexible, jobs), offsetof(struct old_flexible, jobs),
           offsetof(struct text, bytes));
    printf("F not_flexible|0|0\n");
}

static void tell_variables(void)
{
    static struct value *remembered[3];
    TELL_VARIABLE(g_table, "g_table", "struct table", "-");
    TELL_VARIABLE(g_entries, "g_entries", "struct entry *[5]", "-");
    TELL_VARIABLE(c_nodes, "c_nodes", "struct nodes", "-");
    TELL_VARIABLE(settings, "settings", "struct settings", "-");
    TELL_VARIABLE(remembered, "remembered", "struct value *[3]", "tell_variables");
    TELL_TARGET(c_nodes.head);
    printf("H thread_job|struct job *\nH thread_text|struct text *\n");
    TELL_VARIABLE(g_flexible, "g_flexible", "struct flexible *", "-");
    thread_job = NULL;
    thread_text = NULL;
}

OUTLINE static void tell_locals(int n)
{
    struct value *kept = NULL;
    struct entry whole = {.key = "k"};
    struct job *row[4] = {NULL};
    {
        struct outer inner = {.kind = n};
        TELL_LOCAL(inner, "inner", "struct outer");
    }
    TELL_LOCAL(kept, "kept", "struct value *");
    TELL_LOCAL(whole, "whole", "struct entry");
    TELL_LOCAL(row, "row", "struct job *[4]");
}

/* ---- allocations ---- */

OUTLINE static void *xmalloc(size_t size, const char *type)
{
    void *block = told_malloc(size, type, __builtin_return_address(0));
    if (!block)
        abort();
    return block;
}

OUTLINE static struct value *value_new(void)
{
    struct value *value = told_malloc(sizeof(*value), "struct value", NULL);
    if (!value)
        return NULL;
    value->weight = 1;
    value->owner = NULL;
    return value;
}

static inline struct entry *entry_new(struct entry *next)
{
    struct entry *entry = xmalloc(sizeof(*entry), "struct entry");
    entry->next = next;
    entry->u.value = value_new();
    return entry;
}

OUTLINE static void fill(table *into)
{
    for (int i = 0; i < 3; i++)
        into->buckets[i] = entry_new(into->buckets[i]);
}

OUTLINE static void fill_static(void)
{
    settings.current = told_malloc(sizeof(struct job), "struct job", NULL);
}

OUTLINE static void fill_member(struct value *into)
{
    into->owner = told_malloc(sizeof(struct entry), "struct entry", NULL);
}

int main(void)
{
    tell_types();
    tell_variables();
    tell_locals(1);
    tell_other();
    fill(&g_table);
    fill_static();
    struct value outer = {0, NULL};
    fill_member(&outer);
    g_entries[2] = (struct entry *)(void *)hidden_new();
    return g_table.buckets[0] && outer.owner && settings.current ? 0 : 1;
}
