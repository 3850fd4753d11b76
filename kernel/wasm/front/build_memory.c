// SPDX-License-Identifier: MIT
//
// Memory, and global variables.
#include "kernel/wasm/front/build_internal.h"

static bool read_memory(struct wasm_builder *b, uint32_t *memory)
{
    *memory = 0;
    if (!wasm_u32(&b->r, memory)) {
        return false;
    }
    return *memory < b->m->memory_count || BUILD_INVALID(b, "unknown memory %u", *memory);
}

/* ---- 64-bit indices ---- */

/* No memory or table has 2^32 bytes or elements if its indices are 64-bit, so one comparison
 * decides for the upper half; the lower half is then compared as for 32 bits. */
static uint32_t has_upper_half(struct wasm_builder *b, uint32_t value)
{
    return build_emit(b, IR_SHR_U, IR_I64, value, build_const(b, IR_I64, 32), 0);
}

static uint32_t narrow(struct wasm_builder *b, uint32_t value, enum ir_trap trap)
{
    build_require(b, build_emit(b, IR_EQZ, IR_I32, has_upper_half(b, value), 0, 0), trap);
    return build_emit(b, IR_WRAP, IR_I32, value, 0, 0);
}

uint32_t build_pop_index(struct wasm_builder *b, bool is_64, enum ir_trap trap)
{
    if (!is_64) {
        return build_pop(b, WASM_I32);
    }
    return narrow(b, build_pop(b, WASM_I64), trap);
}

uint32_t build_pop_growth(struct wasm_builder *b, bool is_64)
{
    if (!is_64) {
        return build_pop(b, WASM_I32);
    }
    uint32_t value = build_pop(b, WASM_I64);
    uint32_t is_small = build_emit(b, IR_EQZ, IR_I32, has_upper_half(b, value), 0, 0);
    return build_emit(b, IR_SELECT, IR_I32, is_small, build_emit(b, IR_WRAP, IR_I32, value, 0, 0),
                      build_const(b, IR_I32, UINT32_MAX));
}

void build_push_size(struct wasm_builder *b, bool is_64, uint32_t value)
{
    build_push(b, is_64 ? WASM_I64 : WASM_I32,
               is_64 ? build_emit(b, IR_EXTEND_S, IR_I64, value, 0, 0) : value);
}

/* ---- Loads and stores ---- */

static void check_alignment(struct wasm_builder *b, uint32_t align, unsigned log2, bool is_atomic)
{
    if (is_atomic && align != log2) {
        (void)BUILD_INVALID(b, "atomic alignment must be natural, 2^%u", align);
    } else if (align > log2) {
        (void)BUILD_INVALID(b, "alignment must not be larger than natural, 2^%u", align);
    }
}

/* Of ordinary accesses the alignment is only a hint for speed: machines here access any address. It
 * must still be valid. */
static struct ir_memref read_place(struct wasm_builder *b, unsigned log2, unsigned access,
                                   bool is_atomic)
{
    uint32_t align, memory = 0;
    struct ir_memref memref = {
        .space = IR_SPACE_MEMORY, .access = (uint8_t)access, .alias_class = CLASS_MEMORY};
    if (!wasm_u32(&b->r, &align) ||
        ((align & WASM_ALIGN_HAS_MEMORY) != 0 && !read_memory(b, &memory)) ||
        !wasm_u64(&b->r, &memref.offset)) {
        return memref;
    }
    if (memory >= b->m->memory_count) {
        (void)BUILD_INVALID(b, "unknown memory 0");
        return memref;
    }
    check_alignment(b, align & ~WASM_ALIGN_HAS_MEMORY, log2, is_atomic);
    if (!b->m->memories[memory].limits.is_64 && memref.offset > UINT32_MAX) {
        (void)BUILD_INVALID(b, "offset out of range: %llu", (unsigned long long)memref.offset);
    }
    memref.number = memory;
    return memref;
}

struct ir_memref build_memory_immediate(struct wasm_builder *b, unsigned log2, unsigned access)
{
    return read_place(b, log2, access, false);
}

struct ir_memref build_atomic_immediate(struct wasm_builder *b, unsigned log2, unsigned access)
{
    return read_place(b, log2, access, true);
}

/* Only of memory 0 does compiled code compare the length. */
static uint32_t add_offset(struct wasm_builder *b, uint32_t index, struct ir_memref *memref)
{
    uint32_t wide = build_emit(b, IR_EXTEND_U, IR_I64, index, 0, 0);
    uint32_t sum = build_emit(b, IR_ADD, IR_I64, wide, build_const(b, IR_I64, memref->offset), 0);
    memref->offset = 0;
    return narrow(b, sum, IR_TRAP_MEMORY);
}

uint32_t build_memory_index(struct wasm_builder *b, struct ir_memref *memref)
{
    bool is_64 = memref->number < b->m->memory_count && b->m->memories[memref->number].limits.is_64;
    uint32_t index = build_pop_index(b, is_64, IR_TRAP_MEMORY);
    if (memref->offset > UINT32_MAX) { /* outside with any index */
        build_require(b, build_const(b, IR_I32, 0), IR_TRAP_MEMORY);
        memref->offset = 0;
    }
    return memref->number != 0 && memref->offset > INT32_MAX ? add_offset(b, index, memref) : index;
}

/* `o->op` is the enum ir_access, `o->extra` the log2 of the size. */
void build_memory_access(struct wasm_builder *b, const struct wasm_operator *o)
{
    struct ir_memref memref = build_memory_immediate(b, o->extra, o->op);
    if (o->action == WASM_ACTION_STORE) {
        uint32_t value = build_pop(b, o->in), index = build_memory_index(b, &memref);
        build_store(b, index, value, memref);
        return;
    }
    uint32_t index = build_memory_index(b, &memref);
    build_push(b, o->out, build_load(b, wasm_ir_type(o->out), index, memref));
}

/* ---- Memory as a whole ---- */

/* The number of pages, from the length in bytes, whose address is in the context. */
static void memory_size(struct wasm_builder *b, uint32_t memory)
{
    uint32_t address = build_load(b, IR_I64, IR_NONE,
                                  (struct ir_memref){
                                      .offset = b->m->ir.memories[memory].length,
                                      .space = IR_SPACE_CONTEXT,
                                      .alias_class = CLASS_CONTEXT,
                                      .is_constant = 1,
                                  });
    uint32_t bytes =
        build_load(b, IR_I64, address,
                   (struct ir_memref){.space = IR_SPACE_ADDRESS, .alias_class = CLASS_LENGTH});
    uint32_t pages = build_emit(b, IR_SHR_U, IR_I64, bytes, build_const(b, IR_I64, 16), 0);
    build_push_size(b, b->m->memories[memory].limits.is_64,
                    build_emit(b, IR_WRAP, IR_I32, pages, 0, 0));
}

static void memory_grow(struct wasm_builder *b, uint32_t memory)
{
    bool is_64 = b->m->memories[memory].limits.is_64;
    uint32_t args[] = {build_const(b, IR_I32, memory), 0};
    args[1] = build_pop_growth(b, is_64);
    build_push_size(b, is_64, build_helper(b, WASM_HELPER_MEMORY_GROW, args, 2));
}

/* Call a helper with the memory or memories and three operands, of which the last is on top. */
static void bulk(struct wasm_builder *b, unsigned helper, uint32_t memory, const bool is_64[3])
{
    uint32_t args[4] = {memory};
    for (uint32_t n = 3; n > 0; n--) {
        args[n] = build_pop_index(b, is_64[n - 1], IR_TRAP_MEMORY);
    }
    build_require(b, build_helper(b, helper, args, 4), IR_TRAP_MEMORY);
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
    uint32_t segment, memory;
    if (read_data_segment(b, &segment) && read_memory(b, &memory)) {
        bulk(b, WASM_HELPER_MEMORY_INIT, build_const(b, IR_I64, (uint64_t)memory << 32 | segment),
             (const bool[]){b->m->memories[memory].limits.is_64, false, false});
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

static void memory_copy(struct wasm_builder *b)
{
    uint32_t to, from;
    if (read_memory(b, &to) && read_memory(b, &from)) {
        bool to_64 = b->m->memories[to].limits.is_64, from_64 = b->m->memories[from].limits.is_64;
        bulk(b, WASM_HELPER_MEMORY_COPY, build_const(b, IR_I64, (uint64_t)to << 32 | from),
             (const bool[]){to_64, from_64, to_64 && from_64});
    }
}

void build_memory_operator(struct wasm_builder *b, unsigned action)
{
    uint32_t memory;
    switch (action) {
    case WASM_ACTION_MEMORY_INIT:
        memory_init(b);
        return;
    case WASM_ACTION_DATA_DROP:
        data_drop(b);
        return;
    case WASM_ACTION_MEMORY_COPY:
        memory_copy(b);
        return;
    default:
        break;
    }
    if (!read_memory(b, &memory)) {
        return;
    }
    bool is_64 = b->m->memories[memory].limits.is_64;
    switch (action) {
    case WASM_ACTION_MEMORY_SIZE:
        memory_size(b, memory);
        return;
    case WASM_ACTION_MEMORY_GROW:
        memory_grow(b, memory);
        return;
    default: /* WASM_ACTION_MEMORY_FILL */
        bulk(b, WASM_HELPER_MEMORY_FILL, build_const(b, IR_I32, memory),
             (const bool[]){is_64, false, is_64});
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
