// SPDX-License-Identifier: MIT
//
// Checks the types of operands and results of vector operations, and the numbers of lanes. A lane's
// number is a constant in the instruction: the machines encode it without another check.
#include "kernel/jit/ir/ir_verify_internal.h"

static unsigned type_of(const struct verifier *v, uint32_t value)
{
    return v->f->instrs[value].type;
}

static bool result_is(struct verifier *v, const struct ir_instr *i, unsigned type)
{
    return i->type == type || verify_fail(v, "the result is a %s", ir_type_name(type));
}

/* One operand of one type, and a result of another. */
static bool converts(struct verifier *v, const struct ir_instr *i, unsigned from, unsigned to)
{
    return result_is(v, i, to) &&
           (type_of(v, i->a) == from || verify_fail(v, "an operand is no %s", ir_type_name(from)));
}

static bool check_lane(struct verifier *v, const struct ir_instr *i, uint32_t lane)
{
    return lane < ir_shape_lanes(ir_op_info[i->op].shape) || verify_fail(v, "no lane %u", lane);
}

/* Each of the 16 bytes selects one of the 32 bytes of both operands. */
static bool check_shuffle(struct verifier *v, const struct ir_instr *i)
{
    const uint8_t *lanes = (const uint8_t *)(v->f->pool + i->c);
    for (unsigned n = 0; n < 16; n++) {
        if (lanes[n] >= 32) {
            return verify_fail(v, "no lane %u", lanes[n]);
        }
    }
    return true;
}

/* All operands that the form has are vectors. A constant has none; its bytes are in the pool, whose
 * bounds ir_verify() has checked. */
static bool check_vector(struct verifier *v, const struct ir_instr *i)
{
    unsigned form = ir_op_info[i->op].form;
    if (!result_is(v, i, IR_V128) || form == IR_FORM_VECTOR_CONST) {
        return v->status == OK;
    }
    bool are_vectors = type_of(v, i->a) == IR_V128 &&
                       (form == IR_FORM_UNARY || type_of(v, i->b) == IR_V128) &&
                       (form != IR_FORM_SELECT || type_of(v, i->c) == IR_V128);
    return (are_vectors || verify_fail(v, "an operand is no v128")) &&
           (form != IR_FORM_SHUFFLE || check_shuffle(v, i));
}

/* The count is an i32 for all shapes; the machines take it modulo the width of a lane. */
static bool check_shift(struct verifier *v, const struct ir_instr *i)
{
    return result_is(v, i, IR_V128) &&
           ((type_of(v, i->a) == IR_V128 && type_of(v, i->b) == IR_I32) ||
            verify_fail(v, "a v128 is shifted by an i32"));
}

/* The scalar replaces one lane; the other lanes are those of the vector. */
static bool check_replace(struct verifier *v, const struct ir_instr *i, unsigned scalar)
{
    return result_is(v, i, IR_V128) && check_lane(v, i, i->c) &&
           ((type_of(v, i->a) == IR_V128 && type_of(v, i->b) == scalar) ||
            verify_fail(v, "a lane of a v128 becomes a %s", ir_type_name(scalar)));
}

/* The scalar that belongs to a lane: i32 for lanes of
 * up to 32 bits, otherwise the lane's own type. */
bool verify_vector_types(struct verifier *v, const struct ir_instr *i)
{
    unsigned scalar = ir_shape_scalar(ir_op_info[i->op].shape);
    switch ((enum ir_typing)ir_op_info[i->op].typing) {
    case IR_TYPES_VECTOR_SHIFT:
        return check_shift(v, i);
    case IR_TYPES_TESTS_VECTOR:
        return converts(v, i, IR_V128, IR_I32);
    case IR_TYPES_SPLATS:
        return converts(v, i, scalar, IR_V128);
    case IR_TYPES_EXTRACTS:
        return check_lane(v, i, i->b) && converts(v, i, IR_V128, scalar);
    case IR_TYPES_REPLACES:
        return check_replace(v, i, scalar);
    default:
        return check_vector(v, i);
    }
}
