// SPDX-License-Identifier: MIT
//
// A code address of an interpreted program is, for a function of a module, the address of its
// representation, and for a host function the address of one byte in this file: then its context
// tells which function it is.
#include "kernel/wasm/run/wasm_interp.h"

#include "kernel/base/assert.h"
#include "kernel/jit/ir/ir_interp.h"
#include "kernel/jit/ir/ir_verify.h"
#include "kernel/jit/opt/opt.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/wasm/run/exception.h"
#include "kernel/wasm/run/runtime.h"

#define NESTED_MAX 4u  /* most nested calls from host functions */
#define HOST_CELLS 64u /* limit for arguments and for results of a host function */

static const uint8_t host_token;

struct interpreter {
    struct wasm_interpreter_options options;
    struct ir_stack stacks[NESTED_MAX];
    uint32_t depth;
    struct wasm_store *store; /* of the call in progress */
    struct wasm_stop left;    /* depth and frames that the exception thrown last has left */
    struct budget *budget;    /* the store's */
};

struct interpreted {
    struct wasm_code code;
    struct arena arena;
    struct ir_function **functions; /* by index; NULL: imported */
};

static struct interpreted *interpreted_of(const struct wasm_code *code)
{
    return CONTAINER_OF((struct wasm_code *)(uintptr_t)code, struct interpreted, code);
}

/* ---- Stores ---- */

static enum status interp_open(const void *options, void **state)
{
    struct interpreter *in = heap_zalloc(sizeof *in);
    if (in == NULL) {
        return E_NOMEM;
    }
    in->options = *(const struct wasm_interpreter_options *)options;
    for (unsigned n = 0; n < NESTED_MAX; n++) {
        in->stacks[n] = (struct ir_stack){.bytes_max = in->options.stack_bytes,
                                          .calls_max = WASM_INTERPRETER_CALLS};
    }
    *state = in;
    return OK;
}

static enum status interp_fork(void *state, void **out)
{
    const struct interpreter *first = state;
    return interp_open(&first->options, out);
}

static void interp_close(void *state)
{
    struct interpreter *in = state;
    for (unsigned n = 0; n < NESTED_MAX; n++) {
        ir_stack_free(&in->stacks[n]);
    }
    heap_free(in);
}

/* ---- Modules ---- */

static enum status fail(struct wasm_error *err, enum status s, const struct wasm_module *m,
                        const char *text)
{
    return wasm_complain(err, s, "code", m->sections[WASM_SECTION_CODE], "%s", text);
}

static enum status verify(const struct interpreted *code, const struct wasm_module *m,
                          const struct ir_function *f, struct wasm_error *err)
{
    struct ir_complaint complaint;
    struct arena scratch;
    arena_init_paid(&scratch, code->arena.limit, code->arena.budget);
    enum status s = ir_verify(&scratch, f, &complaint);
    arena_free_all(&scratch);
    return s == OK ? OK : fail(err, s, m, s == E_CORRUPT ? complaint.text : "no memory to verify");
}

static enum status optimise(struct interpreted *code, const struct wasm_module *m, bool verifies,
                            struct ir_function **f, struct wasm_error *err)
{
    struct ir_complaint complaint = {.text = "no memory for the passes"};
    struct opt_options options = {.verify = verifies ? ir_verify : NULL, .complaint = &complaint};
    enum status s = opt_run(*f, &options, &code->arena, f);
    return s == OK ? OK : fail(err, s, m, complaint.text);
}

static enum status build_one(struct interpreted *code, const struct wasm_module *m, uint32_t n,
                             const struct wasm_interpreter_options *options, struct wasm_error *err)
{
    struct ir_function **f = &code->functions[n];
    /* Allocates only memory of the budget, and may take long. */
    budget_open(code->arena.budget);
    enum status s = wasm_function_build(m, n, &code->arena, f, err);
    if (s == OK && options->verify) {
        s = verify(code, m, *f, err);
    }
    if (s == OK && options->optimise) {
        s = optimise(code, m, options->verify, f, err);
    }
    budget_close(code->arena.budget);
    return s;
}

static void interp_unload(void *state, struct wasm_code *code)
{
    (void)state;
    struct interpreted *c = interpreted_of(code);
    struct budget *budget = c->arena.budget;
    arena_free_all(&c->arena);
    budget_free(budget, c->functions);
    budget_free(budget, c);
}

static bool reserve_stack(struct interpreter *in, unsigned depth)
{
    in->stacks[depth].budget = in->budget;
    return ir_stack_reserve(&in->stacks[depth]);
}

/* "Code" is the representation of all functions, in one arena that lives as long as the code. */
static enum status interp_load(void *state, const struct wasm_store *store, struct wasm_module *m,
                               struct wasm_code **out, struct wasm_error *err)
{
    struct interpreter *in = state;
    in->budget = store->budget;
    /* Reserve the stack early: without it the module must be refused. */
    struct interpreted *c = reserve_stack(in, 0) ? budget_zalloc(store->budget, sizeof *c) : NULL;
    if (c == NULL) {
        return fail(err, E_NOMEM, m, "no memory for the module");
    }
    arena_init_paid(&c->arena, in->options.arena_bytes, store->budget);
    c->functions =
        budget_calloc(store->budget, (size_t)m->function_count + 1, sizeof *c->functions);
    enum status s =
        c->functions == NULL ? fail(err, E_NOMEM, m, "no memory for the list of functions") : OK;
    for (uint32_t n = m->imported[WASM_FUNCTION]; s == OK && n < m->function_count; n++) {
        s = wasm_store_is_stopped(store) ? E_CANCELLED : build_one(c, m, n, &in->options, err);
    }
    if (s != OK) {
        interp_unload(state, &c->code);
        return s;
    }
    *out = &c->code;
    return OK;
}

/* The interpreter has no stubs. */
static void interp_compile(void *state, struct wasm_instance *i, uint32_t function)
{
    (void)state, (void)i, (void)function;
}

static uint64_t interp_entry(void *state, const struct wasm_code *code, uint32_t function)
{
    (void)state;
    return (uintptr_t)interpreted_of(code)->functions[function];
}

/* Arguments and results pass through arrays on the stack
 * of the calling thread, so their number is limited. */
static enum status interp_adapt(void *state, struct wasm_host *h)
{
    (void)state;
    const struct wasm_signature *s = &h->signature;
    if (wasm_cells(s->types, s->params) > HOST_CELLS ||
        wasm_cells(s->types + s->params, s->results) > HOST_CELLS) {
        return E_NOTSUP;
    }
    h->func.code = (uintptr_t)&host_token;
    return OK;
}

/* ---- Values: cells outside the interpreter, two words inside ---- */

static void to_bits(const uint8_t *types, uint32_t count, const uint64_t *cells,
                    struct ir_bits *out)
{
    for (uint32_t n = 0; n < count; n++) {
        out[n] = (struct ir_bits){.lo = *cells++, .hi = 0};
        if (types[n] == WASM_V128) {
            out[n].hi = *cells++;
        }
    }
}

static void to_cells(const uint8_t *types, uint32_t count, const struct ir_bits *bits,
                     uint64_t *cells)
{
    for (uint32_t n = 0; n < count; n++) {
        *cells++ = bits[n].lo;
        if (types[n] == WASM_V128) {
            *cells++ = bits[n].hi;
        }
    }
}

/* ---- The interpreter's host ---- */

/* The interpreter checks every access against this window. It reads both words anew each time,
 * since a call may have grown the memory. */
static struct ir_window host_memory(void *ctx, uint64_t context, uint32_t number)
{
    (void)ctx;
    if (number > 0) {
        const struct wasm_memory *m = wasm_instance_of(context)->memories[number];
        return (struct ir_window){.base = m->box.base, .length = m->length};
    }
    const struct wasm_context *c = (const struct wasm_context *)(uintptr_t)context;
    return (struct ir_window){.base = (uint8_t *)(uintptr_t)c->memory_base,
                              .length = *(const uint64_t *)(uintptr_t)c->memory_length};
}

/* Callees of a module: first the helpers, then its functions, in the order of decode_layout.c. */
static struct ir_target host_callee(void *ctx, const struct ir_function *caller, uint64_t context,
                                    uint32_t callee)
{
    (void)ctx, (void)caller;
    if (callee < WASM_HELPER_COUNT) {
        return (struct ir_target){.callee = callee, .context = context};
    }
    const struct interpreted *c = interpreted_of(wasm_instance_of(context)->code);
    return (struct ir_target){.function = c->functions[callee - WASM_HELPER_COUNT],
                              .context = context};
}

static struct ir_target host_code(void *ctx, uint64_t code, uint64_t context)
{
    (void)ctx;
    if (code == (uintptr_t)&host_token) {
        return (struct ir_target){.callee = IR_NONE, .context = context};
    }
    return (struct ir_target){.function = (const struct ir_function *)(uintptr_t)code,
                              .context = context};
}

static enum wasm_outcome call_array(struct wasm_host *h, const struct ir_bits *args,
                                    struct ir_bits *results, enum ir_trap *trap)
{
    const struct wasm_signature *s = &h->signature;
    uint64_t in[HOST_CELLS], out[HOST_CELLS];
    to_cells(s->types, s->params, args, in);
    enum wasm_outcome outcome = h->function->array(h, in, out, trap);
    if (outcome == WASM_RETURNED) {
        to_bits(s->types + s->params, s->results, out, results);
    }
    return outcome;
}

static void call_direct(struct wasm_host *h, const struct ir_bits *args, struct ir_bits *results)
{
    uint64_t a[5] = {0};
    for (uint32_t n = 0; n < h->signature.params; n++) {
        a[n] = args[n].lo;
    }
    uint64_t result = h->function->direct(h, a[0], a[1], a[2], a[3], a[4]);
    if (h->signature.results > 0) {
        results[0] = (struct ir_bits){.lo = result, .hi = 0};
    }
}

static bool is_stopped(const struct wasm_store *s)
{
    return wasm_store_is_stopped(s);
}

static enum wasm_outcome call_host(struct wasm_host *h, const struct ir_bits *args,
                                   struct ir_bits *results, enum ir_trap *trap)
{
    enum wasm_outcome outcome = WASM_RETURNED;
    if (h->function->array != NULL) {
        outcome = call_array(h, args, results, trap);
    } else {
        call_direct(h, args, results);
    }
    return is_stopped(h->store) ? WASM_STOPPED : outcome;
}

/* ---- Exceptions ---- */

static void add_left(struct wasm_stop *left, const struct ir_function *f, uint32_t value)
{
    if (left->depth < WASM_FRAMES) {
        left->frames[left->depth] = (struct wasm_frame){.module = wasm_module_of(f),
                                                        .function = f->callee - WASM_HELPER_COUNT,
                                                        .offset = f->locations[value]};
    }
    left->depth++;
}

static void host_left(void *ctx, const struct ir_function *f, uint32_t value)
{
    struct interpreter *in = ctx;
    add_left(&in->left, f, value);
}

static enum ir_outcome start_throw(struct interpreter *in, uint64_t exception, enum ir_trap *trap)
{
    bool goes_on;
    if (!wasm_exception_throw(in->store, exception, &goes_on)) {
        *trap = IR_TRAP_NULL;
        return IR_TRAPPED;
    }
    in->left.depth = goes_on ? in->left.depth : 0;
    return IR_UNWOUND;
}

/* Not called: host_call() sees the helper by its number. */
static uint64_t interp_throws(struct wasm_context *c, uint64_t exception, uint64_t b, uint64_t d,
                              uint64_t e)
{
    (void)c, (void)exception, (void)b, (void)d, (void)e;
    return 0;
}

static void mark_words(void *ctx, const void *from, const void *to)
{
    wasm_exceptions_mark(ctx, from, to);
}

static void interp_mark(void *state, struct wasm_store *store)
{
    const struct interpreter *in = state;
    for (uint32_t n = 0; n < in->depth; n++) {
        ir_stack_words(&in->stacks[n], mark_words, store);
    }
}

/* Called for everything that is not interpreted: a host function (its context is the struct
 * wasm_host) or a helper of the module. */
static enum ir_outcome host_call(void *ctx, const struct ir_target *target,
                                 const struct ir_bits *args, struct ir_bits *results,
                                 enum ir_trap *trap)
{
    struct interpreter *in = ctx;
    if (target->callee == IR_NONE) {
        struct wasm_host *h = (struct wasm_host *)(uintptr_t)target->context;
        switch (call_host(h, args, results, trap)) {
        case WASM_RETURNED:
            return IR_RETURNED;
        case WASM_TRAPPED:
            return IR_TRAPPED;
        case WASM_THROWN:
            return start_throw(in, h->store->exceptions.thrown, trap);
        default:
            return IR_STOPPED;
        }
    }
    if (target->callee == WASM_HELPER_EXN_THROW) {
        return start_throw(in, args[0].lo, trap);
    }
    struct wasm_instance *i = wasm_instance_of(target->context);
    const struct ir_module *ir = &i->code->module->ir;
    const struct ir_signature *s = &ir->signatures[ir->callees[target->callee].signature];
    uint64_t a[4] = {0};
    ASSERT(s->params <= ARRAY_COUNT(a));
    for (uint32_t n = 0; n < s->params; n++) {
        a[n] = args[n].lo;
    }
    uint64_t result = wasm_helpers[target->callee](&i->context, a[0], a[1], a[2], a[3]);
    if (s->results > 0) {
        results[0] = (struct ir_bits){.lo = result, .hi = 0};
    }
    return IR_RETURNED;
}

static bool host_poll(void *ctx)
{
    const struct interpreter *in = ctx;
    if (in->options.pause != NULL) {
        in->options.pause();
    }
    return !is_stopped(in->store);
}

/* ---- Running ---- */

static void describe(const struct ir_stop *ir, struct wasm_stop *stop)
{
    stop->trap = ir->trap;
    stop->depth = ir->depth;
    for (uint32_t n = 0; n < MIN(ir->depth, (uint32_t)WASM_FRAMES); n++) {
        const struct ir_function *f = ir->frames[n].function;
        stop->frames[n] = (struct wasm_frame){.module = wasm_module_of(f),
                                              .function = f->callee - WASM_HELPER_COUNT,
                                              .offset = f->locations[ir->frames[n].value]};
    }
}

/* A host function may call back into the program. Each level has a stack of its own, so an inner
 * call cannot disturb the frames of the outer one. */
static enum wasm_outcome run_function(struct interpreter *in, const struct wasm_func *f,
                                      const struct ir_bits *args, struct ir_bits *results,
                                      struct wasm_stop *stop)
{
    if (in->depth == NESTED_MAX) {
        stop->trap = IR_TRAP_STACK;
        return WASM_TRAPPED;
    }
    struct ir_stack *stack = &in->stacks[in->depth];
    if (!reserve_stack(in, in->depth)) {
        stop->trap = IR_TRAP_NO_MEMORY;
        return WASM_TRAPPED;
    }
    const struct ir_host host = {.ctx = in,
                                 .memory = host_memory,
                                 .callee = host_callee,
                                 .code = host_code,
                                 .call = host_call,
                                 .poll = host_poll,
                                 .left = host_left};
    const struct ir_target target = host_code(in, f->code, f->context);
    struct ir_stop ir = {0};
    in->depth++;
    enum ir_outcome outcome = ir_interpret(&host, stack, &target, args, results, &ir);
    in->depth--;
    if (outcome == IR_RETURNED) {
        return WASM_RETURNED;
    }
    if (outcome == IR_UNWOUND) {
        stop->depth = in->left.depth;
        memcpy(stop->frames, in->left.frames, sizeof stop->frames);
        return WASM_THROWN;
    }
    describe(&ir, stop);
    return outcome == IR_STOPPED ? WASM_STOPPED : WASM_TRAPPED;
}

/* Converts between cells and the interpreter's values, whose arrays are allocated: a signature may
 * be long. */
static enum wasm_outcome interp_run(void *state, struct wasm_store *store,
                                    const struct wasm_func *f,
                                    const struct wasm_signature *signature, const uint64_t *args,
                                    uint64_t *results, struct wasm_stop *stop)
{
    struct interpreter *in = state;
    in->store = store;
    in->budget = store->budget;
    if (f->code == (uintptr_t)&host_token) {
        struct wasm_host *h = (struct wasm_host *)(uintptr_t)f->context;
        struct ir_bits in_bits[HOST_CELLS], out_bits[HOST_CELLS];
        to_bits(signature->types, signature->params, args, in_bits);
        enum wasm_outcome outcome = call_host(h, in_bits, out_bits, &stop->trap);
        if (outcome == WASM_RETURNED) {
            to_cells(signature->types + signature->params, signature->results, out_bits, results);
        }
        return outcome;
    }
    struct ir_bits *values =
        heap_calloc((size_t)signature->params + signature->results + 1, sizeof *values);
    if (values == NULL) {
        stop->trap = IR_TRAP_NO_MEMORY;
        return WASM_TRAPPED;
    }
    to_bits(signature->types, signature->params, args, values);
    struct ir_bits *out = values + signature->params;
    enum wasm_outcome outcome = run_function(in, f, values, out, stop);
    if (outcome == WASM_RETURNED) {
        to_cells(signature->types + signature->params, signature->results, out, results);
    }
    heap_free(values);
    return outcome;
}

const struct wasm_engine wasm_interpreter = {
    .name = "interpreter",
    .open = interp_open,
    .close = interp_close,
    .fork = interp_fork,
    .load = interp_load,
    .compile = interp_compile,
    .unload = interp_unload,
    .entry = interp_entry,
    .adapt = interp_adapt,
    .throws = interp_throws,
    .mark = interp_mark,
    .run = interp_run,
};
