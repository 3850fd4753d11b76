// SPDX-License-Identifier: MIT
//
// Consoles: one ring of output that every device follows at its own pace, one ring of input that
// any device fills. Device registers are drivers/serial's; echo, editing and history are the
// shell's.
#include "kernel/io/console.h"

#include "hal/console.h"
#include "kernel/clock.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/sched/program.h"
#include "kernel/sched/wait.h"

/* Powers of two: positions count up for ever and wrap with size_t. */
#define OUT_SIZE ((size_t)16384)
#define IN_SIZE  ((size_t)4096)

/* Bytes of room at which writers that wait go on. */
#define OUT_LOW (OUT_SIZE / 4)

/* Bytes copied at a time with interrupts masked; a log line stays whole. */
#define OUT_CHUNK ((size_t)256)

#define CTRL_C 3

/*
 * The locks of the rings are leaves (8 in kernel/spinlock.h), because a log line is written under
 * anything; whoever must sleep does so on a wait queue beside them, checking the ring under the
 * queue's lock.
 *
 * Field protection:  [o] out.lock   [i] in.lock   [b] changed under both, read under either
 */
static struct {
    struct spinlock lock;
    size_t head;       /* [o] position after the last byte written */
    bool has_sleepers; /* [o] the transmit interrupt stays on until those on out_room are woken */
    uint8_t ring[OUT_SIZE];
} out;

static struct {
    struct spinlock lock;
    size_t head, tail; /* [i] written up to head, read up to tail */
    size_t reserved;   /* [i] bytes that left a device and are on their way into the ring */
    uint8_t ring[IN_SIZE];
} in;

static struct list consoles = LIST_INIT(consoles); /* [b] */
static _Atomic bool has_console; /* release after the first console_add(), acquire in writers */
static struct wait_queue out_room = {.waiters = LIST_INIT(out_room.waiters),
                                     .name = "console output"};
static struct wait_queue in_data = {.waiters = LIST_INIT(in_data.waiters), .name = "console input"};

/* A panic may have interrupted the holder of the lock, who will never let go. */
static irq_state_t lock_output(void) ACQUIRES(out.lock) NO_LOCK_ANALYSIS
{
    return hal_this_cpu()->in_panic ? hal_irq_save() : spin_lock_irq(&out.lock);
}

static void unlock_output(irq_state_t state) RELEASES(out.lock) NO_LOCK_ANALYSIS
{
    if (hal_this_cpu()->in_panic) {
        hal_irq_restore(state);
    } else {
        spin_unlock_irq(&out.lock, state);
    }
}

static struct console *console_of(struct list_node *n)
{
    return CONTAINER_OF(n, struct console, link);
}

/* Room that the slowest device leaves. */
static size_t output_room_locked(void) REQUIRES(out.lock)
{
    size_t used = 0;
    LIST_FOR_EACH (&consoles, n) {
        used = MAX(used, out.head - console_of(n)->sent);
    }
    return OUT_SIZE - used;
}

/* Give the device what it takes now, and let it interrupt for the rest. */
static void pump_locked(struct console *c) REQUIRES(out.lock)
{
    while (c->sent != out.head) {
        size_t at = c->sent % OUT_SIZE;
        size_t n = c->ops->put(c, &out.ring[at], MIN(out.head - c->sent, OUT_SIZE - at));
        if (n == 0) {
            break;
        }
        c->sent += n;
    }
    c->ops->want_tx(c, c->sent != out.head || out.has_sleepers);
}

static void pump_all_locked(void) REQUIRES(out.lock)
{
    LIST_FOR_EACH (&consoles, n) {
        pump_locked(console_of(n));
    }
}

static void push_byte_locked(uint8_t byte) REQUIRES(out.lock)
{
    out.ring[out.head % OUT_SIZE] = byte;
    out.head++;
}

/* Returns how many bytes of s went into the ring. */
static size_t push_locked(const char *s, size_t len) REQUIRES(out.lock)
{
    size_t room = MIN(output_room_locked(), OUT_CHUNK);
    size_t taken = 0;
    while (taken < len && room >= (s[taken] == '\n' ? 2 : 1)) {
        if (s[taken] == '\n') {
            push_byte_locked('\r');
            room--;
        }
        push_byte_locked((uint8_t)s[taken]);
        room--;
        taken++;
    }
    return taken;
}

static bool may_sleep(void)
{
    const struct hal_cpu *cpu = hal_this_cpu();
    return cpu->current != NULL && !cpu->in_panic && cpu->preempt_off == 0 && cpu->irq_depth == 0 &&
           hal_irqs_enabled();
}

/* True if a writer may go on; else the next console_tx_ready() with enough room wakes it. */
static bool claim_room(void)
{
    irq_state_t s = lock_output();
    bool enough = output_room_locked() >= OUT_LOW;
    if (!enough) {
        out.has_sleepers = true;
    }
    unlock_output(s);
    return enough;
}

static void wait_for_room(void)
{
    if (!may_sleep()) {
        hal_cpu_relax(); /* the caller's next attempt pumps, too: that is the polling */
        return;
    }
    irq_state_t s = spin_lock_irq(&out_room.lock);
    while (!claim_room()) {
        /* Not cancellable: it ends at the speed of the device, and half a line would be worse. */
        enum status st = wait_uncancellable_locked(&out_room, &s, WAIT_FOREVER);
        ASSERT(st == OK);
    }
    spin_unlock_irq(&out_room.lock, s);
}

void console_write(const char *s, size_t len)
{
    if (!atomic_load_explicit(&has_console, memory_order_acquire)) {
        hal_early_write(s, len);
        return;
    }
    while (len > 0) {
        irq_state_t state = lock_output();
        size_t n = push_locked(s, len);
        pump_all_locked();
        unlock_output(state);
        s += n;
        len -= n;
        if (n == 0) {
            wait_for_room();
        }
    }
}

/* Gathers what the formatter gives piece by piece, so that one console_printf() is mostly one
 * write. */
struct print_buffer {
    size_t len;
    char text[OUT_CHUNK];
};

static void print_flush(struct print_buffer *b)
{
    console_write(b->text, b->len);
    b->len = 0;
}

static void print_sink(void *ctx, const char *s, size_t len)
{
    struct print_buffer *b = ctx;
    while (len > 0) {
        size_t n = MIN(len, sizeof(b->text) - b->len);
        memcpy(b->text + b->len, s, n);
        b->len += n;
        s += n;
        len -= n;
        if (b->len == sizeof(b->text)) {
            print_flush(b);
        }
    }
}

void console_printf(const char *fmt, ...)
{
    struct print_buffer b = {.len = 0};
    va_list args;
    va_start(args, fmt);
    fmt_vsink(print_sink, &b, fmt, args);
    va_end(args);
    print_flush(&b);
}

#define PANIC_DRAIN_NS (2 * NS_PER_S)

void console_drain(void)
{
    /* A device that never gets done must not keep a panic from being reported. */
    uint64_t give_up_ns = hal_this_cpu()->in_panic ? clock_now_ns() + PANIC_DRAIN_NS : UINT64_MAX;
    bool is_busy = true;
    while (is_busy && clock_now_ns() < give_up_ns) {
        is_busy = false;
        irq_state_t s = lock_output();
        pump_all_locked();
        LIST_FOR_EACH (&consoles, n) {
            struct console *c = console_of(n);
            is_busy |= c->sent != out.head || !c->ops->is_idle(c);
        }
        unlock_output(s);
        hal_cpu_relax();
    }
}

void console_tx_ready(struct console *c)
{
    irq_state_t s = lock_output();
    pump_locked(c);
    bool wake = out.has_sleepers && output_room_locked() >= OUT_LOW;
    if (wake) {
        out.has_sleepers = false;
        pump_locked(c); /* the transmit interrupt may go off now */
    }
    unlock_output(s);
    if (wake) {
        wait_wake_all(&out_room);
    }
}

/* Take bytes from the device that have a place in the ring; with no place left, let them wait
 * there. */
static size_t take_input(struct console *c, uint8_t *buf, size_t len)
{
    irq_state_t s = spin_lock_irq(&in.lock);
    size_t room = IN_SIZE - (in.head - in.tail) - in.reserved;
    size_t n = 0;
    if (room > 0) {
        n = c->ops->get(c, buf, MIN(room, len));
        in.reserved += n;
    } else {
        c->is_stopped = true;
        c->ops->want_rx(c, false);
    }
    spin_unlock_irq(&in.lock, s);
    return n;
}

static void store_input(const uint8_t *buf, size_t len, size_t reserved)
{
    irq_state_t s = spin_lock_irq(&in.lock);
    in.reserved -= reserved;
    for (size_t i = 0; i < len; i++) {
        in.ring[in.head % IN_SIZE] = buf[i];
        in.head++;
    }
    spin_unlock_irq(&in.lock, s);
    wait_wake_all(&in_data);
}

/* Store bytes for which there is a reservation. */
static void filter_input(uint8_t *buf, size_t len)
{
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        /* Outside the ring's lock, because ending a program wakes threads. */
        if (buf[i] != CTRL_C || !program_interrupt_foreground()) {
            buf[kept++] = buf[i];
        }
    }
    store_input(buf, kept, len);
}

static size_t reserve_input(size_t len)
{
    irq_state_t s = spin_lock_irq(&in.lock);
    size_t n = MIN(len, IN_SIZE - (in.head - in.tail) - in.reserved);
    in.reserved += n;
    spin_unlock_irq(&in.lock, s);
    return n;
}

void console_rx_ready(struct console *c)
{
    uint8_t buf[64];
    size_t n;
    while ((n = take_input(c, buf, sizeof(buf))) > 0) {
        filter_input(buf, n);
    }
}

void console_type(const uint8_t *s, size_t len)
{
    uint8_t buf[64];
    while (len > 0 && atomic_load_explicit(&has_console, memory_order_acquire)) {
        size_t n = reserve_input(MIN(len, sizeof(buf)));
        if (n == 0) {
            return;
        }
        memcpy(buf, s, n);
        filter_input(buf, n);
        s += n;
        len -= n;
    }
}

/* Copy from the ring; once half of it is free, devices that were stopped may send again. */
static size_t read_input(uint8_t *buf, size_t len)
{
    irq_state_t s = spin_lock_irq(&in.lock);
    size_t n = MIN(len, in.head - in.tail);
    for (size_t i = 0; i < n; i++) {
        buf[i] = in.ring[in.tail % IN_SIZE];
        in.tail++;
    }
    if (in.head - in.tail + in.reserved <= IN_SIZE / 2) {
        LIST_FOR_EACH (&consoles, node) {
            struct console *c = console_of(node);
            if (c->is_stopped) {
                c->is_stopped = false;
                c->ops->want_rx(c, true);
            }
        }
    }
    spin_unlock_irq(&in.lock, s);
    return n;
}

int console_read(uint8_t *buf, size_t len, uint64_t deadline_ns)
{
    ASSERT(len > 0);
    size_t n;
    enum status st = OK;
    irq_state_t s = spin_lock_irq(&in_data.lock);
    while ((n = read_input(buf, MIN(len, IN_SIZE))) == 0) {
        st = wait_on_locked(&in_data, &s, deadline_ns);
        if (st != OK) {
            break;
        }
    }
    spin_unlock_irq(&in_data.lock, s);
    return n > 0 ? (int)n : (int)st;
}

void console_add(struct console *c)
{
    irq_state_t si = spin_lock_irq(&in.lock);
    irq_state_t so = lock_output();
    bool is_first = list_is_empty(&consoles);
    c->sent = out.head;
    c->is_stopped = false;
    list_push_back(&consoles, &c->link);
    unlock_output(so);
    c->ops->want_rx(c, true);
    spin_unlock_irq(&in.lock, si);

    if (is_first) {
        atomic_store_explicit(&has_console, true, memory_order_release);
        log_set_console(console_write);
    }
}
