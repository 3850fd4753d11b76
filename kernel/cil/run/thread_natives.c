// SPDX-License-Identifier: MIT
//
// Native methods of System.Threading. A thread that waits in one is away: others may collect, so
// references that it still needs are in handles.
#include "kernel/cil/run/natives.h"
#include "kernel/cil/run/unit_code.h"

/* ---- Threads ---- */

/* @return whether it has started. */
uint64_t cil_thread_spawn(struct cil_runtime *r, uint64_t thread, uint64_t is_background,
                          uint64_t c, uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    struct cil_system *s = r->owner;
    struct cil_thread *t = s->start == NULL
                               ? NULL
                               : cil_thread_make(r, (uint32_t)thread, (uint32_t)is_background != 0);
    if (t == NULL) {
        return 0;
    }
    if (!s->start(s, t)) {
        cil_thread_free(t);
        return 0;
    }
    return 1;
}

/* @return null: the first thread, which has none yet. */
uint64_t cil_thread_self(struct cil_runtime *r, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e)
{
    (void)a, (void)b, (void)c, (void)d, (void)e;
    return r->self;
}

uint64_t cil_thread_set_self(struct cil_runtime *r, uint64_t thread, uint64_t b, uint64_t c,
                             uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    r->self = (uint32_t)thread;
    return 0;
}

static void park(struct cil_runtime *r, const uint32_t *word, uint32_t expected, int64_t ns)
{
    cil_away(r);
    if (park_wait(word, sizeof *word, expected, ns) == PARK_CANCELLED) {
        cil_end(r, CIL_GOES_ON);
    }
    cil_back(r);
}

/* Nanoseconds; negative: for ever. */
uint64_t cil_thread_sleep(struct cil_runtime *r, uint64_t ns, uint64_t b, uint64_t c, uint64_t d,
                          uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    const uint32_t word = 0;
    park(r, &word, 0, (int64_t)ns);
    return 0;
}
