// SPDX-License-Identifier: MIT
//
// Every form of the AArch64 encoder with its extreme registers and immediates.
#pragma once

#include "arch/aarch64/jit/encode.h"

/** @brief Call @p each for all of them. @p word is NULL if there is no encoding. */
void a64_forms_each(void (*each)(const struct a64_insn *i, const uint32_t *word));
