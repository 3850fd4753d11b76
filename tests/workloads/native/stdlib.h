// SPDX-License-Identifier: MIT
//
// The part of a C library that the workloads need, for native programs.
#pragma once

#include "halyard.h"

#define calloc  hy_calloc
#define malloc  hy_malloc
#define free    hy_free
#define exit    hy_exit
#define abort() hy_exit(134)

static inline int atoi(const char *s)
{
    int n = 0;
    while (*s >= '0' && *s <= '9') {
        n = 10 * n + *s++ - '0';
    }
    return n;
}

void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *));
