// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/load/bytecode/patcher.h"

/** The formats whose running programs can be patched; ends with NULL. */
extern const struct bytecode_patcher *const program_patchers[];
