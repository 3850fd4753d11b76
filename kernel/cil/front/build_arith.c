// SPDX-License-Identifier: MIT
//
// Translates arithmetic, comparisons and conversions.
#include "kernel/cil/front/build_internal.h"

/* Types of operands are those of III.1.5: int32 with native int is extended with its sign; floats
 * of different size become 64 bits. Results of small types have 32 bits; build_narrow() cuts them
 * where they are stored or converted.
 * If no method of the program catches exceptions, a check is one trapping operation, and a division
 * needs none of its own: the machine's traps end the program with the right message. Otherwise each
 * check is a branch to code that throws. */

void build_match(struct builder *b, uint32_t *x, uint32_t *y)
{
    unsigned a = build_type_of(b, *x), c = build_type_of(b, *y);
    if (a == IR_I32 && c == IR_I64) {
        *x = build_op(b, IR_EXTEND_S, IR_I64, *x, 0);
    } else if (a == IR_I64 && c == IR_I32) {
        *y = build_op(b, IR_EXTEND_S, IR_I64, *y, 0);
    } else if (a == IR_F32 && c == IR_F64) {
        *x = build_op(b, IR_PROMOTE, IR_F64, *x, 0);
    } else if (a == IR_F64 && c == IR_F32) {
        *y = build_op(b, IR_PROMOTE, IR_F64, *y, 0);
    }
}

void build_require(struct builder *b, uint32_t condition, unsigned trap)
{
    bool is_exception = trap != IR_TRAP_STACK && trap != IR_TRAP_UNREACHABLE;
    if (b->unit->catches && is_exception) {
        build_check(b, condition, trap);
    } else {
        (void)ir_build(b->f, IR_TRAP_IF, IR_VOID, condition, trap, 0);
    }
}

void build_trap_if(struct builder *b, uint32_t condition, unsigned trap)
{
    /* The operation traps if its condition does not hold. */
    uint32_t is_fine = build_op(b, IR_EQZ, IR_I32, condition, 0);
    build_require(b, is_fine, trap);
}

static uint32_t constant(struct builder *b, unsigned type, uint64_t bits)
{
    return ir_build_const(b->f, type, type == IR_I32 ? (uint32_t)bits : bits);
}

/* ---- Binary operations ---- */

struct operation {
    uint16_t integer, floating; /* 0: there is none */
};

static const struct operation operations[CIL_OPCODES] = {
    [CIL_OP_ADD] = {IR_ADD, IR_FADD}, [CIL_OP_SUB] = {IR_SUB, IR_FSUB},
    [CIL_OP_MUL] = {IR_MUL, IR_FMUL}, [CIL_OP_DIV] = {IR_DIV_S, IR_FDIV},
    [CIL_OP_DIV_UN] = {IR_DIV_U, 0},  [CIL_OP_REM] = {IR_REM_S, 0},
    [CIL_OP_REM_UN] = {IR_REM_U, 0},  [CIL_OP_AND] = {IR_AND, 0},
    [CIL_OP_OR] = {IR_OR, 0},         [CIL_OP_XOR] = {IR_XOR, 0},
};

/* A division traps by itself, but a trap is not caught. */
static void check_division(struct builder *b, unsigned op, uint32_t x, uint32_t y)
{
    unsigned type = build_type_of(b, x);
    build_require(b, build_op(b, IR_NE, IR_I32, y, constant(b, type, 0)), IR_TRAP_DIVIDE);
    if (op == IR_DIV_S || op == IR_REM_S) {
        uint64_t least = type == IR_I32 ? UINT32_C(1) << 31 : UINT64_C(1) << 63;
        uint32_t is_least = build_op(b, IR_EQ, IR_I32, x, constant(b, type, least));
        uint32_t is_minus = build_op(b, IR_EQ, IR_I32, y, constant(b, type, UINT64_MAX));
        build_trap_if(b, build_op(b, IR_AND, IR_I32, is_least, is_minus), IR_TRAP_OVERFLOW);
    }
}

/* The only operation of floats that is none of the representation. It is exact, so the remainder of
 * two f32 is an f32. */
static uint32_t float_remainder(struct builder *b, uint32_t x, uint32_t y)
{
    unsigned type = build_type_of(b, x);
    if (type == IR_F32) {
        x = build_op(b, IR_PROMOTE, IR_F64, x, 0);
        y = build_op(b, IR_PROMOTE, IR_F64, y, 0);
    }
    const uint32_t args[] = {build_op(b, IR_BITCAST, IR_I64, x, 0),
                             build_op(b, IR_BITCAST, IR_I64, y, 0)};
    uint32_t bits = build_help(b, CIL_HELPER_REMAINDER, args, 2);
    uint32_t rest = build_op(b, IR_BITCAST, IR_F64, bits, 0);
    return type == IR_F32 ? build_op(b, IR_DEMOTE, IR_F32, rest, 0) : rest;
}

static bool binary(struct builder *b, const struct operation *op)
{
    uint32_t y = build_pop(b), x = build_pop(b);
    build_match(b, &x, &y);
    unsigned type = build_type_of(b, x);
    unsigned code = ir_is_float(type) ? op->floating : op->integer;
    if (b->unit->catches && code >= IR_DIV_S && code <= IR_REM_U) {
        check_division(b, code, x, y);
    }
    return build_push(b, code != 0 ? build_op(b, code, type, x, y) : float_remainder(b, x, y));
}

/* The count has the type of the value, and counts modulo its width. */
static bool shift(struct builder *b, unsigned op)
{
    uint32_t count = build_pop(b), value = build_pop(b);
    unsigned type = build_type_of(b, value);
    if (type == IR_I64 && build_type_of(b, count) == IR_I32) {
        count = build_op(b, IR_EXTEND_U, IR_I64, count, 0);
    } else if (type == IR_I32 && build_type_of(b, count) == IR_I64) {
        count = build_op(b, IR_WRAP, IR_I32, count, 0);
    }
    return build_push(b, build_op(b, op, type, value, count));
}

/* Is the sign bit of a value set? */
static uint32_t is_negative(struct builder *b, uint32_t x)
{
    return build_op(b, IR_LT_S, IR_I32, x, constant(b, build_type_of(b, x), 0));
}

/* A sum has overflowed if both operands have one sign and the sum has the other: in x ^ sum and y ^
 * sum the sign bit is set. A difference has overflowed if the operands' signs differ and its own is
 * not that of x. Both need only the sign bit, and work for either width. */
static uint32_t add_overflows(struct builder *b, uint32_t x, uint32_t y, uint32_t sum)
{
    unsigned t = build_type_of(b, x);
    uint32_t left = build_op(b, IR_XOR, t, x, sum), right = build_op(b, IR_XOR, t, y, sum);
    return is_negative(b, build_op(b, IR_AND, t, left, right));
}

static uint32_t sub_overflows(struct builder *b, uint32_t x, uint32_t y, uint32_t rest)
{
    unsigned t = build_type_of(b, x);
    uint32_t left = build_op(b, IR_XOR, t, x, y), right = build_op(b, IR_XOR, t, x, rest);
    return is_negative(b, build_op(b, IR_AND, t, left, right));
}

/* The upper half of the product must continue the lower one's sign. */
static uint32_t mul_overflows(struct builder *b, uint32_t x, uint32_t y, uint32_t product)
{
    unsigned t = build_type_of(b, x);
    uint32_t high = build_op(b, IR_MULH_S, t, x, y);
    uint32_t sign = build_op(b, IR_SHR_S, t, product, constant(b, t, t == IR_I32 ? 31 : 63));
    return build_op(b, IR_NE, IR_I32, high, sign);
}

static bool checked(struct builder *b, unsigned opcode)
{
    uint32_t y = build_pop(b), x = build_pop(b), result, wrong;
    build_match(b, &x, &y);
    unsigned t = build_type_of(b, x);
    switch (opcode) {
    case CIL_OP_ADD_OVF:
        result = build_op(b, IR_ADD, t, x, y);
        wrong = add_overflows(b, x, y, result);
        break;
    case CIL_OP_ADD_OVF_UN:
        result = build_op(b, IR_ADD, t, x, y);
        wrong = build_op(b, IR_LT_U, IR_I32, result, x);
        break;
    case CIL_OP_SUB_OVF:
        result = build_op(b, IR_SUB, t, x, y);
        wrong = sub_overflows(b, x, y, result);
        break;
    case CIL_OP_SUB_OVF_UN:
        result = build_op(b, IR_SUB, t, x, y);
        wrong = build_op(b, IR_LT_U, IR_I32, x, y);
        break;
    case CIL_OP_MUL_OVF:
        result = build_op(b, IR_MUL, t, x, y);
        wrong = mul_overflows(b, x, y, result);
        break;
    default:
        result = build_op(b, IR_MUL, t, x, y);
        wrong = build_op(b, IR_NE, IR_I32, build_op(b, IR_MULH_U, t, x, y), constant(b, t, 0));
    }
    build_trap_if(b, wrong, IR_TRAP_OVERFLOW);
    return build_push(b, result);
}

static bool unary(struct builder *b, unsigned opcode)
{
    uint32_t x = build_pop(b);
    unsigned t = build_type_of(b, x);
    if (opcode == CIL_OP_NOT) {
        return build_push(b, build_op(b, IR_XOR, t, x, constant(b, t, UINT64_MAX)));
    }
    return build_push(b, ir_is_float(t) ? build_op(b, IR_FNEG, t, x, 0)
                                        : build_op(b, IR_SUB, t, constant(b, t, 0), x));
}

/* ---- Comparisons ---- */

struct comparison {
    uint8_t is_swapped;  /* y op x */
    uint8_t is_inverted; /* of floats: not (y op x), for the unordered forms */
    uint16_t integer, floating;
};

/* III.1.5: the forms with .un compare integers without a sign, and floats so that NaN makes the
 * condition true. Of floats, "less or unordered" is "not greater or equal": the opposite comparison
 * is made, which is false for NaN, and inverted. Only bne.un needs none of that: IR_FNE is true for
 * NaN. */
static struct comparison comparison_of(unsigned opcode)
{
    switch (opcode) {
    case CIL_OP_CEQ:
    case CIL_OP_BEQ:
    case CIL_OP_BEQ_S:
        return (struct comparison){0, 0, IR_EQ, IR_FEQ};
    case CIL_OP_BNE_UN:
    case CIL_OP_BNE_UN_S:
        return (struct comparison){0, 0, IR_NE, IR_FNE};
    case CIL_OP_CGT:
    case CIL_OP_BGT:
    case CIL_OP_BGT_S:
        return (struct comparison){1, 0, IR_LT_S, IR_FLT};
    case CIL_OP_CGT_UN:
    case CIL_OP_BGT_UN:
    case CIL_OP_BGT_UN_S:
        return (struct comparison){1, 1, IR_LT_U, IR_FLE};
    case CIL_OP_CLT:
    case CIL_OP_BLT:
    case CIL_OP_BLT_S:
        return (struct comparison){0, 0, IR_LT_S, IR_FLT};
    case CIL_OP_CLT_UN:
    case CIL_OP_BLT_UN:
    case CIL_OP_BLT_UN_S:
        return (struct comparison){0, 1, IR_LT_U, IR_FLE};
    case CIL_OP_BGE:
    case CIL_OP_BGE_S:
        return (struct comparison){1, 0, IR_LE_S, IR_FLE};
    case CIL_OP_BGE_UN:
    case CIL_OP_BGE_UN_S:
        return (struct comparison){1, 1, IR_LE_U, IR_FLT};
    case CIL_OP_BLE:
    case CIL_OP_BLE_S:
        return (struct comparison){0, 0, IR_LE_S, IR_FLE};
    default: /* ble.un */
        return (struct comparison){0, 1, IR_LE_U, IR_FLT};
    }
}

uint32_t build_compare(struct builder *b, unsigned opcode)
{
    struct comparison c = comparison_of(opcode);
    uint32_t y = build_pop(b), x = build_pop(b);
    build_match(b, &x, &y);
    bool is_float = ir_is_float(build_type_of(b, x));
    if ((c.is_swapped != 0) != (is_float && c.is_inverted != 0)) {
        uint32_t z = x;
        x = y;
        y = z;
    }
    uint32_t result = build_op(b, is_float ? c.floating : c.integer, IR_I32, x, y);
    return is_float && c.is_inverted != 0 ? build_op(b, IR_EQZ, IR_I32, result, 0) : result;
}

/* ---- Conversions ---- */

uint32_t build_narrow(struct builder *b, uint32_t v, unsigned kind)
{
    switch (kind) {
    case CIL_I1:
        return build_op(b, IR_EXTEND8_S, IR_I32, v, 0);
    case CIL_U1:
    case CIL_BOOLEAN:
        return build_op(b, IR_AND, IR_I32, v, constant(b, IR_I32, 0xff));
    case CIL_I2:
        return build_op(b, IR_EXTEND16_S, IR_I32, v, 0);
    case CIL_U2:
    case CIL_CHAR:
        return build_op(b, IR_AND, IR_I32, v, constant(b, IR_I32, 0xffff));
    default:
        return v;
    }
}

static bool is_wide(unsigned kind)
{
    return kind == CIL_I8 || kind == CIL_U8 || kind == CIL_I || kind == CIL_U;
}

static bool is_unsigned(unsigned kind)
{
    return kind == CIL_U1 || kind == CIL_U2 || kind == CIL_U4 || kind == CIL_U8 || kind == CIL_U;
}

static uint32_t to_integer(struct builder *b, uint32_t v, unsigned kind)
{
    unsigned from = build_type_of(b, v), to = is_wide(kind) ? IR_I64 : IR_I32;
    if (ir_is_float(from)) {
        /* A float that does not fit has no defined result; the nearest value is one. */
        v = build_op(b,
                     is_unsigned(kind) && (is_wide(kind) || kind == CIL_U4) ? IR_TO_INT_SAT_U
                                                                            : IR_TO_INT_SAT_S,
                     to, v, 0);
    } else if (from == IR_I64 && to == IR_I32) {
        v = build_op(b, IR_WRAP, IR_I32, v, 0);
    } else if (from == IR_I32 && to == IR_I64) {
        v = build_op(b, is_unsigned(kind) ? IR_EXTEND_U : IR_EXTEND_S, IR_I64, v, 0);
    }
    return build_narrow(b, v, kind);
}

/* Bits of doubles: -1 and 2^32 or 2^64; -2^31 - 1 and 2^31; -2^63, which itself fits, and 2^63. */
typedef struct {
    uint64_t low, high;
    bool is_open;
} double_range;

static uint32_t to_float(struct builder *b, uint32_t v, unsigned to, bool from_unsigned)
{
    unsigned from = build_type_of(b, v);
    if (ir_is_integer(from)) {
        return build_op(b, from_unsigned ? IR_FROM_INT_U : IR_FROM_INT_S, to, v, 0);
    }
    if (from == to) {
        return v;
    }
    return build_op(b, to == IR_F64 ? IR_PROMOTE : IR_DEMOTE, to, v, 0);
}

/* Truncated; if that does not fit, it overflows, and so does NaN, for which both comparisons are
 * false. The limits are the values whose truncation is the first that does not fit. -2^63 - 1 is no
 * double: there the lower limit is the last one that fits, and the comparison includes it. */
static uint32_t float_to_checked(struct builder *b, uint32_t v, unsigned kind)
{
    unsigned from = build_type_of(b, v), to = is_wide(kind) ? IR_I64 : IR_I32;
    bool has_no_sign = kind == CIL_U4 || kind == CIL_U8 || kind == CIL_U;
    double_range range =
        has_no_sign ? (double_range){UINT64_C(0xbff0000000000000),
                                     to == IR_I32 ? UINT64_C(0x41f0000000000000)
                                                  : UINT64_C(0x43f0000000000000),
                                     true}
        : to == IR_I32
            ? (double_range){UINT64_C(0xc1e0000000200000), UINT64_C(0x41e0000000000000), true}
            : (double_range){UINT64_C(0xc3e0000000000000), UINT64_C(0x43e0000000000000), false};
    if (from == IR_F32) {
        v = build_op(b, IR_PROMOTE, IR_F64, v, 0);
    }
    uint32_t low = ir_build_const(b->f, IR_F64, range.low);
    uint32_t high = ir_build_const(b->f, IR_F64, range.high);
    build_require(b, build_op(b, range.is_open ? IR_FLT : IR_FLE, IR_I32, low, v),
                  IR_TRAP_OVERFLOW);
    build_require(b, build_op(b, IR_FLT, IR_I32, v, high), IR_TRAP_OVERFLOW);
    return build_op(b, has_no_sign ? IR_TO_INT_SAT_U : IR_TO_INT_SAT_S, to, v, 0);
}

/* Check an integer against the range of a kind. @param from_unsigned It has no sign. */
static bool to_checked(struct builder *b, unsigned kind, bool from_unsigned)
{
    static const struct {
        int64_t least, most;
    } ranges[] = {[CIL_I1] = {INT8_MIN, INT8_MAX},   [CIL_U1] = {0, UINT8_MAX},
                  [CIL_I2] = {INT16_MIN, INT16_MAX}, [CIL_U2] = {0, UINT16_MAX},
                  [CIL_I4] = {INT32_MIN, INT32_MAX}, [CIL_U4] = {0, UINT32_MAX}};
    uint32_t v = build_pop(b);
    unsigned from = build_type_of(b, v);
    if (ir_is_float(from)) {
        v = float_to_checked(b, v, kind);
        if (is_wide(kind) || kind == CIL_I4 || kind == CIL_U4) {
            return build_push(b, v);
        }
        from = IR_I32;
        from_unsigned = false;
    }
    if (from == IR_I32) {
        v = build_op(b, from_unsigned ? IR_EXTEND_U : IR_EXTEND_S, IR_I64, v, 0);
    }
    bool is_to_unsigned = is_unsigned(kind);
    if (is_wide(kind)) {
        /* Only the sign can be wrong. */
        if (is_to_unsigned != from_unsigned) {
            build_trap_if(b, is_negative(b, v), IR_TRAP_OVERFLOW);
        }
        return build_push(b, v);
    }
    uint32_t low = constant(b, IR_I64, (uint64_t)ranges[kind].least);
    uint32_t high = constant(b, IR_I64, (uint64_t)ranges[kind].most);
    if (from_unsigned) {
        low = constant(b, IR_I64, 0); /* 2^63 and above look negative */
    }
    build_trap_if(b, build_op(b, IR_LT_S, IR_I32, v, low), IR_TRAP_OVERFLOW);
    build_trap_if(b, build_op(b, IR_LT_S, IR_I32, high, v), IR_TRAP_OVERFLOW);
    return build_push(b, build_op(b, IR_WRAP, IR_I32, v, 0));
}

static bool check_finite(struct builder *b)
{
    uint32_t v = build_pop(b);
    unsigned type = build_type_of(b, v);
    uint64_t infinity = type == IR_F32 ? UINT64_C(0x7f800000) : UINT64_C(0x7ff0000000000000);
    uint32_t size = build_op(b, IR_FABS, type, v, 0);
    uint32_t is_finite = build_op(b, IR_FLT, IR_I32, size, ir_build_const(b->f, type, infinity));
    build_require(b, is_finite, IR_TRAP_OVERFLOW);
    return build_push(b, v);
}

/* ---- By instruction ---- */

/* The kind that a conversion leads to; 0: it is none. */
static unsigned conversion(unsigned opcode, bool *is_checked, bool *from_unsigned)
{
    static const struct {
        uint16_t plain, checked, checked_unsigned;
        uint8_t kind;
    } all[] = {
        {CIL_OP_CONV_I1, CIL_OP_CONV_OVF_I1, CIL_OP_CONV_OVF_I1_UN, CIL_I1},
        {CIL_OP_CONV_U1, CIL_OP_CONV_OVF_U1, CIL_OP_CONV_OVF_U1_UN, CIL_U1},
        {CIL_OP_CONV_I2, CIL_OP_CONV_OVF_I2, CIL_OP_CONV_OVF_I2_UN, CIL_I2},
        {CIL_OP_CONV_U2, CIL_OP_CONV_OVF_U2, CIL_OP_CONV_OVF_U2_UN, CIL_U2},
        {CIL_OP_CONV_I4, CIL_OP_CONV_OVF_I4, CIL_OP_CONV_OVF_I4_UN, CIL_I4},
        {CIL_OP_CONV_U4, CIL_OP_CONV_OVF_U4, CIL_OP_CONV_OVF_U4_UN, CIL_U4},
        {CIL_OP_CONV_I8, CIL_OP_CONV_OVF_I8, CIL_OP_CONV_OVF_I8_UN, CIL_I8},
        {CIL_OP_CONV_U8, CIL_OP_CONV_OVF_U8, CIL_OP_CONV_OVF_U8_UN, CIL_U8},
        {CIL_OP_CONV_I, CIL_OP_CONV_OVF_I, CIL_OP_CONV_OVF_I_UN, CIL_I},
        {CIL_OP_CONV_U, CIL_OP_CONV_OVF_U, CIL_OP_CONV_OVF_U_UN, CIL_U},
    };
    for (size_t n = 0; n < ARRAY_COUNT(all); n++) {
        *from_unsigned = opcode == all[n].checked_unsigned;
        *is_checked = *from_unsigned || opcode == all[n].checked;
        if (*is_checked || opcode == all[n].plain) {
            return all[n].kind;
        }
    }
    return 0;
}

static bool is_checked_binary(unsigned opcode)
{
    return opcode >= CIL_OP_ADD_OVF && opcode <= CIL_OP_SUB_OVF_UN;
}

bool build_arithmetic(struct builder *b, const struct cil_instruction *i, bool *is_known)
{
    bool is_checked, from_unsigned;
    unsigned kind = conversion(i->opcode, &is_checked, &from_unsigned);
    *is_known = true;
    if (operations[i->opcode].integer != 0) {
        return binary(b, &operations[i->opcode]);
    }
    if (kind != 0) {
        return is_checked ? to_checked(b, kind, from_unsigned)
                          : build_push(b, to_integer(b, build_pop(b), kind));
    }
    if (is_checked_binary(i->opcode)) {
        return checked(b, i->opcode);
    }
    switch (i->opcode) {
    case CIL_OP_SHL:
        return shift(b, IR_SHL);
    case CIL_OP_SHR:
        return shift(b, IR_SHR_S);
    case CIL_OP_SHR_UN:
        return shift(b, IR_SHR_U);
    case CIL_OP_NEG:
    case CIL_OP_NOT:
        return unary(b, i->opcode);
    case CIL_OP_CKFINITE:
        return check_finite(b);
    case CIL_OP_CONV_R4:
        return build_push(b, to_float(b, build_pop(b), IR_F32, false));
    case CIL_OP_CONV_R8:
        return build_push(b, to_float(b, build_pop(b), IR_F64, false));
    case CIL_OP_CONV_R_UN:
        return build_push(b, to_float(b, build_pop(b), IR_F64, true));
    case CIL_OP_CEQ:
    case CIL_OP_CGT:
    case CIL_OP_CGT_UN:
    case CIL_OP_CLT:
    case CIL_OP_CLT_UN:
        return build_push(b, build_compare(b, i->opcode));
    default:
        *is_known = false;
        return true;
    }
}
