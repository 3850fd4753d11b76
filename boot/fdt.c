// SPDX-License-Identifier: MIT
//
// The structure of the tree: header, tokens, nodes,
// properties. Typed properties are in fdt_props.c.
#include "boot/fdt.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"

enum token {
    BEGIN_NODE = 1, /* name, zero, padding */
    END_NODE = 2,
    PROP = 3, /* u32 length, u32 offset of the name, value, padding */
    NOP = 4,
    END = 9,
};

enum {
    MAGIC = 0xd00dfeed,
    VERSION = 17, /* of 2005; the first with the size of the structure block */
    RESERVATION_SIZE = 16,
};

uint32_t fdt_total_size(const void *header)
{
    const uint8_t *h = header;
    uint32_t size = load_be32(h + 4);
    return load_be32(h) == MAGIC && size >= FDT_HEADER_SIZE ? size : 0;
}

/* Both blocks must be after the header and inside the tree. */
static bool is_inside(uint32_t offset, uint32_t len, uint32_t total)
{
    return offset >= FDT_HEADER_SIZE && offset <= total && len <= total - offset;
}

static enum status check_header(const uint8_t *h, size_t size, struct fdt *out, const char **why)
{
    uint32_t total = fdt_total_size(h);
    if (total == 0) {
        *why = "not a device tree";
        return E_FORMAT;
    }
    if (total > FDT_MAX_SIZE) {
        *why = "larger than 2 MiB";
        return E_RANGE;
    }
    if (load_be32(h + 20) < VERSION || load_be32(h + 24) > VERSION) {
        *why = "a version that cannot be read";
        return E_FORMAT;
    }
    if (total > size) {
        *why = "longer than readable memory";
        return E_CORRUPT;
    }
    uint32_t nodes = load_be32(h + 8);
    uint32_t strings = load_be32(h + 12);
    uint32_t nodes_size = load_be32(h + 36);
    uint32_t strings_size = load_be32(h + 32);
    if (!is_inside(nodes, nodes_size, total) || !is_inside(strings, strings_size, total)) {
        *why = "a block runs past the end";
        return E_CORRUPT;
    }
    if (nodes % 4 != 0 || nodes_size % 4 != 0) {
        *why = "misaligned structure block";
        return E_CORRUPT;
    }
    /* With a zero at its end, every offset into the block is a terminated string. */
    if (strings_size != 0 && h[strings + strings_size - 1] != 0) {
        *why = "unterminated strings block";
        return E_CORRUPT;
    }
    *out = (struct fdt){.nodes = h + nodes,
                        .nodes_size = nodes_size,
                        .strings = h + strings,
                        .strings_size = strings_size};
    return OK;
}

/* The list has no size field: a pair of zeros ends it. */
static enum status check_reservations(const uint8_t *h, struct fdt *out, const char **why)
{
    uint32_t total = load_be32(h + 4);
    uint32_t offset = load_be32(h + 16);
    uint32_t count = 0;
    if (offset < FDT_HEADER_SIZE || offset > total) {
        *why = "a reservation list outside";
        return E_CORRUPT;
    }
    for (;; count++) {
        uint32_t at = offset + count * RESERVATION_SIZE;
        if (total - at < RESERVATION_SIZE) {
            *why = "an unterminated reservation list";
            return E_CORRUPT;
        }
        if (load_be64(h + at) == 0 && load_be64(h + at + 8) == 0) {
            break;
        }
    }
    out->reservations = h + offset;
    out->reservation_count = count;
    return OK;
}

/* A cell of the structure block. It is aligned if the tree is, which loaders ensure. A boot walks
 * the tree about ten times, and where unaligned words cannot be loaded, loading bytes takes most of
 * that time. */
static uint32_t load_cell(const uint8_t *p)
{
    typedef uint32_t MAY_ALIAS aliasing_word;
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && IS_ALIGNED((uintptr_t)p, 4)) {
        return __builtin_bswap32(*(const aliasing_word *)(const void *)p);
    }
    return load_be32(p);
}

/* A decoded token, and where the next starts. */
struct item {
    enum token token;
    uint32_t next;
    struct fdt_value value; /* PROP */
    uint32_t name;          /* PROP: offset of its name in the strings block */
};

static bool has_zero_byte(uint32_t cell)
{
    return ((cell - 0x01010101u) & ~cell & 0x80808080u) != 0;
}

/* Skip the name of a node; false: it has no end. `at` is inside or at the end of the block. Both
 * are multiples of 4, and so is the end of the padded name. */
static bool skip_name(const struct fdt *f, uint32_t at, uint32_t *next)
{
    for (; at < f->nodes_size; at += 4) {
        if (has_zero_byte(load_cell(f->nodes + at))) {
            *next = at + 4;
            return true;
        }
    }
    return false;
}

static bool read_property(const struct fdt *f, uint32_t at, struct item *out)
{
    if (f->nodes_size - at < 8) {
        return false;
    }
    uint32_t len = load_cell(f->nodes + at);
    uint32_t name = load_cell(f->nodes + at + 4);
    at += 8;
    if (len > f->nodes_size - at || name >= f->strings_size) {
        return false;
    }
    out->value = (struct fdt_value){.bytes = f->nodes + at, .len = len};
    out->name = name;
    out->next = ALIGN_UP(at + len, 4u);
    return true;
}

/* `at` is a multiple of 4, at most the size. False: truncated, or no token. */
static bool read_item(const struct fdt *f, uint32_t at, struct item *out)
{
    if (f->nodes_size - at < 4) {
        return false;
    }
    out->token = (enum token)load_cell(f->nodes + at);
    out->next = at + 4;
    switch (out->token) {
    case BEGIN_NODE:
        return skip_name(f, at + 4, &out->next);
    case PROP:
        return read_property(f, at + 4, out);
    case END_NODE:
    case NOP:
    case END:
        return true;
    }
    return false;
}

/* Limits the cost of searches through open nodes. A reader examines the ancestors of each node, so
 * even a small tree could cause hours of work. */
struct effort {
    uint32_t of_open[FDT_MAX_DEPTH];
    uint64_t open, total;
};

#define EFFORT_PER_BYTES 16         /* an entry in a value counts for this many bytes */
#define EFFORT_MAX       (4u << 20) /* twenty times the cost of the largest boards */

/* There must be exactly one root; properties of a node
 * come before its children; every node must end. */
static enum status check_nodes(const struct fdt *f, const char **why)
{
    uint32_t at = 0;
    uint32_t depth = 0; /* number of open nodes */
    struct effort effort = {.open = 0};
    bool is_root_seen = false;
    bool may_have_property = false;
    struct item item;
    *why = "malformed structure block";
    for (;; at = item.next) {
        if (!read_item(f, at, &item)) {
            return E_CORRUPT;
        }
        switch (item.token) {
        case BEGIN_NODE:
            if (depth == 0 && is_root_seen) {
                return E_CORRUPT;
            }
            if (depth == FDT_MAX_DEPTH) {
                *why = "nested too deeply";
                return E_RANGE;
            }
            is_root_seen = true;
            may_have_property = true;
            effort.of_open[depth++] = 0;
            effort.total += effort.open;
            if (effort.total > EFFORT_MAX) {
                *why = "too many nodes below too large ones";
                return E_RANGE;
            }
            break;
        case END_NODE:
            if (depth == 0) {
                return E_CORRUPT;
            }
            may_have_property = false;
            effort.open -= effort.of_open[--depth];
            break;
        case PROP:
            if (!may_have_property) {
                return E_CORRUPT;
            }
            effort.of_open[depth - 1] += 1 + item.value.len / EFFORT_PER_BYTES;
            effort.open += 1 + item.value.len / EFFORT_PER_BYTES;
            break;
        case NOP:
            break;
        case END:
            return depth == 0 && is_root_seen ? OK : E_CORRUPT;
        }
    }
}

enum status fdt_open(const void *bytes, size_t size, struct fdt *out, const char **why)
{
    struct fdt f;
    enum status s = check_header(bytes, size, &f, why);
    if (s == OK) {
        s = check_reservations(bytes, &f, why);
    }
    if (s == OK) {
        s = check_nodes(&f, why);
    }
    if (s == OK) {
        *out = f;
    }
    return s;
}

struct fdt_node fdt_root(const struct fdt *f)
{
    struct fdt_node root = {.depth = 0};
    struct item item;
    while (read_item(f, root.at[0], &item) && item.token == NOP) {
        root.at[0] = item.next;
    }
    return root;
}

bool fdt_next(const struct fdt *f, struct fdt_node *node, enum fdt_step step)
{
    uint32_t deepest = step == FDT_INTO ? node->depth + 1 : node->depth;
    uint32_t depth = node->depth; /* of the innermost open node */
    struct item item;
    (void)read_item(f, fdt_id(node), &item);
    for (;;) {
        uint32_t at = item.next;
        if (!read_item(f, at, &item) || item.token == END) {
            return false;
        }
        if (item.token == END_NODE) {
            if (depth == 0) {
                return false; /* the end of the root */
            }
            depth--;
        } else if (item.token == BEGIN_NODE) {
            depth++;
            if (depth <= deepest) {
                node->depth = depth;
                node->at[depth] = at;
                return true;
            }
        }
    }
}

const char *fdt_name(const struct fdt *f, const struct fdt_node *node)
{
    return (const char *)f->nodes + fdt_id(node) + 4;
}

static bool is_equal(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

struct fdt_value fdt_prop_at(const struct fdt *f, const struct fdt_node *node, uint32_t depth,
                             const char *name)
{
    struct item item;
    (void)read_item(f, node->at[depth], &item);
    while (read_item(f, item.next, &item) && (item.token == PROP || item.token == NOP)) {
        if (item.token == PROP && is_equal((const char *)f->strings + item.name, name)) {
            return item.value;
        }
    }
    return (struct fdt_value){.bytes = NULL, .len = 0};
}

struct fdt_value fdt_prop(const struct fdt *f, const struct fdt_node *node, const char *name)
{
    return fdt_prop_at(f, node, node->depth, name);
}
