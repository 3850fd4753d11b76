// SPDX-License-Identifier: MIT
//
// fw_cfg through its DMA register. A descriptor in memory names the
// file, the number of bytes and the buffer; writing the descriptor's
// address starts the transfer. All numbers of the device are big-endian.
#include "drivers/fw_cfg/fw_cfg.h"

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

#define PORTS_LEN  12u
#define MEMORY_LEN 24u

enum {
    PORT_DMA = 4, /* offset of the register from the first port, the selector */
    MEMORY_DMA = 16,
};

/* "QEMU", then " CFG": the value of the register when it is read */
#define DMA_SIGNATURE_HIGH 0x51454d55u
#define DMA_SIGNATURE_LOW  0x20434647u

#define KEY_DIRECTORY 0x19u

enum {
    DMA_ERROR = 1,
    DMA_READ = 2,
    DMA_SELECT = 8, /* the file's key is in the upper half of the control word */
    DMA_WRITE = 16,
};

/* Offsets in the buffer: the descriptor, then the data. */
enum {
    AT_CONTROL = 0,
    AT_LENGTH = 4,
    AT_ADDRESS = 8,
    AT_BYTES = 16,
    MEMORY_SIZE = AT_BYTES + FW_CFG_TRANSFER_MAX,
};

enum {
    ENTRY_SIZE = 64,
    ENTRY_KEY = 4,
    ENTRY_NAME = 8,
};

#define ANSWER_NS (1 * NS_PER_S)

static uint32_t swapped(uint32_t v)
{
    return __builtin_bswap32(v);
}

static bool is_there(const struct fw_cfg *f)
{
    return io_read32(&f->regs, f->dma_register) == swapped(DMA_SIGNATURE_HIGH) &&
           io_read32(&f->regs, f->dma_register + 4) == swapped(DMA_SIGNATURE_LOW);
}

enum status fw_cfg_open(const struct io_region *regs, struct fw_cfg *out)
{
    struct fw_cfg f = {.regs = *regs,
                       .dma_register = regs->is_port ? PORT_DMA : MEMORY_DMA,
                       .device = {.name = "fw_cfg", .dma_limit = UINT64_MAX}};
    if (regs->len < (regs->is_port ? PORTS_LEN : MEMORY_LEN) || !is_there(&f)) {
        return E_NODEV;
    }
    enum status s = dma_alloc(&f.device, MEMORY_SIZE, &f.memory);
    if (s == OK) {
        *out = f;
    }
    return s;
}

void fw_cfg_close(struct fw_cfg *f)
{
    if (!f->is_lost) {
        dma_free(&f->device, &f->memory);
    }
}

/* The device clears the control word when it is done; only the error bit may stay set. */
static enum status wait_for_end(const uint8_t *control)
{
    uint64_t deadline = clock_now_ns() + ANSWER_NS;
    uint32_t left;
    do {
        hal_dma_rmb();
        left = load_be32(control);
        if ((left & DMA_ERROR) != 0) {
            log_error("fw_cfg", "the device refused a transfer");
            return E_IO;
        }
        if (left != 0 && clock_now_ns() > deadline) {
            log_error("fw_cfg", "the device does not end a transfer");
            return E_TIMEDOUT;
        }
    } while (left != 0);
    hal_dma_rmb(); /* the data was written before the control word */
    return OK;
}

/* Transfer `len` bytes between the buffer and the current position in the selected file. */
static enum status transfer(struct fw_cfg *f, uint32_t control, size_t len)
{
    uint8_t *memory = f->memory.cpu;
    uint64_t bus = f->memory.bus.raw;
    store_be32(memory + AT_CONTROL, control);
    store_be32(memory + AT_LENGTH, (uint32_t)len);
    store_be64(memory + AT_ADDRESS, bus + AT_BYTES);
    hal_dma_wmb(); /* the second of the two writes starts the device */
    io_write32(&f->regs, f->dma_register, swapped((uint32_t)(bus >> 32)));
    io_write32(&f->regs, f->dma_register + 4, swapped((uint32_t)bus));
    enum status s = wait_for_end(memory + AT_CONTROL);
    f->is_lost = f->is_lost || s == E_TIMEDOUT;
    return s;
}

/* Read the next bytes of the directory; `select` starts again at its beginning. */
static enum status read_directory(struct fw_cfg *f, bool select, size_t len)
{
    return transfer(f, DMA_READ | (select ? DMA_SELECT | KEY_DIRECTORY << 16 : 0), len);
}

enum status fw_cfg_find(struct fw_cfg *f, const char *name, struct fw_cfg_file *out)
{
    const uint8_t *bytes = (const uint8_t *)f->memory.cpu + AT_BYTES;
    enum status s = read_directory(f, true, 4);
    if (s != OK) {
        return s;
    }
    uint32_t count = load_be32(bytes);
    if (count > FW_CFG_FILES_MAX) {
        log_error("fw_cfg", "a directory of %u files", count);
        return E_CORRUPT;
    }
    for (uint32_t i = 0; i < count; i++) {
        s = read_directory(f, false, ENTRY_SIZE);
        if (s != OK) {
            return s;
        }
        const char *found = (const char *)bytes + ENTRY_NAME;
        if (strnlen(found, FW_CFG_NAME_MAX) < FW_CFG_NAME_MAX && strcmp(found, name) == 0) {
            *out =
                (struct fw_cfg_file){.size = load_be32(bytes), .key = load_be16(bytes + ENTRY_KEY)};
            return OK;
        }
    }
    return E_NOENT;
}

enum status fw_cfg_read(struct fw_cfg *f, const struct fw_cfg_file *file, void *bytes, size_t len)
{
    if (len > file->size) {
        return E_RANGE;
    }
    uint32_t select = DMA_SELECT | (uint32_t)file->key << 16;
    for (size_t at = 0; at < len;) {
        size_t piece = MIN(len - at, (size_t)FW_CFG_TRANSFER_MAX);
        enum status s = transfer(f, DMA_READ | (at == 0 ? select : 0), piece);
        if (s != OK) {
            return s;
        }
        memcpy((uint8_t *)bytes + at, (const uint8_t *)f->memory.cpu + AT_BYTES, piece);
        at += piece;
    }
    return OK;
}

enum status fw_cfg_write(struct fw_cfg *f, const struct fw_cfg_file *file, const void *bytes,
                         size_t len)
{
    if (len == 0 || len > FW_CFG_TRANSFER_MAX || len > file->size) {
        return E_RANGE;
    }
    memcpy((uint8_t *)f->memory.cpu + AT_BYTES, bytes, len);
    return transfer(f, DMA_WRITE | DMA_SELECT | (uint32_t)file->key << 16, len);
}
