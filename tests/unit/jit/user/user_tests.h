// SPDX-License-Identifier: MIT
//
// Tests of compiled code in a process: each says whether it holds.
#pragma once

#include "kernel/jit/ir/ir_text.h"
#include "tests/unit/jit/user/run.h"

#define USER_ARENA_LIMIT ((size_t)256 << 20)

/** A test; false: it has printed why ("# ..."). */
struct user_test {
    const char *name;
    bool (*run)(void);
};
extern const struct user_test user_test_ops[], user_test_shapes[], user_test_managed[],
    user_test_random[];

/** @brief Options of a test: verify on; `registers` of each class at most, 0: all. */
struct jit_options user_options(unsigned registers);

/** @brief Read a module in text. Ends the test program if it is wrong. */
void user_parse(struct arena *a, const char *text, struct ir_text *out);

/** @brief Whether two values of a type are the same; any NaN is any other if `any_nan`. */
bool user_same(unsigned type, struct ir_bits a, struct ir_bits b, bool any_nan);

/** @brief Values at the edges of a type. @return how many; 0: none for it. */
unsigned user_edges(unsigned type, const uint64_t **values);
