// SPDX-License-Identifier: MIT
//
// See the header. Each mapping is a new copy of exactly the requested bytes.
#include "fake/fake_boot_mem.h"

#include "kernel/lib/endian.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *grow(struct blob *b, size_t len)
{
    if (len > BLOB_MAX - b->len) {
        fprintf(stderr, "blob: larger than BLOB_MAX\n");
        abort();
    }
    uint8_t *p = b->bytes + b->len;
    b->len += len;
    return p;
}

void blob_put(struct blob *b, const void *bytes, size_t len)
{
    memcpy(grow(b, len), bytes, len);
}

void blob_zero(struct blob *b, size_t len)
{
    memset(grow(b, len), 0, len);
}

void blob_u8(struct blob *b, uint8_t v)
{
    *grow(b, 1) = v;
}

void blob_le16(struct blob *b, uint16_t v)
{
    store_le16(grow(b, 2), v);
}

void blob_le32(struct blob *b, uint32_t v)
{
    store_le32(grow(b, 4), v);
}

void blob_le64(struct blob *b, uint64_t v)
{
    store_le64(grow(b, 8), v);
}

void blob_be32(struct blob *b, uint32_t v)
{
    store_be32(grow(b, 4), v);
}

void blob_be64(struct blob *b, uint64_t v)
{
    store_be64(grow(b, 8), v);
}

void blob_string(struct blob *b, const char *s)
{
    blob_put(b, s, strlen(s) + 1);
}

void blob_align(struct blob *b, size_t align)
{
    blob_zero(b, (align - b->len % align) % align);
}

static const void *map(void *ctx, uint64_t phys, size_t len)
{
    struct fake_boot_mem *f = ctx;
    for (size_t i = 0; i < f->region_count; i++) {
        uint64_t offset = phys - f->region[i].base;
        if (phys < f->region[i].base || offset > f->region[i].len ||
            len > f->region[i].len - offset) {
            continue;
        }
        void *copy = malloc(len);
        f->copies = realloc(f->copies, (f->copy_count + 1) * sizeof(*f->copies));
        if (copy == NULL || f->copies == NULL) {
            abort();
        }
        f->copies[f->copy_count++] = copy;
        memcpy(copy, f->region[i].bytes + offset, len);
        return copy;
    }
    return NULL;
}

void fake_boot_mem_init(struct fake_boot_mem *f)
{
    *f = (struct fake_boot_mem){.mem = {.map = map, .ctx = f}};
}

void fake_boot_mem_add(struct fake_boot_mem *f, uint64_t base, const void *bytes, size_t len)
{
    if (f->region_count == FAKE_BOOT_REGIONS) {
        abort();
    }
    f->region[f->region_count].base = base;
    f->region[f->region_count].bytes = bytes;
    f->region[f->region_count].len = len;
    f->region_count++;
}

void fake_boot_mem_release(struct fake_boot_mem *f)
{
    for (size_t i = 0; i < f->copy_count; i++) {
        free(f->copies[i]);
    }
    free(f->copies);
    f->copies = NULL;
    f->copy_count = 0;
}
