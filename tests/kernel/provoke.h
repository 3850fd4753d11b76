// SPDX-License-Identifier: MIT
//
// Violations of CPU protections that need the machine's own instructions and page-table bits. The
// tests of protections cause them on purpose. tests/kernel/<machine>/ defines them.
#pragma once

#include "hal/types.h"
#include "hal_arch/pte.h"

/** @brief Return at once; the function does not start with a landing pad. */
void provoke_no_landing_pad(void);

/** @brief Return through an address with a wrong signature, on a CPU
 * that signs return addresses. */
void provoke_bad_signature(void);

/** A function that returns at once and works at any address that it is copied to. */
extern const uint8_t provoke_code[], provoke_code_end[];

/** @brief The top-level page table of the kernel's half. */
paddr_t provoke_root(void);

/** @brief Change an entry of any level so that user mode may read and execute the page.
 * @param level  0: the entry maps the page itself. */
pte_t provoke_user(pte_t entry, unsigned level);

/** @brief Change a page's entry so that it is writable; an executable page stays executable. */
pte_t provoke_writable(pte_t entry);

/** @brief Where a CPU continues that meets the breakpoint of a function's patchable entry
 *     (hal/text.h) when it is gone from memory. @return 0: it does not. On a machine that uses no
 *     breakpoint, the function. */
vaddr_t provoke_late_breakpoint(vaddr_t function);
