// SPDX-License-Identifier: MIT

/*
 * The C++ library of gcc: names of members as in its headers since gcc 5.
 */

#include "libheapsnap/types/container.h"

#define TREE(name)                                                       \
    {name, "_M_parent", "", HS_CONTAINER_TREE_NODE, "_M_t:1"},           \
        {name, "_M_left", " (first)", HS_CONTAINER_TREE_NODE, "_M_t:1"}, \
    {                                                                    \
        name, "_M_right", " (last)", HS_CONTAINER_TREE_NODE, "_M_t:1"    \
    }
#define HASH(name)                                                            \
    {name, "_M_buckets", "", HS_CONTAINER_HASH_BUCKETS, "_M_h:1"},            \
        {name, "_M_nxt", " (first)", HS_CONTAINER_HASH_NODE, "_M_h:1"},       \
    {                                                                         \
        name, "_M_single_bucket", " (only)", HS_CONTAINER_HASH_NODE, "_M_h:1" \
    }

const struct hs_container_rule hs_container_libstdcxx[] = {
    {"std::vector", "_M_start", "", HS_CONTAINER_ROW, NULL},
    {"std::vector", "_M_finish", " (end)", HS_CONTAINER_BORROWED, NULL},
    {"std::vector", "_M_end_of_storage", " (room)", HS_CONTAINER_BORROWED, NULL},
    {"std::basic_string", "_M_p", "", HS_CONTAINER_TEXT, NULL},
    {"std::list", "_M_next", "", HS_CONTAINER_LIST_NODE, NULL},
    {"std::list", "_M_prev", " (last)", HS_CONTAINER_LIST_NODE, NULL},
    {"std::forward_list", "_M_next", "", HS_CONTAINER_FORWARD_NODE, NULL},
    {"std::deque", "_M_map", "", HS_CONTAINER_DEQUE_MAP, NULL},
    {"std::deque", "_M_cur", " (end)", HS_CONTAINER_BORROWED, NULL},
    {"std::deque", "_M_first", " (chunk)", HS_CONTAINER_BORROWED, NULL},
    {"std::deque", "_M_last", " (chunk end)", HS_CONTAINER_BORROWED, NULL},
    {"std::deque", "_M_node", " (map slot)", HS_CONTAINER_BORROWED, NULL},
    {"std::unique_ptr", "_M_head_impl", "", HS_CONTAINER_AS_DECLARED, NULL},
    {"std::shared_ptr", "_M_ptr", "", HS_CONTAINER_AS_DECLARED, NULL},
    {"std::shared_ptr", "_M_pi", " (counts)", HS_CONTAINER_NOTHING, NULL},
    {"std::weak_ptr", "_M_ptr", "", HS_CONTAINER_AS_DECLARED, NULL},
    {"std::weak_ptr", "_M_pi", " (counts)", HS_CONTAINER_NOTHING, NULL},
    TREE("std::map"),
    TREE("std::set"),
    TREE("std::multimap"),
    TREE("std::multiset"),
    HASH("std::unordered_map"),
    HASH("std::unordered_set"),
    HASH("std::unordered_multimap"),
    HASH("std::unordered_multiset"),
    {NULL, NULL, NULL, HS_CONTAINER_NOTHING, NULL},
};

/* What nodes begin with is all that their links say of them: nothing. */
const struct hs_container_node hs_container_libstdcxx_nodes[] = {
    {"std::_Rb_tree_node", HS_CONTAINER_TREE_NODE},
    {"std::_List_node", HS_CONTAINER_LIST_NODE},
    {"std::_Fwd_list_node", HS_CONTAINER_FORWARD_NODE},
    {"std::__detail::_Hash_node", HS_CONTAINER_HASH_NODE},
    {"std::_Rb_tree_node_base", HS_CONTAINER_NOTHING},
    {"std::_Rb_tree_header", HS_CONTAINER_NOTHING},
    {"std::__detail::_List_node_base", HS_CONTAINER_NOTHING},
    {"std::__detail::_List_node_header", HS_CONTAINER_NOTHING},
    {"std::_Fwd_list_node_base", HS_CONTAINER_NOTHING},
    {"std::__detail::_Hash_node_base", HS_CONTAINER_NOTHING},
    {NULL, HS_CONTAINER_NOTHING},
};
