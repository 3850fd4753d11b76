// SPDX-License-Identifier: MIT
//
// The tables of the intermediate representation, and building functions.
//
// All arrays of a function are in its arena and grow by moving, so a pointer into one is valid only
// until the next call that appends: keep indices instead. After a failure f->error is set, and
// every function here returns 0, which is a valid index or harmless. So a caller builds without a
// check after each call, and tests f->error at the end, or before it uses an index for a write.
#include "kernel/jit/ir.h"

#include "kernel/base/assert.h"
#include "kernel/lib/string.h"

enum {
    PURE = IR_PURE,
    COMMUTES = IR_COMMUTES,
    TRAPS = IR_TRAPS,
    READS = IR_READS,
    WRITES = IR_WRITES,
    CALLS = IR_CALLS,
    ENDS = IR_ENDS,
};

/* ir_ops.def is the only list of operations. Every table by operation is made from it, so a new
 * operation gets its form, its typing and its flags there, and the verifier, the evaluator, the
 * parser and the machines must each know it by its form or by its number. */
const struct ir_op_info ir_op_info[IR_OP_COUNT] = {
#define IR_OP(name, text, form, types, flags)                                                      \
    {text, IR_FORM_##form, IR_TYPES_##types, flags, IR_SHAPE_NONE, IR_LANE_NONE},
#define IR_LANES(shape, operation, text, form, types, flags)                                       \
    {text, IR_FORM_##form, IR_TYPES_##types, flags, IR_SHAPE_##shape, IR_LANE_##operation},
#include "kernel/jit/ir/ir_ops.def"
#undef IR_OP
};

static const struct {
    const char *name;
    uint8_t size;
} types[IR_TYPE_COUNT] = {
    [IR_VOID] = {"void", 0}, [IR_I32] = {"i32", 4},         [IR_I64] = {"i64", 8},
    [IR_F32] = {"f32", 4},   [IR_F64] = {"f64", 8},         [IR_V128] = {"v128", 16},
    [IR_REF] = {"ref", 8},   [IR_DERIVED] = {"derived", 8},
};

static const struct {
    uint8_t lanes, scalar;
} shapes[IR_SHAPE_COUNT] = {
    [IR_SHAPE_V128] = {1, IR_VOID}, [IR_SHAPE_I8X16] = {16, IR_I32}, [IR_SHAPE_I16X8] = {8, IR_I32},
    [IR_SHAPE_I32X4] = {4, IR_I32}, [IR_SHAPE_I64X2] = {2, IR_I64},  [IR_SHAPE_F32X4] = {4, IR_F32},
    [IR_SHAPE_F64X2] = {2, IR_F64},
};

const char *const ir_trap_names[IR_TRAP_COUNT] = {
    [IR_TRAP_UNREACHABLE] = "unreachable",
    [IR_TRAP_MEMORY] = "memory",
    [IR_TRAP_DIVIDE] = "divide",
    [IR_TRAP_OVERFLOW] = "overflow",
    [IR_TRAP_CONVERSION] = "conversion",
    [IR_TRAP_TABLE] = "table",
    [IR_TRAP_NULL] = "null",
    [IR_TRAP_SIGNATURE] = "signature",
    [IR_TRAP_STACK] = "stack",
    [IR_TRAP_NO_MEMORY] = "memory_out",
    [IR_TRAP_NO_CODE] = "code",
    [IR_TRAP_ALIGNMENT] = "alignment",
    [IR_TRAP_NOT_SHARED] = "not_shared",
};

const char *const ir_space_names[IR_SPACE_COUNT] = {
    [IR_SPACE_MEMORY] = "memory", [IR_SPACE_CONTEXT] = "context", [IR_SPACE_ADDRESS] = "address",
    [IR_SPACE_SLOT] = "slot",     [IR_SPACE_OBJECT] = "object",
};

const char *const ir_access_names[IR_ACCESS_COUNT] = {
    [IR_ACCESS_FULL] = "",
    [IR_ACCESS_8_S] = "8_s",
    [IR_ACCESS_8_U] = "8_u",
    [IR_ACCESS_16_S] = "16_s",
    [IR_ACCESS_16_U] = "16_u",
    [IR_ACCESS_32_S] = "32_s",
    [IR_ACCESS_32_U] = "32_u",
    [IR_ACCESS_8_SPLAT] = "8_splat",
    [IR_ACCESS_16_SPLAT] = "16_splat",
    [IR_ACCESS_32_SPLAT] = "32_splat",
    [IR_ACCESS_64_SPLAT] = "64_splat",
    [IR_ACCESS_8X8_S] = "8x8_s",
    [IR_ACCESS_8X8_U] = "8x8_u",
    [IR_ACCESS_16X4_S] = "16x4_s",
    [IR_ACCESS_16X4_U] = "16x4_u",
    [IR_ACCESS_32X2_S] = "32x2_s",
    [IR_ACCESS_32X2_U] = "32x2_u",
    [IR_ACCESS_32_ZERO] = "32_zero",
    [IR_ACCESS_64_ZERO] = "64_zero",
};

const char *ir_type_name(unsigned type)
{
    return type < IR_TYPE_COUNT ? types[type].name : "?";
}

unsigned ir_type_size(unsigned type)
{
    return type < IR_TYPE_COUNT ? types[type].size : 0;
}

unsigned ir_shape_lanes(unsigned shape)
{
    return shape < IR_SHAPE_COUNT ? shapes[shape].lanes : 0;
}

unsigned ir_shape_scalar(unsigned shape)
{
    return shape < IR_SHAPE_COUNT ? shapes[shape].scalar : IR_VOID;
}

unsigned ir_access_size(unsigned access, unsigned type)
{
    static const uint8_t sizes[IR_ACCESS_COUNT] = {
        [IR_ACCESS_8_S] = 1,      [IR_ACCESS_8_U] = 1,      [IR_ACCESS_16_S] = 2,
        [IR_ACCESS_16_U] = 2,     [IR_ACCESS_32_S] = 4,     [IR_ACCESS_32_U] = 4,
        [IR_ACCESS_8_SPLAT] = 1,  [IR_ACCESS_16_SPLAT] = 2, [IR_ACCESS_32_SPLAT] = 4,
        [IR_ACCESS_64_SPLAT] = 8, [IR_ACCESS_8X8_S] = 8,    [IR_ACCESS_8X8_U] = 8,
        [IR_ACCESS_16X4_S] = 8,   [IR_ACCESS_16X4_U] = 8,   [IR_ACCESS_32X2_S] = 8,
        [IR_ACCESS_32X2_U] = 8,   [IR_ACCESS_32_ZERO] = 4,  [IR_ACCESS_64_ZERO] = 8,
    };
    return access == IR_ACCESS_FULL ? ir_type_size(type) : sizes[access];
}

const struct ir_signature *ir_call_signature(const struct ir_function *f, const struct ir_instr *i)
{
    const struct ir_module *m = f->module;
    return &m->signatures[ir_calls_indirectly(i) ? i->a : m->callees[i->a].signature];
}

uint32_t ir_first_result(const struct ir_function *f, uint32_t call)
{
    const struct ir_instr *i = &f->instrs[call];
    return ir_invokes(i) ? f->blocks[f->edges[ir_edge_of(f, i, 0)].to].first : call + 1;
}

enum { A = IR_OPERAND_A, B = IR_OPERAND_B, C = IR_OPERAND_C, IN_POOL = IR_OPERAND_POOL };

/* The fields of an instruction that are values, by form. ir_for_each_operand() relies on it, and
 * with it the verifier, liveness, copying and placement: a value field that is missing here would
 * not count as a use. A form that is not listed has no operands. */
const uint8_t ir_operand_fields[IR_FORM_COUNT] = {
    [IR_FORM_RESULT] = A,
    [IR_FORM_UNARY] = A,
    [IR_FORM_BINARY] = A | B,
    [IR_FORM_SELECT] = A | B | C,
    [IR_FORM_LOAD] = A,
    [IR_FORM_STORE] = A | B,
    [IR_FORM_COPY] = A | B,
    [IR_FORM_ZERO] = A,
    [IR_FORM_CALL] = IN_POOL,
    [IR_FORM_CALL_INDIRECT] = IN_POOL,
    [IR_FORM_TRAP_IF] = A,
    [IR_FORM_BRANCH] = A,
    [IR_FORM_SWITCH] = A,
    [IR_FORM_RETURN] = IN_POOL,
    [IR_FORM_INVOKE] = IN_POOL,
    [IR_FORM_EXTRACT_LANE] = A,
    [IR_FORM_COMPARE_SWAP] = A | IN_POOL,
    [IR_FORM_INVOKE_INDIRECT] = IN_POOL,
    [IR_FORM_SHUFFLE] = A | B,
    [IR_FORM_REPLACE_LANE] = A | B,
};

/* ---- Building ---- */

static void fail(struct ir_function *f)
{
    if (f->error == OK) {
        f->error = E_NOMEM;
    }
}

/* Make room for an array's next elements. On failure the array is unchanged. */
static bool reserve(struct ir_function *f, void *array, uint32_t *capacity, uint32_t count,
                    uint32_t more, size_t element)
{
    if (LIKELY((uint64_t)count + more <= *capacity && f->error == OK)) {
        return true;
    }
    void **slot = array;
    void *grown = f->error != OK
                      ? NULL
                      : arena_grow_list(f->arena, *slot, capacity, (uint64_t)count + more, element);
    if (grown == NULL) {
        fail(f);
        return false;
    }
    *slot = grown;
    return true;
}

/* Index of the new element of an array, or 0 if there is no room for it. */
#define APPEND(f, array, count, capacity, value)                                                   \
    (reserve(f, &(f)->array, &(f)->capacity, (f)->count, 1, sizeof *(f)->array)                    \
         ? ((f)->array[(f)->count] = (value), (f)->count++)                                        \
         : 0)

/* The arena may be shared by several functions; the function is freed with it. */
struct ir_function *ir_function_new(struct arena *a, const struct ir_module *module,
                                    uint32_t callee)
{
    struct ir_function *f = arena_alloc(a, sizeof *f);
    if (f == NULL) {
        return NULL;
    }
    f->arena = a;
    f->module = module;
    f->callee = callee;
    f->current = IR_NONE;
    /* A function without operands gets the array, too:
     * adding an offset to a null pointer is undefined. */
    return reserve(f, &f->pool, &f->pool_capacity, 0, 1, sizeof *f->pool) ? f : NULL;
}

/* Creates a block without instructions: edges may lead to it before it is built. Its number is its
 * index; its instructions come with ir_block_start(), and must be emitted without another block
 * in between, because a block is one range of the instructions. */
uint32_t ir_block_new(struct ir_function *f)
{
    return APPEND(f, blocks, block_count, block_capacity, ((struct ir_block){.first = 0}));
}

void ir_block_start(struct ir_function *f, uint32_t block)
{
    if (f->error == OK) {
        ASSERT(f->blocks[block].count == 0);
        f->blocks[block].first = f->instr_count;
        f->current = block;
    }
}

/* The slow path of ir_emit(). Kept out of it so that its usual path saves no registers. */
static NOINLINE uint32_t emit_growing(struct ir_function *f, unsigned op, unsigned type, uint32_t a,
                                      uint32_t b, uint32_t c)
{
    bool fits =
        reserve(f, &f->locations, &f->location_capacity, f->instr_count, 1, sizeof *f->locations) &&
        reserve(f, &f->instrs, &f->instr_capacity, f->instr_count, 1, sizeof *f->instrs);
    return fits ? ir_emit(f, op, type, a, b, c) : 0;
}

uint32_t ir_emit(struct ir_function *f, unsigned op, unsigned type, uint32_t a, uint32_t b,
                 uint32_t c)
{
    uint32_t value = f->instr_count;
    if (UNLIKELY(value >= f->instr_capacity || value >= f->location_capacity || f->error != OK)) {
        return emit_growing(f, op, type, a, b, c);
    }
    f->instr_count = value + 1;
    f->instrs[value] =
        (struct ir_instr){.op = (uint16_t)op, .type = (uint8_t)type, .a = a, .b = b, .c = c};
    f->locations[value] = f->location;
    f->blocks[f->current].count++;
    return value;
}

/* Parameters must be made before any other instruction
 * of the block: they are its first instructions. */
uint32_t ir_param(struct ir_function *f, unsigned type)
{
    if (f->error != OK) {
        return 0;
    }
    struct ir_block *b = &f->blocks[f->current];
    ASSERT(b->params == b->count);
    uint32_t number = b->params++;
    return ir_emit(f, IR_PARAM, type, number, 0, 0);
}

/* Append words to the pool, or zeros if `words` is NULL. */
uint32_t ir_pool(struct ir_function *f, const uint32_t *words, uint32_t count)
{
    if (count == 0) {
        return f->pool_count;
    }
    if (!reserve(f, &f->pool, &f->pool_capacity, f->pool_count, count, sizeof *f->pool)) {
        return 0;
    }
    uint32_t at = f->pool_count;
    if (words != NULL) {
        memcpy(f->pool + at, words, count * sizeof *words);
    } else {
        memset(f->pool + at, 0, count * sizeof *words);
    }
    f->pool_count += count;
    return at;
}

/* The block `to` may be empty still. Its parameters must have the types of the arguments. */
uint32_t ir_edge(struct ir_function *f, uint32_t to, const uint32_t *args, uint32_t count)
{
    struct ir_edge e = {.to = to, .args = ir_pool(f, args, count), .count = count};
    return APPEND(f, edges, edge_count, edge_capacity, e);
}

static bool same_memref(const struct ir_memref *a, const struct ir_memref *b)
{
    return a->offset == b->offset && a->number == b->number && a->space == b->space &&
           a->access == b->access && a->alias_class == b->alias_class &&
           a->is_constant == b->is_constant;
}

static uint32_t hash_memref(const struct ir_memref *p)
{
    uint64_t h = p->offset * UINT64_C(0x9e3779b97f4a7c15) + p->number;
    h = (h ^ h >> 29) * UINT64_C(0xbf58476d1ce4e5b9) + p->space + ((uint64_t)p->access << 8) +
        ((uint64_t)p->alias_class << 16);
    return (uint32_t)(h ^ h >> 32);
}

/* The entry of the hash table that holds a memref, or where it belongs. */
static uint32_t *find_memref(struct ir_function *f, const struct ir_memref *memref)
{
    uint32_t at = hash_memref(memref) & (f->memref_table_size - 1);
    while (f->memref_table[at] != 0 && !same_memref(&f->memrefs[f->memref_table[at] - 1], memref)) {
        at = (at + 1) & (f->memref_table_size - 1);
    }
    return &f->memref_table[at];
}

/* Keep the table at most half full, which bounds the length of a search. */
static bool grow_memref_table(struct ir_function *f)
{
    if (2 * (f->memref_count + 1) <= f->memref_table_size) {
        return true;
    }
    uint32_t size = f->memref_table_size == 0 ? 32 : 2 * f->memref_table_size;
    uint32_t *table = size == 0 ? NULL : arena_alloc(f->arena, size * sizeof *table);
    if (table == NULL) {
        fail(f);
        return false;
    }
    f->memref_table = table;
    f->memref_table_size = size;
    for (uint32_t n = 0; n < f->memref_count; n++) {
        *find_memref(f, &f->memrefs[n]) = n + 1;
    }
    return true;
}

/* Equal references have one number, so two accesses to the same bytes with the same properties can
 * be compared by it. The table holds the number + 1; 0: an empty entry. */
uint32_t ir_memref(struct ir_function *f, const struct ir_memref *memref)
{
    if (f->error != OK || !grow_memref_table(f)) {
        return 0;
    }
    uint32_t *entry = find_memref(f, memref);
    if (*entry == 0) {
        uint32_t n = APPEND(f, memrefs, memref_count, memref_capacity, *memref);
        *entry = f->error == OK ? n + 1 : 0;
        return n;
    }
    return *entry - 1;
}

uint32_t ir_slot(struct ir_function *f, uint32_t size, uint32_t align)
{
    struct ir_slot slot = {.size = size, .align = align};
    return APPEND(f, slots, slot_count, slot_capacity, slot);
}

/* Emits a constant even if an equal one exists; ir_build_const() would look for it. The bits above
 * the type's size are 0, which the verifier checks. */
uint32_t ir_const(struct ir_function *f, unsigned type, uint64_t bits)
{
    if (ir_type_size(type) == 4) {
        bits = (uint32_t)bits;
    }
    return ir_emit(f, IR_CONST, type, (uint32_t)bits, (uint32_t)(bits >> 32), 0);
}

uint32_t ir_const_vector(struct ir_function *f, uint64_t lo, uint64_t hi)
{
    const uint32_t words[4] = {(uint32_t)lo, (uint32_t)(lo >> 32), (uint32_t)hi,
                               (uint32_t)(hi >> 32)};
    return ir_emit(f, IR_V128_CONST, IR_V128, ir_pool(f, words, 4), 0, 0);
}

uint32_t ir_shuffle(struct ir_function *f, uint32_t a, uint32_t b, const uint8_t lanes[16])
{
    uint32_t words[4];
    memcpy(words, lanes, sizeof words);
    return ir_emit(f, IR_I8X16_SHUFFLE, IR_V128, a, b, ir_pool(f, words, 4));
}
