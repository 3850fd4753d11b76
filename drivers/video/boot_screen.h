// SPDX-License-Identifier: MIT
//
// The screen that firmware or the boot loader left on: VBE and GOP framebuffers, or text mode.
#pragma once

#include "kernel/lib/status.h"

struct boot_info;

/**
 * @brief If firmware described a screen, use it.
 * @return OK; E_NODEV: it described none; E_INVAL: the description is not valid, or names RAM that
 * is in use, which is logged; E_NOMEM; E_EXIST: there is a screen already.
 * @context{thread, may sleep}
 */
enum status boot_screen_init(const struct boot_info *info);
