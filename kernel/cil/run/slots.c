// SPDX-License-Identifier: MIT
//
// References that a program has outside of its objects: handles, weak references, and objects whose
// finalizer is to run. A number of the program names each. The collector visits them (collect.c).
#include "kernel/cil/run/natives.h"

#include "kernel/lib/compiler.h"

#define CAPACITY_LEAST 64u

/* Numbers come from the program, which may make up any: one that names nothing is null, and changes
 * nothing. */
static struct cil_slot *find(struct cil_runtime *r, uint64_t number)
{
    struct cil_heap *h = &r->world->heap;
    uint32_t n = (uint32_t)number;
    return n == 0 || n > h->slot_count || h->slots[n - 1].kind == CIL_SLOT_FREE ? NULL
                                                                                : &h->slots[n - 1];
}

static bool grow(struct cil_runtime *r)
{
    struct cil_heap *h = &r->world->heap;
    uint32_t capacity = MAX(2 * h->slot_capacity, CAPACITY_LEAST);
    struct cil_slot *all = budget_resize(r->world->budget, h->slots, h->slot_capacity * sizeof *all,
                                         capacity * sizeof *all);
    if (all != NULL) {
        h->slots = all;
        h->slot_capacity = capacity;
    }
    return all != NULL;
}

/* A free slot contains the number of the next one. */
void cil_slot_release(struct cil_heap *h, struct cil_slot *s)
{
    *s = (struct cil_slot){.object = h->free_slot, .kind = CIL_SLOT_FREE};
    h->free_slot = (uint32_t)(s - h->slots) + 1;
}

uint64_t cil_slot_add(struct cil_runtime *r, uint64_t object, uint64_t kind, uint64_t owner,
                      uint64_t d, uint64_t e)
{
    (void)d, (void)e;
    struct cil_heap *h = &r->world->heap;
    if ((uint32_t)kind > CIL_SLOT_FINAL) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    cil_lock(r);
    uint32_t number = h->free_slot;
    if (number == 0 && h->slot_count == h->slot_capacity && !grow(r)) {
        cil_end(r, CIL_NO_MEMORY);
    }
    if (number == 0) {
        number = ++h->slot_count;
    } else {
        h->free_slot = h->slots[number - 1].object;
    }
    h->slots[number - 1] = (struct cil_slot){(uint32_t)object, (uint32_t)owner, (uint8_t)kind};
    cil_unlock(r);
    return number;
}

uint64_t cil_slot_read(struct cil_runtime *r, uint64_t number, uint64_t b, uint64_t c, uint64_t d,
                       uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    cil_lock(r);
    const struct cil_slot *s = find(r, number);
    uint32_t object = s == NULL ? 0 : s->object;
    cil_unlock(r);
    return object;
}

uint64_t cil_slot_write(struct cil_runtime *r, uint64_t number, uint64_t object, uint64_t c,
                        uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    cil_lock(r);
    struct cil_slot *s = find(r, number);
    if (s != NULL) {
        s->object = (uint32_t)object;
    }
    cil_unlock(r);
    return 0;
}

uint64_t cil_slot_free(struct cil_runtime *r, uint64_t number, uint64_t b, uint64_t c, uint64_t d,
                       uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    cil_lock(r);
    struct cil_slot *s = find(r, number);
    if (s != NULL) {
        cil_slot_release(&r->world->heap, s);
    }
    cil_unlock(r);
    return 0;
}

/* The newest one first: most objects are disposed of soon after they are made. */
uint64_t cil_slot_forget(struct cil_runtime *r, uint64_t object, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    struct cil_heap *h = &r->world->heap;
    bool is_found = false;
    cil_lock(r);
    for (uint32_t n = h->slot_count; n-- > 0 && !is_found;) {
        struct cil_slot *s = &h->slots[n];
        cil_poll(r, 1);
        is_found = s->object == (uint32_t)object &&
                   (s->kind == CIL_SLOT_FINAL || s->kind == CIL_SLOT_READY);
        if (is_found) {
            cil_slot_release(h, s);
        }
    }
    cil_unlock(r);
    return 0;
}

/* The next object whose finalizer is to run, once. The search goes on where the last one ended,
 * because only a collection makes slots ready. @return null: there is none. */
uint64_t cil_slot_next_ready(struct cil_runtime *r, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                             uint64_t e)
{
    (void)a, (void)b, (void)c, (void)d, (void)e;
    struct cil_heap *h = &r->world->heap;
    uint32_t object = 0;
    cil_lock(r);
    for (; object == 0 && h->ready_from < h->slot_count; h->ready_from++) {
        struct cil_slot *s = &h->slots[h->ready_from];
        cil_poll(r, 1);
        if (s->kind == CIL_SLOT_READY) {
            object = s->object;
            cil_slot_release(h, s);
        }
    }
    cil_unlock(r);
    return object;
}

/* Where the contents of a pinned object start, as a number that unsafe code takes for a pointer. */
uint64_t cil_slot_address(struct cil_runtime *r, uint64_t object, uint64_t b, uint64_t c,
                          uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    const struct cil_gc_type *t;
    (void)cil_memory(r, object, CIL_HEADER_BYTES);
    (void)cil_heap_size(r, (uint32_t)object, (uint32_t)cil_window_end(r, (uint32_t)object), &t);
    return (uint32_t)object + (t->shape == CIL_SHAPE_ARRAY    ? (uint64_t)t->start
                               : t->shape == CIL_SHAPE_STRING ? (uint64_t)CIL_CHARS_AT
                                                              : (uint64_t)CIL_HEADER_BYTES);
}

/* An exception that leaves a finalizer has no caller: it ends the program. */
uint64_t cil_slot_failed(struct cil_runtime *r, uint64_t exception, uint64_t b, uint64_t c,
                         uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    r->thrown = (uint32_t)exception;
    cil_end(r, CIL_THROWN);
}
