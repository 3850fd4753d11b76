// SPDX-License-Identifier: MIT
//
// Translates a program's letters to the intermediate representation, in one pass.
#include "tests/unit/jit/example_frontend.h"

#include "kernel/lib/compiler.h"

#define STACK_MAX 16u
#define LOOPS_MAX 8u

/* ---- Step 1: what all functions share ---- */

enum { MAIN = EXAMPLE_MAIN, ALLOC, COLLECT };

static const uint8_t types[] = {IR_I64, IR_I64, /* (i64) -> (i64) */
                                IR_I64, IR_I64, IR_REF /* (i64, i64) -> (ref) */};
static const struct ir_signature signatures[] = {{0, 1, 1}, {2, 2, 1}, {0, 0, 0}};
static const struct ir_callee callees[] = {
    [MAIN] = {.name = "main", .signature = 0},
    [ALLOC] = {.name = "alloc",
               .signature = 1,
               .kind = IR_CALLEE_HELPER,
               .entry = 32,
               .effects = IR_READS | IR_WRITES},
    [COLLECT] = {.name = "collect",
                 .signature = 2,
                 .kind = IR_CALLEE_HELPER,
                 .entry = 40,
                 .effects = IR_READS | IR_WRITES},
};

const struct ir_module example_module = {
    .types = types,
    .type_count = ARRAY_COUNT(types),
    .signatures = signatures,
    .signature_count = ARRAY_COUNT(signatures),
    .callees = callees,
    .callee_count = ARRAY_COUNT(callees),
    .collector = {.polls = true,
                  .poll_flag = 16,
                  .poll_callee = COLLECT,
                  .marks_cards = true,
                  .cards = 24,
                  .card_shift = 6},
};

/* ---- Step 2: the translator's state: a stack of IR values, not of numbers ---- */

struct loop {
    uint32_t header, exit; /* blocks */
    uint32_t depth;        /* of the enclosing stack */
    /* the header's parameters: the stack, then the remaining rounds */
    uint32_t values[STACK_MAX + 1];
};

struct translator {
    struct ir_function *f;
    uint32_t stack[STACK_MAX], depth;
    struct loop loops[LOOPS_MAX];
    uint32_t loop_count;
    uint32_t argument;
    const char *why; /* the first error */
};

static void fail(struct translator *t, const char *why)
{
    t->why = t->why == NULL ? why : t->why;
}

static void push(struct translator *t, uint32_t value)
{
    if (t->depth == STACK_MAX) {
        fail(t, "the stack is full");
        return;
    }
    t->stack[t->depth++] = value;
}

/* Types are known during translation: nothing is checked at run time. */
static uint32_t pop(struct translator *t, unsigned type)
{
    if (t->depth == 0) {
        fail(t, "the stack is empty");
        return 0;
    }
    uint32_t value = t->stack[--t->depth];
    if (t->f->error == OK && t->f->instrs[value].type != type) {
        fail(t, type == IR_REF ? "no list" : "no number");
    }
    return value;
}

static uint32_t top_type(struct translator *t)
{
    return t->depth > 0 && t->f->error == OK ? t->f->instrs[t->stack[t->depth - 1]].type
                                             : (unsigned)IR_I64;
}

/* ---- Step 3: straight-line code ---- */

static void binary(struct translator *t, unsigned op)
{
    uint32_t b = pop(t, IR_I64), a = pop(t, IR_I64);
    push(t, ir_build(t->f, op, IR_I64, a, b, 0)); /* 1 + 2 becomes 3 here */
}

/* The address of a field in a list's object. */
static uint32_t field(struct translator *t, uint64_t offset)
{
    return ir_memref(t->f, &(struct ir_memref){.space = IR_SPACE_OBJECT, .offset = offset});
}

/* Calls a helper that may collect: flagged, so that the call is a safe point. */
static void longer(struct translator *t)
{
    struct ir_function *f = t->f;
    uint32_t number = pop(t, IR_I64), rest = pop(t, IR_REF);
    const uint32_t args[] = {ir_build_const(f, IR_I64, 2), ir_build_const(f, IR_I64, 1)};
    uint32_t list = ir_emit(f, IR_CALL, IR_REF, ALLOC, ir_pool(f, args, 2), 2);
    if (f->error == OK) {
        f->instrs[list].flags = IR_SAFE_POINT;
    }
    (void)ir_build(f, IR_STORE_REF, IR_VOID, list, rest, field(t, 8));
    (void)ir_build(f, IR_STORE, IR_VOID, list, number, field(t, 16));
    push(t, list);
}

/* For the empty list this faults, and the access's row turns the fault into a trap. */
static void load(struct translator *t, unsigned type, uint64_t offset)
{
    uint32_t list = pop(t, IR_REF);
    push(t, ir_build(t->f, IR_LOAD, type, list, 0, field(t, offset)));
}

/* ---- Step 4: control flow: the values on the stack become block parameters ---- */

static void begin_loop(struct translator *t)
{
    struct ir_function *f = t->f;
    uint32_t left = pop(t, IR_I64), body = ir_block_new(f);
    if (t->loop_count == LOOPS_MAX || t->depth == STACK_MAX) {
        fail(t, "too deep");
        return;
    }
    struct loop *l = &t->loops[t->loop_count++];
    *l = (struct loop){.header = ir_block_new(f), .exit = ir_block_new(f), .depth = t->depth};
    t->stack[t->depth] = left;
    (void)ir_emit(f, IR_JUMP, IR_VOID, ir_edge(f, l->header, t->stack, t->depth + 1), 0, 0);
    ir_block_start(f, l->header);
    for (uint32_t n = 0; n <= t->depth; n++) {
        unsigned type = f->error == OK ? f->instrs[t->stack[n]].type : (unsigned)IR_I64;
        l->values[n] = t->stack[n] = ir_param(f, type);
    }
    uint32_t done = ir_build(f, IR_EQZ, IR_I32, l->values[l->depth], 0, 0);
    uint32_t leave = ir_edge(f, l->exit, NULL, 0), again = ir_edge(f, body, NULL, 0);
    (void)ir_emit(f, IR_BRANCH, IR_VOID, done, leave, again);
    ir_block_start(f, body);
    (void)ir_emit(f, IR_POLL, IR_VOID, 0, 0, 0); /* the collector may run in every round */
}

static void end_loop(struct translator *t)
{
    struct ir_function *f = t->f;
    if (t->loop_count == 0) {
        fail(t, "no loop is open");
        return;
    }
    const struct loop *l = &t->loops[--t->loop_count];
    bool same = t->depth == l->depth;
    for (uint32_t n = 0; n < l->depth && same && f->error == OK; n++) {
        same = f->instrs[t->stack[n]].type == f->instrs[l->values[n]].type;
    }
    if (!same) {
        fail(t, "a loop changes what is on the stack");
        return;
    }
    uint32_t one = ir_build_const(f, IR_I64, 1);
    t->stack[l->depth] = ir_build(f, IR_SUB, IR_I64, l->values[l->depth], one, 0);
    (void)ir_emit(f, IR_JUMP, IR_VOID, ir_edge(f, l->header, t->stack, l->depth + 1), 0, 0);
    ir_block_start(f, l->exit);
    for (uint32_t n = 0; n < l->depth; n++) {
        t->stack[n] = l->values[n];
    }
    t->depth = l->depth;
}

/* ---- Words that only rearrange the stack: they generate no code ---- */

static void rearrange(struct translator *t, char word)
{
    uint32_t *top = t->stack + t->depth, need = word == '%' ? 2 : word == '@' ? 3 : 1;
    if (t->depth < need) {
        fail(t, "the stack is empty");
    } else if (word == ':') {
        push(t, top[-1]);
    } else if (word == ';') {
        t->depth--;
    } else {
        uint32_t first = top[-(int32_t)need];
        for (uint32_t n = need; n > 1; n--) {
            top[-(int32_t)n] = top[1 - (int32_t)n];
        }
        top[-1] = first;
    }
}

static void translate_word(struct translator *t, char word)
{
    switch (word) {
    case ' ':
        break;
    case 'n':
        push(t, t->argument);
        break;
    case '+':
        binary(t, IR_ADD);
        break;
    case '-':
        binary(t, IR_SUB);
        break;
    case '*':
        binary(t, IR_MUL);
        break;
    case '_':
        push(t, ir_emit(t->f, IR_NULL, IR_REF, 0, 0, 0));
        break;
    case ',':
        longer(t);
        break;
    case '.':
        load(t, IR_I64, 16);
        break;
    case '\'':
        load(t, IR_REF, 8);
        break;
    case ':':
    case ';':
    case '%':
    case '@':
        rearrange(t, word);
        break;
    case '[':
        begin_loop(t);
        break;
    case ']':
        end_loop(t);
        break;
    default:
        if (word < '0' || word > '9') {
            fail(t, "no such word");
        } else {
            push(t, ir_build_const(t->f, IR_I64, (uint64_t)(word - '0')));
        }
    }
}

/* ---- Step 5: the function as a whole ---- */

struct ir_function *example_translate(struct arena *a, const char *program, const char **why)
{
    struct translator t = {.f = ir_function_new(a, &example_module, MAIN)};
    if (t.f == NULL) {
        *why = "no memory";
        return NULL;
    }
    ir_block_start(t.f, ir_block_new(t.f));
    t.argument = ir_param(t.f, IR_I64);
    for (uint32_t n = 0; program[n] != '\0' && t.why == NULL; n++) {
        t.f->location = n + 1; /* the location that a trap reports */
        translate_word(&t, program[n]);
    }
    if (t.depth != 1 || t.loop_count != 0 || top_type(&t) != IR_I64) {
        fail(&t, "one number is to be left");
    }
    if (t.why == NULL) {
        (void)ir_emit(t.f, IR_RETURN, IR_VOID, 0, ir_pool(t.f, t.stack, 1), 1);
    }
    /* one check at the end is enough: building never fails earlier */
    *why = t.f->error != OK ? "no memory" : t.why;
    return *why == NULL ? t.f : NULL;
}
