// SPDX-License-Identifier: MIT
//
// Every format that can be loaded, in the order in which they are asked.
#include "kernel/jit/elf/elf.h"

const struct front_end *const loader_front_ends[] = {
    &elf_front_end,
    NULL,
};
