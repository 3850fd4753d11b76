// SPDX-License-Identifier: MIT
//
// Vector operators for a CPU that can only move vectors (JIT_VECTORS_MOVED): each is a call of
// WASM_HELPER_VECTOR, which computes it as the interpreter does. Its operands and its result are in
// two slots of the frame, which all calls of the function share.
#include "kernel/wasm/front/build_internal.h"

#define OPERANDS      3u
#define OPERAND_BYTES 16u

static uint32_t slot_memref(struct wasm_builder *b, uint32_t slot, uint32_t offset)
{
    return ir_memref(b->f, &(struct ir_memref){.space = IR_SPACE_SLOT,
                                               .number = slot,
                                               .offset = offset,
                                               .alias_class = CLASS_FRAME});
}

static void store(struct wasm_builder *b, uint32_t offset, uint32_t value)
{
    (void)ir_emit(b->f, IR_STORE, IR_VOID, IR_NONE, value, slot_memref(b, b->help_slot, offset));
}

/* A scalar is extended with zeros to the 16 bytes of an operand. */
static void store_operand(struct wasm_builder *b, unsigned number, uint32_t value)
{
    unsigned type = b->f->error != OK ? (unsigned)IR_V128 : b->f->instrs[value].type;
    uint32_t at = number * OPERAND_BYTES;
    if (type == IR_F32 || type == IR_F64) {
        type = type == IR_F32 ? IR_I32 : IR_I64;
        value = ir_emit(b->f, IR_BITCAST, type, value, 0, 0);
    }
    if (type == IR_I32) {
        value = ir_emit(b->f, IR_EXTEND_U, IR_I64, value, 0, 0);
    }
    store(b, at, value);
    if (type != IR_V128) {
        store(b, at + 8, ir_const(b->f, IR_I64, 0));
    }
}

/* The operation's operands as values. The number of a lane is one, too. */
static void find_operands(struct wasm_builder *b, unsigned op, uint32_t operands[OPERANDS])
{
    unsigned form = ir_op_info[op].form;
    unsigned count = form == IR_FORM_UNARY                               ? 1
                     : form == IR_FORM_SELECT || form == IR_FORM_SHUFFLE ? 3
                                                                         : 2;
    if (form == IR_FORM_EXTRACT_LANE) {
        operands[1] = ir_const(b->f, IR_I64, operands[1]);
    } else if (form == IR_FORM_REPLACE_LANE) {
        operands[2] = ir_const(b->f, IR_I64, operands[2]);
        count = 3;
    }
    for (; count < OPERANDS; count++) {
        operands[count] = build_vector_zero(b);
    }
}

uint32_t build_vector_help(struct wasm_builder *b, unsigned op, unsigned type, uint32_t x,
                           uint32_t y, uint32_t z)
{
    uint32_t operands[OPERANDS] = {x, y, z};
    if (b->help_slot == IR_NONE) {
        b->help_slot = ir_slot(b->f, OPERANDS * OPERAND_BYTES, OPERAND_BYTES);
        b->help_result = ir_slot(b->f, OPERAND_BYTES, OPERAND_BYTES);
    }
    find_operands(b, op, operands);
    for (unsigned n = 0; n < OPERANDS; n++) {
        store_operand(b, n, operands[n]);
    }
    const uint32_t args[] = {ir_const(b->f, IR_I32, op),
                             ir_emit(b->f, IR_SLOT, IR_I64, b->help_slot, 0, 0),
                             ir_emit(b->f, IR_SLOT, IR_I64, b->help_result, 0, 0)};
    (void)build_helper(b, WASM_HELPER_VECTOR, args, ARRAY_COUNT(args));
    return ir_emit(b->f, IR_LOAD, type, IR_NONE, 0, slot_memref(b, b->help_result, 0));
}

/* A load that widens or repeats, as a scalar load and the operation on its result. */
uint32_t build_vector_load_help(struct wasm_builder *b, uint32_t index, struct ir_memref memref)
{
    static const struct {
        uint8_t type, access;
        uint16_t op;
    } loads[] = {
        [IR_ACCESS_8_SPLAT] = {IR_I32, IR_ACCESS_8_U, IR_I8X16_SPLAT},
        [IR_ACCESS_16_SPLAT] = {IR_I32, IR_ACCESS_16_U, IR_I16X8_SPLAT},
        [IR_ACCESS_32_SPLAT] = {IR_I32, IR_ACCESS_FULL, IR_I32X4_SPLAT},
        [IR_ACCESS_64_SPLAT] = {IR_I64, IR_ACCESS_FULL, IR_I64X2_SPLAT},
        [IR_ACCESS_8X8_S] = {IR_I64, IR_ACCESS_FULL, IR_I16X8_EXTEND_LOW_S},
        [IR_ACCESS_8X8_U] = {IR_I64, IR_ACCESS_FULL, IR_I16X8_EXTEND_LOW_U},
        [IR_ACCESS_16X4_S] = {IR_I64, IR_ACCESS_FULL, IR_I32X4_EXTEND_LOW_S},
        [IR_ACCESS_16X4_U] = {IR_I64, IR_ACCESS_FULL, IR_I32X4_EXTEND_LOW_U},
        [IR_ACCESS_32X2_S] = {IR_I64, IR_ACCESS_FULL, IR_I64X2_EXTEND_LOW_S},
        [IR_ACCESS_32X2_U] = {IR_I64, IR_ACCESS_FULL, IR_I64X2_EXTEND_LOW_U},
        [IR_ACCESS_32_ZERO] = {IR_I32, IR_ACCESS_FULL, IR_V128_OR},
        [IR_ACCESS_64_ZERO] = {IR_I64, IR_ACCESS_FULL, IR_V128_OR},
    };
    unsigned access = memref.access;
    memref.access = loads[access].access;
    uint32_t scalar = build_load(b, loads[access].type, index, memref);
    uint32_t zero = loads[access].op == IR_V128_OR ? build_vector_zero(b) : 0;
    return b->live ? build_vector_help(b, loads[access].op, IR_V128, scalar, zero, 0) : 0;
}
