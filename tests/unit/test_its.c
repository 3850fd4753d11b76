// SPDX-License-Identifier: MIT
//
// Messages through an ITS: which line each gets, with every variant of an ITS, and what happens
// when it rejects commands, hangs, or memory is short. QEMU's ITS has one variant and never fails.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "its/fake_its.h"

#define LINES 1024u

static const struct msi_controller *const msi = &gicv3_msi_controller;

static struct gicv3_cpu boot_cpu;

static enum status start(void)
{
    const struct boot_gic gic = {.version = 3, .its_base = FAKE_ITS_BASE, .its_len = 0x20000};
    boot_cpu = fake_its_cpu();
    return gicv3_its_init(&gic, &boot_cpu, &fake_its_mapper);
}

static int set_up(void **state)
{
    (void)state;
    fake_its_reset();
    return 0;
}

static uint32_t event_of(uint32_t line)
{
    uint64_t address;
    uint32_t data;
    msi->compose(line, &address, &data);
    assert_int_equal(address, FAKE_ITS_BASE + 0x10040);
    return data;
}

static uint32_t take(uint32_t device_id, uint32_t count)
{
    uint32_t first, n;
    assert_int_equal(msi->alloc(device_id, count, &first, &n), OK);
    assert_int_equal(n, count);
    return first;
}

/* A line delivers nothing until it is unmasked, and nothing once it is masked again. */
static void check_lines(uint32_t device_id, uint32_t first, uint32_t count)
{
    for (uint32_t line = first; line < first + count; line++) {
        assert_int_equal(gicv3_lpi_configure(line, IRQ_LEVEL_HIGH), E_NOTSUP);
        assert_int_equal(gicv3_lpi_configure(line, IRQ_EDGE), OK);
        assert_int_equal(fake_its_message(device_id, event_of(line)), FAKE_ITS_NONE);
        gicv3_lpi_set_masked(line, false);
        assert_int_equal(fake_its_message(device_id, event_of(line)), line);
        gicv3_lpi_set_masked(line, true);
        assert_int_equal(fake_its_message(device_id, event_of(line)), FAKE_ITS_NONE);
    }
}

/* Three devices whose ids lie in three pages of a two-level table. */
static void check_devices(void)
{
    static const uint32_t ids[] = {0x0008, 0x0900, 0x7ff8};
    uint32_t first[3];
    uint64_t before = 0;
    assert_int_equal(start(), OK);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 3; i++) {
            first[i] = take(ids[i], i + 1);
        }
        for (unsigned i = 0; i < 3; i++) {
            check_lines(ids[i], first[i], i + 1);
        }
        for (unsigned i = 0; i < 3; i++) {
            msi->free(ids[i], first[i], i + 1);
            assert_int_equal(gicv3_lpi_configure(first[i], IRQ_EDGE), E_RANGE);
        }
        /* Only pages of the second level stay allocated. */
        assert_true(round == 0 || fake_its.bytes_out == before);
        before = fake_its.bytes_out;
    }
    assert_int_equal(fake_its.commands[0x08], 12);
}

static void test_an_its_like_qemus(void **state)
{
    (void)state;
    check_devices();
}

static void test_one_level_of_tables(void **state)
{
    (void)state;
    fake_its.indirect = false;
    check_devices();
}

static void test_large_pages_only(void **state)
{
    for (unsigned pages = 2; pages <= 4; pages += 2) {
        set_up(state);
        fake_its.pages = pages;
        check_devices();
    }
}

/* It reads memory without the caches: everything that it must see has been cleaned. */
static void test_an_its_without_cache_coherence(void **state)
{
    for (unsigned indirect = 0; indirect < 2; indirect++) {
        set_up(state);
        fake_its.cached = false;
        fake_its.indirect = indirect != 0;
        check_devices();
    }
}

static void test_redistributors_by_address(void **state)
{
    (void)state;
    fake_its.by_address = true;
    check_devices();
}

static void test_collections_without_a_table(void **state)
{
    (void)state;
    fake_its.hcc = 1;
    check_devices();
}

static void test_large_translations(void **state)
{
    (void)state;
    fake_its.entry_bytes = 16;
    check_devices();
}

static void test_an_its_that_firmware_enabled_is_stopped_first(void **state)
{
    (void)state;
    fake_its.was_on = true;
    check_devices();
}

static void move(uint32_t device_id, uint32_t line, bool to_other)
{
    struct gicv3_cpu target = to_other ? fake_its_other_cpu() : boot_cpu;
    assert_int_equal(gicv3_lpi_route(line, to_other ? fake_its.other : 0, &target), OK);
    assert_int_equal(fake_its_message(device_id, event_of(line)), line);
    assert_int_equal(fake_its_message_cpu(device_id, event_of(line)), to_other ? 1 : 0);
}

/* To another CPU and back, masked and unmasked there; the other lines stay. */
static void check_moves(void)
{
    assert_int_equal(start(), OK);
    uint32_t line = take(8, 2);
    gicv3_lpi_set_masked(line, false);
    gicv3_lpi_set_masked(line + 1, false);
    uint64_t before = fake_its.bytes_out;
    move(8, line, false);
    assert_int_equal(fake_its.commands[0x01], 0);
    move(8, line, true);
    assert_int_equal(fake_its.bytes_out - before, 0x10000); /* the pending table of that CPU */
    assert_int_equal(fake_its_message_cpu(8, event_of(line + 1)), 0);
    gicv3_lpi_set_masked(line, true);
    assert_int_equal(fake_its_message(8, event_of(line)), FAKE_ITS_NONE);
    gicv3_lpi_set_masked(line, false);
    move(8, line + 1, true);
    move(8, line, false);
    move(8, line, true);
    msi->free(8, line, 2);
    assert_int_equal(fake_its.commands[0x09], 2); /* once for each collection */
    assert_int_equal(gicv3_lpi_route(line, 0, NULL), E_RANGE);
    line = take(8, 1);
    gicv3_lpi_set_masked(line, false);
    assert_int_equal(fake_its_message_cpu(8, event_of(line)), 0); /* where a new owner starts */
    msi->free(8, line, 1);
}

static void test_a_line_moves_to_another_cpu(void **state)
{
    check_moves();
    set_up(state);
    fake_its.cached = false;
    check_moves();
    set_up(state);
    fake_its.by_address = true;
    check_moves();
    set_up(state);
    fake_its.id_bits = 1;
    check_moves();
    set_up(state);
    fake_its.other = CPU_MAX - 1;
    check_moves();
}

static void test_a_line_that_cannot_move_stays(void **state)
{
    struct gicv3_cpu other = fake_its_other_cpu();
    (void)state;
    assert_int_equal(start(), OK);
    uint32_t line = take(8, 1);
    gicv3_lpi_set_masked(line, false);
    assert_int_equal(gicv3_lpi_route(line + 1, 1, &other), E_RANGE); /* nobody's */
    assert_int_equal(gicv3_lpi_route(line, 512, &other), E_RANGE);   /* beyond the table's end */
    fake_its.allocations_left = 0;
    assert_int_equal(gicv3_lpi_route(line, 1, &other), E_NOMEM);
    fake_its.allocations_left = -1;
    fake_its.refuse = 0x09;
    fake_its.refusals = 1;
    assert_int_equal(gicv3_lpi_route(line, 1, &other), E_IO);
    fake_its.refuse = 0x01;
    fake_its.refusals = 1;
    assert_int_equal(gicv3_lpi_route(line, 1, &other), E_IO);
    assert_int_equal(fake_its_message(8, event_of(line)), line);
    assert_int_equal(fake_its_message_cpu(8, event_of(line)), 0);
    msi->free(8, line, 1);
}

static void test_an_its_that_does_not_stop_is_left_alone(void **state)
{
    fake_its.was_on = fake_its.never_stops = true;
    assert_int_equal(start(), E_TIMEDOUT);
    set_up(state);
    fake_its.lpis_stay_on = true;
    assert_int_equal(start(), E_BUSY);
    set_up(state);
    fake_its.has_lpis = false;
    assert_int_equal(start(), E_NOTSUP);
}

/* Devices below one bridge share an id, and have events of their own. */
static void test_devices_with_the_same_id(void **state)
{
    (void)state;
    assert_int_equal(start(), OK);
    uint64_t before = fake_its.bytes_out;
    uint32_t a = take(0x100, 2), b = take(0x100, 3);
    assert_int_equal(fake_its.commands[0x08], 1);
    check_lines(0x100, a, 2);
    check_lines(0x100, b, 3);
    msi->free(0x100, a, 2);
    check_lines(0x100, b, 3);
    a = take(0x100, 1);
    check_lines(0x100, a, 1);
    msi->free(0x100, b, 3);
    msi->free(0x100, a, 1);
    assert_true(fake_its.bytes_out - before <= 0x1000); /* one page of the second level */
}

static void test_ids_out_of_reach(void **state)
{
    uint32_t first, count;
    assert_int_equal(start(), OK);
    uint64_t before = fake_its.bytes_out;
    assert_int_equal(msi->alloc(0x10000, 1, &first, &count), E_RANGE);
    assert_int_equal(msi->alloc(UINT32_MAX, 1, &first, &count), E_RANGE);
    assert_int_equal(fake_its.bytes_out, before);

    set_up(state);
    fake_its.indirect = false; /* 2^24 devices do not fit in a one-level table: some get none */
    fake_its.device_bits = 24;
    assert_int_equal(start(), OK);
    msi->free(0xffff, take(0xffff, 1), 1);
    assert_int_equal(msi->alloc(0x10000, 1, &first, &count), E_RANGE);
}

static void test_lines_run_out(void **state)
{
    (void)state;
    uint32_t first, count, other;
    assert_int_equal(start(), OK);
    assert_int_equal(msi->alloc(8, 2048, &first, &count), OK);
    assert_int_equal(count, LINES);
    assert_int_equal(msi->alloc(16, 1, &other, &count), E_NOSPC);
    msi->free(8, first, LINES);
    for (uint32_t i = 0; i < 256; i++) {
        assert_int_equal(take(8 * i, 1), first + i);
    }
    assert_int_equal(msi->alloc(8 * 256, 1, &other, &count), E_NOSPC);
    for (uint32_t i = 0; i < 256; i++) {
        msi->free(8 * i, first + i, 1);
    }
}

static void test_the_longest_run_is_returned(void **state)
{
    (void)state;
    uint32_t first, count;
    assert_int_equal(start(), OK);
    uint32_t a = take(8, 1000), b = take(16, 10), c = take(24, 14);
    msi->free(16, b, 10);
    assert_int_equal(msi->alloc(32, 12, &first, &count), OK);
    assert_int_equal(count, 10);
    check_lines(32, first, count);
    msi->free(32, first, count);
    msi->free(8, a, 1000);
    msi->free(24, c, 14);
}

/* A rejected command is skipped; only the operation that needed it fails. */
static void test_a_refused_command(void **state)
{
    (void)state;
    uint32_t first, count;
    assert_int_equal(start(), OK);
    static const unsigned commands[] = {0x08, 0x0a};
    for (unsigned i = 0; i < 2; i++) {
        uint32_t lines = take(8 * i, 1);
        fake_its.refuse = commands[i];
        fake_its.refusals = 1;
        assert_int_equal(msi->alloc(0x80, 2, &first, &count), E_IO);
        assert_non_null(strstr(fake_console_text(), "refused"));
        check_lines(8 * i, lines, 1);
        msi->free(8 * i, lines, 1);
    }
    uint32_t again = take(0x80, 2);
    check_lines(0x80, again, 2);
    msi->free(0x80, again, 2);
}

static void test_an_its_that_refuses_everything(void **state)
{
    (void)state;
    fake_its.refuse = 0x05; /* also the command that replaces a rejected one */
    fake_its.refusals = UINT32_MAX;
    assert_int_equal(start(), E_IO);
    assert_non_null(strstr(fake_console_text(), "stalled at command 0x05"));
}

/* After it hangs, the driver does not wait for it again. */
static void test_an_its_that_hangs(void **state)
{
    (void)state;
    uint32_t first, count;
    assert_int_equal(start(), OK);
    uint32_t line = take(8, 1);
    gicv3_lpi_set_masked(line, false);
    fake_its.hangs = true;
    assert_int_equal(msi->alloc(16, 1, &first, &count), E_TIMEDOUT);
    assert_non_null(strstr(fake_console_text(), "no answer at command 0x08"));
    uint64_t reads = fake_its.register_reads;
    assert_int_equal(msi->alloc(24, 1, &first, &count), E_TIMEDOUT);
    gicv3_lpi_set_masked(line, true);
    msi->free(8, line, 1);
    assert_int_equal(fake_its.register_reads, reads);
}

static void test_a_hang_at_the_start(void **state)
{
    (void)state;
    fake_its.hangs = true;
    assert_int_equal(start(), E_TIMEDOUT);
}

static void test_memory_runs_out(void **state)
{
    uint32_t first, count;
    for (int left = 0; left < 5; left++) {
        set_up(state);
        fake_its.allocations_left = left;
        assert_int_equal(start(), E_NOMEM);
    }
    set_up(state);
    fake_its.allocations_left = 5;
    assert_int_equal(start(), OK);
    uint64_t before = fake_its.bytes_out;
    /* the device's own table, then its page in the device table */
    for (int left = 0; left < 2; left++) {
        fake_its.allocations_left = left;
        assert_int_equal(msi->alloc(8, 1, &first, &count), E_NOMEM);
        assert_int_equal(fake_its.bytes_out, before);
    }
    fake_its.allocations_left = -1;
    msi->free(8, take(8, 1), 1);
}

static void test_a_missing_its(void **state)
{
    (void)state;
    fake_its.is_absent = true;
    assert_int_equal(start(), E_NODEV);
    assert_int_equal(fake_its.bytes_out, 0);
    assert_int_equal(fake_its.register_reads, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_missing_its, set_up),
        cmocka_unit_test_setup(test_an_its_like_qemus, set_up),
        cmocka_unit_test_setup(test_one_level_of_tables, set_up),
        cmocka_unit_test_setup(test_large_pages_only, set_up),
        cmocka_unit_test_setup(test_an_its_without_cache_coherence, set_up),
        cmocka_unit_test_setup(test_redistributors_by_address, set_up),
        cmocka_unit_test_setup(test_collections_without_a_table, set_up),
        cmocka_unit_test_setup(test_large_translations, set_up),
        cmocka_unit_test_setup(test_an_its_that_firmware_enabled_is_stopped_first, set_up),
        cmocka_unit_test_setup(test_a_line_moves_to_another_cpu, set_up),
        cmocka_unit_test_setup(test_a_line_that_cannot_move_stays, set_up),
        cmocka_unit_test_setup(test_an_its_that_does_not_stop_is_left_alone, set_up),
        cmocka_unit_test_setup(test_devices_with_the_same_id, set_up),
        cmocka_unit_test_setup(test_ids_out_of_reach, set_up),
        cmocka_unit_test_setup(test_lines_run_out, set_up),
        cmocka_unit_test_setup(test_the_longest_run_is_returned, set_up),
        cmocka_unit_test_setup(test_a_refused_command, set_up),
        cmocka_unit_test_setup(test_an_its_that_refuses_everything, set_up),
        cmocka_unit_test_setup(test_an_its_that_hangs, set_up),
        cmocka_unit_test_setup(test_a_hang_at_the_start, set_up),
        cmocka_unit_test_setup(test_memory_runs_out, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
