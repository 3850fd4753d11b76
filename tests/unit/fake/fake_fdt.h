// SPDX-License-Identifier: MIT
//
// A writer of flattened device trees for tests: the tree is well-formed until a test corrupts it.
#pragma once

#include "fake/fake_boot_mem.h"

struct fake_fdt {
    struct blob nodes, strings, reservations;
};

void fake_fdt_begin(struct fake_fdt *f);
void fake_fdt_reserve(struct fake_fdt *f, uint64_t base, uint64_t len);
void fake_fdt_open_node(struct fake_fdt *f, const char *name);
void fake_fdt_close_node(struct fake_fdt *f);
void fake_fdt_prop(struct fake_fdt *f, const char *name, const void *bytes, size_t len);
/** With its terminating zero; "a\0b" makes a list. */
void fake_fdt_string(struct fake_fdt *f, const char *name, const char *value);
void fake_fdt_cells(struct fake_fdt *f, const char *name, const uint32_t *cells, size_t count);
/** Header, reservations, nodes, strings. */
void fake_fdt_finish(struct fake_fdt *f, struct blob *out);

/** FDT_CELLS(f, "reg", 0, 0x1000): a property of the cells listed. */
#define FDT_CELLS(f, name, ...)                                                                    \
    fake_fdt_cells(f, name, (const uint32_t[]){__VA_ARGS__},                                       \
                   sizeof((const uint32_t[]){__VA_ARGS__}) / 4)
/** FDT_LIST(f, "compatible", "a\0b"): a property that is a list of strings. */
#define FDT_LIST(f, name, list) fake_fdt_prop(f, name, list, sizeof(list))
