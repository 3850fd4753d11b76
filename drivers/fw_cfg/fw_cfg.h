// SPDX-License-Identifier: MIT
//
// QEMU's firmware configuration device: named files that the emulator passes to
// its guest (QEMU's docs/specs/fw_cfg). The driver uses only the DMA interface,
// which every QEMU since 2.4 has. Data from the device is not trusted: sizes
// and counts are checked, and each error of the device is logged.
#pragma once

#include "hal/io.h"
#include "kernel/io/device.h"
#include "kernel/io/dma.h"
#include "kernel/lib/status.h"

#define FW_CFG_NAME_MAX     56u   /* bytes of a file's name, including the final zero */
#define FW_CFG_FILES_MAX    1024u /* larger than the number in any QEMU */
#define FW_CFG_TRANSFER_MAX 2048u /* bytes in one transfer */

/** Private. One thread at a time uses it. */
struct fw_cfg {
    struct io_region regs;
    size_t dma_register;  /* offset */
    struct device device; /* for kernel/io/dma.h */
    struct dma_buffer memory;
    /* a transfer never ended: the device may still write to the buffer, so it is never freed */
    bool is_lost;
};

struct fw_cfg_file {
    uint32_t size; /* bytes */
    uint16_t key;
};

/**
 * @brief Open the device.
 * @param regs  Its ports (12 of them) or its registers in memory (24 bytes). On failure the caller
 * still owns them and unmaps them.
 * @return OK; E_NODEV: there is no such device, or it has no DMA interface; E_NOMEM.
 * @context{thread}
 */
enum status fw_cfg_open(const struct io_region *regs, struct fw_cfg *out);

/** @brief Release the resources of fw_cfg_open(). @context{thread} */
void fw_cfg_close(struct fw_cfg *f);

/**
 * @brief Find a file.
 * @return OK; E_NOENT; E_CORRUPT: the directory is not valid; E_IO: the device reports an error;
 * E_TIMEDOUT: it does not answer. The last three are logged.
 * @context{thread}
 */
enum status fw_cfg_find(struct fw_cfg *f, const char *name, struct fw_cfg_file *out);

/**
 * @brief Read the first bytes of a file.
 * @return OK; E_RANGE: the file is shorter; E_IO; E_TIMEDOUT. After an error a part of the buffer
 * may have been written.
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
