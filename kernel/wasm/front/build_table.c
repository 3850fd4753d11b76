// SPDX-License-Identifier: MIT
//
// Tables and references.
#include "kernel/wasm/front/build_internal.h"

/* Load a field of the struct wasm_table_data. */
static uint32_t load_table(struct wasm_builder *b, unsigned type, uint32_t table, uint32_t offset)
{
    const struct wasm_table *t = &b->m->tables[table];
    struct ir_memref memref = {
        .offset = t->at + offset, .space = IR_SPACE_CONTEXT, .alias_class = CLASS_TABLES};
    if (!t->is_imported) {
        return build_load(b, type, IR_NONE, memref);
    }
    uint32_t address = build_load(b, IR_I64, IR_NONE,
                                  (struct ir_memref){.offset = t->at,
                                                     .space = IR_SPACE_CONTEXT,
                                                     .alias_class = CLASS_CONTEXT,
                                                     .is_constant = 1});
    memref.offset = offset;
    memref.space = IR_SPACE_ADDRESS;
    return build_load(b, type, address, memref);
}

static uint32_t load_length(struct wasm_builder *b, uint32_t table)
{
    return load_table(b, IR_I32, table, offsetof(struct wasm_table_data, length));
}

/* The address of an element, after a bounds check. The address and the length of the elements
 * change when the table grows, so they are loaded for each access; value numbering removes the
 * loads between which nothing can grow it. The check must come before the address is used: a
 * wrong index must not lead to a load. */
static uint32_t element_address(struct wasm_builder *b, uint32_t table, uint32_t index)
{
    uint32_t inside = build_emit(b, IR_LT_U, IR_I32, index, load_length(b, table), 0);
    build_require(b, inside, IR_TRAP_TABLE);
    uint32_t elements = load_table(b, IR_I64, table, offsetof(struct wasm_table_data, elements));
    uint32_t wide = build_emit(b, IR_EXTEND_U, IR_I64, index, 0, 0);
    uint32_t bytes = build_emit(b, IR_SHL, IR_I64, wide, build_const(b, IR_I64, 3), 0);
    return build_emit(b, IR_ADD, IR_I64, elements, bytes, 0);
}

/* The elements of two own tables never overlap, so each has a class of its own, as long as there
 * are classes. Imported tables share one. */
static struct ir_memref element_memref(const struct wasm_builder *b, uint32_t table)
{
    uint32_t own = CLASS_ELEMENTS + table % (CLASS_END - CLASS_ELEMENTS);
    return (struct ir_memref){
        .space = IR_SPACE_ADDRESS,
        .alias_class = (uint8_t)(b->m->tables[table].is_imported ? CLASS_IMPORTED_TABLES : own),
    };
}

uint32_t build_table_element(struct wasm_builder *b, uint32_t table, uint32_t index)
{
    uint32_t address = element_address(b, table, index);
    return build_load(b, IR_I64, address, element_memref(b, table));
}

static bool read_table(struct wasm_builder *b, uint32_t *table, uint32_t *type)
{
    if (!wasm_u32(&b->r, table)) {
        return false;
    }
    if (*table >= b->m->table_count) {
        return BUILD_INVALID(b, "unknown table %u", *table);
    }
    *type = b->m->tables[*table].type.type;
    return true;
}

static bool is_64(const struct wasm_builder *b, uint32_t table)
{
    return b->m->tables[table].type.limits.is_64;
}

static uint32_t pop_index(struct wasm_builder *b, uint32_t table)
{
    return build_pop_index(b, is_64(b, table), IR_TRAP_TABLE);
}

static void table_get(struct wasm_builder *b)
{
    uint32_t table, type;
    if (read_table(b, &table, &type)) {
        uint32_t index = pop_index(b, table);
        build_push(b, type, build_table_element(b, table, index));
    }
}

/* The value is on top of the index, so it is popped first; the check of the index comes
 * before the store. */
static void table_set(struct wasm_builder *b)
{
    uint32_t table, type;
    if (read_table(b, &table, &type)) {
        uint32_t value = build_pop(b, type), index = pop_index(b, table);
        uint32_t address = element_address(b, table, index);
        build_store(b, address, value, element_memref(b, table));
    }
}

static void table_size(struct wasm_builder *b)
{
    uint32_t table, type;
    if (read_table(b, &table, &type)) {
        build_push_size(b, is_64(b, table), load_length(b, table));
    }
}

static void table_grow(struct wasm_builder *b)
{
    uint32_t table, type;
    if (read_table(b, &table, &type)) {
        uint32_t args[3] = {build_const(b, IR_I32, table)};
        args[2] = build_pop_growth(b, is_64(b, table));
        args[1] = build_pop(b, type);
        build_push_size(b, is_64(b, table), build_helper(b, WASM_HELPER_TABLE_GROW, args, 3));
    }
}

static void table_fill(struct wasm_builder *b)
{
    uint32_t table, type;
    if (read_table(b, &table, &type)) {
        uint32_t args[4] = {build_const(b, IR_I32, table)};
        args[3] = pop_index(b, table);
        args[2] = build_pop(b, type);
        args[1] = pop_index(b, table);
        build_require(b, build_helper(b, WASM_HELPER_TABLE_FILL, args, 4), IR_TRAP_TABLE);
    }
}

/* Call a helper with both indices in one argument, then three operands: destination, source,
 * count. */
static void copy_elements(struct wasm_builder *b, unsigned helper, uint32_t to, uint32_t from,
                          const bool are_64[3])
{
    uint32_t args[4] = {build_const(b, IR_I64, (uint64_t)to << 32 | from)};
    for (unsigned n = 3; n > 0; n--) {
        args[n] = build_pop_index(b, are_64[n - 1], IR_TRAP_TABLE);
    }
    build_require(b, build_helper(b, helper, args, 4), IR_TRAP_TABLE);
}

static void table_copy(struct wasm_builder *b)
{
    uint32_t to, from, to_type, from_type;
    if (!read_table(b, &to, &to_type) || !read_table(b, &from, &from_type)) {
        return;
    }
    if (!wasm_is_subtype(b->m, from_type, b->m, to_type)) {
        (void)BUILD_INVALID(b, "type mismatch: tables of %s and %s", wasm_type_name(to_type),
                            wasm_type_name(from_type));
        return;
    }
    bool to_64 = is_64(b, to), from_64 = is_64(b, from);
    copy_elements(b, WASM_HELPER_TABLE_COPY, to, from,
                  (const bool[]){to_64, from_64, to_64 && from_64});
}

static bool read_element_segment(struct wasm_builder *b, uint32_t *segment)
{
    if (!wasm_u32(&b->r, segment)) {
        return false;
    }
    return *segment < b->m->element_count ||
           BUILD_INVALID(b, "unknown element segment %u", *segment);
}

static void table_init(struct wasm_builder *b)
{
    uint32_t segment, table, type;
    if (!read_element_segment(b, &segment) || !read_table(b, &table, &type)) {
        return;
    }
    if (!wasm_is_subtype(b->m, b->m->elements[segment].type, b->m, type)) {
        (void)BUILD_INVALID(b, "type mismatch: elements of %s, a table of %s",
                            wasm_type_name(b->m->elements[segment].type), wasm_type_name(type));
        return;
    }
    copy_elements(b, WASM_HELPER_TABLE_INIT, table, segment,
                  (const bool[]){is_64(b, table), false, false});
}

static void elem_drop(struct wasm_builder *b)
{
    uint32_t segment;
    if (read_element_segment(b, &segment)) {
        uint32_t own = build_const(b, IR_I32, segment);
        (void)build_helper(b, WASM_HELPER_ELEM_DROP, &own, 1);
    }
}

void build_table_operator(struct wasm_builder *b, unsigned action)
{
    switch (action) {
    case WASM_ACTION_TABLE_GET:
        table_get(b);
        return;
    case WASM_ACTION_TABLE_SET:
        table_set(b);
        return;
    case WASM_ACTION_TABLE_SIZE:
        table_size(b);
        return;
    case WASM_ACTION_TABLE_GROW:
        table_grow(b);
        return;
    case WASM_ACTION_TABLE_FILL:
        table_fill(b);
        return;
    case WASM_ACTION_TABLE_COPY:
        table_copy(b);
        return;
    case WASM_ACTION_TABLE_INIT:
        table_init(b);
        return;
    default: /* WASM_ACTION_ELEM_DROP */
        elem_drop(b);
        return;
    }
}

/* ---- References ---- */

static void ref_is_null(struct wasm_builder *b)
{
    struct build_value v = build_pop_reference(b);
    build_push(b, WASM_I32, build_emit(b, IR_EQZ, IR_I32, v.value, 0, 0));
}

/* The specification demands that the function is declared outside of bodies. */
static void ref_func(struct wasm_builder *b)
{
    uint32_t function;
    if (!wasm_u32(&b->r, &function)) {
        return;
    }
    if (function >= b->m->function_count) {
        (void)BUILD_INVALID(b, "unknown function %u", function);
        return;
    }
    if (!b->m->functions[function].is_declared) {
        (void)BUILD_INVALID(b, "undeclared function reference: function %u", function);
        return;
    }
    uint32_t type = WASM_REFERENCE_TO(b->m->functions[function].type) | WASM_NOT_NULL;
    build_push(b, type, build_function_address(b, function));
}

static void ref_as_non_null(struct wasm_builder *b)
{
    struct build_value v = build_pop_reference(b);
    uint32_t present = build_emit(b, IR_NE, IR_I32, v.value, build_const(b, IR_I64, 0), 0);
    build_require(b, present, IR_TRAP_NULL);
    build_push(b, v.type | (v.type == WASM_SOME_REFERENCE ? 0 : WASM_NOT_NULL), v.value);
}

void build_reference_operator(struct wasm_builder *b, unsigned action)
{
    uint32_t type;
    if (action == WASM_ACTION_REF_FUNC) {
        ref_func(b);
    } else if (action == WASM_ACTION_REF_IS_NULL) {
        ref_is_null(b);
    } else if (action == WASM_ACTION_REF_AS_NON_NULL) {
        ref_as_non_null(b);
    } else if (wasm_heap_type(&b->r, &type)) {
        build_push(b, type, build_const(b, IR_I64, 0));
    }
}
