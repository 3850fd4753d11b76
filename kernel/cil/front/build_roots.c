// SPDX-License-Identifier: MIT
//
// References for the collector: those in frames, and those that live across safe points. They are
// lists of the unit: a frame's is the same at each of its calls, a safe point has its own besides.
#include "kernel/cil/front/build_internal.h"

#include "kernel/jit/roots.h"
#include "kernel/lib/string.h"

STATIC_ASSERT(BUILD_OBJECT == (unsigned)ROOTS_OBJECT && BUILD_INNER == (unsigned)ROOTS_INNER &&
                  BUILD_FRAME == (unsigned)ROOTS_FRAME,
              "kernel/jit/roots.h");

/* How the collector reads this (each_frame() in run/collect.c): it walks over the frames between
 * `stack` and the end of its thread's stack. The first word of a frame is the number of a safe
 * point, which leads to the frame's size and to two lists of offsets: those of the frame, which
 * count at each of its safe points, and those of the point. All lists are outside of the window,
 * and the word is compared with the number of points: a program that overwrites it ends as damaged,
 * and reads nothing outside. A list of the frame contains variables and structs in memory. Their
 * words are valid references, or null, from the moment the frame exists: variables are written or
 * cleared at the start (build.c), and slots are cleared by roots_place(). A slot is for one type
 * (build_slot_of()), so that its words never contain anything else. */

bool unit_add_root(struct cil_unit *u, struct cil_roots *to, struct cil_root root)
{
    struct cil_root *all = unit_grow(u, to->all, &to->capacity, to->count + 1, sizeof *all);
    if (all != NULL) {
        to->all = all;
        all[to->count++] = root;
    }
    return all != NULL;
}

bool unit_add_roots(struct cil_unit *u, struct cil_roots *to, const struct build_rep *rep,
                    uint32_t at, unsigned kind)
{
    uint32_t inner;
    if (rep->structure != NULL && rep->structure->kind == CIL_TYPEDBYREF) {
        return unit_typed_root(u, rep->structure, &inner) &&
               unit_add_root(u, to, (struct cil_root){at + inner, CIL_ROOT_INNER});
    }
    const struct cil_layout *l =
        rep->structure == NULL ? NULL : cil_type_layout(u->d, rep->structure);
    uint32_t count = l != NULL                                           ? l->ref_count
                     : rep->kind == CIL_OBJECT || rep->kind == CIL_BYREF ? 1
                                                                         : 0;
    for (uint32_t n = 0; n < count; n++) {
        uint32_t place = l == NULL ? at : at + l->refs[n];
        if (!unit_add_root(u, to, (struct cil_root){place, (uint8_t)kind})) {
            return false;
        }
    }
    return l != NULL || rep->structure == NULL;
}

bool build_add_roots(struct builder *b, const struct build_rep *rep, uint32_t at, bool is_pinned)
{
    unsigned kind = is_pinned                ? CIL_ROOT_PINNED
                    : rep->kind == CIL_BYREF ? CIL_ROOT_INNER
                                             : CIL_ROOT_OBJECT;
    return unit_add_roots(b->unit, &b->roots, rep, at, kind);
}

/* Structs on the stack have places that no path need have written yet.
 * @return the words that are zero at first; NULL: an error is recorded. */
static uint32_t *add_slots(struct builder *b, uint32_t *count)
{
    uint32_t before = b->roots.count;
    for (uint32_t n = 0; n < b->slot_count; n++) {
        struct build_rep rep;
        if (!build_rep_of(b->unit, b->slots[n].type, &rep) ||
            !build_add_roots(b, &rep, b->slots[n].at, false)) {
            return NULL;
        }
    }
    *count = b->roots.count - before;
    uint32_t *words = arena_alloc(b->unit->arena, (*count + (size_t)1) * sizeof *words);
    for (uint32_t n = 0; words != NULL && n < *count; n++) {
        words[n] = b->roots.all[before + n].at;
    }
    return words;
}

/* ---- For roots_place() ---- */

/* A collection happens in allocations only, and in polls, where one of another thread may run. So
 * polls and all calls of methods and natives are safe points, and of the helpers those two that
 * allocate: one that starts to (helpers[] in run/runtime.c) has
 * to be added here. A safe point that is missing is not noticed: after a collection the code goes
 * on with old addresses. `halyard-cil --gc-stress` finds it. */
static bool is_safe_point_of(const struct ir_instr *i)
{
    return i->op == IR_CALL_INDIRECT || i->op == IR_POLL || i->a >= CIL_HELPER_COUNT ||
           i->a == CIL_HELPER_NEW || i->a == CIL_HELPER_NEW_ARRAY || i->a == CIL_HELPER_BEGIN;
}

/* roots_place() asks for each instruction in turn before it adds the points, in the same order, and
 * again later: so the locations are those of the first time. */
static void note_location(struct builder *b, const struct ir_instr *i)
{
    uint32_t *all =
        unit_grow(b->unit, b->locations, &b->location_capacity, b->location_count + 1, sizeof *all);
    if (all != NULL) {
        b->locations = all;
        all[b->location_count++] = b->f->locations[i - b->f->instrs];
    }
}

static bool is_safe_point(void *ctx, const struct ir_instr *i)
{
    struct builder *b = ctx;
    bool is_it = is_safe_point_of(i);
    if (is_it && b->unit->traces && !b->has_locations) {
        note_location(b, i);
    }
    return is_it;
}

static bool add_frame(void *ctx, uint32_t bytes)
{
    struct builder *b = ctx;
    struct cil_unit *u = b->unit;
    b->has_locations = true;
    struct cil_unit_frame *all =
        unit_grow(u, u->frames, &u->frame_capacity, u->frame_count + 1, sizeof *all);
    if (all == NULL) {
        return false;
    }
    u->frames = all;
    all[u->frame_count++] = (struct cil_unit_frame){.method = b->f->callee - CIL_FIRST_METHOD,
                                                    .bytes = bytes,
                                                    .first = u->roots.count,
                                                    .count = b->roots.count};
    for (uint32_t n = 0; n < b->roots.count; n++) {
        if (!unit_add_root(u, &u->roots, b->roots.all[n])) {
            return false;
        }
    }
    return true;
}

/* The safe point before may have the same references. Only the last one is compared: calls in a row
 * have the same ones often, and a search among all would be quadratic. The frame is part of the
 * comparison, because the last point may be that of the method before. */
static bool is_same(const struct cil_unit *u, const struct cil_unit_point *p,
                    const struct cil_unit_point *q)
{
    bool is_same = p->frame == q->frame && p->count == q->count && p->location == q->location;
    for (uint32_t n = 0; is_same && n < p->count; n++) {
        const struct cil_root *a = &u->roots.all[p->first + n], *b = &u->roots.all[q->first + n];
        is_same = a->at == b->at && a->kind == b->kind;
    }
    return is_same;
}

/* roots_place() calls add_frame() once, before the first point: so the last frame is that of this
 * method. A method that is translated a second time (build_once()) comes here only once, but a unit
 * that starts again because of a `catch` (cil_unit_build()) clears all three lists before. */
static uint32_t add_point(void *ctx, const struct roots_cell *cells, uint32_t count)
{
    struct builder *b = ctx;
    struct cil_unit *u = b->unit;
    struct cil_unit_point added = {u->frame_count - 1, u->roots.count, count, 0};
    if (u->traces && b->location_next < b->location_count) {
        added.location = b->locations[b->location_next++];
    }
    for (uint32_t n = 0; n < count; n++) {
        uint8_t kind = cells[n].is_inner ? CIL_ROOT_INNER : CIL_ROOT_OBJECT;
        if (!unit_add_root(u, &u->roots, (struct cil_root){cells[n].at, kind})) {
            return 0;
        }
    }
    if (u->point_count > 0 && is_same(u, &u->points[u->point_count - 1], &added)) {
        u->roots.count = added.first;
        return u->point_count;
    }
    struct cil_unit_point *all =
        unit_grow(u, u->points, &u->point_capacity, u->point_count + 1, sizeof *all);
    if (all == NULL) {
        return 0;
    }
    u->points = all;
    all[u->point_count] = added;
    return ++u->point_count;
}

bool build_roots(struct builder *b)
{
    struct roots_request q = {.marks = b->marks,
                              .mark_count = b->mark_capacity,
                              .frame = b->frame,
                              .frame_size = b->frame_size,
                              .entered = b->entered,
                              .frame_bytes = b->frame_bytes,
                              .bytes_least = CIL_FRAME_HEADER,
                              .bytes_max = CIL_VALUE_BYTES_MAX,
                              .cell_class = BUILD_CLASS_STACK,
                              .word_class = BUILD_CLASS_WINDOW,
                              .ctx = b,
                              .is_safe_point = is_safe_point,
                              .add_frame = add_frame,
                              .add_point = add_point};
    struct arena scratch;
    q.zeroed = add_slots(b, &q.zeroed_count);
    if (q.zeroed == NULL) {
        return b->d->status != OK ? false
                                  : cil_fail(b->d, b->m.a, 0, E_NOMEM, "no memory left to compile");
    }
    arena_borrow(b->unit->arena, &scratch);
    enum status s = roots_place(b->f, &q, &scratch, &b->f);
    arena_return(b->unit->arena, &scratch);
    if (s == E_OVERFLOW) {
        return build_unsupported(b, "a method with more than 1 MiB of local variables");
    }
    return s == OK ||
           (b->d->status == OK && cil_fail(b->d, b->m.a, 0, s, "no memory left to compile"));
}
