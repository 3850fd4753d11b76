// SPDX-License-Identifier: MIT
//
// The host has no linked kernel, so the symbol table is empty, as in the kernel's first link.

#include "kernel/base/symbols.h"

const struct symbol_table kernel_symbols = {.count = 0};
const uint8_t kernel_identity[KERNEL_IDENTITY];
