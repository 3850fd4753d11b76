// SPDX-License-Identifier: MIT
//
// ramfb: the guest chooses size and format, allocates the memory, and writes its address into the
// file "etc/ramfb" (QEMU's hw/display/ramfb). The memory is cached RAM like any other: the emulator
// reads it coherently.
#include "drivers/video/ramfb.h"

#include "drivers/fw_cfg/fw_cfg.h"
#include "drivers/video/framebuffer.h"
#include "drivers/video/screen.h"
#include "hal/bootinfo.h"
#include "hal/layout.h"
#include "kernel/base/log.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"

#define CONFIG_SIZE 28u /* address, format, flags, width, height, stride */

/* DRM's code for a pixel of 32 bits: from the top unused, red, green, blue. */
#define FORMAT_XRGB8888 0x34325258u

/* A screen may use a sixteenth of the memory. */
#define MEMORY_SHARE 16u

/* Sorted by size, the largest first; each fits one block of the page allocator. */
static const struct mode {
    uint32_t width, height;
    unsigned order;
} modes[] = {
    {1024, 768, 10},
    {800, 600, 9},
    {640, 400, 8},
};

static struct boot_framebuffer describe(const struct mode *m, paddr_t memory)
{
    return (struct boot_framebuffer){
        .present = true,
        .base = memory.raw,
        .len = (uint64_t)PAGE_SIZE << m->order,
        .width = m->width,
        .height = m->height,
        .pitch_bytes = m->width * 4,
        .bits_per_pixel = 32,
        .red_shift = 16,
        .red_bits = 8,
        .green_shift = 8,
        .green_bits = 8,
        .blue_shift = 0,
        .blue_bits = 8,
    };
}

static const struct mode *take_memory(paddr_t *out)
{
    struct page_stats stats;
    page_get_stats(&stats);
    for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
        uint64_t pages = (uint64_t)1 << modes[i].order;
        if (pages <= stats.total_pages / MEMORY_SHARE &&
            page_alloc(modes[i].order, PAGE_DMA, out) == OK) {
            return &modes[i];
        }
    }
    return NULL;
}

static enum status announce(struct fw_cfg *f, const struct fw_cfg_file *file,
                            const struct boot_framebuffer *fb)
{
    uint8_t config[CONFIG_SIZE];
    store_be64(config, fb->base);
    store_be32(config + 8, FORMAT_XRGB8888);
    store_be32(config + 12, 0);
    store_be32(config + 16, fb->width);
    store_be32(config + 20, fb->height);
    store_be32(config + 24, fb->pitch_bytes);
    return fw_cfg_write(f, file, config, sizeof(config));
}

/* The memory is never freed, even if the screen cannot start: the emulator has the address. */
static enum status start(struct fw_cfg *f, const struct fw_cfg_file *file)
{
    paddr_t memory;
    struct framebuffer *screen = heap_zalloc(sizeof(*screen));
    const struct mode *mode = screen != NULL ? take_memory(&memory) : NULL;
    if (mode == NULL) {
        heap_free(screen);
        return E_NOMEM;
    }
    const struct boot_framebuffer fb = describe(mode, memory);
    framebuffer_init(screen, &fb, hal_direct(memory));
    /* the old contents of the memory must not be visible */
    screen->surface.ops->clear(&screen->surface);
    screen->surface.is_clear = true;
    enum status s = announce(f, file, &fb);
    if (s != OK) {
        page_free(memory, mode->order);
        heap_free(screen);
        return s;
    }
    log_info("ramfb", "%u x %u pixels at 0x%llx, %u x %u characters", fb.width, fb.height,
             (unsigned long long)fb.base, screen->surface.columns, screen->surface.rows);
    return screen_start(&screen->surface);
}

enum status ramfb_init(const struct io_region *fw_cfg)
{
    struct fw_cfg f;
    struct fw_cfg_file file;
    enum status s = fw_cfg_open(fw_cfg, &f);
    if (s != OK) {
        return s;
    }
    s = fw_cfg_find(&f, "etc/ramfb", &file);
    s = s == E_NOENT ? E_NODEV : s;
    if (s == OK) {
        s = start(&f, &file);
    }
    fw_cfg_close(&f);
    return s;
}
