// SPDX-License-Identifier: MIT
//
// What -fstack-protector needs: the word, and where a function ends that finds another one.

#include "kernel/debug/stack_guard.h"

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
    (void)hal_entropy((uint8_t *)&random, sizeof(random)); /* where the CPU has some */
    random ^= hal_counter_read() * 0x9e3779b97f4a7c15; /* spread: its low bits are what changes */
    /* Its first byte is 0: what copies a string past its end cannot write the word again. */
    __stack_chk_guard ^= random & ~(uint64_t)0xff;
}

void __stack_chk_fail(void)
{
    panic("stack: a function wrote past the end of its variables");
}

#endif
