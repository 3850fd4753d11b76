// SPDX-License-Identifier: MIT
//
// On this machine the kernel loads objects for this machine and compiles to its code.
#include "arch/aarch64/jit/aarch64.h"

const struct jit_backend *const jit_native = &jit_backend_aarch64;
const struct jit_machine *const jit_machine_native = &jit_machine_aarch64;
