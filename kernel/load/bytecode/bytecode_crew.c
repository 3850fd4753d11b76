// SPDX-License-Identifier: MIT
//
// The threads exist only while they work. They belong to the program, so its limits and a kill are
// theirs, too.
#include "kernel/load/bytecode/bytecode_crew.h"

#include "kernel/lib/compiler.h"
#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/program/program.h"
#include "kernel/sched/thread.h"

#define STACK_BYTES ((size_t)256 << 10)

/* Without a stack it helps with nothing: the others do all. */
static void help(void *arg)
{
    struct bytecode_helper *h = arg;
    if (bytecode_touch_stack(BYTECODE_STACK_FOR_LOADING)) {
        h->of->fn(h->of->arg, &h->budget.budget);
    }
    h->has_returned = true;
    thread_exit(0);
}

static bool start(struct bytecode_helper *h)
{
    const struct thread_options options = {.name = h->of->program->name,
                                           .entry = help,
                                           .arg = h,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ANYWHERE,
                                           .owner = &h->of->program->owner,
                                           .stack_bytes = STACK_BYTES};
    h->has_returned = false;
    return thread_create(&options, &h->thread) == OK;
}

/* Helpers work on tasks that fn hands out itself; `own` is the budget of the calling thread, and
 * each helper has one of its own. If fewer threads can be started than wanted, the work takes
 * longer and the result is the same. The calling thread may own what only it knows of, so it does
 * not end here, although it may be cancelled: helpers are cancelled then, too, and end soon. */
static bool run(struct jit_crew *crew, void (*fn)(void *arg, struct budget *budget), void *arg,
                struct budget *own)
{
    struct bytecode_crew *c = CONTAINER_OF(crew, struct bytecode_crew, crew);
    uint32_t count = 0;
    bool have_returned = true;
    c->fn = fn;
    c->arg = arg;
    while (count < crew->count - 1 && start(&c->helpers[count])) {
        count++;
    }
    fn(arg, own);
    for (uint32_t n = 0; n < count; n++) {
        thread_join_uncancellable(c->helpers[n].thread);
        c->helpers[n].thread = NULL;
        have_returned = have_returned && c->helpers[n].has_returned;
        /* It may have been ended at any instruction; the caller frees what it has made. */
        budget_inherit(&c->helpers[n].budget.budget);
    }
    return have_returned;
}

void bytecode_crew_init(struct bytecode_crew *c, struct program *p)
{
    *c = (struct bytecode_crew){
        .crew = {.count = MIN(sched_cpu_count(), BYTECODE_CREW), .run = run}, .program = p};
    for (unsigned n = 0; n < ARRAY_COUNT(c->helpers); n++) {
        c->helpers[n].of = c;
        program_budget_init(&c->helpers[n].budget, p);
    }
}

void bytecode_crew_free(struct bytecode_crew *c)
{
    for (unsigned n = 0; n < ARRAY_COUNT(c->helpers); n++) {
        struct bytecode_helper *h = &c->helpers[n];
        if (h->thread != NULL) {
            thread_detach(h->thread);
            h->thread = NULL;
        }
        if (h->of != NULL) {
            (void)budget_free_all(&h->budget.budget);
        }
    }
}
