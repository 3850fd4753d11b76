// SPDX-License-Identifier: MIT
//
// The drivers of virtio devices, for drivers/registry.c if they are linked in. Each is in the
// folder of its kind of device.
#pragma once

#include "kernel/io/device.h"

/** Block devices, virtio 1.2, section 5.2: drivers/block/virtio_blk.c. */
extern const struct driver virtio_blk_driver;

/** Keyboards, virtio 1.2, section 5.8: drivers/input/virtio_input.c. */
extern const struct driver virtio_input_driver;

/** Entropy devices, 5.4: drivers/random/virtio_rng.c, a module. */
extern const struct driver virtio_rng_driver;
