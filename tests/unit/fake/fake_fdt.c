// SPDX-License-Identifier: MIT
//
// See the header. Property names are not shared in the strings block, which is simpler and allowed.
#include "fake/fake_fdt.h"

#include "kernel/lib/endian.h"

#include <string.h>

enum { BEGIN_NODE = 1, END_NODE = 2, PROP = 3, END = 9, HEADER_SIZE = 40 };

void fake_fdt_begin(struct fake_fdt *f)
{
    f->nodes.len = f->strings.len = f->reservations.len = 0;
}

void fake_fdt_reserve(struct fake_fdt *f, uint64_t base, uint64_t len)
{
    blob_be64(&f->reservations, base);
    blob_be64(&f->reservations, len);
}

void fake_fdt_open_node(struct fake_fdt *f, const char *name)
{
    blob_be32(&f->nodes, BEGIN_NODE);
    blob_string(&f->nodes, name);
    blob_align(&f->nodes, 4);
}

void fake_fdt_close_node(struct fake_fdt *f)
{
    blob_be32(&f->nodes, END_NODE);
}

void fake_fdt_prop(struct fake_fdt *f, const char *name, const void *bytes, size_t len)
{
    blob_be32(&f->nodes, PROP);
    blob_be32(&f->nodes, (uint32_t)len);
    blob_be32(&f->nodes, (uint32_t)f->strings.len);
    blob_put(&f->nodes, bytes, len);
    blob_align(&f->nodes, 4);
    blob_string(&f->strings, name);
}

void fake_fdt_string(struct fake_fdt *f, const char *name, const char *value)
{
    fake_fdt_prop(f, name, value, strlen(value) + 1);
}

void fake_fdt_cells(struct fake_fdt *f, const char *name, const uint32_t *cells, size_t count)
{
    uint8_t bytes[1024];
    for (size_t i = 0; i < count; i++) {
        store_be32(bytes + 4 * i, cells[i]);
    }
    fake_fdt_prop(f, name, bytes, 4 * count);
}

void fake_fdt_finish(struct fake_fdt *f, struct blob *out)
{
    blob_be32(&f->nodes, END);
    blob_zero(&f->reservations, 16);
    uint32_t nodes = HEADER_SIZE + (uint32_t)f->reservations.len;
    uint32_t strings = nodes + (uint32_t)f->nodes.len;

    out->len = 0;
    blob_be32(out, 0xd00dfeed);
    blob_be32(out, strings + (uint32_t)f->strings.len);
    blob_be32(out, nodes);
    blob_be32(out, strings);
    blob_be32(out, HEADER_SIZE);
    blob_be32(out, 17);
    blob_be32(out, 16);
    blob_be32(out, 0);
    blob_be32(out, (uint32_t)f->strings.len);
    blob_be32(out, (uint32_t)f->nodes.len);
    blob_put(out, f->reservations.bytes, f->reservations.len);
    blob_put(out, f->nodes.bytes, f->nodes.len);
    blob_put(out, f->strings.bytes, f->strings.len);
}
