// SPDX-License-Identifier: MIT
//
// Compiled code near the end of the mapped part of its stack: at every distance, a leaf's traps are
// the ones that its rows declare, and it is preempted and killed like any other code.
#include "hal/context.h"
#include "kernel/base/clock.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/heap.h"
#include "kernel/program/program.h"
#include "kernel/sched/thread.h"
#include "tests/kernel/tests.h"
#include "tests/kernel/wasm_bed.h"

#define STACK       ((size_t)1 << 20)
#define GROWTH      ((size_t)0x10000) /* a stack grows to the next multiple of this */
#define MODULE_MAX  ((size_t)160 << 10)
#define LONG_NS     ((uint64_t)30 * NS_PER_S)
#define STATUS      9
#define ROOM_BEYOND (JIT_STACK_MARGIN - JIT_RECORD_BYTES - JIT_LEAF_BYTES)

/* What a leaf function does. */
enum kind { RETURNS, UNREACHABLE, DIVIDES, READS, SPINS };
enum { RUNS = 0, FLAG = 64, VALUES = 128 }; /* addresses in the memory */

/* Numbers of values that are live throughout each leaf: each takes eight bytes of its frame
 * once the registers are full. */
static const uint32_t leaves[] = {0, 100, 490, 900, 1540, 1900, 2100, 4200};
#define LARGE 6u /* the leaf with a frame of 16.4 KiB, more than its caller's margin */
/* Distances of a leaf's stack pointer from the end of the mapped stack. */
static const uint32_t places[] = {200, 1400, 2600, 3800};

/* Shared by all tests: only one runs at a time. */
static struct {
    uint8_t *bytes;
    size_t len;
    struct wasm_store *store;
    struct wasm_instance *instance;
    const struct code_piece *piece;
    struct code_map *map;
    volatile uint32_t *memory;
} bed;

/* ---- The module ---- */

static void put(const uint8_t *data, size_t n)
{
    for (size_t i = 0; i < n && bed.len < MODULE_MAX; i++) {
        bed.bytes[bed.len++] = data[i];
    }
}
#define PUT(...) put((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void put_number(uint32_t n)
{
    for (; n > 0x7f; n >>= 7) {
        PUT((uint8_t)(n | 0x80));
    }
    PUT((uint8_t)n);
}

/* Five bytes for a length that end() fills in. */
static size_t begin(void)
{
    PUT(0x80, 0x80, 0x80, 0x80, 0);
    return bed.len;
}

static void end(size_t start)
{
    size_t size = bed.len - start;
    for (unsigned n = 0; n < 5; n++) {
        bed.bytes[start - 5 + n] = (uint8_t)((size >> (7 * n) & 0x7f) | (n < 4 ? 0x80 : 0));
    }
}

static void put_load(uint32_t offset)
{
    PUT(0x41, 0, 0x28, 2); /* i32.const 0, i32.load */
    put_number(offset);
}

static void begin_if(enum kind kind)
{
    PUT(0x20, 1, 0x41, (uint8_t)kind, 0x46, 0x04, 0x40);
}

/* (func (param $zero i32) (param $kind i32) (result i32) The store in the loop may alias the flag,
 * so the loop loads the flag each time. */
static void put_leaf(uint32_t values)
{
    size_t start = begin();
    PUT(0);
    for (uint32_t n = 0; n < values; n++) {
        put_load(VALUES + 4 * n);
    }
    begin_if(UNREACHABLE);
    PUT(0x00, 0x0b);
    begin_if(DIVIDES);
    PUT(0x20, 1, 0x20, 0, 0x6e, 0x1a, 0x0b); /* kind / zero */
    begin_if(READS);
    put_load(0x7ffffff0);
    PUT(0x1a, 0x0b);
    begin_if(SPINS);
    PUT(0x03, 0x40, 0x20, 0, 0x41, 1, 0x36, 2, RUNS);
    put_load(FLAG);
    PUT(0x45, 0x0d, 0, 0x0b, 0x0b);
    for (uint32_t n = 1; n < values; n++) {
        PUT(0x6a);
    }
    if (values == 0) {
        PUT(0x41, 0);
    }
    PUT(0x0b);
    end(start);
}

/* (func (param $n i32) (param $kind i32) (result i32) (if (result i32) (local.get $n)
 *   (then (i32.add (i32.const 1) (call $self (i32.sub (local.get $n) (i32.const 1)) ...)))
 *   (else (call $leaf (i32.const 0) (local.get $kind))))) */
static void put_recursion(uint32_t leaf)
{
    size_t start = begin();
    PUT(0, 0x20, 0, 0x04, 0x7f, 0x41, 1, 0x20, 0, 0x41, 1, 0x6b, 0x20, 1, 0x10, (uint8_t)(leaf + 1),
        0x6a, 0x05, 0x41, 0, 0x20, 1, 0x10, (uint8_t)leaf, 0x0b, 0x0b);
    end(start);
}

/* For each leaf its function, and one that recurses to a depth and then calls it. */
static void put_module(void)
{
    bed.len = 0;
    PUT(0, 'a', 's', 'm', 1, 0, 0, 0, 1, 7, 1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f);
    PUT(3, 2 * ARRAY_COUNT(leaves) + 1, 2 * ARRAY_COUNT(leaves));
    for (unsigned n = 0; n < 2 * ARRAY_COUNT(leaves); n++) {
        PUT(0);
    }
    PUT(5, 3, 1, 0, 1, 10);
    size_t start = begin();
    PUT(2 * ARRAY_COUNT(leaves));
    for (unsigned n = 0; n < ARRAY_COUNT(leaves); n++) {
        put_leaf(leaves[n]);
        put_recursion(2 * n);
    }
    end(start);
}

static uint32_t frame_of(uint32_t function)
{
    return code_piece_function(bed.piece, function)->frame_bytes;
}

/* ---- Calls, each on a stack of its own ---- */

struct call {
    uint32_t leaf, kind;
    size_t at;        /* distance of the leaf's stack pointer from the stack's top, */
    size_t room;      /* or, if not 0, bytes of stack left to the C function that calls the leaf */
    uint64_t outcome; /* as in code_map.h */
    uint32_t result, depth;
    uint64_t beyond;      /* bytes mapped below the leaf's stack pointer when it ended */
    _Atomic bool is_over; /* release: the other fields are filled in */
};

static uintptr_t enter(void *e)
{
    return jit_enter(e);
}

/* C uses some hundreds of bytes of the stack before it enters the code; no
 * test needs the exact number. */
static void make_call(void *arg)
{
    struct call *c = arg;
    const struct hal_context *own = &thread_current()->context;
    uint32_t recursion = frame_of(2 * c->leaf + 1), leaf = frame_of(2 * c->leaf);
    size_t used = own->stack_hi - (uintptr_t)__builtin_frame_address(0) + leaf;
    c->depth = c->at > used + recursion ? (uint32_t)((c->at - used) / recursion - 1) : 0;
    const struct wasm_func *f =
        wasm_instance_function(bed.instance, 2 * c->leaf + (c->room == 0 ? 1 : 0));
    struct jit_entry e = {
        .code = f->code, .context = f->context, .ints = {c->room == 0 ? c->depth : 0, c->kind}};
    bed.map->entry = &e;
    c->outcome = c->room == 0 ? jit_enter(&e) : hal_stack_call(own->stack_lo + c->room, enter, &e);
    bed.map->entry = NULL;
    c->result = (uint32_t)e.ints[0];
    c->beyond = e.saved_sp - ((uint64_t)c->depth + 1) * recursion - leaf - own->stack_lo;
    atomic_store_explicit(&c->is_over, true, memory_order_release);
}

static struct thread *start(struct call *c, struct program *p)
{
    const struct thread_options options = {.name = "stack",
                                           .entry = make_call,
                                           .arg = c,
                                           .priority = PRIO_NORMAL,
                                           .uses_fp = true,
                                           .owner = p != NULL ? &p->owner : NULL,
                                           .stack_bytes = STACK};
    struct thread *t = NULL;
    bed.memory[RUNS / 4] = bed.memory[FLAG / 4] = 0;
    return thread_create(&options, &t) == OK ? t : NULL;
}

static bool run(struct call *c)
{
    struct thread *t = start(c, NULL);
    return t != NULL && test_join(t, NULL) == OK;
}

static uint64_t outcome_of(uint32_t kind)
{
    static const uint64_t all[] = {
        [RETURNS] = CODE_RETURNED,
        [UNREACHABLE] = CODE_TRAPPED + (uint64_t)IR_TRAP_UNREACHABLE,
        [DIVIDES] = CODE_TRAPPED + (uint64_t)IR_TRAP_DIVIDE,
        [READS] = CODE_TRAPPED + (uint64_t)IR_TRAP_MEMORY,
    };
    return all[kind];
}

#define IS_OVERFLOW (CODE_TRAPPED + (uint64_t)IR_TRAP_STACK)

static void check(const struct call *c, uint64_t outcome)
{
    if (c->outcome != outcome || (outcome == CODE_RETURNED && c->result != c->depth)) {
        test_fail(__FILE__, __LINE__, "leaf %u, kind %u, %zu below the top, room %zu: outcome %llu",
                  leaves[c->leaf], c->kind, c->at, c->room, (unsigned long long)c->outcome);
    }
    if (c->room == 0 && outcome != IS_OVERFLOW && c->beyond < ROOM_BEYOND) {
        test_fail(__FILE__, __LINE__, "leaf %u, %zu below the top: %llu bytes are mapped below it",
                  leaves[c->leaf], c->at, (unsigned long long)c->beyond);
    }
}

static void open_store(void (*fn)(void))
{
    static const struct wasm_bounds bounds = {.arena_bytes = (size_t)16 << 20};
    struct wasm_module *module;
    struct wasm_code *code;
    struct wasm_stop stop;
    struct wasm_error err;
    TEST_NEED(wasm_module_decode(bed.bytes, bed.len, &bounds, &module, &err) == OK);
    if (wasm_load(bed.store, module, &code, &err) != OK) {
        test_fail(__FILE__, __LINE__, "%s", err.text);
        return;
    }
    bed.piece = wasm_compiled_piece(code);
    bed.map = bed.piece->map;
    if (wasm_instantiate(bed.store, code, &bed.instance, &stop, &err) == OK) {
        struct wasm_extern f = wasm_instance_extern(bed.instance, WASM_FUNCTION, 0);
        uint64_t args[2] = {0, RETURNS}, result = 1;
        bed.memory = (volatile uint32_t *)(uintptr_t)bed.instance->memory->box.base;
        TEST_EQUAL(wasm_call(bed.store, &f, args, &result, &stop), WASM_RETURNED);
        fn();
    } else {
        test_fail(__FILE__, __LINE__, "no instance");
    }
    wasm_release(bed.store, code);
}

static void run_in_bed(void *arg)
{
    const struct wasm_quota quota = {.pages = 1};
    TEST_NEED(wasm_store_open(&wasm_compiled, &wasm_bed_options, &quota, &bed.store) == OK);
    open_store(*(void (**)(void))arg);
    wasm_store_close(bed.store);
}

static void with_module(void (*fn)(void))
{
    bed.bytes = heap_alloc(MODULE_MAX);
    TEST_NEED(bed.bytes != NULL);
    put_module();
    TEST_CHECK(wasm_bed_run(run_in_bed, &fn));
    TEST_EQUAL(wasm_bed_pages(), 0);
    heap_free(bed.bytes);
}

/* ---- Traps ---- */

/* Place a leaf's stack pointer at this distance from each end that the growing stack has. At the
 * last end the stack overflows. */
static void try_kinds(uint32_t leaf, size_t end, uint32_t place)
{
    for (uint32_t kind = RETURNS; kind <= READS; kind++) {
        struct call c = {.leaf = leaf, .kind = kind, .at = end - place};
        TEST_CHECK(run(&c));
        check(&c, end == STACK ? IS_OVERFLOW : outcome_of(kind));
    }
}

static void sweep(void)
{
    uint32_t turn = 0;
    TEST_CHECK(frame_of(0) <= JIT_LEAF_BYTES && frame_of(2 * LARGE) > JIT_STACK_MARGIN);
    for (size_t end = HAL_STACK_SIZE; end <= STACK; end = ALIGN_UP(end + 1, GROWTH)) {
        for (unsigned n = 0; n < ARRAY_COUNT(places); n++) {
            try_kinds(turn++ % ARRAY_COUNT(leaves), end, places[n]);
            try_kinds(LARGE, end, places[n]);
        }
    }
}

static void a_leaf_traps_anywhere_on_the_stack(void)
{
    with_module(sweep);
}

/* C calls the leaf with little stack left: the trap that the hardware reported
 * decides the outcome, not the place. */
static void call_with_little_stack(void)
{
    for (size_t room = 1024; room <= HAL_STACK_ROOM + 512; room += 256) {
        for (uint32_t kind = RETURNS; kind <= READS; kind++) {
            struct call c = {.kind = kind, .room = room};
            TEST_CHECK(run(&c));
            check(&c, outcome_of(kind));
        }
    }
}

static void a_fault_without_stack_room_is_the_declared_trap(void)
{
    with_module(call_with_little_stack);
}

/* ---- Interrupts ---- */

static struct program *new_program(void)
{
    struct program *p = NULL;
    TEST_EQUAL(program_create("stack", &p), OK);
    return p;
}

static void finish(struct program *p, enum program_end expected)
{
    enum program_end end = PROGRAM_RUNNING;
    int status;
    TEST_EQUAL(program_wait(p, clock_now_ns() + LONG_NS, &end, &status), OK);
    TEST_EQUAL(end, expected);
    program_release(p);
}

/* On this CPU: it runs for one time slice at a time, which an interrupt ends. */
static struct thread *start_spinning(struct call *c, struct program *p)
{
    struct thread *t = start(c, p);
    while (t != NULL && bed.memory[RUNS / 4] == 0 &&
           !atomic_load_explicit(&c->is_over, memory_order_acquire)) {
        thread_yield();
    }
    return t;
}

static void preempt_and_kill(uint32_t leaf, size_t end, uint32_t place, bool is_killed)
{
    struct call c = {.leaf = leaf, .kind = SPINS, .at = end - place};
    struct program *p = new_program();
    if (p == NULL) {
        return;
    }
    struct thread *t = start_spinning(&c, p);
    if (is_killed || t == NULL) {
        program_kill(p, PROGRAM_KILLED, STATUS);
    } else {
        bed.memory[FLAG / 4] = 1;
    }
    TEST_CHECK(t != NULL && test_join(t, NULL) == OK);
    bed.map->entry = NULL;
    finish(p, is_killed ? PROGRAM_KILLED : PROGRAM_EXITED);
    if (!is_killed) {
        check(&c, CODE_RETURNED);
    }
}

static void spin(void)
{
    for (size_t end = HAL_STACK_SIZE; end <= 2 * GROWTH; end = ALIGN_UP(end + 1, GROWTH)) {
        for (unsigned n = 0; n < ARRAY_COUNT(places); n++) {
            preempt_and_kill(LARGE, end, places[n], n % 2 == 0);
            preempt_and_kill(0, end, places[n], n % 2 != 0);
        }
    }
}

static void a_leaf_that_spins_is_preempted_and_killed(void)
{
    with_module(spin);
}

/* If the interrupt were lost, no other thread would run on this CPU again. */
static void spin_with_little_stack(void)
{
    for (size_t room = 1024; room < HAL_STACK_ROOM; room += 1024) {
        struct call c = {.kind = SPINS, .room = room};
        struct program *p = new_program();
        if (p == NULL) {
            return;
        }
        wasm_bed_let_trap(p);
        struct thread *t = start_spinning(&c, p);
        while (t != NULL && !atomic_load_explicit(&c.is_over, memory_order_acquire)) {
            thread_yield();
        }
        if (t == NULL) {
            program_kill(p, PROGRAM_EXITED, 0);
        }
        TEST_CHECK(t != NULL && test_join(t, NULL) == OK);
        finish(p, PROGRAM_EXITED);
        wasm_bed_let_trap(NULL);
        check(&c, IS_OVERFLOW);
    }
}

static void a_loop_without_stack_room_overflows(void)
{
    with_module(spin_with_little_stack);
}

const struct kernel_test stack_tests[] = {
    {"stack.a_leaf_traps_anywhere_on_the_stack", a_leaf_traps_anywhere_on_the_stack,
     TEST_ON_NOTHING},
    {"stack.a_fault_without_stack_room_is_the_declared_trap",
     a_fault_without_stack_room_is_the_declared_trap, TEST_ON_NOTHING},
    {"stack.a_leaf_that_spins_is_preempted_and_killed", a_leaf_that_spins_is_preempted_and_killed,
     TEST_ON_NOTHING},
    {"stack.a_loop_without_stack_room_overflows", a_loop_without_stack_room_overflows,
     TEST_ON_NOTHING},
    {0},
};
