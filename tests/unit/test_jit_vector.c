// SPDX-License-Identifier: MIT
//
// Vectors of the x86-64 back-end, tested by running its code: every operation on extreme and random
// lanes, compared with the interpreter's definition. With AVX and without, with all registers and
// with four; operands in registers, as constants and in memory.
#include "tools/halyard-wasm/few_registers.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/native_text.h"
#include "tests/unit/jit/vector_cases.h"

#define TUPLES 60u /* of operands for each function */
#define NEEDED (JIT_X86_SSSE3 | JIT_X86_SSE41 | JIT_X86_SSE42)

/* ---- Lanes ---- */

static const uint64_t special[] = {
    0x0, 0x1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
    0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
    /* f32: 1, 0.5, 1.5, around 2^31 and 2^32, infinities, NaNs */
    0x3f800000, 0xbf000000, 0x3fc00000, 0x4effffff, 0x4f000000, 0xcf000000, 0xcf000001, 0x4f7fffff,
    0x4f800000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0xffc12345,
    /* f64: likewise */
    0x3ff0000000000000, 0xbfe0000000000000, 0x3ff8000000000000, 0x41dfffffffc00000,
    0x41dfffffffe00000, 0x41e0000000000000, 0xc1e0000000200000, 0x41efffffffe00000,
    0x41efffffffffffff, 0x41f0000000000000, 0x7ff0000000000000, 0xfff0000000000000,
    0x7ff8000000000000, 0x7ff0000000000001, 0xfff8000000012345};

static uint64_t seed = 1;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Special lanes of one width, or random ones, or both. */
static struct ir_bits next_vector(void)
{
    struct ir_bits v;
    unsigned bytes = 1u << next_random() % 4, noise = next_random() % 4;
    for (unsigned at = 0; at < 16; at += bytes) {
        uint64_t lane = next_random() % 4 < noise ? next_random()
                                                  : special[next_random() % ARRAY_COUNT(special)];
        memcpy((uint8_t *)&v + at, &lane, bytes);
    }
    return v;
}

static uint64_t lane_of(const struct ir_bits *v, unsigned bytes, unsigned lane)
{
    uint64_t value = 0;
    memcpy(&value, (const uint8_t *)v + lane * bytes, bytes);
    return value;
}

static bool is_nan(unsigned bytes, uint64_t v)
{
    return bytes == 4 ? (v & 0x7fffffff) > 0x7f800000
                      : (v & 0x7fffffffffffffff) > 0x7ff0000000000000;
}

/* Whether a NaN of this operation may be any quiet one. */
static bool makes_nans(unsigned op)
{
    unsigned lane = ir_op_info[op].lane_op;
    return (lane >= IR_LANE_FADD && lane <= IR_LANE_FMAX) ||
           (lane >= IR_LANE_FSQRT && lane <= IR_LANE_FNEAREST) || lane == IR_LANE_FMA ||
           lane == IR_LANE_FNMA || op == IR_F32X4_DEMOTE_ZERO || op == IR_F64X2_PROMOTE_LOW;
}

static bool same(unsigned op, const struct ir_bits *ours, const struct ir_bits *defined)
{
    unsigned bytes = 16 / ir_shape_lanes(ir_op_info[op].shape);
    uint64_t quiet = bytes == 4 ? 0x400000 : 0x8000000000000;
    if (!makes_nans(op)) {
        return ours->lo == defined->lo && ours->hi == defined->hi;
    }
    for (unsigned n = 0; n < 16 / bytes; n++) {
        uint64_t a = lane_of(ours, bytes, n), b = lane_of(defined, bytes, n);
        if (a != b && !(is_nan(bytes, a) && is_nan(bytes, b) && (a & quiet) != 0)) {
            return false;
        }
    }
    return true;
}

/* ---- One operation ---- */

enum source { IN_REGISTER, CONSTANT, IN_MEMORY }; /* of the second operand */

/** An operation, and what is fixed when it is compiled. */
struct shape {
    unsigned op, type, from; /* types of the result and of the first operand */
    unsigned lane;           /* of extraction and replacement */
    enum source source;
    struct ir_bits lanes, constant; /* of a shuffle; the second operand */
};

/* The types of the parameters after the first one. */
static const char *second_type(const struct shape *s)
{
    switch (ir_op_info[s->op].typing) {
    case IR_TYPES_VECTOR_SHIFT:
        return "i32";
    case IR_TYPES_REPLACES:
        return ir_type_name(ir_shape_scalar(ir_op_info[s->op].shape));
    default:
        return "v128";
    }
}

static void write_operation(const struct shape *s, char *out, size_t len)
{
    const struct ir_op_info *info = &ir_op_info[s->op];
    const char *type = ir_type_name(s->type);
    char rest[128] = "";
    switch ((enum ir_form)info->form) {
    case IR_FORM_BINARY:
        (void)snprintf(rest, sizeof rest, ", v9");
        break;
    case IR_FORM_SELECT:
        (void)snprintf(rest, sizeof rest, ", v9, v2");
        break;
    case IR_FORM_EXTRACT_LANE:
        (void)snprintf(rest, sizeof rest, ", %u", s->lane);
        break;
    case IR_FORM_REPLACE_LANE:
        (void)snprintf(rest, sizeof rest, ", v9, %u", s->lane);
        break;
    case IR_FORM_SHUFFLE:
        (void)snprintf(rest, sizeof rest, ", v9, %#llx, %#llx", (unsigned long long)s->lanes.lo,
                       (unsigned long long)s->lanes.hi);
        break;
    default:
        break;
    }
    (void)snprintf(out, len, " v10 = %s.%s v0%s\n", info->text, type, rest);
}

static void write_function(const struct shape *s, char *out, size_t len)
{
    const char *second = second_type(s), *from = ir_type_name(s->from);
    char source[160], operation[192];
    if (s->source == CONSTANT && strcmp(second, "v128") == 0) {
        (void)snprintf(source, sizeof source, " v9 = v128_const.v128 %#llx, %#llx\n",
                       (unsigned long long)s->constant.lo, (unsigned long long)s->constant.hi);
    } else if (s->source == CONSTANT) {
        (void)snprintf(source, sizeof source, " v9 = const.%s %#llx\n", second,
                       (unsigned long long)s->constant.lo);
    } else if (s->source == IN_MEMORY) {
        (void)snprintf(source, sizeof source, " v9 = load.%s context[16]\n", second);
    } else {
        source[0] = '\0';
    }
    write_operation(s, operation, sizeof operation);
    for (char *at = operation; source[0] == '\0' && (at = strstr(at, "v9")) != NULL; at++) {
        memcpy(at, "v1", 2);
    }
    (void)snprintf(out, len,
                   MODULE_HEAD "signature (%s, %s, v128) -> (%s)\ncallee @f signature 0\n"
                               "function @f {\nblock0(v0: %s, v1: %s, v2: v128):\n%s%s"
                               " return v10\n}\n",
                   from, second, ir_type_name(s->type), from, second, source, operation);
}

static void fail_run(const struct shape *s, const struct ir_bits *in, const struct ir_bits *ours,
                     const struct ir_bits *defined, uint64_t features)
{
    fail_msg("%s lane %u source %d features %#llx lanes %#llx %#llx: %016llx%016llx %016llx%016llx "
             "%016llx%016llx gives %016llx%016llx, not %016llx%016llx",
             ir_op_info[s->op].text, s->lane, (int)s->source, (unsigned long long)features,
             (unsigned long long)s->lanes.lo, (unsigned long long)s->lanes.hi,
             (unsigned long long)in[0].hi, (unsigned long long)in[0].lo,
             (unsigned long long)in[1].hi, (unsigned long long)in[1].lo,
             (unsigned long long)in[2].hi, (unsigned long long)in[2].lo,
             (unsigned long long)ours->hi, (unsigned long long)ours->lo,
             (unsigned long long)defined->hi, (unsigned long long)defined->lo);
}

/* Run with random operands; a shift with all counts, in turns. */
static void check_runs(struct compiled *c, const struct shape *s, unsigned tuples,
                       uint64_t features)
{
    bool shifts = ir_op_info[s->op].typing == IR_TYPES_VECTOR_SHIFT;
    unsigned count = shifts && s->source != CONSTANT ? 256 : tuples;
    for (unsigned n = 0; n < count; n++) {
        struct ir_bits in[3] = {next_vector(), next_vector(), next_vector()}, ours, defined = {0};
        enum ir_trap trap;
        in[0].lo &= ir_type_size(s->from) == 4 ? UINT32_MAX : UINT64_MAX;
        in[1] = s->source == CONSTANT ? s->constant : in[1];
        in[1].lo = shifts && s->source != CONSTANT ? n : in[1].lo;
        if (strcmp(second_type(s), "i32") == 0 || strcmp(second_type(s), "f32") == 0) {
            in[1].lo = (uint32_t)in[1].lo;
        }
        c->context.a = in[1].lo;
        c->context.b = in[1].hi;
        struct ir_bits operands[3] = {in[0], in[1], in[2]};
        if (ir_op_info[s->op].form == IR_FORM_EXTRACT_LANE) {
            operands[1] = (struct ir_bits){.lo = s->lane};
        } else if (ir_op_info[s->op].form == IR_FORM_REPLACE_LANE) {
            operands[2] = (struct ir_bits){.lo = s->lane};
        } else if (ir_op_info[s->op].form == IR_FORM_SHUFFLE) {
            operands[2] = s->lanes;
        }
        (void)ir_eval(s->op, s->type, s->from, operands, &defined, &trap);
        (void)run(c, in, &ours);
        if (s->type == IR_V128 ? !same(s->op, &ours, &defined) : ours.lo != defined.lo) {
            fail_run(s, in, &ours, &defined, features);
        }
    }
}

static void check(const struct shape *s, unsigned tuples, bool few)
{
    uint64_t all = native_features() | JIT_RELAXED_NATIVE;
    const uint64_t features[] = {all, all & ~(uint64_t)JIT_X86_AVX};
    char text[1024];
    write_function(s, text, sizeof text);
    for (unsigned n = 0; n < ARRAY_COUNT(features); n++) {
        struct compiled c;
        struct jit_options options = {.features = features[n]};
        if ((vector_case_relaxed(s->op) & ~jit_machine_x86_64.relaxed(features[n])) != 0) {
            continue;
        }
        if (few) {
            options.limits = few_registers(&jit_machine_x86_64.registers);
        }
        compile_with(&c, text, options);
        check_runs(&c, s, tuples, features[n]);
        discard(&c);
    }
}

/* With the second operand from everywhere. */
static void check_everywhere(struct shape s)
{
    unsigned form = ir_op_info[s.op].form;
    check(&s, TUPLES, false);
    check(&s, 8, true);
    if (form == IR_FORM_UNARY || form == IR_FORM_EXTRACT_LANE) {
        return;
    }
    s.source = IN_MEMORY;
    check(&s, 8, false);
    s.source = CONSTANT;
    for (unsigned n = 0; n < 4; n++) {
        s.constant = next_vector();
        if (strcmp(second_type(&s), "v128") != 0) {
            s.constant.hi = 0;
            s.constant.lo &= strcmp(second_type(&s) + 1, "32") == 0 ? UINT32_MAX : UINT64_MAX;
        }
        check(&s, 8, false);
    }
}

static void describe(struct shape *s)
{
    unsigned scalar = ir_shape_scalar(ir_op_info[s->op].shape);
    switch ((enum ir_typing)ir_op_info[s->op].typing) {
    case IR_TYPES_TESTS_VECTOR:
        s->type = IR_I32;
        s->from = IR_V128;
        return;
    case IR_TYPES_EXTRACTS:
        s->type = scalar;
        s->from = IR_V128;
        return;
    case IR_TYPES_SPLATS:
        s->type = IR_V128;
        s->from = scalar;
        return;
    default:
        s->type = s->from = IR_V128;
        return;
    }
}

static void test_every_operation_is_as_interpreted(void **state)
{
    (void)state;
    for (unsigned op = IR_V128_CONST + 1; op < IR_OP_COUNT; op++) {
        struct shape s = {.op = op};
        unsigned form = ir_op_info[op].form;
        bool has_lane = form == IR_FORM_EXTRACT_LANE || form == IR_FORM_REPLACE_LANE;
        describe(&s);
        for (; s.lane < (has_lane ? ir_shape_lanes(ir_op_info[op].shape) : 1u); s.lane++) {
            if (form != IR_FORM_SHUFFLE) {
                check_everywhere(s);
            }
        }
    }
}

/* ---- Shuffles ---- */

/* Lanes in groups of `bytes`: each group is `first` + its number times `step`. */
static struct ir_bits grouped(unsigned bytes, unsigned first, unsigned step, unsigned jump)
{
    uint8_t lanes[16];
    struct ir_bits out;
    for (unsigned n = 0; n < 16; n++) {
        unsigned group = first + n / bytes / 2 * step + n / bytes % 2 * jump;
        lanes[n] = (uint8_t)((group * bytes + n % bytes) % 32);
    }
    memcpy(&out, lanes, sizeof out);
    return out;
}

/* Splats, interleaved and reversed lanes, windows, blends, and random ones of each width. */
static void test_shuffles(void **state)
{
    (void)state;
    struct shape s = {.op = IR_I8X16_SHUFFLE, .type = IR_V128, .from = IR_V128};
    for (unsigned bytes = 1; bytes <= 8; bytes *= 2) {
        unsigned lanes = 16 / bytes;
        const struct ir_bits some[] = {grouped(bytes, 0, 0, 0),
                                       grouped(bytes, 3, 2, 1),
                                       grouped(bytes, 0, 1, lanes),
                                       grouped(bytes, lanes / 2, 1, lanes),
                                       grouped(bytes, lanes, 1, 32 / bytes - lanes),
                                       grouped(bytes, 0, 2, lanes + 1),
                                       grouped(bytes, 1, 2, lanes),
                                       grouped(bytes, lanes, 2, 1),
                                       grouped(bytes, 0, 1, 0),
                                       grouped(bytes, lanes / 2, 1, 0)};
        for (unsigned n = 0; n < ARRAY_COUNT(some); n++) {
            s.lanes = some[n];
            check(&s, 6, n % 2 != 0);
        }
        for (unsigned n = 0; n < 24; n++) {
            uint8_t of[16];
            unsigned limit = n % 3 == 0 ? lanes : 2 * lanes;
            for (unsigned at = 0; at < 16; at += bytes) {
                unsigned group = (unsigned)next_random() % limit;
                group = n % 4 == 1 ? at / bytes + (group & lanes) : group;
                for (unsigned b = 0; b < bytes; b++) {
                    of[at + b] = (uint8_t)(group * bytes + b);
                }
            }
            memcpy(&s.lanes, of, sizeof of);
            check(&s, 6, false);
        }
    }
}

/* ---- Memory ---- */

static void check_load(const char *access, unsigned number, unsigned offset, uint64_t features)
{
    char text[512];
    struct compiled c;
    struct native_outcome out;
    uint8_t bytes[32];
    uint8_t *memory = native_memory_new(65536);
    (void)snprintf(text, sizeof text,
                   MODULE_HEAD "signature (i32) -> (v128)\ncallee @f signature 0\nfunction @f {\n"
                               "block0(v0: i32):\n v1 = load.v128 memory0[v0 + %u] %s\n"
                               " return v1\n}\n",
                   offset, access);
    compile_with(&c, text, (struct jit_options){.features = features});
    c.context.memory = memory;
    for (unsigned n = 0; n < 16; n++) {
        struct ir_bits v = next_vector(), w = next_vector(), ours, at = {.lo = n * 7};
        memcpy(bytes, &v, sizeof v);
        memcpy(bytes + 16, &w, sizeof w);
        memcpy(memory + at.lo + offset, bytes, sizeof bytes);
        struct ir_bits defined = ir_read(bytes, number, IR_V128);
        native_call(&c.native, 0, &c.context, &at, &ours, &out);
        assert_true(ours.lo == defined.lo && ours.hi == defined.hi);
    }
    /* The last byte of the access is the first one behind the memory. */
    struct ir_bits end = {.lo = 65537 - ir_access_size(number, IR_V128) - offset}, none;
    native_call(&c.native, 0, &c.context, &end, &none, &out);
    assert_true(out.trapped && out.trap == IR_TRAP_MEMORY);
    end.lo--;
    native_call(&c.native, 0, &c.context, &end, &none, &out);
    assert_false(out.trapped);
    discard(&c);
    native_memory_free(memory);
}

static void test_loads_widen_and_repeat(void **state)
{
    (void)state;
    static const char *const names[] = {"8_splat", "16_splat", "32_splat", "64_splat",
                                        "8x8_s",   "8x8_u",    "16x4_s",   "16x4_u",
                                        "32x2_s",  "32x2_u",   "32_zero",  "64_zero"};
    for (unsigned n = 0; n < ARRAY_COUNT(names); n++) {
        check_load(names[n], IR_ACCESS_8_SPLAT + n, n, native_features());
        check_load(names[n], IR_ACCESS_8_SPLAT + n, 3, native_features() & ~(uint64_t)JIT_X86_AVX);
    }
    check_load("", IR_ACCESS_FULL, 1, native_features());
    check_load("", IR_ACCESS_FULL, 5, native_features() & ~(uint64_t)JIT_X86_AVX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_operation_is_as_interpreted),
        cmocka_unit_test(test_shuffles),
        cmocka_unit_test(test_loads_widen_and_repeat),
    };
    if (native_machine() != &jit_machine_x86_64 || (native_features() & NEEDED) != NEEDED) {
        return 0;
    }
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
