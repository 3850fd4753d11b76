// SPDX-License-Identifier: MIT
//
// Threads from creation to join: the struct, its stack, its references. switch.c
// decides which thread runs.

#include "kernel/sched/thread.h"

#include "hal/smp.h"
#include "hal/trap.h"
#include "kernel/base/clock.h"
#include "kernel/sched/pin.h"
#include "kernel/mm/asan.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/switch_internal.h"
#include "kernel/sched/smp.h"

/* Units. A thread struct and its stack are one unit. A dead thread's unit goes to its CPU's list of
 * spare units, where the next thread_create() finds it with the stack mapped. If that list is full,
 * the work thread frees the unit: the last reference may be dropped where unmapping is not allowed.
 * A growing stack is never kept as a spare.
 *
 * A unit stays in threads.all for as long as its memory exists, so `ps` may lock the run queue of
 * any unit in that list while it holds threads.lock. A unit with refs == 0 is not a thread.
 * thread_create() fills the unit in, stores refs with release, and only then makes the thread
 * READY; is_live() reads refs with acquire. A reader that still holds a pointer to the unit's
 * previous thread locks its run queue and checks the state there: DEAD means "no thread".
 *
 * References: one for the joiner (thread_join() or thread_detach() drops it) and one for the
 * thread, dropped by the next thread on its CPU (switch_put_left()), because a thread cannot free
 * the stack that it runs on.
 *
 * Lock order: threads.lock before a run queue's lock. `surplus.lock` is a leaf. */

#define SPARE_MAX   16
#define STACK_PAGES (HAL_STACK_SIZE / PAGE_SIZE)
#define GUARD_PAGES (HAL_STACK_ALIGN / PAGE_SIZE - STACK_PAGES)
#define GROWTH      ((size_t)0x10000) /* bytes; a stack grows in aligned blocks of this size */

static void free_surplus(struct work *work);

/* Field protection: all under `lock`, which no interrupt handler takes. */
static struct {
    struct spinlock lock;
    struct list all; /* every unit, by all_link; units without references are spare */
} threads = {SPINLOCK_INIT, LIST_INIT(threads.all)};

/* Units to free. The lock is taken with interrupts masked, because the last reference
 * may be dropped anywhere. */
static struct {
    struct spinlock lock;
    struct list list; /* by run_link */
    struct work work;
} surplus = {SPINLOCK_INIT, LIST_INIT(surplus.list), {.run = free_surplus}};

static _Atomic uint32_t last_id; /* relaxed: only has to be unique */
/* Switches of units that were freed. Relaxed: a statistic. */
static _Atomic uint64_t switches_of_the_gone;

static void list_add(struct thread *t)
{
    spin_lock(&threads.lock);
    list_push_back(&threads.all, &t->all_link);
    spin_unlock(&threads.lock);
}

static uint32_t next_id(void)
{
    return atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
}

void thread_adopt(struct thread *t)
{
    t->id = next_id();
    list_add(t);
}

/* --- units --- */

static size_t stack_page(const struct thread *t, vaddr_t va)
{
    return (size_t)(va - t->stack_range.base) / PAGE_SIZE;
}

static void unit_free(struct thread *t)
{
    if (t->stack_range.fault != NULL) {
        /* a stray pointer of another thread may have faulted there */
        pin_leave_range(&t->stack_range);
    }
    size_t first = stack_page(t, t->context.stack_lo);
    vm_unmap(&t->stack_range, first, stack_page(t, t->context.stack_hi) - first, true);
    vm_release(&t->stack_range);
    heap_free(t->fp_area);
    heap_free(t->context.calls);
    heap_free(t);
}

/**
 * Fault handler of growing stacks: the running thread touched an address below its stack. The fault
 * was taken well below the stack pointer, so the handler has room to run. Maps the pages if the
 * address belongs to the stack; false for the guard and for another thread's stack.
 */
static bool grow_stack(struct vm_range *range, struct fault *fault)
{
    struct thread *t = thread_current();
    vaddr_t limit = range->base + THREAD_GROWING_GUARD;
    if (range != &t->stack_range || !fault->may_sleep || fault->address < limit ||
        fault->address >= t->context.stack_lo) {
        return false;
    }
    vaddr_t lo = ALIGN_DOWN(fault->address, (vaddr_t)GROWTH);
    size_t pages = (size_t)(t->context.stack_lo - lo) / PAGE_SIZE;
    struct thread_owner *owner = t->owner;
    if (owner != NULL && !owner->ops->charge(owner, pages)) {
        return false;
    }
    if (vm_populate(range, stack_page(t, lo), pages, PROT_R | PROT_W, PAGE_STACK) != OK) {
        if (owner != NULL) {
            owner->ops->uncharge(owner, pages);
        }
        return false;
    }
    t->context.stack_lo = lo; /* last: an exception from here on may rely on it */
    return true;
}

/** The stack's top is as hal/context.h requires: the
 * upper half of a block of HAL_STACK_ALIGN bytes. */
static enum status stack_create(struct thread *t, size_t bytes)
{
    bool grows = bytes > HAL_STACK_SIZE;
    size_t span = grows ? THREAD_GROWING_GUARD + ALIGN_UP(bytes, GROWTH) : HAL_STACK_ALIGN;
    const struct vm_request request = {.pages = span / PAGE_SIZE,
                                       .align = HAL_STACK_ALIGN,
                                       .region = HAL_REGION_VM,
                                       .name = "stack"};
    enum status s = vm_reserve(&t->stack_range, &request);
    if (s != OK) {
        return s;
    }
    size_t first = t->stack_range.pages - STACK_PAGES;
    s = vm_populate(&t->stack_range, first, STACK_PAGES, PROT_R | PROT_W, PAGE_STACK);
    if (s != OK) {
        vm_release(&t->stack_range);
        return s;
    }
    t->context.stack_hi = t->stack_range.base + span;
    t->context.stack_lo = t->context.stack_hi - HAL_STACK_SIZE;
    t->stack_range.fault = grows ? grow_stack : NULL;
    return OK;
}

static NOINLINE struct thread *unit_create(size_t stack_bytes)
{
    struct thread *t = heap_zalloc(sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    t->state = THREAD_DEAD;
    /* Some CPU's queue until the unit is placed: a kill that comes before that locks it. */
    atomic_init(&t->rq, &sched_cpu_of(0)->rq);
    completion_init(&t->ended, "join");
    list_init(&t->inherits);
    if (stack_create(t, stack_bytes) != OK) {
        heap_free(t);
        return NULL;
    }
    list_add(t);
    return t;
}

/* The spare list has no lock: only its own CPU uses it, with interrupts masked. */
static ALWAYS_INLINE struct thread *spare_pop(void)
{
    irq_state_t state = hal_irq_save();
    struct sched_cpu *cpu = sched_this_cpu();
    struct list_node *n = cpu->spare;
    if (LIKELY(n != NULL)) {
        cpu->spare = n->next;
        cpu->spare_count--;
    }
    hal_irq_restore(state);
    return UNLIKELY(n == NULL) ? NULL : CONTAINER_OF(n, struct thread, run_link);
}

/** Too many units are spare, or this one has a growing stack. */
static NOINLINE void unit_give_up(struct thread *t)
{
    irq_state_t state = spin_lock_irq(&surplus.lock);
    list_push_back(&surplus.list, &t->run_link);
    spin_unlock_irq(&surplus.lock, state);
    (void)work_queue(&surplus.work);
}

static ALWAYS_INLINE void unit_recycle(struct thread *t)
{
    irq_state_t state = hal_irq_save();
    struct sched_cpu *cpu = sched_this_cpu();
    if (UNLIKELY(t->stack_range.fault != NULL || cpu->spare_count >= SPARE_MAX)) {
        hal_irq_restore(state);
        unit_give_up(t);
        return;
    }
    t->run_link.next = cpu->spare;
    cpu->spare = &t->run_link; /* reuse the last one first: its stack is still in the cache */
    cpu->spare_count++;
    hal_irq_restore(state);
}

static struct thread *surplus_pop(void)
{
    irq_state_t state = spin_lock_irq(&surplus.lock);
    struct list_node *n = list_pop_front(&surplus.list);
    spin_unlock_irq(&surplus.lock, state);
    return n == NULL ? NULL : CONTAINER_OF(n, struct thread, run_link);
}

static void free_surplus(struct work *work)
{
    (void)work;
    struct thread *t;
    while ((t = surplus_pop()) != NULL) {
        spin_lock(&threads.lock);
        list_remove(&t->all_link);
        spin_unlock(&threads.lock);
        (void)atomic_fetch_add_explicit(&switches_of_the_gone, t->switches, memory_order_relaxed);
        unit_free(t);
    }
}

/* Runs on the CPU that owns the spare units, since their list has no lock. */
static void release_spares(void *gave)
{
    for (struct thread *t; (t = spare_pop()) != NULL;) {
        irq_state_t state = spin_lock_irq(&surplus.lock);
        list_push_back(&surplus.list, &t->run_link);
        spin_unlock_irq(&surplus.lock, state);
        atomic_store_explicit((_Atomic bool *)gave, true, memory_order_relaxed);
    }
}

bool thread_trim(void)
{
    _Atomic bool gave = false; /* relaxed: smp_call_all() has returned before it is read */
    smp_call_all(release_spares, &gave);
    free_surplus(&surplus.work);
    return atomic_load_explicit(&gave, memory_order_relaxed);
}

NOINLINE void thread_recycle(struct thread *t)
{
    unit_recycle(t);
}

/* `ps` holds threads.lock while it uses a thread's run queue, so with both locks held no
 * reader uses the old queue. */
void thread_leave_queue(struct thread *t) NO_LOCK_ANALYSIS
{
    spin_lock(&threads.lock);
    irq_state_t state;
    struct run_queue *rq = sched_lock_thread(t, &state);
    t->state = THREAD_DEAD;
    atomic_store_explicit(&t->rq, &sched_cpu_of(0)->rq, memory_order_release);
    sched_unlock_thread(rq, state);
    spin_unlock(&threads.lock);
}

/* --- life --- */

static void thread_start(void *arg)
{
    struct thread *t = arg;
    finish_switch();
    hal_irq_enable();
    preempt_check();
    t->entry(t->arg);
    thread_exit(0);
}

/* Other CPUs' spare units are memory that this thread may need. Before threads run (interrupts are
 * still masked), no CPU waits for another one. */
static struct thread *new_unit(size_t stack_bytes)
{
    struct thread *t = unit_create(stack_bytes);
    if (t == NULL && hal_irqs_enabled() && thread_trim()) {
        t = unit_create(stack_bytes);
    }
    return t;
}

/** str_copy() for names, which are mostly one short word: a loop unrolled by eight. */
static ALWAYS_INLINE void copy_name(char to[THREAD_NAME_MAX], const char *from)
{
    STATIC_ASSERT(THREAD_NAME_MAX % 8 == 0, "the copy loop is unrolled by 8");
    for (unsigned done = 0; done < THREAD_NAME_MAX; done += 8) {
        for (unsigned i = 0; i < 8; i++) {
            if ((to[done + i] = from[done + i]) == '\0') {
                return;
            }
        }
    }
    to[THREAD_NAME_MAX - 1] = '\0';
}

/** A spare unit may still own the floating-point area of its previous thread. */
static bool prepare_fp(struct thread *t, bool uses_fp)
{
    if (!uses_fp) {
        heap_free(t->fp_area);
        t->fp_area = NULL;
        return true;
    }
    if (t->fp_area == NULL) {
        t->fp_area = heap_alloc_aligned(hal_fp_size(), HAL_FP_ALIGN);
    }
    if (t->fp_area == NULL) {
        return false;
    }
    hal_fp_init(t->fp_area);
    return true;
}

/** Prepare the state that needs extra steps in a switch. The thread joins its owner here, so a
 * kill reaches it from here on.
 * @return OK; E_NOMEM; E_CANCELLED: the owner is ending. */
static NOINLINE enum status prepare_state(struct thread *t, const struct thread_options *options)
{
    if (!prepare_fp(t, options->uses_fp)) {
        return E_NOMEM;
    }
    t->owner = options->owner;
    t->runs = NULL;
    if (t->owner != NULL || t->fp_area != NULL) {
        t->special |= SPECIAL_STATE;
    }
    enum status s = t->owner == NULL ? OK : t->owner->ops->join(t->owner, t);
    if (s != OK) {
        t->owner = NULL;
    }
    return s;
}

/* A unit's previous thread left these fields as a new one needs them: no owner, no wait, no mutex
 * held, and no thread waits for its end. */
static ALWAYS_INLINE enum status obtain_unit(const struct thread_options *options,
                                             struct thread **out)
{
    struct thread *t = UNLIKELY(options->stack_bytes > HAL_STACK_SIZE) ? NULL : spare_pop();
    if (UNLIKELY(t == NULL)) {
        t = new_unit(MAX(options->stack_bytes, HAL_STACK_SIZE));
        if (t == NULL) {
            return E_NOMEM;
        }
    }
    t->special = options->priority >= PRIO_REALTIME ? SPECIAL_REALTIME : 0;
    t->can_move = false;
    t->stopped_at = 0;
    t->terminal = NULL;
    t->sink = NULL;
    t->priority = options->priority;
    t->base_priority = options->priority;
    t->id = next_id();
    atomic_store_explicit(&t->cancelled, false, memory_order_relaxed);
    atomic_store_explicit(&t->is_async_cancel, false, memory_order_relaxed);
    t->run_ticks = 0;
    t->slice_left = sched_slice_ticks;
    t->switches_before = t->switches;
    t->ended.done = false;
    t->entry = options->entry;
    t->arg = options->arg;
    copy_name(t->name, options->name);
    if (UNLIKELY(options->owner != NULL || options->uses_fp || t->fp_area != NULL)) {
        enum status s = prepare_state(t, options);
        if (s != OK) {
            unit_recycle(t);
            return s;
        }
    }
    /* left by another thread's calls */
    asan_unpoison((const void *)t->context.stack_lo, HAL_STACK_SIZE);
    hal_context_init(&t->context, t->context.stack_lo, HAL_STACK_SIZE, thread_start, t);
    *out = t;
    return OK;
}

struct thread *thread_alloc(const struct thread_options *options)
{
    struct thread *t;
    if (obtain_unit(options, &t) != OK) {
        return NULL;
    }
    t->created_at = hal_counter_read();
    return t;
}

/** Choose the CPU where the thread starts. @pre interrupts are masked @return that CPU's queue */
static ALWAYS_INLINE struct run_queue *assign_queue(struct hal_cpu *cpu, struct thread *t,
                                                    const struct thread_options *options)
{
    if (UNLIKELY(options->placement != THREAD_HERE)) {
        balance_choose_cpu(t, options);
        t->created_at = hal_counter_read();
        return atomic_load_explicit(&t->rq, memory_order_relaxed);
    }
    struct sched_cpu *sc = sched_of(cpu);
    t->affinity = sc->bit;
    t->created_at = sc->rq.switched_at; /* near enough, and costs no reading of the counter */
    if (UNLIKELY(atomic_load_explicit(&t->rq, memory_order_relaxed) != &sc->rq)) {
        sched_assign_cpu(t, sc);
    }
    atomic_fetch_add_explicit(&sc->threads, 1, memory_order_relaxed);
    return &sc->rq;
}

/** Make a new thread READY. */
static ALWAYS_INLINE void start_locked(struct hal_cpu *cpu, struct run_queue *rq, struct thread *t)
    REQUIRES(rq->lock)
{
    t->state = THREAD_READY;
    make_ready_locked(cpu, rq, t);
    if (UNLIKELY(cpu->is_traced)) {
        switch_record_ready(TRACE_START, t);
    }
}

enum status thread_create(const struct thread_options *options, struct thread **out)
{
    ASSERT(options->priority > PRIO_IDLE && options->priority < PRIO_COUNT);
    struct thread *t;
    enum status s = obtain_unit(options, &t);
    if (UNLIKELY(s != OK)) {
        return s;
    }
    irq_state_t state = hal_irq_save();
    struct hal_cpu *cpu = hal_this_cpu();
    struct run_queue *rq = assign_queue(cpu, t, options);
    /* The caller's and the thread's own reference. Release pairs with is_live(). */
    atomic_store_explicit(&t->refs, 2, memory_order_release);
    *out = t; /* before it runs: the thread itself may read it */
    spin_lock_masked(&rq->lock);
    start_locked(cpu, rq, t);
    spin_unlock_masked(&rq->lock);
    hal_irq_restore(state);
    preempt_check();
    return OK;
}

/* What grow_stack() has charged. The pages exist until the unit is freed, soon after. */
static void uncharge_stack(const struct thread *t, struct thread_owner *owner)
{
    size_t bytes = t->context.stack_hi - t->context.stack_lo;
    owner->ops->uncharge(owner, (bytes - HAL_STACK_SIZE) / PAGE_SIZE);
}

/* The owner's leave() returns with preemption off, so that this thread
 * cannot be preempted between leaving the owner and dying: the owner may
 * be freed meanwhile, and code of it unloaded after rcu_synchronize(). */
static NOINLINE _Noreturn void leave_owner(struct thread *t, struct thread_owner *owner)
{
    uncharge_stack(t, owner);
    sched_forget_owner(t);
    owner->ops->leave(owner, t);
    trace_name(TRACE_EXIT, 0, t->name);
    hal_irq_disable();
    preempt_enable();
    sched_exit_current(&t->ended);
}

_Noreturn void thread_exit(int value)
{
    struct thread *t = thread_current();
    lockcheck_ends(t);
    ASSERT(t->locks_held == 0);
    t->exit_value = value;
    if (t->owner != NULL) {
        leave_owner(t, t->owner);
    }
    trace_name(TRACE_EXIT, 0, t->name);
    hal_irq_disable();
    sched_exit_current(&t->ended);
}

/* The exit value was stored before `ended` was signalled under its queue's lock, so it is
 * visible here. */
enum status thread_join(struct thread *t, int *value)
{
    enum status s = wait_done(&t->ended, WAIT_FOREVER, true);
    if (UNLIKELY(s != OK)) {
        return s;
    }
    if (value != NULL) {
        *value = t->exit_value;
    }
    thread_put(t);
    return OK;
}

void thread_join_uncancellable(struct thread *t)
{
    (void)!wait_done(&t->ended, WAIT_FOREVER, false);
    thread_put(t);
}

void thread_detach(struct thread *t)
{
    thread_put(t);
}

enum status thread_sleep(uint64_t ns)
{
    uint64_t deadline;
    if (ADD_OVERFLOWS(clock_now_ns(), ns, &deadline)) {
        deadline = WAIT_FOREVER;
    }
    return thread_sleep_until(deadline);
}

/* --- `ps` --- */

/* Acquire: makes visible what thread_create() wrote before. */
static bool is_live(const struct thread *t)
{
    return atomic_load_explicit(&t->refs, memory_order_acquire) != 0;
}

static struct thread *find_live_locked(uint32_t i) REQUIRES(threads.lock)
{
    LIST_FOR_EACH (&threads.all, n) {
        struct thread *t = CONTAINER_OF(n, struct thread, all_link);
        if (is_live(t) && i-- == 0) {
            return t;
        }
    }
    return NULL;
}

/* Counter ticks that a thread has run. Its run queue is locked. */
static uint64_t run_ticks(const struct run_queue *rq, const struct thread *t)
{
    return t->run_ticks + (t->state == THREAD_RUNNING ? hal_counter_read() - rq->switched_at : 0);
}

uint64_t thread_run_ns(void)
{
    irq_state_t state;
    struct thread *t = thread_current();
    struct run_queue *rq = sched_lock_thread(t, &state);
    uint64_t ticks = run_ticks(rq, t);
    sched_unlock_thread(rq, state);
    return clock_counter_to_ns(ticks);
}

/* The thread may have ended since the caller found it, and its unit may be halfway to becoming
 * another thread; then its fields are inconsistent and its owner may be freed. With the run queue
 * locked, a thread that is not DEAD has been started, keeps its owner until
 * sched_forget_owner() clears it under this lock, and stays the same thread. */
static uint64_t pages_of(const struct thread_owner *owner)
{
    return owner == NULL || owner->pages == NULL
               ? 0
               : atomic_load_explicit(owner->pages, memory_order_relaxed);
}

static void describe(struct thread *t, struct thread_info *out)
{
    irq_state_t state;
    struct run_queue *rq = sched_lock_thread(t, &state);
    uint64_t ticks = run_ticks(rq, t);
    const struct thread_owner *owner = t->state == THREAD_DEAD ? NULL : t->owner;
    *out = (struct thread_info){.id = t->id,
                                .cpu = rq->cpu,
                                .state = t->state,
                                .priority = t->priority,
                                .run_ns = clock_counter_to_ns(ticks),
                                .switches = t->switches - t->switches_before,
                                .age_ns = clock_counter_to_ns(hal_counter_read() - t->created_at),
                                .pages = pages_of(owner),
                                .owner = owner == NULL ? 0 : owner->id,
                                .terminal = t->terminal};
    (void)str_copy(out->name, sizeof out->name, t->name);
    (void)str_copy(out->program, sizeof out->program, owner == NULL ? "" : owner->name);
    (void)str_copy(out->waiting_on, sizeof out->waiting_on,
                   t->state == THREAD_BLOCKED ? t->waiting_on : "");
    sched_unlock_thread(rq, state);
}

bool thread_get_info(uint32_t i, struct thread_info *out)
{
    spin_lock(&threads.lock);
    struct thread *t = find_live_locked(i);
    if (t != NULL) {
        describe(t, out);
    }
    spin_unlock(&threads.lock);
    return t != NULL;
}

static struct thread *find_next_locked(uint32_t id) REQUIRES(threads.lock)
{
    struct thread *found = NULL;
    LIST_FOR_EACH (&threads.all, n) {
        struct thread *t = CONTAINER_OF(n, struct thread, all_link);
        if (is_live(t) && t->id > id && (found == NULL || t->id < found->id)) {
            found = t;
        }
    }
    return found;
}

/* As in inherit.c, what a thread has saved is stable while its run queue is locked. */
bool thread_inspect(uint32_t *id, cpu_t *running_on,
                    void (*look)(void *ctx, const struct hal_context *t), void *ctx)
{
    spin_lock(&threads.lock);
    struct thread *t = find_next_locked(*id);
    if (t != NULL) {
        irq_state_t state;
        struct run_queue *rq = sched_lock_thread(t, &state);
        *id = t->id;
        *running_on = t->state == THREAD_RUNNING ? rq->cpu : CPU_MAX;
        if (t->state != THREAD_RUNNING && t->state != THREAD_DEAD) {
            look(ctx, &t->context);
        }
        sched_unlock_thread(rq, state);
    }
    spin_unlock(&threads.lock);
    return t != NULL;
}

uint32_t thread_count(void)
{
    uint32_t count = 0;
    spin_lock(&threads.lock);
    LIST_FOR_EACH (&threads.all, n) {
        count += is_live(CONTAINER_OF(n, struct thread, all_link)) ? 1 : 0;
    }
    spin_unlock(&threads.lock);
    return count;
}

/* Not exact: a thread that is being switched to may be missed, since its run
 * queue is not locked. */
uint64_t thread_switches(void)
{
    uint64_t sum = atomic_load_explicit(&switches_of_the_gone, memory_order_relaxed);
    spin_lock(&threads.lock);
    LIST_FOR_EACH (&threads.all, n) {
        sum += CONTAINER_OF(n, struct thread, all_link)->switches;
    }
    spin_unlock(&threads.lock);
    return sum;
}

void sched_cover_cpus(void)
{
    spin_lock(&threads.lock);
    LIST_FOR_EACH (&threads.all, n) {
        struct thread *t = CONTAINER_OF(n, struct thread, all_link);
        if (is_live(t)) {
            balance_cpus_changed(t);
        }
    }
    spin_unlock(&threads.lock);
}
