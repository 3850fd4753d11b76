// SPDX-License-Identifier: MIT
//
// Names for the kernel's own code addresses. The table is made from the linked ELF and placed last in
// .rodata by a second link that moves no address.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct symbol_info {
    const char *name;   /* static */
    uint32_t offset;    /* bytes from the symbol's start */
    const char *file;   /* path from the repository root, or NULL */
    uint32_t line;      /* 0 if unknown */
};

/**
 * @brief Name a kernel text address.
 * @return false: not in the kernel's text, or no table.
 * @context{any, panic included}
 */
bool symbols_find(uintptr_t pc, struct symbol_info *out);
