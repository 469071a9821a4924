// SPDX-License-Identifier: MIT

/*
 * Rust's Vec and String. Box, Rc and Arc point to what they hold by its own type.
 */

#include "libheapsnap/types/container.h"

const struct hs_container_rule hs_container_rust[] = {
    {"alloc::string::String", NULL, "", HS_CONTAINER_TEXT, NULL},
    {"alloc::vec::Vec", NULL, "", HS_CONTAINER_ROW, NULL},
    {NULL, NULL, NULL, HS_CONTAINER_NOTHING, NULL},
};
