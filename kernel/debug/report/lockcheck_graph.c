// SPDX-License-Identifier: MIT
//
// The graph of lock classes: which class was ever taken while another was held, and which deadlocks
// follow from that.

#include "kernel/debug/report/lockcheck_internal.h"

#ifdef HALYARD_DEBUG

#include "kernel/lib/string.h"

/* All tables have a fixed size and are only added to, without locks. A slot is claimed with a
 * compare-and-swap (FREE to FILLING), filled in, and published (READY, release). A class's bits in
 * `seen` and the bits of `under` are set with atomic ORs.
 *
 * The CPU that sets a bit of `under` for the first time searches for a path back from the inner to
 * the outer class. All these accesses are sequentially consistent, so if two CPUs set the two bits
 * of a cycle at the same time, at least the later one sees both and reports. Each cycle is reported
 * when its last edge appears, not each time it is used.
 *
 * Interrupts: a class that is taken in an interrupt conflicts with every class that can be reached
 * from it (including itself) and is taken elsewhere with interrupts enabled. Both facts are bits in
 * `seen`; whichever comes last triggers the search (find_irq_inversions()). */

#define EDGES   1024u
#define ROW     (LOCK_CLASSES / 64)
#define FREE    0u
#define FILLING 1u
#define READY   2u

struct lock_class lock_classes[LOCK_CLASSES];
static struct lock_edge edges[EDGES];
/* Bit b of row a: b was taken while a was held. Sequentially consistent; see above. */
static _Atomic uint64_t under[LOCK_CLASSES][ROW];

/** Claim a slot, or wait until the CPU that claimed it has filled it in, which takes a few
 * instructions with interrupts masked. @return true: the caller must fill it in. */
static bool claim(_Atomic uint32_t *state)
{
    uint32_t before = FREE;
    if (atomic_compare_exchange_strong_explicit(state, &before, FILLING, memory_order_acquire,
                                                memory_order_acquire)) {
        return true;
    }
    while (atomic_load_explicit(state, memory_order_acquire) == FILLING) {
    }
    return false;
}

static void room(const char *what)
{
    static _Atomic bool is_said; /* relaxed: reporting it about once is enough */
    if (!atomic_exchange_explicit(&is_said, true, memory_order_relaxed)) {
        lock_report(&(struct lock_report){.kind = LOCK_ROOM, .what = what});
    }
}

static uint32_t hash_name(const char *name, bool is_mutex)
{
    uint32_t h = is_mutex ? 5381 : 33;
    for (unsigned i = 0; name[i] != '\0' && i < LOCK_NAME_MAX - 1; i++) {
        h = h * 33 + (uint8_t)name[i];
    }
    return h ^ h >> 11;
}

uint8_t lock_class_find(const char *name, bool is_mutex)
{
    uint32_t at = hash_name(name, is_mutex);
    for (uint32_t i = 0; i < LOCK_CLASSES; i++, at++) {
        uint8_t id = (uint8_t)(at % LOCK_CLASSES);
        struct lock_class *c = &lock_classes[id];
        if (id == 0) {
            continue;
        }
        if (claim(&c->state)) {
            c->is_mutex = is_mutex;
            (void)str_copy(c->name, sizeof c->name, name);
            atomic_store_explicit(&c->state, READY, memory_order_release);
            return id;
        }
        if (c->is_mutex == is_mutex && strncmp(c->name, name, LOCK_NAME_MAX - 1) == 0) {
            return id;
        }
    }
    room("classes");
    return 0;
}

/* --- orders --- */

static uint32_t key_of(uint8_t outer, uint8_t inner, bool descending)
{
    return (uint32_t)descending << 16 | (uint32_t)outer << 8 | inner;
}

/** Slot where the search for a key starts. */
static uint32_t home_of(uint32_t key)
{
    return key * UINT32_C(2654435761) >> 12;
}

static void keep_edge(uint32_t key, const struct lock_held *outer)
{
    for (uint32_t i = 0; i < EDGES; i++) {
        struct lock_edge *e = &edges[(home_of(key) + i) % EDGES];
        if (claim(&e->state)) {
            e->key = key;
            COPY_SMALL(e->outer, outer->chain, sizeof e->outer);
            lock_chain(e->inner, LOCK_CHAIN_LONG);
            atomic_store_explicit(&e->state, READY, memory_order_release);
            return;
        }
        if (e->key == key) {
            return;
        }
    }
    room("orders");
}

const struct lock_edge *lock_graph_edge(uint8_t outer, uint8_t inner, bool descending)
{
    uint32_t key = key_of(outer, inner, descending);
    for (uint32_t i = 0; i < EDGES; i++) {
        const struct lock_edge *e = &edges[(home_of(key) + i) % EDGES];
        if (atomic_load_explicit(&e->state, memory_order_acquire) != READY) {
            return NULL;
        }
        if (e->key == key) {
            return e;
        }
    }
    return NULL;
}

/** Breadth-first search: before[c] is the class before c on the shortest path from `from`; 0 if c
 * cannot be reached. */
static void reach(uint8_t from, uint8_t before[LOCK_CLASSES])
{
    uint8_t queue[LOCK_CLASSES];
    unsigned head = 0, tail = 0;
    memset(before, 0, LOCK_CLASSES);
    queue[tail++] = from;
    while (head < tail) {
        uint8_t at = queue[head++];
        for (unsigned w = 0; w < ROW; w++) {
            uint64_t row = atomic_load_explicit(&under[at][w], memory_order_seq_cst);
            for (; row != 0; row &= row - 1) {
                uint8_t next = (uint8_t)(w * 64 + (unsigned)__builtin_ctzll(row));
                if (before[next] == 0 && next != from) {
                    before[next] = at;
                    queue[tail++] = next;
                }
            }
        }
    }
}

/** The path to `to`, from its start; a path that is too long keeps its end. */
static struct lock_path path_to(uint8_t from, uint8_t to, const uint8_t before[LOCK_CLASSES])
{
    struct lock_path p = {.count = 0};
    unsigned length = 1;
    for (uint8_t at = to; at != from; at = before[at]) {
        length++;
    }
    p.count = (uint8_t)MIN(length, LOCK_PATH_MAX);
    for (unsigned i = p.count; i-- > 0; to = before[to]) {
        p.class[i] = to;
    }
    return p;
}

static void report_order(const struct lock_held *outer, const struct lock_held *inner,
                         const struct lock_path *path)
{
    struct lock_report r = {.kind = LOCK_ORDER,
                            .outer = outer->class,
                            .inner = inner->class,
                            .descending = outer->lock > inner->lock,
                            .path = *path};
    COPY_SMALL(r.outer_chain, outer->chain, sizeof r.outer_chain);
    lock_report(&r);
}

/** Search for a class taken in an interrupt from which a class can be reached that the interrupted
 * code may hold. */
static void find_irq_inversions(void)
{
    uint8_t before[LOCK_CLASSES];
    for (unsigned a = 1; a < LOCK_CLASSES; a++) {
        struct lock_class *c = &lock_classes[a];
        uint32_t seen = atomic_load_explicit(&c->seen, memory_order_seq_cst);
        if ((seen & (LOCK_IN_IRQ | LOCK_SAID_IRQ)) != LOCK_IN_IRQ) {
            continue;
        }
        reach((uint8_t)a, before);
        for (unsigned b = 1; b < LOCK_CLASSES; b++) {
            uint32_t other = atomic_load_explicit(&lock_classes[b].seen, memory_order_seq_cst);
            if ((b == a || before[b] != 0) && (other & LOCK_WITH_IRQS) != 0 &&
                (atomic_fetch_or_explicit(&c->seen, LOCK_SAID_IRQ, memory_order_relaxed) &
                 LOCK_SAID_IRQ) == 0) {
                lock_report(&(struct lock_report){.kind = LOCK_IRQ,
                                                  .outer = (uint8_t)a,
                                                  .inner = (uint8_t)b,
                                                  .path = path_to((uint8_t)a, (uint8_t)b, before)});
            }
        }
    }
}

/** Two locks of one class: allowed as long as the order of their addresses is always the same. */
static void add_pair(const struct lock_held *outer, const struct lock_held *inner)
{
    bool descending = outer->lock > inner->lock;
    uint32_t bit = descending ? LOCK_DESCENDING : LOCK_ASCENDING;
    uint32_t both = LOCK_DESCENDING | LOCK_ASCENDING;
    struct lock_class *c = &lock_classes[outer->class];
    if ((atomic_load_explicit(&c->seen, memory_order_relaxed) & bit) != 0) {
        return;
    }
    keep_edge(key_of(outer->class, inner->class, descending), outer);
    uint32_t seen = atomic_fetch_or_explicit(&c->seen, bit, memory_order_seq_cst);
    if ((seen & both) == (both & ~bit)) {
        report_order(outer, inner,
                     &(struct lock_path){.count = 2, .class = {inner->class, outer->class}});
    }
}

void lock_graph_add(const struct lock_held *outer, const struct lock_held *inner)
{
    uint8_t before[LOCK_CLASSES];
    uint8_t a = outer->class, b = inner->class;
    if (a == 0 || b == 0) {
        return;
    }
    if (a == b) {
        add_pair(outer, inner);
        return;
    }
    uint64_t bit = UINT64_C(1) << b % 64;
    if ((atomic_load_explicit(&under[a][b / 64], memory_order_relaxed) & bit) != 0) {
        return;
    }
    keep_edge(key_of(a, b, false), outer);
    if ((atomic_fetch_or_explicit(&under[a][b / 64], bit, memory_order_seq_cst) & bit) != 0) {
        return;
    }
    reach(b, before);
    if (before[a] != 0) {
        struct lock_path path = path_to(b, a, before);
        report_order(outer, inner, &path);
    }
    find_irq_inversions();
}

static void use(struct lock_class *c, uint32_t bit, uint32_t chain_bit, uintptr_t *chain)
{
    if ((atomic_fetch_or_explicit(&c->seen, bit, memory_order_seq_cst) & bit) == 0) {
        lock_chain(chain, LOCK_CHAIN_LONG);
        atomic_fetch_or_explicit(&c->seen, chain_bit, memory_order_release);
        find_irq_inversions();
    }
}

void lock_graph_use(uint8_t class, bool in_irq, bool irqs_on)
{
    struct lock_class *c = &lock_classes[class];
    uint32_t seen = atomic_load_explicit(&c->seen, memory_order_relaxed);
    if (class == 0) {
        return;
    }
    if (in_irq && (seen & LOCK_IN_IRQ) == 0) {
        use(c, LOCK_IN_IRQ, LOCK_IRQ_CHAIN, c->irq_chain);
    }
    if (irqs_on && (seen & LOCK_WITH_IRQS) == 0) {
        use(c, LOCK_WITH_IRQS, LOCK_ON_CHAIN, c->on_chain);
    }
}

#endif
