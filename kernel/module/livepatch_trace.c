// SPDX-License-Identifier: MIT
//
// Recording the calls of the kernel's functions. The file is in livepatch.ko and in tests.ko.
#include "hal/text.h"
#include "kernel/lib/compiler.h"
#include "kernel/module/livepatch_state.h"

static enum status trace_locked(vaddr_t function)
{
    unsigned i = livepatch_stub_of(function);
    i = i < livepatch_stub_count ? i : livepatch_stub_of(0);
    vaddr_t entry = livepatch_entry(function);
    if (entry == 0) {
        return E_NOTSUP;
    }
    if (i == HAL_STUBS) {
        return E_NOSPC;
    }
    if (!hal_text_reaches(entry, hal_stub_address(i))) {
        return E_NOTSUP;
    }
    hal_stubs[i].function = function;
    livepatch_stubs[i].entry = entry;
    livepatch_stubs[i].is_traced = true;
    livepatch_stub_count = MAX(livepatch_stub_count, i + 1);
    livepatch_lead(function, entry);
    return OK;
}

enum status livepatch_trace(vaddr_t function)
{
    mutex_lock(&livepatch_lock);
    enum status s = trace_locked(function);
    mutex_unlock(&livepatch_lock);
    return s;
}

void livepatch_untrace(vaddr_t function)
{
    mutex_lock(&livepatch_lock);
    unsigned i = livepatch_stub_of(function);
    if (i < livepatch_stub_count && livepatch_stubs[i].is_traced) {
        livepatch_stubs[i].is_traced = false;
        livepatch_lead(function, livepatch_stubs[i].entry);
    }
    mutex_unlock(&livepatch_lock);
}

vaddr_t livepatch_get_traced(unsigned *i)
{
    vaddr_t found = 0;
    mutex_lock(&livepatch_lock);
    while (found == 0 && *i < livepatch_stub_count) {
        found = livepatch_stubs[*i].is_traced ? hal_stubs[*i].function : 0;
        (*i)++;
    }
    mutex_unlock(&livepatch_lock);
    return found;
}
