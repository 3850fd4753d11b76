// SPDX-License-Identifier: MIT
//
// Scans a body. The list of a loop that has not ended contains each local once. When the loop ends,
// the list becomes the loop's set, and locals that are missing in the list of the loop around it
// are added there.
//
// The scan runs before the body is built, and answers what one pass cannot know: the locals that a
// loop sets, before the loop begins; how often each local is used; and the locals that are live
// at each label (live.c). It reads immediates completely, so the builder need not check for the
// end of the body.
#include "kernel/wasm/front/scan.h"

#include "kernel/wasm/front/operators.h"

/* The scan sees the body before the builder does, so it works on bytes that were not validated. It
 * makes only the checks that it needs itself: that immediates are complete, that a local exists,
 * that blocks nest and end. It skips types of blocks. Labels that are too large are left out of the
 * events; the builder reports them, with the operator's name.
 *
 * It counts blocks and loops in unreachable code, too, because the builder does, and both must give
 * them the same numbers. */
#define WEIGHT_DEPTH_MAX 6u /* deeper nesting does not increase the weight of a use any further */

static bool grow(struct wasm_scan *s, void *array, uint32_t *capacity, uint32_t count, size_t size)
{
    if (LIKELY(count < *capacity)) {
        return true;
    }
    void **slot = array;
    void *grown = arena_grow_list(s->arena, *slot, capacity, (uint64_t)count + 1, size);
    if (grown == NULL) {
        return wasm_fail_memory(s->r, s->arena, ((size_t)count + 1) * size);
    }
    *slot = grown;
    return true;
}

/* An operand has 28 bits: a local's number is below WASM_LOCALS_MAX, and a label is below the depth
 * of nesting (scan_label()). */
static bool add_event(struct wasm_scan *s, enum wasm_event kind, uint32_t operand)
{
    if (!grow(s, &s->events, &s->event_capacity, s->event_count, sizeof *s->events)) {
        return false;
    }
    s->events[s->event_count++] = SCAN_EVENT(kind, operand);
    return true;
}

/* ---- Declarations ---- */

static bool read_run(struct wasm_scan *s, uint64_t *total, struct wasm_run *out)
{
    const uint8_t *where = s->r->at;
    uint32_t count;
    if (!wasm_u32(s->r, &count) || !wasm_value_type(s->r, &out->type)) {
        return false;
    }
    *total += count;
    if (*total > UINT32_MAX) {
        return wasm_fail(s->r, where, E_CORRUPT, "too many locals: %llu",
                         (unsigned long long)*total);
    }
    out->end = (uint32_t)*total;
    return true;
}

bool wasm_scan_locals(struct wasm_scan *s)
{
    const uint8_t *where = s->r->at;
    uint64_t total = s->signature->params;
    if (!wasm_count(s->r, 2, &s->run_count)) {
        return false;
    }
    s->runs = arena_alloc(s->arena, s->run_count * sizeof *s->runs);
    if (s->runs == NULL) {
        return wasm_fail_memory(s->r, s->arena, s->run_count * sizeof *s->runs);
    }
    for (uint32_t n = 0; n < s->run_count; n++) {
        if (!read_run(s, &total, &s->runs[n])) {
            return false;
        }
    }
    if (total > WASM_LOCALS_MAX) {
        return wasm_fail(s->r, where, E_NOTSUP, "%llu locals, more than %u",
                         (unsigned long long)total, WASM_LOCALS_MAX);
    }
    s->local_count = (uint32_t)total;
    size_t bytes = (s->local_count / WASM_LOCALS_PAGE + 1) * sizeof *s->numbers;
    s->numbers = arena_alloc(s->arena, bytes);
    return s->numbers != NULL || wasm_fail_memory(s->r, s->arena, bytes);
}

/* Locals are declared in runs of one type, and a short body can declare many: so the runs are
 * searched, and not expanded to an array. */
static uint32_t type_of_local(const struct wasm_scan *s, uint32_t index)
{
    if (index < s->signature->params) {
        return s->signature->full[index];
    }
    uint32_t low = 0, high = s->run_count - 1; /* runs may be empty */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (index < s->runs[middle].end) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return s->runs[low].type;
}

/* ---- Operators ---- */

/* Add a local to the innermost loop's list, unless it is there. `mark` is the local's position in
 * the list + 1; it is in the current loop's part if it is beyond the loop's start. The older mark
 * is kept in the entry for the end of the loop. `mark` refers to the entry for the innermost loop
 * that has one; entries of the loops around it are reached by outer_mark. A local in the frame
 * (in_frame) is no parameter of a loop, so it is not listed. */
static bool note_set(struct wasm_scan *s, uint32_t local)
{
    struct wasm_local *l = &s->locals[local];
    if (s->loop == IR_NONE || l->in_frame || l->mark > s->loops[s->loop].start) {
        return true;
    }
    if (!grow(s, &s->list, &s->list_capacity, s->list_count, sizeof *s->list)) {
        return false;
    }
    s->list[s->list_count++] = (struct wasm_set){local, l->mark};
    l->mark = s->list_count;
    return true;
}

/* The number of a local, + 1. Assigns one when the body first mentions the local. Numbers are dense
 * and in the order of the first use, so that the sets of live.c have a bit only for locals that the
 * body uses: 50,000 declared locals of which two are used need one word. The pages of `numbers` are
 * allocated when they are touched, for the same reason. They are kept when a body is scanned again,
 * with fewer locals as values. @return 0: no memory. */
static uint32_t number_local(struct wasm_scan *s, uint32_t index)
{
    uint32_t **page = &s->numbers[index / WASM_LOCALS_PAGE];
    if (*page == NULL) {
        *page = arena_alloc(s->arena, WASM_LOCALS_PAGE * sizeof **page);
        if (*page == NULL) {
            (void)wasm_fail_memory(s->r, s->arena, WASM_LOCALS_PAGE * sizeof **page);
            return 0;
        }
    }
    uint32_t *number = &(*page)[index % WASM_LOCALS_PAGE];
    if (*number == 0) {
        if (!grow(s, &s->locals, &s->local_capacity, s->used_count, sizeof *s->locals)) {
            return 0;
        }
        s->locals[s->used_count] =
            (struct wasm_local){.index = index, .type = type_of_local(s, index)};
        *number = ++s->used_count;
    }
    return *number;
}

/* A use counts 8 times as much for each loop around it, up to WEIGHT_DEPTH_MAX. The weight decides
 * which locals lose their place as values if there are too many (demote() in build.c). */
static bool scan_local(struct wasm_scan *s, bool sets)
{
    const uint8_t *where = s->r->at;
    uint32_t index;
    if (!wasm_u32(s->r, &index)) {
        return false;
    }
    if (index >= s->local_count) {
        return wasm_fail(s->r, where, E_CORRUPT, "unknown local %u", index);
    }
    uint32_t number = number_local(s, index);
    if (number == 0) {
        return false;
    }
    uint32_t local = number - 1, *uses = &s->locals[local].uses;
    uint32_t weight = 1u << (3 * MIN(s->loop_depth, WEIGHT_DEPTH_MAX));
    *uses = *uses > UINT32_MAX - weight ? UINT32_MAX : *uses + weight;
    return sets ? add_event(s, EVENT_SET, local) && note_set(s, local)
                : add_event(s, EVENT_GET, local);
}

static bool nest(struct wasm_scan *s, enum wasm_event kind, uint32_t number)
{
    if (!add_event(s, kind, 0) ||
        !grow(s, &s->nest, &s->nest_capacity, s->nest_count, sizeof *s->nest)) {
        return false;
    }
    s->nest[s->nest_count++] = number;
    s->block_count++;
    s->depth_max = MAX(s->depth_max, s->nest_count);
    return true;
}

/* `nest` has the number of the loop for each block that has not ended, or its kind. The body of the
 * function counts as the first block. */
static bool begin_block(struct wasm_scan *s, enum wasm_event kind)
{
    bool is_loop = kind == EVENT_LOOP;
    uint32_t number = is_loop ? s->loop_count : (uint32_t)NEST_BLOCK;
    if (!nest(s, kind, number)) {
        return false;
    }
    if (!is_loop) {
        return true;
    }
    if (!grow(s, &s->loops, &s->loop_capacity, s->loop_count, sizeof *s->loops)) {
        return false;
    }
    s->loops[s->loop_count++] = (struct wasm_loop){.start = s->list_count, .outer = s->loop};
    s->loop = number;
    s->loop_depth++;
    return true;
}

/* The loop's list becomes its set, and is merged into the list of the loop around it. The sum of
 * all sets is bounded by sets_max, because every local of a set becomes a parameter of the loop's
 * header, and n nested loops that set n locals would make n^2 of them. The number UINT32_MAX tells
 * the caller that this was the reason, not an error. The older mark is restored where the outer
 * loop has the local already; otherwise the entry moves down to the outer loop's part, and the mark
 * follows it. */
static bool end_loop(struct wasm_scan *s)
{
    struct wasm_loop *loop = &s->loops[s->loop];
    uint32_t kept = loop->start, outer = loop->outer;
    loop->first = s->set_count;
    loop->count = s->list_count - loop->start;
    if ((uint64_t)s->set_count + loop->count > s->sets_max) {
        s->set_count = UINT32_MAX;
        return false;
    }
    for (uint32_t n = loop->start; n < s->list_count; n++) {
        struct wasm_set set = s->list[n];
        if (!grow(s, &s->sets, &s->set_capacity, s->set_count, sizeof *s->sets)) {
            return false;
        }
        s->sets[s->set_count++] = set.local;
        if (outer == IR_NONE || set.outer_mark > s->loops[outer].start) {
            s->locals[set.local].mark = outer == IR_NONE ? 0 : set.outer_mark;
            continue;
        }
        s->list[kept++] = set;
        s->locals[set.local].mark = kept;
    }
    s->list_count = kept;
    s->loop = outer;
    s->loop_depth--;
    return true;
}

/* ---- Exceptions ---- */

/* The events of a try must be such that a backward walk knows where exceptions go before it meets
 * what throws them. So the clauses of a try_table, which are read at its start, become events at
 * its end: `clauses` keeps where they are, and they are read twice. A try counts as two blocks,
 * because live.c keeps two sets for it: block_count must agree with blocks_seen of the builder. */

static NOINLINE bool begin_try(struct wasm_scan *s, uint32_t kind)
{
    s->block_count++;
    s->try_depth++;
    return nest(s, EVENT_TRY, kind);
}

/* The clauses count when the block ends, because the walk for liveness goes backwards. */
static NOINLINE bool begin_try_table(struct wasm_scan *s)
{
    if (!begin_try(s, NEST_TABLE) || !wasm_skip_immediates(s->r, WASM_SHAPE_TRY) ||
        !grow(s, &s->clauses, &s->clauses_capacity, s->clauses_count, sizeof *s->clauses)) {
        return false;
    }
    s->clauses[s->clauses_count++] = (uint32_t)(s->r->at - s->r->start);
    return wasm_skip_clauses(s->r);
}

/* The second reading cannot fail, since wasm_skip_clauses() has accepted the same bytes; the labels
 * count from the block around the try_table, which is the top again at this point. */
static NOINLINE bool end_try_table(struct wasm_scan *s)
{
    struct wasm_reader r = *s->r;
    uint32_t count, tag, label;
    uint8_t kind;
    bool passes = true;
    r.at = r.start + s->clauses[--s->clauses_count];
    s->try_depth--;
    for (bool good = wasm_count(&r, 2, &count); good && count > 0; count--) {
        good = wasm_clause(&r, &kind, &tag, &label);
        passes = passes && kind < WASM_CATCH_ALL;
        if (label < s->nest_count && !add_event(s, EVENT_HANDLES, label)) {
            return false;
        }
    }
    return add_event(s, EVENT_END, passes ? END_TABLE_PASSES : END_TABLE);
}

static NOINLINE bool scan_catch(struct wasm_scan *s, bool is_all)
{
    uint32_t *top = &s->nest[s->nest_count - 1];
    bool is_first = *top == NEST_TRY;
    if (!is_first && *top != NEST_HANDLER) {
        return wasm_fail(s->r, s->r->at - 1, E_CORRUPT, "a catch outside of a try");
    }
    *top = NEST_HANDLER;
    return add_event(s, EVENT_CATCH,
                     (is_first ? CATCH_IS_FIRST : 0u) | (is_all ? CATCH_IS_LAST : 0u)) &&
           (is_all || wasm_skip_immediates(s->r, WASM_SHAPE_CATCH));
}

static NOINLINE bool scan_delegate(struct wasm_scan *s)
{
    const uint8_t *where = s->r->at - 1;
    uint32_t label;
    if (s->nest[s->nest_count - 1] != NEST_TRY) {
        return wasm_fail(s->r, where, E_CORRUPT, "a delegate that ends no try");
    }
    s->nest_count--;
    s->try_depth--;
    if (!wasm_u32(s->r, &label)) {
        return false;
    }
    return label < s->nest_count
               ? add_event(s, EVENT_DELEGATE, label)
               : wasm_fail(s->r, where, E_CORRUPT, "delegate: unknown label %u", label);
}

static NOINLINE bool may_throw(struct wasm_scan *s)
{
    return s->try_depth == 0 || add_event(s, EVENT_THROW, 0);
}

/* The end of the function's own block ends the loop in wasm_scan_body(). A try without handlers
 * passes its exceptions to the block around it. */
static bool scan_end(struct wasm_scan *s)
{
    uint32_t kind = s->nest[--s->nest_count];
    switch (kind) {
    case NEST_BLOCK:
        return add_event(s, EVENT_END, END_BLOCK);
    case NEST_TABLE:
        return end_try_table(s);
    case NEST_TRY:
        s->try_depth--;
        return add_event(s, EVENT_DELEGATE, 0);
    case NEST_HANDLER:
        s->try_depth--;
        return add_event(s, EVENT_END, END_TRY);
    default:
        return add_event(s, EVENT_END, END_LOOP) && end_loop(s);
    }
}

/* A label that exists. The builder reports others. Branches matter only for liveness, which
 * needs their target. */
static bool scan_label(struct wasm_scan *s)
{
    uint32_t label;
    return wasm_u32(s->r, &label) && (label >= s->nest_count || add_event(s, EVENT_LABEL, label));
}

/* The number of labels is at most the number of bytes that follow (wasm_count()), so a count of
 * 2^32 - 1 ends here. */
static bool scan_labels(struct wasm_scan *s)
{
    uint32_t count;
    if (!wasm_count(s->r, 1, &count)) {
        return false;
    }
    for (uint64_t n = 0; n < (uint64_t)count + 1; n++) {
        if (!scan_label(s)) {
            return false;
        }
    }
    return add_event(s, EVENT_STOP, 0);
}

static bool scan_prefixed(struct wasm_scan *s, uint8_t prefix)
{
    uint32_t number;
    const struct wasm_operator *o = wasm_prefixed_operator(s->r, prefix, &number);
    return o != NULL && wasm_skip_immediates(s->r, o->shape);
}

/* Skip n integers of one byte each. It requires two bytes to be there for n = 1, too: a valid body
 * goes on with at least an `end`. For others the slow way reports the error. @return false: one of
 * them is longer. */
static ALWAYS_INLINE bool skip_short(struct wasm_reader *r, unsigned n)
{
    if (r->end - r->at < 2 || r->at[0] >= 0x80 || r->at[n - 1] >= 0x80) {
        return false;
    }
    r->at += n;
    return true;
}

/* One operator. The frequent shapes come first, with a fast path for immediates of one byte; this
 * function decides how fast a module loads. */
static ALWAYS_INLINE bool scan_operator(struct wasm_scan *s)
{
    uint8_t code = *s->r->at++, shape = wasm_operators[code].shape;
    switch (shape) {
    case WASM_SHAPE_NONE:
        return true;
    case WASM_SHAPE_LOCAL:
    case WASM_SHAPE_LOCAL_SET:
        return scan_local(s, shape == WASM_SHAPE_LOCAL_SET);
    case WASM_SHAPE_INDEX:
    case WASM_SHAPE_I32:
        return skip_short(s->r, 1) || wasm_skip_immediates(s->r, shape);
    case WASM_SHAPE_MEMORY:
        return (s->r->at < s->r->end && *s->r->at < WASM_ALIGN_HAS_MEMORY && skip_short(s->r, 2)) ||
               wasm_skip_immediates(s->r, shape);
    case WASM_SHAPE_BLOCK:
    case WASM_SHAPE_LOOP:
    case WASM_SHAPE_IF:
        return begin_block(s, (enum wasm_event)(EVENT_BLOCK + (shape - WASM_SHAPE_BLOCK))) &&
               ((s->r->at < s->r->end && !wasm_begins_reference(*s->r->at) &&
                 skip_short(s->r, 1)) ||
                wasm_skip_immediates(s->r, shape));
    case WASM_SHAPE_ELSE:
        return add_event(s, EVENT_ELSE, 0);
    case WASM_SHAPE_END:
        return scan_end(s);
    case WASM_SHAPE_BR_IF:
        return scan_label(s);
    case WASM_SHAPE_BR:
        return scan_label(s) && add_event(s, EVENT_STOP, 0);
    case WASM_SHAPE_BR_TABLE:
        return scan_labels(s);
    case WASM_SHAPE_STOP:
        return add_event(s, EVENT_STOP, 0);
    case WASM_SHAPE_STOP_INDEX:
    case WASM_SHAPE_STOP_INDEX2:
        return add_event(s, EVENT_STOP, 0) && wasm_skip_immediates(s->r, shape);
    case WASM_SHAPE_CALL:
    case WASM_SHAPE_CALL_INDIRECT:
        return may_throw(s) && wasm_skip_immediates(s->r, shape);
    case WASM_SHAPE_THROW:
    case WASM_SHAPE_THROW_INDEX:
    case WASM_SHAPE_RETHROW:
        s->has_rethrow = s->has_rethrow || shape == WASM_SHAPE_RETHROW;
        return may_throw(s) && add_event(s, EVENT_STOP, 0) && wasm_skip_immediates(s->r, shape);
    case WASM_SHAPE_TRY_TABLE:
        return begin_try_table(s);
    case WASM_SHAPE_TRY:
        return begin_try(s, NEST_TRY) && wasm_skip_immediates(s->r, shape);
    case WASM_SHAPE_CATCH:
    case WASM_SHAPE_CATCH_ALL:
        return scan_catch(s, shape == WASM_SHAPE_CATCH_ALL);
    case WASM_SHAPE_DELEGATE:
        return scan_delegate(s);
    case WASM_SHAPE_ILLEGAL:
        if (code >= WASM_PREFIX_MORE && code <= WASM_PREFIX_ATOMIC) {
            return scan_prefixed(s, code);
        }
        return wasm_skip_immediates(s->r, shape);
    default:
        return wasm_skip_immediates(s->r, shape);
    }
}

/* Everything that a scan counts, except the numbers of the locals and in_frame: those are the
 * result of an earlier scan, or of demote(). */
static void restart(struct wasm_scan *s, uint64_t sets_max)
{
    for (uint32_t n = 0; n < s->used_count; n++) {
        s->locals[n].mark = 0;
        s->locals[n].uses = 0;
    }
    s->loop_count = s->set_count = s->nest_count = s->list_count = s->loop_depth = 0;
    s->event_count = s->block_count = s->depth_max = 0;
    s->clauses_count = s->try_depth = 0;
    s->has_rethrow = false;
    s->loop = IR_NONE;
    s->sets_max = MIN(sets_max, (uint64_t)UINT32_MAX - 1);
}

bool wasm_scan_body(struct wasm_scan *s, uint64_t sets_max)
{
    const uint8_t *start = s->r->at;
    restart(s, sets_max);
    if (!begin_block(s, EVENT_BLOCK)) {
        return false;
    }
    while (s->nest_count > 0) {
        if (s->r->at >= s->r->end) {
            return wasm_end_early(s->r);
        }
        if (!scan_operator(s)) {
            return false;
        }
    }
    if (s->r->at != s->r->end) {
        return wasm_fail(s->r, s->r->at, E_CORRUPT, "operators after the end of the function");
    }
    s->r->at = start;
    return s->skips_live || wasm_scan_live(s, (uint64_t)(s->r->end - start));
}

/* ---- Vectors ---- */

static bool declares_vectors(struct wasm_reader *r)
{
    uint32_t count, ignored, type;
    bool found = false;
    if (!wasm_count(r, 2, &count)) {
        return false;
    }
    for (uint32_t n = 0; n < count && wasm_u32(r, &ignored) && wasm_value_type(r, &type); n++) {
        found = found || type == WASM_V128;
    }
    return found;
}

/* First search for the prefix byte, which most bodies do not contain. If it occurs, it may be part
 * of an immediate, so the operators are decoded. An invalid body ends the search; building it
 * reports the error. */
static bool finds_vectors(const struct wasm_module *m, const struct wasm_function *f)
{
    struct wasm_error ignored;
    struct wasm_reader own = {.start = m->bytes,
                              .at = m->bytes + f->body,
                              .end = m->bytes + f->body + f->body_size,
                              .section = "code",
                              .type_count = m->signature_count,
                              .err = &ignored};
    if (declares_vectors(&own)) {
        return true;
    }
    const uint8_t *at = own.at;
    while (at < own.end && *at != WASM_PREFIX_VECTOR) {
        at++;
    }
    if (at == own.end) {
        return false; /* a byte that does not occur starts no operator */
    }
    while (own.status == OK && own.at < own.end) {
        uint8_t code = *own.at++;
        const struct wasm_operator *o = &wasm_operators[code];
        uint32_t number;
        if (code == WASM_PREFIX_VECTOR) {
            return true;
        }
        if (code == WASM_PREFIX_MORE || code == WASM_PREFIX_ATOMIC) {
            o = wasm_prefixed_operator(&own, code, &number);
        }
        if (o == NULL || !wasm_skip_immediates(&own, o->shape)) {
            return false;
        }
    }
    return false;
}

bool wasm_uses_vectors(const struct wasm_module *m)
{
    bool uses = m->has_vector_types;
    for (uint32_t n = m->imported[WASM_FUNCTION]; !uses && n < m->function_count; n++) {
        uses = finds_vectors(m, &m->functions[n]);
    }
    return uses;
}
