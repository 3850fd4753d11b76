// SPDX-License-Identifier: MIT
//
// Finding the glyph of a character. scripts/lib/font.py generates the glyphs.
#include "drivers/video/font.h"

static uint32_t search(uint32_t code_point, uint32_t otherwise)
{
    uint32_t low = 0;
    uint32_t high = font_character_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (font_characters[middle].code_point == code_point) {
            return font_characters[middle].glyph;
        }
        if (font_characters[middle].code_point < code_point) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return otherwise;
}

uint32_t font_find(uint32_t code_point)
{
    /* The table begins with the 95 printable characters of ASCII, in order. */
    uint32_t at = code_point - ' ';
    if (at < 95 && font_characters[at].code_point == code_point) {
        return font_characters[at].glyph;
    }
    uint32_t glyph = search(code_point, FONT_GLYPHS);
    return glyph < FONT_GLYPHS ? glyph : search(FONT_REPLACEMENT, 0);
}
