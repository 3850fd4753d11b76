// SPDX-License-Identifier: MIT
//
// How a function's interrupts are set up: the MSI-X table, the two formats of MSI, and the fallback
// to the line if there are no messages; and that everything is freed.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_cpus.h"
#include "fake/fake_failure.h"
#include "fake/fake_pci.h"
#include "fake/world.h"
#include "hal/irq.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/sched/mutex.h"

#define LINE      9
#define MSI_FIRST 16 /* the first line for messages */
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
    uint32_t device_id; /* the expected device id */
} msi;

/* As many consecutive lines as are free from the first free one on. */
static enum status msi_alloc(uint32_t device_id, uint32_t wanted, uint32_t *first, uint32_t *count)
{
    assert_int_equal(device_id, msi.device_id);
    uint32_t at = 0, n = 0;
    while (at < MSI_COUNT && msi.taken[at]) {
        at++;
    }
    while (n < wanted && at + n < MSI_COUNT && !msi.taken[at + n]) {
        msi.taken[at + n++] = true;
    }
    if (n == 0) {
        return E_NOSPC;
    }
    *first = MSI_FIRST + at;
    *count = n;
    return OK;
}

static void msi_free(uint32_t device_id, uint32_t first, uint32_t count)
{
    assert_int_equal(device_id, msi.device_id);
    for (uint32_t line = first; line < first + count; line++) {
        assert_in_range(line, MSI_FIRST, MSI_FIRST + MSI_COUNT - 1);
        assert_true(msi.taken[line - MSI_FIRST]);
        msi.taken[line - MSI_FIRST] = false;
    }
}

static void msi_compose(uint32_t line, uint64_t *address, uint32_t *data)
{
    *address = msi.address + ((uint64_t)world_line_cpu(line) << 12);
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

/* The kernel keeps its records of a line once it was used, so use each. */
static void use_line(uint32_t line, enum irq_trigger trigger)
{
    struct irq_action action = {.name = "once"};
    assert_int_equal(irq_request(&action, line, trigger), OK);
    irq_release(&action);
}

/* ---- Another CPU, which moves a line ---- */

static struct {
    struct semaphore begin;
    uint32_t line;
    bool is_over;
    enum status result;
} mover;

/* While this CPU waits for a lock, the other CPU runs. */
static void other_runs(void)
{
    if (hal_this_cpu()->id == 0) {
        (void)fake_cpu_run(1);
    } else {
        fake_cpu_pause();
    }
}

static void move(void *arg)
{
    (void)arg;
    for (;;) {
        (void)semaphore_down(&mover.begin, WAIT_FOREVER);
        mover.result = irq_set_cpu(mover.line, 1);
        mover.is_over = true;
    }
}

static void boot_mover(void)
{
    struct thread *thread;
    const struct thread_options options = {
        .name = "mover", .entry = move, .priority = PRIO_NORMAL, .placement = THREAD_ON, .cpu = 1};
    semaphore_init(&mover.begin, 0, "mover");
    fake_cpus_start(2);
    fake_on_relax = other_runs;
    assert_int_equal(thread_create(&options, &thread), OK);
    thread_detach(thread);
    fake_cpus_settle(1);
}

/* The MSI-X table as registers whose every access the test sees: during a move CPU 0 runs, and just
 * before CPU 0 unmasks or masks an entry the move starts. */
static struct {
    struct io_region table;
    int begins_at; /* the control word that CPU 0 writes then; -1: none, or no longer */
} seen;

static uint64_t read_table(uint16_t port, unsigned bytes)
{
    uint32_t v;
    assert_int_equal(bytes, sizeof(v));
    memcpy(&v, (const void *)(seen.table.base + port), sizeof(v));
    fake_cpu_pause();
    return v;
}

static void write_table(uint16_t port, unsigned bytes, uint64_t value)
{
    uint32_t v = (uint32_t)value;
    assert_int_equal(bytes, sizeof(v));
    if (hal_this_cpu()->id == 0 && port % 16 == 12 && seen.begins_at == (int)v) {
        seen.begins_at = -1;
        semaphore_up(&mover.begin);
        fake_cpus_settle(1);
    }
    memcpy((void *)(seen.table.base + port), &v, sizeof(v));
}

static void watch_table(struct pci_device *d, uint32_t line, int begins_at)
{
    seen.table = d->msix_table;
    seen.begins_at = begins_at;
    mover.line = line;
    mover.is_over = false;
    d->msix_table = (struct io_region){.is_port = true, .len = seen.table.len};
    fake_on_port_read = read_table;
    fake_on_port_write = write_table;
}

static void finish_move(struct pci_device *d)
{
    assert_int_equal(seen.begins_at, -1);
    while (!mover.is_over) {
        (void)fake_cpu_run(1);
    }
    d->msix_table = seen.table;
    fake_on_port_read = NULL;
    fake_on_port_write = NULL;
}

static int boot(void **state)
{
    int r = world_boot(state);
    boot_mover();
    machine_msi_install(&controller);
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
    msi.device_id = 0x08;
    t.frame = paddr(WORLD_DEVICE_BASE);
    t.bar = hal_direct(t.frame);
    memset(t.bar, 0, PAGE_SIZE);
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

static enum irq_result refuse(void *ctx)
{
    (void)ctx;
    return IRQ_NOT_MINE;
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
        assert_int_equal(entry(i, 3), 1); /* masked until there is a handler */
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
    assert_int_equal(command() & 0x400, 0x400); /* the line stayed disabled throughout */
}

static void test_fewer_vectors_than_wanted(void **state)
{
    (void)state;
    add_msix(TABLE);
    assert_int_equal(pci_irq_setup(t.d, 100), OK); /* the device has only three */
    assert_int_equal(t.d->vector_count, ENTRIES);
    pci_irq_teardown(t.d);
    msi.taken[0] = msi.taken[1] = msi.taken[2] = true; /* the machine has one free */
    assert_int_equal(pci_irq_setup(t.d, 3), OK);
    assert_int_equal(t.d->vector_count, 1);
    pci_irq_teardown(t.d);
    memset(msi.taken, 0, sizeof(msi.taken));
}

static void test_without_messages_the_line_is_used(void **state)
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

static void test_a_table_outside_its_bar(void **state)
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

static void test_an_address_too_long_for_the_device(void **state)
{
    (void)state;
    add_msi(false);
    assert_int_equal(pci_irq_setup(t.d, 1), OK);
    assert_int_equal(t.d->irq_kind, PCI_IRQ_INTX);
    pci_irq_teardown(t.d);
}

static void test_no_interrupt_at_all(void **state)
{
    (void)state;
    t.d->pin = 0;
    assert_int_equal(pci_irq_setup(t.d, 1), E_NODEV);
    assert_int_equal(t.d->irq_kind, PCI_IRQ_NONE);
}

/* The tree defines the ids that the controller sees, and whose messages are not routed. */
static void test_ids_are_mapped(void **state)
{
    (void)state;
    struct boot_pci_host *boot = &t.host->boot;
    add_msix(TABLE);
    boot->has_msi_map = true;
    boot->msi_mask = 0xffff;
    assert_int_equal(pci_irq_setup(t.d, 1), OK);
    assert_int_equal(t.d->irq_kind, PCI_IRQ_INTX);
    pci_irq_teardown(t.d);
    boot->msi_count = 2;
    boot->msi[0] = (struct boot_pci_msi){.first = 0, .device = 0x100, .len = 8};
    boot->msi[1] = (struct boot_pci_msi){.first = 8, .device = 0x5000, .len = 1};
    msi.device_id = 0x5000;
    assert_int_equal(pci_irq_setup(t.d, 1), OK);
    assert_int_equal(t.d->irq_kind, PCI_IRQ_MSIX);
    pci_irq_teardown(t.d);
    boot->msi_mask = 0xfff7; /* in the map all of them are requester 0 */
    msi.device_id = 0x100;
    assert_int_equal(pci_irq_setup(t.d, 1), OK);
    pci_irq_teardown(t.d);
}

/* The controller cannot mask: a storm is stopped, and later resumed, in the device's table. */
static void test_a_storm_masks_the_entry(void **state)
{
    (void)state;
    add_msix(TABLE);
    assert_int_equal(pci_irq_setup(t.d, 2), OK);
    assert_int_equal(pci_irq_request(t.d, 1, refuse, NULL, "refuses"), OK);
    for (unsigned i = 0; i < IRQ_STORM_UNCLAIMED; i++) {
        assert_int_equal(entry(1, 3), 0);
        world_interrupt(MSI_FIRST + 1);
    }
    assert_int_equal(entry(1, 3), 1);
    assert_int_equal(irq_resume(MSI_FIRST + 1), OK);
    assert_int_equal(entry(1, 3), 0);
    pci_irq_release(t.d, 1);
    pci_irq_teardown(t.d);
}

static void test_a_move_does_not_mask_an_entry_that_is_being_unmasked(void **state)
{
    (void)state;
    add_msix(TABLE);
    assert_int_equal(pci_irq_setup(t.d, 1), OK);
    watch_table(t.d, MSI_FIRST, 0);
    request(0);
    finish_move(t.d);
    assert_int_equal(mover.result, OK);
    assert_int_equal(entry(0, 3), 0);
    assert_int_equal(entry(0, 0), (uint32_t)ADDRESS + 0x1000);
    pci_irq_release(t.d, 0);
    pci_irq_teardown(t.d);
}

static void test_a_move_does_not_unmask_an_entry_that_is_being_masked(void **state)
{
    (void)state;
    add_msix(TABLE);
    assert_int_equal(pci_irq_setup(t.d, 1), OK);
    request(0);
    watch_table(t.d, MSI_FIRST, 1);
    pci_irq_release(t.d, 0);
    finish_move(t.d);
    assert_int_equal(entry(0, 3), 1);
    pci_irq_teardown(t.d);
}

/* The line's next owner gets it, and its message, on the CPU where lines start. */
static void check_message_after_a_move(uint32_t (*address)(void))
{
    for (unsigned i = 0; i < 2; i++) {
        request(0);
        assert_int_equal(world_line_cpu(MSI_FIRST), 0);
        assert_int_equal(address(), (uint32_t)ADDRESS);
        assert_int_equal(irq_set_cpu(MSI_FIRST, 1), OK);
        assert_int_equal(address(), (uint32_t)ADDRESS + 0x1000);
        pci_irq_release(t.d, 0);
    }
    pci_irq_teardown(t.d);
}

static uint32_t msix_address(void)
{
    return entry(0, 0);
}

static uint32_t msi_address(void)
{
    return (uint32_t)fake_pci_get(t.function, MSI + 4, 4);
}

static void test_a_message_is_composed_again_for_the_next_handler(void **state)
{
    (void)state;
    add_msix(TABLE);
    assert_int_equal(pci_irq_setup(t.d, 1), OK);
    check_message_after_a_move(msix_address);
    add_msi(true);
    assert_int_equal(pci_irq_setup(t.d, 1), OK);
    assert_int_equal(t.d->irq_kind, PCI_IRQ_MSI);
    check_message_after_a_move(msi_address);
}

/* The message's address was too long for the device, so it uses its line. */
static void test_a_line_that_moves_has_no_message(void **state)
{
    (void)state;
    add_msi(false);
    assert_int_equal(pci_irq_setup(t.d, 1), OK);
    assert_int_equal(t.d->irq_kind, PCI_IRQ_INTX);
    request(0);
    assert_int_equal(irq_set_cpu(LINE, 1), OK);
    assert_int_equal(fake_pci_get(t.function, MSI + 4, 4), 0);
    pci_irq_release(t.d, 0);
    pci_irq_teardown(t.d);
}

static void test_the_line_despite_free_messages(void **state)
{
    (void)state;
    add_msix(TABLE);
    assert_int_equal(pci_irq_setup_line(t.d), OK);
    assert_int_equal(t.d->irq_kind, PCI_IRQ_INTX);
    pci_irq_teardown(t.d);
}

/* @return the requester id in its messages. */
static uint32_t add_behind_bridges(bool is_express)
{
    fake_pci_reset();
    int one = fake_pci_add_bridge(-1, 0x10);
    if (is_express) {
        fake_pci_set(one, 0x06, 2, 0x10);
        fake_pci_set(one, 0x34, 1, 0x80);
        fake_pci_set(one, 0x80, 4, 0x10 | 0x71u << 16); /* a PCI Express to PCI bridge */
    }
    t.function = fake_pci_add(fake_pci_add_bridge(one, 0x18), 0x20, 0x1af4, 0x1042);
    return is_express ? 0x0100 : 0x0010;
}

/* Conventional PCI has no requester ids: the outermost bridge's id
 * stands for everything below it. */
static void test_bridges_stand_for_devices_below_them(void **state)
{
    (void)state;
    for (unsigned express = 0; express < 2; express++) {
        pci_host_destroy(t.host);
        msi.device_id = add_behind_bridges(express != 0);
        fake_pci_set(t.function, 0x06, 2, 0x10);
        add_msi(true);
        const struct boot_pci_host host = {.bus_last = 5, .dma_coherent = true};
        assert_int_equal(pci_host_create(&host, &fake_pci_ops, &t.host), OK);
        assert_int_equal(pci_scan(t.host), OK);
        pci_for_each(t.host->root, pick, NULL);
        assert_int_equal(pci_irq_setup(t.d, 1), OK);
        assert_int_equal(t.d->irq_kind, PCI_IRQ_MSI);
        pci_irq_teardown(t.d);
    }
    heap_get_stats(&t.before); /* the host is a different one */
}

static bool set_up_and_tear_down_vectors(void)
{
    if (pci_irq_setup(t.d, ENTRIES) != OK) {
        assert_int_equal(t.d->irq_kind, PCI_IRQ_NONE);
        return false;
    }
    uint32_t requested = 0;
    while (requested < t.d->vector_count &&
           pci_irq_request(t.d, requested, handle, &weight[requested], "test") == OK) {
        requested++;
    }
    bool is_whole = requested == t.d->vector_count;
    while (requested > 0) {
        pci_irq_release(t.d, --requested);
    }
    pci_irq_teardown(t.d);
    for (unsigned i = 0; i < MSI_COUNT; i++) {
        assert_false(msi.taken[i]);
    }
    return is_whole;
}

/* Without memory for the table the line is used instead, so not every failed
 * allocation fails the set-up. */
static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    add_msix(TABLE);
    fake_sweep("MSI-X", set_up_and_tear_down_vectors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_msix_vectors_are_their_own_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fewer_vectors_than_wanted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_messages_the_line_is_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_table_outside_its_bar, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_msi_with_a_long_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_msi_with_a_short_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_address_too_long_for_the_device, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_interrupt_at_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ids_are_mapped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_storm_masks_the_entry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_move_does_not_mask_an_entry_that_is_being_unmasked,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_move_does_not_unmask_an_entry_that_is_being_masked,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_message_is_composed_again_for_the_next_handler,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_line_that_moves_has_no_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_line_despite_free_messages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bridges_stand_for_devices_below_them, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_each_allocation_may_fail, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
