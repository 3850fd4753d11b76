// SPDX-License-Identifier: MIT
//
// Functions of a running WebAssembly program are replaced by those of another build of its module,
// in which only bodies of functions differ. Part of the extension livepatch.ko.
#pragma once

struct bytecode_patcher;
extern const struct bytecode_patcher wasm_patcher;
