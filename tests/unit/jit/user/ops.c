// SPDX-License-Identifier: MIT
//
// Every operation that computes a value from values, on extreme operands of their types: both in
// registers, then one of them a constant, so that immediates are used; comparisons also through the
// other operations that consume them. The interpreter's ir_eval() defines the right results.
#include "tests/unit/jit/user/user_tests.h"

#include <stdio.h>
#include <string.h>

#define CONTEXT_BYTES 64

enum variant { IN_REGISTERS, CONST_LEFT, CONST_RIGHT };
/* How the result of a comparison is used. */
enum asking { AS_NUMBER, BY_BRANCH, BY_SELECT, BY_FLOAT_SELECT, BY_TRAP, ASKING_COUNT };

/** One operation at certain types. */
struct subject {
    unsigned op, type, operand_type, operands;
    enum asking asking;
};

static unsigned failures;

static bool compares(unsigned op)
{
    unsigned typing = ir_op_info[op].typing;
    return typing == IR_TYPES_COMPARES_INTEGER || typing == IR_TYPES_COMPARES_FLOAT;
}

/* True if the operation may produce any NaN; only moves preserve a NaN's bits. */
static bool any_nan(unsigned op)
{
    return op != IR_FNEG && op != IR_FABS && op != IR_FCOPYSIGN && op != IR_BITCAST &&
           op != IR_SELECT;
}

/* ---- A function that contains the operation ---- */

static uint32_t emit_question(struct ir_function *f, const struct subject *s, uint32_t condition)
{
    uint32_t yes, no;
    switch (s->asking) {
    case BY_BRANCH: {
        uint32_t blocks[2] = {ir_block_new(f), ir_block_new(f)}, join = ir_block_new(f);
        yes = ir_edge(f, blocks[0], NULL, 0);
        no = ir_edge(f, blocks[1], NULL, 0);
        ir_emit(f, IR_BRANCH, IR_VOID, condition, yes, no);
        for (unsigned n = 0; n < 2; n++) {
            ir_block_start(f, blocks[n]);
            uint32_t value = ir_const(f, IR_I32, 1 - n);
            ir_emit(f, IR_JUMP, IR_VOID, ir_edge(f, join, &value, 1), 0, 0);
        }
        ir_block_start(f, join);
        return ir_param(f, IR_I32);
    }
    case BY_SELECT:
        yes = ir_const(f, IR_I32, 1);
        no = ir_const(f, IR_I32, 0);
        return ir_emit(f, IR_SELECT, IR_I32, condition, yes, no);
    case BY_FLOAT_SELECT:
        yes = ir_const(f, IR_F64, 0x3ff0000000000000);
        no = ir_const(f, IR_F64, 0);
        yes = ir_emit(f, IR_SELECT, IR_F64, condition, yes, no);
        return ir_emit(f, IR_TO_INT_SAT_S, IR_I32, yes, 0, 0);
    case BY_TRAP:
        ir_emit(f, IR_TRAP_IF, IR_VOID, condition, IR_TRAP_TABLE, 0);
        return ir_const(f, IR_I32, 1);
    default:
        return condition;
    }
}

static struct ir_function *make(struct arena *a, const struct ir_module *m, const struct subject *s,
                                enum variant variant, uint64_t constant)
{
    struct ir_function *f = ir_function_new(a, m, 0);
    uint32_t operands[3] = {0, 0, 0}, params[3];
    ir_block_start(f, ir_block_new(f));
    f->location = 7;
    for (unsigned n = 0; n < s->operands; n++) {
        unsigned type = s->op == IR_SELECT && n == 0 ? (unsigned)IR_I32 : s->operand_type;
        operands[n] = params[n] = ir_param(f, type);
    }
    if (variant != IN_REGISTERS) {
        operands[variant == CONST_RIGHT] = ir_const(f, s->operand_type, constant);
    }
    uint32_t v = ir_emit(f, s->op, s->type, operands[0], operands[1], operands[2]);
    v = emit_question(f, s, v);
    ir_emit(f, IR_RETURN, IR_VOID, 0, ir_pool(f, &v, 1), 1);
    return f;
}

/* ---- Running it ---- */

static void complain(const struct subject *s, enum variant variant, const struct ir_bits *operands,
                     const struct run_outcome *got, bool traps, enum ir_trap trap,
                     struct ir_bits want)
{
    if (failures++ < 20) {
        printf("# %s.%s of %s, variant %d, asked %d: %#llx %#llx %#llx: %s %#llx, not %s %#llx\n",
               ir_op_info[s->op].text, ir_type_name(s->type), ir_type_name(s->operand_type),
               (int)variant, (int)s->asking, (unsigned long long)operands[0].lo,
               (unsigned long long)operands[1].lo, (unsigned long long)operands[2].lo,
               got->traps ? ir_trap_names[got->trap] : "result",
               (unsigned long long)got->results[0].lo, traps ? ir_trap_names[trap] : "result",
               (unsigned long long)want.lo);
    }
}

static void check(struct run_module *m, const struct subject *s, enum variant variant,
                  const struct ir_bits operands[3])
{
    static uint64_t context[CONTEXT_BYTES / 8];
    struct run_outcome got;
    struct ir_bits want = {0, 0};
    enum ir_trap trap = IR_TRAP_COUNT;
    bool traps = !ir_eval(s->op, s->type, s->operand_type, operands, &want, &trap);
    if (s->asking == BY_TRAP && want.lo == 0) {
        traps = true;
        trap = IR_TRAP_TABLE;
    }
    run_call(m, 0, context, operands, &got);
    bool right =
        got.traps == traps && (traps ? got.trap == trap && got.location == 7
                                     : user_same(s->type, want, got.results[0], any_nan(s->op)));
    if (!right) {
        complain(s, variant, operands, &got, traps, trap, want);
    }
}

/* The module of one function. */
static void declare(const struct subject *s, uint8_t types[4], struct ir_signature *signature,
                    struct ir_callee *callee, struct ir_module *module)
{
    static struct ir_memory memory = {.guard_bytes = 0x80000000, .base = 0, .length = 8};
    for (unsigned n = 0; n < s->operands; n++) {
        types[n] = (uint8_t)(s->op == IR_SELECT && n == 0 ? (unsigned)IR_I32 : s->operand_type);
    }
    types[s->operands] = (uint8_t)s->type;
    *signature = (struct ir_signature){.types = 0, .params = s->operands, .results = 1};
    *callee = (struct ir_callee){.name = "f"};
    *module =
        (struct ir_module){types, signature, callee, &memory, 4, 1, 1, 1, {.polls = false}, false};
}

static void run_variant(const struct subject *s, enum variant variant, uint64_t constant)
{
    uint8_t types[4];
    struct ir_signature signature;
    struct ir_callee callee;
    struct ir_module module;
    struct arena a;
    struct run_module m;
    const uint64_t *edges;
    const struct jit_options options = user_options(0);
    unsigned count = user_edges(s->operand_type, &edges);
    declare(s, types, &signature, &callee, &module);
    arena_init(&a, USER_ARENA_LIMIT);
    struct ir_function *f = make(&a, &module, s, variant, constant);
    if (run_load(&m, &module, &f, 1, &options, &a) != OK) {
        failures++;
        printf("# not compiled: %s.%s\n", ir_op_info[s->op].text, ir_type_name(s->type));
    } else {
        unsigned left = variant == CONST_LEFT ? 1 : count;
        unsigned right = s->operands < 2 || variant == CONST_RIGHT ? 1 : count;
        for (unsigned x = 0; x < left * right; x++) {
            struct ir_bits operands[3] = {{edges[x % left], 0}, {edges[x / left], 0}, {0, 0}};
            if (variant != IN_REGISTERS) {
                operands[variant == CONST_RIGHT].lo = constant;
            }
            if (s->op == IR_SELECT) {
                operands[2] = operands[0];
                operands[0].lo = x % 3 == 0 ? 0 : x % 3 == 1 ? 1 : 0x80000000;
            }
            check(&m, s, variant, operands);
        }
    }
    run_unload(&m);
    arena_free_all(&a);
}

static void run_subject(const struct subject *s)
{
    const uint64_t *edges;
    unsigned count = user_edges(s->operand_type, &edges);
    run_variant(s, IN_REGISTERS, 0);
    for (unsigned n = 0; n < count && s->operands == 2; n++) {
        run_variant(s, CONST_LEFT, edges[n]);
        run_variant(s, CONST_RIGHT, edges[n]);
    }
}

/* ---- Which types ---- */

static bool suits(unsigned typing, unsigned type, unsigned operand)
{
    switch (typing) {
    case IR_TYPES_ANY:
        return type == operand && type <= IR_F64;
    case IR_TYPES_INTEGER:
        return type == operand && ir_is_integer(type);
    case IR_TYPES_I64:
        return type == operand && type == IR_I64;
    case IR_TYPES_FLOAT:
        return type == operand && ir_is_float(type);
    case IR_TYPES_COMPARES_INTEGER:
        return type == IR_I32 && ir_is_integer(operand);
    case IR_TYPES_COMPARES_FLOAT:
        return type == IR_I32 && ir_is_float(operand);
    case IR_TYPES_I64_TO_I32:
        return type == IR_I32 && operand == IR_I64;
    case IR_TYPES_I32_TO_I64:
        return type == IR_I64 && operand == IR_I32;
    case IR_TYPES_F32_TO_F64:
        return type == IR_F64 && operand == IR_F32;
    case IR_TYPES_F64_TO_F32:
        return type == IR_F32 && operand == IR_F64;
    case IR_TYPES_FLOAT_TO_INTEGER:
        return ir_is_integer(type) && ir_is_float(operand);
    case IR_TYPES_INTEGER_TO_FLOAT:
        return ir_is_float(type) && ir_is_integer(operand);
    case IR_TYPES_SAME_SIZE:
        return ir_type_size(type) == ir_type_size(operand) &&
               ir_is_float(type) != ir_is_float(operand);
    default:
        return false;
    }
}

static unsigned run_op(unsigned op)
{
    static const unsigned types[] = {IR_I32, IR_I64, IR_F32, IR_F64};
    const struct ir_op_info *info = &ir_op_info[op];
    unsigned done = 0;
    unsigned operands = info->form == IR_FORM_UNARY ? 1 : info->form == IR_FORM_BINARY ? 2 : 3;
    for (unsigned n = 0; n < 16; n++) {
        struct subject s = {op, types[n % 4], types[n / 4], operands, AS_NUMBER};
        if (!suits(info->typing, s.type, s.operand_type)) {
            continue;
        }
        unsigned askings = compares(op) ? ASKING_COUNT : 1;
        for (unsigned asking = 0; asking < askings; asking++) {
            s.asking = (enum asking)asking;
            run_subject(&s);
            done++;
        }
    }
    return done;
}

static bool test_operations(void)
{
    unsigned done = 0;
    failures = 0;
    for (unsigned op = 0; op < IR_OP_COUNT; op++) {
        bool is_scalar = ir_op_info[op].shape == IR_SHAPE_NONE;
        if (is_scalar && ir_can_eval(op)) {
            done += run_op(op);
        }
    }
    printf("# %u operations at types, %u wrong\n", done, failures);
    return failures == 0 && done > 100;
}

const struct user_test user_test_ops[] = {
    {"every operation over the edges of its operands", test_operations},
    {NULL, NULL},
};
