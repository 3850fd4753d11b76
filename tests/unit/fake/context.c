// SPDX-License-Identifier: MIT
//
// Threads of the fake machine: the host's user contexts, each on a stack that the host allocates.
// The stack that the kernel gives is left alone: the sanitizers want to know where every stack is.

#define _GNU_SOURCE

#include "hal/context.h"

#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define STACK_BYTES ((size_t)256 << 10) /* AddressSanitizer's frames are large */

/** What a struct hal_context's `sp` points to. Never freed: a test's threads are few. */
struct fiber {
    ucontext_t context;
    void *stack;
    size_t stack_bytes;
    void *shadow; /* AddressSanitizer's fake stack while it does not run */
    void (*entry)(void *arg);
    void *arg;
};

static struct fiber *running; /* NULL: the test's own thread */

static struct fiber *new_fiber(void)
{
    struct fiber *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        abort();
    }
    return f;
}

static void enter(void)
{
    __sanitizer_finish_switch_fiber(running->shadow, NULL, NULL);
    running->entry(running->arg);
    abort(); /* a thread's entry must not return */
}

void hal_context_init(struct hal_context *ctx, vaddr_t stack, size_t size, void (*entry)(void *arg),
                      void *arg)
{
    (void)stack;
    (void)size;
    struct fiber *f = new_fiber();
    f->stack_bytes = STACK_BYTES;
    f->stack = malloc(STACK_BYTES);
    if (f->stack == NULL || getcontext(&f->context) != 0) {
        abort();
    }
    f->entry = entry;
    f->arg = arg;
    f->context.uc_stack.ss_sp = f->stack;
    f->context.uc_stack.ss_size = f->stack_bytes;
    f->context.uc_link = NULL;
    makecontext(&f->context, enter, 0);
    ctx->sp = (uintptr_t)f;
}

/** The test's own thread becomes a fiber when it first gives way to another. */
static struct fiber *this_fiber(void)
{
    if (running == NULL) {
        running = new_fiber();
        pthread_attr_t attributes;
        if (pthread_getattr_np(pthread_self(), &attributes) != 0 ||
            pthread_attr_getstack(&attributes, &running->stack, &running->stack_bytes) != 0) {
            abort();
        }
        pthread_attr_destroy(&attributes);
    }
    return running;
}

void hal_context_switch(struct hal_context *save, const struct hal_context *next)
{
    struct fiber *from = this_fiber(), *to = (struct fiber *)next->sp;
    save->sp = (uintptr_t)from;
    running = to;
    __sanitizer_start_switch_fiber(&from->shadow, to->stack, to->stack_bytes);
    if (swapcontext(&from->context, &to->context) != 0) {
        abort();
    }
    __sanitizer_finish_switch_fiber(from->shadow, NULL, NULL);
}

uintptr_t hal_stack_call(vaddr_t stack_top, uintptr_t (*fn)(void *arg), void *arg)
{
    (void)stack_top;
    return fn(arg);
}

_Noreturn void hal_stack_jump(vaddr_t stack_top, void (*fn)(void *arg), void *arg)
{
    (void)stack_top;
    fn(arg);
    abort();
}

size_t hal_fp_size(void)
{
    return 512;
}

void hal_fp_init(void *area)
{
    memset(area, 0, hal_fp_size());
}

/* The host keeps floating-point registers across swapcontext() as far as its own ABI asks. */
void hal_fp_save(void *area)
{
    memset(area, 0xf5, hal_fp_size());
}

void hal_fp_restore(const void *area)
{
    (void)area;
}
