// SPDX-License-Identifier: MIT
//
// Arbitrary bytes as firmware's description of a screen, and as the registers of its clock.
// A plausible screen is drawn on, in exactly the memory that it describes; a time that is
// read exists in the calendar.
#include "drivers/rtc/cmos.h"
#include "drivers/video/framebuffer.h"
#include "drivers/video/text_mode.h"

#include <stdlib.h>
#include <string.h>

#define DRAWN_MAX  ((uint64_t)128 << 10) /* bytes: drawing on larger ones takes too long */
#define YEAR_10000 UINT64_C(253402300800)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void draw_corners(struct surface *s)
{
    const struct terminal_cell cell = {.character = 0x2588, .foreground = 200, .background = 5};
    check(s->columns >= 1 && s->columns <= TERMINAL_COLUMNS_MAX);
    check(s->rows >= 1 && s->rows <= TERMINAL_ROWS_MAX);
    s->ops->clear(s);
    for (unsigned corner = 0; corner < 4; corner++) {
        s->ops->draw(s, (corner & 1) != 0 ? s->columns - 1 : 0, corner >= 2 ? s->rows - 1 : 0,
                     &cell);
    }
}

static void use_pixels(const struct boot_framebuffer *fb)
{
    static struct framebuffer out;
    const char *why;
    if (framebuffer_check(fb, &why) != OK) {
        check(why != NULL);
        return;
    }
    if (framebuffer_size(fb) <= DRAWN_MAX) {
        void *pixels = malloc(framebuffer_size(fb));
        framebuffer_init(&out, fb, pixels);
        draw_corners(&out.surface);
        free(pixels);
    }
}

static void use_text(const struct boot_framebuffer *fb)
{
    struct text_mode out;
    const char *why;
    if (text_mode_check(fb, &why) != OK) {
        check(why != NULL);
        return;
    }
    uint64_t bytes = (uint64_t)fb->pitch_bytes * fb->height;
    if (bytes <= DRAWN_MAX) {
        void *cells = malloc(bytes);
        text_mode_init(&out, fb, cells);
        draw_corners(&out.surface);
        free(cells);
    }
}

static void use_clock(const uint8_t *data, size_t size)
{
    struct cmos_time t = {.second = 0};
    uint64_t seconds = UINT64_MAX;
    memcpy(&t, data, size < sizeof(t) ? size : sizeof(t));
    check(cmos_decode(&t, &seconds) == OK ? seconds < YEAR_10000 : seconds == UINT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct {
        uint64_t base, len;
        /* mostly small numbers, which are the interesting ones */
        uint16_t width, height, pitch, more;
        uint8_t depth, shifts[3], bits[3];
    } said = {.base = 0};
    use_clock(data, size);
    memcpy(&said, data, size < sizeof(said) ? size : sizeof(said));
    const struct boot_framebuffer fb = {
        .present = true,
        .base = said.base,
        .len = said.len,
        .width = said.width,
        .height = said.height,
        .pitch_bytes = said.pitch + ((uint32_t)(said.more & 1) << 31),
        .bits_per_pixel = said.depth,
        .red_shift = said.shifts[0],
        .red_bits = said.bits[0],
        .green_shift = said.shifts[1],
        .green_bits = said.bits[1],
        .blue_shift = said.shifts[2],
        .blue_bits = said.bits[2],
    };
    use_pixels(&fb);
    use_text(&fb);
    return 0;
}
