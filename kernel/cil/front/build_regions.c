// SPDX-License-Identifier: MIT
//
// Try blocks with finally blocks. An exception ends the program, so a finally block runs only when
// control leaves its try block; a variable says where control goes after it. All ways are known
// when the method has been translated once.
#include "kernel/cil/front/build_internal.h"

#define LEAVES_MAX 4096u

/* The value that selects a way has a place among those of variables. */
bool build_add_selectors(struct builder *b)
{
    b->selectors =
        arena_alloc(b->unit->arena, (b->body.clause_count + (size_t)1) * sizeof *b->selectors);
    if (b->selectors == NULL) {
        return cil_body_fail(&b->body, 0, E_NOMEM, "no memory left to compile");
    }
    for (uint32_t n = 0; n < b->body.clause_count; n++) {
        uint32_t kind = b->body.clauses[n].kind;
        if (kind == CIL_CATCH || kind == CIL_FILTER) {
            b->at = b->body.clauses[n].try_at;
            return build_unsupported(b, "catching an exception");
        }
        if (kind == CIL_FINALLY) {
            if (b->value_count >= BUILD_VARIABLES_MAX) {
                return build_unsupported(b, "a method with more than 300 variables");
            }
            b->selectors[n] = b->value_count;
            b->values[b->value_count++] = build_number(b, 0);
        }
    }
    return true;
}

/* The number of a way among those of its clause. @return IR_NONE: recorded. */
static uint32_t add_leave(struct builder *b, const struct build_leave *way)
{
    uint32_t number = 0;
    for (uint32_t n = 0; n < b->leave_count; n++) {
        const struct build_leave *l = &b->leaves[n];
        if (l->clause == way->clause) {
            if (l->next == way->next && l->target == way->target) {
                return number;
            }
            number++;
        }
    }
    struct build_leave *all =
        b->leave_count == LEAVES_MAX || b->is_again
            ? NULL
            : unit_grow(b->unit, b->leaves, &b->leave_capacity, b->leave_count + 1, sizeof *all);
    if (all == NULL) {
        (void)build_unsupported(b, "a method with so many ways out of try blocks");
        return IR_NONE;
    }
    b->leaves = all;
    all[b->leave_count++] = *way;
    return number;
}

static bool contains(const struct cil_clause *c, uint32_t at)
{
    return at >= c->try_at && at < c->try_end;
}

/* Clauses are in order, inner ones first: add the ways of the outer ones first.
 * @param first The innermost finally block that runs, or CIL_NO_REGION. @return its way. */
static uint32_t add_ways(struct builder *b, uint32_t at, uint32_t target, uint32_t *first)
{
    struct build_leave way = {.next = CIL_NO_REGION, .target = target};
    uint32_t number = 0;
    *first = CIL_NO_REGION;
    for (uint32_t n = b->body.clause_count; n-- > 0;) {
        const struct cil_clause *c = &b->body.clauses[n];
        if (c->kind != CIL_FINALLY || !contains(c, at) || contains(c, target)) {
            continue;
        }
        way.clause = n;
        number = add_leave(b, &way);
        if (number == IR_NONE) {
            return IR_NONE;
        }
        way.next = n;
        way.target = number;
        *first = n;
    }
    return number;
}

/* The target is translated, too, even if nothing leads to it before all ways are known. */
static bool leave(struct builder *b, const struct cil_instruction *i)
{
    uint32_t first, target = (uint32_t)i->value;
    b->depth = 0;
    uint32_t way = add_ways(b, b->at, target, &first);
    if (first == CIL_NO_REGION) {
        return way != IR_NONE && build_jump(b, target);
    }
    if (way == IR_NONE || (!b->is_again && build_edge(b, target) == IR_NONE)) {
        return false;
    }
    b->values[b->selectors[first]] = build_number(b, way);
    return build_jump(b, b->body.clauses[first].handler_at);
}

/* The edge along one way; it sets the selector of the next block. */
static uint32_t follow(struct builder *b, const struct build_leave *way)
{
    if (way->next == CIL_NO_REGION) {
        return build_edge(b, way->target);
    }
    uint32_t *selector = &b->values[b->selectors[way->next]], before = *selector;
    *selector = build_number(b, way->target);
    uint32_t edge = build_edge(b, b->body.clauses[way->next].handler_at);
    *selector = before;
    return edge;
}

static uint32_t clause_at(const struct builder *b)
{
    uint32_t region = b->body.region_at[b->at];
    return region == CIL_NO_REGION ? CIL_NO_REGION : b->body.regions[region].clause;
}

/* The last way is also taken by every other value, which there is none of. Edges of a switch are
 * beside each other, so nothing else may be built between them. */
static bool end_finally(struct builder *b)
{
    uint32_t clause = clause_at(b), first = IR_NONE, count = 0;
    b->depth = 0;
    b->is_over = true;
    for (uint32_t n = 0; n < b->leave_count; n++) {
        if (b->leaves[n].clause != clause) {
            continue;
        }
        uint32_t edge = follow(b, &b->leaves[n]);
        if (edge == IR_NONE) {
            return false;
        }
        first = count++ == 0 ? edge : first;
    }
    if (count == 0 || clause == CIL_NO_REGION) {
        (void)ir_emit(b->f, IR_TRAP, IR_VOID, 0, IR_TRAP_UNREACHABLE, 0);
        return true;
    }
    (void)ir_emit(b->f, IR_SWITCH, IR_VOID, b->values[b->selectors[clause]], first, count);
    return true;
}

bool build_regions(struct builder *b, const struct cil_instruction *i, bool *is_known)
{
    *is_known = true;
    switch (i->opcode) {
    case CIL_OP_LEAVE:
    case CIL_OP_LEAVE_S:
        return leave(b, i);
    case CIL_OP_ENDFINALLY:
        return end_finally(b);
    default:
        *is_known = false;
        return true;
    }
}
