// SPDX-License-Identifier: MIT
//
// boot/fdt.c and boot/fdt_props.c: the format, and the standard properties.
#include "boot/fdt.h"

#include "fake/fake_fdt.h"
#include "kernel/lib/endian.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fake_fdt writer;
static struct blob tree;
static struct fdt fdt;
static uint8_t *exact; /* a copy of exactly this size, so that ASan reports a read past it */

static enum status open_tree(void)
{
    free(exact);
    exact = malloc(tree.len + 1);
    assert_non_null(exact);
    uint8_t *bytes = exact + 1; /* deliberately odd */
    memcpy(bytes, tree.bytes, tree.len);
    const char *why = NULL;
    enum status s = fdt_open(bytes, tree.len, &fdt, &why);
    assert_true(s == OK || why != NULL);
    return s;
}

static int teardown(void **state)
{
    (void)state;
    free(exact);
    exact = NULL;
    return 0;
}

/* / { soc { uart@1000 {}; bus@2000 { dev@10 {}; }; }; leaf {}; } */
static void put_golden(void)
{
    struct fake_fdt *w = &writer;
    fake_fdt_begin(w);
    fake_fdt_reserve(w, 0x4000, 0x100);
    fake_fdt_open_node(w, "");
    FDT_CELLS(w, "#address-cells", 2);
    FDT_CELLS(w, "#size-cells", 1);
    fake_fdt_open_node(w, "soc");
    FDT_CELLS(w, "#address-cells", 1);
    FDT_CELLS(w, "#size-cells", 1);
    FDT_CELLS(w, "ranges", 0x1000, 0x40, 0x0, 0x1000, 0x2000, 0x0, 0x9000000, 0x1000);
    fake_fdt_open_node(w, "uart@1000");
    FDT_LIST(w, "compatible", "arm,pl011\0arm,primecell");
    FDT_CELLS(w, "reg", 0x1000, 0x200, 0x1800, 0x10);
    FDT_CELLS(w, "phandle", 7);
    fake_fdt_close_node(w);
    fake_fdt_open_node(w, "bus@2000");
    FDT_CELLS(w, "#address-cells", 1);
    FDT_CELLS(w, "#size-cells", 0);
    fake_fdt_prop(w, "ranges", "", 0);
    fake_fdt_string(w, "status", "disabled");
    fake_fdt_open_node(w, "dev@10");
    FDT_CELLS(w, "reg", 0x2010);
    fake_fdt_string(w, "status", "okay");
    fake_fdt_close_node(w);
    fake_fdt_close_node(w);
    fake_fdt_close_node(w);
    fake_fdt_open_node(w, "leaf");
    FDT_CELLS(w, "reg", 0, 0x5000, 0x10);
    fake_fdt_close_node(w);
    fake_fdt_close_node(w);
    fake_fdt_finish(w, &tree);
}

static struct fdt_node find(const char *path)
{
    struct fdt_node node;
    assert_true(fdt_find_path(&fdt, path, strlen(path) + 1, &node));
    return node;
}

static void test_nodes_come_in_order(void **state)
{
    (void)state;
    put_golden();
    assert_int_equal(open_tree(), OK);
    assert_int_equal(fdt.reservation_count, 1);
    assert_int_equal(load_be64(fdt.reservations), 0x4000);

    static const char *const names[] = {"soc", "uart@1000", "bus@2000", "dev@10", "leaf"};
    static const uint32_t depths[] = {1, 2, 2, 3, 1};
    struct fdt_node node = fdt_root(&fdt);
    assert_string_equal(fdt_name(&fdt, &node), "");
    for (size_t i = 0; i < 5; i++) {
        assert_true(fdt_next(&fdt, &node, FDT_INTO));
        assert_string_equal(fdt_name(&fdt, &node), names[i]);
        assert_int_equal(node.depth, depths[i]);
    }
    struct fdt_node last = node;
    assert_false(fdt_next(&fdt, &node, FDT_INTO));
    assert_memory_equal(&last, &node, sizeof(node));

    node = find("/soc/bus@2000");
    assert_true(fdt_next(&fdt, &node, FDT_OVER)); /* past dev@10 */
    assert_string_equal(fdt_name(&fdt, &node), "leaf");
    node = fdt_root(&fdt);
    assert_false(fdt_next(&fdt, &node, FDT_OVER));
}

static void test_paths(void **state)
{
    (void)state;
    put_golden();
    assert_int_equal(open_tree(), OK);
    struct fdt_node node = find("/soc/uart"); /* the unit address is optional */
    assert_string_equal(fdt_name(&fdt, &node), "uart@1000");
    node = find("//soc//bus@2000/dev@10/");
    assert_string_equal(fdt_name(&fdt, &node), "dev@10");
    assert_int_equal(find("/").depth, 0);
    static const char *const absent[] = {"",          "soc",       "/so", "/socx", "/soc/uart@10",
                                         "/leaf/soc", "/uart@1000"};
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
        assert_false(fdt_find_path(&fdt, absent[i], strlen(absent[i]) + 1, &node));
    }
    /* the given length also ends the path */
    assert_true(fdt_find_path(&fdt, "/soc:115200", 4, &node));
    assert_true(fdt_find_phandle(&fdt, 7, &node));
    assert_string_equal(fdt_name(&fdt, &node), "uart@1000");
    assert_false(fdt_find_phandle(&fdt, 8, &node));
}

static void test_properties(void **state)
{
    (void)state;
    put_golden();
    assert_int_equal(open_tree(), OK);
    struct fdt_node uart = find("/soc/uart@1000");
    assert_true(fdt_is_compatible(&fdt, &uart, "arm,pl011"));
    assert_true(fdt_is_compatible(&fdt, &uart, "arm,primecell"));
    assert_false(fdt_is_compatible(&fdt, &uart, "arm,pl01"));
    assert_false(fdt_is_compatible(&fdt, &uart, "pl011"));
    assert_false(fdt_is_compatible(&fdt, &uart, "arm,primecellx"));
    assert_null(fdt_prop(&fdt, &uart, "re").bytes);
    assert_int_equal(fdt_prop(&fdt, &uart, "reg").len, 16);
    uint32_t v = 99;
    assert_false(fdt_prop_u32(&fdt, &uart, "reg", &v));
    assert_int_equal(v, 99);
    assert_true(fdt_is_available(&fdt, &uart));
    struct fdt_node bus = find("/soc/bus@2000");
    assert_false(fdt_is_available(&fdt, &bus));
    struct fdt_node dev = find("/soc/bus@2000/dev@10");
    assert_true(fdt_is_available(&fdt, &dev));

    /* The last string of a list does not match if it is not terminated. */
    static const uint8_t open_list[] = {'a', 0, 'b'};
    struct fdt_value list = {.bytes = open_list, .len = sizeof(open_list)};
    assert_true(fdt_list_has(list, "a"));
    assert_false(fdt_list_has(list, "b"));
}

static void test_reg_is_translated_through_every_bus(void **state)
{
    (void)state;
    put_golden();
    assert_int_equal(open_tree(), OK);
    uint64_t base = 1;
    uint64_t len = 2;
    struct fdt_node node = find("/soc/uart@1000");
    assert_true(fdt_reg(&fdt, &node, 0, &base, &len));
    assert_int_equal(base, 0x4000000000);
    assert_int_equal(len, 0x200);
    assert_true(fdt_reg(&fdt, &node, 1, &base, &len));
    assert_int_equal(base, 0x4000000800);
    assert_false(fdt_reg(&fdt, &node, 2, &base, &len));
    assert_int_equal(base, 0x4000000800); /* untouched */
    node = find("/soc/bus@2000/dev@10");  /* an empty ranges, then soc's second window */
    assert_true(fdt_reg(&fdt, &node, 0, &base, &len));
    assert_int_equal(base, 0x9000010);
    assert_int_equal(len, 0);
    node = find("/leaf");
    assert_true(fdt_reg(&fdt, &node, 0, &base, &len));
    assert_int_equal(base, 0x5000);
    assert_int_equal(len, 0x10);
    node = find("/soc");
    assert_false(fdt_reg(&fdt, &node, 0, &base, &len));
    uint64_t outside = 0x3000;
    node = find("/soc/uart@1000");
    assert_false(fdt_translate(&fdt, &node, 1, &outside));
    assert_int_equal(outside, 0x3000);
}

/* A root with one bus and one device on it, with these properties. */
static void put_bus(uint32_t address_cells, uint32_t size_cells, const uint32_t *ranges,
                    size_t range_cells, const uint32_t *reg, size_t reg_cells)
{
    struct fake_fdt *w = &writer;
    fake_fdt_begin(w);
    fake_fdt_open_node(w, "");
    fake_fdt_open_node(w, "bus");
    FDT_CELLS(w, "#address-cells", address_cells);
    FDT_CELLS(w, "#size-cells", size_cells);
    if (ranges != NULL) {
        fake_fdt_cells(w, "ranges", ranges, range_cells);
    }
    fake_fdt_open_node(w, "dev");
    fake_fdt_cells(w, "reg", reg, reg_cells);
    fake_fdt_close_node(w);
    fake_fdt_close_node(w);
    fake_fdt_close_node(w);
    fake_fdt_finish(w, &tree);
    assert_int_equal(open_tree(), OK);
}

static void expect_no_reg(void)
{
    uint64_t base, len;
    struct fdt_node node = find("/bus/dev");
    assert_false(fdt_reg(&fdt, &node, 0, &base, &len));
}

static void test_an_impossible_reg_counts_as_absent(void **state)
{
    (void)state;
    static const uint32_t reg[] = {0x10, 0x20, 0x30, 0x40};
    static const uint32_t huge[] = {0xffffffff, 0xfffffff0, 0x0, 0x20};
    static const uint32_t same[] = {0, 0, 0, 0, 0, 0}; /* length 0 covers nothing */
    put_bus(1, 1, NULL, 0, reg, 2);                    /* a bus without ranges is not translated */
    expect_no_reg();
    put_bus(1, 1, same, 0, reg, 1); /* half an entry */
    expect_no_reg();
    put_bus(0, 1, same, 0, reg, 2);
    expect_no_reg();
    put_bus(3, 1, same, 0, reg, 4); /* PCI addresses are not plain numbers */
    expect_no_reg();
    put_bus(4, 1, same, 0, reg, 4);
    expect_no_reg();
    put_bus(0xffffffff, 0xffffffff, same, 0, reg, 4);
    expect_no_reg();
    put_bus(1, 3, same, 0, reg, 4);
    expect_no_reg();
    put_bus(2, 2, same, 0, huge, 4); /* wraps */
    expect_no_reg();
    put_bus(1, 1, same, 4, reg, 2); /* the default cells of the root are 2 and 1 */
    expect_no_reg();
    static const uint32_t far[] = {0, 0xffffffff, 0xfffffff8, 0x1000};
    put_bus(1, 1, far, 4, reg, 2); /* the translation wraps */
    expect_no_reg();
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    put_golden();
    size_t whole = tree.len;
    uint32_t nodes_size = load_be32(tree.bytes + 36);
    uint32_t strings_size = load_be32(tree.bytes + 32);
    for (size_t n = FDT_HEADER_SIZE; n < whole; n++) {
        put_golden();
        tree.len = n;
        assert_int_equal(open_tree(), E_CORRUPT);
        put_golden();
        store_be32(tree.bytes + 4, (uint32_t)n);
        assert_int_equal(open_tree(), E_CORRUPT);
    }
    for (uint32_t n = 0; n < nodes_size; n++) {
        put_golden();
        store_be32(tree.bytes + 36, n);
        assert_int_equal(open_tree(), E_CORRUPT);
    }
    for (uint32_t n = 0; n < strings_size; n++) {
        put_golden();
        store_be32(tree.bytes + 32, n);
        enum status s = open_tree();
        assert_true(s == E_CORRUPT);
    }
}

static void test_wrong_headers_are_refused(void **state)
{
    (void)state;
    static const uint32_t lies[] = {0, 1, 39, 0x10000, 0x7fffffff, 0xfffffffc, 0xffffffff};
    static const size_t fields[] = {4, 8, 12, 16, 32, 36};
    for (size_t f = 0; f < 6; f++) {
        for (size_t i = 0; i < 7; i++) {
            put_golden();
            store_be32(tree.bytes + fields[f], lies[i]);
            assert_int_not_equal(open_tree(), OK);
        }
    }
    put_golden();
    store_be32(tree.bytes, 0xedfe0dd0);
    assert_int_equal(open_tree(), E_FORMAT);
    put_golden();
    store_be32(tree.bytes + 20, 16);
    assert_int_equal(open_tree(), E_FORMAT);
    put_golden();
    store_be32(tree.bytes + 24, 18);
    assert_int_equal(open_tree(), E_FORMAT);
}

static void put_tokens(const uint32_t *tokens, size_t count)
{
    fake_fdt_begin(&writer);
    for (size_t i = 0; i < count; i++) {
        blob_be32(&writer.nodes, tokens[i]);
    }
    blob_string(&writer.strings, "p");
    fake_fdt_finish(&writer, &tree);
}

#define TOKENS(...)                                                                                \
    put_tokens((const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

static void test_structures_other_than_trees_are_refused(void **state)
{
    (void)state;
    TOKENS(1, 0, 4, 2); /* valid: a root, and a NOP */
    assert_int_equal(open_tree(), OK);
    TOKENS(4, 1, 0, 3, 0, 0, 1, 0, 2,
           2); /* valid: NOP before the root, an empty property, a child */
    assert_int_equal(open_tree(), OK);
    fake_fdt_begin(&writer);
    fake_fdt_finish(&writer, &tree); /* no root */
    assert_int_equal(open_tree(), E_CORRUPT);
    TOKENS(1, 0); /* not closed */
    assert_int_equal(open_tree(), E_CORRUPT);
    TOKENS(1, 0, 2, 2);
    assert_int_equal(open_tree(), E_CORRUPT);
    TOKENS(1, 0, 2, 1, 0, 2); /* two roots */
    assert_int_equal(open_tree(), E_CORRUPT);
    TOKENS(3, 0, 0, 1, 0, 2); /* a property outside any node */
    assert_int_equal(open_tree(), E_CORRUPT);
    TOKENS(1, 0, 1, 0, 2, 3, 0, 0, 2); /* a property after a child */
    assert_int_equal(open_tree(), E_CORRUPT);
    TOKENS(1, 0, 3, 0, 2, 2); /* a name outside the strings */
    assert_int_equal(open_tree(), E_CORRUPT);
    TOKENS(1, 0, 3, 0xffffffff, 0, 2);
    assert_int_equal(open_tree(), E_CORRUPT);
    TOKENS(1, 0, 5, 2);
    assert_int_equal(open_tree(), E_CORRUPT);
    TOKENS(1, 0x61616161, 0x61616161); /* a name that is not terminated */
    store_be32(tree.bytes + 36, 12);
    assert_int_equal(open_tree(), E_CORRUPT);
}

/* One large value in the root, and nodes whose parsers would search it each time. */
static void test_effort_is_limited(void **state)
{
    (void)state;
    enum { VALUE = 40000, EACH = VALUE / 16 + 1, NODES = (4 << 20) / EACH + 2, HEADER = 40 };
    enum { RESERVATIONS = 16, NODE_SIZE = 12, STRINGS = 4 };
    static uint8_t t[HEADER + RESERVATIONS + 20 + VALUE + NODES * NODE_SIZE + 8 + STRINGS];
    for (uint32_t nodes = NODES - 2; nodes <= NODES; nodes += 2) {
        uint32_t size = 20 + VALUE + nodes * NODE_SIZE + 8;
        const uint32_t header[] = {0xd00dfeed,
                                   HEADER + RESERVATIONS + size + STRINGS,
                                   HEADER + RESERVATIONS,
                                   HEADER + RESERVATIONS + size,
                                   HEADER,
                                   17,
                                   16,
                                   0,
                                   STRINGS,
                                   size};
        memset(t, 0, sizeof(t));
        for (size_t i = 0; i < 10; i++) {
            store_be32(t + 4 * i, header[i]);
        }
        uint8_t *p = t + HEADER + RESERVATIONS;
        store_be32(p, 1); /* the root, without a name; its property */
        store_be32(p + 8, 3);
        store_be32(p + 12, VALUE);
        p += 20 + VALUE;
        for (uint32_t i = 0; i < nodes; i++, p += NODE_SIZE) {
            store_be32(p, 1);
            store_be32(p + 8, 2);
        }
        store_be32(p, 2);
        store_be32(p + 4, 9);
        struct fdt f;
        const char *why = "";
        enum status s = fdt_open(t, header[1], &f, &why);
        assert_int_equal(s, nodes == NODES ? E_RANGE : OK);
        if (s != OK) {
            assert_string_equal(why, "too many nodes below too large ones");
        }
    }
}

static void test_depth_is_limited(void **state)
{
    (void)state;
    for (uint32_t depth = FDT_MAX_DEPTH; depth <= FDT_MAX_DEPTH + 1; depth++) {
        fake_fdt_begin(&writer);
        for (uint32_t i = 0; i < depth; i++) {
            fake_fdt_open_node(&writer, "n");
        }
        for (uint32_t i = 0; i < depth; i++) {
            fake_fdt_close_node(&writer);
        }
        blob_string(&writer.strings, "p");
        fake_fdt_finish(&writer, &tree);
        assert_int_equal(open_tree(), depth <= FDT_MAX_DEPTH ? OK : E_RANGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_nodes_come_in_order, teardown),
        cmocka_unit_test_teardown(test_paths, teardown),
        cmocka_unit_test_teardown(test_properties, teardown),
        cmocka_unit_test_teardown(test_reg_is_translated_through_every_bus, teardown),
        cmocka_unit_test_teardown(test_an_impossible_reg_counts_as_absent, teardown),
        cmocka_unit_test_teardown(test_every_truncation_is_refused, teardown),
        cmocka_unit_test_teardown(test_wrong_headers_are_refused, teardown),
        cmocka_unit_test_teardown(test_structures_other_than_trees_are_refused, teardown),
        cmocka_unit_test(test_effort_is_limited),
        cmocka_unit_test_teardown(test_depth_is_limited, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
