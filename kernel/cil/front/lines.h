// SPDX-License-Identifier: MIT
//
// Find the source lines of a domain's methods. The first search in an assembly reads its symbol
// file, if cil_read_symbols() has not.
#pragma once

#include "kernel/cil/front/domain.h"

#define CIL_PLACE_BYTES 200 /* of text; a longer path loses its beginning */

/**
 * @brief Find the line of an instruction. Unlike other functions of a domain, any thread of its
 * program may call it; while another one reads the symbol file there is no line.
 * @param row Of MethodDef. @param offset Of the instruction in its CIL.
 * @return false: there is no symbol file, it was refused, or it does not say.
 * @context{thread, may sleep}
 */
bool cil_find_line(struct cil_assembly *a, uint32_t row, uint32_t offset, struct cil_line *out);

/** @brief Read the symbol files of all assemblies, because cil_known_line() does not.
 * @context{thread, may sleep} */
void cil_read_symbols(struct cil_domain *d);

/** @brief As cil_find_line(), but only if the symbol file was read. @context{any, panic included,
 * while the domain is not freed} */
bool cil_known_line(const struct cil_assembly *a, uint32_t row, uint32_t offset,
                    struct cil_line *out);

/** @brief cil_find_line() as text, printable: " in FILE:LINE"; empty if there is no line. */
void cil_line_text(struct cil_assembly *a, uint32_t row, uint32_t offset,
                   char out[CIL_PLACE_BYTES]);
