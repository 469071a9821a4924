// SPDX-License-Identifier: MIT
// What two libraries allocated, one after the other at the same place, and left behind
// when they were unloaded. See unloaded.sh.

#include <dlfcn.h>
#include <stdlib.h>

typedef void *allocate(size_t);

static void *kept[200];

int main(int argc, char **argv)
{
    for (int i = 0; i < 200 && argc == 3; i++) {
        void *handle = dlopen(argv[1 + i / 100], RTLD_NOW);
        if (!handle)
            return 2;
        allocate *(*allocator)(void) = (allocate * (*)(void)) dlsym(handle, "allocator");
        kept[i] = allocator()(5000);
        dlclose(handle);
    }
    return kept[199] ? 0 : 1;
}
