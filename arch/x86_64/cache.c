// SPDX-License-Identifier: MIT
//
// Instruction fetch after code was written (hal/cache.h). Caches are coherent on x86, but code that
// was written through another linear address needs a serialising instruction before it executes:
// Intel SDM volume 3A, 8.1.3 "Handling Self- and Cross-Modifying Code" in order number
// 253668-032US.
#include "hal/cache.h"

#include "hal/types.h"
#include "hal_arch/sysreg.h"

void hal_icache_sync(const void *p, size_t n)
{
    (void)p;
    if (n > 0) {
        cpuid(0, 0);
    }
}

/* One instruction, which writes whole lines on CPUs with fast strings. */
void hal_zero_pages(void *p, size_t pages)
{
    size_t words = pages * (PAGE_SIZE / 8);
    __asm__ volatile("rep stosq" : "+D"(p), "+c"(words) : "a"(0) : "memory");
}
