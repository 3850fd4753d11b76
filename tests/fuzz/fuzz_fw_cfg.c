// SPDX-License-Identifier: MIT
//
// A configuration device whose directory is arbitrary bytes, and which refuses the transfer that
// the first byte names. In each case the driver returns and frees its memory.
#include "drivers/fw_cfg/fw_cfg.h"
#include "drivers/fw_cfg/fw_cfg_files.h"

#include "fake/world.h"
#include "kernel/io/host_file.h"
#include "kernel/lib/endian.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"

#include <stdlib.h>
#include <string.h>

enum {
    PORT = 0x510,
    DMA = PORT + 4,
    REFUSED = 1,
    READ = 2,
    SELECT = 8,
    WHOLE_MAX = 3000, /* more than one transfer */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct io_region ports = {.base = PORT, .len = 12, .is_port = true};

static struct {
    const uint8_t *file;
    size_t size, at;
    unsigned transfers, refused;
    uint64_t address;
} device;

static uint64_t read_port(uint16_t port, unsigned bytes)
{
    uint8_t signature[8];
    store_be64(signature, UINT64_C(0x51454d5520434647));
    return bytes == 4 ? load_le32(signature + (port - DMA)) : UINT64_MAX;
}

/* The sanitizer checks that the descriptor and the buffers it names
 * lie inside the driver's memory. */
static void transfer(uint8_t *control)
{
    uint32_t flags = load_be32(control), len = load_be32(control + 4);
    uint8_t *to = hal_direct(paddr(load_be64(control + 8)));
    if (to != control + 16 || len > FW_CFG_TRANSFER_MAX) {
        abort();
    }
    if ((flags & SELECT) != 0) {
        device.at = 0;
    }
    for (uint32_t i = 0; (flags & READ) != 0 && i < len; i++, device.at++) {
        to[i] = device.at < device.size ? device.file[device.at] : 0;
    }
    store_be32(control, ++device.transfers == device.refused ? REFUSED : 0);
}

static void write_port(uint16_t port, unsigned bytes, uint64_t value)
{
    uint32_t v = __builtin_bswap32((uint32_t)value);
    if (bytes != 4) {
        abort();
    }
    if (port == DMA) {
        device.address = (uint64_t)v << 32;
    } else {
        transfer(hal_direct(paddr(device.address | v)));
    }
}

static uint32_t free_pages(void)
{
    struct page_stats stats;
    page_get_stats(&stats);
    return (uint32_t)stats.by_owner[PAGE_FREE];
}

static uint64_t live_objects(void)
{
    struct heap_stats stats;
    heap_get_stats(&stats);
    return stats.live_objects;
}

static void use(void)
{
    static const uint8_t bytes[28];
    struct fw_cfg f;
    struct fw_cfg_file file = {.size = UINT32_MAX};
    if (fw_cfg_open(&ports, &f) != OK) {
        abort();
    }
    enum status s = fw_cfg_find(&f, "etc/ramfb", &file);
    if (s != OK && file.size != UINT32_MAX) {
        abort();
    }
    if (s == OK) {
        uint8_t back[WHOLE_MAX];
        (void)!fw_cfg_read(&f, &file, back, file.size < sizeof(back) ? file.size : sizeof(back));
        s = fw_cfg_write(&f, &file, bytes, sizeof(bytes));
        if (s == OK && file.size < sizeof(bytes)) {
            abort();
        }
    }
    fw_cfg_close(&f);
    if (device.transfers > FW_CFG_FILES_MAX + 4) {
        abort();
    }
}

/* As the kernel reads its tests. */
static void read_whole(void)
{
    void *bytes = NULL;
    size_t len = 0;
    enum status s = host_file_read("etc/ramfb", WHOLE_MAX, &bytes, &len);
    if ((s == OK) != (bytes != NULL) || len > WHOLE_MAX || (s == OK) != (len > 0)) {
        abort();
    }
    heap_free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_up;
    if (!is_up) {
        (void)world_boot(NULL);
        fake_on_port_read = read_port;
        fake_on_port_write = write_port;
        fw_cfg_offer_files(&ports);
        is_up = true;
    }
    if (size == 0) {
        return 0;
    }
    memset(&device, 0, sizeof(device));
    device.file = data + 1;
    device.size = size - 1;
    device.refused = data[0];
    fake_console_clear();
    uint32_t before = free_pages();
    use();
    if (free_pages() != before) {
        abort();
    }
    uint64_t objects = live_objects();
    read_whole();
    if (live_objects() != objects) {
        abort();
    }
    return 0;
}
