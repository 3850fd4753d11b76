// SPDX-License-Identifier: MIT
//
// The table of front-ends that have a part in livepatch.ko.
#include "kernel/livepatch/frontends.h"

#include "kernel/wasm/livepatch/wasm_patch.h"

const struct bytecode_patcher *const program_patchers[] = {&wasm_patcher, NULL};
