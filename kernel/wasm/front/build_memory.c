// SPDX-License-Identifier: MIT
//
// Memory, and global variables.
#include "kernel/wasm/front/build_internal.h"

static bool check_memory(struct wasm_builder *b)
{
    return b->m->memory_count > 0 || BUILD_INVALID(b, "unknown memory 0");
}

/* ---- Loads and stores ---- */

/* The alignment is only a hint for speed: machines
 * here access any address. It must still be valid. */
uint64_t build_memory_immediate(struct wasm_builder *b, unsigned log2)
{
    uint32_t align, offset;
    if (!wasm_u32(&b->r, &align) || !wasm_u32(&b->r, &offset) || !check_memory(b)) {
        return 0;
    }
    if (align > log2) {
        (void)BUILD_INVALID(b, "alignment must not be larger than natural, 2^%u", align);
    }
    return offset;
}

struct ir_memref build_memory_memref(uint64_t offset, unsigned access)
{
    return (struct ir_memref){.offset = offset,
                              .space = IR_SPACE_MEMORY,
                              .access = (uint8_t)access,
                              .alias_class = CLASS_MEMORY};
}

/* `o->op` is the enum ir_access, `o->extra` the log2 of the size. */
void build_memory_access(struct wasm_builder *b, const struct wasm_operator *o)
{
    uint64_t offset = build_memory_immediate(b, o->extra);
    if (o->action == WASM_ACTION_STORE) {
        uint32_t value = build_pop(b, o->in), index = build_pop(b, WASM_I32);
        build_store(b, index, value, build_memory_memref(offset, o->op));
        return;
    }
    uint32_t index = build_pop(b, WASM_I32);
    build_push(b, o->out,
               build_load(b, wasm_ir_type(o->out), index, build_memory_memref(offset, o->op)));
}

/* ---- Memory as a whole ---- */

/* The number of pages, from the length in bytes, whose address is in the context. */
static void memory_size(struct wasm_builder *b)
{
    uint32_t address = build_load(b, IR_I64, IR_NONE,
                                  (struct ir_memref){
                                      .offset = offsetof(struct wasm_context, memory_length),
                                      .space = IR_SPACE_CONTEXT,
                                      .alias_class = CLASS_CONTEXT,
                                      .is_constant = 1,
                                  });
    uint32_t bytes =
        build_load(b, IR_I64, address,
                   (struct ir_memref){.space = IR_SPACE_ADDRESS, .alias_class = CLASS_LENGTH});
    uint32_t pages = build_emit(b, IR_SHR_U, IR_I64, bytes, build_const(b, IR_I64, 16), 0);
    build_push(b, WASM_I32, build_emit(b, IR_WRAP, IR_I32, pages, 0, 0));
}

static void memory_grow(struct wasm_builder *b)
{
    uint32_t pages = build_pop(b, WASM_I32);
    build_push(b, WASM_I32, build_helper(b, WASM_HELPER_MEMORY_GROW, &pages, 1));
}

/* Call a helper with three i32 operands, after the arguments in `own`. */
static void bulk(struct wasm_builder *b, unsigned helper, const uint32_t *own, uint32_t count)
{
    uint32_t args[4];
    for (uint32_t n = 0; n < count; n++) {
        args[n] = own[n];
    }
    for (uint32_t n = count + 3; n-- > count;) {
        args[n] = build_pop(b, WASM_I32);
    }
    build_require(b, build_helper(b, helper, args, count + 3), IR_TRAP_MEMORY);
}

static bool read_data_segment(struct wasm_builder *b, uint32_t *out)
{
    if (!wasm_u32(&b->r, out)) {
        return false;
    }
    if (!b->m->has_data_count) {
        return BUILD_INVALID(b, "data count section required");
    }
    return *out < b->m->data_count || BUILD_INVALID(b, "unknown data segment %u", *out);
}

static void memory_init(struct wasm_builder *b)
{
    uint32_t segment;
    if (read_data_segment(b, &segment) && check_memory(b)) {
        uint32_t own = build_const(b, IR_I32, segment);
        bulk(b, WASM_HELPER_MEMORY_INIT, &own, 1);
        b->r.at++;
    }
}

static void data_drop(struct wasm_builder *b)
{
    uint32_t segment;
    if (read_data_segment(b, &segment)) {
        uint32_t own = build_const(b, IR_I32, segment);
        (void)build_helper(b, WASM_HELPER_DATA_DROP, &own, 1);
    }
}

void build_memory_operator(struct wasm_builder *b, unsigned action)
{
    if (action == WASM_ACTION_MEMORY_INIT) {
        memory_init(b);
        return;
    }
    if (action == WASM_ACTION_DATA_DROP) {
        data_drop(b);
        return;
    }
    if (!check_memory(b)) {
        return;
    }
    b->r.at++; /* the scan has checked that these bytes exist and are 0 */
    switch (action) {
    case WASM_ACTION_MEMORY_SIZE:
        memory_size(b);
        return;
    case WASM_ACTION_MEMORY_GROW:
        memory_grow(b);
        return;
    case WASM_ACTION_MEMORY_COPY:
        b->r.at++;
        bulk(b, WASM_HELPER_MEMORY_COPY, NULL, 0);
        return;
    default: /* WASM_ACTION_MEMORY_FILL */
        bulk(b, WASM_HELPER_MEMORY_FILL, NULL, 0);
        return;
    }
}

/* ---- Globals ---- */

/* The memory reference of a global. For an imported global also the address that it is relative to.
 * An own global has an alias class of its own, as long as there are classes: it is in this
 * module's context, and no other module or global can be there. Imported globals share one
 * class, because two imports may be the same global. */
static struct ir_memref find_global(struct wasm_builder *b, uint32_t index, uint32_t *address)
{
    const struct wasm_global *g = &b->m->globals[index];
    uint32_t class = CLASS_GLOBALS + index % (CLASS_ELEMENTS - CLASS_GLOBALS);
    *address = IR_NONE;
    if (!g->is_imported) {
        return (struct ir_memref){.offset = g->at,
                                  .space = IR_SPACE_CONTEXT,
                                  .alias_class = (uint8_t) class,
                                  .is_constant = !g->type.is_mutable};
    }
    *address = build_load(b, IR_I64, IR_NONE,
                          (struct ir_memref){.offset = g->at,
                                             .space = IR_SPACE_CONTEXT,
                                             .alias_class = CLASS_CONTEXT,
                                             .is_constant = 1});
    return (struct ir_memref){.space = IR_SPACE_ADDRESS,
                              .alias_class = CLASS_IMPORTED_GLOBALS,
                              .is_constant = !g->type.is_mutable};
}

void build_global(struct wasm_builder *b, bool sets)
{
    uint32_t index, address;
    if (!wasm_u32(&b->r, &index)) {
        return;
    }
    if (index >= b->m->global_count) {
        (void)BUILD_INVALID(b, "unknown global %u", index);
        return;
    }
    const struct wasm_global_type *type = &b->m->globals[index].type;
    if (sets && !type->is_mutable) {
        (void)BUILD_INVALID(b, "global %u is immutable", index);
        return;
    }
    uint32_t value = sets ? build_pop(b, type->type) : 0;
    struct ir_memref memref = find_global(b, index, &address);
    if (sets) {
        build_store(b, address, value, memref);
    } else {
        build_push(b, type->type, build_load(b, wasm_ir_type(type->type), address, memref));
    }
}
