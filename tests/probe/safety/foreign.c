// SPDX-License-Identifier: MIT

/*
 * Provokes: "DEEPBIND'ed and dlmopen'ed modules" and "Unknown free (… by an unseen
 * allocator): silent, counted". foreign LIBRARY OTHER.
 *
 * The mallocs of a library loaded with RTLD_DEEPBIND, or into a namespace of its own,
 * bypass the shim. Their blocks are freed by the program, the program's by them, where
 * both are of the same heap. Then such a library is unloaded by dlclose of its own
 * namespace and the other build loaded, with other frames, at what may be the same place.
 */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef void *allocate(size_t);
typedef void free_block(void *);

static void *open_or_exit(const char *path, int flags, Lmid_t space)
{
    void *handle =
        space == LM_ID_BASE ? dlopen(path, flags) : dlmopen(space, path, flags);
    if (!handle) {
        printf("%s\n", dlerror());
        exit(2);
    }
    return handle;
}

static void use(void *handle, int is_same_heap)
{
    allocate *(*allocator)(void) = (allocate * (*)(void)) dlsym(handle, "allocator");
    free_block *give_back = (free_block *)dlsym(handle, "free_block");
    void *blocks[100];
    for (size_t i = 0; i < 100; i++)
        blocks[i] = allocator()(i * 10);
    for (int i = 0; i < 100; i++)
        if (is_same_heap && i % 2)
            free(blocks[i]);
        else
            give_back(blocks[i]);
    for (size_t i = 0; is_same_heap && i < 100; i++)
        give_back(malloc(i * 10));
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 64;
    for (int i = 0; i < 50; i++) {
        void *handle =
            open_or_exit(argv[1 + i % 2], RTLD_NOW | RTLD_DEEPBIND, LM_ID_BASE);
        use(handle, 1);
        dlclose(handle);
    }
    for (int i = 0; i < 20; i++) {
        void *handle = open_or_exit(argv[1 + i % 2], RTLD_NOW, LM_ID_NEWLM);
        use(handle, 0);
        dlclose(handle);
    }
    /* A handle that the program's own dlsym sees is still right. */
    dlerror();
    dlsym(RTLD_DEFAULT, "no_such_name_anywhere");
    printf("%d\n", dlerror() != NULL);
    return 0;
}
