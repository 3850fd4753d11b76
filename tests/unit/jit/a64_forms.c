// SPDX-License-Identifier: MIT
//
// Forms of the AArch64 encoder, with their extreme registers and immediates.
#include "tests/unit/jit/a64_forms.h"

#include "kernel/lib/compiler.h"

#include <string.h>

static const uint8_t reg_edges[] = {0, 1, 9, 15, 16, 17, 30, 31};

static void (*visit)(const struct a64_insn *i, const uint32_t *word);

/* The result of an exclusive store must be in a register of its own. */
static bool is_unpredictable(const struct a64_insn *i)
{
    return i->form == A64_STLXR && (i->regs[0] == i->regs[1] || i->regs[0] == i->regs[2]);
}

static bool show(const struct a64_insn *i)
{
    uint32_t word = 0;
    if (is_unpredictable(i)) {
        return true;
    }
    bool encodes = a64_encode(i, &word);
    visit(i, encodes ? &word : NULL);
    return encodes;
}

/* Each register at its extremes in turn, then all of them 0 and 31. The
 * registers of a pair must differ. */
static void each_register(struct a64_insn i)
{
    unsigned count = (unsigned)strlen(a64_forms[i.form].regs);
    memcpy(i.regs, (const uint8_t[]){2, 3, 4, 5}, 4);
    if (!show(&i)) {
        return; /* other registers do not make an immediate fit */
    }
    for (unsigned n = 0; n < count; n++) {
        for (unsigned e = 0; e < ARRAY_COUNT(reg_edges); e++) {
            memcpy(i.regs, (const uint8_t[]){2, 3, 4, 5}, 4);
            i.regs[n] = reg_edges[e];
            show(&i);
        }
    }
    memset(i.regs, 0, 4);
    if (a64_forms[i.form].imm != A64_IMM_PAIR3 && a64_forms[i.form].imm != A64_IMM_PAIR4) {
        show(&i);
        memset(i.regs, 31, 4);
        show(&i);
    }
}

static void each_imm(struct a64_insn i, const int64_t *edges, unsigned count)
{
    for (unsigned n = 0; n < count; n++) {
        i.imm = (uint64_t)edges[n];
        each_register(i);
    }
}

#define EACH_IMM(i, ...)                                                                           \
    each_imm(i, (const int64_t[]){__VA_ARGS__}, ARRAY_COUNT(((const int64_t[]){__VA_ARGS__})))

static void each_amount(struct a64_insn i, unsigned step, unsigned last)
{
    for (unsigned amount = 0; amount <= last; amount += step) {
        i.amount = (uint8_t)amount;
        each_register(i);
    }
}

static void each_option(struct a64_insn i, unsigned options, unsigned step, unsigned last)
{
    for (unsigned option = 0; option < options; option++) {
        i.option = (uint8_t)option;
        each_amount(i, step, last);
    }
}

/* Every logical immediate, and each with one bit changed, which are mostly invalid. */
static void each_mask(struct a64_insn i)
{
    memcpy(i.regs, (const uint8_t[]){2, 3, 4, 5}, 4);
    for (unsigned size = 2; size <= (i.wide ? 64 : 32); size *= 2) {
        for (unsigned run = 1; run < size; run++) {
            for (unsigned turn = 0; turn < size; turn++) {
                uint64_t v = 0;
                for (unsigned bit = 0; bit < (i.wide ? 64u : 32u); bit++) {
                    v |= (uint64_t)((bit + turn) % size < run) << bit;
                }
                i.imm = v;
                show(&i);
                i.imm = v ^ UINT64_C(1) << (turn + run) % 31;
                show(&i);
            }
        }
    }
    i.imm = 0x8000000000000001;
    each_register(i);
    i.imm = 0x7f8;
    each_register(i);
}

static void each_float(struct a64_insn i)
{
    unsigned fraction = i.is_double ? 52 : 23, exponent = i.is_double ? 11 : 8;
    for (unsigned n = 0; n < 256; n++) {
        uint64_t e =
            (n >> 6 & 1 ? (UINT64_C(1) << (exponent - 1)) - 4 : UINT64_C(1) << (exponent - 1));
        i.imm = (uint64_t)(n >> 7) << (fraction + exponent) | (e + (n >> 4 & 3)) << fraction |
                (uint64_t)(n & 15) << (fraction - 4);
        show(&i);
        i.imm ^= UINT64_C(1) << (fraction - 5);
        show(&i);
        i.imm ^= UINT64_C(3) << (fraction - 5) | UINT64_C(8) << fraction;
        show(&i);
    }
    i.imm = i.is_double ? 0x3ff0000000000000 : 0x3f800000;
    each_register(i);
}

static void each_bitfield(struct a64_insn i)
{
    for (unsigned immr = 0; immr <= 64; immr += (immr == 0 || immr >= 62 ? 1
                                                 : immr < 30             ? 29
                                                                         : 1)) {
        i.imm = immr;
        for (unsigned imms = 0; imms <= 64; imms += imms < 30 ? 15 : 1) {
            i.amount = (uint8_t)imms;
            each_register(i);
        }
    }
}

static void each_half(struct a64_insn i)
{
    for (unsigned amount = 0; amount <= 64; amount += 8) {
        i.amount = (uint8_t)amount;
        EACH_IMM(i, 0, 1, 0x8000, 0xffff, 0x10000);
    }
}

static void each_test(struct a64_insn i)
{
    for (unsigned bit = 0; bit <= 64; bit++) {
        i.amount = (uint8_t)bit;
        EACH_IMM(i, 0, 4, -4, 32764, -32768, 32768, -32772, 2);
    }
}

static void each_ccmp(struct a64_insn i)
{
    for (unsigned option = 0; option < 15; option++) {
        i.option = (uint8_t)option;
        for (unsigned flags = 0; flags <= 16; flags += 5) {
            i.amount = (uint8_t)(flags == 15 ? 16 : flags);
            EACH_IMM(i, 0, 1, 31, 32);
        }
    }
}

/* Leave out immediates for which an assembler chooses another form. */
static void each_offset(struct a64_insn i, unsigned log2)
{
    int64_t unit = (int64_t)1 << log2;
    EACH_IMM(i, 0, unit, 255 * unit, 256 * unit, 4095 * unit, 4096 * unit, 4095 * unit + 1);
}

static void each_index(struct a64_insn i)
{
    static const uint8_t options[] = {A64_UXTW, A64_UXTX, A64_SXTW, A64_SXTX};
    for (unsigned n = 0; n < ARRAY_COUNT(options); n++) {
        i.option = options[n];
        for (unsigned amount = 0; amount <= 5; amount++) {
            i.amount = (uint8_t)amount;
            each_register(i);
        }
    }
}

static void each_pair(struct a64_insn i, int64_t unit)
{
    EACH_IMM(i, 0, unit, -unit, 63 * unit, -64 * unit, 64 * unit, -65 * unit, unit / 2);
}

static void each_relative(struct a64_insn i, unsigned bits)
{
    int64_t reach = (int64_t)1 << (bits + 1);
    EACH_IMM(i, 0, 4, -4, reach - 4, -reach, reach, -reach - 4, 2);
}

static void each_extend(struct a64_insn i)
{
    for (unsigned option = 0; option < 8; option++) {
        i.option = (uint8_t)option;
        if (i.wide || (option & 3) != 3) { /* with 32 bits these have another encoding, lsl */
            each_amount(i, 1, 5);
        }
    }
}

/* At every position, if the form has positions. */
static void each_byte(struct a64_insn i)
{
    unsigned last = strstr(a64_forms[i.form].text, "%a") == NULL ? 0 : 32;
    for (unsigned amount = 0; amount <= last; amount += 8) {
        i.amount = (uint8_t)amount;
        EACH_IMM(i, 0, 1, 0x20, 0xa5, 0xff, 0x100);
    }
}

static void each_bytes(struct a64_insn i)
{
    for (unsigned n = 0; n < 8; n++) {
        EACH_IMM(i, (int64_t)(UINT64_C(0xff) << 8 * n), (int64_t)(UINT64_C(0xff00ff00ff00ff) << n),
                 (int64_t)(UINT64_C(1) << 8 * n));
    }
}

/* A form without a number has none in its text, and some have none for the larger lanes. */
static void each_lane(struct a64_insn i, enum a64_imm kind)
{
    bool has_number = kind != A64_IMM_LANE0 && kind != A64_IMM_LANE_ACCESS;
    for (unsigned size = 0; size < (kind == A64_IMM_LANE_S ? 2u : 4u); size++) {
        i.option = (uint8_t)size;
        for (unsigned lane = 0; lane <= (has_number ? 16u >> size : 0); lane++) {
            i.amount = (uint8_t)lane;
            i.imm = kind == A64_IMM_LANES ? 15u >> size : 0;
            each_register(i);
        }
    }
}

static void each_size(struct a64_insn i)
{
    for (i.option = 0; i.option < 4; i.option++) {
        each_register(i);
    }
}

static void each_immediate(struct a64_insn i)
{
    enum a64_imm kind = (enum a64_imm)a64_forms[i.form].imm;
    switch (kind) {
    case A64_IMM_NONE:
        each_register(i);
        break;
    case A64_IMM_ADD:
        EACH_IMM(i, 0, 1, 4095, 4096, 0x5000, 0xfff000, 4097, 0x1000000, 0xfff001);
        break;
    case A64_IMM_MASK:
        each_mask(i);
        break;
    case A64_IMM_HALF:
        each_half(i);
        break;
    case A64_IMM_BITS:
        each_bitfield(i);
        break;
    case A64_IMM_EXTR:
        each_amount(i, 1, 64);
        break;
    case A64_IMM_ADR:
        EACH_IMM(i, 0, 1, 2, 3, 4, -1, 0xfffff, -0x100000, 0x100000, -0x100001);
        break;
    case A64_IMM_SHIFT3:
        each_option(i, 4, 1, 64);
        break;
    case A64_IMM_SHIFT4:
        each_option(i, 4, 1, 64);
        break;
    case A64_IMM_EXTEND:
        each_extend(i);
        break;
    case A64_IMM_COND:
        each_option(i, 15, 1, 0);
        break;
    case A64_IMM_CCMP:
    case A64_IMM_CCMP5:
        each_ccmp(i);
        break;
    case A64_IMM_S9:
        EACH_IMM(i, 0, 1, -1, 255, -256, 256, -257);
        break;
    case A64_IMM_PAIR3:
        each_pair(i, 8);
        break;
    case A64_IMM_PAIR4:
        each_pair(i, 16);
        break;
    case A64_IMM_REL26:
        each_relative(i, 26);
        break;
    case A64_IMM_REL19:
        each_relative(i, 19);
        break;
    case A64_IMM_COND19:
        for (i.option = 0; i.option < 15; i.option++) {
            each_relative(i, 19);
        }
        break;
    case A64_IMM_TEST14:
        each_test(i);
        break;
    case A64_IMM_U16:
        EACH_IMM(i, 0, 1, 0xffff, 0x10000);
        break;
    case A64_IMM_SIZE:
        each_size(i);
        break;
    case A64_IMM_FLOAT8:
    case A64_IMM_FLOAT8_S:
    case A64_IMM_FLOAT8_D:
        i.is_double |= kind == A64_IMM_FLOAT8_D;
        each_float(i);
        break;
    case A64_IMM_BYTE4:
        each_amount(i, 1, 15);
        break;
    case A64_IMM_BYTE8:
        each_byte(i);
        break;
    case A64_IMM_BYTES64:
        each_bytes(i);
        break;
    case A64_IMM_LANE:
    case A64_IMM_LANE0:
    case A64_IMM_LANE_S:
    case A64_IMM_LANE_Q:
    case A64_IMM_LANES:
    case A64_IMM_LANE_ACCESS:
        each_lane(i, kind);
        break;
    case A64_IMM_SHIFT_LEFT:
    case A64_IMM_SHIFT_RIGHT:
    case A64_IMM_SHIFT_LONG:
        each_option(i, 4, 1, 63);
        break;
    default:
        if (kind >= A64_IMM_INDEX0) {
            each_index(i);
        } else {
            each_offset(i, kind - A64_IMM_OFFSET0);
        }
        break;
    }
}

void a64_forms_each(void (*each)(const struct a64_insn *i, const uint32_t *word))
{
    visit = each;
    for (unsigned form = 0; form < A64_FORM_COUNT; form++) {
        unsigned width = a64_forms[form].width;
        for (unsigned size = 0; size < 4 && width >= A64_WIDTH_SIZE; size++) {
            each_immediate((struct a64_insn){.form = (uint16_t)form, .option = (uint8_t)size});
        }
        if (width >= A64_WIDTH_SIZE) {
            continue;
        }
        bool has_sf = width == A64_WIDTH_SF || width == A64_WIDTH_BOTH;
        bool has_fp = width == A64_WIDTH_FP || width == A64_WIDTH_BOTH;
        for (unsigned wide = 0; wide <= has_sf; wide++) {
            for (unsigned is_double = 0; is_double <= has_fp; is_double++) {
                each_immediate((struct a64_insn){
                    .form = (uint16_t)form, .wide = wide != 0, .is_double = is_double != 0});
            }
        }
    }
}
