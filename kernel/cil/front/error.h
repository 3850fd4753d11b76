// SPDX-License-Identifier: MIT
//
// Why an assembly was refused: which file, which table and row or which token, and the reason.
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/status.h"

#include <stdint.h>

struct cil_error {
    uint32_t token;  /* the row that is wrong; 0: the file as a whole */
    uint32_t offset; /* bytes from the start of the file, or of a method's code; 0 if it has none */
    char text[240];  /* the whole sentence, printable */
};

/** @brief Fill in an error, whose text starts with "NAME: ". Foreign text in it becomes printable.
 * @return s. @context{any} */
enum status cil_complain(struct cil_error *e, enum status s, const char *name, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
