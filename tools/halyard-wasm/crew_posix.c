// SPDX-License-Identifier: MIT
//
// kernel/jit/crew.h on this computer. Memory is not limited, so no thread has a budget.
#include "kernel/jit/crew.h"

#include "tools/halyard-wasm/engines.h"

#include <pthread.h>
#include <stddef.h>

#define THREADS 4u

struct job {
    void (*fn)(void *arg, struct budget *budget);
    void *arg;
};

static void *help(void *arg)
{
    const struct job *job = arg;
    job->fn(job->arg, NULL);
    return NULL;
}

static bool run(struct jit_crew *crew, void (*fn)(void *arg, struct budget *budget), void *arg,
                struct budget *own)
{
    struct job job = {.fn = fn, .arg = arg};
    pthread_t threads[THREADS];
    uint32_t count = 0;
    while (count < crew->count - 1 && pthread_create(&threads[count], NULL, help, &job) == 0) {
        count++;
    }
    fn(arg, own);
    while (count > 0) {
        pthread_join(threads[--count], NULL);
    }
    return true;
}

struct jit_crew host_crew = {.count = THREADS, .run = run};
