// SPDX-License-Identifier: MIT
//
// The local APIC and the event timers against a fake CPU: features that QEMU's TCG lacks (x2APIC,
// TSC deadline), and states in which other firmware than QEMU's may leave it. The fake follows the
// SDM, volume 3A: the possible changes of mode (11.12.5), the accesses that work in each, and the
// effect of a write to the deadline in each timer mode (11.5.4.1).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/apic.c"
#include "arch/x86_64/event_timer.c"
#include "fake/fake.h"

#define BASE      0xfee00000u
#define BSP       0x100u
#define REGISTERS 0x400u

static struct {
    bool has_apic, has_x2apic, has_deadline;
    uint64_t base;           /* IA32_APIC_BASE */
    uint32_t reg[REGISTERS]; /* by offset, both modes */
    uint32_t xapic_id, x2apic_id;
    uint64_t deadline;
    bool fenced; /* no store to the LVT since the last fence */
    unsigned eois, leaves_idle;
    uint64_t sent[8]; /* target in the upper half, command in the lower */
    unsigned sent_count;
} pc;

void hal_mmu_leave_idle(void)
{
    pc.leaves_idle++;
}

/* ---- The CPU ---- */

struct cpuid fake_cpuid(uint32_t leaf, uint32_t subleaf)
{
    assert_int_equal(leaf, 1);
    assert_int_equal(subleaf, 0);
    return (struct cpuid){.ecx = (pc.has_x2apic ? 1u << 21 : 0) | (pc.has_deadline ? 1u << 24 : 0)};
}

static bool is_x2(void)
{
    return (pc.base & 0xc00) == 0xc00;
}

static uint32_t read_register(uint32_t offset)
{
    assert_true(offset % 0x10 == 0 && offset < REGISTERS);
    return offset != 0x20 ? pc.reg[offset] : is_x2() ? pc.x2apic_id : pc.xapic_id << 24;
}

static void write_register(uint32_t offset, uint32_t value)
{
    assert_true(offset % 0x10 == 0 && offset < REGISTERS && offset != 0x20);
    if (offset == 0xb0) {
        assert_int_equal(value, 0); /* #GP in x2APIC mode */
        pc.eois++;
    }
    if (offset == 0x300) { /* this store sends */
        assert_true(pc.sent_count < 8);
        pc.sent[pc.sent_count++] = ((uint64_t)(pc.reg[0x310] >> 24) << 32) | value;
    }
    if (offset == 0x320 && ((value ^ pc.reg[offset]) & 3u << 17) != 0) {
        pc.deadline = 0; /* a change of mode disarms */
    }
    pc.reg[offset] = value;
}

uint64_t fake_msr_read(uint32_t msr)
{
    if (msr == 0x1b) {
        return pc.base;
    }
    if (msr == 0x6e0) {
        return pc.deadline;
    }
    assert_true(is_x2()); /* else #GP */
    assert_in_range(msr, 0x800, 0x83f);
    return read_register((msr - 0x800) << 4);
}

static void write_base(uint64_t value)
{
    unsigned from = pc.base >> 10 & 3, to = value >> 10 & 3;
    if (!pc.has_apic) {
        return;
    }
    assert_int_not_equal(to, 1);                  /* x2APIC without enable: #GP */
    assert_true(to != 3 || pc.has_x2apic);        /* reserved bit: #GP */
    assert_false(from == 3 && to == 2);           /* from x2APIC back to xAPIC: #GP */
    assert_false(from == 0 && to == 3);           /* from off to x2APIC: #GP */
    assert_int_equal(value & BSP, pc.base & BSP); /* other bits that firmware set stay */
    pc.base = value;
}

/* mfence() appends to the journal. */
static bool was_fenced(void)
{
    size_t len = strlen(fake_journal());
    return len >= 6 && strcmp(fake_journal() + len - 6, "mfence") == 0;
}

void fake_msr_write(uint32_t msr, uint64_t value)
{
    if (msr == 0x1b) {
        write_base(value);
    } else if (msr == 0x6e0) {
        assert_true(pc.fenced);
        pc.deadline = (pc.reg[0x320] & 3u << 17) == 2u << 17 ? value : 0;
    } else if (msr == 0x830) {
        assert_true(is_x2() && was_fenced()); /* this WRMSR can overtake earlier stores */
        assert_true(pc.sent_count < 8);
        pc.sent[pc.sent_count++] = value;
    } else {
        assert_true(is_x2());
        assert_true(value <= UINT32_MAX);
        assert_in_range(msr, 0x800, 0x83f);
        write_register((msr - 0x800) << 4, (uint32_t)value);
    }
}

/* xAPIC registers: memory for the driver, a handler in the fake, so the
 * region is marked as "ports". */
static uint64_t read_memory(uint16_t at, unsigned bytes)
{
    assert_int_equal(bytes, 4);
    assert_int_equal(pc.base & 0xc00, 0x800);
    return read_register(at);
}

static void write_memory(uint16_t at, unsigned bytes, uint64_t value)
{
    assert_int_equal(bytes, 4);
    assert_int_equal(pc.base & 0xc00, 0x800);
    write_register(at, (uint32_t)value);
    pc.fenced = pc.fenced && at != 0x320;
}

/* Pins: the IOAPIC driver's configuration of each. */
static struct {
    unsigned vector;
    uint32_t apic_id;
    bool masked;
} pin;

enum status ioapic_configure(uint32_t gsi, unsigned vector, uint32_t apic_id,
                             enum irq_trigger trigger)
{
    (void)trigger;
    if (gsi > 23) {
        return E_RANGE;
    }
    pin.vector = vector;
    pin.apic_id = apic_id;
    pin.masked = true;
    return OK;
}

void ioapic_route(uint32_t gsi, uint32_t apic_id)
{
    (void)gsi;
    pin.apic_id = apic_id;
}

void ioapic_set_mask(uint32_t gsi, bool is_masked)
{
    assert_in_range(gsi, 0, 23);
    pin.masked = is_masked;
}

/* ---- Tests ---- */

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    memset(&pc, 0, sizeof(pc));
    memset(vector_line, 0, sizeof(vector_line));
    memset(line_vector, 0, sizeof(line_vector));
    pc.has_apic = true;
    pc.base = BASE | BSP | 0x800;
    pc.xapic_id = pc.x2apic_id = 3;
    pc.fenced = true;
    fake_on_port_read = read_memory;
    fake_on_port_write = write_memory;
    return 0;
}

static const char *start(void)
{
    const struct io_region regs = {.base = 0, .len = REGISTERS, .is_port = true};
    const struct io_region none = {0};
    return apic_init(apic_needs_registers() ? &regs : &none);
}

static void expect_enabled(const char *mode)
{
    assert_string_equal(apic_mode(), mode);
    assert_int_equal(pc.reg[0xf0], 0x1ff);    /* on, spurious vector 255 */
    assert_int_equal(pc.reg[0x80], 0);        /* every priority */
    assert_int_equal(pc.reg[0x350], 0x10700); /* LINT0: masked */
    assert_int_equal(pc.reg[0x360], 0x400);   /* LINT1: NMI */
    assert_int_equal(pc.reg[0x320], 0x100f0); /* timer: masked, one-shot */
    assert_true(was_fenced());
    assert_int_equal(boot_apic_id, 3);
}

static void test_xapic_where_there_is_nothing_else(void **state)
{
    (void)state;
    assert_true(apic_needs_registers());
    assert_null(start());
    assert_int_equal(pc.base, BASE | BSP | 0x800);
    expect_enabled("xAPIC");
}

static void test_x2apic_where_the_cpu_has_it(void **state)
{
    (void)state;
    pc.has_x2apic = true;
    assert_false(apic_needs_registers());
    assert_null(start());
    assert_int_equal(pc.base, BASE | BSP | 0xc00);
    expect_enabled("x2APIC");
    assert_null(start()); /* once more, as with the final page tables */
    expect_enabled("x2APIC");
}

static void test_firmware_left_x2apic_on(void **state)
{
    (void)state;
    pc.has_x2apic = true;
    pc.base |= 0x400;
    pc.reg[0x320] = 0x2f1; /* and a running timer */
    assert_null(start());
    expect_enabled("x2APIC");
}

static void test_firmware_left_the_apic_disabled(void **state)
{
    (void)state;
    pc.base &= ~UINT64_C(0x800);
    assert_null(start());
    expect_enabled("xAPIC");
    set_up(state);
    pc.base &= ~UINT64_C(0x800);
    pc.has_x2apic = true;
    assert_null(start()); /* through xAPIC mode */
    expect_enabled("x2APIC");
}

static void test_an_apic_that_stays_off_is_named(void **state)
{
    (void)state;
    pc.base &= ~UINT64_C(0x800);
    pc.has_apic = false;
    assert_string_equal(start(), "the local APIC is disabled and stays so");
}

/* A message has 8 bits for its CPU. */
static void test_an_id_too_long_is_reported(void **state)
{
    (void)state;
    pc.has_x2apic = true;
    pc.x2apic_id = 255;
    assert_non_null(strstr(start(), "above 254"));
    pc.x2apic_id = 0x10003;
    assert_non_null(strstr(start(), "above 254"));
    pc.x2apic_id = 254;
    assert_null(start());
}

static void start_another(const struct hal_cpu *cpu)
{
    assert_int_equal(apic_irq_controller.add_cpu(cpu), OK);
    apic_send((uint32_t)cpu->hw_id, APIC_SEND_INIT);
    apic_send((uint32_t)cpu->hw_id, APIC_SEND_STARTUP | 0x9e);
    apic_irq_controller.raise(cpu);
    assert_true(apic_irq_controller.raise_nmi(cpu));
    uint64_t target = cpu->hw_id << 32;
    assert_int_equal(pc.sent_count, 4);
    assert_int_equal(pc.sent[0], target | 0x4500);
    assert_int_equal(pc.sent[1], target | 0x469e);
    assert_int_equal(pc.sent[2], target | 0x40f1);
    assert_int_equal(pc.sent[3], target | 0x4400); /* NMI */
}

static void test_cpus_are_interrupted_in_both_modes(void **state)
{
    const struct hal_cpu narrow = {.hw_id = 254}, all = {.hw_id = 255}, wide = {.hw_id = 0x10203};
    const struct hal_cpu every = {.hw_id = UINT32_MAX}, none = {.hw_id = UINT64_C(1) << 32};
    assert_null(start());
    start_another(&narrow);
    /* this id would address every CPU */
    assert_int_equal(apic_irq_controller.add_cpu(&all), E_RANGE);
    assert_int_equal(apic_irq_controller.add_cpu(&wide), E_RANGE);

    set_up(state);
    pc.has_x2apic = true;
    assert_null(start());
    start_another(&wide);
    assert_int_equal(apic_irq_controller.add_cpu(&all), OK);
    assert_int_equal(apic_irq_controller.add_cpu(&every), E_RANGE);
    assert_int_equal(apic_irq_controller.add_cpu(&none), E_RANGE);
}

static void test_an_interrupt_from_another_cpu_belongs_to_no_line(void **state)
{
    (void)state;
    assert_null(start());
    assert_int_equal(apic_irq_controller.ack(0xf1), IRQ_LINE_IPI);
    assert_int_equal(pc.eois, 1);
    assert_int_equal(pc.leaves_idle, 1);
}

/* Its timer is then set up like the boot CPU's. */
static void test_a_cpu_that_starts_sets_its_own_apic_up(void **state)
{
    (void)state;
    pc.has_x2apic = true;
    pc.has_deadline = true;
    assert_null(start());
    (void)event_timer_choose();
    apic_irq_controller.unmask(APIC_LINE_TIMER);
    memset(pc.reg, 0, sizeof(pc.reg)); /* the other CPU's registers, as INIT leaves them */
    pc.base = BASE | BSP | 0x800;
    assert_int_equal(apic_irq_controller.init_cpu(), OK);
    assert_int_equal(pc.base, BASE | BSP | 0xc00);
    assert_int_equal(pc.reg[0xf0], 0x1ff);
    assert_int_equal(pc.reg[0x320], 0x400f0);
    assert_int_equal(pc.reg[0x3e0], 0xb);
    pc.has_apic = false;
    pc.base = BASE | BSP;
    assert_int_equal(apic_irq_controller.init_cpu(), E_NODEV);
}

static void check_lines(void)
{
    uint32_t first, count, data;
    uint64_t address;
    assert_null(start());
    assert_int_equal(apic_irq_controller.configure(9, IRQ_LEVEL_LOW), OK);
    assert_int_equal(pin.apic_id, 3);
    apic_irq_controller.unmask(9);
    assert_false(pin.masked);
    assert_int_equal(apic_irq_controller.ack(pin.vector), 9);
    apic_irq_controller.eoi(9);
    assert_int_equal(pc.eois, 1);

    assert_int_equal(apic_msi_controller.alloc(0, 4, &first, &count), OK);
    assert_int_equal(count, 4);
    for (uint32_t i = 0; i < count; i++) {
        apic_msi_controller.compose(first + i, &address, &data);
        assert_int_equal(address, BASE | 3 << 12);
        assert_int_equal(apic_irq_controller.configure(first + i, IRQ_EDGE), OK);
        assert_int_equal(apic_irq_controller.ack(data), first + i);
    }
    apic_msi_controller.free(0, first, count);
    assert_int_equal(apic_irq_controller.configure(first, IRQ_EDGE), E_RANGE);

    pc.eois = 0;
    assert_int_equal(apic_irq_controller.ack(0xff), IRQ_LINE_NONE);
    assert_int_equal(pc.eois, 0); /* a spurious interrupt is not in service */
    assert_int_equal(apic_irq_controller.ack(data), IRQ_LINE_STRAY);
    assert_int_equal(pc.eois, 1);
}

static uint64_t message_address(uint32_t line)
{
    uint64_t address;
    uint32_t data;
    apic_msi_controller.compose(line, &address, &data);
    assert_int_equal(apic_irq_controller.ack(data), line);
    return address;
}

/* The vector stays the same, whichever CPU handles it. */
static void test_lines_and_messages_are_routed(void **state)
{
    const struct hal_cpu nine = {.id = 1, .hw_id = 9}, far = {.id = 2, .hw_id = 300};
    uint32_t first, count;
    (void)state;
    assert_null(start());
    assert_int_equal(apic_irq_controller.configure(9, IRQ_LEVEL_LOW), OK);
    assert_int_equal(apic_irq_controller.route(9, &nine), OK);
    assert_int_equal(pin.apic_id, 9);
    assert_int_equal(apic_irq_controller.route(9, &far), E_RANGE);
    assert_int_equal(pin.apic_id, 9);
    /* the line was not configured */
    assert_int_equal(apic_irq_controller.route(10, &nine), E_RANGE);
    assert_int_equal(apic_irq_controller.route(APIC_LINE_TIMER, &nine), E_NOTSUP);
    assert_int_equal(apic_irq_controller.route(UINT32_MAX, &nine), E_RANGE);

    assert_int_equal(apic_msi_controller.alloc(0, 2, &first, &count), OK);
    assert_int_equal(apic_irq_controller.route(first + 1, &nine), OK);
    assert_int_equal(apic_irq_controller.route(first + 1, &far), E_RANGE);
    assert_int_equal(message_address(first), BASE | 3 << 12);
    assert_int_equal(message_address(first + 1), BASE | 9 << 12);
    apic_msi_controller.free(0, first, count);
    assert_int_equal(apic_irq_controller.route(first + 1, &nine), E_RANGE);
    assert_int_equal(apic_msi_controller.alloc(0, 2, &first, &count), OK);
    assert_int_equal(message_address(first + 1), BASE | 3 << 12); /* where a new owner starts */
    apic_msi_controller.free(0, first, count);
}

static void test_lines_and_messages_in_both_modes(void **state)
{
    check_lines();
    set_up(state);
    pc.has_x2apic = true;
    check_lines();
}

static void test_messages_run_out(void **state)
{
    (void)state;
    uint32_t first, count, second, rest, third, n;
    assert_null(start());
    assert_int_equal(apic_msi_controller.alloc(0, 150, &first, &count), OK);
    assert_int_equal(count, 150);
    assert_int_equal(apic_msi_controller.alloc(0, 150, &second, &rest), OK);
    assert_int_equal(rest, 42); /* vectors 0x30 to 0xef are all that exist */
    assert_int_equal(apic_msi_controller.alloc(0, 1, &third, &n), E_NOSPC);
    apic_msi_controller.free(0, first, count);
    assert_int_equal(apic_msi_controller.alloc(0, 1, &third, &n), OK);
    apic_msi_controller.free(0, second, rest);
    apic_msi_controller.free(0, third, n);
}

static void check_one_shot(void)
{
    assert_null(start());
    const struct event_timer *t = event_timer_choose();
    assert_string_equal(t->name, "local APIC one-shot");
    event_timer_set_rate(UINT64_C(1) << 31); /* half the TSC's */
    fake_counter = 1000;
    t->arm(3000);
    assert_int_equal(pc.reg[0x380], 1001);
    t->arm(500);
    assert_int_equal(pc.reg[0x380], 1); /* at once */
    t->arm(UINT64_MAX);
    assert_int_equal(pc.reg[0x380], UINT32_MAX);
    t->disarm();
    assert_int_equal(pc.reg[0x380], 0);
    apic_irq_controller.unmask(APIC_LINE_TIMER);
    assert_int_equal(pc.reg[0x320], 0xf0);
    apic_irq_controller.mask(APIC_LINE_TIMER);
    assert_int_equal(pc.reg[0x320], 0x100f0);
}

static void check_deadline(void)
{
    pc.has_deadline = true;
    assert_null(start());
    const struct event_timer *t = event_timer_choose();
    assert_string_equal(t->name, "TSC deadline");
    assert_int_equal(pc.reg[0x320], 0x500f0);
    apic_irq_controller.unmask(APIC_LINE_TIMER);
    assert_int_equal(pc.reg[0x320], 0x400f0); /* masking keeps the mode */
    pc.fenced = was_fenced();
    t->arm(123456789);
    assert_int_equal(pc.deadline, 123456789);
    t->arm(0); /* 0 would disarm */
    assert_int_equal(pc.deadline, 1);
    t->disarm();
    assert_int_equal(pc.deadline, 0);
    apic_irq_controller.mask(APIC_LINE_TIMER);
    assert_int_equal(pc.reg[0x320], 0x500f0);
    assert_int_equal(apic_irq_controller.ack(APIC_VECTOR_TIMER), APIC_LINE_TIMER);
}

static void test_the_one_shot_in_both_modes(void **state)
{
    check_one_shot();
    set_up(state);
    pc.has_x2apic = true;
    check_one_shot();
}

static void test_the_deadline_in_both_modes(void **state)
{
    check_deadline();
    set_up(state);
    pc.has_x2apic = true;
    check_deadline();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_xapic_where_there_is_nothing_else, set_up),
        cmocka_unit_test_setup(test_x2apic_where_the_cpu_has_it, set_up),
        cmocka_unit_test_setup(test_firmware_left_x2apic_on, set_up),
        cmocka_unit_test_setup(test_firmware_left_the_apic_disabled, set_up),
        cmocka_unit_test_setup(test_an_apic_that_stays_off_is_named, set_up),
        cmocka_unit_test_setup(test_an_id_too_long_is_reported, set_up),
        cmocka_unit_test_setup(test_cpus_are_interrupted_in_both_modes, set_up),
        cmocka_unit_test_setup(test_an_interrupt_from_another_cpu_belongs_to_no_line, set_up),
        cmocka_unit_test_setup(test_a_cpu_that_starts_sets_its_own_apic_up, set_up),
        cmocka_unit_test_setup(test_lines_and_messages_are_routed, set_up),
        cmocka_unit_test_setup(test_lines_and_messages_in_both_modes, set_up),
        cmocka_unit_test_setup(test_messages_run_out, set_up),
        cmocka_unit_test_setup(test_the_one_shot_in_both_modes, set_up),
        cmocka_unit_test_setup(test_the_deadline_in_both_modes, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
