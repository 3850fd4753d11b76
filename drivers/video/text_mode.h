// SPDX-License-Identifier: MIT
//
// A text screen of the EGA and VGA: two bytes a cell, and the glyphs are the card's.
#pragma once

#include "drivers/video/surface.h"
#include "hal/bootinfo.h"
#include "kernel/lib/status.h"

/** Private but for `surface`. */
struct text_mode {
    struct surface surface;
    uint8_t *cells;
    uint32_t pitch; /* bytes */
};

/** @brief Does what firmware says of a text screen make sense? @param why As framebuffer_check()'s.
 *  @return OK; E_INVAL. @context{any} */
enum status text_mode_check(const struct boot_framebuffer *fb, const char **why);

/** @brief Use it. Nothing is drawn. @param cells  fb->pitch_bytes * fb->height writable bytes, the
 * caller's. @pre text_mode_check() said OK. */
void text_mode_init(struct text_mode *out, const struct boot_framebuffer *fb, void *cells);
