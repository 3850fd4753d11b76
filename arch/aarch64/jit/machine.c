// SPDX-License-Identifier: MIT
//
// AArch64 as the compiler sees it. x28 is the context, x27 the base of memory 0; x16, x17 and v31
// are scratch; x18 is reserved for the platform; x29 and x30 form frame records.
#include "arch/aarch64/jit/machine.h"

#include "arch/aarch64/jit/aarch64.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define INTS_FIRST   0x0000ffffu /* x0 to x15 */
#define INTS_SAVED   0x07f80000u /* x19 to x26 */
#define FLOATS_FIRST 0x7fff00ffu /* v0 to v7, v16 to v30 */
#define FLOATS_SAVED 0x0000ff00u /* v8 to v15 */

static const struct vclobber clobbers[A64_CLOBBER_COUNT] = {
    [A64_CLOBBER_CALL] = {{INTS_FIRST, FLOATS_FIRST}},
    /* C preserves only the lower halves of v8 to v15. */
    [A64_CLOBBER_HELPER] = {{INTS_FIRST, FLOATS_FIRST | FLOATS_SAVED}},
    [A64_CLOBBER_ALL] = {{INTS_FIRST | INTS_SAVED, FLOATS_FIRST | FLOATS_SAVED}},
};

static const char *register_name(unsigned class, unsigned reg)
{
    static const char *const names[VCLASS_COUNT][32] = {
        {"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10",
         "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
         "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp"},
        {"v0",  "v1",  "v2",  "v3",  "v4",  "v5",  "v6",  "v7",  "v8",  "v9",  "v10",
         "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21",
         "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31"}};
    return names[class][reg & 31];
}

/* A call, or a jump in the place of one. */
static enum status patch_call(uint8_t *field, uint64_t place, uint64_t target)
{
    uint32_t word;
    memcpy(&word, field, sizeof(word));
    bool calls = word >> 31 != 0;
    struct a64_insn call = {.form = calls ? A64_BL : A64_B, .imm = target - place};
    if (!a64_encode(&call, &word)) {
        return E_OVERFLOW;
    }
    memcpy(field, &word, sizeof(word));
    return OK;
}

/* Bits 63 to 48 become copies of bit 55, which a
 * signature does not change. Arm ARM (DDI 0487), D8.8. */
static uint64_t return_address(uint64_t saved)
{
    const uint64_t signature = UINT64_C(0xffff) << 48;
    return (saved & UINT64_C(1) << 55) != 0 ? saved | signature : saved & ~signature;
}

static const char *const op_names[] = {
    [A64_OP_CONST - A64_FORM_COUNT] = "const",
    [A64_OP_FCONST - A64_FORM_COUNT] = "fconst",
    [A64_OP_VCONST - A64_FORM_COUNT] = "vconst",
    [A64_OP_ADDRESS - A64_FORM_COUNT] = "address",
    [A64_OP_TABLE - A64_FORM_COUNT] = "table",
    [A64_OP_CONTEXT - A64_FORM_COUNT] = "context",
    [A64_OP_MOVE - A64_FORM_COUNT] = "move",
    [A64_OP_FMOVE - A64_FORM_COUNT] = "fmove",
    [A64_OP_ENTRY - A64_FORM_COUNT] = "entry",
    [A64_OP_JUMP - A64_FORM_COUNT] = "jump",
    [A64_OP_BRANCH - A64_FORM_COUNT] = "branch",
    [A64_OP_SET - A64_FORM_COUNT] = "set",
    [A64_OP_SELECT - A64_FORM_COUNT] = "select",
    [A64_OP_TRAP_IF - A64_FORM_COUNT] = "trap_if",
    [A64_OP_TRAP_OVERFLOW - A64_FORM_COUNT] = "trap_overflow",
    [A64_OP_TRAP - A64_FORM_COUNT] = "trap",
    [A64_OP_SWITCH - A64_FORM_COUNT] = "switch",
    [A64_OP_RETURN - A64_FORM_COUNT] = "return",
    [A64_OP_CALL - A64_FORM_COUNT] = "call",
    [A64_OP_CALL_INDIRECT - A64_FORM_COUNT] = "call_indirect",
    [A64_OP_CALL_FOREIGN - A64_FORM_COUNT] = "call_foreign",
    [A64_OP_CALL_HELPER - A64_FORM_COUNT] = "call_helper",
    [A64_OP_TAIL_CALL - A64_FORM_COUNT] = "tail_call",
    [A64_OP_TAIL_CALL_INDIRECT - A64_FORM_COUNT] = "tail_call_indirect",
    [A64_OP_INVOKED - A64_FORM_COUNT] = "invoked",
    [A64_OP_TO_INT - A64_FORM_COUNT] = "to_int",
    [A64_OP_POPCNT - A64_FORM_COUNT] = "popcnt",
    [A64_OP_COPYSIGN - A64_FORM_COUNT] = "copysign",
    [A64_OP_FSELECT_16 - A64_FORM_COUNT] = "select_16",
    [A64_OP_TBL2 - A64_FORM_COUNT] = "tbl2",
    [A64_OP_ATOMIC - A64_FORM_COUNT] = "atomic",
    [A64_OP_COPY_BYTES - A64_FORM_COUNT] = "copy_bytes",
    [A64_OP_ZERO_BYTES - A64_FORM_COUNT] = "zero_bytes",
};
STATIC_ASSERT(ARRAY_COUNT(op_names) == A64_OP_COUNT - A64_FORM_COUNT, "every operation has a name");

/* Number of letters in a name up to its end. */
static unsigned word_length(const char *text)
{
    unsigned n = 0;
    while (text[n] != '\0' && text[n] != ' ' && text[n] != '.') {
        n++;
    }
    return n;
}

static bool has_setter(unsigned op)
{
    return op == A64_OP_BRANCH || op == A64_OP_SET || op == A64_OP_SELECT || op == A64_OP_TRAP_IF ||
           op == A64_OP_FSELECT_16;
}

static void print(const struct vcode *v, const struct vinstr *i, char *buf, size_t len)
{
    static const char conds[] = "eqnehslomiplvsvchilsgeltgtleal";
    (void)v;
    const char *name =
        i->op < A64_FORM_COUNT ? a64_forms[i->op].text : op_names[i->op - A64_FORM_COUNT];
    const char *width = (i->small & A64_SMALL_WIDE) != 0 ? ".64" : "";
    if (has_setter(i->op)) {
        const char *setter = a64_forms[A64_SETTER_OF(i->extra)].text;
        (void)fmt_print(buf, len, "%s %.*s%s.%.2s #%#llx", name, (int)word_length(setter), setter,
                        width, conds + 2 * A64_SMALL_COND_OF(i->small), (unsigned long long)i->imm);
        return;
    }
    (void)fmt_print(buf, len, "%.*s%s #%#llx", (int)word_length(name), name, width,
                    (unsigned long long)i->imm);
}

/* Every CPU has NEON. */
static enum jit_vectors vector_support(uint64_t features)
{
    (void)features;
    return JIT_VECTORS_ALL;
}

static unsigned relaxed(uint64_t features)
{
    if ((features & JIT_RELAXED_NATIVE) == 0) {
        return 0;
    }
    return IR_RELAXED_FMA | IR_RELAXED_DOT_BYTES |
           ((features & JIT_ARM_DOT) != 0 ? IR_RELAXED_DOT_ADD_S : 0);
}

const struct jit_machine jit_machine_aarch64 = {
    .name = "aarch64",
    .landing_pads = JIT_ARM_LANDING_PADS,
    .vectors = vector_support,
    .relaxed = relaxed,
    .registers =
        {
            .allocatable = {INTS_FIRST | INTS_SAVED, FLOATS_FIRST | FLOATS_SAVED},
            .callee_saved = {INTS_SAVED, FLOATS_SAVED},
            .order = {{8, 9, 10, 11, 12, 13, 14, 15, 7,  6,  5,  4,
                       3, 2, 1,  0,  19, 20, 21, 22, 23, 24, 25, 26},
                      {16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 7,
                       6,  5,  4,  3,  2,  1,  0,  8,  9,  10, 11, 12, 13, 14, 15}},
            .order_count = {24, 31},
            .scratch = {A64_X16, A64_V31},
            .clobbers = clobbers,
            .register_name = register_name,
        },
    .select = a64_select,
    .emit = a64_emit,
    .patch_call = patch_call,
    .return_address = return_address,
    .verify = &verify_aarch64,
    .print = print,
};
