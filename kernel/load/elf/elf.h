// SPDX-License-Identifier: MIT
//
// The front-end for ELF64 relocatable objects, as `clang -c` writes them.
#pragma once

#include "kernel/load/loader.h"

extern const struct front_end elf_front_end;
