// SPDX-License-Identifier: MIT
//
// Threads of the fake machine: the host's user contexts, each on a stack that the host allocates.
// The kernel's own stacks stay unused, because the sanitizers must know where every stack is.

#define _GNU_SOURCE

#include "fake/fake.h"
#include "hal/context.h"

#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define STACK_BYTES ((size_t)256 << 10) /* AddressSanitizer's frames are large */

/** The target of struct hal_context's `sp`. Reused for the next thread on the same kernel stack. */
struct fiber {
    struct fiber *next; /* of all */
    vaddr_t kernel_stack;
    ucontext_t context;
    void *stack;
    size_t stack_bytes;
    void *shadow; /* AddressSanitizer's fake stack while it does not run */
    void (*entry)(void *arg);
    void *arg;
};

static struct fiber main_fiber; /* the test's own thread */
static struct fiber *running = &main_fiber;
static struct fiber *all;

static struct fiber *fiber_of(vaddr_t kernel_stack)
{
    struct fiber *f = all;
    while (f != NULL && f->kernel_stack != kernel_stack) {
        f = f->next;
    }
    if (f == NULL) {
        f = calloc(1, sizeof(*f));
        if (f == NULL || (f->stack = malloc(STACK_BYTES)) == NULL) {
            abort();
        }
        f->stack_bytes = STACK_BYTES;
        f->kernel_stack = kernel_stack;
        f->next = all;
        all = f;
    }
    __asan_unpoison_memory_region(f->stack, f->stack_bytes); /* its last thread never returned */
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
    (void)size;
    struct fiber *f = fiber_of(stack);
    if (getcontext(&f->context) != 0) {
        abort();
    }
    f->shadow = NULL;
    f->entry = entry;
    f->arg = arg;
    f->context.uc_stack.ss_sp = f->stack;
    f->context.uc_stack.ss_size = f->stack_bytes;
    f->context.uc_link = NULL;
    makecontext(&f->context, enter, 0);
    ctx->sp = (uintptr_t)f;
}

/* The host's saved context has no known layout. */
void hal_context_backtrace_start(const struct hal_context *ctx, uintptr_t *pc, uintptr_t *fp)
{
    *pc = ctx->sp;
    *fp = 0;
}

/** Finds the test's own stack when the test first switches to another. */
static void find_main_stack(void)
{
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0 ||
        pthread_attr_getstack(&attributes, &main_fiber.stack, &main_fiber.stack_bytes) != 0) {
        abort();
    }
    pthread_attr_destroy(&attributes);
}

void fake_forget_frames(void)
{
    if (main_fiber.stack != NULL) {
        __asan_unpoison_memory_region(main_fiber.stack, main_fiber.stack_bytes);
    }
}

void hal_context_switch(struct hal_context *save, const struct hal_context *next)
{
    if (main_fiber.stack == NULL) {
        find_main_stack();
    }
    struct fiber *from = running, *to = (struct fiber *)next->sp;
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

/* swapcontext() preserves floating-point registers as far as the host's ABI requires. */
void hal_fp_save(void *area)
{
    memset(area, 0xf5, hal_fp_size());
}

void hal_fp_restore(const void *area)
{
    (void)area;
}
