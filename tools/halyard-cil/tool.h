// SPDX-License-Identifier: MIT
//
// The parts of halyard-cil.
#pragma once

#include "kernel/cil/front/image.h"

#define TOOL_REFUSED 125

/** @brief Print the reason for refusing a file. @return TOOL_REFUSED. */
int tool_refuse(const struct cil_error *err);

/** @brief Print an assembly's references, tables, types and methods. @return exit status. */
int tool_dump(const struct cil_image *m);
