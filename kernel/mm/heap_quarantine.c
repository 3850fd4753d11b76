// SPDX-License-Identifier: MIT
//
// See heap_quarantine.h. A ring: a new entry replaces the oldest.
#include "kernel/mm/heap_quarantine.h"

#ifdef HEAP_DEBUG

#include "kernel/base/spinlock.h"
#include "kernel/lib/string.h"
#include "kernel/mm/vm.h"

#define RING_ENTRIES 64u

static struct spinlock ring_lock = SPINLOCK_INIT;
static struct quarantined_object ring[RING_ENTRIES]; /* [ring_lock], except in a panic */
static unsigned next, used;                          /* [ring_lock] */

void heap_quarantine_init(void)
{
    memset(ring, 0, sizeof(ring));
    next = used = 0;
}

/* The replaced entry is copied to `old`. */
static void put(const struct quarantined_object *what, struct quarantined_object *old)
{
    irq_state_t s = spin_lock_irq(&ring_lock);
    *old = ring[next];
    ring[next] = *what;
    next = (next + 1) % RING_ENTRIES;
    used += (what->base != NULL) - (old->base != NULL);
    spin_unlock_irq(&ring_lock, s);
}

/* The frames are freed at once. The addresses of the replaced entry are released only after
 * put() has removed the entry from the ring, so heap_quarantine_at() never describes addresses that
 * have a new owner. */
void heap_quarantine(const struct quarantined_object *what)
{
    struct quarantined_object old;
    vm_free_frames(what->base);
    put(what, &old);
    vm_free(old.base);
}

void heap_quarantine_open(void)
{
    static const struct quarantined_object none;
    for (unsigned i = 0; i < RING_ENTRIES; i++) {
        struct quarantined_object old;
        put(&none, &old);
        vm_free(old.base);
    }
}

/* Without the lock, because the panicking code may hold it. A torn entry is harmless: its pointers
 * are compared but not followed. */
bool heap_quarantine_at(uintptr_t at, struct quarantined_object *out)
{
    for (unsigned i = 0; i < RING_ENTRIES; i++) {
        *out = ring[i];
        uintptr_t base = (uintptr_t)out->base;
        if (base != 0 && at >= base && at - base < out->size + (size_t)(out->object - out->base)) {
            return true;
        }
    }
    return false;
}

void heap_quarantine_stats(struct heap_stats *out)
{
    irq_state_t s = spin_lock_irq(&ring_lock);
    *out = (struct heap_stats){.live_objects = used, .live_bytes = used * sizeof(struct vm_range)};
    spin_unlock_irq(&ring_lock, s);
}

#endif
