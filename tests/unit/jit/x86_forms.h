// SPDX-License-Identifier: MIT
//
// Every form of the x86-64 encoder with its extreme registers, addresses and immediates.
#pragma once

#include "arch/x86_64/jit/encode.h"

/* How an assembler encodes an instruction's text. */
enum chosen { NOTHING, THESE_BYTES, OTHER_BYTES };

/** @brief Call @p each for all of them, also those without an encoding. */
void x86_forms_each(void (*each)(const struct x86_insn *i, enum chosen chosen));
