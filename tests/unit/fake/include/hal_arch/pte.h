// SPDX-License-Identifier: MIT
//
// The fake machine uses the host's MMU and has no page tables of its own (fake/memory.c).
// hal/pagetable.c is tested with the formats of both real machines: a test includes one
// of them before anything else, and the guard that the headers share then disables this
// one. Other tests get x86-64's.
#pragma once

#include "arch/x86_64/include/hal_arch/pte.h"
