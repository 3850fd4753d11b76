// SPDX-License-Identifier: MIT
//
// The kernel of this machine loads objects of this machine.
#include "arch/aarch64/jit/aarch64.h"

const struct jit_backend *const jit_native = &jit_backend_aarch64;
