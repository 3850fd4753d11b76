// SPDX-License-Identifier: MIT
#pragma once

#include <stdint.h>

/** The code of the stubs, STUB_BYTES each (text_stubs.S). */
extern const uint8_t text_stubs[];
