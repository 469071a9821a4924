// SPDX-License-Identifier: MIT

/*
 * The C++ library of LLVM, as far as a pointer's name alone tells it from gcc's.
 */

#include "libheapsnap/types/container.h"

const struct hs_container_rule hs_container_libcxx[] = {
    {"std::vector", "__begin_", "", HS_CONTAINER_ROW, NULL},
    {"std::vector", "__end_", " (end)", HS_CONTAINER_BORROWED, NULL},
    {"std::vector", "__value_", " (room)", HS_CONTAINER_BORROWED, NULL},
    {"std::vector", "__cap_", " (room)", HS_CONTAINER_BORROWED, NULL},
    {"std::basic_string", "__data_", "", HS_CONTAINER_TEXT, NULL},
    {"std::unique_ptr", "__value_", "", HS_CONTAINER_AS_DECLARED, NULL},
    {"std::unique_ptr", "__ptr_", "", HS_CONTAINER_AS_DECLARED, NULL},
    {"std::shared_ptr", "__ptr_", "", HS_CONTAINER_AS_DECLARED, NULL},
    {"std::shared_ptr", "__cntrl_", " (counts)", HS_CONTAINER_NOTHING, NULL},
    {"std::weak_ptr", "__ptr_", "", HS_CONTAINER_AS_DECLARED, NULL},
    {"std::weak_ptr", "__cntrl_", " (counts)", HS_CONTAINER_NOTHING, NULL},
    {NULL, NULL, NULL, HS_CONTAINER_NOTHING, NULL},
};

const struct hs_container_node hs_container_libcxx_nodes[] = {
    {"std::__tree_node_base", HS_CONTAINER_NOTHING},
    {"std::__tree_end_node", HS_CONTAINER_NOTHING},
    {"std::__list_node_base", HS_CONTAINER_NOTHING},
    {"std::__hash_node_base", HS_CONTAINER_NOTHING},
    {"std::__forward_begin_node", HS_CONTAINER_NOTHING},
    {NULL, HS_CONTAINER_NOTHING},
};
