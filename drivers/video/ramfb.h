// SPDX-License-Identifier: MIT
//
// QEMU's ramfb: a screen that is ordinary memory, announced through fw_cfg.
#pragma once

#include "hal/io.h"
#include "kernel/lib/status.h"

/**
 * @brief If the machine has a ramfb, make it the screen.
 * @param fw_cfg  The configuration device's ports or registers, for as long as this runs.
 * @return OK; E_NODEV: no such device, nothing happened; otherwise what failed, which is logged
 * where it is found: E_NOMEM, E_IO, E_CORRUPT, E_TIMEDOUT, E_EXIST.
 * @context{thread, may sleep}
 */
enum status ramfb_init(const struct io_region *fw_cfg);
