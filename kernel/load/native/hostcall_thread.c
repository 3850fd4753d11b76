// SPDX-License-Identifier: MIT
//
// Host calls for threads and the end of a program. A thread's number is its slot plus one, until it
// is joined. Threads that are not joined end with the program.
#include "kernel/jit/backend.h"
#include "kernel/load/native/module_internal.h"
#include "kernel/load/native/native_internal.h"

#include "kernel/sched/thread.h"

/* The thread's first function. jit_runtime_call() switches to the program's code and
 * returns its result. */
static void run_thread(void *arg)
{
    const struct native_thread *slot = arg;
    thread_exit(jit_runtime_call((uintptr_t)slot->fn, (uintptr_t)slot->arg, 0));
}

/* A slot is in use while `fn` is set. It is reserved before the thread exists, because the new
 * thread reads it, possibly before thread_create() returns here. */
static struct native_thread *take_slot(struct native *n, int (*fn)(void *), void *arg)
{
    struct native_thread *slot = NULL;
    mutex_lock(&n->lock);
    for (unsigned i = 0; i < NATIVE_THREADS_MAX && slot == NULL; i++) {
        if (n->threads[i].fn == NULL) {
            slot = &n->threads[i];
            *slot = (struct native_thread){.fn = fn, .arg = arg};
        }
    }
    mutex_unlock(&n->lock);
    return slot;
}

/* Assign thread `t` to the slot; NULL frees the slot. */
static void set_slot(struct native *n, struct native_thread *slot, struct thread *t)
{
    mutex_lock(&n->lock);
    slot->thread = t;
    if (t == NULL) {
        slot->fn = NULL;
    }
    mutex_unlock(&n->lock);
}

/* A thread gets the same name and properties as the program's first one. */
static int64_t create(int (*fn)(void *arg), void *arg)
{
    struct native *n = native_current();
    if (fn == NULL) {
        return E_INVAL;
    }
    struct native_thread *slot = take_slot(n, fn, arg);
    if (slot == NULL) {
        return E_NOSPC;
    }
    struct thread *t;
    struct thread_options options = {.name = n->program->name,
                                     .entry = run_thread,
                                     .arg = slot,
                                     .priority = PRIO_NORMAL,
                                     .placement = THREAD_ANYWHERE,
                                     .uses_fp = n->module->uses_fp,
                                     .owner = &n->program->owner};
    enum status s = thread_create(&options, &t);
    set_slot(n, slot, s == OK ? t : NULL);
    return s == OK ? (int64_t)(slot - n->threads) + 1 : s;
}

static int hy_thread_create(int (*fn)(void *arg), void *arg)
{
    hostcall_enter();
    return (int)hostcall_leave(create(fn, arg));
}

/* Take the thread out of its slot, so that there is only one joiner. */
static struct thread *claim(struct native *n, struct native_thread *slot)
{
    mutex_lock(&n->lock);
    struct thread *t = slot->thread;
    slot->thread = NULL;
    mutex_unlock(&n->lock);
    return t;
}

/* The slot stays reserved while this waits, so its number is not assigned anew. */
static int64_t join(int number, int *value)
{
    struct native *n = native_current();
    if (number < 1 || number > (int)NATIVE_THREADS_MAX ||
        (value != NULL && !hostcall_range_ok(value, sizeof(*value), PROT_R | PROT_W))) {
        return E_INVAL;
    }
    struct native_thread *slot = &n->threads[number - 1];
    struct thread *t = claim(n, slot);
    if (t == NULL) {
        return E_INVAL;
    }
    int result = 0;
    enum status s = thread_join(t, &result);
    /* If cancelled, the slot still owns the reference, which is dropped when the program ends. */
    set_slot(n, slot, s == OK ? NULL : t);
    if (s == OK && value != NULL) {
        *value = result;
    }
    return s;
}

static int hy_thread_join(int number, int *value)
{
    hostcall_enter();
    return (int)hostcall_leave(join(number, value));
}

static _Noreturn void hy_thread_exit(int value)
{
    hostcall_enter();
    thread_exit(value);
}

static void hy_yield(void)
{
    hostcall_enter();
    thread_yield();
    (void)hostcall_leave(OK);
}

static _Noreturn void hy_exit(int status)
{
    hostcall_enter();
    program_exit(status);
}

const struct export hostcall_thread_exports[] = {
    {"hy_thread_create", 1, hy_thread_create},
    {"hy_thread_join", 1, hy_thread_join},
    {"hy_thread_exit", 1, hy_thread_exit},
    {"hy_yield", 1, hy_yield},
    {"hy_exit", 1, hy_exit},
    {NULL, 0, NULL},
};
