// SPDX-License-Identifier: MIT
//
// All file formats that can be loaded, in the order in which they are tried.
#include "kernel/boot/frontends.h"

#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/load/elf/elf.h"
#include "kernel/wasm/run/wasm_program.h"

/* Native code, programs and drivers. */
const struct front_end *const loader_front_ends[] = {
    &elf_front_end,
    NULL,
};

/* Programs that are compiled here. Tried before the others. */
static const struct bytecode_format *const bytecode_formats[] = {
    &wasm_format,
    NULL,
};

const struct load_formats loader_formats = {loader_front_ends, bytecode_formats};
