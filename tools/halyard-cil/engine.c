// SPDX-License-Identifier: MIT
//
// The two ways to run a unit: as machine code of this computer, and in the interpreter of the
// intermediate representation.
#include "tools/halyard-cil/engine.h"

#include "kernel/jit/ir/ir_interp.h"
#include "kernel/jit/ir/ir_verify.h"
#include "tools/halyard-wasm/compiled.h"

#include <stdio.h>

#define VERIFY_LIMIT ((size_t)1 << 30)
#define STACK_LIMIT  ((size_t)64 << 20)
#define CALLS_MAX    100000

static void print_trap(const struct cil_unit *u, uint32_t method, uint32_t at, unsigned trap)
{
    fprintf(stderr, "halyard-cil: %s, IL_%04x: trap: %s\n", u->callees[method].name, at,
            ir_trap_names[trap]);
}

/* ---- The interpreter's environment: there is no memory, and each callee is a method ---- */

static struct ir_window no_memory(void *ctx, uint64_t context, uint32_t number)
{
    (void)ctx, (void)context, (void)number;
    return (struct ir_window){.base = NULL};
}

static struct ir_target find_callee(void *ctx, const struct ir_function *caller, uint64_t context,
                                    uint32_t callee)
{
    const struct cil_unit *u = ctx;
    (void)caller;
    return (struct ir_target){u->methods[callee].function, callee, context};
}

static struct ir_target no_code(void *ctx, uint64_t code, uint64_t context)
{
    (void)ctx, (void)code;
    return (struct ir_target){NULL, 0, context};
}

static enum ir_outcome no_call(void *ctx, const struct ir_target *target,
                               const struct ir_bits *args, struct ir_bits *results,
                               enum ir_trap *trap)
{
    (void)ctx, (void)target, (void)args, (void)results;
    *trap = IR_TRAP_UNREACHABLE;
    return IR_TRAPPED;
}

static bool go_on(void *ctx)
{
    (void)ctx;
    return true;
}

/* @return false: it trapped, and the reason is printed. */
static bool interpret(struct cil_unit *u, const struct ir_bits *args, struct ir_bits *result)
{
    const struct ir_host host = {.ctx = u,
                                 .memory = no_memory,
                                 .callee = find_callee,
                                 .code = no_code,
                                 .call = no_call,
                                 .poll = go_on};
    struct ir_stack stack = {.bytes_max = STACK_LIMIT, .calls_max = CALLS_MAX};
    const struct ir_target target = {u->methods[0].function, 0, 0};
    struct ir_stop stop = {.depth = 0};
    enum ir_outcome outcome = ir_interpret(&host, &stack, &target, args, result, &stop);
    ir_stack_free(&stack);
    if (outcome != IR_RETURNED) {
        const struct ir_function *f = stop.frames[0].function;
        print_trap(u, f->callee, f->locations[stop.frames[0].value], stop.trap);
    }
    return outcome == IR_RETURNED;
}

/* ---- Machine code ---- */

static int run_compiled(struct cil_unit *u, const struct ir_bits *args, struct ir_bits *result)
{
    static struct cil_code code; /* signal handlers know its address */
    struct cil_stop stop;
    const struct cil_code_options options = {.machine = compiled_options.machine,
                                             .jit = compiled_options.jit,
                                             .space = compiled_options.space,
                                             .arena_bytes = compiled_options.arena_bytes,
                                             .fill = compiled_options.fill,
                                             .running = compiled_options.running};
    if (!cil_code_make(u, &options, &code)) {
        return tool_refuse(&u->d->err);
    }
    bool is_ok = cil_code_run(&code, args, result, &stop);
    if (!is_ok) {
        print_trap(u, stop.method, stop.offset, stop.trap);
    }
    cil_code_free(&code);
    return is_ok ? 0 : TOOL_TRAPPED;
}

/* ---- Both ---- */

/* Every function is checked before it runs: a mistake of the translator is not to be hidden. */
static bool check_unit(const struct cil_unit *u)
{
    for (uint32_t n = 0; n < u->count; n++) {
        struct arena arena;
        struct ir_complaint complaint;
        arena_init(&arena, VERIFY_LIMIT);
        enum status s = ir_verify(&arena, u->methods[n].function, &complaint);
        arena_free_all(&arena);
        if (s != OK) {
            fprintf(stderr, "halyard-cil: %s: %s\n", u->callees[n].name, complaint.text);
            return false;
        }
    }
    return true;
}

int engine_run(struct cil_unit *u, bool is_interpreted, const struct ir_bits *args,
               struct ir_bits *result)
{
    if (!check_unit(u)) {
        return TOOL_REFUSED;
    }
    if (!is_interpreted) {
        return run_compiled(u, args, result);
    }
    return interpret(u, args, result) ? 0 : TOOL_TRAPPED;
}
