// SPDX-License-Identifier: MIT
//
// Characters to glyphs. The glyphs themselves are generated: scripts/lib/font.py.
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
    /* The first characters of the table are ASCII's 95, in order. */
    uint32_t at = code_point - ' ';
    if (at < 95 && font_characters[at].code_point == code_point) {
        return font_characters[at].glyph;
    }
    uint32_t glyph = search(code_point, FONT_GLYPHS);
    return glyph < FONT_GLYPHS ? glyph : search(FONT_REPLACEMENT, 0);
}
