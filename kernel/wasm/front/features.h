// SPDX-License-Identifier: MIT
//
// The proposals of WebAssembly that are part of a version, or that toolchains emit.
#pragma once

#include "kernel/load/loader.h"

/** Ends with name NULL. */
extern const struct load_feature wasm_features[];
