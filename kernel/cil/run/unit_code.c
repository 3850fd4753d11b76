// SPDX-License-Identifier: MIT
//
// From a unit's functions to code in memory (code_builder.h). The code accesses its frames, the
// window, and the context as make_fields() describes it; the verifier of machine code proves that.
#include "kernel/cil/run/unit_code.h"

#include "kernel/jit/code/code_builder.h"
#include "kernel/jit/code/code_call.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

static bool fail(const struct cil_unit *u, uint32_t n, enum status s, const char *text)
{
    const struct cil_unit_method *m = &u->methods[n];
    return cil_fail(u->d, m->a, CIL_TOKEN(CIL_METHOD_DEF, m->row), s, "method %s: %s",
                    u->callees[CIL_FIRST_METHOD + n].name, text);
}

/* ---- What the code may access ---- */

#define WINDOW_BYTES ((UINT64_C(1) << 32) + CIL_GUARD_BYTES + 4096)
#define FIELDS       (12 + CIL_HELPER_COUNT + CIL_NATIVES_MAX)

STATIC_ASSERT(offsetof(struct cil_record, code) == VERIFY_RECORD_CODE, "verify.h");
STATIC_ASSERT(offsetof(struct cil_record, context) == VERIFY_RECORD_CONTEXT, "verify.h");
STATIC_ASSERT(offsetof(struct cil_record, signature) == VERIFY_RECORD_TYPE, "verify.h");
STATIC_ASSERT(sizeof(struct cil_record) == VERIFY_RECORD_BYTES, "verify.h");
STATIC_ASSERT(offsetof(struct cil_context, method_count) ==
                  offsetof(struct cil_context, methods) + VERIFY_TABLE_LENGTH,
              "verify.h");

static uint8_t verified_type(unsigned type)
{
    switch (type) {
    case IR_I32:
        return VERIFY_I32;
    case IR_I64:
        return VERIFY_I64;
    case IR_F32:
        return VERIFY_F32;
    default:
        return VERIFY_F64;
    }
}

static void add_field(struct verify_shape *shape, struct verify_field *fields, unsigned kind,
                      size_t at, uint32_t number)
{
    fields[shape->field_count++] =
        (struct verify_field){.at = (uint32_t)at, .number = number, .kind = (uint8_t)kind};
}

static void add_cell(struct verify_shape *shape, struct verify_field *fields, size_t at,
                     unsigned type, bool is_writable)
{
    fields[shape->field_count++] = (struct verify_field){
        .at = (uint32_t)at, .kind = VERIFY_CELL, .type = (uint8_t)type, .is_writable = is_writable};
}

/* The verifier trusts this, and only this. */
static void make_fields(const struct cil_unit *u, struct verify_shape *shape,
                        struct verify_field *fields, struct verify_helper *helpers)
{
    add_field(shape, fields, VERIFY_MEMORY_BASE, offsetof(struct cil_context, memory_base), 0);
    add_field(shape, fields, VERIFY_LENGTH_ADDRESS, offsetof(struct cil_context, memory_length), 0);
    add_field(shape, fields, VERIFY_TABLE, offsetof(struct cil_context, methods), 0);
    add_cell(shape, fields, offsetof(struct cil_context, stack), VERIFY_I32, true);
    add_cell(shape, fields, offsetof(struct cil_context, limit), VERIFY_I32, false);
    add_cell(shape, fields, offsetof(struct cil_context, thrown), VERIFY_I32, true);
    add_cell(shape, fields, offsetof(struct cil_context, next), VERIFY_I32, true);
    add_cell(shape, fields, offsetof(struct cil_context, full), VERIFY_I32, false);
    add_cell(shape, fields, offsetof(struct cil_context, chain), VERIFY_I32, true);
    add_cell(shape, fields, offsetof(struct cil_context, target), VERIFY_I64, true);
    add_cell(shape, fields, offsetof(struct cil_context, statics), VERIFY_I32, false);
    add_cell(shape, fields, offsetof(struct cil_context, poll), VERIFY_I32, false);
    add_cell(shape, fields, offsetof(struct cil_context, cards), VERIFY_I32, false);
    for (uint32_t n = 0; n < CIL_HELPER_COUNT + u->native_count; n++) {
        add_field(shape, fields, VERIFY_HELPER, offsetof(struct cil_context, helpers) + 8 * n, n);
        helpers[n].signature = shape->signatures[u->callees[n].signature];
    }
    shape->fields = fields;
    shape->helpers = helpers;
}

STATIC_ASSERT(offsetof(struct cil_context, natives) ==
                  offsetof(struct cil_context, helpers) + 8 * CIL_HELPER_COUNT,
              "make_fields() treats them as one array");

/* The number of a signature is its identity (add_signature() in unit.c), so each id is the number
 * itself, and the records of make_records() in runtime.c have the same numbers. */
static void make_signatures(const struct cil_unit *u, struct verify_shape *shape, uint8_t *types,
                            struct verify_signature *signatures, struct verify_type_id *ids)
{
    for (uint32_t n = 0; n < u->type_count; n++) {
        types[n] = verified_type(u->types[n]);
    }
    for (uint32_t n = 0; n < u->signature_count; n++) {
        const struct ir_signature *s = &u->signatures[n];
        signatures[n] = (struct verify_signature){s->types, s->params, s->results};
        ids[n] = (struct verify_type_id){n, n};
    }
    shape->types = types;
    shape->signatures = signatures;
    shape->ids = ids;
    shape->signature_count = shape->id_count = u->signature_count;
}

/* @return NULL: no memory. */
static const struct verify_shape *make_shape(const struct cil_unit *u, struct arena *a, bool pads)
{
    static const uint8_t tables[] = {VERIFY_FUNCREF};
    struct verify_shape *shape = arena_alloc(a, sizeof *shape);
    struct verify_field *fields = arena_alloc(a, FIELDS * sizeof *fields);
    struct verify_helper *helpers = arena_alloc(a, FIELDS * sizeof *helpers);
    struct verify_signature *signatures = arena_alloc(a, u->signature_count * sizeof *signatures);
    struct verify_type_id *ids = arena_alloc(a, u->signature_count * sizeof *ids);
    uint32_t *functions = arena_alloc(a, u->count * sizeof *functions);
    uint8_t *types = arena_alloc(a, u->type_count + (size_t)1);
    if (shape == NULL || fields == NULL || helpers == NULL || signatures == NULL || ids == NULL ||
        functions == NULL || types == NULL) {
        return NULL;
    }
    *shape = (struct verify_shape){.functions = functions,
                                   .tables = tables,
                                   .table_count = 1,
                                   .window = WINDOW_BYTES,
                                   .has_pads = pads};
    memset(helpers, 0, FIELDS * sizeof *helpers);
    make_signatures(u, shape, types, signatures, ids);
    make_fields(u, shape, fields, helpers);
    for (uint32_t n = 0; n < u->count; n++) {
        functions[n] = u->callees[CIL_FIRST_METHOD + n].signature;
    }
    return shape;
}

/* ---- Compiling ---- */

/* Allocates only memory of the budget, because the thread may be ended anywhere in it. */
static bool compile_one(const struct cil_unit *u, uint32_t n, const struct cil_code_options *o,
                        struct code_builder *b, struct arena *arena)
{
    struct jit_code code;
    struct jit_error why = {.text = ""};
    if (b->budget != NULL) {
        budget_open(b->budget);
    }
    enum status s = jit_compile(o->machine, u->methods[n].function, &o->jit, arena, &code, &why);
    if (s == OK) {
        s = code_builder_add(b, &code, n);
    }
    arena_empty(arena);
    if (b->budget != NULL) {
        budget_close(b->budget);
    }
    return s == OK || fail(u, n, s, why.text[0] == '\0' ? status_text(s) : why.text);
}

/* The verifier of machine code examines all methods together, against the shape: E_CORRUPT means
 * that the compiler has made a mistake, and names the method. */
static bool finish_code(const struct cil_unit *u, const struct cil_code_options *o,
                        struct code_builder *b, struct arena *arena, struct cil_code *out)
{
    b->arena = arena;
    b->shape = make_shape(u, arena, (o->jit.features & o->machine->landing_pads) != 0);
    enum status s = b->shape == NULL
                        ? E_NOMEM
                        : code_builder_finish(b, &out->map, CIL_FIRST_METHOD, &out->piece);
    if (s == E_CORRUPT) {
        return fail(u, b->refusal.function, s, b->refusal.text);
    }
    return s == OK || fail(u, 0, s, "no place for its code");
}

static bool compile_all(const struct cil_unit *u, const struct cil_code_options *o,
                        struct cil_code *out)
{
    struct code_builder b = {.fill = o->fill, .budget = o->budget};
    struct arena arena; /* reused for one method after the other */
    arena_init_paid(&arena, o->arena_bytes, o->budget);
    bool is_ok = true;
    for (uint32_t n = 0; is_ok && n < u->count; n++) {
        is_ok = compile_one(u, n, o, &b, &arena);
    }
    is_ok = is_ok && finish_code(u, o, &b, &arena, out);
    arena_free_all(&arena);
    code_builder_free(&b);
    return is_ok;
}

/* A fault in the window, its guard included, is a trap of the program. */
static bool is_in_window(void *ctx, uint64_t address)
{
    const struct cil_code *c = ctx;
    return c->runtime != NULL &&
           address - (uintptr_t)c->runtime->world->memory.base < c->runtime->world->memory.reserved;
}

/* `map` is complete before anything is compiled, because code_builder_finish() uses its space and
 * machine. The names belong to the piece and are freed after it, in cil_code_free(), which is right
 * for a half-made unit, too: nothing is in the map then. */
bool cil_code_make(const struct cil_unit *u, const struct cil_code_options *o, struct cil_code *out)
{
    *out = (struct cil_code){.unit = u};
    out->names = budget_zalloc(o->budget, u->count * sizeof *out->names);
    if (out->names == NULL) {
        return fail(u, 0, E_NOMEM, "no memory for its code");
    }
    for (uint32_t n = 0; n < u->count; n++) {
        out->names[n] = u->callees[CIL_FIRST_METHOD + n].name;
    }
    out->map = (struct code_map){.space = o->space,
                                 .machine = o->machine,
                                 .has_address = is_in_window,
                                 .ctx = out,
                                 .running = o->running,
                                 .stop = &out->stop,
                                 .budget = o->budget};
    out->piece.source = u;
    out->piece.names = out->names;
    if (compile_all(u, o, out)) {
        return true;
    }
    cil_code_free(out);
    return false;
}

void cil_code_free(struct cil_code *c)
{
    code_map_remove(&c->map, &c->piece);
    budget_free(c->map.budget, c->names);
}

/* ---- Running ---- */

static unsigned own_type(uint8_t type)
{
    return type;
}

static _Noreturn void leave(struct cil_runtime *r)
{
    code_map_leave(r->engine, CODE_STOPPED);
}

static uint64_t address_of(const struct cil_code *c, uint32_t method)
{
    return c->piece.block.address + code_piece_function(&c->piece, method)->start;
}

/* The code has no address of the window in it, so it may be made before or after its memory. A
 * record has no code until here: nothing of the program may run before. Both structures keep the
 * other's address, so neither may move, and the code must not run after the runtime is freed. */
void cil_code_bind(struct cil_code *c, struct cil_runtime *r)
{
    c->runtime = r;
    r->engine = &c->map;
    r->leave = leave;
    r->world->stop = &c->stop;
    for (uint32_t n = 0; n < c->unit->count; n++) {
        r->records[n].code = address_of(c, n);
    }
}

/* A native method that ends the program sets `ending` before it leaves, so a run that was left with
 * CIL_GOES_ON was stopped from outside. */
static void describe_stop(const struct cil_runtime *r, uint64_t outcome, struct cil_stop *stop)
{
    const struct code_map *map = r->engine;
    bool is_trap = outcome != CODE_RETURNED && outcome < CODE_STOPPED && r->ending == CIL_GOES_ON;
    *stop = (struct cil_stop){.is_trap = is_trap,
                              .trap = is_trap ? (unsigned)(outcome - CODE_TRAPPED) : 0,
                              .ending = r->ending,
                              .depth = map->trace.depth,
                              .method = map->trace.frames[0].function,
                              .offset = map->trace.frames[0].location};
}

/* On the thread of a runtime. */
static bool run(struct cil_code *c, struct cil_runtime *r, uint32_t method,
                const struct ir_bits *args, struct ir_bits *result, struct cil_stop *stop)
{
    const struct cil_unit *u = c->unit;
    const struct ir_signature *s = &u->signatures[u->callees[CIL_FIRST_METHOD + method].signature];
    uint64_t cells[CIL_RUN_ARGUMENTS_MAX], returned = 0;
    const struct code_call call = {.code = address_of(c, method),
                                   .context = (uintptr_t)&r->context,
                                   .types = u->types + s->types,
                                   .type_of = own_type,
                                   .param_count = s->params,
                                   .result_count = s->results};
    for (uint32_t n = 0; n < s->params; n++) {
        cells[n] = args[n].lo;
    }
    uint64_t outcome = code_call(r->engine, &call, cells, &returned);
    if (outcome == CODE_RETURNED && !cil_runtime_has_thrown(r)) {
        if (s->results != 0) {
            *result = (struct ir_bits){.lo = returned};
        }
        return true;
    }
    describe_stop(r, outcome, stop);
    return false;
}

bool cil_code_run(struct cil_code *c, const struct ir_bits *args, struct ir_bits *result,
                  struct cil_stop *stop)
{
    cil_large_open(c->runtime);
    if (!run(c, c->runtime, 0, args, result, stop)) {
        return false;
    }
    cil_runtime_wait(c->runtime);
    return true;
}

/* ---- Further threads ---- */

struct cil_thread *cil_thread_make(struct cil_runtime *r, uint32_t self, bool is_background)
{
    const struct code_map *from = r->engine;
    struct cil_code *c = from->ctx;
    cil_lock(r);
    struct cil_thread *t = budget_zalloc(r->world->budget, sizeof *t);
    cil_unlock(r);
    if (t == NULL) {
        return NULL;
    }
    if (!cil_runtime_fork(&t->runtime, r, self, is_background)) {
        cil_lock(r);
        budget_free(r->world->budget, t);
        cil_unlock(r);
        return NULL;
    }
    t->code = c;
    t->starter = r;
    r->start = CIL_START_UNKNOWN;
    t->map = (struct code_map){.space = c->map.space,
                               .machine = c->map.machine,
                               .has_address = c->map.has_address,
                               .ctx = c->map.ctx,
                               .running = c->map.running,
                               .stop = c->map.stop,
                               .also = &c->map};
    t->runtime.engine = &t->map;
    return t;
}

/* The object is read now, and not when the thread was made: it may have moved since. */
bool cil_thread_run(struct cil_thread *t, struct cil_stop *stop)
{
    const struct ir_bits self = {.lo = t->runtime.self};
    struct ir_bits none;
    return run(t->code, &t->runtime, t->code->unit->thread_main, &self, &none, stop);
}

STATIC_ASSERT(offsetof(struct cil_thread, runtime) == 0, "the runtime's memory is the thread's");

void cil_thread_free(struct cil_thread *t)
{
    cil_runtime_join(&t->runtime);
}
