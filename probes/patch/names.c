// SPDX-License-Identifier: MIT

/*
 * What is missing on purpose: functions that only look (malloc_usable_size), those that
 * change a block in its place, and those that free without saying what (mi_heap_destroy).
 * Text of names like "strdup" is allocated inside the library, past its own malloc.
 */

#include "probes/patch/names.h"

#include <string.h>

#define PLAIN (1u << HS_FAMILY_PLAIN)
#define JE (1u << HS_FAMILY_JE | 1u << HS_FAMILY_RJEM)
#define MI (1u << HS_FAMILY_MI)
#define TC (1u << HS_FAMILY_TC)
#define ALL (PLAIN | JE | MI | TC)

struct name {
    const char *name;
    uint8_t shape; /* enum hs_shape */
    uint8_t families;
};

static const struct name names[] = {
    {"malloc", HS_SHAPE_SIZE_A, ALL},
    {"calloc", HS_SHAPE_COUNT_AB, ALL},
    {"realloc", HS_SHAPE_RESIZE_AB, ALL},
    {"reallocarray", HS_SHAPE_RESIZE_ABC, PLAIN | MI},
    {"free", HS_SHAPE_FREE, ALL},
    {"cfree", HS_SHAPE_FREE, ALL},
    {"free_sized", HS_SHAPE_FREE, PLAIN | JE | TC},
    {"free_aligned_sized", HS_SHAPE_FREE, PLAIN | JE},
    {"memalign", HS_SHAPE_SIZE_B, ALL},
    {"aligned_alloc", HS_SHAPE_SIZE_B, ALL},
    {"posix_memalign", HS_SHAPE_STORED, ALL},
    {"valloc", HS_SHAPE_SIZE_A, ALL},
    {"pvalloc", HS_SHAPE_SIZE_A, ALL},

    {"mallocx", HS_SHAPE_SIZE_A, PLAIN | JE},
    {"rallocx", HS_SHAPE_RESIZE_AB, PLAIN | JE},
    {"dallocx", HS_SHAPE_FREE, PLAIN | JE},
    {"sdallocx", HS_SHAPE_FREE, PLAIN | JE},

    {"_Znwm", HS_SHAPE_SIZE_A, PLAIN},
    {"_Znam", HS_SHAPE_SIZE_A, PLAIN},
    {"_ZnwmRKSt9nothrow_t", HS_SHAPE_SIZE_A, PLAIN},
    {"_ZnamRKSt9nothrow_t", HS_SHAPE_SIZE_A, PLAIN},
    {"_ZnwmSt11align_val_t", HS_SHAPE_SIZE_A, PLAIN},
    {"_ZnamSt11align_val_t", HS_SHAPE_SIZE_A, PLAIN},
    {"_ZnwmSt11align_val_tRKSt9nothrow_t", HS_SHAPE_SIZE_A, PLAIN},
    {"_ZnamSt11align_val_tRKSt9nothrow_t", HS_SHAPE_SIZE_A, PLAIN},
    {"_ZdlPv", HS_SHAPE_FREE, PLAIN},
    {"_ZdaPv", HS_SHAPE_FREE, PLAIN},
    {"_ZdlPvm", HS_SHAPE_FREE, PLAIN},
    {"_ZdaPvm", HS_SHAPE_FREE, PLAIN},
    {"_ZdlPvRKSt9nothrow_t", HS_SHAPE_FREE, PLAIN},
    {"_ZdaPvRKSt9nothrow_t", HS_SHAPE_FREE, PLAIN},
    {"_ZdlPvSt11align_val_t", HS_SHAPE_FREE, PLAIN},
    {"_ZdaPvSt11align_val_t", HS_SHAPE_FREE, PLAIN},
    {"_ZdlPvmSt11align_val_t", HS_SHAPE_FREE, PLAIN},
    {"_ZdaPvmSt11align_val_t", HS_SHAPE_FREE, PLAIN},
    {"_ZdlPvSt11align_val_tRKSt9nothrow_t", HS_SHAPE_FREE, PLAIN},
    {"_ZdaPvSt11align_val_tRKSt9nothrow_t", HS_SHAPE_FREE, PLAIN},

    {"malloc_small", HS_SHAPE_SIZE_A, MI},
    {"zalloc_small", HS_SHAPE_SIZE_A, MI},
    {"zalloc", HS_SHAPE_SIZE_A, MI},
    {"mallocn", HS_SHAPE_COUNT_AB, MI},
    {"malloc_aligned", HS_SHAPE_SIZE_A, MI},
    {"malloc_aligned_at", HS_SHAPE_SIZE_A, MI},
    {"zalloc_aligned", HS_SHAPE_SIZE_A, MI},
    {"zalloc_aligned_at", HS_SHAPE_SIZE_A, MI},
    {"calloc_aligned", HS_SHAPE_COUNT_AB, MI},
    {"calloc_aligned_at", HS_SHAPE_COUNT_AB, MI},
    {"rezalloc", HS_SHAPE_RESIZE_AB, MI},
    {"reallocn", HS_SHAPE_RESIZE_ABC, MI},
    {"recalloc", HS_SHAPE_RESIZE_ABC, MI},
    {"reallocf", HS_SHAPE_RESIZE_OR_FREE, MI},
    {"realloc_aligned", HS_SHAPE_RESIZE_AB, MI},
    {"realloc_aligned_at", HS_SHAPE_RESIZE_AB, MI},
    {"rezalloc_aligned", HS_SHAPE_RESIZE_AB, MI},
    {"rezalloc_aligned_at", HS_SHAPE_RESIZE_AB, MI},
    {"recalloc_aligned", HS_SHAPE_RESIZE_ABC, MI},
    {"recalloc_aligned_at", HS_SHAPE_RESIZE_ABC, MI},
    {"free_size", HS_SHAPE_FREE, MI},
    {"free_aligned", HS_SHAPE_FREE, MI},
    {"free_size_aligned", HS_SHAPE_FREE, MI},
    {"strdup", HS_SHAPE_TEXT, MI},
    {"strndup", HS_SHAPE_TEXT, MI},
    {"realpath", HS_SHAPE_TEXT, MI},
    {"new", HS_SHAPE_SIZE_A, MI | TC},
    {"new_nothrow", HS_SHAPE_SIZE_A, MI | TC},
    {"new_aligned", HS_SHAPE_SIZE_A, MI | TC},
    {"new_aligned_nothrow", HS_SHAPE_SIZE_A, MI | TC},
    {"new_n", HS_SHAPE_COUNT_AB, MI},
    {"new_realloc", HS_SHAPE_RESIZE_AB, MI},
    {"new_reallocn", HS_SHAPE_RESIZE_ABC, MI},

    {"heap_malloc", HS_SHAPE_SIZE_B, MI},
    {"heap_malloc_small", HS_SHAPE_SIZE_B, MI},
    {"heap_zalloc", HS_SHAPE_SIZE_B, MI},
    {"heap_calloc", HS_SHAPE_COUNT_BC, MI},
    {"heap_mallocn", HS_SHAPE_COUNT_BC, MI},
    {"heap_malloc_aligned", HS_SHAPE_SIZE_B, MI},
    {"heap_malloc_aligned_at", HS_SHAPE_SIZE_B, MI},
    {"heap_zalloc_aligned", HS_SHAPE_SIZE_B, MI},
    {"heap_zalloc_aligned_at", HS_SHAPE_SIZE_B, MI},
    {"heap_calloc_aligned", HS_SHAPE_COUNT_BC, MI},
    {"heap_calloc_aligned_at", HS_SHAPE_COUNT_BC, MI},
    {"heap_alloc_new", HS_SHAPE_SIZE_B, MI},
    {"heap_alloc_new_n", HS_SHAPE_COUNT_BC, MI},
    {"heap_realloc", HS_SHAPE_RESIZE_BC, MI},
    {"heap_rezalloc", HS_SHAPE_RESIZE_BC, MI},
    {"heap_reallocn", HS_SHAPE_RESIZE_BCD, MI},
    {"heap_recalloc", HS_SHAPE_RESIZE_BCD, MI},
    {"heap_realloc_aligned", HS_SHAPE_RESIZE_BC, MI},
    {"heap_realloc_aligned_at", HS_SHAPE_RESIZE_BC, MI},
    {"heap_rezalloc_aligned", HS_SHAPE_RESIZE_BC, MI},
    {"heap_rezalloc_aligned_at", HS_SHAPE_RESIZE_BC, MI},
    {"heap_recalloc_aligned", HS_SHAPE_RESIZE_BCD, MI},
    {"heap_recalloc_aligned_at", HS_SHAPE_RESIZE_BCD, MI},
    {"heap_strdup", HS_SHAPE_TEXT, MI},
    {"heap_strndup", HS_SHAPE_TEXT, MI},
    {"heap_realpath", HS_SHAPE_TEXT, MI},

    {"malloc_skip_new_handler", HS_SHAPE_SIZE_A, TC},
    {"newarray", HS_SHAPE_SIZE_A, TC},
    {"newarray_nothrow", HS_SHAPE_SIZE_A, TC},
    {"newarray_aligned", HS_SHAPE_SIZE_A, TC},
    {"newarray_aligned_nothrow", HS_SHAPE_SIZE_A, TC},
    {"delete", HS_SHAPE_FREE, TC},
    {"delete_sized", HS_SHAPE_FREE, TC},
    {"delete_nothrow", HS_SHAPE_FREE, TC},
    {"delete_aligned", HS_SHAPE_FREE, TC},
    {"delete_sized_aligned", HS_SHAPE_FREE, TC},
    {"delete_aligned_nothrow", HS_SHAPE_FREE, TC},
    {"deletearray", HS_SHAPE_FREE, TC},
    {"deletearray_sized", HS_SHAPE_FREE, TC},
    {"deletearray_nothrow", HS_SHAPE_FREE, TC},
    {"deletearray_aligned", HS_SHAPE_FREE, TC},
    {"deletearray_sized_aligned", HS_SHAPE_FREE, TC},
    {"deletearray_aligned_nothrow", HS_SHAPE_FREE, TC},
};

#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

const char *hs_family_prefix(enum hs_family family)
{
    static const char *const prefixes[HS_FAMILIES] = {"", "je_", "_rjem_", "mi_", "tc_"};
    return prefixes[family];
}

enum hs_shape hs_name_shape(enum hs_family family, const char *name)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (names[i].families >> family & 1 && names[i].name[0] == name[0]
            && strcmp(names[i].name, name) == 0)
            return (enum hs_shape)names[i].shape;
    return HS_SHAPE_NONE;
}

const char *hs_name_get(enum hs_family family, size_t index, enum hs_shape *ret_shape)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (names[i].families >> family & 1 && index-- == 0) {
            *ret_shape = (enum hs_shape)names[i].shape;
            return names[i].name;
        }
    return NULL;
}

bool hs_family_is_complete(uint32_t shapes)
{
    uint32_t more = 1u << HS_SHAPE_COUNT_AB | 1u << HS_SHAPE_RESIZE_AB;
    return shapes >> HS_SHAPE_SIZE_A & 1 && shapes >> HS_SHAPE_FREE & 1 && shapes & more;
}
