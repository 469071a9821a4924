// SPDX-License-Identifier: MIT

/*
 * A cache without a cap: keyed by the whole URL, query string included, so that hardly
 * any entry is ever found again, and none is ever dropped.
 *
 * verdict: grows by 150 blocks at cache_put
 */

#include <stdlib.h>
#include <string.h>

#include "phase.h"

#define BUCKETS 64

struct entry {
    struct entry *next;
    char url[64];
    char page[400];
};

static struct entry *g_cache[BUCKETS];

static unsigned bucket_of(const char *url)
{
    unsigned hash = 5381;
    while (*url)
        hash = hash * 33 + (unsigned char)*url++;
    return hash % BUCKETS;
}

static struct entry *cache_get(const char *url)
{
    struct entry *entry = g_cache[bucket_of(url)];
    while (entry && strcmp(entry->url, url) != 0)
        entry = entry->next;
    return entry;
}

/* The leak: nothing limits the number of entries or their age. */
static struct entry *cache_put(const char *url)
{
    struct entry *entry = malloc(sizeof(*entry));
    if (!entry)
        abort();
    snprintf(entry->url, sizeof(entry->url), "%s", url);
    snprintf(entry->page, sizeof(entry->page), "<html>the page at %s</html>", url);
    entry->next = g_cache[bucket_of(url)];
    g_cache[bucket_of(url)] = entry;
    return entry;
}

static void render(int visitor)
{
    char url[64];
    snprintf(url, sizeof(url), "/index.html?visitor=%d", visitor);
    if (!cache_get(url))
        cache_put(url);
}

int main(int argc, char **argv)
{
    return phase_main(argc, argv, 150, render);
}
