// SPDX-License-Identifier: MIT
//
// Stubs: a function that has no code yet is called through its stub, which has the same signature.
// It asks the engine for the code, and calls it through the function's record, which then has the
// code's address. A stub is compiled from the representation like any function, so the machines
// need nothing for it, and the verifier proves it like any other code. It is in no backtrace,
// because its piece has no source.
#include "kernel/wasm/run/wasm_engine.h"

/* Of stack that the compiler may use below a stub, besides JIT_STACK_MARGIN. It has no more of the
 * thread's own stack when it compiles before the start (HAL_STACK_SIZE). */
#define COMPILER_STACK 32768u

static uint32_t add_params(struct ir_function *f, const struct wasm_signature *s)
{
    uint32_t first = f->instr_count;
    for (uint32_t n = 0; n < s->params; n++) {
        (void)ir_param(f, wasm_ir_type(s->types[n]));
    }
    return first;
}

static void call_with(struct ir_function *f, uint32_t callee, uint32_t number)
{
    (void)ir_emit(f, IR_CALL, IR_VOID, callee, ir_pool(f, &number, 1), 1);
}

/* Call the function through its record. The load must be emitted after the call of STUB_ASK: before
 * it the record has the address of this stub, which would then call itself without end. The record
 * is one of the function's own context, so the second operand is that context, and the verifier
 * accepts the call with both pinned registers as they are. The pool begins with the two words of
 * the target, then the arguments. @return the call: its first result. */
static uint32_t call_record(struct ir_function *f, const struct wasm_function *callee,
                            const struct wasm_signature *s, uint32_t first)
{
    const struct ir_memref code = {.offset = callee->at + offsetof(struct wasm_func, code),
                                   .space = IR_SPACE_CONTEXT};
    const uint32_t target[] = {ir_emit(f, IR_LOAD, IR_I64, IR_NONE, 0, ir_memref(f, &code)),
                               ir_emit(f, IR_CONTEXT, IR_I64, 0, 0, 0)};
    uint32_t pool = ir_pool(f, NULL, s->params + 2);
    for (uint32_t n = 0; n < s->params + 2 && f->error == OK; n++) {
        f->pool[pool + n] = n < 2 ? target[n] : first + n - 2;
    }
    unsigned type = s->results == 0 ? IR_VOID : wasm_ir_type(s->types[s->params]);
    return ir_emit(f, IR_CALL_INDIRECT, type, callee->type, pool, s->params + 2);
}

static void return_results(struct ir_function *f, const struct wasm_signature *s, uint32_t call)
{
    uint32_t values = ir_pool(f, NULL, s->results);
    for (uint32_t n = 0; n < s->results; n++) {
        unsigned type = wasm_ir_type(s->types[s->params + n]);
        uint32_t value = n == 0 ? call : ir_emit(f, IR_RESULT, type, call, n, 0);
        if (f->error == OK) {
            f->pool[values + n] = value;
        }
    }
    (void)ir_emit(f, IR_RETURN, IR_VOID, 0, values, s->results);
}

/* The arguments live across the call of STUB_ASK, in the stub's frame. A stub for a function with
 * hundreds of parameters is longer than many functions; but it is compiled without passes, and its
 * size is charged like that of any code. */
enum status stub_build(const struct wasm_module *m, uint32_t function, struct arena *a,
                       struct ir_function **out)
{
    const struct wasm_function *callee = &m->functions[function];
    const struct wasm_signature *s = &m->signatures[callee->type];
    struct ir_function *f = ir_function_new(a, &m->ir, WASM_HELPER_COUNT + function);
    if (f == NULL) {
        return E_NOMEM;
    }
    ir_block_start(f, ir_block_new(f));
    uint32_t first = add_params(f, s);
    uint32_t number = ir_const(f, IR_I32, function);
    call_with(f, WASM_HELPER_COUNT + m->function_count + STUB_ASK, number);
    return_results(f, s, call_record(f, callee, s, first));
    *out = f;
    return f->error;
}

/* The number of a function is its parameter. */
static struct ir_function *begin(const struct wasm_module *m, struct arena *a, enum stub_callee n,
                                 uint32_t *number)
{
    struct ir_function *f = ir_function_new(a, &m->ir, WASM_HELPER_COUNT + m->function_count + n);
    if (f != NULL) {
        ir_block_start(f, ir_block_new(f));
        *number = ir_param(f, IR_I32);
    }
    return f;
}

static enum status end(struct ir_function *f, struct ir_function **out)
{
    (void)ir_emit(f, IR_RETURN, IR_VOID, 0, ir_pool(f, NULL, 0), 0);
    *out = f;
    return f->error;
}

/* It only has a large frame, which its prologue probes. Too little stack is the trap of a probe, as
 * in any function, and the compiler then runs where the frame was. The store to the slot keeps it
 * from being removed. So a lack of stack is found here, where a trap is allowed, and not in the C
 * code of the compiler, where it would be a fault of the kernel. The frame is gone when this
 * returns, but its pages stay mapped. */
static enum status build_stack(const struct wasm_module *m, struct arena *a,
                               struct ir_function **out)
{
    uint32_t number;
    struct ir_function *f = begin(m, a, STUB_STACK, &number);
    if (f == NULL) {
        return E_NOMEM;
    }
    const struct ir_memref cell = {.space = IR_SPACE_SLOT,
                                   .number = ir_slot(f, COMPILER_STACK, 16)};
    (void)ir_emit(f, IR_STORE, IR_VOID, IR_NONE, number, ir_memref(f, &cell));
    return end(f, out);
}

/* What all stubs have in common. There is a stub for each function, so they should be short. */
static enum status build_ask(const struct wasm_module *m, struct arena *a, struct ir_function **out)
{
    uint32_t number;
    struct ir_function *f = begin(m, a, STUB_ASK, &number);
    if (f == NULL) {
        return E_NOMEM;
    }
    call_with(f, WASM_HELPER_COUNT + m->function_count + STUB_STACK, number);
    call_with(f, WASM_HELPER_COMPILE, number);
    return end(f, out);
}

enum status stub_build_callee(const struct wasm_module *m, enum stub_callee n, struct arena *a,
                              struct ir_function **out)
{
    return n == STUB_STACK ? build_stack(m, a, out) : build_ask(m, a, out);
}
