// SPDX-License-Identifier: MIT
//
// boot/devicetree.c on boards that differ from QEMU's, and on inconsistent trees.
#include "tests/unit/devicetree_cases.h"

#include "kernel/lib/endian.h"

static struct fake_fdt writer;

enum { GIC = 9, CLOCK = 3 };

static void put_gic(struct fake_fdt *w)
{
    fake_fdt_open_node(w, "gic");
    fake_fdt_string(w, "compatible", "arm,gic-400");
    FDT_CELLS(w, "#interrupt-cells", 3);
    FDT_CELLS(w, "phandle", GIC);
    FDT_CELLS(w, "reg", 0x100000, 0x1000, 0x102000, 0x2000);
    fake_fdt_close_node(w);
}

static void put_memory(struct fake_fdt *w)
{
    fake_fdt_open_node(w, "memory@80000000");
    fake_fdt_string(w, "device_type", "memory");
    FDT_CELLS(w, "reg", 0x80000000, 0x100000, 0x90000000, 0x200000);
    fake_fdt_close_node(w);
}

/* A root of one address and one size cell, with memory and a GICv2. */
static void begin_board(struct fake_fdt *w)
{
    fake_fdt_begin(w);
    fake_fdt_reserve(w, 0x80008000, 0x10);
    fake_fdt_open_node(w, "");
    FDT_CELLS(w, "#address-cells", 1);
    FDT_CELLS(w, "#size-cells", 1);
    put_memory(w);
}

static enum status parse_board(struct fake_fdt *w)
{
    fake_fdt_close_node(w);
    fake_fdt_finish(w, &tree);
    enum status s = parse();
    assert_null(boot_check_invariants(&info));
    return s;
}

static void test_a_board_that_differs_from_qemus(void **state)
{
    (void)state;
    struct fake_fdt *w = &writer;
    begin_board(w);

    fake_fdt_open_node(w, "aliases");
    fake_fdt_string(w, "serial0", "/soc/serial@2000");
    fake_fdt_close_node(w);
    fake_fdt_open_node(w, "chosen");
    fake_fdt_string(w, "stdout-path", "serial0:115200n8");
    FDT_CELLS(w, "linux,initrd-start", 0, 0x90000000); /* 64-bit form */
    FDT_CELLS(w, "linux,initrd-end", 0, 0x90000123);
    fake_fdt_close_node(w);

    fake_fdt_open_node(w, "soc"); /* before the GIC, its interrupt parent */
    FDT_CELLS(w, "#address-cells", 1);
    FDT_CELLS(w, "#size-cells", 1);
    FDT_CELLS(w, "ranges", 0, 0x3f000000, 0x10000);
    FDT_CELLS(w, "interrupt-parent", GIC);
    fake_fdt_open_node(w, "serial@1000");
    fake_fdt_string(w, "compatible", "arm,pl011");
    FDT_CELLS(w, "reg", 0x1000, 0x1000);
    FDT_CELLS(w, "interrupts", 0, 1, 4);
    fake_fdt_close_node(w);
    fake_fdt_open_node(w, "serial@2000");
    fake_fdt_string(w, "compatible", "ns16550a");
    FDT_CELLS(w, "reg", 0x2000, 0x100);
    FDT_CELLS(w, "reg-shift", 2);
    FDT_CELLS(w, "interrupts-extended", GIC, 0, 77, 1);
    FDT_CELLS(w, "clocks", CLOCK);
    fake_fdt_close_node(w);
    fake_fdt_open_node(w, "rtc@3000");
    fake_fdt_string(w, "compatible", "arm,pl031");
    fake_fdt_string(w, "status", "disabled");
    FDT_CELLS(w, "reg", 0x3000, 0x1000);
    FDT_CELLS(w, "interrupts", 0, 2, 4);
    fake_fdt_close_node(w);
    fake_fdt_close_node(w);

    put_gic(w);
    fake_fdt_open_node(w, "clock");
    fake_fdt_string(w, "compatible", "fixed-clock");
    FDT_CELLS(w, "phandle", CLOCK);
    FDT_CELLS(w, "clock-frequency", 1843200);
    fake_fdt_close_node(w);

    fake_fdt_open_node(w, "cpus");
    FDT_CELLS(w, "#address-cells", 2);
    FDT_CELLS(w, "#size-cells", 0);
    static const char *const methods[] = {"psci", "spin-table", "psci"};
    static const char *const states[] = {"okay", "okay", "disabled"};
    for (uint32_t i = 0; i < 3; i++) {
        fake_fdt_open_node(w, "cpu");
        fake_fdt_string(w, "device_type", "cpu");
        FDT_CELLS(w, "reg", 1, i << 8);
        fake_fdt_string(w, "enable-method", methods[i]);
        fake_fdt_string(w, "status", states[i]);
        fake_fdt_close_node(w);
    }
    fake_fdt_close_node(w);

    fake_fdt_open_node(w, "reserved-memory");
    FDT_CELLS(w, "#address-cells", 1);
    FDT_CELLS(w, "#size-cells", 1);
    fake_fdt_prop(w, "ranges", "", 0);
    fake_fdt_open_node(w, "firmware");
    FDT_CELLS(w, "reg", 0x80040000, 0x1000);
    fake_fdt_prop(w, "no-map", "", 0);
    fake_fdt_close_node(w);
    fake_fdt_open_node(w, "log");
    FDT_CELLS(w, "reg", 0x80050000, 0x1000);
    fake_fdt_close_node(w);
    fake_fdt_close_node(w);

    assert_int_equal(parse_board(w), OK);
    assert_int_equal(info.note_count, 1);
    assert_string_equal(
        info.notes[0],
        "device tree: a CPU that is not started through PSCI stays off, reg 0x100000100");
    assert_int_equal(info.range_count, 4); /* RAM, hole, RAM, RAM */
    assert_int_equal(info.ranges[1].base, 0x80040000);
    assert_int_equal(info.ranges[1].kind, BOOT_RESERVED);
    assert_int_equal(info.reserved_count, 3); /* the list's, the log, the initrd */
    assert_int_equal(info.reserved[0].base, 0x80008000);
    assert_int_equal(info.reserved[1].base, 0x80050000);
    assert_int_equal(info.reserved[2].base, 0x90000000);
    assert_int_equal(info.modules[0].len, 0x123);

    assert_int_equal(info.uart.kind, BOOT_UART_16550);
    assert_int_equal(info.uart.base, 0x3f002000);
    assert_int_equal(info.uart.line, 32 + 77);
    assert_int_equal(info.uart.reg_shift, 2);
    assert_int_equal(info.uart.clock_hz, 1843200);
    assert_int_equal(info.rtc_len, 0);

    assert_int_equal(info.cpu_count, 3);
    assert_int_equal(info.cpus[2].hw_id, 0x100000200);
    assert_true(info.cpus[0].enabled);
    assert_false(info.cpus[1].enabled);
    assert_false(info.cpus[2].enabled);
}

static enum status parse_initrd(uint32_t start, uint32_t end)
{
    struct fake_fdt *w = &writer;
    begin_board(w);
    put_gic(w);
    fake_fdt_open_node(w, "chosen");
    FDT_CELLS(w, "linux,initrd-start", start);
    FDT_CELLS(w, "linux,initrd-end", end);
    fake_fdt_close_node(w);
    return parse_board(w);
}

static void test_an_initrd_of_no_bytes_is_one(void **state)
{
    (void)state;
    assert_int_equal(parse_initrd(0x90000000, 0x90000000), OK);
    assert_int_equal(info.module_count, 1);
    assert_int_equal(info.modules[0].len, 0);
    assert_int_equal(parse_initrd(0x90000001, 0x90000000), OK);
    assert_int_equal(info.module_count, 0);
    assert_non_null(strstr(info.notes[info.note_count - 1], "malformed linux,initrd-start"));
}

static void test_a_cpu_is_counted_once(void **state)
{
    (void)state;
    struct fake_fdt *w = &writer;
    begin_board(w);
    put_gic(w);
    fake_fdt_open_node(w, "cpus");
    FDT_CELLS(w, "#address-cells", 1);
    FDT_CELLS(w, "#size-cells", 0);
    static const uint32_t regs[] = {0, 0x100, 0, 0x100, 0x101};
    for (uint32_t i = 0; i < 5; i++) {
        fake_fdt_open_node(w, "cpu");
        fake_fdt_string(w, "device_type", "cpu");
        FDT_CELLS(w, "reg", regs[i]);
        fake_fdt_string(w, "enable-method", "psci");
        fake_fdt_close_node(w);
    }
    fake_fdt_close_node(w);
    assert_int_equal(parse_board(w), OK);
    assert_int_equal(info.cpu_count, 3);
    assert_int_equal(info.cpus[0].hw_id, 0);
    assert_int_equal(info.cpus[1].hw_id, 0x100);
    assert_int_equal(info.cpus[2].hw_id, 0x101);
    assert_int_equal(info.note_count, 2);
    assert_string_equal(info.notes[1], "device tree: the same CPU again, reg 0x100");
}

static void test_tree_without_memory_is_refused(void **state)
{
    (void)state;
    fake_fdt_begin(&writer);
    fake_fdt_open_node(&writer, "");
    put_gic(&writer);
    fake_fdt_string(&writer, "x", "y");
    fake_fdt_close_node(&writer);
    fake_fdt_finish(&writer, &tree);
    assert_int_equal(parse(), E_CORRUPT); /* a property after a child */
    assert_true(boot_check_only_notes(&info));

    fake_fdt_begin(&writer);
    fake_fdt_open_node(&writer, "");
    put_gic(&writer);
    fake_fdt_close_node(&writer);
    fake_fdt_finish(&writer, &tree);
    assert_int_equal(parse(), E_NOENT);
    assert_true(boot_check_only_notes(&info));
}

static void test_a_tree_of_more_than_2_mib_is_named(void **state)
{
    (void)state;
    begin_board(&writer);
    fake_fdt_finish(&writer, &tree);
    store_be32(tree.bytes + 4, (2u << 20) + 1);
    assert_int_equal(parse(), E_RANGE);
    assert_true(boot_check_only_notes(&info));
    assert_string_equal(info.notes[0],
                        "device tree: larger than 2 MiB, which is the limit, size 0x200001");
}

/* Memory below a root with these cells; 9: the property has nine bytes. */
static enum status parse_with_cells(uint32_t address_cells, uint32_t size_cells)
{
    static const uint32_t reg[] = {0, 0x40000000, 0, 0x1000000, 0x50000000};
    struct fake_fdt *w = &writer;
    fake_fdt_begin(w);
    fake_fdt_open_node(w, "");
    if (address_cells == 9) {
        fake_fdt_prop(w, "#address-cells", "\0\0\0\0\0\0\0\2", 9);
    } else {
        FDT_CELLS(w, "#address-cells", address_cells);
    }
    FDT_CELLS(w, "#size-cells", size_cells);
    fake_fdt_open_node(w, "memory");
    fake_fdt_string(w, "device_type", "memory");
    fake_fdt_cells(w, "reg", reg, 5);
    fake_fdt_close_node(w);
    fake_fdt_close_node(w);
    fake_fdt_finish(w, &tree);
    return parse();
}

static void test_cells_of_odd_sizes_are_reported(void **state)
{
    (void)state;
    static const uint32_t odd[][2] = {{0, 1}, {3, 2}, {9, 2}, {2, 3}, {0xffffffff, 1}, {2, 9}};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        assert_int_equal(parse_with_cells(odd[i][0], odd[i][1]), E_NOENT);
        assert_true(boot_check_only_notes(&info));
        assert_string_equal(info.notes[0],
                            "device tree: no memory: the root's cells have an unsupported size");
    }
    assert_int_equal(parse_with_cells(2, 2), OK); /* the fifth cell is too many */
    assert_int_equal(info.ranges[0].base, 0x40000000);
    assert_int_equal(info.note_count, 1);
    assert_string_equal(info.notes[0],
                        "device tree: memory whose reg does not fit its cells, bytes 0x14");
    assert_int_equal(parse_with_cells(1, 2), OK); /* 5 cells are one entry and two thirds */
    assert_int_equal(info.note_count, 1);
}

/* Otherwise memory in use would be allocated without a note. */
static void test_reserved_memory_in_odd_cells_is_reported(void **state)
{
    (void)state;
    struct fake_fdt *w = &writer;
    begin_board(w);
    fake_fdt_open_node(w, "reserved-memory");
    FDT_CELLS(w, "#address-cells", 4);
    FDT_CELLS(w, "#size-cells", 1);
    fake_fdt_open_node(w, "log");
    FDT_CELLS(w, "reg", 0, 0, 0, 0x80050000, 0x1000);
    fake_fdt_close_node(w);
    fake_fdt_close_node(w);
    assert_int_equal(parse_board(w), OK);
    assert_int_equal(info.note_count, 1);
    assert_string_equal(info.notes[0],
                        "device tree: memory whose reg does not fit its cells, bytes 0x14");
}

static void test_a_device_in_ram_is_ignored(void **state)
{
    (void)state;
    struct fake_fdt *w = &writer;
    begin_board(w);
    put_gic(w);
    fake_fdt_open_node(w, "rtc");
    fake_fdt_string(w, "compatible", "arm,pl031");
    FDT_CELLS(w, "reg", 0x80002000, 0x1000);
    FDT_CELLS(w, "interrupts-extended", GIC, 0, 2, 4);
    fake_fdt_close_node(w);
    assert_int_equal(parse_board(w), OK);
    assert_int_equal(info.rtc_len, 0);
    assert_int_equal(info.gic.version, 2);
    assert_int_equal(info.note_count, 1);
    assert_string_equal(info.notes[0],
                        "devices: a clock that overlaps RAM is left out, at 0x80002000");
}

static void test_message_controllers_beyond_the_first_are_reported(void **state)
{
    (void)state;
    static const char *const kinds[] = {"arm,gic-v3-its", "arm,gic-v2m-frame"};
    static const char *const notes[] = {"device tree: more than one ITS, one is left out",
                                        "device tree: more than one v2m frame, one is left out"};
    for (size_t k = 0; k < 2; k++) {
        struct fake_fdt *w = &writer;
        begin_board(w);
        for (uint32_t i = 0; i < 2; i++) {
            fake_fdt_open_node(w, "messages");
            fake_fdt_string(w, "compatible", kinds[k]);
            FDT_CELLS(w, "reg", 0x200000 + 0x20000 * i, 0x20000);
            fake_fdt_close_node(w);
        }
        assert_int_equal(parse_board(w), OK);
        assert_int_equal(k == 0 ? info.gic.its_base : info.gic.v2m_base, 0x200000);
        assert_int_equal(info.note_count, 1);
        assert_true(boot_check_has_note(&info, notes[k]));
    }
}

static void test_redistributor_strides(void **state)
{
    (void)state;
    static const struct {
        uint32_t cells[2];
        uint32_t count;
        uint64_t stride;
        bool is_odd;
    } cases[] = {
        {{0, 0}, 0, 0, false},
        {{0, 0x40000}, 2, 0x40000, false},
        {{0x20000}, 1, 0x20000, false},
        {{0, 0x10000}, 2, 0, true},
        {{0, 0x28000}, 2, 0, true},
        {{0, 0}, 2, 0, true},
        {{1, 0}, 2, UINT64_C(1) << 32, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_fdt *w = &writer;
        begin_board(w);
        fake_fdt_open_node(w, "gic");
        fake_fdt_string(w, "compatible", "arm,gic-v3");
        FDT_CELLS(w, "#interrupt-cells", 3);
        FDT_CELLS(w, "phandle", GIC);
        FDT_CELLS(w, "reg", 0x100000, 0x10000, 0x200000, 0x100000);
        if (cases[i].count > 0) {
            fake_fdt_cells(w, "redistributor-stride", cases[i].cells, cases[i].count);
        }
        fake_fdt_close_node(w);
        assert_int_equal(parse_board(w), OK);
        assert_int_equal(info.gic.version, 3);
        assert_int_equal(info.gic.redist_stride, cases[i].stride);
        assert_int_equal(boot_check_has_note(&info, "device tree: impossible redistributor-stride"),
                         cases[i].is_odd);
    }
}

static void put_pci(struct fake_fdt *w, uint32_t buses, uint32_t ecam_len)
{
    fake_fdt_open_node(w, "pcie");
    fake_fdt_string(w, "compatible", "pci-host-ecam-generic");
    FDT_CELLS(w, "#address-cells", 3);
    FDT_CELLS(w, "#size-cells", 2);
    FDT_CELLS(w, "reg", 0x40000000, ecam_len);
    FDT_CELLS(w, "bus-range", buses >> 16, buses & 0xffff);
}

static void test_odd_pci_hosts(void **state)
{
    (void)state;
    static const struct {
        uint32_t buses, ecam_len;
        uint8_t first, last;
    } cases[] = {
        {0x000000ff, 0x10000000, 0, 255}, {0x0010001f, 0x1000000, 16, 31},
        {0x0010001f, 0x300000, 16, 18},   {0x00200010, 0x200000, 0, 1}, /* reversed: ignored */
        {0x00000100, 0x100000, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin_board(&writer);
        put_pci(&writer, cases[i].buses, cases[i].ecam_len);
        fake_fdt_close_node(&writer);
        assert_int_equal(parse_board(&writer), OK);
        assert_int_equal(info.pci_count, 1);
        assert_int_equal(info.pci[0].bus_first, cases[i].first);
        assert_int_equal(info.pci[0].bus_last, cases[i].last);
        assert_false(info.pci[0].dma_coherent);
    }
    begin_board(&writer); /* too small for a single bus */
    put_pci(&writer, 0xff, 0xfffff);
    fake_fdt_close_node(&writer);
    assert_int_equal(parse_board(&writer), OK);
    assert_int_equal(info.pci_count, 0);
    assert_int_equal(info.note_count, 1);

    begin_board(&writer); /* windows that wrap, or of a space that needs none */
    put_pci(&writer, 0xff, 0x10000000);
    FDT_CELLS(&writer, "ranges", 0x02000000, 0xffffffff, 0xfffff000, 0x1000, 0x0, 0x2000,
              0x00000000, 0, 0, 0x1000, 0, 0x1000, 0x01000000, 0, 0, 0x5000, 0, 0x100);
    fake_fdt_close_node(&writer);
    assert_int_equal(parse_board(&writer), OK);
    assert_int_equal(info.note_count, 2);
    assert_int_equal(info.pci[0].mem32.len, 0);
    expect_window(&info.pci[0].io, 0x5000, 0, 0x100);
}

static void test_odd_interrupts_are_ignored(void **state)
{
    (void)state;
    static const uint32_t specifiers[][3] = {
        {2, 1, 4}, {0, 988, 4}, {1, 16, 4}, {0xffffffff, 0, 0}};
    for (size_t i = 0; i < 4; i++) {
        begin_board(&writer);
        put_gic(&writer);
        fake_fdt_open_node(&writer, "serial");
        fake_fdt_string(&writer, "compatible", "arm,pl011");
        FDT_CELLS(&writer, "reg", 0x1000, 0x1000);
        FDT_CELLS(&writer, "interrupt-parent", GIC);
        fake_fdt_cells(&writer, "interrupts", specifiers[i], 3);
        fake_fdt_close_node(&writer);
        assert_int_equal(parse_board(&writer), OK);
        assert_int_equal(info.uart.kind, BOOT_UART_PL011);
        assert_int_equal(info.uart.line, UINT32_MAX);
        assert_int_equal(info.note_count, 1);
    }
}

static bool is_reserved(uint64_t address)
{
    for (uint32_t i = 0; i < info.reserved_count; i++) {
        if (address >= info.reserved[i].base &&
            address - info.reserved[i].base < info.reserved[i].len) {
            return true;
        }
    }
    return false;
}

static void test_a_reservation_outside_memory_hides_none(void **state)
{
    (void)state;
    begin_board(&writer);
    fake_fdt_open_node(&writer, "reserved-memory");
    FDT_CELLS(&writer, "#address-cells", 1);
    FDT_CELLS(&writer, "#size-cells", 1);
    FDT_CELLS(&writer, "ranges", 0x80000000, 0x80000000, 0x100000);
    fake_fdt_open_node(&writer, "firmware");
    FDT_CELLS(&writer, "reg", 0x1000, 0x1000, 0x80020000, 0x1000);
    fake_fdt_close_node(&writer);
    fake_fdt_close_node(&writer);
    assert_int_equal(parse_board(&writer), OK);
    assert_true(is_reserved(0x80020000));
    assert_false(is_reserved(0x80021000));
    assert_int_equal(info.note_count, 1);
}

static void put_device(struct fake_fdt *w, const char *compatible, uint32_t base)
{
    fake_fdt_open_node(w, compatible);
    fake_fdt_string(w, "compatible", compatible);
    FDT_CELLS(w, "reg", base, 0x200000, base + 0x200000, 0x1000);
    FDT_CELLS(w, "#interrupt-cells", 3);
    FDT_CELLS(w, "#address-cells", 3);
    FDT_CELLS(w, "#size-cells", 2);
    FDT_CELLS(w, "phandle", GIC);
    FDT_CELLS(w, "interrupts-extended", GIC, 0, 1, 4);
    fake_fdt_close_node(w);
}

static void put_msi_controller(struct fake_fdt *w, const char *compatible, uint32_t base,
                               uint32_t phandle)
{
    fake_fdt_open_node(w, "msi");
    fake_fdt_string(w, "compatible", compatible);
    FDT_CELLS(w, "reg", base, 0x20000);
    FDT_CELLS(w, "phandle", phandle);
    fake_fdt_close_node(w);
}

/* Ids that map to another controller are ignored silently, impossible ones with a note; the rest of
 * the map is used. A map without usable entries is still a map. */
static void test_an_msi_map_with_holes(void **state)
{
    (void)state;
    struct fake_fdt *w = &writer;
    enum { ITS = 70, OTHER = 71 };
    begin_board(w);
    fake_fdt_open_node(w, "pcie"); /* before the controller that it sends messages to */
    fake_fdt_string(w, "compatible", "pci-host-ecam-generic");
    FDT_CELLS(w, "#address-cells", 3);
    FDT_CELLS(w, "#size-cells", 2);
    FDT_CELLS(w, "reg", 0x40000000, 0x1000000);
    FDT_CELLS(w, "msi-map-mask", 0xfff8);
    FDT_CELLS(w, "msi-map", 0x0, ITS, 0x100, 0x80, 0x80, OTHER, 0, 0x80, 0x100, ITS, 0xfffffff0,
              0x100, 0x10000, ITS, 0, 1, 0xff00, ITS, 0, 0x101, 0x200, ITS, 0x8000, 0x200, 7, ITS);
    fake_fdt_close_node(w);
    put_gic(w);
    put_msi_controller(w, "arm,gic-v3-its", 0x50000000, ITS);
    put_msi_controller(w, "arm,gic-v3-its", 0x60000000, OTHER);
    assert_int_equal(parse_board(w), OK);
    assert_int_equal(info.gic.its_base, 0x50000000);
    const struct boot_pci_host *host = &info.pci[0];
    assert_true(host->has_msi_map);
    assert_int_equal(host->msi_mask, 0xfff8);
    assert_int_equal(host->msi_count, 2);
    assert_int_equal(host->msi[0].device, 0x100);
    assert_int_equal(host->msi[1].first, 0x200);
    assert_int_equal(host->msi[1].device, 0x8000);
    assert_int_equal(host->msi[1].len, 0x200);
    assert_true(boot_check_has_note(&info, "device tree: more than one ITS"));
    assert_true(boot_check_has_note(&info, "device tree: part of an msi-map left out"));
    assert_int_equal(info.note_count, 4);
}

/* Their registers could not be accessed at their own widths. */
static void test_misaligned_devices_are_ignored(void **state)
{
    (void)state;
    for (uint32_t shift = 0; shift < 8; shift += 4) {
        begin_board(&writer);
        put_device(&writer, "arm,gic-v3", 0x1000000 + shift);
        put_device(&writer, "arm,gic-400", 0x8000000);
        put_device(&writer, "arm,pl011", 0x2000000 + shift);
        put_device(&writer, "arm,pl031", 0x3000000 + shift);
        put_device(&writer, "arm,gic-v2m-frame", 0x4000000 + shift);
        put_device(&writer, "pci-host-ecam-generic", 0x5000000 + shift);
        assert_int_equal(parse_board(&writer), OK);
        assert_int_equal(info.gic.version, shift == 0 ? 3 : 2);
        assert_int_equal(info.uart.kind, shift == 0 ? BOOT_UART_PL011 : BOOT_UART_NONE);
        assert_int_equal(info.rtc_base, shift == 0 ? 0x3000000 : 0);
        assert_int_equal(info.gic.v2m_base, shift == 0 ? 0x4000000 : 0);
        assert_int_equal(info.pci_count, shift == 0 ? 1 : 0);
    }
}

static void expect_seed(size_t given)
{
    struct fake_fdt *w = &writer;
    uint8_t seed[BOOT_SEED_MAX + 40];
    for (size_t i = 0; i < sizeof(seed); i++) {
        seed[i] = (uint8_t)(0xa0 + i);
    }
    begin_board(w);
    fake_fdt_open_node(w, "chosen");
    fake_fdt_prop(w, "rng-seed", seed, given);
    fake_fdt_close_node(w);
    assert_int_equal(parse_board(w), OK);
    assert_int_equal(info.seed.len, given < BOOT_SEED_MAX ? given : BOOT_SEED_MAX);
    assert_memory_equal(info.seed.bytes, seed, info.seed.len);
    assert_int_equal(info.seed.sources[BOOT_SEED_RNG].len, given);
    assert_memory_equal(tree.bytes + (info.seed.sources[BOOT_SEED_RNG].at - DTB), seed, given);
    assert_int_equal(info.seed.sources[BOOT_SEED_KASLR].len, 0);
}

/* The recorded location covers all of a long seed, also the part that is not
 * kept, because all of it is wiped. */
static void test_the_seed_is_kept_and_located(void **state)
{
    (void)state;
    expect_seed(1);
    expect_seed(32);
    expect_seed(BOOT_SEED_MAX);
    expect_seed(BOOT_SEED_MAX + 40);

    struct fake_fdt *w = &writer;
    begin_board(w);
    fake_fdt_open_node(w, "chosen");
    fake_fdt_prop(w, "rng-seed", "", 0);
    fake_fdt_close_node(w);
    assert_int_equal(parse_board(w), OK);
    assert_int_equal(info.seed.len, 0);
    assert_int_equal(info.seed.sources[BOOT_SEED_RNG].len, 0);
}

static void test_both_seeds_of_a_loader_are_kept(void **state)
{
    (void)state;
    struct fake_fdt *w = &writer;
    begin_board(w);
    fake_fdt_open_node(w, "chosen");
    fake_fdt_prop(w, "rng-seed", "generator", 9);
    fake_fdt_prop(w, "kaslr-seed", "eight by", 8);
    fake_fdt_close_node(w);
    assert_int_equal(parse_board(w), OK);
    assert_int_equal(info.seed.len, 17);
    assert_memory_equal(info.seed.bytes, "eight bygenerator", 17);
    assert_int_equal(info.seed.sources[BOOT_SEED_KASLR].len, 8);
    assert_memory_equal(tree.bytes + (info.seed.sources[BOOT_SEED_KASLR].at - DTB), "eight by", 8);
    assert_int_equal(info.seed.sources[BOOT_SEED_RNG].len, 9);
    assert_memory_equal(tree.bytes + (info.seed.sources[BOOT_SEED_RNG].at - DTB), "generator", 9);
}

/* UEFI's is there before the tree is read. */
static void test_a_seed_of_firmware_stays(void **state)
{
    (void)state;
    expect_seed(9);
    struct fake_boot_mem f;
    fake_boot_mem_init(&f);
    fake_boot_mem_add(&f, DTB, tree.bytes, tree.len);
    info.seed = (struct boot_seed){.len = 8, .bytes = "firmware"};
    assert_int_equal(devicetree_parse_devices(&f.mem, DTB, &info), OK);
    fake_boot_mem_release(&f);
    assert_int_equal(info.seed.len, 17);
    assert_memory_equal(info.seed.bytes, "firmware\xa0\xa1\xa2", 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_board_that_differs_from_qemus),
        cmocka_unit_test(test_an_initrd_of_no_bytes_is_one),
        cmocka_unit_test(test_a_cpu_is_counted_once),
        cmocka_unit_test(test_tree_without_memory_is_refused),
        cmocka_unit_test(test_a_tree_of_more_than_2_mib_is_named),
        cmocka_unit_test(test_cells_of_odd_sizes_are_reported),
        cmocka_unit_test(test_reserved_memory_in_odd_cells_is_reported),
        cmocka_unit_test(test_a_device_in_ram_is_ignored),
        cmocka_unit_test(test_message_controllers_beyond_the_first_are_reported),
        cmocka_unit_test(test_redistributor_strides),
        cmocka_unit_test(test_odd_pci_hosts),
        cmocka_unit_test(test_odd_interrupts_are_ignored),
        cmocka_unit_test(test_a_reservation_outside_memory_hides_none),
        cmocka_unit_test(test_an_msi_map_with_holes),
        cmocka_unit_test(test_misaligned_devices_are_ignored),
        cmocka_unit_test(test_the_seed_is_kept_and_located),
        cmocka_unit_test(test_both_seeds_of_a_loader_are_kept),
        cmocka_unit_test(test_a_seed_of_firmware_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
