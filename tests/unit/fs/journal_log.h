// SPDX-License-Identifier: MIT
//
// Logs of ext3 made by hand, in the image on the device: blocks of 1 KiB, a journal of 1,024
// blocks. The layout is that of the kernel documentation's "ext4 Data Structures and Algorithms",
// section 3.6.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { LOG_BLOCK = 1024, LOG_LENGTH = 1024 };
enum { LOG_DESCRIPTOR = 1, LOG_COMMIT = 2, LOG_REVOKE = 5 };
enum { LOG_ESCAPED = 1, LOG_SAME_UUID = 2, LOG_DELETED = 4, LOG_LAST = 8 };

/** @brief A block of the image, and an inode. */
uint8_t *log_image_block(uint32_t n);
uint8_t *log_image_inode(uint32_t n);

/** @brief The block of the image where a block of the journal is. */
uint32_t log_place(uint32_t index);
uint8_t *log_super(void);

/** @brief Mark the image as not unmounted, with a log that starts at a block of the journal. */
void log_start(uint32_t at, uint32_t sequence);

/** @brief The next block of the log, zeroed. */
uint8_t *log_block(void);
/** @brief The same, with the header of a block of some type. */
uint8_t *log_header(uint32_t type);

/** @brief Log new contents of a block of the image. */
void log_copy(uint32_t target, const void *bytes, unsigned flags);
void log_revoke(uint32_t target);
void log_commit(void);
