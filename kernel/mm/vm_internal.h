// SPDX-License-Identifier: MIT
//
// Shared by vm.c, which manages addresses, and vm_map.c, which changes page tables.
#pragma once

#include "kernel/mm/vm.h"

/* What one table maps: the most that is unmapped at a time with interrupts masked. */
#define VM_PIECE_BYTES ((uint64_t)512 * PAGE_SIZE)

/* Cleared and mapped at a fault. A fault costs about as much as clearing two pages with eight bytes
 * an instruction, and code that touches one page of 64 KiB often touches others. */
#define VM_TOUCHED_BYTES ((uint64_t)16 * PAGE_SIZE)

/** @brief Free the tables of addresses where nothing is mapped and which no range owns.
 * @context{thread, interrupts enabled} */
void vm_unmap_tables(vaddr_t va, size_t pages);
