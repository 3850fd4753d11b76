// SPDX-License-Identifier: MIT
//
// QEMU's ramfb: a screen in ordinary memory, whose address the guest writes through fw_cfg.
#pragma once

#include "hal/io.h"
#include "kernel/lib/status.h"

/**
 * @brief If the machine has a ramfb, make it the screen.
 * @param fw_cfg  The configuration device's ports or registers; used only during the call.
 * @return OK; E_NODEV: there is no such device, and nothing was changed; otherwise the error,
 * logged where it occurred: E_NOMEM, E_IO, E_CORRUPT, E_TIMEDOUT, E_EXIST.
 * @context{thread, may sleep}
 */
enum status ramfb_init(const struct io_region *fw_cfg);
