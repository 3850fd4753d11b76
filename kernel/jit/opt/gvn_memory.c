// SPDX-License-Identifier: MIT
//
// Known contents of memory. Each alias class is in some version at each point. What a load read, or
// a store wrote, is remembered together with the version. A store creates a new version that refers
// to the one before: a load whose bytes the store did not touch continues the search there.
//
// A version means "no write in between", so it may be kept only where
// that is certain: at the start of a block if all edges agree and no
// back edge writes the class, and never across a call that may write.
#include "kernel/jit/opt/gvn_internal.h"

#include "kernel/lib/string.h"

#define PROBES    4u
#define STEPS_MAX 8u /* number of stores that a load looks past */

/* Size of the table of contents: 256 KiB; see gvn.c's ENTRIES_MAX. */
#define CONTENTS_MAX (1u << 13)

/* ---- Versions ---- */

/* The invariant: if two points have the same version of a class, no execution that goes from one to
 * the other has written bytes of that class, except bytes that the chain of stores between accounts
 * for. A wrong version is a wrong program, not only a missed chance; so whatever is not understood
 * gets a new version. Versions are never reused; version 0 is for memory that is constant
 * (is_constant).
 *
 * Threads: a shared memory may be written by others at any time. WebAssembly permits a plain load
 * to return an older value then; an atomic access or a fence clobbers all classes
 * (effects_writes_all()), so nothing is kept across what orders the threads. */

static uint32_t new_version(struct gvn *g, struct gvn_version v)
{
    struct ir_function *f = g->c.out;
    struct gvn_version *grown = arena_grow_list(g->a, g->versions, &g->version_capacity,
                                                (uint64_t)g->version_count + 1, sizeof *grown);
    if (grown == NULL) {
        f->error = f->error == OK ? E_NOMEM : f->error;
        return 0;
    }
    g->versions = grown;
    grown[g->version_count] = v;
    return g->version_count++;
}

static uint32_t unknown_version(struct gvn *g)
{
    return new_version(g, (struct gvn_version){.before = IR_NONE});
}

void gvn_memory_clobber(struct gvn *g)
{
    for (uint32_t n = 0; n < g->effects.count; n++) {
        g->now[n] = unknown_version(g);
    }
}

static uint32_t class_of(const struct gvn *g, const struct ir_memref *p)
{
    return g->effects.number[p->alias_class];
}

/* ---- Start ---- */

enum status gvn_memory_start(struct gvn *g)
{
    const struct ir_function *f = g->c.in;
    uint32_t size = 8;
    enum status s = effects_make(g->a, f, &g->c.survey->cfg, &g->effects);
    if (s != OK) {
        return s;
    }
    while (size < f->instr_count / 3 && size < CONTENTS_MAX) {
        size *= 2;
    }
    g->after = arena_take(g->a, (size_t)f->block_count * g->effects.count * sizeof *g->after);
    g->contents = arena_alloc(g->a, (size_t)size * sizeof *g->contents);
    if (g->after == NULL || g->contents == NULL) {
        return E_NOMEM;
    }
    g->content_mask = size - 1;
    (void)unknown_version(g); /* version 0: memory that never changes */
    return g->c.out->error;
}

/* ---- Blocks ---- */

/* The version at the end of all edges into this block, or IR_NONE if they differ. */
static uint32_t agreed(const struct gvn *g, uint32_t class)
{
    uint32_t found = IR_NONE;
    for (uint32_t e = g->first_entry[g->block]; e != IR_NONE; e = g->entries[e].next) {
        uint32_t v = g->after[g->entries[e].from * g->effects.count + class];
        if (found != IR_NONE && v != found) {
            return IR_NONE;
        }
        found = v;
    }
    return found;
}

/* Classes that may change before control returns to this block along edges not copied yet.
 * effects.written has what all blocks of the loop write, with inner loops. In a cycle with several
 * entries no header dominates the rest, so nothing is known about it. */
static uint16_t changed_by_back_edges(const struct gvn *g)
{
    const struct ir_cfg *cfg = &g->c.survey->cfg;
    uint16_t classes = 0;
    for (uint32_t i = cfg->pred_first[g->block]; i < cfg->pred_first[g->block + 1]; i++) {
        uint32_t from = cfg->pred_block[i];
        /* a back edge, or part of a cycle that has several entries: then assume the worst */
        if (g->is_done[from] == 0) {
            bool is_loop = ir_cfg_dominates(&g->c.survey->cfg, g->block, from);
            classes |= is_loop ? g->effects.written[g->block] : UINT16_MAX;
        }
    }
    return classes;
}

void gvn_memory_enter(struct gvn *g)
{
    uint16_t changed = changed_by_back_edges(g);
    for (uint32_t n = 0; n < g->effects.count; n++) {
        uint32_t v = (changed >> n & 1) != 0 ? IR_NONE : agreed(g, n);
        g->now[n] = v == IR_NONE ? unknown_version(g) : v;
    }
}

void gvn_memory_leave(struct gvn *g)
{
    memcpy(g->after + (size_t)g->block * g->effects.count, g->now,
           g->effects.count * sizeof *g->now);
}

/* ---- Contents ---- */

/* The key under which the contents of the accessed bytes are stored: everything that decides the
 * address and the number of bytes. The access itself (its sign extension) is not part of it,
 * except for vectors: as_loaded() converts the value for each load. */
static struct gvn_content content_at(const struct gvn *g, const struct ir_instr *i, unsigned type)
{
    const struct ir_memref *p = &g->c.out->memrefs[i->c];
    return (struct gvn_content){.index = i->a,
                                .bytes = (uint16_t)ir_access_size(p->access, type),
                                .space = p->space,
                                .access = type == IR_V128 ? p->access : 0,
                                .number = ir_space_is_numbered(p->space) ? p->number : 0,
                                .offset = p->offset,
                                .last = g->scope.last[g->scope.now]};
}

static uint32_t hash_content(const struct gvn_content *c)
{
    uint64_t h = c->offset * UINT64_C(0x9e3779b97f4a7c15) + c->index;
    h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93) + c->version +
        ((uint64_t)(c->bytes + c->space * 32u + c->access * 256u) << 32);
    return (uint32_t)((h ^ h >> 29) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static bool is_same(const struct gvn_content *a, const struct gvn_content *b)
{
    return a->version == b->version && a->index == b->index && a->offset == b->offset &&
           a->bytes == b->bytes && a->space == b->space && a->access == b->access &&
           a->number == b->number;
}

/* Two conditions: the key is the same, with the version, and the value dominates this block
 * (`last`). An empty place ends the search, as entries are only replaced and never removed. */
static uint32_t find(const struct gvn *g, const struct gvn_content *c)
{
    uint32_t hash = hash_content(c);
    for (uint32_t n = 0; n < PROBES; n++) {
        const struct gvn_content *e = &g->contents[(hash + n) & g->content_mask];
        if (e->value_1 == 0) {
            break;
        }
        if (is_same(e, c) && g->scope.now <= e->last) {
            return e->value_1 - 1;
        }
    }
    return IR_NONE;
}

static void remember(struct gvn *g, struct gvn_content *c, uint32_t version, uint32_t value)
{
    c->version = version;
    c->value_1 = value + 1;
    uint32_t hash = hash_content(c), at = hash & g->content_mask;
    for (uint32_t n = 0; n < PROBES; n++) {
        const struct gvn_content *e = &g->contents[(hash + n) & g->content_mask];
        if (e->value_1 == 0 || g->scope.now > e->last || is_same(e, c)) {
            at = (hash + n) & g->content_mask;
            break;
        }
    }
    g->contents[at] = *c;
}

/* Whether a store certainly did not touch these bytes: the same index with an offset far enough
 * away, or another slot. The index is compared as a value number: with the same index, two accesses
 * are apart if their offsets differ by at least the size of the one that comes first. Different
 * indices may be equal at run time, so they prove nothing. */
static bool is_beside(const struct gvn *g, const struct gvn_version *v, const struct gvn_content *c)
{
    const struct ir_memref *p = &g->c.out->memrefs[v->memref];
    if (p->space != c->space) {
        return false;
    }
    if (p->space == IR_SPACE_SLOT && p->number != c->number) {
        return true;
    }
    bool same_number = !ir_space_is_numbered(p->space) || p->number == c->number;
    bool apart = p->offset >= c->offset ? p->offset - c->offset >= c->bytes
                                        : c->offset - p->offset >= v->bytes;
    return same_number && v->index == c->index && apart;
}

/* Look for the contents at this version, and, as long as the store
 * that made the version did not touch these bytes, at the version
 * before. STEPS_MAX bounds the cost of a function with many stores. */
static uint32_t find_past_stores(const struct gvn *g, struct gvn_content *c, uint32_t version)
{
    for (uint32_t steps = 0; steps <= STEPS_MAX; steps++) {
        c->version = version;
        uint32_t value = find(g, c);
        const struct gvn_version *v = &g->versions[version];
        if (value != IR_NONE || v->before == IR_NONE || !is_beside(g, v, c)) {
            return value;
        }
        version = v->before;
    }
    return IR_NONE;
}

/* ---- The stored value as a load would read it ---- */

/* The low bits of an integer, extended within its type. */
static uint32_t extend_low(struct ir_function *f, uint32_t v, unsigned access)
{
    unsigned type = f->instrs[v].type;
    switch ((enum ir_access)access) {
    case IR_ACCESS_8_S:
        return ir_build(f, IR_EXTEND8_S, type, v, 0, 0);
    case IR_ACCESS_16_S:
        return ir_build(f, IR_EXTEND16_S, type, v, 0, 0);
    case IR_ACCESS_32_S:
        return type == IR_I64 ? ir_build(f, IR_EXTEND32_S, type, v, 0, 0) : v;
    case IR_ACCESS_8_U:
        return ir_build(f, IR_AND, type, v, ir_build_const(f, type, 0xff), 0);
    case IR_ACCESS_16_U:
        return ir_build(f, IR_AND, type, v, ir_build_const(f, type, 0xffff), 0);
    case IR_ACCESS_32_U:
        return type == IR_I64 ? ir_build(f, IR_AND, type, v, ir_build_const(f, type, UINT32_MAX), 0)
                              : v;
    default:
        return v;
    }
}

static bool extends_sign(unsigned access)
{
    return access == IR_ACCESS_8_S || access == IR_ACCESS_16_S || access == IR_ACCESS_32_S;
}

/* The value of type `type` that a load with this access gives if memory contains the low bytes of
 * v; IR_NONE: there is no such conversion. */
static uint32_t as_loaded(struct ir_function *f, uint32_t v, unsigned type, unsigned access)
{
    unsigned from = f->instrs[v].type;
    if (from == type && (access == IR_ACCESS_FULL || type == IR_V128)) {
        return v;
    }
    if (ir_is_float(from) && ir_is_integer(type)) {
        v = ir_build(f, IR_BITCAST, from == IR_F32 ? IR_I32 : IR_I64, v, 0, 0);
        from = f->instrs[v].type;
    }
    if (!ir_is_integer(from)) {
        return IR_NONE;
    }
    if (ir_is_float(type)) {
        return ir_type_size(type) == ir_type_size(from) ? ir_build(f, IR_BITCAST, type, v, 0, 0)
                                                        : IR_NONE;
    }
    if (!ir_is_integer(type)) {
        return IR_NONE;
    }
    if (type == IR_I32 && from == IR_I64) {
        v = ir_build(f, IR_WRAP, IR_I32, v, 0, 0);
    }
    v = extend_low(f, v, access);
    if (type == IR_I64 && from == IR_I32) {
        v = ir_build(f, extends_sign(access) ? IR_EXTEND_S : IR_EXTEND_U, IR_I64, v, 0, 0);
    }
    return v;
}

/* ---- Loads and stores ---- */

/* A store is never removed and never moved, so a fault in the middle of a function finds memory as
 * the program left it, and other threads see all stores. */

/* Whether a load repeats one that gave the same bytes as another type. Loading them again costs no
 * more than converting them, and the verifier of machine code follows the length of a table only
 * as it was loaded. */
static bool is_loaded_otherwise(const struct ir_function *f, uint32_t value, unsigned type)
{
    const struct ir_instr *i = &f->instrs[value];
    return i->op == IR_LOAD && i->type != type;
}

/* A load may trap. If its contents are known, an earlier access to the same bytes did not trap, and
 * memory never shrinks, so this one would not trap either and can be dropped. */
uint32_t gvn_load(struct gvn *g, struct ir_instr i)
{
    struct ir_function *f = g->c.out;
    fold_access(f, &i);
    gvn_near_access(g, &i, i.type);
    struct ir_memref p = f->memrefs[i.c];
    struct gvn_content c = content_at(g, &i, i.type);
    uint32_t version = p.is_constant != 0 ? 0 : g->now[class_of(g, &p)];
    uint32_t value = find_past_stores(g, &c, version);
    if (value != IR_NONE && f->error == OK && !is_loaded_otherwise(f, value, i.type)) {
        value = as_loaded(f, value, i.type, p.access);
        if (value != IR_NONE) {
            return value;
        }
    }
    value = fold_emit(f, &i);
    remember(g, &c, version, value);
    return value;
}

/* The store is always emitted, even if memory has this value already. The new version is remembered
 * with the stored value, so a load of the same bytes gets it without an access. */
void gvn_store(struct gvn *g, struct ir_instr i)
{
    struct ir_function *f = g->c.out;
    fold_access(f, &i);
    gvn_near_access(g, &i, f->instrs[i.b].type);
    struct ir_memref p = f->memrefs[i.c];
    struct gvn_content c = content_at(g, &i, f->instrs[i.b].type);
    uint32_t *now = &g->now[class_of(g, &p)];
    (void)fold_emit(f, &i);
    *now = new_version(
        g, (struct gvn_version){.before = *now, .index = i.a, .memref = i.c, .bytes = c.bytes});
    remember(g, &c, *now, i.b);
}
