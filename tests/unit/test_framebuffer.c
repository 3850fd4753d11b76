// SPDX-License-Identifier: MIT
//
// Cells as pixels in every depth, and inconsistent geometry.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/video/font.h"
#include "drivers/video/framebuffer.h"
#include "drivers/video/text_mode.h"

static const struct boot_framebuffer good = {
    .present = true,
    .base = 0xfd000000,
    .width = 64,
    .height = 64,
    .pitch_bytes = 256,
    .bits_per_pixel = 32,
    .red_shift = 16,
    .red_bits = 8,
    .green_shift = 8,
    .green_bits = 8,
    .blue_shift = 0,
    .blue_bits = 8,
};

static struct boot_framebuffer sized(uint32_t width, uint32_t height, uint32_t bits)
{
    struct boot_framebuffer fb = good;
    fb.width = width;
    fb.height = height;
    fb.bits_per_pixel = (uint8_t)bits;
    fb.pitch_bytes = width * (bits / 8);
    if (bits == 16) {
        fb.red_shift = 11;
        fb.red_bits = 5;
        fb.green_shift = 5;
        fb.green_bits = 6;
        fb.blue_bits = 5;
    }
    return fb;
}

static void refuse(const struct boot_framebuffer *fb, const char *because)
{
    const char *why;
    assert_int_equal(framebuffer_check(fb, &why), E_INVAL);
    assert_string_equal(why, because);
}

static void test_wrong_geometry_is_reported(void **state)
{
    (void)state;
    const char *why;
    struct boot_framebuffer fb = good;
    assert_int_equal(framebuffer_check(&fb, &why), OK);
    fb.len = 256 * 64;
    assert_int_equal(framebuffer_check(&fb, &why), OK);
    fb.len--;
    refuse(&fb, "it does not fit its memory");

    fb = good;
    fb.width = 0;
    refuse(&fb, "it has no room for text");
    fb = good;
    fb.height = 63;
    refuse(&fb, "it has no room for text");
    fb = good;
    fb.width = fb.pitch_bytes = UINT32_MAX;
    refuse(&fb, "it is larger than any screen");
    fb = good;
    fb.pitch_bytes = 255;
    refuse(&fb, "its lines overlap");
    fb = good;
    fb.bits_per_pixel = 8;
    refuse(&fb, "its depth is not 16, 24 or 32 bits");
    fb = good;
    fb.red_shift = 25;
    refuse(&fb, "a colour lies outside the pixel");
    fb = good;
    fb.blue_bits = 0;
    refuse(&fb, "a colour lies outside the pixel");
    fb = good;
    fb.base = UINT64_MAX - 100;
    refuse(&fb, "its memory wraps");
    fb = good;
    fb.pitch_bytes = UINT32_MAX;
    fb.height = FRAMEBUFFER_SIDE_MAX;
    fb.base = UINT64_MAX - UINT32_MAX;
    refuse(&fb, "its memory wraps");
    fb.base = 0;
    refuse(&fb, "its memory wraps");
}

/* A framebuffer of exactly this size: the sanitizer detects a pixel outside. */
static uint8_t *open(struct framebuffer *f, const struct boot_framebuffer *fb)
{
    const char *why;
    assert_int_equal(framebuffer_check(fb, &why), OK);
    uint8_t *pixels = malloc(framebuffer_size(fb));
    assert_non_null(pixels);
    framebuffer_init(f, fb, pixels);
    f->surface.ops->clear(&f->surface);
    return pixels;
}

static uint32_t pixel_at(const struct framebuffer *f, uint32_t x, uint32_t y)
{
    uint32_t value = 0;
    memcpy(&value, f->pixels + (size_t)y * f->pitch + (size_t)x * f->bytes_per_pixel,
           f->bytes_per_pixel);
    return value;
}

static void check_cell(const struct framebuffer *f, uint32_t column, uint32_t row,
                       const struct terminal_cell *cell)
{
    const uint8_t *glyph = (cell->flags & TERMINAL_BOLD) != 0
                               ? font_bold[font_find(cell->character)]
                               : font_regular[font_find(cell->character)];
    for (uint32_t y = 0; y < FONT_HEIGHT * f->scale; y++) {
        uint32_t dots = glyph[y / f->scale];
        if (y / f->scale == 14 && (cell->flags & TERMINAL_UNDERLINE) != 0) {
            dots = 0xff;
        }
        for (uint32_t x = 0; x < FONT_WIDTH * f->scale; x++) {
            uint32_t colour = dots & 0x80u >> x / f->scale ? cell->foreground : cell->background;
            assert_int_equal(pixel_at(f, f->left + column * FONT_WIDTH * f->scale + x,
                                      f->top + row * FONT_HEIGHT * f->scale + y),
                             f->palette[colour]);
        }
    }
}

static void check_drawing(const struct boot_framebuffer *fb)
{
    struct framebuffer f;
    uint8_t *pixels = open(&f, fb);
    struct surface *s = &f.surface;
    const struct terminal_cell cells[] = {
        {.character = 'A', .foreground = 7, .background = 0},
        {.character = 'g', .foreground = 9, .background = 4, .flags = TERMINAL_BOLD},
        {.character = 0x2502, .foreground = 200, .background = 255, .flags = TERMINAL_UNDERLINE},
        {.character = 0x4e00, .foreground = 15, .background = 1},
    };
    const uint32_t at[][2] = {
        {0, 0}, {s->columns - 1, 0}, {0, s->rows - 1}, {s->columns - 1, s->rows - 1}};
    for (unsigned i = 0; i < 4; i++) {
        s->ops->draw(s, at[i][0], at[i][1], &cells[i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        check_cell(&f, at[i][0], at[i][1], &cells[i]);
    }
    assert_int_equal(pixel_at(&f, f.width - 1, f.height / 2), f.palette[0]);
    free(pixels);
}

static void test_every_depth(void **state)
{
    (void)state;
    const uint32_t depths[] = {16, 24, 32};
    for (unsigned i = 0; i < 3; i++) {
        const struct boot_framebuffer fb = sized(64, 64, depths[i]);
        check_drawing(&fb);
        const struct boot_framebuffer odd = sized(811, 677, depths[i]);
        check_drawing(&odd);
    }
}

static void test_lines_may_be_longer_than_the_screen(void **state)
{
    (void)state;
    struct boot_framebuffer fb = sized(100, 70, 32);
    fb.pitch_bytes = 402; /* and not aligned */
    check_drawing(&fb);
}

static void test_large_screens_have_large_dots(void **state)
{
    (void)state;
    struct framebuffer f;
    const struct boot_framebuffer fb = sized(2560, 1440, 32);
    free(open(&f, &fb));
    assert_int_equal(f.scale, 2);
    assert_int_equal(f.surface.columns, 158);
    assert_int_equal(f.surface.rows, 44);
    check_drawing(&fb);
}

static void test_colours_go_where_firmware_says(void **state)
{
    (void)state;
    struct framebuffer f;
    struct boot_framebuffer fb = good;
    fb.red_shift = 0;
    fb.blue_shift = 16;
    free(open(&f, &fb));
    assert_int_equal(f.palette[231], 0xffffff);
    assert_int_equal(f.palette[196], 0x0000ff);
    assert_int_equal(f.palette[21], 0xff0000);
    fb = sized(64, 64, 16);
    free(open(&f, &fb));
    assert_int_equal(f.palette[196], 0xf800);
    assert_int_equal(f.palette[46], 0x07e0);
    fb = good; /* 10 bits a colour */
    fb.red_shift = 20;
    fb.red_bits = 10;
    fb.green_shift = 10;
    fb.green_bits = 10;
    fb.blue_bits = 10;
    free(open(&f, &fb));
    assert_int_equal(f.palette[196], 0x3fcu << 20);
}

static void test_text_mode(void **state)
{
    (void)state;
    const char *why;
    uint8_t cells[2 * 80 * 25];
    struct boot_framebuffer fb = {.present = true,
                                  .is_text = true,
                                  .base = 0xb8000,
                                  .width = 80,
                                  .height = 25,
                                  .pitch_bytes = 160};
    struct text_mode t;
    assert_int_equal(text_mode_check(&fb, &why), OK);
    text_mode_init(&t, &fb, cells);
    struct surface *s = &t.surface;
    s->ops->clear(s);
    assert_int_equal(cells[0], ' ');
    assert_int_equal(cells[1], 0x07);
    struct terminal_cell cell = {.character = 'x', .foreground = 9, .background = 4};
    s->ops->draw(s, 79, 24, &cell);
    assert_int_equal(cells[3998], 'x');
    assert_int_equal(cells[3999], 0x1c); /* light red on blue */
    cell.character = 0x2500;
    s->ops->draw(s, 0, 1, &cell);
    assert_int_equal(cells[160], 0xc4);
    cell.character = 0x4e00;
    s->ops->draw(s, 0, 1, &cell);
    assert_int_equal(cells[160], '?');

    fb.pitch_bytes = 159;
    assert_int_equal(text_mode_check(&fb, &why), E_INVAL);
    fb.pitch_bytes = 160;
    fb.height = 257;
    assert_int_equal(text_mode_check(&fb, &why), E_INVAL);
    fb.height = 25;
    fb.base = UINT64_MAX - 3999;
    assert_int_equal(text_mode_check(&fb, &why), E_INVAL);
    assert_string_equal(why, "its memory wraps");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_geometry_is_reported),
        cmocka_unit_test(test_every_depth),
        cmocka_unit_test(test_lines_may_be_longer_than_the_screen),
        cmocka_unit_test(test_large_screens_have_large_dots),
        cmocka_unit_test(test_colours_go_where_firmware_says),
        cmocka_unit_test(test_text_mode),
    };
    return cmocka_run_group_tests_name("framebuffer", tests, NULL, NULL);
}
