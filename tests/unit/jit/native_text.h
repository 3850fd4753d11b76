// SPDX-License-Identifier: MIT
//
// Functions written as text, compiled for this computer and run: for tests of back-ends. Set
// JIT_SHOW to see every stage.
#pragma once

#include "kernel/jit/ir/ir_verify.h"
#include "kernel/lib/compiler.h"
#include "tests/ir/ir_parse.h"
#include "tests/unit/jit/native_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_LIMIT ((size_t)256 << 20)

/* The context of compiled code. */
struct context {
    uint8_t *memory;
    uint64_t *length;
    uint64_t a, b; /* operands in memory */
    uint64_t helpers[4];
    uint64_t other; /* a second context */
    uint64_t code[8];
    uint64_t length_word;
};

#define MODULE_HEAD "memory guard 0x80000000\n"

/** Calls itself twice, at the locations 21 and 22. */
#define FIBONACCI                                                                                  \
    MODULE_HEAD                                                                                    \
    "signature (i64) -> (i64)\ncallee @f signature 0\nfunction @f {\nblock0(v0: i64):\n"           \
    " v1 = const.i64 2\n v2 = lt_s.i64 v0, v1\n branch v2, block1(), block2()\n"                   \
    "block1():\n return v0\nblock2():\n v5 = const.i64 1\n v6 = sub.i64 v0, v5\n"                  \
    " v7 = call.i64 @f(v6) !21\n v8 = sub.i64 v0, v1\n v9 = call.i64 @f(v8) !22\n"                 \
    " v10 = add.i64 v7, v9\n return v10\n}\n"

/* ---- One function, compiled ---- */

struct compiled {
    struct arena arena;
    struct ir_text text;
    struct native_module native;
    struct context context;
};

static inline void compile_with(struct compiled *c, const char *text, struct jit_options options)
{
    struct ir_complaint complaint;
    struct jit_error err;
    memset(c, 0, sizeof *c);
    arena_init(&c->arena, ARENA_LIMIT);
    options.checks = &jit_checks;
    options.show = native_show();
    options.quick = true; /* without passes: the text is compiled as written */
    if (ir_parse(&c->arena, text, strlen(text), &c->text) != OK) {
        fail_msg("line %u: %s\n%s", c->text.error_line, c->text.error, text);
    }
    for (uint32_t f = 0; f < c->text.module.callee_count; f++) {
        if (c->text.functions[f] != NULL &&
            ir_verify(&c->arena, c->text.functions[f], &complaint) != OK) {
            fail_msg("%s\n%s", complaint.text, text);
        }
    }
    enum status s = native_load(&jit_machine_x86_64, &c->arena, &c->text.module, c->text.functions,
                                &options, &c->native, &err);
    if (s != OK) {
        fail_msg("%s: %s\n%s", status_text(s), err.text, text);
    }
    c->context.length = &c->context.length_word;
    for (unsigned n = 0; n < 8; n++) {
        c->context.code[n] = c->native.address[n];
    }
}

static inline void compile(struct compiled *c, const char *text)
{
    compile_with(c, text, (struct jit_options){.features = native_features()});
}

static inline void discard(struct compiled *c)
{
    native_unload(&c->native);
    arena_free_all(&c->arena);
}

/* Function 0. */
static inline struct native_outcome run(struct compiled *c, const struct ir_bits *args,
                                        struct ir_bits *results)
{
    struct native_outcome out;
    native_call(&c->native, 0, &c->context, args, results, &out);
    return out;
}
