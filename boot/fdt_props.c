// SPDX-License-Identifier: MIT
//
// Properties whose meaning the Devicetree Specification defines: cells, reg and ranges, compatible,
// status, phandle; and finding nodes by them. For trees that fdt_open() has accepted.
#include "boot/fdt.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"

enum { ADDRESS_CELLS_MAX = 3, SIZE_CELLS_MAX = 2 };

bool fdt_prop_u32(const struct fdt *f, const struct fdt_node *node, const char *name, uint32_t *out)
{
    struct fdt_value v = fdt_prop(f, node, name);
    if (v.bytes == NULL || v.len != 4) {
        return false;
    }
    *out = load_be32(v.bytes);
    return true;
}

bool fdt_list_has(struct fdt_value list, const char *want)
{
    uint32_t at = 0;
    while (at < list.len) {
        const char *w = want;
        while (at < list.len && *w != '\0' && list.bytes[at] == (uint8_t)*w) {
            at++;
            w++;
        }
        if (at < list.len && *w == '\0' && list.bytes[at] == 0) {
            return true;
        }
        while (at < list.len && list.bytes[at] != 0) {
            at++;
        }
        at++;
    }
    return false;
}

bool fdt_is_compatible(const struct fdt *f, const struct fdt_node *node, const char *want)
{
    return fdt_list_has(fdt_prop(f, node, "compatible"), want);
}

bool fdt_is_available(const struct fdt *f, const struct fdt_node *node)
{
    struct fdt_value v = fdt_prop(f, node, "status");
    return v.bytes == NULL || fdt_list_has(v, "okay") || fdt_list_has(v, "ok");
}

static bool cell_count(struct fdt_value v, uint32_t absent, uint32_t max, uint32_t *out)
{
    uint32_t n = v.bytes == NULL ? absent : v.len == 4 ? load_be32(v.bytes) : UINT32_MAX;
    *out = n;
    return n <= max;
}

bool fdt_cells(const struct fdt *f, const struct fdt_node *node, uint32_t depth,
               uint32_t *address_cells, uint32_t *size_cells)
{
    return cell_count(fdt_prop_at(f, node, depth, "#address-cells"), 2, ADDRESS_CELLS_MAX,
                      address_cells) &&
           cell_count(fdt_prop_at(f, node, depth, "#size-cells"), 1, SIZE_CELLS_MAX, size_cells);
}

uint64_t fdt_number(const uint8_t *bytes, uint32_t cells)
{
    if (cells == 0) {
        return 0;
    }
    return cells == 1 ? load_be32(bytes) : load_be64(bytes);
}

/* One step up: from the bus of the ancestor at `depth` to the bus that contains it. */
static bool translate_once(const struct fdt *f, const struct fdt_node *node, uint32_t depth,
                           uint64_t *address)
{
    struct fdt_value ranges = fdt_prop_at(f, node, depth, "ranges");
    if (ranges.bytes == NULL) {
        return false; /* the CPU cannot address devices on this bus */
    }
    if (ranges.len == 0) {
        return true; /* an empty "ranges": the same addresses */
    }
    uint32_t child_cells, size_cells, parent_cells, unused;
    if (!fdt_cells(f, node, depth, &child_cells, &size_cells) ||
        !fdt_cells(f, node, depth - 1, &parent_cells, &unused) || child_cells > 2 ||
        parent_cells > 2) {
        return false;
    }
    uint32_t entry = 4 * (child_cells + parent_cells + size_cells);
    if (entry == 0) {
        return false;
    }
    for (uint32_t at = 0; ranges.len - at >= entry; at += entry) {
        const uint8_t *e = ranges.bytes + at;
        uint64_t child = fdt_number(e, child_cells);
        uint64_t parent = fdt_number(e + 4 * child_cells, parent_cells);
        uint64_t len = fdt_number(e + 4 * (child_cells + parent_cells), size_cells);
        if (*address >= child && *address - child < len) {
            return !ADD_OVERFLOWS(parent, *address - child, address);
        }
    }
    return false;
}

bool fdt_translate(const struct fdt *f, const struct fdt_node *node, uint32_t depth,
                   uint64_t *address)
{
    uint64_t a = *address;
    for (; depth > 0; depth--) {
        if (!translate_once(f, node, depth, &a)) {
            return false;
        }
    }
    *address = a;
    return true;
}

/* The cells and bytes of each entry of "reg". */
static bool reg_shape(const struct fdt *f, const struct fdt_node *node, uint32_t *address_cells,
                      uint32_t *size_cells, uint32_t *entry)
{
    if (node->depth == 0 || !fdt_cells(f, node, node->depth - 1, address_cells, size_cells) ||
        *address_cells == 0 || *address_cells > 2) {
        return false;
    }
    *entry = 4 * (*address_cells + *size_cells);
    return true;
}

uint32_t fdt_reg_count(const struct fdt *f, const struct fdt_node *node)
{
    uint32_t address_cells, size_cells, entry;
    return reg_shape(f, node, &address_cells, &size_cells, &entry)
               ? fdt_prop(f, node, "reg").len / entry
               : 0;
}

bool fdt_is_reg_whole(const struct fdt *f, const struct fdt_node *node)
{
    struct fdt_value reg = fdt_prop(f, node, "reg");
    uint32_t address_cells, size_cells, entry;
    return reg.bytes == NULL ||
           (reg_shape(f, node, &address_cells, &size_cells, &entry) && reg.len % entry == 0);
}

bool fdt_reg(const struct fdt *f, const struct fdt_node *node, uint32_t index, uint64_t *base,
             uint64_t *len)
{
    struct fdt_value reg = fdt_prop(f, node, "reg");
    uint32_t address_cells, size_cells, entry;
    if (!reg_shape(f, node, &address_cells, &size_cells, &entry) || index >= reg.len / entry) {
        return false;
    }
    const uint8_t *e = reg.bytes + index * entry;
    uint64_t b = fdt_number(e, address_cells);
    uint64_t n = fdt_number(e + 4 * address_cells, size_cells);
    uint64_t end;
    if (!fdt_translate(f, node, node->depth - 1, &b) || ADD_OVERFLOWS(b, n, &end)) {
        return false;
    }
    *base = b;
    *len = n;
    return true;
}

/* Whether a node's name is `want`, of `len` bytes, with or without a unit address. */
static bool is_named(const char *name, const char *want, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '\0' || name[i] != want[i]) {
            return false;
        }
    }
    return name[len] == '\0' || name[len] == '@';
}

static bool find_child(const struct fdt *f, struct fdt_node *node, const char *name, size_t len)
{
    uint32_t depth = node->depth;
    enum fdt_step step = FDT_INTO;
    struct fdt_node child = *node;
    while (fdt_next(f, &child, step) && child.depth == depth + 1) {
        if (is_named(fdt_name(f, &child), name, len)) {
            *node = child;
            return true;
        }
        step = FDT_OVER;
    }
    return false;
}

bool fdt_find_path(const struct fdt *f, const char *path, size_t len, struct fdt_node *out)
{
    struct fdt_node node = fdt_root(f);
    size_t at = 0;
    if (len == 0 || path[0] != '/') {
        return false;
    }
    for (;;) {
        while (at < len && path[at] == '/') {
            at++;
        }
        size_t start = at;
        while (at < len && path[at] != '/' && path[at] != '\0') {
            at++;
        }
        if (at == start) {
            *out = node;
            return true;
        }
        if (!find_child(f, &node, path + start, at - start)) {
            return false;
        }
    }
}

bool fdt_find_phandle(const struct fdt *f, uint32_t phandle, struct fdt_node *out)
{
    struct fdt_node node = fdt_root(f);
    do {
        uint32_t p;
        if (fdt_prop_u32(f, &node, "phandle", &p) && p == phandle) {
            *out = node;
            return true;
        }
    } while (fdt_next(f, &node, FDT_INTO));
    return false;
}
