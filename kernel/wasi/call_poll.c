// SPDX-License-Identifier: MIT
//
// poll_oneoff: wait for the first of several times and descriptors, and report all events that have
// occurred by then.
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/wasi/wasi_internal.h"

#define SUBSCRIPTIONS_MAX 1024u

/* One subscription, copied from the program's memory once: the events may overwrite it there. */
struct subscription {
    uint64_t userdata;
    uint8_t type;
    uint16_t error;       /* the reason why it cannot be waited for */
    uint64_t deadline_ns; /* clocks: on the monotonic clock */
    uint32_t wait;        /* descriptors: index into `waits` */
};

struct poll {
    struct wasi *w;
    struct subscription *subscriptions;
    struct wasi_wait *waits;
    uint32_t count, wait_count;
    uint64_t deadline_ns; /* the earliest of all clocks */
    bool has_error;
};

/* Convert a clock's timeout to a deadline on the monotonic clock. An absolute real time is
 * converted by its distance from now, so a later change of the wall clock does not move
 * the deadline. */
static uint16_t deadline_of(const struct poll *p, const uint8_t *from, uint64_t *out)
{
    uint32_t id = load_le32(from + WASI_SUBSCRIPTION_CLOCK);
    uint64_t timeout = load_le64(from + WASI_SUBSCRIPTION_TIMEOUT);
    uint32_t flags = load_le16(from + WASI_SUBSCRIPTION_FLAGS);
    const struct wasi_machine_ops *machine = p->w->system->machine;
    uint64_t now;
    uint64_t of_clock;
    if ((id != WASI_CLOCK_REALTIME && id != WASI_CLOCK_MONOTONIC) ||
        (flags & ~(uint32_t)WASI_CLOCK_ABSOLUTE) != 0) {
        return WASI_EINVAL;
    }
    uint16_t e = machine->clock_time(WASI_CLOCK_MONOTONIC, &now);
    if (e == WASI_SUCCESS) {
        e = machine->clock_time((enum wasi_clock_id)id, &of_clock);
    }
    if (e != WASI_SUCCESS) {
        return e;
    }
    if ((flags & WASI_CLOCK_ABSOLUTE) != 0) {
        timeout = timeout > of_clock ? timeout - of_clock : 0;
    }
    if (ADD_OVERFLOWS(now, timeout, out)) {
        *out = WASI_FOREVER;
    }
    return WASI_SUCCESS;
}

static void add_descriptor(struct poll *p, const uint8_t *from, struct subscription *s)
{
    struct wasi_fd *fd;
    uint64_t right = WASI_RIGHT_POLL_FD_READWRITE;
    uint32_t number = load_le32(from + WASI_SUBSCRIPTION_FD);
    s->error = wasi_fd_need(p->w, number, right, &fd);
    if (s->error == WASI_SUCCESS) {
        s->wait = p->wait_count;
        p->waits[p->wait_count++] =
            (struct wasi_wait){.handle = fd->handle, .is_write = s->type == WASI_EVENT_FD_WRITE};
    }
}

/* A subscription with an error counts as an event that has occurred, so poll_oneoff does
 * not wait then. */
static void add(struct poll *p, const uint8_t *from, struct subscription *s)
{
    s->userdata = load_le64(from + WASI_SUBSCRIPTION_USERDATA);
    s->type = from[WASI_SUBSCRIPTION_TAG];
    if (s->type == WASI_EVENT_CLOCK) {
        s->error = deadline_of(p, from, &s->deadline_ns);
        if (s->error == WASI_SUCCESS) {
            p->deadline_ns = MIN(p->deadline_ns, s->deadline_ns);
        }
    } else if (s->type == WASI_EVENT_FD_READ || s->type == WASI_EVENT_FD_WRITE) {
        add_descriptor(p, from, s);
    } else {
        s->error = WASI_EINVAL;
    }
    p->has_error |= s->error != WASI_SUCCESS;
}

static bool has_happened(const struct poll *p, const struct subscription *s, uint64_t now_ns)
{
    if (s->error != WASI_SUCCESS) {
        return true;
    }
    return s->type == WASI_EVENT_CLOCK ? s->deadline_ns <= now_ns : p->waits[s->wait].is_ready;
}

static void store_event(const struct poll *p, const struct subscription *s, uint8_t *to)
{
    memset(to, 0, WASI_EVENT_SIZE);
    store_le64(to + WASI_EVENT_USERDATA, s->userdata);
    store_le16(to + WASI_EVENT_ERROR, s->error);
    to[WASI_EVENT_TYPE] = s->type;
    if (s->error == WASI_SUCCESS && s->type != WASI_EVENT_CLOCK) {
        const struct wasi_wait *wait = &p->waits[s->wait];
        store_le64(to + WASI_EVENT_NBYTES, wait->bytes);
        store_le16(to + WASI_EVENT_FLAGS, wait->is_hung_up ? WASI_EVENT_HANGUP : 0);
    }
}

/* Wait once. A system may wake slightly early, in which case no event has occurred yet and run()
 * waits again. */
static uint16_t wait_for_some(struct poll *p, uint64_t *now_ns)
{
    const struct wasi_machine_ops *machine = p->w->system->machine;
    uint16_t e = machine->poll(p->waits, p->wait_count, p->has_error ? 0 : p->deadline_ns);
    if (e != WASI_SUCCESS && e != WASI_ETIMEDOUT) {
        return e;
    }
    return machine->clock_time(WASI_CLOCK_MONOTONIC, now_ns);
}

/* There are at most `count` events, one for each subscription, and the caller has checked that the
 * program's memory has room for that many. The subscriptions were copied, so `events` may overlap
 * them. */
static uint16_t run(struct poll *p, uint8_t *events, uint32_t *count)
{
    uint32_t n = 0;
    while (n == 0) {
        uint64_t now_ns;
        uint16_t e = wait_for_some(p, &now_ns);
        if (e != WASI_SUCCESS) {
            return e;
        }
        for (uint32_t i = 0; i < p->count; i++) {
            const struct subscription *s = &p->subscriptions[i];
            if (has_happened(p, s, now_ns)) {
                store_event(p, s, events + (size_t)n++ * WASI_EVENT_SIZE);
            }
        }
    }
    *count = n;
    return WASI_SUCCESS;
}

static uint16_t poll_all(struct wasi *w, const uint8_t *from, uint32_t count, uint8_t *events,
                         uint32_t *happened)
{
    struct poll p = {.w = w, .count = count, .deadline_ns = WASI_FOREVER};
    uint16_t e = WASI_ENOMEM;
    /* The memory is bounded by SUBSCRIPTIONS_MAX and freed before the call returns, so it is not
     * charged to the program. */
    bool is_locked = park_lock(&w->lock);
    p.subscriptions = heap_calloc(count, sizeof(*p.subscriptions));
    p.waits = heap_calloc(count, sizeof(*p.waits));
    if (p.subscriptions != NULL && p.waits != NULL && is_locked) {
        for (uint32_t i = 0; i < count; i++) {
            add(&p, from + (size_t)i * WASI_SUBSCRIPTION_SIZE, &p.subscriptions[i]);
        }
        /* Other threads may go on, unless they could close what is waited for. */
        if (p.wait_count == 0) {
            park_unlock(&w->lock);
            is_locked = false;
        }
        e = run(&p, events, happened);
    }
    if (is_locked) {
        park_unlock(&w->lock);
    }
    heap_free(p.subscriptions);
    heap_free(p.waits);
    return e;
}

/* Addresses are checked before the count, with a product that cannot overflow 64 bits; then the
 * count is bounded before anything is allocated. wasi_at() gives pointers into memory that may grow
 * but never moves, so they stay valid while the call waits. */
uint32_t wasi_poll_oneoff(struct wasi *w, const uint64_t *args)
{
    uint32_t count = (uint32_t)args[2];
    uint32_t happened;
    const uint8_t *from = wasi_at(w, args[0], (uint64_t)count * WASI_SUBSCRIPTION_SIZE);
    uint8_t *events = wasi_at(w, args[1], (uint64_t)count * WASI_EVENT_SIZE);
    uint8_t *result = wasi_at(w, args[3], 4);
    if (from == NULL || events == NULL || result == NULL) {
        return WASI_EFAULT;
    }
    if (count == 0 || count > SUBSCRIPTIONS_MAX) {
        return WASI_EINVAL;
    }
    uint16_t e = poll_all(w, from, count, events, &happened);
    if (e == WASI_SUCCESS) {
        store_le32(result, happened);
    }
    return e;
}
