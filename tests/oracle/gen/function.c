// SPDX-License-Identifier: MIT
//
// Calls, and functions as a whole.
#include "gen.h"

#include <string.h>

/* ---- Calls ---- */

static void change_depth(struct gen *g, unsigned opcode)
{
    op_u(g, 0x23, GLOBAL_DEPTH);
    const_i32(g, 1);
    op(g, opcode);
    op_u(g, 0x24, GLOBAL_DEPTH);
}

/* An index in the first table for a call of this function: its initial one, or a wrong one. */
static void table_index(struct gen *g, uint32_t function, int depth)
{
    const struct table *t = &g->tables[0];
    uint32_t at = 0;
    while (t->functions[at] != function) {
        at++;
    }
    if (chance(g, 1)) {
        constant(g, T_I32);
        return;
    }
    const_i32(g, chance(g, 1) ? random_below(g, t->size) : at);
    if (chance(g, 50)) { /* the same value, computed less directly */
        expression(g, T_I32, depth - 2);
        const_i32(g, 0);
        op(g, 0x71);
        op(g, 0x72);
    }
}

/* Arguments and the call; leaves the results on the stack. */
static void call(struct gen *g, uint32_t function, int depth)
{
    uint32_t type = g->functions[function];
    bool is_counted = !g->is_plain[function] || chance(g, 50), is_direct = chance(g, 60);
    values(g, g->types[type].params, g->types[type].param_count, depth - 2);
    if (!is_direct) {
        table_index(g, function, depth - 1);
    }
    if (is_counted || !is_direct) {
        change_depth(g, 0x6a);
    }
    if (is_direct) {
        op_u(g, 0x10, function);
    } else {
        op_u(g, 0x11, type);
        put_u(g, &g->code, 0, 32);
    }
    if (is_counted || !is_direct) {
        change_depth(g, 0x6b);
    }
}

bool call_expression(struct gen *g, unsigned type, int depth)
{
    uint32_t start = random_below(g, g->function_count);
    for (uint32_t n = 0; n < g->function_count && !g->is_plain[g->function]; n++) {
        uint32_t function = (start + n) % g->function_count;
        const struct func_type *t = &g->types[g->functions[function]];
        if (t->result_count > 0 && t->results[0] == type && !g->is_endless[function]) {
            call(g, function, depth);
            for (uint32_t r = t->result_count; r-- > 1;) {
                discard(g, t->results[r]);
            }
            return true;
        }
    }
    return false;
}

void call_statement(struct gen *g, int depth)
{
    uint32_t function = random_below(g, g->function_count);
    const struct func_type *t = &g->types[g->functions[function]];
    if (g->is_plain[g->function] || g->is_endless[function]) {
        return;
    }
    call(g, function, depth);
    for (uint32_t r = t->result_count; r-- > 0;) {
        discard(g, t->results[r]);
    }
}

/* ---- Functions ---- */

static void start_function(struct gen *g, const struct func_type *t)
{
    g->code.len = 0;
    g->local_count = 0;
    g->label_count = 0;
    g->loops = 0;
    for (uint32_t n = 0; n < t->param_count; n++) {
        g->locals[g->local_count++] = t->params[n];
    }
}

static void add_scratch(struct gen *g)
{
    for (unsigned type = T_I32; type < T_COUNT; type++) {
        g->scratch[type] = type == T_V128 && !g->has_vectors ? 0 : new_local(g, type);
    }
}

static void add_locals(struct gen *g)
{
    bool is_crowded = chance(g, 20);
    uint32_t count = random_below(g, is_crowded ? 50 : 10);
    for (uint32_t n = 0; n < count; n++) {
        (void)new_local(g, random_below(g, g->has_vectors ? T_COUNT : T_V128));
    }
    g->free_locals = g->local_count;
    add_references(g);
    add_exception(g);
    add_scratch(g);
    if (is_crowded) { /* all of them are live at once */
        for (uint32_t n = 0; n < g->free_locals; n++) {
            expression(g, g->locals[n], 1);
            op_u(g, 0x21, n);
        }
    }
}

/* Out of fuel, or nested too deeply: return constants. */
static void guard(struct gen *g, const struct func_type *t)
{
    tick(g);
    op_u(g, 0x23, GLOBAL_DEPTH);
    const_i32(g, DEPTH_MAX);
    op(g, 0x49);
    op(g, 0x71);
    op(g, 0x45);
    op(g, 0x04);
    put(&g->code, 0x40);
    for (uint32_t n = 0; n < t->result_count; n++) {
        constant(g, t->results[n]);
    }
    op(g, 0x0f);
    op(g, 0x0b);
}

/* Mix every local into the first i64 result. */
static void results(struct gen *g, const struct func_type *t)
{
    bool is_mixed = false, wants = chance(g, 60);
    for (uint32_t n = 0; n < t->result_count; n++) {
        if (t->results[n] != T_I64 || is_mixed || !wants) {
            expression(g, t->results[n], 2);
            continue;
        }
        uint32_t hash = new_local(g, T_I64);
        is_mixed = true;
        for (uint32_t local = 0; local < g->free_locals; local++) {
            op_u(g, 0x20, local);
            mix(g, g->locals[local], hash);
        }
        op_u(g, 0x20, hash);
    }
}

/* Declarations of locals, with runs of one type merged or not, then the code. */
static void finish(struct gen *g, const struct func_type *t, struct bytes *out)
{
    struct bytes body = {.data = NULL}, runs = {.data = NULL};
    uint32_t count = 0;
    op(g, 0x0b);
    for (uint32_t n = t->param_count; n < g->local_count; count++) {
        uint32_t run = 1;
        while (n + run < g->local_count && g->locals[n + run] == g->locals[n] && !chance(g, 10)) {
            run++;
        }
        put_leb(&runs, run);
        put(&runs, type_bytes[g->locals[n]]);
        n += run;
    }
    put_leb(&body, count);
    put_bytes(&body, runs.data, runs.len);
    put_bytes(&body, g->code.data, g->code.len);
    put_leb(out, body.len);
    put_bytes(out, body.data, body.len);
    bytes_free(&body);
    bytes_free(&runs);
}

void function_body(struct gen *g, uint32_t function, struct bytes *out)
{
    const struct func_type t = g->types[g->functions[function]];
    g->function = function;
    start_function(g, &t);
    g->budget = g->is_plain[function] ? 15 + (int)random_below(g, 40)
                                      : 30 + (int)random_below(g, chance(g, 10) ? 1200 : 250);
    g->labels[g->label_count++] = (struct label){.types = g->types[g->functions[function]].results,
                                                 .count = t.result_count,
                                                 .is_usable = true};
    if (!g->is_plain[function]) {
        guard(g, &t);
    }
    add_locals(g);
    for (int budget = g->budget; g->budget > budget / 8;) {
        statements(g, 1, chance(g, 5) ? 9 : 2 + (int)random_below(g, 4));
    }
    g->budget = 20;
    if (g->is_endless[function]) {
        endless_loop(g, 3);
    } else {
        results(g, &t);
    }
    finish(g, &t, out);
}

static void call_and_mix(struct gen *g, uint32_t function, uint32_t hash)
{
    const struct func_type *t = &g->types[g->functions[function]];
    const_i32(g, FUEL);
    op_u(g, 0x24, GLOBAL_FUEL);
    const_i32(g, 0);
    op_u(g, 0x24, GLOBAL_DEPTH);
    for (uint32_t n = 0; n < t->param_count; n++) {
        constant(g, t->params[n]);
    }
    op_u(g, 0x10, function);
    for (uint32_t n = t->result_count; n-- > 0;) {
        mix(g, t->results[n], hash);
    }
}

/* Calls of one function with different arguments, and of others. */
void export_body(struct gen *g, uint32_t function, struct bytes *out)
{
    const struct func_type none = {.results = {T_I64}, .result_count = 1};
    uint32_t calls = 2 + random_below(g, 6);
    start_function(g, &none);
    g->free_locals = 0;
    uint32_t hash = new_local(g, T_I64);
    add_scratch(g);
    const_i64(g, 1);
    op_u(g, 0x21, hash);
    for (uint32_t n = 0; n < calls; n++) {
        uint32_t other = chance(g, 70) ? function : random_below(g, g->function_count);
        if (!g->is_endless[other] || n + 1 == calls) {
            call_and_mix(g, other, hash);
        }
    }
    op_u(g, 0x20, hash);
    finish(g, &none, out);
}

static void mix_memory(struct gen *g, uint32_t hash, uint32_t at)
{
    op(g, 0x03);
    put(&g->code, 0x40);
    op_u(g, 0x20, at);
    op(g, 0x29);
    put(&g->code, 3);
    put(&g->code, 0);
    mix(g, T_I64, hash);
    op_u(g, 0x20, at);
    const_i32(g, 8);
    op(g, 0x6a);
    op_u(g, 0x22, at);
    memory_size(g);
    const_i32(g, 16);
    op(g, 0x74);
    op(g, 0x49);
    op_u(g, 0x0d, 0);
    op(g, 0x0b);
}

void state_body(struct gen *g, struct bytes *out)
{
    const struct func_type none = {.results = {T_I64}, .result_count = 1};
    start_function(g, &none);
    uint32_t hash = new_local(g, T_I64), at = new_local(g, T_I32);
    add_scratch(g);
    mix_memory(g, hash, at);
    for (uint32_t n = GLOBAL_FIRST; n < g->global_count; n++) {
        op_u(g, 0x23, n);
        mix(g, g->globals[n], hash);
    }
    for (uint32_t n = 0; n < g->table_count; n++) {
        op_prefixed(g, 0xfc, 16);
        put_u(g, &g->code, n, 32);
        mix(g, T_I32, hash);
    }
    op_u(g, 0x20, hash);
    finish(g, &none, out);
}
