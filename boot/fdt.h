// SPDX-License-Identifier: MIT
//
// Reads flattened device trees (Devicetree Specification 0.4, chapter 5), and properties whose
// meaning the specification defines. boot/devicetree.c knows the meaning of nodes.
//
// fdt_open() walks the whole structure once. With a tree that passes,
// no function here can read outside it. So the others have no errors
// for broken structure, only for data that is absent or invalid.
#pragma once

#include "hal/types.h"
#include "kernel/lib/status.h"

#define FDT_MAX_DEPTH   16 /* levels of nodes, including the root; real trees have up to 9 */
#define FDT_MAX_SIZE    (2u << 20) /* bytes; the limit of the arm64 boot protocol */
#define FDT_HEADER_SIZE 40

/** An opened tree. All pointers point into the caller's bytes. */
struct fdt {
    const uint8_t *nodes; /* the structure block */
    uint32_t nodes_size;
    const uint8_t *strings;
    uint32_t strings_size;
    const uint8_t *reservations; /* pairs of base and length, big-endian */
    uint32_t reservation_count;
};

/** A node and its ancestors, as offsets into the structure block. */
struct fdt_node {
    uint32_t depth;             /* the root has 0 */
    uint32_t at[FDT_MAX_DEPTH]; /* at[depth] is the node, at[0] the root */
};

/** The value of a property; `bytes` is NULL if the node has none of that name. */
struct fdt_value {
    const uint8_t *bytes;
    uint32_t len;
};

/** Whether fdt_next() visits the children of the node. */
enum fdt_step { FDT_INTO, FDT_OVER };

/**
 * @brief The size of a tree, according to its first FDT_HEADER_SIZE bytes.
 * @return 0: not a device tree, or smaller than its header. May exceed FDT_MAX_SIZE.
 * @context{early}
 */
uint32_t fdt_total_size(const void *header);

/**
 * @brief Check a whole tree.
 * @param bytes  The tree; must stay there while `out` is used.
 * @param size   Readable bytes, at least FDT_HEADER_SIZE.
 * @param why    On failure: the error, in words.
 * @return E_FORMAT: no tree starts there, or its version is not supported. E_CORRUPT: truncated or
 * inconsistent. E_RANGE: larger than FDT_MAX_SIZE, nested deeper than FDT_MAX_DEPTH, or too
 * expensive to read.
 * @context{early}
 */
enum status fdt_open(const void *bytes, size_t size, struct fdt *out, const char **why);

/** @brief The root node. @context{early} */
struct fdt_node fdt_root(const struct fdt *f);

/**
 * @brief Advance to the next node in the order of the text.
 * @param step  FDT_OVER skips everything below the current node.
 * @return false: there is none; `node` is unchanged.
 * @context{early}
 */
bool fdt_next(const struct fdt *f, struct fdt_node *node, enum fdt_step step);

/** @brief The offset of a node, which identifies it. @context{early} */
static inline uint32_t fdt_id(const struct fdt_node *node)
{
    return node->at[node->depth];
}

/** @brief The node's own name with its unit address; zero-terminated inside the tree.
 * @context{early} */
const char *fdt_name(const struct fdt *f, const struct fdt_node *node);

/**
 * @brief Find a node by its path.
 * @param path  "/soc/uart@1000"; a component may omit the unit address. Components end at '/'.
 * @param len   Bytes of the path; a zero may end it earlier.
 * @context{early}
 */
bool fdt_find_path(const struct fdt *f, const char *path, size_t len, struct fdt_node *out);

/** @brief Find the node with this phandle. @context{early} */
bool fdt_find_phandle(const struct fdt *f, uint32_t phandle, struct fdt_node *out);

/** @brief A property of the node, or of its ancestor at `depth` (fdt_prop_at()). @context{early} */
struct fdt_value fdt_prop(const struct fdt *f, const struct fdt_node *node, const char *name);
struct fdt_value fdt_prop_at(const struct fdt *f, const struct fdt_node *node, uint32_t depth,
                             const char *name);

/** @brief A property that consists of one cell; false if it is absent or does not have 4 bytes.
 * @context{early} */
bool fdt_prop_u32(const struct fdt *f, const struct fdt_node *node, const char *name,
                  uint32_t *out);

/** @brief Whether a list of zero-terminated strings contains `want`. @context{early} */
bool fdt_list_has(struct fdt_value list, const char *want);

/** @brief Whether the node's "compatible" contains `want`. @context{early} */
bool fdt_is_compatible(const struct fdt *f, const struct fdt_node *node, const char *want);

/** @brief Whether the node's "status" is absent or "okay". @context{early} */
bool fdt_is_available(const struct fdt *f, const struct fdt_node *node);

/**
 * @brief "#address-cells" and "#size-cells" that the ancestor at `depth` sets for its children.
 * @return false: more than 3 address or 2 size cells, which are not supported.
 * @context{early}
 */
bool fdt_cells(const struct fdt *f, const struct fdt_node *node, uint32_t depth,
               uint32_t *address_cells, uint32_t *size_cells);

/** @brief The number in 0 to 2 cells. @context{early} */
uint64_t fdt_number(const uint8_t *bytes, uint32_t cells);

/** @brief The number of entries in "reg", whether or not they are valid; 0: none, or with cells
 * that are not supported. @context{early} */
uint32_t fdt_reg_count(const struct fdt *f, const struct fdt_node *node);

/**
 * @brief Whether "reg" is absent, or consists of whole entries with supported cells.
 * @context{early}
 */
bool fdt_is_reg_whole(const struct fdt *f, const struct fdt_node *node);

/**
 * @brief Entry `index` of "reg" in CPU physical addresses, translated through the "ranges" of every
 * bus above.
 * @return false: absent, not translatable, or wrapping.
 * @context{early}
 */
bool fdt_reg(const struct fdt *f, const struct fdt_node *node, uint32_t index, uint64_t *base,
             uint64_t *len);

/**
 * @brief Translate an address on the bus of the ancestor at `depth` into a CPU physical address.
 * @return false: a bus on the way has no "ranges" that contain it.
 * @context{early}
 */
bool fdt_translate(const struct fdt *f, const struct fdt_node *node, uint32_t depth,
                   uint64_t *address);
