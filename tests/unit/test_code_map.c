// SPDX-License-Identifier: MIT
//
// Which faults of compiled code its rows explain: any other fault is a bug of the compiler, and a
// panic in the kernel. And which calls were active.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/jit/backend.h"
#include "kernel/jit/code/code_map.h"
#include "kernel/lib/compiler.h"

#define CODE   0x10000u
#define MEMORY 0x40000u
#define BYTES  0x20000u
#define STACK  0x900000u

static struct jit_row rows[] = {
    {.pc = 4, .kind = JIT_ROW_TRAP, .trap = IR_TRAP_MEMORY},
    {.pc = 8, .kind = JIT_ROW_TRAP, .trap = IR_TRAP_STACK},
    {.pc = 12, .kind = JIT_ROW_TRAP, .trap = IR_TRAP_DIVIDE},
    {.pc = 16, .kind = JIT_ROW_TRAP, .trap = IR_TRAP_UNREACHABLE},
    {.pc = 20, .kind = JIT_ROW_CALL},
    {.pc = 24, .kind = JIT_ROW_TRAP, .trap = IR_TRAP_NULL},
};
static struct code_piece code = {
    .block = {.address = CODE, .size = 64}, .rows = rows, .row_count = ARRAY_COUNT(rows)};
static struct code_piece *pieces[] = {&code};
static struct jit_entry entry;

static bool has_address(void *ctx, uint64_t address)
{
    assert_ptr_equal(ctx, rows);
    return address - MEMORY < BYTES;
}

static const struct code_space space = {.returns_to = NULL};
static struct code_map map = {.space = &space,
                              .pieces = pieces,
                              .piece_count = 1,
                              .entry = &entry,
                              .has_address = has_address,
                              .ctx = rows};

/* The trap for a fault at `at`, or -1. */
static int trap_of(uint32_t at, bool is_memory, uint64_t address)
{
    const struct code_fault fault = {
        .pc = CODE + at, .sp = STACK, .is_memory = is_memory, .address = address};
    struct code_resume r = {.entry = NULL};
    if (!code_map_fault(&map, &fault, &r)) {
        return -1;
    }
    assert_ptr_equal(r.entry, &entry);
    return (int)(r.outcome - CODE_TRAPPED);
}

static void test_only_an_access_to_the_memory_traps(void **state)
{
    (void)state;
    assert_int_equal(trap_of(4, true, MEMORY), IR_TRAP_MEMORY);
    assert_int_equal(trap_of(4, true, MEMORY + BYTES - 1), IR_TRAP_MEMORY);
    assert_int_equal(trap_of(4, true, MEMORY - 1), -1);
    assert_int_equal(trap_of(4, true, MEMORY + BYTES), -1);
    assert_int_equal(trap_of(4, false, 0), IR_TRAP_MEMORY); /* a check that traps deliberately */
}

static void test_a_prologue_probes_below_the_stack_pointer(void **state)
{
    (void)state;
    assert_int_equal(trap_of(8, true, STACK - 16384), IR_TRAP_STACK);
    assert_int_equal(trap_of(8, true, STACK), -1);
    assert_int_equal(trap_of(8, true, UINT64_MAX), -1);
}

static void test_addresses_near_zero_are_null_accesses(void **state)
{
    (void)state;
    assert_int_equal(trap_of(24, true, 8), IR_TRAP_NULL);
    assert_int_equal(trap_of(24, true, MEMORY), -1);
}

static void test_deliberate_traps_access_nothing(void **state)
{
    (void)state;
    assert_int_equal(trap_of(12, false, 0), IR_TRAP_DIVIDE);
    assert_int_equal(trap_of(12, true, MEMORY), -1);
    assert_int_equal(trap_of(16, false, 0), IR_TRAP_UNREACHABLE);
    assert_int_equal(trap_of(16, true, STACK - 8), -1);
}

static void test_an_access_without_a_row_is_no_trap(void **state)
{
    (void)state;
    assert_int_equal(trap_of(5, true, MEMORY), -1);
    assert_int_equal(trap_of(20, false, 0), -1);
    assert_int_equal(trap_of(64, false, 0), -1);
    map.entry = NULL; /* nothing runs */
    assert_int_equal(trap_of(4, true, MEMORY), -1);
    map.entry = &entry;
}

/* Little stack is left and a thread switch is due: no row covers that. */
static void test_an_interrupt_without_stack_is_a_trap_at_any_instruction(void **state)
{
    (void)state;
    static const uint32_t places[] = {0, 4, 5, 8, 12, 16, 20, 63};
    struct code_fault fault = {.sp = STACK, .is_interrupt = true};
    struct code_resume r = {.entry = NULL};
    for (unsigned n = 0; n < ARRAY_COUNT(places); n++) {
        fault.pc = CODE + places[n];
        assert_true(code_map_fault(&map, &fault, &r));
        assert_ptr_equal(r.entry, &entry);
        assert_int_equal(r.outcome, CODE_TRAPPED + (unsigned)IR_TRAP_STACK);
    }
    fault.pc = CODE + 64;
    assert_false(code_map_fault(&map, &fault, &r));
    fault.pc = CODE + 4;
    map.entry = NULL;
    assert_false(code_map_fault(&map, &fault, &r));
    map.entry = &entry;
}

static void test_only_what_is_stopped_and_in_its_code_is_given_up(void **state)
{
    (void)state;
    static _Atomic uint32_t stop;
    struct code_resume r = {.entry = NULL};
    map.stop = &stop;
    assert_false(code_map_interrupt(&map, CODE + 5, &r));
    stop = 1;
    assert_false(code_map_interrupt(&map, CODE + 64, &r));
    assert_true(code_map_interrupt(&map, CODE + 5, &r));
    assert_ptr_equal(r.entry, &entry);
    assert_int_equal(r.outcome, CODE_STOPPED);
    map.entry = NULL;
    assert_false(code_map_interrupt(&map, CODE + 5, &r));
    map.entry = &entry;
}

/* ---- Frames ---- */

static void test_return_address_of_a_frame(void **state)
{
    (void)state;
    uint64_t (*arm)(uint64_t saved) = jit_machine_aarch64.return_address;
    assert_int_equal(arm(0xffff000080001234), 0xffff000080001234);
    assert_int_equal(arm(0x5aa5000080001234), 0xffff000080001234);
    assert_int_equal(arm(0x0000aaaa80001234), 0x0000aaaa80001234);
    assert_int_equal(arm(0xff7faaaa80001234), 0x0000aaaa80001234);
    assert_int_equal(jit_machine_x86_64.return_address(0xffffffff80001234), 0xffffffff80001234);
}

#define SIGNATURE UINT64_C(0x5a25000000000000)

static void test_frames_that_c_has_signed_are_listed(void **state)
{
    (void)state;
    static struct jit_row calls[] = {{.pc = 8, .kind = JIT_ROW_CALL, .location = 11},
                                     {.pc = 16, .kind = JIT_ROW_CALL, .location = 22},
                                     {.pc = 20, .kind = JIT_ROW_TRAP, .location = 33}};
    static struct code_function functions[] = {
        {.start = 0, .size = 16, .frame_bytes = 32, .number = 5},
        {.start = 16, .size = 16, .frame_bytes = 32, .number = 6}};
    struct code_piece p = {.block = {.address = CODE, .size = 64},
                           .rows = calls,
                           .row_count = ARRAY_COUNT(calls),
                           .functions = functions,
                           .function_count = ARRAY_COUNT(functions),
                           .source = calls};
    uint64_t frames[3][2] = {{(uintptr_t)frames[1], SIGNATURE + CODE + 16},
                             {(uintptr_t)frames[2], CODE + 8},
                             {0, SIGNATURE + 1}};
    struct jit_entry e = {.saved_sp = (uintptr_t)(frames + 3)};
    struct code_piece *one[] = {&p};
    struct code_map m = {.space = &space,
                         .machine = &jit_machine_aarch64,
                         .pieces = one,
                         .piece_count = 1,
                         .entry = &e};
    const struct code_fault fault = {
        .pc = CODE + 20, .fp = (uintptr_t)frames, .sp = (uintptr_t)frames};
    struct code_resume r;
    assert_true(code_map_fault(&m, &fault, &r));
    assert_int_equal(m.trace.depth, 3);
    static const struct code_frame open[] = {{calls, 6, 33}, {calls, 5, 22}, {calls, 5, 11}};
    for (unsigned n = 0; n < 3; n++) {
        assert_ptr_equal(m.trace.frames[n].source, open[n].source);
        assert_int_equal(m.trace.frames[n].function, open[n].function);
        assert_int_equal(m.trace.frames[n].location, open[n].location);
    }
}

#define TRACER UINT64_C(0xffff000080004321)

/* A tracer has changed the return address in a frame. */
static uint64_t returns_to(uint64_t back, uint64_t fp, uint64_t top)
{
    assert_true(fp < top);
    return back == TRACER ? CODE + 16 : back;
}

static void test_a_frame_whose_return_address_was_changed_is_listed(void **state)
{
    (void)state;
    static struct jit_row calls[] = {{.pc = 8, .kind = JIT_ROW_CALL, .location = 11},
                                     {.pc = 16, .kind = JIT_ROW_CALL, .location = 22},
                                     {.pc = 20, .kind = JIT_ROW_TRAP, .location = 33}};
    static struct code_function functions[] = {
        {.start = 0, .size = 32, .frame_bytes = 32, .number = 5}};
    static const struct code_space traced = {.returns_to = returns_to};
    struct code_piece p = {.block = {.address = CODE, .size = 64},
                           .rows = calls,
                           .row_count = ARRAY_COUNT(calls),
                           .functions = functions,
                           .function_count = ARRAY_COUNT(functions),
                           .source = calls};
    uint64_t frames[3][2] = {
        {(uintptr_t)frames[1], TRACER}, {(uintptr_t)frames[2], CODE + 8}, {0, 1}};
    struct jit_entry e = {.saved_sp = (uintptr_t)(frames + 3)};
    struct code_piece *one[] = {&p};
    struct code_map m = {.space = &traced,
                         .machine = &jit_machine_aarch64,
                         .pieces = one,
                         .piece_count = 1,
                         .entry = &e};
    const struct code_fault fault = {
        .pc = CODE + 20, .fp = (uintptr_t)frames, .sp = (uintptr_t)frames};
    struct code_resume r;
    assert_true(code_map_fault(&m, &fault, &r));
    assert_int_equal(m.trace.depth, 3);
    assert_int_equal(m.trace.frames[0].location, 33);
    assert_int_equal(m.trace.frames[1].location, 22);
    assert_int_equal(m.trace.frames[2].location, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_an_access_to_the_memory_traps),
        cmocka_unit_test(test_a_prologue_probes_below_the_stack_pointer),
        cmocka_unit_test(test_addresses_near_zero_are_null_accesses),
        cmocka_unit_test(test_deliberate_traps_access_nothing),
        cmocka_unit_test(test_an_access_without_a_row_is_no_trap),
        cmocka_unit_test(test_an_interrupt_without_stack_is_a_trap_at_any_instruction),
        cmocka_unit_test(test_only_what_is_stopped_and_in_its_code_is_given_up),
        cmocka_unit_test(test_return_address_of_a_frame),
        cmocka_unit_test(test_frames_that_c_has_signed_are_listed),
        cmocka_unit_test(test_a_frame_whose_return_address_was_changed_is_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
