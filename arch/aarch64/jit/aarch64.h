// SPDX-License-Identifier: MIT
//
// This machine's back-end under its own name, for what links more than one machine's: host tests
// and tools.
#pragma once

#include "kernel/jit/backend.h"

extern const struct jit_backend jit_backend_aarch64;
