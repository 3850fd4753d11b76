// SPDX-License-Identifier: MIT
//
// The C library's heap in place of the kernel's, which on the fake machine has not room for the
// largest functions that are compiled in tests. The linker puts it there (CMakeLists.txt).
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
