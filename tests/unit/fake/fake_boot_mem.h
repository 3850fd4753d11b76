// SPDX-License-Identifier: MIT
//
// Physical memory for tests of boot/: blocks of foreign bytes at chosen
// addresses, and a builder for them.
#pragma once

#include "boot/mem.h"

#define BLOB_MAX 16384

/** A builder of byte blocks. Writing past BLOB_MAX ends the test program. */
struct blob {
    uint8_t bytes[BLOB_MAX];
    size_t len;
};

void blob_put(struct blob *b, const void *bytes, size_t len);
void blob_zero(struct blob *b, size_t len);
void blob_u8(struct blob *b, uint8_t v);
void blob_le16(struct blob *b, uint16_t v);
void blob_le32(struct blob *b, uint32_t v);
void blob_le64(struct blob *b, uint64_t v);
void blob_be32(struct blob *b, uint32_t v);
void blob_be64(struct blob *b, uint64_t v);
/** Append the string with its terminating zero. */
void blob_string(struct blob *b, const char *s);
/** Append zeroes up to a multiple of `align`. */
void blob_align(struct blob *b, size_t align);

#define FAKE_BOOT_REGIONS 16

/** Physical memory: addresses outside the regions cannot be read. */
struct fake_boot_mem {
    struct boot_mem mem; /* pass this to the parser */
    struct {
        uint64_t base;
        const uint8_t *bytes;
        size_t len;
    } region[FAKE_BOOT_REGIONS];
    size_t region_count;
    void *
        *copies; /* each mapping is a heap block of its own, so that ASan reports a read past it */
    size_t copy_count;
};

void fake_boot_mem_init(struct fake_boot_mem *f);
/** The caller keeps the bytes and may change them between parses. */
void fake_boot_mem_add(struct fake_boot_mem *f, uint64_t base, const void *bytes, size_t len);
/** Free all mappings; regions stay. */
void fake_boot_mem_release(struct fake_boot_mem *f);
