// SPDX-License-Identifier: MIT
//
// Every form of the x86-64 encoder with registers, addresses and immediates at their edges.
#pragma once

#include "arch/x86_64/jit/encode.h"

/* What an assembler makes of an instruction's text. */
enum chosen { NOTHING, THESE_BYTES, OTHER_BYTES };

/** @brief Call @p each for all of them, those that have no encoding included. */
void x86_forms_each(void (*each)(const struct x86_insn *i, enum chosen chosen));
