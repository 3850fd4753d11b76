// SPDX-License-Identifier: MIT
//
// The first of two passes of an exception, in programs that have filters: it finds the handler,
// and runs filters, before any finally block runs (I.12.4.2.5). The second pass is that of
// build_regions.c, which then compares no types: it goes to the handler that was found.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/string.h"

/* Each method with a `catch` or a filter has a record in its frame. The records of all active
 * methods are a list, innermost first. A record has the number of a CIL_UNIT_EXAMINE, a function
 * made from the same CIL, and the region that the method is in now. The function examines the
 * clauses of the try blocks around that region, and contains the code of the filters. A filter
 * shares variables with its method, so those are in the method's frame (find_addressed() in
 * build.c), at the same distances from the record in both functions. */
#define RECORD_NEXT     0u  /* i32: the record of the next method outwards, or 0 */
#define RECORD_EXAMINE  4u  /* i32: number of the function */
#define RECORD_REGION   8u  /* i32: the region, plus 1; 0: none */
#define RECORD_BYTES    16u /* variables follow */
#define REGION_SWITCHES 2u  /* ways besides those of regions: for 0, and for all other numbers */

/* ---- The handler that was found: its record and its clause ---- */

static uint32_t key_of(struct builder *b, uint32_t record, uint32_t clause_and_1)
{
    uint32_t high = build_op(b, IR_EXTEND_U, IR_I64, record, 0);
    high = build_op(b, IR_SHL, IR_I64, high, ir_build_const(b->f, IR_I64, 32));
    return build_op(b, IR_OR, IR_I64, high, build_op(b, IR_EXTEND_U, IR_I64, clause_and_1, 0));
}

uint32_t build_load_target(struct builder *b)
{
    return build_load_own(b, IR_I64, CIL_OWN(target));
}

void build_store_target(struct builder *b, uint32_t target)
{
    build_store_own(b, CIL_OWN(target), target);
}

uint32_t build_is_target(struct builder *b, uint32_t clause)
{
    uint32_t key = key_of(b, b->record, build_number(b, clause + 1));
    return build_op(b, IR_EQ, IR_I32, build_load_target(b), key);
}

/* ---- Records ---- */

static bool needs_record(const struct builder *b)
{
    bool needs = false;
    for (uint32_t n = 0; n < b->body.clause_count; n++) {
        unsigned kind = b->body.clauses[n].kind;
        needs = needs || kind == CIL_CATCH || kind == CIL_FILTER;
    }
    return needs && b->unit->filters;
}

/* The function of a filter has no record, so a handler in it would not be found. */
static bool check_filters(struct builder *b)
{
    for (uint32_t n = 0; n < b->body.region_count; n++) {
        const struct cil_region *r = &b->body.regions[n];
        if (r->parent != CIL_NO_REGION && b->body.regions[r->parent].kind == CIL_REGION_FILTER) {
            return build_unsupported(b, "a try block inside of a filter");
        }
    }
    return true;
}

bool build_add_record(struct builder *b)
{
    if (!needs_record(b)) {
        return true;
    }
    const struct cil_callee c = {
        .a = b->m.a,
        .row = b->m.row,
        .owner = b->m.owner,
        .args = b->m.args,
        .arg_count = b->m.arg_count,
        .name = cil_cell_string(&b->m.a->image, CIL_METHOD_DEF, b->m.row, CIL_METHOD_DEF_NAME)};
    uint32_t number = check_filters(b) ? unit_method(b->unit, &c, CIL_UNIT_EXAMINE) : IR_NONE;
    if (number == IR_NONE) {
        return false;
    }
    b->record = build_frame_at(b, build_frame_bytes(b, RECORD_BYTES));
    b->has_record = true;
    build_store_word(b, b->record, RECORD_NEXT, build_load_own(b, IR_I32, CIL_OWN(chain)));
    build_store_word(b, b->record, RECORD_EXAMINE, build_number(b, number + 1));
    build_store_word(b, b->record, RECORD_REGION, build_number(b, 0));
    build_store_own(b, CIL_OWN(chain), b->record);
    return true;
}

void build_enter_region(struct builder *b, uint32_t at)
{
    if (b->has_record && (b->body.flags[at] & CIL_ENTERS) != 0) {
        uint32_t region = b->body.region_at[at];
        uint32_t number = region == CIL_NO_REGION ? 0 : region + 1;
        build_store_word(b, b->record, RECORD_REGION, build_number(b, number));
    }
}

void build_leave_record(struct builder *b)
{
    if (b->has_record) {
        build_store_own(b, CIL_OWN(chain), build_load_word(b, b->record, RECORD_NEXT));
    }
}

/* ---- The search ---- */

bool build_start_throw(struct builder *b, uint32_t exception)
{
    if (!b->unit->filters) {
        build_store_own(b, CIL_OWN(thrown), exception);
        return true;
    }
    const struct cil_unit_method *m = &b->unit->methods[0];
    const struct cil_callee c = {.a = m->a, .row = m->row, .owner = m->owner};
    uint32_t n = unit_method(b->unit, &c, CIL_UNIT_SEARCH);
    if (n != IR_NONE) {
        (void)ir_emit(b->f, IR_CALL, IR_VOID, CIL_FIRST_METHOD + n, ir_pool(b->f, &exception, 1),
                      1);
    }
    return n != IR_NONE;
}

static void jump_with(struct builder *b, uint32_t block, uint32_t value)
{
    (void)ir_emit(b->f, IR_JUMP, IR_VOID, ir_edge(b->f, block, &value, 1), 0, 0);
}

/* Filters run while `thrown` is null and with an empty list: an exception that leaves a
 * filter finds no handler outside, and comes back to the filter's function. No record of a method
 * that a filter calls is in the list any more when the filter ends. */
bool build_search(struct builder *b)
{
    uint32_t exception = build_mark(b, ir_param(b->f, IR_I32), BUILD_OBJECT);
    uint32_t loop = ir_block_new(b->f), end = ir_block_new(b->f);
    uint32_t signature = unit_examine_signature(b->unit);
    build_enter_frame(b);
    uint32_t chain = build_load_own(b, IR_I32, CIL_OWN(chain));
    build_store_own(b, CIL_OWN(chain), build_number(b, 0));
    jump_with(b, loop, chain);

    ir_block_start(b->f, loop);
    uint32_t record = ir_param(b->f, IR_I32);
    uint32_t none = build_if_not_zero(b, record);
    const uint32_t args[] = {record, exception, build_load_word(b, record, RECORD_REGION)};
    uint32_t number = build_load_word(b, record, RECORD_EXAMINE);
    uint32_t found = build_call_raw(b, number, signature, IR_I32, args, 3);
    uint32_t next = build_if_not_zero(b, found);
    jump_with(b, end, key_of(b, record, found));
    ir_block_start(b->f, next);
    jump_with(b, loop, build_load_word(b, record, RECORD_NEXT));
    ir_block_start(b->f, none);
    jump_with(b, end, ir_build_const(b->f, IR_I64, 0));

    ir_block_start(b->f, end);
    build_store_target(b, ir_param(b->f, IR_I64));
    build_store_own(b, CIL_OWN(chain), chain);
    build_store_own(b, CIL_OWN(thrown), exception);
    build_leave_frame(b);
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, ir_pool(b->f, NULL, 0), 0);
    return signature != IR_NONE;
}

/* ---- The function that examines ---- */

void build_enter_examine(struct builder *b)
{
    b->record = ir_param(b->f, IR_I32);
    b->exception = build_mark(b, ir_param(b->f, IR_I32), BUILD_OBJECT);
    b->region = ir_param(b->f, IR_I32);
    b->outer_bytes = RECORD_BYTES;
    build_enter_frame(b);
}

uint32_t build_outer_place(struct builder *b, uint32_t bytes)
{
    uint32_t at = b->outer_bytes;
    b->outer_bytes += (uint32_t)ALIGN_UP(bytes, 8u);
    return build_op(b, IR_ADD, IR_I32, b->record, build_number(b, at));
}

static void return_result(struct builder *b, uint32_t value)
{
    uint32_t result = build_number(b, value);
    build_leave_frame(b);
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, ir_pool(b->f, &result, 1), 1);
}

/* The block for what is around a region. */
static uint32_t block_around(const struct builder *b, uint32_t region)
{
    uint32_t parent = b->body.regions[region].parent;
    return b->region_block[parent == CIL_NO_REGION ? 0 : parent + 1];
}

/* If a value is not 0, the clause takes the exception; otherwise those around it are examined. */
static void take_if(struct builder *b, uint32_t value, uint32_t clause, uint32_t around)
{
    uint32_t taken = ir_block_new(b->f);
    uint32_t to_taken = ir_edge(b->f, taken, NULL, 0), to_next = ir_edge(b->f, around, NULL, 0);
    (void)ir_emit(b->f, IR_BRANCH, IR_VOID, value, to_taken, to_next);
    ir_block_start(b->f, taken);
    return_result(b, clause + 1);
}

/* Try blocks of one range are nested in each other, the first clause innermost (nest_regions() in
 * body.c): so the way outwards passes all clauses in their order. */
static bool examine_region(struct builder *b, uint32_t region)
{
    const struct cil_region *r = &b->body.regions[region];
    const struct cil_clause *c = &b->body.clauses[r->clause];
    ir_block_start(b->f, b->region_block[region + 1]);
    b->depth = 0;
    if (r->kind == CIL_REGION_TRY) {
        b->try_region[r->clause] = region;
    }
    if (r->kind == CIL_REGION_TRY && c->kind == CIL_FILTER) {
        bool is_ok = build_push(b, b->exception) && build_jump(b, c->filter_at);
        b->depth = 0;
        return is_ok;
    }
    if (r->kind == CIL_REGION_TRY && c->kind == CIL_CATCH) {
        uint32_t fits = build_catches(b, r->clause, b->exception);
        if (fits != IR_NONE) {
            take_if(b, fits, r->clause, block_around(b, region));
        }
        return fits != IR_NONE;
    }
    uint32_t edge = ir_edge(b->f, block_around(b, region), NULL, 0);
    (void)ir_emit(b->f, IR_JUMP, IR_VOID, edge, 0, 0);
    return true;
}

/* The number of the region comes from the window, so that of no region counts as 0. Edges of a
 * switch are beside each other. */
bool build_examine(struct builder *b)
{
    uint32_t count = b->body.region_count, first = IR_NONE;
    struct arena *a = b->unit->arena;
    b->region_block = arena_alloc(a, (count + (size_t)1) * sizeof *b->region_block);
    b->try_region = arena_alloc(a, (b->body.clause_count + (size_t)1) * sizeof *b->try_region);
    if (b->region_block == NULL || b->try_region == NULL) {
        return cil_body_fail(&b->body, 0, E_NOMEM, "no memory left to compile");
    }
    for (uint32_t n = 0; n <= count; n++) {
        b->region_block[n] = ir_block_new(b->f);
    }
    for (uint32_t n = 0; n < count + REGION_SWITCHES; n++) {
        uint32_t edge = ir_edge(b->f, b->region_block[n <= count ? n : 0], NULL, 0);
        first = n == 0 ? edge : first;
    }
    (void)ir_emit(b->f, IR_SWITCH, IR_VOID, b->region, first, count + REGION_SWITCHES);
    ir_block_start(b->f, b->region_block[0]);
    return_result(b, 0);
    for (uint32_t n = 0; n < count; n++) {
        if (!examine_region(b, n)) {
            return false;
        }
    }
    return true;
}

/* The try block of the filter around the instruction. */
static uint32_t filtered(const struct builder *b)
{
    return b->try_region[b->body.regions[b->body.region_at[b->at]].clause];
}

bool build_end_filter(struct builder *b)
{
    uint32_t value = build_pop(b), region = filtered(b);
    if (build_type_of(b, value) == IR_I64) {
        value = build_op(b, IR_NE, IR_I32, value, ir_build_const(b->f, IR_I64, 0));
    }
    take_if(b, value, b->body.regions[region].clause, block_around(b, region));
    b->is_over = true;
    return true;
}

/* I.12.4.2.5: an exception in a filter is dropped, and the filter does not take the other one. */
bool build_filter_failed(struct builder *b)
{
    build_store_own(b, CIL_OWN(thrown), build_number(b, 0));
    build_forget_passed(b);
    uint32_t edge = ir_edge(b->f, block_around(b, filtered(b)), NULL, 0);
    (void)ir_emit(b->f, IR_JUMP, IR_VOID, edge, 0, 0);
    return true;
}
