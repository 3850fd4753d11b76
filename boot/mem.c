// SPDX-License-Identifier: MIT
//
// Checks around the machine's reader of physical memory.
// The machine decides which addresses are mapped.
#include "boot/mem.h"

#include "kernel/lib/compiler.h"

const uint8_t *boot_mem_map(const struct boot_mem *m, uint64_t phys, uint64_t len)
{
    uint64_t end;
    if (len == 0 || len > SIZE_MAX || ADD_OVERFLOWS(phys, len - 1, &end)) {
        return NULL;
    }
    return m->map(m->ctx, phys, (size_t)len);
}

/* Its length is not known in advance, so it is mapped byte by byte. */
enum status boot_mem_string_length(const struct boot_mem *m, uint64_t phys, size_t limit,
                                   size_t *out)
{
    for (size_t n = 0; n < limit; n++) {
        uint64_t at;
        const uint8_t *c = ADD_OVERFLOWS(phys, n, &at) ? NULL : boot_mem_map(m, at, 1);
        if (c == NULL) {
            return E_CORRUPT;
        }
        if (*c == 0) {
            *out = n;
            return OK;
        }
    }
    *out = limit;
    return OK;
}

enum status boot_mem_copy_string(const struct boot_mem *m, uint64_t phys, char *out, size_t size,
                                 bool *is_cut)
{
    size_t len;
    enum status s = boot_mem_string_length(m, phys, size, &len);
    if (s != OK) {
        return s;
    }
    if (len == 0) {
        out[0] = '\0';
        *is_cut = false;
        return OK;
    }
    const uint8_t *bytes = boot_mem_map(m, phys, len);
    if (bytes == NULL) {
        return E_CORRUPT;
    }
    *is_cut = boot_copy_string(bytes, len, out, size);
    return OK;
}

bool boot_copy_string(const uint8_t *bytes, size_t len, char *out, size_t size)
{
    size_t n = 0;
    while (n < len && n < size - 1 && bytes[n] != 0) {
        out[n] = (char)bytes[n];
        n++;
    }
    out[n] = '\0';
    return n < len && bytes[n] != 0;
}
