// SPDX-License-Identifier: MIT
//
// Part of the kernel's own tests, built with landing pads: every kind of call through a pointer
// works. With the argument "stray" one call skips a function's landing pad. The CPU stops it if it
// checks them; otherwise the rest of the function does no harm.
#include "halyard.h"

#define PAD_SIZE 4 /* bytes, on every machine */

static int twice(int x)
{
    return 2 * x;
}

/* volatile, so that the compiler does not know their targets. */
static int (*volatile own)(int) = twice;
static const char *(*volatile kernels)(int) = hy_status_text;
static void *(*volatile runtimes)(void *, const void *, size_t) = memcpy;

static int thread(void *arg)
{
    return own(*(int *)arg);
}

int main(int argc, char **argv)
{
    char from[64] = "bytes", to[64] = "";
    int value = 4, sum = 0;
    if (argc > 1 && hy_strcmp(argv[1], "stray") == 0) {
        own = (int (*)(int))((size_t)own + PAD_SIZE);
        return own(0);
    }
    runtimes(to, from, sizeof(to));
    if (own(3) != 6 || kernels(HY_OK)[0] == '\0' || hy_strcmp(to, from) != 0) {
        return 1;
    }
    int id = hy_thread_create(thread, &value);
    return hy_thread_join(id, &sum) == HY_OK && sum == 8 ? 0 : 2;
}
