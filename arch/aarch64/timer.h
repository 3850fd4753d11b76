// SPDX-License-Identifier: MIT
//
// The generic timer's virtual timer, for platform.c to install.
#pragma once

#include "hal/timer.h"

extern const struct event_timer timer_virtual;

/** @brief Handle its interrupt: disable it, notify the kernel. @context{IRQ} */
void timer_interrupt(void);
