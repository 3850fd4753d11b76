// SPDX-License-Identifier: MIT
//
// Draws cells in a linear framebuffer of 16, 24 or 32 bits for each pixel, with any layout of the
// colour bits. The caller chooses the memory and maps it.
#pragma once

#include "drivers/video/surface.h"
#include "hal/bootinfo.h"
#include "kernel/lib/status.h"

#define FRAMEBUFFER_SIDE_MAX 16384u /* pixels */

/** Private except `surface`. */
struct framebuffer {
    struct surface surface;
    uint8_t *pixels;
    uint32_t width, height, pitch; /* pixels, pixels, bytes */
    uint32_t bytes_per_pixel;
    uint32_t left, top; /* margins in pixels, so that the grid is in the middle */
    uint32_t scale;     /* pixels for each dot of the font, in both directions */
    bool is_aligned;    /* pixels have 4 bytes and may be written two at a time */
    uint32_t palette[256];
};

/**
 * @brief Check the firmware's description of a framebuffer.
 * @param why  Receives the reason in words, on failure.
 * @return OK; E_INVAL: an impossible size, depth, pitch or colour, or memory that wraps around or
 * is longer than `len`.
 * @context{any}
 */
enum status framebuffer_check(const struct boot_framebuffer *fb, const char **why);

/** @brief Bytes that the framebuffer occupies. @pre framebuffer_check() returned OK. */
uint64_t framebuffer_size(const struct boot_framebuffer *fb);

/**
 * @brief Divide it into cells. Nothing is drawn.
 * @param pixels  framebuffer_size() writable bytes, owned by the caller, as long as `out` is used.
 * @pre framebuffer_check() returned OK.
 */
void framebuffer_init(struct framebuffer *out, const struct boot_framebuffer *fb, void *pixels);
