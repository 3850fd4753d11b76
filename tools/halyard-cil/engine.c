// SPDX-License-Identifier: MIT
//
// The two ways to run a unit: as machine code of this computer, and in the interpreter of the
// intermediate representation.
#include "tools/halyard-cil/engine.h"

#include "kernel/cil/front/lines.h"
#include "kernel/cil/run/traces.h"
#include "kernel/jit/ir/ir_interp.h"
#include "kernel/jit/ir/ir_verify.h"
#include "kernel/wasi/wasi.h"
#include "tools/halyard-wasm/compiled.h"
#include "tools/halyard-wasm/few_registers.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define VERIFY_LIMIT ((size_t)1 << 30)
#define STACK_LIMIT  ((size_t)64 << 20)
#define CALLS_MAX    100000
#define FRAMES_MAX   64u

#define WINDOW_MAX (UINT64_C(1) << 30)

/* As .NET calls what ended it. */
static const char *name_of_trap(unsigned trap)
{
    switch (trap) {
    case IR_TRAP_NULL:
        return "null reference";
    case IR_TRAP_TABLE:
        return "index out of range";
    case IR_TRAP_SIGNATURE:
        return "invalid cast";
    case IR_TRAP_CONVERSION:
        return "array type mismatch";
    default:
        return ir_trap_names[trap];
    }
}

static void print_trap(const struct cil_unit *u, uint32_t method, uint32_t at, unsigned trap)
{
    fprintf(stderr, "halyard-cil: %s, IL_%04x: trap: %s\n",
            u->callees[CIL_FIRST_METHOD + method].name, at, name_of_trap(trap));
}

static void print_frame(const struct cil_unit *u, uint32_t method, uint32_t offset)
{
    char place[CIL_PLACE_BYTES];
    const struct cil_unit_method *m = &u->methods[method];
    cil_line_text(m->a, m->row, offset, place);
    fprintf(stderr, "  at %s (IL_%04x)%s\n", u->callees[CIL_FIRST_METHOD + method].name, offset,
            place);
}

/* Where an exception comes from that the program might have caught, then its way. */
static void print_passed(const struct cil_runtime *r, uint32_t object)
{
    struct cil_pass frames[FRAMES_MAX];
    uint32_t count = cil_thrown_trace(r, object, frames, FRAMES_MAX);
    for (uint32_t n = 0; n < count; n++) {
        print_frame(r->unit, frames[n].method, frames[n].offset);
    }
}

static void print_active(const struct cil_unit *u, const struct code_trace *trace)
{
    for (uint32_t n = 0; n < MIN(trace->depth, (unsigned)CODE_FRAMES); n++) {
        if (u->methods[trace->frames[n].function].kind != CIL_UNIT_RAISE) { /* the compiler's */
            print_frame(u, trace->frames[n].function, trace->frames[n].location);
        }
    }
    if (trace->depth > CODE_FRAMES) {
        fprintf(stderr, "  and %u more\n", trace->depth - CODE_FRAMES);
    }
}

static void print_inner(const struct cil_runtime *r)
{
    uint32_t object = r->thrown;
    for (unsigned n = 0; n < CIL_INNER_MAX && (object = cil_thrown_inner(r, object)) != 0; n++) {
        char text[CIL_THROWN_TEXT];
        cil_thrown_text(r, object, text, sizeof text);
        fprintf(stderr, "  inner exception: %s\n", text);
        print_passed(r, object);
    }
}

/* @param active Where an exception comes from that nothing in the program might have caught. */
static int print_ending(const struct cil_runtime *r, const struct code_trace *active)
{
    char thrown[CIL_THROWN_TEXT] = "";
    static const char *const texts[] = {
        [CIL_GOES_ON] = "stopped",
        [CIL_EXITED] = "exit",
        [CIL_THROWN] = "unhandled exception",
        [CIL_NO_MEMORY] = "out of memory",
        [CIL_NEGATIVE] = "an array of negative length",
        [CIL_BAD_ACCESS] = "a native method accessed memory outside of the program",
        [CIL_DAMAGED] = "the heap is damaged",
    };
    if (r->ending == CIL_EXITED) {
        return r->exit_status & 0xff;
    }
    if (r->ending == CIL_THROWN) {
        cil_thrown_text(r, r->thrown, thrown, sizeof thrown);
    }
    fprintf(stderr, "halyard-cil: %s%s%s\n", texts[r->ending], thrown[0] == '\0' ? "" : ": ",
            thrown);
    print_active(r->unit, active);
    if (r->ending == CIL_THROWN) {
        print_passed(r, r->thrown);
        print_inner(r);
    }
    return TOOL_TRAPPED;
}

/* ---- The interpreter's environment. A code address is the number of a method plus 1. ---- */

static jmp_buf back;

static _Noreturn void leave_interpreter(struct cil_runtime *r)
{
    (void)r;
    longjmp(back, 1);
}

static struct ir_window find_memory(void *ctx, uint64_t context, uint32_t number)
{
    const struct cil_runtime *r = ctx;
    (void)context, (void)number;
    return (struct ir_window){.base = r->world->memory.base, .length = r->world->length};
}

static struct ir_target method_at(const struct cil_runtime *r, uint32_t n, uint64_t context)
{
    return (struct ir_target){r->unit->methods[n].function, CIL_FIRST_METHOD + n, context};
}

static struct ir_target find_callee(void *ctx, const struct ir_function *caller, uint64_t context,
                                    uint32_t callee)
{
    (void)caller;
    return callee < CIL_FIRST_METHOD ? (struct ir_target){NULL, callee, context}
                                     : method_at(ctx, callee - CIL_FIRST_METHOD, context);
}

static struct ir_target find_code(void *ctx, uint64_t code, uint64_t context)
{
    return method_at(ctx, (uint32_t)code - 1, context);
}

static enum ir_outcome call_native(void *ctx, const struct ir_target *target,
                                   const struct ir_bits *args, struct ir_bits *results,
                                   enum ir_trap *trap)
{
    struct cil_runtime *r = ctx;
    const struct ir_callee *c = &r->unit->callees[target->callee];
    const struct ir_signature *s = &r->unit->signatures[c->signature];
    uint64_t words[5] = {0};
    (void)trap;
    for (uint32_t n = 0; n < s->params; n++) {
        words[n] = args[n].lo;
    }
    uint64_t result = cil_runtime_call(r, target->callee, words);
    if (s->results != 0) {
        bool is_wide = r->unit->types[s->types + s->params] == IR_I64;
        results[0] = (struct ir_bits){.lo = is_wide ? result : (uint32_t)result};
    }
    return IR_RETURNED;
}

static bool go_on(void *ctx)
{
    (void)ctx;
    return true;
}

static struct code_trace trace_of(const struct ir_stop *stop)
{
    struct code_trace trace = {.depth = stop->depth};
    for (uint32_t n = 0; n < MIN(stop->depth, (uint32_t)ARRAY_COUNT(stop->frames)); n++) {
        const struct ir_function *f = stop->frames[n].function;
        trace.frames[n] = (struct code_frame){.function = f->callee - CIL_FIRST_METHOD,
                                              .location = f->locations[stop->frames[n].value]};
    }
    return trace;
}

STATIC_ASSERT(sizeof((struct ir_stop *)0)->frames / sizeof((struct ir_stop *)0)->frames[0] ==
                  CODE_FRAMES,
              "print_active() lists those of both");

/* @return exit status. */
static int interpret(struct cil_runtime *r, const struct ir_bits *args, struct ir_bits *result)
{
    const struct ir_host host = {.ctx = r,
                                 .memory = find_memory,
                                 .callee = find_callee,
                                 .code = find_code,
                                 .call = call_native,
                                 .poll = go_on};
    static struct ir_stack stack;
    static const struct code_trace none; /* the interpreter tells of traps only */
    struct ir_stop stop = {.depth = 0};
    stack = (struct ir_stack){.bytes_max = STACK_LIMIT, .calls_max = CALLS_MAX};
    r->leave = leave_interpreter;
    for (uint32_t n = 0; n < r->unit->count; n++) {
        r->records[n].code = n + 1;
    }
    const struct ir_target target = method_at(r, 0, (uintptr_t)&r->context);
    if (setjmp(back) != 0) {
        ir_stack_free(&stack);
        return print_ending(r, &none);
    }
    enum ir_outcome outcome = ir_interpret(&host, &stack, &target, args, result, &stop);
    ir_stack_free(&stack);
    if (outcome != IR_RETURNED) {
        const struct code_trace trace = trace_of(&stop);
        print_trap(r->unit, trace.frames[0].function, trace.frames[0].location, stop.trap);
        print_active(r->unit, &trace);
    }
    if (outcome == IR_RETURNED && cil_runtime_has_thrown(r)) {
        return print_ending(r, &none);
    }
    return outcome == IR_RETURNED ? 0 : TOOL_TRAPPED;
}

/* ---- Machine code ---- */

int engine_report(const struct cil_runtime *r, const struct cil_stop *stop)
{
    const struct code_trace *trace = &((const struct code_map *)r->engine)->trace;
    if (stop->is_trap) {
        print_trap(r->unit, stop->method, stop->offset, stop->trap);
        print_active(r->unit, trace);
        return TOOL_TRAPPED;
    }
    return print_ending(r, trace);
}

static void without_passes(struct jit_options *jit)
{
    jit->quick = true;
}

static void with_few_registers(struct jit_options *jit)
{
    jit->limits = few_registers(&compiled_options.machine->registers);
}

/* C code keeps using all features. */
static void without_features(struct jit_options *jit)
{
    jit->features &= JIT_X86_VECTORS_IN_C | JIT_ARM_VECTORS_IN_C;
}

/* tool_load() has set the domain for it. */
static void as_usual(struct jit_options *jit)
{
    (void)jit;
}

/* The compiler checks itself after each step of these. The oracle of tests/oracle compares them. */
static const struct way {
    const char *name;
    void (*change)(struct jit_options *jit);
} ways[] = {{"quick", without_passes},
            {"few", with_few_registers},
            {"old", without_features},
            {"calls", as_usual},
            {"frames", as_usual}};

bool engine_has_way(const char *name)
{
    for (unsigned n = 0; n < ARRAY_COUNT(ways); n++) {
        if (strcmp(name, ways[n].name) == 0) {
            return true;
        }
    }
    return false;
}

static struct jit_options options_of(const struct tool *t)
{
    struct jit_options jit = compiled_options.jit;
    for (unsigned n = 0; t->way != NULL && n < ARRAY_COUNT(ways); n++) {
        if (strcmp(t->way, ways[n].name) == 0) {
            jit.checks = &jit_checks;
            ways[n].change(&jit);
        }
    }
    return jit;
}

static int run_compiled(const struct tool *t, struct cil_runtime *r, const struct ir_bits *args,
                        struct ir_bits *result)
{
    static struct cil_code code; /* signal handlers know its address */
    struct cil_stop stop;
    const struct cil_code_options options = {.machine = compiled_options.machine,
                                             .jit = options_of(t),
                                             .space = compiled_options.space,
                                             .arena_bytes = compiled_options.arena_bytes,
                                             .fill = compiled_options.fill,
                                             .running = compiled_options.running};
    double start = tool_now();
    if (!cil_code_make(r->unit, &options, &code)) {
        return TOOL_REFUSED;
    }
    if (t->shows_times) {
        fprintf(stderr, "halyard-cil: compiled and proved in %.1f ms\n",
                1e3 * (tool_now() - start));
        fprintf(stderr, "halyard-cil: %u methods as objects, %u adapters, %llu compared\n",
                r->unit->member_count, r->unit->adapter_count,
                (unsigned long long)r->unit->adapter_steps);
    }
    int status = 0;
    cil_code_bind(&code, r);
    if (!cil_code_run(&code, args, result, &stop)) {
        status = engine_report(r, &stop);
    }
    if (r->world->threads->next != NULL) { /* others may be running: the process ends with them */
        fflush(stdout);
        _exit(status != 0 ? status : (int)(cil_main_result(r, result->lo) & 0xff));
    }
    cil_code_free(&code);
    return status;
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
            fprintf(stderr, "halyard-cil: %s: %s\n", u->callees[CIL_FIRST_METHOD + n].name,
                    complaint.text);
            return false;
        }
    }
    return true;
}

/* In the manner of other runtimes, on standard error. */
static void print_heap(const struct cil_runtime *r)
{
    const struct cil_gc_figures *f = &r->world->heap.figures;
    fprintf(
        stderr,
        "halyard-cil: %llu collections, %llu of them of young objects, %llu KiB allocated before "
        "the last one, %llu survived, %llu moved, %u live\n",
        (unsigned long long)f->collections, (unsigned long long)f->minor,
        (unsigned long long)f->allocated >> 10, (unsigned long long)f->survived >> 10,
        (unsigned long long)f->moved >> 10, f->live >> 10);
}

/* A mistake of the compiler, for tests: at each safe point of a method the first reference that
 * lives across it is not listed. In its place is the frame's header, which leads to no object. */
static void lose(struct cil_unit *u, const char *method)
{
    for (uint32_t n = 0; method != NULL && n < u->point_count; n++) {
        const struct cil_unit_point *p = &u->points[n];
        uint32_t callee = CIL_FIRST_METHOD + u->frames[p->frame].method;
        if (p->count != 0 && strcmp(u->callees[callee].name, method) == 0) {
            u->roots.all[p->first].at = 0;
        }
    }
}

/* Another one: the stores of references in a method are not noted in the card table. A fence takes
 * the place of each such instruction. */
static void unmark(struct cil_unit *u, const char *method)
{
    for (uint32_t n = 0; method != NULL && n < u->count; n++) {
        struct ir_function *f = u->methods[n].function;
        if (strcmp(u->callees[CIL_FIRST_METHOD + n].name, method) != 0) {
            continue;
        }
        for (uint32_t at = 0; at < f->instr_count; at++) {
            struct ir_instr *i = &f->instrs[at];
            if (i->op == IR_STORE && f->memrefs[i->c].alias_class == CIL_CARD_CLASS) {
                *i = (struct ir_instr){.op = IR_FENCE};
            }
        }
    }
}

int engine_run(struct cil_unit *u, const struct tool *t, const struct ir_bits *args,
               const struct engine_words *words, struct ir_bits *result)
{
    static struct cil_runtime runtime;
    struct cil_system system = engine_system;
    struct ir_bits main_args = {.lo = 0};
    if (!check_unit(u)) {
        return TOOL_REFUSED;
    }
    if (t->is_interpreted && u->threads) { /* the interpreter's stack and its way back exist once */
        (void)cil_fail(u->d, NULL, 0, E_NOTSUP,
                       "a program that may start threads is not interpreted");
        return TOOL_REFUSED;
    }
    uint64_t max = t->memory_mib != 0 ? (uint64_t)t->memory_mib << 20 : WINDOW_MAX;
    if (!cil_runtime_make(&runtime, u, cil_natives, CIL_NATIVE_COUNT, max, NULL)) {
        return TOOL_REFUSED;
    }
    if (cil_files_are_used(u)) { /* the file's name is the word before the arguments */
        system.wasi = engine_files((const char *const *)t->argv - 1, (uint32_t)t->argc + 1);
    }
    runtime.owner = &system;
    cil_heap_check(&runtime, t->gc_checks);
    lose(u, t->gc_lost);
    unmark(u, t->gc_unmarked);
    uint32_t array = 0;
    if (words != NULL) {
        if (cil_main_argument(&runtime, words->words, words->count, &array) != OK) {
            cil_runtime_free(&runtime);
            (void)cil_fail(u->d, NULL, 0, E_NOMEM, "no memory for the arguments");
            return TOOL_REFUSED;
        }
        main_args.lo = array;
        args = &main_args;
    }
    int status = t->is_interpreted ? interpret(&runtime, args, result)
                                   : run_compiled(t, &runtime, args, result);
    if (status == 0 && t->action == TOOL_MAIN) {
        result->lo = cil_main_result(&runtime, result->lo);
    }
    if (t->shows_heap) {
        print_heap(&runtime);
    }
    cil_runtime_free(&runtime);
    wasi_destroy(system.wasi);
    return status;
}
