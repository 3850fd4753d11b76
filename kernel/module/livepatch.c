// SPDX-License-Identifier: MIT
#include "kernel/module/livepatch.h"

#include "hal/calls.h"
#include "hal/text.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/module/livepatch_state.h"
#include "kernel/sched/smp.h"

/* Two things decide where an entry leads: the newest patch of the function, and whether the
 * function is traced. livepatch_lead() computes both from the lists each time, so there is no state
 * of an entry that could get out of step with them. A traced function's entry leads to its stub,
 * and the stub continues at `next`. */
struct mutex livepatch_lock = MUTEX_INIT(livepatch_lock, "livepatch");
struct list livepatch_applied = LIST_INIT(livepatch_applied);
struct livepatch_stub livepatch_stubs[HAL_STUBS];
unsigned livepatch_stub_count;

static enum status fail(struct loader_error *err, enum status s, const char *name, const char *why)
{
    fmt_print(err->text, sizeof(err->text), "%s: %s", name, why);
    str_make_printable(err->text);
    return s;
}

static struct livepatch_patch *find(const char *name)
{
    LIST_FOR_EACH (&livepatch_applied, n) {
        struct livepatch_patch *p = CONTAINER_OF(n, struct livepatch_patch, link);
        if (strcmp(p->name, name) == 0) {
            return p;
        }
    }
    return NULL;
}

unsigned livepatch_stub_of(vaddr_t function)
{
    unsigned i = 0;
    while (i < livepatch_stub_count && hal_stubs[i].function != function) {
        i++;
    }
    return i;
}

vaddr_t livepatch_entry(vaddr_t function)
{
    unsigned stub = livepatch_stub_of(function);
    if (stub < livepatch_stub_count) {
        return livepatch_stubs[stub].entry;
    }
    LIST_FOR_EACH (&livepatch_applied, n) {
        const struct livepatch_patch *p = CONTAINER_OF(n, struct livepatch_patch, link);
        for (uint32_t i = 0; i < p->count; i++) {
            if ((vaddr_t)p->functions[i].function == function) {
                return p->entries[i];
            }
        }
    }
    return hal_text_entry(function);
}

/* What a function's calls should reach: the newest replacement, or 0 for itself. */
static vaddr_t target_of(vaddr_t function)
{
    vaddr_t found = 0;
    LIST_FOR_EACH (&livepatch_applied, n) {
        const struct livepatch_patch *p = CONTAINER_OF(n, struct livepatch_patch, link);
        for (uint32_t i = 0; i < p->count; i++) {
            if ((vaddr_t)p->functions[i].function == function) {
                found = (vaddr_t)p->functions[i].replacement;
            }
        }
    }
    return found;
}

/* A new stub has no `next`, so that is stored before the entry can lead to the stub. For a stub in
 * use it does not matter when a CPU sees the new value: both targets are valid (hal/calls.h).
 * hal_text_step() changes the entry in steps that are safe to execute at any time, and all CPUs
 * must refetch between two steps (Intel SDM, volume 3, "Handling Self- and Cross-Modifying Code";
 * Arm ARM, "Concurrent modification and execution of instructions"; text.c of each machine has
 * the sections and editions). */
void livepatch_lead(vaddr_t function, vaddr_t entry)
{
    vaddr_t target = target_of(function);
    unsigned stub = livepatch_stub_of(function);
    if (stub < livepatch_stub_count) {
        atomic_store_explicit(&hal_stubs[stub].next, target == 0 ? hal_text_after(entry) : target,
                              memory_order_relaxed);
        target = livepatch_stubs[stub].is_traced ? hal_stub_address(stub) : target;
    }
    unsigned step = 0;
    bool has_more;
    do {
        has_more = hal_text_step(entry, target, step++);
        smp_synchronise_fetch();
    } while (has_more);
}

static void lead_all(const struct livepatch_patch *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        livepatch_lead((vaddr_t)p->functions[i].function, p->entries[i]);
    }
}

/* Find the entries; nothing is changed yet. Everything that can fail is done here for all
 * functions, before the first one is changed: a patch is applied as a whole or not at all, in the
 * sense that no error leaves a part of it behind. CPUs may still see its functions change one after
 * the other. */
static enum status prepare(struct livepatch_patch *p, struct loader_error *err)
{
    const struct livepatch *f = p->functions;
    for (; f != NULL && f->name != NULL && p->count < LIVEPATCH_FUNCTIONS_MAX; f++) {
        vaddr_t entry = livepatch_entry((vaddr_t)f->function);
        if (entry == 0) {
            return fail(err, E_NOTSUP, f->name, "it has no patchable entry");
        }
        if (!hal_text_reaches(entry, (vaddr_t)f->replacement)) {
            return fail(err, E_NOTSUP, f->name, "its replacement is out of reach");
        }
        p->entries[p->count++] = entry;
    }
    return p->count == 0 || f->name != NULL
               ? fail(err, E_CORRUPT, p->name, "lists no function, or too many")
               : OK;
}

static enum status make(const char *name, const struct livepatch *functions,
                        struct livepatch_patch **out, struct loader_error *err)
{
    struct livepatch_patch *p = heap_zalloc(sizeof(*p));
    if (p == NULL) {
        return fail(err, E_NOMEM, name, status_text(E_NOMEM));
    }
    str_copy(p->name, sizeof(p->name), name);
    p->functions = functions;
    enum status s = prepare(p, err);
    if (s != OK) {
        heap_free(p);
        return s;
    }
    *out = p;
    return OK;
}

enum status livepatch_apply(const char *name, const struct livepatch *functions,
                            struct loader_error *err)
{
    struct livepatch_patch *p;
    mutex_lock(&livepatch_lock);
    enum status s = find(name) != NULL ? fail(err, E_EXIST, name, "is applied already")
                                       : make(name, functions, &p, err);
    if (s == OK) {
        list_push_back(&livepatch_applied, &p->link); /* the newest counts */
        lead_all(p);
    }
    mutex_unlock(&livepatch_lock);
    return s;
}

enum status livepatch_undo(const char *name, struct loader_error *err)
{
    mutex_lock(&livepatch_lock);
    struct livepatch_patch *p = find(name);
    if (p != NULL) {
        list_remove(&p->link);
        lead_all(p);
    }
    mutex_unlock(&livepatch_lock);
    heap_free(p);
    return p != NULL ? OK : fail(err, E_NOENT, name, "no such patch is applied");
}
