// SPDX-License-Identifier: MIT
//
// One handler serves all calls: it finds out which one by the function's index in the table.
#include "kernel/wasm/run/wasm_wasi.h"

#include "kernel/mm/heap.h"

struct wasm_wasi {
    struct wasm_host_module module;
    struct wasm_host_function functions[]; /* one for each call, in order */
};

/* The first call sets the memory, which the instances of all threads share. A call that ends the
 * program (proc_exit) reports it as stopped. */
static enum wasm_outcome run_call(struct wasm_host *h, const uint64_t *args, uint64_t *results,
                                  enum ir_trap *trap)
{
    (void)trap;
    const struct wasi_call *call = &wasi_calls[h->func.index];
    struct wasi *w = h->data;
    uint32_t status;
    wasi_set_memory(w, (uint8_t *)(uintptr_t)h->memory_base,
                    (const uint64_t *)(uintptr_t)h->memory_length);
    uint32_t result;
    if (!wasi_run(w, call, args, &result) ||
        ((call->flags & WASI_MAY_END) != 0 && wasi_has_ended(w, &status))) {
        return WASM_STOPPED;
    }
    if (h->signature.results > 0) {
        results[0] = result;
    }
    return WASM_RETURNED;
}

enum status wasm_wasi_add(struct wasm_store *s, struct wasi *w, struct wasm_wasi **out)
{
    uint32_t count = 0;
    while (wasi_calls[count].name != NULL) {
        count++;
    }
    struct wasm_wasi *b = heap_zalloc(sizeof *b + count * sizeof b->functions[0]);
    if (b == NULL) {
        return E_NOMEM;
    }
    for (uint32_t n = 0; n < count; n++) {
        b->functions[n] = (struct wasm_host_function){
            .name = wasi_calls[n].name, .signature = wasi_calls[n].signature, .array = run_call};
    }
    b->module =
        (struct wasm_host_module){.name = WASI_MODULE, .functions = b->functions, .count = count};
    enum status status = wasm_store_add_host(s, &b->module, w);
    if (status != OK) {
        heap_free(b);
        return status;
    }
    *out = b;
    return OK;
}

void wasm_wasi_free(struct wasm_wasi *b)
{
    heap_free(b);
}
