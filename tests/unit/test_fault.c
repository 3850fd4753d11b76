// SPDX-License-Identifier: MIT
//
// Owners of faults: the order in which they are asked, and the panic
// block if none handles the fault.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "fake/fake_console.h"
#include "hal/upcall.h"
#include "hal_arch/frame.h"
#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/fault/fault.h"
#include "kernel/lib/format.h"
#include "kernel/tty/console.h"

static struct hal_frame frame;
static struct fault fault;
static const char *asked[4];
static unsigned ask_count;

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    frame = (struct hal_frame){.pc = 0x5000, .sp = 0x7000};
    fault = (struct fault){.cause = FAULT_PAGE,
                           .access = FAULT_READ,
                           .has_address = true,
                           .address = 0x1234,
                           .pc = 0x5000,
                           .frame = &frame};
    ask_count = 0;
    return 0;
}

static bool say_yes(struct fault_owner *self, struct fault *f)
{
    asked[ask_count++] = self->name;
    hal_frame_set_pc(f->frame, 0x6000);
    return true;
}

static bool say_no(struct fault_owner *self, struct fault *f)
{
    (void)f;
    asked[ask_count++] = self->name;
    return false;
}

static bool name_it(struct fault_owner *self, uintptr_t pc, char *buf, size_t len)
{
    fmt_print(buf, len, "%s+0x%zx (prog.c:7)", self->name, (size_t)(pc - self->base));
    return true;
}

static void test_address_owner_is_asked_first(void **state)
{
    (void)state;
    struct fault_owner memory = {
        .base = 0x1000, .size = 0x1000, .name = "memory", .handle = say_yes};
    struct fault_owner code = {.base = 0x5000, .size = 0x100, .name = "code", .handle = say_yes};
    fault_own_code(&code);
    fault_own_addresses(&memory);
    upcall_fault(&fault);
    assert_int_equal(ask_count, 1);
    assert_string_equal(asked[0], "memory");
    assert_int_equal(frame.pc, 0x6000);
    fault_disown(&memory);
    upcall_fault(&fault);
    assert_string_equal(asked[1], "code");
    fault_disown(&code);
}

static void test_refusal_passes_to_the_code_owner(void **state)
{
    (void)state;
    struct fault_owner memory = {
        .base = 0x1000, .size = 0x1000, .name = "memory", .handle = say_no};
    struct fault_owner code = {.base = 0x5000, .size = 0x1, .name = "code", .handle = say_yes};
    fault_own_addresses(&memory);
    fault_own_code(&code);
    upcall_fault(&fault);
    assert_int_equal(ask_count, 2);
    assert_string_equal(asked[1], "code");
    fault_disown(&memory);
    fault_disown(&code);
}

static void test_ranges_have_exact_ends(void **state)
{
    (void)state;
    struct fault_owner code = {.base = 0x5000, .size = 0x10, .name = "code", .handle = say_yes};
    fault_own_code(&code);
    assert_true(fault_code_is_program(0x5000));
    assert_true(fault_code_is_program(0x500f));
    assert_false(fault_code_is_program(0x5010));
    assert_false(fault_code_is_program(0x4fff));
    fault_disown(&code);
    assert_false(fault_code_is_program(0x5000));
}

static void test_no_thread_is_ended_in_a_drivers_code(void **state)
{
    (void)state;
    struct fault_owner code = {
        .base = 0x5000, .size = 0x10, .name = "code", .is_kernel = true, .handle = say_yes};
    fault_own_code(&code);
    assert_false(fault_code_is_program(0x5000));
    fault_disown(&code);
}

static struct fault_owner named;
static bool was_held;

static bool name_held(struct fault_owner *self, uintptr_t pc, char *buf, size_t len)
{
    was_held = self->running > 0;
    /* a name as it may occur in a file */
    snprintf(buf, len, "na\x1bmed+0x%x", (unsigned)(pc - self->base));
    return true;
}

/* Unregistering waits until no query for a name is running: then the
 * struct and its text may be freed. */
static void test_an_owner_stays_while_it_names_its_code(void **state)
{
    (void)state;
    char text[32];
    named = (struct fault_owner){
        .base = 0x5000, .size = 0x10, .name = "code", .handle = say_yes, .symbol = name_held};
    fault_own_code(&named);
    assert_true(fault_describe_code(0x5004, text, sizeof(text)));
    assert_string_equal(text, "na?med+0x4");
    assert_true(was_held);
    assert_int_equal(named.running, 0);
    assert_false(fault_describe_code(0x5010, text, sizeof(text)));
    named.symbol = NULL;
    assert_false(fault_describe_code(0x5004, text, sizeof(text)));
    fault_disown(&named);
    assert_false(fault_describe_code(0x5004, text, sizeof(text)));
}

static bool saw_sleep, saw_irqs;

static bool look(struct fault_owner *self, struct fault *f)
{
    (void)self;
    saw_sleep = f->may_sleep;
    saw_irqs = hal_irqs_enabled();
    return true;
}

static void test_a_handler_may_sleep_only_where_sleep_is_allowed(void **state)
{
    (void)state;
    struct fault_owner memory = {.base = 0x1000, .size = 0x1000, .name = "memory", .handle = look};
    fault_own_addresses(&memory);
    fault.may_sleep = true;
    upcall_fault(&fault);
    assert_true(saw_sleep && saw_irqs);
    assert_false(hal_irqs_enabled()); /* as the vectors left them */

    fault.may_sleep = true;
    hal_this_cpu()->preempt_off = 1; /* a spinlock is held */
    upcall_fault(&fault);
    hal_this_cpu()->preempt_off = 0;
    assert_false(saw_sleep || saw_irqs);
    fault_disown(&memory);
}

/** The position of these words in the text, where they must occur. */
static size_t place(const char *words)
{
    const char *at = strstr(fake_console_text(), words);
    assert_non_null(at);
    return (size_t)(at - fake_console_text());
}

static void test_a_fault_without_owner_is_a_complete_panic(void **state)
{
    (void)state;
    struct fault_owner code = {
        .base = 0x5000, .size = 0x10, .name = "spin", .handle = say_no, .symbol = name_it};
    fault_own_code(&code);
    log_debug("test", "a line that nobody saw");
    fault.pc = 0x5004;
    fake_end.armed = true;
    if (setjmp(fake_end.jump) == 0) {
        upcall_fault(&fault);
        fail();
    }
    size_t start = place("PANIC: unexpected fault: fault 0 at 0x5004\n");
    size_t where = place("before threads");
    size_t registers = place("0000000000005000");
    size_t trace = place("#0 spin+0x4 (prog.c:7)\n");
    size_t line = place("a line that nobody saw");
    size_t end = place("PANIC END\n");
    assert_true(start < where && where < registers && registers < trace && trace < line &&
                line < end);
    assert_int_equal(fake_exit_kind, EXIT_PANIC);
    assert_int_equal(fake_exit_status, 120);
    hal_this_cpu()->in_panic = false;
    fault_disown(&code);
}

static bool fault_again(struct fault_owner *self, uintptr_t pc, char *buf, size_t len)
{
    (void)self, (void)pc, (void)buf, (void)len;
    panic("inside");
}

static void test_a_panic_in_the_panic_is_one_line(void **state)
{
    (void)state;
    struct fault_owner code = {
        .base = 0x5000, .size = 0x10, .name = "bad", .handle = say_no, .symbol = fault_again};
    fault_own_code(&code);
    fake_end.armed = true;
    if (setjmp(fake_end.jump) == 0) {
        upcall_fault(&fault);
        fail();
    }
    place("panic inside the panic: inside\nPANIC END\n");
    hal_this_cpu()->in_panic = false;
    fault_disown(&code);
}

static bool is_broken;

static bool panic_if_broken(struct console *c)
{
    (void)c;
    if (is_broken) {
        panic("broken console");
    }
    return true;
}

/* The console's output is drained before the block; if that fails, the
 * original cause must not be lost. */
static void test_a_panic_before_the_first_line_shows_both_causes(void **state)
{
    (void)state;
    static const struct console_ops ops = {.name = "broken",
                                           .put = fake_console_put,
                                           .want_tx = fake_console_want,
                                           .is_idle = panic_if_broken,
                                           .get = fake_console_get,
                                           .want_rx = fake_console_want};
    static struct console console = {.ops = &ops};
    console_add(&console);
    is_broken = true;
    fake_end.armed = true;
    if (setjmp(fake_end.jump) == 0) {
        panic("the real cause");
    }
    is_broken = false;
    assert_true(place("PANIC: the real cause\n") < place("panic inside the panic: "));
    place("PANIC END\n");
    hal_this_cpu()->in_panic = false;
}

static char lines[4096];

static void keep(void *ctx, const char *line)
{
    (void)ctx;
    strcat(lines, line);
    strcat(lines, "\n");
}

static void test_backtrace_stays_in_its_stack_and_folds_recursion(void **state)
{
    (void)state;
    static uintptr_t stack[4000];
    uintptr_t lo = (uintptr_t)stack, hi = (uintptr_t)(stack + 4000);
    for (unsigned i = 0; i < 1990; i++) { /* a function that calls itself */
        stack[2 * i] = (uintptr_t)&stack[2 * (i + 1)];
        stack[2 * i + 1] = 0x9000;
    }
    stack[2 * 1989] = 0x10; /* then a frame pointer outside the stack */
    lines[0] = '\0';
    backtrace_print(keep, NULL, 0x8000, lo, lo, hi);
    assert_string_equal(lines, "#0 0x0000000000008000\n#1 0x0000000000009000\n"
                               "   (1989 more calls from that place)\n");

    for (unsigned i = 1; i < 1990; i += 2) { /* two functions that call each other */
        stack[2 * i + 1] = 0xa000;
    }
    lines[0] = '\0';
    backtrace_print(keep, NULL, 0x8000, lo, lo, hi);
    assert_string_equal(lines, "#0 0x0000000000008000\n#1 0x0000000000009000\n"
                               "#2 0x000000000000a000\n"
                               "   (1988 more calls from those 2 places)\n");

    for (unsigned i = 0; i < 1990; i++) {
        stack[2 * i + 1] = 0x9000 + i;
    }
    lines[0] = '\0';
    backtrace_print(keep, NULL, 0, lo, lo, hi);
    unsigned count = 0;
    for (const char *p = lines; *p != '\0'; p++) {
        count += *p == '\n';
    }
    assert_int_equal(count, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_address_owner_is_asked_first, set_up),
        cmocka_unit_test_setup(test_refusal_passes_to_the_code_owner, set_up),
        cmocka_unit_test_setup(test_ranges_have_exact_ends, set_up),
        cmocka_unit_test_setup(test_no_thread_is_ended_in_a_drivers_code, set_up),
        cmocka_unit_test_setup(test_an_owner_stays_while_it_names_its_code, set_up),
        cmocka_unit_test_setup(test_a_handler_may_sleep_only_where_sleep_is_allowed, set_up),
        cmocka_unit_test_setup(test_a_fault_without_owner_is_a_complete_panic, set_up),
        cmocka_unit_test_setup(test_backtrace_stays_in_its_stack_and_folds_recursion, set_up),
        cmocka_unit_test_setup(test_a_panic_in_the_panic_is_one_line, set_up),
        cmocka_unit_test_setup(test_a_panic_before_the_first_line_shows_both_causes, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
