// SPDX-License-Identifier: MIT
//
// On this machine the kernel loads objects for this machine and compiles to its code.
#include "arch/x86_64/jit/x86_64.h"

const struct jit_backend *const jit_native = &jit_backend_x86_64;
const struct jit_machine *const jit_machine_native = &jit_machine_x86_64;
