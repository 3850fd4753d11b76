// SPDX-License-Identifier: MIT
//
// Cells to pixels: a linear framebuffer of 16, 24 or 32 bits a pixel, whichever bits are which
// colour. Which memory it is and how it is mapped is the caller's business.
#pragma once

#include "drivers/video/surface.h"
#include "hal/bootinfo.h"
#include "kernel/lib/status.h"

#define FRAMEBUFFER_SIDE_MAX 16384u /* pixels */

/** Private but for `surface`. */
struct framebuffer {
    struct surface surface;
    uint8_t *pixels;
    uint32_t width, height, pitch; /* pixels, pixels, bytes */
    uint32_t bytes_per_pixel;
    uint32_t left, top; /* pixels outside the grid, so that it is in the middle */
    uint32_t scale;     /* pixels a dot of the font, each way */
    bool is_aligned;    /* pixels of 4 bytes may be written two at a time */
    uint32_t palette[256];
};

/**
 * @brief Does what firmware says of a framebuffer make sense?
 * @param why  Set to what is wrong, in words, on failure.
 * @return OK; E_INVAL: a size, depth, pitch or colour that cannot be, or memory that wraps or is
 * longer than `len` says.
 * @context{any}
 */
enum status framebuffer_check(const struct boot_framebuffer *fb, const char **why);

/** @brief Bytes that the framebuffer occupies. @pre framebuffer_check() said OK. */
uint64_t framebuffer_size(const struct boot_framebuffer *fb);

/**
 * @brief Divide it into cells. Nothing is drawn.
 * @param pixels  framebuffer_size() writable bytes, the caller's, as long as `out` is used.
 * @pre framebuffer_check() said OK.
 */
void framebuffer_init(struct framebuffer *out, const struct boot_framebuffer *fb, void *pixels);
