// SPDX-License-Identifier: MIT
//
// The instructions that the compiler may use, according to CPUID. Bit numbers: Intel 64 and IA-32
// Architectures Software Developer's Manual, volume 2A, CPUID; for LZCNT AMD's volume 3.
#include "kernel/jit/backend.h"

#include <stdbool.h>

#define LEAF_BASIC       1u
#define LEAF_EXTENDED    7u
#define LEAF_MAX         0u
#define LEAF_AMD_MAX     0x80000000u
#define LEAF_AMD         0x80000001u
#define XCR0_SSE_AND_AVX 6u

struct registers {
    uint32_t a, b, c, d;
};

static struct registers cpuid_part(uint32_t leaf, uint32_t part)
{
    struct registers r;
    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(part));
    return r;
}

static struct registers cpuid(uint32_t leaf)
{
    return cpuid_part(leaf, 0);
}

/** A leaf, or zeros if it is beyond the CPU's last one. */
static struct registers cpuid_if_there(uint32_t leaf)
{
    bool is_there = cpuid(leaf & LEAF_AMD_MAX).a >= leaf;
    return is_there ? cpuid(leaf) : (struct registers){0, 0, 0, 0};
}

static bool bit(uint32_t word, unsigned n)
{
    return (word >> n & 1) != 0;
}

/** Whether the system preserves the upper halves of
 * the vector registers when it switches threads. */
static bool keeps_avx(uint32_t basic_c)
{
    if (!bit(basic_c, 27)) { /* OSXSAVE: without it XGETBV is undefined */
        return false;
    }
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & XCR0_SSE_AND_AVX) == XCR0_SSE_AND_AVX;
}

uint64_t jit_native_features(void)
{
    struct registers basic = cpuid_if_there(LEAF_BASIC);
    struct registers extended = cpuid_if_there(LEAF_EXTENDED);
    /* The first part says how many there are. */
    struct registers more = extended.a >= 1 ? cpuid_part(LEAF_EXTENDED, 1) : (struct registers){0};
    struct registers amd = cpuid_if_there(LEAF_AMD);
    bool avx = bit(basic.c, 28) && keeps_avx(basic.c);
    const struct {
        bool has;
        uint64_t feature;
    } features[] = {
        {bit(basic.c, 9), JIT_X86_SSSE3},
        {bit(basic.c, 19), JIT_X86_SSE41},
        {bit(basic.c, 20), JIT_X86_SSE42},
        {bit(basic.c, 23), JIT_X86_POPCNT},
        {avx, JIT_X86_AVX},
        {avx && bit(basic.c, 12), JIT_X86_FMA},
        {avx && bit(more.a, 4), JIT_X86_VNNI},
        {bit(extended.b, 3), JIT_X86_BMI1},
        {bit(extended.b, 8), JIT_X86_BMI2},
        {bit(amd.c, 5), JIT_X86_LZCNT},
    };
    uint64_t all = 0;
    for (unsigned i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        all |= features[i].has ? features[i].feature : 0;
    }
    return all;
}
