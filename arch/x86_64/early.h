// SPDX-License-Identifier: MIT
//
// The data that entry.S leaves at the top of the boot stack for early_main().
#pragma once

#include "hal/types.h"

/** entry.S: HANDOFF_SIZE bytes, pushed from the last field to the first. */
struct early_handoff {
    uint32_t magic; /* EAX at entry: Multiboot2's magic, or anything */
    uint32_t info;  /* EBX at entry: physical address of the loader's structure */
    uint64_t entry_counter;
};

/** @brief Runs from the end of the assembly code to upcall_main(). */
_Noreturn void early_main(const struct early_handoff *handoff);
