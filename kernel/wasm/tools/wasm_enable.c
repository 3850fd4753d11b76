// SPDX-License-Identifier: MIT
//
// Part of tools.ko, as is the interpreter.
#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/wasm/run/wasm_interp.h"
#include "kernel/wasm/run/wasm_program.h"

void bytecode_enable_interpreters(void)
{
    wasm_program_set_interpreter(&wasm_interpreter);
}
