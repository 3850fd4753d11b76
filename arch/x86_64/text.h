// SPDX-License-Identifier: MIT
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct hal_frame;

/** The code of the stubs, STUB_BYTES each (text_stubs.S). */
extern const uint8_t text_stubs[];

/** @brief If the frame is of a breakpoint that text.c placed, let it continue where the entry led
 *     before the change, or, if the breakpoint is not there any longer, where it leads now.
 * @return false: it is another breakpoint; the frame is unchanged. @context{any} */
bool text_pass_breakpoint(struct hal_frame *frame);
