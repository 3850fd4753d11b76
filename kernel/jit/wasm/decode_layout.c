// SPDX-License-Identifier: MIT
//
// What an instance's context holds where, and the tables that all functions' representations share:
// types, signatures, callees, memories.
#include "kernel/jit/wasm/decode_internal.h"

#include "kernel/lib/string.h"

#define HELPER_PARAMS  4
#define NAME_BYTES     32u /* of a function's name in the representation, with the zero */
#define CONTEXT_MAX    INT32_MAX
#define HELPER_RESULTS 1

/* ---- The context ---- */

static uint32_t take(uint64_t *end, uint32_t bytes, uint32_t align)
{
    uint64_t at = ALIGN_UP(*end, (uint64_t)align);
    *end = at + bytes;
    return (uint32_t)at;
}

static bool lay_out_context(struct wasm_decoder *d)
{
    struct wasm_module *m = d->m;
    uint64_t end = sizeof(struct wasm_context);
    for (uint32_t n = 0; n < m->global_count; n++) {
        struct wasm_global *g = &m->globals[n];
        uint32_t bytes = !g->is_imported && g->type.type == WASM_V128 ? 16 : 8;
        g->at = take(&end, bytes, bytes);
    }
    for (uint32_t n = 0; n < m->table_count; n++) {
        struct wasm_table *t = &m->tables[n];
        t->at = take(&end, t->is_imported ? 8 : sizeof(struct wasm_table_data), 8);
    }
    for (uint32_t n = 0; n < m->function_count; n++) {
        struct wasm_function *f = &m->functions[n];
        f->at =
            take(&end, f->is_imported ? sizeof(struct wasm_imported) : sizeof(struct wasm_func), 8);
    }
    if (end > CONTEXT_MAX) {
        return wasm_fail(&d->r, d->r.at, E_OVERFLOW, "globals, tables and functions of %llu bytes",
                         (unsigned long long)end);
    }
    m->context_bytes = (uint32_t)ALIGN_UP(end, (uint64_t)16);
    return true;
}

/* ---- Helpers ---- */

static const struct {
    const char *name;
    uint8_t params[HELPER_PARAMS]; /* enum ir_type; IR_VOID: no more */
    uint8_t result;
} helpers[WASM_HELPER_COUNT] = {
    [WASM_HELPER_MEMORY_GROW] = {"memory_grow", {IR_I32}, IR_I32},
    [WASM_HELPER_MEMORY_INIT] = {"memory_init", {IR_I32, IR_I32, IR_I32, IR_I32}, IR_I32},
    [WASM_HELPER_MEMORY_COPY] = {"memory_copy", {IR_I32, IR_I32, IR_I32}, IR_I32},
    [WASM_HELPER_MEMORY_FILL] = {"memory_fill", {IR_I32, IR_I32, IR_I32}, IR_I32},
    [WASM_HELPER_DATA_DROP] = {"data_drop", {IR_I32}, IR_VOID},
    [WASM_HELPER_TABLE_GROW] = {"table_grow", {IR_I32, IR_I64, IR_I32}, IR_I32},
    [WASM_HELPER_TABLE_FILL] = {"table_fill", {IR_I32, IR_I32, IR_I64, IR_I32}, IR_I32},
    [WASM_HELPER_TABLE_COPY] = {"table_copy", {IR_I64, IR_I32, IR_I32, IR_I32}, IR_I32},
    [WASM_HELPER_TABLE_INIT] = {"table_init", {IR_I64, IR_I32, IR_I32, IR_I32}, IR_I32},
    [WASM_HELPER_ELEM_DROP] = {"elem_drop", {IR_I32}, IR_VOID},
};

/* A helper's types at `at`. @return behind them. */
static uint32_t add_helper_types(uint32_t helper, uint8_t *types, uint32_t at,
                                 struct ir_signature *out)
{
    *out = (struct ir_signature){.types = at};
    while (out->params < HELPER_PARAMS && helpers[helper].params[out->params] != IR_VOID) {
        types[at++] = helpers[helper].params[out->params++];
    }
    if (helpers[helper].result != IR_VOID) {
        types[at++] = helpers[helper].result;
        out->results = 1;
    }
    return at;
}

/* ---- Types and signatures ---- */

unsigned wasm_ir_type(uint8_t type)
{
    switch (type) {
    case WASM_I32:
        return IR_I32;
    case WASM_F32:
        return IR_F32;
    case WASM_F64:
        return IR_F64;
    case WASM_V128:
        return IR_V128;
    default:
        return IR_I64; /* and references */
    }
}

/* Signature n is the module's type n; the helpers' follow. */
static bool make_signatures(struct wasm_decoder *d)
{
    struct wasm_module *m = d->m;
    uint32_t total = WASM_HELPER_COUNT * (HELPER_PARAMS + HELPER_RESULTS), at = 0;
    for (uint32_t n = 0; n < m->signature_count; n++) {
        total += m->signatures[n].params + m->signatures[n].results;
    }
    uint8_t *types = decode_alloc(d, total, 1);
    struct ir_signature *signatures =
        decode_alloc(d, m->signature_count + WASM_HELPER_COUNT, sizeof *signatures);
    if (types == NULL || signatures == NULL) {
        return false;
    }
    for (uint32_t n = 0; n < m->signature_count; n++) {
        const struct wasm_signature *s = &m->signatures[n];
        signatures[n] = (struct ir_signature){at, s->params, s->results};
        for (uint32_t t = 0; t < s->params + s->results; t++) {
            types[at++] = (uint8_t)wasm_ir_type(s->types[t]);
        }
    }
    for (uint32_t n = 0; n < WASM_HELPER_COUNT; n++) {
        at = add_helper_types(n, types, at, &signatures[m->signature_count + n]);
    }
    m->ir.types = types;
    m->ir.type_count = at;
    m->ir.signatures = signatures;
    m->ir.signature_count = m->signature_count + WASM_HELPER_COUNT;
    return true;
}

/* ---- Callees and memories ---- */

static size_t write_number(char *text, uint32_t number)
{
    size_t digits = 1;
    for (uint32_t rest = number; rest >= 10; rest /= 10) {
        digits++;
    }
    for (size_t n = digits; n-- > 0; number /= 10) {
        text[n] = (char)('0' + number % 10);
    }
    return digits;
}

/* "f12_main": different for each function, and a word of the representation's text. Without
 * formatting: there are thousands. */
static void write_name(const struct wasm_module *m, uint32_t function, char *text)
{
    const char *name = m->names == NULL ? NULL : m->names[function];
    text[0] = 'f';
    size_t n = 1 + write_number(text + 1, function);
    if (name != NULL) {
        text[n++] = '_';
    }
    for (; name != NULL && *name != '\0' && n < NAME_BYTES - 1; name++) {
        bool letter = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                      (*name >= '0' && *name <= '9');
        text[n++] = letter ? *name : '_';
    }
    text[n] = '\0';
}

static bool make_callees(struct wasm_decoder *d)
{
    struct wasm_module *m = d->m;
    struct ir_callee *callees =
        decode_alloc(d, m->function_count + WASM_HELPER_COUNT, sizeof *callees);
    char *names = decode_alloc(d, m->function_count, NAME_BYTES);
    if (callees == NULL || names == NULL) {
        return false;
    }
    for (uint32_t n = 0; n < WASM_HELPER_COUNT; n++) {
        callees[n] = (struct ir_callee){
            .name = helpers[n].name,
            .signature = m->signature_count + n,
            .effects = IR_READS | IR_WRITES,
            .kind = IR_CALLEE_HELPER,
            .entry = (uint32_t)(offsetof(struct wasm_context, helpers) + 8 * n),
        };
    }
    for (uint32_t n = 0; n < m->function_count; n++) {
        char *name = names + (size_t)n * NAME_BYTES;
        write_name(m, n, name);
        callees[WASM_HELPER_COUNT + n] = (struct ir_callee){
            .name = name,
            .signature = m->functions[n].type,
            .effects = IR_TRAPS | IR_READS | IR_WRITES,
            .kind = IR_CALLEE_FUNCTION,
        };
    }
    m->ir.callees = m->callees = callees;
    m->ir.callee_count = WASM_HELPER_COUNT + m->function_count;
    return true;
}

static const struct ir_memory memory = {
    .guard_bytes = WASM_GUARD_BYTES,
    .base = offsetof(struct wasm_context, memory_base),
    .length = offsetof(struct wasm_context, memory_length),
};

bool decode_layout(struct wasm_decoder *d)
{
    d->r.section = NULL;
    d->m->ir.memories = &memory;
    d->m->ir.memory_count = d->m->memory_count;
    return lay_out_context(d) && make_signatures(d) && make_callees(d);
}
