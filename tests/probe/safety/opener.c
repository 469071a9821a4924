// SPDX-License-Identifier: MIT
// A library that opens and closes others: loaded with RTLD_DEEPBIND its dlclose is libc's
// own, whoever is preloaded. See unseen.c.

#include <dlfcn.h>

void *open_library(const char *path);
void *open_library(const char *path)
{
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

void close_library(void *handle);
void close_library(void *handle)
{
    dlclose(handle);
}
