// SPDX-License-Identifier: MIT
//
// Decodes instructions.
#include "kernel/cil/front/body.h"
#include "kernel/cil/front/bytes.h"

/* An opcode of two bytes starts with 0xfe and has the number 0x100 plus its second byte
 * (opcodes.def); a number without a name is no instruction. cil_body_read() decodes the whole
 * method first and refuses it if that fails: so the verifier and the translator may ignore the
 * result of cil_decode() at each start of an instruction. */
static const struct {
    const char *name;
    uint8_t operand;
} opcodes[CIL_OPCODES] = {
#define OPCODE(number, name, text, operand) [number] = {text, CIL_OPERAND_##operand},
#include "kernel/cil/front/opcodes.def"
#undef OPCODE
};

const char *cil_opcode_name(unsigned opcode)
{
    return opcode < CIL_OPCODES && opcodes[opcode].name != NULL ? opcodes[opcode].name : "?";
}

/* Bytes of an operand; of a switch, without its targets. read_number() knows the widths 1, 2, 4 and
 * 8: the operand is at the end of the instruction, which cil_decode() has compared with the
 * code. */
static const uint8_t operand_bytes[] = {
    [CIL_OPERAND_NONE] = 0,   [CIL_OPERAND_I1] = 1,     [CIL_OPERAND_I4] = 4,
    [CIL_OPERAND_I8] = 8,     [CIL_OPERAND_R4] = 4,     [CIL_OPERAND_R8] = 8,
    [CIL_OPERAND_VAR1] = 1,   [CIL_OPERAND_VAR2] = 2,   [CIL_OPERAND_BR1] = 1,
    [CIL_OPERAND_BR4] = 4,    [CIL_OPERAND_SWITCH] = 4, [CIL_OPERAND_TYPE] = 4,
    [CIL_OPERAND_FIELD] = 4,  [CIL_OPERAND_METHOD] = 4, [CIL_OPERAND_SIGNATURE] = 4,
    [CIL_OPERAND_STRING] = 4, [CIL_OPERAND_TOKEN] = 4,
};

static uint64_t read_number(const uint8_t *p, unsigned bytes)
{
    switch (bytes) {
    case 1:
        return p[0];
    case 2:
        return load_le16(p);
    case 4:
        return load_le32(p);
    case 8:
        return load_le64(p);
    default:
        return 0;
    }
}

/* The end of the instruction is where a branch counts from. The targets of a switch belong to the
 * instruction, so its end is after them: their number is compared with the bytes that are left
 * before it is multiplied. A branch to before the code becomes a number above 2^63, which mark() in
 * body.c refuses as it does any target outside; only after that may `value` be cut to 32 bits. No
 * sum overflows, because a method has at most CIL_CODE_BYTES_MAX bytes. */
static bool read_operand(struct cil_bytes code, struct cil_instruction *i, unsigned bytes)
{
    uint64_t v = read_number(code.at + i->end - bytes, bytes);
    switch (i->operand) {
    case CIL_OPERAND_I1:
        v = (uint64_t)(int64_t)(int8_t)v;
        break;
    case CIL_OPERAND_I4:
        v = (uint64_t)(int64_t)(int32_t)(uint32_t)v;
        break;
    case CIL_OPERAND_BR1:
        v = (uint64_t)((int64_t)i->end + (int8_t)v);
        break;
    case CIL_OPERAND_BR4:
        v = (uint64_t)((int64_t)i->end + (int32_t)(uint32_t)v);
        break;
    case CIL_OPERAND_SWITCH:
        if (v > (code.len - i->end) / 4) {
            return false;
        }
        i->end += 4 * (uint32_t)v;
        break;
    default:
        break;
    }
    i->value = v;
    return true;
}

bool cil_decode(struct cil_bytes code, uint32_t at, struct cil_instruction *out)
{
    struct cil_instruction i = {.at = at, .end = at + 1};
    if (at >= code.len) {
        return false;
    }
    i.opcode = code.at[at];
    if (i.opcode == 0xfe) {
        if (code.len - at < 2) {
            return false;
        }
        i.opcode = 0x100 + code.at[at + 1];
        i.end++;
    }
    if (i.opcode >= CIL_OPCODES || opcodes[i.opcode].name == NULL) {
        return false;
    }
    i.operand = opcodes[i.opcode].operand;
    unsigned bytes = operand_bytes[i.operand];
    if (bytes > code.len - i.end) {
        return false;
    }
    i.end += bytes;
    if (!read_operand(code, &i, bytes)) {
        return false;
    }
    *out = i;
    return true;
}

uint32_t cil_switch_target(struct cil_bytes code, const struct cil_instruction *i, uint32_t n)
{
    uint32_t count = (uint32_t)i->value;
    int32_t distance = (int32_t)load_le32(code.at + i->end - 4 * (count - n));
    int64_t target = (int64_t)i->end + distance;
    return target < 0 || target > UINT32_MAX ? UINT32_MAX : (uint32_t)target;
}
