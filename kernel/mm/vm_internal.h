// SPDX-License-Identifier: MIT
//
// Between vm.c, which has the addresses, and vm_map.c, which has the page tables.
#pragma once

#include "kernel/mm/vm.h"

/* What one table maps: unmapped at a time, with interrupts masked. */
#define VM_PIECE_BYTES ((uint64_t)512 * PAGE_SIZE)

/* Cleared at a fault: a fault costs about as much as clearing two pages with eight bytes an
 * instruction, and who touches one page of 64 KiB often touches others. */
#define VM_TOUCHED_BYTES ((uint64_t)16 * PAGE_SIZE)

/** @brief Give back the tables of addresses in which nothing is mapped, and which are nobody's.
 * @context{thread, interrupts enabled} */
void vm_unmap_tables(vaddr_t va, size_t pages);
