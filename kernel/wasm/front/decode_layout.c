// SPDX-License-Identifier: MIT
//
// The layout of an instance's context, and the tables that the representations of all functions
// share: types, signatures, callees, memories.
#include "kernel/wasm/front/decode_internal.h"

#include "kernel/lib/string.h"

#define HELPER_TYPES 5 /* most parameters and results together */
/* of a function's name in the representation, including the terminating zero */
#define NAME_BYTES  32u
#define CONTEXT_MAX INT32_MAX

/* ---- The context ---- */

static uint32_t append_field(uint64_t *end, uint32_t bytes, uint32_t align)
{
    uint64_t at = ALIGN_UP(*end, (uint64_t)align);
    *end = at + bytes;
    return (uint32_t)at;
}

static bool lay_out_context(struct wasm_decoder *d)
{
    struct wasm_module *m = d->m;
    uint64_t end = sizeof(struct wasm_context);
    for (uint32_t n = 0; n < m->global_count; n++) {
        struct wasm_global *g = &m->globals[n];
        uint32_t bytes = !g->is_imported && g->type.type == WASM_V128 ? 16 : 8;
        g->at = append_field(&end, bytes, bytes);
    }
    for (uint32_t n = 0; n < m->table_count; n++) {
        struct wasm_table *t = &m->tables[n];
        t->at = append_field(&end, t->is_imported ? 8 : sizeof(struct wasm_table_data), 8);
    }
    for (uint32_t n = 0; n < m->tag_count; n++) {
        m->tags[n].at = append_field(&end, sizeof(uint64_t), 8);
    }
    for (uint32_t n = 1; n < m->memory_count; n++) {
        m->memories[n].at = append_field(&end, sizeof(struct wasm_memory_slot), 8);
    }
    for (uint32_t n = 0; n < m->function_count; n++) {
        struct wasm_function *f = &m->functions[n];
        f->at = append_field(
            &end, f->is_imported ? sizeof(struct wasm_imported) : sizeof(struct wasm_func), 8);
    }
    m->more_helpers =
        append_field(&end, (WASM_HELPER_COUNT - WASM_HELPER_FIXED) * sizeof(uint64_t), 8);
    if (end > CONTEXT_MAX) {
        return wasm_fail(&d->r, d->r.at, E_OVERFLOW,
                         "globals, tables, tags and functions of %llu bytes",
                         (unsigned long long)end);
    }
    m->context_bytes = (uint32_t)ALIGN_UP(end, (uint64_t)16);
    return true;
}

/* ---- Helpers ---- */

/* Constant for all modules, and copied from here. First parameters, then results. */
static const _Alignas(8) uint8_t helper_types[WASM_HELPER_COUNT][HELPER_TYPES] = {
    [WASM_HELPER_MEMORY_GROW] = {IR_I32, IR_I32, IR_I32},
    [WASM_HELPER_MEMORY_INIT] = {IR_I64, IR_I32, IR_I32, IR_I32, IR_I32},
    [WASM_HELPER_MEMORY_COPY] = {IR_I64, IR_I32, IR_I32, IR_I32, IR_I32},
    [WASM_HELPER_MEMORY_FILL] = {IR_I32, IR_I32, IR_I32, IR_I32, IR_I32},
    [WASM_HELPER_DATA_DROP] = {IR_I32},
    [WASM_HELPER_TABLE_GROW] = {IR_I32, IR_I64, IR_I32, IR_I32},
    [WASM_HELPER_TABLE_FILL] = {IR_I32, IR_I32, IR_I64, IR_I32, IR_I32},
    [WASM_HELPER_TABLE_COPY] = {IR_I64, IR_I32, IR_I32, IR_I32, IR_I32},
    [WASM_HELPER_TABLE_INIT] = {IR_I64, IR_I32, IR_I32, IR_I32, IR_I32},
    [WASM_HELPER_ELEM_DROP] = {IR_I32},
    [WASM_HELPER_VECTOR] = {IR_I32, IR_I64, IR_I64},
    [WASM_HELPER_COMPILE] = {IR_I32},
    [WASM_HELPER_WAIT_32] = {IR_I32, IR_I64, IR_I32, IR_I64, IR_I32},
    [WASM_HELPER_WAIT_64] = {IR_I32, IR_I64, IR_I64, IR_I64, IR_I32},
    [WASM_HELPER_NOTIFY] = {IR_I32, IR_I64, IR_I32, IR_I32},
    [WASM_HELPER_EXN_MAKE] = {IR_I32, IR_I64},
    [WASM_HELPER_EXN_SET] = {IR_I64, IR_I32, IR_I64},
    [WASM_HELPER_EXN_SET_FUNC] = {IR_I64, IR_I32, IR_I64},
    [WASM_HELPER_EXN_SET_EXTERN] = {IR_I64, IR_I32, IR_I64},
    [WASM_HELPER_EXN_GET] = {IR_I64, IR_I32, IR_I64},
    [WASM_HELPER_EXN_GET_FUNC] = {IR_I64, IR_I32, IR_I64},
    [WASM_HELPER_EXN_GET_EXTERN] = {IR_I64, IR_I32, IR_I64},
    [WASM_HELPER_EXN_THROW] = {IR_I64},
    [WASM_HELPER_EXN_CAUGHT] = {IR_I64},
    [WASM_HELPER_EXN_IS] = {IR_I64, IR_I32, IR_I32},
    [WASM_HELPER_EXN_END] = {IR_I64, IR_I32},
};

#define SIGNATURE(number, param_count, result_count)                                               \
    [number] = {                                                                                   \
        .types = HELPER_TYPES * (number), .params = (param_count), .results = (result_count)}

static const _Alignas(8) struct ir_signature helper_signatures[WASM_HELPER_COUNT] = {
    SIGNATURE(WASM_HELPER_MEMORY_GROW, 2, 1),    SIGNATURE(WASM_HELPER_MEMORY_INIT, 4, 1),
    SIGNATURE(WASM_HELPER_MEMORY_COPY, 4, 1),    SIGNATURE(WASM_HELPER_MEMORY_FILL, 4, 1),
    SIGNATURE(WASM_HELPER_DATA_DROP, 1, 0),      SIGNATURE(WASM_HELPER_TABLE_GROW, 3, 1),
    SIGNATURE(WASM_HELPER_TABLE_FILL, 4, 1),     SIGNATURE(WASM_HELPER_TABLE_COPY, 4, 1),
    SIGNATURE(WASM_HELPER_TABLE_INIT, 4, 1),     SIGNATURE(WASM_HELPER_ELEM_DROP, 1, 0),
    SIGNATURE(WASM_HELPER_VECTOR, 3, 0),         SIGNATURE(WASM_HELPER_COMPILE, 1, 0),
    SIGNATURE(WASM_HELPER_WAIT_32, 4, 1),        SIGNATURE(WASM_HELPER_WAIT_64, 4, 1),
    SIGNATURE(WASM_HELPER_NOTIFY, 3, 1),         SIGNATURE(WASM_HELPER_EXN_MAKE, 1, 1),
    SIGNATURE(WASM_HELPER_EXN_SET, 3, 0),        SIGNATURE(WASM_HELPER_EXN_SET_FUNC, 3, 0),
    SIGNATURE(WASM_HELPER_EXN_SET_EXTERN, 3, 0), SIGNATURE(WASM_HELPER_EXN_GET, 2, 1),
    SIGNATURE(WASM_HELPER_EXN_GET_FUNC, 2, 1),   SIGNATURE(WASM_HELPER_EXN_GET_EXTERN, 2, 1),
    SIGNATURE(WASM_HELPER_EXN_THROW, 1, 0),      SIGNATURE(WASM_HELPER_EXN_CAUGHT, 0, 1),
    SIGNATURE(WASM_HELPER_EXN_IS, 2, 1),         SIGNATURE(WASM_HELPER_EXN_END, 2, 0),
};

#define HELPER(number, text)                                                                       \
    [number] = {.name = (text),                                                                    \
                .effects = IR_READS | IR_WRITES,                                                   \
                .kind = IR_CALLEE_HELPER,                                                          \
                .entry = (uint32_t)(offsetof(struct wasm_context, helpers) + 8 * (number))}

/* Without their signatures, which are numbered after the module's. */
static const struct ir_callee helper_callees[WASM_HELPER_COUNT] = {
    HELPER(WASM_HELPER_MEMORY_GROW, "memory_grow"),
    HELPER(WASM_HELPER_MEMORY_INIT, "memory_init"),
    HELPER(WASM_HELPER_MEMORY_COPY, "memory_copy"),
    HELPER(WASM_HELPER_MEMORY_FILL, "memory_fill"),
    HELPER(WASM_HELPER_DATA_DROP, "data_drop"),
    HELPER(WASM_HELPER_TABLE_GROW, "table_grow"),
    HELPER(WASM_HELPER_TABLE_FILL, "table_fill"),
    HELPER(WASM_HELPER_TABLE_COPY, "table_copy"),
    HELPER(WASM_HELPER_TABLE_INIT, "table_init"),
    HELPER(WASM_HELPER_ELEM_DROP, "elem_drop"),
    HELPER(WASM_HELPER_VECTOR, "vector"),
    HELPER(WASM_HELPER_COMPILE, "compile"),
    HELPER(WASM_HELPER_WAIT_32, "wait32"),
    HELPER(WASM_HELPER_WAIT_64, "wait64"),
    HELPER(WASM_HELPER_NOTIFY, "notify"),
    HELPER(WASM_HELPER_EXN_MAKE, "exn_make"),
    HELPER(WASM_HELPER_EXN_SET, "exn_set"),
    HELPER(WASM_HELPER_EXN_SET_FUNC, "exn_set_func"),
    HELPER(WASM_HELPER_EXN_SET_EXTERN, "exn_set_extern"),
    HELPER(WASM_HELPER_EXN_GET, "exn_get"),
    HELPER(WASM_HELPER_EXN_GET_FUNC, "exn_get_func"),
    HELPER(WASM_HELPER_EXN_GET_EXTERN, "exn_get_extern"),
    HELPER(WASM_HELPER_EXN_THROW, "exn_throw"),
    HELPER(WASM_HELPER_EXN_CAUGHT, "exn_caught"),
    HELPER(WASM_HELPER_EXN_IS, "exn_is"),
    HELPER(WASM_HELPER_EXN_END, "exn_end"),
};

/* ---- Types and signatures ---- */

unsigned wasm_ir_type(uint8_t type)
{
    switch (type) {
    case WASM_I32:
        return IR_I32;
    case WASM_F32:
        return IR_F32;
    case WASM_F64:
        return IR_F64;
    case WASM_V128:
        return IR_V128;
    default:
        return IR_I64; /* references, too */
    }
}

static size_t count_types(const struct wasm_module *m)
{
    size_t total = sizeof helper_types;
    for (uint32_t n = 0; n < m->signature_count; n++) {
        total += m->signatures[n].params + m->signatures[n].results;
    }
    return total;
}

/* Signature n is the module's type n; the helpers'
 * signatures follow. The helpers' types come first. */
static void make_signatures(struct wasm_module *m, struct ir_signature *signatures, uint8_t *types)
{
    uint32_t at = sizeof helper_types;
    memcpy(types, helper_types, sizeof helper_types);
    for (uint32_t n = 0; n < m->signature_count; n++) {
        const struct wasm_signature *s = &m->signatures[n];
        signatures[n] = (struct ir_signature){at, s->params, s->results};
        for (uint32_t t = 0; t < s->params + s->results; t++) {
            types[at++] = (uint8_t)wasm_ir_type(s->types[t]);
        }
    }
    memcpy(signatures + m->signature_count, helper_signatures, sizeof helper_signatures);
    m->ir.types = types;
    m->ir.type_count = at;
    m->ir.signatures = signatures;
    m->ir.signature_count = m->signature_count + WASM_HELPER_COUNT;
}

/* ---- Callees and memories ---- */

static size_t write_number(char *text, uint32_t number)
{
    size_t digits = 1;
    for (uint32_t rest = number; rest >= 10; rest /= 10) {
        digits++;
    }
    for (size_t n = digits; n-- > 0; number /= 10) {
        text[n] = (char)('0' + number % 10);
    }
    return digits;
}

/* "f12_main": unique for each function, and a word in the representation's textual form. Written
 * without the formatter, because there are thousands. */
static void write_name(const struct wasm_module *m, uint32_t function, char *text)
{
    const char *name = m->names == NULL ? NULL : m->names[function];
    text[0] = 'f';
    size_t n = 1 + write_number(text + 1, function);
    if (name != NULL) {
        text[n++] = '_';
    }
    for (; name != NULL && *name != '\0' && n < NAME_BYTES - 1; name++) {
        bool letter = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                      (*name >= '0' && *name <= '9');
        text[n++] = letter ? *name : '_';
    }
    text[n] = '\0';
}

static void make_callees(struct wasm_module *m, struct ir_callee *callees, char *names)
{
    memcpy(callees, helper_callees, sizeof helper_callees);
    for (uint32_t n = 0; n < WASM_HELPER_COUNT; n++) {
        callees[n].signature = m->signature_count + n;
    }
    for (uint32_t n = WASM_HELPER_FIXED; n < WASM_HELPER_COUNT; n++) {
        callees[n].entry = m->more_helpers + 8 * (n - WASM_HELPER_FIXED);
    }
    for (uint32_t n = 0; n < m->function_count; n++) {
        char *name = names + (size_t)n * NAME_BYTES;
        write_name(m, n, name);
        callees[WASM_HELPER_COUNT + n] = (struct ir_callee){
            .name = name,
            .signature = m->functions[n].type,
            .effects = IR_TRAPS | IR_READS | IR_WRITES,
            .kind = IR_CALLEE_FUNCTION,
        };
    }
    uint32_t count = WASM_HELPER_COUNT + m->function_count;
    for (unsigned n = 0; n < WASM_ENGINE_CALLEES; n++) {
        callees[count++] = (struct ir_callee){
            .name = "engine",
            .signature = m->signature_count + WASM_HELPER_COMPILE,
            .effects = IR_TRAPS | IR_READS | IR_WRITES,
            .kind = IR_CALLEE_FUNCTION,
        };
    }
    m->ir.callees = m->callees = callees;
    m->ir.callee_count = count;
}

/* One allocation for all tables. Tables copied from
 * constants are aligned to 8, like the constants. */
static bool make_tables(struct wasm_decoder *d)
{
    struct wasm_module *m = d->m;
    size_t callees = ((size_t)m->function_count + WASM_HELPER_COUNT + WASM_ENGINE_CALLEES) *
                     sizeof(struct ir_callee);
    size_t own_signatures = (size_t)m->signature_count * sizeof(struct ir_signature);
    size_t names = callees, helpers = names + (size_t)m->function_count * NAME_BYTES;
    helpers = ALIGN_UP(helpers + own_signatures, (size_t)8);
    size_t types = ALIGN_UP(helpers + sizeof helper_signatures, (size_t)8);
    size_t bytes = types + count_types(m);
    uint8_t *at = arena_take(&m->arena, bytes);
    if (at == NULL) {
        return wasm_fail_memory(&d->r, &m->arena, bytes);
    }
    make_signatures(m, (struct ir_signature *)(at + helpers - own_signatures), at + types);
    make_callees(m, (struct ir_callee *)at, (char *)at + names);
    return true;
}

static const struct ir_memory memory = {
    .guard_bytes = WASM_GUARD_BYTES,
    .spare_bytes = WASM_SPARE_BYTES,
    .base = offsetof(struct wasm_context, memory_base),
    .length = offsetof(struct wasm_context, memory_length),
};

/* The offset of an access to another memory is below 2^31 (build_memory_index()), so the page after
 * the guard is enough for its last byte, and no access compares the length. */
static bool describe_memories(struct wasm_decoder *d)
{
    struct wasm_module *m = d->m;
    m->ir.memories = &memory;
    m->ir.memory_count = m->memory_count;
    if (m->memory_count < 2) {
        return true;
    }
    struct ir_memory *all = decode_alloc(d, m->memory_count, sizeof *all);
    if (all == NULL) {
        return false;
    }
    all[0] = memory;
    for (uint32_t n = 1; n < m->memory_count; n++) {
        uint32_t at = m->memories[n].at;
        all[n] = (struct ir_memory){
            .guard_bytes = WASM_GUARD_BYTES + 16,
            .spare_bytes = WASM_SPARE_BYTES,
            .base = at + (uint32_t)offsetof(struct wasm_memory_slot, base),
            .length = at + (uint32_t)offsetof(struct wasm_memory_slot, length),
        };
    }
    m->ir.memories = all;
    return true;
}

bool decode_layout(struct wasm_decoder *d)
{
    d->r.section = NULL;
    return lay_out_context(d) && describe_memories(d) && make_tables(d);
}
