// SPDX-License-Identifier: MIT
//
// The generic timer's virtual timer, for platform.c to install.
#pragma once

#include "hal/timer.h"

extern const struct event_timer timer_virtual;

/** @brief Its interrupt: switch it off, tell the kernel. @context{IRQ} */
void timer_interrupt(void);
