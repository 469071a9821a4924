// SPDX-License-Identifier: MIT

/*
 * Provokes: "module generation for PCs" when nobody tells of an unloading: a library that
 * binds dlclose to libc itself (RTLD_DEEPBIND) closes one library that allocated, and
 * loads another build of it, with frames of another size, where the first one was. With
 * verify=stacks every stack is compared with libunwind's. unseen OPENER LIBRARY OTHER.
 */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef void *allocate(size_t);

int main(int argc, char **argv)
{
    if (argc != 4)
        return 64;
    void *opener = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (!opener) {
        printf("%s\n", dlerror());
        return 2;
    }
    void *(*open_library)(const char *) =
        (void *(*)(const char *))dlsym(opener, "open_library");
    void (*close_library)(void *) = (void (*)(void *))dlsym(opener, "close_library");
    void *last = NULL;
    int again = 0;
    for (int i = 0; i < 100; i++) {
        void *handle = open_library(argv[2 + i % 2]);
        allocate *(*allocator)(void) = (allocate * (*)(void)) dlsym(handle, "allocator");
        for (size_t size = 0; size < 50; size++)
            free(allocator()(size));
        again += (void *)allocator() == last;
        last = (void *)allocator();
        close_library(handle);
    }
    printf("%d\n", again > 50);
    return 0;
}
