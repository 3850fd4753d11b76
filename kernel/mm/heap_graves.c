// SPDX-License-Identifier: MIT
//
// See heap_graves.h. A ring: a new entry replaces the oldest.
#include "kernel/mm/heap_graves.h"

#ifdef HEAP_DEBUG

#include "kernel/base/spinlock.h"
#include "kernel/lib/string.h"
#include "kernel/mm/vm.h"

#define GRAVES 64u

static struct spinlock graves_lock = SPINLOCK_INIT;
static struct heap_grave graves[GRAVES]; /* [graves_lock], except in a panic */
static unsigned next, used;              /* [graves_lock] */

void heap_graves_init(void)
{
    memset(graves, 0, sizeof(graves));
    next = used = 0;
}

/* The replaced entry is copied to `old`. */
static void put(const struct heap_grave *what, struct heap_grave *old)
{
    irq_state_t s = spin_lock_irq(&graves_lock);
    *old = graves[next];
    graves[next] = *what;
    next = (next + 1) % GRAVES;
    used += (what->base != NULL) - (old->base != NULL);
    spin_unlock_irq(&graves_lock, s);
}

/* The frames are freed at once. The addresses of the replaced entry are released only after
 * put() has removed the entry from the ring, so heap_grave_at() never describes addresses that
 * have a new owner. */
void heap_quarantine(const struct heap_grave *what)
{
    struct heap_grave old;
    vm_free_frames(what->base);
    put(what, &old);
    vm_free(old.base);
}

void heap_graves_open(void)
{
    static const struct heap_grave none;
    for (unsigned i = 0; i < GRAVES; i++) {
        struct heap_grave old;
        put(&none, &old);
        vm_free(old.base);
    }
}

/* Without the lock, because the panicking code may hold it. A torn entry is harmless: its pointers
 * are compared but not followed. */
bool heap_grave_at(uintptr_t at, struct heap_grave *out)
{
    for (unsigned i = 0; i < GRAVES; i++) {
        *out = graves[i];
        uintptr_t base = (uintptr_t)out->base;
        if (base != 0 && at >= base && at - base < out->size + (size_t)(out->object - out->base)) {
            return true;
        }
    }
    return false;
}

void heap_graves_stats(struct heap_stats *out)
{
    irq_state_t s = spin_lock_irq(&graves_lock);
    *out = (struct heap_stats){.live_objects = used, .live_bytes = used * sizeof(struct vm_range)};
    spin_unlock_irq(&graves_lock, s);
}

#endif
