// SPDX-License-Identifier: MIT
//
// Writes cells as the two bytes of a text mode: a character of the card's set, code page 437, and
// an attribute with a foreground and a background of 16 colours.
#include "drivers/video/text_mode.h"

#include "kernel/lib/compiler.h"

static struct text_mode *text_mode_of(struct surface *s)
{
    return CONTAINER_OF(s, struct text_mode, surface);
}

enum status text_mode_check(const struct boot_framebuffer *fb, const char **why)
{
    uint64_t end;
    *why = NULL;
    if (fb->width == 0 || fb->width > TERMINAL_COLUMNS_MAX || fb->height == 0 ||
        fb->height > TERMINAL_ROWS_MAX) {
        *why = "an impossible size of a text screen";
    } else if (fb->pitch_bytes < fb->width * 2) {
        *why = "its lines overlap";
    } else if (fb->base == 0 ||
               ADD_OVERFLOWS(fb->base, (uint64_t)fb->pitch_bytes * fb->height, &end)) {
        *why = "its memory wraps";
    }
    return *why == NULL ? OK : E_INVAL;
}

/* The characters outside ASCII that programs often draw with. */
static uint8_t card_character(uint32_t code_point)
{
    static const struct {
        uint16_t code_point;
        uint8_t card;
    } known[] = {
        {0x00b0, 0xf8}, {0x00b7, 0xfa}, {0x2022, 0x07}, {0x2190, 0x1b}, {0x2191, 0x18},
        {0x2192, 0x1a}, {0x2193, 0x19}, {0x2500, 0xc4}, {0x2502, 0xb3}, {0x250c, 0xda},
        {0x2510, 0xbf}, {0x2514, 0xc0}, {0x2518, 0xd9}, {0x251c, 0xc3}, {0x2524, 0xb4},
        {0x252c, 0xc2}, {0x2534, 0xc1}, {0x253c, 0xc5}, {0x2588, 0xdb}, {0x2591, 0xb0},
        {0x2592, 0xb1}, {0x25a0, 0xfe},
    };
    if (code_point < 0x7f) {
        return (uint8_t)code_point;
    }
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (known[i].code_point == code_point) {
            return known[i].card;
        }
    }
    return '?';
}

/* The card has 16 colours, with the bits of red and blue exchanged. */
static uint8_t card_colour(uint32_t colour)
{
    if (colour >= 16) {
        return TERMINAL_FOREGROUND;
    }
    return (uint8_t)((colour & 0xa) | (colour & 1) << 2 | (colour & 4) >> 2);
}

static void text_mode_draw(struct surface *s, uint32_t column, uint32_t row,
                           const struct terminal_cell *cell)
{
    const struct text_mode *t = text_mode_of(s);
    uint8_t *at = t->cells + (size_t)row * t->pitch + (size_t)column * 2;
    at[0] = card_character(cell->character);
    /* The top bit makes the character blink, in the mode that firmware sets. */
    at[1] = (uint8_t)(card_colour(cell->foreground) | (card_colour(cell->background) & 7) << 4);
}

static void text_mode_clear(struct surface *s)
{
    const struct terminal_cell space = {
        .character = ' ', .foreground = TERMINAL_FOREGROUND, .background = TERMINAL_BACKGROUND};
    for (uint32_t row = 0; row < s->rows; row++) {
        for (uint32_t column = 0; column < s->columns; column++) {
            text_mode_draw(s, column, row, &space);
        }
    }
}

static const struct surface_ops text_mode_ops = {
    .name = "text mode",
    .clear = text_mode_clear,
    .draw = text_mode_draw,
};

void text_mode_init(struct text_mode *out, const struct boot_framebuffer *fb, void *cells)
{
    *out = (struct text_mode){
        .surface = {.ops = &text_mode_ops, .columns = fb->width, .rows = fb->height},
        .cells = cells,
        .pitch = fb->pitch_bytes,
    };
}
