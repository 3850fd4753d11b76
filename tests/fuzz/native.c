// SPDX-License-Identifier: MIT
//
// Complements tests/unit/jit/no_native.c.
#include "kernel/jit/backend.h"

#include <stdlib.h>

int jit_runtime_call(uintptr_t fn, uintptr_t a, uintptr_t b)
{
    (void)fn, (void)a, (void)b;
    abort();
}
