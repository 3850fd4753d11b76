// SPDX-License-Identifier: MIT
//
// The machine as the compiler sees it: its registers, the calling convention, and its functions.
#include "arch/x86_64/jit/ops.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define BIT(r) (1u << (r))
#define CALLER_SAVED                                                                               \
    (BIT(X86_RAX) | BIT(X86_RCX) | BIT(X86_RDX) | BIT(X86_RSI) | BIT(X86_RDI) | BIT(X86_R8) |      \
     BIT(X86_R9) | BIT(X86_R10))
#define CALLEE_SAVED (BIT(X86_RBX) | BIT(X86_R12) | BIT(X86_R13))
#define XMM_CALLER   0x00ffu
#define XMM_CALLEE   0x7f00u

const char *const x86_op_names[X86_OP_COUNT] = {
#define X86_OP(name, emit, form, text) text,
#include "arch/x86_64/jit/ops.def"
#undef X86_OP
};

static const struct vclobber clobbers[X86_CLOBBER_COUNT] = {
    [X86_CLOBBER_CALL] = {{CALLER_SAVED, XMM_CALLER}},
    [X86_CLOBBER_HELPER] = {{CALLER_SAVED, XMM_CALLER | XMM_CALLEE}},
    [X86_CLOBBER_ALL] = {{CALLER_SAVED | CALLEE_SAVED, XMM_CALLER | XMM_CALLEE}},
    [X86_CLOBBER_RAX] = {{BIT(X86_RAX), 0}},
};

static const char *register_name(unsigned class, unsigned reg)
{
    static const char *const ints[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                       "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    static const char *const floats[] = {"xmm0",  "xmm1",  "xmm2",  "xmm3", "xmm4",  "xmm5",
                                         "xmm6",  "xmm7",  "xmm8",  "xmm9", "xmm10", "xmm11",
                                         "xmm12", "xmm13", "xmm14", "xmm15"};
    return reg >= 16 ? "?" : class == VCLASS_INT ? ints[reg] : floats[reg];
}

/* ---- The convention ---- */

static const uint8_t argument_regs[JIT_ARG_REGS] = {X86_RDI, X86_RSI, X86_RDX, X86_RCX,
                                                    X86_RAX, X86_R8,  X86_R9,  X86_R10};
static const uint8_t result_regs[JIT_RESULT_REGS] = {X86_RAX, X86_RDX, X86_RCX, X86_RSI};

struct x86_home x86_walk_next(struct x86_walk *w, unsigned type)
{
    struct x86_home home = {.class = (uint8_t)select_class(type)};
    uint32_t n = w->used[home.class]++;
    if (n < (w->results ? JIT_RESULT_REGS : JIT_ARG_REGS)) {
        home.in_reg = true;
        home.reg = home.class == VCLASS_FLOAT ? (uint8_t)n
                   : w->results               ? result_regs[n]
                                              : argument_regs[n];
        return home;
    }
    uint32_t bytes = MAX(ir_type_size(type), 8u);
    home.offset = ALIGN_UP(w->cell_bytes, bytes);
    w->cell_bytes = home.offset + bytes;
    return home;
}

void x86_walk_results(struct x86_walk *w)
{
    w->used[VCLASS_INT] = 0;
    w->used[VCLASS_FLOAT] = 0;
    w->results = true;
    w->cell_bytes = ALIGN_UP(w->cell_bytes, JIT_CELLS_ALIGN);
}

/* ---- Calls between functions ---- */

static enum status patch_call(uint8_t *field, uint64_t place, uint64_t target)
{
    int64_t distance = (int64_t)(target - (place + 4));
    if (distance != (int32_t)distance) {
        return E_OVERFLOW;
    }
    uint32_t value = (uint32_t)distance;
    memcpy(field, &value, sizeof value);
    return OK;
}

static uint64_t return_address(uint64_t saved)
{
    return saved;
}

/* ---- Text ---- */

static const char *const cond_names[] = {"o", "no", "b", "ae", "e", "ne", "be", "a",
                                         "s", "ns", "p", "np", "l", "ge", "le", "g"};

static void print(const struct vcode *v, const struct vinstr *i, char *buf, size_t len)
{
    static const char *const bases[] = {"",      "reg",      "context",  "memory",
                                        "local", "outgoing", "incoming", "constant"};
    struct x86_small s = x86_unpack(i->small);
    bool compares = i->op >= X86_OP_SET && i->op <= X86_OP_BRANCH;
    (void)v;
    size_t at = (size_t)fmt_print(buf, len, "%s.%u", x86_op_names[i->op], s.size * 8);
    if (compares && at < len) {
        at += (size_t)fmt_print(buf + at, len - at, " %s%s", cond_names[s.cond],
                                s.compare == X86_COMPARE_TEST     ? " test"
                                : s.compare == X86_COMPARE_FLOAT  ? " float"
                                : s.compare == X86_COMPARE_VECTOR ? " vector"
                                                                  : "");
    }
    if ((s.mode == X86_MODE_MEM || s.mode == X86_MODE_MEM_IMM) && at < len) {
        at += (size_t)fmt_print(buf + at, len - at, " [%s%s%s*%u %+d]", bases[s.base], "",
                                s.has_index ? " + index" : "", 1u << s.scale, (int32_t)i->extra);
    }
    if (i->imm != 0 && at < len) {
        (void)fmt_print(buf + at, len - at, " %#lx", i->imm);
    }
}

enum jit_vectors x86_vectors(uint64_t features)
{
    const uint64_t all = JIT_X86_SSSE3 | JIT_X86_SSE41 | JIT_X86_SSE42;
    return (features & all) == all ? JIT_VECTORS_ALL : JIT_VECTORS_MOVED;
}

/* A dot product of bytes has one form only: PMADDUBSW, which is the native one. */
static unsigned relaxed(uint64_t features)
{
    const uint64_t needed = JIT_RELAXED_NATIVE | JIT_X86_AVX;
    if ((features & needed) != needed || x86_vectors(features) != JIT_VECTORS_ALL) {
        return 0;
    }
    return ((features & JIT_X86_FMA) != 0 ? IR_RELAXED_FMA : 0) |
           ((features & JIT_X86_VNNI) != 0 ? IR_RELAXED_DOT_ADD_SU : 0);
}

const struct jit_machine jit_machine_x86_64 = {
    .name = "x86_64",
    .landing_pads = JIT_X86_LANDING_PADS,
    .vectors = x86_vectors,
    .relaxed = relaxed,
    /* Registers without a prefix byte first; registers that the prologue must save last. */
    .registers =
        {
            .allocatable = {CALLER_SAVED | CALLEE_SAVED, XMM_CALLER | XMM_CALLEE},
            .callee_saved = {CALLEE_SAVED, XMM_CALLEE},
            .order = {{X86_RAX, X86_RCX, X86_RDX, X86_RSI, X86_RDI, X86_R8, X86_R9, X86_R10,
                       X86_RBX, X86_R12, X86_R13},
                      {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}},
            .order_count = {11, 15},
            .scratch = {X86_SCRATCH, X86_XMM15},
            .clobbers = clobbers,
            .register_name = register_name,
        },
    .select = x86_select,
    .emit = x86_emit,
    .patch_call = patch_call,
    .return_address = return_address,
    .verify = &verify_x86_64,
    .print = print,
};
