// SPDX-License-Identifier: MIT
//
// See preempt_points.h. Each CPU's random numbers are its own, and nothing here orders one CPU's
// accesses before another's, so the points hide no missing barrier.

#include "kernel/debug/preempt_points.h"

#ifdef HALYARD_DEBUG

#include "hal/cpu.h"
#include "kernel/base/spinlock.h"
#include "kernel/sched/thread.h"

/* Of each eight edges, on average: one ends the slice, one spins for up to 2^SPIN_BITS_MAX
 * iterations, where short spins are as likely as long ones. */
#define CHOICES       8u
#define SPIN_BITS_MAX 12u

#define FNV_PRIME UINT64_C(0x100000001b3)
#define FNV_BASE  UINT64_C(0xcbf29ce484222325)

/* relaxed: a CPU that sees a change late acts on the old value for a moment */
static _Atomic uint32_t preempt_seed;

/* Number of calls of preempt_points_start(), which increments it after it stores the seed
 * (release). A CPU that finds it changed (acquire) restarts with that seed or a later one. */
static _Atomic uint32_t turn;

enum decision { GO_ON, SPIN, SWITCH };

/* Field protection: [o] the owning CPU, interrupts masked
 * Other CPUs read the atomic fields meanwhile: [o] to write; relaxed, they are statistics. */
static struct generator {
    uint32_t state; /* [o] */
    _Atomic uint32_t turn;
    _Atomic uint64_t points, spins, switches, digest;
} ALIGNED(64) generators[CPU_MAX];

static uint32_t scramble(uint32_t x)
{
    x = (x ^ x >> 16) * UINT32_C(0x7feb352d);
    x = (x ^ x >> 15) * UINT32_C(0x846ca68b);
    return x ^ x >> 16;
}

static void set(_Atomic uint64_t *count, uint64_t value)
{
    atomic_store_explicit(count, value, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

static void begin(struct generator *g, cpu_t cpu, uint32_t now)
{
    uint32_t seed = atomic_load_explicit(&preempt_seed, memory_order_relaxed);
    atomic_store_explicit(&g->turn, now, memory_order_relaxed);
    g->state = scramble(seed + scramble(cpu + 1));
    set(&g->points, 0);
    set(&g->spins, 0);
    set(&g->switches, 0);
    set(&g->digest, FNV_BASE);
}

static uint32_t draw(struct generator *g)
{
    g->state += UINT32_C(0x9e3779b9);
    return scramble(g->state);
}

static enum decision decide(uint32_t drawn, bool may_switch)
{
    switch (drawn % CHOICES) {
    case 0:
        return may_switch ? SWITCH : GO_ON;
    case 1:
        return SPIN;
    default:
        return GO_ON;
    }
}

/** The digest covers more than the decisions: which thread reached which edge, in which order. */
static void note(struct generator *g, enum preempt_edge edge, enum decision what)
{
    const struct thread *t = hal_this_thread();
    uint64_t digest = get(&g->digest);
    digest = (digest ^ ((uint64_t)edge | (uint64_t)what << 8)) * FNV_PRIME;
    digest = (digest ^ (t == NULL ? 0 : t->id)) * FNV_PRIME;
    set(&g->digest, digest);
    set(&g->points, get(&g->points) + 1);
    if (what == SPIN) {
        set(&g->spins, get(&g->spins) + 1);
    } else if (what == SWITCH) {
        set(&g->switches, get(&g->switches) + 1);
    }
}

static void spin(uint32_t turns)
{
    /* Not hal_cpu_relax(): this CPU may hold a lock, and serving another CPU's request could
     * wait for it. */
    for (uint32_t i = 0; i < turns; i++) {
        atomic_signal_fence(memory_order_seq_cst);
    }
}

static void act(enum preempt_edge edge)
{
    bool may_switch = hal_irqs_enabled() && hal_this_thread() != NULL;
    irq_state_t state = hal_irq_save();
    struct hal_cpu *cpu = hal_this_cpu();
    struct generator *g = &generators[cpu->id];
    uint32_t now = atomic_load_explicit(&turn, memory_order_acquire);
    if (atomic_load_explicit(&g->turn, memory_order_relaxed) != now) {
        begin(g, cpu->id, now);
    }
    uint32_t drawn = draw(g);
    enum decision what = decide(drawn, may_switch && cpu->depths == 0 && !cpu->in_panic);
    note(g, edge, what);
    hal_irq_restore(state);
    if (what == SPIN) {
        spin(UINT32_C(1) << (drawn >> 8) % SPIN_BITS_MAX | (drawn >> 16 & 7));
    } else if (what == SWITCH) {
        sched_end_slice();
    }
}

bool preempt_points_start(uint32_t seed)
{
    atomic_store_explicit(&preempt_seed, seed, memory_order_relaxed);
    atomic_fetch_add_explicit(&turn, 1, memory_order_release);
    atomic_store_explicit(&preempt_hook, seed == 0 ? NULL : act, memory_order_relaxed);
    return true;
}

uint32_t preempt_points_seed(void)
{
    return atomic_load_explicit(&preempt_seed, memory_order_relaxed);
}

void preempt_points_get(cpu_t cpu, struct preempt_stats *out)
{
    const struct generator *g = &generators[cpu];
    *out = (struct preempt_stats){.points = 0};
    if (atomic_load_explicit(&g->turn, memory_order_relaxed) ==
        atomic_load_explicit(&turn, memory_order_relaxed)) {
        *out = (struct preempt_stats){.points = get(&g->points),
                                      .spins = get(&g->spins),
                                      .switches = get(&g->switches),
                                      .digest = get(&g->digest)};
    }
}

#endif
