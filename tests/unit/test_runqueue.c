// SPDX-License-Identifier: MIT
//
// The run queue against a model: highest priority first, equal priorities in order of arrival.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/lib/compiler.h"
#include "kernel/sched/runqueue.h"

#define THREADS 40

/* There is one thread, so no lock is taken: hence NO_LOCK_ANALYSIS below. */
static struct run_queue rq;
static struct thread threads[THREADS];
static struct thread *model[THREADS]; /* ready threads in the order they would run */
static unsigned model_count;

static int reset(void **state)
{
    (void)state;
    rq_init(&rq, 0);
    memset(threads, 0, sizeof(threads));
    model_count = 0;
    return 0;
}

/* Pop the thread of highest priority, and check what the queue reports
 * about others of that priority. */
static struct thread *pop(void) NO_LOCK_ANALYSIS
{
    bool has_equal;
    struct thread *t = rq_pop_locked(&rq, &has_equal);
    if (t != NULL) {
        assert_int_equal(has_equal, rq_best_locked(&rq) == t->priority);
    }
    return t;
}

static void model_insert(struct thread *t, bool front)
{
    unsigned at = 0;
    while (at < model_count &&
           (model[at]->priority > t->priority || (!front && model[at]->priority == t->priority))) {
        at++;
    }
    memmove(&model[at + 1], &model[at], (model_count - at) * sizeof(model[0]));
    model[at] = t;
    model_count++;
}

static void model_remove(const struct thread *t)
{
    unsigned at = 0;
    while (model[at] != t) {
        at++;
    }
    threads[t - threads].state = THREAD_BLOCKED;
    model_count--;
    memmove(&model[at], &model[at + 1], (model_count - at) * sizeof(model[0]));
}

static void test_empty(void **state) NO_LOCK_ANALYSIS
{
    (void)state;
    assert_int_equal(rq_best_locked(&rq), -1);
    assert_null(pop());
}

static void test_every_priority_has_its_bit(void **state) NO_LOCK_ANALYSIS
{
    (void)state;
    for (int p = 0; p < PRIO_COUNT; p++) {
        threads[0].priority = (uint8_t)p;
        rq_push_back_locked(&rq, &threads[0]);
        assert_int_equal(rq.ready_mask, 1ull << p);
        assert_int_equal(rq_best_locked(&rq), p);
        assert_ptr_equal(pop(), &threads[0]);
        assert_int_equal(rq.ready_mask, 0);
    }
}

static void step(void) NO_LOCK_ANALYSIS
{
    struct thread *t = &threads[rand() % THREADS];
    if (t->state == THREAD_READY) {
        if (rand() % 2 == 0) {
            rq_remove_locked(&rq, t);
            model_remove(t);
        } else {
            struct thread *best = pop();
            assert_ptr_equal(best, model[0]);
            model_remove(best);
        }
        return;
    }
    t->priority = (uint8_t)(rand() % 5 * 15);
    bool front = rand() % 3 == 0;
    if (front) {
        rq_push_front_locked(&rq, t);
    } else {
        rq_push_back_locked(&rq, t);
    }
    t->state = THREAD_READY;
    model_insert(t, front);
}

static void test_random_against_model(void **state) NO_LOCK_ANALYSIS
{
    (void)state;
    srand(1);
    for (int i = 0; i < 20000; i++) {
        step();
        assert_int_equal(rq_best_locked(&rq), model_count == 0 ? -1 : model[0]->priority);
    }
    while (model_count > 0) {
        struct thread *best = pop();
        assert_ptr_equal(best, model[0]);
        model_remove(best);
    }
    assert_null(pop());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_empty, reset),
        cmocka_unit_test_setup(test_every_priority_has_its_bit, reset),
        cmocka_unit_test_setup(test_random_against_model, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
