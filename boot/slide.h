// SPDX-License-Identifier: MIT
//
// The image is linked at one address and runs at another in each boot: the difference is its slide.
// This file has the parts that both machines share: the table of places to relocate, and whether
// the command line requests no slide. The machine chooses the slide and adds it
// (arch/x86_64/boot32/slide.c, arch/aarch64/slide.c), before any of these places is used.
//
// scripts/lib/slide.py makes the table from the linker's relocations. It contains offsets from the
// image's first byte (x86-64: physical addresses), ascending, each as the distance from the one
// before, the first as the distance from 0. A byte of 1 to 255 is that distance; a 0 is followed by
// the distance in four bytes, little-endian, or by four zeros at the table's end.
#pragma once

#include "boot/mem.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"

/** Made by scripts/lib/slide.py. */
extern const uint8_t slide_table[];

struct slide_cursor {
    const uint8_t *next; /* position in the table */
    size_t at;           /* offset of the last place; 0 before the first */
};

/**
 * @brief Advance to the next place.
 * @return false: there are no further places, and the cursor must not be used again.
 * @context{early}
 */
static ALWAYS_INLINE bool slide_next(struct slide_cursor *c)
{
    size_t distance = *c->next++;
    if (UNLIKELY(distance == 0)) {
        distance = load_le32(c->next);
        c->next += 4;
        if (distance == 0) {
            return false;
        }
    }
    c->at += distance;
    return true;
}

/**
 * @brief True if the command line has the word aslr=off, as kernel/boot/cmdline.c would find it.
 * @param text  Up to `len` bytes; a zero ends it, too. Foreign.
 * @context{early}
 */
bool slide_is_off(const char *text, size_t len);

/**
 * @brief The same for the command line of a loader, before any of it is copied.
 *
 * A command line that cannot be read does not contain the word: the parsers of boot/ will report
 * it.
 * @param phys  Physical address of the loader's structure.
 * @context{early}
 */
bool slide_is_off_multiboot2(const struct boot_mem *m, uint64_t phys);
bool slide_is_off_pvh(const struct boot_mem *m, uint64_t phys);
