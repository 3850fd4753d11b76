// SPDX-License-Identifier: MIT
//
// .NET assemblies as a format of portable programs.
#pragma once

#include "kernel/cil/run/unit_code.h"

struct bytecode_format;
struct inspection;

extern const struct bytecode_format cil_format;

#define CIL_PROGRAM_ARENA ((size_t)256 << 20) /* bytes: to compile one method after the other */

/** @brief As bytecode_format.inspect(). cil_inspect.c */
enum status cil_inspect(const struct inspection *i, const void *bytes, size_t len);

/** @brief Describe a place in a method, as code_kernel.place: " (IL_0024, a.cs:7)", or without a
 * line. The file is without its folders. cil_report.c @context{any, panic included} */
void cil_place(const void *unit, uint32_t method, uint32_t offset, char *buf, size_t len);

/** @brief Print the exception that ended a program, and where. cil_report.c
 * @param r The thread in which it happened. @context{that thread} */
void cil_report(const char *program, const struct cil_runtime *r, const struct cil_stop *stop);
