// SPDX-License-Identifier: MIT
//
// Describes a module's context to the verifier of machine code, field by field, in the order of
// decode_layout.c and struct wasm_context. It is derived from the module and its layout, not from
// the representation that the compiler uses.
//
// The verifier trusts this description, and only this: machine code may load from the context only
// at these offsets, and a value that it loads has the kind written here. So a field that is
// described wrongly breaks the sandbox, and a field that is missing makes the verifier refuse
// good code.
#include "kernel/wasm/run/wasm_shape.h"

#include "kernel/base/assert.h"
#include "kernel/jit/arena.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"

STATIC_ASSERT(offsetof(struct wasm_func, code) == VERIFY_RECORD_CODE, "verify.h");
STATIC_ASSERT(offsetof(struct wasm_func, context) == VERIFY_RECORD_CONTEXT, "verify.h");
STATIC_ASSERT(offsetof(struct wasm_func, type_id) == VERIFY_RECORD_TYPE, "verify.h");
STATIC_ASSERT(sizeof(struct wasm_func) == VERIFY_RECORD_BYTES, "verify.h");
STATIC_ASSERT(offsetof(struct wasm_table_data, elements) == VERIFY_TABLE_ELEMENTS, "verify.h");
STATIC_ASSERT(offsetof(struct wasm_table_data, length) == VERIFY_TABLE_LENGTH, "verify.h");

#define FIXED_FIELDS (3 + WASM_HELPER_FIXED)
#define MORE_FIELDS  (WASM_HELPER_COUNT - WASM_HELPER_FIXED)
#define HELPER_TYPES 5u /* most parameters and results of one helper */
#define VECTOR_CELLS WASM_HELPER_COUNT

/* The same for all modules, whose own types follow. First parameters, then results. */
static const _Alignas(8) uint8_t helper_types[WASM_HELPER_COUNT + 1][HELPER_TYPES] = {
    [WASM_HELPER_MEMORY_GROW] = {VERIFY_I32, VERIFY_I32, VERIFY_I32},
    [WASM_HELPER_MEMORY_INIT] = {VERIFY_I64, VERIFY_I32, VERIFY_I32, VERIFY_I32, VERIFY_I32},
    [WASM_HELPER_MEMORY_COPY] = {VERIFY_I64, VERIFY_I32, VERIFY_I32, VERIFY_I32, VERIFY_I32},
    [WASM_HELPER_MEMORY_FILL] = {VERIFY_I32, VERIFY_I32, VERIFY_I32, VERIFY_I32, VERIFY_I32},
    [WASM_HELPER_DATA_DROP] = {VERIFY_DATA_NUMBER},
    [WASM_HELPER_TABLE_GROW] = {VERIFY_TABLE_NUMBER, VERIFY_TABLE_VALUE, VERIFY_I32, VERIFY_I32},
    [WASM_HELPER_TABLE_FILL] = {VERIFY_TABLE_NUMBER, VERIFY_I32, VERIFY_TABLE_VALUE, VERIFY_I32,
                                VERIFY_I32},
    [WASM_HELPER_TABLE_COPY] = {VERIFY_TABLE_PAIR, VERIFY_I32, VERIFY_I32, VERIFY_I32, VERIFY_I32},
    [WASM_HELPER_TABLE_INIT] = {VERIFY_TABLE_SEGMENT, VERIFY_I32, VERIFY_I32, VERIFY_I32,
                                VERIFY_I32},
    [WASM_HELPER_ELEM_DROP] = {VERIFY_ELEMENT_NUMBER},
    [WASM_HELPER_VECTOR] = {VERIFY_I32, VERIFY_FRAME_IN, VERIFY_FRAME_OUT},
    [WASM_HELPER_COMPILE] = {VERIFY_I32},
    [WASM_HELPER_WAIT_32] = {VERIFY_I32, VERIFY_I64, VERIFY_I32, VERIFY_I64, VERIFY_I32},
    [WASM_HELPER_WAIT_64] = {VERIFY_I32, VERIFY_I64, VERIFY_I64, VERIFY_I64, VERIFY_I32},
    [WASM_HELPER_NOTIFY] = {VERIFY_I32, VERIFY_I64, VERIFY_I32, VERIFY_I32},
    [WASM_HELPER_EXN_MAKE] = {VERIFY_I32, VERIFY_EXTERNREF},
    [WASM_HELPER_EXN_SET] = {VERIFY_EXTERNREF, VERIFY_I32, VERIFY_I64},
    [WASM_HELPER_EXN_SET_FUNC] = {VERIFY_EXTERNREF, VERIFY_I32, VERIFY_FUNCREF},
    [WASM_HELPER_EXN_SET_EXTERN] = {VERIFY_EXTERNREF, VERIFY_I32, VERIFY_EXTERNREF},
    [WASM_HELPER_EXN_GET] = {VERIFY_EXTERNREF, VERIFY_I32, VERIFY_I64},
    [WASM_HELPER_EXN_GET_FUNC] = {VERIFY_EXTERNREF, VERIFY_I32, VERIFY_FUNCREF},
    [WASM_HELPER_EXN_GET_EXTERN] = {VERIFY_EXTERNREF, VERIFY_I32, VERIFY_EXTERNREF},
    [WASM_HELPER_EXN_THROW] = {VERIFY_EXTERNREF},
    [WASM_HELPER_EXN_CAUGHT] = {VERIFY_EXTERNREF},
    [WASM_HELPER_EXN_IS] = {VERIFY_EXTERNREF, VERIFY_I32, VERIFY_I32},
    [WASM_HELPER_EXN_END] = {VERIFY_EXTERNREF, VERIFY_I32},
    /* three operands and a result, in the frame */
    [VECTOR_CELLS] = {VERIFY_V128, VERIFY_V128, VERIFY_V128, VERIFY_V128},
};

#define HELPER(number, param_count, result_count)                                                  \
    [number] = {.signature = {HELPER_TYPES * (number), (param_count), (result_count)},             \
                .cells = VECTOR_CELLS}

static const struct verify_helper helpers[WASM_HELPER_COUNT + 1] = {
    HELPER(WASM_HELPER_MEMORY_GROW, 2, 1),
    HELPER(WASM_HELPER_MEMORY_INIT, 4, 1),
    HELPER(WASM_HELPER_MEMORY_COPY, 4, 1),
    HELPER(WASM_HELPER_MEMORY_FILL, 4, 1),
    HELPER(WASM_HELPER_DATA_DROP, 1, 0),
    HELPER(WASM_HELPER_TABLE_GROW, 3, 1),
    HELPER(WASM_HELPER_TABLE_FILL, 4, 1),
    HELPER(WASM_HELPER_TABLE_COPY, 4, 1),
    HELPER(WASM_HELPER_TABLE_INIT, 4, 1),
    HELPER(WASM_HELPER_ELEM_DROP, 1, 0),
    HELPER(WASM_HELPER_VECTOR, 3, 0),
    HELPER(WASM_HELPER_COMPILE, 1, 0),
    HELPER(WASM_HELPER_WAIT_32, 4, 1),
    HELPER(WASM_HELPER_WAIT_64, 4, 1),
    HELPER(WASM_HELPER_NOTIFY, 3, 1),
    HELPER(WASM_HELPER_EXN_MAKE, 1, 1),
    HELPER(WASM_HELPER_EXN_SET, 3, 0),
    HELPER(WASM_HELPER_EXN_SET_FUNC, 3, 0),
    HELPER(WASM_HELPER_EXN_SET_EXTERN, 3, 0),
    HELPER(WASM_HELPER_EXN_GET, 2, 1),
    HELPER(WASM_HELPER_EXN_GET_FUNC, 2, 1),
    HELPER(WASM_HELPER_EXN_GET_EXTERN, 2, 1),
    HELPER(WASM_HELPER_EXN_THROW, 1, 0),
    HELPER(WASM_HELPER_EXN_CAUGHT, 0, 1),
    HELPER(WASM_HELPER_EXN_IS, 2, 1),
    HELPER(WASM_HELPER_EXN_END, 2, 0),
    HELPER(VECTOR_CELLS, 3, 1),
};

#define FIELD(type, name, n)                                                                       \
    {                                                                                              \
        .at = offsetof(struct wasm_context, name), .kind = (type), .number = (n)                   \
    }
#define HELPER_FIELD(number) FIELD(VERIFY_HELPER, helpers[number], number)

/* The first fields of every context. */
static const struct verify_field fixed_fields[FIXED_FIELDS] = {
    FIELD(VERIFY_MEMORY_BASE, memory_base, 0), FIELD(VERIFY_LENGTH_ADDRESS, memory_length, 0),
    FIELD(VERIFY_FLAG_ADDRESS, stop, 0),       HELPER_FIELD(WASM_HELPER_MEMORY_GROW),
    HELPER_FIELD(WASM_HELPER_MEMORY_INIT),     HELPER_FIELD(WASM_HELPER_MEMORY_COPY),
    HELPER_FIELD(WASM_HELPER_MEMORY_FILL),     HELPER_FIELD(WASM_HELPER_DATA_DROP),
    HELPER_FIELD(WASM_HELPER_TABLE_GROW),      HELPER_FIELD(WASM_HELPER_TABLE_FILL),
    HELPER_FIELD(WASM_HELPER_TABLE_COPY),      HELPER_FIELD(WASM_HELPER_TABLE_INIT),
    HELPER_FIELD(WASM_HELPER_ELEM_DROP),       HELPER_FIELD(WASM_HELPER_VECTOR),
    HELPER_FIELD(WASM_HELPER_COMPILE),         HELPER_FIELD(WASM_HELPER_WAIT_32),
    HELPER_FIELD(WASM_HELPER_WAIT_64),         HELPER_FIELD(WASM_HELPER_NOTIFY),
};
STATIC_ASSERT(WASM_HELPER_NOTIFY + 1 == WASM_HELPER_FIXED, "the last of fixed_fields");

static uint8_t type_of(uint8_t type)
{
    switch (type) {
    case WASM_I32:
        return VERIFY_I32;
    case WASM_I64:
        return VERIFY_I64;
    case WASM_F32:
        return VERIFY_F32;
    case WASM_F64:
        return VERIFY_F64;
    case WASM_V128:
        return VERIFY_V128;
    case WASM_FUNCREF:
        return VERIFY_FUNCREF;
    default:
        return VERIFY_EXTERNREF;
    }
}

/* ---- Building ---- */

/** Arrays of a shape under construction, allocated with the largest size that they can need, which
 * the caller of make_arrays() computes. */
struct builder {
    const struct wasm_module *m;
    struct verify_shape shape;
    struct verify_field *fields;
    struct verify_signature *signatures;
    uint8_t *types;
    uint32_t field_count, signature_count, type_count;
};

/* Fields are added in ascending order of `at`, as verify.h requires. */
static void add_field(struct builder *b, unsigned kind, uint64_t at, uint32_t number)
{
    ASSERT(b->field_count == 0 || b->fields[b->field_count - 1].at < at);
    b->fields[b->field_count++] =
        (struct verify_field){.at = (uint32_t)at, .number = number, .kind = (uint8_t)kind};
}

static uint32_t add_signature(struct builder *b, const uint8_t *types, uint32_t params,
                              uint32_t results)
{
    b->signatures[b->signature_count] = (struct verify_signature){b->type_count, params, results};
    memcpy(b->types + b->type_count, types, params + results);
    b->type_count += params + results;
    return b->signature_count++;
}

static void add_wasm_signature(struct builder *b, const struct wasm_signature *s)
{
    uint32_t count = s->params + s->results;
    b->signatures[b->signature_count++] =
        (struct verify_signature){b->type_count, s->params, s->results};
    for (uint32_t n = 0; n < count; n++) {
        b->types[b->type_count++] = type_of(s->types[n]);
    }
}

/* What all modules have first: the verifier asks by offset and by number. */
static void add_fixed(struct builder *b)
{
    memcpy(b->fields, fixed_fields, sizeof fixed_fields);
    memcpy(b->types, helper_types, sizeof helper_types);
    b->field_count = FIXED_FIELDS;
    b->type_count = sizeof helper_types;
}

/* The last fields. */
static void add_more_helpers(struct builder *b)
{
    struct verify_field f = {.at = b->m->more_helpers, .kind = VERIFY_HELPER};
    ASSERT(b->fields[b->field_count - 1].at < f.at);
    for (f.number = WASM_HELPER_FIXED; f.number < WASM_HELPER_COUNT; f.number++, f.at += 8) {
        b->fields[b->field_count++] = f;
    }
}

/* An own global is a cell of the context; of an imported one the context has the address,
 * which is loaded first. */
static void add_globals(struct builder *b)
{
    for (uint32_t n = 0; n < b->m->global_count; n++) {
        const struct wasm_global *g = &b->m->globals[n];
        add_field(b, g->is_imported ? VERIFY_CELL_ADDRESS : VERIFY_CELL, g->at, n);
        b->fields[b->field_count - 1].type = type_of(g->type.type);
        b->fields[b->field_count - 1].is_writable = g->type.is_mutable;
    }
}

static void add_tables(struct builder *b, uint8_t *types)
{
    for (uint32_t n = 0; n < b->m->table_count; n++) {
        const struct wasm_table *t = &b->m->tables[n];
        add_field(b, t->is_imported ? VERIFY_TABLE_ADDRESS : VERIFY_TABLE, t->at, n);
        types[n] = type_of(t->type.type);
    }
}

static void add_memories(struct builder *b)
{
    for (uint32_t n = 1; n < b->m->memory_count; n++) {
        uint64_t at = b->m->memories[n].at;
        add_field(b, VERIFY_OTHER_MEMORY, at + offsetof(struct wasm_memory_slot, base), n);
        add_field(b, VERIFY_OTHER_LENGTH, at + offsetof(struct wasm_memory_slot, length), n);
    }
}

/* An import that the module's code calls directly has the address of C as well. */
static void add_functions(struct builder *b, uint32_t *own)
{
    for (uint32_t n = 0; n < b->m->function_count; n++) {
        const struct wasm_function *f = &b->m->functions[n];
        if (!f->is_imported) {
            add_field(b, VERIFY_RECORD, f->at, f->type);
            *own++ = f->type;
            continue;
        }
        add_field(b, VERIFY_RECORD_ADDRESS, f->at + offsetof(struct wasm_imported, func), f->type);
        if (b->m->callees[WASM_HELPER_COUNT + n].kind == IR_CALLEE_HOST) {
            add_field(b, VERIFY_HOST, f->at + offsetof(struct wasm_imported, entry), f->type);
        }
    }
}

static bool is_below(const void *a, const void *b)
{
    return ((const struct verify_type_id *)a)->id < ((const struct verify_type_id *)b)->id;
}

/* A test of a type id in the code proves the signature of the function: so the verifier must find
 * the signature for an id. Sorted by id. */
static const struct verify_type_id *make_ids(struct arena *a, const struct wasm_module *m)
{
    struct verify_type_id *ids = arena_alloc(a, (m->signature_count + (size_t)1) * sizeof *ids);
    for (uint32_t n = 0; ids != NULL && n < m->signature_count; n++) {
        ids[n] = (struct verify_type_id){m->signatures[n].id, n};
    }
    if (ids != NULL) {
        sort_array(ids, m->signature_count, sizeof *ids, is_below);
    }
    return ids;
}

static uint32_t count_types(const struct wasm_module *m)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < m->signature_count; n++) {
        count += m->signatures[n].params + m->signatures[n].results;
    }
    return count;
}

static bool make_arrays(struct builder *b, struct arena *a, uint32_t fields, uint32_t signatures,
                        uint32_t types)
{
    b->fields = arena_alloc(a, (size_t)fields * sizeof *b->fields);
    b->signatures = arena_alloc(a, (size_t)signatures * sizeof *b->signatures);
    b->types = arena_alloc(a, (size_t)types + 1);
    return b->fields != NULL && b->signatures != NULL && b->types != NULL;
}

/* Move the description to the arena, in which it lives as long as the verification. */
static const struct verify_shape *finish(struct builder *b, struct arena *a)
{
    struct verify_shape *out = arena_alloc(a, sizeof *out);
    b->shape.fields = b->fields;
    b->shape.field_count = b->field_count;
    b->shape.signatures = b->signatures;
    b->shape.signature_count = b->signature_count;
    b->shape.types = b->types;
    if (out != NULL) {
        *out = b->shape;
    }
    return out;
}

/* `pads`: whether the CPU checks indirect branches, so that the code must have landing pads. */
const struct verify_shape *wasm_shape_of_module(struct arena *a, const struct wasm_module *m,
                                                bool pads)
{
    struct builder b = {.m = m};
    uint32_t functions = m->function_count, own = functions - m->imported[WASM_FUNCTION];
    uint8_t *tables = arena_alloc(a, (size_t)m->table_count + m->element_count + 1);
    uint32_t *signatures = arena_alloc(a, ((size_t)own + WASM_ENGINE_CALLEES) * sizeof *signatures);
    const struct verify_type_id *ids = make_ids(a, m);
    if (tables == NULL || signatures == NULL || ids == NULL ||
        !make_arrays(&b, a,
                     FIXED_FIELDS + m->global_count + m->table_count + 2 * functions +
                         2 * m->memory_count + MORE_FIELDS,
                     m->signature_count + 1, count_types(m) + (uint32_t)sizeof helper_types)) {
        return NULL;
    }
    add_fixed(&b);
    for (uint32_t n = 0; n < m->signature_count; n++) { /* numbered like the module's types */
        add_wasm_signature(&b, &m->signatures[n]);
    }
    b.signatures[b.signature_count++] = helpers[WASM_HELPER_COMPILE].signature;
    add_globals(&b);
    add_tables(&b, tables);
    add_memories(&b);
    add_functions(&b, signatures);
    add_more_helpers(&b);
    for (uint32_t n = 0; n < WASM_ENGINE_CALLEES; n++) {
        signatures[own + n] = m->signature_count;
    }
    for (uint32_t n = 0; n < m->element_count; n++) {
        tables[m->table_count + n] = type_of(m->elements[n].type);
    }
    b.shape = (struct verify_shape){.helpers = helpers,
                                    .ids = ids,
                                    .functions = signatures,
                                    .first_function = m->imported[WASM_FUNCTION],
                                    .tables = tables,
                                    .elements = tables + m->table_count,
                                    .id_count = m->signature_count,
                                    .table_count = m->table_count,
                                    .element_count = m->element_count,
                                    .data_count = m->data_count,
                                    .window = m->memory_count == 0 ? 0 : WASM_WINDOW_BYTES,
                                    .has_pads = pads,
                                    .moves_context = m->ir.moves_context};
    return finish(&b, a);
}

/* ---- Adapters: signature 0 is the adapter's, 1 its callee's, 2 that of the exit function ---- */

enum { OWN, ENTRY, LEAVE, ADAPTER_SIGNATURES };

/* A fast handler has the function's own parameters, and its result is always 64 bits wide. */
static void add_entry(struct builder *b, const struct wasm_signature *s, bool is_direct)
{
    static const uint8_t cells[] = {VERIFY_FRAME_IN, VERIFY_FRAME_OUT};
    if (!is_direct) {
        (void)add_signature(b, cells, ARRAY_COUNT(cells), 0);
        return;
    }
    add_wasm_signature(b, s);
    if (s->results > 0 && b->types[b->type_count - 1] < VERIFY_FUNCREF) {
        b->types[b->type_count - 1] = VERIFY_I64;
    }
}

/* An adapter's context is a struct wasm_host: it can load only these three words of it. */
const struct verify_shape *wasm_shape_of_adapter(struct arena *a, const struct wasm_signature *s,
                                                 bool is_direct, bool pads)
{
    static const uint32_t own = OWN;
    struct builder b = {.m = NULL};
    struct verify_helper *called = arena_alloc(a, ADAPTER_SIGNATURES * sizeof *called);
    if (called == NULL || !make_arrays(&b, a, ADAPTER_SIGNATURES, ADAPTER_SIGNATURES,
                                       2 * (s->params + s->results) + 2)) {
        return NULL;
    }
    add_wasm_signature(&b, s);
    add_entry(&b, s, is_direct);
    (void)add_signature(&b, NULL, 0, 0);
    add_field(&b, VERIFY_HELPER, offsetof(struct wasm_host, entry), ENTRY);
    add_field(&b, VERIFY_FLAG_ADDRESS, offsetof(struct wasm_host, stop), 0);
    add_field(&b, VERIFY_HELPER, offsetof(struct wasm_host, leave), LEAVE);
    for (unsigned n = 0; n < ADAPTER_SIGNATURES; n++) {
        called[n] = (struct verify_helper){.signature = b.signatures[n], .cells = OWN};
    }
    b.shape = (struct verify_shape){.helpers = called, .functions = &own, .has_pads = pads};
    return finish(&b, a);
}
