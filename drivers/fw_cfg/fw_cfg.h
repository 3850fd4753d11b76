// SPDX-License-Identifier: MIT
//
// QEMU's firmware configuration device: named files between the emulator and its guest (QEMU's
// docs/specs/fw_cfg). Only its DMA interface is used, which every QEMU since 2.4 has. What it says
// is foreign bytes: sizes and counts are bounded, and an error of the device has a message.
#pragma once

#include "hal/io.h"
#include "kernel/io/device.h"
#include "kernel/io/dma.h"
#include "kernel/lib/status.h"

#define FW_CFG_NAME_MAX     56u   /* bytes of a file's name with the final zero */
#define FW_CFG_FILES_MAX    1024u /* more than any QEMU has */
#define FW_CFG_TRANSFER_MAX 2048u /* bytes at a time */

/** Private. Used by one thread at a time. */
struct fw_cfg {
    struct io_region regs;
    size_t dma_register;  /* offset */
    struct device device; /* for kernel/io/dma.h */
    struct dma_buffer memory;
    bool is_lost; /* it never ended a transfer: the memory stays the device's */
};

struct fw_cfg_file {
    uint32_t size; /* bytes */
    uint16_t key;
};

/**
 * @brief Take the device over.
 * @param regs  Its ports (12 of them) or its registers in memory (24 bytes), which stay the
 * caller's to unmap on failure.
 * @return OK; E_NODEV: it is not there, or has no DMA; E_NOMEM.
 * @context{thread}
 */
enum status fw_cfg_open(const struct io_region *regs, struct fw_cfg *out);

/** @brief Give back what fw_cfg_open() took. @context{thread} */
void fw_cfg_close(struct fw_cfg *f);

/**
 * @brief Find a file.
 * @return OK; E_NOENT; E_CORRUPT: the directory makes no sense; E_IO: the device reports an error;
 * E_TIMEDOUT: it does not answer. The last three are logged.
 * @context{thread}
 */
enum status fw_cfg_find(struct fw_cfg *f, const char *name, struct fw_cfg_file *out);

/**
 * @brief Read the first bytes of a file.
 * @return OK; E_RANGE: the file is shorter; E_IO; E_TIMEDOUT. After an error some may be written.
 * @context{thread}
 */
enum status fw_cfg_read(struct fw_cfg *f, const struct fw_cfg_file *file, void *bytes, size_t len);

/**
 * @brief Write the first bytes of a file.
 * @param len  1 to FW_CFG_TRANSFER_MAX.
 * @return OK; E_RANGE: the file is shorter; E_IO; E_TIMEDOUT.
 * @context{thread}
 */
enum status fw_cfg_write(struct fw_cfg *f, const struct fw_cfg_file *file, const void *bytes,
                         size_t len);
