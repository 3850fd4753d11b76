// SPDX-License-Identifier: MIT
//
// The parts of the AArch64 back-end that machine.c combines.
#pragma once

#include "arch/aarch64/jit/asm.h"
#include "arch/aarch64/jit/frame.h"
#include "arch/aarch64/jit/ops.h"

/** @brief jit_machine.select. */
enum status a64_select(const struct ir_function *f, uint64_t features, struct vcode *out,
                       unsigned *op);
/** @brief jit_machine.emit. */
enum status a64_emit(const struct vcode *v, uint64_t features, struct jit_code *out);
