// SPDX-License-Identifier: MIT
//
// The expensive function bodies, operator by operator.
#include "tests/unit/jit/wasm_shapes.h"

/* Declare n i32 locals, from number 2 on. */
static void put_locals(struct bytes *b, uint32_t n)
{
    PUT(b, 1);
    put_u32(b, n);
    PUT(b, 0x7f);
}

/* Return local 2. */
static void put_end(struct bytes *b)
{
    PUT(b, 0x20, 2, 0x0b);
}

static void put_set(struct bytes *b, uint32_t local)
{
    PUT(b, 0x41, 1, 0x21);
    put_u32(b, local);
}

static void put_br_if(struct bytes *b, uint32_t label)
{
    PUT(b, 0x20, 0, 0x0d);
    put_u32(b, label);
}

/* Return the sum of n locals, so that all of them stay live. */
static void put_sum(struct bytes *b, uint32_t n)
{
    PUT(b, 0x20, 0);
    for (uint32_t i = 0; i < n; i++) {
        PUT(b, 0x20);
        put_u32(b, 2 + i);
        PUT(b, 0x6a);
    }
    PUT(b, 0x0b);
}

static void nested(struct bytes *b, uint32_t n, uint8_t opener)
{
    put_locals(b, 1);
    if (opener == 0x04) {
        REPEAT(b, n, 0x20, 0, 0x04, 0x40);
    } else {
        REPEAT(b, n, opener, 0x40);
    }
    put_br_if(b, n - 1);
    put_set(b, 2);
    REPEAT(b, n, 0x0b);
    put_end(b);
}

static void nested_blocks(struct bytes *b, uint32_t n)
{
    nested(b, n, 0x02);
}

static void nested_loops(struct bytes *b, uint32_t n)
{
    nested(b, n, 0x03);
}

static void nested_ifs(struct bytes *b, uint32_t n)
{
    nested(b, n, 0x04);
}

static void nested_elses(struct bytes *b, uint32_t n)
{
    put_locals(b, 1);
    REPEAT(b, n, 0x20, 0, 0x04, 0x40, 0x41, 1, 0x21, 2, 0x05);
    REPEAT(b, n, 0x0b);
    put_end(b);
}

static void chained_blocks(struct bytes *b, uint32_t n)
{
    put_locals(b, 1);
    REPEAT(b, n, 0x02, 0x40, 0x20, 0, 0x0d, 0, 0x41, 3, 0x21, 2, 0x0b);
    put_end(b);
}

/* Every local is set in the innermost of as many nested loops. */
static void locals_in_loops(struct bytes *b, uint32_t n)
{
    put_locals(b, n / 2);
    REPEAT(b, n, 0x03, 0x40);
    for (uint32_t i = 0; i < n; i++) {
        put_set(b, 2 + i % (n / 2));
    }
    REPEAT(b, n, 0x0b);
    put_sum(b, n / 2);
}

/* Every local is set, then one branch leaves all blocks. */
static void locals_in_blocks(struct bytes *b, uint32_t n)
{
    put_locals(b, n / 2);
    REPEAT(b, n, 0x02, 0x40);
    for (uint32_t i = 0; i < n; i++) {
        put_set(b, 2 + i % (n / 2));
    }
    put_br_if(b, n - 1);
    REPEAT(b, n, 0x0b);
    put_sum(b, n / 2);
}

/* Each set of a local is followed by a branch to the same block. */
static void locals_and_branches(struct bytes *b, uint32_t n)
{
    put_locals(b, n / 2);
    PUT(b, 0x02, 0x40);
    for (uint32_t i = 0; i < n; i++) {
        put_set(b, 2 + i % (n / 2));
        put_br_if(b, 0);
    }
    PUT(b, 0x0b);
    put_sum(b, n / 2);
}

/* The same, but no local is read. */
static void unread_locals_and_branches(struct bytes *b, uint32_t n)
{
    put_locals(b, n / 2);
    PUT(b, 0x02, 0x40);
    for (uint32_t i = 0; i < n; i++) {
        put_set(b, 2 + i % (n / 2));
        put_br_if(b, 0);
    }
    PUT(b, 0x0b);
    put_end(b);
}

/* Each of many blocks sets the same local; then as many branches leave all of them. */
static void sets_and_branches(struct bytes *b, uint32_t n)
{
    put_locals(b, 1);
    REPEAT(b, n, 0x02, 0x40, 0x41, 1, 0x21, 2);
    for (uint32_t i = 0; i < n; i++) {
        put_br_if(b, n - 1);
    }
    REPEAT(b, n, 0x0b);
    put_end(b);
}

static void table_of_few(struct bytes *b, uint32_t n)
{
    put_locals(b, 1);
    PUT(b, 0x03, 0x40, 0x02, 0x40);
    put_set(b, 2);
    PUT(b, 0x20, 0, 0x0e);
    put_u32(b, n);
    for (uint32_t i = 0; i <= n; i++) {
        put_u32(b, i % 2);
    }
    PUT(b, 0x0b, 0x0b);
    put_end(b);
}

static void table_of_all(struct bytes *b, uint32_t n)
{
    put_locals(b, 1);
    REPEAT(b, n, 0x02, 0x40);
    put_set(b, 2);
    PUT(b, 0x20, 0, 0x0e);
    put_u32(b, n);
    for (uint32_t i = 0; i <= n; i++) {
        put_u32(b, i < n ? i : 0);
    }
    REPEAT(b, n, 0x0b);
    put_end(b);
}

static void one_block(struct bytes *b, uint32_t n)
{
    put_locals(b, 1);
    REPEAT(b, n / 2, 0x20, 2, 0x20, 0, 0x6a, 0x20, 1, 0x73, 0x21, 2);
    put_end(b);
}

static void calls(struct bytes *b, uint32_t n)
{
    put_locals(b, 1);
    REPEAT(b, n, 0x20, 0, 0x10, 2, 0x1a, 0x1a);
    put_end(b);
}

static void dead_blocks(struct bytes *b, uint32_t n)
{
    put_locals(b, 1);
    PUT(b, 0x00);
    REPEAT(b, n, 0x03, 0x40, 0x41, 1, 0x21, 2, 0x0c, 0, 0x0b);
    PUT(b, 0x0b);
}

/* As many values as operators are on the stack at once. */
static void tall_stack(struct bytes *b, uint32_t n)
{
    PUT(b, 0);
    REPEAT(b, n, 0x20, 0);
    REPEAT(b, n - 1, 0x6a);
    PUT(b, 0x0b);
}

/* ---- Patterns of ordinary functions, repeated many times ---- */

static void loads_and_stores(struct bytes *b, uint32_t n)
{
    put_locals(b, 1);
    for (uint32_t i = 0; i < n; i++) {
        PUT(b, 0x20, 0, 0x20, 1, 0x28, 2);
        put_u32(b, i % 64 * 4);
        PUT(b, 0x36, 2);
        put_u32(b, i % 80 * 4);
    }
    put_end(b);
}

static void globals(struct bytes *b, uint32_t n)
{
    put_locals(b, 1);
    REPEAT(b, n, 0x23, 1, 0x20, 0, 0x6a, 0x24, 1);
    put_end(b);
}

/* All constants of a type are different. */
static void constants(struct bytes *b, uint32_t n)
{
    put_locals(b, 1);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t word = i * 2654435761u;
        PUT(b, 0x20, 0, 0x43);
        put(b, &word, sizeof word);
        PUT(b, 0x38, 2, 0, 0x20, 0, 0x44);
        put(b, &word, sizeof word);
        put(b, &word, sizeof word);
        PUT(b, 0x39, 3, 8, 0x20, 0, 0x41);
        put_i32(b, (int32_t)word);
        PUT(b, 0x36, 2, 16);
    }
    put_end(b);
}

/* Pointer chasing: every address is the value loaded from the last one. */
static void pointers(struct bytes *b, uint32_t n)
{
    PUT(b, 0, 0x20, 0);
    REPEAT(b, n, 0x28, 2, 4);
    PUT(b, 0x0b);
}

static void divisions(struct bytes *b, uint32_t n)
{
    put_locals(b, 1);
    for (uint32_t i = 0; i < n; i++) {
        PUT(b, 0x20, 0, 0x20, 2, 0x6d, 0x41);
        put_i32(b, (int32_t)(i % 1000) + 2);
        PUT(b, 0x70, 0x20, 1, 0x6a, 0x22, 0, 0x20, 1, 0x20, 0, 0x1b, 0x21, 2);
    }
    put_end(b);
}

static void early_returns(struct bytes *b, uint32_t n)
{
    put_locals(b, 1);
    for (uint32_t i = 0; i < n; i++) {
        PUT(b, 0x20, 0, 0x41);
        put_i32(b, (int32_t)i);
        PUT(b, 0x46, 0x04, 0x40, 0x20, 1, 0x0f, 0x0b);
    }
    put_end(b);
}

static void traps(struct bytes *b, uint32_t n)
{
    put_locals(b, 1);
    REPEAT(b, n, 0x20, 0, 0x04, 0x40, 0x00, 0x0b, 0x20, 0, 0x41, 1, 0x6a, 0x21, 0);
    put_end(b);
}

/* Each path sets one of two locals, and both are read. */
static void diamonds(struct bytes *b, uint32_t n)
{
    put_locals(b, 2);
    REPEAT(b, n, 0x20, 0, 0x04, 0x40, 0x20, 2, 0x20, 1, 0x6a, 0x21, 2, 0x05, 0x20, 3, 0x20, 2, 0x73,
           0x21, 3, 0x0b, 0x20, 0, 0x20, 2, 0x6c, 0x20, 3, 0x6a, 0x21, 0);
    PUT(b, 0x20, 0, 0x0b);
}

static void chained_loops(struct bytes *b, uint32_t n)
{
    put_locals(b, 2);
    REPEAT(b, n, 0x03, 0x40, 0x20, 2, 0x20, 1, 0x6a, 0x21, 2, 0x20, 2, 0x20, 0, 0x49, 0x0d, 0, 0x0b,
           0x20, 2, 0x20, 3, 0x6a, 0x21, 3);
    PUT(b, 0x20, 3, 0x0b);
}

/* ---- With many live values ---- */

/* n locals, each with a value unknown to the compiler. */
static void put_values(struct bytes *b, uint32_t n)
{
    put_locals(b, n);
    for (uint32_t i = 0; i < n; i++) {
        PUT(b, 0x20, 0, 0x28, 2);
        put_u32(b, i * 4);
        PUT(b, 0x21);
        put_u32(b, 2 + i);
    }
}

/* local[to] = local[from] + local[0] */
static void put_add(struct bytes *b, uint32_t to, uint32_t from)
{
    PUT(b, 0x20);
    put_u32(b, from);
    PUT(b, 0x20, 0, 0x6a, 0x21);
    put_u32(b, to);
}

static void values_in_a_block(struct bytes *b, uint32_t n)
{
    put_values(b, 100);
    for (uint32_t i = 0; i < n; i++) {
        put_add(b, 2 + i % 100, 2 + i * 37 % 100);
    }
    put_sum(b, 100);
}

static void values_over_calls(struct bytes *b, uint32_t n)
{
    put_values(b, 40);
    for (uint32_t i = 0; i < n; i++) {
        PUT(b, 0x20);
        put_u32(b, 2 + i % 40);
        PUT(b, 0x10, 2, 0x1a, 0x21);
        put_u32(b, 2 + i % 40);
    }
    put_sum(b, 40);
}

static void all_values_over_calls(struct bytes *b, uint32_t n)
{
    put_values(b, n / 2);
    REPEAT(b, n, 0x20, 0, 0x10, 2, 0x1a, 0x1a);
    put_sum(b, n / 2);
}

/* Every local changes in one loop. */
static void values_in_a_loop(struct bytes *b, uint32_t n)
{
    put_values(b, n);
    PUT(b, 0x03, 0x40);
    for (uint32_t i = 0; i < n; i++) {
        put_add(b, 2 + i, 2 + (i + 1) % n);
    }
    put_br_if(b, 0);
    PUT(b, 0x0b);
    put_sum(b, n);
}

static void values_over_loops(struct bytes *b, uint32_t n)
{
    put_values(b, 60);
    for (uint32_t i = 0; i < n; i++) {
        PUT(b, 0x03, 0x40);
        put_add(b, 2 + i % 60, 2 + i * 7 % 60);
        put_br_if(b, 0);
        PUT(b, 0x0b);
    }
    put_sum(b, 60);
}

static void values_over_diamonds(struct bytes *b, uint32_t n)
{
    put_values(b, 60);
    for (uint32_t i = 0; i < n; i++) {
        PUT(b, 0x20, 1, 0x04, 0x40);
        put_add(b, 2 + i % 60, 2 + i * 7 % 60);
        PUT(b, 0x05);
        put_add(b, 2 + i * 11 % 60, 2 + i * 13 % 60);
        PUT(b, 0x0b);
    }
    put_sum(b, 60);
}

/* An interpreter: a loop around a br_table whose cases each change two of twenty locals. */
static void cases_in_a_loop(struct bytes *b, uint32_t n)
{
    put_values(b, 20);
    PUT(b, 0x03, 0x40);
    REPEAT(b, n, 0x02, 0x40);
    PUT(b, 0x20, 2, 0x28, 2, 0, 0x0e);
    put_u32(b, n - 1);
    for (uint32_t i = 0; i < n; i++) {
        put_u32(b, i);
    }
    for (uint32_t i = 0; i < n; i++) {
        PUT(b, 0x0b);
        put_add(b, 2 + i % 20, 2 + i * 7 % 20);
        put_add(b, 2 + i * 3 % 20, 2 + i * 11 % 20);
        PUT(b, 0x0c);
        put_u32(b, n - 1 - i);
    }
    PUT(b, 0x0b);
    put_sum(b, 20);
}

static void many_tables(struct bytes *b, uint32_t n)
{
    put_values(b, 8);
    for (uint32_t i = 0; i < n; i++) {
        PUT(b, 0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x20, 2, 0x0e, 3, 0, 1, 2, 0, 0x0b);
        put_add(b, 2 + i % 8, 2 + i * 3 % 8);
        PUT(b, 0x0b);
        put_add(b, 2 + i * 5 % 8, 2 + i % 8);
        PUT(b, 0x0b);
    }
    put_sum(b, 8);
}

/* Repeatedly push many values, make calls, and use the values. */
static void stack_over_calls(struct bytes *b, uint32_t n)
{
    PUT(b, 0);
    for (uint32_t i = 0; i < n; i++) {
        PUT(b, 0x20, 0, 0x28, 2);
        put_u32(b, 4 * i);
    }
    REPEAT(b, n, 0x20, 0, 0x10, 2, 0x1a, 0x1a);
    REPEAT(b, n - 1, 0x6a);
    PUT(b, 0x0b);
}

static void indirect_calls(struct bytes *b, uint32_t n)
{
    put_values(b, 10);
    REPEAT(b, n, 0x20, 2, 0x20, 3, 0x20, 0, 0x11, 0, 0, 0x21, 4, 0x20, 4, 0x20, 5, 0x6a, 0x21, 5);
    put_sum(b, 10);
}

static void copies(struct bytes *b, uint32_t n)
{
    put_locals(b, 1);
    REPEAT(b, n, 0x20, 0, 0x20, 1, 0x41, 8, 0xfc, 10, 0, 0, 0x20, 0, 0x41, 0, 0x20, 1, 0xfc, 11, 0);
    put_end(b);
}

const struct wasm_shape wasm_shapes[] = {
    {"nested blocks", nested_blocks, 100000},
    {"nested loops", nested_loops, 100000},
    {"nested ifs", nested_ifs, 100000},
    {"nested elses", nested_elses, 100000},
    {"chained blocks", chained_blocks, 15000},
    {"locals in loops", locals_in_loops, 10000},
    {"locals in blocks", locals_in_blocks, 20000},
    {"locals and branches", locals_and_branches, 50000},
    {"unread locals and branches", unread_locals_and_branches, 50000},
    {"sets and branches", sets_and_branches, 100000},
    {"table of few", table_of_few, 1000000},
    {"table of all", table_of_all, 100000},
    {"one block", one_block, 1000000},
    {"tall stack", tall_stack, 250000},
    {"calls", calls, 100000},
    {"dead blocks", dead_blocks, 100000},
    {"loads and stores", loads_and_stores, 200000},
    {"globals", globals, 200000},
    {"constants", constants, 50000},
    {"pointers", pointers, 200000},
    {"divisions", divisions, 50000},
    {"early returns", early_returns, 50000},
    {"traps", traps, 50000},
    {"diamonds", diamonds, 50000},
    {"chained loops", chained_loops, 50000},
    {"values in a block", values_in_a_block, 200000},
    {"values over calls", values_over_calls, 50000},
    {"all values over calls", all_values_over_calls, 20000},
    {"values in a loop", values_in_a_loop, 49990},
    {"values over loops", values_over_loops, 20000},
    {"values over diamonds", values_over_diamonds, 20000},
    {"cases in a loop", cases_in_a_loop, 20000},
    {"many tables", many_tables, 20000},
    {"stack over calls", stack_over_calls, 20000},
    {"indirect calls", indirect_calls, 20000},
    {"copies", copies, 50000},
};
const size_t wasm_shape_count = sizeof wasm_shapes / sizeof wasm_shapes[0];
