// SPDX-License-Identifier: MIT

/*
 * What DWARF says about data, flattened: types by size, name and pointers, and the
 * variables that hold the first of them.
 *
 * Types have numbers, given when one is first spoken of; equal definitions of several
 * units and modules share one, a declaration has the number of its definition. Everything
 * returned is borrowed until hs_layouts_destroy(). Not thread-safe, like the symbols it
 * shares its files with.
 */

#ifndef HEAPSNAP_TYPES_LAYOUT_H
#define HEAPSNAP_TYPES_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapsnap/error.h"
#include "heapsnap/symbols.h"

#define HS_TYPE_NONE UINT32_MAX /* void, or nothing known */

enum hs_type_kind {
    HS_TYPE_SCALAR,   /* numbers, enums, pointers to members */
    HS_TYPE_TEXT,     /* char, char8_t, wchar_t …: what a string is made of */
    HS_TYPE_POINTER,  /* also references; `element` */
    HS_TYPE_FUNCTION, /* code: what a function pointer points to */
    HS_TYPE_ARRAY,    /* `element`, `count` */
    HS_TYPE_STRUCT,   /* also classes */
    HS_TYPE_UNION,
    HS_TYPE_DECLARED, /* a name that no loaded module defines; size 0 */
};

/* One pointer inside a type, or a row of them. */
struct hs_type_slot {
    uint32_t offset; /* bytes; of the first */
    uint32_t target; /* the type pointed to; HS_TYPE_NONE: void * or unknown */
    uint32_t count;  /* 1; more: a row too long to list; 0: up to the end of the block */
    uint32_t stride; /* bytes from one to the next; 0 with count 1 */
    uint32_t flags;  /* HS_SLOT_* */
    const char
        *path; /* ".lru.tail", "[3].next"; of a row: what stands before its index */
    const char *tail; /* of a row: what stands behind "[i]", ".next"; else "" */
};
#define HS_SLOT_UNION 1u     /* another member may be in its place */
#define HS_SLOT_VARIANT 2u   /* only in one of several variants (Rust's enums) */
#define HS_SLOT_REFERENCE 4u /* never null by the language's rules */
#define HS_SLOT_VTABLE 8u    /* the object's pointer to its class's table */
#define HS_SLOT_FUNCTION 16u /* points to code */

struct hs_type_base {
    uint32_t type, offset;
};

struct hs_type {
    const char *name; /* "struct entry", "std::vector<int>", "char", "struct entry *" */
    uint64_t size;    /* bytes; 0: not known */
    enum hs_type_kind kind;
    uint32_t flags; /* HS_TYPE_* */
    uint32_t
        element;    /* of a pointer: what it points to; of an array: what it is made of */
    uint64_t count; /* of an array; 0: not told */
    /* A last member without a length ("char name[]"): blocks are longer than `size`. */
    uint32_t flexible_offset, flexible_stride; /* stride 0: there is none */
    const struct hs_type_slot *slots;
    uint32_t n_slots;
    uint32_t n_singles;        /* the first so many: count 1, ascending by offset */
    const uint32_t *arguments; /* template's types, in order; values are left out */
    uint32_t n_arguments;
    const struct hs_type_base *bases; /* not virtual ones */
    uint32_t n_bases;
};
#define HS_TYPE_POLYMORPHIC 1u /* has a pointer to a class's table */
#define HS_TYPE_CUT 2u         /* too large or too deep: not every slot is listed */
#define HS_TYPE_CLASS 4u       /* C++ or Rust: the name stands without "struct" */
#define HS_TYPE_VARIANT 8u     /* Rust's enum with data */

/* A member at some depth. */
struct hs_type_field {
    uint64_t offset, size; /* in the outermost type */
    uint32_t type;
    uint32_t flags; /* HS_SLOT_UNION, HS_SLOT_VARIANT */
};

enum hs_variable_place {
    HS_VARIABLE_STATIC, /* `address` is one */
    HS_VARIABLE_THREAD, /* `address` is an offset in the module's thread-local block */
    HS_VARIABLE_FRAME, /* `address` is a signed offset from the canonical frame address */
};

struct hs_variable {
    uint64_t address, size;
    const char *name;  /* "g_sessions", "app::cache" */
    const char *scope; /* the function it is local to, static or not; NULL: none */
    uint32_t type;
    enum hs_variable_place place;
};

/* How sure it is that code at a call site gives its block a type. */
enum hs_site_certainty {
    HS_SITE_NOTHING = 0,
    HS_SITE_WEAK,   /* what it is kept in says char *, or is two frames away */
    HS_SITE_LIKELY, /* kept in a variable of this type; believe it when the size fits */
    HS_SITE_EXACT,  /* the compiler says so, or an allocator made for this type */
};

struct hs_layouts_options {
    const char *cache;     /* folder; NULL: $XDG_CACHE_HOME/heapsnap; "": keep nothing */
    uint64_t cache_limit;  /* bytes of the folder; 0: 512 MB */
    uint64_t memory_limit; /* bytes for one module's types while they are read; 0: 1 GB */
    uint32_t time_limit;   /* milliseconds for one module; 0: 60 s */
    const char *debuginfod; /* URLs to ask for missing debug files; NULL: never */
};

struct hs_layouts;

/*
 * Types and variables of every loaded module that has debug information: read from the
 * cache or, the first time, from DWARF. `symbols` is borrowed and must outlive this;
 * `options` may be NULL. Modules without debug information are no error.
 */
int hs_layouts_create(struct hs_symbols *symbols,
                      const struct hs_layouts_options *options, struct hs_layouts **ret,
                      struct hs_error *err);
void hs_layouts_destroy(struct hs_layouts *layouts);

/* Type numbers are 0 up to this; it grows as types are spoken of. */
uint32_t hs_layouts_count(const struct hs_layouts *layouts);

/* NULL for HS_TYPE_NONE. The pointer stays valid as more types come. */
const struct hs_type *hs_layouts_type(struct hs_layouts *layouts, uint32_t type);

/* A definition by its name as DWARF, the demangler or hs_type's `name` writes it, with or
 * without "struct"; HS_TYPE_NONE when there is none. */
uint32_t hs_layouts_find(struct hs_layouts *layouts, const char *name);

/* Structs of exactly `size` bytes, spoken of before or not: up to `n` of them go into
 * `ret`. Returns how many those are. */
size_t hs_layouts_of_size(struct hs_layouts *layouts, uint64_t size, uint32_t *ret,
                          size_t n);

/* The type of a pointer to `type`, which has no definition to be found by. */
uint32_t hs_layouts_pointer_to(struct hs_layouts *layouts, uint32_t type);

/* What is at `offset` of a block that holds this type: the slots there (several in a
 * union), and which of a row it is. Returns how many were found, at most `n`. */
struct hs_type_hit {
    const struct hs_type_slot *slot;
    uint64_t index; /* in a row; else 0 */
};
size_t hs_type_slots_at(const struct hs_type *type, uint64_t offset,
                        struct hs_type_hit *ret, size_t n);

/* ".buckets[17].next"; returns as snprintf does. */
int hs_type_hit_path(const struct hs_type_hit *hit, char *buffer, size_t size);

/* The innermost member at `offset` of `type`, not only pointers: ".lru.tail"; "" when the
 * offset is padding. Returns as snprintf does. */
int hs_layouts_member(struct hs_layouts *layouts, uint32_t type, uint64_t offset,
                      char *buffer, size_t size);

/* A member by its path, "_M_impl._M_start": members of bases and of anonymous members are
 * found without naming those. False when there is none. */
bool hs_layouts_field(struct hs_layouts *layouts, uint32_t type, const char *path,
                      struct hs_type_field *ret);

/* The member of type `wanted` that begins at `offset` of `type`, at any depth: tells an
 * embedded link from its container. False when there is none. */
bool hs_layouts_holds(struct hs_layouts *layouts, uint32_t type, uint64_t offset,
                      uint32_t wanted);

/* The static variable whose extent covers the address; NULL when there is none. */
const struct hs_variable *hs_layouts_variable(struct hs_layouts *layouts,
                                              uint64_t address);

/* The same for the program's thread-local variables (libraries': NULL), in the thread with
 * this thread pointer. `ret_offset` is where in the variable `address` is. */
const struct hs_variable *hs_layouts_thread_variable(struct hs_layouts *layouts,
                                                     uint64_t thread_pointer,
                                                     uint64_t address,
                                                     uint64_t *ret_offset);

/* The local variable or parameter that lies at CFA + `offset` while the code at `pc` runs
 * (for callers: inside the call, return address - 1). */
const struct hs_variable *hs_layouts_local(struct hs_layouts *layouts, uint64_t pc,
                                           int64_t offset);

/* The same for a slot on the stack of thread `thread` (index in the capture), which is
 * unwound for it. `ret_offset` is where in the variable `address` is. */
const struct hs_variable *hs_layouts_stack_variable(struct hs_layouts *layouts,
                                                    size_t thread, uint64_t address,
                                                    uint64_t *ret_offset);

/*
 * The type that the code at allocation stack `stack` (index in the capture's frames) gives
 * its block, or the block's elements; HS_TYPE_NONE when it does not tell. Whoever asks
 * compares sizes.
 */
uint32_t hs_layouts_site(struct hs_layouts *layouts, uint32_t stack,
                         enum hs_site_certainty *ret_certainty);

/*
 * The same for a block of `size` bytes: when that is not what the type's size is, a struct
 * of exactly this size that the block is also kept as, there or in one of the callers it
 * is handed to, is preferred.
 */
uint32_t hs_layouts_site_sized(struct hs_layouts *layouts, uint32_t stack, uint64_t size,
                               enum hs_site_certainty *ret_certainty);

/* Does the function that has the block as `type` keep it, as far as one can see? What it
 * hands out may have been made for something else that only begins like that. */
bool hs_layouts_site_keeps(struct hs_layouts *layouts, uint32_t stack, uint32_t type);

#endif
