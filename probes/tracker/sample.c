// SPDX-License-Identifier: MIT

/*
 * The law of sampling, in integers: what a hook does must not raise floating-point flags
 * that the program may look at.
 *
 * The exponential law has no memory. So what is left to the next sample point may be
 * thrown away and drawn anew at any time without a bias, and a block that was chosen but
 * cannot be recorded (it was allocated by the tracker itself) does no harm.
 */

#include "probes/tracker/sample.h"

#define GOLDEN 0x9e3779b97f4a7c15ull
#define LN2_Q32 2977044472ull /* ln 2 */
#define FAR ((uint64_t)1 << 62)

uint8_t hs_sample_filter[HS_SAMPLE_FILTER];
uint64_t hs_sample_rate;
uint64_t hs_sample_seed;
__thread uint64_t hs_sample_left;

/* One sequence for all threads: draws are rare. */
static uint64_t random_next(void)
{
    uint64_t x = __atomic_add_fetch(&hs_sample_seed, GOLDEN, __ATOMIC_RELAXED);
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

/* -log2(random / 2^64) in 2^-32ths, above 0. The fraction comes bit by bit: the square of
 * a number has twice its logarithm. */
static uint64_t minus_log2(uint64_t random)
{
    unsigned zeros = (unsigned)__builtin_clzll(random);
    uint64_t x = random << zeros; /* 1.0 … 2.0, in 2^-63ths */
    uint64_t fraction = 0;
    for (int i = 0; i < 32; i++) {
        unsigned __int128 square = (unsigned __int128)x * x >> 63;
        bool is_two = square >> 64;
        fraction = fraction << 1 | is_two;
        x = (uint64_t)(square >> is_two);
    }
    return ((uint64_t)(zeros + 1) << 32) - fraction;
}

/* P(more than k) = exp(-k / rate). */
static uint64_t draw(void)
{
    unsigned __int128 distance =
        (unsigned __int128)minus_log2(random_next() | 1) * LN2_Q32;
    distance = (distance >> 16) * hs_sample_rate >> 48;
    return distance < FAR ? (uint64_t)distance + 1 : FAR;
}

bool hs_sample_choose(uint64_t size)
{
    if (hs_sample_left == 0) {
        hs_sample_left = draw();
        if (hs_sample_pass(size))
            return false;
    }
    hs_sample_left = draw();
    return true;
}

/* For blocks that are small beside the rate: x / (1 - exp(-x)) is nearly 1 + x / 2. */
static uint64_t weight_of_small(uint64_t size)
{
    return (hs_sample_rate << 16) / size + 32768 + (size << 16) / hs_sample_rate / 12;
}

/* exp(-size / rate) in 2^-44ths: a short series for a 4096th of it, squared 12 times. */
static uint64_t chance_to_miss(uint64_t size)
{
    const uint64_t one = (uint64_t)1 << 44;
    uint64_t rate = hs_sample_rate;
    while (size >> 31) {
        size >>= 1;
        rate >>= 1;
    }
    uint64_t x = (size << 32) / (rate ? rate : 1);
    uint64_t x2 = (uint64_t)((unsigned __int128)x * x >> 44);
    uint64_t x3 = (uint64_t)((unsigned __int128)x2 * x >> 44);
    uint64_t chance = one - x + x2 / 2 - x3 / 6;
    for (int i = 0; i < 12; i++)
        chance = (uint64_t)((unsigned __int128)chance * chance >> 44);
    return chance;
}

uint64_t hs_sample_weight(uint64_t size)
{
    uint64_t rate = hs_sample_rate;
    if (rate == 0 || size == 0 || size / rate >= 24)
        return 65536;
    if (size < rate / 64)
        return weight_of_small(size);
    return ((uint64_t)1 << 60) / (((uint64_t)1 << 44) - chance_to_miss(size));
}
