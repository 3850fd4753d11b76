// SPDX-License-Identifier: MIT
//
// A module's entities and its sections.
#include "gen.h"

#include <stdio.h>
#include <string.h>

#define EXPORTS_MAX 16

static unsigned any_type(struct gen *g)
{
    return random_below(g, g->has_vectors ? T_COUNT : T_V128);
}

/* ---- Entities ---- */

/* Sometimes more parameters and results than any calling convention has registers for. */
static void plan_functions(struct gen *g)
{
    g->function_count = 3 + random_below(g, FUNCTIONS_MAX - 3);
    for (uint32_t n = 0; n < g->function_count; n++) {
        struct func_type t = {.param_count = 0};
        bool is_wide = chance(g, 20);
        t.param_count = (uint8_t)random_below(g, is_wide ? PARAMS_MAX + 1 : 5);
        t.result_count = (uint8_t)(is_wide ? random_below(g, RESULTS_MAX + 1) : 1);
        for (uint32_t p = 0; p < t.param_count; p++) {
            t.params[p] = (uint8_t)any_type(g);
        }
        for (uint32_t r = 0; r < t.result_count; r++) {
            t.results[r] = (uint8_t)(chance(g, 40) ? T_I64 : any_type(g));
        }
        g->functions[n] = type_index(g, &t);
        g->is_plain[n] = chance(g, 30);
        g->is_endless[n] = g->has_references && !g->is_plain[n] && chance(g, 20);
    }
}

static void plan_globals(struct gen *g)
{
    g->globals[GLOBAL_FUEL] = g->globals[GLOBAL_DEPTH] = T_I32;
    g->is_mutable[GLOBAL_FUEL] = g->is_mutable[GLOBAL_DEPTH] = true;
    g->global_count = GLOBAL_FIRST + 1 + random_below(g, GLOBALS_MAX - GLOBAL_FIRST);
    for (uint32_t n = GLOBAL_FIRST; n < g->global_count; n++) {
        g->globals[n] = (uint8_t)any_type(g);
        g->is_mutable[n] = chance(g, 85);
    }
}

static void plan_tables(struct gen *g)
{
    g->table_count = 1 + random_below(g, TABLES_MAX);
    for (uint32_t n = 0; n < g->table_count; n++) {
        struct table *t = &g->tables[n];
        t->size = g->function_count + 1 + random_below(g, 8);
        t->max = t->size + random_below(g, 6);
        for (uint32_t at = 0; at < t->size; at++) {
            t->functions[at] = at < g->function_count ? g->function_count - 1 - at
                                                      : random_below(g, g->function_count);
        }
    }
    g->elem_count = random_below(g, SEGMENTS_MAX);
    for (uint32_t n = 0; n < g->elem_count; n++) {
        g->elem_len[n] = random_below(g, 6);
    }
    g->data_count = random_below(g, SEGMENTS_MAX);
    for (uint32_t n = 0; n < g->data_count; n++) {
        g->data_len[n] = random_below(g, 100);
    }
}

/* ---- Sections ---- */

static void section(struct bytes *out, unsigned id, struct bytes *content)
{
    put(out, id);
    put_leb(out, content->len);
    put_bytes(out, content->data, content->len);
    content->len = 0;
}

static void put_types(struct bytes *b, const uint8_t *types, uint32_t count)
{
    put_leb(b, count);
    for (uint32_t n = 0; n < count; n++) {
        put(b, type_bytes[types[n]]);
    }
}

static void type_section(struct gen *g, struct bytes *b)
{
    put_leb(b, g->type_count);
    for (uint32_t n = 0; n < g->type_count; n++) {
        const struct func_type *t = &g->types[n];
        put(b, 0x60);
        put_types(b, t->params, t->param_count);
        put_types(b, t->results, t->result_count);
    }
}

static void table_section(struct gen *g, struct bytes *b)
{
    put_leb(b, g->table_count);
    for (uint32_t n = 0; n < g->table_count; n++) {
        put(b, 0x70);
        put(b, 1);
        put_leb(b, g->tables[n].size);
        put_leb(b, g->tables[n].max);
    }
}

static void memory_section(struct bytes *b)
{
    put(b, 1);
    put(b, 1);
    put_leb(b, 1);
    put_leb(b, MEMORY_PAGES_MAX);
}

static void global_section(struct gen *g, struct bytes *b)
{
    put_leb(b, g->global_count);
    for (uint32_t n = 0; n < g->global_count; n++) {
        put(b, type_bytes[g->globals[n]]);
        put(b, g->is_mutable[n]);
        g->code.len = 0;
        constant(g, g->globals[n]);
        put_bytes(b, g->code.data, g->code.len);
        put(b, 0x0b);
    }
}

static void export_section(struct gen *g, struct bytes *b, uint32_t exports)
{
    put_leb(b, exports + 1);
    for (uint32_t n = 0; n <= exports; n++) {
        char name[8];
        int len = n < exports ? snprintf(name, sizeof name, "f%u", n)
                              : snprintf(name, sizeof name, "state");
        put(b, (unsigned)len);
        put_bytes(b, name, (size_t)len);
        put(b, 0);
        put_leb(b, g->function_count + n);
    }
}

static void put_functions(struct gen *g, struct bytes *b, const uint32_t *functions, uint32_t count)
{
    put_leb(b, count);
    for (uint32_t n = 0; n < count; n++) {
        put_leb(b, functions != NULL ? functions[n] : random_below(g, g->function_count));
    }
}

/* An active segment for each table (one element short, so that the last is null), passive ones, and
 * one that declares every function. */
static void element_section(struct gen *g, struct bytes *b)
{
    put_leb(b, g->table_count + g->elem_count + 1);
    for (uint32_t n = 0; n < g->table_count; n++) {
        put(b, 2);
        put_leb(b, n);
        put(b, 0x41);
        put(b, 0);
        put(b, 0x0b);
        put(b, 0);
        put_functions(g, b, g->tables[n].functions, g->tables[n].size - 1);
        g->tables[n].functions[g->tables[n].size - 1] = UINT32_MAX;
    }
    for (uint32_t n = 0; n < g->elem_count; n++) {
        put(b, 1);
        put(b, 0);
        put_functions(g, b, NULL, g->elem_len[n]);
    }
    put(b, 3);
    put(b, 0);
    put_leb(b, g->function_count);
    for (uint32_t n = 0; n < g->function_count; n++) {
        put_leb(b, n);
    }
}

static void put_data(struct gen *g, struct bytes *b, uint32_t len)
{
    put_leb(b, len);
    for (uint32_t n = 0; n < len; n++) {
        put(b, (unsigned)random_bits(g));
    }
}

static void data_section(struct gen *g, struct bytes *b)
{
    put_leb(b, g->data_count + 1);
    put(b, 0);
    put(b, 0x41);
    put(b, 0);
    put(b, 0x0b);
    put_data(g, b, 600);
    for (uint32_t n = 0; n < g->data_count; n++) {
        put(b, 1);
        put_data(g, b, g->data_len[n]);
    }
}

static uint32_t code_section(struct gen *g, struct bytes *b)
{
    uint32_t exports = 4 + random_below(g, EXPORTS_MAX - 4);
    put_leb(b, g->function_count + exports + 1);
    for (uint32_t n = 0; n < g->function_count; n++) {
        function_body(g, n, b);
    }
    for (uint32_t n = 0; n < exports; n++) {
        export_body(g, n % g->function_count, b);
    }
    state_body(g, b);
    return exports;
}

static void function_section(struct gen *g, struct bytes *b, uint32_t exports)
{
    const struct func_type none = {.results = {T_I64}, .result_count = 1};
    put_leb(b, g->function_count + exports + 1);
    for (uint32_t n = 0; n < g->function_count; n++) {
        put_leb(b, g->functions[n]);
    }
    for (uint32_t n = 0; n <= exports; n++) {
        put_leb(b, type_index(g, &none));
    }
}

uint32_t module_make(uint64_t seed, enum gen_kind kind, const uint8_t *dropped, uint32_t nodes_max,
                     struct bytes *out)
{
    static struct gen gen;
    struct gen *g = &gen;
    struct bytes code = {.data = NULL}, content = {.data = NULL}, old = gen.code;
    memset(g, 0, sizeof *g);
    g->code = old;
    g->state = seed;
    g->has_vectors =
        kind == KIND_VECTORS || kind == KIND_RELAXED || (kind == KIND_EXCEPTIONS && seed % 4 == 2);
    g->throws = kind != KIND_EXCEPTIONS ? THROWS_NOTHING
                : seed % 8 < 4          ? THROWS_REFERENCES
                                        : THROWS_OLD;
    g->relaxes = kind != KIND_RELAXED ? RELAXES_NOTHING
                 : seed % 2 == 0      ? RELAXES_ALIKE
                                      : RELAXES_FREELY;
    g->has_references = seed % 4 == 3;
    g->dropped = dropped;
    g->nodes_max = nodes_max;
    plan_functions(g);
    plan_globals(g);
    plan_tables(g);
    plan_tags(g);
    put_bytes(out, "\0asm\1\0\0\0", 8);

    /* Generate the code first: it determines the types. */
    struct bytes functions = {.data = NULL}, elements = {.data = NULL};
    element_section(g, &elements);
    uint32_t exports = code_section(g, &code);
    function_section(g, &functions, exports);
    type_section(g, &content);
    section(out, 1, &content);
    section(out, 3, &functions);
    table_section(g, &content);
    section(out, 4, &content);
    memory_section(&content);
    section(out, 5, &content);
    if (g->tag_count > 0) {
        tag_section(g, &content);
        section(out, 13, &content);
    }
    global_section(g, &content);
    section(out, 6, &content);
    export_section(g, &content, exports);
    section(out, 7, &content);
    section(out, 9, &elements);
    put_leb(&content, g->data_count + 1);
    section(out, 12, &content);
    section(out, 10, &code);
    data_section(g, &content);
    section(out, 11, &content);
    bytes_free(&code);
    bytes_free(&content);
    bytes_free(&functions);
    bytes_free(&elements);
    return g->node;
}
