// SPDX-License-Identifier: MIT
//
// A file of its own, so that only what asks for the checks is linked with them.
#include "kernel/jit/compile.h"

const struct jit_checks jit_checks = {.verify = ir_verify, .registers = vcode_check};
