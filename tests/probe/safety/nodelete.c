// SPDX-License-Identifier: MIT

/*
 * Provokes: "dlclose: our library is NODELETE". A program that walks the loaded libraries
 * and opens and closes each of them, ours included, more often than they were opened.
 */

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    struct link_map *map = dlopen(NULL, RTLD_NOW) ? _r_debug.r_map : NULL;
    for (; map; map = map->l_next) {
        if (!strstr(map->l_name, "/lib"))
            continue;
        void *handle = dlopen(map->l_name, RTLD_NOW | RTLD_NOLOAD);
        for (int i = 0; handle && i < 5; i++)
            dlclose(handle);
    }
    for (size_t i = 0; i < 1000; i++)
        free(realloc(malloc(i), i * 2));
    puts("here still");
    return 0;
}
