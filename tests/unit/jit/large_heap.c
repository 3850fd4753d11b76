// SPDX-License-Identifier: MIT
//
// Replaces the kernel's heap by the C library's: on the fake machine it is too small for the
// largest functions that tests compile. The linker substitutes it (CMakeLists.txt).
#include <stddef.h>
#include <stdlib.h>

void *__wrap_heap_alloc(size_t size);
void __wrap_heap_free(void *p);

void *__wrap_heap_alloc(size_t size)
{
    return malloc(size);
}

void __wrap_heap_free(void *p)
{
    free(p);
}
