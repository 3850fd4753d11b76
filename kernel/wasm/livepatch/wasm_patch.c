// SPDX-License-Identifier: MIT
//
// Compiles the changed functions for the context of the program's instance: the modules differ in
// nothing else, so both have one layout. The code is a piece of a map of its own, which the
// program's map refers to. It calls the functions that were not changed through their records, as
// functions that are compiled on first call do (wasm_lazy.c): no code of the program is needed for
// that, and the verifier proves it like all other code.
//
// A call of a changed function arrives at its own code, or at its stub if it has none yet, with the
// same context and the same signature; so a jump from there keeps the convention.
#include "kernel/wasm/livepatch/wasm_patch.h"

#include "kernel/jit/backend.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/load/bytecode/patcher.h"
#include "kernel/mm/heap.h"
#include "kernel/wasm/livepatch/wasm_compare.h"
#include "kernel/wasm/livepatch/wasm_report_calls.h"
#include "kernel/wasm/run/link.h"
#include "kernel/wasm/run/wasm_engine.h"
#include "kernel/wasm/run/wasm_program.h"
#include "kernel/wasm/run/wasm_shape.h"

/* Which parts live how long. The decoded module `fresh`, the file and `later` are needed to compile
 * and are freed at the end of make(). The code (piece.block) lives from finish_code() to detach().
 * The rest stays until the program has ended: its thread, or one that describes it, may be in the
 * list of maps at any time without a lock, so `map` and `piece` may not be freed before. `of` and
 * `compiler` belong to the program; kernel/livepatch calls nothing here after it has ended, except
 * free_patch(). */
struct wasm_patch {
    struct bytecode_patch patch;
    void *bytes;               /* of the module */
    struct wasm_module *fresh; /* with the changed functions */
    uint8_t *later;            /* its functions: not 0 unless they were changed */
    struct code_kernel space;
    struct code_map map;
    struct code_piece piece;
    struct arena lasting;
    const struct verify_shape *shape; /* of the program's context; in that arena */
    struct compiled_module *of;       /* of the program */
    struct compiler *compiler;        /* likewise */
};

static struct wasm_patch *patch_of(const struct bytecode_patch *p)
{
    return CONTAINER_OF((struct bytecode_patch *)(uintptr_t)p, struct wasm_patch, patch);
}

static enum status fail(struct loader_error *err, enum status s, const char *why)
{
    (void)str_copy(err->text, sizeof(err->text), why);
    return s;
}

/* ---- Entries ---- */

/* A function has up to two entries: its stub, and its code once it was called first. Calls that
 * loaded the stub's address earlier still arrive there, so kernel/livepatch leads both
 * elsewhere. */

/* Acquire pairs with the release in publish() of wasm_lazy.c: the piece is complete when it is
 * seen. This runs on the thread of `livepatch`, while the program runs. */
static const struct code_piece *piece_of(const struct compiled_module *c, uint32_t number)
{
    const struct code_piece *p =
        c->later == NULL ? NULL : __atomic_load_n(&c->placed[number], __ATOMIC_ACQUIRE);
    return p == NULL ? &c->piece : p;
}

/* Bytes of the landing pad at the start of the code, after which a jump may be. */
static uint32_t pad_at(const struct jit_machine *machine, vaddr_t code, uint32_t size)
{
    struct verify_insn i;
    const uint8_t *bytes = (const uint8_t *)code;
    return machine->verify->decode(bytes, size, 0, &i, 1) == 1 && i.op == VERIFY_PAD ? i.length : 0;
}

/* verify_entry_is_free() decodes the function again and looks whether any branch of it leads into
 * the bytes that the jump will replace. If one did, the program could get into the middle of the
 * jump, and from there anywhere. The landing pad before the jump stays: an indirect call must find
 * one where the machine demands it. */
static vaddr_t entry(const struct bytecode_patch *patch, uint32_t number, uint32_t bytes)
{
    const struct wasm_patch *w = patch_of(patch);
    const struct jit_machine *machine = w->compiler->options.machine;
    const struct code_piece *p = piece_of(w->of, number);
    const struct code_function *f = code_piece_function(p, number);
    vaddr_t code = p->block.address + f->start;
    uint32_t pad = pad_at(machine, code, f->size);
    struct arena arena;
    arena_init_paid(&arena, w->compiler->options.arena_bytes, NULL);
    bool is_free = verify_entry_is_free(machine->verify, w->shape, p, (uint32_t)(f - p->functions),
                                        pad + bytes, &arena);
    arena_free_all(&arena);
    return is_free ? code + pad : 0;
}

/* ---- Making ---- */

/* The stores of several threads share their code, so one of them could execute the bytes while they
 * change. With one thread there is a moment at which nothing executes them. */
static enum status check_program(const struct wasm_code *code, struct loader_error *err)
{
    const struct wasm_module *m = code->module;
    if (code->engine != &wasm_compiled) {
        return fail(err, E_NOTSUP, "the program is interpreted: only compiled code is replaced");
    }
    for (uint32_t n = 0; n < m->memory_count; n++) {
        if (m->memories[n].limits.is_shared) {
            return fail(err, E_NOTSUP,
                        "the program has a shared memory, so several threads may run its code");
        }
    }
    return OK;
}

static enum status decode(struct wasm_patch *w, const uint8_t *bytes, size_t len,
                          const struct compiler *compiler, struct loader_error *err)
{
    const struct wasm_bounds bounds = {.arena_bytes = compiler->options.arena_bytes,
                                       .table_elements = WASM_PROGRAM_ELEMENTS};
    struct wasm_error why = {.text = ""};
    enum status s = wasm_module_decode(bytes, len, &bounds, &w->fresh, &why);
    return s == OK ? OK : fail(err, s, why.text);
}

/* Of functions that are to be traced, those that cannot be are left out. @return false: there is no
 * number for its events. */
static bool add(struct wasm_patch *w, const struct wasm_module *m, uint32_t n,
                struct patch_choice *choice)
{
    struct patched_function *f = &w->patch.functions[w->patch.count];
    if (w->bytes == NULL && entry(&w->patch, n, choice->entry_bytes) == 0) {
        return true;
    }
    w->patch.count++;
    f->number = n;
    wasm_function_text(m, n, f->name, sizeof(f->name));
    w->later[n] = 0;
    f->event = w->bytes == NULL ? choice->number(choice, n, f->name) : 0;
    return f->event != UINT32_MAX;
}

/* later[n] is 1 for a function that keeps its code: new code calls it through its record, which
 * always has the address at which calls arrive. It is 0 for one that is compiled here, so that
 * calls between new functions are direct. All start with 1, and add() clears the chosen ones,
 * before anything is compiled. */
static enum status choose(struct wasm_patch *w, const struct wasm_module *m,
                          struct patch_choice *choice, struct loader_error *err)
{
    bool is_known = false, has_room = true;
    char name[sizeof(w->patch.functions->name)];
    w->later = heap_alloc((size_t)m->function_count + 1);
    w->patch.functions = heap_calloc((size_t)m->function_count + 1, sizeof(*w->patch.functions));
    if (w->later == NULL || w->patch.functions == NULL) {
        return fail(err, E_NOMEM, status_text(E_NOMEM));
    }
    memset(w->later, 1, m->function_count);
    w->fresh->later = w->later;
    for (uint32_t n = m->imported[WASM_FUNCTION]; has_room && n < m->function_count; n++) {
        wasm_function_text(m, n, name, sizeof(name));
        if (choice->wants(choice, name)) {
            is_known = true;
            has_room =
                (w->bytes != NULL && !wasm_body_differs(m, w->fresh, n)) || add(w, m, n, choice);
        }
    }
    if (!has_room) {
        return fail(err, E_NOSPC, "too many functions");
    }
    if (w->patch.count > 0) {
        return OK;
    }
    fmt_print(err->text, sizeof(err->text), "%s: %s", choice->glob,
              !is_known          ? "no function of the program has this name"
              : w->bytes == NULL ? "a loop begins in its first bytes, which a jump would replace"
                                 : "the file does not change this function");
    return is_known && w->bytes == NULL ? E_NOTSUP : E_NOENT;
}

/* What the engine decides when it loads a module, is as it was for the program's. wasm_bind_hosts()
 * makes the same decisions as when the program was loaded, since no name was added to the store
 * since. moves_context must be the program's: its functions expect, or do not expect, that a call
 * returns with another context, and the new ones are called by them. compile() refuses a new
 * function that would need more than that. The shape is that of the fresh module, which has the
 * program's layout; it is kept, because entry() verifies with it later. */
static enum status prepare(struct wasm_patch *w, const struct wasm_module *m,
                           const struct wasm_store *store)
{
    arena_init_paid(&w->lasting, w->compiler->options.arena_bytes, NULL);
    wasm_bind_hosts(store, w->fresh);
    w->fresh->helps_vectors = m->helps_vectors;
    w->fresh->relaxed = m->relaxed;
    w->fresh->ir.moves_context = m->ir.moves_context;
    w->shape = wasm_shape_of_module(&w->lasting, w->fresh, w->space.has_landing_pads);
    return w->shape == NULL ? E_NOMEM : OK;
}

static void init_map(struct wasm_patch *w, const struct bytecode_program *p,
                     const struct compiler *compiler)
{
    w->space = (struct code_kernel){
        .name = p->path, .has_landing_pads = p->code.has_landing_pads, .owner = p->code.owner};
    code_kernel_init(&w->space);
    w->map = (struct code_map){.space = &w->space.space,
                               .machine = compiler->map.machine,
                               .has_address = compiler->map.has_address,
                               .ctx = compiler->map.ctx,
                               .running = compiler->map.running};
}

STATIC_ASSERT(PATCH_EVENTS >= WASM_EVENTS, "an event is not the number of a function");

/* The function as it is, with calls of the engine where a call begins and ends. make() sets
 * store.report before any code that reports is attached. */
static enum status traced_function(const struct wasm_patch *w, struct code_builder *b,
                                   const struct patched_function *f, struct arena *arena,
                                   struct wasm_error *err)
{
    const struct wasm_compiled_options *o = &w->compiler->options;
    const struct wasm_module *m = w->fresh;
    struct ir_function *body, *traced;
    struct jit_code code;
    struct jit_error why = {.text = ""};
    enum status s = wasm_function_build(m, f->number, arena, &body, err);
    if (s == OK) {
        s = wasm_report_calls(body, f->event, arena, &traced);
        s = s == OK ? jit_compile(o->machine, traced, &o->jit, arena, &code, &why) : s;
        s = s == OK ? code_builder_add(b, &code, f->number) : s;
        if (s != OK) {
            (void)compiled_fail(err, s, m, f->number,
                                why.text[0] == '\0' ? status_text(s) : why.text);
        }
    }
    arena_empty(arena);
    return s;
}

static enum status compile(struct wasm_patch *w, struct code_builder *b, struct arena *arena,
                           struct loader_error *err)
{
    struct wasm_error why = {.text = ""};
    bool moves_context = false;
    enum status s = OK;
    for (uint32_t n = 0; s == OK && n < w->patch.count; n++) {
        const struct patched_function *f = &w->patch.functions[n];
        s = w->bytes == NULL ? traced_function(w, b, f, arena, &why)
                             : compiled_function(&w->compiler->options, b, w->fresh, f->number,
                                                 arena, &moves_context, &why);
    }
    if (s != OK) {
        return fail(err, s, why.text);
    }
    if (moves_context && !w->fresh->ir.moves_context) {
        return fail(err, E_NOTSUP,
                    "a function ends in a call of another module, which none of the program does");
    }
    return OK;
}

/* Frames are the program's module's, which lives longer; its numbers and names are the same. The
 * verifier runs in code_builder_finish(), as for any code: a mistake in this file can give a patch
 * that does not work, but none that leaves the sandbox. */
static enum status finish_code(struct wasm_patch *w, struct code_builder *b, struct arena *arena,
                               struct loader_error *err)
{
    b->arena = arena;
    b->shape = w->shape;
    w->piece.source = w->of->module;
    w->piece.names = w->of->module->names;
    enum status s = code_builder_finish(b, &w->map, WASM_HELPER_COUNT, &w->piece);
    if (s != OK) {
        return fail(err, s, s == E_CORRUPT ? b->refusal.text : status_text(s));
    }
    for (uint32_t n = 0; n < w->patch.count; n++) {
        struct patched_function *f = &w->patch.functions[n];
        f->code = w->piece.block.address + code_piece_function(&w->piece, f->number)->start;
    }
    w->patch.lo = w->piece.block.address;
    w->patch.hi = w->patch.lo + w->piece.block.size;
    return OK;
}

static enum status compile_and_place(struct wasm_patch *w, struct loader_error *err)
{
    const struct wasm_compiled_options *o = &w->compiler->options;
    struct code_builder b = {.fill = o->fill};
    struct arena arena;
    arena_init_paid(&arena, o->arena_bytes, NULL);
    enum status s = compile(w, &b, &arena, err);
    s = s == OK ? finish_code(w, &b, &arena, err) : s;
    arena_free_all(&arena);
    code_builder_free(&b);
    return s;
}

static void free_module(struct wasm_patch *w)
{
    wasm_module_free(w->fresh);
    heap_free(w->bytes);
    heap_free(w->later);
}

/* Before finish_code() and after detach() the block has no owner, and code_map_remove() must not
 * look for the piece in the map's list. */
static void free_patch(struct bytecode_patch *patch)
{
    struct wasm_patch *w = patch_of(patch);
    if (w->piece.block.owner == NULL) { /* detached, or never placed */
        w->map.piece_count = 0;
        budget_free(NULL, w->map.pieces);
    }
    code_map_remove(&w->map, &w->piece);
    arena_free_all(&w->lasting);
    heap_free(w->patch.functions);
    heap_free(w);
}

static enum status make(const struct bytecode_program *p, void *bytes, size_t len,
                        struct patch_choice *choice, struct bytecode_patch **out,
                        struct loader_error *err)
{
    struct wasm_store *store;
    struct wasm_code *code = wasm_program_code(p, &store);
    struct wasm_patch *w = heap_zalloc(sizeof(*w));
    if (w == NULL) {
        heap_free(bytes);
        return fail(err, E_NOMEM, status_text(E_NOMEM));
    }
    w->patch.patcher = &wasm_patcher;
    w->bytes = bytes;
    enum status s = check_program(code, err);
    if (s == OK) {
        w->of = CONTAINER_OF(code, struct compiled_module, code);
        w->compiler = store->state;
        init_map(w, p, w->compiler);
        s = bytes == NULL ? decode(w, p->bytes, p->len, w->compiler, err)
                          : decode(w, bytes, len, w->compiler, err);
    }
    s = s == OK ? wasm_compare(code->module, w->fresh, err) : s;
    if (s == OK) {
        s = prepare(w, code->module, store);
        s = s == OK ? choose(w, code->module, choice, err) : fail(err, s, status_text(s));
    }
    s = s == OK ? compile_and_place(w, err) : s;
    if (s == OK && bytes == NULL) {
        store->report = choice->event;
        store->reports = choice->events;
    }
    free_module(w);
    if (s != OK) {
        free_patch(&w->patch);
        return s;
    }
    *out = &w->patch;
    return OK;
}

/* ---- Connecting ---- */

/* The program's map refers to the maps of its patches by the list `also`, newest first. The
 * program's own thread walks it in fault handlers and takes no lock. Calls here do not overlap:
 * kernel/livepatch has one lock for all of them. */

/* The link is stored before the map is published, by a release; from then on faults in the new code
 * are explained. It must precede the first jump to that code. */
static void attach(struct bytecode_patch *patch)
{
    struct wasm_patch *w = patch_of(patch);
    w->map.also = w->compiler->map.also;
    __atomic_store_n(&w->compiler->map.also, &w->map, __ATOMIC_RELEASE);
}

/* The program may be on its way through the list of maps: what is taken out still leads on, and a
 * piece without a block contains no address. The order is unlink, then free. kernel/livepatch has
 * checked before that no thread is in the code or may return to it. */
static void detach(struct bytecode_patch *patch)
{
    struct wasm_patch *w = patch_of(patch);
    const struct code_map **link = &w->compiler->map.also;
    while (*link != &w->map) {
        link = (const struct code_map **)(uintptr_t) & (*link)->also;
    }
    __atomic_store_n(link, w->map.also, __ATOMIC_RELEASE);
    w->map.space->free(w->map.space->ctx, &w->piece.block);
}

/* Of a function with a stub this competes with claim() of wasm_lazy.c: one of both gets it from
 * COMPILED_LATER. If it is this one, no batch includes the function any more, and its calls arrive
 * at the stub for good. If it is the other, code is being made (E_BUSY), or was made since the jump
 * was written (E_AGAIN): then that code's entry has to be led elsewhere as well. */
static enum status settle(const struct bytecode_patch *patch, uint32_t number, vaddr_t at)
{
    const struct compiled_module *c = patch_of(patch)->of;
    const struct code_piece *p = piece_of(c, number);
    uint8_t later = COMPILED_LATER;
    if (at - p->block.address >= p->block.size) {
        return E_AGAIN;
    }
    if (c->later == NULL || p != &c->piece ||
        __atomic_compare_exchange_n(&c->later[number], &later, COMPILED_REPLACED, false,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        return OK;
    }
    return piece_of(c, number) != &c->piece ? E_AGAIN : E_BUSY;
}

static void restore(const struct bytecode_patch *patch, uint32_t number)
{
    const struct compiled_module *c = patch_of(patch)->of;
    uint8_t later = COMPILED_REPLACED;
    if (c->later != NULL) {
        (void)__atomic_compare_exchange_n(&c->later[number], &later, COMPILED_LATER, false,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    }
}

const struct bytecode_patcher wasm_patcher = {
    .format = &wasm_format,
    .make = make,
    .attach = attach,
    .detach = detach,
    .entry = entry,
    .settle = settle,
    .restore = restore,
    .free = free_patch,
};
