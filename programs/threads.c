// SPDX-License-Identifier: MIT
//
// Threads that use floating point at the same time: each has registers of its own.
#include "halyard.h"

#define THREADS 8
#define STEPS   200000

/* The sum of 1 to STEPS, times n: exact in a double. */
static int sum(void *arg)
{
    double n = (double)(uintptr_t)arg;
    double total = 0;
    for (int i = 1; i <= STEPS; i++) {
        total += n * i;
        if (i % (STEPS / 10) == 0) {
            hy_yield();
        }
    }
    return total == n * ((double)STEPS * (STEPS + 1) / 2) ? (int)n : -1;
}

int main(int argc, char **argv)
{
    if (hy_shows_help(argc, argv, "threads")) {
        return 0;
    }
    int thread[THREADS];
    int wrong = 0;
    for (int i = 0; i < THREADS; i++) {
        thread[i] = hy_thread_create(sum, (void *)(uintptr_t)(i + 1));
        if (thread[i] < 0) {
            hy_dprintf(2, "threads: create: %s\n", hy_status_text(thread[i]));
            return 1;
        }
    }
    for (int i = 0; i < THREADS; i++) {
        int value = 0;
        int s = hy_thread_join(thread[i], &value);
        wrong += s != HY_OK || value != i + 1;
    }
    hy_printf("threads: %d of %d right\n", THREADS - wrong, THREADS);
    return wrong != 0;
}
