// SPDX-License-Identifier: MIT
//
// The kernel's memcpy(), memmove() and memset() (kernel/lib/string.h). The compiler calls them for structures, before
// anything is set up and after: they depend on nothing.

#include "arch/aarch64/copies.inc"

#ifdef HALYARD_MACHINE_COPIES
        .text
        COPIES prefix=
#endif
