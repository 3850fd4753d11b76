// SPDX-License-Identifier: MIT
//
// One of the workloads (KERNEL, a file), with the time that its main() takes: built for WebAssembly
// with its C library, and as a native program with the one in native/.
#define main kernel_main
#include KERNEL
#undef main

#if defined(__wasm__)
#include <time.h>

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
#else
static uint64_t now_ns(void)
{
    return hy_time_ns();
}
#endif

static void swap_bytes(char *a, char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char byte = a[i];
        a[i] = b[i];
        b[i] = byte;
    }
}

/* The same implementation on both sides, whatever the C library has. */
void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *))
{
    char *array = base;
    for (size_t heap = count / 2, end = count; end > 1;) {
        if (heap > 0) {
            heap--;
        } else {
            swap_bytes(array, array + --end * size, size);
        }
        for (size_t at = heap, child; (child = 2 * at + 1) < end; at = child) {
            if (child + 1 < end && compare(array + child * size, array + (child + 1) * size) < 0) {
                child++;
            }
            if (compare(array + at * size, array + child * size) >= 0) {
                break;
            }
            swap_bytes(array + at * size, array + child * size, size);
        }
    }
}

int main(int argc, char **argv)
{
    uint64_t begin = now_ns();
    int status = kernel_main(argc, argv);
    unsigned long long us = (now_ns() - begin) / 1000;
    printf("bench %s_ms %llu.%03llu ms\n", NAME, us / 1000, us % 1000);
    return status;
}
