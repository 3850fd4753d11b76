// SPDX-License-Identifier: MIT
//
// Real interrupts of a device that raises one on request: QEMU's "edu" (docs/specs/edu.txt in its
// source tree). The tests cover its messages, its line, unshared and shared, and deliberate storms.
// They need `--qemu "-device edu"`; those about a shared line need two such devices on one pin.
#include "drivers/pci/host.h"
#include "hal/cpu.h"
#include "hal/irq.h"
#include "kernel/base/clock.h"
#include "kernel/io/block.h"
#include "kernel/io/irq.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/test/test.h"
#include "tests/kernel/tests.h"

#include <stdatomic.h>

#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8
#define EDU_MAX    4

enum {
    EDU_ID = 0x00,
    EDU_FACTORIAL = 0x08,
    EDU_STATUS = 0x20,
    EDU_PENDING = 0x24,
    EDU_RAISE = 0x60,
    EDU_ACKNOWLEDGE = 0x64,
};
#define EDU_ID_VALUE     0x010000edu
#define EDU_STATUS_RAISE 0x80u /* when the factorial is complete */

#define ROUNDS      1000u
#define MOVE_ROUNDS 50u
#define LIMIT_S     20u

enum behaviour { ACKNOWLEDGES, REFUSES, CLAIMS_ONLY };

/* Field protection: [h] written by the handler; read after the test has seen `calls` */
struct edu {
    struct pci_device *pci;
    struct io_region regs;
    uint32_t line;
    _Atomic enum behaviour behaviour; /* relaxed: one CPU */
    _Atomic uint32_t calls;           /* calls that found an interrupt; release after `pending` */
    uint32_t pending;                 /* [h] what the last such call read */
};

static struct edu edus[EDU_MAX];
static unsigned edu_count;

static enum irq_result edu_interrupt(void *ctx)
{
    struct edu *e = ctx;
    uint32_t pending = io_read32(&e->regs, EDU_PENDING);
    switch (atomic_load_explicit(&e->behaviour, memory_order_relaxed)) {
    case REFUSES:
        return IRQ_NOT_MINE;
    case CLAIMS_ONLY:
        return IRQ_HANDLED;
    case ACKNOWLEDGES:
        break;
    }
    if (pending == 0) {
        return IRQ_NOT_MINE;
    }
    io_write32(&e->regs, EDU_ACKNOWLEDGE, pending);
    (void)io_read32(&e->regs, EDU_PENDING); /* wait until the device has lowered its line */
    e->pending = pending;
    atomic_fetch_add_explicit(&e->calls, 1, memory_order_release);
    return IRQ_HANDLED;
}

static void find_edu(void *ctx, struct device *dev)
{
    (void)ctx;
    if (dev->bus != &pci_bus_type || edu_count == EDU_MAX) {
        return;
    }
    struct pci_device *d = pci_of(dev);
    if (d->vendor == EDU_VENDOR && d->device == EDU_DEVICE) {
        edus[edu_count++].pci = d;
    }
}

/* False: there are too few, and the test is skipped. */
static bool find_edus(unsigned needed)
{
    memset(edus, 0, sizeof(edus));
    edu_count = 0;
    device_for_each(find_edu, NULL);
    if (edu_count < needed) {
        test_skip("no edu device");
    }
    return edu_count >= needed;
}

static bool open_edu(struct edu *e, bool by_line)
{
    enum irq_trigger trigger;
    struct pci_device *d = e->pci;
    TEST_EQUAL(pci_enable(d, true), OK);
    TEST_EQUAL(pci_map_bar(d, 0, 0, 0x1000, &e->regs), OK);
    TEST_EQUAL(io_read32(&e->regs, EDU_ID), EDU_ID_VALUE);
    TEST_CHECK(pci_route_intx(d, &e->line, &trigger));
    enum status s = by_line ? pci_irq_setup_line(d) : pci_irq_setup(d, 1);
    TEST_EQUAL(s, OK);
    if (s == OK) {
        s = pci_irq_request(d, 0, edu_interrupt, e, "edu");
        TEST_EQUAL(s, OK);
    }
    return s == OK;
}

static void close_edu(struct edu *e)
{
    io_write32(&e->regs, EDU_ACKNOWLEDGE, UINT32_MAX);
    pci_irq_release(e->pci, 0);
    pci_irq_teardown(e->pci);
    pci_unmap_bar(&e->regs);
    pci_disable(e->pci);
}

static void raise(struct edu *e, uint32_t value)
{
    io_write32(&e->regs, EDU_RAISE, value);
}

/* A busy host may delay the device's own thread; the limit is far beyond that. */
static bool wait_for_calls(struct edu *e, uint32_t calls)
{
    uint64_t limit = clock_now_ns() + LIMIT_S * NS_PER_S;
    while (atomic_load_explicit(&e->calls, memory_order_acquire) < calls) {
        if (clock_now_ns() > limit) {
            return false;
        }
        hal_cpu_relax();
    }
    return true;
}

static bool get_info(uint32_t line, struct irq_info *out)
{
    for (uint32_t i = 0; irq_get_info(i, out); i++) {
        if (out->line == line) {
            return true;
        }
    }
    return false;
}

static void raise_each(struct edu *e)
{
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        raise(e, i);
        if (!wait_for_calls(e, i)) {
            test_fail(__FILE__, __LINE__, "interrupt %u did not come", i);
            return;
        }
        TEST_EQUAL(e->pending, i);
    }
    TEST_EQUAL(atomic_load_explicit(&e->calls, memory_order_acquire), ROUNDS);
    TEST_EQUAL(io_read32(&e->regs, EDU_PENDING), 0);
}

static void each_message_is_one_interrupt(void)
{
    if (!find_edus(1)) {
        return;
    }
    struct edu *e = &edus[0];
    if (open_edu(e, false)) {
        bool has_messages = machine_msi_controller() != NULL;
        TEST_EQUAL(e->pci->irq_kind, has_messages ? PCI_IRQ_MSI : PCI_IRQ_INTX);
        raise_each(e);
        close_edu(e);
    }
}

/* A line that carries a message has no other handlers. */
static uint32_t line_of(const struct edu *e)
{
    struct irq_info info;
    if (e->pci->irq_kind == PCI_IRQ_INTX) {
        return e->line;
    }
    for (uint32_t i = 0; irq_get_info(i, &info); i++) {
        if (info.handlers == 1 && strcmp(info.names[0], "edu") == 0) {
            return info.line;
        }
    }
    test_fail(__FILE__, __LINE__, "no line of an edu device");
    return 0;
}

static uint64_t taken_by(uint32_t line, cpu_t cpu)
{
    struct irq_share share;
    return irq_get_share(line, cpu, &share) ? share.count : 0;
}

/* No interrupt is pending when the line moves, so none may arrive at the CPU that had it before. */
static void move_around(struct edu *e, uint32_t line)
{
    uint32_t calls = atomic_load_explicit(&e->calls, memory_order_acquire);
    for (uint32_t i = 0; i < 4 * sched_cpu_count(); i++) {
        cpu_t cpu = (cpu_t)(i % sched_cpu_count());
        uint64_t before = taken_by(line, cpu);
        enum status s = irq_set_cpu(line, cpu);
        if (s != OK) {
            test_fail(__FILE__, __LINE__, "line %u to CPU %u: %s", line, cpu, status_text(s));
            return;
        }
        for (uint32_t k = 1; k <= MOVE_ROUNDS; k++) {
            raise(e, k);
            calls++;
            if (!wait_for_calls(e, calls)) {
                test_fail(__FILE__, __LINE__, "interrupt %u did not come to CPU %u", k, cpu);
                return;
            }
        }
        TEST_CHECK(taken_by(line, cpu) - before >= MOVE_ROUNDS); /* a disk may share the line */
    }
}

static void move_lines(bool by_line)
{
    struct irq_info info;
    struct edu *e = &edus[0];
    if (!find_edus(1) || !open_edu(e, by_line)) {
        return;
    }
    uint32_t line = line_of(e);
    move_around(e, line);
    TEST_EQUAL(irq_set_cpu(line, sched_cpu_count()), E_INVAL);
    TEST_CHECK(get_info(line, &info));
    TEST_EQUAL(info.cpu, sched_cpu_count() - 1);
    close_edu(e);
    if (info.handlers == 1) {
        TEST_EQUAL(irq_set_cpu(line, 0), E_NODEV);
    } else {
        TEST_EQUAL(irq_set_cpu(line, 0), OK);
    }
    TEST_CHECK(get_info(line, &info));
    TEST_EQUAL(info.cpu, 0); /* where a new owner starts */
}

static void a_message_goes_to_any_cpu(void)
{
    move_lines(false);
}

static void a_line_goes_to_any_cpu(void)
{
    move_lines(true);
}

/* Like a driver that recovers: the device keeps its message while the line has no handler, and the
 * line returns to the CPU where lines start. */
static void a_message_follows_its_line_to_the_next_handler(void)
{
    struct edu *e = &edus[0];
    if (!find_edus(1) || !open_edu(e, false)) {
        return;
    }
    uint32_t line = line_of(e);
    TEST_EQUAL(irq_set_cpu(line, sched_cpu_count() - 1), OK);
    pci_irq_release(e->pci, 0);
    TEST_EQUAL(pci_irq_request(e->pci, 0, edu_interrupt, e, "edu"), OK);
    uint64_t before = taken_by(line, 0);
    raise(e, 1);
    TEST_CHECK(wait_for_calls(e, 1));
    TEST_CHECK(taken_by(line, 0) > before);
    close_edu(e);
}

/* The line moves from CPU to CPU while the device interrupts as fast as it can. No
 * interrupt is lost or counted twice. */
static void a_busy_line_moves(void)
{
    struct edu *e = &edus[0];
    if (!find_edus(1) || !open_edu(e, false)) {
        return;
    }
    uint32_t line = line_of(e);
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        raise(e, i);
        TEST_EQUAL(irq_set_cpu(line, (cpu_t)(i % sched_cpu_count())), OK);
        if (!wait_for_calls(e, i)) {
            test_fail(__FILE__, __LINE__, "interrupt %u did not come", i);
            break;
        }
    }
    TEST_EQUAL(e->pending, ROUNDS);
    close_edu(e);
}

static void a_device_interrupts_when_its_work_is_done(void)
{
    if (!find_edus(1)) {
        return;
    }
    struct edu *e = &edus[0];
    if (open_edu(e, false)) {
        io_write32(&e->regs, EDU_STATUS, EDU_STATUS_RAISE);
        io_write32(&e->regs, EDU_FACTORIAL, 10);
        TEST_CHECK(wait_for_calls(e, 1));
        TEST_EQUAL(io_read32(&e->regs, EDU_FACTORIAL), 3628800);
        io_write32(&e->regs, EDU_STATUS, 0);
        close_edu(e);
    }
}

/* Attach and detach repeatedly: every vector, line and table is freed. */
static void messages_are_freed(void)
{
    struct heap_stats before, after;
    if (!find_edus(1)) {
        return;
    }
    struct edu *e = &edus[0];
    for (unsigned i = 0; i <= ROUNDS; i++) {
        if (!open_edu(e, false)) {
            return;
        }
        raise(e, 1);
        TEST_CHECK(wait_for_calls(e, i + 1));
        close_edu(e);
        if (i == 0) { /* memory that lines keep is allocated by now */
            heap_get_stats(&before);
        }
    }
    heap_get_stats(&after);
    TEST_EQUAL(after.live_objects, before.live_objects);
}

static void a_line_interrupts_once_each_time(void)
{
    if (!find_edus(1)) {
        return;
    }
    if (open_edu(&edus[0], true)) {
        TEST_EQUAL(edus[0].pci->irq_kind, PCI_IRQ_INTX);
        raise_each(&edus[0]);
        close_edu(&edus[0]);
    }
}

static bool find_pair(struct edu **a, struct edu **b)
{
    enum irq_trigger trigger;
    for (unsigned i = 0; i < edu_count; i++) {
        TEST_CHECK(pci_route_intx(edus[i].pci, &edus[i].line, &trigger));
        for (unsigned j = 0; j < i; j++) {
            if (edus[i].line == edus[j].line) {
                *a = &edus[j];
                *b = &edus[i];
                return true;
            }
        }
    }
    test_skip("no two edu devices share a line");
    return false;
}

static void find_scratch(void *ctx, struct block_device *dev)
{
    char *name = ctx;
    if (strcmp(dev->serial, "scratch") == 0) {
        str_copy(name, sizeof(dev->name), dev->name);
    }
}

/* Raise both at once, then one after the other, with disk reads in between:
 * the disk may share the line. */
static void share_line(struct edu *a, struct edu *b, struct block_device *disk, void *data)
{
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        irq_state_t state = hal_irq_save();
        raise(a, i);
        raise(b, 2 * i);
        hal_irq_restore(state);
        if (disk != NULL && i % 4 == 0) {
            TEST_EQUAL(block_read(disk, 0, data, 4096), OK);
        }
        if (!wait_for_calls(a, i) || !wait_for_calls(b, i)) {
            test_fail(__FILE__, __LINE__, "interrupt %u did not come", i);
            return;
        }
        TEST_EQUAL(a->pending, i);
        TEST_EQUAL(b->pending, 2 * i);
    }
}

static void devices_that_share_a_line_lose_nothing(void)
{
    struct edu *a, *b;
    struct irq_info before, after;
    char name[sizeof(((struct block_device *)0)->name)] = "";
    if (!find_edus(2) || !find_pair(&a, &b) || !open_edu(a, true)) {
        return;
    }
    if (open_edu(b, true)) {
        block_for_each(find_scratch, name);
        struct block_device *disk = name[0] != '\0' ? block_open(name) : NULL;
        void *data = heap_alloc(4096);
        TEST_CHECK(get_info(a->line, &before));
        TEST_CHECK(before.handlers >= 2);
        share_line(a, b, disk, data);
        TEST_CHECK(get_info(a->line, &after));
        TEST_CHECK(after.count - before.count >= ROUNDS);
        TEST_CHECK(after.unclaimed - before.unclaimed <= 2);
        heap_free(data);
        if (disk != NULL) {
            block_close(disk);
        }
        close_edu(b);
    }
    close_edu(a);
}

/* The storm masks the line, so that this thread runs again; the line is
 * unmasked once the device is quiet. */
static void storm(enum behaviour behaviour)
{
    struct irq_info info;
    if (!find_edus(1)) {
        return;
    }
    struct edu *e = &edus[0];
    if (!open_edu(e, true)) {
        return;
    }
    atomic_store_explicit(&e->behaviour, behaviour, memory_order_relaxed);
    uint64_t limit = clock_now_ns() + LIMIT_S * NS_PER_S;
    raise(e, 1);
    do {
        hal_cpu_relax();
        TEST_CHECK(get_info(e->line, &info));
    } while (!info.storming && clock_now_ns() < limit);
    TEST_CHECK(info.storming);

    atomic_store_explicit(&e->behaviour, ACKNOWLEDGES, memory_order_relaxed);
    io_write32(&e->regs, EDU_ACKNOWLEDGE, UINT32_MAX);
    TEST_EQUAL(irq_resume(e->line), OK);
    TEST_CHECK(get_info(e->line, &info));
    TEST_CHECK(!info.storming);
    raise(e, 5);
    TEST_CHECK(wait_for_calls(e, 1));
    TEST_EQUAL(e->pending, 5);
    close_edu(e);
}

static void an_unclaimed_storm_is_masked_and_resumed(void)
{
    storm(REFUSES);
}

static void a_claimed_storm_is_masked_and_resumed(void)
{
    storm(CLAIMS_ONLY);
}

const struct kernel_test irq_tests[] = {
    {"edu_each_message_is_one_interrupt", each_message_is_one_interrupt,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"edu_a_device_interrupts_when_its_work_is_done", a_device_interrupts_when_its_work_is_done,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"edu_messages_are_freed", messages_are_freed, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"edu_a_message_goes_to_any_cpu", a_message_goes_to_any_cpu, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"edu_a_message_follows_its_line_to_the_next_handler",
     a_message_follows_its_line_to_the_next_handler, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"edu_a_line_goes_to_any_cpu", a_line_goes_to_any_cpu, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"edu_a_busy_line_moves", a_busy_line_moves, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"edu_a_line_interrupts_once_each_time", a_line_interrupts_once_each_time,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"edu_devices_that_share_a_line_lose_nothing", devices_that_share_a_line_lose_nothing,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"edu_an_unclaimed_storm_is_masked_and_resumed", an_unclaimed_storm_is_masked_and_resumed,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"edu_a_claimed_storm_is_masked_and_resumed", a_claimed_storm_is_masked_and_resumed,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {0},
};
