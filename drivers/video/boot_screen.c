// SPDX-License-Identifier: MIT
//
// The firmware's screen. The kernel maps and writes the memory that the firmware names, so that
// memory must not be RAM that the kernel uses. This file checks the description for that.
#include "drivers/video/boot_screen.h"

#include "drivers/video/framebuffer.h"
#include "drivers/video/screen.h"
#include "drivers/video/text_mode.h"
#include "hal/bootinfo.h"
#include "kernel/base/log.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/vm.h"

static bool overlaps_ram(const struct boot_info *info, uint64_t base, uint64_t len)
{
    for (uint32_t i = 0; i < info->range_count; i++) {
        const struct boot_range *r = &info->ranges[i];
        bool is_used = r->kind == BOOT_RAM || r->kind == BOOT_ACPI_RECLAIM;
        if (is_used && base < r->base + r->len && r->base < base + len) {
            return true;
        }
    }
    return false;
}

static enum status check(const struct boot_info *info)
{
    const struct boot_framebuffer *fb = &info->framebuffer;
    const char *why;
    enum status s = fb->is_text ? text_mode_check(fb, &why) : framebuffer_check(fb, &why);
    if (s == OK && overlaps_ram(info, fb->base, framebuffer_size(fb))) {
        why = "it lies in RAM";
        s = E_INVAL;
    }
    if (s != OK) {
        log_warn("screen", "firmware's screen, %u x %u, %u bits, at 0x%llx: %s", fb->width,
                 fb->height, fb->bits_per_pixel, (unsigned long long)fb->base, why);
    }
    return s;
}

union either {
    struct framebuffer pixels;
    struct text_mode text;
};

static struct surface *open_surface(const struct boot_framebuffer *fb, union either *memory,
                                    void *mapped)
{
    if (fb->is_text) {
        text_mode_init(&memory->text, fb, mapped);
        return &memory->text.surface;
    }
    framebuffer_init(&memory->pixels, fb, mapped);
    return &memory->pixels.surface;
}

enum status boot_screen_init(const struct boot_info *info)
{
    const struct boot_framebuffer *fb = &info->framebuffer;
    enum status s = fb->present ? check(info) : E_NODEV;
    if (s != OK) {
        return s;
    }
    union either *memory = heap_zalloc(sizeof(*memory));
    if (memory == NULL) {
        return E_NOMEM;
    }
    void *mapped = vm_map_framebuffer(fb->base, framebuffer_size(fb));
    if (mapped == NULL) {
        heap_free(memory);
        return E_NOMEM;
    }
    struct surface *surface = open_surface(fb, memory, mapped);
    log_info("screen", "firmware's %s at 0x%llx, %u x %u, %u bits; %u x %u characters",
             surface->ops->name, (unsigned long long)fb->base, fb->width, fb->height,
             fb->bits_per_pixel, surface->columns, surface->rows);
    return screen_start(surface);
}
