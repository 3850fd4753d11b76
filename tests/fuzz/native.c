// SPDX-License-Identifier: MIT
//
// See native.h.
#include "tests/fuzz/native.h"

#include "arch/aarch64/jit/aarch64.h"
#include "kernel/jit/compile.h"

#include <stdlib.h>

const struct jit_backend *const jit_native = &jit_backend_aarch64;
const struct jit_machine *const jit_machine_native = &jit_machine_aarch64;

uint64_t jit_native_features(void)
{
    return 0;
}

/* The machine's routines, which no target runs: places with an order. */
const char jit_runtime_start[64];
__asm__(".globl jit_runtime_end, jit_runtime_memcpy, jit_runtime_memmove, jit_runtime_memset\n"
        ".globl jit_runtime_memcmp\n"
        ".set jit_runtime_memcpy, jit_runtime_start\n"
        ".set jit_runtime_memmove, jit_runtime_start + 8\n"
        ".set jit_runtime_memset, jit_runtime_start + 16\n"
        ".set jit_runtime_memcmp, jit_runtime_start + 24\n"
        ".set jit_runtime_end, jit_runtime_start + 40\n");

int jit_runtime_call(uintptr_t fn, uintptr_t a, uintptr_t b);

int jit_runtime_call(uintptr_t fn, uintptr_t a, uintptr_t b)
{
    (void)fn, (void)a, (void)b;
    abort();
}
