// SPDX-License-Identifier: MIT
//
// Support for -fstack-protector: the guard word, and
// the function that is called when it was overwritten.

#include "kernel/debug/report/stack_guard.h"

#ifdef HALYARD_UNDEFINED

#include "hal/cpu.h"
#include "hal/entropy.h"
#include "kernel/base/panic.h"

#include <stdint.h>

/* The compiler's names. */
uintptr_t __stack_chk_guard = 0x2f7c8b1d5a3e9600;
_Noreturn void __stack_chk_fail(void);

NO_STACK_PROTECTOR void stack_guard_init(void)
{
    uint64_t random = 0;
    (void)hal_entropy((uint8_t *)&random, sizeof(random)); /* if the CPU has a random source */
    /* multiplied, because only its low bits differ between boots */
    random ^= hal_counter_read() * 0x9e3779b97f4a7c15;
    /* Its first byte is 0, so that a string copy past its end cannot reproduce the word. */
    __stack_chk_guard ^= random & ~(uint64_t)0xff;
}

void __stack_chk_fail(void)
{
    panic("stack: a function wrote past the end of its variables");
}

#endif
