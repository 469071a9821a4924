// SPDX-License-Identifier: MIT

/* The comparisons of Criterion's assertions; see criterion.h beside this folder. */

#ifndef HEAPSNAP_TESTS_PLAIN_ASSERT_H
#define HEAPSNAP_TESTS_PLAIN_ASSERT_H

#define PLAIN_COMPARE_int(a, is, b) ((int)(a)is(int)(b))
#define PLAIN_COMPARE_long(a, is, b) ((long)(a)is(long)(b))
#define PLAIN_COMPARE_sz(a, is, b) ((size_t)(a)is(size_t)(b))
#define PLAIN_COMPARE_u8(a, is, b) ((uint8_t)(a)is(uint8_t)(b))
#define PLAIN_COMPARE_u32(a, is, b) ((uint32_t)(a)is(uint32_t)(b))
#define PLAIN_COMPARE_u64(a, is, b) ((uint64_t)(a)is(uint64_t)(b))
#define PLAIN_COMPARE_i64(a, is, b) ((int64_t)(a)is(int64_t)(b))
#define PLAIN_COMPARE_dbl(a, is, b) ((double)(a)is(double)(b))
#define PLAIN_COMPARE_ptr(a, is, b) ((const void *)(a)is(const void *)(b))
#define PLAIN_COMPARE_str(a, is, b) (strcmp((a), (b)) is 0)

#define eq(type, a, b) PLAIN_COMPARE_##type(a, ==, b)
#define ne(type, a, b) PLAIN_COMPARE_##type(a, !=, b)
#define lt(type, a, b) PLAIN_COMPARE_##type(a, <, b)
#define le(type, a, b) PLAIN_COMPARE_##type(a, <=, b)
#define gt(type, a, b) PLAIN_COMPARE_##type(a, >, b)
#define ge(type, a, b) PLAIN_COMPARE_##type(a, >=, b)
#define zero(type, a) PLAIN_COMPARE_##type(a, ==, 0)
#define not(condition) (!(condition))

#endif
