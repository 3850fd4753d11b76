// SPDX-License-Identifier: MIT
//
// Entry and exit of every host call, and checks of its arguments. Native programs are trusted:
// these checks turn a program's mistake into an error instead of a panic; they are no protection.
#include "kernel/load/native/native_internal.h"

#include "hal/types.h"
#include "kernel/lib/string.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/thread.h"

/* Kernel code needs more stack than the program has
 * checked for, and runs on the program's stack. */
void hostcall_enter(void)
{
    const struct thread *t = thread_current();
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (here - t->context.stack_lo < NATIVE_CALL_STACK) {
        native_fail("stack overflow: too little stack left to call the kernel");
    }
}

/* A program that is killed ends at the next host call: the thread exits here, with nothing held. */
int64_t hostcall_leave(int64_t result)
{
    if (thread_is_cancelled(thread_current())) {
        thread_exit(0);
    }
    return result;
}

/* Checks each mapping in the range, without accessing it. The mapping could change afterwards; the
 * program would then fault in the kernel's code, which is a panic, so this is only for mistakes. */
bool hostcall_range_ok(const void *p, size_t len, unsigned prot)
{
    uintptr_t at = (uintptr_t)p;
    uintptr_t end;
    if (p == NULL || ADD_OVERFLOWS(at, len, &end)) {
        return false;
    }
    while (at < end) {
        struct hal_mapping m;
        if (!hal_mmu_query(at, &m) || (m.prot & prot) != prot || m.type != MEM_NORMAL) {
            return false;
        }
        uintptr_t next = ALIGN_DOWN(at, (uintptr_t)m.size) + m.size;
        if (next <= at) {
            return true; /* the last page of the address space */
        }
        at = next;
    }
    return true;
}

/* Copies the string, one check for each page. The copy cannot change while the kernel uses it. */
enum status hostcall_string(const char *s, char *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uintptr_t at = (uintptr_t)s + i; /* the value, whatever it is, is not a pointer yet */
        if ((i == 0 || at % PAGE_SIZE == 0) && !hostcall_range_ok((const void *)at, 1, PROT_R)) {
            return E_INVAL;
        }
        out[i] = s[i];
        if (s[i] == 0) {
            return OK;
        }
    }
    return E_NAMETOOLONG;
}
