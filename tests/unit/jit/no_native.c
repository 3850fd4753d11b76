// SPDX-License-Identifier: MIT
//
// Machine definitions for loaders whose code does not run: AArch64, whose code can be placed
// anywhere. The test defines jit_runtime_call().
#include "arch/aarch64/jit/aarch64.h"
#include "kernel/jit/backend.h"
#include "kernel/jit/compile.h"

const struct jit_backend *const jit_native = &jit_backend_aarch64;
const struct jit_machine *const jit_machine_native = &jit_machine_aarch64;

uint64_t jit_native_features(void)
{
    return 0;
}

/* The addresses of the machine's routines, in order. */
const char jit_runtime_start[64];
__asm__(".globl jit_runtime_end, jit_runtime_memcpy, jit_runtime_memmove, jit_runtime_memset\n"
        ".globl jit_runtime_memcmp\n"
        ".set jit_runtime_memcpy, jit_runtime_start\n"
        ".set jit_runtime_memmove, jit_runtime_start + 8\n"
        ".set jit_runtime_memset, jit_runtime_start + 16\n"
        ".set jit_runtime_memcmp, jit_runtime_start + 24\n"
        ".set jit_runtime_end, jit_runtime_start + 40\n");
