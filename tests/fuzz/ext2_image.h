// SPDX-License-Identifier: MIT
//
// The image that fuzz_ext2*.c change: small, with every kind of file, made by mke2fs.
#pragma once

#include <stddef.h>
#include <stdint.h>

/** @brief Create the name space and the image. Once. */
void ext2_image_make(void);

/** @brief Put the image on the device with a list of changes: for each, three bytes of offset, the
 *     number of bytes, the bytes. */
void ext2_image_load(const uint8_t *data, size_t size);
