// SPDX-License-Identifier: MIT
//
// UTF-16 from UEFI firmware as bytes. efi_parse() explains the rules.
#include "boot/efi_internal.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/unicode.h"

#define REPLACEMENT 0xfffdu /* replaces half of a surrogate pair */

static bool is_surrogate(uint32_t unit, uint32_t first)
{
    return unit >= first && unit < first + 0x400;
}

/* UTF-16 that is being read. If its length is not known, it is mapped unit by unit. */
struct text {
    const struct boot_mem *m;
    uint64_t at, end; /* physical */
    bool is_broken;   /* a unit could not be read */
};

/* 0 at the end. */
static uint32_t peek(struct text *t)
{
    if (t->at == t->end) {
        return 0;
    }
    const uint8_t *unit = boot_mem_map(t->m, t->at, 2);
    t->is_broken = unit == NULL;
    return unit != NULL ? load_le16(unit) : 0;
}

/* The next character; 0: the end. */
static uint32_t next_character(struct text *t)
{
    uint32_t unit = peek(t);
    if (unit == 0) {
        return 0;
    }
    t->at += 2;
    if (!is_surrogate(unit, 0xd800) && !is_surrogate(unit, 0xdc00)) {
        return unit;
    }
    uint32_t second = is_surrogate(unit, 0xd800) ? peek(t) : 0;
    if (!is_surrogate(second, 0xdc00)) {
        return REPLACEMENT;
    }
    t->at += 2;
    return 0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00);
}

/* One byte below U+0100, otherwise UTF-8. */
static size_t encode(uint32_t c, uint8_t bytes[UNICODE_BYTES_MAX])
{
    if (c < 0x100) {
        bytes[0] = (uint8_t)c;
        return 1;
    }
    return unicode_encode(c, bytes);
}

bool efi_copy_wide(const struct boot_mem *m, uint64_t phys, uint64_t bytes, char *out, size_t size)
{
    struct text text = {.m = m, .at = phys};
    size_t len = 0;
    out[0] = '\0';
    if (ADD_OVERFLOWS(phys, bytes & ~UINT64_C(1), &text.end)) {
        return false;
    }
    for (uint32_t c = next_character(&text); c != 0; c = next_character(&text)) {
        uint8_t encoded[UNICODE_BYTES_MAX];
        size_t n = encode(c, encoded);
        if (n > size - 1 - len) {
            out[len] = '\0';
            return false;
        }
        for (size_t i = 0; i < n; i++) {
            out[len++] = (char)encoded[i];
        }
    }
    out[len] = '\0';
    return !text.is_broken;
}
