// SPDX-License-Identifier: MIT
//
// Instruction fetch after code was written, and clearing whole pages in the machine's best way.
#pragma once

#include <stddef.h>

/**
 * @brief Make newly written instructions visible to instruction fetches.
 * @param p  First byte written, at an address that is mapped readable; any alignment.
 * @param n  Bytes written; 0 does nothing.
 * @context{any, IRQ-safe, does not sleep}
 * @post This CPU fetches the new bytes. Another CPU does so after its next context-synchronising
 * event; send it an interrupt before letting it branch here.
 */
void hal_icache_sync(const void *p, size_t n);

/**
 * @brief Fill consecutive pages of ordinary cached memory with zeros.
 * @param p  Aligned to PAGE_SIZE.
 * @context{any, after hal_mmu_init(); IRQ-safe, does not sleep}
 */
void hal_zero_pages(void *p, size_t pages);
