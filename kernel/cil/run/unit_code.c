// SPDX-License-Identifier: MIT
//
// From a unit's functions to code in memory (code_builder.h). The code accesses nothing but its
// frames, not even its context, and the verifier of machine code proves that.
#include "kernel/cil/run/unit_code.h"

#include "kernel/jit/code/code_builder.h"
#include "kernel/jit/code/code_call.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

static bool fail(const struct cil_unit *u, uint32_t n, enum status s, const char *text)
{
    const struct cil_unit_method *m = &u->methods[n];
    return cil_fail(u->d, m->a, CIL_TOKEN(CIL_METHOD_DEF, m->row), s, "method %s: %s",
                    u->callees[n].name, text);
}

/* ---- What the code may access: nothing ---- */

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

/* Method n has signature n. @return NULL: no memory. */
static const struct verify_shape *make_shape(const struct cil_unit *u, struct arena *a, bool pads)
{
    struct verify_shape *shape = arena_alloc(a, sizeof *shape);
    struct verify_signature *signatures = arena_alloc(a, u->count * sizeof *signatures);
    uint32_t *functions = arena_alloc(a, u->count * sizeof *functions);
    uint8_t *types = arena_alloc(a, u->type_count + (size_t)1);
    if (shape == NULL || signatures == NULL || functions == NULL || types == NULL) {
        return NULL;
    }
    for (uint32_t n = 0; n < u->type_count; n++) {
        types[n] = verified_type(u->types[n]);
    }
    for (uint32_t n = 0; n < u->count; n++) {
        const struct ir_signature *s = &u->signatures[n];
        signatures[n] = (struct verify_signature){s->types, s->params, s->results};
        functions[n] = n;
    }
    *shape = (struct verify_shape){.types = types,
                                   .signatures = signatures,
                                   .functions = functions,
                                   .signature_count = u->count,
                                   .has_pads = pads};
    return shape;
}

/* ---- Compiling ---- */

static bool compile_one(const struct cil_unit *u, uint32_t n, const struct cil_code_options *o,
                        struct code_builder *b, struct arena *arena)
{
    struct jit_code code;
    struct jit_error why = {.text = ""};
    enum status s = jit_compile(o->machine, u->methods[n].function, &o->jit, arena, &code, &why);
    if (s == OK) {
        s = code_builder_add(b, &code);
    }
    arena_empty(arena);
    return s == OK || fail(u, n, s, why.text[0] == '\0' ? status_text(s) : why.text);
}

static bool place(const struct cil_unit *u, const struct cil_code_options *o,
                  struct code_builder *b, struct arena *arena, struct cil_code *out)
{
    b->arena = arena;
    b->shape = make_shape(u, arena, (o->jit.features & o->machine->landing_pads) != 0);
    enum status s = b->shape == NULL ? E_NOMEM : code_builder_finish(b, &out->map, 0, &out->piece);
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
    is_ok = is_ok && place(u, o, &b, &arena, out);
    arena_free_all(&arena);
    code_builder_free(&b);
    return is_ok;
}

/* A method accesses no memory but its frame. */
static bool has_no_memory(void *ctx, uint64_t address)
{
    (void)ctx, (void)address;
    return false;
}

bool cil_code_make(const struct cil_unit *u, const struct cil_code_options *o, struct cil_code *out)
{
    *out = (struct cil_code){.unit = u};
    out->names = budget_zalloc(o->budget, u->count * sizeof *out->names);
    if (out->names == NULL) {
        return fail(u, 0, E_NOMEM, "no memory for its code");
    }
    for (uint32_t n = 0; n < u->count; n++) {
        out->names[n] = u->callees[n].name;
    }
    out->map = (struct code_map){.space = o->space,
                                 .machine = o->machine,
                                 .has_address = has_no_memory,
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

bool cil_code_run(struct cil_code *c, const struct ir_bits *args, struct ir_bits *result,
                  struct cil_stop *stop)
{
    const struct ir_signature *s = &c->unit->signatures[0];
    uint64_t cells[CIL_RUN_ARGUMENTS_MAX], returned = 0;
    const struct code_call call = {.code = c->piece.block.address +
                                           code_piece_function(&c->piece, 0)->start,
                                   .context = (uintptr_t)&c->context,
                                   .types = c->unit->types + s->types,
                                   .type_of = own_type,
                                   .param_count = s->params,
                                   .result_count = s->results};
    for (uint32_t n = 0; n < s->params; n++) {
        cells[n] = args[n].lo;
    }
    uint64_t outcome = code_call(&c->map, &call, cells, &returned);
    if (outcome == CODE_RETURNED) {
        if (s->results != 0) {
            *result = (struct ir_bits){.lo = returned};
        }
        return true;
    }
    *stop =
        (struct cil_stop){.is_trap = outcome < CODE_STOPPED,
                          .trap = outcome < CODE_STOPPED ? (unsigned)(outcome - CODE_TRAPPED) : 0,
                          .depth = c->map.trace.depth,
                          .method = c->map.trace.frames[0].function,
                          .offset = c->map.trace.frames[0].location};
    return false;
}
