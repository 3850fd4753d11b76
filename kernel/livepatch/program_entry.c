// SPDX-License-Identifier: MIT
#include "kernel/livepatch/program_entry.h"

#include "hal/text.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/livepatch/in_use.h"
#include "kernel/load/bytecode/patcher.h"
#include "kernel/mm/heap.h"
#include "kernel/module/livepatch.h"
#include "kernel/program/program.h"
#include "kernel/sched/thread.h"

/* How often something that lasts a few instructions is tried, a millisecond apart. */
#define TRIES 1000u

/** Where calls of a function arrive: at its code, and at its stub if it had none at first. */
struct entry {
    vaddr_t at;
    uint8_t own[HAL_JUMP_MAX]; /* what was there */
};

struct redirected {
    struct list_node link;
    uint32_t number;
    uint32_t count;
    struct entry entries[2];
};

/* ---- One entry ---- */

struct change {
    uint32_t thread;
    vaddr_t at, lo, hi;
    const uint8_t *code;
    size_t size;
    enum status s;
};

static void write(void *arg)
{
    const struct change *c = arg;
    hal_text_write(c->at, c->code, c->size);
}

static void change(void *arg)
{
    struct change *c = arg;
    c->s = code_change(c->thread, c->lo, c->hi, write, c);
}

/* The only thread of the program. 0: it has ended. */
static uint32_t thread_of(const struct program *program)
{
    struct program *p = (struct program *)(uintptr_t)program;
    mutex_lock(&p->lock);
    const struct list_node *n = list_first(&p->threads);
    uint32_t id = n == NULL ? 0 : CONTAINER_OF(n, struct thread, owner_link)->id;
    mutex_unlock(&p->lock);
    return id;
}

/* `is_own`: the function's own instructions are there; the thread may be between two of them. */
static enum status put(const struct program *program, vaddr_t at, const uint8_t *code, size_t size,
                       bool is_own)
{
    struct change c = {.thread = thread_of(program),
                       .at = at,
                       .lo = at + 1,
                       .hi = is_own ? at + size : at + 1,
                       .code = code,
                       .size = size,
                       .s = c.thread == 0 ? E_NOENT : E_BUSY};
    for (unsigned n = 0; n < TRIES && c.s == E_BUSY; n++) {
        if (n > 0 && thread_sleep(1000000) != OK) {
            break;
        }
        livepatch_exclude(change, &c);
    }
    return c.s;
}

static enum status lead(const struct program *program, const struct entry *e, vaddr_t target,
                        bool is_own)
{
    uint8_t code[HAL_JUMP_MAX];
    size_t size = hal_text_jump(e->at, target == 0 ? e->at : target, code);
    if (size == 0) {
        return E_OVERFLOW;
    }
    return put(program, e->at, target == 0 ? e->own : code, size, is_own);
}

uint32_t redirect_bytes(void)
{
    uint8_t code[HAL_JUMP_MAX];
    return (uint32_t)hal_text_jump(0, 0, code);
}

/* ---- Functions ---- */

static struct redirected *find(const struct list *redirects, uint32_t number)
{
    LIST_FOR_EACH (redirects, n) {
        struct redirected *r = CONTAINER_OF(n, struct redirected, link);
        if (r->number == number) {
            return r;
        }
    }
    return NULL;
}

static void forget(struct redirected *r)
{
    list_remove(&r->link);
    heap_free(r);
}

void redirect_forget_all(struct list *redirects)
{
    while (!list_is_empty(redirects)) {
        forget(CONTAINER_OF(redirects->head.next, struct redirected, link));
    }
}

static enum status lead_all(const struct program *program, const struct redirected *r,
                            vaddr_t target)
{
    enum status s = OK;
    for (uint32_t n = 0; s == OK && n < r->count; n++) {
        s = lead(program, &r->entries[n], target, false);
    }
    return s;
}

/* The function has its own code, and perhaps gets it meanwhile: then that is another entry. */
static enum status lead_first(const struct program *program, struct redirected *r,
                              const struct bytecode_patch *p, vaddr_t target)
{
    enum status s = E_AGAIN;
    for (unsigned n = 0; n < TRIES && (s == E_AGAIN || s == E_BUSY); n++) {
        if (s == E_AGAIN && r->count < ARRAY_COUNT(r->entries)) {
            struct entry *e = &r->entries[r->count];
            e->at = p->patcher->entry(p, r->number, redirect_bytes());
            if (e->at == 0) {
                return E_NOTSUP;
            }
            memcpy(e->own, (const void *)e->at, redirect_bytes());
            s = lead(program, e, target, true);
            r->count += s == OK ? 1 : 0;
        } else if (thread_sleep(1000000) != OK) {
            return E_CANCELLED;
        }
        s = r->count > 0 && (s == OK || s == E_BUSY)
                ? p->patcher->settle(p, r->number, r->entries[r->count - 1].at)
                : s;
    }
    return s;
}

static const char *reason(enum status s)
{
    return s == E_NOTSUP  ? "a loop begins in its first bytes, which a jump would replace"
           : s == E_BUSY  ? "a call of it stays in its first bytes: try again"
           : s == E_NOENT ? "the program has ended"
                          : status_text(s);
}

static enum status redirect_new(struct list *redirects, const struct program *program,
                                const struct bytecode_patch *p, uint32_t number, vaddr_t target)
{
    struct redirected *r = heap_zalloc(sizeof(*r));
    if (r == NULL) {
        return E_NOMEM;
    }
    r->number = number;
    list_push_back(redirects, &r->link);
    return lead_first(program, r, p, target);
}

/* After a failure some entries may be led there: then the caller leads the function back. */
enum status redirect(struct list *redirects, const struct program *program,
                     const struct bytecode_patch *p, uint32_t number, vaddr_t target,
                     const char **why)
{
    struct redirected *r = find(redirects, number);
    enum status s = OK;
    if (target != 0) {
        s = r == NULL ? redirect_new(redirects, program, p, number, target)
                      : lead_all(program, r, target);
    } else if (r != NULL) {
        p->patcher->restore(p, number);
        s = lead_all(program, r, 0);
        if (s == OK) {
            forget(r);
        }
    }
    *why = reason(s);
    return s;
}
