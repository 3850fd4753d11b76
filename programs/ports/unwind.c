// SPDX-License-Identifier: MIT
// The part of unwinding that is C; scripts/lib/unwind.py adds the rest. It knows three names:
// unwinding, unwind_throw and unwind_try.
#include "unwind.h"

#define NAMED __attribute__((used, noinline))

__asm__(".globaltype __stack_pointer, i32\n");

int unwinding; // an error is on its way: each function returns at once

static void *stack_pointer(void)
{
    void *sp;
    __asm__ volatile("global.get __stack_pointer\nlocal.set %0" : "=r"(sp));
    return sp;
}

static void set_stack_pointer(void *sp)
{
    __asm__ volatile("local.get %0\nglobal.set __stack_pointer" ::"r"(sp));
}

NAMED void unwind_throw(void)
{
    unwinding = 1;
}

// The functions that return early do not free their frames on the stack in memory: this one does.
NAMED int unwind_try(void (*f)(void *a, void *b), void *a, void *b)
{
    void *sp = stack_pointer();
    f(a, b);
    if (!unwinding) {
        return 0;
    }
    unwinding = 0;
    set_stack_pointer(sp);
    return 1;
}
