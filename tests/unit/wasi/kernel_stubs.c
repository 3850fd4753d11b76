// SPDX-License-Identifier: MIT
//
// See the header.
#include "wasi/kernel_stubs.h"

#include "hal/cpu.h"
#include "kernel/base/clock.h"
#include "kernel/io/random.h"
#include "kernel/lib/compiler.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait_set.h"

#include <string.h>

struct program_resource *wasi_stub_resource;
struct thread wasi_stub_thread;
uint64_t wasi_stub_now_ns = WASI_STUB_START_NS;

/* Runs before main(): sets the thread that thread_current() returns. */
__attribute__((constructor)) static void set_thread(void)
{
    hal_this_cpu()->current = &wasi_stub_thread;
}

void random_fill(void *buf, size_t len)
{
    memset(buf, 0x5a, len);
}

uint64_t thread_run_ns(void)
{
    return 77;
}

enum status thread_sleep_until(uint64_t deadline_ns)
{
    wasi_stub_now_ns = MAX(wasi_stub_now_ns, deadline_ns);
    return OK;
}

void thread_yield(void)
{
}

uint64_t clock_now_ns(void)
{
    return wasi_stub_now_ns;
}

uint64_t clock_counter_to_ns(uint64_t ticks)
{
    return ticks * 4;
}

struct program *program_current(void)
{
    return NULL;
}

uint64_t program_cpu_now_ns(struct program *p)
{
    (void)p;
    return thread_run_ns();
}

bool program_charge(struct program *p, uint64_t pages)
{
    (void)p, (void)pages;
    return true;
}

void program_uncharge(struct program *p, uint64_t pages)
{
    (void)p, (void)pages;
}

enum status program_add_resource(struct program *p, struct program_resource *r)
{
    (void)p;
    wasi_stub_resource = r;
    return OK;
}

/* Streams that are waited for do not change here. */
void wait_set_init(struct wait_set *set)
{
    (void)set;
}

void wait_set_add(struct wait_set *set, struct wait_watch *w, struct wait_queue *q)
{
    *w = (struct wait_watch){.watched = q, .set = set};
}

void wait_set_remove(struct wait_watch *w)
{
    (void)w;
}

enum status wait_set_wait(struct wait_set *set, uint64_t deadline_ns)
{
    (void)set;
    wasi_stub_now_ns = MAX(wasi_stub_now_ns, deadline_ns);
    return E_TIMEDOUT;
}
