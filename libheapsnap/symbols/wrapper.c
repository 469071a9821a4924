// SPDX-License-Identifier: MIT

/*
 * The list of wrappers. "malloc ← operator new" tells nobody anything, so a site is named
 * after the first frame that is not in it. Only functions whose whole purpose is to
 * allocate for their caller belong here: a constructor or a parser never does.
 */

#include "libheapsnap/symbols/wrapper.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* In strcmp() order. */
static const char *const allocators[] = {
    "BUF_MEM_grow",
    "BUF_MEM_grow_clean",
    "CRYPTO_malloc",
    "CRYPTO_memdup",
    "CRYPTO_realloc",
    "CRYPTO_strdup",
    "CRYPTO_strndup",
    "CRYPTO_zalloc",
    "PyMem_Calloc",
    "PyMem_Malloc",
    "PyMem_RawCalloc",
    "PyMem_RawMalloc",
    "PyMem_RawRealloc",
    "PyMem_Realloc",
    "PyObject_Calloc",
    "PyObject_Malloc",
    "PyObject_Realloc",
    "PyType_GenericAlloc",
    "_IO_vasprintf",
    "_PyObject_GC_Alloc",
    "_PyObject_GC_Malloc",
    "_PyObject_GC_New",
    "_PyObject_GC_NewVar",
    "_PyObject_New",
    "_PyObject_NewVar",
    "_PyType_AllocNoTrack",
    "__GI___libc_malloc",
    "__GI___strdup",
    "__asprintf",
    "__asprintf_chk",
    "__getdelim",
    "__getline",
    "__libc_alloc_buffer_allocate",
    "__libc_calloc",
    "__libc_dynarray_resize",
    "__libc_malloc",
    "__libc_memalign",
    "__libc_realloc",
    "__posix_memalign",
    "__rdl_alloc",
    "__rdl_alloc_zeroed",
    "__rdl_realloc",
    "__rust_alloc",
    "__rust_alloc_zeroed",
    "__rust_realloc",
    "__strdup",
    "__strndup",
    "__vasprintf",
    "__vasprintf_chk",
    "__vasprintf_internal",
    "__wcsdup",
    "_sdsnewlen",
    "aligned_alloc",
    "apr_palloc",
    "asprintf",
    "calloc",
    "do_xmalloc",
    "g_aligned_alloc",
    "g_malloc",
    "g_malloc0",
    "g_malloc0_n",
    "g_malloc_n",
    "g_memdup",
    "g_memdup2",
    "g_realloc",
    "g_realloc_n",
    "g_slice_alloc",
    "g_slice_alloc0",
    "g_slice_copy",
    "g_strconcat",
    "g_strdup",
    "g_strdup_printf",
    "g_strdup_vprintf",
    "g_strdupv",
    "g_strndup",
    "g_try_malloc",
    "g_try_malloc0",
    "g_try_malloc_n",
    "g_try_realloc",
    "g_vasprintf",
    "gc_alloc",
    "getdelim",
    "getline",
    "je_calloc",
    "je_malloc",
    "je_realloc",
    "jsonp_malloc",
    "malloc",
    "memalign",
    "mi_calloc",
    "mi_malloc",
    "mi_realloc",
    "ngx_alloc",
    "ngx_calloc",
    "ngx_memalign",
    "ngx_palloc",
    "ngx_palloc_block",
    "ngx_palloc_large",
    "ngx_palloc_small",
    "ngx_pcalloc",
    "ngx_pnalloc",
    "operator new",
    "operator new[]",
    "posix_memalign",
    "pvalloc",
    "realloc",
    "reallocarray",
    "sdsdup",
    "sdsempty",
    "sdsnew",
    "sdsnewlen",
    "sqlite3DbMallocRaw",
    "sqlite3DbMallocRawNN",
    "sqlite3DbMallocZero",
    "sqlite3DbRealloc",
    "sqlite3DbStrDup",
    "sqlite3DbStrNDup",
    "sqlite3Malloc",
    "sqlite3MallocZero",
    "sqlite3MemMalloc",
    "sqlite3MemRealloc",
    "sqlite3Realloc",
    "sqlite3_malloc",
    "sqlite3_malloc64",
    "sqlite3_realloc",
    "sqlite3_realloc64",
    "strdup",
    "strndup",
    "tc_malloc",
    "tc_new",
    "uv__calloc",
    "uv__malloc",
    "uv__realloc",
    "uv__reallocf",
    "uv__strdup",
    "uv__strndup",
    "v8::base::Calloc",
    "v8::base::Malloc",
    "v8::internal::AlignedAllocWithRetry",
    "v8::internal::AllocWithRetry",
    "valloc",
    "vasprintf",
    "wcsdup",
    "xasprintf",
    "xcalloc",
    "xmalloc",
    "xmallocz",
    "xmemdup",
    "xmemdupz",
    "xrealloc",
    "xreallocarray",
    "xstrdup",
    "xstrndup",
    "xvasprintf",
    "xzalloc",
    "zcalloc",
    "zcalloc_num",
    "zcalloc_usable",
    "zmalloc",
    "zmalloc_cache_aligned",
    "zmalloc_usable",
    "zrealloc",
    "zrealloc_usable",
    "zstrdup",
    "ztrycalloc",
    "ztrycalloc_usable",
    "ztrycalloc_usable_internal",
    "ztrymalloc",
    "ztrymalloc_usable",
    "ztrymalloc_usable_internal",
    "ztryrealloc",
    "ztryrealloc_usable",
    "ztryrealloc_usable_internal",
};

static const char *const allocator_prefixes[] = {
    "std::allocator",    "std::__new_allocator",
    "std::pmr::",        "__gnu_cxx::",
    "std::__allocat",    "std::_Vector_base",
    "_PyMem_",           "_PyObject_Malloc",
    "_PyObject_Realloc", "node::Malloc",
    "node::Realloc",     "node::UncheckedMalloc",
    "node::Calloc",      "alloc::alloc::",
    "alloc::raw_vec::",  "<alloc::alloc::Global",
    "std::alloc::",      "std::sys::alloc::",
    "core::alloc::",
};

/* Rust and C++ put their containers under these; generated main wrappers, too. */
static const char *const library_prefixes[] = {
    "std::",   "alloc::",      "core::",       "hashbrown::",   "<alloc::",
    "<core::", "<std::",       "<hashbrown::", "<T as alloc::", "<T as core::",
    "<&T as ", "<I as core::", "<str as ",     "<[T] as ",      "__rustc::",
    "_ITM_",   "void std::",   "std::__1::",   "QArrayData::",  "QListData::",
};

static bool has_prefix(const char *name, const char *const *prefixes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static int by_name(const void *key, const void *entry)
{
    return strcmp(key, *(const char *const *)entry);
}

/* A class's own operator new. */
static bool is_operator_new(const char *function)
{
    const char *at = strstr(function, "::operator new");
    return at && (at[14] == '\0' || strcmp(at + 14, "[]") == 0);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Headers of the C++ library, and Rust's own sources as they are compiled in. */
static bool is_library_path(const char *path)
{
    return strstr(path, "/include/c++/")
           || (strncmp(path, "/rustc/", 7) == 0 && strstr(path, "/library/"));
}

enum hs_wrapper hs_wrapper_kind(const char *function, const char *path)
{
    if (bsearch(function, allocators, COUNT(allocators), sizeof(allocators[0]), by_name)
        || has_prefix(function, allocator_prefixes, COUNT(allocator_prefixes))
        || is_operator_new(function))
        return HS_WRAPPER_ALLOCATOR;
    if (has_prefix(function, library_prefixes, COUNT(library_prefixes))
        || (path && is_library_path(path)))
        return HS_WRAPPER_LIBRARY;
    return HS_WRAPPER_NONE;
}
