// SPDX-License-Identifier: MIT
//
// How a function is made to interrupt: the MSI-X table, the two shapes of MSI, and the way back to
// the line when there are no messages; and that everything is given back.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_pci.h"
#include "fake/world.h"
#include "hal/irq.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"

#define LINE      9
#define MSI_FIRST 16 /* lines of messages */
#define MSI_COUNT 4
#define ADDRESS   0x1234fee00000u
#define BAR_SIZE  0x1000
#define TABLE     0x800
#define ENTRIES   3
#define MSIX      0x40
#define MSI       0x60

static struct {
    bool taken[MSI_COUNT];
    uint64_t address;
} msi;

static enum status msi_alloc(uint32_t *line)
{
    for (uint32_t i = 0; i < MSI_COUNT; i++) {
        if (!msi.taken[i]) {
            msi.taken[i] = true;
            *line = MSI_FIRST + i;
            return OK;
        }
    }
    return E_NOSPC;
}

static void msi_free(uint32_t line)
{
    assert_in_range(line, MSI_FIRST, MSI_FIRST + MSI_COUNT - 1);
    assert_true(msi.taken[line - MSI_FIRST]);
    msi.taken[line - MSI_FIRST] = false;
}

static void msi_compose(uint32_t line, uint32_t device_id, uint64_t *address, uint32_t *data)
{
    assert_int_equal(device_id, 0x08);
    *address = msi.address;
    *data = 0x4000 + line;
}

static const struct msi_controller controller = {
    .name = "fake", .alloc = msi_alloc, .free = msi_free, .compose = msi_compose};

static struct {
    struct pci_host *host;
    struct pci_device *d;
    paddr_t frame;
    uint8_t *bar;
    int function;
    unsigned calls;
    struct heap_stats before;
} t;

/* The kernel keeps what it knows of a line once it was used: use each. */
static void use_line(uint32_t line, enum irq_trigger trigger)
{
    struct irq_action action = {.name = "once"};
    assert_int_equal(irq_request(&action, line, trigger), OK);
    irq_release(&action);
}

static int boot(void **state)
{
    int r = world_boot(state);
    hal_msi_install(&controller);
    use_line(LINE, IRQ_LEVEL_HIGH);
    for (uint32_t i = 0; i < MSI_COUNT; i++) {
        use_line(MSI_FIRST + i, IRQ_EDGE);
    }
    return r;
}

static void pick(void *ctx, struct pci_device *d)
{
    (void)ctx;
    t.d = d;
}

static int set_up(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    memset(&msi, 0, sizeof(msi));
    msi.address = ADDRESS;
    assert_int_equal(page_alloc_zeroed(PAGE_OTHER, &t.frame), OK);
    t.bar = hal_direct(t.frame);
    fake_pci_reset();
    t.function = fake_pci_add(-1, 0x08, 0x1af4, 0x1042);
    fake_pci_bar(t.function, 0, BAR_SIZE, 0);
    fake_pci_set(t.function, 0x06, 2, 0x10);

    const struct boot_pci_host host = {
        .bus_last = 1,
        .mem32 = {.cpu = t.frame.raw, .bus = 0x10000000, .len = BAR_SIZE},
        .intx_count = 1,
        .intx = {{0x0800, 0x1800, 1, LINE, true}},
        .dma_coherent = true,
    };
    assert_int_equal(pci_host_create(&host, &fake_pci_ops, &t.host), OK);
    assert_int_equal(pci_scan(t.host), OK);
    assert_int_equal(pci_assign(t.host), OK);
    pci_for_each(t.host->root, pick, NULL);
    assert_int_equal(pci_enable(t.d, true), OK);
    heap_get_stats(&t.before);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    struct heap_stats after;
    heap_get_stats(&after);
    assert_int_equal(after.live_objects, t.before.live_objects);
    for (unsigned i = 0; i < MSI_COUNT; i++) {
        assert_false(msi.taken[i]);
    }
    pci_host_destroy(t.host);
    page_free(t.frame, 0);
    return 0;
}

static void add_msix(uint32_t table)
{
    fake_pci_set(t.function, 0x34, 1, MSIX);
    fake_pci_set(t.function, MSIX, 4, 0x11 | (ENTRIES - 1) << 16);
    fake_pci_set(t.function, MSIX + 4, 4, table);
    fake_pci.function[t.function].writable[MSIX + 3] = 0xc0;
}

static void add_msi(bool is_64)
{
    fake_pci_set(t.function, 0x34, 1, MSI);
    fake_pci_set(t.function, MSI, 4, 0x05 | (is_64 ? 0x80u : 0) << 16);
    uint8_t *w = &fake_pci.function[t.function].writable[MSI];
    w[2] = 0x71;
    memset(w + 4, 0xff, is_64 ? 10 : 6);
}

static uint32_t entry(unsigned vector, unsigned word)
{
    uint32_t v;
    memcpy(&v, t.bar + TABLE + 16 * vector + 4 * word, sizeof(v));
    return v;
}

static enum irq_result handle(void *ctx)
{
    t.calls += *(unsigned *)ctx;
    return IRQ_HANDLED;
}

static unsigned weight[ENTRIES] = {1, 10, 100};

static void request(uint32_t vector)
{
    assert_int_equal(pci_irq_request(t.d, vector, handle, &weight[vector], "test"), OK);
}

static uint16_t command(void)
{
    return (uint16_t)fake_pci_get(t.function, 0x04, 2);
}

static void test_msix_vectors_are_their_own_lines(void **state)
{
    (void)state;
    add_msix(TABLE);
    assert_int_equal(pci_irq_setup(t.d, 2), OK);
    assert_int_equal(t.d->irq_kind, PCI_IRQ_MSIX);
    assert_int_equal(t.d->vector_count, 2);
    assert_int_equal(fake_pci_get(t.function, MSIX + 2, 2) & 0xc000, 0x8000);
    for (unsigned i = 0; i < ENTRIES; i++) {
        assert_int_equal(entry(i, 3), 1); /* masked until somebody listens */
    }
    assert_int_equal(entry(1, 0), (uint32_t)ADDRESS);
    assert_int_equal(entry(1, 1), ADDRESS >> 32);
    assert_int_equal(entry(1, 2), 0x4000 + MSI_FIRST + 1);
    request(0);
    request(1);
    assert_int_equal(entry(0, 3), 0);
    assert_int_equal(entry(1, 3), 0);
    assert_int_equal(entry(2, 3), 1);
    world_interrupt(MSI_FIRST + 1);
    assert_int_equal(t.calls, 10);
    world_interrupt(MSI_FIRST);
    assert_int_equal(t.calls, 11);
    pci_irq_release(t.d, 1);
    assert_int_equal(entry(1, 3), 1);
    pci_irq_release(t.d, 0);
    pci_irq_teardown(t.d);
    assert_int_equal(fake_pci_get(t.function, MSIX + 2, 2) & 0x8000, 0);
    assert_int_equal(command() & 0x400, 0x400); /* the line was never let go */
}

static void test_fewer_vectors_than_wanted(void **state)
{
    (void)state;
    add_msix(TABLE);
    assert_int_equal(pci_irq_setup(t.d, 100), OK); /* the device has three */
    assert_int_equal(t.d->vector_count, ENTRIES);
    pci_irq_teardown(t.d);
    msi.taken[0] = msi.taken[1] = msi.taken[2] = true; /* the machine has one left */
    assert_int_equal(pci_irq_setup(t.d, 3), OK);
    assert_int_equal(t.d->vector_count, 1);
    pci_irq_teardown(t.d);
    memset(msi.taken, 0, sizeof(msi.taken));
}

static void test_without_messages_the_line_serves(void **state)
{
    (void)state;
    add_msix(TABLE);
    memset(msi.taken, 1, sizeof(msi.taken));
    assert_int_equal(pci_irq_setup(t.d, 2), OK);
    assert_int_equal(t.d->irq_kind, PCI_IRQ_INTX);
    assert_int_equal(t.d->vector_count, 1);
    assert_int_equal(command() & 0x400, 0x400);
    request(0);
    assert_int_equal(command() & 0x400, 0);
    world_interrupt(LINE);
    assert_int_equal(t.calls, 1);
    pci_irq_release(t.d, 0);
    assert_int_equal(command() & 0x400, 0x400);
    pci_irq_teardown(t.d);
    memset(msi.taken, 0, sizeof(msi.taken));
}

static void test_a_table_that_is_not_there(void **state)
{
    (void)state;
    static const uint32_t lies[] = {BAR_SIZE, BAR_SIZE - 16, TABLE | 1, TABLE | 7, 0xfffffff8};
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        add_msix(lies[i]);
        assert_int_equal(pci_irq_setup(t.d, 1), OK);
        assert_int_equal(t.d->irq_kind, PCI_IRQ_INTX);
        pci_irq_teardown(t.d);
    }
}

static void check_msi(bool is_64)
{
    add_msi(is_64);
    assert_int_equal(pci_irq_setup(t.d, 4), OK);
    assert_int_equal(t.d->irq_kind, PCI_IRQ_MSI);
    assert_int_equal(t.d->vector_count, 1);
    assert_int_equal(fake_pci_get(t.function, MSI + 4, 4), (uint32_t)msi.address);
    assert_int_equal(fake_pci_get(t.function, MSI + (is_64 ? 12 : 8), 2), 0x4000 + MSI_FIRST);
    assert_int_equal(fake_pci_get(t.function, MSI + 2, 2) & 1, 0);
    request(0);
    assert_int_equal(fake_pci_get(t.function, MSI + 2, 2) & 0x71, 1);
    world_interrupt(MSI_FIRST);
    assert_int_equal(t.calls, 1);
    pci_irq_release(t.d, 0);
    assert_int_equal(fake_pci_get(t.function, MSI + 2, 2) & 1, 0);
    pci_irq_teardown(t.d);
}

static void test_msi_with_a_long_address(void **state)
{
    (void)state;
    check_msi(true);
    assert_int_equal(fake_pci_get(t.function, MSI + 8, 4), ADDRESS >> 32);
}

static void test_msi_with_a_short_address(void **state)
{
    (void)state;
    msi.address = 0xfee00000;
    check_msi(false);
}

static void test_an_address_that_is_too_long_for_the_device(void **state)
{
    (void)state;
    add_msi(false);
    assert_int_equal(pci_irq_setup(t.d, 1), OK);
    assert_int_equal(t.d->irq_kind, PCI_IRQ_INTX);
    pci_irq_teardown(t.d);
}

static void test_no_way_at_all(void **state)
{
    (void)state;
    t.d->pin = 0;
    assert_int_equal(pci_irq_setup(t.d, 1), E_NODEV);
    assert_int_equal(t.d->irq_kind, PCI_IRQ_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_msix_vectors_are_their_own_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fewer_vectors_than_wanted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_messages_the_line_serves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_table_that_is_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_msi_with_a_long_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_msi_with_a_short_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_address_that_is_too_long_for_the_device, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_no_way_at_all, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
