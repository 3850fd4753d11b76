// SPDX-License-Identifier: MIT
//
// Every format of native code that can be loaded, in the order in which they are asked. Portable
// programs are known before that: start.c.
#include "kernel/jit/elf/elf.h"

const struct front_end *const loader_front_ends[] = {
    &elf_front_end,
    NULL,
};
