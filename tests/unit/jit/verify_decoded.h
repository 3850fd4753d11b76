// SPDX-License-Identifier: MIT
//
// Decoded instructions in tests of the verifier's decoders: all fields compared, as text.
#pragma once

#include "kernel/jit/verify/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const decoded_ops[] = {
    [VERIFY_NOP] = "nop",
    [VERIFY_PAD] = "pad",
    [VERIFY_PAD_JUMP] = "pad_jump",
    [VERIFY_CONST] = "const",
    [VERIFY_INSERT] = "insert",
    [VERIFY_MOVE] = "move",
    [VERIFY_ADD] = "add",
    [VERIFY_SUB] = "sub",
    [VERIFY_AND] = "and",
    [VERIFY_OR] = "or",
    [VERIFY_SHL] = "shl",
    [VERIFY_SHR] = "shr",
    [VERIFY_MUL] = "mul",
    [VERIFY_DIV] = "div",
    [VERIFY_FIELD] = "field",
    [VERIFY_NUMBER] = "number",
    [VERIFY_SELECT] = "select",
    [VERIFY_SET] = "set",
    [VERIFY_COMPARE] = "compare",
    [VERIFY_TEST] = "test",
    [VERIFY_USE] = "use",
    [VERIFY_LEA] = "lea",
    [VERIFY_LOAD] = "load",
    [VERIFY_STORE] = "store",
    [VERIFY_UPDATE] = "update",
    [VERIFY_EXCHANGE] = "exchange",
    [VERIFY_LOAD_PAIR] = "load_pair",
    [VERIFY_STORE_PAIR] = "store_pair",
    [VERIFY_LITERAL] = "literal",
    [VERIFY_PUSH] = "push",
    [VERIFY_POP] = "pop",
    [VERIFY_PROBE_LOOP] = "probe_loop",
    [VERIFY_CLEAR_LOOP] = "clear_loop",
    [VERIFY_MUL_WIDE] = "mul_wide",
    [VERIFY_DIVIDE] = "divide",
    [VERIFY_ADDRESS] = "address",
    [VERIFY_JUMP] = "jump",
    [VERIFY_BRANCH] = "branch",
    [VERIFY_BRANCH_ZERO] = "branch_zero",
    [VERIFY_BRANCH_BIT] = "branch_bit",
    [VERIFY_JUMP_TABLE] = "jump_table",
    [VERIFY_CALL] = "call",
    [VERIFY_CALL_TO] = "call_to",
    [VERIFY_RETURN] = "return",
    [VERIFY_TRAP] = "trap",
};

/* Append " name=value", unless the value is the default. */
static inline size_t put_field(char *out, size_t at, const char *name, long long value,
                               long long usual)
{
    return value == usual ? at : at + (size_t)snprintf(out + at, 256 - at, " %s=%lld", name, value);
}

/* The fields that differ from the defaults: "add.64 d=0 a=1 imm=5 flags=2". */
static inline void decoded_text(const struct verify_insn *i, char out[256])
{
    size_t at = (size_t)snprintf(out, 256, "%s.%u", decoded_ops[i->op], 8u * i->size);
    at = put_field(out, at, "d", i->d, VERIFY_NONE);
    at = put_field(out, at, "a", i->a, VERIFY_NONE);
    at = put_field(out, at, "b", i->b, VERIFY_NONE);
    at = put_field(out, at, "c", i->c, VERIFY_NONE);
    at = put_field(out, at, "base", i->base, VERIFY_NONE);
    at = put_field(out, at, "index", i->index, VERIFY_NONE);
    at = put_field(out, at, "scale", i->scale, 0);
    at = put_field(out, at, "disp", i->disp, 0);
    at = put_field(out, at, "bytes", i->bytes, 0);
    at = put_field(out, at, "imm", i->imm, 0);
    at = put_field(out, at, "extend", i->extend, VERIFY_WHOLE);
    at = put_field(out, at, "shift", i->shift, 0);
    at = put_field(out, at, "cond", i->cond, VERIFY_OTHER);
    at = put_field(out, at, "extra", i->extra, 0);
    (void)put_field(out, at, "flags", i->flags, 0);
}

static inline bool decode_one(const struct verify_machine *m, const uint8_t *bytes, uint32_t count,
                              uint32_t at, struct verify_insn *out)
{
    return m->decode(bytes, count, at, out, 1) == 1;
}

/* Decode from memory of exactly this size, so that a read past it is detected. */
static inline bool decode_exactly(const struct verify_machine *m, const void *bytes, uint32_t count,
                                  uint32_t at, struct verify_insn *out)
{
    uint8_t *copy = malloc(count);
    assert_non_null(copy);
    memcpy(copy, bytes, count);
    bool accepted = decode_one(m, copy, count, at, out);
    free(copy);
    return accepted;
}

/* Decode consecutive instructions. @return their number. */
static inline uint32_t decode_all(const struct verify_machine *m, const uint8_t *code,
                                  uint32_t bytes, uint32_t at, struct verify_insn *out)
{
    uint32_t count = 0;
    for (uint32_t done = 0; done < bytes; done += out[count++].length) {
        assert_true(decode_one(m, code + done, bytes - done, at + done, &out[count]));
    }
    return count;
}
