// SPDX-License-Identifier: MIT
//
// Passes over small functions, with the results compared as text.
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

#define ARENA_LIMIT ((size_t)1 << 30)
#define HEAD                                                                                       \
    "memory guard 0x80000000 spare 65536\n"                                                        \
    "memory guard 0x80000000\n"                                                                    \
    "signature (i32, i32) -> (i32)\n"                                                              \
    "callee @f signature 0\n"                                                                      \
    "callee @pure signature 0\n"                                                                   \
    "callee @reads signature 0 reads\n"                                                            \
    "callee @writes signature 0 reads writes\n"

typedef enum status (*pass_fn)(const struct ir_function *in, struct arena *a,
                               struct ir_function **out);

struct example {
    const char *what, *before, *after;
};

static const struct example gvn[] = {
    {"a value is found again in a block that is dominated, not in one that is not",
     "block0(v0: i32, v1: i32):\n v2 = add.i32 v0, v1\n branch v0, block1(), block2()\n"
     "block1():\n v4 = add.i32 v1, v0\n v5 = mul.i32 v4, v1\n return v5\n"
     "block2():\n v7 = mul.i32 v0, v1\n v8 = add.i32 v7, v2\n return v8\n",
     "block0(v0: i32, v1: i32):\n v2 = add.i32 v0, v1\n branch v0, block1(), block2()\n"
     "block1():\n v4 = mul.i32 v1, v2\n return v4\n"
     "block2():\n v6 = mul.i32 v0, v1\n v7 = add.i32 v2, v6\n return v7\n"},
    {"what was stored is read from the value, extended as the load does",
     "block0(v0: i32, v1: i32):\n store.i32 v1, memory0[v0 + 4]\n"
     " v3 = load.i32 memory0[v0 + 4]\n store.i32 v1, memory0[v0 + 8] 8_u\n"
     " v5 = load.i32 memory0[v0 + 8] 8_s\n v6 = add.i32 v3, v5\n return v6\n",
     "block0(v0: i32, v1: i32):\n store.i32 v1, memory0[v0 + 4]\n"
     " store.i32 v1, memory0[v0 + 8] 8_u\n v4 = extend8_s.i32 v1\n v5 = add.i32 v1, v4\n"
     " return v5\n"},
    {"a store beside a place leaves it, one over a part of it does not",
     "block0(v0: i32, v1: i32):\n v2 = load.i32 memory0[v0 + 4]\n"
     " store.i32 v1, memory0[v0 + 8]\n v4 = load.i32 memory0[v0 + 4]\n"
     " store.i32 v1, memory0[v0 + 7] 8_u\n v6 = load.i32 memory0[v0 + 4]\n"
     " v7 = add.i32 v2, v4\n v8 = add.i32 v7, v6\n return v8\n",
     "block0(v0: i32, v1: i32):\n v2 = load.i32 memory0[v0 + 4]\n"
     " store.i32 v1, memory0[v0 + 8]\n store.i32 v1, memory0[v0 + 7] 8_u\n"
     " v5 = load.i32 memory0[v0 + 4]\n v6 = add.i32 v2, v2\n v7 = add.i32 v5, v6\n return v7\n"},
    {"a store of another class leaves it, one to another index does not",
     "block0(v0: i32, v1: i32):\n v2 = load.i32 memory0[v0 + 0]\n"
     " store.i32 v1, context[64] class 1\n v4 = load.i32 memory0[v0 + 0]\n"
     " store.i32 v1, memory0[v1 + 8]\n v6 = load.i32 memory0[v0 + 0]\n"
     " v7 = add.i32 v2, v4\n v8 = add.i32 v7, v6\n return v8\n",
     "block0(v0: i32, v1: i32):\n v2 = load.i32 memory0[v0 + 0]\n"
     " store.i32 v1, context[64] class 1\n store.i32 v1, memory0[v1 + 8]\n"
     " v5 = load.i32 memory0[v0 + 0]\n v6 = add.i32 v2, v2\n v7 = add.i32 v5, v6\n return v7\n"},
    {"calls change what they may write",
     "block0(v0: i32, v1: i32):\n v2 = load.i32 memory0[v0 + 0]\n v3 = call.i32 @reads(v0, v1)\n"
     " v4 = load.i32 memory0[v0 + 0]\n v5 = call.i32 @writes(v2, v4)\n"
     " v6 = load.i32 memory0[v0 + 0]\n v7 = add.i32 v5, v6\n return v7\n",
     "block0(v0: i32, v1: i32):\n v2 = load.i32 memory0[v0 + 0]\n v3 = call.i32 @reads(v0, v1)\n"
     " v4 = call.i32 @writes(v2, v2)\n v5 = load.i32 memory0[v0 + 0]\n v6 = add.i32 v4, v5\n"
     " return v6\n"},
    {"a place that is constant is read once, whatever is called",
     "block0(v0: i32, v1: i32):\n v2 = load.i32 context[64] constant\n"
     " v3 = call.i32 @writes(v2, v1)\n v4 = load.i32 context[64] constant\n"
     " v5 = add.i32 v3, v4\n return v5\n",
     "block0(v0: i32, v1: i32):\n v2 = load.i32 context[64] constant\n"
     " v3 = call.i32 @writes(v2, v1)\n v4 = add.i32 v2, v3\n return v4\n"},
    {"in a loop that stores, what was read before it is read again; another class is not",
     "block0(v0: i32, v1: i32):\n v2 = load.i32 memory0[v0 + 0]\n"
     " v3 = load.i32 context[64] class 1\n v4 = add.i32 v2, v3\n jump block1(v4)\n"
     "block1(v6: i32):\n v7 = load.i32 memory0[v0 + 0]\n v8 = load.i32 context[64] class 1\n"
     " v9 = add.i32 v7, v8\n v10 = add.i32 v6, v9\n store.i32 v10, memory0[v0 + 0]\n"
     " v12 = lt_s.i32 v10, v1\n branch v12, block1(v10), block2()\n"
     "block2():\n return v10\n",
     "block0(v0: i32, v1: i32):\n v2 = load.i32 memory0[v0 + 0]\n"
     " v3 = load.i32 context[64] class 1\n v4 = add.i32 v2, v3\n jump block1(v4)\n"
     "block1(v6: i32):\n v7 = load.i32 memory0[v0 + 0]\n"
     " v8 = add.i32 v3, v7\n v9 = add.i32 v6, v8\n store.i32 v9, memory0[v0 + 0]\n"
     " v11 = lt_s.i32 v9, v1\n branch v11, block1(v9), block2()\n"
     "block2():\n return v9\n"},
    {"where ways meet memory is what it was on all of them",
     "block0(v0: i32, v1: i32):\n v2 = load.i32 memory0[v0 + 0]\n"
     " v3 = load.i32 context[64] class 1\n branch v1, block1(), block2()\n"
     "block1():\n store.i32 v2, context[64] class 1\n jump block3()\n"
     "block2():\n jump block3()\n"
     "block3():\n v8 = load.i32 memory0[v0 + 0]\n v9 = load.i32 context[64] class 1\n"
     " v10 = sub.i32 v8, v9\n v11 = mul.i32 v10, v3\n return v11\n",
     "block0(v0: i32, v1: i32):\n v2 = load.i32 memory0[v0 + 0]\n"
     " v3 = load.i32 context[64] class 1\n branch v1, block1(), block2()\n"
     "block1():\n store.i32 v2, context[64] class 1\n jump block3()\n"
     "block2():\n jump block3()\n"
     "block3():\n v8 = load.i32 context[64] class 1\n"
     " v9 = sub.i32 v2, v8\n v10 = mul.i32 v3, v9\n return v10\n"},
    {"a condition that was checked holds from there on",
     "block0(v0: i32, v1: i32):\n v2 = lt_u.i32 v0, v1\n trap_if v2, table\n"
     " trap_if v2, table\n v5 = eqz.i32 v2\n trap_if v2, divide\n"
     " branch v2, block1(), block2()\n"
     "block1():\n v8 = select.i32 v2, v0, v1\n v9 = add.i32 v8, v5\n return v9\n"
     "block2():\n return v1\n",
     "block0(v0: i32, v1: i32):\n v2 = lt_u.i32 v0, v1\n trap_if v2, table\n return v0\n"},
    {"a condition that must not hold is known, too",
     "block0(v0: i32, v1: i32):\n v2 = eqz.i32 v0\n trap_if v2, table\n"
     " v4 = select.i32 v0, v0, v1\n return v4\n",
     "block0(v0: i32, v1: i32):\n v2 = eqz.i32 v0\n trap_if v2, table\n return v1\n"},
    {"a branch tells both of its sides; what meets behind them knows nothing",
     "block0(v0: i32, v1: i32):\n branch v0, block1(), block2()\n"
     "block1():\n v3 = eqz.i32 v0\n jump block3(v3)\n"
     "block2():\n v5 = eqz.i32 v0\n jump block3(v5)\n"
     "block3(v7: i32):\n v8 = eqz.i32 v0\n v9 = add.i32 v7, v8\n return v9\n",
     "block0(v0: i32, v1: i32):\n branch v0, block1(), block2()\n"
     "block1():\n v3 = const.i32 0x0\n jump block3(v3)\n"
     "block2():\n v5 = const.i32 0x1\n jump block3(v5)\n"
     "block3(v7: i32):\n v8 = eqz.i32 v0\n v9 = add.i32 v7, v8\n return v9\n"},
    {"a condition that is never met traps, and what follows is gone",
     "block0(v0: i32, v1: i32):\n v2 = const.i32 0\n trap_if v2, table !9\n"
     " branch v0, block1(), block1()\nblock1():\n return v0\n",
     "block0(v0: i32, v1: i32):\n trap table !9\n"},
    {"a branch with one way is a jump, and its blocks become one",
     "block0(v0: i32, v1: i32):\n v2 = const.i32 5\n v3 = const.i32 6\n v4 = lt_s.i32 v2, v3\n"
     " branch v4, block1(v0), block2()\nblock1(v6: i32):\n v7 = add.i32 v6, v1\n jump block3(v7)\n"
     "block2():\n jump block3(v1)\nblock3(v10: i32):\n return v10\n",
     "block0(v0: i32, v1: i32):\n v2 = add.i32 v0, v1\n return v2\n"},
    {"a switch over a constant is a jump",
     "block0(v0: i32, v1: i32):\n v2 = const.i32 1\n switch v2, block1(), block2(), block1()\n"
     "block1():\n return v0\nblock2():\n return v1\n",
     "block0(v0: i32, v1: i32):\n return v1\n"},
    {"parameters that are always one value, around two loops",
     "block0(v0: i32, v1: i32):\n jump block1(v0, v1)\n"
     "block1(v3: i32, v4: i32):\n jump block2(v3, v4)\n"
     "block2(v6: i32, v7: i32):\n v8 = add.i32 v6, v7\n branch v8, block2(v8, v7), block3(v7)\n"
     "block3(v10: i32):\n branch v10, block1(v8, v10), block4()\nblock4():\n return v10\n",
     "block0(v0: i32, v1: i32):\n jump block1(v0)\n"
     "block1(v3: i32):\n jump block2(v3)\n"
     "block2(v5: i32):\n v6 = add.i32 v1, v5\n branch v6, block2(v6), block3()\n"
     "block3():\n branch v1, block1(v6), block4()\nblock4():\n return v1\n"},
    {"values that only need each other are gone",
     "block0(v0: i32, v1: i32):\n jump block1(v0, v1)\n"
     "block1(v3: i32, v4: i32):\n v5 = add.i32 v4, v3\n v6 = const.i32 1\n v7 = sub.i32 v3, v6\n"
     " branch v7, block1(v7, v5), block2()\nblock2():\n return v0\n",
     "block0(v0: i32, v1: i32):\n jump block1(v0)\n"
     "block1(v3: i32):\n v4 = const.i32 0xffffffff\n v5 = add.i32 v3, v4\n"
     " branch v5, block1(v5), block2()\nblock2():\n return v0\n"},
    {"what may trap stays, though nothing needs it; a second one with the same operands goes",
     "block0(v0: i32, v1: i32):\n v2 = div_s.i32 v0, v1 !5\n v3 = load.i32 memory0[v0 + 0] !6\n"
     " v4 = div_s.i32 v0, v1 !7\n v5 = const.i32 1\n v6 = or.i32 v1, v5\n"
     " v7 = div_u.i32 v0, v6\n v8 = div_s.i32 v0, v6 !8\n return v4\n",
     "block0(v0: i32, v1: i32):\n v2 = div_s.i32 v0, v1 !5\n v3 = load.i32 memory0[v0 + 0] !6\n"
     " v4 = const.i32 0x1\n v5 = or.i32 v1, v4\n v6 = div_s.i32 v0, v5 !8\n return v2\n"},
    {"a sum above an index that was accessed becomes part of the offset",
     "block0(v0: i32, v1: i32):\n v2 = const.i32 8\n v3 = add.i32 v0, v2\n v4 = const.i32 24\n"
     " v5 = add.i32 v0, v4\n store.i32 v1, memory0[v3 + 4]\n v7 = load.i32 memory0[v5 + 0]\n"
     " v8 = load.i32 memory0[v3 + 4]\n v9 = add.i32 v7, v8\n return v9\n",
     "block0(v0: i32, v1: i32):\n v2 = const.i32 8\n v3 = add.i32 v0, v2\n"
     " store.i32 v1, memory0[v3 + 4]\n v5 = load.i32 memory0[v3 + 16]\n"
     " v6 = add.i32 v1, v5\n return v6\n"},
    {"a sum below one that was accessed stays, and serves those above it",
     "block0(v0: i32, v1: i32):\n v2 = const.i32 0xfffffff0\n v3 = add.i32 v0, v2\n"
     " v4 = const.i32 8\n v5 = add.i32 v0, v4\n v6 = load.i32 memory0[v0 + 0]\n"
     " v7 = load.i32 memory0[v3 + 0]\n v8 = load.i32 memory0[v5 + 0]\n"
     " v9 = add.i32 v6, v7\n v10 = add.i32 v8, v9\n return v10\n",
     "block0(v0: i32, v1: i32):\n v2 = const.i32 0xfffffff0\n v3 = add.i32 v0, v2\n"
     " v4 = load.i32 memory0[v0 + 0]\n v5 = load.i32 memory0[v3 + 0]\n"
     " v6 = load.i32 memory0[v3 + 24]\n v7 = add.i32 v4, v5\n v8 = add.i32 v6, v7\n"
     " return v8\n"},
    {"no sum moves that may wrap: too far, in another memory, beyond the guard, not accessed first",
     "block0(v0: i32, v1: i32):\n v2 = load.i32 memory0[v0 + 0]\n v3 = const.i32 65537\n"
     " v4 = add.i32 v0, v3\n v5 = load.i32 memory0[v4 + 0]\n v6 = load.i32 memory1[v1 + 0]\n"
     " v7 = const.i32 1\n v8 = add.i32 v1, v7\n v9 = load.i32 memory1[v8 + 0]\n"
     " v10 = load.i32 memory0[v8 + 0]\n v11 = const.i32 2\n v12 = add.i32 v1, v11\n"
     " v13 = load.i32 memory0[v12 + 0x7ffffffc]\n return v13\n",
     "block0(v0: i32, v1: i32):\n v2 = load.i32 memory0[v0 + 0]\n v3 = const.i32 65537\n"
     " v4 = add.i32 v0, v3\n v5 = load.i32 memory0[v4 + 0]\n v6 = load.i32 memory1[v1 + 0]\n"
     " v7 = const.i32 1\n v8 = add.i32 v1, v7\n v9 = load.i32 memory1[v8 + 0]\n"
     " v10 = load.i32 memory0[v8 + 0]\n v11 = const.i32 2\n v12 = add.i32 v1, v11\n"
     " v13 = load.i32 memory0[v12 + 0x7ffffffc]\n return v13\n"},
    {"an access on one side of a branch says nothing about the other side, nor what follows",
     "block0(v0: i32, v1: i32):\n v2 = const.i32 8\n v3 = add.i32 v0, v2\n"
     " branch v1, block1(), block2()\n"
     "block1():\n store.i32 v1, memory0[v0 + 0]\n store.i32 v1, memory0[v3 + 0]\n"
     " jump block3()\n"
     "block2():\n store.i32 v1, memory0[v3 + 0]\n jump block3()\n"
     "block3():\n v10 = load.i32 memory0[v3 + 0]\n return v10\n",
     "block0(v0: i32, v1: i32):\n v2 = const.i32 8\n v3 = add.i32 v0, v2\n"
     " branch v1, block1(), block2()\n"
     "block1():\n store.i32 v1, memory0[v0 + 0]\n store.i32 v1, memory0[v0 + 8]\n"
     " jump block3()\n"
     "block2():\n store.i32 v1, memory0[v3 + 0]\n jump block3()\n"
     "block3():\n v10 = load.i32 memory0[v3 + 0]\n return v10\n"},
};

static const struct example motion[] = {
    {"what a loop does not change goes before it: a product and an address, no sum",
     "block0(v0: i32, v1: i32):\n jump block1(v0)\n"
     "block1(v3: i32):\n v4 = mul.i32 v0, v1\n v5 = add.i32 v0, v1\n v6 = xor.i32 v0, v1\n"
     " store.i32 v3, memory0[v5 + 0]\n v8 = add.i32 v4, v3\n v9 = add.i32 v8, v6\n"
     " branch v9, block1(v9), block2()\nblock2():\n return v9\n",
     "block0(v0: i32, v1: i32):\n v2 = mul.i32 v0, v1\n v3 = add.i32 v0, v1\n jump block1(v0)\n"
     "block1(v5: i32):\n v6 = xor.i32 v0, v1\n store.i32 v5, memory0[v3 + 0]\n"
     " v8 = add.i32 v2, v5\n v9 = add.i32 v8, v6\n branch v9, block1(v9), block2()\n"
     "block2():\n return v9\n"},
    {"out of two loops at once, with what it needs",
     "block0(v0: i32, v1: i32):\n jump block1(v0)\nblock1(v3: i32):\n jump block2(v3)\n"
     "block2(v5: i32):\n v6 = mul.i32 v0, v1\n v7 = mul.i32 v6, v1\n v8 = add.i32 v5, v7\n"
     " branch v8, block2(v8), block3()\nblock3():\n branch v1, block1(v8), block4()\n"
     "block4():\n return v8\n",
     "block0(v0: i32, v1: i32):\n v2 = mul.i32 v0, v1\n v3 = mul.i32 v2, v1\n jump block1(v0)\n"
     "block1(v5: i32):\n jump block2(v5)\n"
     "block2(v7: i32):\n v8 = add.i32 v7, v3\n branch v8, block2(v8), block3()\n"
     "block3():\n branch v1, block1(v8), block4()\nblock4():\n return v8\n"},
    {"a division that may trap stays in its loop, one that cannot does not",
     "block0(v0: i32, v1: i32):\n v2 = const.i32 1\n v3 = or.i32 v1, v2\n jump block1(v0)\n"
     "block1(v5: i32):\n store.i32 v5, memory0[v0 + 0]\n v7 = div_u.i32 v0, v1\n"
     " v8 = div_u.i32 v0, v3\n v9 = add.i32 v7, v8\n v10 = add.i32 v5, v9\n"
     " branch v10, block1(v10), block2()\nblock2():\n return v10\n",
     "block0(v0: i32, v1: i32):\n v2 = const.i32 1\n v3 = or.i32 v1, v2\n"
     " v4 = div_u.i32 v0, v3\n jump block1(v0)\n"
     "block1(v6: i32):\n store.i32 v6, memory0[v0 + 0]\n v8 = div_u.i32 v0, v1\n"
     " v9 = add.i32 v8, v4\n v10 = add.i32 v6, v9\n"
     " branch v10, block1(v10), block2()\nblock2():\n return v10\n"},
    {"loads at the start of a loop that does not write there; not behind a store",
     "block0(v0: i32, v1: i32):\n jump block1(v0)\n"
     "block1(v3: i32):\n v4 = load.i32 memory0[v1 + 0]\n store.i32 v3, context[64] class 1\n"
     " v6 = load.i32 memory0[v1 + 8]\n v7 = load.i32 context[72] class 2\n"
     " v8 = load.i32 context[64] class 1\n v9 = add.i32 v4, v6\n"
     " v10 = add.i32 v7, v8\n v11 = add.i32 v9, v10\n branch v11, block1(v11), block2()\n"
     "block2():\n return v11\n",
     "block0(v0: i32, v1: i32):\n v2 = load.i32 memory0[v1 + 0]\n"
     " v3 = load.i32 context[72] class 2\n jump block1(v0)\n"
     "block1(v5: i32):\n store.i32 v5, context[64] class 1\n"
     " v7 = load.i32 memory0[v1 + 8]\n v8 = load.i32 context[64] class 1\n"
     " v9 = add.i32 v2, v7\n v10 = add.i32 v3, v8\n v11 = add.i32 v9, v10\n"
     " branch v11, block1(v11), block2()\nblock2():\n return v11\n"},
    {"a load is not moved to where the loop may not be entered",
     "block0(v0: i32, v1: i32):\n branch v1, block1(v0), block2()\n"
     "block1(v3: i32):\n v4 = load.i32 memory0[v1 + 0]\n v5 = add.i32 v3, v4\n"
     " branch v5, block1(v5), block2()\nblock2():\n return v0\n",
     "block0(v0: i32, v1: i32):\n branch v1, block1(v0), block2()\n"
     "block1(v3: i32):\n v4 = load.i32 memory0[v1 + 0]\n v5 = add.i32 v3, v4\n"
     " branch v5, block1(v5), block2()\nblock2():\n return v0\n"},
    {"what one way needs goes there",
     "block0(v0: i32, v1: i32):\n v2 = mul.i32 v0, v1\n v3 = add.i32 v0, v1\n"
     " branch v3, block1(), block2()\nblock1():\n v5 = sub.i32 v0, v1\n v6 = xor.i32 v5, v2\n"
     " return v6\nblock2():\n return v3\n",
     "block0(v0: i32, v1: i32):\n v2 = add.i32 v0, v1\n"
     " branch v2, block1(), block2()\nblock1():\n v4 = sub.i32 v0, v1\n v5 = mul.i32 v0, v1\n"
     " v6 = xor.i32 v4, v5\n return v6\nblock2():\n return v2\n"},
    {"but not into a loop",
     "block0(v0: i32, v1: i32):\n v2 = xor.i32 v0, v1\n branch v0, block1(v0), block2()\n"
     "block1(v4: i32):\n v5 = sub.i32 v4, v2\n branch v5, block1(v5), block2()\n"
     "block2():\n return v0\n",
     "block0(v0: i32, v1: i32):\n v2 = xor.i32 v0, v1\n branch v0, block1(v0), block2()\n"
     "block1(v4: i32):\n v5 = sub.i32 v4, v2\n branch v5, block1(v5), block2()\n"
     "block2():\n return v0\n"},
    {"constants are made where they are used, large ones before the loop",
     "block0(v0: i32, v1: i32):\n v2 = const.i32 7\n v3 = const.i64 0x123456789abcdef\n"
     " v4 = add.i32 v0, v2\n jump block1(v4)\n"
     "block1(v6: i32):\n v7 = sub.i32 v6, v2\n v8 = extend_s.i64 v7\n v9 = xor.i64 v8, v3\n"
     " v10 = wrap.i32 v9\n branch v10, block1(v10), block2()\nblock2():\n return v2\n",
     "block0(v0: i32, v1: i32):\n v2 = const.i32 7\n v3 = add.i32 v0, v2\n"
     " v4 = const.i64 0x123456789abcdef\n jump block1(v3)\n"
     "block1(v6: i32):\n v7 = const.i32 7\n v8 = sub.i32 v6, v7\n v9 = extend_s.i64 v8\n"
     " v10 = xor.i64 v9, v4\n v11 = wrap.i32 v10\n branch v11, block1(v11), block2()\n"
     "block2():\n v13 = const.i32 7\n return v13\n"},
};

/* ---- Checking ---- */

static struct ir_function *parse(struct arena *a, const char *body)
{
    static char text[32768];
    struct ir_complaint c = {""};
    struct ir_text *t = arena_alloc(a, sizeof *t); /* the module lives as long as the function */
    (void)snprintf(text, sizeof text, HEAD "function @f {\n%s}\n", body);
    if (ir_parse(a, text, strlen(text), t) != OK) {
        fail_msg("%s\nline %u: %s", text, t->error_line, t->error);
    }
    if (ir_verify(a, t->functions[0], &c) != OK) {
        fail_msg("%s: %s", body, c.text);
    }
    return t->functions[0];
}

static void print(const struct ir_function *f, struct buffer *b)
{
    b->len = 0;
    ir_print_function(f, collect, b);
}

/* Number the values in the order of the text. */
static void renumber(struct arena *a, struct buffer *b)
{
    char *body = strchr(b->text, '\n') + 1;
    *strrchr(body, '}') = '\0';
    print(parse(a, body), b);
}

static void check(const struct example *e, pass_fn pass)
{
    struct arena a;
    struct ir_function *out;
    struct ir_complaint c = {""};
    static struct buffer got, wanted;
    arena_init(&a, ARENA_LIMIT);
    assert_int_equal(pass(parse(&a, e->before), &a, &out), OK);
    if (ir_verify(&a, out, &c) != OK) {
        print(out, &got);
        fail_msg("%s: %s\n%s", e->what, c.text, got.text);
    }
    print(out, &got);
    renumber(&a, &got);
    print(parse(&a, e->after), &wanted);
    if (strcmp(got.text, wanted.text) != 0) {
        fail_msg("%s: not\n%s", e->what, got.text);
    }
    arena_free_all(&a);
}

/* Twice: the second pass removes values that the first left unused. */
static enum status number_twice(const struct ir_function *in, struct arena *a,
                                struct ir_function **out)
{
    struct ir_function *once;
    enum status s = opt_gvn(in, a, &once);
    return s == OK ? opt_gvn(once, a, out) : s;
}

static void test_value_numbering(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof gvn / sizeof gvn[0]; n++) {
        check(&gvn[n], number_twice);
    }
}

static void test_placement(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof motion / sizeof motion[0]; n++) {
        check(&motion[n], opt_motion);
    }
}

/* Ten products and a loop with room for fewer: the rest stay in the loop. */
static void test_loops_are_not_overfilled(void **state)
{
    (void)state;
    struct arena a;
    struct ir_function *out;
    static struct buffer got;
    char body[4096];
    size_t len = (size_t)snprintf(
        body, sizeof body, "block0(v0: i32, v1: i32):\n jump block1(v0)\nblock1(v2: i32):\n");
    for (unsigned n = 0; n < 20; n++) {
        len += (size_t)snprintf(body + len, sizeof body - len,
                                " v%u = const.i32 %u\n v%u = xor.i32 v0, v%u\n"
                                " v%u = mul.i32 v%u, v1\n store.i32 v%u, memory0[v0 + %u]\n",
                                100 + n, n + 3, 200 + n, 100 + n, 300 + n, 200 + n, 300 + n, 4 * n);
    }
    (void)snprintf(body + len, sizeof body - len,
                   " v90 = sub.i32 v2, v1\n branch v90, block1(v90), block2()\n"
                   "block2():\n return v0\n");
    arena_init(&a, ARENA_LIMIT);
    assert_int_equal(opt_motion(parse(&a, body), &a, &out), OK);
    print(out, &got);
    unsigned before = 0;
    for (const char *s = got.text; s < strstr(got.text, "block1("); s++) {
        before += strncmp(s, "mul", 3) == 0;
    }
    assert_in_range(before, 0, 9);
    arena_free_all(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_numbering),
        cmocka_unit_test(test_placement),
        cmocka_unit_test(test_loops_are_not_overfilled),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
