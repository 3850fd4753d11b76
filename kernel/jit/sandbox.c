// SPDX-License-Identifier: MIT
//
// The memory of portable programs in the kernel: a range of the program region whose pages are
// mapped from its start as the program asks for them. What is mapped counts as the program's.
#include "kernel/jit/sandbox.h"

#include "kernel/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/program.h"

#define INDEX_REACH (UINT64_C(1) << 32) /* a 32-bit index reaches all of it */
#define UNIT        UINT64_C(0x10000)

enum status sandbox_reserve(struct sandbox *s, uint64_t max, uint64_t guard)
{
    ASSERT(max % UNIT == 0 && max <= INDEX_REACH && guard <= INDEX_REACH);
    struct vm_range *range = heap_zalloc(sizeof(*range));
    if (range == NULL) {
        return E_NOMEM;
    }
    uint64_t bytes = INDEX_REACH + ALIGN_UP(guard, (uint64_t)PAGE_SIZE);
    const struct vm_request request = {.pages = (size_t)(bytes / PAGE_SIZE),
                                       .region = HAL_REGION_PROGRAM,
                                       .name = "program memory"};
    enum status status = vm_reserve(range, &request);
    if (status != OK) {
        heap_free(range);
        return status;
    }
    *s = (struct sandbox){
        .base = (uint8_t *)(uintptr_t)range->base, .max = max, .reserved = bytes, .owner = range};
    return OK;
}

static size_t pages_of(uint64_t bytes)
{
    return (size_t)(bytes / PAGE_SIZE);
}

enum status sandbox_grow(struct sandbox *s, uint64_t bytes)
{
    ASSERT(bytes % UNIT == 0 && bytes >= s->bytes);
    if (bytes > s->max) {
        return E_NOMEM;
    }
    size_t first = pages_of(s->bytes), count = pages_of(bytes - s->bytes);
    if (count == 0) {
        return OK;
    }
    struct program *p = program_current();
    if (!program_charge(p, count)) {
        return E_NOMEM;
    }
    enum status status = vm_populate(s->owner, first, count, PROT_R | PROT_W, PAGE_PROGRAM);
    if (status != OK) {
        program_uncharge(p, count);
        return status;
    }
    s->bytes = bytes;
    return OK;
}

void sandbox_release(struct sandbox *s)
{
    if (s->owner == NULL) {
        return;
    }
    if (s->bytes != 0) {
        vm_unmap(s->owner, 0, pages_of(s->bytes), true);
    }
    vm_release(s->owner);
    heap_free(s->owner);
    *s = (struct sandbox){.owner = NULL};
}
