// SPDX-License-Identifier: MIT
//
// Creates instances, and looks up their contents. The order is the specification's: imports, then
// the module's own objects, element segments, data segments, the start function.
//
// An instance is one allocation: the struct, the context that compiled code uses (its layout is
// that of decode_layout.c), the imports, and one byte for each segment. Its address never
// changes, because code and other instances keep pointers into it.
#include "kernel/wasm/run/instance.h"

#include "kernel/base/assert.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/wasm/run/link.h"
#include "kernel/wasm/run/runtime.h"
#include "kernel/wasm/run/store.h"

/* ---- Looking up contents of an instance ---- */

static void *at(const struct wasm_instance *i, uint32_t offset)
{
    return (uint8_t *)(uintptr_t)&i->context + offset;
}

/* The imports are sorted by kind; wasm_link() fills them in that order. */
static struct wasm_extern *imported(const struct wasm_instance *i, enum wasm_kind kind,
                                    uint32_t index)
{
    const struct wasm_module *m = i->code->module;
    for (unsigned k = 0; k < (unsigned)kind; k++) {
        index += m->imported[k];
    }
    return &i->imports[index];
}

struct wasm_extern wasm_instance_extern(const struct wasm_instance *i, enum wasm_kind kind,
                                        uint32_t index)
{
    const struct wasm_module *m = i->code->module;
    if (index < m->imported[kind]) {
        return *imported(i, kind, index);
    }
    struct wasm_extern e = {.kind = kind, .module = m};
    switch (kind) {
    case WASM_FUNCTION:
        e.function.record = at(i, m->functions[index].at);
        e.function.signature = &m->signatures[m->functions[index].type];
        break;
    case WASM_TABLE:
        e.table.data = at(i, m->tables[index].at);
        e.table.type = m->tables[index].type;
        break;
    case WASM_MEMORY:
        e.memory = i->memories[index];
        break;
    case WASM_TAG:
        e.tag.identity = *(const uint64_t *)at(i, m->tags[index].at);
        e.tag.type_id = m->signatures[m->tags[index].type].id;
        break;
    default:
        e.global.value = at(i, m->globals[index].at);
        e.global.type = m->globals[index].type;
        break;
    }
    return e;
}

/* A linear search: an export is looked up once for each import, when a module is linked. */
bool wasm_instance_export(const struct wasm_instance *i, struct wasm_bytes name,
                          struct wasm_extern *out)
{
    const struct wasm_module *m = i->code->module;
    for (uint32_t n = 0; n < m->export_count; n++) {
        const struct wasm_export *e = &m->exports[n];
        if (e->name.len == name.len && memcmp(e->name.bytes, name.bytes, name.len) == 0) {
            *out = wasm_instance_extern(i, (enum wasm_kind)e->kind, e->index);
            return true;
        }
    }
    return false;
}

struct wasm_func *wasm_instance_function(const struct wasm_instance *i, uint32_t function)
{
    return wasm_instance_extern(i, WASM_FUNCTION, function).function.record;
}

/* ---- The module's own objects ---- */

/* The whole address range that the memory may ever need is reserved, plus a guard for the largest
 * index and offset; only `min` pages of it are accessible. So growing never moves the memory, and
 * compiled code can leave out bounds checks: an access beyond the length faults. */
enum status wasm_make_memory(struct wasm_store *s, const struct wasm_limits *limits,
                             struct wasm_memory **out)
{
    if (limits->min > WASM_PAGES_MAX) {
        return E_OVERFLOW;
    }
    if (limits->min > s->left.pages) {
        return E_NOMEM;
    }
    uint64_t may_become = limits->has_max ? MIN(limits->max, WASM_PAGES_MAX) : WASM_PAGES_MAX;
    struct wasm_memory *memory = budget_zalloc(s->budget, sizeof *memory);
    if (memory == NULL) {
        return E_NOMEM;
    }
    enum status status =
        sandbox_reserve(&memory->box, s->budget, MIN(may_become, s->left.pages) * WASM_PAGE,
                        WASM_WINDOW_BYTES - ((uint64_t)1 << 32));
    if (status == OK) {
        status = sandbox_grow(&memory->box, (uint64_t)limits->min * WASM_PAGE);
    }
    if (status != OK) {
        sandbox_release(&memory->box);
        budget_free(s->budget, memory);
        return status;
    }
    memory->limits = *limits;
    memory->length = (uint64_t)limits->min * WASM_PAGE;
    memory->next = s->memories;
    s->memories = memory;
    s->left.pages -= limits->min;
    *out = memory;
    return OK;
}

static enum status make_memories(struct wasm_instance *i)
{
    const struct wasm_module *m = i->code->module;
    enum status s = OK;
    for (uint32_t n = 0; s == OK && n < m->memory_count; n++) {
        if (n < m->imported[WASM_MEMORY]) {
            i->memories[n] = imported(i, WASM_MEMORY, n)->memory;
        } else {
            s = wasm_make_memory(i->store, &m->memories[n].limits, &i->memories[n]);
        }
    }
    i->memory = m->memory_count == 0 ? NULL : i->memories[0];
    return s;
}

static const uint64_t no_length;

/* Without a memory the length is 0: the module has no instructions that access memory, and host
 * functions refuse every address. */
static void set_context(struct wasm_instance *i)
{
    struct wasm_context *c = &i->context;
    c->memory_base = i->memory == NULL ? 0 : (uintptr_t)i->memory->box.base;
    c->memory_length = (uintptr_t)(i->memory == NULL ? &no_length : &i->memory->length);
    for (uint32_t n = 1; n < i->code->module->memory_count; n++) {
        const struct wasm_memory *memory = i->memories[n];
        *(struct wasm_memory_slot *)at(i, i->code->module->memories[n].at) =
            (struct wasm_memory_slot){(uintptr_t)memory->box.base, (uintptr_t)&memory->length};
    }
    c->stop = (uintptr_t)wasm_store_flag(i->store);
    uint64_t *more = at(i, i->code->module->more_helpers);
    memcpy(c->helpers, wasm_helpers, sizeof c->helpers);
    memcpy(more, wasm_helpers + WASM_HELPER_FIXED,
           sizeof wasm_helpers - WASM_HELPER_FIXED * sizeof *wasm_helpers);
    more[WASM_HELPER_EXN_THROW - WASM_HELPER_FIXED] = (uintptr_t)i->store->engine->throws;
}

/* Host functions access the memory of the instance that imported them. Only those imported by this
 * instance change. */
static void set_host_memory(struct wasm_instance *i, const struct wasm_host *until)
{
    for (struct wasm_host *h = i->store->hosts; h != until; h = h->next) {
        h->memory_base = i->context.memory_base;
        h->memory_length = i->context.memory_length;
    }
}

/* The context holds an own table directly, and the address of an imported one, because its length
 * can change. */
static enum status make_tables(struct wasm_instance *i)
{
    const struct wasm_module *m = i->code->module;
    for (uint32_t n = 0; n < m->table_count; n++) {
        if (n < m->imported[WASM_TABLE]) {
            *(uint64_t *)at(i, m->tables[n].at) = (uintptr_t)imported(i, WASM_TABLE, n)->table.data;
            continue;
        }
        const struct wasm_limits *limits = &m->tables[n].type.limits;
        struct wasm_table_data *t = at(i, m->tables[n].at);
        t->max = (uint32_t)(limits->has_max ? MIN(limits->max, (uint64_t)UINT32_MAX) : UINT32_MAX);
        if (limits->min > i->store->left.elements ||
            wasm_table_reserve(i->store, t, limits->min) != OK) {
            return E_NOMEM;
        }
        if (limits->min > 0) {
            memset((void *)(uintptr_t)t->elements, 0, (size_t)limits->min * sizeof(uint64_t));
        }
        t->length = (uint32_t)limits->min;
        i->store->left.elements -= limits->min;
    }
    return OK;
}

/* Fill the functions' words in the context. Own functions get a struct wasm_func there, which is
 * their reference in tables, too. */
static void make_functions(struct wasm_instance *i)
{
    const struct wasm_module *m = i->code->module;
    const struct wasm_store *s = i->store;
    for (uint32_t n = 0; n < m->function_count; n++) {
        const struct wasm_function *f = &m->functions[n];
        if (f->is_imported) {
            struct wasm_func *func = imported(i, WASM_FUNCTION, n)->function.record;
            struct wasm_imported *slot = at(i, f->at);
            slot->func = (uintptr_t)func;
            if (wasm_calls_host(m, n)) {
                const struct wasm_host *h = CONTAINER_OF(func, struct wasm_host, func);
                slot->entry = (uintptr_t)h->function->direct;
                slot->host = (uintptr_t)h;
            }
            continue;
        }
        *(struct wasm_func *)at(i, f->at) =
            (struct wasm_func){.code = s->engine->entry(s->state, i->code, n),
                               .context = (uintptr_t)&i->context,
                               .type_id = m->signatures[f->type].id,
                               .index = n};
    }
}

/* After the functions and globals, to which the initial values of own tables may refer. */
static void fill_tables(const struct wasm_instance *i)
{
    const struct wasm_module *m = i->code->module;
    for (uint32_t n = m->imported[WASM_TABLE]; n < m->table_count; n++) {
        if (m->tables[n].has_init) {
            wasm_table_set_all(at(i, m->tables[n].at),
                               wasm_constant_value(i, &m->tables[n].init).lo);
        }
    }
}

/* A value in the context takes 8 bytes, or 16 for a vector. */
static void make_globals(struct wasm_instance *i)
{
    const struct wasm_module *m = i->code->module;
    for (uint32_t n = 0; n < m->global_count; n++) {
        const struct wasm_global *g = &m->globals[n];
        if (g->is_imported) {
            *(uint64_t *)at(i, g->at) = (uintptr_t)imported(i, WASM_GLOBAL, n)->global.value;
            continue;
        }
        struct wasm_value v = wasm_constant_value(i, &g->init);
        memcpy(at(i, g->at), &v, wasm_value_bytes(g->type.type));
    }
}

/* Every instance of a module makes new tags, so the identity of its own is an address in it. */
static void make_tags(struct wasm_instance *i)
{
    const struct wasm_module *m = i->code->module;
    for (uint32_t n = 0; n < m->tag_count; n++) {
        uint64_t *word = at(i, m->tags[n].at);
        *word = m->tags[n].is_imported ? imported(i, WASM_TAG, n)->tag.identity : (uintptr_t)word;
    }
}

/* ---- Segments ---- */

/* Active segments are copied now and then dropped, as the specification demands: a table.init of a
 * dropped segment sees 0 elements. Declarative segments only declare functions, and are dropped
 * at once. */
static bool run_segments(struct wasm_instance *i)
{
    const struct wasm_module *m = i->code->module;
    for (uint32_t n = 0; n < m->element_count; n++) {
        const struct wasm_element_segment *s = &m->elements[n];
        if (s->mode == WASM_ACTIVE) {
            uint64_t to = wasm_constant_value(i, &s->offset).lo;
            if (!wasm_table_init(i, s->table, n, to, 0, s->count)) {
                return false;
            }
        }
        if (s->mode != WASM_PASSIVE) {
            wasm_elem_drop(i, n);
        }
    }
    return true;
}

static bool run_data(struct wasm_instance *i)
{
    const struct wasm_module *m = i->code->module;
    for (uint32_t n = 0; n < m->data_count; n++) {
        const struct wasm_data_segment *s = &m->data[n];
        if (s->mode == WASM_ACTIVE) {
            uint64_t to = wasm_constant_value(i, &s->offset).lo;
            if (!wasm_memory_init(i, s->memory, n, to, 0, s->bytes.len)) {
                return false;
            }
            wasm_data_drop(i, n);
        }
    }
    return true;
}

/* The first segment that does not fit traps. The segments before it stay copied, even in imported
 * tables and memories: others see that. */
static enum wasm_outcome initialise(struct wasm_instance *i, struct wasm_stop *stop)
{
    const struct wasm_module *m = i->code->module;
    stop->outcome = WASM_TRAPPED;
    stop->trap = IR_TRAP_TABLE;
    stop->depth = 0;
    if (!run_segments(i)) {
        return WASM_TRAPPED;
    }
    stop->trap = IR_TRAP_MEMORY;
    if (!run_data(i)) {
        return WASM_TRAPPED;
    }
    if (m->start == IR_NONE) {
        return WASM_RETURNED;
    }
    struct wasm_extern start = wasm_instance_extern(i, WASM_FUNCTION, m->start);
    return wasm_call(i->store, &start, NULL, NULL, stop);
}

/* ---- An instance ---- */

static enum status no_memory(struct wasm_error *err, const struct wasm_module *m, unsigned section,
                             const char *what)
{
    static const char *const names[WASM_SECTIONS] = {
        [WASM_SECTION_TABLE] = "table", [WASM_SECTION_MEMORY] = "memory"};
    return wasm_complain(err, E_NOMEM, names[section], m->sections[section],
                         "no memory for the module's %s", what);
}

/* The context's size is known from decode_layout.c; the arrays after it are found by pointers. */
static struct wasm_instance *allocate(struct wasm_store *s, struct wasm_code *code)
{
    const struct wasm_module *m = code->module;
    ASSERT(m->context_bytes >= sizeof(struct wasm_context));
    STATIC_ASSERT(_Alignof(struct wasm_extern) <= 16,
                  "behind a context, which is a multiple of it");
    size_t imports = offsetof(struct wasm_instance, context) + (size_t)m->context_bytes;
    size_t memories = imports + (size_t)m->import_count * sizeof(struct wasm_extern);
    size_t dropped = memories + (size_t)m->memory_count * sizeof(struct wasm_memory *);
    struct wasm_instance *i =
        budget_zalloc(s->budget, dropped + (size_t)m->element_count + m->data_count);
    if (i == NULL) {
        return NULL;
    }
    i->store = s;
    i->code = code;
    i->imports = (struct wasm_extern *)((uint8_t *)i + imports);
    i->memories = (struct wasm_memory **)((uint8_t *)i + memories);
    i->dropped = (uint8_t *)i + dropped;
    return i;
}

/* set_context() and set_host_memory() need the memory. set_host_memory() changes the host functions
 * that wasm_link() has added for this instance: those before `others` in the list. */
static enum status build(struct wasm_instance *i, struct wasm_error *err)
{
    const struct wasm_host *others = i->store->hosts;
    const struct wasm_module *m = i->code->module;
    enum status s = wasm_link(i, err);
    if (s != OK) {
        return s;
    }
    s = make_memories(i);
    if (s == E_CANCELLED) {
        return s;
    }
    if (s == E_OVERFLOW) {
        return wasm_complain(err, s, "memory", m->sections[WASM_SECTION_MEMORY],
                             "a memory of more than %u pages", WASM_PAGES_MAX);
    }
    if (s != OK) {
        return no_memory(err, m, WASM_SECTION_MEMORY, "memory");
    }
    set_context(i);
    set_host_memory(i, others);
    s = make_tables(i);
    if (s != OK) {
        return no_memory(err, m, WASM_SECTION_TABLE, "tables");
    }
    make_functions(i);
    make_globals(i);
    make_tags(i);
    fill_tables(i);
    return OK;
}

/* Free an instance that was not completed, with everything
 * created for it. Nothing refers to them yet. */
static void undo_instance(struct wasm_instance *i, const struct wasm_store *before)
{
    struct wasm_store *s = i->store;
    wasm_free_instance(s, i);
    wasm_free_memories(s, before->memories);
    wasm_free_hosts(s, before->hosts);
    s->left = before->left;
}

/* The instance is in the store's list before anything of the program runs: its start function may
 * already pass references to other instances. */
enum status wasm_instantiate(struct wasm_store *s, struct wasm_code *code,
                             struct wasm_instance **out, struct wasm_stop *stop,
                             struct wasm_error *err)
{
    struct wasm_instance *i = allocate(s, code);
    if (i == NULL) {
        return no_memory(err, code->module, 0, "instance");
    }
    atomic_fetch_add_explicit(&code->refs, 1, memory_order_relaxed);
    const struct wasm_store before = {.hosts = s->hosts, .memories = s->memories, .left = s->left};
    enum status status = build(i, err);
    if (status != OK) {
        undo_instance(i, &before);
        stop->outcome = WASM_STOPPED; /* if that was the reason */
        return status;
    }
    i->next = s->instances;
    s->instances = i;
    /* From here on the instance stays even if it fails: others may refer to it. */
    enum wasm_outcome outcome = initialise(i, stop);
    if (outcome == WASM_RETURNED) {
        *out = i;
        return OK;
    }
    return wasm_end(s, outcome, stop) == WASM_STOPPED ? E_CANCELLED : E_FAULT;
}
