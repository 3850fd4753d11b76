// SPDX-License-Identifier: MIT
//
// The fake machine has the host's MMU and no page tables of its own (fake/memory.c).
// hal/pagetable.c is tested with the formats of both real machines; a test includes the one that it
// means before anything else, and their common guard keeps this one out. What does not care gets
// x86-64's.
#pragma once

#include "arch/x86_64/include/hal_arch/pte.h"
