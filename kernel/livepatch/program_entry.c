// SPDX-License-Identifier: MIT
#include "kernel/livepatch/program_entry.h"

#include "hal/text.h"
#include "kernel/base/symbols.h"
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

/** Where calls of a function arrive: at its code, and at its stub if it had none at first. A
 * function that is not compiled yet has only a stub, which compiles it at the first call. If the
 * program's thread compiles it while its stub is being replaced, the code becomes a second entry. A
 * function is compiled once, so there is no third one, and the array has two places. */
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

/* A change of an entry's bytes, and the range in which the thread must not be meanwhile: [lo, hi).
 * The first instruction is not in it: a thread that is there executes all of the new bytes. An
 * address inside the replaced instructions would continue in the middle of the jump. Neither a
 * branch nor the return of a call leads there (entry() of patcher.h), so it can only be where an
 * interrupt or a fault found the thread. On AArch64 the jump replaces one instruction, so the range
 * is empty, and no stack has to be searched. */
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

/* Called with the lock of livepatch.c, which keeps other threads from changing text: the alias
 * through which a CPU writes text serves one caller at a time. write() runs with interrupts masked,
 * while the program's thread is interrupted or waits, see code_change(). */
static void change(void *arg)
{
    struct change *c = arg;
    c->s = code_change(c->thread, c->lo, c->hi, write, c);
}

uint32_t program_thread(const struct program *program)
{
    struct program *p = (struct program *)(uintptr_t)program;
    mutex_lock(&p->lock);
    const struct list_node *n = list_first(&p->threads);
    uint32_t id = n == NULL ? 0 : CONTAINER_OF(n, struct thread, owner_link)->id;
    mutex_unlock(&p->lock);
    return id;
}

/* `is_own`: the function's own instructions are there; the thread may be between two of them. If a
 * jump is there now, [lo, hi) is empty, because a jump is executed as a whole. E_BUSY means that
 * the thread is between two of the first instructions, which takes a few cycles unless it was
 * preempted or a call returns there; so the change is tried again after a millisecond, TRIES times.
 * No lock of a program is held meanwhile: the thread must be able to go on. */
static enum status put(const struct program *program, vaddr_t at, const uint8_t *code, size_t size,
                       bool is_own)
{
    struct change c = {.thread = program_thread(program),
                       .at = at,
                       .lo = at + kernel_symbols.unit,
                       .hi = at + (is_own ? size : kernel_symbols.unit),
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

/* With target 0 the bytes that were saved in `own` come back. The jump is encoded then, too, only
 * to know how many bytes it has. */
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

/* A function is in the list from its first redirection until it is led back to its own code at all
 * entries. Then its entries are forgotten, because the program may get other code for it. */
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

/* The function has its own code, and perhaps gets it meanwhile: then that is another entry. The
 * patcher names the entry and says after the change whether it is settled. E_AGAIN: calls arrive at
 * another address now, so that becomes the second entry. E_BUSY: the thread is compiling the
 * function, so wait and ask again. An entry counts only after its jump is written; `own` is copied
 * before that. The jump is written before settle() is called, which then sees whether the program
 * got other code for the function meanwhile. */
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

/* After a failure some entries may be led there: then the caller leads the function back. restore()
 * comes before the function's own stub can be called again: it undoes the mark of settle(), which
 * had kept the program from compiling the function. A failure leaves the function in the list, so
 * the caller's second attempt finds its entries. */
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
