// SPDX-License-Identifier: MIT
//
// WASI for a bytecode program of any format: with its arguments, its environment and its folders.
#pragma once

#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/wasi/wasi.h"

/** @brief As wasi_create_for_program(), with the arguments, environment and folders that the
 * program was started with; if it was given no folder, it gets /. @context{load() of its format} */
enum status wasi_create_for_bytecode(struct bytecode_program *p, struct wasi **out);

/** @brief Refuse the program because of an error of the above: report which limit was exceeded, or
 * which folder cannot be opened. @return as bytecode_refuse(). @context{load() of its format} */
enum status wasi_refuse_bytecode(struct bytecode_program *p, enum status s);
