// SPDX-License-Identifier: MIT
//
// Verifying the functions of a piece on several threads. This finds only how many functions, from
// the first one on, are safe. The caller verifies the one after these itself, so a refusal, or a
// lack of memory, is what it would be with one thread.
#include "kernel/jit/code/code_prove.h"

#include "kernel/jit/arena.h"
#include "kernel/jit/backend.h"
#include "kernel/jit/crew.h"
#include "kernel/lib/compiler.h"

#include <stdatomic.h>

#define BYTES_LEAST 16384u /* of code: less is verified before another thread has begun */

/** What the threads share. It belongs to the program's budget, so that it stays when the thread
 * that waits for them is ended. Both words are relaxed: `next` only gives each function to one
 * thread, `failed` only saves work, and it is read when all threads have been joined. */
struct proof {
    const struct verify_machine *machine;
    const struct verify_shape *shape;
    const _Atomic uint32_t *stop;
    struct code_piece piece;
    size_t arena_bytes;
    _Atomic uint32_t next; /* the function that is verified next */
    /* the first function that was not proved; those after it need not be */
    _Atomic uint32_t failed;
};

/* The error is dropped: code_builder_finish() verifies the function at `failed` again on its own
 * thread and takes the reason from there. A false result that has another cause, such as a lack of
 * memory in this thread's budget or the stop flag, therefore refuses nothing by itself. */
static bool prove(struct proof *p, uint32_t n, struct arena *a)
{
    struct verify_error ignored;
    return (p->stop == NULL || atomic_load_explicit(p->stop, memory_order_relaxed) == 0) &&
           verify_function(p->machine, p->shape, &p->piece, n, a, &ignored, NULL) == OK;
}

/* Functions are handed out in their order, so all before `failed` are proved when all threads have
 * returned. A function's number is taken before `failed` is read, so a number is never skipped: it
 * was proved, or it is not below the final value of `failed`. The verifier only reads the piece,
 * which is not executable yet, and no function's proof depends on another's: a direct call may lead
 * to the start of any function of the piece, and code_builder_finish() lets the piece be sealed
 * only if all were proved. */
static void prove_functions(void *arg, struct budget *budget)
{
    struct proof *p = arg;
    struct arena arena;
    arena_init_paid(&arena, p->arena_bytes, budget);
    for (;;) {
        uint32_t n = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
        if (n >= atomic_load_explicit(&p->failed, memory_order_relaxed)) {
            break;
        }
        struct arena_mark mark = arena_mark(&arena);
        if (!prove(p, n, &arena)) {
            jit_crew_note_failure(&p->failed, n);
        }
        arena_release(&arena, mark);
    }
    arena_free_all(&arena);
}

uint32_t code_prove(const struct code_builder *b, const struct code_map *m,
                    const struct code_piece *piece)
{
    struct proof *p = b->crew == NULL || b->crew->count < 2 || b->size < BYTES_LEAST
                          ? NULL
                          : budget_zalloc(b->budget, sizeof *p);
    if (p == NULL) {
        return 0;
    }
    *p = (struct proof){.machine = m->machine->verify,
                        .shape = b->shape,
                        .stop = m->stop,
                        .piece = *piece,
                        .arena_bytes = b->arena->limit,
                        .failed = piece->function_count};
    bool is_done = b->crew->run(b->crew, prove_functions, p, b->budget);
    uint32_t proved = is_done ? atomic_load_explicit(&p->failed, memory_order_relaxed) : 0;
    budget_free(b->budget, p);
    return proved;
}
