// SPDX-License-Identifier: MIT
//
// The images that fuzz_ext2*.c change: small, with every kind of file, made by mke2fs.
#pragma once

#include <stddef.h>
#include <stdint.h>

/** That of ext3 has a journal of 1,024 blocks; the last has checksums of its metadata. */
enum ext2_image { EXT2_IMAGE, EXT3_IMAGE, EXT4_IMAGE, EXT4_IMAGE_SUMS };

/** @brief Create the name space and the images. Once. */
void ext2_image_make(void);

/** @brief Put an image on the device with a list of changes: for each, three bytes of offset, the
 *     number of bytes, the bytes. */
void ext2_image_load(enum ext2_image kind, const uint8_t *data, size_t size);
