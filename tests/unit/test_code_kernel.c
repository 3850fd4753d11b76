// SPDX-License-Identifier: MIT
//
// Compiled code in the kernel's code memory: written at one address and executed at another, never
// both at one, and freed completely whatever fails.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "fake/fake_failure.h"
#include "fake/world.h"
#include "hal/upcall.h"
#include "hal_arch/frame.h"
#include "kernel/fault/fault.h"
#include "kernel/jit/code/code_call.h"
#include "kernel/jit/code/code_kernel.h"
#include "kernel/jit/code/codemem.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/sched/thread.h"

#define BYTES ((size_t)3 * PAGE_SIZE - 5)

static int boot(void **state)
{
    int result = world_boot(state);
    codemem_init();
    return result;
}

static struct code_kernel pieces;

static unsigned prot_of(uint64_t address)
{
    struct hal_mapping m;
    return hal_mmu_query((vaddr_t)address, &m) ? m.prot : PROT_NONE;
}

static void prepare(bool has_landing_pads)
{
    pieces = (struct code_kernel){.name = "test", .has_landing_pads = has_landing_pads};
    code_kernel_init(&pieces);
}

static bool place(bool has_landing_pads)
{
    const struct code_space *space = &pieces.space;
    struct code_block block;
    prepare(has_landing_pads);
    if (space->alloc(space->ctx, BYTES, &block) != OK) {
        return false;
    }
    memset(block.bytes, 0xc3, block.size);
    bool ok = space->seal(space->ctx, &block) == OK;
    space->free(space->ctx, &block);
    return ok && pieces.pages == 0;
}

static void test_code_is_never_writable_and_executable(void **state)
{
    (void)state;
    const struct code_space *space = &pieces.space;
    struct code_block block;
    prepare(true);
    assert_int_equal(space->alloc(space->ctx, BYTES, &block), OK);
    assert_int_equal(block.size, 3 * PAGE_SIZE);
    uint8_t *written = block.bytes;
    assert_int_equal(prot_of((uintptr_t)written), PROT_R | PROT_W);
    assert_int_equal(prot_of(block.address), PROT_NONE);
    memset(written, 0x90, block.size);
    assert_int_equal(space->seal(space->ctx, &block), OK);
    assert_int_equal(prot_of((uintptr_t)written), PROT_NONE);
    assert_int_equal(prot_of(block.address) & (PROT_R | PROT_W | PROT_X), PROT_R | PROT_X);
    assert_int_equal(((const uint8_t *)(uintptr_t)block.address)[BYTES - 1], 0x90);
    uint64_t address = block.address;
    space->free(space->ctx, &block);
    assert_int_equal(prot_of(address), PROT_NONE);
    assert_int_equal(pieces.pages, 0);
}

/* ---- Names and faults ---- */

#define TRAPS_AT 8u
#define STACK    0x900008u

#define READS_AT 12u
#define LOOKS_AT 14u
#define NO_ROW   9u

/* A panic's report reads memory around an address. */
static const uint64_t words[1024];
#define MEMORY (&words[512]) /* memory that the code may access */
#define OTHER  (&words[513])

static struct jit_row rows[] = {{.pc = TRAPS_AT, .kind = JIT_ROW_TRAP, .trap = IR_TRAP_DIVIDE},
                                {.pc = READS_AT, .kind = JIT_ROW_TRAP, .trap = IR_TRAP_MEMORY},
                                {.pc = LOOKS_AT, .kind = JIT_ROW_TRAP, .trap = IR_TRAP_STACK}};
static struct code_function functions[] = {{.start = 0, .size = 16, .number = 1}};
static const char *const names[] = {NULL, "second"};
static struct jit_entry entry = {.saved_sp = STACK};
static struct code_map map;
static struct code_piece piece;

static bool is_in_memory(void *ctx, uint64_t address)
{
    (void)ctx;
    return address == (uintptr_t)MEMORY;
}

static void put(void)
{
    prepare(false);
    map = (struct code_map){.space = &pieces.space, .entry = &entry, .has_address = is_in_memory};
    piece = (struct code_piece){.rows = rows,
                                .functions = functions,
                                .row_count = ARRAY_COUNT(rows),
                                .function_count = 1,
                                .names = names};
    assert_int_equal(pieces.space.alloc(pieces.space.ctx, BYTES, &piece.block), OK);
}

static void take_back(void)
{
    piece.rows = NULL; /* they are not heap blocks */
    piece.functions = NULL;
    code_map_remove(&map, &piece);
}

static void test_each_sealed_piece_has_a_fault_owner(void **state)
{
    (void)state;
    char buf[16];
    put();
    uintptr_t at = (uintptr_t)piece.block.address;
    assert_false(fault_code_is_program(at));
    assert_int_equal(code_map_add(&map, &piece), OK);
    assert_true(fault_code_is_program(at + BYTES));
    assert_true(fault_describe_code(at + 3, buf, sizeof buf));
    assert_string_equal(buf, "second+0x3");
    take_back();
    assert_false(fault_code_is_program(at));
    assert_false(fault_describe_code(at + 3, buf, sizeof buf));
}

static void put_place(const void *source, uint32_t function, uint32_t location, char *buf,
                      size_t len)
{
    assert_ptr_equal(source, names);
    fmt_print(buf, len, " (%u of %u)", location, function);
}

static void test_a_place_is_that_of_the_next_row(void **state)
{
    (void)state;
    static struct jit_row all[] = {{.pc = 6, .kind = JIT_ROW_CALL, .location = 10},
                                   {.pc = 6, .kind = JIT_ROW_LANDING, .location = 99},
                                   {.pc = 6, .kind = JIT_ROW_TRAP, .location = 11},
                                   {.pc = 16, .kind = JIT_ROW_CALL, .location = 12},
                                   {.pc = 16, .kind = JIT_ROW_TRAP, .location = 20},
                                   {.pc = 30, .kind = JIT_ROW_CALL, .location = 21}};
    static struct code_function three[] = {{.start = 0, .size = 16, .number = 1},
                                           {.start = 16, .size = 24, .number = 2},
                                           {.start = 40, .size = 8, .number = 3}};
    static const char *const called[] = {NULL, "a", "b", "c"};
    static const struct {
        uint32_t at;
        const char *text;
    } wanted[] = {{0, "a+0x0 (10 of 1)"},  {5, "a+0x5 (10 of 1)"},  {6, "a+0x6 (11 of 1)"},
                  {7, "a+0x7 (12 of 1)"},  {15, "a+0xf (12 of 1)"}, {16, "b+0x0 (20 of 2)"},
                  {17, "b+0x1 (21 of 2)"}, {30, "b+0xe (21 of 2)"}, {40, "c+0x0 (0 of 3)"}};
    char buf[32], small[8];
    put();
    piece.rows = all;
    piece.row_count = ARRAY_COUNT(all);
    piece.functions = three;
    piece.function_count = ARRAY_COUNT(three);
    piece.names = called;
    piece.source = names;
    pieces.place = put_place;
    assert_int_equal(code_map_add(&map, &piece), OK);
    for (unsigned n = 0; n < ARRAY_COUNT(wanted); n++) {
        uintptr_t at = (uintptr_t)piece.block.address + wanted[n].at;
        assert_true(fault_describe_code(at, buf, sizeof buf));
        assert_string_equal(buf, wanted[n].text);
        assert_true(fault_describe_code(at, small, sizeof small));
        assert_int_equal(strncmp(small, buf, sizeof small - 1), 0);
    }
    take_back();
}

/* Otherwise the fault would be a panic. */
static bool is_resolved(struct fault fault)
{
    volatile bool ends = true;
    fake_end.armed = true;
    if (setjmp(fake_end.jump) == 0) {
        upcall_fault(&fault);
        ends = false;
    }
    fake_end.armed = false;
    hal_this_cpu()->in_panic = false;
    return !ends;
}

static bool is_explained(struct hal_frame *frame)
{
    return is_resolved((struct fault){.cause = FAULT_DIVIDE, .pc = frame->pc, .frame = frame});
}

/* The trap for a reported fault where little stack is left, or -1. */
static int overflow(uint32_t at, enum fault_cause reported, const void *address)
{
    struct hal_frame frame = {.pc = (uintptr_t)piece.block.address + at, .sp = STACK};
    entry.outcome = CODE_RETURNED;
    bool is_trap = is_resolved((struct fault){.cause = FAULT_STACK_OVERFLOW,
                                              .reported = reported,
                                              .has_address = address != NULL,
                                              .address = (uintptr_t)address,
                                              .pc = frame.pc,
                                              .frame = &frame});
    return is_trap ? (int)(entry.outcome - CODE_TRAPPED) : -1;
}

static void test_without_stack_a_fault_is_what_the_hardware_reported(void **state)
{
    (void)state;
    put();
    assert_int_equal(code_map_add(&map, &piece), OK);
    assert_int_equal(overflow(TRAPS_AT, FAULT_DIVIDE, NULL), IR_TRAP_DIVIDE);
    assert_int_equal(overflow(TRAPS_AT, FAULT_ILLEGAL, NULL), IR_TRAP_DIVIDE);
    assert_int_equal(overflow(READS_AT, FAULT_ILLEGAL, NULL), IR_TRAP_MEMORY);
    assert_int_equal(overflow(READS_AT, FAULT_PAGE, MEMORY), IR_TRAP_MEMORY);
    assert_int_equal(overflow(LOOKS_AT, FAULT_PAGE, (void *)(STACK - 8)), IR_TRAP_STACK);
    assert_int_equal(overflow(TRAPS_AT, FAULT_PAGE, MEMORY), -1);
    assert_int_equal(overflow(READS_AT, FAULT_PAGE, OTHER), -1);
    assert_int_equal(overflow(NO_ROW, FAULT_DIVIDE, NULL), -1);
    take_back();
}

/* At any instruction, because nothing else could end a loop there. */
static void test_without_stack_a_needed_switch_is_a_trap(void **state)
{
    (void)state;
    put();
    assert_int_equal(code_map_add(&map, &piece), OK);
    assert_int_equal(overflow(NO_ROW, FAULT_STACK_OVERFLOW, NULL), IR_TRAP_STACK);
    assert_int_equal(overflow(TRAPS_AT, FAULT_STACK_OVERFLOW, NULL), IR_TRAP_STACK);
    hal_this_cpu()->current->locks_held = 1;
    assert_int_equal(overflow(NO_ROW, FAULT_STACK_OVERFLOW, NULL), -1);
    hal_this_cpu()->current->locks_held = 0;
    take_back();
}

static void test_a_fault_returns_to_where_the_code_was_entered(void **state)
{
    (void)state;
    put();
    assert_int_equal(code_map_add(&map, &piece), OK);
    struct hal_frame frame = {.pc = (uintptr_t)piece.block.address + TRAPS_AT, .sp = STACK};
    assert_true(is_explained(&frame));
    assert_int_equal(frame.sp, STACK & ~UINT64_C(15));
    assert_ptr_equal((void *)frame.argument, &entry);
    assert_int_equal(entry.outcome, CODE_TRAPPED + (unsigned)IR_TRAP_DIVIDE);
    take_back();
}

static void test_a_fault_that_is_not_the_programs_is_a_panic(void **state)
{
    (void)state;
    struct thread *t = hal_this_cpu()->current;
    put();
    assert_int_equal(code_map_add(&map, &piece), OK);
    struct hal_frame frame = {.pc = (uintptr_t)piece.block.address + TRAPS_AT, .sp = STACK};
    t->locks_held = 1;
    assert_false(is_explained(&frame));
    t->locks_held = 0;
    hal_this_cpu()->irq_depth = 1;
    assert_false(is_explained(&frame));
    hal_this_cpu()->irq_depth = 0;
    pieces.owner = (const struct thread_owner *)&map; /* not the thread's program */
    assert_false(is_explained(&frame));
    pieces.owner = NULL;
    map.entry = NULL; /* nothing runs */
    assert_false(is_explained(&frame));
    take_back();
}

static bool place_both(void)
{
    return place(false) && place(true);
}

static void test_out_of_memory_at_each_allocation(void **state)
{
    (void)state;
    fake_sweep("code that is placed", place_both);
}

static unsigned always_i64(uint8_t type)
{
    (void)type;
    return IR_I64;
}

/* This is not a stack overflow: more memory would help, and a smaller depth would not. */
static void test_arguments_without_memory(void **state)
{
    (void)state;
    static const uint8_t types[64];
    static const uint64_t args[64];
    const struct code_call call = {.types = types, .type_of = always_i64, .param_count = 64};
    uint64_t result = 5;
    fake_fail_after(0, FAIL_ONCE);
    uint64_t outcome = code_call(&map, &call, args, &result);
    assert_int_equal(fake_fail_stop(), 1);
    assert_int_equal(outcome, CODE_TRAPPED + (unsigned)IR_TRAP_NO_MEMORY);
    assert_int_equal(result, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_is_never_writable_and_executable),
        cmocka_unit_test(test_each_sealed_piece_has_a_fault_owner),
        cmocka_unit_test(test_a_place_is_that_of_the_next_row),
        cmocka_unit_test(test_a_fault_returns_to_where_the_code_was_entered),
        cmocka_unit_test(test_without_stack_a_fault_is_what_the_hardware_reported),
        cmocka_unit_test(test_without_stack_a_needed_switch_is_a_trap),
        cmocka_unit_test(test_a_fault_that_is_not_the_programs_is_a_panic),
        cmocka_unit_test(test_out_of_memory_at_each_allocation),
        cmocka_unit_test(test_arguments_without_memory),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
