// SPDX-License-Identifier: MIT

/*
 * What is lost: all that DevTools lists as "Objects retained by detached DOM nodes", which
 * in our own snapshots are the lost blocks. Found as DevTools finds it: what is reached,
 * but not without passing a detached node.
 *
 * In our snapshots a leader hangs from the group of its stack. What hangs from several
 * leaders belongs to the group that they share, or to none.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/analysis/parts.h"
#include "libheapsnap/base/array.h"
#include "libheapsnap/base/guard.h"

/* Values of search.group besides indices. */
#define UNKNOWN UINT32_MAX
#define SHARED (UINT32_MAX - 1)

struct leader {
    uint64_t key; /* of its group */
    uint32_t node, site, class;
    uint64_t bytes;
};

struct leaders {
    struct leader *at;
    size_t count, room;
};

struct search {
    const struct hs_analysis *analysis;
    struct hs_lost *lost;
    uint8_t *is_lost;    /* by node */
    uint32_t *group;     /* by node */
    uint32_t *of_parent; /* by node: the group whose leaders hang from it */
    struct leaders leaders;
};

static void release(struct search *search)
{
    free(search->is_lost);
    free(search->group);
    free(search->of_parent);
    free(search->leaders.at);
    hs_lost_destroy(search->lost);
}

void hs_lost_destroy(struct hs_lost *lost)
{
    if (!lost)
        return;
    free(lost->groups);
    free(lost->leaders);
    free(lost);
}

static bool mark_lost(struct search *search)
{
    const struct hs_analysis *analysis = search->analysis;
    const struct hs_snapshot *snapshot = analysis->snapshot;
    uint32_t count = 0;
    hs_auto_free uint32_t *queue = malloc((size_t)snapshot->node_count * sizeof(*queue));
    search->is_lost = malloc(snapshot->node_count);
    if (!queue || !search->is_lost)
        return false;
    memset(search->is_lost, 1, snapshot->node_count);
    search->is_lost[snapshot->root] = 0;
    queue[count++] = snapshot->root;
    for (uint32_t next = 0; next < count; next++) {
        uint32_t end = snapshot->first_edge[queue[next] + 1];
        for (uint32_t e = snapshot->first_edge[queue[next]]; e < end; e++) {
            uint32_t to = snapshot->edge_to[e];
            if (snapshot->edge_type[e] == HS_EDGE_WEAK || !search->is_lost[to]
                || analysis->node_detachedness[to] == HS_DETACHEDNESS_DETACHED)
                continue;
            search->is_lost[to] = 0;
            queue[count++] = to;
        }
    }
    for (uint32_t node = 0; node < snapshot->node_count; node++)
        if (analysis->distance[node] == HS_DISTANCE_UNREACHED)
            search->is_lost[node] = 0;
    return true;
}

/* Lost, and nothing lost alone holds it. */
static bool is_topmost(const struct search *search, uint32_t node)
{
    return search->is_lost[node] && !search->is_lost[search->analysis->dominator[node]];
}

static bool is_leader(const struct search *search, uint32_t node)
{
    const struct hs_analysis *analysis = search->analysis;
    const uint8_t *state = analysis->snapshot->has_no_detachedness
                               ? analysis->node_detachedness
                               : analysis->snapshot->node_detachedness;
    return state[node] == HS_DETACHEDNESS_DETACHED && is_topmost(search, node);
}

static bool hangs_from_stack(const struct search *search, const struct leader *leader)
{
    const struct hs_analysis *analysis = search->analysis;
    uint32_t from = analysis->reached_from[leader->node];
    return leader->site != HS_ANALYSIS_NONE && from != HS_ANALYSIS_NONE
           && analysis->snapshot->node_type[from] == HS_NODE_SYNTHETIC;
}

static bool find_leaders(struct search *search)
{
    const struct hs_analysis *analysis = search->analysis;
    const struct hs_snapshot *snapshot = analysis->snapshot;
    for (uint32_t node = 0; node < snapshot->node_count; node++) {
        if (!is_leader(search, node))
            continue;
        struct leader leader = {
            .node = node,
            .site = hs_site_find(snapshot, node),
            .class = analysis->node_class[node],
            .bytes = analysis->node_size[node],
        };
        leader.key = hangs_from_stack(search, &leader)
                         ? analysis->reached_from[node]
                         : (uint64_t)snapshot->node_count + leader.class;
        if (!hs_array_push(&search->leaders, leader))
            return false;
    }
    return true;
}

/* ---- groups ---- */

static int by_key_and_site(const void *left, const void *right)
{
    const struct leader *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    if (a->site != b->site)
        return a->site < b->site ? -1 : 1;
    return a->node < b->node ? -1 : a->node > b->node;
}

static int by_class(const void *left, const void *right)
{
    const struct leader *a = left, *b = right;
    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    return a->node < b->node ? -1 : a->node > b->node;
}

static int by_size(const void *left, const void *right, void *data)
{
    const struct hs_analysis *analysis = data;
    const struct leader *a = left, *b = right;
    uint64_t a_size = analysis->retained[a->node], b_size = analysis->retained[b->node];
    if (a_size != b_size)
        return a_size < b_size ? 1 : -1;
    return a->node < b->node ? -1 : a->node > b->node;
}

/* Of a sorted range the value that most bytes have, and how many others there are. */
static uint32_t find_main(const struct leader *leaders, size_t count, bool of_site,
                          uint32_t *ret_others)
{
    uint32_t best = HS_ANALYSIS_NONE, values = 0;
    uint64_t best_bytes = 0, bytes = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t value = of_site ? leaders[i].site : leaders[i].class;
        bool is_last = i + 1 == count
                       || (of_site ? leaders[i + 1].site : leaders[i + 1].class) != value;
        bytes += leaders[i].bytes;
        if (!is_last)
            continue;
        values++;
        if (best == HS_ANALYSIS_NONE || bytes > best_bytes) {
            best = value;
            best_bytes = bytes;
        }
        bytes = 0;
    }
    *ret_others = values > 0 ? values - 1 : 0;
    return best;
}

static void add_group(struct search *search, struct leader *leaders, size_t count,
                      uint32_t first)
{
    const struct hs_analysis *analysis = search->analysis;
    struct hs_lost *lost = search->lost;
    uint32_t number = lost->group_count++;
    struct hs_lost_group *group = &lost->groups[number];
    group->first_leader = first;
    group->leader_count = (uint32_t)count;
    group->site = find_main(leaders, count, true, &group->other_sites);
    qsort(leaders, count, sizeof(*leaders), by_class);
    uint32_t class = find_main(leaders, count, false, &group->other_classes);
    group->class_name = analysis->classes[class].name;
    qsort_r(leaders, count, sizeof(*leaders), by_size, (void *)analysis);
    for (size_t i = 0; i < count; i++) {
        lost->leaders[first + i] = leaders[i].node;
        search->group[leaders[i].node] = number;
        group->own += leaders[i].bytes;
    }
    if (hangs_from_stack(search, leaders))
        search->of_parent[leaders->key] = number;
}

static bool make_groups(struct search *search)
{
    const struct hs_snapshot *snapshot = search->analysis->snapshot;
    struct hs_lost *lost = search->lost;
    struct leader *leaders = search->leaders.at;
    size_t count = search->leaders.count, nodes = snapshot->node_count;
    lost->groups = calloc(count + 1, sizeof(*lost->groups));
    lost->leaders = malloc((count + 1) * sizeof(*lost->leaders));
    search->group = malloc(nodes * sizeof(*search->group));
    search->of_parent = malloc(nodes * sizeof(*search->of_parent));
    if (!lost->groups || !lost->leaders || !search->group || !search->of_parent)
        return false;
    memset(search->group, 0xff, nodes * sizeof(*search->group));
    memset(search->of_parent, 0xff, nodes * sizeof(*search->of_parent));
    if (count > 0)
        qsort(leaders, count, sizeof(*leaders), by_key_and_site);
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && leaders[end].key == leaders[first].key;)
            end++;
        add_group(search, &leaders[first], end - first, (uint32_t)first);
    }
    lost->leader_count = (uint32_t)count;
    return true;
}

/* ---- what hangs below ---- */

/* A topmost node that is no leader hangs from several. */
static uint32_t group_of_topmost(const struct search *search, uint32_t node)
{
    uint32_t group = search->of_parent[search->analysis->dominator[node]];
    return group == UNKNOWN ? SHARED : group;
}

/* The group of whatever dominates `node`, remembered for all on the way. */
static uint32_t find_group(struct search *search, uint32_t node)
{
    const uint32_t *dominator = search->analysis->dominator;
    uint32_t top = node;
    while (search->group[top] == UNKNOWN && !is_topmost(search, top))
        top = dominator[top];
    uint32_t group = search->group[top] != UNKNOWN ? search->group[top]
                                                   : group_of_topmost(search, top);
    search->group[top] = group;
    for (uint32_t at = node; at != top; at = dominator[at])
        search->group[at] = group;
    return group;
}

static void count_all(struct search *search)
{
    const struct hs_analysis *analysis = search->analysis;
    struct hs_lost *lost = search->lost;
    for (uint32_t node = 0; node < analysis->snapshot->node_count; node++) {
        uint32_t size = analysis->node_size[node];
        if (!search->is_lost[node] || size == 0)
            continue;
        uint32_t group = find_group(search, node);
        lost->count++;
        lost->bytes += size;
        if (group == SHARED) {
            lost->shared_count++;
            lost->shared_bytes += size;
        } else {
            lost->groups[group].below_count += !is_leader(search, node);
            lost->groups[group].retained += size;
        }
    }
}

static int by_group_size(const void *left, const void *right)
{
    const struct hs_lost_group *a = left, *b = right;
    if (a->retained != b->retained)
        return a->retained < b->retained ? 1 : -1;
    if (a->own != b->own)
        return a->own < b->own ? 1 : -1;
    return a->first_leader < b->first_leader ? -1 : a->first_leader > b->first_leader;
}

int hs_lost_create(const struct hs_analysis *analysis, struct hs_lost **ret,
                   struct hs_error *err)
{
    hs_auto(release) struct search search = {.analysis = analysis};
    search.lost = calloc(1, sizeof(*search.lost));
    if (!search.lost || !mark_lost(&search) || !find_leaders(&search)
        || !make_groups(&search))
        return hs_error_set(err, ENOMEM, "no memory to find what is lost of %u nodes",
                            analysis->snapshot->node_count);
    count_all(&search);
    struct hs_lost *lost = hs_take(search.lost);
    if (lost->group_count > 0)
        qsort(lost->groups, lost->group_count, sizeof(*lost->groups), by_group_size);
    *ret = lost;
    return 0;
}
