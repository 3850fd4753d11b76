// SPDX-License-Identifier: MIT
//
// Exceptions: making, reading and collecting them. Throwing is left to the engine.
#include "kernel/wasm/run/exception.h"

#include "kernel/base/assert.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/wasm/front/reader.h"

#define SERIAL_BIT  (UINT64_C(1) << 63) /* set in every number, so that no small one is an exnref */
#define SERIAL_AT   32
#define NO_SLOT     UINT32_MAX
#define SLOTS_LEAST 16u

struct wasm_exception {
    uint64_t number; /* that exnrefs hold */
    uint64_t tag;    /* its identity */
    const struct wasm_module *module;
    uint32_t tag_index;          /* in the module */
    uint32_t cells;              /* vectors take two */
    struct wasm_exception *next; /* while marking */
    bool is_kept;                /* an exnref may refer to it */
    bool is_marked;
    uint64_t values[]; /* then a byte for each: the type */
};

union wasm_exception_slot {
    struct wasm_exception *exception; /* aligned, so even */
    uint64_t free;                    /* the next free one << 1 | 1 */
};

/* An exnref is a number and never an address, so a wrong one, by whatever mistake, reaches at most
 * another exception of the same store. Its low half is the slot; its high half is a serial number
 * of 31 bits below SERIAL_BIT. find() is the only way from a number to an exception. It fails for a
 * slot that is free or that was given to a later exception, and every helper goes through it: for
 * the verifier an exnref is an external reference like any other, so it does not prove that
 * compiled code passes one. */
static uint8_t *types_of(struct wasm_exception *x)
{
    return (uint8_t *)(x->values + x->cells);
}

/* A slot has either the address of an exception, which the heap aligns, or a link of the list of
 * free slots with the lowest bit set. */
static bool is_free(const union wasm_exception_slot *s)
{
    return (s->free & 1) != 0;
}

/* @return NULL: the number is no exception. */
static struct wasm_exception *find(const struct wasm_exceptions *e, uint64_t number)
{
    uint32_t slot = (uint32_t)number;
    if ((number & SERIAL_BIT) == 0 || slot >= e->slot_count || is_free(&e->slots[slot])) {
        return NULL;
    }
    struct wasm_exception *x = e->slots[slot].exception;
    return x->number == number ? x : NULL;
}

/* ---- Freeing ---- */

/* The slot keeps no trace of the exception: the serial number in the next one's number tells them
 * apart. */
static void release(struct wasm_store *s, struct wasm_exception *x)
{
    struct wasm_exceptions *e = &s->exceptions;
    uint32_t slot = (uint32_t)x->number;
    e->slots[slot].free = (uint64_t)e->free_slot << 1 | 1;
    e->free_slot = slot;
    e->live--;
    budget_free(s->budget, x);
}

void wasm_exceptions_free(struct wasm_store *s)
{
    struct wasm_exceptions *e = &s->exceptions;
    for (uint32_t n = 0; n < e->slot_count; n++) {
        if (!is_free(&e->slots[n])) {
            budget_free(s->budget, e->slots[n].exception);
        }
    }
    budget_free(s->budget, e->slots);
    *e = (struct wasm_exceptions){.slots = NULL};
}

/* ---- Collecting ---- */

/* A conservative collection, mark and sweep, on the thread that runs the store's code. Its roots
 * are the exception that is being thrown, globals and tables of type exnref, the engine's own
 * memory (the interpreter's frames), and every word of the thread's stack between here and the
 * outermost wasm_call() of the store. A word that looks like an exnref keeps an exception alive,
 * whatever it is: that can only delay a release. Compiled code keeps a value across the call of a
 * helper in its frame or in a register that C preserves, and the builtin at the start of collect()
 * stores those. Values of exceptions are not roots: mark_values() follows those of marked ones,
 * with a list instead of a recursion, because a hostile program can chain millions. */

static void mark(struct wasm_exceptions *e, uint64_t word)
{
    struct wasm_exception *x = find(e, word);
    if (x != NULL && !x->is_marked) {
        x->is_marked = true;
        x->next = e->marked;
        e->marked = x;
    }
}

/* Mark the exceptions that the values of marked ones refer to, until no new one is found. */
static void mark_values(struct wasm_exceptions *e)
{
    while (e->marked != NULL) {
        struct wasm_exception *x = e->marked;
        e->marked = x->next;
        for (uint32_t n = 0; n < x->cells; n++) {
            if (types_of(x)[n] == WASM_EXNREF) {
                mark(e, x->values[n]);
            }
        }
    }
}

/* The words may be anything, and the stack has gaps that a sanitizer guards. */
NO_ADDRESS_CHECK void wasm_exceptions_mark(struct wasm_store *s, const void *from, const void *to)
{
    const uint64_t *end = to;
    for (const uint64_t *at = from; at < end; at++) {
        mark(&s->exceptions, *at);
    }
    s->exceptions.looked_at += (uint64_t)((const uint8_t *)to - (const uint8_t *)from) / 8;
}

/* Imported globals and tables belong to another instance of the store, which marks them. */
static void mark_instance(struct wasm_store *s, const struct wasm_instance *i)
{
    const struct wasm_module *m = i->code->module;
    for (uint32_t n = m->imported[WASM_GLOBAL]; n < m->global_count; n++) {
        if ((uint8_t)m->globals[n].type.type == WASM_EXNREF) {
            const uint64_t *value = wasm_instance_extern(i, WASM_GLOBAL, n).global.value;
            wasm_exceptions_mark(s, value, value + 1);
        }
    }
    for (uint32_t n = m->imported[WASM_TABLE]; n < m->table_count; n++) {
        if ((uint8_t)m->tables[n].type.type == WASM_EXNREF) {
            const struct wasm_table_data *t = wasm_instance_extern(i, WASM_TABLE, n).table.data;
            const uint64_t *first = (const uint64_t *)(uintptr_t)t->elements;
            wasm_exceptions_mark(s, first, first + t->length);
        }
    }
}

static void sweep(struct wasm_store *s)
{
    struct wasm_exceptions *e = &s->exceptions;
    for (uint32_t n = 0; n < e->slot_count; n++) {
        if (is_free(&e->slots[n])) {
            continue;
        }
        if (e->slots[n].exception->is_marked) {
            e->slots[n].exception->is_marked = false;
        } else {
            release(s, e->slots[n].exception);
        }
    }
}

/* A function of its own: its frame is below the registers that collect() saves. */
static NOINLINE void mark_stack(struct wasm_store *s)
{
    if (s->exceptions.stack_top != NULL) {
        wasm_exceptions_mark(s, __builtin_frame_address(0), s->exceptions.stack_top);
    }
}

/* Registers that C preserves may hold an exnref of compiled code: this saves them on the stack. The
 * next collection comes after as much work as this one was. `looked_at` counts the words: a store
 * with a deep stack or a large table collects less often, in proportion, so that making exceptions
 * takes linear time however large the roots are. The cap on the distance to the next collection is
 * there so that one deep stack does not end collections for good. */
static NOINLINE void collect(struct wasm_store *s)
{
    struct wasm_exceptions *e = &s->exceptions;
    __builtin_unwind_init();
    e->looked_at = 0;
    mark(e, e->thrown);
    for (const struct wasm_instance *i = s->instances; i != NULL; i = i->next) {
        mark_instance(s, i);
    }
    mark_stack(s);
    s->engine->mark(s->state, s);
    mark_values(e);
    sweep(s);
    uint64_t next = MAX((uint64_t)e->live, e->looked_at / 16);
    e->until_collection = (uint32_t)MIN(MAX(next, (uint64_t)EXCEPTIONS_LEAST), (uint64_t)1 << 20);
}

/* ---- Making ---- */

/* A collection may free anything that is not a root, so it comes before the new exception is made,
 * never between making it and storing its number in `thrown`. If memory is short a second attempt
 * follows a collection; after that the helper returns 0, and the code traps (build_throw() in
 * build_try.c). */

/* Slots are never removed; their number is that of the exceptions that existed at once, and it is
 * charged to the program's budget. The limit keeps twice the capacity within 32 bits, and NO_SLOT
 * out of the numbers of slots. */
static bool add_slot(struct wasm_store *s)
{
    struct wasm_exceptions *e = &s->exceptions;
    if (e->slot_count == e->slot_capacity) {
        uint32_t wanted = MAX(SLOTS_LEAST, 2 * e->slot_capacity);
        void *grown = wanted >= NO_SLOT / 2
                          ? NULL
                          : budget_resize(s->budget, e->slots, e->slot_capacity * sizeof *e->slots,
                                          wanted * sizeof *e->slots);
        if (grown == NULL) {
            return false;
        }
        e->slots = grown;
        e->slot_capacity = wanted;
    }
    e->slots[e->slot_count].free = (uint64_t)NO_SLOT << 1 | 1;
    e->free_slot = e->slot_count++;
    return true;
}

static bool has_slot(struct wasm_store *s)
{
    struct wasm_exceptions *e = &s->exceptions;
    return (e->slot_count > 0 && e->free_slot != NO_SLOT) || add_slot(s);
}

static struct wasm_exception *allocate(struct wasm_store *s, uint32_t cells)
{
    size_t bytes = sizeof(struct wasm_exception) + cells * (sizeof(uint64_t) + 1);
    return has_slot(s) ? budget_zalloc(s->budget, bytes) : NULL;
}

/* The order of the cells is that in which build_try.c writes and reads them. */
static void set_types(struct wasm_exception *x, const struct wasm_signature *type)
{
    uint8_t *at = types_of(x);
    for (uint32_t n = 0; n < type->params; n++) {
        *at++ = type->types[n];
        if (type->types[n] == WASM_V128) {
            *at++ = WASM_V128;
        }
    }
}

uint64_t wasm_exception_make(struct wasm_instance *i, uint64_t tag)
{
    const struct wasm_module *m = i->code->module;
    struct wasm_store *s = i->store;
    struct wasm_exceptions *e = &s->exceptions;
    if (tag >= m->tag_count) {
        return 0;
    }
    const struct wasm_signature *type = &m->signatures[m->tags[tag].type];
    uint32_t cells = wasm_cells(type->types, type->params);
    if (e->until_collection == 0) {
        collect(s);
    }
    struct wasm_exception *x = allocate(s, cells);
    if (x == NULL) {
        collect(s);
        x = allocate(s, cells);
    }
    if (x == NULL) {
        return 0;
    }
    e->until_collection -= e->until_collection > 0;
    e->serial++;
    uint32_t slot = e->free_slot;
    e->free_slot = (uint32_t)(e->slots[slot].free >> 1);
    e->slots[slot].exception = x;
    e->live++;
    *x = (struct wasm_exception){.number = SERIAL_BIT | (uint64_t)e->serial << SERIAL_AT | slot,
                                 .tag =
                                     wasm_instance_extern(i, WASM_TAG, (uint32_t)tag).tag.identity,
                                 .module = m,
                                 .tag_index = (uint32_t)tag,
                                 .cells = cells};
    set_types(x, type);
    e->thrown = x->number;
    return x->number;
}

/* ---- Using ---- */

/* `traced` is the exception of which the engine has a backtrace: if the same one is thrown again,
 * its frames are added to that list; a different one begins a new list. */
bool wasm_exception_throw(struct wasm_store *s, uint64_t exception, bool *goes_on)
{
    struct wasm_exceptions *e = &s->exceptions;
    if (find(e, exception) == NULL) {
        return false;
    }
    *goes_on = e->traced == exception;
    e->thrown = e->traced = exception;
    return true;
}

/* A reference to a function is an address, so it must not come from, or go to, a cell for something
 * else. The verifier proves that SET_FUNC gets a reference to a function and that the result of
 * GET_FUNC is used as one. It does not know which cell has which type. This function closes that
 * gap: a cell is accessed only by the helper of its class, and a cell of funcref that was never set
 * is null. */
static uint64_t *cell_of(const struct wasm_store *s, uint64_t exception, uint64_t cell,
                         unsigned class)
{
    struct wasm_exception *x = find(&s->exceptions, exception);
    if (x == NULL || cell >= x->cells) {
        return NULL;
    }
    unsigned type = types_of(x)[cell];
    unsigned is = type == WASM_FUNCREF ? WASM_CELL_FUNC
                  : type == WASM_EXTERNREF || type == WASM_EXNREF || type == WASM_NULLEXNREF
                      ? WASM_CELL_EXTERN
                      : WASM_CELL_NUMBER;
    return is == class ? &x->values[cell] : NULL;
}

void wasm_exception_set(struct wasm_store *s, uint64_t exception, uint64_t cell, uint64_t value,
                        unsigned class)
{
    uint64_t *at = cell_of(s, exception, cell, class);
    if (at != NULL) {
        *at = value;
    }
}

uint64_t wasm_exception_get(struct wasm_store *s, uint64_t exception, uint64_t cell, unsigned class)
{
    const uint64_t *at = cell_of(s, exception, cell, class);
    return at == NULL ? 0 : *at;
}

bool wasm_exception_is(const struct wasm_instance *i, uint64_t exception, uint64_t tag)
{
    const struct wasm_exception *x = find(&i->store->exceptions, exception);
    return x != NULL && tag < i->code->module->tag_count &&
           x->tag == wasm_instance_extern(i, WASM_TAG, (uint32_t)tag).tag.identity;
}

/* An exception that no exnref names is freed here and not by a collection: C++ programs throw
 * thousands, one after the other. `is_kept` stays set once it was: a copy of the number may be
 * anywhere by then. */
void wasm_exception_end(struct wasm_store *s, uint64_t exception, bool is_kept)
{
    struct wasm_exception *x = find(&s->exceptions, exception);
    s->exceptions.thrown = 0;
    if (x == NULL) {
        return;
    }
    x->is_kept = x->is_kept || is_kept;
    if (!x->is_kept) {
        release(s, x);
    }
}

void wasm_exception_describe(const struct wasm_store *s, struct wasm_thrown *out)
{
    struct wasm_exception *x = find(&s->exceptions, s->exceptions.thrown);
    *out = (struct wasm_thrown){.module = NULL};
    if (x != NULL) {
        *out = (struct wasm_thrown){.module = x->module, .tag = x->tag_index};
        for (uint32_t n = 0; n < MIN(x->cells, (uint32_t)ARRAY_COUNT(out->values)); n++) {
            out->values[n] = x->values[n];
        }
    }
}

/* ---- For people ---- */

#define NAME_MAX 40u /* bytes of the name of a tag, or of its module */

/* An imported tag has the name of its import; another one that of its first export, if any. */
static void write_tag(const struct wasm_thrown *t, char *buf, size_t len)
{
    const struct wasm_module *m = t->module;
    buf[0] = '\0';
    for (uint32_t n = 0; n < m->import_count; n++) {
        const struct wasm_import *i = &m->imports[n];
        if (i->kind == WASM_TAG && i->index == t->tag) {
            (void)fmt_print(buf, len, " \"%.*s.%.*s\"", (int)MIN(i->module.len, NAME_MAX),
                            (const char *)i->module.bytes, (int)MIN(i->name.len, NAME_MAX),
                            (const char *)i->name.bytes);
            return;
        }
    }
    for (uint32_t n = 0; n < m->export_count; n++) {
        const struct wasm_export *e = &m->exports[n];
        if (e->kind == WASM_TAG && e->index == t->tag) {
            (void)fmt_print(buf, len, " \"%.*s\"", (int)MIN(e->name.len, NAME_MAX),
                            (const char *)e->name.bytes);
            return;
        }
    }
}

/* Floats are written by their bits, and references only as what they are: an address of the kernel
 * is nobody's business. @return the cells that the value takes. */
static uint32_t write_value(unsigned type, const uint64_t *cells, char *buf, size_t len)
{
    const char *name = wasm_type_name(type);
    if (type == WASM_V128) {
        (void)fmt_print(buf, len, ", %s 0x%016llx%016llx", name, (unsigned long long)cells[1],
                        (unsigned long long)cells[0]);
        return 2;
    }
    if (wasm_is_reference(type)) {
        (void)fmt_print(buf, len, ", %s%s", name, cells[0] == 0 ? " null" : "");
    } else if (type == WASM_I32) {
        (void)fmt_print(buf, len, ", %s %d", name, (int32_t)cells[0]);
    } else {
        (void)fmt_print(buf, len, type == WASM_I64 ? ", %s %lld" : ", %s 0x%llx", name,
                        (long long)cells[0]);
    }
    return 1;
}

void wasm_exception_text(const struct wasm_thrown *t, char *buf, size_t len)
{
    char tag[2 * NAME_MAX + 8], value[64];
    if (t->module == NULL) {
        (void)fmt_print(buf, len, "unknown");
        return;
    }
    write_tag(t, tag, sizeof tag);
    str_make_printable(tag);
    const struct wasm_signature *s = &t->module->signatures[t->module->tags[t->tag].type];
    size_t at = fmt_print(buf, len, "tag %u%s", t->tag, tag);
    uint32_t cell = 0;
    for (uint32_t n = 0; n < s->params && at < len; n++) {
        if (cell + (s->types[n] == WASM_V128 ? 2 : 1) > ARRAY_COUNT(t->values)) {
            break;
        }
        cell += write_value(s->types[n], t->values + cell, value, sizeof value);
        at += fmt_print(buf + at, len - at, "%s", value);
    }
}
