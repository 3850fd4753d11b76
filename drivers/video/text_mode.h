// SPDX-License-Identifier: MIT
//
// A text screen of the EGA and VGA: two bytes for each cell; the card has the glyphs.
#pragma once

#include "drivers/video/surface.h"
#include "hal/bootinfo.h"
#include "kernel/lib/status.h"

/** Private except `surface`. */
struct text_mode {
    struct surface surface;
    uint8_t *cells;
    uint32_t pitch; /* bytes */
};

/**
 * @brief Check the firmware's description of a text screen. @param why As for framebuffer_check().
 *  @return OK; E_INVAL. @context{any}
 */
enum status text_mode_check(const struct boot_framebuffer *fb, const char **why);

/**
 * @brief Set up the surface. Nothing is drawn. @param cells  fb->pitch_bytes * fb->height writable
 * bytes, owned by the caller. @pre text_mode_check() returned OK.
 */
void text_mode_init(struct text_mode *out, const struct boot_framebuffer *fb, void *cells);
