// SPDX-License-Identifier: MIT
//
// Code memory of the kernel (codemem.h) for those who only know code_space.h.
#include "kernel/jit/code_kernel.h"

#include "kernel/jit/codemem.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/heap.h"

static enum status take(void *ctx, size_t size, struct code_block *out)
{
    (void)ctx;
    struct codemem *m = heap_zalloc(sizeof *m);
    if (m == NULL) {
        return E_NOMEM;
    }
    size = ALIGN_UP(size, (size_t)PAGE_SIZE);
    const size_t pages[LOAD_PART_COUNT] = {[LOAD_CODE] = size / PAGE_SIZE};
    enum status s = codemem_alloc(m, pages, "compiled code");
    if (s != OK) {
        heap_free(m);
        return s;
    }
    *out = (struct code_block){.bytes = codemem_writable(m, LOAD_CODE),
                               .address = codemem_address(m, LOAD_CODE),
                               .size = size,
                               .owner = m};
    return OK;
}

static enum status seal(void *ctx, struct code_block *block)
{
    block->bytes = NULL; /* gone */
    return codemem_seal(block->owner, ctx != NULL);
}

static void give_back(void *ctx, struct code_block *block)
{
    (void)ctx;
    codemem_free(block->owner);
    heap_free(block->owner);
}

const struct code_space code_kernel = {.take = take, .seal = seal, .give_back = give_back};

static char has_landing_pads; /* only its address counts */
const struct code_space code_kernel_guarded = {
    .take = take, .seal = seal, .give_back = give_back, .ctx = &has_landing_pads};
