// SPDX-License-Identifier: MIT
//
// The screen as a console. What is written changes cells at once, which is quick; a thread of its
// own draws what has changed, at most sixty times a second, so that a page of output is drawn once.
// In a panic it is drawn at once.
#pragma once

#include "drivers/video/surface.h"
#include "kernel/lib/status.h"

/**
 * @brief Make a surface the machine's screen: its log so far is shown, it becomes a console, and
 * keyboards type on it.
 * @param surface  The caller's, for as long as the machine lives.
 * @return OK; E_EXIST: there is a screen; E_NOMEM.
 * @context{thread, may sleep}
 */
enum status screen_start(struct surface *surface);
