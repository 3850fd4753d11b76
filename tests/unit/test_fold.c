// SPDX-License-Identifier: MIT
//
// The rules of ir_build(), one by one: the result for each rule's smallest example, and that it
// computes the same for all operands that could make a difference.
#include "kernel/jit/opt/fold.h"
#include "kernel/jit/ir/ir_interp.h"
#include "kernel/jit/ir/ir_verify.h"
#include "kernel/jit/opt/opt.h"
#include "tests/ir/ir_parse.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/text_buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_LIMIT ((size_t)64 << 20)
#define MEMORY      4096u
#define HEAD                                                                                       \
    "memory guard 0x80000000\n"                                                                    \
    "signature (i32, i32, i64, i64) -> (i32)\n"                                                    \
    "signature (i32, i32, i64, i64) -> (i64)\n"                                                    \
    "callee @narrow signature 0\n"                                                                 \
    "callee @wide signature 1\n"

/* Parameters are v0: i32, v1: i32, v2: i64, v3: i64. After "=>" the expected remainder,
 * one operation after the other. */
static const char *const narrow[] = {
    /* Constants. */
    "v4 = const.i32 6\n v5 = const.i32 7\n v6 = mul.i32 v4, v5\n return v6\n"
    "=> v4 = const.i32 0x2a\n return v4\n",
    "v4 = const.i64 0x100000001\n v5 = wrap.i32 v4\n return v5\n"
    "=> v4 = const.i32 0x1\n return v4\n",
    "v4 = const.i32 0x80000000\n v5 = const.i32 0xffffffff\n v6 = div_s.i32 v4, v5\n return v6\n"
    "=> v4 = const.i32 0x80000000\n v5 = const.i32 0xffffffff\n v6 = div_s.i32 v4, v5\n"
    " return v6\n",
    "v4 = const.i32 0\n v5 = rem_u.i32 v0, v4\n return v5\n"
    "=> v4 = const.i32 0x0\n v5 = rem_u.i32 v0, v4\n return v5\n",
    "v4 = const.f32 0x3f800000\n v5 = bitcast.i32 v4\n return v5\n"
    "=> v4 = const.i32 0x3f800000\n return v4\n",
    /* Sums. */
    "v4 = const.i32 0\n v5 = add.i32 v4, v0\n return v5\n=> return v0\n",
    "v4 = const.i32 3\n v5 = add.i32 v4, v0\n v6 = const.i32 4\n v7 = add.i32 v5, v6\n return v7\n"
    "=> v4 = const.i32 0x7\n v5 = add.i32 v0, v4\n return v5\n",
    "v4 = const.i32 3\n v5 = sub.i32 v0, v4\n return v5\n"
    "=> v4 = const.i32 0xfffffffd\n v5 = add.i32 v0, v4\n return v5\n",
    "v4 = sub.i32 v0, v0\n return v4\n=> v4 = const.i32 0x0\n return v4\n",
    "v4 = add.i32 v0, v1\n v5 = sub.i32 v4, v0\n return v5\n=> return v1\n",
    "v4 = add.i32 v0, v1\n v5 = sub.i32 v4, v1\n return v5\n=> return v0\n",
    "v4 = const.i32 0\n v5 = sub.i32 v4, v0\n v6 = add.i32 v1, v5\n return v6\n"
    "=> v4 = sub.i32 v1, v0\n return v4\n",
    "v4 = const.i32 0\n v5 = sub.i32 v4, v1\n v6 = sub.i32 v0, v5\n return v6\n"
    "=> v4 = add.i32 v0, v1\n return v4\n",
    "v4 = const.i32 9\n v5 = sub.i32 v4, v0\n v6 = const.i32 1\n v7 = add.i32 v5, v6\n return v7\n"
    "=> v4 = const.i32 0xa\n v5 = sub.i32 v4, v0\n return v5\n",
    "v4 = const.i32 1\n v5 = add.i32 v0, v4\n v6 = const.i32 9\n v7 = sub.i32 v6, v5\n return v7\n"
    "=> v4 = const.i32 0x8\n v5 = sub.i32 v4, v0\n return v5\n",
    /* Products. */
    "v4 = const.i32 0\n v5 = mul.i32 v0, v4\n return v5\n=> v4 = const.i32 0x0\n return v4\n",
    "v4 = const.i32 1\n v5 = mul.i32 v0, v4\n return v5\n=> return v0\n",
    "v4 = const.i32 8\n v5 = mul.i32 v0, v4\n return v5\n"
    "=> v4 = const.i32 0x3\n v5 = shl.i32 v0, v4\n return v5\n",
    "v4 = const.i32 0x80000000\n v5 = mul.i32 v0, v4\n return v5\n"
    "=> v4 = const.i32 0x1f\n v5 = shl.i32 v0, v4\n return v5\n",
    "v4 = const.i32 0xffffffff\n v5 = mul.i32 v0, v4\n return v5\n"
    "=> v4 = const.i32 0x0\n v5 = sub.i32 v4, v0\n return v5\n",
    "v4 = const.i32 2\n v5 = shl.i32 v0, v4\n v6 = const.i32 5\n v7 = mul.i32 v5, v6\n return v7\n"
    "=> v4 = const.i32 0x14\n v5 = mul.i32 v0, v4\n return v5\n",
    "v4 = const.i32 3\n v5 = mul.i32 v0, v4\n v6 = const.i32 5\n v7 = mul.i32 v5, v6\n return v7\n"
    "=> v4 = const.i32 0xf\n v5 = mul.i32 v0, v4\n return v5\n",
    /* Bits. */
    "v4 = and.i32 v0, v0\n return v4\n=> return v0\n",
    "v4 = or.i32 v0, v0\n return v4\n=> return v0\n",
    "v4 = xor.i32 v0, v0\n return v4\n=> v4 = const.i32 0x0\n return v4\n",
    "v4 = const.i32 0xffffffff\n v5 = and.i32 v0, v4\n return v5\n=> return v0\n",
    "v4 = const.i32 0xffffffff\n v5 = or.i32 v0, v4\n return v5\n=> v4 = const.i32 0xffffffff\n return v4\n",
    "v4 = const.i32 0\n v5 = or.i32 v0, v4\n v6 = xor.i32 v5, v4\n return v6\n=> return v0\n",
    "v4 = const.i32 0xff\n v5 = and.i32 v0, v4\n v6 = const.i32 0x3c0\n v7 = and.i32 v5, v6\n"
    " return v7\n=> v4 = const.i32 0xc0\n v5 = and.i32 v0, v4\n return v5\n",
    "v4 = const.i32 0xf0\n v5 = and.i32 v0, v4\n v6 = const.i32 0xf\n v7 = and.i32 v1, v6\n"
    " v8 = and.i32 v5, v7\n return v8\n=> v4 = const.i32 0x0\n return v4\n",
    "v4 = const.i32 1\n v5 = or.i32 v0, v4\n v6 = const.i32 6\n v7 = or.i32 v5, v6\n return v7\n"
    "=> v4 = const.i32 0x7\n v5 = or.i32 v0, v4\n return v5\n",
    "v4 = const.i32 1\n v5 = xor.i32 v0, v4\n v6 = const.i32 6\n v7 = xor.i32 v5, v6\n return v7\n"
    "=> v4 = const.i32 0x7\n v5 = xor.i32 v0, v4\n return v5\n",
    "v4 = const.i32 24\n v5 = shr_u.i32 v0, v4\n v6 = const.i32 0xff\n v7 = and.i32 v5, v6\n"
    " return v7\n=> v4 = const.i32 0x18\n v5 = shr_u.i32 v0, v4\n return v5\n",
    "v4 = lt_s.i32 v0, v1\n v5 = const.i32 1\n v6 = xor.i32 v4, v5\n return v6\n"
    "=> v4 = le_s.i32 v1, v0\n return v4\n",
    /* Shifts. */
    "v4 = const.i32 32\n v5 = shl.i32 v0, v4\n return v5\n=> return v0\n",
    "v4 = const.i32 33\n v5 = rotr.i32 v0, v4\n return v5\n"
    "=> v4 = const.i32 0x1\n v5 = rotr.i32 v0, v4\n return v5\n",
    "v4 = const.i32 31\n v5 = and.i32 v1, v4\n v6 = shr_s.i32 v0, v5\n return v6\n"
    "=> v4 = shr_s.i32 v0, v1\n return v4\n",
    "v4 = const.i32 0\n v5 = shr_u.i32 v4, v0\n return v5\n=> v4 = const.i32 0x0\n return v4\n",
    "v4 = const.i32 3\n v5 = shl.i32 v0, v4\n v6 = const.i32 4\n v7 = shl.i32 v5, v6\n return v7\n"
    "=> v4 = const.i32 0x7\n v5 = shl.i32 v0, v4\n return v5\n",
    "v4 = const.i32 30\n v5 = shr_u.i32 v0, v4\n v6 = const.i32 2\n v7 = shr_u.i32 v5, v6\n"
    " return v7\n=> v4 = const.i32 0x0\n return v4\n",
    "v4 = const.i32 30\n v5 = shr_s.i32 v0, v4\n v6 = const.i32 2\n v7 = shr_s.i32 v5, v6\n"
    " return v7\n=> v4 = const.i32 0x1f\n v5 = shr_s.i32 v0, v4\n return v5\n",
    "v4 = const.i32 24\n v5 = shl.i32 v0, v4\n v6 = shr_s.i32 v5, v4\n return v6\n"
    "=> v4 = extend8_s.i32 v0\n return v4\n",
    "v4 = const.i32 16\n v5 = shl.i32 v0, v4\n v6 = shr_u.i32 v5, v4\n return v6\n"
    "=> v4 = const.i32 0xffff\n v5 = and.i32 v0, v4\n return v5\n",
    "v4 = const.i32 4\n v5 = shr_s.i32 v0, v4\n v6 = shl.i32 v5, v4\n return v6\n"
    "=> v4 = const.i32 0xfffffff0\n v5 = and.i32 v0, v4\n return v5\n",
    "v4 = const.i32 1\n v5 = shr_u.i32 v0, v4\n v6 = const.i32 2\n v7 = shr_s.i32 v5, v6\n"
    " return v7\n=> v4 = const.i32 0x3\n v5 = shr_u.i32 v0, v4\n return v5\n",
    /* Comparisons. */
    "v4 = eq.i32 v0, v0\n v5 = le_s.i32 v0, v0\n v6 = lt_u.i32 v0, v0\n v7 = add.i32 v4, v5\n"
    " v8 = add.i32 v7, v6\n return v8\n=> v4 = const.i32 0x2\n return v4\n",
    "v4 = eqz.i32 v0\n v5 = eqz.i32 v4\n v6 = eqz.i32 v5\n return v6\n"
    "=> v4 = eqz.i32 v0\n return v4\n",
    "v4 = eqz.i32 v0\n v5 = eqz.i32 v4\n return v5\n"
    "=> v4 = const.i32 0x0\n v5 = ne.i32 v0, v4\n return v5\n",
    "v4 = lt_u.i32 v0, v1\n v5 = eqz.i32 v4\n return v5\n=> v4 = le_u.i32 v1, v0\n return v4\n",
    "v4 = eq.i64 v2, v3\n v5 = eqz.i32 v4\n return v5\n=> v4 = ne.i64 v2, v3\n return v4\n",
    "v4 = const.i32 0\n v5 = eq.i32 v4, v0\n return v5\n=> v4 = eqz.i32 v0\n return v4\n",
    "v4 = sub.i32 v0, v1\n v5 = eqz.i32 v4\n return v5\n=> v4 = eq.i32 v0, v1\n return v4\n",
    "v4 = xor.i32 v0, v1\n v5 = const.i32 0\n v6 = ne.i32 v4, v5\n return v6\n"
    "=> v4 = ne.i32 v0, v1\n return v4\n",
    "v4 = const.i32 5\n v5 = xor.i32 v0, v4\n v6 = eq.i32 v5, v4\n return v6\n"
    "=> v4 = eqz.i32 v0\n return v4\n",
    /* A sum stays: it is a loop's next value, so its operands need not stay live. */
    "v4 = const.i32 5\n v5 = add.i32 v0, v4\n v6 = eq.i32 v5, v4\n return v6\n"
    "=> v4 = const.i32 0x5\n v5 = add.i32 v0, v4\n v6 = eq.i32 v5, v4\n return v6\n",
    "v4 = extend_u.i64 v0\n v5 = const.i64 9\n v6 = ne.i64 v4, v5\n return v6\n"
    "=> v4 = const.i32 0x9\n v5 = ne.i32 v0, v4\n return v5\n",
    "v4 = extend_s.i64 v0\n v5 = extend_s.i64 v1\n v6 = eq.i64 v4, v5\n return v6\n"
    "=> v4 = eq.i32 v0, v1\n return v4\n",
    "v4 = const.i32 0xff\n v5 = and.i32 v0, v4\n v6 = const.i32 0x100\n v7 = eq.i32 v5, v6\n"
    " return v7\n=> v4 = const.i32 0x0\n return v4\n",
    "v4 = lt_s.i32 v0, v1\n v5 = const.i32 1\n v6 = eq.i32 v4, v5\n return v6\n"
    "=> v4 = lt_s.i32 v0, v1\n return v4\n",
    "v4 = lt_s.i32 v0, v1\n v5 = const.i32 0\n v6 = ne.i32 v4, v5\n v7 = eq.i32 v6, v5\n return v7\n"
    "=> v4 = le_s.i32 v1, v0\n return v4\n",
    "v4 = const.i32 7\n v5 = le_s.i32 v0, v4\n return v5\n"
    "=> v4 = const.i32 0x8\n v5 = lt_s.i32 v0, v4\n return v5\n",
    "v4 = const.i32 7\n v5 = le_u.i32 v4, v0\n return v5\n"
    "=> v4 = const.i32 0x6\n v5 = lt_u.i32 v4, v0\n return v5\n",
    "v4 = const.i32 0x7fffffff\n v5 = le_s.i32 v0, v4\n return v5\n"
    "=> v4 = const.i32 0x1\n return v4\n",
    "v4 = const.i32 0x80000000\n v5 = lt_s.i32 v0, v4\n return v5\n"
    "=> v4 = const.i32 0x0\n return v4\n",
    "v4 = const.i32 0x80000000\n v5 = le_s.i32 v4, v0\n return v5\n"
    "=> v4 = const.i32 0x1\n return v4\n",
    "v4 = const.i32 0xffffffff\n v5 = lt_u.i32 v4, v0\n return v5\n=> v4 = const.i32 0x0\n return v4\n",
    "v4 = const.i32 0\n v5 = lt_u.i32 v4, v0\n return v5\n"
    "=> v4 = const.i32 0x0\n v5 = ne.i32 v0, v4\n return v5\n",
    "v4 = const.i32 1\n v5 = lt_u.i32 v0, v4\n return v5\n=> v4 = eqz.i32 v0\n return v4\n",
    "v4 = const.i32 15\n v5 = and.i32 v0, v4\n v6 = const.i32 16\n v7 = lt_u.i32 v5, v6\n"
    " return v7\n=> v4 = const.i32 0x1\n return v4\n",
    "v4 = const.i32 15\n v5 = and.i32 v0, v4\n v6 = lt_s.i32 v5, v4\n return v6\n"
    "=> v4 = const.i32 0xf\n v5 = and.i32 v0, v4\n v6 = lt_u.i32 v5, v4\n return v6\n",
    /* Conversions. */
    "v4 = extend_s.i64 v0\n v5 = wrap.i32 v4\n return v5\n=> return v0\n",
    "v4 = const.i64 0xffffffff\n v5 = and.i64 v2, v4\n v6 = wrap.i32 v5\n return v6\n"
    "=> v4 = wrap.i32 v2\n return v4\n",
    "v4 = extend_s.i64 v0\n v5 = extend_u.i64 v1\n v6 = mul.i64 v4, v5\n v7 = wrap.i32 v6\n"
    " return v7\n=> v4 = mul.i32 v0, v1\n return v4\n",
    "v4 = const.i32 0x1ff\n v5 = and.i32 v0, v4\n v6 = extend8_s.i32 v5\n return v6\n"
    "=> v4 = extend8_s.i32 v0\n return v4\n",
    "v4 = extend16_s.i32 v0\n v5 = extend8_s.i32 v4\n v6 = extend16_s.i32 v5\n return v6\n"
    "=> v4 = extend8_s.i32 v0\n return v4\n",
    "v4 = const.i32 0x7f\n v5 = and.i32 v0, v4\n v6 = extend8_s.i32 v5\n return v6\n"
    "=> v4 = const.i32 0x7f\n v5 = and.i32 v0, v4\n return v5\n",
    "v4 = bitcast.f32 v0\n v5 = bitcast.i32 v4\n return v5\n=> return v0\n",
    "v4 = bitcast.f32 v0\n v5 = fneg.f32 v4\n v6 = fneg.f32 v5\n v7 = bitcast.i32 v6\n return v7\n"
    "=> return v0\n",
    "v4 = bitcast.f32 v0\n v5 = fneg.f32 v4\n v6 = fabs.f32 v5\n v7 = fabs.f32 v6\n"
    " v8 = bitcast.i32 v7\n return v8\n"
    "=> v4 = bitcast.f32 v0\n v5 = fabs.f32 v4\n v6 = bitcast.i32 v5\n return v6\n",
    /* Float arithmetic is never folded. */
    "v4 = const.f32 0x3f800000\n v5 = fadd.f32 v4, v4\n v6 = bitcast.i32 v5\n return v6\n"
    "=> v4 = const.f32 0x3f800000\n v5 = fadd.f32 v4, v4\n v6 = bitcast.i32 v5\n return v6\n",
    /* Selection. */
    "v4 = const.i32 0\n v5 = select.i32 v4, v0, v1\n return v5\n=> return v1\n",
    "v4 = const.i32 4\n v5 = or.i32 v0, v4\n v6 = select.i32 v5, v0, v1\n return v6\n=> return v0\n",
    "v4 = select.i32 v0, v1, v1\n return v4\n=> return v1\n",
    "v4 = eqz.i32 v0\n v5 = select.i32 v4, v0, v1\n return v5\n"
    "=> v4 = select.i32 v0, v1, v0\n return v4\n",
    "v4 = const.i32 0\n v5 = const.i32 1\n v6 = select.i32 v0, v4, v5\n return v6\n"
    "=> v4 = eqz.i32 v0\n return v4\n",
    "v4 = const.i32 0\n v5 = const.i32 1\n v6 = lt_s.i32 v0, v1\n v7 = select.i32 v6, v5, v4\n"
    " return v7\n=> v4 = lt_s.i32 v0, v1\n return v4\n",
    /* Accesses. */
    "v4 = const.i32 8\n v5 = add.i32 v0, v4\n v6 = load.i32 memory0[v5 + 4]\n return v6\n"
    "=> v4 = const.i32 0x8\n v5 = add.i32 v0, v4\n v6 = load.i32 memory0[v5 + 4]\n return v6\n",
    "v4 = const.i32 0x7ffffff8\n v5 = and.i32 v0, v4\n v6 = const.i32 8\n v7 = add.i32 v5, v6\n"
    " v8 = load.i32 memory0[v7 + 4]\n return v8\n"
    "=> v4 = const.i32 0x7ffffff8\n v5 = and.i32 v0, v4\n v6 = load.i32 memory0[v5 + 12]\n"
    " return v6\n",
    "v4 = const.i32 8\n v5 = load.i32 memory0[v4 + 4]\n return v5\n"
    "=> v4 = const.i32 0x0\n v5 = load.i32 memory0[v4 + 12]\n return v5\n",
    "v4 = const.i32 0xff\n v5 = and.i32 v0, v4\n store.i32 v5, memory0[v1 + 0] 8_u\n return v1\n"
    "=> store.i32 v0, memory0[v1 + 0] 8_u\n return v1\n",
    "v4 = extend_s.i64 v0\n store.i64 v4, memory0[v1 + 0] 32_s\n return v1\n"
    "=> store.i32 v0, memory0[v1 + 0]\n return v1\n",
    "v4 = extend8_s.i32 v0\n v5 = extend_s.i64 v4\n store.i64 v5, memory0[v1 + 0] 8_s\n return v1\n"
    "=> store.i32 v0, memory0[v1 + 0] 8_u\n return v1\n",
    "v4 = load.i32 memory0[v0 + 0] 8_u\n v5 = const.i32 0xff\n v6 = and.i32 v4, v5\n return v6\n"
    "=> v4 = load.i32 memory0[v0 + 0] 8_u\n return v4\n",
    "v4 = load.i32 memory0[v0 + 0] 8_s\n v5 = extend16_s.i32 v4\n return v5\n"
    "=> v4 = load.i32 memory0[v0 + 0] 8_s\n return v4\n",
    /* Conditions of traps. */
    "v4 = const.i32 2\n v5 = or.i32 v0, v4\n trap_if v5, divide\n return v1\n=> return v1\n",
    "v4 = eqz.i32 v0\n v5 = eqz.i32 v4\n trap_if v5, divide\n return v1\n"
    "=> trap_if v0, divide\n return v1\n",
};

static const char *const wide[] = {
    "v4 = const.i64 0xffffffff\n v5 = and.i64 v2, v4\n return v5\n"
    "=> v4 = wrap.i32 v2\n v5 = extend_u.i64 v4\n return v5\n",
    "v4 = const.i64 32\n v5 = shl.i64 v2, v4\n v6 = shr_s.i64 v5, v4\n return v6\n"
    "=> v4 = extend32_s.i64 v2\n return v4\n",
    "v4 = const.i64 32\n v5 = shl.i64 v2, v4\n v6 = shr_u.i64 v5, v4\n return v6\n"
    "=> v4 = wrap.i32 v2\n v5 = extend_u.i64 v4\n return v5\n",
    "v4 = extend_u.i64 v0\n v5 = const.i64 0xffffffff\n v6 = and.i64 v4, v5\n return v6\n"
    "=> v4 = extend_u.i64 v0\n return v4\n",
    "v4 = wrap.i32 v2\n v5 = extend_s.i64 v4\n return v5\n=> v4 = extend32_s.i64 v2\n return v4\n",
    "v4 = const.i64 0xffff\n v5 = and.i64 v2, v4\n v6 = wrap.i32 v5\n v7 = extend_u.i64 v6\n"
    " return v7\n"
    "=> v4 = const.i64 0xffff\n v5 = and.i64 v2, v4\n v6 = wrap.i32 v5\n v7 = extend_u.i64 v6\n"
    " return v7\n",
    "v4 = const.i32 1\n v5 = shr_u.i32 v0, v4\n v6 = extend_s.i64 v5\n return v6\n"
    "=> v4 = const.i32 0x1\n v5 = shr_u.i32 v0, v4\n v6 = extend_u.i64 v5\n return v6\n",
    "v4 = extend_u.i64 v0\n v5 = extend32_s.i64 v4\n return v5\n"
    "=> v4 = extend_s.i64 v0\n return v4\n",
    "v4 = load.i32 memory0[v0 + 0] 16_s\n v5 = extend_s.i64 v4\n return v5\n"
    "=> v4 = load.i64 memory0[v0 + 0] 16_s\n return v4\n",
    "v4 = load.i32 memory0[v0 + 0]\n v5 = extend_u.i64 v4\n return v5\n"
    "=> v4 = load.i64 memory0[v0 + 0] 32_u\n return v4\n",
    "v4 = load.i64 memory0[v0 + 0] 8_u\n v5 = extend8_s.i64 v4\n return v5\n"
    "=> v4 = load.i64 memory0[v0 + 0] 8_s\n return v4\n",
    "v4 = load.f64 memory0[v0 + 0]\n v5 = bitcast.i64 v4\n return v5\n"
    "=> v4 = load.i64 memory0[v0 + 0]\n return v4\n",
    "v4 = const.i64 7\n v5 = const.i64 0xfffffffffffffff9\n v6 = add.i64 v2, v4\n v7 = add.i64 v6, v5\n return v7\n"
    "=> return v2\n",
    /* Unchanged, because the results would differ. */
    "v4 = load.i64 memory0[v0 + 0]\n v5 = wrap.i32 v4\n v6 = extend_u.i64 v5\n return v6\n"
    "=> v4 = load.i64 memory0[v0 + 0]\n v5 = wrap.i32 v4\n v6 = extend_u.i64 v5\n return v6\n",
    "v4 = const.i64 3\n v5 = shl.i64 v2, v4\n v6 = shr_u.i64 v5, v4\n return v6\n"
    "=> v4 = const.i64 0x3\n v5 = shl.i64 v2, v4\n v6 = shr_u.i64 v5, v4\n return v6\n",
};

/* ---- Running ---- */

struct host {
    uint8_t memory[MEMORY];
};

static struct ir_window host_memory(void *ctx, uint64_t context, uint32_t number)
{
    (void)context;
    (void)number;
    return (struct ir_window){((struct host *)ctx)->memory, MEMORY};
}

static bool host_poll(void *ctx)
{
    (void)ctx;
    return true;
}

struct outcome {
    enum ir_outcome outcome;
    enum ir_trap trap;
    struct ir_bits result;
    struct host host;
};

static void run(const struct ir_function *f, const struct ir_bits *args, struct outcome *out)
{
    static struct ir_stack stack = {.bytes_max = 65536, .calls_max = UINT32_MAX};
    struct ir_stop stop = {.trap = IR_TRAP_COUNT};
    const struct ir_host host = {.ctx = &out->host, .memory = host_memory, .poll = host_poll};
    struct ir_target target = {.function = f};
    memset(out, 0, sizeof *out);
    for (size_t n = 0; n < MEMORY; n++) {
        out->host.memory[n] = (uint8_t)(n * 37 + 11);
    }
    /* Reserved once: debug heaps fill memory that they allocate and free,
     * which took longer than the run. */
    assert_true(ir_stack_reserve(&stack));
    out->outcome = ir_interpret(&host, &stack, &target, args, &out->result, &stop);
    out->trap = out->outcome == IR_TRAPPED ? stop.trap : IR_TRAP_COUNT;
}

static const uint64_t values[] = {0,
                                  1,
                                  2,
                                  5,
                                  7,
                                  8,
                                  0x7f,
                                  0x80,
                                  0xff,
                                  0x100,
                                  0x7fff,
                                  0x8000,
                                  0xffff,
                                  0x7ffffffe,
                                  0x7fffffff,
                                  0x80000000,
                                  0xfffffff8,
                                  0xffffffff,
                                  0x100000000,
                                  0x7fffffffffffffff,
                                  0x8000000000000000,
                                  0xfffffffffffffff8,
                                  0xffffffffffffffff};
#define VALUES (sizeof values / sizeof values[0])

static void compare_runs(const char *what, const struct ir_function *before,
                         const struct ir_function *after)
{
    static struct outcome x, y;
    for (size_t n = 0; n < VALUES * VALUES; n++) {
        uint64_t a = values[n % VALUES], b = values[n / VALUES];
        struct ir_bits args[4] = {{.lo = (uint32_t)a}, {.lo = (uint32_t)b}, {.lo = a}, {.lo = b}};
        run(before, args, &x);
        run(after, args, &y);
        if (memcmp(&x, &y, sizeof x) != 0) {
            fail_msg("%s: of %#llx, %#llx: %#llx, %#llx", what, (unsigned long long)a,
                     (unsigned long long)b, (unsigned long long)x.result.lo,
                     (unsigned long long)y.result.lo);
        }
    }
}

/* ---- One rule ---- */

static const struct ir_function *parse(struct arena *a, bool is_wide, const char *body, size_t len)
{
    char text[4096];
    struct ir_text t;
    struct ir_complaint c = {""};
    (void)snprintf(text, sizeof text,
                   HEAD "function @%s {\nblock0(v0: i32, v1: i32, v2: i64, v3: i64):\n %.*s}\n",
                   is_wide ? "wide" : "narrow", (int)len, body);
    if (ir_parse(a, text, strlen(text), &t) != OK) {
        fail_msg("%s\nline %u: %s", text, t.error_line, t.error);
    }
    if (ir_verify(a, t.functions[is_wide], &c) != OK) {
        fail_msg("%s: %s", body, c.text);
    }
    struct ir_function *f = t.functions[is_wide];
    struct ir_module *m = arena_alloc(a, sizeof *m); /* outlives this frame */
    *m = t.module;
    f->module = m;
    return f;
}

static void print(const struct ir_function *f, struct buffer *b)
{
    b->len = 0;
    ir_print_function(f, collect, b);
}

static void check_rule(const char *rule, bool is_wide)
{
    struct arena a;
    struct ir_function *once, *after;
    struct ir_complaint c = {""};
    static struct buffer got, wanted;
    const char *arrow = strstr(rule, "=>");
    assert_non_null(arrow);
    arena_init(&a, ARENA_LIMIT);
    const struct ir_function *before = parse(&a, is_wide, rule, (size_t)(arrow - rule));
    assert_int_equal(opt_gvn(before, &a, &once), OK);
    assert_int_equal(opt_gvn(once, &a, &after), OK); /* removes unused values */
    if (ir_verify(&a, after, &c) != OK) {
        fail_msg("%s: %s", rule, c.text);
    }
    print(after, &got);
    print(parse(&a, is_wide, arrow + 2, strlen(arrow + 2)), &wanted);
    if (strcmp(got.text, wanted.text) != 0) {
        fail_msg("%s\nbecame %s", rule, got.text);
    }
    compare_runs(rule, before, after);
    arena_free_all(&a);
}

static void test_each_rule(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof narrow / sizeof narrow[0]; n++) {
        check_rule(narrow[n], false);
    }
    for (size_t n = 0; n < sizeof wide / sizeof wide[0]; n++) {
        check_rule(wide[n], true);
    }
}

/* ---- Division by constants ---- */

static void check_quotients(unsigned op, unsigned type, uint64_t by)
{
    struct arena a;
    static struct outcome x, y;
    char body[256];
    struct ir_function *after;
    const char *suffix = type == IR_I32 ? "i32" : "i64";
    arena_init(&a, ARENA_LIMIT);
    by &= fold_all(type);
    (void)snprintf(body, sizeof body, "v4 = const.%s 0x%llx\n v5 = %s.%s v%u, v4\n return v5\n",
                   suffix, (unsigned long long)by, ir_op_info[op].text, suffix,
                   type == IR_I32 ? 0u : 2u);
    const struct ir_function *before = parse(&a, type == IR_I64, body, strlen(body));
    assert_int_equal(opt_gvn(before, &a, &after), OK);
    /* values next to multiples, where a mistake would show */
    for (size_t n = 0; n < 3 * 3 * VALUES; n++) {
        uint64_t v = values[n / 9] / (n % 3 == 0 || by == 0 ? 1 : by) * (n % 3 == 0 ? 1 : by);
        v += n / 3 % 3 - 1;
        struct ir_bits args[4] = {{.lo = (uint32_t)v}, {.lo = 0}, {.lo = v}, {.lo = 0}};
        run(before, args, &x);
        run(after, args, &y);
        if (memcmp(&x, &y, sizeof x) != 0) {
            fail_msg("%s.%s %#llx by %#llx: %#llx, %#llx", ir_op_info[op].text, suffix,
                     (unsigned long long)v, (unsigned long long)by, (unsigned long long)x.result.lo,
                     (unsigned long long)y.result.lo);
        }
    }
    uint32_t left = 0; /* divisions */
    for (uint32_t v = 0; v < after->instr_count; v++) {
        left += after->instrs[v].op == op;
    }
    bool stays = by == 0 || (op == IR_DIV_S && by == fold_all(type));
    assert_int_equal(left, stays);
    arena_free_all(&a);
}

static void test_quotients_by_constants(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 8; n++) {
        unsigned op = IR_DIV_S + n % 4, type = IR_I32 + n / 4;
        for (uint64_t by = 0; by < 40; by++) {
            check_quotients(op, type, by);
            check_quotients(op, type, 0 - by);
        }
        for (unsigned bit = 5; bit < 64; bit++) {
            uint64_t power = UINT64_C(1) << bit;
            check_quotients(op, type, power);
            check_quotients(op, type, power - 1);
            check_quotients(op, type, power + 1);
            check_quotients(op, type, 0 - power - 1);
            check_quotients(op, type, power * 7 / 5);
        }
        check_quotients(op, type, 1000000007);
        check_quotients(op, type, 641);
        check_quotients(op, type, 6700417);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_rule),
        cmocka_unit_test(test_quotients_by_constants),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
