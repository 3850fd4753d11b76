// SPDX-License-Identifier: MIT
//
// Accidents that only a machine's own instructions and page-table bits can make: what the tests of
// protections do on purpose. tests/kernel/<machine>/ defines them.
#pragma once

#include "hal/types.h"
#include "hal_arch/pte.h"

/** @brief Returns at once; there is no landing pad where it starts. */
void provoke_no_landing_pad(void);

/** @brief Returns with a return address whose signature does not match, where they are signed. */
void provoke_bad_signature(void);

/** A function that may be copied anywhere and returns at once. */
extern const uint8_t provoke_code[], provoke_code_end[];

/** @brief The table at the top, of the kernel's half. */
paddr_t provoke_root(void);

/** @brief An entry on the way to a page, changed so that the page belongs to user mode: read and
 * executed there. @param level  0: the page itself. */
pte_t provoke_user(pte_t entry, unsigned level);

/** @brief A page's entry, changed so that it can be written, and executed if it could be. */
pte_t provoke_writable(pte_t entry);
