// SPDX-License-Identifier: MIT
//
// This machine's back-end under its own name, for host tests and tools that link several machines.
#pragma once

#include "kernel/jit/backend.h"

extern const struct jit_backend jit_backend_aarch64;
