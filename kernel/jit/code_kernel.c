// SPDX-License-Identifier: MIT
//
// Compiled code in the kernel's code memory.
#include "kernel/jit/code_kernel.h"

#include "kernel/jit/codemem.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/heap.h"

/** One piece. */
struct piece {
    struct code_kernel *of;
    struct codemem memory;
    struct fault_owner owner;
    bool is_owned; /* sealed: faults and names are asked for */
};

static bool handle(struct fault_owner *owner, struct fault *fault)
{
    struct piece *p = CONTAINER_OF(owner, struct piece, owner);
    return p->of->handle(p->of, fault);
}

static bool symbol(struct fault_owner *owner, uintptr_t pc, char *buf, size_t len)
{
    struct piece *p = CONTAINER_OF(owner, struct piece, owner);
    return p->of->symbol(p->of, pc, buf, len);
}

static enum status take(void *ctx, size_t size, struct code_block *out)
{
    struct code_kernel *k = ctx;
    struct piece *p = heap_zalloc(sizeof(*p));
    if (p == NULL) {
        return E_NOMEM;
    }
    size_t count = ALIGN_UP(size, (size_t)PAGE_SIZE) / PAGE_SIZE;
    const size_t pages[LOAD_PART_COUNT] = {[LOAD_CODE] = count};
    enum status s = codemem_alloc(&p->memory, pages, k->name);
    if (s != OK) {
        heap_free(p);
        return s;
    }
    p->of = k;
    k->pages += count;
    *out = (struct code_block){.bytes = codemem_writable(&p->memory, LOAD_CODE),
                               .address = codemem_address(&p->memory, LOAD_CODE),
                               .size = count * PAGE_SIZE,
                               .owner = p};
    return OK;
}

static enum status seal(void *ctx, struct code_block *block)
{
    struct code_kernel *k = ctx;
    struct piece *p = block->owner;
    enum status s = codemem_seal(&p->memory, k->has_landing_pads);
    if (s != OK) {
        return s;
    }
    block->bytes = NULL;
    p->owner = (struct fault_owner){.base = (uintptr_t)block->address,
                                    .size = block->size,
                                    .name = k->name,
                                    .handle = handle,
                                    .symbol = symbol};
    fault_own_code(&p->owner);
    p->is_owned = true;
    return OK;
}

static void give_back(void *ctx, struct code_block *block)
{
    struct code_kernel *k = ctx;
    struct piece *p = block->owner;
    if (p->is_owned) {
        fault_disown(&p->owner);
    }
    codemem_free(&p->memory);
    k->pages -= block->size / PAGE_SIZE;
    heap_free(p);
    *block = (struct code_block){.owner = NULL};
}

void code_kernel_init(struct code_kernel *k)
{
    k->pages = 0;
    k->space = (struct code_space){.take = take, .seal = seal, .give_back = give_back, .ctx = k};
}
