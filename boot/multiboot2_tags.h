// SPDX-License-Identifier: MIT
//
// The block from a Multiboot2 loader: a sequence of tags, each 8-byte aligned, with a type and a
// size (Multiboot2 specification 2.0, section 3.6). multiboot2.c reads the contents of tags.
// Inline, because x86-64's 32-bit start uses it, too.
#pragma once

#include "boot/mem.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"

enum {
    MULTIBOOT2_END = 0, /* types of tags */
    MULTIBOOT2_CMDLINE = 1,
    MULTIBOOT2_HEADER_SIZE = 8, /* of the block and of each tag */
    /* without files, which are elsewhere; real blocks have a few KiB */
    MULTIBOOT2_SIZE_MAX = 1 << 20,
};

struct multiboot2_tag {
    uint32_t type, size;
    const uint8_t *bytes; /* `size` of them, the tag's own header first */
    uint32_t offset;      /* in the block */
};

struct multiboot2_block {
    const uint8_t *bytes;
    uint64_t phys;
    uint32_t size;
};

/**
 * @brief Map the whole block.
 * @param out  Its size is set even on failure: as the block states it, 0 if it cannot be read.
 * @return E_FORMAT: its size is impossible. E_CORRUPT: some of it cannot be read.
 * @context{early}
 */
static inline enum status multiboot2_open(const struct boot_mem *m, uint64_t phys,
                                          struct multiboot2_block *out)
{
    const uint8_t *head = boot_mem_map(m, phys, MULTIBOOT2_HEADER_SIZE);
    out->phys = phys;
    out->size = head != NULL ? load_le32(head) : 0;
    if (out->size < 2 * MULTIBOOT2_HEADER_SIZE || out->size > MULTIBOOT2_SIZE_MAX) {
        return E_FORMAT;
    }
    out->bytes = boot_mem_map(m, phys, out->size);
    return out->bytes != NULL ? OK : E_CORRUPT;
}

/**
 * @brief Read the tag at `offset`.
 * @return false: it is not inside the block.
 * @context{early}
 */
static inline bool multiboot2_read(const struct multiboot2_block *b, uint32_t offset,
                                   struct multiboot2_tag *out)
{
    if (offset > b->size || b->size - offset < MULTIBOOT2_HEADER_SIZE) {
        return false;
    }
    uint32_t size = load_le32(b->bytes + offset + 4);
    if (size < MULTIBOOT2_HEADER_SIZE || size > b->size - offset) {
        return false;
    }
    *out = (struct multiboot2_tag){.type = load_le32(b->bytes + offset),
                                   .size = size,
                                   .bytes = b->bytes + offset,
                                   .offset = offset};
    return true;
}

/** @brief Where the tag after this one starts; the block's size bounds the sum. @context{early} */
static inline uint32_t multiboot2_after(const struct multiboot2_tag *t)
{
    return ALIGN_UP(t->offset + t->size, 8u);
}

/** @brief Find the first tag of a type. @return false: there is none before the end.
 * @context{early} */
static inline bool multiboot2_find(const struct multiboot2_block *b, uint32_t type,
                                   struct multiboot2_tag *out)
{
    struct multiboot2_tag t = {.offset = 0, .size = MULTIBOOT2_HEADER_SIZE};
    do {
        if (!multiboot2_read(b, multiboot2_after(&t), &t)) {
            return false;
        }
        if (t.type == type) {
            *out = t;
            return true;
        }
    } while (t.type != MULTIBOOT2_END);
    return false;
}
