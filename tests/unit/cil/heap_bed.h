// SPDX-License-Identifier: MIT
//
// A heap of a .NET program that a test makes by hand, with a part of the window for large objects,
// and without code: roots are static fields.
#pragma once

#include "kernel/cil/run/natives.h"
#include "kernel/lib/endian.h"
#include "tests/unit/fake/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WINDOW     (UINT32_C(96) << 20)
#define UPPER      (UINT32_C(16) << 20) /* for large objects, after the window */
#define ROOTS      1000u
#define ROOTS_AT   (CIL_DATA_START + 256u)
#define CARDS_AT   ALIGN_UP(ROOTS_AT + ROOTS * 8, 16u)
#define HEAP_START (CARDS_AT + (WINDOW >> CIL_CARD_SHIFT))

/* Descriptions of types, in the window. */
enum { NODE = CIL_DATA_START, REFERENCES = NODE + 64, BYTES = REFERENCES + 64 };

static struct cil_unit unit;
static struct cil_world shared;
static struct cil_runtime runtime, *const r = &runtime;
static struct cil_unit_type types[3]; /* without places: the test describes them */
static struct cil_root roots[ROOTS];
static _Atomic uint32_t stop;
static jmp_buf back;

/* ---- The environment ---- */

static enum status growth;

enum status __wrap_sandbox_grow(struct sandbox *s, uint64_t bytes);
enum status __wrap_sandbox_grow(struct sandbox *s, uint64_t bytes)
{
    (void)s, (void)bytes;
    return growth;
}

/* Memory that is committed anew is zero. */
enum status __wrap_sandbox_set_upper(struct sandbox *s, uint64_t start, uint64_t bytes);
enum status __wrap_sandbox_set_upper(struct sandbox *s, uint64_t start, uint64_t bytes)
{
    assert_int_equal(start, WINDOW);
    if (bytes > UPPER) {
        return E_NOMEM;
    }
    if (bytes < s->upper_bytes) {
        memset(s->base + start + bytes, 0, s->upper_bytes - bytes);
    }
    s->upper_bytes = bytes;
    return OK;
}

static uint64_t polled, stop_after; /* steps; stop_after 0: never */

void __real_cil_poll(struct cil_runtime *of, uint64_t steps);
void __wrap_cil_poll(struct cil_runtime *of, uint64_t steps);
void __wrap_cil_poll(struct cil_runtime *of, uint64_t steps)
{
    polled += steps;
    if (stop_after != 0 && polled > stop_after) {
        stop = 1;
    }
    __real_cil_poll(of, steps);
}

static inline _Noreturn void leave(struct cil_runtime *left)
{
    (void)left;
    longjmp(back, 1);
}

/* @return why the program ended in it; CIL_GOES_ON + 100: it returned. */
static inline unsigned ending_of(void (*what)(void))
{
    if (setjmp(back) != 0) {
        return r->ending;
    }
    what();
    return CIL_GOES_ON + 100;
}

static inline void add_type(uint32_t n, uint32_t at, unsigned shape, uint32_t bytes, uint32_t refs,
                            uint32_t ref_base)
{
    static const uint32_t first = 0;
    r->world->heap.types[n] = (struct cil_gc_type){.bytes = bytes,
                                                   .start = CIL_ELEMENT_AT,
                                                   .shape = (uint8_t)shape,
                                                   .ref_base = ref_base,
                                                   .ref_count = refs,
                                                   .refs = &first};
    r->world->heap.type_at[(at - CIL_DATA_START) / 8] = n + 1;
    store_le32(r->world->memory.base + at + CIL_TYPE_BYTES, bytes);
    store_le32(r->world->memory.base + at + CIL_TYPE_START, CIL_ELEMENT_AT);
    store_le32(r->world->memory.base + at + CIL_TYPE_SHAPE, shape);
}

static inline int start(void **state)
{
    (void)state;
    unit = (struct cil_unit){.runtime_types = types,
                             .runtime_type_count = 3,
                             .data_bytes = HEAP_START,
                             .statics = {roots, 0, ROOTS}};
    shared = (struct cil_world){.length = WINDOW, .stop = &stop, .threads = r};
    runtime = (struct cil_runtime){.unit = &unit,
                                   .world = &shared,
                                   .leave = leave,
                                   .context = {.stack = HEAP_START, .cards = CARDS_AT},
                                   .stack_low = HEAP_START,
                                   .stack_high = HEAP_START};
    r->world->memory =
        (struct sandbox){.base = calloc(1, WINDOW + UPPER), .bytes = WINDOW, .max = WINDOW};
    assert_non_null(r->world->memory.base);
    stop = 0;
    assert_true(cil_heap_make(r, HEAP_START));
    r->world->heap.full = WINDOW; /* only the test collects */
    add_type(0, NODE, CIL_SHAPE_OBJECT, 16, 1, CIL_HEADER_BYTES);
    add_type(1, REFERENCES, CIL_SHAPE_ARRAY, 8, 1, 0);
    add_type(2, BYTES, CIL_SHAPE_ARRAY, 1, 0, 0);
    return 0;
}

static inline int finish(void **state)
{
    (void)state;
    cil_heap_free(r);
    free(r->world->memory.base);
    return 0;
}

static inline uint32_t add_root(uint32_t value, enum cil_root_kind kind)
{
    uint32_t n = unit.statics.count++, at = ROOTS_AT + 8 * n;
    assert_true(n < ROOTS);
    roots[n] = (struct cil_root){at, (uint8_t)kind};
    store_le32(r->world->memory.base + at, value);
    return n;
}

static inline uint32_t root(uint32_t n)
{
    return load_le32(r->world->memory.base + ROOTS_AT + 8 * n);
}

static inline void set(uint32_t object, uint32_t element, uint32_t value)
{
    store_le32(r->world->memory.base + object + CIL_ELEMENT_AT + 8 * element, value);
}

static inline uint32_t node(void)
{
    return cil_new(r, NODE, 16);
}

static inline void collect(void)
{
    cil_collect(r, CIL_GC_ASKED, false);
}

static inline void collect_young(void)
{
    cil_collect(r, CIL_GC_ASKED, true);
}

static inline uint32_t element(uint32_t array, uint32_t n)
{
    return load_le32(r->world->memory.base + array + CIL_ELEMENT_AT + 8 * n);
}

static inline void set_noted(uint32_t array, uint32_t n, uint32_t value)
{
    set(array, n, value);
    cil_note_stores(r, (uint64_t)array + CIL_ELEMENT_AT + 8 * n, 8);
}

/* An old array, which static field 0 leads to. */
static inline uint32_t old_array(uint32_t length)
{
    (void)add_root(cil_new_array(r, REFERENCES, length), CIL_ROOT_OBJECT);
    collect();
    return root(0);
}

static inline uint8_t *byte_of(uint32_t at, uint32_t n)
{
    return r->world->memory.base + at + CIL_ELEMENT_AT + n;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, finish)
