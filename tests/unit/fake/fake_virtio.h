// SPDX-License-Identifier: MIT
//
// A virtio device of the fake PCI bus: its configuration space, from virtio 1.2, section 4.1.4. A
// test adds the device's behaviour.
#pragma once

#include <stdint.h>

/* Where its structures are in BAR 0, 0x1000 bytes each. */
enum { COMMON = 0x0000, ISR = 0x1000, CONFIG = 0x2000, NOTIFY = 0x3000, BAR_SIZE = 0x4000 };

/* The capabilities that say so, in configuration space. */
enum { CAP_COMMON = 0x40, CAP_ISR = 0x54, CAP_CONFIG = 0x68, CAP_NOTIFY = 0x7c };

/** @brief Remove all functions of the bus and add a virtio device. @param type Its device ID, 2 for
 *     a disk. @return its index. */
int fake_virtio_reset(uint16_t type);
