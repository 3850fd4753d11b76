// SPDX-License-Identifier: MIT
//
// Tests of compiled code in a process: each returns whether it passed.
#pragma once

#include "tests/ir/ir_parse.h"
#include "tests/unit/jit/user/run.h"

#define USER_ARENA_LIMIT ((size_t)256 << 20)

/** A test; false: it failed and has printed the reason ("# ..."). */
struct user_test {
    const char *name;
    bool (*run)(void);
};
extern const struct user_test user_test_ops[], user_test_shapes[], user_test_managed[],
    user_test_random[], user_test_vectors[];

/** @brief Options of a test: with verification; at most `registers` of each class, 0: all. */
struct jit_options user_options(unsigned registers);

/** @brief Parse a module's text. Ends the test program if it is invalid. */
void user_parse(struct arena *a, const char *text, struct ir_text *out);

/** @brief True if two values of a type are equal; with `any_nan` all NaNs are equal. */
bool user_same(unsigned type, struct ir_bits a, struct ir_bits b, bool any_nan);

/** @brief Extreme values of a type. @return number of values; 0: the type has none. */
unsigned user_edges(unsigned type, const uint64_t **values);
