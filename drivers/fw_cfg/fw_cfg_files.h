// SPDX-License-Identifier: MIT
//
// Files that whoever started QEMU gave to the guest, for kernel/io/host_file.h.
#pragma once

#include "hal/io.h"

/**
 * @brief Offer the files of this configuration device to the kernel. The device is not touched
 * before one is asked for, and may be absent.
 * @param regs  As of fw_cfg_open(); stay mapped for ever.
 * @context{thread, once}
 */
void fw_cfg_offer_files(const struct io_region *regs);
