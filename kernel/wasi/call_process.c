// SPDX-License-Identifier: MIT
//
// Calls about the program itself: arguments, environment, clocks, random numbers, yielding, exit.
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/wasi/wasi_internal.h"

#define RANDOM_CHUNK 4096u

/* Store the strings and an array of pointers to them, as main's argv and environ need them. */
static uint32_t write_strings(struct wasi *w, const struct wasi_strings *s, const uint64_t *args)
{
    uint8_t *pointers = wasi_at(w, args[0], (uint64_t)s->count * 4);
    uint8_t *bytes = wasi_at(w, args[1], s->size);
    if (pointers == NULL || bytes == NULL) {
        return WASI_EFAULT;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        store_le32(pointers + (size_t)i * 4, (uint32_t)args[1] + at);
        at += (uint32_t)strlen(s->bytes + at) + 1;
    }
    memcpy(bytes, s->bytes, s->size);
    return WASI_SUCCESS;
}

/* The program calls this first and allocates that much; strings and their number cannot change
 * between its two calls. */
static uint32_t write_sizes(struct wasi *w, const struct wasi_strings *s, const uint64_t *args)
{
    uint8_t *count = wasi_at(w, args[0], 4);
    uint8_t *size = wasi_at(w, args[1], 4);
    if (count == NULL || size == NULL) {
        return WASI_EFAULT;
    }
    store_le32(count, s->count);
    store_le32(size, s->size);
    return WASI_SUCCESS;
}

uint32_t wasi_args_get(struct wasi *w, const uint64_t *args)
{
    return write_strings(w, &w->args, args);
}

uint32_t wasi_args_sizes_get(struct wasi *w, const uint64_t *args)
{
    return write_sizes(w, &w->args, args);
}

uint32_t wasi_environ_get(struct wasi *w, const uint64_t *args)
{
    return write_strings(w, &w->env, args);
}

uint32_t wasi_environ_sizes_get(struct wasi *w, const uint64_t *args)
{
    return write_sizes(w, &w->env, args);
}

/* Numbers of clocks are 32 bits wide; the upper half of an argument cell is not defined. */
static uint32_t write_clock(struct wasi *w, uint64_t id, uint64_t at,
                            uint16_t (*read)(enum wasi_clock_id, uint64_t *))
{
    uint8_t *to = wasi_at(w, at, 8);
    uint64_t ns;
    if ((uint32_t)id >= WASI_CLOCK_COUNT) {
        return WASI_EINVAL;
    }
    if (to == NULL) {
        return WASI_EFAULT;
    }
    uint16_t e = read((enum wasi_clock_id)(uint32_t)id, &ns);
    if (e == WASI_SUCCESS) {
        store_le64(to, ns);
    }
    return e;
}

uint32_t wasi_clock_res_get(struct wasi *w, const uint64_t *args)
{
    return write_clock(w, args[0], args[1], w->system->machine->clock_resolution);
}

uint32_t wasi_clock_time_get(struct wasi *w, const uint64_t *args)
{
    return write_clock(w, args[0], args[2], w->system->machine->clock_time);
}

/* In pieces, because filling stops with an error between two of them when the program is ending. */
uint32_t wasi_random_get(struct wasi *w, const uint64_t *args)
{
    uint32_t len = (uint32_t)args[1];
    uint8_t *to = wasi_at(w, args[0], len);
    if (to == NULL) {
        return WASI_EFAULT;
    }
    for (uint32_t n; len > 0; to += n, len -= n) {
        n = MIN(len, RANDOM_CHUNK);
        uint16_t e = w->system->machine->random(to, n);
        if (e != WASI_SUCCESS) {
            return e;
        }
    }
    return WASI_SUCCESS;
}

uint32_t wasi_sched_yield(struct wasi *w, const uint64_t *args)
{
    (void)args;
    w->system->machine->yield();
    return WASI_SUCCESS;
}

/* Only records the request: the runner tests wasi_has_ended() after the call and ends the program.
 * If several threads exit at the same time, the first status counts. Relaxed: the word is all that
 * other threads read. */
static void end(struct wasi *w, uint32_t status)
{
    uint64_t none = 0;
    (void)atomic_compare_exchange_strong_explicit(&w->ended, &none, WASI_ENDED | status,
                                                  memory_order_relaxed, memory_order_relaxed);
}

uint32_t wasi_proc_exit(struct wasi *w, const uint64_t *args)
{
    end(w, (uint32_t)args[0]);
    return WASI_SUCCESS;
}

/* Preview 1 has no signal handlers, so a signal has its default effect. */
uint32_t wasi_proc_raise(struct wasi *w, const uint64_t *args)
{
    uint32_t signal = (uint32_t)args[0];
    if (signal >= WASI_SIGNAL_COUNT) {
        return WASI_EINVAL;
    }
    switch (signal) {
    case WASI_SIGNAL_NONE:
    case WASI_SIGNAL_CHLD:
    case WASI_SIGNAL_CONT:
    case WASI_SIGNAL_URG:
    case WASI_SIGNAL_WINCH:
        return WASI_SUCCESS; /* ignored */
    case WASI_SIGNAL_STOP:
    case WASI_SIGNAL_TSTP:
    case WASI_SIGNAL_TTIN:
    case WASI_SIGNAL_TTOU:
        return WASI_ENOTSUP; /* nothing could make it continue */
    default:
        end(w, 128 + signal);
        return WASI_SUCCESS;
    }
}
