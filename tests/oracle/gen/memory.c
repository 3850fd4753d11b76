// SPDX-License-Identifier: MIT
//
// Accesses to memory and tables: mostly inside, often at the very end, sometimes outside.
#include "gen.h"

/* Push the index of an access of `size` bytes; return the offset for the instruction. */
static uint32_t address(struct gen *g, uint32_t size, int depth)
{
    static const uint32_t masks[] = {0xff, 0xff8, 0xfff, 0x7fff, 0x7ff8};
    static const uint32_t offsets[] = {0, 0, 0, 1, 4, 8, 255, 256, 4095, 4096, 4097, 0x7000};
    uint32_t offset = offsets[random_below(g, 12)], kind = random_below(g, 1000);
    if (kind < 550) {
        masked(g, masks[random_below(g, 5)], depth);
    } else if (kind < 800) {
        chain(g, PAGE - size - offset + (chance(g, 1) ? 1 : 0), depth);
    } else if (kind < 880) { /* the last bytes of the first page */
        const_i32(g, PAGE - size - offset);
    } else if (kind < 950) { /* the last bytes of the memory */
        memory_size(g);
        const_i32(g, 16);
        op(g, 0x74);
        const_i32(g, size + offset - (chance(g, 3) ? 1 : 0));
        op(g, 0x6b);
    } else if (kind < 996) { /* anywhere in the first page; sometimes its last bytes */
        masked(g, 0xffff, depth);
        offset = 0;
    } else { /* most likely outside; the engine's sum of index and offset must not wrap */
        constant(g, T_I32);
        offset = (uint32_t)boundary_integer(g, 32);
    }
    return offset;
}

static void memory_immediates(struct gen *g, uint32_t size, uint32_t offset)
{
    uint32_t natural = 0;
    while (1u << natural < size) {
        natural++;
    }
    put_u(g, &g->code, chance(g, 50) ? natural : random_below(g, natural + 1), 32);
    put_u(g, &g->code, offset, 32);
}

struct access {
    uint8_t prefix, opcode, type, size;
};

static const struct access loads[] = {
    {0, 0x28, T_I32, 4},   {0, 0x29, T_I64, 8},   {0, 0x2a, T_F32, 4},   {0, 0x2b, T_F64, 8},
    {0, 0x2c, T_I32, 1},   {0, 0x2d, T_I32, 1},   {0, 0x2e, T_I32, 2},   {0, 0x2f, T_I32, 2},
    {0, 0x30, T_I64, 1},   {0, 0x31, T_I64, 1},   {0, 0x32, T_I64, 2},   {0, 0x33, T_I64, 2},
    {0, 0x34, T_I64, 4},   {0, 0x35, T_I64, 4},   {0xfd, 0, T_V128, 16}, {0xfd, 1, T_V128, 8},
    {0xfd, 2, T_V128, 8},  {0xfd, 3, T_V128, 8},  {0xfd, 4, T_V128, 8},  {0xfd, 5, T_V128, 8},
    {0xfd, 6, T_V128, 8},  {0xfd, 7, T_V128, 1},  {0xfd, 8, T_V128, 2},  {0xfd, 9, T_V128, 4},
    {0xfd, 10, T_V128, 8}, {0xfd, 92, T_V128, 4}, {0xfd, 93, T_V128, 8},
};

static const struct access stores[] = {
    {0, 0x36, T_I32, 4}, {0, 0x37, T_I64, 8},    {0, 0x38, T_F32, 4}, {0, 0x39, T_F64, 8},
    {0, 0x3a, T_I32, 1}, {0, 0x3b, T_I32, 2},    {0, 0x3c, T_I64, 1}, {0, 0x3d, T_I64, 2},
    {0, 0x3e, T_I64, 4}, {0xfd, 11, T_V128, 16},
};

static void access_opcode(struct gen *g, const struct access *a, uint32_t offset)
{
    if (a->prefix != 0) {
        op_prefixed(g, a->prefix, a->opcode);
    } else {
        op(g, a->opcode);
    }
    memory_immediates(g, a->size, offset);
}

void load(struct gen *g, unsigned type, int depth)
{
    const struct access *a;
    if (type <= T_I64 && chance(g, 12)) {
        atomic_value(g, type, depth);
        return;
    }
    do {
        a = &loads[random_below(g, sizeof loads / sizeof loads[0])];
    } while (a->type != type);
    access_opcode(g, a, address(g, a->size, depth));
}

void store(struct gen *g, int depth)
{
    uint32_t count = sizeof stores / sizeof stores[0] - (g->has_vectors ? 0 : 1);
    const struct access *a = &stores[random_below(g, count)];
    uint32_t offset = address(g, a->size, depth);
    exact_expression(g, a->type, depth - 1);
    access_opcode(g, a, offset);
}

unsigned random_load(struct gen *g, uint32_t offset)
{
    const struct access *a;
    do {
        a = &loads[random_below(g, sizeof loads / sizeof loads[0])];
    } while (a->type == T_V128 || (a->type > T_I64 && chance(g, 60)));
    access_opcode(g, a, offset);
    return a->type;
}

void random_store(struct gen *g, uint32_t offset)
{
    const struct access *a = &stores[random_below(g, sizeof stores / sizeof stores[0] - 1)];
    exact_expression(g, a->type, 0);
    access_opcode(g, a, offset);
}

/* ---- Atomic accesses; memory is not shared, and wasm-interp has no fences ---- */

/* In the order of their numbers: load, store, then those that read and write. */
static const struct access atomic_widths[] = {
    {0xfe, 0, T_I32, 4}, {0xfe, 1, T_I64, 8}, {0xfe, 2, T_I32, 1}, {0xfe, 3, T_I32, 2},
    {0xfe, 4, T_I64, 1}, {0xfe, 5, T_I64, 2}, {0xfe, 6, T_I64, 4},
};

enum { ATOMIC_LOAD, ATOMIC_STORE, ATOMIC_COMPARE = 8, ATOMICS, ATOMIC_FIRST = 0x10 };
#define ATOMIC_WIDTHS (sizeof atomic_widths / sizeof atomic_widths[0])

/* Push an index that is a multiple of the size, but for one in a hundred. */
static void aligned_index(struct gen *g, uint32_t size, int depth)
{
    if (chance(g, 30)) {
        chain(g, 0x7fff, depth);
    } else {
        masked(g, chance(g, 50) ? 0xff : 0x7fff, depth);
    }
    if (!chance(g, 1)) {
        const_i32(g, 0u - size);
        op(g, 0x71);
    }
}

/* An operator that leaves a value of this type, or (T_COUNT) a store. */
static void atomic(struct gen *g, unsigned type, int depth)
{
    static const uint32_t offsets[] = {0, 0, 0, 8, 16, 4096, 0x7000};
    const struct access *a;
    unsigned operation = type == T_COUNT ? ATOMIC_STORE
                         : chance(g, 20) ? ATOMIC_LOAD
                                         : 2 + random_below(g, 7);
    do {
        a = &atomic_widths[random_below(g, ATOMIC_WIDTHS)];
    } while (type != T_COUNT && a->type != type);
    aligned_index(g, a->size, depth);
    for (unsigned n = operation == ATOMIC_COMPARE ? 2
                      : operation == ATOMIC_LOAD  ? 0
                                                  : 1;
         n > 0; n--) {
        if (chance(g, 40)) {
            (a->type == T_I32) ? const_i32(g, random_below(g, 3))
                               : const_i64(g, random_below(g, 3));
        } else {
            exact_expression(g, a->type, depth - 1);
        }
    }
    op_prefixed(g, 0xfe, ATOMIC_FIRST + operation * (unsigned)ATOMIC_WIDTHS + a->opcode);
    put_u(g, &g->code, (uint32_t)__builtin_ctz(a->size), 32);
    put_u(g, &g->code, offsets[random_below(g, sizeof offsets / sizeof offsets[0])], 32);
}

void atomic_value(struct gen *g, unsigned type, int depth)
{
    atomic(g, type, depth);
}

void atomic_statement(struct gen *g, int depth)
{
    if (chance(g, 40)) {
        atomic(g, T_COUNT, depth);
    } else { /* the result is not used */
        atomic(g, chance(g, 50) ? T_I32 : T_I64, depth);
        op(g, 0x1a);
    }
}

/* ---- Bulk ---- */

/* A position and a length within `end` elements: random ones in the lower half, or up to
 * the very end, or (rarely) any. */
struct region {
    uint32_t end, longest;
    uint32_t at, len; /* constants, if is_exact */
    bool is_exact;
};

static struct region choose_region(struct gen *g, uint32_t end, uint32_t longest)
{
    struct region r = {.end = end, .longest = longest < end / 2 ? longest : end / 2};
    r.is_exact = chance(g, 30);
    r.len = random_below(g, r.longest + 1);
    r.at = chance(g, 50) ? end - r.len : random_below(g, end - r.len + 1);
    r.len += chance(g, 3) ? 1 : 0;
    if (chance(g, 2)) {
        r = (struct region){.is_exact = true,
                            .at = (uint32_t)boundary_integer(g, 32),
                            .len = (uint32_t)boundary_integer(g, 32)};
    }
    return r;
}

static void remainder_of(struct gen *g, uint32_t n, int depth)
{
    expression(g, T_I32, depth - 1);
    const_i32(g, n);
    op(g, 0x70);
}

static void place(struct gen *g, const struct region *r, int depth)
{
    if (r->is_exact) {
        const_i32(g, r->at);
    } else if (chance(g, 25)) {
        chain(g, r->end - r->longest, depth);
    } else {
        remainder_of(g, r->end - r->longest + 1, depth);
    }
}

static void length(struct gen *g, const struct region *r, int depth)
{
    if (r->is_exact) {
        const_i32(g, r->len);
    } else {
        remainder_of(g, r->longest + 1, depth);
    }
}

void bulk_memory(struct gen *g, int depth)
{
    uint32_t segment = g->data_count > 0 ? random_below(g, g->data_count) : 0;
    struct region to = choose_region(g, PAGE, chance(g, 20) ? 5000 : 64), from = to;
    switch (random_below(g, g->data_count > 0 ? 4 : 2)) {
    case 0: /* fill */
        place(g, &to, depth);
        expression(g, T_I32, depth - 1);
        length(g, &to, depth);
        op_prefixed(g, 0xfc, 11);
        put(&g->code, 0);
        break;
    case 1: /* copy, often to an overlapping place */
        from.at -= chance(g, 50) && from.at > 8 ? random_below(g, 8) : 0;
        place(g, &to, depth);
        place(g, &from, depth);
        length(g, &to, depth);
        op_prefixed(g, 0xfc, 10);
        put(&g->code, 0);
        put(&g->code, 0);
        break;
    case 2: /* init: the active segment has number 0 */
        from = choose_region(g, g->data_len[segment], g->data_len[segment]);
        const_i32(g, random_below(g, PAGE - 200));
        place(g, &from, depth);
        length(g, &from, depth);
        op_prefixed(g, 0xfc, 8);
        put_u(g, &g->code, segment + 1, 32);
        put(&g->code, 0);
        break;
    default:
        if (chance(g, 10)) {
            op_prefixed(g, 0xfc, 9);
            put_u(g, &g->code, segment + 1, 32);
        }
        break;
    }
}

/* Accesses of all widths to the same few bytes, whose order matters. */
void overlapping_accesses(struct gen *g, int depth)
{
    static const uint8_t starts[] = {0, 0, 1, 2, 4, 7, 8};
    uint32_t base = g->scratch[T_I32], count = 3 + random_below(g, 6);
    uint32_t stores_count = sizeof stores / sizeof stores[0] - (g->has_vectors ? 0 : 1);
    if (chance(g, 30)) {
        chain(g, 0x7ff8, depth);
    } else {
        masked(g, 0x7ff8, depth);
    }
    op_u(g, 0x21, base);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t offset = 16 + starts[random_below(g, sizeof starts)];
        const struct access *a;
        op_u(g, 0x20, base);
        if (chance(g, 50)) {
            a = &stores[random_below(g, stores_count)];
            exact_expression(g, a->type, 0);
            access_opcode(g, a, offset);
        } else {
            do {
                a = &loads[random_below(g, sizeof loads / sizeof loads[0])];
            } while (a->type == T_V128 && !g->has_vectors);
            access_opcode(g, a, offset);
            discard(g, a->type);
        }
    }
}

/* ---- Tables ---- */

/* Calls use the first table, so table operations mostly change the second. */
static uint32_t other_table(struct gen *g)
{
    return g->table_count > 1 && !chance(g, 10) ? 1 : 0;
}

static void element(struct gen *g, uint32_t table, int depth)
{
    if (chance(g, 2)) {
        constant(g, T_I32);
    } else {
        remainder_of(g, g->tables[table].size, depth);
    }
}

static void function_reference(struct gen *g, int depth)
{
    uint32_t kind = random_below(g, 10), table = random_below(g, g->table_count);
    if (kind < 2) {
        op(g, 0xd0);
        op(g, 0x70);
    } else if (kind < 5) {
        element(g, table, depth);
        op_u(g, 0x25, table);
    } else {
        op_u(g, 0xd2, random_below(g, g->function_count));
    }
}

void table_expression(struct gen *g, int depth)
{
    uint32_t table = other_table(g), kind = random_below(g, 4);
    if (kind == 0) {
        function_reference(g, depth);
        const_i32(g, chance(g, 80) ? random_below(g, 3) : (uint32_t)boundary_integer(g, 32));
        op_prefixed(g, 0xfc, 15);
        put_u(g, &g->code, table, 32);
    } else if (kind == 1) {
        op_prefixed(g, 0xfc, 16);
        put_u(g, &g->code, table, 32);
    } else {
        function_reference(g, depth);
        op(g, 0xd1);
    }
}

static void table_bulk(struct gen *g, uint32_t table, int depth)
{
    uint32_t kind = random_below(g, g->elem_count > 0 ? 3 : 2),
             source = random_below(g, g->table_count);
    uint32_t segment = g->elem_count > 0 ? random_below(g, g->elem_count) : 0;
    struct region to = choose_region(g, g->tables[table].size, 3), from;
    if (kind == 0) { /* fill */
        place(g, &to, depth);
        function_reference(g, depth);
        length(g, &to, depth);
        op_prefixed(g, 0xfc, 17);
        put_u(g, &g->code, table, 32);
    } else if (kind == 1) {
        from = choose_region(g, g->tables[source].size, 3);
        place(g, &to, depth);
        place(g, &from, depth);
        length(g, &from, depth);
        op_prefixed(g, 0xfc, 14);
        put_u(g, &g->code, table, 32);
        put_u(g, &g->code, source, 32);
    } else { /* init: before the passive segments there is an active one for each table */
        from = choose_region(g, g->elem_len[segment], g->elem_len[segment]);
        const_i32(g, random_below(g, 2));
        place(g, &from, depth);
        length(g, &from, depth);
        op_prefixed(g, 0xfc, 12);
        put_u(g, &g->code, g->table_count + segment, 32);
        put_u(g, &g->code, table, 32);
    }
}

void table_statement(struct gen *g, int depth)
{
    uint32_t table = other_table(g), kind = random_below(g, 10);
    if (kind < 5) {
        element(g, table, depth);
        function_reference(g, depth);
        op_u(g, 0x26, table);
    } else if (kind == 5 && g->elem_count > 0) {
        op_prefixed(g, 0xfc, 13);
        put_u(g, &g->code, g->table_count + random_below(g, g->elem_count), 32);
    } else {
        table_bulk(g, table, depth);
    }
}

/* ---- Accesses to one lane, for vector.c ---- */

void lane_access(struct gen *g, unsigned opcode, uint32_t size, int depth)
{
    uint32_t offset = address(g, size, depth);
    expression(g, T_V128, depth - 1);
    op_prefixed(g, 0xfd, opcode);
    memory_immediates(g, size, offset);
    put(&g->code, random_below(g, 16 / size));
}
