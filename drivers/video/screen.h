// SPDX-License-Identifier: MIT
//
// The screen as a console. A write changes cells at once, which is quick. A thread of the screen's
// own draws the changes, at most sixty times a second, so a page of output is drawn once. A panic
// draws at once.
#pragma once

#include "drivers/video/surface.h"
#include "kernel/lib/status.h"

/**
 * @brief Make a surface the machine's screen. It becomes a console and shows the log up to now;
 * keyboards type on it.
 * @param surface  Owned by the caller; it must never be freed.
 * @return OK; E_EXIST: there is a screen; E_NOMEM.
 * @context{thread, may sleep}
 */
enum status screen_start(struct surface *surface);
