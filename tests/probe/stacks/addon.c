// SPDX-License-Identifier: MIT

/*
 * A Node addon whose one function allocates. The few declarations it needs of Node-API are
 * made here: the interface is fixed, the headers are often not installed.
 */

#include <stddef.h>
#include <stdlib.h>

typedef struct napi_env_ *napi_env;
typedef struct napi_value_ *napi_value;
typedef napi_value (*napi_callback)(napi_env env, void *info);

int napi_create_function(napi_env env, const char *name, size_t length,
                         napi_callback callback, void *data, napi_value *ret);
napi_value napi_register_module_v1(napi_env env, napi_value exports);

__attribute__((noinline)) static void addon_inner(size_t size)
{
    /* Lost on purpose: the stack is found by it. */
    void *volatile block = malloc(size);
    (void)block;
}

__attribute__((noinline)) static napi_value addon_leak(napi_env env, void *info)
{
    (void)env;
    (void)info;
    addon_inner(5003);
    return NULL;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
    napi_value function;
    if (napi_create_function(env, "leak", 4, addon_leak, NULL, &function) != 0)
        return exports;
    return function;
}
