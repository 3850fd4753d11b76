// SPDX-License-Identifier: MIT
//
// Combining compiled functions into a piece, with a machine and a code space that the
// test fakes: what moves with a function, how calls are completed, and that a failure
// neither leaks nor places anything.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_failure.h"
#include "fake/world.h"
#include "kernel/jit/backend.h"
#include "kernel/jit/code/code_builder.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/heap.h"

#define FILL     0xcc
#define ADDRESS  0x7000000u
#define BYTES    ((size_t)16384) /* size of the space, always allocated as a whole */
#define CODE_MAX ((uint32_t)64 << 20)
#define FIRST    7u /* the first function's number in calls */

/* ---- The machine: a call contains the distance from its field ---- */

static int64_t reach;

static enum status patch_call(uint8_t *field, uint64_t place, uint64_t target)
{
    int64_t distance = (int64_t)(target - place);
    if (distance > reach || distance < -reach) {
        return E_OVERFLOW;
    }
    int32_t stored = (int32_t)distance;
    memcpy(field, &stored, sizeof stored);
    return OK;
}

static const struct jit_machine machine = {.patch_call = patch_call};

/* ---- The code space, of one block ---- */

static uint8_t memory[BYTES];
static bool is_taken, is_sealed;
static enum status take_result, seal_result;

static enum status alloc_code(void *ctx, size_t size, struct code_block *out)
{
    (void)ctx;
    assert_false(is_taken);
    assert_in_range(size, 1, BYTES);
    if (take_result == OK) {
        is_taken = true;
        *out = (struct code_block){.bytes = memory, .address = ADDRESS, .size = BYTES};
    }
    return take_result;
}

static enum status seal(void *ctx, struct code_block *block)
{
    (void)ctx;
    assert_true(is_taken);
    assert_ptr_equal(block->bytes, memory);
    is_sealed = seal_result == OK;
    return seal_result;
}

static void free_code(void *ctx, struct code_block *block)
{
    (void)ctx, (void)block;
    assert_true(is_taken);
    is_taken = false;
    is_sealed = false;
}

static const struct code_space space = {.alloc = alloc_code, .seal = seal, .free = free_code};
static _Atomic uint32_t stop;
static struct code_map map;

static int prepare(void **state)
{
    (void)state;
    reach = INT32_MAX;
    take_result = seal_result = OK;
    stop = 0;
    is_taken = is_sealed = false;
    map = (struct code_map){.space = &space, .machine = &machine, .stop = &stop};
    return 0;
}

/* ---- Functions ---- */

static uint8_t small_bytes[] = {1, 2, 3, 4, 5};
static struct jit_row small_rows[] = {
    {.pc = 2, .location = 20, .kind = JIT_ROW_TRAP, .trap = IR_TRAP_NULL, .refs = JIT_NO_REFS},
    {.pc = 5, .location = 21, .kind = JIT_ROW_CALL, .refs = 0}};
static uint32_t small_refs[] = {1, 0, 3};
static struct jit_reloc small_relocs[] = {{.at = 1, .callee = FIRST + 1}};
static const struct jit_code small = {.bytes = small_bytes,
                                      .size = sizeof small_bytes,
                                      .rows = small_rows,
                                      .row_count = ARRAY_COUNT(small_rows),
                                      .refs = small_refs,
                                      .ref_count = ARRAY_COUNT(small_refs),
                                      .relocs = small_relocs,
                                      .reloc_count = ARRAY_COUNT(small_relocs),
                                      .align = 1,
                                      .frame_bytes = 8};

#define LARGE_AT 64u /* the next place with this alignment */
static uint8_t large_bytes[70];
static struct jit_row large_rows[] = {
    {.pc = 0, .location = 30, .kind = JIT_ROW_CALL, .refs = JIT_NO_REFS},
    {.pc = 9, .location = 31, .kind = JIT_ROW_CALL, .refs = 2},
    {.pc = 9, .location = 31, .kind = JIT_ROW_LANDING, .refs = 40}};
static uint32_t large_refs[] = {0, 0, 1, 0, 5};
static struct jit_reloc large_relocs[] = {{.at = 8, .callee = FIRST},
                                          {.at = 66, .callee = FIRST + 1}};
static const struct jit_code large = {.bytes = large_bytes,
                                      .size = sizeof large_bytes,
                                      .rows = large_rows,
                                      .row_count = ARRAY_COUNT(large_rows),
                                      .refs = large_refs,
                                      .ref_count = ARRAY_COUNT(large_refs),
                                      .relocs = large_relocs,
                                      .reloc_count = ARRAY_COUNT(large_relocs),
                                      .align = LARGE_AT,
                                      .frame_bytes = 48};

/* A builder with both functions. */
static struct code_builder both(void)
{
    struct code_builder b = {.fill = FILL};
    memset(large_bytes, 0x99, sizeof large_bytes);
    assert_int_equal(code_builder_add(&b, &small, 0), OK);
    assert_int_equal(code_builder_add(&b, &large, 1), OK);
    return b;
}

static int32_t distance_at(size_t at)
{
    int32_t stored;
    memcpy(&stored, memory + at, sizeof stored);
    return stored;
}

/* ---- Placing ---- */

static void check_bytes(const struct code_piece *p)
{
    assert_int_equal(p->function_count, 2);
    assert_int_equal(p->functions[0].start, 0);
    assert_int_equal(p->functions[0].size, sizeof small_bytes);
    assert_int_equal(p->functions[0].frame_bytes, 8);
    assert_int_equal(p->functions[1].start, LARGE_AT);
    assert_int_equal(p->functions[1].size, sizeof large_bytes);
    assert_int_equal(p->functions[1].frame_bytes, 48);
    assert_int_equal(memory[0], 1); /* followed by the call */
    assert_int_equal(memory[LARGE_AT], 0x99);
    for (size_t at = sizeof small_bytes; at < LARGE_AT; at++) {
        assert_int_equal(memory[at], FILL);
    }
    for (size_t at = LARGE_AT + sizeof large_bytes; at < BYTES; at++) {
        assert_int_equal(memory[at], FILL);
    }
}

static void check_calls(void)
{
    assert_int_equal(distance_at(1), LARGE_AT - 1);
    assert_int_equal(distance_at(LARGE_AT + 8), -(int)(LARGE_AT + 8));
    assert_int_equal(distance_at(LARGE_AT + 66), -66); /* calls itself */
}

/* The second function's lists follow those of the first. */
static void check_rows(const struct code_piece *p)
{
    const uint32_t refs = ARRAY_COUNT(small_refs);
    const struct jit_row expected[] = {small_rows[0],
                                       small_rows[1],
                                       {LARGE_AT, 30, JIT_ROW_CALL, 0, 0, JIT_NO_REFS},
                                       {LARGE_AT + 9, 31, JIT_ROW_CALL, 0, 0, refs + 2},
                                       {LARGE_AT + 9, 31, JIT_ROW_LANDING, 0, 0, LARGE_AT + 40}};
    assert_int_equal(p->row_count, ARRAY_COUNT(expected));
    assert_memory_equal(p->rows, expected, sizeof expected);
    assert_memory_equal(p->refs, small_refs, sizeof small_refs);
    assert_memory_equal(p->refs + refs, large_refs, sizeof large_refs);
}

static void check_placed(struct code_builder *b)
{
    struct code_piece p = {.source = &map};
    assert_int_equal(code_builder_finish(b, &map, FIRST, &p), OK);
    code_builder_free(b); /* the piece owns the lists now */
    assert_true(is_sealed);
    assert_ptr_equal(map.pieces[0], &p);
    check_bytes(&p);
    check_calls();
    check_rows(&p);
    code_map_remove(&map, &p);
    assert_false(is_taken);
}

static void test_everything_of_a_function_moves_with_it(void **state)
{
    (void)state;
    struct code_builder b = both();
    check_placed(&b);
}

static void test_many_functions_outgrow_every_list(void **state)
{
    (void)state;
    struct code_builder b = {.fill = FILL};
    struct code_piece p = {.source = &map};
    for (unsigned n = 0; n < 100; n++) {
        assert_int_equal(code_builder_add(&b, &small, n), OK);
    }
    assert_int_equal(code_builder_finish(&b, &map, FIRST, &p), OK);
    code_builder_free(&b);
    assert_int_equal(p.row_count, 200);
    for (uint32_t n = 0; n < 100; n++) {
        assert_int_equal(p.functions[n].start, 16 * n);
        assert_int_equal(p.rows[2 * n + 1].pc, 16 * n + 5);
        assert_int_equal(p.rows[2 * n + 1].refs, ARRAY_COUNT(small_refs) * n);
        /* all of them call the second function */
        assert_int_equal(distance_at(16 * n + 1), 15 - 16 * (int)n);
    }
    code_map_remove(&map, &p);
}

static void test_nothing_is_placed_without_a_function(void **state)
{
    (void)state;
    struct code_builder b = {.fill = FILL};
    struct code_piece p = {.source = &map};
    assert_int_equal(code_builder_finish(&b, &map, FIRST, &p), OK);
    assert_false(is_taken);
    assert_null(map.pieces);
    code_map_remove(&map, &p);
    code_builder_free(&b);
}

/* ---- Several pieces ---- */

static struct code_function starts[] = {{.start = 0, .size = 8, .number = 0},
                                        {.start = 48, .size = 8, .number = 1}};

/* A source may have several pieces: a call finds its callee in an older one. */
static void test_a_call_may_lead_to_an_older_piece(void **state)
{
    (void)state;
    const struct code_piece old = {.block = {.address = ADDRESS + BYTES, .size = BYTES},
                                   .functions = starts,
                                   .function_count = ARRAY_COUNT(starts)};
    const struct code_piece *const placed[] = {&old, &old, NULL, NULL, NULL};
    struct code_builder b = {.fill = FILL, .placed = placed};
    struct code_piece p = {.source = &map};
    assert_int_equal(code_builder_add(&b, &small, 4), OK);
    assert_int_equal(code_builder_finish(&b, &map, FIRST, &p), OK);
    code_builder_free(&b);
    assert_int_equal(distance_at(1), BYTES + 48 - 1);
    code_map_remove(&map, &p);
}

#define PIECES 9u

/* Whatever the order in which they come and go, each is found by the addresses inside it. */
static void check_found(const struct code_piece *all, unsigned mask)
{
    for (unsigned n = 0; n < PIECES; n++) {
        const struct code_piece *p = (mask >> n & 1) != 0 ? &all[n] : NULL;
        uint64_t at = all[n].block.address;
        assert_ptr_equal(code_map_find(&map, at), p);
        assert_ptr_equal(code_map_find(&map, at + BYTES - 1), p);
        assert_null(code_map_find(&map, at + BYTES));
        assert_ptr_equal(code_map_entry(&map, &map, at + 48), p == NULL ? NULL : &starts[1]);
        assert_null(code_map_entry(&map, &map, at + 49));
        assert_null(code_map_entry(&map, &space, at + 48));
        assert_null(code_map_entry(&map, NULL, at + 48));
    }
    assert_null(code_map_find(&map, ADDRESS - 1));
}

static void test_pieces_are_found_in_any_order(void **state)
{
    (void)state;
    static const uint8_t order[PIECES] = {4, 0, 8, 3, 5, 1, 7, 2, 6};
    struct code_piece all[PIECES];
    unsigned mask = 0;
    for (unsigned n = 0; n < PIECES; n++) {
        all[n] = (struct code_piece){
            .block = {.bytes = memory, .address = ADDRESS + 2 * (uint64_t)BYTES * n, .size = BYTES},
            .source = &map};
    }
    for (unsigned n = 0; n < PIECES; n++) {
        is_taken = true;
        assert_int_equal(code_map_add(&map, &all[order[n]]), OK);
        all[order[n]].functions = starts;
        all[order[n]].function_count = ARRAY_COUNT(starts);
        mask |= 1u << order[n];
        check_found(all, mask);
    }
    for (unsigned n = 0; n < PIECES; n++) {
        all[order[n]].functions = NULL;
        mask &= ~(1u << order[n]);
        is_taken = true;
        code_map_remove(&map, &all[order[n]]);
        check_found(all, mask);
    }
    assert_null(map.pieces);
    assert_int_equal(map.piece_capacity, 0);
}

/* ---- Failures ---- */

/* Placing fails and can be repeated. */
static void check_not_placed(struct code_builder *b, enum status why)
{
    struct code_piece p = {.source = &map};
    assert_int_equal(code_builder_finish(b, &map, FIRST, &p), why);
    assert_false(is_taken);
    assert_null(map.pieces);
    assert_null(p.rows);
    assert_null(p.refs);
    assert_null(p.functions);
}

static void test_a_call_may_be_out_of_reach(void **state)
{
    (void)state;
    struct code_builder b = both();
    reach = LARGE_AT + 7;
    check_not_placed(&b, E_OVERFLOW);
    reach = LARGE_AT + 8;
    check_placed(&b);
}

static void test_the_space_may_refuse(void **state)
{
    (void)state;
    struct code_builder b = both();
    take_result = E_NOMEM;
    check_not_placed(&b, E_NOMEM);
    take_result = OK;
    seal_result = E_NOMEM;
    check_not_placed(&b, E_NOMEM);
    seal_result = OK;
    check_placed(&b);
}

static void test_code_is_as_long_as_branches_reach(void **state)
{
    (void)state;
    struct code_builder b = both();
    struct jit_code huge = {.bytes = small_bytes, .align = 1};
    /* too large by a byte, and by its alignment */
    for (uint32_t more = 1; more <= 16; more += 15) {
        huge.size = CODE_MAX - ALIGN_UP(b.size, 16u) + more;
        assert_int_equal(code_builder_add(&b, &huge, 2), E_OVERFLOW);
    }
    huge.size = UINT32_MAX;
    assert_int_equal(code_builder_add(&b, &huge, 2), E_OVERFLOW);
    check_placed(&b);
}

/* Of the functions of another builder, those that fit are counted. */
static void test_what_is_appended_may_be_too_long(void **state)
{
    (void)state;
    static struct code_function functions[] = {{.start = 0, .size = 100, .number = 2},
                                               {.start = 112, .size = CODE_MAX - 400, .number = 3},
                                               {.start = CODE_MAX - 256, .size = 200, .number = 4}};
    const struct code_builder more = {.functions = functions,
                                      .function_count = ARRAY_COUNT(functions),
                                      .size = CODE_MAX - 56},
                              nothing = {.fill = FILL};
    struct code_builder b = both();
    uint32_t added, size = b.size;
    assert_int_equal(code_builder_append(&b, &more, &added), E_OVERFLOW);
    assert_int_equal(added, 2);
    assert_int_equal(b.size, size);
    assert_int_equal(code_builder_append(&b, &nothing, &added), OK);
    assert_int_equal(added, 0);
    check_placed(&b);
}

#define CALLS 5000u /* more than are completed between two checks for a stop */

static void test_completing_many_calls_checks_for_a_stop(void **state)
{
    (void)state;
    static struct jit_reloc relocs[CALLS];
    for (uint32_t n = 0; n < CALLS; n++) {
        relocs[n] = (struct jit_reloc){.at = 0, .callee = FIRST};
    }
    const struct jit_code caller = {.bytes = small_bytes,
                                    .size = sizeof small_bytes,
                                    .relocs = relocs,
                                    .reloc_count = CALLS,
                                    .align = 1};
    struct code_builder b = {.fill = FILL};
    assert_int_equal(code_builder_add(&b, &caller, 0), OK);
    stop = 1;
    check_not_placed(&b, E_CANCELLED);
    code_builder_free(&b);
}

static bool build_and_remove(void)
{
    struct code_builder b = {.fill = FILL};
    struct code_piece p = {.source = &map};
    enum status s = code_builder_add(&b, &small, 0);
    if (s == OK) {
        s = code_builder_add(&b, &large, 1);
    }
    if (s == OK) {
        s = code_builder_finish(&b, &map, FIRST, &p);
        assert_int_equal(map.piece_count, s == OK ? 1 : 0);
        code_map_remove(&map, &p);
    }
    code_builder_free(&b);
    assert_true(s == OK || s == E_NOMEM);
    return s == OK;
}

/* A function whose addition failed is added again: nothing of it exists twice. */
static void test_a_builder_survives_each_allocation_that_fails(void **state)
{
    (void)state;
    unsigned refused = 1, tries = 0;
    for (; refused > 0; tries++) {
        struct code_builder b = {.fill = FILL};
        fake_fail_after(tries, FAIL_ONCE);
        while (code_builder_add(&b, &small, 0) != OK) {
        }
        while (code_builder_add(&b, &large, 1) != OK) {
        }
        refused = fake_fail_stop();
        check_placed(&b);
    }
    assert_true(tries > 5); /* at least one for each list */
    fake_sweep("code that is put together", build_and_remove);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_everything_of_a_function_moves_with_it, prepare),
        cmocka_unit_test_setup(test_many_functions_outgrow_every_list, prepare),
        cmocka_unit_test_setup(test_a_call_may_lead_to_an_older_piece, prepare),
        cmocka_unit_test_setup(test_pieces_are_found_in_any_order, prepare),
        cmocka_unit_test_setup(test_nothing_is_placed_without_a_function, prepare),
        cmocka_unit_test_setup(test_a_call_may_be_out_of_reach, prepare),
        cmocka_unit_test_setup(test_the_space_may_refuse, prepare),
        cmocka_unit_test_setup(test_code_is_as_long_as_branches_reach, prepare),
        cmocka_unit_test_setup(test_what_is_appended_may_be_too_long, prepare),
        cmocka_unit_test_setup(test_completing_many_calls_checks_for_a_stop, prepare),
        cmocka_unit_test_setup(test_a_builder_survives_each_allocation_that_fails, prepare),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
