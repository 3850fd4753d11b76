// SPDX-License-Identifier: MIT
//
// Files that the user of QEMU passed to the guest, for kernel/io/host_file.h.
#pragma once

#include "hal/io.h"

/**
 * @brief Offer the files of this configuration device to the kernel. The device is not accessed
 * before the first read of a file, and may be absent.
 * @param regs  As for fw_cfg_open(); they stay mapped for ever.
 * @context{thread, once}
 */
void fw_cfg_offer_files(const struct io_region *regs);
