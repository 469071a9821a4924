// SPDX-License-Identifier: MIT

/*
 * Blocks of C: tables, lists, trees, unions, rows, text, and some of each that are lost.
 */

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "known.h"

/* ---- a hash table of chains ---- */

struct value {
    int kind;
    union {
        char *text;
        struct point *point;
        double number;
    } u;
};

struct point {
    double x, y, z;
};

struct entry {
    struct entry *next;
    char *key;
    struct value value;
    uint64_t hash;
};

struct table {
    struct entry **buckets;
    size_t n_buckets, count;
    struct {
        struct entry *newest, *oldest;
    } age;
};

static struct table *g_table;

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        abort();
    return memory;
}

static struct entry *entry_new(const char *key)
{
    struct entry *entry = allocate(sizeof(*entry));
    entry->key = strdup(key);
    known(entry, "struct entry");
    known(entry->key, "text");
    return entry;
}

static void fill_table(void)
{
    g_table = allocate(sizeof(*g_table));
    g_table->n_buckets = 64;
    g_table->buckets = allocate(64 * sizeof(*g_table->buckets));
    known(g_table, "struct table");
    known(g_table->buckets, "struct entry *[]");
    for (int i = 0; i < 200; i++) {
        char key[32];
        snprintf(key, sizeof(key), "key number %d", i);
        struct entry *entry = entry_new(key);
        entry->next = g_table->buckets[i % 64];
        g_table->buckets[i % 64] = entry;
        g_table->age.newest = entry;
        if (i % 3 == 0) {
            entry->value.kind = 1;
            entry->value.u.text = strdup("the value of an entry");
            known(entry->value.u.text, "text");
        } else if (i % 3 == 1) {
            entry->value.kind = 2;
            entry->value.u.point = allocate(sizeof(struct point));
            entry->value.u.point->x = i;
            known(entry->value.u.point, "struct point");
        }
    }
    for (int i = 0; i < 12; i++)
        entry_new("lost with its key"); /* nobody holds it */
}

/* ---- an embedded link ---- */

struct link {
    struct link *next, *prev;
};

struct job {
    int number;
    char *name;
    struct link link;
    void *context;
};

struct queue {
    struct link head;
    struct job *running;
};

static struct queue queue = {{&queue.head, &queue.head}, NULL};

static struct job *job_new(int number)
{
    struct job *job = allocate(sizeof(*job));
    job->number = number;
    job->name = strdup("a job to do");
    known(job, "struct job");
    known(job->name, "text");
    return job;
}

static void fill_queue(void)
{
    for (int i = 0; i < 40; i++) {
        struct job *job = job_new(i);
        job->link.next = &queue.head;
        job->link.prev = queue.head.prev;
        queue.head.prev->next = &job->link;
        queue.head.prev = &job->link;
        queue.running = job;
    }
}

/* ---- a tree, rows, a type with a tail, a base ---- */

struct node {
    struct node *child[2];
    struct node *parent;
    long number;
};

struct reading {
    long time;
    char *sensor;
};

struct log {
    size_t count;
    struct log *older;
    char text[];
};

struct shape {
    int kind;
    struct shape *next;
};

struct circle {
    struct shape shape;
    double radius;
};

struct polygon {
    struct shape shape;
    size_t count;
    struct point *points;
    char *label;
};

static struct node *tree;
static struct reading *readings;
static size_t n_readings;
static struct shape *shapes;
static int *numbers;
static double **rows;
static __thread struct log *log_of_thread;

static struct node *node_new(struct node *parent, int depth)
{
    if (depth == 0)
        return NULL;
    struct node *node = allocate(sizeof(*node));
    known(node, "struct node");
    node->parent = parent;
    node->child[0] = node_new(node, depth - 1);
    node->child[1] = node_new(node, depth - 1);
    return node;
}

static void fill_rows(void)
{
    n_readings = 32;
    readings = allocate(n_readings * sizeof(*readings));
    known(readings, "struct reading[]");
    for (size_t i = 0; i < n_readings; i++) {
        readings[i].sensor = strdup("sensor in the cellar");
        known(readings[i].sensor, "text");
    }
    numbers = allocate(100 * sizeof(*numbers));
    known(numbers, "int[]");
    rows = allocate(10 * sizeof(*rows));
    known(rows, "double *[]");
    for (int i = 0; i < 10; i++) {
        rows[i] = allocate(20 * sizeof(**rows));
        known(rows[i], "double[]");
    }
    static struct log *kept; /* local to a function */
    for (int i = 0; i < 10; i++) {
        struct log *log = allocate(sizeof(*log) + 100);
        memset(log->text, 'x', 99);
        log->older = kept;
        kept = log;
        known(log, "struct log");
    }
    log_of_thread = allocate(sizeof(struct log) + 30);
    known(log_of_thread, "struct log");
}

static void fill_shapes(void)
{
    for (int i = 0; i < 30; i++) {
        struct shape *shape;
        if (i % 2) {
            struct circle *circle = allocate(sizeof(*circle));
            circle->radius = i;
            shape = &circle->shape;
            known(circle, "struct circle");
        } else {
            struct polygon *polygon = allocate(sizeof(*polygon));
            polygon->points = allocate(7 * sizeof(*polygon->points));
            polygon->label = strdup("heptagon");
            shape = &polygon->shape;
            known(polygon, "struct polygon");
            known(polygon->points, "struct point[]");
            known(polygon->label, "text");
        }
        shape->next = shapes;
        shapes = shape;
    }
}

/* ---- an allocator with a header of its own ---- */

struct small {
    struct small *next;
};

struct middle {
    struct small *small;
    struct middle *next;
};

struct large {
    struct middle *middle;
    struct large *next;
    long numbers[3];
};

struct largest {
    struct large *large;
    struct largest *next;
    long numbers[6];
};

static struct largest *counted;

static __attribute__((noinline)) void *allocate_counted(size_t size)
{
    size_t *memory = allocate(size + 2 * sizeof(size_t));
    memory[0] = size;
    return memory + 2;
}

static void fill_counted(void)
{
    for (int i = 0; i < 20; i++) {
        struct largest *largest = allocate_counted(sizeof(*largest));
        largest->next = counted;
        counted = largest;
        largest->large = allocate_counted(sizeof(struct large));
        largest->large->middle = allocate_counted(sizeof(struct middle));
        largest->large->middle->small = allocate_counted(sizeof(struct small));
        known(largest, "struct largest");
        known(largest->large, "struct large");
        known(largest->large->middle, "struct middle");
        known(largest->large->middle->small, "struct small");
    }
}

/* ---- text behind a structure, and structures that begin alike ---- */

struct note {
    struct note *next;
    long length;
    char *title;
};

struct common {
    struct common *next;
    long kind;
};

struct word {
    struct common *next;
    long kind, length;
    char letters[];
};

static struct note *notes;
static struct common *words;

static void fill_notes(void)
{
    for (size_t i = 1; i < 40; i++) {
        struct note *note = allocate(sizeof(*note) + i);
        memset(note + 1, 'n', i);
        note->length = (long)i;
        note->title = NULL;
        note->next = notes;
        notes = note;
        known(note, "struct note");
    }
}

/* Whoever asks makes something else of it. */
static __attribute__((noinline)) struct common *common_new(size_t size)
{
    struct common *made = allocate(size);
    made->next = words;
    words = made;
    return made;
}

static void fill_words(void)
{
    for (size_t i = 1; i < 20; i++) {
        struct word *word = (struct word *)common_new(sizeof(*word) + i);
        memset(word->letters, 'w', i);
        word->length = (long)i;
        word->kind = 1;
        known(word, "struct word");
    }
}

/* ---- what only a stack holds ---- */

struct request {
    char *path;
    struct request *outer;
    int depth;
};

static __attribute__((noinline)) void handle(int depth, struct request *outer)
{
    struct request request = {
        .path = strdup("/index.html"), .outer = outer, .depth = depth};
    known(request.path, "text");
    if (depth > 0)
        handle(depth - 1, &request);
    else
        known_wait();
    __asm__ volatile("" ::"r"(&request) : "memory");
}

static void *serve(void *argument)
{
    struct job *job = argument;
    job->number = 77;
    handle(3, NULL);
    return job;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    known_begin(argv[1]);
    fill_table();
    fill_queue();
    tree = node_new(NULL, 6);
    fill_rows();
    fill_shapes();
    fill_counted();
    fill_notes();
    fill_words();
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, job_new(1)) != 0)
        return 1;
    pthread_join(thread, NULL);
    /* Variables that nobody reads would not be there. */
    return tree && rows && numbers && readings && shapes && log_of_thread && counted
                   && notes && words
               ? 0
               : 1;
}
