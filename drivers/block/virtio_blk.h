// SPDX-License-Identifier: MIT
//
// Virtio block devices, virtio 1.2, section 5.2.
#pragma once

#include "kernel/io/device.h"

extern const struct driver virtio_blk_driver;
