// SPDX-License-Identifier: MIT
//
// Drawing cells as pixels. Pixels are only written, never read, because a framebuffer is uncached.
#include "drivers/video/framebuffer.h"

#include "drivers/video/font.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

/* From this height on, one pixel for each dot of the font would be too small to read. */
#define SCALE_HEIGHT 1440u

/* From this width on there is room for a margin around the text, in dots. */
#define EDGE_WIDTH 800u
#define EDGE       8u

#define UNDERLINE_ROW 14u

/* The sixteen named colours, red, green and blue: normal, then bright. */
static const uint32_t named_colours[16] = {
    0x12161c, 0xd9605a, 0x7fb069, 0xd6a34c, 0x5a94d6, 0xb07cc6, 0x4fb0ae, 0xc5ccd3,
    0x66717c, 0xff7b72, 0xa5d678, 0xf2cc6b, 0x82b7f5, 0xd2a1ea, 0x76d5d1, 0xf4f7fa,
};

static struct framebuffer *framebuffer_of(struct surface *s)
{
    return CONTAINER_OF(s, struct framebuffer, surface);
}

static uint32_t depth_bytes(const struct boot_framebuffer *fb)
{
    return (fb->bits_per_pixel + 7u) / 8u;
}

static bool is_colour_sound(const struct boot_framebuffer *fb, uint32_t shift, uint32_t bits)
{
    return bits >= 1 && bits <= 16 && shift + bits <= depth_bytes(fb) * 8;
}

enum status framebuffer_check(const struct boot_framebuffer *fb, const char **why)
{
    uint64_t end;
    *why = NULL;
    if (fb->width < 2 * FONT_WIDTH || fb->height < 4 * FONT_HEIGHT) {
        *why = "it has no room for text";
    } else if (fb->width > FRAMEBUFFER_SIDE_MAX || fb->height > FRAMEBUFFER_SIDE_MAX) {
        *why = "it is larger than any screen";
    } else if (fb->bits_per_pixel < 15 || fb->bits_per_pixel > 32) {
        *why = "its depth is not 16, 24 or 32 bits";
    } else if (!is_colour_sound(fb, fb->red_shift, fb->red_bits) ||
               !is_colour_sound(fb, fb->green_shift, fb->green_bits) ||
               !is_colour_sound(fb, fb->blue_shift, fb->blue_bits)) {
        *why = "a colour lies outside the pixel";
    } else if (fb->pitch_bytes < fb->width * depth_bytes(fb)) {
        *why = "its lines overlap";
    } else if (fb->base == 0 || ADD_OVERFLOWS(fb->base, framebuffer_size(fb), &end)) {
        *why = "its memory wraps";
    } else if (fb->len != 0 && framebuffer_size(fb) > fb->len) {
        *why = "it does not fit its memory";
    }
    return *why == NULL ? OK : E_INVAL;
}

uint64_t framebuffer_size(const struct boot_framebuffer *fb)
{
    return (uint64_t)fb->pitch_bytes * fb->height;
}

/* Scale an 8-bit colour value to its field in the pixel. */
static uint32_t component(uint32_t value, uint32_t shift, uint32_t bits)
{
    uint32_t scaled = bits >= 8 ? value << (bits - 8) : value >> (8 - bits);
    return scaled << shift;
}

static uint32_t pixel_of(const struct boot_framebuffer *fb, uint32_t rgb)
{
    return component(rgb >> 16 & 0xff, fb->red_shift, fb->red_bits) |
           component(rgb >> 8 & 0xff, fb->green_shift, fb->green_bits) |
           component(rgb & 0xff, fb->blue_shift, fb->blue_bits);
}

/* xterm's 256 colours: the named ones, a cube, greys. */
static uint32_t colour(uint32_t index)
{
    static const uint8_t levels[6] = {0, 95, 135, 175, 215, 255};
    if (index < 16) {
        return named_colours[index];
    }
    if (index < 232) {
        uint32_t i = index - 16;
        return (uint32_t)levels[i / 36] << 16 | (uint32_t)levels[i / 6 % 6] << 8 | levels[i % 6];
    }
    uint32_t grey = 8 + 10 * (index - 232);
    return grey << 16 | grey << 8 | grey;
}

static void store_pixel(uint8_t *at, uint32_t pixel, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(pixel >> 8 * i);
    }
}

static void fill(const struct framebuffer *f, uint8_t *line, uint32_t count, uint32_t pixel)
{
    uint32_t x = 0;
    if (f->is_aligned) {
        uint64_t two = (uint64_t)pixel << 32 | pixel;
        uint64_t *at = (uint64_t *)(void *)line;
        for (; x + 8 <= count;
             x += 8) { /* the loop runs for millions of pixels, so it must be cheap */
            at[0] = at[1] = at[2] = at[3] = two;
            at += 4;
        }
    }
    for (; x < count; x++) {
        store_pixel(line + (size_t)x * f->bytes_per_pixel, pixel, f->bytes_per_pixel);
    }
}

static void framebuffer_clear(struct surface *s)
{
    const struct framebuffer *f = framebuffer_of(s);
    for (uint32_t y = 0; y < f->height; y++) {
        fill(f, f->pixels + (size_t)y * f->pitch, f->width, f->palette[TERMINAL_BACKGROUND]);
    }
}

/* Draws eight pixels, two at a time: the left one of a pair has the lower address. */
static void draw_line_aligned(uint8_t *line, uint32_t dots, uint32_t ink, uint32_t paper)
{
    static const uint64_t masks[4] = {0, UINT64_C(0xffffffff00000000), UINT64_C(0x00000000ffffffff),
                                      UINT64_MAX};
    uint64_t papers = (uint64_t)paper << 32 | paper;
    uint64_t difference = papers ^ ((uint64_t)ink << 32 | ink);
    uint64_t *at = (uint64_t *)(void *)line;
    for (uint32_t i = 0; i < 4; i++) {
        at[i] = papers ^ (difference & masks[dots >> (6 - 2 * i) & 3]);
    }
}

static void draw_line(const struct framebuffer *f, uint8_t *line, uint32_t dots, uint32_t ink,
                      uint32_t paper)
{
    uint32_t bytes = f->bytes_per_pixel;
    for (uint32_t x = 0; x < FONT_WIDTH; x++) {
        uint32_t pixel = (dots & 0x80u >> x) != 0 ? ink : paper;
        for (uint32_t i = 0; i < f->scale; i++) {
            store_pixel(line, pixel, bytes);
            line += bytes;
        }
    }
}

static void framebuffer_draw(struct surface *s, uint32_t column, uint32_t row,
                             const struct terminal_cell *cell)
{
    const struct framebuffer *f = framebuffer_of(s);
    const uint8_t(*font)[FONT_HEIGHT] =
        (cell->flags & TERMINAL_BOLD) != 0 ? font_bold : font_regular;
    const uint8_t *glyph = font[font_find(cell->character)];
    uint32_t ink = f->palette[cell->foreground], paper = f->palette[cell->background];
    uint8_t *line = f->pixels + (size_t)(f->top + row * FONT_HEIGHT * f->scale) * f->pitch +
                    (size_t)(f->left + column * FONT_WIDTH * f->scale) * f->bytes_per_pixel;
    bool is_fast = f->is_aligned && f->scale == 1;
    for (uint32_t y = 0; y < FONT_HEIGHT * f->scale; y++) {
        uint32_t dots = glyph[y / f->scale];
        if (y / f->scale == UNDERLINE_ROW && (cell->flags & TERMINAL_UNDERLINE) != 0) {
            dots = 0xff;
        }
        if (is_fast) {
            draw_line_aligned(line, dots, ink, paper);
        } else {
            draw_line(f, line, dots, ink, paper);
        }
        line += f->pitch;
    }
}

static const struct surface_ops framebuffer_ops = {
    .name = "framebuffer",
    .clear = framebuffer_clear,
    .draw = framebuffer_draw,
};

void framebuffer_init(struct framebuffer *out, const struct boot_framebuffer *fb, void *pixels)
{
    uint32_t scale = fb->height >= SCALE_HEIGHT ? 2 : 1;
    uint32_t width = FONT_WIDTH * scale, height = FONT_HEIGHT * scale;
    uint32_t edges = fb->width >= EDGE_WIDTH ? 2 * EDGE * scale : 0;
    *out = (struct framebuffer){
        .surface = {.ops = &framebuffer_ops,
                    .columns = MIN((fb->width - edges) / width, TERMINAL_COLUMNS_MAX),
                    .rows = MIN((fb->height - edges) / height, TERMINAL_ROWS_MAX)},
        .pixels = pixels,
        .width = fb->width,
        .height = fb->height,
        .pitch = fb->pitch_bytes,
        .bytes_per_pixel = depth_bytes(fb),
        .scale = scale,
    };
    /* Even, so that the cells are aligned. */
    out->left = (fb->width - out->surface.columns * width) / 2 & ~1u;
    out->top = (fb->height - out->surface.rows * height) / 2;
    out->is_aligned =
        out->bytes_per_pixel == 4 && IS_ALIGNED((uintptr_t)pixels, 8) && out->pitch % 8 == 0;
    for (uint32_t i = 0; i < ARRAY_COUNT(out->palette); i++) {
        out->palette[i] = pixel_of(fb, colour(i));
    }
}
